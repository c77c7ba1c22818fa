"""Measures by nearest neighbours: quality, variety, copies and known modes."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.neighbors import NearestNeighbors

from sknevo.metrics._features import check_same_width, feature_rows

# Training samples are doubles if they are nearer to each other than this share of the
# spread of all: so far apart are features of one image in single precision. A sample
# has fewer doubles than the second number. Chosen, not measured.
ROUNDING, MOST_DOUBLES = 1e-6, 10


class PRDC(NamedTuple):
    """Result of `precision_recall_density_coverage`.

    Parameters
    ----------
    precision : float
        Share of the generated samples that lie near a real one.
    recall : float
        Share of the real samples that lie near a generated one; what is near is decided
        by the distances between generated samples.
    density : float
        Mean number of real samples that a generated one lies near, divided by
        `n_neighbors`.
    coverage : float
        Share of the real samples that have a generated one near; what is near is
        decided by the distances between real samples.

    Examples
    --------
    >>> from sknevo.metrics import PRDC
    >>> PRDC(precision=1.0, recall=0.5, density=1.2, coverage=0.5).coverage
    0.5
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(
    real: Any, generated: Any, n_neighbors: int = 5
) -> PRDC:
    """Precision, recall [1]_, density and coverage [2]_ of generated samples.

    Every sample has a radius: the distance to its `n_neighbors`-th nearest neighbour in
    its own set. A generated sample lies near a real one if it is within the radius of
    the real one; for recall, a real sample lies near a generated one if it is within
    the radius of the generated one. Density measures quality and coverage measures
    variety. One odd sample hardly changes them, but it may change precision (if it is
    real) or recall (if it is generated).

    Values depend on the number of samples. Compare with two halves of the real data
    (see `ReferenceSet`): with as many real as generated samples and 5 neighbours, their
    coverage is about 0.97.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features)
        Features of real and of generated samples; the numbers of samples may differ.
    n_neighbors : int, default=5
        The neighbour that defines the radius; less than the number of samples.

    Returns
    -------
    PRDC
        Precision, recall and coverage are in [0, 1]. Density is at least 0 and about 1
        for good samples; it is above 1 for samples that keep to the densest regions of
        the data.

    Raises
    ------
    ValueError
        If `n_neighbors` is below 1, if a set has no more than `n_neighbors` samples, or
        if features are no tables of finite numbers of one width.

    References
    ----------
    .. [1] Kynkäänniemi, T. et al. (2019). Improved Precision and Recall Metric for
       Assessing Generative Models. NeurIPS.
    .. [2] Naeem, M. F. et al. (2020). Reliable Fidelity and Diversity Metrics for
       Generative Models. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import precision_recall_density_coverage
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> good = precision_recall_density_coverage(X[:500], X[500:])
    >>> good.coverage > 0.9
    True
    >>> collapsed = precision_recall_density_coverage(X[:500], 0.01 * X[500:])
    >>> collapsed.precision > 0.9, collapsed.coverage < 0.1
    (True, True)
    """
    if n_neighbors < 1:
        raise ValueError(f"n_neighbors must be at least 1; got {n_neighbors}.")
    real = feature_rows(real, "real", n_neighbors + 1)
    generated = feature_rows(generated, "generated", n_neighbors + 1)
    check_same_width(real, generated, "real and generated")
    return prdc_of_distances(
        cdist(real, generated),
        neighbour_radii(real, n_neighbors),
        neighbour_radii(generated, n_neighbors),
        n_neighbors,
    )


def prdc_of_distances(
    distances: np.ndarray,
    real_radii: np.ndarray,
    generated_radii: np.ndarray,
    n_neighbors: int,
) -> PRDC:
    """Return the four measures of known distances, of shape (n_real, n_generated)."""
    near_real = distances <= real_radii[:, np.newaxis]
    near_generated = distances <= generated_radii
    return PRDC(
        precision=float(near_real.any(axis=0).mean()),
        recall=float(near_generated.any(axis=1).mean()),
        density=float(near_real.sum(axis=0).mean() / n_neighbors),
        coverage=float(near_real.any(axis=1).mean()),
    )


