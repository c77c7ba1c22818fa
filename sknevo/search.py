"""The one loop: ask, evaluate, tell, until a rule says stop; then the finals."""

import heapq
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from sknevo.evaluation import Evaluator
from sknevo.evolution import Race
from sknevo.records import Chromosome, Entry, Evaluation

__all__ = ["Generation", "Limits", "Listener", "Outcome", "search"]

# Most of the time that the finals may take: the rest is for the search.
FINALS_SHARE = 0.2
# They take a little longer than is thought rather than a little shorter.
FINALS_MARGIN = 1.15
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
        return FINALS_MARGIN * math.ceil(n / self.n_workers) * best.seconds

    def affords(self, evaluation: Evaluation) -> bool:
        """Return whether there is time to refit this individual, should it win."""
        if self.max_time is None or self.refit_seconds is None:
            return True
        return self.refit_seconds(evaluation) <= self.time_left()

    def reached(self, best: Evaluation | None) -> str:
        """Return why the search stops with this winner, or an empty string."""
        target = self.target_score
        if target is None or best is None or best.resource is not None:
            return ""  # in a race, what was not given all has not shown it yet
        if best.fitness < target:
            return ""
        return f"target_score={target:g} reached: {best.fitness:.6g}"

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

    def generation_begins(self, number: int, size: int | None) -> None:
        """Hear how many individuals are going to be tried, None if it depends."""

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
        Of every individual that was tried, with whatever it was given, in the order
        asked.
    skipped : list of Evaluation
        Of those for whom there was no time.
    history : list of Generation
        Every generation.
    best : Evaluation or None
        The fittest individual of those that were given most, the earlier one among
        equals; with a time limit, of those that could still be refitted within it when
        they were found.
    stop_reason : str
        Why it ended.
    finals : list of Evaluation
        Of those that were tried again before the best was named.
    asked : dict of str to int
        The order in which entries were asked for, by name.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    skipped: list[Evaluation] = field(default_factory=list)
    history: list[Generation] = field(default_factory=list)
    best: Evaluation | None = None
    stop_reason: str = ""
    finals: list[Evaluation] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)

    def place(self, evaluation: Evaluation) -> int:
        """Return which one, of all that were asked, it is."""
        return self.asked[evaluation.entry.name]


