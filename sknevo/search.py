"""The search: ask, evaluate, tell and terminate.

`search` is the loop. `_Steps` are its steps, and `SearchResult` is what they add up to.
Below them stand the callbacks of scikit-learn, and the causes of failures.
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
    """Is called at the events of a search, and may stop it."""

    def on_generation_start(self, number: int, size: int | None) -> None:
        """Act on the begin of a generation; successive halving knows no `size`."""

    def on_evaluation_end(self, evaluation: Evaluation) -> bool | None:
        """Act on an evaluation that counts from now on; True stops the search."""

    def on_generation_end(self, generation: Generation) -> bool | None:
        """Act on the end of a generation; True stops the search."""


@dataclass
class SearchResult:
    """All that a search has found, and how far it is.

    Attributes
    ----------
    evaluations : list of Evaluation
        Of all candidates, each once, without those that were skipped.
    skipped : list of Evaluation
        Those of candidates for which there was no time.
    history : list of Generation
        Summaries of the generations that have ended.
    best : Evaluation or None
        The fittest with the most of the resource, or, with a final training, with any
        of it; of equal ones that which was asked for first. With `max_time`, one that
        could be refitted in time.
    stop_reason : str
        Why the search has ended, empty as long as it has not.
    stop_requested : bool
        Whether a callback has asked for the end.
    fitness : dict of str to float
        The last fitness of each evaluated individual, by key.
    current_generation : list of Evaluation
        What was told since the last generation has ended.
    had_skipped : bool
        Whether candidates of the last generation were skipped.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    skipped: list[Evaluation] = field(default_factory=list)
    history: list[Generation] = field(default_factory=list)
    best: Evaluation | None = None
    stop_reason: str = ""
    stop_requested: bool = False
    fitness: dict[str, float] = field(default_factory=dict)
    current_generation: list[Evaluation] = field(default_factory=list)
    had_skipped: bool = False
    _generation_start: float = field(default_factory=time.perf_counter)
    # By the name of the candidate, its place in the order asked.
    _places: dict[str, int] = field(default_factory=dict)
    # The names of the candidates in `evaluations`.
    _names: set[str] = field(default_factory=set)

    def note_order(self, candidates: Sequence[Candidate]) -> None:
        """Note the order in which candidates are asked for."""
        for candidate in candidates:
            # A candidate that is asked for twice has its first place.
            self._places.setdefault(candidate.name, len(self._places))

    def add(self, evaluation: Evaluation, budget: TimeBudget) -> None:
        """Add an evaluation; it becomes the best if it is and can be refitted."""
        self.current_generation.append(evaluation)
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
        """Return a summary of the current generation, and begin another."""
        ended = [e for e in self.current_generation if e.status != "skipped"]
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
            seconds=now - self._generation_start,
            pruned=sum(e.status == "pruned" for e in evaluated),
            cut_off=sum(e.status == "unfinished" for e in evaluated),
        )
        self.history.append(summary)
        self.had_skipped = len(ended) < len(self.current_generation)
        self.current_generation, self._generation_start = [], now
        return summary


class TerminationCriterion:
    """A rule by which a search ends.

    A rule may end it while trials that were asked for later have ended already. If the
    rule `counts_early`, their evaluations are told as well. A rule that depends on what
    is found does not: which of them have ended depends on the number of workers.
    """

    counts_early: ClassVar[bool] = False

    def reason(self, result: SearchResult) -> str:
        """Return why the search ends, or an empty string if it goes on."""
        raise NotImplementedError

    def admits(self, candidate: Candidate) -> bool:
        """Return whether a candidate that is bred may be evaluated."""
        return True


