"""Our preparation of columns beside skrub's: scores, seconds, and odd inputs.

For every table, seed, fold and model with fixed parameters, in turn: the preparation of
pipelines with each encoding, skrub's `tabular_pipeline`, its `TableVectorizer` with our
scaling, and its `Cleaner` before ours. Every fold is printed, then medians over folds
and seeds. The second part fits both on one kind of column and asks them with another.

skrub comes with `pip install ".[benchmarks]"`. The first part takes ten minutes.

    python benchmarks/skrub_columns.py FOLDER_OF_TABULAR_DATA > folds.txt
    python benchmarks/skrub_columns.py FOLDER_OF_TABULAR_DATA --report folds.txt
    python benchmarks/skrub_columns.py --odd
    python benchmarks/skrub_columns.py --cost
"""

import argparse
import datetime as dt
import decimal
import importlib.metadata
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.builders.pipeline._preparation import make_preparation
from sknevo.records import DataSpec

# Tables with columns that are not numeric, and two without.
CLASSIFICATION = (
    "adult",
    "breast_cancer_lju",
    "credit_g",
    "hypothyroid",
    "titanic",
    "phoneme",
)
REGRESSION = ("abalone", "concrete")
# What is made of texts: few components of the n-grams of characters.
NGRAMS = {"ngrams": {"longest": 4, "shortest": 2, "min_df": 1, "n_features": 4096}}
FEW = {"components": {"svd": {"n_components": 8}}}
MODELS = {
    ("classification", "lightgbm"): LGBMClassifier(verbose=-1, n_jobs=1),
    ("classification", "linear"): LogisticRegression(max_iter=300),
    ("regression", "lightgbm"): LGBMRegressor(verbose=-1, n_jobs=1),
    ("regression", "linear"): Ridge(),
}
FIELDS = ["table", "model", "preparation", "seed", "fold"]
FIGURES = ["score", "fit_seconds", "transform_seconds", "columns"]


class Ours(TransformerMixin, BaseEstimator):
    """The way of a table through an estimator: validation, kinds, preparation."""

    def __init__(self, genes, task):
        self.genes = genes
        self.task = task

    def fit(self, X, y=None):
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X, y=None):
        self.reader_ = ColumnReader().fit(X)
        X = self.reader_.transform(X)
        classes = len(np.unique(y)) if self.task == "classification" else 0
        spec = DataSpec(self.task, len(X), classes, self.reader_.describe(X))
        self.prepare_ = make_preparation(spec, self.genes)
        return self.prepare_.fit_transform(X, y)

    def transform(self, X):
        return self.prepare_.transform(self.reader_.transform(X))


def preparations(task, name):
    """Return unfitted transformers to a dense array for a model, by name."""
    import skrub

    linear = name == "linear"
    scaling = [StandardScaler()] if linear else []
    squashing = [skrub.SquashingScaler(max_absolute_value=5)] if linear else []

    def ours(encoding, text):
        text = {"target": True} if text == "target" else {"characters": NGRAMS, **FEW}
        genes = {"min_frequency": 0.01, "text": text, "encoding": encoding}
        return Ours({**genes, "imputation": "median" if linear else "none"}, task)

    defaults = ours("onehot" if linear else "ordinal", "target")
    cleaner = skrub.Cleaner(drop_null_fraction=None, parse_numbers=True)
    # One column per label, as ours; its default leaves out one of two.
    labels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    vectorizer = skrub.TableVectorizer(low_cardinality=labels)
    imputer = [SimpleImputer(strategy="median")] if linear else []
    whole = skrub.tabular_pipeline(MODELS[task, name])
    return {
        "default genes": make_pipeline(defaults, *scaling),
        "onehot": make_pipeline(ours("onehot", "ngrams"), *scaling),
        "target": make_pipeline(ours("target", "target"), *scaling),
        "tabular_pipeline": whole[:-1],
        "TableVectorizer": make_pipeline(vectorizer, *imputer, *scaling),
        "Cleaner + default": make_pipeline(cleaner, defaults, *scaling),
        "default + squashing": make_pipeline(defaults, *squashing),
    }


def tables(folder):
    for task, names in ("classification", CLASSIFICATION), ("regression", REGRESSION):
        for name in names:
            table = pd.read_csv(Path(folder) / task / f"{name}.csv")
            yield task, name, table.iloc[:, :-1], table.iloc[:, -1].to_numpy()


