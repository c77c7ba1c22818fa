"""Successive halving compared with full evaluations: quality of the best, and cost.

Per data set and seed, interleaved in one run: a search that evaluates every individual
with the whole resource, and the same search with successive halving and as many
generations. Networks for digits use epochs as the resource, pipelines for tables (CSV
files, the target last) use samples. Printed for each pair: the scores of both best
individuals on 30 % held out, with the standard error of the first; the seconds of
training in each search; and the seconds until each search had an individual as fit as
the best of the full search (within one standard error of its cross-validated score).
Then, per rung: the number of individuals, their seconds, and Kendall's tau.

    python benchmarks/racing.py FOLDER_OF_CSVS --seeds 3
"""

import argparse
import math
import statistics

import numpy as np
import tables
from sklearn.base import clone
from sklearn.datasets import load_digits

from sknevo import EvolvedClassifier, EvolvedPipelineClassifier

TABLES = ("credit_g", "phoneme", "segment")


def searches(name, seed, args):
    """Return a search without successive halving, and the resource for it."""
    shared = {
        "generations": args.generations,
        "population_size": args.population_size,
        "n_jobs": args.n_jobs,
        "random_state": seed,
    }
    if name == "digits":
        return EvolvedClassifier(max_epochs=args.max_epochs, **shared), "epochs"
    return EvolvedPipelineClassifier(**shared), "n_samples"


def load(name, folder):
    if name == "digits":
        digits = load_digits()
        return digits.images, digits.target
    return tables.read(folder, name)


def seconds_of_training(clf):
    """Return the seconds that each row of cv_results_ took."""
    results = clf.cv_results_
    per_split = results["mean_fit_time"] + results["mean_score_time"]
    return np.nan_to_num(per_split * clf.n_splits_)


def seconds_until(clf, score):
    """Return the seconds of training until a full evaluation has this score."""
    results = clf.cv_results_
    whole = np.isinf(results["resource"])
    reached = np.flatnonzero(whole & (results["mean_test_score"] >= score))
    if not len(reached):
        return math.inf
    return float(seconds_of_training(clf)[: reached[0] + 1].sum())


def by_rung(clf):
    """Return individuals, seconds and rank correlation of each rung as text."""
    resources, seconds = clf.cv_results_["resource"], seconds_of_training(clf)
    return "; ".join(
        f"{rung.resource or 'all'}: {len(rung.scores)} tried, "
        f"{seconds[resources == (rung.resource or np.inf)].sum():.1f} s, "
        f"tau {rung.correlation:.2f}"
        for rung in clf.rungs_
    )


def one_pair(name, seed, args):
    X_train, X_test, y_train, y_test = tables.held_out(*load(name, args.folder), seed)
    search, resource = searches(name, seed, args)
    whole = clone(search).fit(X_train, y_train)
    halving = search.set_params(resource=resource).fit(X_train, y_train)
    scores = [clf.score(X_test, y_test) for clf in (whole, halving)]
    error = math.sqrt(scores[0] * (1 - scores[0]) / len(y_test))
    best = whole.best_score_
    # Cross-validation tests every sample once.
    tolerance = math.sqrt(max(best * (1 - best), 1e-9) / len(y_train))
    seconds = [float(seconds_of_training(clf).sum()) for clf in (whole, halving)]
    untils = [seconds_until(clf, best - tolerance) for clf in (whole, halving)]
    print(
        f"RESULT {name} seed {seed}: held out {scores[0]:.4f} (error {error:.4f}) "
        f"halving {scores[1]:.4f}; training {seconds[0]:.1f} s, "
        f"halving {seconds[1]:.1f} s (ratio {seconds[1] / seconds[0]:.2f}), "
        f"as fit after {untils[1]:.1f} s "
        f"(ratio {untils[1] / seconds[0]:.2f}), the other after {untils[0]:.1f} s; "
        f"{by_rung(halving)}",
        flush=True,
    )
    within = scores[1] >= scores[0] - error
    return within, seconds[1] / seconds[0], untils[1] / seconds[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of the CSV files")
    parser.add_argument("--data", nargs="*", default=["digits", *TABLES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--population-size", type=int, default=12)
    parser.add_argument("--max-epochs", type=int, default=27)
    parser.add_argument("--n-jobs", type=int, default=2)
    args = parser.parse_args()
    for name in args.data:
        rows = [one_pair(name, seed, args) for seed in range(args.seeds)]
        within, ratios, untils = zip(*rows, strict=True)
        print(
            f"| {name} | {sum(within)} of {len(rows)} | "
            f"{statistics.median(ratios):.2f} | {statistics.median(untils):.2f} |",
            flush=True,
        )


if __name__ == "__main__":  # worker processes import this file
    main()
