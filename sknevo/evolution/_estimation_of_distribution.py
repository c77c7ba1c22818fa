"""Estimation of distribution for numbers, a genetic algorithm for the other genes."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.random import Generator
from sklearn.utils._param_validation import Interval

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._strategy import tournament
from sknevo.genes import Genome, moved, positions
from sknevo.records import Chromosome, Evaluation

# Fewer individuals do not tell in which direction the fit ones lie. Chosen, not
# measured.
FEWEST = 3
# Standard deviation added in every direction, in widths of a gene's range: without it,
# a converged population could not move any more. Chosen with the kind of step by
# benchmarks/landscapes.py, seeds 0 to 19 (doc/figures.md, Strategies).
FLOOR = 0.03


class EstimationOfDistribution(GeneticAlgorithm, name="estimation_of_distribution"):
    """Draw numbers from the distribution of the fit ones; breed the rest by crossover.

    Every other child is a step: the numbers of a parent are sampled from a normal
    distribution, fitted to the survivors that express the same numbers (the same
    branches, as many layers), each number on its own scale. Its mean is that of the
    better half of them and its covariance that of all of them, so that steps follow
    valleys and become smaller as the population converges: an estimation of
    distribution algorithm [1]_. The other children, and those with too few similar
    individuals, are bred by `GeneticAlgorithm`.

    Parameters
    ----------
    step_probability : float, default=0.5
        Probability that a child is a step.
    crossover_probability : float, default=0.6
        Probability that another child has two parents.
    mutation_probability : float or None, default=None
        Probability of each expressed gene to change in a mutant; None stands for one
        gene on average. A child of one parent always differs from it.
    tournament_size : int, default=3
        Number of individuals that compete to be a parent.
    immigrant_probability : float, default=0.1
        Probability that another child is a random immigrant instead.
    replacement : {"elitist", "full"}, default="elitist"
        Which individuals may survive, see `GeneticAlgorithm`.

    References
    ----------
    .. [1] Larrañaga, P., & Lozano, J. A. (2002). Estimation of Distribution
       Algorithms. Springer.

    Examples
    --------
    >>> EstimationOfDistribution(step_probability=0.8)
    EstimationOfDistribution(step_probability=0.8)
    """

    _parameter_constraints = {
        "step_probability": [Interval(Real, 0, 1, closed="both")],
        **GeneticAlgorithm._parameter_constraints,
    }

    def __init__(
        self,
        step_probability: float = 0.5,
        crossover_probability: float = 0.6,
        mutation_probability: float | None = None,
        tournament_size: int = 3,
        immigrant_probability: float = 0.1,
        replacement: str = "elitist",
    ) -> None:
        self.step_probability = step_probability
        super().__init__(
            crossover_probability,
            mutation_probability,
            tournament_size,
            immigrant_probability,
            replacement,
        )

    def breed(
        self, genome: Genome, population: Sequence[Evaluation], rng: Generator
    ) -> Chromosome:
        if rng.random() < self.step_probability:
            parent = tournament(population, rng, self.tournament_size).chromosome
            child = _step(genome, parent, population, rng)
            if child.key != parent.key:
                return child
        return super().breed(genome, population, rng)


def _step(
    genome: Genome,
    parent: Chromosome,
    population: Sequence[Evaluation],
    rng: Generator,
) -> Chromosome:
    """Return the parent with new numbers, or itself if too few others have them."""
    paths = list(positions(genome, parent.genes))
    similar = [
        where
        for e in population
        if e.status == "ok"
        and (where := positions(genome, e.chromosome.genes)).keys() >= set(paths)
    ]
    if not paths or len(similar) < FEWEST:
        return parent
    points = np.array([[where[path] for path in paths] for where in similar])
    mean = points[: (len(points) + 1) // 2].mean(axis=0)
    # A random sum of deviations has their covariance, without a matrix of it.
    deviations = points - points.mean(axis=0)
    weights = rng.standard_normal((len(similar), 1)) / np.sqrt(len(similar) - 1)
    drawn = mean + (weights * deviations).sum(axis=0)
    drawn += FLOOR * rng.standard_normal(len(paths))
    genes = moved(genome, parent.genes, dict(zip(paths, drawn.tolist(), strict=True)))
    return Chromosome(genes, origin="mutation", parents=(parent.key,))
