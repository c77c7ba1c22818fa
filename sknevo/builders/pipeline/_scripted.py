"""Short parts of scripts, for what tables and ensembles usually need.

`to_script` writes these classes into files that do without sknevo, with the little that
they use of it.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    OneToOneFeatureMixin,
    RegressorMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils.class_weight import compute_sample_weight

from sknevo.builders.pipeline._mlp import fit_mlp, predict_mlp
from sknevo.builders.pipeline._watched_rows import Rows
from sknevo.data_checks import mean_and_std


class Columns(TransformerMixin, BaseEstimator):
    """Takes the columns of a table by their names, each as what it holds."""

    def __init__(self, kinds: dict[Any, str], dates: dict[Any, dict] | None = None):
        self.kinds = kinds
        self.dates = dates

    def fit(self, X: Any, y: Any = None) -> Self:
        return self

    def transform(self, X: Any) -> pd.DataFrame:
        X = pd.DataFrame(X)
        columns = {name: self._read(X[name], name) for name in self.kinds}
        return pd.DataFrame(columns, index=X.index)

    def _read(self, column: pd.Series, name: Any) -> Any:
        match self.kinds[name]:
            case "numeric":
                return pd.to_numeric(column).to_numpy(float, na_value=np.nan)
            case "boolean":
                return column.astype("boolean").to_numpy(float, na_value=np.nan)
            case "datetime":
                return self._moments(column, **self.dates[name])
            case _:
                return column

    def _moments(self, column: pd.Series, form: str | None, zone: str | None) -> Any:
        moments = pd.to_datetime(
            column, format=form, errors="coerce", utc=zone is not None
        )
        return moments.dt.tz_convert(zone) if zone else moments


class AsLabels(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Labels as strings; a missing one is a label, too."""

    def fit(self, X: Any, y: Any = None) -> Self:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> np.ndarray:
        columns = pd.DataFrame(X).astype(object)
        return columns.map(self._label).to_numpy(object)

    def _label(self, value: Any) -> str:
        if pd.isna(value):
            return "(missing)"
        # Whole numbers become floats where values are missing.
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value) if whole else value)


class OnCodes(ClassifierMixin, BaseEstimator):
    """Fits a classifier to the numbers of classes, balanced if asked to."""

    def __init__(self, classifier: BaseEstimator, class_weight: str | None = None):
        self.classifier = classifier
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        self.classes_, codes = np.unique(y, return_inverse=True)
        if self.class_weight is not None:
            balance = compute_sample_weight(self.class_weight, codes)
            sample_weight = balance * (1.0 if sample_weight is None else sample_weight)
        model = clone(self.classifier)
        self.classifier_ = model.fit(X, codes, sample_weight=sample_weight)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.classifier_.predict_proba(X)

    def predict(self, X: Any) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class MeanWeights(BaseEstimator):
    """Trains a network, and keeps the running mean of its weights over epochs."""

    def __init__(self, network: BaseEstimator):
        self.network = network

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        self.network_ = fit_mlp(clone(self.network), Rows(X, y, sample_weight), None)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return predict_mlp(self.network_, X, None)

    predict_proba = predict


class OnStandardTargets(RegressorMixin, BaseEstimator):
    """Fits a regressor to targets in standard deviations from their mean."""

    def __init__(self, regressor: BaseEstimator):
        self.regressor = regressor

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        y = np.asarray(y, float)
        self.centre_, self.scale_ = map(float, mean_and_std(y, sample_weight))
        targets = (y - self.centre_) / (self.scale_ or 1.0)
        targets = targets.astype(np.float32).astype(float)
        model = clone(self.regressor)
        self.regressor_ = model.fit(X, targets, sample_weight=sample_weight)
        return self

    def predict(self, X: Any) -> np.ndarray:
        found = np.asarray(self.regressor_.predict(X), float)
        return found * self.scale_ + self.centre_


class Decided(ClassifierMixin, BaseEstimator):
    """Decides by the probabilities of a classifier in the way that serves a score."""

    def __init__(
        self,
        classifier: BaseEstimator,
        offsets: tuple[float, ...] = (),
        temperature: float = 1.0,
    ):
        self.classifier = classifier
        self.offsets = offsets
        self.temperature = temperature

    def fit(self, X: Any, y: Any) -> Self:
        self.classifier_ = clone(self.classifier).fit(X, y)
        self.classes_ = self.classifier_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        p = self.classifier_.predict_proba(X)
        if self.temperature != 1:
            p = np.maximum(p, np.finfo(float).eps) ** (1 / self.temperature)
        return p / p.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        p = self.classifier_.predict_proba(X)
        if self.offsets:
            p = np.log(np.maximum(p, np.finfo(float).eps)) + self.offsets
        return self.classes_[p.argmax(axis=1)]
