"""Which modes of a mixture generated samples find."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import pairwise_distances_argmin_min

from sknevo.metrics._checks import feature_rows, same_width

__all__ = ["ModeCoverage", "mode_coverage"]


class ModeCoverage(NamedTuple):
    """What `mode_coverage` found.

    Parameters
    ----------
    n_modes : int
        Modes found.
    high_quality : float
        Share of the samples that lie within the radius of a mode.
    counts : ndarray of int of shape (n_centers,)
        High-quality samples of each mode.
    """

    n_modes: int
    high_quality: float
    counts: np.ndarray


def mode_coverage(
    X: Any, centers: Any, radius: float, *, min_share: float = 0.0
) -> ModeCoverage:
    """Modes found and the share of high-quality samples, where modes are known.

    A sample is of high quality if it lies within `radius` of its nearest center, and
    counts for the mode of that center. A mode is found if any sample counts for it, as
    usual for the ring and the grid of Gaussians with a radius of three standard
    deviations [1]_ [2]_; `min_share` asks for more. Where in a mode samples lie is not
    asked: a single point for each mode is "all modes found".

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Generated samples, in the space of the centers.
    centers : array-like of shape (n_centers, n_features)
        Centers of the modes, equally frequent.
    radius : float
        How far samples of high quality may be from a center, in units of X.
    min_share : float, default=0.0
        For a mode to be found, how many samples it needs, as a share of the n_samples /
        n_centers that a perfect generator gives it; in any case one.

    Returns
    -------
    ModeCoverage
        `n_modes`, `high_quality` in [0, 1] and `counts`.

    References
    ----------
    .. [1] Srivastava, A. et al. (2017). VEEGAN: Reducing Mode Collapse in GANs using
       Implicit Variational Learning. NeurIPS.
    .. [2] Lin, Z. et al. (2018). PacGAN: The power of two samples in generative
       adversarial networks. NeurIPS.

    Examples
    --------
    >>> from sknevo.metrics import mode_coverage
    >>> found = mode_coverage([[0.1], [0.0], [0.9], [5.0]], [[0], [1], [2]], radius=0.2)
    >>> found.n_modes, found.high_quality, found.counts.tolist()
    (2, 0.75, [2, 1, 0])
    """
    X, centers = feature_rows(X, "X"), feature_rows(centers, "centers")
    same_width(X, centers, "X and centers")
    if not radius > 0:
        raise ValueError(f"radius must be above 0; got {radius!r}.")
    if not 0 <= min_share <= 1:
        raise ValueError(f"min_share must be in [0, 1]; got {min_share!r}.")
    nearest, distances = pairwise_distances_argmin_min(X, centers)
    good = distances <= radius
    counts = np.bincount(nearest[good], minlength=len(centers))
    enough = max(1.0, min_share * len(X) / len(centers))
    return ModeCoverage(int((counts >= enough).sum()), float(good.mean()), counts)
