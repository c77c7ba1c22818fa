"""The Fréchet distance of Gaussians, without the square root of a matrix."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import qr, svdvals

from sknevo.metrics._checks import feature_rows, same_width

__all__ = ["Gaussian", "frechet_distance"]


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian as its mean and a root R of its covariance, which is R'R.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean.
    root : ndarray of shape (rank, n_features)
        Root of the covariance, upper triangular.
    """

    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """Fit mean and (unbiased) covariance; one sample alone has no spread.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        Gaussian
        """
        mean = rows.mean(axis=0)
        centred = (rows - mean) / np.sqrt(max(1, len(rows) - 1))
        return cls(mean, qr(centred, mode="r", check_finite=False)[0][: rows.shape[1]])

    @property
    def spread(self) -> float:
        """Trace of the covariance: the squared distance from the mean to expect."""
        return float(np.square(self.root).sum())

    def distance(self, other: Self) -> float:
        """Return the squared Fréchet distance.

        Parameters
        ----------
        other : Gaussian
            Of as many features.

        Returns
        -------
        float
        """
        # The trace of (C1 C2)^(1/2) is the sum of the singular values of R1 R2'. No
        # covariance is formed, so that none of its digits is lost if it is singular.
        shared = svdvals(self.root @ other.root.T, check_finite=False).sum()
        moved = np.square(self.mean - other.mean).sum()
        return float(max(0.0, moved + self.spread + other.spread - 2 * shared))


def frechet_distance(X: Any, Y: Any) -> float:
    r"""Fréchet distance between Gaussians that are fitted to two sets of samples.

    :math:`\|\mu_X - \mu_Y\|^2 + \mathrm{tr}(C_X + C_Y - 2 (C_X C_Y)^{1/2})`, the
    squared Wasserstein distance of the two Gaussians [1]_. Of features of Inception v3
    it is the FID [2]_; of other features it is not, and figures compare only within one
    feature space and one number of samples.

    It sees means and covariances alone: samples with the right moments score well,
    whatever else they are.

    Parameters
    ----------
    X, Y : array-like of shape (n_samples, n_features)
        Features of two sets of samples. Fewer samples than features are allowed, as
        are features that are constant or copies of each other.

    Returns
    -------
    float
        In squared units of the features; 0 if moments agree, with no upper limit. It
        is biased upwards, the more the fewer samples there are [3]_.

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
    same_width(X, Y, "X and Y")
    return Gaussian.of(X).distance(Gaussian.of(Y))
