"""Successive halving: the resource with which each individual is evaluated."""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy.stats import kendalltau

from sknevo.evolution._population import Population
from sknevo.records import Candidate, Evaluation

# A rung is not called misleading before so many individuals were on it and the next.
# Chosen, not measured.
FEWEST_PAIRS = 12
# Probability below which the opposite order on the next rung is not put down to chance.
# Promoted individuals are similar, and even a good rung tells them apart badly: in the
# figures of successive halving (doc/figures.md) most rungs have a tau between 0 and
# 0.5, so only a negative one counts. Chosen, not measured.
SIGNIFICANCE = 0.1


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
    of the latest scores there is promoted to the next rung at once. The population is
    told of an individual once it is not promoted any more.

    If rungs are revisited, an individual may be promoted later, as in asynchronous
    successive halving [1]_: the best ``1 / factor`` of all on a rung are promoted
    whenever there are more of them. The population is told of each evaluation at once.
    Individuals of different kinds do not compete on a rung, as species do not in NEAT
    [2]_: those that learn slowly are not judged by their first steps alone. A rung with
    `factor` individuals promotes at least the best of each kind.

    A rung that turns out to be misleading is left out from then on. Everything depends
    on the order of telling alone.

    Parameters
    ----------
    population : Population
        Breeds the individuals.
    resources : sequence of int, default=()
        The resources of the rungs below the last, rising. On the last rung individuals
        have as much as they ask for; it is the only one by default.
    factor : float, default=3
        One of so many individuals is promoted.
    revisits : bool, default=False
        Whether an individual that was not promoted may be promoted later.
    kind_of : callable or None, default=None
        Gets the expressed genes of an individual and returns its kind, hashable. None
        stands for individuals of one kind. Without `revisits`, it is not used.

    Attributes
    ----------
    rungs : list of Rung
        The rungs and their scores.

    References
    ----------
    .. [1] Li, L., Jamieson, K., Rostamizadeh, A., Gonina, E., Ben-tzur, J., Hardt, M.,
       Recht, B., & Talwalkar, A. (2020). A System for Massively Parallel
       Hyperparameter Tuning. MLSys.
    .. [2] Stanley, K. O., & Miikkulainen, R. (2002). Evolving Neural Networks through
       Augmenting Topologies. Evolutionary Computation, 10(2).

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
        self,
        population: Population,
        resources: Sequence[int] = (),
        factor: float = 3,
        revisits: bool = False,
        kind_of: Callable[[dict[str, Any]], Hashable] | None = None,
    ) -> None:
        self.population = population
        self.factor, self.revisits, self.kind_of = factor, revisits, kind_of
        self.rungs = [Rung(resource) for resource in (*resources, None)]
        # Promoted candidates that are not asked for yet.
        self._promoted: list[Candidate] = []
        # The rung and evaluation that each promoted candidate comes from. By the name
        # of the candidate, since an individual may be asked for twice.
        self._promoted_from: dict[str, tuple[Rung, Evaluation]] = {}
        # If rungs are revisited: by number of the rung, the successful evaluations on
        # it; and number and key of what was promoted from there.
        self._on_rung: dict[int, list[Evaluation]] = {}
        self._was_promoted: set[tuple[int, str]] = set()

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
        lowest = self._next_rung(-1).resource
        return promoted + [Candidate(c, lowest) for c in self.population.ask()]

    def tell(self, evaluation: Evaluation) -> None:
        """Promote an evaluated individual, or tell it to the population.

        Parameters
        ----------
        evaluation : Evaluation
            Of a candidate that was asked for.
        """
        number = [rung.resource for rung in self.rungs].index(evaluation.resource)
        rung, is_ok = self.rungs[number], evaluation.status == "ok"
        lower, earlier = self._promoted_from.pop(
            evaluation.candidate.name, (None, None)
        )
        if is_ok:
            rung.scores.append(evaluation.fitness)
            if lower is not None:
                lower.pairs.append((earlier.fitness, evaluation.fitness))
        may_be_promoted = is_ok and rung is not self.rungs[-1]
        if self.revisits:
            self._tell_at_once(evaluation, is_first=lower is None)
            if may_be_promoted:
                self._on_rung.setdefault(number, []).append(evaluation)
            self._promote_best()
        elif may_be_promoted and self._is_promoted(rung, evaluation):
            self._promote(number, evaluation)
        elif evaluation.status == "skipped" and lower is not None:
            # Without time for this rung, the evaluation on the lower one counts.
            self.population.tell([earlier])
        else:
            self.population.tell([evaluation])

    def _tell_at_once(self, evaluation: Evaluation, is_first: bool) -> None:
        """Tell the population of an individual, or that it has more resources now."""
        if is_first:
            self.population.tell([evaluation])
        elif evaluation.status == "ok":
            self.population.update(evaluation)

    def _is_promoted(self, rung: Rung, evaluation: Evaluation) -> bool:
        window = self.population.population_size
        return rung.promotes(evaluation.fitness, self.factor, window)

    def _promote(self, number: int, evaluation: Evaluation) -> None:
        """Have an individual on a rung evaluated on the next one."""
        promoted = Candidate(evaluation.chromosome, self._next_rung(number).resource)
        self._promoted_from[promoted.name] = self.rungs[number], evaluation
        self._promoted.append(promoted)

    def _promote_best(self) -> None:
        """Promote the best of each rung, as far as they were not promoted before."""
        for number, evaluations in self._on_rung.items():
            for evaluation in self._best_of_each_kind(evaluations):
                promotion = number, evaluation.chromosome.key
                if promotion not in self._was_promoted:
                    self._was_promoted.add(promotion)
                    self._promote(number, evaluation)

    def _best_of_each_kind(self, evaluations: list[Evaluation]) -> Iterator[Evaluation]:
        """Yield the best ``1 / factor`` of each kind, and at least one.

        With fewer than `factor` on the rung, none is promoted.
        """
        if len(evaluations) < self.factor:
            return
        kinds: dict[Hashable, list[Evaluation]] = {}
        for evaluation in evaluations:
            kind = self.kind_of and self.kind_of(evaluation.chromosome.expressed)
            kinds.setdefault(kind, []).append(evaluation)
        for alike in kinds.values():
            alike.sort(key=lambda e: e.fitness, reverse=True)
            yield from alike[: max(1, int(len(alike) / self.factor))]

    def _next_rung(self, number: int) -> Rung:
        """Return the next rung that is not misleading; the last one never is."""
        *lower, last = self.rungs
        return next((r for r in lower[number + 1 :] if not r.is_misleading), last)
