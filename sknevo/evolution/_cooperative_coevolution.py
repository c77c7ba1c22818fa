"""Two or more populations that evolve together, each a part of the genome."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._selection import best
from sknevo.evolution._strategy import Strategy
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation, flatten

__all__ = ["CooperativeCoevolution"]

REST = "the rest"


class CooperativeCoevolution(Strategy):
    """Evolve parts of the genome in populations of their own, judged together.

    Cooperative coevolution [1]_: a species for each part, such as one for the
    augmentation of images and one for all that makes the network. A child is bred
    within one species by that species' own genetic algorithm, and is tried together
    with representatives of the others: their fittest, or now and then another of them.
    A part is worth what the best individual was worth that it had a part in [2]_. The
    more genes a species has, the more often it breeds; of the population each keeps an
    equal share.

    The origin of a child says its species, as "mutation in augmentation". Individuals
    of another origin, such as those of the first generation, belong to every species.

    Parameters
    ----------
    parts : sequence of str or of sequences of str, or None, default=None
        The genes of each species, by their names on the top level of the genome, such
        as ``["augmentation"]`` or ``[["blocks", "dense"], "augmentation"]``; what is
        not named is a species more. None stands for the genome's last gene (a
        network's augmentation, a pipeline's model) against all others.
    strategy : Strategy or None, default=None
        Breeds within a species and selects; None stands for `GeneticAlgorithm()`.
    random_partner_probability : float, default=0.3
        Chance of a representative to be a random one of its species rather than the
        fittest.

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

    def __init__(
        self,
        parts: Sequence[str | Sequence[str]] | None = None,
        strategy: Strategy | None = None,
        random_partner_probability: float = 0.3,
    ) -> None:
        self.parts = parts
        self.strategy = strategy
        self.random_partner_probability = random_partner_probability

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
        self,
        genome: Genome,
        population: Sequence[Evaluation],
        rng: np.random.Generator,
    ) -> Chromosome:
        species = self._species(genome.genes)
        label = _drawn(species, population[0].chromosome, rng)
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

    def _partner(self, species: "_Species", rng: np.random.Generator) -> Chromosome:
        if rng.random() < self.random_partner_probability:
            chosen = species.parts[rng.integers(len(species.parts))]
        else:
            (chosen,) = best(species.parts, 1)
        return species.wholes[chosen.chromosome.key].chromosome

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        """Return the survivors of every species, each part once.

        Parameters
        ----------
        parents : sequence of Evaluation
            The survivors of the generation before.
        offspring : sequence of Evaluation
            The generation that was just evaluated, the failed included.
        size : int
            The size of the population: an equal share of it for each species.

        Returns
        -------
        list of Evaluation
            At most `size` individuals, the fittest first.
        """
        everyone = [*parents, *offspring]
        if not everyone:
            return []
        species = self._species(everyone[0].chromosome.genes)
        share = max(1, size // len(species))
        survivors = []
        for label, names in species.items():
            members = _Species(label, names, everyone)
            chosen = self._inner.survive([], members.parts, share)
            survivors += [members.wholes[e.chromosome.key] for e in chosen]
        return best(survivors, size)

    def _species(self, genes: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the genes of each species by its name."""
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
    """The members of a species, as parts of themselves.

    Parameters
    ----------
    label : str
        Its name.
    names : sequence of str
        Its genes.
    population : sequence of Evaluation
        Its members and others; if none is a member, all count as such.

    Attributes
    ----------
    parts : list of Evaluation
        The members, cut down to the genes of the species: each part once, as the best
        fared that has it.
    wholes : dict of str to Evaluation
        The best member that has a part, by the key of the part.
    """

    def __init__(
        self, label: str, names: Sequence[str], population: Sequence[Evaluation]
    ) -> None:
        members = [e for e in population if _label(e.chromosome) in (label, "")]
        self.wholes: dict[str, Evaluation] = {}
        cut: dict[str, Evaluation] = {}
        for evaluation in members or population:
            genes = {name: evaluation.chromosome.genes[name] for name in names}
            part = replace(evaluation.chromosome, genes=genes)
            known = self.wholes.get(part.key)
            if known is None or evaluation.rank_key > known.rank_key:
                self.wholes[part.key] = evaluation
                cut[part.key] = replace(evaluation, chromosome=part)
        self.parts = list(cut.values())


def _drawn(
    species: dict[str, tuple[str, ...]],
    chromosome: Chromosome,
    rng: np.random.Generator,
) -> str:
    """Return who breeds: a species has the more to try the more genes it expresses."""
    genes = chromosome.genes
    sizes = [len(flatten({n: genes[n] for n in names})) for names in species.values()]
    return list(species)[rng.choice(len(sizes), p=np.divide(sizes, sum(sizes)))]


def _label(chromosome: Chromosome) -> str:
    """Return the species in which the chromosome was bred, "" for any."""
    return chromosome.origin.partition(" in ")[2]
