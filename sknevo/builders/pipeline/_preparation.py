"""The first step of a pipeline: columns of any kind become numbers."""

import math
import warnings
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api import types
from scipy.sparse import csr_matrix, issparse
from sklearn import config_context
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.feature_selection import f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import validate_data

from sknevo.builders.pipeline._generated import (
    KEPT,
    GroupFeatures,
    PairFeatures,
    standardized_targets,
)
from sknevo.builders.pipeline._kinds import to_labels
from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.data_checks import mean_and_std, random_rows
from sknevo.records import Column, DataSpec

# Columns of a one-hot encoding at most; the rarer labels share one. Chosen, not
# measured.
MAX_CATEGORIES = 40
# A category is merged with others if its share of the rows is small, but not if it has
# so many rows, which tell enough of it. Chosen, not measured.
MOST_RARE = 30
# Categories of a column that a model takes as they are; the rarer ones share one. The
# bins of scikit-learn's booster hold no more. Others take all: with LightGBM the loss
# was 0.8 % lower than with 254 on samples of ratings of thousands of films, and the
# same on flights of thousands of aeroplanes (benchmarks/labels.py).
MAX_NATIVE_CATEGORIES = {"hist_gradient_boosting": 254}
# Columns that the character n-grams of a text become. Chosen, not measured.
NGRAM_COMPONENTS = 8
SECONDS_PER_DAY = 24 * 60 * 60
# Values that are more than FAR times as large as their range may need an offset in
# single precision, which tells 2**24 steps apart. Chosen, not measured.
FAR = 8
# Tables of so many numbers are kept in single precision if that loses nothing: at most
# this share of the different values of a column, and no whole numbers. On the rows of a
# sample. Smaller tables need no memory to be saved. Chosen, not measured.
MANY_CELLS, MOST_MERGED, SAMPLED_ROWS = 1_000_000, 5e-4, 20_000
# The largest whole numbers that floats tell apart.
EXACT = 2.0**53
# Values of a table that a filter looks at at a time: more would not fit into a
# processor's cache. Chosen, not measured.
CELLS = 500_000
# Bins of a column for its score. Chosen, not measured.
BINS = 8
# Seconds for each value of a table that is filtered, or converted and imputed. Measured
# on 800 rows of 4,000 columns.
FILTER_SECONDS, FLOATS_SECONDS = 2e-8, 6e-8
# Beyond 2**WIDE, or below its inverse, squares and products of values leave the range
# of single precision.
WIDE = 63
NO_LABEL = "(missing)"


def make_preparation(
    spec: DataSpec, genes: dict[str, Any], model: str = ""
) -> BaseEstimator:
    """Return an unfitted transformer of a table to an array of floats.

    The array is dense, or sparse if the table is.

    Parameters
    ----------
    spec : DataSpec
        Its columns decide about the transformers.
    genes : dict
        The expressed genes of "preparation", those alone that concern some column. NaN
        is left only if the imputation is "none", or for unseen "native" categories.
    model : str, default=""
        The name of the model, which may take so many categories only.
    """
    if spec.sparse:
        return _sparse(spec, genes)
    transformers = {
        "categorical": _encoder(spec, genes, MAX_NATIVE_CATEGORIES.get(model)),
        "numeric": _numeric(genes),
        "datetime": make_pipeline(_Dates(), _numeric(genes)),
        "ordered": _ordinal_encoder(spec),
        "text": _text(spec, genes),
    }
    groups = [_group(column, genes) for column in spec.columns]
    parts = []
    for name, transformer in transformers.items():
        places = [i for i, group in enumerate(groups) if group == name]
        if places:
            parts.append((name, transformer, places))
    parts += _generated(spec, genes, groups)
    filters = _filters(spec, genes)
    if [name for name, *_ in parts] == ["numeric"]:
        # The common case. A ColumnTransformer takes longer than the imputer itself.
        steps = parts[0][1].steps
        # What is left out first costs nothing later, nor in `predict`.
        return Pipeline([*filters, *steps])
    if spec.n_samples * len(spec.columns) >= MANY_CELLS:
        # Numbers decide for themselves whether single precision suffices.
        parts = [
            (name, part if name in ("numeric", "datetime") else _single(part), places)
            for name, part, places in parts
        ]
    prepared = ColumnTransformer(
        parts, sparse_threshold=0, verbose_feature_names_out=False
    )
    return Pipeline([("columns", prepared), *filters]) if filters else prepared