def one_fold(task, model, preparation, X, y, train, test):
    """Return score, seconds of fit and transform, and columns of one preparation."""
    begin = time.perf_counter()
    inside = np.asarray(preparation.fit_transform(X.iloc[train], y[train]), float)
    fitted = time.perf_counter()
    outside = np.asarray(preparation.transform(X.iloc[test]), float)
    seconds = fitted - begin, time.perf_counter() - fitted
    model.fit(inside, y[train])
    if task == "regression":
        score = r2_score(y[test], model.predict(outside))
    else:
        found = model.predict_proba(outside)
        score = -log_loss(y[test], found, labels=model.classes_)
    return score, *seconds, inside.shape[1]


def run(folder, seeds):
    print(*FIELDS, *FIGURES, sep=",")
    for task, table, X, y in tables(folder):
        kind = StratifiedKFold if task == "classification" else KFold
        for seed in range(seeds):
            splits = kind(3, shuffle=True, random_state=seed).split(X, y)
            for fold, (train, test) in enumerate(splits):
                for name in "lightgbm", "linear":
                    model = MODELS[task, name]
                    for how, preparation in preparations(task, name).items():
                        row = one_fold(task, model, preparation, X, y, train, test)
                        row = [f"{value:.4f}" for value in row[:-1]] + [row[-1]]
                        print(table, name, how, seed, fold, *row, sep=",", flush=True)


def report(path):
    """Print the table of doc/figures.md: medians over seeds and folds."""
    rows = pd.read_csv(path)
    order = rows.preparation.unique()
    print("| table, model |", " | ".join(order), "|")
    print("|-" * (len(order) + 1) + "|")
    for (table, model), part in rows.groupby(["table", "model"], sort=False):
        medians = part.groupby("preparation").score.median()[order]
        best = medians.max()
        cells = [f"**{x:.4f}**" if x == best else f"{x:.4f}" for x in medians]
        print(f"| {table}, {model} |", " | ".join(cells), "|")
    for what in "fit_seconds", "transform_seconds", "columns":
        one = rows[rows.model == "lightgbm"].groupby(["table", "preparation"])
        medians = one[what].median().unstack()[order]
        print(f"\n{what}, with lightgbm:\n", medians.round(4).to_string(), sep="")
    wide = rows.pivot_table(
        index=["table", "model", "seed", "fold"], columns="preparation", values="score"
    )
    for other in order[1:]:
        won = (wide["default genes"] > wide[other]).sum()
        lost = (wide["default genes"] < wide[other]).sum()
        print(f"default genes beside {other}: {won} better, {lost} worse")


