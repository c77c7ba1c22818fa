"""One fitness of a generator, and the measures that it is made of."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.fingerprints import fingerprint
from sknevo.metrics._conditions import ConditionFeatures
from sknevo.metrics._features import StandardFeatures
from sknevo.metrics._reference import MOST_SETS, Measures, Reference, mean_measures

__all__ = ["GenerativeScore"]

TERMS = ("coverage", "density", "precision", "recall", "closeness", "stability")


class GenerativeScore(BaseEstimator):
    """A scorer of generative models, on held-out real samples.

    The fitness is the geometric mean of terms in [0, 1], so that no good number hides a
    bad one:

    - coverage, density, precision and recall (see `precision_recall_density_coverage`),
      each relative to what other real samples get, and 1 at most: coverage falls if
      modes are lost, density if samples lie beside the data, precision if some do and
      the others are where the data are densest, recall if modes are too narrow;
    - closeness, 1 / (1 + d), d being the Fréchet distance as a length, beyond that of
      other real samples, in standard deviations of the data: it falls if the mean, the
      spread or the shares of the modes are wrong;
    - stability of the training, if the estimator has a `stability_` in [0, 1].

    A term below 1 / n_samples counts as that: less cannot be told from nothing.

    Parameters
    ----------
    features : callable or None, default=None
        Frozen, the same for all that are compared: takes samples, returns an array of
        shape (n_samples, n_features). None is for tables: their standardised columns.
    n_samples : int, default=1000
        How many generated samples are compared with as many real ones; fewer if there
        are not twice as many real ones. Scores of different numbers do not compare.
    n_neighbors : int, default=5
        The k of the k nearest neighbours.
    n_repeats : int, default=4
        So often other real samples are compared with other generated ones: measures are
        means, that chance decides less.
    combine : {"geometric", "sum"}, default="geometric"
        Geometric mean, or weighted sum.
    weights : dict of str to float or None, default=None
        Of the terms "coverage", "density", "precision", "recall", "closeness",
        "stability"; what is not named does not count. None weighs all the same.
    random_state : int, default=0
        Which real samples are compared with, and the seed of `sample` where an
        estimator takes one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KernelDensity
    >>> from sknevo.metrics import GenerativeScore
    >>> X = np.random.default_rng(0).normal(size=(2000, 2))
    >>> score = GenerativeScore(n_samples=500)
    >>> fitness = [
    ...     score(KernelDensity(bandwidth=width).fit(X[:1000]), X[1000:])["fitness"]
    ...     for width in (0.2, 2.0)
    ... ]
    >>> [round(value, 1) for value in fitness]
    [1.0, 0.7]
    """

    def __init__(
        self,
        features: Any = None,
        *,
        n_samples: int = 1000,
        n_neighbors: int = 5,
        n_repeats: int = 4,
        combine: str = "geometric",
        weights: Mapping[str, float] | None = None,
        random_state: int = 0,
    ) -> None:
        self.features = features
        self.n_samples = n_samples
        self.n_neighbors = n_neighbors
        self.n_repeats = n_repeats
        self.combine = combine
        self.weights = weights
        self.random_state = random_state

    def __call__(
        self, estimator: BaseEstimator, X: Any, y: Any = None
    ) -> dict[str, float]:
        """Score a fitted generative model.

        Parameters
        ----------
        estimator : estimator
            `sample(n)` returns samples, or a tuple of samples and labels.
        X : array-like of shape (n_real, ...)
            Real samples that it was not fitted with.
        y : array-like of shape (n_real,) or None, default=None
            Their labels or values. If `sample` takes such as `y`, samples are made for
            them, and what samples were made for is compared as well.

        Returns
        -------
        dict of str to float
            See `measure`.
        """
        if "y" not in inspect.signature(estimator.sample).parameters:
            y = None
        ground = self._ground(X, y)
        n_samples, wanted = self.n_repeats * ground.n_samples, None
        if ground.conditions is not None:
            rng = np.random.default_rng(self.random_state)
            wanted = rng.choice(np.asarray(y), n_samples)
        generated = _sampled(estimator, n_samples, self.random_state, wanted)
        stability = getattr(estimator, "stability_", None)
        return self._scores(ground, ground.rows(generated, wanted), stability)

    def measure(
        self, real: Any, generated: Any, stability: float | None = None
    ) -> dict[str, float]:
        """Score generated samples.

        Parameters
        ----------
        real : array-like of shape (n_real, ...)
            Real samples.
        generated : array-like of shape (n_generated, ...)
            Generated samples, half as many or `n_samples`; if there are more, others
            are taken in each repeat.
        stability : float or None, default=None
            Of the training, in [0, 1]; None leaves the term out.

        Returns
        -------
        dict of str to float
            All are the better the greater. "fitness", "coverage", "recall",
            "precision" and "closeness" in [0, 1]; "density", what is above that of
            real samples being no merit; "neg_frechet_distance", in squared units of the
            features; "stability", if known.
            Those with "real_" before their name are what other real samples get.
        """
        ground = self._ground(real, None)
        return self._scores(ground, ground.rows(generated), stability)

    def _ground(self, X: Any, y: Any) -> "_Ground":
        """Prepare real samples, unless they are those of the last time."""
        if self.n_repeats < 1:
            raise ValueError(f"n_repeats must be at least 1; got {self.n_repeats}.")
        y = None if y is None else np.asarray(y)
        name = getattr(X, "fingerprint", None) or fingerprint(np.asarray(X))
        name = fingerprint(name, y)
        memory = getattr(self, "_memory", None)
        if memory is None or memory[0] != name:
            self._memory = memory = (name, self._prepared(X, y))
        return memory[1]

    def _prepared(self, X: Any, y: np.ndarray | None) -> "_Ground":
        rng = np.random.default_rng(self.random_state)
        # No more can be compared with, and images may have to be read for it.
        some = rng.permutation(len(X))[: (MOST_SETS + 1) * self.n_samples]
        X = np.asarray((X if hasattr(X, "shape") else np.asarray(X))[some])
        features = StandardFeatures.of(X) if self.features is None else self.features
        rows, conditions = features(X), None
        if y is not None:
            conditions = ConditionFeatures.of(rows, y[some])
        if conditions is not None:
            rows = conditions(rows, y[some])
        references = [
            Reference.of(
                rows,
                n_samples=self.n_samples,
                n_neighbors=self.n_neighbors,
                random_state=self.random_state + i,
            )
            for i in range(self.n_repeats)
        ]
        return _Ground(features, conditions, references)

    def _scores(
        self, ground: "_Ground", generated: np.ndarray, stability: float | None
    ) -> dict[str, float]:
        reference, measures = ground.reference, ground.measure(generated)
        terms = _terms(reference, measures)
        if stability is not None:
            if not 0 <= stability <= 1:
                raise ValueError(f"stability must be in [0, 1]; got {stability!r}.")
            terms["stability"] = float(stability)
        fitness = _combined(terms, self._weights(), self.combine, reference.n_samples)
        frechet = getattr(self.features, "frechet_name", "frechet_distance")
        return {
            "fitness": fitness,
            **terms,
            **_shown(measures, frechet),
            **{f"real_{k}": v for k, v in _shown(reference.baseline, frechet).items()},
        }

    def _weights(self) -> Mapping[str, float]:
        weights = dict.fromkeys(TERMS, 1.0) if self.weights is None else self.weights
        unknown = sorted(weights.keys() - set(TERMS))
        if unknown:
            raise ValueError(f"weights may name {list(TERMS)}; got {unknown}.")
        if min(weights.values(), default=0) < 0 or not sum(weights.values()) > 0:
            raise ValueError(
                f"weights must not be negative, and one above 0; got {weights}."
            )
        return weights

    def __getstate__(self) -> dict[str, Any]:
        """Pickle what the scorer is, not what it remembers."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_memory"}


