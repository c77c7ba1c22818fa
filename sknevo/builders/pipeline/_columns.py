"""The one reader of columns: what `fit` has seen decides how they are read."""

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sknevo.builders.pipeline._kinds import Kind, Numbers, learn
from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.frames import as_pandas
from sknevo.image_stream._items import is_torch_dataset
from sknevo.records import Column

# So many columns are named in a warning. Chosen, not measured.
MOST_NOTES = 5


def as_table(X: Any) -> pd.DataFrame | np.ndarray:
    """Return X as a DataFrame or, if it holds numbers alone, as an array.

    Lists, arrays and frames of any library that narwhals knows are taken apart.
    Complex, infinite, sparse and empty data are refused.
    """
    if is_torch_dataset(X):
        raise TypeError(
            "X must be a table: a DataFrame, or an array of shape (n_samples, "
            "n_features); got a torch Dataset, which EvolvedClassifier and "
            "EvolvedRegressor take."
        )
    if not isinstance(X, pd.DataFrame | np.ndarray | list | tuple):
        X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        if 0 in X.shape:
            raise ValueError(
                f"Found array with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) "
                f"(shape={X.shape}) while a minimum of 1 is required."
            )
        return X
    array = check_array(X, dtype=None, ensure_all_finite=False)
    if array.dtype.kind in "US" and not hasattr(X, "dtype"):
        # A list of rows: numpy has written numbers and gaps as text.
        array = np.array(X, dtype=object)
    if array.dtype.kind in "OUSMm":
        return pd.DataFrame(array)
    array = check_array(array, dtype="numeric", ensure_all_finite="allow-nan")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


class ColumnReader(OneToOneFeatureMixin, ArrayTransformer):
    """Reads tables from any container by the kinds of columns that `fit` has seen.

    What it returns is read in no time, and unchanged, if it is read again.

    Parameters
    ----------
    kinds : tuple of Kind or None, default=None
        How the columns are read; None learns it in `fit`.
    """

    def __init__(self, kinds: tuple[Kind, ...] | None = None) -> None:
        self.kinds = kinds

    def fit(self, X: Any, y: Any = None) -> Self:
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> pd.DataFrame | np.ndarray:
        table = as_table(X)
        validate_data(self, table, skip_check_array=True)
        n_columns = table.shape[1]
        if self.kinds is not None and len(self.kinds) != n_columns:
            raise ValueError(f"X must have {len(self.kinds)} columns; got {n_columns}.")
        if isinstance(table, np.ndarray):
            self.names_ = None
            self.kinds_ = self.kinds or (Numbers(),) * n_columns
            return table
        self.names_ = table.columns
        if self.kinds is not None:
            self.kinds_ = self.kinds
            return self.read(table)
        learned = _each(table, lambda _, column: learn(column))
        self.kinds_ = tuple(kind for kind, _ in learned)
        return self._read(table, [gaps for _, gaps in learned], fitting=True)

    def transform(self, X: Any) -> pd.DataFrame | np.ndarray:
        check_is_fitted(self)
        table = as_table(X)
        validate_data(self, table, reset=False, skip_check_array=True)
        return self.read(table)

    def read(self, table: pd.DataFrame | np.ndarray) -> pd.DataFrame | np.ndarray:
        """Return a table whose columns are validated, an array if fit got one."""
        if isinstance(table, np.ndarray):
            if self.names_ is None:
                return table
            table = pd.DataFrame(table, columns=self.names_)
        return self._read(table, [[]] * len(self.kinds_))

    def _read(
        self, table: pd.DataFrame, gaps: list[list[Any]], fitting: bool = False
    ) -> pd.DataFrame | np.ndarray:
        """Return the table, with one warning of values that are taken as missing."""
        read = _each(table, lambda i, column: (column, *self.kinds_[i].read(column)))
        _warn(
            [
                f"column {name!r} is read as {kind.expected}, {doubt}"
                for name, kind, gap, (*_, unread) in zip(
                    table.columns, self.kinds_, gaps, read, strict=True
                )
                if (doubt := kind.doubt([*gap, *unread], fitting))
            ]
        )
        columns = [column for _, column, _ in read]
        if self.names_ is None:
            return np.column_stack(
                [c.to_numpy(float, na_value=np.nan) for c in columns]
            )
        if all(new is old for old, new, _ in read):
            return table
        # A new frame: the user's own is never changed.
        table = pd.concat(columns, axis=1)
        table.columns = self.names_
        return table

    def describe(self, table: pd.DataFrame | np.ndarray) -> tuple[Column, ...]:
        """Return what genomes need to know of the columns of a table that was read."""
        check_is_fitted(self)
        if isinstance(table, np.ndarray):
            # The least value of a column is NaN if any is; no mask is made.
            gaps = np.isnan(table.min(axis=0))
            return tuple(
                Column(i, "numeric", missing=bool(gap)) for i, gap in enumerate(gaps)
            )
        return tuple(
            _describe(kind, table.iloc[:, i]) for i, kind in enumerate(self.kinds_)
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _describe(kind: Kind, column: pd.Series) -> Column:
    n_unique = {"numeric": 0, "datetime": 0, "boolean": 2}.get(kind.name)
    n_unique = column.nunique() if n_unique is None else n_unique
    missing = bool(column.isna().any())
    return Column(column.name, kind.name, n_unique, missing, getattr(kind, "order", ()))


def _warn(notes: list[str]) -> None:
    """Warn once, whatever the number of columns."""
    if notes:
        more = f" and {len(notes) - MOST_NOTES} more" if len(notes) > MOST_NOTES else ""
        text = "; ".join(notes[:MOST_NOTES]) + more
        warnings.warn(f"{text[0].upper()}{text[1:]}.", UserWarning, stacklevel=2)


def _each(table: pd.DataFrame, function: Callable[[int, pd.Series], Any]) -> list[Any]:
    """Return what a function makes of each column; errors name the column."""
    results = []
    for i, name in enumerate(table.columns):
        try:
            results.append(function(i, table.iloc[:, i]))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{error} (column {name!r}).") from error
        except OverflowError as error:
            raise ValueError(
                f"X contains a value too large for a float (column {name!r})."
            ) from error
    return results