def search(
    race: Race,
    evaluator: Evaluator,
    limits: Limits,
    listeners: Sequence[Listener] = (),
) -> Outcome:
    """Evolve until a limit is reached.

    Parameters
    ----------
    race : Race
        Who is tried, and with how much.
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
    course = _Course(race, evaluator, limits, listeners, outcome)
    try:
        course.run()
        _play_finals(evaluator, limits, outcome)
    except KeyboardInterrupt:
        if outcome.best is None:
            raise
        outcome.stop_reason = "interrupted by the user"
    # That of trying may depend on the clock.
    outcome.evaluations.sort(key=outcome.place)
    return outcome


class _Course:
    """How a search goes: between the race and the evaluator, with an eye on limits."""

    def __init__(
        self,
        race: Race,
        evaluator: Evaluator,
        limits: Limits,
        listeners: Sequence[Listener],
        outcome: Outcome,
    ) -> None:
        self.race, self.evaluator, self.limits = race, evaluator, limits
        self.listeners, self.outcome = listeners, outcome
        self._recorded: set[str] = set()  # names of entries
        self._tried: set[str] = set()  # keys
        self._out_of_time = False
        self._begin()

    def run(self) -> None:
        """Go on until a limit is reached.

        Answers come in the order asked, so that a search that ends by what it finds
        does not depend on the number of workers. One that the clock or the user ends
        does: it goes by all that is known then.
        """
        evaluator, outcome = self.evaluator, self.outcome
        try:
            with closing(evaluator.stream(self.ask, self.moment)) as evaluations:
                for evaluation in evaluations:
                    self.tell(evaluation)
                    if outcome.stop_reason:
                        break
            if self._out_of_time:
                for evaluation in evaluator.left_over():
                    self.tell(evaluation)
        except KeyboardInterrupt:
            for evaluation in evaluator.left_over():
                self._note(evaluation)
            raise
        if self._generation:
            self._end_generation()

    def _begin(self) -> None:
        """Begin a generation."""
        self._start = time.perf_counter()
        self._generation: list[Evaluation] = []
        self._heard_of = False

    @property
    def _number(self) -> int:
        return len(self.outcome.history)

    def moment(self) -> float:
        """Return when the search must stop."""
        return self.limits.end_of_search(self.outcome.best)

    def ask(self) -> list[Entry]:
        """Return who is to be tried now."""
        self._announce()
        entries = [e for e in self.race.ask() if self._within_limits(e.chromosome)]
        for entry in entries:
            self.outcome.asked.setdefault(entry.name, len(self.outcome.asked))
        if self.limits.max_time is not None:
            self._put_in_order(entries)
        return entries

    def _announce(self) -> None:
        """Let the listeners hear, once, that a generation begins."""
        if not self._heard_of:
            self._heard_of = True
            for listener in self.listeners:
                listener.generation_begins(self._number, self.race.generation_size)

    def _within_limits(self, chromosome: Chromosome) -> bool:
        """Whether its generation is one of those that are wanted.

        A steady strategy breeds those of the next before this one has ended.
        """
        wanted = self.limits.generations
        return wanted is None or chromosome.generation < wanted

    def _put_in_order(self, entries: list[Entry]) -> None:
        """Sort by cost: the dear first if there is time: none waits for the last then.

        Should time run out before all are tried, those that go on come first, then the
        known, then the cheap.
        """
        cost = self.evaluator.cost
        expected = self.evaluator.expected_seconds(entries)
        if expected is not None and 2 * expected < self.limits.time_left():
            entries.sort(key=cost, reverse=True)
        else:
            entries.sort(
                key=lambda e: (
                    e.chromosome.key not in self._tried,
                    e.chromosome.origin not in KNOWN,
                    cost(e),
                )
            )

    def tell(self, evaluation: Evaluation) -> None:
        """Note how one fared, tell the listeners; maybe stop."""
        self._announce()
        self._note(evaluation)
        if evaluation.status != "skipped":
            heard = [
                listener.individual_ends(evaluation) for listener in self.listeners
            ]
            self._stop(self.limits.reached(self.outcome.best) or _stopped_by(heard))
            if time.time() >= self.moment():
                self._stop_by_clock()
        if self.evaluator.inherits:
            self.evaluator.forget_all_but(self.race.evolution.alive)
        if self.race.evolution.generation > self._number:
            self._end_generation()

    def _note(self, evaluation: Evaluation) -> None:
        """Keep an evaluation, and tell the race."""
        name, outcome = evaluation.entry.name, self.outcome
        self._generation.append(evaluation)
        if evaluation.status == "skipped":
            outcome.skipped.append(evaluation)
        else:
            if _wins(evaluation, outcome, self.limits):
                outcome.best = evaluation
            if name not in self._recorded:
                outcome.evaluations.append(evaluation)
            self._recorded.add(name)
            self._tried.add(evaluation.chromosome.key)
        self.race.tell(evaluation)

    def _stop(self, reason: str) -> None:
        """Stop if there is a reason; the first one stays."""
        self.outcome.stop_reason = self.outcome.stop_reason or reason

    def _stop_by_clock(self) -> None:
        if not self.outcome.stop_reason:
            self._out_of_time = True
            self._stop(f"max_time={self.limits.max_time:g} s used up")

    def _end_generation(self) -> None:
        outcome, limits = self.outcome, self.limits
        tried = [e for e in self._generation if e.status != "skipped"]
        skipped = len(tried) < len(self._generation)
        seconds = time.perf_counter() - self._start
        generation = _sum_up(self._number, outcome.best, tried, seconds)
        outcome.history.append(generation)
        heard = [each.generation_ends(generation, limits) for each in self.listeners]
        if not tried:
            # Who is too dear for the time left is skipped: cheaper ones may follow.
            self._stop_by_clock()
        self._stop(limits.over(outcome.history) or _stopped_by(heard))
        if generation.evaluated == 0 and not skipped:
            self._stop("nobody new was found: all that were bred are known")
        self._begin()


def _wins(evaluation: Evaluation, outcome: Outcome, limits: Limits) -> bool:
    best = outcome.best
    if evaluation.status != "ok" or best is None:
        return evaluation.status == "ok"
    fitter = evaluation.merit > best.merit
    if evaluation.merit == best.merit:
        fitter = outcome.place(evaluation) < outcome.place(best)
    return fitter and limits.affords(evaluation)


def _play_finals(evaluator: Evaluator, limits: Limits, outcome: Outcome) -> None:
    """Try the best again: who is the fittest of many by one score is so by luck too."""
    best = outcome.best
    n_finalists = limits.finalists(best)
    if best is None or best.resource is not None or n_finalists < 2:
        return
    able = [
        e
        for e in outcome.evaluations
        if e.status == "ok" and e.resource is None and limits.affords(e)
    ]
    able.sort(key=outcome.place)
    finalists = heapq.nlargest(n_finalists, able, key=lambda e: e.fitness)

    def moment() -> float:
        return limits.end_of_finals(outcome.best)

    chromosomes = [e.chromosome for e in finalists]
    with closing(evaluator.again().evaluate(chromosomes, moment)) as evaluations:
        outcome.finals = list(evaluations)
    ended = {e.entry: e for e in outcome.finals if e.status != "unfinished"}
    finalists = [e for e in finalists if e.entry in ended]
    if len(finalists) > 1:  # those that fail have no fitness to win with
        means = [_fitness_of_both(e, ended[e.entry]) for e in finalists]
        outcome.best = finalists[means.index(max(means))]


def _fitness_of_both(first: Evaluation, final: Evaluation) -> float:
    if first.inherited:  # which says little of what a fresh start comes to
        return final.fitness
    return (first.fitness + final.fitness) / 2


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
