"""Ask and tell: which individuals are evaluated, and with which resource."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.random import Generator
from scipy.stats import kendalltau

from sknevo.evolution._strategy import Strategy, random_immigrant
from sknevo.genes import Genome
from sknevo.records import Candidate, Chromosome, Evaluation

# How often a child is bred again if it is known already: a genome may hold fewer
# individuals than are asked for. Chosen, not measured.
ATTEMPTS = 16
# A rung is not called misleading before so many individuals were on it and the next.
# Chosen, not measured.
FEWEST_PAIRS = 12
# Probability below which the opposite order on the next rung is not put down to chance.
# Promoted individuals are similar, and even a good rung tells them apart badly: of
# racing's figures (doc/figures.md) most rungs have a tau between 0 and 0.5, so that
# only a negative one counts. Chosen, not measured.
SIGNIFICANCE = 0.1


class Population:
    """A population that is asked for individuals and told their evaluations.

    Most strategies work by generations: the next one is bred when the last individual
    of this one is told. A steady strategy always has as many individuals in evaluation
    as the population is large, and breeds another for each that is told: no worker
    waits for the end of a generation. Which individuals are bred depends on the order
    of telling alone.

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
    ) -> None:
        strategy.check(genome)
        self.genome = genome
        self.strategy = strategy
        self.population_size = population_size
        self.rng = rng
        self.survivors: list[Evaluation] = []
        self._first = list(initial_population)
        self._first_size = max(population_size, len(self._first))
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
        if self.strategy.steady:
            size = self._first_size - unfinished
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
            for _ in range(ATTEMPTS):
                # Nothing survives before the first generation has ended.
                if self.survivors:
                    child = strategy.breed(self.genome, self.survivors, self.rng)
                else:
                    child = random_immigrant(self.genome, self.rng)
                if child.key not in self._known:
                    break
            self._known.add(child.key)
            offspring.append(child)
        return [self._asked_for(chromosome) for chromosome in offspring]

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
            if self.strategy.steady or self._n_told == self._n_asked:
                self._select()

    def _select(self) -> None:
        told = [e for e in self._told if e.status != "skipped"]
        # In the order asked, in whatever order they were told.
        told.sort(key=lambda e: self._places[e.chromosome.key])
        self._told = []
        for evaluation in told:
            self._archive.setdefault(evaluation.chromosome.key, evaluation)
        self.survivors = self.strategy.survive(
            self.survivors, told, self.population_size
        )

    def _generation_of(self, number: int) -> int:
        """Return the generation of the individual with this number."""
        later = number - self._first_size
        return 0 if later < 0 else 1 + later // self.population_size

    def _asked_for(self, chromosome: Chromosome) -> Chromosome:
        self._awaited[chromosome.key] += 1
        self._places.setdefault(chromosome.key, self._n_asked)
        self._n_asked += 1
        return replace(chromosome, generation=self._generation_of(self._n_asked - 1))


@dataclass
class Rung:
    """One rung of successive halving: a resource and the scores reached with it.

    Searches with a `resource` have a list of them as `rungs_`.

    Parameters
    ----------
    resource : int or None
        Epochs, samples or the like that an individual gets; None stands for as much as
        it asks for.
    scores : list of float
        The fitness of all individuals evaluated with it, in the order told.
    pairs : list of (float, float)
        For each promoted individual its fitness on this rung and on the next.

    Examples
    --------
    >>> rung = Rung(3, pairs=[(0.5, 0.6), (0.7, 0.9), (0.6, 0.8)])
    >>> rung.correlation, rung.is_misleading
    (1.0, False)
    """

    resource: int | None
    scores: list[float] = field(default_factory=list)
    pairs: list[tuple[float, float]] = field(default_factory=list)

    @property
    def correlation(self) -> float:
        """Kendall's tau between this rung and the next, of the promoted individuals.

        NaN for less than two. Promoted individuals are the best of their time: tau is
        lower than that of all individuals would be.
        """
        return float(self._agreement().statistic)

    @property
    def is_misleading(self) -> bool:
        """Whether the rung ranks promoted individuals against the order of the next."""
        enough = len(self.pairs) >= FEWEST_PAIRS
        return enough and not self._agreement().pvalue > SIGNIFICANCE

    def _agreement(self) -> Any:
        """Return Kendall's tau, and the probability of one as low by chance."""
        pairs = self.pairs if len(set(self.pairs)) > 1 else [(math.nan, math.nan)] * 2
        return kendalltau(*zip(*pairs, strict=True), alternative="less")

    def promotes(self, fitness: float, factor: float, window: int) -> bool:
        """Return whether a fitness is in the best ``1 / factor`` of the latest scores.

        Parameters
        ----------
        fitness : float
            One of `scores`.
        factor : float
            One of so many is promoted.
        window : int
            Number of latest scores to compare with.

        Returns
        -------
        bool
        """
        recent = self.scores[-window:]
        return sum(other > fitness for other in recent) < len(recent) / factor


