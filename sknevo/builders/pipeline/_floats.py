"""Numbers of any type as floats that models can compute with, without gaps."""

import math
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api import types
from scipy.sparse import csr_matrix
from sklearn.base import OneToOneFeatureMixin
from sklearn.impute import SimpleImputer
from sklearn.utils.validation import validate_data

from sknevo.builders.pipeline._transformers import Stateless
from sknevo.columns._kinds import EXACT
from sknevo.data_checks import random_rows

# Values that are more than FAR times as large as their range may need an offset in
# single precision, which tells 2**24 steps apart. Chosen, not measured.
FAR = 8
# Tables of so many numbers are kept in single precision if that loses nothing: at most
# this share of the different values of a column, and no whole numbers. On the rows of a
# sample. Smaller tables need no memory to be saved. Chosen, not measured.
MANY_CELLS, MOST_MERGED, SAMPLED_ROWS = 1_000_000, 5e-4, 20_000
# Beyond 2**EXPONENT, or below its inverse, squares and products of values leave the
# range of single precision.
EXPONENT = 63


class Single(OneToOneFeatureMixin, Stateless):
    """Numbers in single precision."""

    def transform(self, X: Any) -> Any:
        return X.astype(np.float32)


class Imputer(SimpleImputer):
    """Imputes numbers; a table without gaps is not copied.

    scikit-learn's own sorts masked copies, which takes seconds if rows are millions.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        if self.strategy in ("mean", "median") and not _has_gaps(X):
            # One row has the statistics of all.
            of_column = getattr(np, self.strategy)
            X = np.array([[of_column(column) for column in X.T]], X.dtype)
        return super().fit(X)

    def transform(self, X: Any) -> np.ndarray:
        has_indicators = self.indicator_ is not None and self.indicator_.features_.size
        if has_indicators or _has_gaps(X):
            return super().transform(X)
        return X


def _has_gaps(X: np.ndarray) -> bool:
    return bool(np.isnan(X.min()))


class Floats(OneToOneFeatureMixin, Stateless):
    """Numbers, booleans and durations as floats, NaN where they are missing.

    A column without any value becomes zeros, since not all boosters can bin it. Where
    single precision, which XGBoost computes with, would merge values, an offset is
    subtracted, and columns beyond its range are divided by a power of two.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        validate_data(self, X, skip_check_array=True)
        floats = as_floats(X, np.float32 if _is_single(X) else float)
        low, high = _ends(floats)
        self.empty_ = np.isnan(low)
        self.offsets_ = _offsets(X, floats, low, high)
        shifted = self._shifted(X, floats)
        if shifted is not floats:
            low, high = _ends(shifted)
        largest = np.maximum(np.abs(low), np.abs(high))
        self.powers_ = _powers(largest)
        suits = _suits_single(shifted, largest) and not self.powers_.any()
        self.dtype_ = np.float32 if suits else float
        return self

    def transform(self, X: Any) -> np.ndarray:
        validate_data(self, X, reset=False, skip_check_array=True)
        floats = self._shifted(X, as_floats(X, self.dtype_))
        return _in_range(floats, self.powers_) if self.powers_.any() else floats

    def _shifted(self, X: Any, floats: np.ndarray) -> np.ndarray:
        """Return floats without empty columns and offsets."""
        if self.offsets_ or self.empty_.any():
            floats = np.where(self.empty_, floats.dtype.type(0), floats)
        for place, offset in self.offsets_.items():
            exact = _difference(_exact(X, place), offset)
            floats[:, place] = np.where(np.isnan(floats[:, place]), np.nan, exact)
        return floats


class SparseFloats(OneToOneFeatureMixin, Stateless):
    """Rows without stored zeros; columns beyond single precision are divided."""

    def fit(self, X: Any, y: Any = None) -> Self:
        super().fit(X)
        self.powers_ = _powers(abs(X).max(axis=0).toarray().ravel())
        return self

    def transform(self, X: Any) -> csr_matrix:
        rows = X.tocsr(copy=True)
        if self.powers_.any():
            rows.data = _in_range(rows.data, self.powers_[rows.indices])
        rows.eliminate_zeros()  # a booster would tell them from those not stored
        return rows


def _powers(largest: np.ndarray) -> np.ndarray:
    """Return the powers of two that columns are divided by, from their largest value.

    They are 0 for columns that single precision has room for.
    """
    powers = np.frexp(np.where(largest > 0, largest, 1.0))[1]
    return np.where(np.abs(powers) > EXPONENT + 1, powers, 0)


