"""Builds, fits and scores one candidate; its errors are part of the result."""

import functools
import hashlib
import math
import multiprocessing
import os
import pickle
import statistics
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, has_fit_parameter
from threadpoolctl import ThreadpoolController

from sknevo.deadline import (
    Deadline,
    DeadlineReached,
    Limit,
    TrialPruned,
    check_deadline,
    deadline,
    training_for,
    training_until,
)
from sknevo.evaluation._held_out import HeldOut
from sknevo.evaluation._model_store import ModelStore
from sknevo.evaluation._scoring import (
    Objectives,
    Remembering,
    Response,
    check_speed,
)
from sknevo.evaluation._shared import Shared
from sknevo.records import Candidate, Chromosome, Evaluation, Status

# How often a candidate is fitted on all of the data, with another seed each time, if it
# is pruned there: chosen, not measured.
MAX_REFITS = 3
NO_DEADLINE = Deadline()
# The `resource` that is a number of samples; all others are genes.
SAMPLES = "n_samples"


class Builder(Protocol):
    """Makes an unfitted scikit-learn estimator of expressed genes.

    If it has `makes_pipelines = True`, its estimators are Pipelines whose first step
    prepares the data. Candidates share fitted preparations, and sample weights go to
    the last step only, if its `fit` takes them. If that step has `watches_held_out =
    True`, its `fit` gets the held-out part as `X_val` and `y_val`. If it then has
    `held_out_`, a dict of honest predictions of `X_val` by method, they are what is
    scored. If it has `rounds_`, the builder takes their mean as `rounds` for a refit.
    If it has a method `for_samples`, that returns the builder for a number of samples;
    else the cost is taken to rise with them in proportion.
    If it has a method `family`, that returns for expressed genes a name of candidates
    for which `cost` errs by about the same factor.
    If it has a `resource`, the name of a gene, training goes on: its estimators have
    `train_to(X, y, amount)`, which trains until so much of the resource is used in all,
    `finish(X, y, epochs=None, until=None)`, which ends it with other samples, and
    `settle()`, which drops what only training needs.
    """

    def __call__(self, expressed: dict[str, Any], random_state: int) -> BaseEstimator:
        """Return an unfitted estimator."""

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes."""


def training_continues(builder: Builder) -> bool:
    """Return whether the training of what a builder makes can go on."""
    return getattr(builder, "resource", None) is not None


@dataclass(frozen=True)
class Data:
    """The data of a search, its splits, and the metadata of `fit` and scorers."""

    X: Any
    y: np.ndarray | None
    splits: list[tuple[np.ndarray, np.ndarray]]
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_train(self) -> int:
        """Number of samples of the smallest training part."""
        return min(len(train) for train, _ in self.splits)

    def part(self, rows: np.ndarray) -> "Data":
        """Return some of the samples, without splits."""
        X, y = _safe_indexing(self.X, rows), _part(self.y, rows)
        return Data(X, y, [], self.take(self.fit_params, rows))

    def take(self, params: Mapping[str, Any], rows: np.ndarray) -> dict[str, Any]:
        """Return metadata of some of the samples; others are left whole."""
        return _check_method_params(self.X, params, rows)


class SplitResult(NamedTuple):
    """What a trial has measured on one split; times are seconds."""

    scores: dict[str, float]
    fit_time: float
    score_time: float
    saved_time: float
    rounds: int | None = None
    prediction: np.ndarray | None = None
    fitted: bytes | None = None
    warned: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialRunner:
    """Evaluates a candidate as a function: one run is a trial.

    All randomness derives from `random_state` and the key of the
    candidate. `max_eval_time` is in seconds, `max_predict_time` in seconds for 1,000
    samples. `resource` is "n_samples" or the name of a gene, `rungs` are the amounts of
    it below the last. A `model_store` takes the models of trials with all resources,
    which serve as the refit if `refits`. With a `response`, the evaluation brings its
    held-out predictions along, and the models of all trials are stored; so they are if
    training goes on.
    """

    builder: Builder
    data: Shared
    objectives: Objectives
    random_state: int
    threads: int = 1
    raise_error: bool = False
    max_eval_time: float | None = None
    max_predict_time: float | None = None
    resource: str | None = None
    rungs: tuple[int, ...] = ()
    model_store: ModelStore | None = None
    refits: bool = False
    response: Response | None = None

    def __call__(self, candidate: Candidate, due: Deadline = NO_DEADLINE) -> Evaluation:
        """Evaluate a candidate; errors of the candidate are part of the result."""
        return self.run(candidate, self.limit(due))

    def limit(self, due: Deadline) -> Limit:
        """Return the limit of a trial that begins now.

        The data are read before that: reading is no part of the trial.
        """
        _ = self.data.value
        return due.limit(self.max_eval_time)

    def run(self, candidate: Candidate, limit: Limit) -> Evaluation:
        """Evaluate a candidate within a limit."""
        results: list[SplitResult] = []
        status: Status = "ok"
        error = ""
        try:
            with self._surroundings(limit.until):
                for i in range(self.n_splits):
                    check_deadline()
                    with self._training(candidate, i, limit):
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
            status, error = classified(fault)
        return self._evaluation(candidate, status, error, results)

    def _training(
        self, candidate: Candidate, split: int, limit: Limit
    ) -> AbstractContextManager[None]:
        """Say when training on a split may end early: a repeated one, as it did."""
        if candidate.rounds:
            return training_for(candidate.rounds[split])
        return training_until(time.time() + limit.training / self.n_splits)

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
        """Return what others must reach after each split, with a margin to the best.

        The margin is what parts the best's mean from its worst split [1]_. Means of the
        same splits are compared, since one split may be harder than the others.

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
        """Return which parameter has limited a trial that ended with a status."""
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
            status, error = "error", self._undefined(fitness, results)
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
            objectives=self.objectives.goals(scores),
            rounds=tuple(r.rounds for r in results if r.rounds is not None),
            predictions=tuple(
                r.prediction for r in results if r.prediction is not None
            ),
            fitted=tuple(r.fitted for r in results if r.fitted is not None),
        )

    def _undefined(self, fitness: float, results: list[SplitResult]) -> str:
        """Return which score makes the fitness no number, and what its scorer says."""
        for i, result in enumerate(results):
            for name, score in result.scores.items():
                if not math.isfinite(score) and self.objectives.counts(name):
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
                with self._surroundings(until):
                    self._fit(estimator, data.X, data.y, data.fit_params)
                return estimator
            except TrialPruned as pruned:
                reason = pruned
        raise reason

    def unfitted(
        self, chromosome: Chromosome, rounds: Sequence[int] = (), repetition: int = 0
    ) -> BaseEstimator:
        """Return what `refit` fits."""
        known = {"rounds": round(statistics.fmean(rounds))} if rounds else {}
        seed = self.seed(Candidate(chromosome), repetition)
        return self.builder(chromosome.expressed, seed, **known)

    @contextmanager
    def _surroundings(self, moment: float) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(limited_threads(self.threads))
            stack.enter_context(deadline(moment))
            if _apart():
                # Bad candidates are the rule in a search, not worth a warning each.
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            yield

    @property
    def n_splits(self) -> int:
        """Number of fits of a trial."""
        return len(self.data.value.splits)

    def normalized(self, candidate: Candidate) -> Candidate:
        """Return the candidate, without a resource that is no restriction to it."""
        if candidate.resource is None:
            return candidate
        whole = self.data.value.n_train
        if self.resource != SAMPLES:
            whole = wanted(candidate.chromosome.expressed, self.resource)
        if candidate.resource < whole:
            return candidate
        return replace(candidate, resource=None)

    def keeps_models(self, candidate: Candidate) -> bool:
        """Return whether the models of a candidate are kept."""
        # Members of an ensemble, and what goes on, may have a part of the resources.
        partial = self.response is not None or self.continues
        counts = partial or self.normalized(candidate).resource is None
        return self.model_store is not None and counts

    @property
    def continues(self) -> bool:
        """Whether the training of a kept model can go on."""
        return training_continues(self.builder)

    @property
    def _climbs(self) -> bool:
        """Whether training goes on from one rung to the next."""
        return self.continues and self.builder.resource == self.resource

    def amount(self, candidate: Candidate) -> int | None:
        """Return how much is trained in all, None if training does not go on."""
        if not self.continues:
            return None
        all_of_it = int(wanted(candidate.chromosome.expressed, self.builder.resource))
        few = candidate.resource if self._climbs else None
        return all_of_it if few is None else min(few, all_of_it)

    def _below(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the same individual with less of the resource, the most first."""
        if self._climbs:
            amount = self.amount(candidate)
            for rung in sorted(self.rungs, reverse=True):
                if rung < amount:
                    yield Candidate(candidate.chromosome, rung)

    def _begun(self, candidate: Candidate, split: int) -> BaseEstimator | None:
        """Return a kept model whose training can go on, None if there is none."""
        if self.model_store is None:
            return None
        kept = (self.model_store.load(one, split) for one in self._below(candidate))
        return next((model for model in kept if model is not None), None)

    def is_refit(self, candidate: Candidate) -> bool:
        """Return whether the model of a candidate's trial serves as its refit."""
        return self.refits and self.keeps_models(candidate)

    def stored_model(self, candidate: Candidate) -> BaseEstimator | None:
        """Return the model that a trial has fitted on its last split, if it is kept."""
        return self.model_store and self._settled(candidate, self.n_splits - 1)

    def models(self, candidate: Candidate) -> list[BaseEstimator]:
        """Return the models of all splits, none if one of them is not kept."""
        models = [self._settled(candidate, i) for i in range(self.n_splits)]
        return [] if any(model is None for model in models) else models

    def _settled(self, candidate: Candidate, split: int) -> BaseEstimator | None:
        """Return a kept model without what only training needs."""
        model = self.model_store.load(self.normalized(candidate), split)
        return model.settle() if self.continues and model is not None else model

    def held_out(self) -> HeldOut:
        """Return the held-out parts of the splits, to score predictions of them."""
        data = self.data.value
        parts = [test for _, test in data.splits]
        targets = [_part(data.y, test) for test in parts]
        params = [data.take(data.score_params, test) for test in parts]
        return HeldOut(self.objectives, targets, params, self.response.labels)

    def needs_no_refit(self, candidate: Candidate) -> bool:
        """Return whether a model of this candidate was kept that is its refit."""
        return self.is_refit(candidate) and self.model_store.received(
            self.normalized(candidate)
        )

    def share(self, candidate: Candidate) -> float:
        """Return the share of the training part that a candidate is given."""
        few = self._n_samples(candidate)
        return 1.0 if few is None else few / self.data.value.n_train

    def _n_samples(self, candidate: Candidate) -> int | None:
        """Return how many training samples a candidate is given, None for all."""
        few = self.normalized(candidate).resource
        return few if self.resource == SAMPLES else None

    def cost(self, candidate: Candidate) -> float:
        """Return the predicted seconds of a fit, 0 if there is no prediction."""
        builder = self._builder_for(candidate)
        try:
            predicted = builder.cost(self._genes(candidate))
        except Exception:  # if it cannot be built, its trial reports why
            return 0.0
        if self.continues:
            predicted *= 1 - self._done(candidate)
        # A builder that knows no number of samples predicts for all of them.
        return (
            predicted * self.share(candidate) if builder is self.builder else predicted
        )

    def _done(self, candidate: Candidate) -> float:
        """Return the share of a training that a kept model has behind it."""
        kept = (one for one in self._below(candidate) if self.model_store.received(one))
        below = next(kept, None) if self.model_store is not None else None
        return 0.0 if below is None else below.resource / self.amount(candidate)

    def _builder_for(self, candidate: Candidate) -> Builder:
        """Return the builder for as many samples as a candidate is given."""
        few = self._n_samples(candidate)
        if few is None or not hasattr(self.builder, "for_samples"):
            return self.builder
        return self.builder.for_samples(few)

    def family(self, candidate: Candidate) -> str:
        """Return the name of candidates whose predicted costs err alike."""
        try:
            return self.builder.family(candidate.chromosome.expressed)
        except Exception:  # a builder without families, or nothing that can be built
            return ""

    def _genes(self, candidate: Candidate) -> dict[str, Any]:
        """Return the expressed genes, limited to the resource if that is a gene."""
        expressed = candidate.chromosome.expressed
        if candidate.resource is None or self.resource == SAMPLES:
            return expressed
        return limited(expressed, self.resource, candidate.resource)

    def _rows(self, candidate: Candidate, split: int) -> tuple[np.ndarray, np.ndarray]:
        """Return training and test rows; the resource limits the former only."""
        train, test = self.data.value.splits[split]
        if candidate.resource is None or self.resource != SAMPLES:
            return train, test
        # Independent of the candidate: all of a rung are compared on the same rows, and
        # the rows of a lower rung are part of those of a higher one.
        (order,) = self.data.computed(
            ("order", self.random_state, split), lambda: (self._order(split),)
        )
        return np.sort(train[order[: candidate.resource]]), test

    def _order(self, split: int) -> np.ndarray:
        """Return the order in which training rows are given to candidates."""
        train, _ = self.data.value.splits[split]
        rng = np.random.default_rng([self.random_state, split])
        order = spread(_part(self.data.value.y, train), len(train), rng)
        return order.astype(np.min_scalar_type(len(train)))

    def _built(self, candidate: Candidate) -> BaseEstimator:
        """Return the unfitted estimator of a candidate."""
        # What goes on is built for all of its training.
        whole = candidate.chromosome.expressed
        genes = whole if self._climbs else self._genes(candidate)
        return self._builder_for(candidate)(genes, self.seed(candidate))

    def _fit_and_score(self, candidate: Candidate, split: int) -> SplitResult:
        data = self.data.value
        train, test = self._rows(candidate, split)
        estimator = self._begun(candidate, split)
        if estimator is None:
            estimator = self._built(candidate)
        start, saved, prepared = time.perf_counter(), 0.0, []
        y_train, y_test = _part(data.y, train), _part(data.y, test)
        if self._may_share:
            (name, step), *steps = estimator.steps
            step, X_train, X_test, saved = self._prepared(step, train, split)
            # What the preparation would have cost, for predictions of the refit.
            saved = max(0.0, saved - (time.perf_counter() - start))
            estimator, prepared = Pipeline(steps), [(name, step)]
        else:
            # Splits precomputed kernels, too.
            X_train, _ = _safe_split(estimator, data.X, None, train)
            X_test, _ = _safe_split(estimator, data.X, None, test, train)
        held_out = X_test, y_test, data.take(data.fit_params, test)
        fit_params = data.take(data.fit_params, train)
        answers = self._fit(
            estimator, X_train, y_train, fit_params, held_out, self.amount(candidate)
        )
        fit_time = time.perf_counter() - start
        # Before scoring: a slow candidate should not be timed for nothing.
        check_speed(estimator, X_test, self.max_predict_time)
        score_params = data.take(data.score_params, test)
        # An ensemble needs predictions that the scorer may have asked for already.
        scored = Remembering(estimator, X_test, answers)
        with _recorded() as warned:
            scores = self.objectives.measure(
                scored, X_test, y_test, score_params, fit_time
            )
        prediction = self.response and self.response.of(scored, X_test)
        score_time = time.perf_counter() - start - fit_time
        fitted = None
        if self.keeps_models(candidate):
            if prepared:
                estimator = Pipeline([*prepared, *estimator.steps])
            fitted = self.model_store.save(self.normalized(candidate), split, estimator)
        said = tuple(dict.fromkeys(str(warning.message) for warning in warned))
        rounds = getattr(_last_step(estimator), "rounds_", None)
        return SplitResult(
            scores, fit_time, score_time, saved, rounds, prediction, fitted, said
        )

    def _fit(
        self,
        estimator: BaseEstimator,
        X: Any,
        y: Any,
        fit_params: Mapping[str, Any],
        held_out: tuple[Any, Any, Mapping[str, Any]] | None = None,
        amount: int | None = None,
    ) -> dict[str, Any]:
        """Fit an estimator in place, up to an amount; our own pipelines step by step.

        Their last step is weighted and may watch the held-out part: X, y and metadata.
        Its honest predictions of that part are returned, by method, and not kept.
        Pipeline.fit would route metadata by a global setting of the user.
        """
        if amount is not None:
            estimator.train_to(X, y, amount, **fit_params)
            return {}
        if not self._own_pipelines:
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

    @property
    def _own_pipelines(self) -> bool:
        return getattr(self.builder, "makes_pipelines", False)

    @property
    def _may_share(self) -> bool:
        """Whether a preparation that another candidate has fitted serves as well."""
        needs_raw_X = (
            not self.objectives.blind_to_X or self.max_predict_time is not None
        )
        return self._own_pipelines and not needs_raw_X

    def _prepared(
        self, step: BaseEstimator, train: np.ndarray, split: int
    ) -> tuple[BaseEstimator, Any, Any, float]:
        """Return the fitted first step, the parts as it prepares them, and its seconds.

        The step is fitted once for all candidates that share it on these rows.
        """
        data = self.data.value
        _, test = data.splits[split]

        def prepare() -> tuple[BaseEstimator, Any, Any, float]:
            start = time.perf_counter()
            X_train = step.fit_transform(
                _safe_indexing(data.X, train), _part(data.y, train)
            )
            X_test = step.transform(_safe_indexing(data.X, test))
            return step, X_train, X_test, time.perf_counter() - start

        return self.data.computed((split, len(train), pickle.dumps(step)), prepare)

    def seed(self, candidate: Candidate, repetition: int = 0) -> int:
        """Return the seed of all randomness in the trials of a candidate."""
        text = f"{self.random_state}:{candidate.chromosome.key}"
        if repetition:
            text += f":{repetition}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1


def _scores(results: Sequence[SplitResult]) -> dict[str, tuple[float, ...]]:
    """Return for each score its values on the splits."""
    names = results[0].scores if results else ()
    return {name: tuple(result.scores[name] for result in results) for name in names}


def _last_step(estimator: BaseEstimator) -> BaseEstimator:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _part(values: Any, rows: np.ndarray) -> Any:
    return None if values is None else _safe_indexing(values, rows)


def _apart() -> bool:
    """Whether no other thread of this process can show the warnings of this one."""
    in_worker = multiprocessing.parent_process() is not None
    return in_worker or threading.current_thread() is threading.main_thread()


@contextmanager
def _recorded() -> Iterator[list[warnings.WarningMessage]]:
    """Record the warnings inside, if they are not those of other threads as well."""
    if not _apart():
        yield []
        return
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield warned


def classified(fault: Exception) -> tuple[Status, str]:
    """Return the status and the message of an error."""
    kind = type(fault).__name__
    if isinstance(fault, MemoryError) or kind == "OutOfMemoryError":  # torch's own
        return "memory", f"{kind}: {fault}"
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return "error", f"{kind}: {fault} ({place})"


_lock = threading.Lock()
_users = 0
_blas_limit = None


def inner_threads(n_workers: int) -> int:
    """Return the threads per worker, such that workers x threads = cores."""
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )
    return max(1, cores // n_workers)


@contextmanager
def limited_threads(openmp: int) -> Iterator[None]:
    """Limit the threads of OpenMP, and those of BLAS to one.

    With one thread BLAS always adds in the same order, so that scores do not depend on
    the number of workers. Boosters are exact with any number. The limit of OpenMP
    belongs to the calling thread, that of BLAS to the process: the first trial that
    enters sets it, the last one that leaves lifts it.
    """
    global _users, _blas_limit
    with _lock:
        if _users == 0:
            _blas_limit = _controller(len(sys.modules)).limit(limits=1, user_api="blas")
        _users += 1
    try:
        with _controller(len(sys.modules)).limit(limits=openmp, user_api="openmp"):
            yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                # Restored alone, the limits would stay this thread's to set.
                _blas_limit.__exit__(None, None, None)


@functools.lru_cache(maxsize=1)
def _controller(n_modules: int) -> ThreadpoolController:
    """Look for thread pools again only when more libraries may have been loaded."""
    return ThreadpoolController()


def limited(expressed: Any, name: str, limit: int) -> Any:
    """Return a copy of expressed genes in which no gene of this name exceeds a limit.

    Examples
    --------
    >>> limited({"training": {"epochs": 30, "batch_size": 64}}, "epochs", 10)
    {'training': {'epochs': 10, 'batch_size': 64}}
    """
    match expressed:
        case dict():
            return {
                key: min(value, limit) if key == name else limited(value, name, limit)
                for key, value in expressed.items()
            }
        case list():
            return [limited(item, name, limit) for item in expressed]
    return expressed


def wanted(expressed: Any, name: str) -> float:
    """Return how much the genes of a name ask for, 0 if there is none.

    Examples
    --------
    >>> wanted({"training": {"epochs": 30}}, "epochs")
    30
    """
    match expressed:
        case dict():
            values = [v if k == name else wanted(v, name) for k, v in expressed.items()]
        case list():
            values = [wanted(item, name) for item in expressed]
        case _:
            values = []
    return max(values, default=0)


def spread(y: Any, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return an order of rows of which any beginning has all classes in proportion.

    The order is random if y holds no labels, several per row, or values to predict.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array(["a"] * 6 + ["b"] * 3)
    >>> sorted(y[spread(y, 9, np.random.default_rng(0))[:3]].tolist())
    ['a', 'a', 'b']
    """
    order = rng.permutation(n_samples)
    y = np.asarray(y)
    if y.ndim != 1 or (y.dtype.kind == "f" and np.any(y % 1)):
        return order
    _, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    labels = labels.astype(np.min_scalar_type(len(counts)))  # sorted much faster
    grouped = order[np.argsort(labels[order], kind="stable")]
    number = np.arange(n_samples) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(n_samples)
    place[grouped] = number / counts[labels[grouped]]  # the first of each comes first
    return order[np.argsort(place[order], kind="stable")]
