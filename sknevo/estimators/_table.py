"""Validation of tables, and the kinds of their columns."""

import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from sknevo.records import Column

# Strings are text rather than categories if they have more than MANY_LABELS different
# values, and these are more than TEXT_SHARE of all; also if they have more than
# TOO_MANY_LABELS. Chosen, not measured.
MANY_LABELS = 30
TEXT_SHARE = 0.2
TOO_MANY_LABELS = 1000
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def validate_table(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Return X as a DataFrame with typed columns, or as an array of numbers.

    Parameters
    ----------
    estimator : estimator
        `reset` sets its `n_features_in_` and `feature_names_in_`; otherwise X must
        agree with them.
    X : array-like of shape (n_samples, n_features)
        An array of strings or dates becomes a DataFrame. Complex, infinite, sparse and
        empty data are refused.
    reset : bool
        Whether this is `fit`.
    """
    if isinstance(X, pd.DataFrame):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return _typed(X)
    array = validate_data(
        estimator, X, reset=reset, dtype=None, ensure_all_finite=False
    )
    if array.dtype.kind in "OUSMm":
        return _typed(pd.DataFrame(array).infer_objects())
    return check_array(array, dtype="numeric", ensure_all_finite="allow-nan")


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert objects that are numbers; refuse columns that no step can use."""
    if 0 in frame.shape:
        raise ValueError(
            f"Found array with {frame.shape[0]} sample(s) and {frame.shape[1]} "
            f"feature(s) (shape={frame.shape}) while a minimum of 1 is required."
        )
    columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
    typed = [_typed_column(column) for column in columns]
    if all(new is old for new, old in zip(typed, columns, strict=True)):
        return frame
    # A new frame: the user's own is never changed.
    table = pd.concat(typed, axis=1)
    table.columns = frame.columns
    return table


def _typed_column(column: pd.Series) -> pd.Series:
    """Return the column itself if its type needs no change."""
    if types.is_complex_dtype(column.dtype):
        raise ValueError(f"Complex data not supported: column {column.name!r}.")
    if isinstance(column.dtype, pd.SparseDtype):
        return _typed_column(column.sparse.to_dense())
    if types.is_timedelta64_dtype(column.dtype):
        return column.dt.total_seconds()
    if types.is_float_dtype(column.dtype) and np.isinf(column.to_numpy(float)).any():
        raise ValueError(
            f"Input X contains infinity or a value too large in column {column.name!r}."
        )
    return _typed_objects(column) if column.dtype == object else column


def _typed_objects(column: pd.Series) -> pd.Series:
    kind = types.infer_dtype(column, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        numbers = pd.to_numeric(column)
        if numbers.dtype == object:  # too large for an integer
            numbers = numbers.astype(float)
        return _typed_column(numbers)
    unclear = kind == "complex" or kind.startswith("mixed")
    if unclear and not column.dropna().map(_is_scalar).all():
        raise TypeError(
            f"Values of column {column.name!r} are not supported: argument must be a "
            "string or a real number, a boolean or a date."
        )
    return column


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int | float | np.generic | pd.Timestamp)


def describe_columns(X: Any) -> tuple[Column, ...]:
    """Return the name and kind of each column of a validated table."""
    if isinstance(X, pd.DataFrame):
        return tuple(_describe(X.iloc[:, i]) for i in range(X.shape[1]))
    missing = np.isnan(X).any(axis=0) if X.dtype.kind == "f" else [False] * X.shape[1]
    return tuple(Column(i, "numeric", missing=bool(m)) for i, m in enumerate(missing))


def _describe(column: pd.Series) -> Column:
    missing = bool(column.isna().any())
    dtype = column.dtype
    if types.is_datetime64_any_dtype(dtype):
        return Column(column.name, "datetime", missing=missing)
    if types.is_bool_dtype(dtype) or types.infer_dtype(column) == "boolean":
        return Column(column.name, "boolean", 2, missing)
    if types.is_numeric_dtype(dtype):
        return Column(column.name, "numeric", missing=missing)
    if types.infer_dtype(column) in ("datetime64", "datetime", "date"):
        return Column(column.name, "datetime", missing=missing)
    if _holds_dates(column):
        return Column(column.name, "datetime", missing=missing)
    n_unique = column.nunique()
    rare = n_unique > MANY_LABELS and n_unique > TEXT_SHARE * column.count()
    kind = "text" if rare or n_unique > TOO_MANY_LABELS else "categorical"
    return Column(column.name, kind, int(n_unique), missing)


def _holds_dates(column: pd.Series) -> bool:
    """Return whether all values are strings such as 2026-11-23, as in CSV files."""
    values = column.dropna()
    if types.infer_dtype(values) != "string" or not DATE.match(values.iloc[0]):
        return False
    try:
        pd.to_datetime(values, format="ISO8601", utc=True)
    except ValueError:
        return False
    return True
