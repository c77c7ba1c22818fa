"""What a search begins with: its genome, individuals, rungs and identity."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.data_checks import fingerprint
from sknevo.evaluation import SAMPLES, Data
from sknevo.genes import Gene, Genome, Integer
from sknevo.records import Chromosome, DataSpec
from sknevo.spelling import did_you_mean


class FirstRung(NamedTuple):
    """What `resource="auto"` stands for, and its amount on the first rung."""

    resource: str
    amount: int


class Rungs(NamedTuple):
    """A resource, and its amounts on all rungs but the last; none without halving."""

    resource: str | None = None
    amounts: tuple[int, ...] = ()


def make_genome(genome: Genome | Callable[[DataSpec], Any], spec: DataSpec) -> Genome:
    """Return a genome as it is, or what a callable makes of the spec."""
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
    """Complete the expressed genes of a dict, chromosome or fitted evolved estimator.

    Missing genes are neutral or drawn. Genes out of range or not in the genome are a
    ValueError.
    """
    genes = getattr(individual, "best_chromosome_", individual)
    if isinstance(genes, Chromosome):
        genes = genes.expressed
    complete = genome.complete(genes, rng, "initial_population")
    return Chromosome(complete, origin=origin)


def known_chromosomes(
    known: Sequence[dict[str, Any]], genome: Genome, rng: np.random.Generator
) -> list[Chromosome]:
    """Return the distinct well-known individuals that a genome has room for."""
    chromosomes: dict[str, Chromosome] = {}
    for genes in known:
        # The user's genome may lack a gene, or have another range.
        with suppress(ValueError):
            one = make_chromosome(genes, genome, rng, "known")
            chromosomes.setdefault(one.key, one)
    return [*chromosomes.values()]


def make_rungs(
    resource: str | None,
    genome: Genome,
    spec: DataSpec,
    *,
    population_size: int,
    factor: float,
    min_resources: int | str,
    max_resources: int | str,
) -> Rungs:
    """Return the rungs of successive halving, ascending; none without resource."""
    if resource is None:
        return Rungs()
    if resource == SAMPLES:
        # Two samples of each class: with one, many models cannot be fitted.
        most, smallest = spec.n_samples, 2 * max(1, spec.n_classes)
    else:
        most, smallest = largest_value(genome, resource), 1
    if not most:
        raise ValueError(
            f'resource must be None, "{SAMPLES}" or the name of an integer gene; got '
            f"{resource!r}.{did_you_mean(resource, [SAMPLES, *_integers(genome)])}"
        )
    if max_resources != "auto":
        most = min(most, max_resources)
    # A gene of the user's may have no upper bound.
    if math.isinf(most):
        raise ValueError(
            f"max_resources must be a number, since {resource!r} has no upper bound; "
            "got 'auto'."
        )
    if not isinstance(min_resources, str) and min_resources >= most:
        raise ValueError(
            f"min_resources must be less than {most}, the most that any individual "
            f"can have of {resource!r}; got {min_resources}."
        )
    amounts = rung_amounts(population_size, factor, min_resources, most, smallest)
    return Rungs(resource, amounts)


def largest_value(gene: Gene, name: str) -> int:
    """Return the largest value that an integer gene of this name may have.

    It is sought at any depth, and 0 if there is none.
    """
    named = gene.parts.get(name)
    highest = named.high if isinstance(named, Integer) else 0
    return max([highest, *(largest_value(part, name) for part in gene.parts.values())])


def first_rung(genome: Genome, resource: str, amount: int) -> FirstRung | None:
    """Return a first rung; None if no individual asks for twice as much or more."""
    if 2 * amount > largest_value(genome, resource):
        return None
    return FirstRung(resource, amount)


def _integers(gene: Gene) -> set[str]:
    """Return the names of all genes of whole numbers inside a gene."""
    own = {name for name, part in gene.parts.items() if isinstance(part, Integer)}
    return own.union(*map(_integers, gene.parts.values()))


def rung_amounts(
    n_candidates: int,
    factor: float,
    min_resources: int | str,
    max_resources: int,
    smallest: int = 1,
) -> tuple[int, ...]:
    """Return the amounts of all rungs but the last, which has `max_resources`.

    They ascend as in scikit-learn's halving searches. `smallest` is what "smallest"
    stands for, and the least for "exhaust".

    Examples
    --------
    >>> [rung_amounts(12, 3, least, 27) for least in ("exhaust", "smallest", 10)]
    [(3, 9), (1, 3, 9), (10,)]
    """
    if min_resources == "exhaust":
        # A little more, since log(243, 3) comes out below 5.
        halvings = math.floor(math.log(max(n_candidates, 1), factor) + 1e-9)
        least = max(smallest, round(max_resources / factor**halvings))
    else:
        least = smallest if min_resources == "smallest" else min_resources
    amounts, amount = [], least
    # What is hardly less than all decides nothing and costs as much.
    while amount * math.sqrt(factor) < max_resources:
        amounts.append(amount)
        amount = math.ceil(amount * factor)
    return tuple(amounts)


def search_identity(
    estimator: str,
    seed: int,
    fitness: Mapping[str, float] | str | None,
    parameters: Mapping[str, Any],
    genome: Genome,
    data: Data,
) -> dict[str, Any]:
    """Return, as JSON values, all that evaluations depend on: the journal's head."""
    return {
        "estimator": estimator,
        "seed": seed,
        "fitness": fitness,
        **{name: _described(value) for name, value in parameters.items()},
        "genome_": _described(genome),
        "data": fingerprint(data.X, data.y, data.fit_params, data.score_params),
        "splits": fingerprint(data.splits),
    }


def _described(value: Any) -> Any:
    """Return a JSON value that is the same in every process for the same parameter."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(name := getattr(value, "fingerprint", None), str):
        return f"{type(value).__name__}({name})"
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)  # the order of sets differs between processes
    # scikit-learn cuts long representations short unless it is told not to.
    whole = isinstance(value, BaseEstimator)
    text = value.__repr__(N_CHAR_MAX=10**6) if whole else repr(value)
    # Functions and objects have their address in their representation.
    return re.sub(r" at 0x[0-9a-f]+", "", text)
