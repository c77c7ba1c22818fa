"""Real samples to compare with, and what real ones would score themselves."""

import math
from dataclasses import astuple, dataclass
from typing import Any, Self

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import check_random_state

from sknevo.metrics._checks import feature_rows, same_width
from sknevo.metrics._frechet import Gaussian
from sknevo.metrics._neighbours import authenticity, measured, neighbour_radii

__all__ = ["WIDE_SHARE", "Measures", "Reference", "mean_measures"]

# The baseline is the mean over so many sets of real samples, if there are as many.
MOST_SETS = 4
# What is generated reaches no further than so many times the median distance of its
# neighbours: with half the modes lost, 2 % of noise beside the data would else recall
# all of them.
FURTHEST = 3
# A sample's neighbourhood, in the k of the k nearest neighbours.
NEIGHBOURHOOD = 3
# In a wide sense, it is such a share of all samples: it sees regions, not quality.
WIDE_SHARE = 0.05


@dataclass(frozen=True)
class Measures:
    """What is measured of generated samples, in a feature space.

    Parameters
    ----------
    precision, recall, density, coverage : float
        See `precision_recall_density_coverage`. For recall, a generated sample that is
        far from all others counts for no more than three times the usual distance.
    local_coverage : float
        In [0, 1]. Coverage of the real samples that are neighbours of covered ones: it
        stays high where whole regions are lost, and falls with coverage if every region
        is covered in part.
    variety : float
        How far generated samples are from each other, relative to real ones (the
        median distance to the k-th nearest neighbour): 0 for copies of a few points, 1
        for perfect samples, above 1 for noise.
    frechet_distance : float
        Fréchet distance of the features.
    authenticity : float or None, default=None
        See `authenticity`; None if the training data are not known.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    local_coverage: float
    variety: float
    frechet_distance: float
    authenticity: float | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """Real samples that generated ones are compared with, a fixed number of them.

    Measures depend on the number of samples and on the data. So `baseline` holds the
    same measures of other real samples, which a perfect generator would get.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Features of real samples.
    n_neighbors : int
        The k of the k nearest neighbours.
    radii : ndarray of shape (n_samples,)
        Distance of each to its k-th nearest neighbour; of one with so many copies, as
        tables of few values have, half of that to the nearest other one.
    apart : float
        The median distance to the k-th nearest neighbour, 0 if most have copies.
    neighbours : ndarray of int of shape (n_samples, n_nearest)
        Its neighbourhood.
    gaussian : Gaussian
        Mean and covariance.
    training : ndarray of shape (n_training, n_features) or None, default=None
        Features of the samples that generators were trained with.
    baseline : Measures or None, default=None
        What other real samples get.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import Reference
    >>> X = np.random.default_rng(0).normal(size=(1500, 2))
    >>> reference = Reference.of(X[:1000])
    >>> reference.n_samples
    500
    >>> shares = [
    ...     reference.measure(generated).coverage / reference.baseline.coverage
    ...     for generated in (X[1000:], 0.1 * X[1000:])
    ... ]
    >>> [round(share, 1) for share in shares]
    [1.0, 0.1]
    """

    rows: np.ndarray
    n_neighbors: int
    radii: np.ndarray
    apart: float
    neighbours: np.ndarray
    gaussian: Gaussian
    training: np.ndarray | None = None
    baseline: Measures | None = None

    @classmethod
    def of(
        cls,
        real: Any,
        *,
        training: Any = None,
        n_samples: int = 1000,
        n_neighbors: int = 5,
        random_state: Any = 0,
    ) -> Self:
        """Take samples to compare with, and measure the rest of the real ones.

        Parameters
        ----------
        real : array-like of shape (n_real, n_features)
            Features of real samples, at least 4; best of such that generators have not
            seen. Half of them at least are left for the baseline.
        training : array-like of shape (n_training, n_features) or None, default=None
            Features of all samples that generators were trained with, to tell
            memorised ones.
        n_samples : int, default=1000
            How many samples to compare with, and how many generated ones to take.
        n_neighbors : int, default=5
            The k of the k nearest neighbours, less if there are few samples.
        random_state : int, RandomState instance or None, default=0
            Which samples.

        Returns
        -------
        Reference
        """
        if n_samples < 2 or n_neighbors < 1:
            raise ValueError(
                "n_samples must be at least 2 and n_neighbors at least 1; got "
                f"{n_samples} and {n_neighbors}."
            )
        real = feature_rows(real, "real", 4)
        if training is not None:
            training = feature_rows(training, "training", 2)
            same_width(real, training, "real and training")
        real = real[check_random_state(random_state).permutation(len(real))]
        size = min(n_samples, len(real) // 2)
        n_sets = min(MOST_SETS, len(real) // size - 1)
        rows, *others = np.split(real[: size * (n_sets + 1)], n_sets + 1)
        bare = cls._alone(rows, min(n_neighbors, size - 1), training)
        baseline = mean_measures([bare.measure(other) for other in others])
        return cls(**{**vars(bare), "baseline": baseline})

    @classmethod
    def _alone(cls, rows: np.ndarray, k: int, training: np.ndarray | None) -> Self:
        distances = cdist(rows, rows)
        nearest = distances.argsort(axis=1, kind="stable")[:, 1 : 1 + NEIGHBOURHOOD * k]
        kth = np.partition(distances, k, axis=1)[:, k]
        radii, apart = _radii(distances, kth), float(np.median(kth))
        return cls(rows, k, radii, apart, nearest, Gaussian.of(rows), training)

    @property
    def n_samples(self) -> int:
        """How many generated samples are compared with as many real ones."""
        return len(self.rows)

    def measure(self, generated: Any) -> Measures:
        """Measure generated samples.

        Parameters
        ----------
        generated : array-like of shape (n_generated, n_features)
            Their features, of at least `n_samples` samples, of which the first are
            taken.

        Returns
        -------
        Measures
        """
        generated = feature_rows(generated, "generated", self.n_samples)
        generated = generated[: self.n_samples]
        same_width(self.rows, generated, "real and generated")
        distances = cdist(self.rows, generated)
        radii = neighbour_radii(generated, self.n_neighbors)
        covered = distances.min(axis=1) <= self.radii
        around = covered[np.unique(self.neighbours[covered])]
        apart = np.median(radii)
        radii = np.minimum(radii, FURTHEST * apart)
        gaussian = Gaussian.of(generated)
        copied = self.training is not None
        return Measures(
            *measured(distances, self.radii, radii, self.n_neighbors),
            local_coverage=float(around.mean()) if around.size else 0.0,
            variety=float(apart / self.apart) if self.apart else 1.0,
            frechet_distance=self.gaussian.distance(gaussian),
            authenticity=authenticity(self.training, generated) if copied else None,
        )

    def reach(self, generated: Any) -> float:
        """Return how much of the data generated samples come near to, in a wide sense.

        Parameters
        ----------
        generated : array-like of shape (n_generated, n_features)
            Their features, of all samples that there are: the more, the surer.

        Returns
        -------
        float
            Share of the real samples that any generated one is nearer to than a
            twentieth of the other real ones are, or the k nearest if these are more.
            Unlike coverage it does not fall with the quality of samples.
        """
        generated = feature_rows(generated, "generated")
        same_width(self.rows, generated, "real and generated")
        wide = max(self.n_neighbors, math.ceil(WIDE_SHARE * self.n_samples))
        distances, k = cdist(self.rows, self.rows), min(wide, self.n_samples - 1)
        radii = _radii(distances, np.partition(distances, k, axis=1)[:, k])
        nearest = cdist(self.rows, generated).min(axis=1)
        return float((nearest <= radii).mean())

    def closeness(self, measures: Measures) -> float:
        """Return the Fréchet distance as a share: how close samples are to real ones.

        1 / (1 + d), where d is the distance as a length (a root) beyond that of other
        real samples, in standard deviations of the data.

        Parameters
        ----------
        measures : Measures
            Of generated samples.

        Returns
        -------
        float
            1 for perfect samples, 0.5 for one single point at the mean of the data,
            towards 0 the further away samples are.
        """
        distances = (measures.frechet_distance, self.baseline.frechet_distance)
        # Rounding may leave a little less than nothing.
        length, usual = np.sqrt(np.maximum(distances, 0))
        # Data without any spread: whatever differs is infinitely far away.
        spread = np.sqrt(self.gaussian.spread) or np.finfo(float).tiny
        return float(1 / (1 + max(0.0, length - usual) / spread))


def _radii(distances: np.ndarray, kth: np.ndarray) -> np.ndarray:
    others = np.where(distances == 0, np.inf, distances).min(axis=1) / 2
    return np.where((kth > 0) | np.isinf(others), kth, others)


def mean_measures(measures: list[Measures]) -> Measures:
    """Return the mean of each measure, of several sets of samples.

    Parameters
    ----------
    measures : list of Measures
        At least one.

    Returns
    -------
    Measures
    """
    columns = zip(*map(astuple, measures), strict=True)
    return Measures(*(None if None in c else float(np.mean(c)) for c in columns))
