"""Evaluates candidates, each once, in the order asked: from memory or on workers."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from joblib import effective_n_jobs

from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._journal import Journal
from sknevo.evaluation._pace import Pace
from sknevo.evaluation._workers import Lost, Outcome, Pool, open_pool
from sknevo.limits import Span
from sknevo.records import Candidate, Chromosome, Evaluation

NO_JOURNAL = Journal(None)
# The search has ended before anything was known of these.
CUT_OFF = ("unfinished", "skipped")


Spans = Callable[[Candidate | None], Span]


def _endless(candidate: Candidate | None) -> Span:
    return Span()


def _ignore(evaluation: Evaluation) -> None:
    pass


class Evaluator:
    """Evaluates candidates, each once, in the order asked.

    `known` holds what was evaluated and returned, by the name of the candidate.
    """

    def __init__(
        self,
        runner: TrialRunner,
        n_jobs: int | None = None,
        memory_limit: float | None = None,
        journal: Journal = NO_JOURNAL,
    ) -> None:
        self.runner = runner
        self.n_jobs, self.n_workers = n_jobs, effective_n_jobs(n_jobs)
        self.memory_limit = memory_limit
        self.journal = journal
        self.known: dict[str, Evaluation] = {}
        # Evaluations that ended before others that were asked for earlier.
        self._early: dict[str, Evaluation] = {}
        # What waits for a worker, and what runs on one.
        self._waiting: dict[str, Candidate] = {}
        self._running: dict[str, Candidate] = {}
        self._losses: Counter[str] = Counter()
        # What the last stream has not returned, and what of that was interrupted.
        self._unanswered: deque[Candidate] = deque()
        self._interrupted: Collection[str] = ()
        self._pace = Pace()

    def again(self) -> "Evaluator":
        """Return an evaluator of the same data that uses other seeds."""
        repetition = self.runner.repetition + 1
        runner = replace(self.runner, repetition=repetition, model_store=None)
        other = Evaluator(runner, self.n_jobs, self.memory_limit, self.journal)
        other._pace = self._pace
        return other

    def evaluate(
        self, chromosomes: Sequence[Chromosome], span: Spans = _endless
    ) -> Iterator[Evaluation]:
        """Yield the evaluation of each chromosome for which there is time, in order."""
        candidates = iter([[Candidate(chromosome) for chromosome in chromosomes]])
        with closing(self.stream(lambda: next(candidates, []), span)) as evaluations:
            yield from (e for e in evaluations if e.status != "skipped")

    def stream(
        self,
        ask: Callable[[], Sequence[Candidate]],
        span: Spans = _endless,
        hear: Callable[[Evaluation], None] = _ignore,
    ) -> Iterator[Evaluation]:
        """Yield the evaluation of each candidate that is asked for, in that order.

        `ask` is called before each evaluation is waited for: what it returns may depend
        on the evaluations so far. The stream ends when it returns nothing and nothing
        is waited for. `span` returns the time for a candidate, or for all of them. A
        candidate that runs at its end is "unfinished"; one that would not be ready is
        "skipped". The first candidate ever has no end: a search needs one evaluation.
        `hear` takes each evaluation when it is there, which may be before its turn.
        """
        self._early = {n: e for n, e in self._early.items() if e.status not in CUT_OFF}
        self._waiting, self._running = {}, {}
        line: deque[Candidate] = deque()
        pool = open_pool(self.runner, self.n_jobs, self.memory_limit)
        try:
            while True:
                asked = ask()
                line.extend(asked)
                for recalled in filter(None, map(self._recalled, asked)):
                    hear(recalled)
                self._enqueue(asked)
                if not line:
                    return
                while (answer := self._answer(line[0])) is None:
                    self._dispatch(pool, span)
                    for outcome in pool.wait(self._end(span)):
                        self._receive(outcome, span, hear)
                if pool.parallel:  # workers go on while the caller is busy
                    self._dispatch(pool, span)
                line.popleft()
                yield answer
        finally:
            for outcome in pool.close():
                self._receive(outcome, span, hear)
            self._unanswered, self._interrupted = line, self._running

    def _enqueue(self, asked: Sequence[Candidate]) -> None:
        """Let the candidates wait that have to be evaluated, each once."""
        for candidate in map(self.runner.normalized, asked):
            name = candidate.name
            seen = any(name in s for s in (self.known, self._early, self._running))
            if not seen and self._recalled(candidate) is None:
                self._waiting.setdefault(name, candidate)

    def _dispatch(self, pool: Pool, span: Spans) -> None:
        """Give work to all workers that have none, as long as there is time."""
        while self._waiting and pool.capacity > 0:
            # The first candidate runs alone if time may run out: how long the others
            # may take is known once it has ended.
            if self._running and self._has_no_end and span(None).end < math.inf:
                return
            candidate = self._waiting.pop(next(iter(self._waiting)))
            time_for = Span() if self._has_no_end else span(candidate)
            if time.time() + self.seconds(candidate) > time_for.until():
                self._keep(_failed(candidate, "skipped"))
            else:
                self._running[candidate.name] = candidate
                pool.submit(candidate, time_for)

    def _receive(
        self, outcome: Outcome, span: Spans, hear: Callable[[Evaluation], None]
    ) -> None:
        """Keep an evaluation, or try its candidate again if its worker was lost."""
        name, result = outcome
        candidate = self._running.pop(name)
        if isinstance(result, BaseException):
            raise result
        if isinstance(result, Lost):
            self._losses[name] += 1
            if self._losses[name] <= result.retries:
                if time.time() < self._end(span):
                    self._waiting = {name: candidate, **self._waiting}
                    return
                result = Lost("unfinished", "stopped as time was over")
            result = _failed(candidate, result.status, result.error)
        elif self.runner.model_store is not None:
            result = self.runner.model_store.add(result)
        self._keep(result)
        hear(result)

    def _keep(self, evaluation: Evaluation) -> None:
        """Keep an evaluation until its turn; the journal forgets what was cut off."""
        if evaluation.status not in CUT_OFF:
            self.journal.append(evaluation, self.runner.repetition)
        self._early[evaluation.candidate.name] = evaluation

    def _answer(self, asked: Candidate) -> Evaluation | None:
        """Return what is known of a candidate as an answer to it."""
        candidate = self.runner.normalized(asked)
        evaluation = self.known.get(candidate.name)
        cached = evaluation is not None
        if not cached:
            evaluation = self._recalled(asked) or self._early.get(candidate.name)
            if evaluation is None:
                return None
            if evaluation.status != "skipped":  # another may be asked for it again
                self._early.pop(candidate.name, None)
                self._remember(evaluation)
        return replace(
            evaluation,
            chromosome=asked.chromosome,
            resource=asked.resource,
            cached=cached,
        )

    def left_over(self) -> Iterator[Evaluation]:
        """Yield, at once, the evaluations that a closed stream has left behind.

        What has ended out of turn is known. What was running is "unfinished", what was
        not is "skipped".
        """
        while self._unanswered:
            asked = self._unanswered.popleft()
            cut_off = _failed(asked, "skipped")
            if self.runner.normalized(asked).name in self._interrupted:
                error = "stopped as the search was over"
                cut_off = _failed(asked, "unfinished", error)
            yield self._answer(asked) or cut_off

    def _recalled(self, asked: Candidate) -> Evaluation | None:
        """Return what the journal has as an answer."""
        return self.journal.recall(
            self.runner.normalized(asked), self.runner.repetition
        )

    def _remember(self, evaluation: Evaluation) -> None:
        self.known[evaluation.candidate.name] = evaluation
        if evaluation.status == "ok":
            self._pace.learn(evaluation, self.runner.cost(evaluation.candidate))

    @property
    def is_beginning(self) -> bool:
        """Whether nothing is known yet, and this is no repetition."""
        return not self.known and not self.runner.repetition

    @property
    def _has_no_end(self) -> bool:
        return self.is_beginning and not self._early

    def _end(self, span: Spans) -> float:
        return math.inf if self._has_no_end else span(None).end

    def cost(self, candidate: Candidate) -> float:
        """Return roughly what a trial costs, 0 if the answer is known."""
        candidate = self.runner.normalized(candidate)
        known = candidate.name in self.known or self._recalled(candidate) is not None
        return 0.0 if known else self.runner.cost(candidate)

    def expected_seconds(self, candidates: Sequence[Candidate]) -> float | None:
        """Return roughly how long they take together, None if that is unknown yet."""
        if not self.knows_pace:
            return None
        return sum(map(self.seconds, candidates)) * self.n_splits / self.n_workers

    def seconds(self, candidate: Candidate) -> float:
        """Return roughly the seconds on one split, by how long others really took."""
        return self._pace.seconds(self.cost(candidate))

    @property
    def knows_pace(self) -> bool:
        """Whether it can be said how long a trial takes."""
        return self._pace.known

    @property
    def n_splits(self) -> int:
        """Number of fits that a trial takes."""
        return len(self.runner.data.value.splits)

    def close(self) -> None:
        """Remove what was written for the workers."""
        self.runner.data.close()


def _failed(candidate: Candidate, status: str, error: str = "") -> Evaluation:
    chromosome, resource = candidate.chromosome, candidate.resource
    return Evaluation(chromosome, status, error=error, resource=resource)
