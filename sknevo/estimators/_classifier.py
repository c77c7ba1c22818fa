"""What all evolved classifiers share: labels, probabilities, tags."""

from typing import Any

import numpy as np
from sklearn.utils import ClassifierTags, Tags, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from sknevo.estimators._refit import refitted

__all__ = ["EvolvedClassifierMixin"]


class EvolvedClassifierMixin:
    """Turns an evolved estimator into a classifier; stands before it in the bases."""

    _default_scoring = "accuracy"

    def _check_y(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                "y must hold at least 2 classes; got 1 class: "
                f"{self.classes_.tolist()}."
            )
        return y

    @available_if(refitted)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features, in the columns of `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.predict_proba(self._validate_X(X))

    @available_if(refitted)
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the confidence in each class.

        The model's own decision function, or the logarithm of its probabilities (of
        their odds, for two classes) if it has none.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features, in the columns of `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self, "best_estimator_")
        X = self._validate_X(X)
        if hasattr(self.best_estimator_, "decision_function"):
            return self.best_estimator_.decision_function(X)
        # Certain probabilities stay finite.
        tiny = np.finfo(float).tiny
        log = np.log(np.maximum(self.best_estimator_.predict_proba(X), tiny))
        return log[:, 1] - log[:, 0] if log.shape[1] == 2 else log

    # Not by ClassifierMixin, whose `score` does not ask `scoring`.
    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        return tags
