"""Evolve an estimator of one's own: from RandomizedSearchCV to goals and genomes.

    python examples/evolve_own_estimator.py

Takes some ten seconds. Shows `EvolvedSearchCV` with scikit-learn's notation of a search
space, accuracy against the time to predict, and a genome with conditional parameters.
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
# As RandomizedSearchCV takes it: distributions, lists, estimators, a list of dicts.
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
# As a genome: the parameters of a kernel vary only where that kernel is chosen.
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
    fast = EvolvedSearchCV(
        PIPELINE,
        SPACE,
        scoring=["accuracy", "predict_time"],
        refit="accuracy",
        **shared,
    ).fit(X_train, y_train)
    print("Accuracy against milliseconds to predict 1,000 samples:")
    for row in fast.pareto_front_:
        accuracy, seconds = (
            fast.cv_results_[f"mean_test_{goal}"][row]
            for goal in ("accuracy", "predict_time")
        )
        model = fast.cv_results_["params"][row]["clf"]
        print(f"{accuracy:10.3f} {-1000 * seconds:10.2f} ms   {type(model).__name__}")

    quickest = fast.refit_individual(fast.pareto_front_[-1], X_train, y_train)
    print("\nOn digits that they have never seen:")
    print(f"  the most accurate  {fast.score(X_test, y_test):.3f}")
    print(f"  the quickest       {quickest.score(X_test, y_test):.3f}")

    machine = EvolvedSearchCV(SVC(), KERNEL, **shared).fit(X_train, y_train)
    print(f"\nA support vector machine: {machine.best_params_}")
    print(f"  {machine.score(X_test, y_test):.3f} ({machine.stop_reason_})")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-time", type=float, default=30, help="seconds, at most")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--random-state", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
