"""Cooperative coevolution: populations that each evolve a part of the genome."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
from numpy.random import Generator
from sklearn.utils._param_validation import Interval

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._strategy import Strategy, fittest
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation, flatten

REST = "the rest"


@dataclass(eq=False, repr=False)
class CooperativeCoevolution(Strategy, name="coevolution"):
    """Evolve parts of the genome in populations of their own, evaluated together.

    Cooperative coevolution [1]_: each part is a species, such as one for the
    augmentation of images and one for everything that makes the network. A child is
    bred within one species by that species' own genetic algorithm. It is evaluated
    together with representatives of the others: their fittest, or now and then a random
    one. The fitness of a part is that of the best individual that contains it [2]_. The
    more genes a species has, the more often it breeds; each species keeps an equal
    share of the population.

    The origin of a child names its species, as "mutation in augmentation". Individuals
    of another origin, such as those of the first generation, belong to every species.

    Parameters
    ----------
    parts : sequence of str or of sequences of str, or None, default=None
        The genes of each species, by their names on the top level of the genome, such
        as ``["augmentation"]`` or ``[["blocks", "dense"], "augmentation"]``. Genes that
        are not named make one more species. None stands for the genome's last gene (a
        network's augmentation, a pipeline's model) against all others.
    strategy : Strategy or None, default=None
        Breeds within a species and selects its survivors; None stands for
        `GeneticAlgorithm()`.
    random_partner_probability : float, default=0.3
        Probability that a representative is a random one of its species rather than
        the fittest.

    References
    ----------
    .. [1] Potter, M. A., & De Jong, K. A. (2000). Cooperative Coevolution: An
       Architecture for Evolving Coadapted Subcomponents. Evolutionary Computation 8(1).
    .. [2] Wiegand, R. P., Liles, W. C., & De Jong, K. A. (2001). An Empirical Analysis
       of Collaboration Methods in Cooperative Coevolutionary Algorithms. GECCO 2001.

    Examples
    --------
    >>> CooperativeCoevolution(parts=["augmentation"])
    CooperativeCoevolution(parts=['augmentation'])
    """

    _parameter_constraints = {
        "parts": ["array-like", None],
        "strategy": [Strategy, None],
        "random_partner_probability": [Interval(Real, 0, 1, closed="both")],
    }

    parts: Sequence[str | Sequence[str]] | None = None
    strategy: Strategy | None = None
    random_partner_probability: float = 0.3  # chosen, not measured

    @property
    def _inner(self) -> Strategy:
        return GeneticAlgorithm() if self.strategy is None else self.strategy

    def check(self, genome: Genome) -> None:
        if self._inner.steady:
            raise ValueError(
                "strategy must go by generations, since species do; got the steady "
                f"{self._inner!r}."
            )
        self._inner.check(genome)
        self._species(genome.genes)

    def breed(
        self, genome: Genome, population: Sequence[Evaluation], rng: Generator
    ) -> Chromosome:
        species = self._species(genome.genes)
        # A species breeds the more often, the more genes it expresses.
        example = population[0].chromosome.genes
        sizes = [
            len(flatten({n: example[n] for n in part})) for part in species.values()
        ]
        label = list(species)[rng.choice(len(sizes), p=np.divide(sizes, sum(sizes)))]

        own = _Species(label, species[label], population)
        part = Genome(**{name: genome.genes[name] for name in species[label]})
        child = self._inner.breed(part, own.parts, rng)
        parents = [own.wholes[key].chromosome.key for key in child.parents]
        genes = dict(child.genes)
        for other, names in species.items():
            if other != label:
                partner = self._partner(_Species(other, names, population), rng)
                genes |= {name: partner.genes[name] for name in names}
                parents.append(partner.key)
        # In the order of the genome, and within its constraints.
        genes = genome.repair({name: genes[name] for name in genome.genes})
        origin = f"{child.origin} in {label}"
        return Chromosome(genes, origin=origin, parents=tuple(dict.fromkeys(parents)))

    def _partner(self, species: "_Species", rng: Generator) -> Chromosome:
        if rng.random() < self.random_partner_probability:
            chosen = species.parts[rng.integers(len(species.parts))]
        else:
            (chosen,) = fittest(species.parts, 1)
        return species.wholes[chosen.chromosome.key].chromosome

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        # Of no individuals, the genes are not known.
        individuals = [*parents, *offspring]
        if not individuals:
            return []
        species = self._species(individuals[0].chromosome.genes)
        share = max(1, size // len(species))
        survivors = []
        for label, names in species.items():
            members = _Species(label, names, individuals)
            chosen = self._inner.survive([], members.parts, share)
            survivors += [members.wholes[e.chromosome.key] for e in chosen]
        return fittest(survivors, size)

    def _species(self, genes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the genes of each species by its label."""
        genes = list(genes)
        parts = [genes[-1]] if self.parts is None else self.parts
        named = [
            tuple(part) if np.iterable(part) and not isinstance(part, str) else (part,)
            for part in parts
        ]
        names = [name for part in named for name in part]
        wrong = [n for n in names if n not in genes or names.count(n) > 1]
        if wrong or not all(named) or not named:
            raise ValueError(
                f"parts must name genes among {genes}, each once; got {self.parts!r}."
            )
        rest = tuple(gene for gene in genes if gene not in names)
        species = {" and ".join(part): part for part in named}
        return {**species, REST: rest} if rest else species


class _Species:
    """The members of a species, cut down to its genes; `wholes` are the members."""

    def __init__(
        self, label: str, names: Sequence[str], population: Sequence[Evaluation]
    ) -> None:
        # The origin of a child ends with its species; any other belongs to every one.
        members = [
            e
            for e in population
            if e.chromosome.origin.partition(" in ")[2] in (label, "")
        ]
        # By the key of each part, the best individual that contains it.
        self.wholes: dict[str, Evaluation] = {}
        parts: dict[str, Evaluation] = {}
        # A species without members begins again with those of all others.
        for evaluation in members or population:
            genes = {name: evaluation.chromosome.genes[name] for name in names}
            part = replace(evaluation.chromosome, genes=genes)
            known = self.wholes.get(part.key)
            if known is None or evaluation.rank_key > known.rank_key:
                self.wholes[part.key] = evaluation
                parts[part.key] = replace(evaluation, chromosome=part)
        self.parts = list(parts.values())
