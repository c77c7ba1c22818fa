"""NSGA-II: several goals at once, none weighed against another."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sknevo.evolution._selection import pareto_rank_keys, unique
from sknevo.evolution._strategy import Strategy
from sknevo.evolution._variation import child_of
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

__all__ = ["NSGA2"]


class NSGA2(Strategy):
    """Evolve towards several goals at once: the front of the best compromises.

    Individuals that nobody beats in all goals come first, and among these the ones in
    sparse places of the front [1]_. Parents are the better of two drawn at random;
    parents and offspring compete. With a single goal, the fittest survive.

    Parameters
    ----------
    crossover_probability : float, default=0.9
        Chance of a child to have two parents.
    mutation_probability : float or None, default=None
        Chance of each expressed gene to change in a mutant; None stands for one gene
        in the mean. A child of one parent always differs from it.

    References
    ----------
    .. [1] Deb, K., Pratap, A., Agarwal, S., & Meyarivan, T. (2002). A fast and elitist
       multiobjective genetic algorithm: NSGA-II. IEEE Transactions on Evolutionary
       Computation 6(2).

    Examples
    --------
    >>> NSGA2(crossover_probability=0.5)
    NSGA2(crossover_probability=0.5)
    """

    _parameter_constraints = {
        "crossover_probability": [Interval(Real, 0, 1, closed="both")],
        "mutation_probability": [Interval(Real, 0, 1, closed="both"), None],
    }

    def __init__(
        self,
        crossover_probability: float = 0.9,
        mutation_probability: float | None = None,
    ) -> None:
        self.crossover_probability = crossover_probability
        self.mutation_probability = mutation_probability

    def breed(
        self,
        genome: Genome,
        population: Sequence[Evaluation],
        rng: np.random.Generator,
    ) -> Chromosome:
        rank_keys = pareto_rank_keys(population)
        mother, father = (
            population[
                max(rng.integers(len(population), size=2), key=rank_keys.__getitem__)
            ]
            for _ in range(2)
        )
        return child_of(
            genome,
            mother.chromosome,
            father.chromosome,
            rng,
            self.crossover_probability,
            self.mutation_probability,
        )

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        """Return the best fronts, of the last that finds room its sparse places.

        Parameters
        ----------
        parents : sequence of Evaluation
            The survivors of the generation before.
        offspring : sequence of Evaluation
            The generation that was just evaluated, the failed included.
        size : int
            The size of the population.

        Returns
        -------
        list of Evaluation
            At most `size` individuals, the best front first.
        """
        everyone = unique([*parents, *offspring])
        rank_keys = pareto_rank_keys(everyone)
        order = sorted(range(len(everyone)), key=rank_keys.__getitem__, reverse=True)
        return [everyone[i] for i in order[:size]]
