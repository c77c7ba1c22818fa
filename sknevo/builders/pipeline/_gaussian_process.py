"""Gaussian processes with kernels that are learned on some of the rows."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._most_probable import MostProbableMixin
from sknevo.builders._targets import StandardizedRegressor
from sknevo.builders.pipeline._calibration import calibration
from sknevo.builders.pipeline._watched_rows import Rows
from sknevo.deadline import check_deadline, is_training_over

# Rows that the kernel is learned on, and rows that the process knows: time grows with
# the cubes of both. Chosen, not measured.
LEARNED_ROWS, KNOWN_ROWS = 300, 1500
# Steps of the optimiser. Chosen, not measured.
STEPS = 40
# Columns, beyond which they share a length: the squared distances of all pairs are kept
# for each length. Chosen, not measured.
MANY_COLUMNS = 100
# What logarithms of the kernel's parameters are expected to be: those of lengths are
# log(sqrt(n_columns)) ± LENGTH_WIDTH, those of variances (of the smooth part, of the
# noise and of the linear part) LOG_VARIANCES ± VARIANCE_WIDTH. None is further away
# than MOST_WIDTHS of these. Chosen, not measured.
LENGTH_WIDTH, VARIANCE_WIDTH, MOST_WIDTHS = 1.5, 2.0, 3.0
LOG_VARIANCES = np.log([1.0, 0.1, 0.1])
# The least weight of a row, in relation to the mean.
LEAST_WEIGHT = 1e-6
# Rows between two looks at the deadline. Chosen, not measured.
CHUNK = 1000


def gaussian_process_seconds(n_rows: int, width: float) -> float:
    """Return roughly how long a fit takes on one core."""
    learned, known = min(n_rows, LEARNED_ROWS), min(n_rows, KNOWN_ROWS)
    step = 1e-4 + learned**2 * (2e-9 * min(width, MANY_COLUMNS) + 1e-10 * learned)
    return 0.005 + STEPS * step + 1e-10 * known**3


@dataclass(eq=False, repr=False)
class _GaussianProcess(BaseEstimator):
    """What classifier and regressor share: the kernel and how it is learned.

    The kernel is a Matérn kernel (5/2) plus a linear one plus noise. Its parameters
    have the largest posterior density given a sample of the rows; several targets share
    them. Weights divide the noise. scikit-learn's processes of the same kernel predict
    the same, and took five times as long for 320 rows of 12 to 24 columns.

    Parameters
    ----------
    own_lengths : bool, default=True
        Whether each column has a length of its own, so that some matter more.
    random_state : int or None, default=None
        Seed of the samples of rows.
    """

    own_lengths: bool = True
    random_state: int | None = None

    def _learn(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray | None,
        codes: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Learn the kernel, and condition the process on columns of targets.

        Return the rows that the process knows, and what it would predict for each
        without it. There is a row of each of the `codes`, as far as there is room.
        """
        self.n_features_in_ = X.shape[1]
        order = np.random.default_rng(self.random_state).permutation(len(X))
        if codes is not None:
            first = np.unique(codes[order], return_index=True)[1]
            order = np.concatenate([order[first], np.delete(order, first)])
        noise = np.ones(len(X))
        if weights is not None:
            noise = 1 / np.maximum(weights / np.mean(weights), LEAST_WEIGHT)
        some = order[:LEARNED_ROWS]
        self._learn_kernel(X[some], y[some], noise[some])
        rows = order[:KNOWN_ROWS]
        self.X_, y = X[rows], y[rows]
        kernel = self._kernel(self.X_)
        kernel[np.diag_indices(len(y))] += self.variances_[1] * noise[rows]
        factor = cho_factor(kernel, lower=True)
        self.coefficients_ = cho_solve(factor, y)
        precisions = np.diag(cho_solve(factor, np.eye(len(y))))
        return rows, y - self.coefficients_ / precisions[:, None]

    def _learn_kernel(self, X: np.ndarray, y: np.ndarray, noise: np.ndarray) -> None:
        n_rows, n_columns = X.shape
        own = self.own_lengths and n_columns <= MANY_COLUMNS
        columns = X.T[:, :, None] if own else X[None]
        distances = np.array([cdist(c, c, "sqeuclidean").ravel() for c in columns])
        linear, identity = X @ X.T / n_columns, np.eye(n_rows)
        n = len(distances)
        centre = np.concatenate(
            [np.full(n, 0.5 * np.log(n_columns)), LOG_VARIANCES], dtype=float
        )
        width = np.repeat([LENGTH_WIDTH, VARIANCE_WIDTH], [n, len(LOG_VARIANCES)])

        def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
            """Return the negative logarithm of the posterior density, its gradient."""
            check_deadline()
            inverse, (smooth, noisy, slope) = np.exp(-2 * logs[:n]), np.exp(logs[n:])
            matern, decline = _matern((inverse @ distances).reshape(n_rows, n_rows))
            kernel = smooth * matern + slope * linear + np.diag(noisy * noise)
            try:
                factor = cho_factor(kernel, lower=True)
            except LinAlgError:
                return np.inf, np.zeros_like(logs)
            solved = cho_solve(factor, y)
            inverted = y.shape[1] * cho_solve(factor, identity)
            outer = 0.5 * (inverted - solved @ solved.T)
            of_variances = [
                smooth * np.sum(outer * matern),
                noisy * np.sum(np.diag(outer) * noise),
                slope * np.sum(outer * linear),
            ]
            of_lengths = 2 * smooth * inverse * (distances @ (outer * decline).ravel())
            determinant = y.shape[1] * np.log(np.diag(factor[0])).sum()
            away = (logs - centre) / width
            value = 0.5 * np.sum(y * solved) + determinant + 0.5 * np.sum(away**2)
            return value, np.concatenate([of_lengths, of_variances]) + away / width

        best = minimize(
            loss,
            centre,
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack(
                [centre - MOST_WIDTHS * width, centre + MOST_WIDTHS * width]
            ),
            options={"maxiter": STEPS},
            callback=_stop_in_time,
        ).x
        self.lengths_ = np.broadcast_to(np.exp(best[:n]), n_columns)
        self.variances_ = np.exp(best[n:])

    def _kernel(self, X: np.ndarray) -> np.ndarray:
        """Return the kernel of rows with those that the process knows, less noise."""
        smooth, _, slope = self.variances_
        scaled, known = X / self.lengths_, self.X_ / self.lengths_
        matern, _ = _matern(cdist(scaled, known, "sqeuclidean"))
        return smooth * matern + slope / X.shape[1] * X @ self.X_.T

    def _values(self, X: np.ndarray) -> np.ndarray:
        """Return the expected targets (n_samples, n_targets)."""
        check_is_fitted(self)
        chunks = []
        for begin in range(0, len(X), CHUNK):
            check_deadline()
            chunks.append(self._kernel(X[begin : begin + CHUNK]) @ self.coefficients_)
        return np.concatenate(chunks)


