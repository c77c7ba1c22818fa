"""Begin with a part of the rows
=============================

Use successive halving: each pipeline is tried on a part of the digits first, and only
the best are tried on more::

    python examples/halve_rows.py
    python examples/halve_rows.py --generations 10 --plot rungs.png

Takes about ten seconds. Plots need ``pip install ".[plots]"``.
"""

import argparse
from functools import partial

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknevo import EvolvedPipelineClassifier
from sknevo.genomes.pipeline import pipeline

MODELS = ["svm", "linear", "naive_bayes", "neighbours"]  # quick to train


def main():
    args = parse_arguments()
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, random_state=args.random_state
    )
    evolved = EvolvedPipelineClassifier(
        genome=partial(pipeline, models=MODELS),
        scoring="accuracy",
        cv=2,
        resource="n_samples",
        factor=3,
        min_resources=50,
        generations=args.generations,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
    ).fit(X_train, y_train)
    print(f"The best pipeline: {evolved.best_chromosome_.words}")
    print(f"Accuracy on unseen digits: {evolved.score(X_test, y_test):.3f}")
    resource, status = (evolved.cv_results_[key] for key in ("resource", "status"))
    print("\nrows     evaluated")  # infinity stands for all rows
    for rows in sorted(set(resource)):
        n_evaluated = int((status[resource == rows] == "ok").sum())
        print(f"{rows:<8g} {n_evaluated}")
    if args.plot:
        from sknevo.displays import RungsDisplay

        RungsDisplay.from_estimator(evolved).figure_.savefig(args.plot, dpi=100)
        print(f"\nplotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as rungs.png")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
