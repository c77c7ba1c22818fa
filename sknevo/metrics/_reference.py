"""Real samples to compare generated ones with, and what other real samples get."""

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from itertools import cycle
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import check_random_state

from sknevo.metrics._classifiers import (
    MOST_ROWS,
    Columns,
    Detector,
    Utility,
)
from sknevo.metrics._distances import Gaussian
from sknevo.metrics._features import (
    ConditionFeatures,
    StandardFeatures,
    check_same_width,
    feature_rows,
)
from sknevo.metrics._neighbours import (
    NearestTraining,
    neighbour_radii,
    prdc_of_distances,
)

# The baseline is the mean over at most so many sets of real samples (chosen, not
# measured: each takes as long as measuring one set of generated samples).
MOST_SETS = 4
# For recall, a generated sample counts for at most so many times the median radius.
# Without it, 2 % of noise beside half of the ring's modes recalls all eight of them
# (test_a_little_noise_does_not_hide_lost_modes).
FURTHEST = 3
# Neighbours of a real sample for `local_coverage`, in units of k (chosen, not
# measured).
NEIGHBOURHOOD = 3
# Measures that are compared with those of other real samples.
RELATIVE = (
    "coverage",
    "density",
    "precision",
    "recall",
    "indistinguishability",
    "utility",
    "authenticity",
)


@dataclass(frozen=True)
class Measures:
    """Measures of generated samples in a feature space.

    Parameters
    ----------
    precision, recall, density, coverage : float
        See `precision_recall_density_coverage`. For recall, the radius of a generated
        sample is at most three times the median radius.
    local_coverage : float
        In [0, 1]. Coverage of those real samples that are neighbours of covered ones.
        It stays high if whole regions are lost, and falls with coverage if every region
        is covered only in part.
    variety : float
        Median distance of generated samples to their k-th nearest neighbour, relative
        to that of real samples: 0 for copies of a few points, 1 for perfect samples,
        above 1 for noise.
    frechet_distance : float
        See `frechet_distance`, in squared units of the features.
    indistinguishability : float, default=1.0
        In [0, 1]: 2 - 2 AUC, where AUC (0.5 counts for less) is the area under the ROC
        curve of a classifier that tells generated samples from real ones.
    utility : float or None, default=None
        In [0, 1]. Score on real samples of a model that has learned their labels or
        values, or the last columns of a table, from generated ones: 2 AUC - 1 of
        labels, R2 of values. None if there are none of these, 0 if models of real
        samples know nothing of them.
    authenticity : float or None, default=None
        See `authenticity`; None if the training data are not known.

    See Also
    --------
    ReferenceSet.measure : Returns such measures.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import ReferenceSet
    >>> X = np.random.default_rng(0).normal(size=(1500, 2))
    >>> measures = ReferenceSet.of(X[:1000]).measure(0.1 * X[1000:])
    >>> round(measures.coverage, 1), round(measures.variety, 1)
    (0.1, 0.1)
    """

    precision: float
    recall: float
    density: float
    coverage: float
    local_coverage: float
    variety: float
    frechet_distance: float
    indistinguishability: float = 1.0
    utility: float | None = None
    authenticity: float | None = None


class PooledMeasure(Protocol):
    """A measure of all generated samples at once, named as in `Measures`."""

    @property
    def name(self) -> str: ...

    @property
    def takes_columns(self) -> bool:
        """Whether it takes columns as they are, rather than features of samples."""

    @property
    def expected(self) -> float:
        """The value of other real samples."""

    def __call__(self, generated: np.ndarray) -> float: ...


@dataclass(frozen=True, eq=False)
class Authenticity:
    """The share of generated samples that are no copies of training samples."""

    name: ClassVar[str] = "authenticity"
    takes_columns: ClassVar[bool] = False
    training: NearestTraining
    expected: float

    @classmethod
    def of(cls, real: np.ndarray, training: np.ndarray) -> Self:
        nearest = NearestTraining.of(training)
        return cls(nearest, nearest.authenticity(real[:MOST_ROWS]))

    def __call__(self, generated: np.ndarray) -> float:
        # Targets stand last.
        features = generated[:MOST_ROWS, : self.training.rows.shape[1]]
        return self.training.authenticity(features)