def neighbour_radii(rows: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the distance from each sample to its `n_neighbors`-th nearest other."""
    # Each sample is its own nearest neighbour, at distance 0.
    return np.partition(cdist(rows, rows), n_neighbors, axis=1)[:, n_neighbors]


def authenticity(training: Any, generated: Any) -> float:
    """Share of generated samples that are not copies of training samples.

    A generated sample counts as a copy if it is nearer to its nearest training sample
    than any other training sample is [1]_. So the scale is local: samples that merely
    keep to dense regions of the training data do not count as copies. Training samples
    that are repeated, exactly or up to rounding, count once.

    Parameters
    ----------
    training : array-like of shape (n_training, n_features)
        Features of all samples that the generator was trained with, at least 2. Copies
        of other samples are not found.
    generated : array-like of shape (n_samples, n_features)
        Features of generated samples.

    Returns
    -------
    float
        In [0, 1]; 0 if all are copies. Compare with held-out samples: fresh samples of
        the same distribution have about 0.4 with two features and 0.75 with 64, since
        some are close by chance. Samples that lie beside the data have more.

    Raises
    ------
    ValueError
        If there are too few samples, or if features are no tables of finite numbers of
        one width.

    References
    ----------
    .. [1] Alaa, A. M. et al. (2022). How Faithful is your Synthetic Data?
       Sample-level Metrics for Evaluating and Auditing Generative Models. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import authenticity
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> authenticity(X[:500], X[:100] + 1e-6)
    0.0
    >>> round(authenticity(X[:500], X[500:]), 1)
    0.4
    """
    training = feature_rows(training, "training", 2)
    generated = feature_rows(generated, "generated")
    check_same_width(training, generated, "training and generated")
    return NearestTraining.of(training).authenticity(generated)


@dataclass(frozen=True, eq=False)
class NearestTraining:
    """Training samples, each once, and what finds the nearest ones."""

    rows: np.ndarray
    neighbours: NearestNeighbors

    @classmethod
    def of(cls, training: np.ndarray) -> Self:
        # The double of a sample would hide all that is merely near it.
        rows = np.unique(training, axis=0)
        return cls(rows, NearestNeighbors().fit(rows))

    def authenticity(self, generated: np.ndarray) -> float:
        """Return the share of generated samples that are no copies."""
        distances, nearest = self.neighbours.kneighbors(generated, 1)
        # The distance to the next training sample is needed of the nearest ones alone.
        unique, inverse = np.unique(nearest[:, 0], return_inverse=True)
        most = min(MOST_DOUBLES, len(self.rows))
        near = self.neighbours.kneighbors(self.rows[unique], most)[0]
        apart = near > ROUNDING * np.sqrt(self.rows.var(axis=0).sum())
        # A sample that stands alone sets no scale: only what equals it is a copy.
        limits = np.where(apart, near, np.inf).min(axis=1)
        limits = np.where(np.isinf(limits), near[:, -1], limits)
        return float((distances[:, 0] > limits[inverse]).mean())


class ModeCoverage(NamedTuple):
    """Result of `mode_coverage`.

    Parameters
    ----------
    n_modes : int
        Number of modes found.
    high_quality : float
        Share of the samples that lie within the radius of a center, in [0, 1].
    counts : ndarray of int of shape (n_centers,)
        Number of high-quality samples of each mode.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import ModeCoverage
    >>> ModeCoverage(2, 0.75, np.array([2, 1, 0])).n_modes
    2
    """

    n_modes: int
    high_quality: float
    counts: np.ndarray


def mode_coverage(
    X: Any, centers: Any, radius: float, *, min_share: float = 0.0
) -> ModeCoverage:
    """Count the modes found and the samples of high quality, if modes are known.

    A sample is of high quality if it lies within `radius` of its nearest center; it
    then counts for the mode of that center. A mode is found if any sample counts for
    it, as usual for the ring and the grid of Gaussians with a radius of three standard
    deviations [1]_ [2]_; with `min_share`, more samples are required. Variety within a
    mode is not measured: a generator that repeats one point of each mode finds all.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Generated samples, in the space of the centers.
    centers : array-like of shape (n_centers, n_features)
        Centers of the modes, equally frequent.
    radius : float
        Greatest distance of a high-quality sample from its center, in units of X.
    min_share : float, default=0.0
        Number of samples that a mode needs to be found, as a share of the n_samples /
        n_centers that a perfect generator would make; at least one sample is needed.

    Returns
    -------
    ModeCoverage

    Raises
    ------
    ValueError
        If `radius` is not above 0, if `min_share` is not in [0, 1], or if X and centers
        are no tables of finite numbers of one width.

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
    check_same_width(X, centers, "X and centers")
    if not radius > 0:
        raise ValueError(f"radius must be above 0; got {radius!r}.")
    if not 0 <= min_share <= 1:
        raise ValueError(f"min_share must be in [0, 1]; got {min_share!r}.")
    nearest, distances = pairwise_distances_argmin_min(X, centers)
    good = distances <= radius
    counts = np.bincount(nearest[good], minlength=len(centers))
    enough = max(1.0, min_share * len(X) / len(centers))
    return ModeCoverage(int((counts >= enough).sum()), float(good.mean()), counts)
