"""Networks that begin with their parents' weights, beside such as all begin anew.

Per seed, interleaved in one run: the same search with `inherit_weights` and without,
with the same generations and epochs. Inheriting makes the fitness rise from generation
to generation as trainings add up; whether it finds better networks is shown by the
winners after the refit, which begins anew. Printed for each: the best score in the
search, that of the winner, the mean score of the finalists in their finals (which
begin anew too), the score of the refitted winner on images held out, the seconds of
training, and the share of parameters that children inherited.

    python benchmarks/inheritance.py --seeds 0 1 2 3
    python benchmarks/inheritance.py --data mnist --data-home FOLDER --n-train 4000
"""

import argparse
import math
import statistics

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknevo import EvolvedClassifier
from sknevo.datasets import fetch_mnist


def load(name, seed, args):
    """Return training and test images and their labels."""
    if name == "digits":
        digits = load_digits()
        images, labels, n_train = digits.images, digits.target, args.n_train or 1200
    else:
        mnist = fetch_mnist(subset="train", data_home=args.data_home)
        images, labels, n_train = mnist.images, mnist.target, args.n_train or 4000
    X, X_test, y, y_test = train_test_split(
        images, labels, train_size=n_train, stratify=labels, random_state=seed
    )
    return X, y, X_test, y_test


def one_search(name, inherit, seed, args):
    X, y, X_test, y_test = load(name, seed, args)
    clf = EvolvedClassifier(
        inherit_weights=inherit,
        population_size=args.population_size,
        generations=args.generations,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=seed,
    ).fit(X, y)
    results = clf.cv_results_
    per_split = results["mean_fit_time"] + results["mean_score_time"]
    children = np.array([bool(parents) for parents in results["parents"]])
    shares = results.get("inherited", np.zeros(len(children)))
    held_out = clf.score(X_test, y_test)
    print(
        f"RESULT {name} seed {seed} {'inherit' if inherit else 'fresh'}: held out "
        f"{held_out:.4f}; best score {np.nanmax(results['mean_test_score']):.4f}, of "
        f"the winner {clf.best_score_:.4f}, in the finals "
        f"{np.nanmean(results['final_score']):.4f}; training "
        f"{np.nansum(per_split) * clf.n_splits_:.1f} s, {clf.n_evaluations_} "
        f"individuals, inherited {shares[children].mean():.2f}",
        flush=True,
    )
    return held_out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=["digits", "mnist"], default="digits")
    parser.add_argument("--data-home", help="where MNIST/ is; default: scikit-learn's")
    parser.add_argument("--n-train", type=int, help="images to train on")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3])
    parser.add_argument("--generations", type=int, default=5)
    parser.add_argument("--population-size", type=int, default=12)
    parser.add_argument("--max-epochs", type=int, default=5)
    parser.add_argument("--n-jobs", type=int, default=2)
    args = parser.parse_args()
    gains = []
    for seed in args.seeds:
        scores = [one_search(args.data, way, seed, args) for way in (True, False)]
        gains.append(100 * (scores[0] - scores[1]))
    spread = statistics.stdev(gains) if len(gains) > 1 else math.nan
    error = spread / math.sqrt(len(gains))
    print(
        f"| {args.data} | inheriting better by {statistics.mean(gains):+.2f} (error "
        f"{error:.2f}) points | {sum(gain > 0 for gain in gains)} of {len(gains)} |",
        flush=True,
    )


if __name__ == "__main__":  # worker processes import this file
    main()