def pooled_measures(
    rows: np.ndarray,
    columns: Columns,
    features: np.ndarray,
    training: np.ndarray | None,
) -> tuple[PooledMeasure, ...]:
    """Return the measures that depend on all samples at once.

    `rows` of shape (n_real, n_columns) has the columns of real samples in random order,
    targets included; `features` and `training` have no targets.
    """
    pooled: list[PooledMeasure] = [Detector.of(rows, columns)]
    if columns.targets:
        pooled.append(Utility.of(rows, columns))
    if training is not None:
        pooled.append(Authenticity.of(features, training))
    return tuple(pooled)


@dataclass(frozen=True, eq=False)
class ReferenceSet:
    """A fixed number of real samples, with which generated samples are compared.

    Measures depend on the number of samples and on the data. So `baseline` holds the
    same measures of other real samples, which a perfect generator would get. Use
    `ReferenceSet.of` to make a reference set from real samples.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Features of real samples.
    n_neighbors : int
        The k of the k nearest neighbours.
    radii : ndarray of shape (n_samples,)
        Distance of each sample to its k-th nearest neighbour. If a sample has k copies,
        as in tables with few different values, it is half the distance to the nearest
        sample that is not a copy.
    median_distance : float
        Median distance to the k-th nearest neighbour; 0 if most samples have k copies.
    neighbours : ndarray of int of shape (n_samples, n_nearest)
        Indices of the nearest neighbours of each sample.
    gaussian : object
        Mean and covariance of the rows.
    pooled : tuple of callable, default=()
        Measures that take all generated samples at once, by classifiers and by the
        training samples.
    baseline : Measures or None, default=None
        Measures of other real samples.

    Attributes
    ----------
    wide_share : float
        Share of the reference set that counts as near in `wide_coverage`: 0.05.

    See Also
    --------
    diagnose : Names what is wrong with generated samples.
    GenerativeScore : One fitness, of several reference sets.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import ReferenceSet
    >>> X = np.random.default_rng(0).normal(size=(1500, 2))
    >>> reference = ReferenceSet.of(X[:1000])
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
    median_distance: float
    neighbours: np.ndarray
    gaussian: Gaussian
    pooled: tuple[PooledMeasure, ...] = ()
    baseline: Measures | None = None

    # Wide enough for lost regions to be seen and blur not to be: of the ring, half or
    # twice the width changes it by less than 0.06 (test_wide_coverage_sees_lost_modes).
    wide_share: ClassVar[float] = 0.05

    @classmethod
    def of(
        cls,
        real: Any,
        *,
        training: Any = None,
        n_targets: int = 0,
        n_samples: int = 1000,
        n_neighbors: int = 5,
        random_state: Any = 0,
    ) -> Self:
        """Draw the reference set from real samples, and the baseline from the others.

        Parameters
        ----------
        real : array-like of shape (n_real, n_features)
            Features of at least 4 real samples, preferably of samples that generators
            were not trained with. At least half of them are used for the baseline.
        training : array-like of shape (n_training, n_features) or None, default=None
            Features of all samples that generators were trained with. Memorised samples
            are found only with them.
        n_targets : int, default=0
            Number of last columns that hold what samples are made for: a column for
            each label (1 for samples that have it, else 0), or a column of values.
        n_samples : int, default=1000
            Size of the reference set, and number of generated samples to compare.
        n_neighbors : int, default=5
            The k of the k nearest neighbours; it is reduced if there are few samples.
        random_state : int, RandomState instance or None, default=0
            Draws the samples.

        Returns
        -------
        ReferenceSet

        Raises
        ------
        ValueError
            If `n_samples` is below 2, `n_neighbors` below 1 or `n_targets` not below
            the number of features, if there are too few real samples, or if features
            are no tables of finite numbers of one width.

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import ReferenceSet
        >>> X = np.random.default_rng(0).normal(size=(400, 2))
        >>> ReferenceSet.of(X, n_samples=100).rows.shape
        (100, 2)
        """
        real = feature_rows(real, "real", 4)
        if training is not None:
            training = feature_rows(training, "training", 2)
            check_same_width(real, training, "real and training")
        width = real.shape[1]
        if not 0 <= n_targets < width:
            raise ValueError(
                f"n_targets must be from 0 to {width - 1}, so that features are left; "
                f"got {n_targets}."
            )
        real = real[check_random_state(random_state).permutation(len(real))]
        features = real[:, : width - n_targets]
        if training is not None:
            training = training[:, : width - n_targets]
        bare = neighbourhoods(real, n_samples, n_neighbors)
        columns = Columns.of(width, n_targets)
        return with_pooled(bare, pooled_measures(real, columns, features, training))

    @property
    def n_samples(self) -> int:
        """Number of real samples, and of generated ones that are compared with them."""
        return len(self.rows)

    def measure(self, generated: Any) -> Measures:
        """Measure generated samples.

        Parameters
        ----------
        generated : array-like of shape (n_generated, n_features)
            Features of at least `n_samples` generated samples. The first `n_samples`
            are compared by neighbours; classifiers get 4,000 at most.

        Returns
        -------
        Measures

        Raises
        ------
        ValueError
            If there are too few generated samples, or if their features are no table of
            finite numbers of the width of the real ones.

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import ReferenceSet
        >>> X = np.random.default_rng(0).normal(size=(1500, 2))
        >>> ReferenceSet.of(X[:1000]).measure(np.zeros((500, 2))).recall
        0.0
        """
        generated = feature_rows(generated, "generated", self.n_samples)
        check_same_width(self.rows, generated, "real and generated")
        pooled = {measure.name: measure(generated) for measure in self.pooled}
        return replace(compared(self, generated), **pooled)

    def wide_coverage(self, generated: Any) -> float:
        """Return a wide coverage, which falls with lost regions but not with blur.

        Parameters
        ----------
        generated : array-like of shape (n_generated, n_features)
            Features of generated samples. All are used; more samples give a more
            reliable value.

        Returns
        -------
        float
            In [0, 1]. Share of the real samples for which some generated sample is
            nearer than the nearest twentieth of the other real samples (or than the
            k-th nearest, if that is farther). Unlike coverage, it hardly depends on the
            quality of samples.

        Raises
        ------
        ValueError
            If features are no table of finite numbers of the width of the real ones.

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import ReferenceSet
        >>> X = np.random.default_rng(0).normal(size=(1500, 2))
        >>> reference = ReferenceSet.of(X[:1000])
        >>> reference.wide_coverage(X[1000:]), reference.wide_coverage(X[1000:] + 9)
        (1.0, 0.0)
        """
        generated = feature_rows(generated, "generated")
        check_same_width(self.rows, generated, "real and generated")
        k = max(self.n_neighbors, math.ceil(self.wide_share * self.n_samples))
        k = min(k, self.n_samples - 1)
        distances = cdist(self.rows, self.rows)
        radii = _radii(distances, np.partition(distances, k, axis=1)[:, k])
        nearest = cdist(self.rows, generated).min(axis=1)
        return float((nearest <= radii).mean())

    def closeness(self, measures: Measures) -> float:
        """Return how close the mean and covariance are to those of real samples.

        It is 1 / (1 + d). Here d is the square root of the Fréchet distance, less that
        of other real samples, in standard deviations of the data.

        Parameters
        ----------
        measures : Measures
            Of generated samples.

        Returns
        -------
        float
            In (0, 1]: 1 for perfect samples, 0.5 for copies of the mean of the data.

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import ReferenceSet
        >>> X = np.random.default_rng(0).normal(size=(1000, 2))
        >>> reference = ReferenceSet.of(X)
        >>> means = np.tile(X.mean(axis=0), (500, 1))
        >>> round(reference.closeness(reference.measure(means)), 1)
        0.5
        """
        distances = (measures.frechet_distance, self.baseline.frechet_distance)
        # Rounding may leave a little less than nothing.
        length, usual = np.sqrt(np.maximum(distances, 0))
        # Data without any spread: every difference is infinitely far.
        spread = np.sqrt(self.gaussian.spread) or np.finfo(float).tiny
        return float(1 / (1 + max(0.0, length - usual) / spread))

    def share(self, measures: Measures, name: str) -> float:
        """Return one measure relative to that of other real samples.

        Parameters
        ----------
        measures : Measures
            Of generated samples.
        name : str
            Name of the measure, a field of `Measures`.

        Returns
        -------
        float
            1 if the measure equals that of other real samples, or if the latter is 0.

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import ReferenceSet
        >>> X = np.random.default_rng(0).normal(size=(1500, 2))
        >>> reference = ReferenceSet.of(X[:1000])
        >>> round(reference.share(reference.measure(X[1000:] / 2), "coverage"), 1)
        0.7
        """
        expected = getattr(self.baseline, name)
        return getattr(measures, name) / expected if expected else 1.0

    def terms(self, measures: Measures) -> dict[str, float]:
        """Return the terms of the fitness that follow from samples alone.

        Parameters
        ----------
        measures : Measures
            Of generated samples.

        Returns
        -------
        dict of str to float
            "coverage", "density", "precision", "recall", "indistinguishability" and,
            if known, "utility" and "authenticity", relative to other real samples and
            at most 1; and "closeness".

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import ReferenceSet
        >>> X = np.random.default_rng(0).normal(size=(1500, 2))
        >>> reference = ReferenceSet.of(X[:1000])
        >>> terms = reference.terms(reference.measure(X[1000:]))
        >>> min(terms.values()) > 0.9
        True
        """
        known = [name for name in RELATIVE if getattr(measures, name) is not None]
        terms = {name: min(1.0, self.share(measures, name)) for name in known}
        return {**terms, "closeness": self.closeness(measures)}


def neighbourhoods(real: np.ndarray, n_samples: int, n_neighbors: int) -> ReferenceSet:
    """Return a reference set without pooled measures, of rows in random order."""
    if n_samples < 2 or n_neighbors < 1:
        raise ValueError(
            "n_samples must be at least 2 and n_neighbors at least 1; got "
            f"{n_samples} and {n_neighbors}."
        )
    size = min(n_samples, len(real) // 2)
    n_sets = min(MOST_SETS, len(real) // size - 1)
    rows, *others = np.split(real[: size * (n_sets + 1)], n_sets + 1)

    k = min(n_neighbors, size - 1)
    distances = cdist(rows, rows)
    nearest = distances.argsort(axis=1, kind="stable")[:, 1 : 1 + NEIGHBOURHOOD * k]
    kth = np.partition(distances, k, axis=1)[:, k]
    bare = ReferenceSet(
        rows,
        k,
        _radii(distances, kth),
        float(np.median(kth)),
        nearest,
        Gaussian.of(rows),
    )
    baseline = mean_measures([compared(bare, other) for other in others])
    return replace(bare, baseline=baseline)


def with_pooled(
    reference: ReferenceSet, pooled: tuple[PooledMeasure, ...]
) -> ReferenceSet:
    """Return a reference set that has these measures, too."""
    expected = {measure.name: measure.expected for measure in pooled}
    baseline = replace(reference.baseline, **expected)
    return replace(reference, pooled=pooled, baseline=baseline)


def compared(reference: ReferenceSet, generated: Any) -> Measures:
    """Return the measures by neighbours, of the first `n_samples` samples."""
    generated = feature_rows(generated, "generated", reference.n_samples)
    generated = generated[: reference.n_samples]
    check_same_width(reference.rows, generated, "real and generated")
    distances = cdist(reference.rows, generated)
    radii = neighbour_radii(generated, reference.n_neighbors)
    median = np.median(radii)
    radii = np.minimum(radii, FURTHEST * median)
    covered = distances.min(axis=1) <= reference.radii
    around = covered[np.unique(reference.neighbours[covered])]
    usual, k = reference.median_distance, reference.n_neighbors
    return Measures(
        *prdc_of_distances(distances, reference.radii, radii, k),
        local_coverage=float(around.mean()) if around.size else 0.0,
        variety=float(median / usual) if usual else 1.0,
        frechet_distance=reference.gaussian.distance(Gaussian.of(generated)),
    )


def _radii(distances: np.ndarray, kth: np.ndarray) -> np.ndarray:
    """Return `kth`, or half the distance to the nearest other where it is 0."""
    others = np.where(distances == 0, np.inf, distances).min(axis=1) / 2
    return np.where((kth > 0) | np.isinf(others), kth, others)


def mean_measures(measures: list[Measures]) -> Measures:
    """Return the mean of each measure over several sets of samples."""
    columns = zip(*map(astuple, measures), strict=True)
    return Measures(*(None if None in c else float(np.mean(c)) for c in columns))


@dataclass(frozen=True)
class RealBaseline:
    """Real samples of one split as several reference sets, with their feature space."""

    features: Callable[[Any], Any]
    conditions: ConditionFeatures | None
    # Conditions to sample for, as frequent as among real samples; None for none.
    y: np.ndarray | None
    references: list[ReferenceSet]
    pooled: tuple[PooledMeasure, ...]

    @classmethod
    def of(
        cls,
        X: Any,
        y: np.ndarray | None,
        training: Any,
        *,
        labelled: bool,
        features: Callable[[Any], Any] | None,
        n_samples: int,
        n_neighbors: int,
        n_repeats: int,
        random_state: int,
    ) -> Self:
        """Prepare real samples X: an array or stream of shape (n_real, ...)."""
        rng = np.random.default_rng(random_state)
        # No more are needed, and images may have to be read for it.
        some = np.sort(rng.permutation(len(X))[: (n_repeats + 1) * n_samples])
        X, y = np.asarray(X[some]), None if y is None else y[some]
        features = StandardFeatures.of(X) if features is None else features
        rows, conditions = feature_rows(features(X), "real", 4), None
        known, columns = rows, columns_of(features, X, rows)
        if y is not None:
            conditions = ConditionFeatures.of(rows, y, labelled)
            rows, columns = conditions(rows, y), conditions(columns, y)
        references = [
            # As many again for the baseline.
            neighbourhoods(
                rows[rng.permutation(len(rows))[: 2 * n_samples]],
                n_samples,
                n_neighbors,
            )
            for _ in range(n_repeats)
        ]
        if training is not None:
            training = feature_rows(features(np.asarray(training)), "training", 2)
        n_targets = 0 if conditions is None else conditions.width
        n_labels = getattr(features, "n_labels", ())
        kinds = Columns.of(columns.shape[1], n_targets, n_labels)
        order = rng.permutation(len(rows))
        pooled = pooled_measures(columns[order], kinds, known[order], training)
        return cls(features, conditions, y, references, pooled)

    @property
    def n_samples(self) -> int:
        """Number of samples that are compared at a time."""
        return self.references[0].n_samples

    @cached_property
    def reference(self) -> ReferenceSet:
        """The first reference set, with the mean baseline of all."""
        baseline = mean_measures([one.baseline for one in self.references])
        mean = replace(self.references[0], baseline=baseline)
        return with_pooled(mean, self.pooled)

    def draw_conditions(self, n: int, random_state: int) -> np.ndarray | None:
        """Draw n conditions to sample for, of shape (n,); None if there are none."""
        if self.y is None:
            return None
        return np.random.default_rng(random_state).choice(self.y, n)

    def measure(self, generated: Any, y: np.ndarray | None = None) -> Measures:
        """Return the mean measures over the reference sets, with other samples each."""
        rows, size = feature_rows(self.features(generated), "generated"), self.n_samples
        columns = columns_of(self.features, generated, rows)
        if self.conditions is not None:
            rows, columns = (self.conditions(part, y) for part in (rows, columns))
        parts = np.split(rows, range(size, len(rows) - size + 1, size))
        # Fewer samples than all sets together need: parts are used again.
        pairs = zip(self.references, cycle(parts), strict=False)
        mean = mean_measures([reference.measure(part) for reference, part in pairs])
        pooled = {
            one.name: one(columns if one.takes_columns else rows) for one in self.pooled
        }
        return replace(mean, **pooled)


def columns_of(features: Callable[[Any], Any], X: Any, rows: np.ndarray) -> np.ndarray:
    """Return the columns of samples for classifiers: plain ones, or features."""
    has_columns = hasattr(features, "plain_columns")
    return features.plain_columns(X) if has_columns else rows