def odd_inputs():
    """Return the target, and name -> (column in fit, the same column in transform)."""
    rng = np.random.default_rng(0)
    n = 400
    target = np.arange(n) % 2
    shift = target + rng.normal(0, 0.3, n)
    days = pd.Series(pd.Timestamp("2020-06-01") + pd.to_timedelta(shift * 400, "D"))
    days = days.dt.floor("D")
    clock = np.where(target, rng.integers(13, 23, n), rng.integers(1, 11, n))
    hours = pd.Timestamp("2020-06-01") + pd.to_timedelta(np.arange(n) % 365, "D")
    hours = pd.Series(hours + pd.to_timedelta(clock, "h"))
    zoned = hours.dt.tz_localize("America/New_York")
    numbers = pd.Series(np.round(shift * 10_000, 1))
    whole = pd.Series(np.round(shift * 10_000).astype(int))
    text = numbers.astype(str).astype(object)
    commas = pd.Series([f"{x:,.1f}" for x in numbers], dtype=object)
    asks = text.copy()
    asks[::9] = "?"
    blank = text.copy()
    blank[7] = " "
    big = pd.Series(2**53 + target)
    sizes = pd.Series(np.where(target, "b", "a")).map({"a": "large", "b": "small"})
    ladder = np.clip((shift * 6 + 3).astype(int), 0, 9)
    steps = ["none", "one", "two", "few", "some", "more", "many", "lots", "most", "all"]
    ordered = pd.Categorical.from_codes(ladder, steps, ordered=True)
    spans = pd.Series(pd.to_timedelta(shift * 1e6, "s"))
    moments = [(dt.datetime(2020, 1, 1, int(c), 5)).time() for c in clock]
    return target, {
        "datetimes, the same again": (days, days),
        "datetimes, asked ISO strings": (days, days.dt.strftime("%Y-%m-%d")),
        "datetimes, asked mm/dd/yyyy": (days, days.dt.strftime("%m/%d/%Y")),
        "ISO strings, asked mm/dd/yyyy": (
            days.dt.strftime("%Y-%m-%d"),
            days.dt.strftime("%m/%d/%Y"),
        ),
        "ISO strings, asked datetimes": (days.dt.strftime("%Y-%m-%d"), days),
        "mm/dd/yyyy strings": (days.dt.strftime("%m/%d/%Y"),) * 2,
        "dd.mm.yyyy strings": (days.dt.strftime("%d.%m.%Y"),) * 2,
        "'Jun 03 2020' strings": (days.dt.strftime("%b %d %Y"),) * 2,
        "hours, time zone, the same again": (zoned, zoned),
        "hours, time zone, asked in Tokyo's": (
            zoned,
            zoned.dt.tz_convert("Asia/Tokyo"),
        ),
        "hours, time zone, asked naive": (zoned, hours),
        "hours, naive, asked with time zone": (hours, zoned),
        "numbers as text": (text, text),
        "numbers, asked as text": (numbers, text),
        "numbers as text, asked as numbers": (text, numbers),
        "numbers as text, one blank": (blank, blank),
        "'1,234.5' as text": (commas, commas),
        "'?' for missing": (asks, asks),
        "integers as objects, one blank": (
            whole.astype(object).mask(whole.index == 3, ""),
        )
        * 2,
        "dates with 2 % of rubbish": (
            days.dt.strftime("%Y-%m-%d").astype(object).mask(days.index % 50 == 1, "x"),
        )
        * 2,
        "text without values": (pd.Series([None] * n, dtype="str"),) * 2,
        "pyarrow timestamps": (days.astype("timestamp[ns][pyarrow]"),) * 2,
        "pyarrow doubles": (numbers.astype("double[pyarrow]"),) * 2,
        "pyarrow strings of numbers": (text.astype("string[pyarrow]"),) * 2,
        "durations": (spans, spans),
        "durations as objects": (
            pd.Series([x.to_pytimedelta() for x in spans], dtype=object),
        )
        * 2,
        "pyarrow durations": (spans.astype("duration[ns][pyarrow]"),) * 2,
        "datetime.time": (pd.Series(moments, dtype=object),) * 2,
        "datetime.date": (pd.Series(days.dt.date, dtype=object),) * 2,
        "periods": (days.dt.to_period("D"),) * 2,
        "Decimals": (
            pd.Series([decimal.Decimal(str(x)) for x in numbers], dtype=object),
        )
        * 2,
        "Decimals, one string": (
            pd.Series([decimal.Decimal(str(x)) for x in numbers], dtype=object).mask(
                days.index == 5, "12.5"
            ),
        )
        * 2,
        "dates and strings": (days.astype(object).mask(days.index == 5, "2020-06-01"),)
        * 2,
        "big-endian floats": (pd.Series(numbers.to_numpy().astype(">f8")),) * 2,
        "big-endian integers": (pd.Series(whole.to_numpy().astype(">i4")),) * 2,
        "ordered categories": (pd.Series(ordered),) * 2,
        "ordered, asked as strings": (
            pd.Series(ordered),
            pd.Series(np.asarray(ordered), dtype=object),
        ),
        "labels, new dtype": (sizes, sizes.astype("category")),
        "int64 beyond 2**53": (big, big),
        "Unix seconds": (pd.Series(1.6e9 + np.round(shift * 60)),) * 2,
        "categories of integers": (
            pd.Series(np.round(shift * 6).astype(int)).astype("category"),
        )
        * 2,
        "nullable integers": (whole.astype("Int64").mask(whole.index % 9 == 1),) * 2,
        "booleans as text": (pd.Series(np.where(target, "yes", "no")),) * 2,
        "booleans with None": (
            pd.Series(target.astype(bool), dtype=object).mask(days.index % 9 == 1),
        )
        * 2,
        "bytes": (pd.Series([str(x).encode() for x in ladder], dtype=object),) * 2,
        "lists in cells": (pd.Series([[x, 1] for x in numbers], dtype=object),) * 2,
    }


