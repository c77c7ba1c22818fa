"""See which columns matter
========================

Evolve a pipeline on scikit-learn's diabetes data, and see which columns it uses::

    python examples/explain_table.py
    python examples/explain_table.py --plot columns.png --report report.html

The table of individuals is printed in words, and the importance of each column is
measured on rows that were held out. ``--report`` writes a page for a browser. Takes
half a minute. Plots need ``pip install ".[plots]"``, the page
``pip install ".[report]"``.
"""

import argparse

from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sknevo import EvolvedPipelineRegressor


def main():
    args = parse_arguments()
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, random_state=args.random_state
    )
    evolved = EvolvedPipelineRegressor(
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
    ).fit(X_train, y_train)
    print(f"The best pipeline: {evolved.best_chromosome_.words}")
    print(f"R2 on held-out rows: {evolved.score(X_test, y_test):.3f}")
    print(f"\n{evolved.leaderboard(5).to_string()}")
    print(f"\n{evolved.feature_importance(X_test, y_test)}")
    if args.plot:
        from sknevo.displays import FeatureImportanceDisplay

        display = FeatureImportanceDisplay.from_estimator(evolved, X_test, y_test)
        display.figure_.savefig(args.plot, dpi=100)
        print(f"\nplotted to {args.plot}")
    if args.report:
        evolved.report(args.report, X_test, y_test)
        print(f"\nOpen {args.report} in a browser.")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=30, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as columns.png")
    parser.add_argument("--report", help="where to write a page, such as report.html")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
