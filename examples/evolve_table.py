"""Predict a column of a table
===========================

Evolve a pipeline on a table, and compare it with default LightGBM and SVC. The data are
scikit-learn's breast cancer set, or a CSV file of your own::

    python examples/evolve_table.py
    python examples/evolve_table.py data.csv --target column --max-time 120

Takes about a minute. Plots need ``pip install ".[plots]"``.
"""

import argparse
from time import perf_counter

import pandas as pd
from joblib import effective_n_jobs
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor

MANY_VALUES = 20  # whole numbers with more values than this are a regression target
MANY_ROWS = 20_000  # the time of an SVC grows with the square of the rows


def main():
    args = parse_arguments()
    X, y = read_table(args.table, args.target)
    regression = pd.api.types.is_float_dtype(y) or (
        pd.api.types.is_integer_dtype(y) and y.nunique() > MANY_VALUES
    )
    args.scoring = args.scoring or ("r2" if regression else "accuracy")
    train, test = split(y, regression, args.random_state)
    print(
        f"{len(X)} rows, {X.shape[1]} columns, "
        f"{'regression' if regression else f'{y.nunique()} classes'}, "
        f"score: {args.scoring}, {args.max_time:g} s to evolve"
    )

    evolved = make_evolved(regression, args)
    begin = perf_counter()
    evolved.fit(X.loc[train], y[train])
    seconds = perf_counter() - begin

    print(f"\nThe best pipeline ({evolved.stop_reason_}):")
    print(evolved.best_chromosome_)
    print_scores(evolved, seconds, X, y, train, test, regression, args)
    print_times(evolved, seconds, args.n_jobs)
    if args.plot:
        evolved.plot().figure_.savefig(args.plot, dpi=100)
        print(f"\nplotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", nargs="?", help="a CSV file with a header")
    parser.add_argument("--target", help="column to predict (default: the last)")
    parser.add_argument("--max-time", type=float, default=45, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--scoring", help="default: accuracy, or r2 for regression")
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as search.png")
    return parser.parse_args()


# The data ------------------------------------------------------------------------


def read_table(path, target):
    """Return the columns to predict from, and the column to predict."""
    table = pd.read_csv(path) if path else load_breast_cancer(as_frame=True).frame
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
        generations=None,  # max_time ends the search
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    )


def make_lightgbm(regression, n_jobs):
    estimator = LGBMRegressor if regression else LGBMClassifier
    return estimator(verbose=-1, n_jobs=n_jobs)


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


# The report ----------------------------------------------------------------------


def print_scores(evolved, seconds, X, y, train, test, regression, args):
    """Print the held-out scores of the best pipeline and of the defaults."""
    score = get_scorer(args.scoring)
    print(f"\n{'held-out ' + args.scoring:<24}{'score':>8}{'seconds':>10}")
    found = score(evolved, X.loc[test], y[test])
    print(f"{'evolved':<24}{found:8.4f}{seconds:10.1f}")

    X = with_categories(X)
    defaults = {"default LightGBM": make_lightgbm(regression, args.n_jobs)}
    if len(train) <= MANY_ROWS:
        name = "default SVR" if regression else "default SVC"
        defaults[name] = make_svc(regression, args.scoring)
    for name, model in defaults.items():
        begin = perf_counter()
        model.fit(X.loc[train], y[train])
        seconds = perf_counter() - begin
        found = score(model, X.loc[test], y[test])
        print(f"{name:<24}{found:8.4f}{seconds:10.1f}")


def print_times(evolved, seconds, n_jobs):
    """Print the seconds of each family of models, and those of the engine."""
    results = pd.DataFrame(evolved.cv_results_)
    times = pd.DataFrame(
        {
            "model": results["params"].map(family),
            "fit": results["mean_fit_time"] * results["n_fits"],
            "score": results["mean_score_time"] * results["n_fits"],
        }
    )
    summary = times.groupby("model").agg(
        individuals=("fit", "size"), fit=("fit", "sum"), score=("score", "sum")
    )
    print("\nWhere the time went (seconds, summed over workers)")
    print(summary.sort_values("fit", ascending=False).round(1).to_string())

    workers = effective_n_jobs(n_jobs)
    search = seconds - evolved.refit_time_
    trials = summary[["fit", "score"]].to_numpy().sum() / workers
    fates = [f"{n} {status}" for status, n in results["status"].value_counts().items()]
    print(
        f"\nsearch {search:.1f} s = {trials:.1f} s of evaluations on {workers} workers"
        f" + {search - trials:.1f} s of engine (breeding, starting workers, waiting)"
        f"\nrefit of the best {evolved.refit_time_:.1f} s,"
        f" individuals: {', '.join(fates)}"
    )


def family(params):
    """Return the name of the model: ``{"svc": {"C": 1}}`` and ``"svc"`` are an SVC."""
    model = params["model"]
    return model if isinstance(model, str) else next(iter(model))


if __name__ == "__main__":  # worker processes import this file
    main()
