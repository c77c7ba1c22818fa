"""Probabilities that are learned from decision values, or from predicted classes."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

from sknevo.builders.pipeline._watched_rows import HeldOutRows, Rows, held_out_rows

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
# Folds of the held-out rows; the others calibrate each of them. On 120 held-out rows,
# log-loss was worse than on fresh ones by 0.011, 0.007 and 0.002 with 2, 3 and 5 folds,
# and better by 0.038 if the fold itself counted.
N_FOLDS = 5


def are_enough(n_rows: int, n_classes: int) -> bool:
    """Return whether held-out rows are enough to calibrate on; two classes are one."""
    return n_rows >= ROWS_PER_VALUE * n_classes


@contextmanager
def undisturbed() -> Iterator[None]:
    """Pass weights on under any user's configuration, without convergence warnings.

    A machine that `max_iter` stops is a candidate like any other.
    """
    with config_context(enable_metadata_routing=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class CalibratedClassifierMixin(ClassifierMixin):
    """A classifier that learns probabilities from what a machine in it says.

    They are those of a logistic regression [1]_ on decision values of rows that the
    machine is not fitted on: the held-out part that `fit` gets, or the folds of an
    inner cross-validation. With n samples no probability is below 1 / (n + 2), as in
    the rule of succession, since they are overconfident far from the data.

    References
    ----------
    .. [1] Platt, J. (1999). Probabilistic outputs for support vector machines.
    """

    watches_held_out = True

    def _fit_calibrated(
        self, machine: BaseEstimator, fitted: Rows, held_out: Rows
    ) -> Self:
        """Fit an unfitted machine, and calibrate it if probabilities are wanted."""
        self.classes_, codes = np.unique(fitted.y, return_inverse=True)
        # This took the log-loss from 0.391 to 0.387 on six tables of 170 rows, and
        # from 0.374 to 0.371 on 600 (doc/figures.md).
        self.least_probability_ = 1 / (fitted.X.shape[0] + 2)
        in_folds = held_out_rows(*held_out, self.classes_, N_FOLDS, self.random_state)
        with undisturbed():
            weights = _weights(machine, fitted)
            self.machine_ = machine.fit(fitted.X, fitted.y, **weights)
            self.calibration_, self.held_out_ = None, {}
            if self.probabilities:
                self._calibrate(fitted._replace(y=codes), in_folds)
        return self

    def _calibrate(self, fitted: Rows, held_out: HeldOutRows | None) -> None:
        """Learn probabilities; nothing is learned if a class has a single member."""
        folds = min(CALIBRATION_FOLDS, np.bincount(fitted.y).min())
        if held_out is not None and self._calibrates(held_out.watched.y):
            rows = held_out.rows._replace(X=self._values(held_out.rows.X))
            held_out = held_out._replace(rows=rows)
            calibrations = [calibration(rows) for rows in held_out.by_choice]
            self.calibration_ = calibrations[0]
            predicted = held_out.predict_out_of_fold(self._calibrated, calibrations)
            # Labels follow from the sign of decision values, which are not calibrated.
            self.held_out_ = {"predict_proba": predicted}
        elif folds > 1:
            values = self._cross_validated(fitted, folds)
            self.calibration_ = calibration(fitted._replace(X=values))

    def _calibrates(self, y: np.ndarray) -> bool:
        """Return whether rows of these classes are enough to calibrate on."""
        n_classes = len(self.classes_)
        has_all = np.bincount(y, minlength=n_classes).min() > 1
        return has_all and are_enough(len(y), n_classes if n_classes > 2 else 1)

    def _cross_validated(self, training: Rows, folds: int) -> np.ndarray:
        """Return values of rows by machines that are fitted on the others."""
        cv = StratifiedKFold(folds, shuffle=True, random_state=self.random_state)
        machine = clone(self.machine_)
        values = cross_val_predict(
            machine,
            training.X,
            training.y,
            cv=cv,
            method=self._method,
            params=_weights(machine, training),
        )
        return self._columns(values, np.arange(len(self.classes_)))

    @property
    def _method(self) -> str:
        """The method of the machine that says most."""
        return "decision_function"

    def _columns(self, values: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return what the method gives as columns: one for two classes."""
        return values.reshape(len(values), -1)

    def _values(self, X: np.ndarray) -> np.ndarray:
        """Return the decision values as columns."""
        return self._columns(getattr(self, self._method)(X), self.classes_)

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


def _weights(machine: BaseEstimator, rows: Rows) -> dict[str, np.ndarray]:
    """Return the weights that a machine is fitted with, if there are any."""
    if rows.weights is None or not has_fit_parameter(machine, "sample_weight"):
        return {}
    return {"sample_weight": rows.weights}


def calibration(rows: Rows) -> Pipeline:
    """Return a logistic regression that is fitted to decision values, given as X."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=CALIBRATION_C))
    weights = rows.weights
    if weights is not None:
        weights = np.asarray(weights, float) / np.mean(weights)
    return model.fit(rows.X, rows.y, logisticregression__sample_weight=weights)


@dataclass(eq=False, repr=False)
class CalibratedClassifier(
    CalibratedClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    """A classifier that predicts no probabilities of its own, with learned ones.

    They are learned from its decision values. If it has none, they are learned from the
    classes that it predicts, which are counted as votes.

    Parameters
    ----------
    estimator : estimator
        Unfitted.
    random_state : int or None, default=None
        Seed of the inner cross-validation.
    """

    estimator: BaseEstimator
    random_state: int | None = None

    probabilities = True

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the estimator, and learn probabilities."""
        self.n_features_in_ = X.shape[1]
        fitted = Rows(X, np.asarray(y), sample_weight)
        held_out = Rows(X_val, y_val, sample_weight_val)
        return self._fit_calibrated(clone(self.estimator), fitted, held_out)

    @property
    def _method(self) -> str:
        decides = hasattr(self.machine_, "decision_function")
        return "decision_function" if decides else "predict"

    def _columns(self, values: np.ndarray, classes: np.ndarray) -> np.ndarray:
        if self._method == "decision_function":
            return super()._columns(values, classes)
        return (np.asarray(values)[:, None] == classes).astype(float)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the decision values of the estimator."""
        return self.machine_.decision_function(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the classes that the estimator predicts."""
        return self.machine_.predict(X)
