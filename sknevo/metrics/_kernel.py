"""The kernel distance: moments up to the third, without a bias."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from sknevo.metrics._checks import feature_rows, same_width

__all__ = ["KernelDistance", "kernel_distance"]


class KernelDistance(NamedTuple):
    """What `kernel_distance` found.

    Parameters
    ----------
    mean : float
        The distance, mean over the subsets.
    std : float
        How it varies from subset to subset.
    """

    mean: float
    std: float


def kernel_distance(
    X: Any,
    Y: Any,
    *,
    n_subsets: int = 100,
    subset_size: int = 1000,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
    random_state: Any = 0,
) -> KernelDistance:
    r"""Kernel distance between two sets of samples.

    The unbiased estimate of the squared maximum mean discrepancy [1]_ with the kernel
    :math:`(\gamma\, x \cdot y + c)^d`. Of features of Inception v3 it is the KID [2]_.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples, n_features)
        Features of two sets of samples, at least 2 each.
    n_subsets : int, default=100
        How many pairs of subsets are drawn; one is enough if they hold all samples.
    subset_size : int, default=1000
        Samples in a subset, drawn without replacement; all if there are fewer.
    degree : int, default=3
        Degree of the kernel.
    gamma : float or None, default=None
        Factor of the kernel; None stands for 1 / n_features.
    coef0 : float, default=1.0
        Constant of the kernel.
    random_state : int, RandomState instance or None, default=0
        Which samples are in which subset.

    Returns
    -------
    KernelDistance
        `mean` and `std` over the subsets. The mean is expected to be 0 if both sets
        come from the same distribution, and may then be below; no upper limit.

    References
    ----------
    .. [1] Gretton, A. et al. (2012). A Kernel Two-Sample Test. JMLR 13.
    .. [2] Bińkowski, M. et al. (2018). Demystifying MMD GANs. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import kernel_distance
    >>> X = np.random.default_rng(0).normal(size=(400, 4))
    >>> abs(kernel_distance(X[:200], X[200:]).mean) < 0.1
    True
    >>> kernel_distance(X[:200], X[200:] + 1).mean > 1
    True
    """
    X, Y = feature_rows(X, "X", 2), feature_rows(Y, "Y", 2)
    same_width(X, Y, "X and Y")
    if n_subsets < 1 or subset_size < 2:
        raise ValueError(
            "n_subsets must be at least 1 and subset_size at least 2; got "
            f"{n_subsets} and {subset_size}."
        )
    if degree < 1 or (gamma is not None and not gamma > 0):
        raise ValueError(
            "degree must be at least 1 and gamma above 0 or None; got "
            f"{degree!r} and {gamma!r}."
        )
    draw = check_random_state(random_state)
    size = min(subset_size, len(X), len(Y))
    gamma = 1 / X.shape[1] if gamma is None else gamma

    def kernel(A: np.ndarray, B: np.ndarray) -> np.ndarray:
        return (gamma * (A @ B.T) + coef0) ** degree

    distances = [
        _discrepancy(
            kernel,
            X[draw.choice(len(X), size, replace=False)],
            Y[draw.choice(len(Y), size, replace=False)],
        )
        for _ in range(n_subsets)
    ]
    return KernelDistance(float(np.mean(distances)), float(np.std(distances)))


def _discrepancy(kernel: Any, X: np.ndarray, Y: np.ndarray) -> float:
    within = sum(_mean_of_pairs(kernel(Z, Z)) for Z in (X, Y))
    return float(within - 2 * kernel(X, Y).mean())


def _mean_of_pairs(K: np.ndarray) -> float:
    """Return the mean over pairs of two different samples."""
    return (K.sum() - np.trace(K)) / (len(K) * (len(K) - 1))
