"""The parts of strategies: selection, variation, survival."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.random import Generator

from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

# Selection -----------------------------------------------------------------------


def rank_keys(population: Sequence[Evaluation]) -> list[tuple[float, float]]:
    """Return what individuals are compared by: fidelity first, then fitness."""
    return [evaluation.rank_key for evaluation in population]


def pareto_rank_keys(population: Sequence[Evaluation]) -> list[tuple[float, float]]:
    """Return what individuals with several goals are compared by.

    The key is minus the number of the individual's front and its crowding distance.
    Individuals of a lower fidelity stand in later fronts, failed ones in the last.
    """
    keys: list[tuple[float, float]] = [(0, 0.0)] * len(population)
    n_fronts = 0
    fidelities = np.array([fidelity for fidelity, _ in rank_keys(population)])
    for fidelity in sorted(set(fidelities), reverse=True):
        level = np.flatnonzero(fidelities == fidelity)
        points = _goals([population[i] for i in level])
        for front in non_dominated_sort(points):
            crowding = crowding_distance(points[front])
            for i, distance in zip(level[front], crowding, strict=True):
                keys[i] = (-n_fronts, float(distance))
            n_fronts += 1
    return keys


def _goals(population: Sequence[Evaluation]) -> np.ndarray:
    """Return the goals, of shape (n, n_objectives); all failed count as equal."""
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
    keys = rank_keys(population) if keys is None else keys
    drawn = rng.integers(len(population), size=size)
    return population[max(drawn, key=keys.__getitem__)]


# Variation -----------------------------------------------------------------------


def random_immigrant(genome: Genome, rng: Generator) -> Chromosome:
    """Return a random individual."""
    return Chromosome(genome.sample(rng), origin="random")


def reproduce(
    genome: Genome,
    mother: Chromosome,
    father: Chromosome,
    rng: Generator,
    crossover_probability: float,
    mutation_probability: float | None,
) -> Chromosome:
    """Return a child that differs from its parents.

    With `crossover_probability` it is crossed from both, and mutated in half of these
    cases; otherwise it is a mutant of the mother.
    """
    if mother.key == father.key or rng.random() >= crossover_probability:
        genes = genome.mutate(mother.genes, rng, mutation_probability)
        return Chromosome(genes, origin="mutation", parents=(mother.key,))
    genes = genome.cross(mother.genes, father.genes, rng)
    if Chromosome(genes).key in (mother.key, father.key) or rng.random() < 0.5:
        genes = genome.mutate(genes, rng, mutation_probability)
    return Chromosome(genes, origin="crossover", parents=(mother.key, father.key))


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
    """Return the best Pareto fronts, of the last that has room its sparse places."""
    individuals = unique(population)
    keys = pareto_rank_keys(individuals)
    order = sorted(range(len(individuals)), key=keys.__getitem__, reverse=True)
    return [individuals[i] for i in order[:size]]


# Pareto fronts -------------------------------------------------------------------

# Infinite goals count as this, so that distances between them are numbers.
LARGE = 1e300


def non_dominated_sort(points: np.ndarray) -> list[np.ndarray]:
    """Sort points into Pareto fronts.

    One point dominates another if it is nowhere worse and somewhere better. No point
    of a front dominates another one of it.

    Parameters
    ----------
    points : ndarray of shape (n, n_objectives)
        Goals to maximise.

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
        The goals of one front.

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
    """Return indices, the best front first, in each its sparse places first."""
    order: list[int] = []
    for front in non_dominated_sort(points):
        crowding = crowding_distance(points[front])
        order += front[np.argsort(-crowding, kind="stable")].tolist()
    return order
