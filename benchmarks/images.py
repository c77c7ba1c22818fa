"""Evolved networks on MNIST or Fashion-MNIST, and two other methods in the same time.

Per seed, interleaved in one run: evolution; random search over the same genome (the
same engine, random individuals only, without the well-known ones); and Optuna's TPE
with its Hyperband pruner over the same genome, beginning with the same well-known
individuals as evolution. The scores are those on the test set, which neither search nor
refit uses. Each row is printed as soon as it is complete.

    python benchmarks/images.py --data-home FOLDER --max-layers 2 --max-time 180
    python benchmarks/images.py --data-home FOLDER --max-layers 2 \
        --max-epochs 8 --train-size 0.2 --max-time 1200
    python benchmarks/images.py --fashion --data-home FOLDER --max-layers 6 \
        --max-epochs 14 --train-size 0.25 --max-time 1800

Optuna comes with `pip install sknevo[benchmarks]`.
"""

import argparse
import time
from functools import partial

from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedShuffleSplit

from sknevo import Elitist, EvolvedClassifier
from sknevo.datasets import fetch_fashion_mnist, fetch_mnist
from sknevo.genomes.convnet import convnet


def limits_of(args):
    return {"max_layers": args.max_layers, "max_epochs": args.max_epochs}


def evolved(X, y, seed, args, **parameters):
    clf = EvolvedClassifier(
        genome=partial(convnet, **limits_of(args)),
        generations=None,
        max_time=args.max_time,
        cv=held_out(args, seed),
        n_jobs=args.n_jobs,
        device=args.device,
        random_state=seed,
        verbose=1,
        **parameters,
    ).fit(X, y)
    print(clf.best_chromosome_)
    print_individuals(clf)
    return clf.best_estimator_, clf.n_evaluations_


def held_out(args, seed):
    """Return one split that trains on a share of the images, or None."""
    if args.train_size is None:
        return None
    return StratifiedShuffleSplit(
        1, train_size=args.train_size, test_size=0.2, random_state=seed
    )


def print_individuals(clf):
    """Print status, score and seconds of all individuals."""
    results = clf.cv_results_
    for genes, status, score, seconds in zip(
        results["params"],
        results["status"],
        results["mean_test_score"],
        results["mean_fit_time"],
        strict=True,
    ):
        shape = [(b["channels"], b["kernel"]) for b in genes["blocks"]]
        print(
            f"    {status}, {score:.4f}, {seconds:.0f} s, "
            f"{genes['training']['epochs']} epochs, {shape}"
        )


def random(X, y, seed, args):
    return evolved(X, y, seed, args, strategy=Elitist(), initial_population=[])


def tpe(X, y, seed, args):
    from _tpe import search

    return search(X, y, limits_of(args), args, seed)


METHODS = {method.__name__: method for method in (evolved, random, tpe)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", help="where MNIST/ is; default: scikit-learn's")
    parser.add_argument("--fashion", action="store_true", help="Fashion-MNIST instead")
    parser.add_argument("--max-layers", type=int, default=2)
    parser.add_argument("--max-epochs", type=int, help="default: the genome's")
    parser.add_argument("--train-size", type=float, help="of the images, in a trial")
    parser.add_argument("--max-time", type=float, default=180)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=[*METHODS])
    args = parser.parse_args()
    fetch = fetch_fashion_mnist if args.fashion else fetch_mnist
    train, test = (
        fetch(subset=subset, data_home=args.data_home) for subset in ("train", "test")
    )
    for seed in args.seeds:
        for name in args.methods:
            begin = time.perf_counter()
            net, n_tried = METHODS[name](train.images, train.target, seed, args)
            seconds = time.perf_counter() - begin
            predicted = net.predict(test.images)
            print(
                f"RESULT {name} seed {seed}: "
                f"accuracy {accuracy_score(test.target, predicted):.4f}, "
                f"macro F1 {f1_score(test.target, predicted, average='macro'):.4f}, "
                f"{seconds:.1f} s, {n_tried} individuals, channels "
                f"{[b['channels'] for b in net.module__genes['blocks']]}",
                flush=True,
            )


if __name__ == "__main__":  # worker processes import this file
    main()
