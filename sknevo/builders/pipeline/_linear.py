"""Logistic and ridge regression."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import LinAlgWarning
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._targets import StandardizedRegressor

# Newton's method solves a system of so many coefficients per step; with more of them
# L-BFGS takes less time. Chosen, not measured.
MANY_COEFFICIENTS = 300
# L-BFGS may do so much work: iterations x rows x coefficients, about four seconds.
# Chosen, not measured.
LINEAR_WORK, FEWEST_STEPS, MOST_STEPS = 4e9, 20, 300


def linear_seconds(n_rows: int, width: float, n_outputs: int) -> float:
    """Return roughly how long a fit takes on one core."""
    coefficients = width * n_outputs
    if coefficients <= MANY_COEFFICIENTS:
        return 0.003 + 3e-8 * n_rows * coefficients * (1 + coefficients / 50)
    return 0.01 + 1e-9 * n_rows * coefficients * _steps(n_rows, coefficients) / 3


def _steps(n_rows: int, coefficients: float) -> int:
    most = LINEAR_WORK / max(1.0, n_rows * coefficients)
    return int(min(MOST_STEPS, max(FEWEST_STEPS, most)))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Say nothing of a solver that stops, or meets columns that depend on others.

    Such a model is a candidate like any other.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", LinAlgWarning)
        yield


@dataclass(eq=False, repr=False)
class LinearClassifier(ClassifierMixin, BaseEstimator):
    """Logistic regression, solved by the method that suits the number of columns.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the regularisation.
    class_weight : "balanced" or None, default=None
        Weights of the classes.
    """

    C: float = 1.0
    class_weight: str | None = None

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the coefficients to complete and scaled features."""
        self.n_features_in_ = X.shape[1]
        self.classes_, codes = np.unique(y, return_inverse=True)
        coefficients = X.shape[1] * (
            len(self.classes_) if len(self.classes_) > 2 else 1
        )
        few = coefficients <= MANY_COEFFICIENTS
        self.machine_ = LogisticRegression(
            C=self.C,
            solver="newton-cholesky" if few else "lbfgs",
            max_iter=_steps(len(X), coefficients),
            class_weight=self.class_weight,
        )
        with _undisturbed():
            self.machine_.fit(X, codes, sample_weight=sample_weight)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        check_is_fitted(self)
        return self.machine_.predict_proba(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@dataclass(eq=False, repr=False)
class LinearRegressor(StandardizedRegressor, BaseEstimator):
    """Ridge regression of standardised targets.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the regularisation.
    """

    C: float = 1.0

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the coefficients to complete and scaled features."""
        self.n_features_in_ = X.shape[1]
        y, weights = self._learn_targets(y, sample_weight)
        with _undisturbed():
            self.machine_ = Ridge(alpha=1 / self.C).fit(X, y, sample_weight=weights)
        return self

    def _predict_standardized(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return self.machine_.predict(X)
