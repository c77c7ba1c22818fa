"""The search: ask, evaluate, tell and terminate.

Below the loop stand the callbacks that report on it.
"""

import math
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sklearn.base import BaseEstimator

from sknevo.evaluation import Evaluator
from sknevo.evolution import SuccessiveHalving
from sknevo.records import FAILED, Candidate, Evaluation, Generation
from sknevo.time_budget import TimeBudget

# The reason to stop of a search that Ctrl-C has ended.
INTERRUPTED = "interrupted by the user"


class SearchCallback:
    """Is told of the events of a search; may stop it."""

    def on_generation_start(self, number: int, size: int | None) -> None:
        """Be told that a generation begins, of unknown size if successive halving."""

    def on_evaluation_end(self, evaluation: Evaluation) -> bool | None:
        """Be told an evaluation that counts from now on; True stops the search."""

    def on_generation_end(self, generation: Generation) -> bool | None:
        """Be told that a generation has ended; True stops the search."""


@dataclass
class SearchResult:
    """All that a search has found, and how far it is.

    `evaluations` are those of all candidates in the order asked, without those for
    which there was no time, which are `skipped`. `best` is the fittest with the most
    resources, or with any if trainings go on at the end; the earlier one among equals;
    with `max_time`, of those that could be refitted in time.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    skipped: list[Evaluation] = field(default_factory=list)
    history: list[Generation] = field(default_factory=list)
    best: Evaluation | None = None
    stop_reason: str = ""
    # Whether a callback has asked for the end.
    is_stopped: bool = False
    # Fitness of evaluated individuals, by key.
    fitness: dict[str, float] = field(default_factory=dict)
    # Evaluations of the present generation, and whether the last one had skipped ones.
    generation: list[Evaluation] = field(default_factory=list)
    has_skipped: bool = False
    _began: float = field(default_factory=time.perf_counter)
    _places: dict[str, int] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def ask(self, candidates: Sequence[Candidate]) -> None:
        """Note the order in which candidates are asked for."""
        for candidate in candidates:
            # A candidate that is asked for twice has its first place.
            self._places.setdefault(candidate.name, len(self._places))

    def add(self, evaluation: Evaluation, budget: TimeBudget) -> None:
        """Add an evaluation; it becomes the best if it is and can be refitted."""
        self.generation.append(evaluation)
        if evaluation.status == "skipped":
            self.skipped.append(evaluation)
            return
        if self._is_better(evaluation, budget) and budget.accept_as_best(evaluation):
            self.best = evaluation
        name = evaluation.candidate.name
        if name not in self._names:
            self.evaluations.append(evaluation)
        self._names.add(name)
        self.fitness[evaluation.chromosome.key] = evaluation.fitness

    def _is_better(self, evaluation: Evaluation, budget: TimeBudget) -> bool:
        if evaluation.status != "ok" or self.best is None:
            return evaluation.status == "ok"
        key, best = budget.rank_key(evaluation), budget.rank_key(self.best)
        if key == best:
            return self.place(evaluation) < self.place(self.best)
        return key > best

    def place(self, evaluation: Evaluation) -> int:
        """Return the place of an evaluation in the order asked."""
        return self._places[evaluation.candidate.name]

    def end_generation(self) -> Generation:
        """Return a summary of the present generation, and begin another."""
        ended = [e for e in self.generation if e.status != "skipped"]
        fitness = [e.fitness for e in ended if e.status == "ok"]
        evaluated = [e for e in ended if not e.cached]
        now = time.perf_counter()
        summary = Generation(
            number=len(self.history),
            best=self.best.fitness if self.best else -math.inf,
            median=statistics.median(fitness) if fitness else math.nan,
            evaluated=len(evaluated),
            cached=len(ended) - len(evaluated),
            failed=sum(e.status in FAILED for e in evaluated),
            seconds=now - self._began,
            pruned=sum(e.status == "pruned" for e in evaluated),
            cut_off=sum(e.status == "unfinished" for e in evaluated),
        )
        self.history.append(summary)
        self.has_skipped = len(ended) < len(self.generation)
        self.generation, self._began = [], now
        return summary


class TerminationCriterion:
    """A rule by which a search ends.

    If it `counts_unanswered`, evaluations that ended before their turn count as well.
    """

    counts_unanswered: ClassVar[bool] = False

    def reason(self, result: SearchResult) -> str:
        """Return why the search ends, or an empty string if it goes on."""
        raise NotImplementedError

    def admits(self, candidate: Candidate) -> bool:
        """Return whether a candidate is evaluated if the search asks for it."""
        return True


def search(
    halving: SuccessiveHalving,
    evaluator: Evaluator,
    criteria: Sequence[TerminationCriterion],
    budget: TimeBudget | None = None,
    callbacks: Sequence[SearchCallback] = (),
) -> SearchResult:
    """Evolve until a criterion gives a reason to stop.

    Evaluations come in the order asked: a search that ends by what it finds does not
    depend on the number of workers. One that ends by the clock or by the user does, and
    counts all that is known then. With `max_time` and an ensemble, evaluations come as
    they end.
    """
    budget = TimeBudget() if budget is None else budget
    steps = _Steps(halving, evaluator, criteria, budget, callbacks)
    result = steps.result
    with steps.interruptible():
        with evaluator.running(budget):
            while not result.stop_reason:
                evaluator.submit(steps.ask())
                evaluation = evaluator.next_evaluation()
                if evaluation is None:
                    break
                steps.tell(evaluation)
                steps.terminate()
        steps.finish()
    # In the order asked, whatever order the time budget preferred.
    result.evaluations.sort(key=result.place)
    return result


@dataclass
class _Steps:
    """The steps of a search, and the callbacks that are told of them."""

    halving: SuccessiveHalving
    evaluator: Evaluator
    criteria: Sequence[TerminationCriterion]
    budget: TimeBudget
    callbacks: Sequence[SearchCallback]
    result: SearchResult = field(default_factory=SearchResult)
    _counts_unanswered: bool = False
    _is_finished: bool = False
    _n_begun: int = 0
    _held_back: list[Candidate] = field(default_factory=list)

    def ask(self) -> list[Candidate]:
        """Return the candidates that are to be evaluated now."""
        self._begin_generation()
        if self.budget.awaits_first:
            return []
        candidates = [
            candidate
            for candidate in self.halving.ask()
            if all(criterion.admits(candidate) for criterion in self.criteria)
        ]
        self.result.ask(candidates)
        waiting = [*self._held_back, *candidates]
        knows, fitness = self.evaluator.knows, self.result.fitness
        waiting = self.budget.order(waiting, knows, fitness)
        n = self.budget.n_to_submit(len(waiting), self.evaluator.n_wanted)
        self._held_back = waiting[n:]
        return waiting[:n]

    def tell(self, evaluation: Evaluation) -> None:
        """Tell an evaluation to the population and to the callbacks."""
        self._begin_generation()
        self._add(evaluation)
        if evaluation.status != "skipped":
            for callback in self.callbacks:
                if callback.on_evaluation_end(evaluation):
                    self.result.is_stopped = True
        if self.halving.population.generation > len(self.result.history):
            self._end_generation()

    def _add(self, evaluation: Evaluation) -> None:
        self.result.add(evaluation, self.budget)
        self.halving.tell(evaluation)

    def terminate(self) -> None:
        """Set the first reason to stop, if there is one."""
        for criterion in self.criteria:
            if reason := criterion.reason(self.result):
                self.result.stop_reason = reason
                self._counts_unanswered = criterion.counts_unanswered
                return

    def finish(self) -> None:
        """Tell what ended out of turn, if that counts, and end the last generation."""
        if self._counts_unanswered:
            for evaluation in self._unanswered():
                self.tell(evaluation)
        self._is_finished = True
        if self.result.generation:
            self._end_generation()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Take Ctrl-C for the end of the search, if it has found anything so far."""
        try:
            yield
        except KeyboardInterrupt:
            if not self._is_finished:
                for evaluation in self._unanswered():
                    self._add(evaluation)
            if self.result.best is None:
                raise
            self.result.stop_reason = INTERRUPTED

    def _unanswered(self) -> Iterator[Evaluation]:
        """Yield, once the workers are stopped, what was not told in its turn."""
        yield from self.evaluator.left_over()
        while self._held_back:
            candidate = self._held_back.pop(0)
            chromosome, resource = candidate.chromosome, candidate.resource
            yield Evaluation(chromosome, "skipped", resource=resource)

    def _begin_generation(self) -> None:
        if self._n_begun == len(self.result.history):
            self._n_begun += 1
            for callback in self.callbacks:
                callback.on_generation_start(
                    len(self.result.history), self.halving.generation_size
                )

    def _end_generation(self) -> None:
        generation = self.result.end_generation()
        for callback in self.callbacks:
            if callback.on_generation_end(generation):
                self.result.is_stopped = True


