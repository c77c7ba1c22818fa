"""Racing: many begin with little, those that do well with it are given more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy.stats import kendalltau

from sknevo.evolution._population import Population
from sknevo.records import Candidate, Evaluation

__all__ = ["Rung", "SuccessiveHalving"]

# So many individuals have been on a rung and the next before it can be said to mislead.
FEWEST_PAIRS = 12
# How unlikely their order must be by luck alone. Those that went on are much alike, so
# that even a good rung tells them apart badly: only the opposite order counts.
SIGNIFICANCE = 0.1


@dataclass
class Rung:
    """A resource that individuals are given, and what is known of it.

    Parameters
    ----------
    resource : int or None
        Epochs, samples or the like; None stands for all that an individual wants.
    scores : list of float
        The fitness of all that were tried with it, in the order told.
    pairs : list of (float, float)
        Of those that went on: the fitness on this rung and on the next.
    """

    resource: int | None
    scores: list[float] = field(default_factory=list)
    pairs: list[tuple[float, float]] = field(default_factory=list)

    @property
    def correlation(self) -> float:
        """Kendall's tau between this rung and the next, of those that went on.

        NaN if less than two did. They are the best of their time, so that it is lower
        than that of all individuals would be.
        """
        return float(self._agreement().statistic)

    @property
    def is_misleading(self) -> bool:
        """Whether this rung ranks those that went on the wrong way, or not at all."""
        enough = len(self.pairs) >= FEWEST_PAIRS
        return enough and not self._agreement().pvalue > SIGNIFICANCE

    def _agreement(self) -> Any:
        """Return Kendall's tau, and how likely it is by luck to be as low."""
        pairs = self.pairs if len(set(self.pairs)) > 1 else [(math.nan, math.nan)] * 2
        return kendalltau(*zip(*pairs, strict=True), alternative="less")

    def promotes(self, fitness: float, factor: float, window: int) -> bool:
        """Return whether it is one of the best of late: of `factor`, one."""
        recent = self.scores[-window:]
        return sum(other > fitness for other in recent) < len(recent) / factor


class SuccessiveHalving:
    """Asks an evolution for individuals, and says what each is given.

    Everybody begins on the lowest rung. Who is among the best ``1 / factor`` of those
    that were told of it last goes on to the next at once, the others stay where they
    are: successive halving without waiting [1]_. A rung that turns out to mislead is
    left out from then on. All depends on the order of telling alone.

    Parameters
    ----------
    population : Population
        Who takes part.
    resources : sequence of int, default=()
        What is given on the rungs below the last, rising. On the last individuals have
        all that they want; without others there is no race.
    factor : float, default=3
        One of so many goes on.

    Attributes
    ----------
    rungs : list of Rung
        What is known of each.

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
    ...                              resource=candidate.resource))
    >>> [len(rung.scores) for rung in halving.rungs]
    [18, 7, 5]
    """

    def __init__(
        self, population: Population, resources: Sequence[int] = (), factor: float = 3
    ) -> None:
        self.population = population
        self.factor = factor
        self.rungs = [Rung(resource) for resource in (*resources, None)]
        self._on_way: list[Candidate] = []
        # From which rung those on their way come, and how they had fared there; by the
        # name of the candidate, since an individual may be asked for twice.
        self._before: dict[str, tuple[Rung, Evaluation]] = {}

    @property
    def generation_size(self) -> int | None:
        """Number of trials of this generation, None if that depends on how they go."""
        return self.population.generation_size if len(self.rungs) == 1 else None

    def ask(self) -> list[Candidate]:
        """Return who can be tried now, and with what; those that go on come first.

        Returns
        -------
        list of Candidate
            Empty as long as others have to be told first.
        """
        on_way, self._on_way = self._on_way, []
        lowest = self._above(-1)
        return on_way + [
            Candidate(chromosome, self.rungs[lowest].resource)
            for chromosome in self.population.ask()
        ]

    def tell(self, evaluation: Evaluation) -> None:
        """Say how an individual fared with what it was given.

        Parameters
        ----------
        evaluation : Evaluation
            Of a candidate that was asked for, in the order asked.
        """
        place = [rung.resource for rung in self.rungs].index(evaluation.resource)
        rung = self.rungs[place]
        below, before = self._before.pop(evaluation.candidate.name, (None, evaluation))
        if evaluation.status == "ok":
            rung.scores.append(evaluation.fitness)
            if below is not None:
                below.pairs.append((before.fitness, evaluation.fitness))
        if self._goes_on(evaluation, place):
            above = self.rungs[self._above(place)].resource
            candidate = Candidate(evaluation.chromosome, above)
            self._before[candidate.name] = rung, evaluation
            self._on_way.append(candidate)
        else:
            # What is known of those that there was no time for is from below.
            told = before if evaluation.status == "skipped" else evaluation
            self.population.tell([told])

    def _goes_on(self, evaluation: Evaluation, place: int) -> bool:
        if evaluation.status != "ok" or place == len(self.rungs) - 1:
            return False
        window = self.population.population_size
        return self.rungs[place].promotes(evaluation.fitness, self.factor, window)

    def _above(self, place: int) -> int:
        """Return the next rung that does not mislead; the last never does."""
        last = len(self.rungs) - 1
        rest = range(place + 1, last)
        return next((i for i in rest if not self.rungs[i].is_misleading), last)
