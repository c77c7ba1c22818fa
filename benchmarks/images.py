"""Evolved networks on MNIST and its like, beside random search with the same time.

Per seed, interleaved in one run: evolution, and random search over the same genome
(the same engine and the same individuals to begin with, but no breeding). Judged on
the test set that nobody saw. Each row is printed as soon as it is there.

    python benchmarks/images.py --data-home FOLDER --max-layers 2 --max-time 180
    python benchmarks/images.py --fashion --data-home FOLDER --max-time 1800
"""

import argparse
import time
from functools import partial

from sklearn.metrics import accuracy_score, f1_score

from sknevo import Elitist, EvolvedClassifier
from sknevo.datasets import fetch_fashion_mnist, fetch_mnist
from sknevo.genomes.convnet import convnet

STRATEGIES = {"evolved": "crossover", "random": Elitist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", help="where MNIST/ is; default: scikit-learn's")
    parser.add_argument("--fashion", action="store_true", help="Fashion-MNIST instead")
    parser.add_argument("--max-layers", type=int, default=2)
    parser.add_argument("--max-time", type=float, default=180)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--methods", nargs="*", default=[*STRATEGIES])
    args = parser.parse_args()
    fetch = fetch_fashion_mnist if args.fashion else fetch_mnist
    train, test = (
        fetch(subset=subset, data_home=args.data_home) for subset in ("train", "test")
    )
    print("method seed accuracy macro_f1 seconds individuals held_out_score layers")
    for seed in args.seeds:
        for method in args.methods:
            clf = EvolvedClassifier(
                genome=partial(convnet, max_layers=args.max_layers),
                strategy=STRATEGIES[method],
                generations=None,
                max_time=args.max_time,
                n_jobs=args.n_jobs,
                device=args.device,
                random_state=seed,
                verbose=1,
            )
            begin = time.perf_counter()
            clf.fit(train.images, train.target)
            seconds = time.perf_counter() - begin
            predicted = clf.predict(test.images)
            blocks = [block["channels"] for block in clf.best_params_["blocks"]]
            print(
                method,
                seed,
                f"{accuracy_score(test.target, predicted):.4f}",
                f"{f1_score(test.target, predicted, average='macro'):.4f}",
                f"{seconds:.1f}",
                clf.n_evaluations_,
                f"{clf.best_score_:.4f}",
                blocks,
                flush=True,
            )
            print(clf.best_chromosome_, flush=True)


if __name__ == "__main__":
    main()