def _filters(spec: DataSpec, genes: dict[str, Any]) -> list[tuple[str, BaseEstimator]]:
    """Return the filter of columns as a step, if there is one."""
    match genes.get("filter"):
        case {"univariate": kept}:
            classifies = spec.task == "classification"
            return [("filter", _UnivariateFilter(classifies=classifies, **kept))]
        case _:
            return []


def _single(part: Any) -> Any:
    """Return a transformer with an output of single precision."""
    return part if part == "drop" else make_pipeline(part, _Single())


def _generated(
    spec: DataSpec, genes: dict[str, Any], groups: list[str]
) -> list[tuple[str, BaseEstimator, list[int]]]:
    """Return the parts that make features beside the columns themselves."""
    classifies = spec.task == "classification"
    numbers = [i for i, group in enumerate(groups) if group == "numeric"]
    labels = [
        i for i, column in enumerate(spec.columns) if column.kind == "categorical"
    ]
    floats = _numeric({**genes, "missing_indicator": False})
    parts = {
        "targets": (make_pipeline(_Labels(), _target_encoder(spec)), labels),
        "counts": (_Counts(), labels),
        "pairs": (make_pipeline(floats, PairFeatures(classifies)), numbers),
        "groups": (
            GroupFeatures(floats, _Labels(), len(numbers), classifies),
            [*numbers, *labels],
        ),
    }
    return [(name, *part) for name, part in parts.items() if genes.get(name)]


def n_native(spec: DataSpec, genes: dict[str, Any]) -> int:
    """Return in how many columns, the first ones, numbers stand for categories."""
    if genes.get("encoding") != "native":
        return 0
    return [_group(column, genes) for column in spec.columns].count("categorical")


def _group(column: Column, genes: dict[str, Any]) -> str:
    """Return the name of the transformer that prepares a column."""
    if column.kind == "boolean":
        return "numeric"
    if column.kind == "categorical" and column.order:
        keeps_order = genes.get("encoding") in ("ordinal", "native")
        return "ordered" if keeps_order else "categorical"
    return column.kind


def prepared_width(spec: DataSpec, genes: dict[str, Any]) -> int:
    """Return roughly how many columns the preparation makes."""
    added = KEPT * (genes.get("pairs", False) + genes.get("groups", False))
    of_labels = genes.get("targets", False) + genes.get("counts", False)
    if of_labels:
        added += of_labels * sum(c.kind == "categorical" for c in spec.columns)
    columns = len(spec.columns)
    if not spec.sparse:
        columns = sum(_width(column, genes) for column in spec.columns)
    width = added + columns
    match genes.get("filter"):
        case {"univariate": {"n_columns": n}}:
            return min(n, width)
        case _:
            return width


def prepared_seconds(spec: DataSpec, genes: dict[str, Any]) -> float:
    """Return roughly how long the preparation takes on one core.

    It matters on wide tables, where it may take longer than the model.
    """
    each = FLOATS_SECONDS if _filters(spec, genes) == [] else FILTER_SECONDS
    density = spec.sparse.density if spec.sparse else 1.0
    n_values = density * spec.n_samples * len(spec.columns)
    return each * n_values if "filter" in genes else 0.0


def _width(column: Column, genes: dict[str, Any]) -> int:
    match column.kind:
        case "datetime":
            return 6
        case "text":
            return {"drop": 0, "ngrams": NGRAM_COMPONENTS}.get(genes.get("text"), 1)
        case "categorical" if genes.get("encoding") == "onehot":
            return min(column.n_unique, MAX_CATEGORIES)
        case _:
            return 1