@dataclass(frozen=True)
class _Ground:
    """Real samples in all of their roles, and the space that they are compared in."""

    features: Any
    conditions: ConditionFeatures | None
    references: list[Reference]

    @property
    def n_samples(self) -> int:
        return self.references[0].n_samples

    @property
    def reference(self) -> Reference:
        """One for all: the baseline is the mean."""
        baseline = mean_measures([one.baseline for one in self.references])
        return replace(self.references[0], baseline=baseline)

    def rows(self, X: Any, y: np.ndarray | None = None) -> np.ndarray:
        """Return what generated samples are compared by."""
        rows = self.features(X)
        return rows if y is None else self.conditions(rows, y)

    def measure(self, generated: np.ndarray) -> Measures:
        """Return the means, of other samples each time if there are as many."""
        size = self.n_samples
        parts = np.split(generated, range(size, len(generated) - size + 1, size))
        return mean_measures(
            [one.measure(part) for one, part in zip(self.references, cycle(parts))]
        )


def _sampled(
    estimator: BaseEstimator, n_samples: int, random_state: int, y: np.ndarray | None
) -> Any:
    seeded = "random_state" in inspect.signature(estimator.sample).parameters
    given = {"random_state": random_state} if seeded else {}
    if y is not None:
        given["y"] = y
    samples = estimator.sample(n_samples, **given)
    return samples[0] if isinstance(samples, tuple) else samples


def _terms(reference: Reference, measures: Measures) -> dict[str, float]:
    expected = reference.baseline
    return {
        "coverage": _share(measures.coverage, expected.coverage),
        "density": _share(measures.density, expected.density),
        "precision": _share(measures.precision, expected.precision),
        "recall": _share(measures.recall, expected.recall),
        "closeness": reference.closeness(measures),
    }


def _share(value: float, expected: float) -> float:
    return min(1.0, value / expected) if expected else 1.0


def _combined(
    terms: Mapping[str, float], weights: Mapping[str, float], how: str, n_samples: int
) -> float:
    names = [name for name in terms if weights.get(name, 0) > 0]
    if not names:
        raise ValueError(f"weights must count a term of {list(terms)}; got {weights}.")
    values = [terms[name] for name in names]
    shares = [weights[name] for name in names]
    if how == "sum":
        return float(np.average(values, weights=shares))
    if how == "geometric":
        logarithms = np.log(np.maximum(values, 1 / n_samples))
        return float(np.exp(np.average(logarithms, weights=shares)))
    raise ValueError(f"combine must be 'geometric' or 'sum'; got {how!r}.")


def _shown(measures: Measures, frechet: str) -> dict[str, float]:
    return {
        "coverage": measures.coverage,
        "density": measures.density,
        "recall": measures.recall,
        "precision": measures.precision,
        f"neg_{frechet}": -measures.frechet_distance,
    }
