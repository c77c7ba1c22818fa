"""Selection by tournament, uniform crossover, mutation, elites."""

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sknevo.evolution._selection import tournament
from sknevo.evolution._strategy import Strategy
from sknevo.evolution._variation import child_of, random_immigrant
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

__all__ = ["GeneticAlgorithm"]


class GeneticAlgorithm(Strategy):
    """Breed the fit by crossover and mutation; parents and offspring compete.

    A (mu + lambda) genetic algorithm: a child is crossed from two parents or copied
    from one, each chosen by tournament, and mutated; now and then a random immigrant
    keeps the population open [1]_.

    Parameters
    ----------
    crossover_probability : float, default=0.6
        Chance of a child to have two parents.
    mutation_probability : float or None, default=None
        Chance of each expressed gene to change in a child; None stands for one gene
        per child in the mean. A child of one parent always differs from it.
    tournament_size : int, default=3
        Number of contestants for each parenthood.
    immigrant_probability : float, default=0.1
        Chance of a child to be a random immigrant instead.

    References
    ----------
    .. [1] Eiben, A. E., & Smith, J. E. (2015). Introduction to Evolutionary
       Computing, chapters 3 to 5. Springer.

    Examples
    --------
    >>> GeneticAlgorithm(tournament_size=5)
    GeneticAlgorithm(tournament_size=5)
    """

    _parameter_constraints = {
        "crossover_probability": [Interval(Real, 0, 1, closed="both")],
        "mutation_probability": [Interval(Real, 0, 1, closed="both"), None],
        "tournament_size": [Interval(Integral, 1, None, closed="left")],
        "immigrant_probability": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        crossover_probability: float = 0.6,
        mutation_probability: float | None = None,
        tournament_size: int = 3,
        immigrant_probability: float = 0.1,
    ) -> None:
        self.crossover_probability = crossover_probability
        self.mutation_probability = mutation_probability
        self.tournament_size = tournament_size
        self.immigrant_probability = immigrant_probability

    def breed(
        self,
        genome: Genome,
        population: Sequence[Evaluation],
        rng: np.random.Generator,
    ) -> Chromosome:
        if rng.random() < self.immigrant_probability:
            return random_immigrant(genome, rng)
        mother, father = (
            tournament(population, rng, self.tournament_size).chromosome
            for _ in range(2)
        )
        return child_of(
            genome,
            mother,
            father,
            rng,
            self.crossover_probability,
            self.mutation_probability,
        )