def search(
    halving: SuccessiveHalving,
    evaluator: Evaluator,
    criteria: Sequence[TerminationCriterion],
    budget: TimeBudget | None = None,
    callbacks: Sequence[SearchCallback] = (),
) -> SearchResult:
    """Evolve until a criterion gives a reason to stop.

    Evaluations are told in the order asked: a search that ends by what it finds does
    not depend on the number of workers. One that ends by the clock or by the user does,
    and counts all evaluations that have ended then. An asynchronous search, with
    `max_time` and an ensemble, is told evaluations as they end.
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
    """The steps of a search; each calls the callbacks."""

    halving: SuccessiveHalving
    evaluator: Evaluator
    criteria: Sequence[TerminationCriterion]
    budget: TimeBudget
    callbacks: Sequence[SearchCallback]
    result: SearchResult = field(default_factory=SearchResult)
    # Whether evaluations count that have ended before their turn.
    _counts_early: bool = False
    _is_finished: bool = False
    _n_generations_begun: int = 0
    # What is asked for and not submitted yet.
    _not_submitted: list[Candidate] = field(default_factory=list)

    def ask(self) -> list[Candidate]:
        """Return the candidates to submit now."""
        self._begin_generation()
        if self.budget.awaits_first:
            return []
        candidates = [
            candidate
            for candidate in self.halving.ask()
            if all(criterion.admits(candidate) for criterion in self.criteria)
        ]
        self.result.note_order(candidates)
        waiting = [*self._not_submitted, *candidates]
        knows, fitness = self.evaluator.knows, self.result.fitness
        waiting = self.budget.order(waiting, knows, fitness)
        n = self.budget.n_to_submit(len(waiting), self.evaluator.n_wanted)
        self._not_submitted = waiting[n:]
        return waiting[:n]

    def tell(self, evaluation: Evaluation) -> None:
        """Tell an evaluation to the population and to the callbacks."""
        self._begin_generation()
        self._add(evaluation)
        if evaluation.status != "skipped":
            for callback in self.callbacks:
                if callback.on_evaluation_end(evaluation):
                    self.result.stop_requested = True
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
                self._counts_early = criterion.counts_early
                return

    def finish(self) -> None:
        """Tell what ended before its turn, if that counts; end the last generation."""
        if self._counts_early:
            for evaluation in self._not_told():
                self.tell(evaluation)
        self._is_finished = True
        if self.result.current_generation:
            self._end_generation()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Take Ctrl-C for the end of the search, if it has found anything so far."""
        try:
            yield
        except KeyboardInterrupt:
            if not self._is_finished:
                for evaluation in self._not_told():
                    self._add(evaluation)
            if self.result.best is None:
                raise
            self.result.stop_reason = INTERRUPTED

    def _not_told(self) -> Iterator[Evaluation]:
        """Yield, once the workers are stopped, what was asked for and not told."""
        yield from self.evaluator.not_returned()
        while self._not_submitted:
            candidate = self._not_submitted.pop(0)
            chromosome, resource = candidate.chromosome, candidate.resource
            yield Evaluation(chromosome, "skipped", resource=resource)

    def _begin_generation(self) -> None:
        if self._n_generations_begun == len(self.result.history):
            self._n_generations_begun += 1
            for callback in self.callbacks:
                callback.on_generation_start(
                    len(self.result.history), self.halving.generation_size
                )

    def _end_generation(self) -> None:
        generation = self.result.end_generation()
        for callback in self.callbacks:
            if callback.on_generation_end(generation):
                self.result.stop_requested = True


# Callbacks. ---------------------------------------------------------------------------


class SklearnCallbacks(SearchCallback):
    """Passes generations and individuals on to scikit-learn's callbacks.

    Parameters
    ----------
    estimator : estimator
        The evolved estimator that is fitted.
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


# Failures. ----------------------------------------------------------------------------

# Causes of failures that a message lists. Chosen, not measured.
MOST_CAUSES = 5


def most_frequent_causes(failed: Sequence[Evaluation]) -> list[str]:
    """Return a line for each of the most frequent causes: how often, and an example."""
    examples = {e.cause: e.error for e in reversed(failed)}
    counts = Counter(e.cause for e in failed).most_common(MOST_CAUSES)
    return [f"{count:>6} x {examples[cause]}" for cause, count in counts]
