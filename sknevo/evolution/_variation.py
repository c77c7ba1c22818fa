"""How children come about: what strategies share."""

import numpy as np

from sknevo.genes import Genome
from sknevo.records import Chromosome

__all__ = ["child_of", "random_immigrant"]


def random_immigrant(genome: Genome, rng: np.random.Generator) -> Chromosome:
    """Return a random individual.

    Parameters
    ----------
    genome : Genome
        What may vary.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Chromosome
    """
    return Chromosome(genome.sample(rng), origin="random")


def child_of(
    genome: Genome,
    mother: Chromosome,
    father: Chromosome,
    rng: np.random.Generator,
    crossover_probability: float,
    mutation_probability: float | None,
) -> Chromosome:
    """Return a child that differs from its parents.

    Parameters
    ----------
    genome : Genome
        What may vary.
    mother, father : Chromosome
        The parents, who may be the same.
    rng : numpy.random.Generator
        Source of randomness.
    crossover_probability : float
        Chance to be of both; half of these are mutated in addition. The others are
        mutants of the mother.
    mutation_probability : float or None
        Chance of each expressed gene to change in a mutant; None stands for one gene
        in the mean.

    Returns
    -------
    Chromosome
    """
    if mother.key == father.key or rng.random() >= crossover_probability:
        genes = genome.mutate(mother.genes, rng, mutation_probability)
        return Chromosome(genes, origin="mutation", parents=(mother.key,))
    genes = genome.cross(mother.genes, father.genes, rng)
    if Chromosome(genes).key in (mother.key, father.key) or rng.random() < 0.5:
        genes = genome.mutate(genes, rng, mutation_probability)
    return Chromosome(genes, origin="crossover", parents=(mother.key, father.key))
