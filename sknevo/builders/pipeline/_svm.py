"""Support vector machines with exact or approximate kernels."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._targets import StandardizedRegressor
from sknevo.builders.pipeline._parts import Part, Watched, held_out_part

# Folds that calibrate the probabilities. With 5 or 10 the log-loss changed by less than
# 0.002 on six tables of 170 rows (doc/figures.md).
CALIBRATION_FOLDS = 3
# Inverse strength of the regularisation of the calibration. Log-loss on fresh rows of
# seven tables with 0.1, 1 and 10: 0.416, 0.385, 0.385 by cross-validation, and 0.484,
# 0.399, 0.393 by a held-out part. A sigmoid for each class had 0.395 and 0.414.
CALIBRATION_C = 10.0
# A held-out part calibrates if it has so many rows for each decision value. With fewer
# one machine is worse on fresh rows than with an inner cross-validation, which takes
# little time then: log-loss is higher by 0.039, 0.025, 0.010 and 0.006 with 24, 60, 120
# and 200 rows of seven tables. The mean of the machines of all folds is not worse.
ROWS_PER_VALUE = 100
# Parts of the held-out rows; the others calibrate each of them. On 120 held-out rows,
# log-loss was worse than on fresh ones by 0.011, 0.007 and 0.002 with 2, 3 and 5 parts,
# and better by 0.038 if the part itself counted.
N_PARTS = 5


def _are_enough(n_rows: int, n_classes: int) -> bool:
    """Return whether held-out rows are enough to calibrate on; two classes are one."""
    return n_rows >= ROWS_PER_VALUE * n_classes


def svm_seconds(
    genes: dict[str, Any],
    n_rows: int,
    width: float,
    n_classes: int,
    probabilities: bool,
) -> float:
    """Return roughly how long a fit takes on one core; two classes count as one.

    The factors were fitted to seconds on tables of 300 to 30,000 rows; those of several
    classes on 400 and 1,600 rows of 10, 50 and 200 classes.
    """
    # About the held-out part of five folds.
    cross_validates = probabilities and not _are_enough(n_rows // 4, n_classes)
    calibration = 2.3 if cross_validates else 1.0
    each = 4e-6 if genes["approximate"] else 5e-7
    each += 8e-6 if probabilities else 0.0
    others = each * n_rows * (n_classes - 1)
    if genes["approximate"]:
        return 0.01 + calibration * 2.5e-5 * n_rows + others
    steps = 1 + genes["C"] / 50
    exact = 8e-10 * n_rows * n_rows * (width + 10) * steps
    return 0.01 + calibration * exact + others


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


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Pass weights on under any user's configuration, without convergence warnings.

    A machine that `max_iter` stops is a candidate like any other.
    """
    with config_context(enable_metadata_routing=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@dataclass(eq=False, repr=False)
class SupportVectorClassifier(ClassifierMixin, _SupportVectorMachine):
    """A support vector classifier that predicts by the sign of its decision values.

    `predict_proba`, if asked for, is a logistic regression [1]_ on decision values of
    rows that the machine is not fitted on: the held-out part that `fit` gets, or the
    folds of an inner cross-validation. With n samples no probability is below
    1 / (n + 2), as in the rule of succession, since they are overconfident far from the
    data.

    References
    ----------
    .. [1] Platt, J. (1999). Probabilistic outputs for support vector machines.
    """

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
        self.classes_, codes = np.unique(y, return_inverse=True)
        # This took the log-loss from 0.391 to 0.387 on six tables of 170 rows, and
        # from 0.374 to 0.371 on 600 (doc/figures.md).
        self.least_probability_ = 1 / (X.shape[0] + 2)
        held_out = held_out_part(
            X_val, y_val, sample_weight_val, self.classes_, N_PARTS, self.random_state
        )
        X = self._fit_map(X)
        machine = self._machine(
            X,
            partial(
                SVC, class_weight=self.class_weight, random_state=self.random_state
            ),
            partial(LinearSVC, class_weight=self.class_weight),
        )
        with _undisturbed():
            self.machine_ = machine.fit(X, y, sample_weight=sample_weight)
            self.calibration_, self.held_out_ = None, {}
            if self.probabilities:
                self._calibrate(Part(X, codes, sample_weight), held_out)
        return self

    def _calibrate(self, fitted: Part, held_out: Watched | None) -> None:
        """Learn probabilities; nothing is learned if a class has a single member."""
        folds = min(CALIBRATION_FOLDS, np.bincount(fitted.y).min())
        if held_out is not None and self._calibrates(held_out.all.y):
            rows = held_out.rows._replace(X=self._values(held_out.rows.X))
            held_out = held_out._replace(rows=rows)
            calibrations = [calibration(part) for part in held_out.choosing]
            self.calibration_ = calibrations[0]
            honest = held_out.predicted(self._calibrated, calibrations)
            # It predicts labels by the sign of decision values, which are honest.
            self.held_out_ = {"predict_proba": honest}
        elif folds > 1:
            values = self._cross_validated(fitted, folds)
            self.calibration_ = calibration(fitted._replace(X=values))

    def _calibrates(self, y: np.ndarray) -> bool:
        """Return whether rows of these classes are enough to calibrate on."""
        n_classes = len(self.classes_)
        has_all = np.bincount(y, minlength=n_classes).min() > 1
        return has_all and _are_enough(len(y), n_classes if n_classes > 2 else 1)

    def _cross_validated(self, part: Part, folds: int) -> np.ndarray:
        """Return decision values of rows by machines that are fitted on the others."""
        cv = StratifiedKFold(folds, shuffle=True, random_state=self.random_state)
        values = cross_val_predict(
            clone(self.machine_),
            part.X,
            part.y,
            cv=cv,
            method="decision_function",
            params={"sample_weight": part.weights},
        )
        return values.reshape(len(part.y), -1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the classes on whose side of the boundaries the rows lie."""
        return self.machine_.predict(self._mapped(X))

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the signed distances to the boundaries."""
        return self.machine_.decision_function(self._mapped(X))

    def _values(self, X: np.ndarray) -> np.ndarray:
        """Return the decision values as columns: one for two classes."""
        return self.decision_function(X).reshape(X.shape[0], -1)

    @available_if(lambda self: self.probabilities)
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        values = self._values(X)
        if self.calibration_ is not None:
            return self._calibrated(values, self.calibration_)
        # A class of one member has none to hold out: the probabilities are
        # uncalibrated, but in the right order.
        two = values.shape[1] == 1
        return softmax(np.hstack([-values, values]) if two else values, axis=1)

    def _calibrated(self, values: np.ndarray, calibration: Any) -> np.ndarray:
        """Return probabilities, none of them below the least one."""
        probabilities = calibration.predict_proba(values)
        probabilities = np.maximum(probabilities, self.least_probability_)
        return probabilities / probabilities.sum(axis=1, keepdims=True)


def _variance(X: Any) -> float:
    """Return the variance of all values, of a dense or a sparse table."""
    return X.multiply(X).mean() - X.mean() ** 2 if issparse(X) else X.var()


def calibration(part: Part) -> Pipeline:
    """Return a logistic regression that is fitted to decision values."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=CALIBRATION_C))
    weights = part.weights
    if weights is not None:
        weights = np.asarray(weights, float) / np.mean(weights)
    return model.fit(part.X, part.y, logisticregression__sample_weight=weights)


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
        with _undisturbed():
            self.machine_ = machine.fit(X, y, sample_weight=weights)

    def _predict_standardized(self, X: np.ndarray) -> np.ndarray:
        return self.machine_.predict(self._mapped(X))