def containers():
    """Return name -> function of a frame that gives it in another container."""
    import dask.dataframe
    import polars
    import pyarrow

    return {
        "list of lists": lambda frame: frame.to_numpy().tolist(),
        "array of objects": lambda frame: frame.to_numpy(object),
        "polars": lambda frame: polars.from_pandas(frame),
        "polars lazy": lambda frame: polars.from_pandas(frame).lazy(),
        "pyarrow": lambda frame: pyarrow.Table.from_pandas(frame),
        "dask": lambda frame: dask.dataframe.from_pandas(frame, npartitions=2),
        "list of dicts": lambda frame: frame.to_dict("records"),
        "columns in another order": lambda frame: frame[frame.columns[::-1]],
        "one row": lambda frame: frame.iloc[:1],
    }


def odd():
    """Print how accurate LightGBM and a linear model are after each preparation."""
    target, columns = odd_inputs()
    rng = np.random.default_rng(1)
    noise = rng.normal(size=len(target))
    train, test = slice(300), slice(300, None)

    def table(column):
        return pd.DataFrame({"noise": noise, "x": column})

    cases = {}
    for name, (fitted, asked) in columns.items():
        cases[name] = table(fitted).iloc[train], table(asked).iloc[test]
    days = columns["datetimes, the same again"][0]
    mixed = table(days).assign(label=np.where(noise > 0.5, "b", "a"))
    for name, convert in containers().items():
        same = mixed.iloc[train]
        cases[f"mixed frame, asked with {name}"] = same, convert(mixed.iloc[test])
        if name != "one row":
            cases[f"mixed, all {name}"] = convert(same), convert(mixed.iloc[test])
    print("| input | ours, LightGBM | ours, linear | skrub, LightGBM | skrub, linear |")
    print("|-|-|-|-|-|")
    for name, (fitted, asked) in cases.items():
        cells = []
        for library in "default genes", "tabular_pipeline":
            for model in "lightgbm", "linear":
                cells.append(_accuracy(library, model, fitted, asked, target))
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


def _accuracy(library, name, fitted, asked, target):
    preparation = preparations("classification", name)[library]
    model = MODELS["classification", name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # Also the wrong number of rows would be an error.
            Z = np.asarray(preparation.fit_transform(fitted, target[:300]), float)
            model.fit(Z, target[:300])
            found = model.predict(np.asarray(preparation.transform(asked), float))
            truth = target[300 : 300 + len(found)]
            result = f"{np.mean(found == truth):.2f}"
        except Exception as error:
            line = " ".join(str(error).split())[:70].replace("|", "/")
            result = f"{type(error).__name__}: {line}"
    names = {w.category.__name__ for w in caught}
    return result + (f" ({', '.join(sorted(names))})" if names else "")


def cost():
    """Print what importing skrub costs, after pandas, and installing it brings."""
    for module in "sknevo.estimators.pipeline", "skrub":
        code = (
            "import sys, time; import sklearn.compose, sklearn.pipeline, pandas;"
            "t = time.perf_counter(); n = len(sys.modules);"
            f"import {module};"
            "print(round(time.perf_counter() - t, 3), len(sys.modules) - n)"
        )
        for _ in range(5):
            out = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            print(
                f"import {module}, seconds and modules beyond scikit-learn and", end=""
            )
            print(" pandas:", out.stdout.strip())
    print("\nwhat skrub needs and sknevo does not, MB:")
    known = {name.lower() for name in _closure("sknevo")}
    for name in _closure("skrub"):
        if name.lower() in known:
            continue
        files = importlib.metadata.files(name) or []
        size = sum(f.size or 0 for f in files) / 1e6
        print(f"  {name} {importlib.metadata.version(name)}: {size:.1f}")


def _closure(name):
    """Return a distribution and all that it needs, without extras."""
    from packaging.requirements import Requirement

    found = [name]
    for one in found:
        for line in importlib.metadata.requires(one) or []:
            need = Requirement(line)
            wanted = need.marker is None or need.marker.evaluate({"extra": ""})
            if wanted and need.name.lower() not in map(str.lower, found):
                found.append(need.name)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="folder of the tabular data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--report", help="only print the report of this file")
    parser.add_argument("--odd", action="store_true", help="the odd inputs instead")
    parser.add_argument("--cost", action="store_true", help="import and size instead")
    args = parser.parse_args()
    if args.report:
        report(args.report)
    elif args.odd:
        odd()
    elif args.cost:
        cost()
    else:
        warnings.simplefilter("ignore")
        run(args.folder, args.seeds)


if __name__ == "__main__":
    main()
