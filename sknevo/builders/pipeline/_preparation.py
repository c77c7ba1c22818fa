"""The first step of a pipeline: columns of any kind, or images, become numbers."""

import math
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from sknevo.builders.pipeline._copies import BesideCopies
from sknevo.builders.pipeline._features import SquashingScaler
from sknevo.builders.pipeline._filter import UnivariateFilter
from sknevo.builders.pipeline._floats import (
    MANY_CELLS,
    Floats,
    Imputer,
    Single,
    SparseFloats,
)
from sknevo.builders.pipeline._generated import KEPT, GroupFeatures, PairFeatures
from sknevo.builders.pipeline._images import image_features, image_seconds
from sknevo.builders.pipeline._texts import (
    NamedTransformer,
    keeps_words,
    text_seconds,
    text_size,
    text_transformers,
)
from sknevo.builders.pipeline._transformers import Stateless
from sknevo.columns._kinds import to_labels
from sknevo.data_checks import mean_and_std
from sknevo.image_stream._feature_widths import features_width
from sknevo.records import Column, DataSpec

# Columns of a one-hot encoding at most, if it is dense; the rarer labels share one.
# Chosen, not measured.
MAX_CATEGORIES = 40
# A category is merged with others if its share of the rows is small, but not if it has
# so many rows, which tell enough of it. Chosen, not measured.
MOST_RARE = 30
# Categories of a column that a model takes as they are; the rarer ones share one. The
# bins of scikit-learn's booster hold no more. Others take all: with LightGBM the loss
# was 0.8 % lower than with 254 on samples of ratings of thousands of films, and the
# same on flights of thousands of aeroplanes (benchmarks/labels.py).
MAX_NATIVE_CATEGORIES = {"hist_gradient_boosting": 254}
SECONDS_PER_DAY = 24 * 60 * 60
# Seconds for each value of a table that is filtered, or converted and imputed. Measured
# on 800 rows of 4,000 columns.
FILTER_SECONDS, FLOATS_SECONDS = 2e-8, 6e-8
NO_LABEL = "(missing)"
# These decide for themselves whether single precision suffices.
OWN_PRECISION = ("numeric", "datetime")


def make_preparation(
    spec: DataSpec, genes: dict[str, Any], model: str = ""
) -> BaseEstimator:
    """Return an unfitted transformer of a table, or of images, to an array of floats.

    The array is dense, or sparse if the table is, or if each word of a text has a
    column. Beside words each label has one, too, and all else is squashed.

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
    if "features" in genes:
        features = image_features(genes["features"])
        moved = genes.get("copies", {}).get("moved")
        return features if moved is None else BesideCopies(features, **moved)
    if spec.sparse:
        return _sparse(spec, genes)
    text_genes = genes.get("text", {})
    texts = text_transformers(text_genes, spec.columns)
    others = _transformers(spec, genes, model)
    if not texts:
        return _dense(spec, genes, others)
    # Labels with a column for each stay sparse beside words.
    is_sparse, labels = keeps_words(text_genes), []
    if is_sparse and genes.get("encoding") == "onehot":
        labels = [one for one in others if one[0] == "categorical"]
        others = [one for one in others if one[0] != "categorical"]
    transformers = [*labels, *texts]
    if others:
        dense = _dense(spec, genes, others)
        if is_sparse:
            dense = make_pipeline(dense, SquashingScaler())
        # First, since categories that a model takes as they are must be.
        transformers.insert(0, ("others", dense, [*range(len(spec.columns))]))
    return ColumnTransformer(transformers, sparse_threshold=float(is_sparse))


def _transformers(
    spec: DataSpec, genes: dict[str, Any], model: str
) -> list[NamedTransformer]:
    """Return what prepares each kind of columns, apart from words of texts."""
    by_group = {
        "categorical": _encoder(spec, genes, MAX_NATIVE_CATEGORIES.get(model)),
        "numeric": _numeric(genes),
        "datetime": make_pipeline(_Dates(), _numeric(genes)),
        "ordered": _ordinal_encoder(spec),
    }
    if genes.get("text", {}).get("target"):
        by_group["text"] = make_pipeline(_Labels(), _target_encoder(spec))
    groups = [_group(column, genes) for column in spec.columns]
    transformers = []
    for name, transformer in by_group.items():
        places = [i for i, group in enumerate(groups) if group == name]
        if places:
            transformers.append((name, transformer, places))
    return transformers + _generated(spec, genes, groups)


def _dense(
    spec: DataSpec, genes: dict[str, Any], transformers: list[NamedTransformer]
) -> BaseEstimator:
    """Return a transformer to a dense array, with the filter if there is one."""
    filters = _filters(spec, genes)
    if [name for name, *_ in transformers] == ["numeric"]:
        # The common case. A ColumnTransformer takes longer than the imputer itself.
        _, numbers, places = transformers[0]
        # What is left out first costs nothing later, nor in `predict`.
        if len(places) == len(spec.columns):
            return Pipeline([*filters, *numbers.steps])
    if spec.n_samples * len(spec.columns) >= MANY_CELLS:
        transformers = [
            (name, one if name in OWN_PRECISION else make_pipeline(one, Single()), at)
            for name, one, at in transformers
        ]
    prepared = ColumnTransformer(
        transformers, sparse_threshold=0, verbose_feature_names_out=False
    )
    return Pipeline([("columns", prepared), *filters]) if filters else prepared


def _filters(spec: DataSpec, genes: dict[str, Any]) -> list[tuple[str, BaseEstimator]]:
    """Return the filter of columns as a step, if there is one."""
    match genes.get("filter"):
        case {"univariate": options}:
            classifies = spec.task == "classification"
            return [("filter", UnivariateFilter(classifies=classifies, **options))]
        case _:
            return []


def _generated(
    spec: DataSpec, genes: dict[str, Any], groups: list[str]
) -> list[NamedTransformer]:
    """Return what makes features beside those of the columns themselves."""
    classifies = spec.task == "classification"
    numbers = [i for i, group in enumerate(groups) if group == "numeric"]
    labels = [
        i for i, column in enumerate(spec.columns) if column.kind == "categorical"
    ]
    floats = _numeric({**genes, "missing_indicator": False})
    by_gene = {
        "targets": (make_pipeline(_Labels(), _target_encoder(spec)), labels),
        "counts": (_Counts(), labels),
        "pairs": (make_pipeline(floats, PairFeatures(classifies)), numbers),
        "groups": (
            GroupFeatures(floats, _Labels(), len(numbers), classifies),
            [*numbers, *labels],
        ),
    }
    return [(name, *one) for name, one in by_gene.items() if genes.get(name)]


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


def prepared_size(spec: DataSpec, genes: dict[str, Any]) -> tuple[float, float]:
    """Return roughly how many columns the preparation makes, and what is not zero.

    That is the share of the values that are stored: 1.0 of a dense table.
    """
    if "features" in genes:
        return features_width(genes["features"], spec), 1.0
    width = _table_width(spec, genes)
    text = genes.get("text", {})
    n_texts, stored = text_size(text, spec.columns, spec.n_samples)
    if not keeps_words(text):
        return width + n_texts, spec.density
    return width + n_texts, (width + stored) / max(1.0, width + n_texts)


def _table_width(spec: DataSpec, genes: dict[str, Any]) -> int:
    """Return roughly how many columns are made of all but the words of texts."""
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

    It matters on wide tables, of texts and of images, where it may take longer than the
    model.
    """
    if "features" in genes:
        return image_seconds(genes["features"], spec)
    texts = text_seconds(genes.get("text", {}), spec.columns, spec.n_samples)
    if "filter" not in genes:
        return texts
    each = FILTER_SECONDS if "univariate" in genes["filter"] else FLOATS_SECONDS
    return texts + each * spec.density * spec.n_samples * len(spec.columns)


