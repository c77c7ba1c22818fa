"""What users bring as a table, validated, and what its columns hold."""

import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from sknevo.records import Column

__all__ = ["describe_columns", "validate_table"]

# Labels are text, not categories, when there are many and most of them are rare.
MANY_LABELS = 30
TEXT_SHARE = 0.2
TOO_MANY_LABELS = 1000
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def validate_table(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Return X as a DataFrame with typed columns or as an array of floats.

    Parameters
    ----------
    estimator : estimator
        Gets, or is held to, `n_features_in_` and `feature_names_in_`.
    X : array-like of shape (n_samples, n_features)
        DataFrames keep their columns; of objects that are no numbers a DataFrame is
        made.
    reset : bool
        Whether this is `fit`.

    Returns
    -------
    DataFrame or ndarray of float

    Raises
    ------
    ValueError
        If X is not two-dimensional, empty, infinite or sparse, or if its columns are
        not those of `fit`.
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
    """Make numbers of objects that are numbers; refuse what no step can use."""
    if 0 in frame.shape:
        raise ValueError(
            f"Found array with {frame.shape[0]} sample(s) and {frame.shape[1]} "
            f"feature(s) (shape={frame.shape}) while a minimum of 1 is required."
        )
    # Built anew rather than assigned to: the user's frame is never touched.
    columns = [_typed_column(frame.iloc[:, i]) for i in range(frame.shape[1])]
    if all(new is old for new, old in columns):
        return frame
    typed = pd.concat([new for new, _ in columns], axis=1)
    typed.columns = frame.columns
    return typed


def _typed_column(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    if types.is_complex_dtype(column.dtype):
        raise ValueError(f"Complex data not supported: column {column.name!r}.")
    if isinstance(column.dtype, pd.SparseDtype):
        return _typed_column(column.sparse.to_dense())[0], column
    if types.is_timedelta64_dtype(column.dtype):
        return column.dt.total_seconds(), column
    if types.is_float_dtype(column.dtype) and np.isinf(column.to_numpy(float)).any():
        raise ValueError(
            f"Input X contains infinity or a value too large in column {column.name!r}."
        )
    if column.dtype != object:
        return column, column
    return _typed_objects(column), column


def _typed_objects(column: pd.Series) -> pd.Series:
    kind = types.infer_dtype(column, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        numbers = pd.to_numeric(column)
        if numbers.dtype == object:  # too large for an integer
            numbers = numbers.astype(float)
        return _typed_column(numbers)[0]
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
    """Say what each column of a validated table holds.

    Parameters
    ----------
    X : DataFrame or ndarray of float
        What `validate_table` returned.

    Returns
    -------
    tuple of Column
    """
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
    """Return whether all are strings such as 2026-11-23, as CSV files have them."""
    values = column.dropna()
    if types.infer_dtype(values) != "string" or not DATE.match(values.iloc[0]):
        return False
    try:
        pd.to_datetime(values, format="ISO8601", utc=True)
    except ValueError:
        return False
    return True