# Callbacks. ---------------------------------------------------------------------------


class SklearnCallbacks(SearchCallback):
    """Passes generations and individuals on to scikit-learn's callbacks.

    Parameters
    ----------
    root : CallbackContext
        The context of the estimator's `fit`.
    data : dict
        X and y, as callbacks get them.
    """

    def __init__(self, estimator: BaseEstimator, root: Any, data: dict) -> None:
        self.estimator, self.root, self.data = estimator, root, data

    def on_generation_start(self, number: int, size: int | None) -> None:
        self.generation = self.root.subcontext("generation", max_subtasks=size)
        self.generation.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        # Individuals end in an order of their own: each task begins when it has ended.
        context = self.generation.subcontext("individual")
        context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return context.call_on_fit_task_end(
            estimator=self.estimator,
            metadata={"evaluation": evaluation},
            **self.data,
        )

    def on_generation_end(self, generation: Generation) -> bool:
        return self.generation.call_on_fit_task_end(
            estimator=self.estimator,
            metadata={"generation": generation},
            **self.data,
        )


# Causes of failures that a message lists. Chosen, not measured.
MOST_CAUSES = 5


def most_frequent_causes(failed: Sequence[Evaluation]) -> list[str]:
    """Return a line for each of the most frequent causes: how often, and an example."""
    examples = {e.cause: e.error for e in reversed(failed)}
    counts = Counter(e.cause for e in failed).most_common(MOST_CAUSES)
    return [f"{count:>6} x {examples[cause]}" for cause, count in counts]
