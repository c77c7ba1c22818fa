"""What a search begins with: the user's genome and individuals, or ours."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from sknevo.evaluation import SAMPLES, Trial, most, rungs
from sknevo.genes import Genome
from sknevo.records import Chromosome, DataSpec

if TYPE_CHECKING:
    from sknevo.estimators._base import BaseEvolved

__all__ = ["known_chromosomes", "make_chromosome", "make_genome", "make_rungs"]


def make_genome(genome: Genome | Callable[[DataSpec], Any], spec: DataSpec) -> Genome:
    """Return the genome for the data.

    Parameters
    ----------
    genome : Genome or callable
        A callable gets the spec and returns a Genome.
    spec : DataSpec
        What the data are.

    Returns
    -------
    Genome

    Raises
    ------
    ValueError
        If it is none, or names no gene.
    """
    if not isinstance(genome, Genome):
        genome = genome(spec)
    if not isinstance(genome, Genome) or not genome.genes:
        raise ValueError(
            "genome must be a Genome that names at least one gene, or a callable "
            f"that returns one for a DataSpec; got {genome!r}."
        )
    return genome


def make_chromosome(
    individual: Any, genome: Genome, rng: np.random.Generator, origin: str
) -> Chromosome:
    """Make a chromosome of a genome.

    Parameters
    ----------
    individual : dict, Chromosome or fitted evolved estimator
        Expressed genes; what they leave open is drawn.
    genome : Genome
        What may vary.
    rng : Generator
        Source of randomness.
    origin : str
        Where it comes from.

    Returns
    -------
    Chromosome

    Raises
    ------
    ValueError
        If a gene is not in the genome or out of range.
    """
    genes = getattr(individual, "best_chromosome_", individual)
    if isinstance(genes, Chromosome):
        genes = genes.expressed
    complete = genome.complete(genes, rng, "initial_population")
    return Chromosome(complete, origin=origin)


def known_chromosomes(
    known: Sequence[dict[str, Any]], genome: Genome, rng: np.random.Generator
) -> list[Chromosome]:
    """Return the known individuals that a genome, maybe the user's, has room for.

    Parameters
    ----------
    known : sequence of dict
        Expressed genes.
    genome : Genome
        What may vary.
    rng : Generator
        Source of randomness.

    Returns
    -------
    list of Chromosome
        Each once.
    """
    chromosomes: dict[str, Chromosome] = {}
    for genes in known:
        with suppress(ValueError):
            one = make_chromosome(genes, genome, rng, "seed")
            chromosomes.setdefault(one.key, one)
    return [*chromosomes.values()]


def make_rungs(estimator: "BaseEvolved", spec: DataSpec, trial: Trial) -> list[int]:
    """Return what individuals are given before they are given all.

    Parameters
    ----------
    estimator : BaseEvolved
        With the `genome_` of this search.
    spec : DataSpec
        What the data are.
    trial : Trial
        How individuals are tried.

    Returns
    -------
    list of int
        Rising; empty if there is no race.

    Raises
    ------
    ValueError
        If `resource` is nothing that individuals can race for.
    """
    resource = trial.resource
    if resource is None:
        return []
    wanted, smallest = most(estimator.genome_, resource), 1
    if resource == SAMPLES:
        wanted = trial.data.value.n_train
        smallest = 2 * max(1, spec.n_classes)
    if not wanted:
        raise ValueError(
            f'resource must be None, "{SAMPLES}" or the name of a gene of whole '
            f"numbers; got {resource!r}."
        )
    if estimator.max_resources != "auto":
        wanted = min(wanted, estimator.max_resources)
    if math.isinf(wanted):
        raise ValueError(
            f"max_resources must be a number: {resource!r} has no bound; got 'auto'."
        )
    least = estimator.min_resources
    if not isinstance(least, str) and least >= wanted:
        raise ValueError(
            f"min_resources must be less than {wanted}, the most that individuals "
            f"want of {resource!r}; got {least}."
        )
    size, factor = estimator.population_size, estimator.factor
    return rungs(size, factor, least, wanted, smallest)
