"""Logistic and linear regression, with a quadratic penalty or an absolute one."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import LinAlgWarning
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._most_probable import MostProbableMixin
from sknevo.builders._targets import StandardizedRegressor

# Newton's method solves a system of so many coefficients per step; with more of them
# L-BFGS takes less time. Chosen, not measured.
MANY_COEFFICIENTS = 300
# L-BFGS may do so much work: iterations x rows x coefficients, about four seconds.
# Chosen, not measured.
LINEAR_WORK, FEWEST_STEPS, MOST_STEPS = 4e9, 20, 300
# The solver of absolute penalties has the intercept penalised, like the coefficient of
# a column of this value. Chosen, not measured.
INTERCEPT = 10.0
# Steps of absolute penalties at most, rows x columns in each. Chosen, not measured.
ABSOLUTE_STEPS = 100


def linear_seconds(
    genes: dict[str, Any], n_rows: int, width: float, n_outputs: int
) -> float:
    """Return roughly how long a fit takes on one core."""
    coefficients = width * n_outputs
    if genes.get("l1_ratio"):
        return 0.01 + 3e-8 * n_rows * coefficients
    if coefficients <= MANY_COEFFICIENTS:
        return 0.003 + 3e-8 * n_rows * coefficients * (1 + coefficients / 50)
    work = n_rows * coefficients
    return 0.01 + 1e-9 * work * _steps(work) / 3


def _steps(work: float) -> int:
    """Return how many steps may be done, each of so many multiplications."""
    most = LINEAR_WORK / max(1.0, work)
    return int(min(MOST_STEPS, max(FEWEST_STEPS, most)))


def _n_stored(X: Any) -> int:
    return X.nnz if issparse(X) else X.size


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
class LinearClassifier(MostProbableMixin, BaseEstimator):
    """Logistic regression, solved by the method that suits the number of columns.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the regularisation.
    class_weight : "balanced" or None, default=None
        Weights of the classes.
    l1_ratio : {0, 1}, default=0
        0 penalises the squares of the coefficients. 1 penalises their absolute values,
        so that many are zero, in a model of each class against the others.
    random_state : int or None, default=None
        Seed of the order in which coefficients with an absolute penalty are fitted.
    """

    C: float = 1.0
    class_weight: str | None = None
    l1_ratio: float = 0.0
    random_state: int | None = None

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the coefficients to complete and scaled features."""
        self.n_features_in_ = X.shape[1]
        self.classes_, codes = np.unique(y, return_inverse=True)
        fit = self._fit_absolute if self.l1_ratio else self._fit_smooth
        with _undisturbed():
            self.machine_ = fit(X, codes, sample_weight)
        return self

    def _fit_smooth(self, X: np.ndarray, codes: np.ndarray, weights: Any) -> Any:
        n_outputs = len(self.classes_) if len(self.classes_) > 2 else 1
        few = X.shape[1] * n_outputs <= MANY_COEFFICIENTS
        return LogisticRegression(
            C=self.C,
            solver="newton-cholesky" if few else "lbfgs",
            max_iter=_steps(_n_stored(X) * n_outputs),
            class_weight=self.class_weight,
        ).fit(X, codes, sample_weight=weights)

    def _fit_absolute(self, X: np.ndarray, codes: np.ndarray, weights: Any) -> Any:
        # saga, which fits several classes at a time, took ten times as long and was far
        # from the minimum (400 rows, 1,000 columns).
        machine = LogisticRegression(
            C=self.C,
            l1_ratio=1.0,
            solver="liblinear",
            intercept_scaling=INTERCEPT,
            max_iter=ABSOLUTE_STEPS,
            random_state=self.random_state,
        )
        # Else "balanced" would balance each class with all others together.
        balance = compute_sample_weight(self.class_weight, codes)
        weights = balance if weights is None else balance * weights
        with config_context(enable_metadata_routing=True):
            machine = OneVsRestClassifier(machine.set_fit_request(sample_weight=True))
            return machine.fit(X, codes, sample_weight=weights)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        check_is_fitted(self)
        return self.machine_.predict_proba(X)


@dataclass(eq=False, repr=False)
class LinearRegressor(StandardizedRegressor, BaseEstimator):
    """Linear regression of standardised targets.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the regularisation.
    l1_ratio : float, default=0.0
        Share of the absolute values of the coefficients in the penalty; their squares
        have the rest.
    """

    C: float = 1.0
    l1_ratio: float = 0.0

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the coefficients to complete and scaled features."""
        self.n_features_in_ = X.shape[1]
        y, weights = self._learn_targets(y, sample_weight)
        steps = _steps(X.nnz) if issparse(X) else None
        machine = Ridge(alpha=1 / self.C, max_iter=steps)
        if self.l1_ratio:
            # The same loss in relation to the penalty, though here it is a mean.
            machine = ElasticNet(
                1 / (self.C * len(y)), l1_ratio=self.l1_ratio, max_iter=ABSOLUTE_STEPS
            )
        with _undisturbed():
            self.machine_ = machine.fit(X, y, sample_weight=weights)
        return self

    def _predict_standardized(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return self.machine_.predict(X)
