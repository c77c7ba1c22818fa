"""Who is chosen: pure functions of a population and its fitness."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from sknevo.records import Evaluation

__all__ = [
    "best",
    "crowding_distance",
    "non_dominated_sort",
    "pareto_order",
    "pareto_rank_keys",
    "tournament",
    "unique",
]

# Infinite goals count as this: distances between them are numbers.
LARGE = 1e300


def unique(population: Iterable[Evaluation]) -> list[Evaluation]:
    """Return each individual once, as it was first told.

    Parameters
    ----------
    population : iterable of Evaluation
        Who was tried.

    Returns
    -------
    list of Evaluation
    """
    known: dict[str, Evaluation] = {}
    for evaluation in population:
        known.setdefault(evaluation.chromosome.key, evaluation)
    return list(known.values())


def best(population: Iterable[Evaluation], n: int) -> list[Evaluation]:
    """Return the n fittest, each individual once, the earlier first among equals.

    Parameters
    ----------
    population : iterable of Evaluation
        Who competes.
    n : int
        How many win; fewer are returned if there are not as many.

    Returns
    -------
    list of Evaluation
        The fittest first.
    """
    return sorted(unique(population), key=lambda e: e.rank_key, reverse=True)[:n]


def tournament(
    population: Sequence[Evaluation], rng: np.random.Generator, size: int
) -> Evaluation:
    """Return the fittest of `size` individuals that are drawn with replacement.

    Parameters
    ----------
    population : sequence of Evaluation
        Who may be drawn.
    rng : numpy.random.Generator
        Source of randomness.
    size : int
        Number of contestants: the larger, the greedier.

    Returns
    -------
    Evaluation
    """
    contestants = rng.integers(len(population), size=size)
    return max((population[i] for i in contestants), key=lambda e: e.rank_key)


# Several goals -------------------------------------------------------------------


def non_dominated_sort(points: np.ndarray) -> list[np.ndarray]:
    """Part points into fronts: nobody in a front is beaten by another in it.

    One point dominates another if it is nowhere worse and somewhere better.

    Parameters
    ----------
    points : ndarray of shape (n, n_objectives)
        What is maximised.

    Returns
    -------
    list of ndarray of int
        Indices, the best front first: those that only points of earlier fronts
        dominate.

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
        beaten = dominates[np.ix_(left, left)].any(axis=0)
        fronts.append(left[~beaten])
        left = left[beaten]
    return fronts


def crowding_distance(points: np.ndarray) -> np.ndarray:
    """Say how far the neighbours of each point of a front are.

    Parameters
    ----------
    points : ndarray of shape (n, n_objectives)
        One front.

    Returns
    -------
    ndarray of shape (n,)
        For each point the mean over the objectives of the distance between its
        neighbours, in widths of the front; infinity for the ends.

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
    """Return indices, the best front first, its sparse places before crowded ones.

    Parameters
    ----------
    points : ndarray of shape (n, n_objectives)
        What is maximised.

    Returns
    -------
    list of int
    """
    order: list[int] = []
    for front in non_dominated_sort(points):
        crowding = crowding_distance(points[front])
        order += front[np.argsort(-crowding, kind="stable")].tolist()
    return order


def pareto_rank_keys(population: Sequence[Evaluation]) -> list[tuple[int, float]]:
    """Say by what individuals with several goals are compared.

    Parameters
    ----------
    population : sequence of Evaluation
        Who competes; without objectives, by fitness.

    Returns
    -------
    list of tuple of int and float
        For each: minus the number of its front, and its crowding distance. In a race,
        those that went less far stand behind, and the failed behind all.
    """
    rank_keys: list[tuple[int, float]] = [(0, 0.0)] * len(population)
    n_fronts = 0
    reaches = [evaluation.rank_key[0] for evaluation in population]
    for reach in sorted(set(reaches), reverse=True):
        level = np.flatnonzero(np.array(reaches) == reach)
        points = goals([population[i] for i in level])
        for front in non_dominated_sort(points):
            crowding = crowding_distance(points[front])
            for i, distance in zip(level[front], crowding, strict=True):
                rank_keys[i] = (-n_fronts, float(distance))
            n_fronts += 1
    return rank_keys


def goals(population: Sequence[Evaluation]) -> np.ndarray:
    """Return what is maximised, a row for each individual; the failed are all alike.

    Parameters
    ----------
    population : sequence of Evaluation
        All successful or all failed.

    Returns
    -------
    ndarray of shape (n, n_objectives)
    """
    if any(evaluation.status != "ok" for evaluation in population):
        return np.zeros((len(population), 1))
    return np.array([e.objectives or (e.fitness,) for e in population], dtype=float)
