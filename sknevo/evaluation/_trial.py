"""One trial: build an individual, fit and score it on each split, survive faults."""

import hashlib
import math
import multiprocessing
import os
import pickle
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split

from sknevo.deadline import DeadlineReached, TrialPruned, check_deadline, deadline
from sknevo.evaluation._costs import check_speed
from sknevo.evaluation._fitted import Fitted
from sknevo.evaluation._objectives import Objectives
from sknevo.evaluation._record import Record
from sknevo.evaluation._resources import SAMPLES, limited, spread, wanted
from sknevo.evaluation._shared import Shared
from sknevo.evaluation._threads import limited_threads
from sknevo.limits import Span
from sknevo.records import Candidate, Chromosome, Evaluation

__all__ = ["Builder", "Data", "Limit", "Trial"]

# An individual that gives up in its refit is fitted so often in all.
MOST_REFITS = 3
WITHOUT_END = Span()


class Limit(NamedTuple):
    """The `time.time()` by which a trial must end, and its status if it does not."""

    until: float = math.inf
    status: str = "unfinished"


class Builder(Protocol):
    """Makes an unfitted scikit-learn estimator of expressed genes.

    One that says `makes_pipelines = True` makes Pipelines of its own, not the user's:
    the first step prepares the data and may be shared by many individuals, and the
    weights of samples are for the last.
    """

    def __call__(self, expressed: dict[str, Any], random_state: int) -> BaseEstimator:
        """Return an unfitted estimator."""

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes."""


@dataclass(frozen=True)
class Data:
    """What all trials of a search have in common and only trials touch.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, ...)
        Features.
    y : ndarray of shape (n_samples,) or None
        Targets.
    splits : list of (train, test) index arrays
        On which parts to fit and to score.
    fit_params, score_params : dict of str to array-like of shape (n_samples,)
        Metadata for the `fit` of individuals and for the scorers.
    """

    X: Any
    y: np.ndarray
    splits: list[tuple[np.ndarray, np.ndarray]]
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_train(self) -> int:
        """Samples of the smallest training part."""
        return min(len(train) for train, _ in self.splits)

    def part(self, rows: np.ndarray) -> "Data":
        """Return some of the samples, to fit on.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Which.

        Returns
        -------
        Data
            Without splits.
        """
        X, y = _safe_indexing(self.X, rows), _part(self.y, rows)
        return Data(X, y, [], _take(self.fit_params, rows))


@dataclass(frozen=True)
class Trial:
    """How a chromosome fares, as a function.

    All randomness comes from `random_state`, `repetition`, the key of the chromosome
    and what it is given.

    Parameters
    ----------
    builder : Builder
        Makes estimators.
    data : Shared of Data
        What to fit and score on.
    objectives : Objectives
        What to measure.
    random_state : int
        Seed.
    threads : int, default=1
        Threads for the libraries inside.
    raise_error : bool, default=False
        Whether a failed individual ends the search.
    max_eval_time : float or None, default=None
        Seconds that a trial may take.
    max_predict_time : float or None, default=None
        Seconds that predicting 1,000 samples may take, on any split.
    repetition : int, default=0
        How often individuals have been tried before: each time with other seeds.
    resource : str or None, default=None
        What candidates are given of: "samples", or the name of a gene such as "epochs".
    fitted : Fitted or None, default=None
        For the estimators of trials on one split, if a refit would come to the same.
    """

    builder: Builder
    data: Shared
    objectives: Objectives
    random_state: int
    threads: int = 1
    raise_error: bool = False
    max_eval_time: float | None = None
    max_predict_time: float | None = None
    repetition: int = 0
    resource: str | None = None
    fitted: Fitted | None = None

    def __call__(self, candidate: Candidate, span: Span = WITHOUT_END) -> Evaluation:
        """Evaluate a candidate; errors of the candidate are part of the result."""
        return self.run(candidate, self.limit(span))

    def limit(self, span: Span) -> Limit:
        """Return when a trial that begins now must have ended.

        The data are read before that: the time of a trial is its own.
        """
        _ = self.data.value
        limits = [Limit(span.until())]
        if self.max_eval_time is not None:
            limits.append(Limit(time.time() + self.max_eval_time, "timeout"))
        return min(limits)

    def run(self, candidate: Candidate, limit: Limit) -> Evaluation:
        """Evaluate a candidate within a limit."""
        record = Record()
        status, error = "ok", ""
        try:
            with self._surroundings(limit.until):
                for i in range(len(self.data.value.splits)):
                    check_deadline()
                    self._fit_and_score(candidate, i, record)
        except DeadlineReached as reached:
            status, error = limit.status, str(reached)
        except TrialPruned as reason:
            status, error = reason.status, str(reason)
        except Exception as fault:
            if self.raise_error:
                raise
            status, error = _verdict(fault)
        return record.evaluation(candidate, status, error, self.objectives)

    def refit(self, chromosome: Chromosome) -> BaseEstimator:
        """Build an individual once more and fit it on all of the data.

        Should it give up, which it did not in its trial, it is fitted again with
        another seed, at most twice.

        Parameters
        ----------
        chromosome : Chromosome
            The winner.

        Returns
        -------
        estimator
            Fitted.
        """
        for repetition in range(MOST_REFITS - 1):
            with suppress(TrialPruned):
                return self._refit(chromosome, repetition)
        return self._refit(chromosome, MOST_REFITS - 1)

    def _refit(self, chromosome: Chromosome, repetition: int) -> BaseEstimator:
        data = self.data.value
        seed = replace(self, repetition=repetition).seed(Candidate(chromosome))
        estimator = self.builder(chromosome.expressed, seed)
        with self._surroundings(math.inf):
            return self._fit(estimator, data.X, data.y, data.fit_params)

    @contextmanager
    def _surroundings(self, moment: float) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(limited_threads(self.threads))
            stack.enter_context(deadline(moment))
            if _apart():
                # Bad individuals are the rule in a search, not worth a warning each.
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            yield

    def granted(self, candidate: Candidate) -> Candidate:
        """Return the candidate; without a limit if its resource is no limit."""
        if candidate.resource is None:
            return candidate
        whole = self.data.value.n_train
        if self.resource != SAMPLES:
            whole = wanted(candidate.chromosome.expressed, self.resource)
        return (
            replace(candidate, resource=None)
            if candidate.resource >= whole
            else candidate
        )

    def keeps(self, candidate: Candidate) -> bool:
        """Return whether what a trial fits is kept, should it be one of the best."""
        return self.fitted is not None and self.granted(candidate).resource is None

    def ready(self, candidate: Candidate) -> BaseEstimator | None:
        """Return what a trial of this search has fitted, if it was kept."""
        return self.fitted and self.fitted.get(self.granted(candidate))

    def spares_refit(self, candidate: Candidate) -> bool:
        """Return whether an individual, should it win, need not be fitted again."""
        return self.fitted is not None and self.fitted.spares(self.granted(candidate))

    def cost(self, candidate: Candidate) -> float:
        """Return roughly how many seconds a fit takes, 0 if that cannot be told."""
        try:
            cost = self.builder.cost(self._genes(candidate))
        except Exception:  # if it cannot be built, its trial is going to say why
            return 0.0
        if candidate.resource is None or self.resource != SAMPLES:
            return cost
        return cost * min(1.0, candidate.resource / self.data.value.n_train)

    def _genes(self, candidate: Candidate) -> dict[str, Any]:
        """Return what is built: with a gene as the resource, of no more than that."""
        expressed = candidate.chromosome.expressed
        if candidate.resource is None or self.resource == SAMPLES:
            return expressed
        return limited(expressed, self.resource, candidate.resource)

    def _rows(self, candidate: Candidate, split: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what is trained on and what is tested on, always all of that."""
        train, test = self.data.value.splits[split]
        if candidate.resource is None or self.resource != SAMPLES:
            return train, test
        rng = np.random.default_rng([self.random_state, split])
        order = spread(_part(self.data.value.y, train), len(train), rng)
        return np.sort(train[order[: candidate.resource]]), test

    def _fit_and_score(self, candidate: Candidate, split: int, record: Record) -> None:
        data = self.data.value
        train, test = self._rows(candidate, split)
        estimator = self.builder(self._genes(candidate), self.seed(candidate))
        start, saved = time.perf_counter(), 0.0
        y_train = _part(data.y, train)
        fit_params = _take(data.fit_params, train)
        if self._may_share:
            X_train, X_test, saved = self._prepared(estimator.steps[0][1], train, split)
            saved = max(0.0, saved - (time.perf_counter() - start))
            estimator = Pipeline(estimator.steps[1:])
        else:
            X_train, _ = _safe_split(estimator, data.X, None, train)
            X_test, _ = _safe_split(estimator, data.X, None, test, train)
        self._fit(estimator, X_train, y_train, fit_params)
        fit_time = time.perf_counter() - start
        check_speed(estimator, X_test, self.max_predict_time)
        score_params = _take(data.score_params, test)
        scores = self.objectives.measure(
            estimator, X_test, _part(data.y, test), score_params, fit_time
        )
        record.add(scores, fit_time, time.perf_counter() - start - fit_time, saved)
        if self.keeps(candidate):
            record.fitted = pickle.dumps(estimator)

    def _fit(
        self, estimator: BaseEstimator, X: Any, y: Any, fit_params: Mapping[str, Any]
    ) -> BaseEstimator:
        """Fit an estimator in place; of a pipeline of ours, the last step is weighted.

        Not by Pipeline.fit: whether it routes metadata, and how, is a global setting,
        and the user's own pipelines are to follow it.
        """
        if not self._own_pipelines or fit_params.keys() != {"sample_weight"}:
            return estimator.fit(X, y, **fit_params)
        for _, step in estimator.steps[:-1]:
            if step not in (None, "passthrough"):
                X = step.fit_transform(X, y)
        estimator.steps[-1][1].fit(X, y, **fit_params)
        return estimator

    @property
    def _own_pipelines(self) -> bool:
        return getattr(self.builder, "makes_pipelines", False)

    @property
    def _may_share(self) -> bool:
        """Whether it makes no difference who fitted the preparation, and when."""
        blind = self.objectives.blind_to_X and self.max_predict_time is None
        return self._own_pipelines and blind

    def _prepared(
        self, step: BaseEstimator, train: np.ndarray, split: int
    ) -> tuple[Any, Any, float]:
        """Fit the first step once for all individuals that share it on these rows.

        Returns both parts as the step makes them, and how long it took.
        """
        data = self.data.value
        _, test = data.splits[split]

        def prepare() -> tuple[Any, Any, float]:
            start = time.perf_counter()
            X_train = step.fit_transform(
                _safe_indexing(data.X, train), _part(data.y, train)
            )
            X_test = step.transform(_safe_indexing(data.X, test))
            return X_train, X_test, time.perf_counter() - start

        return self.data.computed((split, len(train), pickle.dumps(step)), prepare)

    def seed(self, candidate: Candidate) -> int:
        """Return the seed of all randomness in trials of this individual."""
        text = f"{self.random_state}:{candidate.name}"
        if self.repetition:
            text += f":{self.repetition}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1


def _part(values: Any, rows: np.ndarray) -> Any:
    return None if values is None else _safe_indexing(values, rows)


def _apart() -> bool:
    """Whether no other thread of the user's hears the warnings of this one."""
    in_worker = multiprocessing.parent_process() is not None
    return in_worker or threading.current_thread() is threading.main_thread()


def _take(params: Mapping[str, Any], rows: np.ndarray) -> dict[str, Any]:
    return {name: _safe_indexing(value, rows) for name, value in params.items()}


def _verdict(fault: Exception) -> tuple[str, str]:
    """Return the status of who raised it, and the reason."""
    if isinstance(fault, MemoryError):
        return "memory", f"MemoryError: {fault}"
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return "error", f"{type(fault).__name__}: {fault} ({place})"
