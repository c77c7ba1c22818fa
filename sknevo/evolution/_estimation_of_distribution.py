"""Numbers are drawn from where the fit ones are; the rest is bred by crossover."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._selection import tournament
from sknevo.genes import Genome, moved, positions
from sknevo.records import Chromosome, Evaluation

__all__ = ["EstimationOfDistribution"]

# Fewer do not tell in which direction the fit ones lie.
FEWEST = 3
# Standard deviation that is added in every direction, in widths of a range: without
# it, a population that has come together could not leave again.
FLOOR = 0.03


class EstimationOfDistribution(GeneticAlgorithm):
    """Draw numbers from where the fit ones are, breed the rest by crossover.

    Every other child is a step: the numbers of a parent are drawn anew from a normal
    distribution, fitted to the survivors that express the same numbers (the same
    branches, as many layers), each number on its own scale. The mean is that of their
    better half, the covariance that of all of them, so that steps go along valleys and
    grow smaller as the population comes together: an estimation of distribution [1]_.
    The other children, and those with too few alike, are bred by `GeneticAlgorithm`.

    Parameters
    ----------
    step_probability : float, default=0.5
        Chance of a child to be a step.
    crossover_probability : float, default=0.6
        Chance of another child to have two parents.
    mutation_probability : float or None, default=None
        Chance of each expressed gene to change in a mutant; None stands for one gene
        in the mean.
    tournament_size : int, default=3
        Number of contestants for each parenthood.
    immigrant_probability : float, default=0.1
        Chance of another child to be a random immigrant instead.

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
    ) -> None:
        super().__init__(
            crossover_probability,
            mutation_probability,
            tournament_size,
            immigrant_probability,
        )
        self.step_probability = step_probability

    def breed(
        self,
        genome: Genome,
        population: Sequence[Evaluation],
        rng: np.random.Generator,
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
    rng: np.random.Generator,
) -> Chromosome:
    """Return the parent with its numbers drawn anew, or itself if too few are alike."""
    paths = list(positions(genome, parent.genes))
    everyone = (positions(genome, e.chromosome.genes) for e in population if _able(e))
    kin = [where for where in everyone if where.keys() >= set(paths)]
    if not paths or len(kin) < FEWEST:
        return parent
    places = np.array([[where[path] for path in paths] for where in kin])
    mean = places[: (len(places) + 1) // 2].mean(axis=0)
    # A random sum of deviations has their covariance, without a matrix of it.
    deviations = places - places.mean(axis=0)
    weights = rng.standard_normal((len(kin), 1)) / np.sqrt(len(kin) - 1)
    drawn = mean + (weights * deviations).sum(axis=0)
    drawn += FLOOR * rng.standard_normal(len(paths))
    genes = moved(genome, parent.genes, dict(zip(paths, drawn.tolist(), strict=True)))
    return Chromosome(genes, origin="mutation", parents=(parent.key,))


def _able(evaluation: Evaluation) -> bool:
    return evaluation.status == "ok"
