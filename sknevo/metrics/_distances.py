"""Distances between two sets of samples: Fréchet distance and kernel distance."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.linalg import qr, svdvals
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.utils import check_random_state

from sknevo.metrics._features import check_same_width, feature_rows


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian as its mean and an upper triangular root R of its covariance R'R."""

    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """Fit mean and (unbiased) covariance; a single sample has no spread."""
        mean = rows.mean(axis=0)
        centred = (rows - mean) / np.sqrt(max(1, len(rows) - 1))
        return cls(mean, qr(centred, mode="r", check_finite=False)[0][: rows.shape[1]])

    @property
    def spread(self) -> float:
        """Trace of the covariance: the expected squared distance from the mean."""
        return float(np.square(self.root).sum())

    def distance(self, other: Self) -> float:
        """Return the squared Fréchet distance."""
        # The trace of (C1 C2)^(1/2) is the sum of the singular values of R1 R2'. No
        # covariance is formed, so none of its digits is lost if it is singular; and
        # for 2,048 features it takes a seventh of torchmetrics' time
        # (benchmarks/image_metrics.py).
        shared = svdvals(self.root @ other.root.T, check_finite=False).sum()
        moved = np.square(self.mean - other.mean).sum()
        return float(max(0.0, moved + self.spread + other.spread - 2 * shared))


def frechet_distance(X: Any, Y: Any) -> float:
    r"""Fréchet distance between Gaussians that are fitted to two sets of samples.

    It is :math:`\|\mu_X - \mu_Y\|^2 + \mathrm{tr}(C_X + C_Y - 2 (C_X C_Y)^{1/2})`,
    the squared Wasserstein distance of the two Gaussians [1]_. Of features of Inception
    v3 it is the FID [2]_. Values can be compared only within one feature space and for
    one number of samples.

    The distance depends only on means and covariances: samples with the right moments
    score well, whatever their distribution is.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples, n_features)
        Features of two sets of samples. There may be fewer samples than features, and
        features may be constant or copies of each other.

    Returns
    -------
    float
        In squared units of the features, from 0 (equal moments) upwards. Its bias is
        positive and grows as the number of samples falls [3]_.

    Raises
    ------
    ValueError
        If X or Y is no table of finite numbers, or if their widths differ.

    References
    ----------
    .. [1] Dowson, D. C., & Landau, B. V. (1982). The Fréchet distance between
       multivariate normal distributions. Journal of Multivariate Analysis 12.
    .. [2] Heusel, M. et al. (2017). GANs Trained by a Two Time-Scale Update Rule
       Converge to a Local Nash Equilibrium. NeurIPS.
    .. [3] Chong, M. J., & Forsyth, D. (2020). Effectively Unbiased FID and Inception
       Score and Where to Find Them. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import frechet_distance
    >>> X = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> round(frechet_distance(X, X + [3, 4]), 6)
    25.0
    """
    X, Y = feature_rows(X, "X"), feature_rows(Y, "Y")
    check_same_width(X, Y, "X and Y")
    return Gaussian.of(X).distance(Gaussian.of(Y))


class KernelDistance(NamedTuple):
    """Result of `kernel_distance`.

    Parameters
    ----------
    mean : float
        Mean of the distance over the subsets.
    std : float
        Standard deviation over the subsets.

    Examples
    --------
    >>> from sknevo.metrics import KernelDistance
    >>> mean, std = KernelDistance(mean=0.25, std=0.01)
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

    It is the unbiased estimate of the squared maximum mean discrepancy [1]_ with the
    kernel :math:`(\gamma\, x \cdot y + c)^d`. Of features of Inception v3 it is the
    KID [2]_.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples, n_features)
        Features of two sets of samples, at least 2 each.
    n_subsets : int, default=100
        Number of pairs of subsets. One is enough if a subset holds all samples.
    subset_size : int, default=1000
        Samples in a subset, drawn without replacement; all if there are fewer.
    degree : int, default=3
        Degree d of the kernel.
    gamma : float or None, default=None
        Factor of the kernel; None stands for 1 / n_features.
    coef0 : float, default=1.0
        Constant c of the kernel.
    random_state : int, RandomState instance or None, default=0
        Draws the subsets.

    Returns
    -------
    KernelDistance
        `mean` and `std` over the subsets, in units of the kernel. The expected mean is
        0 if both sets come from one distribution; a single estimate may be below.

    Raises
    ------
    ValueError
        If X or Y is no table of finite numbers, if their widths differ, or if a
        parameter is out of its range.

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
    check_same_width(X, Y, "X and Y")
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
    rng = check_random_state(random_state)
    size = min(subset_size, len(X), len(Y))
    kernel = {"degree": degree, "gamma": gamma, "coef0": coef0}
    distances = []
    # torchmetrics has the same values. It is not used: it would draw the subsets from
    # torch's global generator, and is no faster (benchmarks/image_metrics.py).
    for _ in range(n_subsets):
        A, B = (Z[rng.choice(len(Z), size, replace=False)] for Z in (X, Y))
        within = [polynomial_kernel(Z, **kernel) for Z in (A, B)]
        # Over pairs of two different samples: no bias.
        means = [(K.sum() - np.trace(K)) / (size * (size - 1)) for K in within]
        distances.append(sum(means) - 2 * polynomial_kernel(A, B, **kernel).mean())
    return KernelDistance(float(np.mean(distances)), float(np.std(distances)))
