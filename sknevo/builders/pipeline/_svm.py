"""Support vector machines that decide as such and have probabilities on request."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

__all__ = ["SupportVectorClassifier", "SupportVectorRegressor"]

CALIBRATION_FOLDS = 3


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
        Bound on the iterations of the solver.
    random_state : int or None, default=None
        Seed.
    """

    def _kernel_parameters(self, X: np.ndarray) -> dict[str, Any]:
        variance = X.var() if self.kernel != "linear" else 0.0
        scale = 1 / (X.shape[1] * variance) if variance > 0 else 1.0
        parameters = {"kernel": self.kernel, "gamma": self.gamma * scale}
        return parameters | {"degree": self.degree, "coef0": self.coef0}

    def _fit_map(self, X: np.ndarray) -> np.ndarray:
        """Return what the machine is fitted on: landmarks if it is approximate."""
        self.map_ = None
        self.n_features_in_ = X.shape[1]
        if self.n_components is None or self.kernel == "linear":
            return X
        parameters = self._kernel_parameters(X)
        if self.kernel == "rbf":
            parameters = {"kernel": "rbf", "gamma": parameters["gamma"]}
        n_components = min(self.n_components, len(X))
        self.map_ = Nystroem(
            n_components=n_components, random_state=self.random_state, **parameters
        ).set_output(transform="default")
        return self.map_.fit_transform(X)

    def _mapped(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return X if self.map_ is None else self.map_.transform(X)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Pass weights on whatever the user has set, and stop early without a word.

    A machine that is stopped by `max_iter` is an individual like any other.
    """
    with config_context(enable_metadata_routing=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class SupportVectorClassifier(ClassifierMixin, _SupportVectorMachine):
    """A support vector classifier whose classes are its own, not its probabilities'.

    `predict` is the machine's decision; `predict_proba`, if asked for, is a sigmoid
    fitted to cross-validated decision values [1]_. Of n samples no class is thought
    rarer than 1 / (n + 2), as in the rule of succession: sigmoids are too sure of what
    lies far out.

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
    class_weight : {"balanced"} or None, default=None
        Whether all classes weigh alike.
    probabilities : bool, default=True
        Whether to fit `predict_proba`.
    max_iter : int, default=-1
        Bound on the iterations of the solver.
    random_state : int or None, default=None
        Seed.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    least_probability_ : float
        What no class is thought to be rarer than.

    References
    ----------
    .. [1] Platt, J. (1999). Probabilistic outputs for support vector machines.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> SupportVectorClassifier().fit(X, y).predict_proba(X).shape
    (150, 3)
    """

    def __init__(
        self,
        kernel: str = "rbf",
        C: float = 1.0,
        gamma: float = 1.0,
        degree: int = 3,
        coef0: float = 0.0,
        n_components: int | None = None,
        class_weight: str | None = None,
        probabilities: bool = True,
        max_iter: int = -1,
        random_state: int | None = None,
    ) -> None:
        self.kernel = kernel
        self.C = C
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.n_components = n_components
        self.class_weight = class_weight
        self.probabilities = probabilities
        self.max_iter = max_iter
        self.random_state = random_state

    def _machine(self, X: np.ndarray) -> BaseEstimator:
        shared = {
            "C": self.C,
            "class_weight": self.class_weight,
            "random_state": self.random_state,
        }
        if self.n_components is None:
            kernel = self._kernel_parameters(X)
            return SVC(**shared, **kernel, max_iter=self.max_iter, cache_size=500)
        return LinearSVC(**shared, dual=False, tol=1e-2)

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the machine, and its probabilities if they are asked for.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features, complete and scaled.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        Returns
        -------
        self : object
        """
        self.classes_, counts = np.unique(y, return_counts=True)
        self.least_probability_ = 1 / (len(X) + 2)
        X = self._fit_map(X)
        machine = self._machine(X)
        folds = min(CALIBRATION_FOLDS, counts.min())
        self.calibrated_ = None
        with _undisturbed():
            if self.probabilities and folds > 1:
                cv = StratifiedKFold(
                    folds, shuffle=True, random_state=self.random_state
                )
                self.calibrated_ = CalibratedClassifierCV(
                    machine, cv=cv, ensemble=False
                ).fit(X, y, sample_weight=sample_weight)
                self.machine_ = self.calibrated_.calibrated_classifiers_[0].estimator
            else:
                self.machine_ = machine.fit(X, y, sample_weight=sample_weight)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the machine's decision."""
        return self.machine_.predict(self._mapped(X))

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the signed distances to the boundaries."""
        return self.machine_.decision_function(self._mapped(X))

    @available_if(lambda self: self.probabilities)
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        if self.calibrated_ is not None:
            probabilities = self.calibrated_.predict_proba(self._mapped(X))
            probabilities = np.maximum(probabilities, self.least_probability_)
            return probabilities / probabilities.sum(axis=1, keepdims=True)
        # A class of one cannot be held out: uncalibrated, but in the right order.
        values = self.decision_function(X)
        values = np.column_stack([-values, values]) if values.ndim == 1 else values
        odds = np.exp(values - values.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


class SupportVectorRegressor(RegressorMixin, _SupportVectorMachine):
    """A support vector regressor on standardised targets.

    Parameters
    ----------
    kernel : {"linear", "poly", "rbf", "sigmoid"}, default="rbf"
        The kernel.
    C : float, default=1.0
        Inverse strength of the regularisation.
    epsilon : float, default=0.1
        Width of the tube without penalty, in standard deviations of y.
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
        Bound on the iterations of the solver.
    random_state : int or None, default=None
        Seed.
    """

    def __init__(
        self,
        kernel: str = "rbf",
        C: float = 1.0,
        epsilon: float = 0.1,
        gamma: float = 1.0,
        degree: int = 3,
        coef0: float = 0.0,
        n_components: int | None = None,
        max_iter: int = -1,
        random_state: int | None = None,
    ) -> None:
        self.kernel = kernel
        self.C = C
        self.epsilon = epsilon
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.n_components = n_components
        self.max_iter = max_iter
        self.random_state = random_state

    def _machine(self, X: np.ndarray) -> BaseEstimator:
        shared = {"C": self.C, "epsilon": self.epsilon}
        if self.n_components is None:
            kernel = self._kernel_parameters(X)
            return SVR(**shared, **kernel, max_iter=self.max_iter, cache_size=500)
        return LinearSVR(
            **shared,
            dual=False,
            loss="squared_epsilon_insensitive",
            tol=1e-2,
            random_state=self.random_state,
        )

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the machine.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features, complete and scaled.
        y : array-like of shape (n_samples,)
            Values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        Returns
        -------
        self : object
        """
        X = self._fit_map(X)
        standardised = TransformedTargetRegressor(
            self._machine(X), transformer=StandardScaler()
        )
        with _undisturbed():
            self.machine_ = standardised.fit(X, y, sample_weight=sample_weight)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predicted values."""
        return self.machine_.predict(self._mapped(X))
