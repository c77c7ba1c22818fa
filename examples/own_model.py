"""Add a model of your own
=======================

Add a discriminant analysis to the models of a pipeline::

    python examples/own_model.py
    python examples/own_model.py --max-time 60 --plot ensemble.png

The preparation, the scaling and the features evolve with it, and it can be a member of
the ensemble. Takes about twenty seconds. Plots need ``pip install ".[plots]"``.
"""

import argparse
from functools import partial

from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.model_selection import train_test_split

from sknevo import EvolvedPipelineClassifier, Real
from sknevo.genomes.pipeline import pipeline

# An unfitted estimator, and what varies of its parameters.
QUADRATIC = QuadraticDiscriminantAnalysis(), {"reg_param": Real(1e-4, 1, log=True)}


def main():
    args = parse_arguments()
    X, y = load_wine(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, test_size=0.4, random_state=args.random_state
    )
    genome = partial(
        pipeline,
        models=["linear", "naive_bayes"],
        extra_models={"quadratic": QUADRATIC},
    )
    evolved = EvolvedPipelineClassifier(
        genome=genome,
        scoring="neg_log_loss",
        population_size=12,
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
    ).fit(X_train, y_train)
    print(f"{evolved.n_evaluations_} evaluations; {evolved.stop_reason_}")
    print(evolved.leaderboard(8).to_string())
    print(f"\nAccuracy on unseen rows: {evolved.score(X_test, y_test):.3f}")
    if args.plot:
        from sknevo.displays import EnsembleDisplay

        EnsembleDisplay.from_estimator(evolved).figure_.savefig(args.plot, dpi=100)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=20, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as ensemble.png")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
