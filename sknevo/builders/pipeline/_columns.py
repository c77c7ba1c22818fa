"""The one reader of columns: what `fit` has seen decides how they are read."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, issparse
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from sklearn.utils.validation import (
    _check_n_features,
    check_array,
    check_is_fitted,
    validate_data,
)

from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.columns._kinds import OF_TYPE, Kind, Numbers, learn
from sknevo.frames import as_pandas
from sknevo.image_stream._items import is_torch_dataset
from sknevo.records import Column, Sparsity
from sknevo.spelling import did_you_mean

# What reads and passes on a table.
Table = pd.DataFrame | np.ndarray | csr_matrix

# So many columns are named in a warning. Chosen, not measured.
MOST_NOTES = 5
# Values of a table that are looked at at a time. Chosen, not measured.
CELLS = 2_000_000


def as_table(X: Any) -> Table:
    """Return X as a DataFrame or, if it holds numbers alone, as an array.

    Lists, arrays and frames of any library that narwhals knows are taken apart. Sparse
    matrices stay sparse. Texts, one for each row, become a column of the name 0.
    Complex, infinite and empty data are refused.
    """
    _check_form(X)
    if issparse(X):
        return as_rows(X)
    if are_texts(X):
        return pd.DataFrame({0: _texts(X)})
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


def are_texts(X: Any) -> bool:
    """Return whether X is a list, an array or a Series of texts: one for each row."""
    if isinstance(X, list | tuple):
        return any(isinstance(value, str) for value in X)
    dtype = getattr(X, "dtype", None)
    if len(getattr(X, "shape", ())) != 1:
        return False
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    kind = getattr(dtype, "kind", "O")  # polars has types of its own
    return kind in "OUST" and any(isinstance(value, str) for value in X)


def _texts(X: Any) -> np.ndarray:
    """Return texts as objects; a ValueError names the first value that is none."""
    texts = np.array([*X], object)
    for row, value in enumerate(texts):
        if not isinstance(value, str):
            raise ValueError(
                f"X must hold a text in each row; got {value!r} of type "
                f"{type(value).__name__} in row {row}. Leave such rows out, or pass a "
                "DataFrame, in whose columns of text values may be missing."
            )
    return texts


def _check_form(X: Any) -> None:
    """Refuse what other estimators or methods take."""
    if is_torch_dataset(X):
        raise TypeError(
            "X must be a table, as in fit: a DataFrame, or an array of shape "
            "(n_samples, n_features); got a torch Dataset."
        )
    if isinstance(X, str | os.PathLike):
        raise TypeError(
            f"X must be a table in memory here; got the path {os.fspath(X)!r}. Files "
            "are read by `fit`, `score` and what predicts of EvolvedPipelineClassifier "
            "and EvolvedPipelineRegressor."
        )


def as_rows(X: Any) -> csr_matrix:
    """Return a sparse matrix as rows of sorted floats that are not zero.

    Single precision stays. It is a matrix, since boosters know no sparse arrays.
    """
    floats = [np.float64, np.float32]
    rows = check_array(
        X, accept_sparse="csr", dtype=floats, ensure_all_finite="allow-nan"
    )
    # Short indices, which solvers need, where they suffice.
    rows = csr_matrix((rows.data, rows.indices, rows.indptr), rows.shape)
    if not (rows.has_canonical_format and rows.data.all()):
        rows = rows.copy()  # never the user's own
        rows.sum_duplicates()
        rows.eliminate_zeros()
    return rows


def _is_sparse(frame: pd.DataFrame) -> bool:
    """Return whether all columns hold numbers of which only those above are stored."""
    return all(
        isinstance(dtype, pd.SparseDtype)
        and dtype.subtype.kind in "biuf"
        and dtype.fill_value == 0
        for dtype in set(frame.dtypes)
    )


class ColumnReader(OneToOneFeatureMixin, ArrayTransformer):
    """Reads tables from any container by the kinds of columns that `fit` has seen.

    What it returns is read in no time, and unchanged, if it is read again. After a
    sparse X in `fit` every X becomes sparse, and after a dense one dense: a booster may
    read a zero that is not stored as missing.

    Parameters
    ----------
    kinds : tuple of Kind or None, default=None
        How the columns are read; None learns it in `fit`.
    sparse : bool or None, default=None
        Whether X becomes sparse; None learns it in `fit`.
    names : tuple of str or None, default=None
        Names of the columns if X in `fit` is a matrix that was read from a DataFrame of
        sparse columns.
    text_columns : "auto" or list of str or int, default="auto"
        The columns that `fit` takes as text, by their names; "auto" decides by values.
    """

    def __init__(
        self,
        kinds: tuple[Kind, ...] | None = None,
        sparse: bool | None = None,
        names: tuple[str, ...] | None = None,
        text_columns: Any = "auto",
    ) -> None:
        self.kinds = kinds
        self.sparse = sparse
        self.names = names
        self.text_columns = text_columns

    def fit(self, X: Any, y: Any = None) -> Self:
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Table:
        table = as_table(X)
        validate_data(self, table, skip_check_array=True)
        if issparse(table) and self.names is not None:
            self.feature_names_in_ = np.array(self.names, object)
        n_columns = table.shape[1]
        if self.kinds is not None and len(self.kinds) != n_columns:
            raise ValueError(f"X must have {len(self.kinds)} columns; got {n_columns}.")
        is_frame = isinstance(table, pd.DataFrame)
        self.is_sparse_ = self.sparse
        if self.sparse is None:
            self.is_sparse_ = _is_sparse(table) if is_frame else issparse(table)
        # Plain values, which files of skops can hold.
        self.names_ = None
        if is_frame and not self.is_sparse_:
            self.names_ = table.columns.to_numpy()
        texts = self._are_text(table)
        if self.names_ is None:
            self.kinds_ = self.kinds or (Numbers(),) * n_columns
            self.dtype_ = None  # that of this table
            read = self.read(table)
            self.dtype_ = read.dtype
            return read
        if self.kinds is not None:
            self.kinds_ = self.kinds
            return self.read(table)
        types = _numbers(table)
        kinds = {i: OF_TYPE[n] for i, n in types.items() if not texts[i]}
        others = [i for i in range(n_columns) if i not in kinds]
        learned = _each(table, others, lambda i, column: learn(column, texts[i]))
        kinds |= {i: kind for i, (kind, _) in learned.items()}
        self.kinds_ = tuple(kinds[i] for i in range(n_columns))
        gaps = {i: missing for i, (_, missing) in learned.items()}
        return self._read(table, types, gaps, fitting=True)

    def _are_text(self, table: Table) -> list[bool | None]:
        """Return for each column whether the user says that it is text."""
        n_columns = table.shape[1]
        if isinstance(self.text_columns, str):
            return [None] * n_columns
        has_names = isinstance(table, pd.DataFrame) and self.names_ is not None
        names = [*table.columns] if has_names else [*range(n_columns)]
        if unknown := [name for name in self.text_columns if name not in names]:
            raise ValueError(
                f"text_columns must name columns of X; got {unknown[0]!r}."
                f"{did_you_mean(unknown[0], map(str, names))}"
            )
        if self.text_columns and not has_names:
            raise ValueError(
                "text_columns must name columns of text; X holds numbers alone."
            )
        return [name in self.text_columns for name in names]

    def transform(self, X: Any) -> Table:
        check_is_fitted(self)
        table = as_table(X)
        if self.is_sparse_ and issparse(table):
            # Without names, though it may be a DataFrame that was read.
            _check_n_features(self, table, reset=False)
        else:
            validate_data(self, table, reset=False, skip_check_array=True)
        return self.read(table)

    def read(self, table: Table) -> Table:
        """Return a table with validated columns, in the form that fit got."""
        if self.is_sparse_:
            return self._read_sparse(table)
        if issparse(table):
            table = table.toarray()
        if isinstance(table, np.ndarray):
            if self.names_ is None:
                return table
            table = pd.DataFrame(table, columns=self.names_)
        return self._read(table, _numbers(table), {})

    def unfitted(self) -> "ColumnReader":
        """Return an unfitted reader that reads as this fitted one does."""
        names = getattr(self, "feature_names_in_", None)
        is_named = self.is_sparse_ and names is not None
        names = tuple(names.tolist()) if is_named else None
        return ColumnReader(self.kinds_, self.is_sparse_, names)

    def _read_sparse(self, table: Table) -> csr_matrix:
        if isinstance(table, pd.DataFrame):
            if _is_sparse(table):
                table = table.sparse.to_coo()
            else:
                table = self._read(table, _numbers(table), {})
        # What becomes infinite is refused.
        with np.errstate(over="ignore", invalid="ignore"):
            return as_rows(csr_matrix(table, dtype=self.dtype_))

    def _read(
        self,
        table: pd.DataFrame,
        types: Mapping[int, str],
        gaps: Mapping[int, list[Any]],
        fitting: bool = False,
    ) -> pd.DataFrame | np.ndarray:
        """Return the table, with one warning of values that are taken as missing.

        `types` are those of `_numbers`.
        """
        # The others are what their types say: there is nothing to be read.
        unread = [
            i
            for i, kind in enumerate(self.kinds_)
            if types.get(i) not in kind.own_types
        ]
        table, note = self._named(table)
        read = _each(
            table,
            unread,
            lambda i, column: (column, *self.kinds_[i].read(column)),
            note,
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
        table = _replaced(table, changed)
        if self.names_ is None:
            return table.to_numpy(float, na_value=np.nan)
        return table

    def _named(self, table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """Return a table with the names that fit saw, and a note if it had others."""
        if self.names_ is None or table.columns.equals(pd.Index(self.names_)):
            return table, ""
        first = ", ".join(map(repr, self.names_[:MOST_NOTES].tolist()))
        more = ", ..." if len(self.names_) > MOST_NOTES else ""
        note = (
            f"; fit saw a DataFrame with the columns {first}{more}, and X has not "
            "these names: its columns are taken in the order of fit"
        )
        return table.set_axis(pd.Index(self.names_), axis=1), note

    def sparsity(self, table: Table) -> Sparsity | None:
        """Return what genomes need to know of a table that was read as sparse."""
        if not issparse(table):
            return None
        cells = table.shape[0] * table.shape[1]
        return Sparsity(table.nnz / cells, bool((table.data < 0).any()))

    def describe(self, table: Table) -> tuple[Column, ...]:
        """Return what genomes need to know of the columns of a table that was read."""
        check_is_fitted(self)
        if issparse(table):
            gaps = np.zeros(table.shape[1], bool)
            gaps[table.indices[np.isnan(table.data)]] = True
            names = getattr(self, "feature_names_in_", np.arange(len(gaps))).tolist()
            return tuple(
                Column(name, "numeric", missing=gap)
                for name, gap in zip(names, gaps.tolist(), strict=True)
            )
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
                _letters(table.iloc[:, i]) if kind.name == "text" else 0.0,
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
        tags.input_tags.sparse = True
        return tags


def _n_unique(kind: Kind, table: pd.DataFrame, place: int) -> int:
    known = {"numeric": 0, "datetime": 0, "boolean": 2}
    if kind.name in known:
        return known[kind.name]
    return table.iloc[:, place].nunique()


def _letters(texts: pd.Series) -> float:
    """Return the mean number of letters of texts that were read."""
    lengths = texts.cat.categories.astype(object).map(len).to_numpy(float)
    places = texts.cat.codes.to_numpy()
    return float(lengths[places[places >= 0]].sum() / len(texts))


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


def _replaced(table: pd.DataFrame, columns: Mapping[int, pd.Series]) -> pd.DataFrame:
    """Return a table with other columns at some places; the user's is never changed."""
    if not columns:
        return table
    kept = [i for i in range(table.shape[1]) if i not in columns]
    new = pd.concat([table.iloc[:, kept], *columns.values()], axis=1)
    new = new.iloc[:, np.argsort([*kept, *columns])]
    new.columns = table.columns
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
    note: str = "",
) -> dict[int, Any]:
    """Return what a function makes of columns, by place; errors name the column."""
    results = {}
    for i in places:
        name = table.columns[i]
        try:
            results[i] = function(i, table.iloc[:, i])
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{error} (column {name!r}{note}).") from error
        except OverflowError as error:
            raise ValueError(
                f"X contains a value too large for a float (column {name!r}{note})."
            ) from error
    return results
