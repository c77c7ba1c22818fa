"""The end of a training: kept models go on with all of the data."""

import math
import time
from dataclasses import dataclass
from typing import Self

from sklearn.base import BaseEstimator

from sknevo.deadline import Limit
from sknevo.evaluation._candidate import TrialRunner, classified
from sknevo.evaluation._model_store import ModelStore
from sknevo.records import Candidate, Evaluation, Status

# Without `max_time`, a training ends with this share of what it has behind it, and at
# least once through the data. Chosen, not measured.
SHARE = 0.3
# Seconds that are kept for writing and reading a model. Chosen, not measured.
WRITING = 0.4


@dataclass(frozen=True)
class FinishingRunner(TrialRunner):
    """Ends the training of a candidate; one run goes on from its model of a split.

    That model is read from `trained`, and `model_store` takes what it becomes. It goes
    on with all samples until the time of the run is over; without such a limit, for a
    share of its training so far.
    """

    trained: ModelStore | None = None

    @classmethod
    def of(cls, runner: TrialRunner) -> Self:
        """Return the runner that ends what the trials of a runner have begun."""
        fields = {**vars(runner), "trained": runner.model_store}
        return cls(**fields | {"model_store": ModelStore()})

    def run(self, candidate: Candidate, limit: Limit) -> Evaluation:
        """Go on until a limit; an error is part of the result."""
        start, fitted = time.perf_counter(), None
        status: Status = "ok"
        error, fitness = "", 0.0
        try:
            model = self._trained(candidate)
            with self._surroundings(math.inf):
                self._go_on(model, candidate, limit)
            fitted = self.model_store.save(self.normalized(candidate), 0, model)
        except Exception as fault:
            if self.raise_error:
                raise
            (status, error), fitness = classified(fault), -math.inf
        return Evaluation(
            candidate.chromosome,
            status,
            fitness,
            fit_times=(time.perf_counter() - start,),
            error=error,
            resource=candidate.resource,
            fitted=() if fitted is None else (fitted,),
        )

    def _trained(self, candidate: Candidate) -> BaseEstimator:
        """Return the model that its trial has left, of the last split."""
        model = self.trained.load(self.normalized(candidate), self.n_splits - 1)
        if model is None:
            raise FileNotFoundError("its trained model is not kept")
        return model

    def _go_on(self, model: BaseEstimator, candidate: Candidate, limit: Limit) -> None:
        data, goal = self.data.value, {"until": limit.until - WRITING}
        if limit.until == math.inf:
            more = max(1, math.ceil(SHARE * self.amount(candidate)))
            goal = {self.builder.resource: more}
        model.finish(data.X, data.y, **goal, **data.fit_params)

    def finished(self, evaluation: Evaluation) -> BaseEstimator | str:
        """Return the model of a run that has ended, or why there is none."""
        model = self.model_store.load(self.normalized(evaluation.candidate), 0)
        return model or evaluation.error or evaluation.status
