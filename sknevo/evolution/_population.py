"""Ask and tell: the population and its generations."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from numpy.random import Generator

from sknevo.evolution._strategy import Strategy, random_immigrant
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

# How often a child is bred again if it is known already: a genome may hold fewer
# individuals than are asked for. Chosen, not measured.
ATTEMPTS = 16


class Population:
    """A population that is asked for individuals and told their evaluations.

    Most strategies work by generations: the next one is bred when the last individual
    of this one is told. A steady strategy (steady-state evolution) always has as many
    individuals in evaluation as the population is large, and breeds another for each
    that is told: no worker waits for the end of a generation. Which individuals are
    bred depends on the order of telling alone.

    Parameters
    ----------
    genome : Genome
        The search space.
    strategy : Strategy
        Breeds and selects survivors.
    population_size : int
        Individuals per generation.
    rng : numpy.random.Generator
        The only source of randomness.
    initial_population : sequence of Chromosome, default=()
        The first individuals; random ones fill up the first generation. If there are
        more than `population_size`, all of them are the first generation.
    in_flight : int or None, default=None
        With a number, the strategy is steady, and an individual is bred as soon as less
        than so many are in evaluation.

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
    ...                         np.random.default_rng(0))
    >>> for _ in range(20):
    ...     population.tell([Evaluation(c, "ok", -abs(c.genes["x"]))
    ...                      for c in population.ask()])
    >>> abs(population.survivors[0].chromosome.genes["x"]) < 0.01
    True
    """

    def __init__(
        self,
        genome: Genome,
        strategy: Strategy,
        population_size: int,
        rng: Generator,
        initial_population: Sequence[Chromosome] = (),
        in_flight: int | None = None,
    ) -> None:
        strategy.check(genome)
        self.genome = genome
        self.strategy = strategy
        self.population_size = population_size
        self.rng = rng
        self.survivors: list[Evaluation] = []
        self._first = list(initial_population)
        self._first_size = max(population_size, len(self._first))
        self._is_steady = strategy.steady or in_flight is not None
        self._in_flight = self._first_size if in_flight is None else in_flight
        self._known: set[str] = set()
        self._n_asked = self._n_told = 0
        # Individuals that are asked for and not told, and the order of asking.
        self._awaited: Counter[str] = Counter()
        self._places: dict[str, int] = {}
        # Evaluations since the last selection, and of every individual its first.
        self._told: list[Evaluation] = []
        self._archive: dict[str, Evaluation] = {}

    @property
    def generation(self) -> int:
        """Number of generations told."""
        return self._generation_of(self._n_told)

    @property
    def generation_size(self) -> int:
        """Number of individuals of the present generation."""
        return self.population_size if self.generation else self._first_size

    def ask(self) -> list[Chromosome]:
        """Return the individuals that can be evaluated now, new ones if possible.

        Returns
        -------
        list of Chromosome
            Empty as long as others have to be told first.
        """
        unfinished = self._n_asked - self._n_told
        if self._is_steady:
            size = self._in_flight - unfinished
        else:
            size = 0 if unfinished else self.generation_size
        # The first individuals are asked for as they are, known or not.
        offspring, self._first = self._first, []
        self._known |= {chromosome.key for chromosome in offspring}
        # Learning may take long: once for all children that are bred now.
        strategy = self.strategy
        if size and self.survivors:
            strategy = strategy.learn(list(self._archive.values()))
        while len(offspring) < size:
            child = self._breed(strategy)
            self._known.add(child.key)
            offspring.append(child)
        return [self._note_asked(chromosome) for chromosome in offspring]

    def _breed(self, strategy: Strategy) -> Chromosome:
        """Return a child, one that is not known if a few attempts suffice for that."""
        for _ in range(ATTEMPTS):
            # Nothing survives before the first generation has ended.
            if self.survivors:
                child = strategy.breed(self.genome, self.survivors, self.rng)
            else:
                child = random_immigrant(self.genome, self.rng)
            if child.key not in self._known:
                break
        return child

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Let the evaluated individuals compete with the survivors.

        Parameters
        ----------
        evaluations : sequence of Evaluation
            Of all or some of the individuals that were asked for; the status is
            "skipped" if there was no time for an evaluation.

        Raises
        ------
        ValueError
            If one is of an individual that was not requested, or was told before.
        """
        awaited = self._awaited.copy()
        awaited.subtract(e.chromosome.key for e in evaluations)
        if unexpected := [key for key, count in awaited.items() if count < 0]:
            raise ValueError(f"{unexpected[0]} was not requested.")
        self._awaited = +awaited  # drops what has been told
        for evaluation in evaluations:
            self._n_told += 1
            self._told.append(evaluation)
            if self._is_steady or self._n_told == self._n_asked:
                self._select()

    def update(self, evaluation: Evaluation) -> None:
        """Let an individual that was told compete by another evaluation from now on.

        Parameters
        ----------
        evaluation : Evaluation
            A successful one, with more resources.
        """
        key = evaluation.chromosome.key
        others = [e for e in self.survivors if e.chromosome.key != key]
        self._archive[key] = evaluation
        self.survivors = self.strategy.survive(
            others, [evaluation], self.population_size
        )

    def _select(self) -> None:
        """Let the individuals that were told compete with the survivors."""
        told = [e for e in self._told if e.status != "skipped"]
        # In the order asked, in whatever order they were told.
        told.sort(key=lambda e: self._places[e.chromosome.key])
        self._told = []
        for evaluation in told:
            self._archive.setdefault(evaluation.chromosome.key, evaluation)
        size = self.population_size
        self.survivors = self.strategy.survive(self.survivors, told, size)

    def _generation_of(self, number: int) -> int:
        """Return the generation of the individual with this number."""
        later = number - self._first_size
        return 0 if later < 0 else 1 + later // self.population_size

    def _note_asked(self, chromosome: Chromosome) -> Chromosome:
        """Note that an individual is asked for; return it with its generation."""
        self._awaited[chromosome.key] += 1
        self._places.setdefault(chromosome.key, self._n_asked)
        self._n_asked += 1
        return replace(chromosome, generation=self._generation_of(self._n_asked - 1))
