"""Decision values of support vector machines with exact kernels, by matrix products.

libsvm evaluates the kernel for one row and one support vector at a time. A matrix
product does the same for many rows at once.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.svm import SVC, SVR
from sklearn.utils import gen_batches

# Kernel values in memory at a time: 64 MB.
MOST_VALUES = 2**23


def decision_values(machine: SVC, X: np.ndarray) -> np.ndarray:
    """Return what `SVC.decision_function` does: a column for each of several classes.

    A class has one point for each other class that it wins against, and a fraction of a
    point that grows with its values against all: it decides between equal points.
    """
    if len(machine.classes_) == 2:
        return _weighted_kernels(machine, X, _dense(machine.dual_coef_))[:, 0]
    values = _weighted_kernels(machine, X, _pairs_coefficients(machine))
    first, second = np.triu_indices(len(machine.classes_), 1)
    one_hot = np.eye(len(machine.classes_))
    sums = values @ (one_hot[first] - one_hot[second])
    points = (values >= 0) @ one_hot[first] + (values < 0) @ one_hot[second]
    return points + sums / (3 * (np.abs(sums) + 1))


def kernel_regression(machine: SVR, X: np.ndarray) -> np.ndarray:
    """Return what `SVR.predict` does."""
    return _weighted_kernels(machine, X, _dense(machine.dual_coef_))[:, 0]


def _pairs_coefficients(machine: SVC) -> csr_array:
    """Return the coefficient of each support vector (column) for each pair (row).

    libsvm stores a vector's coefficients against all classes but its own, in order.
    """
    n_classes, n_vectors = len(machine.classes_), len(machine.support_)
    own = np.repeat(np.arange(n_classes), machine.n_support_)
    other = np.arange(n_classes - 1)[:, None]
    other = other + (other >= own)
    pairs = np.triu_indices(n_classes, 1)
    pair_of = np.zeros((n_classes, n_classes), int)
    pair_of[pairs] = pair_of.T[pairs] = np.arange(len(pairs[0]))
    vector = np.broadcast_to(np.arange(n_vectors), other.shape)
    places = (pair_of[own, other].ravel(), vector.ravel())
    return csr_array(
        (_dense(machine.dual_coef_).ravel(), places), shape=(len(pairs[0]), n_vectors)
    )


def _weighted_kernels(machine: SVC | SVR, X: Any, coefficients: Any) -> np.ndarray:
    """Return, for each row of X and of coefficients, the sum over support vectors."""
    sums = [kernels @ coefficients.T for kernels in _kernels(machine, X)]
    return np.concatenate(sums) + machine.intercept_


def _kernels(machine: SVC | SVR, X: Any) -> Iterator[np.ndarray]:
    """Yield the kernel of some rows after the others with all support vectors."""
    vectors = machine.support_vectors_
    n_vectors = vectors.shape[0]
    if n_vectors == 0:  # A regressor with all targets in its tube.
        yield np.zeros((X.shape[0], 0))
        return
    parameters = {name: getattr(machine, name) for name in ("gamma", "degree", "coef0")}
    for rows in gen_batches(X.shape[0], max(1, MOST_VALUES // n_vectors)):
        yield pairwise_kernels(
            X[rows], vectors, metric=machine.kernel, filter_params=True, **parameters
        )


def _dense(coefficients: Any) -> np.ndarray:
    return coefficients.toarray() if issparse(coefficients) else coefficients
