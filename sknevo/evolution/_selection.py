"""Who is chosen: pure functions of a population and its fitness."""

from collections.abc import Iterable, Sequence

import numpy as np

from sknevo.records import Evaluation

__all__ = ["best", "tournament"]


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
    unique: dict[str, Evaluation] = {}
    for evaluation in population:
        unique.setdefault(evaluation.chromosome.key, evaluation)
    return sorted(unique.values(), key=lambda e: e.merit, reverse=True)[:n]


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
    return max((population[i] for i in contestants), key=lambda e: e.merit)
