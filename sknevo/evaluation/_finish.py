"""The final training: kept models are trained on, with all of the data if need be."""

import math
import time
from dataclasses import dataclass
from typing import NamedTuple, Self

from sklearn.base import BaseEstimator

from sknevo.deadline import Limit, TrialPruned
from sknevo.evaluation._candidate import TrialRunner, status_and_message
from sknevo.evaluation._data import part_of
from sknevo.evaluation._model_store import ModelStore
from sknevo.records import CUT_OFF, Candidate, Evaluation, Status

# Without `max_time`, the final training takes this share of the epochs (or other
# resource) that came before it, and one at least. Chosen, not measured.
SHARE = 0.3
# Seconds that are kept for writing and reading a model. Chosen, not measured.
WRITING = 0.4


class Finished(NamedTuple):
    """What the final training of a candidate has led to.

    `model` is None if there was no time, or says why the training failed. `fitness` is
    that of the model, None if it was not scored again.
    """

    model: BaseEstimator | str | None
    fitness: float | None = None


@dataclass(frozen=True)
class FinishingRunner(TrialRunner):
    """Trains on the model of a candidate's last split, as one "trial".

    The model is loaded from `trained_models`, and what it becomes is saved in
    `model_store`. The training takes all the time of the trial; without a limit, a
    share of what came before it. It has all samples. If `trial_is_refit`, it has the
    training part again, and the model is scored on the held-out part, which takes
    `score_seconds` at most.
    """

    trained_models: ModelStore | None = None
    score_seconds: float = 0.0

    @classmethod
    def of(cls, runner: TrialRunner, score_seconds: float) -> Self:
        """Return the runner for the models that the trials of a runner have left."""
        known = {"trained_models": runner.model_store, "score_seconds": score_seconds}
        return cls(**vars(runner) | known | {"model_store": ModelStore()})

    def run(self, candidate: Candidate, limit: Limit) -> Evaluation:
        """Train on until a limit; an error is part of the result."""
        start, fitted = time.perf_counter(), None
        status: Status = "ok"
        error, fitness = "", 0.0
        try:
            model = self._last_model(candidate)
            with self._trial_settings(math.inf):
                self._train_on(model, candidate, limit)
                if self.trial_is_refit:
                    fitness = self._fitness(model, time.perf_counter() - start)
            fitted = self.model_store.save(self.normalized(candidate), 0, model)
        except TrialPruned as reason:
            status, error, fitness = reason.status, str(reason), -math.inf
        except Exception as fault:
            if self.raise_error:
                raise
            (status, error), fitness = status_and_message(fault), -math.inf
        return Evaluation(
            candidate.chromosome,
            status,
            fitness,
            fit_times=(time.perf_counter() - start,),
            error=error,
            resource=candidate.resource,
            fitted=() if fitted is None else (fitted,),
        )

    def _last_model(self, candidate: Candidate) -> BaseEstimator:
        """Return the model that its trial has left, of the last split."""
        last = self.n_splits - 1
        model = self.trained_models.load(self.normalized(candidate), last)
        if model is None:
            raise FileNotFoundError("its trained model is not kept")
        return model

    def _train_on(
        self, model: BaseEstimator, candidate: Candidate, limit: Limit
    ) -> None:
        data, rows = self.data.value, None
        if self.trial_is_refit:
            rows, _ = data.splits[-1]
        if limit.until == math.inf:
            amount = max(1, math.ceil(SHARE * self.total_amount(candidate)))
            goal = {self.builder.resource: amount}
        else:
            scoring = self.score_seconds if self.trial_is_refit else 0.0
            goal = {"until": limit.until - WRITING - scoring}
        X, y, fit_params = data.X, data.y, data.fit_params
        if rows is not None:
            X, y = part_of(X, rows), part_of(y, rows)
            fit_params = data.take(fit_params, rows)
        model.finish(X, y, **goal, **fit_params)

    def _fitness(self, model: BaseEstimator, fit_time: float) -> float:
        """Return the fitness on the held-out part of the last split."""
        data = self.data.value
        train, test = data.splits[-1]
        scores = self.objectives.measure(
            model,
            part_of(data.X, test),
            part_of(data.y, test),
            data.take(data.score_params, test),
            fit_time,
            part_of(data.X, train),
        )
        return self.objectives.fitness({n: (value,) for n, value in scores.items()})

    def finished(self, evaluation: Evaluation) -> Finished:
        """Return the outcome of a trial that has ended."""
        if evaluation.status in CUT_OFF:
            return Finished(None)
        model = self.model_store.load(self.normalized(evaluation.candidate), 0)
        if model is None:
            return Finished(evaluation.error or evaluation.status)
        return Finished(model, evaluation.fitness if self.trial_is_refit else None)
