"""What the best of each generation makes, to be looked at."""

import warnings

import numpy as np

from sknevo.evaluation import Trial
from sknevo.limits import Generation, Limits
from sknevo.records import Evaluation

__all__ = ["Gallery"]


class Gallery:
    """Keeps samples of the best individual so far, generation by generation.

    Parameters
    ----------
    trial : Trial
        Of the search: it has the best. Who was trained in another `fit`, as a journal
        knew the answer, or on a lower rung, is not there: its generation is left out.
    n_samples : int
        How many.

    Attributes
    ----------
    samples : dict of int to ndarray of shape (n_samples, ...)
        By the number of the generation.
    """

    def __init__(self, trial: Trial, n_samples: int) -> None:
        self.trial, self.n_samples = trial, n_samples
        self.samples: dict[int, np.ndarray] = {}
        self._best: Evaluation | None = None

    def on_generation_start(self, number: int, size: int | None) -> None:
        """Do nothing."""

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        """Take notice of whoever is better than all before."""
        before = self._best
        if evaluation.status == "ok" and (
            before is None or evaluation.rank_key > before.rank_key
        ):
            self._best = evaluation
        return False

    def on_generation_end(self, generation: Generation, limits: Limits) -> bool:
        """Have the best make some samples."""
        try:
            model = self._best and self.trial.ready(self._best.candidate)
            if model is not None:
                self.samples[generation.number] = model.sample(self.n_samples)
        except Exception as fault:  # such as a GPU that workers have filled
            warnings.warn(
                f"the best of generation {generation.number} could not make samples to "
                f"be looked at: {type(fault).__name__}: {fault}",
                stacklevel=2,
            )
        return False
