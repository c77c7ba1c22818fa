"""Regularized evolution: the oldest dies, however fit it is."""

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sknevo.evolution._selection import tournament, unique
from sknevo.evolution._strategy import Strategy
from sknevo.evolution._variation import child_of
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

__all__ = ["RegularizedEvolution"]


class RegularizedEvolution(Strategy):
    """The fit breed, the oldest dies, however fit it is.

    Regularised evolution [1]_: of a sample of the population the fittest is mutated,
    and the child takes the place of the oldest. Who was lucky once does not breed for
    ever: only what is inherited by fit children stays. There are no generations, so
    that no worker waits for the slowest. The fittest ever found is the search's
    winner, whether it still lives or not.

    Parameters
    ----------
    sample_size : int, default=5
        Number of contestants for each parenthood.
    crossover_probability : float, default=0.0
        Chance of a child to have two parents.
    mutation_probability : float or None, default=None
        Chance of each expressed gene to change in a child; None stands for one gene
        per child in the mean.

    References
    ----------
    .. [1] Real, E., Aggarwal, A., Huang, Y., & Le, Q. V. (2019). Regularized Evolution
       for Image Classifier Architecture Search. AAAI 2019.

    Examples
    --------
    >>> RegularizedEvolution(sample_size=3)
    RegularizedEvolution(sample_size=3)
    """

    steady = True
    _parameter_constraints = {
        "sample_size": [Interval(Integral, 1, None, closed="left")],
        "crossover_probability": [Interval(Real, 0, 1, closed="both")],
        "mutation_probability": [Interval(Real, 0, 1, closed="both"), None],
    }

    def __init__(
        self,
        sample_size: int = 5,
        crossover_probability: float = 0.0,
        mutation_probability: float | None = None,
    ) -> None:
        self.sample_size = sample_size
        self.crossover_probability = crossover_probability
        self.mutation_probability = mutation_probability

    def breed(
        self,
        genome: Genome,
        population: Sequence[Evaluation],
        rng: np.random.Generator,
    ) -> Chromosome:
        mother, father = (
            tournament(population, rng, self.sample_size).chromosome for _ in range(2)
        )
        return child_of(
            genome,
            mother,
            father,
            rng,
            self.crossover_probability,
            self.mutation_probability,
        )

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        """Return the youngest of those that succeeded, the oldest first.

        Parameters
        ----------
        parents : sequence of Evaluation
            In order of age, the oldest first.
        offspring : sequence of Evaluation
            Who was just evaluated.
        size : int
            The size of the population.

        Returns
        -------
        list of Evaluation
        """
        everyone = unique([*parents, *offspring])
        able = [e for e in everyone if e.status == "ok"]
        return (able or everyone)[-size:]
