"""Support vector machines with exact or approximate kernels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.kernel_approximation import Nystroem
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._targets import StandardizedRegressor
from sknevo.builders.pipeline._calibration import (
    CALIBRATION_FOLDS,
    CalibratedClassifierMixin,
    undisturbed,
)
from sknevo.builders.pipeline._kernel_values import (
    decision_values,
    kernel_regression,
)
from sknevo.builders.pipeline._watched_rows import Rows


def svm_seconds(
    genes: dict[str, Any],
    n_rows: int,
    width: float,
    n_classes: int,
    probabilities: bool,
    cross_validates: bool,
) -> float:
    """Return roughly how long a fit takes on one core; two classes count as one.

    The factors were fitted to seconds on tables of 300 to 30,000 rows; those of several
    classes on 400 and 1,600 rows of 10, 50 and 200 classes; those of linear machines on
    2,257 texts of 74 and of 2,176 n-grams, of two and of four classes.
    """
    each = 4e-6 if genes["approximate"] else 5e-7
    each += 8e-6 if probabilities else 0.0
    others = each * n_rows * (n_classes - 1)
    if genes["approximate"]:
        is_linear = "linear" in genes["kernel"]
        machine = 2.5e-5 + (1.2e-8 * width * n_classes if is_linear else 0.0)
        # All fits together have as many times the rows as there are folds.
        times = CALIBRATION_FOLDS if cross_validates else 1
        return 0.01 + times * machine * n_rows + others
    steps = 1 + genes["C"] / 50
    exact = 8e-10 * n_rows * n_rows * (width + 10) * steps
    return 0.01 + (2.3 if cross_validates else 1.0) * exact + others


class _SeededSVR(SVR):
    """A regressor that leaves numpy's global generator as it was."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        # scikit-learn draws a seed for libsvm, which needs none to fit a regression,
        # from the global generator: its SVR has no parameter that says otherwise.
        self.random_state = 0
        return super().fit(X, y, sample_weight)


@dataclass(eq=False, repr=False)
class _SupportVectorMachine(BaseEstimator):
    """What classifier and regressor share: the kernel, exact or approximate.

    Parameters
    ----------
    kernel : {"linear", "poly", "rbf", "sigmoid"}, default="rbf"
        The kernel.
    C : float, default=1.0
        Inverse strength of the regularisation.
    gamma : float, default=1.0
        Kernel coefficient, in units of 1 / (n_features * X.var()).
    degree : int, default=3
        Degree of the polynomial kernel.
    coef0 : float, default=0.0
        Independent term of the polynomial and the sigmoid kernel.
    n_components : int or None, default=None
        Number of landmarks of a Nystroem approximation with a linear machine on top;
        None fits the exact kernel.
    max_iter : int, default=-1
        Most iterations of the exact solver; -1 for no bound.
    random_state : int or None, default=None
        Seed.
    """

    kernel: str = "rbf"
    C: float = 1.0
    gamma: float = 1.0
    degree: int = 3
    coef0: float = 0.0
    n_components: int | None = None
    max_iter: int = -1
    random_state: int | None = None

    def _kernel_parameters(self, X: np.ndarray) -> dict[str, Any]:
        variance = _variance(X) if self.kernel != "linear" else 0.0
        scale = 1 / (X.shape[1] * variance) if variance > 0 else 1.0
        parameters = {"kernel": self.kernel, "gamma": self.gamma * scale}
        return parameters | {"degree": self.degree, "coef0": self.coef0}

    def _fit_map(self, X: np.ndarray) -> np.ndarray:
        """Return the kernel features if the kernel is approximated, else X."""
        self.map_ = None
        self.n_features_in_ = X.shape[1]
        if self.n_components is None or self.kernel == "linear":
            return X
        parameters = self._kernel_parameters(X)
        if self.kernel == "rbf":
            parameters = {"kernel": "rbf", "gamma": parameters["gamma"]}
        n_components = min(self.n_components, X.shape[0])
        self.map_ = Nystroem(
            n_components=n_components, random_state=self.random_state, **parameters
        ).set_output(transform="default")
        return self.map_.fit_transform(X)

    def _mapped(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return X if self.map_ is None else self.map_.transform(X)

    def _machine(
        self,
        X: np.ndarray,
        exact: Callable[..., BaseEstimator],
        linear: Callable[..., BaseEstimator],
    ) -> BaseEstimator:
        if self.n_components is not None:
            seed = self.random_state
            return linear(C=self.C, dual=False, tol=1e-2, random_state=seed)
        kernel = self._kernel_parameters(X)
        return exact(C=self.C, **kernel, max_iter=self.max_iter, cache_size=500)


@dataclass(eq=False, repr=False)
class SupportVectorClassifier(CalibratedClassifierMixin, _SupportVectorMachine):
    """A support vector classifier that predicts by the sign of its decision values."""

    class_weight: str | None = None
    probabilities: bool = True

    def fit(
        self,
        X: np.ndarray,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the machine to complete and scaled features, and calibrate it."""
        X = self._fit_map(X)
        machine = self._machine(
            X,
            partial(
                SVC, class_weight=self.class_weight, random_state=self.random_state
            ),
            partial(LinearSVC, class_weight=self.class_weight),
        )
        held_out = Rows(X_val, y_val, sample_weight_val)
        return self._fit_calibrated(machine, Rows(X, y, sample_weight), held_out)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the classes of the greatest decision values."""
        values = self.decision_function(X)
        codes = values > 0 if values.ndim == 1 else values.argmax(axis=1)
        return self.classes_.take(codes.astype(int))

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the signed distances to the boundaries, or points of many classes."""
        X = self._mapped(X)
        if isinstance(self.machine_, SVC):
            return decision_values(self.machine_, X)
        return self.machine_.decision_function(X)


def _variance(X: Any) -> float:
    """Return the variance of all values, of a dense or a sparse table."""
    return X.multiply(X).mean() - X.mean() ** 2 if issparse(X) else X.var()


@dataclass(eq=False, repr=False)
class SupportVectorRegressor(StandardizedRegressor, _SupportVectorMachine):
    """A support vector regressor of standardised targets.

    Parameters
    ----------
    epsilon : float, default=0.1
        Width of the tube without penalty, in standard deviations of y.
    """

    epsilon: float = 0.1

    def _fit_standardized(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None
    ) -> None:
        X = self._fit_map(X)
        loss = "squared_epsilon_insensitive"
        machine = self._machine(
            X,
            partial(_SeededSVR, epsilon=self.epsilon),
            partial(LinearSVR, epsilon=self.epsilon, loss=loss),
        )
        with undisturbed():
            self.machine_ = machine.fit(X, y, sample_weight=weights)

    def _predict_standardized(self, X: np.ndarray) -> np.ndarray:
        X = self._mapped(X)
        if isinstance(self.machine_, SVR):
            return kernel_regression(self.machine_, X)
        return self.machine_.predict(X)
