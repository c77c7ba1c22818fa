"""Targets of regression without their unit and offset."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from sknevo.data_checks import mean_and_std


class StandardizedRegressor(RegressorMixin):
    """A regressor that learns targets in standard deviations from their mean.

    So the unit and the offset of y change nothing: libraries that compute in single
    precision lose no digits, and parameters in units of y have the same ranges for all
    data. A subclass defines `_predict_standardized`, and `_fit_standardized` or a `fit`
    of its own that calls `_learn_targets`.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model to an array of features."""
        self._fit_standardized(X, *self._learn_targets(y, sample_weight))
        return self

    def _learn_targets(
        self, y: Any, sample_weight: Any
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return standardised targets, and the weights as numbers."""
        y = np.asarray(y, float)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        self.centre_, self.scale_ = map(float, mean_and_std(y, weights))
        return self._standardized(y), weights

    def _standardized(self, y: Any) -> np.ndarray:
        """Return targets in standard deviations from the mean of those learned."""
        standardized = (np.asarray(y, float) - self.centre_) / (self.scale_ or 1.0)
        # Single precision rounds away what another unit of y changes in the last digit.
        return standardized.astype(np.float32).astype(float)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted values."""
        return self._in_unit(self._predict_standardized(X))

    def _in_unit(self, standardized: Any) -> np.ndarray:
        """Return standardised targets in their unit."""
        return np.asarray(standardized, float) * self.scale_ + self.centre_

    @abstractmethod
    def _fit_standardized(
        self, X: Any, y: np.ndarray, weights: np.ndarray | None
    ) -> None:
        """Fit the model to standardised targets."""

    @abstractmethod
    def _predict_standardized(self, X: Any) -> np.ndarray:
        """Return predictions in standard deviations from the mean."""
