"""Breed several children, try the one that a model of those tried before prefers."""

from collections.abc import Sequence
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._selection import pareto_order, unique
from sknevo.evolution._strategy import Strategy
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation, flatten

__all__ = ["SurrogateAssisted"]

# With fewer to learn from, a model knows nothing.
FEWEST = 10
TREES = 30
# Goals beyond it, as infinite ones, count as the worst or best of the others.
ABSURD = 1e100


class SurrogateAssisted(Strategy):
    """Breed several children, and try the one that promises most.

    A model (extremely randomised trees) learns from all that were tried how genes make
    fitness; of several children, all bred by another strategy, the one is tried that
    promises most [1]_. What the trees do not agree on may turn out well, and counts as
    a promise [2]_. With several goals, it is one of the most promising front. The
    failed count as bad, so that what fails is bred less.

    Parameters
    ----------
    strategy : Strategy or None, default=None
        Who breeds, and who survives; None stands for `GeneticAlgorithm()`.
    n_candidates : int, default=8
        Children to choose from.
    optimism : float, default=2.0
        How many standard deviations of the trees are added to what they predict.
    memory : int, default=500
        So many of those tried last are learned from.

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
        "optimism": [Interval(Real, 0, None, closed="left")],
        "memory": [Interval(Integral, FEWEST, None, closed="left")],
    }

    def __init__(
        self,
        strategy: Strategy | None = None,
        n_candidates: int = 8,
        optimism: float = 2.0,
        memory: int = 500,
    ) -> None:
        self.strategy = strategy
        self.n_candidates = n_candidates
        self.optimism = optimism
        self.memory = memory

    @property
    def _inner(self) -> Strategy:
        return GeneticAlgorithm() if self.strategy is None else self.strategy

    @property
    def steady(self) -> bool:
        """Whether the strategy within goes on without generations."""
        return self._inner.steady

    def check(self, genome: Genome) -> None:
        self._inner.check(genome)

    def breed(
        self,
        genome: Genome,
        population: Sequence[Evaluation],
        rng: np.random.Generator,
    ) -> Chromosome:
        survivors = _Survivors.of(population)
        if survivors.surrogate is None:
            return self._inner.breed(genome, population, rng)
        bred = [
            self._inner.breed(genome, population, rng) for _ in range(self.n_candidates)
        ]
        tried = {evaluation.chromosome.key for evaluation in survivors.told}
        candidates = [child for child in bred if child.key not in tried] or bred
        promises = survivors.surrogate.promises(candidates, self.optimism)
        return candidates[pareto_order(promises)[0]]

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        """Return who survives by the strategy within; all others are remembered.

        Parameters
        ----------
        parents : sequence of Evaluation
            The survivors of the generation before, as this method returned them.
        offspring : sequence of Evaluation
            Who was just evaluated.
        size : int
            The size of the population.

        Returns
        -------
        list of Evaluation
            It bears in mind who else was told, for `breed`.
        """
        told = unique([*_Survivors.of(parents).told, *offspring])
        survivors = self._inner.survive(parents, offspring, size)
        return _Survivors(survivors, told[-self.memory :])


class _Survivors(list):
    """A population that bears in mind who else was told, and what they teach.

    Parameters
    ----------
    survivors : sequence of Evaluation
        The population.
    told : sequence of Evaluation
        All to learn from.
    """

    def __init__(
        self, survivors: Sequence[Evaluation], told: Sequence[Evaluation]
    ) -> None:
        super().__init__(survivors)
        self.told = list(told)

    @classmethod
    def of(cls, population: Sequence[Evaluation]) -> "_Survivors":
        """Return the population; one that was made by others remembers itself."""
        if isinstance(population, cls):
            return population
        return cls(population, population)

    @cached_property
    def surrogate(self) -> "_Surrogate | None":
        """The model, learned once for a population; None if too few succeeded."""
        able = [evaluation for evaluation in self.told if evaluation.status == "ok"]
        return _Surrogate(self.told) if len(able) >= FEWEST else None


class _Surrogate:
    """A model of how genes make fitness.

    Parameters
    ----------
    told : sequence of Evaluation
        Who was tried; some successfully.
    """

    def __init__(self, told: Sequence[Evaluation]) -> None:
        from sklearn.ensemble import ExtraTreesRegressor
        from sklearn.feature_extraction import DictVectorizer

        self._reaches = sorted({e.rank_key[0] for e in told if e.status == "ok"})
        self._vectorizer = DictVectorizer(sparse=False)
        rows = [_features(e.chromosome, self._level(e.rank_key[0])) for e in told]
        # No randomness of its own: what is bred is up to the generator of `breed`.
        self._trees = ExtraTreesRegressor(TREES, min_samples_leaf=2, random_state=0)
        targets = _targets(told)
        targets = targets[:, 0] if targets.shape[1] == 1 else targets
        self._trees.fit(self._vectorizer.fit_transform(rows), targets)

    def _level(self, reach: float) -> int:
        """Say how far one went in a race, as a number that is never infinite."""
        return int(np.searchsorted(self._reaches, reach))

    def promises(self, candidates: Sequence[Chromosome], optimism: float) -> np.ndarray:
        """Return what each may reach if it goes as far as any.

        Parameters
        ----------
        candidates : sequence of Chromosome
            Who may be tried.
        optimism : float
            Standard deviations of the trees to add to their mean.

        Returns
        -------
        ndarray of shape (n, n_objectives)
        """
        level = self._level(self._reaches[-1])
        rows = [_features(candidate, level) for candidate in candidates]
        X = self._vectorizer.transform(rows).astype(np.float32)
        predicted = np.array(
            [t.tree_.predict(X).reshape(len(X), -1) for t in self._trees.estimators_]
        )
        return predicted.mean(axis=0) + optimism * predicted.std(axis=0)


def _features(chromosome: Chromosome, level: int) -> dict[str, Any]:
    """Return numbers as they are, and one feature for each other value of a gene."""
    named: dict[str, Any] = {"": level}
    for path, value in flatten(chromosome.genes).items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        named[path] = value if is_number else str(value)
    return named


def _targets(told: Sequence[Evaluation]) -> np.ndarray:
    """Return what is learned, a row for each; the failed are as the worst."""
    goals = {
        i: e.objectives or (e.fitness,) for i, e in enumerate(told) if e.status == "ok"
    }
    known = _finite(np.array(list(goals.values()), dtype=float))
    low, middle = np.quantile(known, [0.25, 0.5], axis=0)
    # Fitness may be unbounded, as a log loss: the hopeless must not hide the rest.
    worst = low - 3 * (middle - low)
    targets = np.tile(worst, (len(told), 1))
    targets[list(goals)] = np.maximum(known, worst)
    return targets


def _finite(goals: np.ndarray) -> np.ndarray:
    """Return goals within the range of the finite ones, of each column its own."""
    finite = np.ma.masked_where(np.abs(goals) > ABSURD, goals)
    low, high = (edge.filled(0.0) for edge in (finite.min(axis=0), finite.max(axis=0)))
    return np.clip(goals, low, high)
