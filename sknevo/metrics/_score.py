"""One fitness of a generator, and the measures that it is made of."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d

from sknevo.data_checks import fingerprint
from sknevo.image_stream import ImageStream
from sknevo.image_stream._scale import warn_of_scales
from sknevo.metrics._features import n_conditions
from sknevo.metrics._reference import RELATIVE, Measures, RealBaseline

# Parameters that the real samples are prepared by.
BASELINE_PARAMETERS = ("n_samples", "n_neighbors", "n_repeats", "random_state")
# Copies are looked for among at most so many training samples (chosen, not measured:
# features of images take 0.1 ms each).
MOST_TRAINING = 10_000


class GenerativeScore(BaseEstimator):
    """A scorer of generative models, on held-out real samples.

    The fitness is the weighted geometric mean of terms in [0, 1], so a good term cannot
    hide a bad one. All but two are measures relative to those of other real samples,
    and at most 1:

    - coverage, density, precision and recall [1]_ (see
      `precision_recall_density_coverage`). Coverage falls if modes are lost, density if
      samples lie beside the data, and recall if modes are too narrow. Precision falls
      if some samples lie beside the data, even if the others lie in the densest
      regions;
    - indistinguishability [2]_: it falls if a classifier tells generated samples from
      real ones, by whatever they differ in;
    - utility, if samples are made for labels or values, or if features know what the
      columns of a table are (`TableFeatures`): it falls if a model that learns labels
      or numbers from generated samples predicts those of real samples worse than a
      model of real ones [3]_;
    - authenticity, if the training samples are known: it falls if generated samples are
      nearer to the training samples than held-out ones are (see `authenticity`);
    - closeness (see `ReferenceSet.closeness`): it falls if the mean, the spread or the
      shares of the modes are wrong;
    - stability of the training, if the estimator has a `stability_` in [0, 1].

    A term below 1 / n_samples counts as 1 / n_samples, since so few samples cannot
    distinguish it from 0.

    Parameters
    ----------
    features : callable or None, default=None
        Maps samples to an array of shape (n_samples, n_features). It must not change
        between the models that are compared. None is for tables: `StandardFeatures`.
        Classifiers get what its method `plain_columns` returns instead, if it has one,
        and its `n_labels` says how many labels each column has, 0 for numbers: with it,
        the last columns are learned, too.
    n_samples : int, default=1000
        Number of generated samples, which are compared with as many real ones. It is
        smaller if there are fewer than twice as many real samples. Scores of different
        numbers cannot be compared.
    n_neighbors : int, default=5
        The k of the k nearest neighbours.
    n_repeats : int, default=4
        Number of comparisons, each of other real and other generated samples. Measures
        are the means of all comparisons, which depend less on chance.
    combine : {"geometric", "sum"}, default="geometric"
        Geometric mean, or weighted sum.
    weights : dict of str to float or None, default=None
        Weights of the terms, by the names in `TERMS`; terms without a weight do not
        count. None stands for `TERMS`.
    random_state : int, default=0
        Seed that draws the real samples. It is also passed to `sample` if this has a
        parameter `random_state`.

    Attributes
    ----------
    TERMS : dict of str to float
        Names of all terms, with their usual weights. What a classifier sees weighs as
        much as what neighbours show, which are four terms.

    See Also
    --------
    diagnose : Names what is wrong with generated samples.

    References
    ----------
    .. [1] Naeem, M. F. et al. (2020). Reliable Fidelity and Diversity Metrics for
       Generative Models. ICML.
    .. [2] Lopez-Paz, D., & Oquab, M. (2017). Revisiting Classifier Two-Sample Tests.
       ICLR.
    .. [3] Esteban, C., Hyland, S. L., & Rätsch, G. (2017). Real-valued (Medical) Time
       Series Generation with Recurrent Conditional GANs. arXiv:1706.02633.

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
    [1.0, 0.5]
    """

    TERMS: ClassVar[Mapping[str, float]] = MappingProxyType(
        {
            "coverage": 1.0,
            "density": 1.0,
            "precision": 1.0,
            "recall": 1.0,
            "indistinguishability": 4.0,
            "utility": 4.0,
            "authenticity": 1.0,
            "closeness": 1.0,
            "stability": 1.0,
        }
    )

    # A search passes the training samples, too.
    takes_training = True

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
        self, estimator: BaseEstimator, X: Any, y: Any = None, *, training: Any = None
    ) -> dict[str, float]:
        """Score a fitted generative model.

        Parameters
        ----------
        estimator : estimator
            `sample(n)` returns samples, or a tuple of samples and labels.
        X : array-like of shape (n_real, ...)
            Real samples that the estimator was not fitted with.
        y : array-like of shape (n_real,) or None, default=None
            Their labels or values. If `sample` has a parameter `y`, samples are made
            for such labels or values, which are compared together with the features.
            Samples with labels that are not in the `classes_` of the estimator are left
            out. y is ignored if the `n_conditions_` of the estimator is 0, since it was
            fitted without y.
        training : array-like of shape (n_training, ...) or None, default=None
            Samples that the estimator was fitted with. None leaves out the term
            authenticity.

        Returns
        -------
        dict of str to float
            See `measure`.

        Raises
        ------
        ValueError
            If a parameter is out of its range, if there are too few samples, if samples
            are not finite, or if `stability_` is not in [0, 1].
        """
        X = _indexable(X)
        X, y, labelled = _conditions(estimator, X, y)
        baseline = self._baseline(X, y, labelled, training)
        n_samples = self.n_repeats * baseline.n_samples
        wanted = baseline.draw_conditions(n_samples, self.random_state)
        generated = _sampled(estimator, n_samples, self.random_state, wanted)
        stability = getattr(estimator, "stability_", None)
        return self._scores(baseline, baseline.measure(generated, wanted), stability)

    def measure(
        self,
        real: Any,
        generated: Any,
        stability: float | None = None,
        *,
        training: Any = None,
    ) -> dict[str, float]:
        """Score generated samples.

        Parameters
        ----------
        real : array-like of shape (n_real, ...)
            Real samples.
        generated : array-like of shape (n_generated, ...)
            Generated samples: at least half as many as real ones, or `n_samples`. If
            there are more, each of the `n_repeats` comparisons uses other ones.
        stability : float or None, default=None
            Stability of the training, in [0, 1]; None leaves the term out.
        training : array-like of shape (n_training, ...) or None, default=None
            Samples that the generator was trained with; None leaves out the term
            authenticity.

        Returns
        -------
        dict of str to float
            Higher is better for all. "fitness", "coverage", "recall", "precision",
            "indistinguishability" and "closeness" are in [0, 1]; so are "utility",
            "authenticity" and "stability", if known. "density" is at least 0; values
            above that of real samples do not raise the fitness. The ROC AUC of the
            classifier is 1 - "indistinguishability" / 2.
            "neg_frechet_distance" is in squared units of the features ("neg_fid" with
            `InceptionFeatures`). Values whose names begin with ``real_`` are those of
            other real samples.

        Raises
        ------
        ValueError
            As for calling the scorer.

        Warns
        -----
        UserWarning
            If samples are images, and one set lies in [-1, 1] and the other far
            outside.

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo.metrics import GenerativeScore
        >>> X = np.random.default_rng(0).normal(size=(2000, 2))
        >>> scores = GenerativeScore(n_samples=500).measure(X[:1000], 0.5 * X[1000:])
        >>> scores["density"] > scores["real_density"], scores["fitness"] < 0.9
        (True, True)
        """
        real, generated = _indexable(real), np.asarray(generated)
        if isinstance(real, np.ndarray) and min(real.ndim, generated.ndim) > 2:
            warn_of_scales({"real": real, "generated": generated})
        baseline = self._baseline(real, None, True, training)
        return self._scores(baseline, baseline.measure(generated), stability)

    def _baseline(
        self, X: Any, y: np.ndarray | None, labelled: bool, training: Any
    ) -> RealBaseline:
        """Prepare real samples, unless they are those of the last call."""
        if self.n_repeats < 1:
            raise ValueError(f"n_repeats must be at least 1; got {self.n_repeats}.")
        known = {name: getattr(self, name) for name in BASELINE_PARAMETERS}
        training = _some(training, self.random_state)
        name = fingerprint(_identity(X), y, _identity(training), known)
        # A search scores all candidates on the same splits. A call that finds its real
        # samples here takes 0.23 s instead of 0.96 s with 12,000 rows of 64 features,
        # and 0.54 s instead of 1.7 s with 6,000 images of 28 x 28 (1,000 samples, one
        # core, without classifiers: see there).
        memory = getattr(self, "_memory", None)
        if memory is None or memory[:2] != (name, self.features):
            made = RealBaseline.of(
                X, y, training, labelled=labelled, features=self.features, **known
            )
            # Datasets are kept, so that no other one gets their ids.
            kept = [getattr(images, "dataset", None) for images in (X, training)]
            self._memory = memory = (name, self.features, made, kept)
        return memory[2]

    def _scores(
        self, baseline: RealBaseline, measures: Measures, stability: float | None
    ) -> dict[str, float]:
        reference = baseline.reference
        terms = reference.terms(measures)
        if stability is not None:
            if not 0 <= stability <= 1:
                raise ValueError(f"stability must be in [0, 1]; got {stability!r}.")
            terms["stability"] = float(stability)
        frechet = getattr(self.features, "frechet_name", "frechet_distance")
        return {
            "fitness": self._combined(terms, reference.n_samples),
            **terms,
            **_shown(measures, frechet),
            **{f"real_{k}": v for k, v in _shown(reference.baseline, frechet).items()},
        }

    def _combined(self, terms: Mapping[str, float], n_samples: int) -> float:
        weights = self._weights()
        names = [name for name in terms if weights.get(name, 0) > 0]
        if not names:
            raise ValueError(
                f"weights must be above 0 for one of {list(terms)}; got {weights}."
            )
        values = [terms[name] for name in names]
        shares = [weights[name] for name in names]
        if self.combine == "sum":
            return float(np.average(values, weights=shares))
        if self.combine == "geometric":
            logarithms = np.log(np.maximum(values, 1 / n_samples))
            return float(np.exp(np.average(logarithms, weights=shares)))
        raise ValueError(f"combine must be 'geometric' or 'sum'; got {self.combine!r}.")

    def _weights(self) -> Mapping[str, float]:
        weights = self.weights
        weights = self.TERMS if weights is None else weights
        unknown = sorted(weights.keys() - set(self.TERMS))
        if unknown:
            raise ValueError(
                f"weights may only name {list(self.TERMS)}; got {unknown}."
            )
        if min(weights.values(), default=0) < 0 or not sum(weights.values()) > 0:
            raise ValueError(
                "weights must not be negative, and at least one must be above 0; got "
                f"{weights}."
            )
        return weights

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the parameters, not the prepared real samples."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_memory"}


def _indexable(X: Any) -> Any:
    return X if isinstance(X, ImageStream) else np.asarray(X)


def _some(training: Any, random_state: int) -> Any:
    """Return training samples, of many a random part; None of None."""
    if training is None:
        return None
    training = _indexable(training)
    if len(training) <= MOST_TRAINING:
        return training
    rng = np.random.default_rng(random_state)
    return training[np.sort(rng.permutation(len(training))[:MOST_TRAINING])]


def _identity(X: Any) -> Any:
    """Return what tells samples from others: of a stream, nothing is read for it."""
    return [id(X.dataset), X.rows, X.shape] if isinstance(X, ImageStream) else X


def _conditions(
    estimator: BaseEstimator, X: Any, y: Any
) -> tuple[Any, np.ndarray | None, bool]:
    """Return X and y of known labels (y None: no conditions), and if y is of labels."""
    conditional = "y" in inspect.signature(estimator.sample).parameters
    if y is None or not conditional or getattr(estimator, "n_conditions_", None) == 0:
        return X, None, True
    y = column_or_1d(y)
    check_consistent_length(X, y)
    classes = getattr(estimator, "classes_", None)
    if classes is not None and not (known := np.isin(y, classes)).all():
        X, y = X[known], y[known]
    # A split may hold few of many values: they would count as labels.
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


def _shown(measures: Measures, frechet: str) -> dict[str, float]:
    known = {name: getattr(measures, name) for name in RELATIVE}
    return {
        **{name: value for name, value in known.items() if value is not None},
        f"neg_{frechet}": -measures.frechet_distance,
    }
