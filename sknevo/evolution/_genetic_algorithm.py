"""Tournament selection, uniform crossover, mutation, survival of the fittest."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

from numpy.random import Generator
from sklearn.utils._param_validation import Interval, StrOptions

from sknevo.evolution._strategy import (
    Strategy,
    fittest,
    random_immigrant,
    rank_keys,
    tournament,
)
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation


@dataclass(eq=False, repr=False)
class GeneticAlgorithm(Strategy, name="crossover"):
    """Breed by crossover and mutation; the fittest survive.

    A genetic algorithm [1]_: each parent is chosen by tournament; a child is crossed
    from two parents or copied from one, and mutated. Now and then a random immigrant
    keeps the population diverse. A search returns the fittest individual ever found,
    whether it is in the population or not.

    A subclass is another genetic algorithm by its parts: `rank_keys` (what individuals
    are compared by), `survival` (which ones survive) and class attributes in place of
    parameters that it fixes.

    Parameters
    ----------
    crossover_probability : float, default=0.6
        Probability that a child has two parents.
    mutation_probability : float or None, default=None
        Probability of each expressed gene to change in a mutant; None stands for one
        gene on average. A child of one parent always differs from it.
    tournament_size : int, default=3
        Number of individuals that compete to be a parent.
    immigrant_probability : float, default=0.1
        Probability that a child is a random immigrant instead.
    replacement : {"elitist", "full"}, default="elitist"
        Which individuals may survive: parents and offspring (mu + lambda), or offspring
        only (mu, lambda). Full replacement soon removes an individual with a lucky
        score, as those of generators are [2]_. Parents stay only in the places of
        offspring that failed; in a search without generations, each child replaces the
        least fit parent.

    References
    ----------
    .. [1] Eiben, A. E., & Smith, J. E. (2015). Introduction to Evolutionary
       Computing, chapters 3 to 5. Springer.
    .. [2] Beyer, H.-G., & Schwefel, H.-P. (2002). Evolution Strategies: A Comprehensive
       Introduction. Natural Computing 1.

    Examples
    --------
    >>> GeneticAlgorithm(tournament_size=5)
    GeneticAlgorithm(tournament_size=5)
    """

    rank_keys = staticmethod(rank_keys)
    survival = staticmethod(fittest)
    _parameter_constraints = {
        "crossover_probability": [Interval(Real, 0, 1, closed="both")],
        "mutation_probability": [Interval(Real, 0, 1, closed="both"), None],
        "tournament_size": [Interval(Integral, 1, None, closed="left")],
        "immigrant_probability": [Interval(Real, 0, 1, closed="both")],
        "replacement": [StrOptions({"elitist", "full"})],
    }

    # The defaults are a textbook's: chosen, not measured.
    crossover_probability: float = 0.6
    mutation_probability: float | None = None
    tournament_size: int = 3
    immigrant_probability: float | None = 0.1  # None in a subclass without immigrants
    replacement: str = "elitist"

    def breed(
        self, genome: Genome, population: Sequence[Evaluation], rng: Generator
    ) -> Chromosome:
        # Without immigrants there is no draw: lineages of such subclasses have none.
        immigrants = self.immigrant_probability
        if immigrants is not None and rng.random() < immigrants:
            return random_immigrant(genome, rng)
        keys = self.rank_keys(population)
        mother, father = (
            tournament(population, rng, self.tournament_size, keys).chromosome
            for _ in range(2)
        )
        if mother.key == father.key or rng.random() >= self.crossover_probability:
            genes = genome.mutate(mother.genes, rng, self.mutation_probability)
            return Chromosome(genes, origin="mutation", parents=(mother.key,))
        parents = mother.key, father.key
        genes = genome.cross(mother.genes, father.genes, rng)
        # Half of the crossed ones are mutated too, and all that equal a parent.
        if Chromosome(genes).key in parents or rng.random() < 0.5:
            genes = genome.mutate(genes, rng, self.mutation_probability)
        return Chromosome(genes, origin="crossover", parents=parents)

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        if self.replacement == "full":
            n_successful = sum(e.status == "ok" for e in offspring)
            parents = parents[: max(0, size - n_successful)]
        return self.survival([*parents, *offspring], size)
