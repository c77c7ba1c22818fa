"""Ask and tell: the population and its lineage, generation by generation or steady."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sknevo.evolution._strategy import Strategy
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

__all__ = ["Population"]

# A genome may hold fewer individuals than are asked for: do not look for ever.
ATTEMPTS = 16


class Population:
    """A population that is asked for individuals and told how they fared.

    Most strategies go by generations: the next one is bred when the last individual of
    this one is told. A steady one always has as many individuals out as the population
    is large, and breeds another for each that is told: nobody waits for the last of a
    generation, and who is bred depends on the order of telling alone.

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

    Raises
    ------
    ValueError
        If the strategy cannot breed with the genome.

    Attributes
    ----------
    survivors : list of Evaluation
        The survivors, the fittest first.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import GeneticAlgorithm, Evaluation, Genome, Real
    >>> population = Population(Genome(x=Real(-1, 1)), GeneticAlgorithm(), 10,
    ...                       np.random.default_rng(0))
    >>> for _ in range(20):
    ...     population.tell([Evaluation(c, "ok", -abs(c.genes["x"]))
    ...                     for c in population.ask()])
    >>> abs(population.survivors[0].chromosome.genes["x"]) < 0.01
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
        strategy.check(genome)
        self.genome = genome
        self.strategy = strategy
        self.population_size = population_size
        self.rng = rng
        self.survivors: list[Evaluation] = []
        self._first = list(initial_population)
        self._known: set[str] = set()
        self._n_asked = self._n_told = 0
        # Of those that are not told yet; of a generation, who came before whom.
        self._awaited: Counter[str] = Counter()
        self._places: dict[str, int] = {}
        self._told: list[Evaluation] = []

    @property
    def generation(self) -> int:
        """Number of generations told."""
        return self._generation_of(self._n_told)

    @property
    def generation_size(self) -> int:
        """Number of individuals of the generation that goes on."""
        return self.population_size if self.generation else self._first_size

    def ask(self) -> list[Chromosome]:
        """Return who can be asked for now, as far as possible unknown individuals.

        Returns
        -------
        list of Chromosome
            Empty as long as others have to be told first.
        """
        if self._n_asked == 0:
            brood, breed = self._first, self._random_immigrant
            room = self._first_size
        else:
            brood, breed = [], self._child
            room = self._room()
        self._known |= {chromosome.key for chromosome in brood}
        brood = brood + [self._unknown(breed) for _ in range(room - len(brood))]
        return [self._asked_for(chromosome) for chromosome in brood]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Let the evaluated compete with those before them.

        Parameters
        ----------
        evaluations : sequence of Evaluation
            All or some of those that were asked for; of whom there was no time for,
            the status is "skipped".

        Raises
        ------
        ValueError
            If one is of an individual that was not asked for, or was told before.
        """
        awaited = self._awaited.copy()
        awaited.subtract(e.chromosome.key for e in evaluations)
        if strangers := [key for key, count in awaited.items() if count < 0]:
            raise ValueError(f"{strangers[0]} was not asked for.")
        self._awaited = +awaited  # who is told is forgotten
        for evaluation in evaluations:
            self._n_told += 1
            self._told.append(evaluation)
            if self.strategy.steady or self._n_told == self._n_asked:
                self._select()

    def _select(self) -> None:
        tried = [e for e in self._told if e.status != "skipped"]
        tried.sort(key=lambda e: self._places[e.chromosome.key])
        self.survivors = self.strategy.survive(
            self.survivors, tried, self.population_size
        )
        self._told = []

    @property
    def _first_size(self) -> int:
        return max(self.population_size, len(self._first))

    def _room(self) -> int:
        """Return for how many more there is room now."""
        out = self._n_asked - self._n_told
        if self.strategy.steady:
            return self._first_size - out
        return 0 if out else self.population_size

    def _generation_of(self, number: int) -> int:
        """Return in which generation the individual of this number is."""
        later = number - self._first_size
        return 0 if later < 0 else 1 + later // self.population_size

    def _asked_for(self, chromosome: Chromosome) -> Chromosome:
        self._awaited[chromosome.key] += 1
        self._places.setdefault(chromosome.key, self._n_asked)
        self._n_asked += 1
        return replace(chromosome, generation=self._generation_of(self._n_asked - 1))

    def _random_immigrant(self) -> Chromosome:
        return Chromosome(self.genome.sample(self.rng), origin="random")

    def _child(self) -> Chromosome:
        # Without survivors there is nobody to breed.
        if not self.survivors:
            return self._random_immigrant()
        return self.strategy.breed(self.genome, self.survivors, self.rng)

    def _unknown(self, breed: Callable[[], Chromosome]) -> Chromosome:
        for _ in range(ATTEMPTS):
            chromosome = breed()
            if chromosome.key not in self._known:
                break
        self._known.add(chromosome.key)
        return chromosome
