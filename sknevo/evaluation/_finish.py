"""The end of a training: kept models go on with all of the data."""

import math
import time
from dataclasses import dataclass, replace
from typing import Self

from sknevo.deadline import Limit
from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._model_store import ModelStore
from sknevo.records import Candidate, Evaluation

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
        start = time.perf_counter()
        chromosome, resource = candidate.chromosome, candidate.resource
        evaluation = Evaluation(chromosome, "ok", 0.0, resource=resource)
        data = self.data.value
        kept = self.normalized(candidate)
        try:
            model = self.trained.load(kept, self.n_splits - 1)
            if model is None:
                raise FileNotFoundError("its trained model is not kept")
            with self._surroundings(math.inf):
                if limit.until < math.inf:
                    until = limit.until - WRITING
                    model.finish(data.X, data.y, until=until, **data.fit_params)
                else:
                    amount = max(1, math.ceil(SHARE * self.amount(candidate)))
                    model.finish(data.X, data.y, epochs=amount, **data.fit_params)
            fitted = self.model_store.save(kept, 0, model)
        except Exception as fault:
            if self.raise_error:
                raise
            error = f"{type(fault).__name__}: {fault}"
            return replace(evaluation, status="error", fitness=-math.inf, error=error)
        seconds = time.perf_counter() - start
        return replace(
            evaluation,
            fit_times=(seconds,),
            fitted=() if fitted is None else (fitted,),
        )
