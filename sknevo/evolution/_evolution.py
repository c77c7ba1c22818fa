"""Ask and tell: the population and its lineage, generation by generation."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sknevo.evolution._strategy import Strategy
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

__all__ = ["Evolution"]

# A genome may hold fewer individuals than are asked for: do not look for ever.
ATTEMPTS = 16


class Evolution:
    """A population that is asked for individuals and told how they fared.

    Parameters
    ----------
    genome : Genome
        What may vary.
    strategy : Strategy
        Who breeds and who survives.
    population_size : int
        Individuals per generation.
    rng : numpy.random.Generator
        The only source of randomness.
    initial_population : sequence of Chromosome, default=()
        Who comes first; random individuals fill up the first generation. If there are
        more than `population_size`, all of them are the first generation.

    Attributes
    ----------
    generation : int
        Number of generations told.
    population : list of Evaluation
        The survivors, the fittest first.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import Crossover, Evaluation, Genome, Real
    >>> evolution = Evolution(Genome(x=Real(-1, 1)), Crossover(), 10,
    ...                       np.random.default_rng(0))
    >>> for _ in range(20):
    ...     evolution.tell([Evaluation(c, "ok", -abs(c.genes["x"]))
    ...                     for c in evolution.ask()])
    >>> abs(evolution.population[0].chromosome.genes["x"]) < 0.01
    True
    """

    def __init__(
        self,
        genome: Genome,
        strategy: Strategy,
        population_size: int,
        rng: np.random.Generator,
        initial_population: Sequence[Chromosome] = (),
    ) -> None:
        self.genome = genome
        self.strategy = strategy
        self.population_size = population_size
        self.rng = rng
        self.generation = 0
        self.population: list[Evaluation] = []
        self._first = list(initial_population)
        self._asked: list[Chromosome] | None = None
        self._known: set[str] = set()

    def ask(self) -> list[Chromosome]:
        """Return the next generation, as far as possible of unknown individuals.

        Returns
        -------
        list of Chromosome

        Raises
        ------
        RuntimeError
            If the last generation has not been told yet.
        """
        if self._asked is not None:
            raise RuntimeError("ask was called again before tell.")
        if self.generation == 0:
            brood, breed = self._first, self._newcomer
        else:
            brood, breed = [], self._child
        self._known |= {chromosome.key for chromosome in brood}
        missing = max(0, self.population_size - len(brood))
        brood = brood + [self._unknown(breed) for _ in range(missing)]
        self._asked = [replace(c, generation=self.generation) for c in brood]
        return list(self._asked)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Let the evaluated compete with their parents.

        Parameters
        ----------
        evaluations : sequence of Evaluation
            In the order asked; the last may be missing if time ran out.

        Raises
        ------
        RuntimeError
            If nothing was asked.
        ValueError
            If an evaluation is of an individual that was not asked for.
        """
        if self._asked is None:
            raise RuntimeError("tell was called before ask.")
        asked = {chromosome.key for chromosome in self._asked}
        if strangers := [e for e in evaluations if e.chromosome.key not in asked]:
            raise ValueError(f"{strangers[0].chromosome.key} was not asked for.")
        self.population = self.strategy.survive(
            self.population, evaluations, self.population_size
        )
        self.generation += 1
        self._asked = None

    def _newcomer(self) -> Chromosome:
        return Chromosome(self.genome.sample(self.rng), origin="random")

    def _child(self) -> Chromosome:
        # Without survivors there is nobody to breed.
        if not self.population:
            return self._newcomer()
        return self.strategy.breed(self.genome, self.population, self.rng)

    def _unknown(self, breed: Callable[[], Chromosome]) -> Chromosome:
        for _ in range(ATTEMPTS):
            chromosome = breed()
            if chromosome.key not in self._known:
                break
        self._known.add(chromosome.key)
        return chromosome
