"""The first step of a pipeline: columns of any kind become numbers."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder
from sklearn.utils.validation import validate_data

from sknevo.records import Column, DataSpec

# Columns of a one-hot encoding at most; the rarer labels share one. Chosen, not
# measured.
MAX_CATEGORIES = 40
# Columns that the character n-grams of a text become. Chosen, not measured.
NGRAM_COMPONENTS = 8
SECONDS_PER_DAY = 24 * 60 * 60


def make_preparation(spec: DataSpec, genes: dict[str, Any]) -> BaseEstimator:
    """Return an unfitted transformer of a table to a dense array of floats.

    Parameters
    ----------
    spec : DataSpec
        Its columns decide about the transformers.
    genes : dict
        The expressed genes of "preparation", those alone that concern some column. NaN
        is left only if the imputation is "none".
    """
    kinds = {
        ("numeric", "boolean"): _numeric(genes),
        ("datetime",): make_pipeline(_Dates(), _numeric(genes)),
        ("categorical",): _encoder(spec, genes),
        ("text",): _text(spec, genes),
    }
    parts = []
    for names, transformer in kinds.items():
        places = [i for i, column in enumerate(spec.columns) if column.kind in names]
        if places:
            parts.append((names[0], transformer, places))
    if [name for name, *_ in parts] == ["numeric"]:
        # The common case. A ColumnTransformer takes longer than the imputer itself.
        return parts[0][1]
    return ColumnTransformer(parts, sparse_threshold=0, verbose_feature_names_out=False)


def prepared_width(spec: DataSpec, genes: dict[str, Any]) -> int:
    """Return roughly how many columns the preparation makes."""
    return sum(_width(column, genes) for column in spec.columns)


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
        imputer = SimpleImputer(
            strategy=strategy,
            keep_empty_features=True,
            add_indicator=genes.get("missing_indicator", False),
        )
        steps.append(("imputer", imputer))
    return Pipeline(steps)


def _encoder(spec: DataSpec, genes: dict[str, Any]) -> BaseEstimator:
    rare = genes.get("min_frequency", 0.0) or None
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
        case _:
            encoder = _target_encoder(spec)
    return make_pipeline(_Labels(), encoder)


def _target_encoder(spec: DataSpec) -> TargetEncoder:
    # "auto" looks at the classes of the split: a user's `cv` may leave two of many.
    kind = "auto" if spec.task == "classification" else "continuous"
    # A fixed seed: candidates share fitted preparations.
    return TargetEncoder(target_type=kind, cv=KFold(3, shuffle=True, random_state=0))


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


class ArrayTransformer(TransformerMixin, BaseEstimator):
    """A transformer that returns arrays under any configuration of scikit-learn."""

    # scikit-learn looks at this before its global configuration.
    _sklearn_output_config = {"transform": "default"}

    def set_output(self, *, transform: str | None = None) -> Self:
        """Return itself: the output stays an array."""
        return self


class _Stateless(ArrayTransformer):
    """A transformer that learns nothing but the number of columns."""

    def fit(self, X: Any, y: Any = None) -> Self:
        self.n_features_in_ = X.shape[1]
        return self


class _Floats(OneToOneFeatureMixin, _Stateless):
    """Numbers and booleans as floats, NaN where they are missing.

    A column without any value becomes zeros, since not all boosters can bin it.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        validate_data(self, X, skip_check_array=True)
        self.empty_ = np.isnan(_floats(X)).all(axis=0)
        return self

    def transform(self, X: Any) -> np.ndarray:
        validate_data(self, X, reset=False, skip_check_array=True)
        floats = _floats(X)
        return np.where(self.empty_, 0.0, floats) if self.empty_.any() else floats


def _floats(X: Any) -> np.ndarray:
    if isinstance(X, pd.DataFrame):
        # Converting column by column is slow. Only other types need it.
        numbers = all(map(pd.api.types.is_numeric_dtype, X.dtypes))
        X = X if numbers else X.apply(_numbers)
        return X.to_numpy(float, na_value=np.nan)
    return np.asarray(X, float)


def _numbers(column: pd.Series) -> pd.Series:
    durations = pd.api.types.is_timedelta64_dtype(column.dtype)
    return column.dt.total_seconds() if durations else pd.to_numeric(column)


class _Labels(OneToOneFeatureMixin, _Stateless):
    """Labels as strings, which all encoders can sort; missing becomes a label."""

    def transform(self, X: Any) -> np.ndarray:
        return np.column_stack(_columns_of_labels(X))


def _columns_of_labels(X: Any) -> list[np.ndarray]:
    frame = pd.DataFrame(X)
    return [_labels(frame.iloc[:, i]) for i in range(frame.shape[1])]


def _labels(column: pd.Series) -> np.ndarray:
    """Return the values as strings that do not depend on the column's type.

    Otherwise a single gap would rename all other values: 1 becomes 1.0 beside NaN.
    """
    codes, values = pd.factorize(column.astype(object))
    return np.array([*map(_label, values), "(missing)"], object)[codes]


def _label(value: Any) -> str:
    # Whole numbers become floats where values are missing.
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


class _Dates(_Stateless):
    """Year, month, day, weekday, hour, and days elapsed since 1970."""

    def transform(self, X: Any) -> np.ndarray:
        frame = pd.DataFrame(X)
        columns = [self._numbers(frame.iloc[:, i]) for i in range(frame.shape[1])]
        return np.column_stack(columns)

    @staticmethod
    def _numbers(column: pd.Series) -> np.ndarray:
        strings = pd.api.types.infer_dtype(column, skipna=True) == "string"
        how = {"format": "ISO8601", "errors": "coerce"} if strings else {}
        moments = pd.to_datetime(column, utc=True, **how)
        # In seconds: nanoseconds end in 2262, and some tables have the year 9999.
        since = moments - pd.Timestamp(0, tz="UTC").as_unit("s")
        elapsed = since.dt.total_seconds() / SECONDS_PER_DAY
        date = moments.dt
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
