"""Evaluates candidates, each once: from memory, from a journal or on workers."""

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

from joblib import effective_n_jobs

from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._finish import Finished, FinishingRunner
from sknevo.evaluation._journal import Journal
from sknevo.evaluation._outcomes import Lost, Outcome
from sknevo.evaluation._pools import Pool, open_pool
from sknevo.records import CUT_OFF, Candidate, Evaluation, Status
from sknevo.time_budget import TimeBudget

NO_JOURNAL = Journal(None)
# By resource: the best candidates, the best first. Of each its fitness, and the floors:
# what the mean fitness of a new candidate must reach after each split to be as good.
Best = defaultdict[int | None, list[tuple[float, tuple[float, ...]]]]


class Evaluator:
    """Evaluates candidates, each once, while workers are `running`.

    Candidates are submitted, and `next_evaluation` returns their evaluations in that
    order, or as they end if the search is asynchronous. A candidate goes through these
    states: asked for, waiting for a worker, running, ended, returned. Those that the
    journal holds, or that were returned before, need no worker.

    Parameters
    ----------
    runner : TrialRunner
        Runs a trial.
    n_jobs : int or None, default=None
        Number of workers, as in joblib.
    memory_limit : float or None, default=None
        Megabytes that a worker may hold.
    journal : Journal, default=NO_JOURNAL
        Keeps evaluations for another fit.
    n_best : int or None, default=None
        A trial ends after a split if it will be none of so many best candidates: of all
        that were returned before it was submitted, so that results do not depend on the
        number of workers. With `max_time`, where they do, of all that have ended before
        the trial begins.

    Attributes
    ----------
    known : dict of str to Evaluation
        What was returned, by the name of the candidate.
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
        # Evaluations that have ended and are not returned yet.
        self._ended: dict[str, Evaluation] = {}
        # What is asked for and not returned yet, as it was asked for; of that, without
        # a resource that restricts nothing, what waits for a worker and what runs.
        self._asked: deque[Candidate] = deque()
        self._waiting: dict[str, Candidate] = {}
        self._running: dict[str, Candidate] = {}
        self._losses: Counter[str] = Counter()
        self._best_returned: Best = defaultdict(list)
        self._best_ended: Best = defaultdict(list)
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
        self,
        candidates: Sequence[Candidate],
        budget: TimeBudget,
        score_seconds: float = 0.0,
    ) -> dict[str, Finished]:
        """Train on kept models, a worker for each of them.

        Return the outcomes by the names of the candidates, see `FinishingRunner`.
        """
        runner = FinishingRunner.of(self.runner, score_seconds)
        finisher = Evaluator(runner, self.n_jobs, self.memory_limit)
        finished = {
            evaluation.candidate.name: runner.finished(evaluation)
            for evaluation in finisher.evaluate(candidates, budget)
        }
        runner.model_store.close()
        return finished

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
        self._ended = {n: e for n, e in self._ended.items() if e.status not in CUT_OFF}
        self._asked, self._waiting, self._running = deque(), {}, {}
        self._pool = open_pool(self.runner, self.n_jobs, self.memory_limit)
        try:
            yield self
        finally:
            for outcome in self._pool.close():
                self._receive(outcome)

    def submit(self, asked: Sequence[Candidate]) -> None:
        """Ask for candidates; those that are not known wait for a worker."""
        self._asked.extend(asked)
        for candidate in map(self.runner.normalized, asked):
            name = candidate.name
            if any(name in each for each in (self.known, self._ended, self._running)):
                continue
            # What the journal holds is returned in its turn. The budget learns now of
            # the time that it took.
            recalled = self.journal.recall(candidate)
            if recalled is None:
                candidate = self._with_floors(candidate, self._best_returned)
                self._waiting.setdefault(name, candidate)
            else:
                self._budget.observe(recalled)

    @property
    def n_wanted(self) -> int:
        """Number of candidates to submit so that all workers are busy and one waits."""
        return max(0, self._pool.capacity + 1 - len(self._waiting))

    def next_evaluation(self) -> Evaluation | None:
        """Return the next evaluation that counts, None if none was asked for.

        Its status is "skipped" if there was no time to begin.
        """
        if not self._asked:
            return None
        while (evaluation := self._next_ended()) is None:
            self._dispatch()
            for outcome in self._pool.wait(self._budget.search_end()):
                self._receive(outcome)
        if self._pool.parallel:  # workers go on while the caller is busy
            self._dispatch()
        return evaluation

    def _next_ended(self) -> Evaluation | None:
        """Return the evaluation that is next, None as long as it has not ended."""
        n_next = len(self._asked) if self._budget.is_asynchronous else 1
        for place in range(n_next):
            if (evaluation := self._evaluation_of(self._asked[place])) is not None:
                del self._asked[place]
                return evaluation
        return None

    def knows(self, candidate: Candidate) -> bool:
        """Return whether an evaluation needs no trial."""
        candidate = self.runner.normalized(candidate)
        is_known = candidate.name in self.known
        return is_known or self.journal.recall(candidate) is not None

    def _dispatch(self) -> None:
        """Give work to all workers that have none, as long as there is time."""
        while self._waiting and self._pool.capacity > 0:
            # The first one: dicts keep the order in which candidates were submitted.
            candidate = self._waiting.pop(next(iter(self._waiting)))
            if self._budget.max_time is not None:
                candidate = self._with_floors(candidate, self._best_ended)
            deadline = self._budget.deadline(candidate)
            if deadline is None:
                self._end(_without_fitness(candidate, "skipped"))
            else:
                self._running[candidate.name] = candidate
                self._pool.submit(candidate, deadline)

    def _receive(self, outcome: Outcome) -> None:
        """End an evaluation, or try its candidate again if its worker was lost."""
        name, result = outcome
        candidate = self._running.pop(name)
        if isinstance(result, BaseException):
            # Not an error of the candidate, or `error_score` is "raise".
            raise result
        if isinstance(result, Lost):
            self._losses[name] += 1
            if self._losses[name] <= result.retries:
                if not self._budget.is_over():
                    # First of all, since others may wait for its turn to come.
                    self._waiting = {name: candidate, **self._waiting}
                    return
                result = Lost("unfinished", "stopped as time was over")
            result = _without_fitness(candidate, result.status, result.error)
        elif self.runner.model_store is not None:
            result = self.runner.model_store.receive(result)
        result = replace(result, end_time=self._seconds())
        self._end(result)
        self._update_best(self._best_ended, result)
        self._budget.observe(result)

    def _end(self, evaluation: Evaluation) -> None:
        """Keep an evaluation until its turn; in the journal, too, unless cut off."""
        if evaluation.status not in CUT_OFF:
            self.journal.append(evaluation)
        self._ended[evaluation.candidate.name] = evaluation

    def _evaluation_of(self, asked: Candidate) -> Evaluation | None:
        """Return the evaluation of a candidate that is asked for, None without one.

        From now on it is known, unless its trial was skipped: that is not repeated in
        its turn, but may be if it is asked for again.
        """
        candidate = self.runner.normalized(asked)
        evaluation = self.known.get(candidate.name)
        cached = evaluation is not None
        if not cached:
            # Not from the journal if it ended here: the journal keeps no predictions.
            evaluation = self._ended.get(candidate.name)
            evaluation = evaluation or self.journal.recall(candidate)
            if evaluation is None:
                return None
            if evaluation.status != "skipped":
                evaluation = self._make_known(candidate, evaluation)
        return replace(
            evaluation,
            chromosome=asked.chromosome,
            resource=asked.resource,
            cached=cached,
        )

    def _make_known(self, candidate: Candidate, evaluation: Evaluation) -> Evaluation:
        """Note an evaluation that is returned; give predictions to the model store."""
        self._ended.pop(candidate.name, None)
        if math.isnan(evaluation.end_time):  # an earlier search wrote it
            evaluation = replace(evaluation, end_time=self._seconds())
        if self.runner.keeps_models(candidate):
            family = self.runner.family(evaluation.candidate)
            evaluation = self.runner.model_store.add(evaluation, family)
        self.known[candidate.name] = evaluation
        self._update_best(self._best_returned, evaluation)
        return evaluation

    def _seconds(self) -> float:
        """Return the seconds since the search began."""
        return time.time() - self._budget.started

    def _update_best(self, best: Best, evaluation: Evaluation) -> None:
        """Make an evaluation one of the best if it is."""
        # With several objectives, the fitness alone says little of a candidate.
        if self.n_best and evaluation.status == "ok" and not evaluation.objectives:
            best_with_resource = best[evaluation.resource]
            floors = self.runner.floors(evaluation)
            best_with_resource.append((evaluation.fitness, floors))
            best_with_resource.sort(reverse=True)
            del best_with_resource[self.n_best :]

    def _with_floors(self, candidate: Candidate, best: Best) -> Candidate:
        """Return a candidate with the floors that the last of the best sets."""
        best_with_resource = best[candidate.resource]
        if len(best_with_resource) != self.n_best:
            return replace(candidate, floors=())
        _, floors = best_with_resource[-1]
        return replace(candidate, floors=floors)

    def not_returned(self) -> Iterator[Evaluation]:
        """Yield, after `running`, the evaluations that were not returned.

        What has ended out of turn is known. What was running is "unfinished", what was
        not is "skipped".
        """
        while self._asked:
            asked = self._asked.popleft()
            cut_off = _without_fitness(asked, "skipped")
            if self.runner.normalized(asked).name in self._running:
                error = "stopped as the search was over"
                cut_off = _without_fitness(asked, "unfinished", error)
            yield self._evaluation_of(asked) or cut_off

    def close(self) -> None:
        """Remove what was written for the workers, and by them."""
        self.runner.data.close()
        if self.runner.model_store is not None:
            self.runner.model_store.close()


def _without_fitness(
    candidate: Candidate, status: Status, error: str = ""
) -> Evaluation:
    chromosome, resource = candidate.chromosome, candidate.resource
    return Evaluation(chromosome, status, error=error, resource=resource)
