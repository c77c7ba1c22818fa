"""What all measures ask of the samples that they are given."""

from typing import Any

import numpy as np

from sknevo.data_checks import plain_values

__all__ = ["feature_rows", "same_width"]


def feature_rows(X: Any, name: str, at_least: int = 1) -> np.ndarray:
    """Return samples as rows of finite numbers in double precision.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples.
    name : str
        What errors call them.
    at_least : int, default=1
        How many there must be.

    Returns
    -------
    ndarray of float64 of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If they are not that.
    """
    with plain_values(name, X):
        rows = np.asarray(X, dtype=np.float64)
    if rows.ndim != 2:
        raise ValueError(
            f"{name} must be of shape (n_samples, n_features); got {rows.shape}."
        )
    if len(rows) < at_least:
        raise ValueError(f"{name} must hold at least {at_least} samples; got {len(X)}.")
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} must be finite; it holds NaN or infinity.")
    return rows


def same_width(X: np.ndarray, Y: np.ndarray, names: str) -> None:
    """Refuse two sets of samples whose features are not the same number.

    Parameters
    ----------
    X, Y : ndarray of shape (n_samples, n_features)
        Samples.
    names : str
        What errors call the two.

    Raises
    ------
    ValueError
        If they differ.
    """
    if X.shape[1] != Y.shape[1]:
        raise ValueError(
            f"{names} must have the same number of features; got "
            f"{X.shape[1]} and {Y.shape[1]}."
        )
