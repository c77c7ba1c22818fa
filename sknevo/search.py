"""The one loop: ask, evaluate, tell, until a rule says stop; then the finals."""

import heapq
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from sknevo.evaluation import Evaluator
from sknevo.evolution import SuccessiveHalving
from sknevo.limits import Generation, Limits, Span
from sknevo.records import Candidate, Chromosome, Evaluation
from sknevo.timetable import in_order

__all__ = ["SearchCallback", "SearchResult", "search"]


class SearchCallback(Protocol):
    """Hears of a search as it goes on; may end it."""

    def on_generation_start(self, number: int, size: int | None) -> None:
        """Hear how many individuals are going to be tried, None if it depends."""

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        """Hear how one fared; return whether the search is to stop."""

    def on_generation_end(self, generation: Generation, limits: Limits) -> bool:
        """Hear of the whole generation; return whether the search is to stop."""


@dataclass
class SearchResult:
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
        The order in which candidates were asked for, by name.
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
        return self.asked[evaluation.candidate.name]


def search(
    halving: SuccessiveHalving,
    evaluator: Evaluator,
    limits: Limits,
    callbacks: Sequence[SearchCallback] = (),
) -> SearchResult:
    """Evolve until a limit is reached.

    Parameters
    ----------
    halving : SuccessiveHalving
        Who is tried, and with how much.
    evaluator : Evaluator
        How they fare.
    limits : Limits
        When to stop.
    callbacks : sequence of SearchCallback, default=()
        Who hears of it.

    Returns
    -------
    SearchResult
    """
    outcome = SearchResult()
    course = _Course(halving, evaluator, limits, callbacks, outcome)
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
        halving: SuccessiveHalving,
        evaluator: Evaluator,
        limits: Limits,
        callbacks: Sequence[SearchCallback],
        outcome: SearchResult,
    ) -> None:
        self.halving, self.evaluator, self.limits = halving, evaluator, limits
        self.callbacks, self.outcome = callbacks, outcome
        self._recorded: set[str] = set()  # names of candidates
        self._fitness: dict[str, float] = {}  # by key
        self._held_back: list[Candidate] = []
        # The fittest of those that have ended, told or not, with time for its refit.
        self._ahead: Evaluation | None = None
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
            stream = evaluator.stream(self.ask, self.span, self.hear)
            with closing(stream) as evaluations:
                for evaluation in evaluations:
                    self.tell(evaluation)
                    if outcome.stop_reason:
                        break
            if self._out_of_time:
                for evaluation in self._left_over():
                    self.tell(evaluation)
        except KeyboardInterrupt:
            for evaluation in self._left_over():
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

    def _left_over(self) -> Iterator[Evaluation]:
        """Yield what is known of those that were not told in their turn."""
        yield from self.evaluator.left_over()
        for candidate in self._held_back:
            yield Evaluation(
                candidate.chromosome, "skipped", resource=candidate.resource
            )

    def span(self, candidate: Candidate | None = None) -> Span:
        """Return the time for a candidate, or for the whole search.

        Who is ahead may win or not: there is time for its refit, and for the best's.
        """
        able = [e for e in (self.outcome.best, self._ahead) if e is not None]
        end = min(map(self.limits.end_of_search, able or [None]))
        if candidate is None:
            return Span(end)
        return self.limits.chance(candidate, self.evaluator.n_splits, end)

    def hear(self, evaluation: Evaluation) -> None:
        """Learn, before its turn, of somebody for whose refit time must be kept."""
        best = self.outcome.best
        if evaluation.status == "ok" and self.limits.affords(evaluation, best):
            ahead = self._ahead
            if ahead is None or evaluation.rank_key > ahead.rank_key:
                self._ahead = evaluation

    def ask(self) -> list[Candidate]:
        """Return who is to be tried now."""
        self._announce()
        candidates = [
            e for e in self.halving.ask() if self._within_limits(e.chromosome)
        ]
        for candidate in candidates:
            self.outcome.asked.setdefault(candidate.name, len(self.outcome.asked))
        if self.limits.max_time is None:
            return candidates
        candidates = in_order(
            [*self._held_back, *candidates], self.evaluator, self.limits, self._fitness
        )
        # How long others take is known when the first, which is tried alone, has ended.
        n = len(candidates) if self._recorded or self.evaluator.knows_pace else 1
        self._held_back = candidates[n:]
        return candidates[:n]

    def _announce(self) -> None:
        """Let the callbacks hear, once, that a generation begins."""
        if not self._heard_of:
            self._heard_of = True
            for callback in self.callbacks:
                callback.on_generation_start(self._number, self.halving.generation_size)

    def _within_limits(self, chromosome: Chromosome) -> bool:
        """Whether its generation is one of those that are wanted.

        A steady strategy breeds those of the next before this one has ended.
        """
        wanted = self.limits.generations
        return wanted is None or chromosome.generation < wanted

    def tell(self, evaluation: Evaluation) -> None:
        """Note how one fared, tell the callbacks; maybe stop."""
        self._announce()
        self._note(evaluation)
        if evaluation.status != "skipped":
            heard = [
                callback.on_evaluation_end(evaluation) for callback in self.callbacks
            ]
            self._stop(self.limits.reached(self.outcome.best) or _stopped_by(heard))
            if time.time() >= self.span().end:
                self._stop_by_clock()
        if self.halving.population.generation > self._number:
            self._end_generation()

    def _note(self, evaluation: Evaluation) -> None:
        """Keep an evaluation, and tell the race."""
        name, outcome = evaluation.candidate.name, self.outcome
        self._generation.append(evaluation)
        if evaluation.status == "skipped":
            outcome.skipped.append(evaluation)
        else:
            if _wins(evaluation, outcome) and self._affords(evaluation):
                outcome.best = evaluation
            if name not in self._recorded:
                outcome.evaluations.append(evaluation)
            self._recorded.add(name)
            self._fitness[evaluation.chromosome.key] = evaluation.fitness
        self.halving.tell(evaluation)

    def _affords(self, evaluation: Evaluation) -> bool:
        """Whether there is time for its refit, or was, and has been kept since."""
        ahead, best = self._ahead, self.outcome.best
        kept = ahead is not None and ahead.candidate == evaluation.candidate
        return best is None or self.limits.affords(evaluation, best, kept)

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
        heard = [each.on_generation_end(generation, limits) for each in self.callbacks]
        if not tried:
            # Who is too dear for the time left is skipped: cheaper ones may follow.
            self._stop_by_clock()
        self._stop(limits.over(outcome.history) or _stopped_by(heard))
        if generation.evaluated == 0 and not skipped:
            self._stop("nobody new was found: all that were bred are known")
        self._begin()


