"""Tune any estimator, for accuracy and speed
==========================================

Evolve the parameters of any scikit-learn estimator with EvolvedSearchCV::

    python examples/evolve_own_estimator.py
    python examples/evolve_own_estimator.py --plot front.png

Takes about ten seconds. The first search takes the parameter distributions of
RandomizedSearchCV and has two goals, accuracy and the time to predict. The second one
takes a genome with conditional parameters. Plots need ``pip install ".[plots]"``.
"""

import argparse

from scipy.stats import loguniform, randint
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from sknevo import Choice, EvolvedSearchCV, Genome, Real

PIPELINE = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
# Distributions, lists, estimators and a list of dicts, as in RandomizedSearchCV.
SPACE = [
    {
        "scale": [StandardScaler(), MinMaxScaler(), "passthrough"],
        "clf": [SVC()],
        "clf__C": loguniform(1e-1, 1e3),
        "clf__gamma": loguniform(1e-5, 1e0),
    },
    {
        "scale": [MinMaxScaler()],
        "clf": [LogisticRegression(max_iter=200)],
        "clf__C": loguniform(1e-3, 1e1),
    },
    {
        "scale": ["passthrough"],
        "clf": [ExtraTreesClassifier()],
        "clf__n_estimators": randint(5, 80),
        "clf__max_features": [0.1, 0.3, "sqrt"],
    },
]
# In a genome, the parameters of a kernel vary only if that kernel is chosen.
KERNEL = Genome(
    C=Real(1e-1, 1e3, log=True),
    kernel=Choice(
        rbf=Genome(gamma=Real(1e-5, 1e0, log=True)),
        poly=Genome(gamma=Real(1e-5, 1e0, log=True), coef0=Real(0, 1)),
        linear=Genome(),
    ),
)


def main():
    args = parse_arguments()
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(
        digits.data[:900], digits.target[:900], test_size=300, random_state=0
    )
    shared = {
        "population_size": 8,
        "cv": 3,
        "n_jobs": args.n_jobs,
        "random_state": args.random_state,
        "max_time": args.max_time / 2,
    }
    evolved = EvolvedSearchCV(
        PIPELINE,
        SPACE,
        scoring=["accuracy", "predict_time"],
        refit="accuracy",
        **shared,
    ).fit(X_train, y_train)
    print("Accuracy against milliseconds to predict 1,000 samples:")
    for row in evolved.pareto_front_:
        accuracy, seconds = (
            evolved.cv_results_[f"mean_test_{goal}"][row]
            for goal in ("accuracy", "predict_time")
        )
        model = evolved.cv_results_["params"][row]["clf"]
        print(f"{accuracy:10.3f} {-1000 * seconds:10.2f} ms   {type(model).__name__}")

    fastest = evolved.refit_individual(evolved.pareto_front_[-1], X_train, y_train)
    print("\nOn unseen digits:")
    print(f"  the most accurate  {evolved.score(X_test, y_test):.3f}")
    print(f"  the fastest        {fastest.score(X_test, y_test):.3f}")

    if args.plot:
        from sknevo.displays import ParetoDisplay

        ParetoDisplay.from_estimator(evolved).figure_.savefig(args.plot, dpi=100)
        print(f"\nplotted to {args.plot}")

    machine = EvolvedSearchCV(SVC(), KERNEL, **shared).fit(X_train, y_train)
    print(f"\nA support vector machine: {machine.best_params_}")
    print(f"  {machine.score(X_test, y_test):.3f} ({machine.stop_reason_})")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=30, help="seconds, at most")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as front.png")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
