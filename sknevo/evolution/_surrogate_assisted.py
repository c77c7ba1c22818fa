"""Breed several children and evaluate the one that a model prefers."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.random import Generator
from sklearn.utils._param_validation import Interval

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._strategy import Strategy, pareto_order
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation, flatten

# Successful evaluations that the model needs. Chosen, not measured.
FEWEST = 10
# Trees of the model, which is fitted again each generation. Chosen, not measured.
TREES = 30
# Objectives beyond it, such as infinite ones, count as the worst or best of the others.
ABSURD = 1e100


@dataclass(eq=False, repr=False)
class SurrogateAssisted(Strategy, name="surrogate_assisted"):
    """Breed several children and evaluate the one with the best predicted fitness.

    A surrogate model (extremely randomised trees) learns from earlier evaluations how
    genes make fitness. Of several children, bred by another strategy, the one with the
    best prediction is evaluated [1]_. The prediction is optimistic: where the trees
    disagree, it counts for more than their mean [2]_. With several goals, the child is
    one of the best predicted Pareto front. Failures count as bad, so that what fails is
    bred less.

    Parameters
    ----------
    strategy : Strategy or None, default=None
        Breeds and selects the survivors; None stands for `GeneticAlgorithm()`.
    n_candidates : int, default=8
        Number of children of which one is chosen.
    exploration_weight : float, default=2.0
        Standard deviations of the trees that are added to the mean prediction.
    archive_size : int, default=500
        Number of latest evaluations that the model learns from.

    References
    ----------
    .. [1] Jin, Y. (2011). Surrogate-assisted evolutionary computation: Recent advances
       and future challenges. Swarm and Evolutionary Computation 1(2).
    .. [2] Hutter, F., Hoos, H. H., & Leyton-Brown, K. (2011). Sequential Model-Based
       Optimization for General Algorithm Configuration. LION 5.

    Examples
    --------
    >>> SurrogateAssisted(n_candidates=4)
    SurrogateAssisted(n_candidates=4)
    """

    _parameter_constraints = {
        "strategy": [Strategy, None],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "exploration_weight": [Interval(Real, 0, None, closed="left")],
        "archive_size": [Interval(Integral, FEWEST, None, closed="left")],
    }
    _surrogate = None  # of a copy that has learned

    # exploration_weight was settled by benchmarks/landscapes.py, seeds 0 to 19
    # (doc/figures.md, Strategies); the others are chosen, not measured.
    strategy: Strategy | None = None
    n_candidates: int = 8
    exploration_weight: float = 2.0
    archive_size: int = 500

    @property
    def _inner(self) -> Strategy:
        return GeneticAlgorithm() if self.strategy is None else self.strategy

    @property
    def steady(self) -> bool:
        """Whether the strategy within works without generations."""
        return self._inner.steady

    def check(self, genome: Genome) -> None:
        self._inner.check(genome)

    def learn(self, archive: Sequence[Evaluation]) -> Self:
        learned = copy.copy(self)
        learned.strategy = self._inner.learn(archive)
        learned._surrogate = _Surrogate(archive[-self.archive_size :])
        return learned

    def breed(
        self, genome: Genome, population: Sequence[Evaluation], rng: Generator
    ) -> Chromosome:
        # Without an archive, the population is all that is known.
        surrogate = self._surrogate or _Surrogate(population)
        if not surrogate.has_learned:
            return self._inner.breed(genome, population, rng)
        bred = [
            self._inner.breed(genome, population, rng) for _ in range(self.n_candidates)
        ]
        children = [child for child in bred if child.key not in surrogate.known] or bred
        predicted = surrogate.predict(children, self.exploration_weight)
        return children[pareto_order(predicted)[0]]

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        return self._inner.survive(parents, offspring, size)


class _Surrogate:
    """A model that predicts fitness from genes, if enough individuals succeeded."""

    def __init__(self, evaluations: Sequence[Evaluation]) -> None:
        from sklearn.ensemble import ExtraTreesRegressor
        from sklearn.feature_extraction import DictVectorizer

        self.known = {evaluation.chromosome.key for evaluation in evaluations}
        successful = [e for e in evaluations if e.status == "ok"]
        self.has_learned = len(successful) >= FEWEST
        if not self.has_learned:
            return
        self._fidelities = sorted({e.rank_key[0] for e in successful})
        self._vectorizer = DictVectorizer(sparse=False)
        rows = [
            _features(e.chromosome, self._level(e.rank_key[0])) for e in evaluations
        ]
        # The seed is fixed: randomness is up to the generator of `breed`.
        self._trees = ExtraTreesRegressor(TREES, min_samples_leaf=2, random_state=0)
        targets = _targets(evaluations)
        targets = targets[:, 0] if targets.shape[1] == 1 else targets
        self._trees.fit(self._vectorizer.fit_transform(rows), targets)

    def _level(self, fidelity: float) -> int:
        """Return the rank of a fidelity, which unlike the fidelity is finite."""
        return int(np.searchsorted(self._fidelities, fidelity))

    def predict(
        self, chromosomes: Sequence[Chromosome], exploration_weight: float
    ) -> np.ndarray:
        """Return optimistic objectives at the highest fidelity, (n, n_objectives)."""
        level = self._level(self._fidelities[-1])
        rows = [_features(chromosome, level) for chromosome in chromosomes]
        X = self._vectorizer.transform(rows).astype(np.float32)
        predicted = np.array(
            [t.tree_.predict(X).reshape(len(X), -1) for t in self._trees.estimators_]
        )
        return predicted.mean(axis=0) + exploration_weight * predicted.std(axis=0)


def _features(chromosome: Chromosome, level: int) -> dict[str, Any]:
    """Return numbers as they are, and one feature for each other value of a gene."""
    features: dict[str, Any] = {"": level}
    for path, value in flatten(chromosome.genes).items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        features[path] = value if is_number else str(value)
    return features


def _targets(evaluations: Sequence[Evaluation]) -> np.ndarray:
    """Return what is learned, a row for each evaluation; failures count as bad."""
    objectives = {
        i: e.objectives or (e.fitness,)
        for i, e in enumerate(evaluations)
        if e.status == "ok"
    }
    known = _finite(np.array(list(objectives.values()), dtype=float))
    low, middle = np.quantile(known, [0.25, 0.5], axis=0)
    # Fitness may be unbounded, as a log loss: hopeless values must not hide the rest.
    worst = low - 3 * (middle - low)
    targets = np.tile(worst, (len(evaluations), 1))
    targets[list(objectives)] = np.maximum(known, worst)
    return targets


def _finite(values: np.ndarray) -> np.ndarray:
    """Return values within the range of the finite ones, for each column apart."""
    finite = np.ma.masked_where(np.abs(values) > ABSURD, values)
    low, high = (edge.filled(0.0) for edge in (finite.min(axis=0), finite.max(axis=0)))
    return np.clip(values, low, high)
