"""Predict a column of a table
===========================

Evolve a pipeline on a table, and compare it with LightGBM and an SVM. LightGBM has its
default parameters, or those that a random search finds in the same time.

Without arguments, the table holds reports of birds that hit aircraft in the United
States from 1996 on. It has numbers and labels, and many cells are empty. The target is
the phase of the flight. Reports that do not tell it are left out. The score is the
balanced accuracy: the share of the reports of each phase that is recognised, averaged
over the phases. So rare phases count as much as others. The table may also be a CSV
file of your own::

    python examples/evolve_table.py --report report.html
    python examples/evolve_table.py data.csv --target column --max-time 120

It takes about a minute. ``--report`` and ``--plot`` need ``pip install ".[report]"``.
The table that shows the progress in a terminal needs ``pip install ".[progress]"``.

The reports are from the Wildlife Strike Database of the Federal Aviation
Administration, which is in the public domain, by way of the R package openintro.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from scipy.stats import loguniform, randint, uniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import get_scorer
from sklearn.model_selection import ParameterSampler, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor

TABLE = Path(sys.argv[0]).with_name("bird_strikes.csv")  # beside this script
MANY_VALUES = 20  # whole numbers with more values than this are a regression target
MANY_ROWS = 20_000  # the time of an SVC grows with the square of the rows


def main():
    args = parse_arguments()
    X, y = read_table(args.table, args.target)
    regression = pd.api.types.is_float_dtype(y) or (
        pd.api.types.is_integer_dtype(y) and y.nunique() > MANY_VALUES
    )
    args.scoring = args.scoring or ("r2" if regression else "balanced_accuracy")
    train, test = split(y, regression, args.random_state)
    print(
        f"{len(X):,} rows, {X.shape[1]} columns, {X.isna().mean().mean():.0%} of the "
        f"cells are empty; {y.name!r} is predicted"
    )

    evolved = make_evolved(regression, args)
    evolved.fit(X.loc[train], y[train])

    print("\nThe best pipelines:")
    for one in evolved.leaderboard(5).itertuples():
        print(f"{one.score:8.4f}  {one.model}")
    print(f"\n{args.scoring} on {len(test):,} rows that were held out:")
    score = get_scorer(args.scoring)
    print(f"{'evolved':<20}{score(evolved, X.loc[test], y[test]):8.4f}")
    X_plain = with_categories(X)
    for name, fit in others(regression, len(train), args):
        print(f"{name:<20}", end="", flush=True)
        begin = perf_counter()
        model = fit(X_plain.loc[train], y[train])
        seconds = perf_counter() - begin
        found = score(model, X_plain.loc[test], y[test])
        print(f"{found:8.4f}   after {seconds:.1f} s")

    if args.plot:
        evolved.plot().figure_.savefig(args.plot, dpi=100)
        print(f"\nA picture of the search: {args.plot}")
    if args.report:
        evolved.report(args.report, X.loc[test], y[test])
        print(f"\nAll of it, to open in a browser: {args.report}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", nargs="?", default=TABLE, help="a CSV file")
    parser.add_argument("--target", help="column to predict (default: the last)")
    parser.add_argument("--max-time", type=float, default=30, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument(
        "--scoring", help="default: balanced_accuracy, or r2 for regression"
    )
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as search.png")
    parser.add_argument("--report", help="where to write a page, such as report.html")
    return parser.parse_args()


# The data ------------------------------------------------------------------------


def read_table(path, target):
    """Return the columns to predict from, and the column to predict."""
    table = pd.read_csv(path)
    target = target or table.columns[-1]
    if target not in table:
        raise SystemExit(f"no column {target!r} among {list(table.columns)}")
    table = table.dropna(subset=[target]).reset_index(drop=True)
    # Whole numbers are floats if cells of the column were empty; convert them back.
    return table.drop(columns=target), table[target].convert_dtypes().infer_objects()


def split(y, regression, random_state):
    """Return the rows to train on, and a quarter that is held out."""
    stratify = None if regression or y.value_counts().min() < 2 else y
    return train_test_split(
        y.index, test_size=0.25, stratify=stratify, random_state=random_state
    )


def with_categories(X):
    """Return X as LightGBM needs it: strings as categories, plain column names."""
    labels = X.select_dtypes(exclude="number")
    labels = labels.apply(lambda column: column.map(str, na_action="ignore"))
    X = X.assign(**labels.astype("category"))
    return X.set_axis([f"c{i}" for i in range(X.shape[1])], axis=1)


# The models ----------------------------------------------------------------------


def make_evolved(regression, args):
    estimator = EvolvedPipelineRegressor if regression else EvolvedPipelineClassifier
    return estimator(
        scoring=args.scoring,
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    )


def others(regression, n_rows, args) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield names of models to compare with, and functions that fit them."""
    kind = LGBMRegressor if regression else LGBMClassifier
    lightgbm = kind(verbose=-1, n_jobs=args.n_jobs, random_state=args.random_state)
    yield "default LightGBM", lightgbm.fit
    yield "tuned LightGBM", lambda X, y: tune(lightgbm, regression, X, y, args)
    if n_rows <= MANY_ROWS:
        svc = make_svc(regression, args.scoring)
        yield "default SVR" if regression else "default SVC", svc.fit


def tune(lightgbm, regression, X, y, args):
    """Return LightGBM with the best of the parameters that there is time to try."""
    lightgbm = clone(lightgbm)
    space: dict[str, Any] = {
        "n_estimators": randint(30, 300),
        "learning_rate": loguniform(0.01, 0.3),
        "num_leaves": randint(4, 128),
        "min_child_samples": randint(2, 100),
        "colsample_bytree": uniform(0.4, 0.6),
        "reg_lambda": loguniform(1e-3, 30),
    }
    if not regression:
        space["class_weight"] = [None, "balanced"]
    found: list[tuple[float, dict[str, Any]]] = []
    end = perf_counter() + args.max_time
    for parameters in ParameterSampler(space, 10_000, random_state=args.random_state):
        lightgbm.set_params(**parameters)
        scores = cross_val_score(lightgbm, X, y, scoring=args.scoring, cv=3)
        found.append((scores.mean(), parameters))
        if perf_counter() > end:
            break
    _, best = max(found, key=lambda one: one[0])
    return lightgbm.set_params(**best).fit(X, y)


def make_svc(regression, scoring):
    preparation = make_column_transformer(
        (
            SimpleImputer(keep_empty_features=True),
            make_column_selector(dtype_include="number"),
        ),
        (
            OneHotEncoder(
                max_categories=20,
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
            ),
            make_column_selector(dtype_include="category"),
        ),
    )
    svc = SVR() if regression else SVC()
    if any(name in scoring for name in ("log_loss", "brier", "roc_auc_ov")):
        svc = CalibratedClassifierCV(svc, ensemble=False)  # an SVC has no probabilities
    return make_pipeline(preparation, StandardScaler(), svc)


if __name__ == "__main__":  # worker processes import this file
    main()
