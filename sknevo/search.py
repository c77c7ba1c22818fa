"""The one loop: ask, evaluate, tell, until a rule says stop; then the finals."""

import heapq
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from sknevo.evaluation import Evaluator
from sknevo.evolution import Evolution
from sknevo.records import Chromosome, Evaluation

__all__ = ["Generation", "Limits", "Listener", "Outcome", "search"]

# Most of the time that the finals may take: the rest is for the search.
FINALS_SHARE = 0.2
# Origins of individuals of whom something is known before they are tried.
KNOWN = ("seed", "user")


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Parameters
    ----------
    generations : int or None, default=None
        Number of generations.
    target_score : float or None, default=None
        Stop as soon as an individual reaches it.
    n_iter_no_change : int or None, default=None
        Stop after so many generations without an improvement by more than `tol`.
    tol : float, default=1e-4
        What counts as an improvement.
    max_time : float or None, default=None
        Seconds from `started` to the end of the refit.
    started : float, default=now
        `time.time()` at which the clock began to run.
    refit_seconds : callable or None, default=None
        Says roughly how long the refit of an individual takes; None if there is none.
    n_finalists : int, default=0
        So many of the best are tried again with other seeds before the winner is named:
        fewer, or none, if that took more than a fifth of `max_time`.
    n_workers : int, default=1
        How many are tried at a time.
    """

    generations: int | None = None
    target_score: float | None = None
    n_iter_no_change: int | None = None
    tol: float = 1e-4
    max_time: float | None = None
    started: float = field(default_factory=time.time)
    refit_seconds: Callable[[Evaluation], float] | None = None
    n_finalists: int = 0
    n_workers: int = 1

    def end_of_search(self, best: Evaluation | None) -> float:
        """Return the `time.time()` at which the finals of the best must begin.

        A tenth of the time is put by for its refit as long as there is no winner to
        ask.
        """
        finals = self._seconds_of_finals(self.finalists(best), best)
        return self.end_of_finals(best) - finals

    def end_of_finals(self, best: Evaluation | None) -> float:
        """Return the `time.time()` at which the refit of the best must begin."""
        if self.max_time is None:
            return math.inf
        refit = 0.0
        if self.refit_seconds is not None:
            refit = self.refit_seconds(best) if best else 0.1 * self.max_time
        return self.started + self.max_time - refit

    def finalists(self, best: Evaluation | None) -> int:
        """Return how many are tried again, fewer than 2 if there is no time for it."""
        n = self.n_finalists
        if self.max_time is not None:
            share = FINALS_SHARE * self.max_time
            while n > 1 and self._seconds_of_finals(n, best) > share:
                n -= 1
        return n

    def _seconds_of_finals(self, n: int, best: Evaluation | None) -> float:
        if best is None or n < 2:
            return 0.0
        return math.ceil(n / self.n_workers) * best.duration

    def affords(self, evaluation: Evaluation) -> bool:
        """Return whether there is time to refit this individual, should it win."""
        if self.max_time is None or self.refit_seconds is None:
            return True
        return self.refit_seconds(evaluation) <= self.time_left()

    def reached(self, evaluation: Evaluation) -> str:
        """Return why the search stops at this individual, or an empty string."""
        target = self.target_score
        if target is not None and evaluation.fitness >= target:
            return f"target_score={target:g} reached: {evaluation.fitness:.6g}"
        return ""

    def over(self, history: Sequence["Generation"]) -> str:
        """Return why the search stops after this generation, or an empty string."""
        if self.generations is not None and len(history) >= self.generations:
            return f"generations={self.generations} done"
        patience = self.n_iter_no_change
        if patience is not None and len(history) > patience:
            before = history[-patience - 1].best
            if not history[-1].best > before + self.tol:
                return f"no improvement by {self.tol:g} in {patience} generations"
        return ""

    def time_left(self) -> float:
        """Return the seconds that are left, infinity if there is no limit."""
        if self.max_time is None:
            return math.inf
        return self.started + self.max_time - time.time()


@dataclass(frozen=True)
class Generation:
    """What a generation has come to.

    Parameters
    ----------
    number : int
        Counted from 0.
    best, median : float
        Best fitness so far, and the median of those that succeeded in this generation.
    evaluated, cached, failed : int
        Individuals that were trained, that were known, and of the trained that failed.
    seconds : float
        Wall-clock time.
    """

    number: int
    best: float
    median: float
    evaluated: int
    cached: int
    failed: int
    seconds: float


class Listener(Protocol):
    """Hears of a search as it goes on; may end it."""

    def generation_begins(self, number: int, size: int) -> None:
        """Hear that so many individuals are going to be tried."""

    def individual_ends(self, evaluation: Evaluation) -> bool:
        """Hear how one fared; return whether the search is to stop."""

    def generation_ends(self, generation: Generation, limits: Limits) -> bool:
        """Hear of the whole generation; return whether the search is to stop."""


@dataclass
class Outcome:
    """What a search leaves behind.

    Parameters
    ----------
    evaluations : list of Evaluation
        Every individual that was trained, in order.
    history : list of Generation
        Every generation.
    best : Evaluation or None
        The fittest individual, the earlier one among equals; with a time limit, of
        those that could still be refitted within it when they were found.
    stop_reason : str
        Why it ended.
    finals : list of Evaluation
        Of those that were tried again before the best was named.
    asked : dict of str to int
        The order in which individuals were asked for, by key.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    history: list[Generation] = field(default_factory=list)
    best: Evaluation | None = None
    stop_reason: str = ""
    finals: list[Evaluation] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)

    def ask(self, brood: Sequence[Chromosome]) -> None:
        """Note who is asked for."""
        for chromosome in brood:
            self.asked.setdefault(chromosome.key, len(self.asked))

    def in_order(self, evaluations: list[Evaluation]) -> list[Evaluation]:
        """Return them in the order asked: that of trying may depend on the clock."""
        return sorted(evaluations, key=self.place)

    def place(self, evaluation: Evaluation) -> int:
        """Return which one, of all that were asked, it is."""
        return self.asked[evaluation.chromosome.key]


