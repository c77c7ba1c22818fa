"""Small tables of every kind of column."""

import numpy as np
import pandas as pd

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
    return DataSpec(
        "regression" if regression else "classification",
        n_samples or len(X),
        0 if regression else len(np.unique(y)),
        ColumnReader().fit(X).describe(X),
    )
