"""The resource of successive halving: limited genes, and a stratified order of rows."""

from typing import Any

import numpy as np

# The `resource` that is a number of samples; all others are genes.
SAMPLES = "n_samples"


def limited(expressed: Any, name: str, limit: int) -> Any:
    """Return a copy of expressed genes in which no gene of this name exceeds a limit.

    Examples
    --------
    >>> limited({"training": {"epochs": 30, "batch_size": 64}}, "epochs", 10)
    {'training': {'epochs': 10, 'batch_size': 64}}
    """
    match expressed:
        case dict():
            return {
                key: min(value, limit) if key == name else limited(value, name, limit)
                for key, value in expressed.items()
            }
        case list():
            return [limited(item, name, limit) for item in expressed]
    return expressed


def requested(expressed: Any, name: str) -> float:
    """Return the greatest value of the genes of a name, 0 if there is none.

    Examples
    --------
    >>> requested({"training": {"epochs": 30}}, "epochs")
    30
    """
    match expressed:
        case dict():
            values = [
                v if k == name else requested(v, name) for k, v in expressed.items()
            ]
        case list():
            values = [requested(item, name) for item in expressed]
        case _:
            values = []
    return max(values, default=0)


def stratified_order(y: Any, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return an order of rows: the first n have all classes in proportion, for any n.

    The order is random if y holds no labels, several per row, or values to predict.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array(["a"] * 6 + ["b"] * 3)
    >>> sorted(y[stratified_order(y, 9, np.random.default_rng(0))[:3]].tolist())
    ['a', 'a', 'b']
    """
    order = rng.permutation(n_samples)
    y = np.asarray(y)
    if y.ndim != 1 or (y.dtype.kind == "f" and np.any(y % 1)):
        return order
    _, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    labels = labels.astype(np.min_scalar_type(len(counts)))  # sorted much faster
    grouped = order[np.argsort(labels[order], kind="stable")]
    # The i-th of n rows of a class comes after a share i / n of all rows.
    number = np.arange(n_samples) - np.repeat(np.cumsum(counts) - counts, counts)
    share_before = np.empty(n_samples)
    share_before[grouped] = number / counts[labels[grouped]]
    return order[np.argsort(share_before[order], kind="stable")]
