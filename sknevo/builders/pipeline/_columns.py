"""The one reader of columns: what `fit` has seen decides how they are read."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sknevo.builders.pipeline._kinds import OF_TYPE, Kind, Numbers, learn
from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.frames import as_pandas
from sknevo.image_stream._items import is_torch_dataset
from sknevo.records import Column

# So many columns are named in a warning. Chosen, not measured.
MOST_NOTES = 5
# Values of a table that are looked at at a time. Chosen, not measured.
CELLS = 2_000_000


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
        kinds = {i: OF_TYPE[letter] for i, letter in _numbers(table).items()}
        others = [i for i in range(n_columns) if i not in kinds]
        learned = _each(table, others, lambda _, column: learn(column))
        kinds |= {i: kind for i, (kind, _) in learned.items()}
        self.kinds_ = tuple(kinds[i] for i in range(n_columns))
        gaps = {i: missing for i, (_, missing) in learned.items()}
        return self._read(table, gaps, fitting=True)

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
        return self._read(table, {})

    def _read(
        self, table: pd.DataFrame, gaps: Mapping[int, list[Any]], fitting: bool = False
    ) -> pd.DataFrame | np.ndarray:
        """Return the table, with one warning of values that are taken as missing."""
        types = _numbers(table)
        # The others are what their types say: there is nothing to be read.
        unread = [
            i
            for i, kind in enumerate(self.kinds_)
            if types.get(i) not in kind.own_types
        ]
        read = _each(
            table, unread, lambda i, column: (column, *self.kinds_[i].read(column))
        )
        doubts = {
            i: self.kinds_[i].doubt([*gaps.get(i, ()), *missing], fitting)
            for i, (*_, missing) in read.items()
        }
        _warn(
            [
                f"column {table.columns[i]!r} is read as {self.kinds_[i].expected}, "
                f"{doubt}"
                for i, doubt in doubts.items()
                if doubt
            ]
        )
        changed = {i: new for i, (old, new, _) in read.items() if new is not old}
        table = _replaced(table, changed, self.names_)
        if self.names_ is None:
            return table.to_numpy(float, na_value=np.nan)
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
        places = range(table.shape[1])
        pieces = _pieces(table, places)
        gaps = np.concatenate([piece.isna().any().to_numpy(bool) for piece in pieces])
        return tuple(
            Column(
                name,
                kind.name,
                _n_unique(kind, table, i),
                bool(gap),
                getattr(kind, "order", ()),
            )
            for i, name, kind, gap in zip(
                places, table.columns, self.kinds_, gaps, strict=True
            )
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _n_unique(kind: Kind, table: pd.DataFrame, place: int) -> int:
    known = {"numeric": 0, "datetime": 0, "boolean": 2}
    if kind.name in known:
        return known[kind.name]
    return table.iloc[:, place].nunique()


def _pieces(table: pd.DataFrame, places: Sequence[int]) -> Iterator[pd.DataFrame]:
    """Yield some of the columns, many at a time: one by one each takes its time."""
    step = max(1, CELLS // len(table))
    for begin in range(0, len(places), step):
        yield table.iloc[:, places[begin : begin + step]]


def _numbers(table: pd.DataFrame) -> dict[int, str]:
    """Return the places of numpy's finite numbers, each with the letter of its type.

    If a column is infinite, those of the same type are left out with it.
    """
    places: dict[Any, list[int]] = {}
    for i, dtype in enumerate(table.dtypes):
        places.setdefault(dtype, []).append(i)
    letters: dict[int, str] = {}
    for dtype, same in places.items():
        plain = isinstance(dtype, np.dtype) and dtype.isnative and dtype.kind in OF_TYPE
        if plain and not (dtype.kind == "f" and _has_infinity(table, same)):
            letters |= dict.fromkeys(same, dtype.kind)
    return letters


def _has_infinity(table: pd.DataFrame, places: Sequence[int]) -> bool:
    pieces = _pieces(table, places)
    return any(np.isinf(piece.to_numpy()).any() for piece in pieces)


def _replaced(
    table: pd.DataFrame, columns: Mapping[int, pd.Series], names: pd.Index | None
) -> pd.DataFrame:
    """Return a table with other columns at some places; the user's is never changed."""
    if not columns:
        return table
    kept = [i for i in range(table.shape[1]) if i not in columns]
    new = pd.concat([table.iloc[:, kept], *columns.values()], axis=1)
    new = new.iloc[:, np.argsort([*kept, *columns])]
    if names is not None:
        new.columns = names
    return new


def _warn(notes: list[str]) -> None:
    """Warn once, whatever the number of columns."""
    if notes:
        more = f" and {len(notes) - MOST_NOTES} more" if len(notes) > MOST_NOTES else ""
        text = "; ".join(notes[:MOST_NOTES]) + more
        warnings.warn(f"{text[0].upper()}{text[1:]}.", UserWarning, stacklevel=2)


def _each(
    table: pd.DataFrame,
    places: Sequence[int],
    function: Callable[[int, pd.Series], Any],
) -> dict[int, Any]:
    """Return what a function makes of columns, by place; errors name the column."""
    results = {}
    for i in places:
        name = table.columns[i]
        try:
            results[i] = function(i, table.iloc[:, i])
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{error} (column {name!r}).") from error
        except OverflowError as error:
            raise ValueError(
                f"X contains a value too large for a float (column {name!r})."
            ) from error
    return results
