"""Evaluates candidates, each once: from memory, from a journal or on workers."""

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

from joblib import effective_n_jobs
from sklearn.base import BaseEstimator

from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._finish import FinishingRunner
from sknevo.evaluation._journal import Journal
from sknevo.evaluation._outcomes import Lost, Outcome
from sknevo.evaluation._pools import Pool, open_pool
from sknevo.records import CUT_OFF, Candidate, Evaluation, Status
from sknevo.time_budget import TimeBudget

NO_JOURNAL = Journal(None)
# By resource: the best candidates, the best first, each by its fitness and the floors
# that it gives to others.
Best = defaultdict[int | None, list[tuple[float, tuple[float, ...]]]]


class Evaluator:
    """Evaluates candidates, each once, while workers are `running`.

    Candidates are submitted, and `next_evaluation` returns their evaluations in that
    order, or as they end if the budget says so. `known` holds what was returned, by the
    name of the candidate.

    With `n_best`, a trial ends after a split if it will be none of so many best
    candidates: of all that were returned before it was submitted, so that results do
    not depend on the number of workers. With `max_time`, where they do, of all that
    have ended before the trial begins.
    """

    def __init__(
        self,
        runner: TrialRunner,
        n_jobs: int | None = None,
        memory_limit: float | None = None,
        journal: Journal = NO_JOURNAL,
        n_best: int | None = None,
    ) -> None:
        self.runner, self.n_best = runner, n_best
        self.n_jobs, self.n_workers = n_jobs, effective_n_jobs(n_jobs)
        self.memory_limit = memory_limit
        self.journal = journal
        self.known: dict[str, Evaluation] = {}
        # Evaluations that ended before others that were asked for earlier.
        self._early: dict[str, Evaluation] = {}
        # What is not returned yet; of that, what waits for a worker and what runs.
        self._unanswered: deque[Candidate] = deque()
        self._waiting: dict[str, Candidate] = {}
        self._running: dict[str, Candidate] = {}
        self._losses: Counter[str] = Counter()
        # Of what was returned, and of all that has ended.
        self._best: Best = defaultdict(list)
        self._latest_best: Best = defaultdict(list)
        self._pool: Pool | None = None
        self._budget = TimeBudget()

    def fit_missing_models(
        self, evaluations: Sequence[Evaluation], budget: TimeBudget
    ) -> None:
        """Repeat trials whose models are not in the store, since a journal holds none.

        They have the same seeds, and their training ends after as many rounds.
        """
        missing = [
            replace(e.candidate, rounds=e.rounds)
            for e in evaluations
            if not self.runner.has_models(e.candidate)
        ]
        if missing:
            again = Evaluator(self.runner, self.n_jobs, self.memory_limit)
            again.evaluate(missing, budget)

    def finish_training(
        self, candidates: Sequence[Candidate], budget: TimeBudget
    ) -> dict[str, BaseEstimator | str]:
        """Train on kept models with all of the data, a worker for each of them.

        Return each model by the name of its candidate, or why there is none.
        """
        runner = FinishingRunner.of(self.runner)
        finisher = Evaluator(runner, self.n_jobs, self.memory_limit)
        models = {
            evaluation.candidate.name: runner.finished_model(evaluation)
            for evaluation in finisher.evaluate(candidates, budget)
        }
        runner.model_store.close()
        return models

    def evaluate(
        self, candidates: Sequence[Candidate], budget: TimeBudget | None = None
    ) -> list[Evaluation]:
        """Return the evaluations of candidates that are all asked for at once."""
        with self.running(budget):
            self.submit(candidates)
            return [*iter(self.next_evaluation, None)]

    @contextmanager
    def running(self, budget: TimeBudget | None = None) -> Iterator[Self]:
        """Have workers run trials inside this block, as long as the budget allows.

        What has ended until then is known; what was running is interrupted.
        """
        self._budget = TimeBudget() if budget is None else budget
        # There may be time now for what was cut off before.
        self._early = {n: e for n, e in self._early.items() if e.status not in CUT_OFF}
        self._unanswered, self._waiting, self._running = deque(), {}, {}
        self._pool = open_pool(self.runner, self.n_jobs, self.memory_limit)
        try:
            yield self
        finally:
            for outcome in self._pool.close():
                self._receive(outcome)

    def submit(self, asked: Sequence[Candidate]) -> None:
        """Take candidates in; those that are not known wait for a worker, each once."""
        self._unanswered.extend(asked)
        for candidate in map(self.runner.normalized, asked):
            name = candidate.name
            if any(name in each for each in (self.known, self._early, self._running)):
                continue
            # The journal's answer is taken in its turn, but its times are known now.
            recalled = self._recalled(candidate)
            if recalled is None:
                candidate = self._with_floors(candidate, self._best)
                self._waiting.setdefault(name, candidate)
            else:
                self._budget.observe(recalled)

    @property
    def n_wanted(self) -> int:
        """Number of candidates that keep all workers busy, and one in reserve."""
        return max(0, self._pool.capacity + 1 - len(self._waiting))

    def next_evaluation(self) -> Evaluation | None:
        """Return the next evaluation that counts, None if none was asked for.

        Its status is "skipped" if there was no time to begin.
        """
        if not self._unanswered:
            return None
        while (answer := self._next_answer()) is None:
            self._dispatch()
            for outcome in self._pool.wait(self._budget.search_end()):
                self._receive(outcome)
        if self._pool.parallel:  # workers go on while the caller is busy
            self._dispatch()
        return answer

    def _next_answer(self) -> Evaluation | None:
        """Return what is known of the next candidate, or of any if that counts."""
        n_next = len(self._unanswered) if self._budget.is_asynchronous else 1
        for place in range(n_next):
            if (answer := self._answer(self._unanswered[place])) is not None:
                del self._unanswered[place]
                return answer
        return None

    def knows(self, candidate: Candidate) -> bool:
        """Return whether an evaluation costs nothing."""
        name = self.runner.normalized(candidate).name
        return name in self.known or self._recalled(candidate) is not None

    def _dispatch(self) -> None:
        """Give work to all workers that have none, as long as there is time."""
        while self._waiting and self._pool.capacity > 0:
            # The first one: dicts keep the order in which candidates were submitted.
            candidate = self._waiting.pop(next(iter(self._waiting)))
            if self._budget.max_time is not None:
                candidate = self._with_floors(candidate, self._latest_best)
            deadline = self._budget.deadline(candidate)
            if deadline is None:
                self._keep(_failed(candidate, "skipped"))
            else:
                self._running[candidate.name] = candidate
                self._pool.submit(candidate, deadline)

    def _receive(self, outcome: Outcome) -> None:
        """Keep an evaluation, or try its candidate again if its worker was lost."""
        name, result = outcome
        candidate = self._running.pop(name)
        if isinstance(result, BaseException):
            # No candidate's fault, or the user wants to see it: the search ends.
            raise result
        if isinstance(result, Lost):
            self._losses[name] += 1
            if self._losses[name] <= result.retries:
                if not self._budget.is_over():
                    # First of all, since others may wait for its turn to come.
                    self._waiting = {name: candidate, **self._waiting}
                    return
                result = Lost("unfinished", "stopped as time was over")
            result = _failed(candidate, result.status, result.error)
        elif self.runner.model_store is not None:
            result = self.runner.model_store.receive(result)
        result = replace(result, end_time=self._seconds())
        self._keep(result)
        self._compare(result, self._latest_best)
        self._budget.observe(result)

    def _keep(self, evaluation: Evaluation) -> None:
        """Keep an evaluation until its turn; the journal forgets what was cut off."""
        if evaluation.status not in CUT_OFF:
            self.journal.append(evaluation)
        self._early[evaluation.candidate.name] = evaluation

    def _answer(self, asked: Candidate) -> Evaluation | None:
        """Return what is known of a candidate as an answer to it."""
        candidate = self.runner.normalized(asked)
        evaluation = self.known.get(candidate.name)
        cached = evaluation is not None
        if not cached:
            # The journal keeps no predictions of what this search has evaluated.
            evaluation = self._early.get(candidate.name) or self._recalled(asked)
            if evaluation is None:
                return None
            if evaluation.status != "skipped":  # another may be asked for it again
                self._early.pop(candidate.name, None)
                if math.isnan(evaluation.end_time):  # an earlier search wrote it
                    evaluation = replace(evaluation, end_time=self._seconds())
                if self.runner.keeps_models(candidate):
                    family = self.runner.family(evaluation.candidate)
                    evaluation = self.runner.model_store.add(evaluation, family)
                self.known[candidate.name] = evaluation
                self._compare(evaluation, self._best)
        return replace(
            evaluation,
            chromosome=asked.chromosome,
            resource=asked.resource,
            cached=cached,
        )

    def _seconds(self) -> float:
        """Return the seconds since the search began."""
        return time.time() - self._budget.started

    def _compare(self, evaluation: Evaluation, best: Best) -> None:
        """Make an evaluation one of the best if it is."""
        # With several objectives, the fitness alone says little of a candidate.
        if self.n_best and evaluation.status == "ok" and not evaluation.objectives:
            found = evaluation.fitness, self.runner.floors(evaluation)
            same = best[evaluation.resource]
            same.append(found)
            same.sort(reverse=True)
            del same[self.n_best :]

    def _with_floors(self, candidate: Candidate, best: Best) -> Candidate:
        same = best[candidate.resource]
        floors = same[-1][1] if len(same) == self.n_best else ()
        return replace(candidate, floors=floors)

    def left_over(self) -> Iterator[Evaluation]:
        """Yield, after `running`, the evaluations that were not returned.

        What has ended out of turn is known. What was running is "unfinished", what was
        not is "skipped".
        """
        while self._unanswered:
            asked = self._unanswered.popleft()
            cut_off = _failed(asked, "skipped")
            if self.runner.normalized(asked).name in self._running:
                error = "stopped as the search was over"
                cut_off = _failed(asked, "unfinished", error)
            yield self._answer(asked) or cut_off

    def _recalled(self, asked: Candidate) -> Evaluation | None:
        """Return what the journal has as an answer."""
        candidate = self.runner.normalized(asked)
        return self.journal.recall(candidate)

    def close(self) -> None:
        """Remove what was written for the workers, and by them."""
        self.runner.data.close()
        if self.runner.model_store is not None:
            self.runner.model_store.close()


def _failed(candidate: Candidate, status: Status, error: str = "") -> Evaluation:
    chromosome, resource = candidate.chromosome, candidate.resource
    return Evaluation(chromosome, status, error=error, resource=resource)
