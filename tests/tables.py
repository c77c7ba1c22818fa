"""Small tables of every kind of column."""

import numpy as np
import pandas as pd
from scipy.sparse import random_array

from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.records import DataSpec


def mixed(n=90, seed=0):
    """Return a table of all kinds of columns, with gaps."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "legs": rng.integers(4, 8, n),
            "empty": np.full(n, np.nan),
            "constant": 1.0,
            "kind": rng.choice(["ant", "bee", "moth"], n),
            "place": pd.Categorical(rng.choice(["tree", "lake", "field"], n)),
            "wings": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), "D"),
            "note": [f"seen by {i} near tree {i % 7}" for i in range(n)],
        }
    )
    table.loc[::7, "size"] = np.nan
    table.loc[::9, ["kind", "place"]] = None
    table.loc[::8, "wings"] = pd.NA
    table.loc[::11, "seen"] = pd.NaT
    table.loc[::13, "note"] = None
    return read(table)


def read(X):
    """Return a table as the search gives it to candidates."""
    return ColumnReader().fit(X).transform(X)


def spec_of(X, y, *, n_samples=None, regression=False):
    # Of a table that was read, texts have the type `category`.
    texts = ["note"] if "note" in getattr(X, "columns", ()) else "auto"
    reader = ColumnReader(text_columns=texts)
    table = reader.fit_transform(X)
    return DataSpec(
        "regression" if regression else "classification",
        n_samples or table.shape[0],
        0 if regression else len(np.unique(y)),
        reader.describe(table),
        sparse=reader.sparsity(table),
    )


def sparse(n=90, n_columns=40, seed=0, density=0.1):
    """Return a sparse table of counts, and three classes that depend on them."""
    rng = np.random.default_rng(seed)
    X = random_array((n, n_columns), density=density, rng=rng, format="csr")
    X.data = np.ceil(3 * X.data)
    signal = X[:, : 1 + n_columns // 2].sum(axis=1) + rng.random(n)
    return X, np.digitize(signal, np.quantile(signal, [1 / 3, 2 / 3]))
