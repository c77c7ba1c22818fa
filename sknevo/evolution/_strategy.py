"""The contract of a strategy, and the parts that strategies are composed of."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.random import Generator
from sklearn.base import BaseEstimator

from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

# The strategies that an estimator knows by name; a strategy enters by its `name`.
STRATEGIES: dict[str, type["Strategy"]] = {}


class Strategy(BaseEstimator, ABC):
    """Breed individuals and select survivors.

    A strategy is a scikit-learn-style object: a grid search reaches its parameters as
    ``strategy__mutation_probability``. It holds parameters and no state, and is never
    fitted. `_parameter_constraints` says which values its parameters may have, in
    scikit-learn's form; they are checked before a search begins.

    Attributes
    ----------
    steady : bool
        Whether the strategy works without generations: `survive` then gets one
        evaluation at a time, and the next child is bred at once.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import Chromosome, Genome, Real, Strategy
    >>> class HillClimbing(Strategy):
    ...     def breed(self, genome, population, rng):
    ...         parent = population[0].chromosome
    ...         genes = genome.mutate(parent.genes, rng)
    ...         return Chromosome(genes, origin="mutation", parents=(parent.key,))
    >>> HillClimbing()
    HillClimbing()
    """

    steady: bool = False
    _parameter_constraints: dict = {}

    def __init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is not None:
            STRATEGIES[name] = cls

    def check(self, genome: Genome) -> None:
        """Raise an error if the strategy cannot breed with a genome.

        Parameters
        ----------
        genome : Genome
            The search space.

        Raises
        ------
        ValueError
            If the strategy cannot breed with it.
        """

    def learn(self, archive: Sequence[Evaluation]) -> Self:
        """Return the strategy that breeds the next children.

        By default it is this one. A strategy that learns from more than the survivors
        returns a copy that has learned, since it keeps no state itself.

        Parameters
        ----------
        archive : sequence of Evaluation
            All individuals evaluated so far, each once, in the order asked.

        Returns
        -------
        Strategy
        """
        return self

    @abstractmethod
    def breed(
        self, genome: Genome, population: Sequence[Evaluation], rng: Generator
    ) -> Chromosome:
        """Return one child.

        Parameters
        ----------
        genome : Genome
            The search space.
        population : sequence of Evaluation
            The last that `survive` returned; never empty.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        Chromosome
            Its `generation` is filled in by the caller.
        """

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        """Return the survivors, from which the next children are bred.

        By default they are the fittest of parents and offspring.

        Parameters
        ----------
        parents : sequence of Evaluation
            The survivors of the generation before.
        offspring : sequence of Evaluation
            The generation that was just evaluated, failed individuals included.
        size : int
            The size of the population.

        Returns
        -------
        list of Evaluation
            At most `size` individuals, the fittest first; a steady strategy may have
            another order.
        """
        return fittest([*parents, *offspring], size)

    def _validate_params(self) -> None:
        """Check the parameters, also those of strategies among them."""
        super()._validate_params()
        for value in self.get_params(deep=False).values():
            if isinstance(value, Strategy):
                value._validate_params()


# Selection -----------------------------------------------------------------------


def rank_keys(population: Sequence[Evaluation]) -> list[tuple[float, float]]:
    """Return what individuals are compared by: fidelity first, then fitness."""
    return [evaluation.rank_key for evaluation in population]


def pareto_rank_keys(population: Sequence[Evaluation]) -> list[tuple[float, float]]:
    """Return minus the front's number and the crowding distance of each individual.

    Each fidelity has fronts of its own, which are numbered after those of the higher
    ones. Failed individuals are in the last front.
    """
    keys: list[tuple[float, float]] = [(0, 0.0)] * len(population)
    n_fronts = 0
    fidelities = np.array([fidelity for fidelity, _ in rank_keys(population)])
    for fidelity in sorted(set(fidelities), reverse=True):
        level = np.flatnonzero(fidelities == fidelity)
        points = _objectives([population[i] for i in level])
        for front in non_dominated_sort(points):
            crowding = crowding_distance(points[front])
            for i, distance in zip(level[front], crowding, strict=True):
                keys[i] = (-n_fronts, float(distance))
            n_fronts += 1
    return keys


def _objectives(population: Sequence[Evaluation]) -> np.ndarray:
    """Return what is maximised, of shape (n, n_objectives); all failed are equal."""
    if any(evaluation.status != "ok" for evaluation in population):
        return np.zeros((len(population), 1))
    return np.array([e.objectives or (e.fitness,) for e in population], dtype=float)


def tournament(
    population: Sequence[Evaluation],
    rng: Generator,
    size: int,
    keys: Sequence[tuple[float, float]] | None = None,
) -> Evaluation:
    """Return the best of `size` individuals that are drawn with replacement.

    Parameters
    ----------
    population : sequence of Evaluation
        The individuals to draw from.
    rng : numpy.random.Generator
        Source of randomness.
    size : int
        Number of individuals drawn: the larger, the stronger the selection.
    keys : sequence of tuple or None, default=None
        What each individual is compared by; None stands for fidelity and fitness.

    Returns
    -------
    Evaluation

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import Chromosome, Evaluation
    >>> population = [Evaluation(Chromosome({"x": x}), "ok", x) for x in range(9)]
    >>> tournament(population, np.random.default_rng(0), size=4).fitness
    7
    """
    # With replacement, a tournament may be larger than the population.
    keys = rank_keys(population) if keys is None else keys
    drawn = rng.integers(len(population), size=size)
    return population[max(drawn, key=keys.__getitem__)]


# Variation -----------------------------------------------------------------------


def random_immigrant(genome: Genome, rng: Generator) -> Chromosome:
    """Return a random individual."""
    return Chromosome(genome.sample(rng), origin="random")


# Survival ------------------------------------------------------------------------


def unique(population: Iterable[Evaluation]) -> list[Evaluation]:
    """Return each individual once, with its first evaluation."""
    known: dict[str, Evaluation] = {}
    for evaluation in population:
        known.setdefault(evaluation.chromosome.key, evaluation)
    return list(known.values())


def fittest(population: Iterable[Evaluation], size: int) -> list[Evaluation]:
    """Return the fittest individuals, each once; of equal ones the earlier first.

    Parameters
    ----------
    population : iterable of Evaluation
        The individuals to choose from.
    size : int
        The most that are returned.

    Returns
    -------
    list of Evaluation
        The fittest first.

    Examples
    --------
    >>> from sknevo import Chromosome, Evaluation
    >>> population = [Evaluation(Chromosome({"x": x}), "ok", x) for x in range(9)]
    >>> [evaluation.fitness for evaluation in fittest(population, 3)]
    [8, 7, 6]
    """
    return sorted(unique(population), key=lambda e: e.rank_key, reverse=True)[:size]


def youngest(population: Iterable[Evaluation], size: int) -> list[Evaluation]:
    """Return the last successful individuals, the oldest first; failed if all are."""
    individuals = unique(population)
    successful = [e for e in individuals if e.status == "ok"]
    return (successful or individuals)[-size:]


def best_fronts(population: Iterable[Evaluation], size: int) -> list[Evaluation]:
    """Return the best Pareto fronts; of the last one the least crowded individuals."""
    individuals = unique(population)
    keys = pareto_rank_keys(individuals)
    order = sorted(range(len(individuals)), key=keys.__getitem__, reverse=True)
    return [individuals[i] for i in order[:size]]


# Pareto fronts -------------------------------------------------------------------

# Infinite objectives count as this, so that distances between them are numbers.
LARGE = 1e300  # near the greatest double, 1.8e308


def non_dominated_sort(points: np.ndarray) -> list[np.ndarray]:
    """Sort points into Pareto fronts.

    One point dominates another if it is nowhere worse and somewhere better. No point
    of a front dominates another one of it.

    Parameters
    ----------
    points : ndarray of shape (n, n_objectives)
        Objectives to maximise.

    Returns
    -------
    list of ndarray of int
        Indices, the best front first: only points of earlier fronts dominate those of
        a later one.

    References
    ----------
    .. [1] Deb, K., Pratap, A., Agarwal, S., & Meyarivan, T. (2002). A fast and elitist
       multiobjective genetic algorithm: NSGA-II. IEEE Transactions on Evolutionary
       Computation 6(2).

    Examples
    --------
    >>> import numpy as np
    >>> [front.tolist() for front in non_dominated_sort(
    ...     np.array([[1, 0], [0, 1], [0, 0]]))]
    [[0, 1], [2]]
    """
    one, other = points[:, None], points[None, :]
    dominates = (one >= other).all(axis=2) & (one > other).any(axis=2)
    left, fronts = np.arange(len(points)), []
    while len(left):
        is_dominated = dominates[np.ix_(left, left)].any(axis=0)
        fronts.append(left[~is_dominated])
        left = left[is_dominated]
    return fronts


def crowding_distance(points: np.ndarray) -> np.ndarray:
    """Return how far apart the neighbours of each point of a front are.

    Parameters
    ----------
    points : ndarray of shape (n, n_objectives)
        The objectives of one front.

    Returns
    -------
    ndarray of shape (n,)
        For each point the distance between its neighbours in widths of the front, the
        mean over the objectives; infinity for the ends.

    References
    ----------
    .. [1] Deb, K., Pratap, A., Agarwal, S., & Meyarivan, T. (2002). A fast and elitist
       multiobjective genetic algorithm: NSGA-II. IEEE Transactions on Evolutionary
       Computation 6(2).

    Examples
    --------
    >>> import numpy as np
    >>> crowding_distance(np.array([[0, 4], [1, 3], [2, 2], [4, 0]])).tolist()
    [inf, 0.5, 0.75, inf]
    """
    n, n_objectives = points.shape
    # The ends of a front are never crowded: they keep it wide.
    if n <= 2:
        return np.full(n, math.inf)
    distances = np.zeros(n)
    for values in np.clip(points, -LARGE, LARGE).T:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        if width := ordered[-1] - ordered[0]:
            distances[order[[0, -1]]] = math.inf
            distances[order[1:-1]] += (ordered[2:] - ordered[:-2]) / width
    return distances / n_objectives


def pareto_order(points: np.ndarray) -> list[int]:
    """Return indices, the best front first, in each the least crowded points first."""
    order: list[int] = []
    for front in non_dominated_sort(points):
        crowding = crowding_distance(points[front])
        order += front[np.argsort(-crowding, kind="stable")].tolist()
    return order
