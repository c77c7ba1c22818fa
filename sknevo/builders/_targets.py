"""Targets of regression without their unit and offset."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin


def centre_and_scale(
    y: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Return mean and standard deviation, exactly 0 if all targets are equal.

    Parameters
    ----------
    y : ndarray of float64 of shape (n_samples,)
        Targets.
    weights : ndarray of shape (n_samples,) or None, default=None
        Weights; a common factor has no effect.
    """
    if y.min() == y.max():  # rounding may give them a tiny deviation
        return float(y[0]), 0.0
    largest = np.abs(y).max()  # squares of huge values overflow
    shares = y / largest
    mean = np.average(shares, weights=weights)
    deviation = np.sqrt(np.average((shares - mean) ** 2, weights=weights))
    return float(mean * largest), float(deviation * largest)


class StandardizedRegressor(RegressorMixin):
    """A regressor that learns targets in standard deviations from their mean.

    So the unit and the offset of y change nothing: libraries that compute in single
    precision lose no digits, and parameters in units of y have the same ranges for all
    data. A subclass defines `_fit_standardized` and `_predict_standardized`.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model to an array of features."""
        y = np.asarray(y, float)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        self.centre_, self.scale_ = centre_and_scale(y, weights)
        standardized = (y - self.centre_) / (self.scale_ or 1.0)
        # Single precision rounds away what another unit of y changes in the last digit.
        standardized = standardized.astype(np.float32).astype(float)
        self._fit_standardized(X, standardized, weights)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted values."""
        predicted = np.asarray(self._predict_standardized(X), float)
        return predicted * self.scale_ + self.centre_

    @abstractmethod
    def _fit_standardized(
        self, X: Any, y: np.ndarray, weights: np.ndarray | None
    ) -> None:
        """Fit the model to standardised targets."""

    @abstractmethod
    def _predict_standardized(self, X: Any) -> np.ndarray:
        """Return predictions in standard deviations from the mean."""
