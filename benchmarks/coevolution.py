"""Augmentation that evolves beside TrivialAugment, on few images, at equal cost.

Per data set and seed, interleaved in one run:

- coevolution: two populations, one of augmentations and one of networks with their
  training; each is evaluated with the representatives of the other;
- trivial: the genome without augmentation; TrivialAugment (Müller & Hutter, 2021)
  changes every training image, in trials and in the refit;
- whole: one population of the whole genome, augmentation included.

All three use the same strategy (`--strategy`), coevolution within each population.

Equal cost means the same number of trainings (population size times generations, the
re-evaluations of the best, and the refit), each with the same fixed number of epochs.
The seconds are printed too, since TrivialAugment works on single images and is slower.
`--chunk 4` changes four images of a shuffled batch in the same way; it is not quite
TrivialAugment, but takes a third of the time. All searches begin with the same
well-known networks. The refitted best networks are scored on unused digits or on the
test set of MNIST. Each of the two commands takes about a quarter of an hour on two idle
cores.

    python benchmarks/coevolution.py --seeds 0 1 2
    python benchmarks/coevolution.py --data mnist --data-home FOLDER --seeds 0 1 2 \
        --generations 3 --epochs 8 --max-layers 2 --max-parameters 100000 --chunk 4
"""

import argparse
import math
import statistics
import time
from functools import partial

import numpy as np
from _trivial import TrivialClassifier
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknevo import EvolvedClassifier
from sknevo.datasets import fetch_mnist
from sknevo.evolution import STRATEGIES, CooperativeCoevolution
from sknevo.genes import Categorical, Genome, Integer
from sknevo.genomes.convnet import convnet, well_known
from sknevo.records import DataSpec

N_TRAIN = {"digits": 200, "mnist": 1000}
METHODS = ("coevolution", "trivial", "whole")


def load(name, seed, data_home):
    """Return training and test images as bytes from 0 to 255, and their labels."""
    if name == "digits":
        digits = load_digits()
        X = np.round(digits.images * 255 / 16).astype(np.uint8)
        rest = (X, digits.target)
        test = None
    else:
        train, test = (
            fetch_mnist(subset=subset, data_home=data_home)
            for subset in ("train", "test")
        )
        rest, test = ((part.images, part.target) for part in (train, test))
    n_train = N_TRAIN[name]
    X, X_left, y, y_left = train_test_split(
        *rest, train_size=n_train, stratify=rest[1], random_state=seed
    )
    return X, y, *(test or (X_left, y_left))


def genome_of(spec, args, augmented):
    """Return a genome of networks that all train for the same number of epochs."""
    genome = convnet(
        spec, max_layers=args.max_layers, max_parameters=args.max_parameters
    )
    genes = {**genome.genes}
    epochs = Integer(args.epochs, args.epochs)
    genes["training"] = Genome(**{**genes["training"].genes, "epochs": epochs})
    if not augmented:
        still = {n: Categorical(g.options[:1]) for n, g in augmentations(genes)}
        genes["augmentation"] = Genome(**still)
    return Genome(**genes).constrained(*genome.repairs)


def augmentations(genes):
    return genes["augmentation"].genes.items()


def beginners(X, y, args, augmented):
    """Yield the well-known networks that are not too deep, with these epochs."""
    spec = DataSpec("classification", len(y), 10, shape=X.shape[1:])
    still = {n: g.options[0] for n, g in augmentations(convnet(spec).genes)}
    for genes in well_known(spec):
        if len(genes["blocks"]) > args.max_layers:
            continue
        genes = {**genes, "training": {**genes["training"], "epochs": args.epochs}}
        yield genes if augmented else {**genes, "augmentation": still}


def search_of(method, X, y, seed, args):
    kind = TrivialClassifier if method == "trivial" else EvolvedClassifier
    strategy = STRATEGIES[args.strategy]()
    if method == "coevolution":
        strategy = CooperativeCoevolution(parts=["augmentation"], strategy=strategy)
    augmented = method != "trivial"
    search = kind(
        genome=partial(genome_of, args=args, augmented=augmented),
        initial_population=list(beginners(X, y, args, augmented)),
        strategy=strategy,
        population_size=args.population_size,
        generations=args.generations,
        n_jobs=args.n_jobs,
        random_state=seed,
    )
    search.chunk = args.chunk  # of TrivialAugment
    return search


def one_search(name, method, seed, args):
    X, y, X_test, y_test = load(name, seed, args.data_home)
    begin = time.perf_counter()
    clf = search_of(method, X, y, seed, args).fit(X, y)
    seconds = time.perf_counter() - begin
    accuracy = clf.score(X_test, y_test)
    moves = {k: v for k, v in clf.best_params_["augmentation"].items() if v}
    n_again = np.isfinite(clf.cv_results_.get("reevaluated_score", [])).sum()
    print(
        f"RESULT {name} {method} seed {seed}: test accuracy {accuracy:.4f}, "
        f"best score {clf.best_score_:.4f}, {clf.n_evaluations_} individuals and "
        f"{n_again} re-evaluations of {args.epochs} epochs, {seconds:.0f} s; {moves}",
        flush=True,
    )
    return accuracy


def show(name, accuracies):
    """Print the mean of each method, and the paired differences to the first."""
    first = next(iter(accuracies))
    for method, own in accuracies.items():
        gains = [100 * (a - b) for a, b in zip(accuracies[first], own, strict=True)]
        spread = statistics.stdev(gains) if len(gains) > 1 else math.nan
        error = spread / math.sqrt(len(gains))
        print(
            f"| {name} | {method} | {statistics.mean(own):.4f} | {first} better by "
            f"{statistics.mean(gains):+.2f} (error {error:.2f}) points |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="*", choices=N_TRAIN, default=["digits"])
    parser.add_argument("--data-home", help="where MNIST/ is; default: scikit-learn's")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument(
        "--strategy", choices=STRATEGIES, default="estimation_of_distribution"
    )
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--population-size", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--max-layers", type=int, default=3)
    parser.add_argument("--max-parameters", type=int, default=200_000)
    parser.add_argument("--chunk", type=int, default=1, help="1 is TrivialAugment")
    parser.add_argument("--n-jobs", type=int, default=2)
    args = parser.parse_args()
    for name in args.data:
        accuracies = {method: [] for method in args.methods}
        for seed in args.seeds:
            for method in args.methods:
                accuracies[method].append(one_search(name, method, seed, args))
        show(name, accuracies)


if __name__ == "__main__":  # worker processes import this file
    main()
