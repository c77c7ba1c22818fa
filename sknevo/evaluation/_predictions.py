"""What scorers take for a fitted estimator, though its predictions are known."""

from collections.abc import Mapping
from functools import wraps
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import ClassifierTags, Tags


class CachingEstimator:
    """A fitted estimator that predicts one X once, however often it is asked.

    Parameters
    ----------
    fitted : estimator
        Predicts. If it, or the last step of a pipeline, has a method `most_probable`,
        which returns the labels for given probabilities, it is asked for these only.
    X : array-like
        The samples of which predictions are kept.
    known : dict of str to ndarray or None, default=None
        Predictions of X that are known already, by method.
    """

    def __init__(
        self, fitted: BaseEstimator, X: Any, known: Mapping[str, Any] | None = None
    ) -> None:
        self.fitted = fitted
        self._X = X
        self._known = dict(known or {})

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.fitted, name)
        if name not in ("predict", "predict_proba", "decision_function"):
            return attribute

        @wraps(attribute)
        def cached(X: Any) -> Any:
            if X is not self._X:
                return attribute(X)
            if name not in self._known:
                self._known[name] = self._predicted(name, X)
            return self._known[name]

        return cached

    def _predicted(self, method: str, X: Any) -> Any:
        most_probable = getattr(last_step(self.fitted), "most_probable", None)
        if method == "predict" and most_probable is not None:
            return most_probable(self.predict_proba(X))
        return getattr(self.fitted, method)(X)


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Return the last step of a pipeline, and any other estimator itself."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


class GivenPredictions(BaseEstimator):
    """An "estimator" that returns predictions that were made before, whatever X is.

    Scorers ask it in place of a model.

    Parameters
    ----------
    predicted : ndarray of shape (n_samples,)
        Labels or values.
    probabilities : ndarray of shape (n_samples, n_classes) or None, default=None
        Of a classifier.
    labels : ndarray of shape (n_classes,) or None, default=None
        Of a classifier, in the order of the columns.
    """

    def __init__(
        self,
        predicted: np.ndarray,
        probabilities: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        self.predicted = predicted
        self.probabilities = probabilities
        self.labels = labels

    @property
    def classes_(self) -> np.ndarray | None:
        return self.labels

    def predict(self, X: Any) -> np.ndarray:
        return self.predicted

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.probabilities

    def decision_function(self, X: Any) -> np.ndarray:
        certain = self.probabilities
        return certain[:, -1] - certain[:, 0] if len(self.labels) < 3 else certain

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor" if self.labels is None else "classifier"
        if self.labels is not None:
            tags.classifier_tags = ClassifierTags()
        return tags