def _matern(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernel of squared distances, and how it declines with them."""
    r = np.sqrt(5 * distances)
    fading = np.exp(-r)
    return (1 + r + r**2 / 3) * fading, 5 / 6 * (1 + r) * fading


def _stop_in_time(intermediate_result: Any) -> None:
    if is_training_over():
        raise StopIteration


class GaussianProcessRegressor(StandardizedRegressor, _GaussianProcess):
    """A Gaussian process of standardised targets."""

    def _fit_standardized(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None
    ) -> None:
        self._learn(X, y[:, None], weights)

    def _predict_standardized(self, X: np.ndarray) -> np.ndarray:
        return self._values(X)[:, 0]


@dataclass(eq=False, repr=False)
class GaussianProcessClassifier(MostProbableMixin, _GaussianProcess):
    """A Gaussian process of the membership in each class, calibrated.

    `predict_proba` is a logistic regression on what the process predicts for each
    training row without it, which it tells in closed form. With n samples no
    probability is below 1 / (n + 2), as in the rule of succession.
    """

    class_weight: str | None = None

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Fit the process to complete and scaled features, and calibrate it."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        member = np.eye(len(self.classes_))[codes]
        member = member[:, 1:] if len(self.classes_) == 2 else member
        member = (member - member.mean(axis=0)) / member.std(axis=0)
        rows, left_out = self._learn(X, member, weights, codes)
        self.least_probability_ = 1 / (len(X) + 2)
        weights = np.ones(len(X)) if weights is None else weights
        if self.class_weight is not None:
            # Not in the process: noise that is less for a class bends it there.
            weights = weights * compute_sample_weight(self.class_weight, codes)
        self.calibration_ = calibration(Rows(left_out, codes[rows], weights[rows]))
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        known = self.calibration_.predict_proba(self._values(X))
        # The process may know no row of a rare class.
        probabilities = np.zeros((len(X), len(self.classes_)))
        probabilities[:, self.calibration_.classes_] = known
        probabilities = np.maximum(probabilities, self.least_probability_)
        return probabilities / probabilities.sum(axis=1, keepdims=True)