def _in_range(floats: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Return finite values, divided by powers of two."""
    with np.errstate(over="ignore", under="ignore"):
        floats = np.ldexp(floats, -powers)
    most = np.finfo(floats.dtype).max  # `predict` may be asked for any value
    return np.clip(floats, -most, most)


def as_floats(X: Any, dtype: type = float) -> np.ndarray:
    """Return numbers as floats, without a copy if they are that already."""
    if isinstance(X, pd.DataFrame):
        # Converting column by column is slow. Only durations need it.
        if any(map(types.is_timedelta64_dtype, X.dtypes)):
            X = X.apply(_seconds)
        if dtype is not float and not _is_single(X):
            X = X.to_numpy(float, na_value=np.nan)
        else:
            return X.to_numpy(dtype, na_value=np.nan)
    X = np.asarray(X)
    if dtype is float or X.dtype == dtype:
        return X.astype(dtype, copy=False)
    with np.errstate(over="ignore"):
        floats = X.astype(dtype)
    most = np.finfo(dtype).max  # `predict` may be asked for any value
    return np.clip(floats, -most, most, out=floats)


def _is_single(X: Any) -> bool:
    """Return whether a large table is of single precision."""
    dtypes = X.dtypes if isinstance(X, pd.DataFrame) else [np.asarray(X).dtype]
    return math.prod(np.shape(X)) >= MANY_CELLS and all(d == np.float32 for d in dtypes)


def _suits_single(floats: np.ndarray, largest: np.ndarray) -> bool:
    """Return whether a large table loses nothing in single precision."""
    if floats.size < MANY_CELLS or floats.dtype == np.float32:
        return floats.dtype == np.float32
    sample = floats[random_rows(len(floats), SAMPLED_ROWS)]
    return all(map(_column_suits_single, sample.T, largest))


def _column_suits_single(values: np.ndarray, largest: float) -> bool:
    values = values[~np.isnan(values)]
    if (values == np.rint(values)).all():
        return largest <= 2.0**24
    n_values, n_left = len(np.unique(values)), len(np.unique(values.astype(np.float32)))
    return n_values - n_left <= MOST_MERGED * n_values


def _seconds(column: pd.Series) -> pd.Series:
    durations = types.is_timedelta64_dtype(column.dtype)
    return column.dt.total_seconds() if durations else column


def _ends(floats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest value of each column, without a copy of any."""
    return np.fmin.reduce(floats, axis=0), np.fmax.reduce(floats, axis=0)


def _offsets(
    X: Any, floats: np.ndarray, low: np.ndarray, high: np.ndarray
) -> dict[int, Any]:
    """Return the lowest value of each column that single precision would merge."""
    # In halves, since the range of huge values overflows.
    largest = np.maximum(np.abs(low), np.abs(high))
    is_far = high / 2 - low / 2 < largest / (2 * FAR)
    # Nothing can be merged in a column of one value; tables may have many of them.
    is_far &= (low < high) | (largest >= EXACT)
    offsets = {}
    for place in np.flatnonzero(is_far):
        values = _exact(X, place)[~np.isnan(floats[:, place])]
        with np.errstate(over="ignore"):
            single = np.unique(values.astype(np.float32))
        if len(single) < len(np.unique(values)):
            offsets[int(place)] = values.min()
    return offsets


def _exact(X: Any, place: int) -> np.ndarray:
    """Return a column in its own precision, anything where values are missing."""
    if not isinstance(X, pd.DataFrame):
        return np.asarray(X)[:, place]
    column = _seconds(X.iloc[:, place])
    if types.is_extension_array_dtype(column.dtype):
        return column.to_numpy(column.dtype.numpy_dtype, na_value=0)
    return column.to_numpy()


def _difference(values: np.ndarray, offset: Any) -> np.ndarray:
    """Return values minus an offset, exact for whole numbers of any size."""
    rough = values.astype(float) - float(offset)
    if values.dtype.kind not in "iu" or not isinstance(offset, np.integer):
        return rough
    # The difference wraps around if it has more than 63 bits: then the floats serve.
    modulo = values.astype(np.uint64) - np.array(offset).astype(np.uint64)
    return np.where(np.abs(rough) < 2.0**62, modulo.view(np.int64), rough)