def search(
    evolution: Evolution,
    evaluator: Evaluator,
    limits: Limits,
    listeners: Sequence[Listener] = (),
) -> Outcome:
    """Evolve until a limit is reached.

    Parameters
    ----------
    evolution : Evolution
        Who is tried.
    evaluator : Evaluator
        How they fare.
    limits : Limits
        When to stop.
    listeners : sequence of Listener, default=()
        Who hears of it.

    Returns
    -------
    Outcome
    """
    outcome = Outcome()
    try:
        while not outcome.stop_reason:
            _one_generation(evolution, evaluator, limits, listeners, outcome)
        _play_finals(evaluator, limits, outcome)
    except KeyboardInterrupt:
        if outcome.best is None:
            raise
        outcome.stop_reason = "interrupted by the user"
    outcome.evaluations = outcome.in_order(outcome.evaluations)
    return outcome


def _one_generation(
    evolution: Evolution,
    evaluator: Evaluator,
    limits: Limits,
    listeners: Sequence[Listener],
    outcome: Outcome,
) -> None:
    start = time.perf_counter()
    number, brood = evolution.generation, evolution.ask()
    outcome.ask(brood)
    if limits.max_time is not None:
        _put_in_order(brood, evaluator, limits)
    for listener in listeners:
        listener.generation_begins(number, len(brood))
    evaluations = []
    for evaluation in _evaluations(evaluator, brood, limits, outcome):
        evaluations.append(evaluation)
        if not evaluation.cached:
            outcome.evaluations.append(evaluation)
        heard = [listener.individual_ends(evaluation) for listener in listeners]
        outcome.stop_reason = limits.reached(evaluation) or _stopped_by(heard)
        if outcome.stop_reason:
            break
    else:
        # Who is too dear for the time left is left out: cheaper ones may follow.
        if not evaluations or time.time() >= limits.end_of_search(outcome.best):
            outcome.stop_reason = f"max_time={limits.max_time:g} s used up"
    evolution.tell(outcome.in_order(evaluations))
    seconds = time.perf_counter() - start
    generation = _sum_up(number, outcome.best, evaluations, seconds)
    outcome.history.append(generation)
    heard = [listener.generation_ends(generation, limits) for listener in listeners]
    outcome.stop_reason = (
        outcome.stop_reason or limits.over(outcome.history) or _stopped_by(heard)
    )
    if not outcome.stop_reason and generation.evaluated == 0:
        outcome.stop_reason = "nobody new was found: all that were bred are known"


