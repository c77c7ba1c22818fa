"""Random search that keeps the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from numpy.random import Generator
from sklearn.utils._param_validation import Interval

from sknevo.evolution._strategy import Strategy, fittest, random_immigrant
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation


@dataclass(eq=False, repr=False)
class Elitist(Strategy, name="elitist"):
    """Keep the fittest and replace the rest by random individuals.

    With ``initial_population=[]`` this is random search: the baseline for every other
    strategy.

    Parameters
    ----------
    elite_fraction : float, default=0.1
        Share of the population that carries over, in (0, 1]; at least one individual
        does.

    Examples
    --------
    >>> Elitist(elite_fraction=0.2)
    Elitist(elite_fraction=0.2)
    """

    _parameter_constraints = {
        "elite_fraction": [Interval(Real, 0, 1, closed="right")],
    }

    elite_fraction: float = 0.1  # chosen, not measured

    def breed(
        self, genome: Genome, population: Sequence[Evaluation], rng: Generator
    ) -> Chromosome:
        return random_immigrant(genome, rng)

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        return fittest([*parents, *offspring], math.ceil(self.elite_fraction * size))
