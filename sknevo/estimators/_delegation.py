"""What an evolved estimator can do because the one inside can."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.utils import Tags, get_tags
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknevo.estimators._refit import refitted

__all__ = ["DelegatingMixin"]


def _has(method: str) -> Callable[["DelegatingMixin"], bool]:
    """Return a check of whether the estimator, the best one if fitted, has a method."""

    def check(search: "DelegatingMixin") -> bool:
        refitted(search)
        # Raises AttributeError, as it should, if it has not.
        getattr(getattr(search, "best_estimator_", search.estimator), method)
        return True

    return check


class DelegatingMixin:
    """Hands data to `best_estimator_` as they are; stands before `BaseEvolved`."""

    def _ask(self, method: str, X: Any) -> Any:
        check_is_fitted(self, "best_estimator_")
        return getattr(self.best_estimator_, method)(self._validate_X(X))

    @available_if(_has("predict"))
    def predict(self, X: Any) -> np.ndarray:
        """Predict with the best individual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._ask("predict", X)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._ask("predict_proba", X)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._ask("predict_log_proba", X)

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the confidence in each class, or how ordinary samples are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._ask("decision_function", X)

    @available_if(_has("score_samples"))
    def score_samples(self, X: Any) -> np.ndarray:
        """Return how likely or ordinary each sample is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._ask("score_samples", X)

    @available_if(_has("transform"))
    def transform(self, X: Any) -> Any:
        """Transform with the best individual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.

        Returns
        -------
        array-like of shape (n_samples, n_features_out)
        """
        return self._ask("transform", X)

    @available_if(_has("transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Evolve, and transform what was evolved on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.
        y : array-like of shape (n_samples,) or None, default=None
            Targets, where there are any.
        **params : dict
            As those of `fit`.

        Returns
        -------
        array-like of shape (n_samples, n_features_out)
        """
        return self.fit(X, y, **params).transform(X)

    @available_if(_has("inverse_transform"))
    def inverse_transform(self, X: Any) -> Any:
        """Undo the transformation of the best individual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            Transformed.

        Returns
        -------
        array-like of shape (n_samples, n_features)
        """
        return self._ask("inverse_transform", X)

    @available_if(refitted)
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the score that was the fitness, on other data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it.
        y : array-like of shape (n_samples,) or None, default=None
            Targets, where there are any.
        **params : dict
            Metadata for the scorer, such as `sample_weight`.

        Returns
        -------
        float
            The higher, the better.
        """
        check_is_fitted(self, "best_estimator_")
        return self._score(self._validate_X(X), y, params)

    @property
    def classes_(self) -> np.ndarray:
        """The labels, if the estimator is a classifier."""
        _has("classes_")(self)
        return self.best_estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of columns, if the estimator counts them."""
        return self._seen("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns, if the estimator remembers them."""
        return self._seen("feature_names_in_")

    def _seen(self, attribute: str) -> Any:
        if not hasattr(self, "best_estimator_"):
            raise AttributeError(
                f"{type(self).__name__} has no {attribute}: it is not fitted."
            )
        return getattr(self.best_estimator_, attribute)

    def __sklearn_tags__(self) -> Tags:
        tags = deepcopy(get_tags(self.estimator))
        tags.requires_fit = True
        tags.array_api_support = False
        return tags

    def _sk_visual_block_(self) -> _VisualBlock:
        name = "best_estimator_" if hasattr(self, "best_estimator_") else "estimator"
        inner = getattr(self, name)
        return _VisualBlock(
            "parallel",
            [inner],
            names=[f"{name}: {type(inner).__name__}"],
            name_details=[str(inner)],
        )