def _wins(evaluation: Evaluation, outcome: SearchResult) -> bool:
    best = outcome.best
    if evaluation.status != "ok" or best is None:
        return evaluation.status == "ok"
    if evaluation.rank_key == best.rank_key:
        return outcome.place(evaluation) < outcome.place(best)
    return evaluation.rank_key > best.rank_key


def _play_finals(evaluator: Evaluator, limits: Limits, outcome: SearchResult) -> None:
    """Try the best again: who is the fittest of many by one score is so by luck too."""
    best = outcome.best
    n_finalists = limits.finalists(best)
    if best is None or best.resource is not None or n_finalists < 2:
        return
    able = [
        e
        for e in outcome.evaluations
        if e.status == "ok" and e.resource is None and limits.affords(e, best)
    ]
    able.sort(key=outcome.place)
    finalists = heapq.nlargest(n_finalists, able, key=lambda e: e.fitness)

    def span(candidate: Candidate | None) -> Span:
        return Span(limits.end_of_finals(outcome.best))

    chromosomes = [e.chromosome for e in finalists]
    with closing(evaluator.again().evaluate(chromosomes, span)) as evaluations:
        outcome.finals = list(evaluations)
    ended = {e.candidate: e for e in outcome.finals if e.status != "unfinished"}
    # The finals have taken their time, too.
    finalists = [
        e for e in finalists if e.candidate in ended and limits.affords(e, best)
    ]
    if len(finalists) > 1:  # those that fail have no fitness to win with
        means = [e.fitness + ended[e.candidate].fitness for e in finalists]
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