class SuccessiveHalving:
    """Asks a population for individuals and decides the resource of each.

    All individuals begin on the lowest rung. One that is among the best ``1 / factor``
    of the latest scores there is promoted to the next rung at once; the others are
    told to the population: asynchronous successive halving [1]_. A rung that turns out
    to be misleading is left out from then on. Everything depends on the order of
    telling alone.

    Parameters
    ----------
    population : Population
        Breeds the individuals.
    resources : sequence of int, default=()
        The resources of the rungs below the last, rising. On the last rung individuals
        have as much as they ask for; it is the only one by default.
    factor : float, default=3
        One of so many individuals is promoted.

    Attributes
    ----------
    rungs : list of Rung
        The rungs and their scores.

    References
    ----------
    .. [1] Li, L., Jamieson, K., Rostamizadeh, A., Gonina, E., Ben-tzur, J., Hardt, M.,
       Recht, B., & Talwalkar, A. (2020). A System for Massively Parallel
       Hyperparameter Tuning. MLSys.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import GeneticAlgorithm, Evaluation, Genome, Real
    >>> genome = Genome(x=Real(-1, 1))
    >>> population = Population(genome, GeneticAlgorithm(), 9,
    ...                         np.random.default_rng(0))
    >>> halving = SuccessiveHalving(population, [1, 3])
    >>> while halving.population.generation < 2:
    ...     for candidate in halving.ask():
    ...         x = candidate.chromosome.genes["x"]
    ...         halving.tell(Evaluation(candidate.chromosome, "ok", -abs(x),
    ...                                 resource=candidate.resource))
    >>> [len(rung.scores) for rung in halving.rungs]
    [18, 7, 5]
    """

    def __init__(
        self, population: Population, resources: Sequence[int] = (), factor: float = 3
    ) -> None:
        self.population = population
        self.factor = factor
        self.rungs = [Rung(resource) for resource in (*resources, None)]
        self._promoted: list[Candidate] = []
        # The rung and evaluation that each promoted candidate comes from. By the name
        # of the candidate, since an individual may be asked for twice.
        self._below: dict[str, tuple[Rung, Evaluation]] = {}

    @property
    def generation_size(self) -> int | None:
        """Number of evaluations of this generation, None if promotions decide it."""
        return self.population.generation_size if len(self.rungs) == 1 else None

    def ask(self) -> list[Candidate]:
        """Return the candidates that can be evaluated now, promoted ones first.

        Returns
        -------
        list of Candidate
            Empty as long as others have to be told first.
        """
        promoted, self._promoted = self._promoted, []
        resource = self._above(-1).resource
        return promoted + [Candidate(c, resource) for c in self.population.ask()]

    def tell(self, evaluation: Evaluation) -> None:
        """Promote an evaluated individual, or tell it to the population.

        Parameters
        ----------
        evaluation : Evaluation
            Of a candidate that was asked for, in the order asked.
        """
        place = [rung.resource for rung in self.rungs].index(evaluation.resource)
        rung = self.rungs[place]
        below, before = self._below.pop(evaluation.candidate.name, (None, evaluation))
        if evaluation.status == "ok":
            rung.scores.append(evaluation.fitness)
            if below is not None:
                below.pairs.append((before.fitness, evaluation.fitness))
            window = self.population.population_size
            is_last = rung is self.rungs[-1]
            if not is_last and rung.promotes(evaluation.fitness, self.factor, window):
                promoted = Candidate(evaluation.chromosome, self._above(place).resource)
                self._below[promoted.name] = rung, evaluation
                self._promoted.append(promoted)
                return
        # Without time for the rung above, the evaluation from below counts.
        told = before if evaluation.status == "skipped" else evaluation
        self.population.tell([told])

    def _above(self, place: int) -> Rung:
        """Return the next rung that is not misleading; the last one never is."""
        *lower, last = self.rungs
        return next((r for r in lower[place + 1 :] if not r.is_misleading), last)
