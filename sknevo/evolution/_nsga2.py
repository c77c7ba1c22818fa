"""NSGA-II: a genetic algorithm for several goals at once."""

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._strategy import best_fronts, pareto_rank_keys


class NSGA2(GeneticAlgorithm, name="nsga2"):
    """Evolve towards several goals at once: the Pareto front of the best compromises.

    The non-dominated sorting genetic algorithm II [1]_. Individuals that no other one
    dominates come first, and among these the ones in sparse places of the front.
    Parents are chosen by binary tournament; parents and offspring compete. With a
    single goal, the fittest survive.

    Parameters
    ----------
    crossover_probability : float, default=0.9
        Probability that a child has two parents.
    mutation_probability : float or None, default=None
        Probability of each expressed gene to change in a mutant; None stands for one
        gene on average. A child of one parent always differs from it.

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

    rank_keys = staticmethod(pareto_rank_keys)
    survival = staticmethod(best_fronts)
    immigrant_probability = None
    tournament_size = 2

    # Both defaults are those of the paper.
    def __init__(
        self,
        crossover_probability: float = 0.9,
        mutation_probability: float | None = None,
    ) -> None:
        self.crossover_probability = crossover_probability
        self.mutation_probability = mutation_probability