def _width(column: Column, genes: dict[str, Any]) -> int:
    match column.kind:
        case "datetime":
            return 6
        case "text":
            return int(genes.get("text", {}).get("target", False))
        case "categorical" if genes.get("encoding") == "onehot":
            is_sparse = keeps_words(genes.get("text", {}))
            return min(
                column.n_unique, column.n_unique if is_sparse else MAX_CATEGORIES
            )
        case _:
            return 1


def _numeric(genes: dict[str, Any]) -> Pipeline:
    strategy = genes.get("imputation", "median")
    steps = [("floats", Floats())]
    if strategy != "none":
        imputer = Imputer(
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
    return Pipeline([*steps, ("floats", SparseFloats())])


def _encoder(
    spec: DataSpec, genes: dict[str, Any], most_native: int | None
) -> BaseEstimator:
    share = genes.get("min_frequency", 0.0)
    rare = min(MOST_RARE, math.ceil(share * spec.n_samples)) or None
    is_sparse = keeps_words(genes.get("text", {}))
    match genes.get("encoding"):
        case "onehot":
            encoder = OneHotEncoder(
                handle_unknown="infrequent_if_exist",
                min_frequency=rare,
                max_categories=None if is_sparse else MAX_CATEGORIES,
                sparse_output=is_sparse,
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
    """An encoder that gives values without the unit and the offset of y.

    Models that compute in single precision would lose the digits behind an offset.
    """

    def fit_transform(self, X: Any, y: Any) -> np.ndarray:
        y = np.asarray(y, float)
        centre, scale = mean_and_std(y)
        return super().fit_transform(X, (y - centre) / (scale or 1.0))


class _Labels(OneToOneFeatureMixin, Stateless):
    """Labels as strings, which all encoders can sort; missing becomes a label."""

    def transform(self, X: Any) -> np.ndarray:
        return np.column_stack(_columns_of_labels(X))


def _columns_of_labels(X: Any) -> list[np.ndarray]:
    frame = pd.DataFrame(X)
    return [_labels(frame.iloc[:, i]) for i in range(frame.shape[1])]


def _labels(column: pd.Series) -> np.ndarray:
    labels = to_labels(column)
    return np.array([*labels.categories, NO_LABEL], object)[labels.codes]


class _Counts(OneToOneFeatureMixin, Stateless):
    """The logarithm of how many rows of `fit` have the same label."""

    def fit(self, X: Any, y: Any = None) -> Self:
        super().fit(X)
        counts = [pd.Series(c).value_counts() for c in _columns_of_labels(X)]
        # Plain values, which files of skops can hold.
        self.counts_ = [one.to_dict() for one in counts]
        return self

    def transform(self, X: Any) -> np.ndarray:
        columns = zip(self.counts_, _columns_of_labels(X), strict=True)
        found = [
            pd.Series(counts).reindex(labels, fill_value=0)
            for counts, labels in columns
        ]
        return np.log1p(np.column_stack(found))


class _Dates(Stateless):
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
