"""Measures by nearest neighbours: quality, variety and memory, each by itself."""

from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from sknevo.metrics._checks import feature_rows, same_width

__all__ = [
    "PRDC",
    "authenticity",
    "neighbour_radii",
    "precision_recall_density_coverage",
]


class PRDC(NamedTuple):
    """Precision, recall, density and coverage.

    Parameters
    ----------
    precision : float
        Share of the generated samples that lie near a real one.
    recall : float
        Share of the real samples that lie near a generated one, by the distances
        between generated samples.
    density : float
        How many real samples a generated one lies near, relative to what is expected.
    coverage : float
        Share of the real samples that have a generated one near, by the distances
        between real samples.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(
    real: Any, generated: Any, n_neighbors: int = 5
) -> PRDC:
    """Precision, recall [1]_, density and coverage [2]_ of generated samples.

    A sample is near another of the same set, or of the other one, if it is not further
    away than the `n_neighbors`-th nearest neighbour that the latter has in its own set.
    Density asks for quality, coverage for variety; a single odd sample hardly moves
    them, as it does precision (if real) and recall (if generated).

    Values depend on the number of samples. What good ones are is known by comparing
    two halves of the real data (see `Reference`): with as many real as generated
    samples and 5 neighbours, coverage is then about 0.97.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features)
        Features of real and of generated samples.
    n_neighbors : int, default=5
        Which neighbour says what is near; less than the number of samples.

    Returns
    -------
    PRDC
        Precision, recall and coverage lie in [0, 1]. Density is at least 0, about 1
        for good samples, and above 1 for samples that keep to where real ones are most
        crowded.

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
    same_width(real, generated, "real and generated")
    return measured(
        cdist(real, generated),
        neighbour_radii(real, n_neighbors),
        neighbour_radii(generated, n_neighbors),
        n_neighbors,
    )


def measured(
    distances: np.ndarray,
    real_radii: np.ndarray,
    generated_radii: np.ndarray,
    n_neighbors: int,
) -> PRDC:
    """Return the four measures, of distances that are known.

    Parameters
    ----------
    distances : ndarray of shape (n_real, n_generated)
        From each real to each generated sample.
    real_radii, generated_radii : ndarray of shape (n_real,) and (n_generated,)
        How far what is near may be.
    n_neighbors : int
        Which neighbour gave the radii.

    Returns
    -------
    PRDC
    """
    near_real = distances <= real_radii[:, np.newaxis]
    near_generated = distances <= generated_radii
    return PRDC(
        precision=float(near_real.any(axis=0).mean()),
        recall=float(near_generated.any(axis=1).mean()),
        density=float(near_real.sum(axis=0).mean() / n_neighbors),
        coverage=float(near_real.any(axis=1).mean()),
    )


def neighbour_radii(rows: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the distance from each sample to its `n_neighbors`-th nearest other.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Samples.
    n_neighbors : int
        Which neighbour.

    Returns
    -------
    ndarray of shape (n_samples,)
    """
    # Each is its own nearest neighbour, at no distance.
    return np.partition(cdist(rows, rows), n_neighbors, axis=1)[:, n_neighbors]


def authenticity(training: Any, generated: Any) -> float:
    """Share of generated samples that are no copies of training samples.

    A generated sample counts as a copy if it is nearer to its nearest training sample
    than that one's own nearest neighbour in the training data is [1]_. The scale being
    local, samples that merely keep to where training samples are crowded do not count.

    Parameters
    ----------
    training : array-like of shape (n_training, n_features)
        Features of all samples that the generator was trained with, at least 2: what
        is not here is not found to be copied.
    generated : array-like of shape (n_samples, n_features)
        Features of generated samples.

    Returns
    -------
    float
        In [0, 1]. 0 if all are copies. Fresh samples of the same distribution have
        about 0.4 in the plane and 0.75 with 64 features, since chance brings some
        close: compare with samples that are held out. More if they lie beside the data.

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
    same_width(training, generated, "training and generated")
    neighbours = NearestNeighbors().fit(training)
    distances, nearest = neighbours.kneighbors(generated, 1)
    # Of the nearest training samples alone, which other one is nearest to each.
    theirs, places = np.unique(nearest[:, 0], return_inverse=True)
    apart = neighbours.kneighbors(training[theirs], 2)[0][:, 1]
    return float((distances[:, 0] > apart[places]).mean())
