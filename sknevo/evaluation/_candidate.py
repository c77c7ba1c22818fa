"""Builds, fits and scores one candidate; its errors are part of the result."""

import math
import multiprocessing
import os
import pickle
import statistics
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import has_fit_parameter

from sknevo.deadline import (
    Deadline,
    DeadlineReached,
    Limit,
    TrialPruned,
    check_deadline,
    must_end_by,
    training_for,
    training_until,
)
from sknevo.evaluation._costs import check_speed
from sknevo.evaluation._data import part_of
from sknevo.evaluation._predictions import CachingEstimator, last_step
from sknevo.evaluation._threads import limited_threads, useful_threads
from sknevo.evaluation._trials import Trials
from sknevo.records import Candidate, Chromosome, Evaluation, Status
from sknevo.saved_time import counting_saved_seconds

# How often a candidate is fitted on all of the data, with another seed each time, if it
# is pruned there: chosen, not measured.
MAX_REFITS = 3
NO_DEADLINE = Deadline()


class SplitResult(NamedTuple):
    """What a trial has measured on one split; times are seconds.

    `rounds`, `prediction` (of the test part) and `fitted` (the pickled model) are those
    of an `Evaluation`; `warned` are the warnings of scorers.
    """

    scores: dict[str, float]
    fit_time: float
    score_time: float
    saved_time: float
    rounds: int | None = None
    prediction: np.ndarray | None = None
    fitted: bytes | None = None
    warned: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialRunner(Trials):
    """Evaluates a candidate as a function: one run is a trial.

    `max_eval_time` is in seconds, `max_predict_time` in seconds for 1,000 samples.
    """

    threads: int = 1
    raise_error: bool = False
    max_eval_time: float | None = None
    max_predict_time: float | None = None

    def __call__(
        self, candidate: Candidate, deadline: Deadline = NO_DEADLINE
    ) -> Evaluation:
        """Evaluate a candidate; errors of the candidate are part of the result."""
        return self.run(candidate, self.limit(deadline))

    def limit(self, deadline: Deadline) -> Limit:
        """Return the limit of a trial that begins now.

        The data are read before that: reading is no part of the trial.
        """
        _ = self.data.value
        return deadline.limit(self.max_eval_time)

    def run(self, candidate: Candidate, limit: Limit) -> Evaluation:
        """Evaluate a candidate within a limit."""
        results: list[SplitResult] = []
        status: Status = "ok"
        error = ""
        try:
            with self._trial_settings(limit.until):
                for i in range(self.n_splits):
                    check_deadline()
                    with self._training_limit(candidate, i, limit):
                        result = self._fit_and_score(candidate, i)
                    if results and result.scores.keys() != results[0].scores.keys():
                        raise ValueError(
                            "scoring must return the same scores on each split; got "
                            f"{[*results[0].scores]} and {[*result.scores]}."
                        )
                    results.append(result)
                    self._check_prospects(candidate, results)
        except DeadlineReached as reached:
            # The own limit, or the end of the search: whichever came first.
            status, error = limit.status, f"{reached}{self.exceeded(limit.status)}"
        except TrialPruned as reason:
            status, error = reason.status, str(reason)
        except Exception as fault:
            if self.raise_error:
                raise
            status, error = status_and_message(fault)
        return self._evaluation(candidate, status, error, results)

    def _training_limit(
        self, candidate: Candidate, split: int, limit: Limit
    ) -> AbstractContextManager[None]:
        """Let training on a split stop early inside this block.

        Training that is repeated stops after as many rounds as before. Otherwise each
        split has the same share of the seconds.
        """
        if candidate.rounds:
            return training_for(candidate.rounds[split])
        return training_until(time.time() + limit.training_seconds / self.n_splits)

    def _check_prospects(
        self, candidate: Candidate, results: list[SplitResult]
    ) -> None:
        """Raise `TrialPruned` if the candidate is too bad so far to go on."""
        n = len(results)
        if n == self.n_splits or not candidate.floors:
            return
        mean, floor = self.objectives.fitness(_scores(results)), candidate.floors[n - 1]
        if mean < floor:
            raise TrialPruned(
                f"its mean on {n} of {self.n_splits} splits, {mean:.4g}, is below "
                f"{floor:.4g}, too far from that of better ones"
            )

    def floors(self, best: Evaluation) -> tuple[float, ...]:
        """Return the mean fitness that others must reach after each split.

        It is that of the best after the same splits, since one split may be harder than
        the others, minus a margin: the difference between the best's mean and its worst
        split [1]_.

        References
        ----------
        .. [1] Bergman, E., Purucker, L., & Hutter, F. (2024). Don't Waste Your Time:
           Early Stopping Cross-Validation. arXiv:2405.03389.
        """
        scores = best.scores.items()
        splits = [
            self.objectives.fitness({name: (values[i],) for name, values in scores})
            for i in range(self.n_splits)
        ]
        means = np.cumsum(splits) / np.arange(1, self.n_splits + 1)
        return tuple((means - (means[-1] - min(splits))).tolist())

    def exceeded(self, status: Status) -> str:
        """Return which parameter has set the limit that ended a trial so."""
        return f": max_eval_time={self.max_eval_time:g}" if status == "timeout" else ""

    def _evaluation(
        self,
        candidate: Candidate,
        status: Status,
        error: str,
        results: list[SplitResult],
    ) -> Evaluation:
        """Put an evaluation together; a fitness that is not finite is an error."""
        scores = _scores(results)
        fitness = self.objectives.fitness(scores) if status == "ok" else -math.inf
        if status == "ok" and not math.isfinite(fitness):
            status, error = "error", self._why_not_finite(fitness, results)
            fitness = -math.inf
        evaluation = Evaluation(
            candidate.chromosome,
            status,
            fitness,
            scores,
            fit_times=tuple(r.fit_time for r in results),
            score_times=tuple(r.score_time for r in results),
            saved_times=tuple(r.saved_time for r in results),
            error=error,
            resource=candidate.resource,
        )
        if status != "ok":
            return evaluation
        return replace(
            evaluation,
            objectives=self.objectives.objective_values(scores),
            rounds=tuple(r.rounds for r in results if r.rounds is not None),
            predictions=tuple(
                r.prediction for r in results if r.prediction is not None
            ),
            fitted=tuple(r.fitted for r in results if r.fitted is not None),
        )

    def _why_not_finite(self, fitness: float, results: list[SplitResult]) -> str:
        """Return which score makes the fitness not finite, and what was warned."""
        for i, result in enumerate(results):
            for name, score in result.scores.items():
                if not math.isfinite(score) and self.objectives.is_in_fitness(name):
                    said = f" ({' '.join(result.warned)})" if result.warned else ""
                    where = f"{name} is {score} on split {i}"
                    return f"the fitness is {fitness}, since {where}{said}"
        return f"the fitness is {fitness}"

    def refit(
        self,
        chromosome: Chromosome,
        rounds: Sequence[int] = (),
        until: float = math.inf,
    ) -> BaseEstimator:
        """Return the candidate fitted on all of the data.

        It trains for the mean of the `rounds` that its trial has kept. If it is pruned,
        which it was not in its trial, another seed is tried. `DeadlineReached` is
        raised after the `time.time()` of `until`.
        """
        data = self.data.value
        for repetition in range(MAX_REFITS):
            estimator = self.unfitted(chromosome, rounds, repetition)
            try:
                with self._trial_settings(until):
                    self._fit(estimator, data.X, data.y, data.fit_params)
                return estimator
            except TrialPruned as pruned:
                reason = pruned
        raise reason

    def unfitted(
        self, chromosome: Chromosome, rounds: Sequence[int] = (), repetition: int = 0
    ) -> BaseEstimator:
        """Return what `refit` fits."""
        options = {"rounds": round(statistics.fmean(rounds))} if rounds else {}
        seed = self.seed(Candidate(chromosome), repetition)
        return self.builder(chromosome.expressed, seed, **options)

    @contextmanager
    def _trial_settings(self, moment: float) -> Iterator[None]:
        """Limit threads, set the deadline and hide warnings inside this block."""
        with ExitStack() as stack:
            threads = useful_threads(self.threads, self.data.value.X)
            stack.enter_context(limited_threads(threads))
            stack.enter_context(must_end_by(moment))
            if _has_own_warnings():
                # Bad candidates are the rule in a search, not worth a warning each.
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            yield

    def _fit_and_score(self, candidate: Candidate, split: int) -> SplitResult:
        """Fit a candidate on one part of a split, and score it on the other."""
        data = self.data.value
        train, test = self.split_rows(candidate, split)
        estimator = self.checkpoint(candidate, split)
        if estimator is None:
            estimator = self.make_estimator(candidate)

        start = time.perf_counter()
        with counting_saved_seconds() as saved:
            first_steps, estimator, X_train, X_test, saved_time = self._prepare(
                estimator, train, split
            )
            y_train, y_test = part_of(data.y, train), part_of(data.y, test)
            predictions = self._fit(
                estimator,
                X_train,
                y_train,
                data.take(data.fit_params, train),
                held_out=(X_test, y_test, data.take(data.fit_params, test)),
                amount=self.total_amount(candidate),
            )
        fit_time = time.perf_counter() - start
        saved_time += sum(saved.values())

        # Before scoring: a slow candidate should not be timed for nothing.
        check_speed(estimator, X_test, self.max_predict_time)
        score_params = data.take(data.score_params, test)
        # An ensemble needs predictions that the scorer may have asked for already.
        caching = CachingEstimator(estimator, X_test, predictions)
        with _recorded_warnings() as warned:
            scores = self.objectives.measure(
                caching, X_test, y_test, score_params, fit_time, X_train
            )
        prediction = self.response and self.response.of(caching, X_test)
        score_time = time.perf_counter() - start - fit_time

        fitted = None
        if self.keeps_models(candidate):
            if first_steps:
                estimator = Pipeline([*first_steps, *estimator.steps])
            fitted = self.model_store.save(self.normalized(candidate), split, estimator)
        rounds = getattr(last_step(estimator), "rounds_", None)
        messages = tuple(dict.fromkeys(str(warning.message) for warning in warned))
        return SplitResult(
            scores,
            fit_time,
            score_time,
            saved_time,
            rounds,
            prediction,
            fitted,
            messages,
        )

    def _prepare(
        self, estimator: BaseEstimator, train: np.ndarray, split: int
    ) -> tuple[list[tuple[str, BaseEstimator]], BaseEstimator, Any, Any, float]:
        """Return what the trial fits, and both parts of X as this takes them.

        If candidates share fitted preparations, the first step is cut off: it stands
        first in the result, and the seconds that its fit would have taken stand last.
        """
        if not self._shares_preparations:
            return [], estimator, *self._split_X(estimator, train, split), 0.0
        start = time.perf_counter()
        (name, step), *steps = estimator.steps
        step, X_train, X_test, seconds = self._shared_preparation(step, train, split)
        saved_time = max(0.0, seconds - (time.perf_counter() - start))
        return [(name, step)], Pipeline(steps), X_train, X_test, saved_time

    def _fit(
        self,
        estimator: BaseEstimator,
        X: Any,
        y: Any,
        fit_params: Mapping[str, Any],
        held_out: tuple[Any, Any, Mapping[str, Any]] | None = None,
        amount: int | None = None,
    ) -> dict[str, Any]:
        """Fit an estimator in place; return its own predictions of the held-out part.

        With an `amount`, it is trained until so much of the resource is used. The
        pipelines of a builder that `makes_pipelines` are fitted step by step, since
        Pipeline.fit would route metadata by a global setting of the user. Their last
        step may watch the held-out part (X, y and metadata). If it has honest
        predictions of that part, they are returned by method, and not kept.
        """
        if amount is not None:
            estimator.train_to(X, y, amount, **fit_params)
            return {}
        if not self._makes_pipelines:
            # Some estimators return something else than themselves.
            estimator.fit(X, y, **fit_params)
            return {}
        *steps, (_, model) = estimator.steps
        # A model that takes no weights learns without them.
        fit_params = {
            n: v for n, v in fit_params.items() if has_fit_parameter(model, n)
        }
        watches = held_out is not None and getattr(model, "watches_held_out", False)
        X_val, y_val, val_params = held_out if watches else (None, None, {})
        for _, step in steps:
            if step not in (None, "passthrough"):
                X = step.fit_transform(X, y)
                X_val = step.transform(X_val) if watches else None
        if watches:
            watched = {f"{name}_val": values for name, values in val_params.items()}
            fit_params = {**fit_params, "X_val": X_val, "y_val": y_val, **watched}
        model.fit(X, y, **fit_params)
        return vars(model).pop("held_out_", {})

    def _split_X(
        self, estimator: BaseEstimator, train: np.ndarray, split: int
    ) -> tuple[Any, Any]:
        """Return X of both parts of a split.

        For a builder that `keeps_samples` they are the same arrays each time.
        """
        data = self.data.value
        _, test = data.splits[split]

        def take() -> tuple[Any, Any]:
            # Splits precomputed kernels, too.
            X_train, _ = _safe_split(estimator, data.X, None, train)
            X_test, _ = _safe_split(estimator, data.X, None, test, train)
            return X_train, X_test

        if not getattr(self.builder, "keeps_samples", False):
            return take()
        return self.data.computed(("parts", split, len(train)), take)

    @property
    def _makes_pipelines(self) -> bool:
        return getattr(self.builder, "makes_pipelines", False)

    @property
    def _shares_preparations(self) -> bool:
        """Whether a preparation that another candidate has fitted serves as well.

        It does not if a scorer looks at X itself, or if predictions are timed, of which
        the preparation is a part.
        """
        is_timed = self.max_predict_time is not None
        needs_raw_X = is_timed or not self.objectives.use_only_predictions
        return self._makes_pipelines and not needs_raw_X

    def _shared_preparation(
        self, step: BaseEstimator, train: np.ndarray, split: int
    ) -> tuple[BaseEstimator, Any, Any, float]:
        """Return the fitted first step, the parts as it prepares them, and its seconds.

        The step is fitted once for all candidates that share it on these rows.
        """
        data = self.data.value
        _, test = data.splits[split]

        def prepare() -> tuple[BaseEstimator, Any, Any, float]:
            start = time.perf_counter()
            with counting_saved_seconds() as saved:
                X_train = step.fit_transform(
                    _safe_indexing(data.X, train), part_of(data.y, train)
                )
                X_test = step.transform(_safe_indexing(data.X, test))
            seconds = time.perf_counter() - start + sum(saved.values())
            return step, X_train, X_test, seconds

        return self.data.computed((split, len(train), pickle.dumps(step)), prepare)


def _scores(results: Sequence[SplitResult]) -> dict[str, tuple[float, ...]]:
    """Return for each score its values on the splits."""
    names = results[0].scores if results else ()
    return {name: tuple(result.scores[name] for result in results) for name in names}


def _has_own_warnings() -> bool:
    """Return whether filters of warnings set here affect no other thread's trial."""
    in_worker = multiprocessing.parent_process() is not None
    return in_worker or threading.current_thread() is threading.main_thread()


@contextmanager
def _recorded_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Record the warnings inside, none if other threads may have raised them."""
    if not _has_own_warnings():
        yield []
        return
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield warned


def status_and_message(fault: Exception) -> tuple[Status, str]:
    """Return the status and the message of a trial that an exception has ended."""
    kind = type(fault).__name__
    if isinstance(fault, MemoryError) or kind == "OutOfMemoryError":  # torch's own
        return "memory", f"{kind}: {fault}"
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return "error", f"{kind}: {fault} ({place})"