def _put_in_order(
    brood: list[Chromosome], evaluator: Evaluator, limits: Limits
) -> None:
    """Sort by cost: the dear first if there is time, so that none waits for the last.

    Should time run out within this generation, the known come first, and the cheap.
    """
    expected = evaluator.expected_seconds(brood)
    if expected is not None and 2 * expected < limits.time_left():
        brood.sort(key=evaluator.cost, reverse=True)
    else:
        brood.sort(key=lambda c: (c.origin not in KNOWN, evaluator.cost(c)))


def _evaluations(
    evaluator: Evaluator,
    brood: Sequence[Chromosome],
    limits: Limits,
    outcome: Outcome,
) -> Iterator[Evaluation]:
    """Yield evaluations as long as there is time, and note the best."""

    def moment() -> float:
        return limits.end_of_search(outcome.best)

    with closing(evaluator.evaluate(brood, moment)) as evaluations:
        for evaluation in evaluations:
            if _wins(evaluation, outcome, limits):
                outcome.best = evaluation
            yield evaluation
            if time.time() >= moment():
                return


def _wins(evaluation: Evaluation, outcome: Outcome, limits: Limits) -> bool:
    best = outcome.best
    if evaluation.status != "ok" or best is None:
        return evaluation.status == "ok"
    fitter = evaluation.fitness > best.fitness
    if evaluation.fitness == best.fitness:
        fitter = outcome.place(evaluation) < outcome.place(best)
    return fitter and limits.affords(evaluation)


def _play_finals(evaluator: Evaluator, limits: Limits, outcome: Outcome) -> None:
    """Try the best again: who is the fittest of many by one score is so by luck too."""
    n_finalists = limits.finalists(outcome.best)
    if outcome.best is None or n_finalists < 2:
        return
    able = [e for e in outcome.evaluations if e.status == "ok" and limits.affords(e)]
    finalists = heapq.nlargest(n_finalists, able, key=lambda e: e.fitness)

    def moment() -> float:
        return limits.end_of_finals(outcome.best)

    chromosomes = [e.chromosome for e in finalists]
    with closing(evaluator.again().evaluate(chromosomes, moment)) as evaluations:
        outcome.finals = list(evaluations)
    ended = [e for e in outcome.finals if e.status != "unfinished"]
    if len(ended) == len(finalists):  # those that fail have no fitness to win with
        means = [e.fitness + f.fitness for e, f in zip(finalists, ended, strict=True)]
        outcome.best = finalists[means.index(max(means))]


def _sum_up(
    number: int,
    best: Evaluation | None,
    evaluations: Sequence[Evaluation],
    seconds: float,
) -> Generation:
    succeeded = [e.fitness for e in evaluations if e.status == "ok"]
    trained = [e for e in evaluations if not e.cached]
    return Generation(
        number=number,
        best=best.fitness if best else -math.inf,
        median=statistics.median(succeeded) if succeeded else math.nan,
        evaluated=len(trained),
        cached=len(evaluations) - len(trained),
        failed=sum(e.status != "ok" for e in trained),
        seconds=seconds,
    )


def _stopped_by(heard: Sequence[bool]) -> str:
    return "stopped by a callback" if any(heard) else ""