def _numeric(genes: dict[str, Any]) -> Pipeline:
    strategy = genes.get("imputation", "median")
    steps = [("floats", _Floats())]
    if strategy != "none":
        imputer = _Imputer(
            strategy=strategy,
            keep_empty_features=True,
            add_indicator=genes.get("missing_indicator", False),
        )
        steps.append(("imputer", imputer))
    return Pipeline(steps)


def _sparse(spec: DataSpec, genes: dict[str, Any]) -> Pipeline:
    """Return a preparation of sparse numbers."""
    imputer = SimpleImputer(
        # Gaps in columns that were complete in `fit` are zero, as most values are.
        strategy=genes.get("imputation", "constant"),
        fill_value=0.0,
        keep_empty_features=True,
        add_indicator=genes.get("missing_indicator", False),
    )
    steps = [("imputer", imputer), *_filters(spec, genes)]
    return Pipeline([*steps, ("floats", _SparseFloats())])


def _encoder(
    spec: DataSpec, genes: dict[str, Any], most_native: int | None
) -> BaseEstimator:
    share = genes.get("min_frequency", 0.0)
    rare = min(MOST_RARE, math.ceil(share * spec.n_samples)) or None
    match genes.get("encoding"):
        case "onehot":
            encoder = OneHotEncoder(
                handle_unknown="infrequent_if_exist",
                min_frequency=rare,
                max_categories=MAX_CATEGORIES,
                sparse_output=False,
            )
        case "ordinal":
            encoder = OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=-1,
                encoded_missing_value=-2,
                min_frequency=rare,
            )
        case "native":
            encoder = OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=np.nan,
                max_categories=most_native,
            )
        case _:
            encoder = _target_encoder(spec)
    return make_pipeline(_Labels(), encoder)


def _ordinal_encoder(spec: DataSpec) -> Pipeline:
    """Return an encoder that keeps the order of ordered categories."""
    orders = [[NO_LABEL, *column.order] for column in spec.columns if column.order]
    encoder = OrdinalEncoder(
        categories=orders, handle_unknown="use_encoded_value", unknown_value=-1
    )
    return make_pipeline(_Labels(), encoder)


def _target_encoder(spec: DataSpec) -> TargetEncoder:
    # A fixed seed: candidates share fitted preparations.
    cv = KFold(3, shuffle=True, random_state=0)
    if spec.task == "regression":
        return _StandardizedTargetEncoder(target_type="continuous", cv=cv)
    # "auto" looks at the classes of the split: a user's `cv` may leave two of many.
    return TargetEncoder(target_type="auto", cv=cv)


class _StandardizedTargetEncoder(TargetEncoder):
    """An encoder whose values have neither the unit nor the offset of y.

    Models that compute in single precision would lose the digits behind an offset.
    """

    def fit_transform(self, X: Any, y: Any) -> np.ndarray:
        y = np.asarray(y, float)
        centre, scale = mean_and_std(y)
        return super().fit_transform(X, (y - centre) / (scale or 1.0))


def _text(spec: DataSpec, genes: dict[str, Any]) -> Any:
    match genes.get("text"):
        case "drop":
            return "drop"
        case "ngrams":
            return _Columnwise(
                make_pipeline(
                    HashingVectorizer(
                        analyzer="char_wb", ngram_range=(2, 4), n_features=2**12
                    ),
                    TfidfTransformer(),
                    TruncatedSVD(NGRAM_COMPONENTS, random_state=0),
                )
            )
        case _:
            return make_pipeline(_Labels(), _target_encoder(spec))


class _Stateless(ArrayTransformer):
    """A transformer that learns nothing but the number of columns."""

    def fit(self, X: Any, y: Any = None) -> Self:
        self.n_features_in_ = X.shape[1]
        return self


class _Single(OneToOneFeatureMixin, _Stateless):
    """Numbers in single precision."""

    def transform(self, X: Any) -> Any:
        return X.astype(np.float32)


class _Imputer(SimpleImputer):
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


