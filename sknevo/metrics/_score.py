"""One fitness of a generator, and the measures that it is made of."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d

from sknevo.data_checks import fingerprint
from sknevo.image_stream import ImageStream
from sknevo.metrics._conditions import n_conditions
from sknevo.metrics._ground import Ground
from sknevo.metrics._reference import Measures, Reference

__all__ = ["GenerativeScore"]

TERMS = ("coverage", "density", "precision", "recall", "closeness", "stability")
# What of its parameters real samples are prepared by.
OF_THE_GROUND = ("n_samples", "n_neighbors", "n_repeats", "random_state")


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
            them, and what samples were made for is compared as well. Of an estimator
            with `classes_`, other labels are left out; one whose `n_conditions_` is 0
            was fitted without y and is compared without.

        Returns
        -------
        dict of str to float
            See `measure`.
        """
        X = _indexable(X)
        X, y, labelled = _conditions(estimator, X, y)
        ground = self._ground(X, y, labelled)
        n_samples = self.n_repeats * ground.n_samples
        wanted = ground.wanted(n_samples, self.random_state)
        generated = _sampled(estimator, n_samples, self.random_state, wanted)
        stability = getattr(estimator, "stability_", None)
        return self._scores(ground, ground.measure(generated, wanted), stability)

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
        ground = self._ground(_indexable(real), None)
        return self._scores(ground, ground.measure(generated), stability)

    def _ground(self, X: Any, y: np.ndarray | None, labelled: bool = True) -> Ground:
        """Prepare real samples, unless they are those of the last time."""
        if self.n_repeats < 1:
            raise ValueError(f"n_repeats must be at least 1; got {self.n_repeats}.")
        known = {name: getattr(self, name) for name in OF_THE_GROUND}
        streamed = isinstance(X, ImageStream)
        name = fingerprint(X.fingerprint if streamed else X, y, known)
        memory = getattr(self, "_memory", None)
        if memory is None or memory[:2] != (name, self.features):
            ground = Ground.of(X, y, labelled=labelled, features=self.features, **known)
            self._memory = memory = (name, self.features, ground)
        return memory[2]

    def _scores(
        self, ground: Ground, measures: Measures, stability: float | None
    ) -> dict[str, float]:
        reference = ground.reference
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


def _indexable(X: Any) -> Any:
    return X if isinstance(X, ImageStream) else np.asarray(X)


def _conditions(
    estimator: BaseEstimator, X: Any, y: Any
) -> tuple[Any, np.ndarray | None, bool]:
    """Return samples, what an estimator knows to make of them, whether by label."""
    taken = "y" in inspect.signature(estimator.sample).parameters
    if y is None or not taken or getattr(estimator, "n_conditions_", None) == 0:
        return X, None, True
    y = column_or_1d(y)
    check_consistent_length(X, y)
    known = getattr(estimator, "classes_", None)
    if known is not None and not (there := np.isin(y, known)).all():
        X, y = X[there], y[there]
    return X, y, getattr(estimator, "n_conditions_", n_conditions(y)) != 1


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
