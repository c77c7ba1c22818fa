"""Regularized evolution: the oldest individual is removed, however fit it is."""

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._strategy import youngest


class RegularizedEvolution(GeneticAlgorithm, name="regularized_evolution"):
    """Breed by mutation of the fit; each child replaces the oldest individual.

    Regularized evolution [1]_: the fittest of a sample of the population is mutated,
    and the child replaces the oldest individual, however fit that is. An individual
    with a lucky score is soon removed: its genes stay only if its children are fit,
    too. There are no generations, so that no worker waits for the slowest. A search
    returns the fittest individual ever found, whether it is in the population or not.

    Parameters
    ----------
    tournament_size : int, default=5
        Number of individuals that compete to be a parent.
    crossover_probability : float, default=0.0
        Probability that a child has two parents.
    mutation_probability : float or None, default=None
        Probability of each expressed gene to change in a mutant; None stands for one
        gene on average. A child of one parent always differs from it.

    References
    ----------
    .. [1] Real, E., Aggarwal, A., Huang, Y., & Le, Q. V. (2019). Regularized Evolution
       for Image Classifier Architecture Search. AAAI 2019.

    Examples
    --------
    >>> RegularizedEvolution(tournament_size=3)
    RegularizedEvolution(tournament_size=3)
    """

    steady = True
    survival = staticmethod(youngest)
    immigrant_probability = None

    # The paper samples 25 of 100 individuals. 5 of 12 are chosen, not measured.
    def __init__(
        self,
        tournament_size: int = 5,
        crossover_probability: float = 0.0,
        mutation_probability: float | None = None,
    ) -> None:
        self.tournament_size = tournament_size
        self.crossover_probability = crossover_probability
        self.mutation_probability = mutation_probability