class _UnivariateFilter(ArrayTransformer):
    """Keeps the columns that tell most of the target, each by itself.

    Missing values count as the mean of their column.

    Parameters
    ----------
    n_columns : int
        Columns that are kept, all of them if there are fewer.
    classifies : bool
        Whether the target is a class.
    relation : {"linear", "any"}, default="linear"
        "linear" ranks columns by the F statistic of a linear relation with the target.
        "any" ranks those of a dense table by their bins, too, and takes the better of
        both ranks.
    """

    def __init__(
        self, n_columns: int, classifies: bool, relation: str = "linear"
    ) -> None:
        self.n_columns = n_columns
        self.classifies = classifies
        self.relation = relation

    def fit(self, X: Any, y: Any) -> Self:
        """Rank the columns of a DataFrame or an array of numbers, maybe sparse."""
        self.n_features_in_ = X.shape[1]
        linear = f_classif if self.classifies else f_regression
        targets = standardized_targets(y, self.classifies)
        scores = []
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.filterwarnings("ignore", "Features .* are constant")
            for part in [X] if issparse(X) else _centred_parts(X):
                scores.append([linear(part, y)[0]])
                if self.relation == "any":
                    scores[-1].append(_told_by_bins(part, targets))
        scores = np.nan_to_num(np.concatenate(scores, axis=1), nan=-np.inf)
        ranks = np.argsort(np.argsort(-scores, kind="stable"), kind="stable")
        best = np.argsort(ranks.min(axis=0), kind="stable")
        self.kept_ = np.sort(best[: self.n_columns])
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns that are kept."""
        return _safe_indexing(X, self.kept_, axis=1)


def _centred_parts(X: Any) -> Iterator[np.ndarray]:
    """Yield some columns at a time, complete, with a mean of zero."""
    step = max(1, CELLS // len(X))
    for begin in range(0, X.shape[1], step):
        part = X.iloc if isinstance(X, pd.DataFrame) else X
        floats = _floats(part[:, begin : begin + step])
        missing = np.isnan(floats)
        counts = np.maximum(1, np.count_nonzero(~missing, axis=0))
        means = np.sum(floats, axis=0, where=~missing) / counts
        yield np.where(missing, 0.0, floats - means)


def _told_by_bins(X: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the share of the targets' variance between the bins of each column.

    What that many bins of noise would tell is subtracted.
    """
    n_rows, n_columns = X.shape
    # In single precision sorting takes half the time.
    X, targets = X.astype(np.float32), targets.astype(np.float32)
    edges = np.sort(X, axis=0)[np.arange(1, BINS) * n_rows // BINS]
    above = [(edge < X).astype(np.float32) for edge in edges]
    counts = [np.full(n_columns, n_rows), *(a.sum(axis=0) for a in above)]
    # The sum of all standardised targets is zero.
    sums = [np.zeros((targets.shape[1], n_columns)), *(targets.T @ a for a in above)]
    counts = -np.diff(counts, axis=0, append=0)
    sums = -np.diff(sums, axis=0, append=0)
    between = (sums**2 / np.maximum(counts, 1)[:, None]).sum(axis=(0, 1))
    return between / targets.size - (np.count_nonzero(counts, axis=0) - 1) / n_rows


class _Floats(OneToOneFeatureMixin, _Stateless):
    """Numbers, booleans and durations as floats, NaN where they are missing.

    A column without any value becomes zeros, since not all boosters can bin it. Where
    single precision, which XGBoost computes with, would merge values, an offset is
    subtracted, and columns beyond its range are divided by a power of two.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        validate_data(self, X, skip_check_array=True)
        floats = _floats(X, np.float32 if _is_single(X) else float)
        # Columns are reduced without copies: they may be millions of rows.
        self.empty_ = np.isnan(np.fmin.reduce(floats, axis=0))
        self.offsets_ = _offsets(X, floats)
        shifted = self._shifted(X, floats)
        ends = np.fmin.reduce(shifted, axis=0), np.fmax.reduce(shifted, axis=0)
        largest = np.maximum(*np.abs(ends))
        self.powers_ = _powers(largest)
        suits = _suits_single(shifted, largest) and not self.powers_.any()
        self.dtype_ = np.float32 if suits else float
        return self

    def transform(self, X: Any) -> np.ndarray:
        validate_data(self, X, reset=False, skip_check_array=True)
        floats = self._shifted(X, _floats(X, self.dtype_))
        return _in_range(floats, self.powers_) if self.powers_.any() else floats

    def _shifted(self, X: Any, floats: np.ndarray) -> np.ndarray:
        """Return floats without empty columns and offsets."""
        if self.offsets_ or self.empty_.any():
            floats = np.where(self.empty_, floats.dtype.type(0), floats)
        for place, offset in self.offsets_.items():
            exact = _difference(_exact(X, place), offset)
            floats[:, place] = np.where(np.isnan(floats[:, place]), np.nan, exact)
        return floats


class _SparseFloats(OneToOneFeatureMixin, _Stateless):
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
    return np.where(np.abs(powers) > WIDE + 1, powers, 0)


def _in_range(floats: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Return finite values, divided by powers of two."""
    with np.errstate(over="ignore", under="ignore"):
        floats = np.ldexp(floats, -powers)
    most = np.finfo(floats.dtype).max  # `predict` may be asked for any value
    return np.clip(floats, -most, most)


def _floats(X: Any, dtype: type = float) -> np.ndarray:
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


def _offsets(X: Any, floats: np.ndarray) -> dict[int, Any]:
    """Return the lowest value of each column that single precision would merge."""
    low, high = np.fmin.reduce(floats, axis=0), np.fmax.reduce(floats, axis=0)
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


class _Labels(OneToOneFeatureMixin, _Stateless):
    """Labels as strings, which all encoders can sort; missing becomes a label."""

    def transform(self, X: Any) -> np.ndarray:
        return np.column_stack(_columns_of_labels(X))


def _columns_of_labels(X: Any) -> list[np.ndarray]:
    frame = pd.DataFrame(X)
    return [_labels(frame.iloc[:, i]) for i in range(frame.shape[1])]


def _labels(column: pd.Series) -> np.ndarray:
    labels = to_labels(column)
    return np.array([*labels.categories, NO_LABEL], object)[labels.codes]


class _Counts(OneToOneFeatureMixin, _Stateless):
    """The logarithm of how many rows of `fit` have the same label."""

    def fit(self, X: Any, y: Any = None) -> Self:
        super().fit(X)
        self.counts_ = [pd.Series(c).value_counts() for c in _columns_of_labels(X)]
        return self

    def transform(self, X: Any) -> np.ndarray:
        columns = zip(self.counts_, _columns_of_labels(X), strict=True)
        found = [counts.reindex(labels, fill_value=0) for counts, labels in columns]
        return np.log1p(np.column_stack(found))


class _Dates(_Stateless):
    """Year, month, day, weekday, hour of local time, and days elapsed since 1970."""

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        return np.column_stack([self._numbers(X.iloc[:, i]) for i in range(X.shape[1])])

    @staticmethod
    def _numbers(column: pd.Series) -> np.ndarray:
        # Not in nanoseconds: they end in 2262, and some tables have the year 9999.
        since = column - pd.Timestamp(0, tz=column.dt.tz).as_unit("us")
        elapsed = since.dt.total_seconds() / SECONDS_PER_DAY
        date = column.dt
        parts = [date.year, date.month, date.day, date.day_of_week, date.hour, elapsed]
        return np.column_stack([part.to_numpy(float) for part in parts])


class _Columnwise(_Stateless):
    """Fits a transformer of strings to each column of text."""

    def __init__(self, transformer: BaseEstimator) -> None:
        self.transformer = transformer

    def fit(self, X: Any, y: Any = None) -> Self:
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        n_columns = pd.DataFrame(X).shape[1]
        self.transformers_ = [clone(self.transformer) for _ in range(n_columns)]
        return self._apply("fit_transform", X)

    def transform(self, X: Any) -> np.ndarray:
        return self._apply("transform", X)

    def _apply(self, method: str, X: Any) -> np.ndarray:
        pairs = zip(self.transformers_, _columns_of_labels(X), strict=True)
        # The user's configuration would reach the transformers inside.
        with config_context(transform_output="default"):
            return np.hstack([getattr(one, method)(labels) for one, labels in pairs])
