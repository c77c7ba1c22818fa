"""Callbacks of a search: scikit-learn's, the terminal, samples of each generation."""

import math
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.evaluation import TrialRunner
from sknevo.records import Evaluation, Generation
from sknevo.search import SearchCallback
from sknevo.time_budget import TimeBudget


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
        return context.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def on_generation_end(self, generation: Generation) -> bool:
        return self.generation.call_on_fit_task_end(
            estimator=self.estimator, **self.data
        )


class Printer(SearchCallback):
    """Prints a line per generation, and with `verbose` > 1 also one per individual."""

    def __init__(self, verbose: int, budget: TimeBudget) -> None:
        self.verbose, self.budget = verbose, budget

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        if self.verbose > 1:
            chromosome = evaluation.chromosome
            result = evaluation.error or f"{evaluation.fitness:.4f}"
            print(f"  {chromosome.key} {chromosome.origin:<9} {result}", flush=True)
        return False

    def on_generation_end(self, generation: Generation) -> bool:
        left = self.budget.time_left()
        clock = "" if left == math.inf else f", {max(0, left):.0f} s left"
        print(
            f"generation {generation.number:>3}  "
            f"best {generation.best:.4f}  median {generation.median:.4f}  "
            f"evaluated {generation.evaluated}, cached {generation.cached}, "
            f"failed {generation.failed}  in {generation.seconds:.1f} s{clock}",
            flush=True,
        )
        return False


class SampleHistory(SearchCallback):
    """Keeps samples that the best generator so far makes at each generation's end.

    A generation is left out if its best has no fitted estimator in this search: it was
    answered by a journal, or evaluated on a lower rung.

    Attributes
    ----------
    samples : dict of int to ndarray of shape (n_samples, ...)
        By the number of the generation.
    """

    def __init__(self, runner: TrialRunner, n_samples: int) -> None:
        self.runner, self.n_samples = runner, n_samples
        self.samples: dict[int, np.ndarray] = {}
        self._best: Evaluation | None = None

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        best = self._best
        if evaluation.status == "ok" and (
            best is None or evaluation.rank_key > best.rank_key
        ):
            self._best = evaluation
        return False

    def on_generation_end(self, generation: Generation) -> bool:
        try:
            model = self._best and self.runner.stored_model(self._best.candidate)
            if model is not None:
                self.samples[generation.number] = model.sample(self.n_samples)
        except Exception as fault:  # such as a GPU whose memory the workers have filled
            warnings.warn(
                f"the best of generation {generation.number} could not make samples to "
                f"be looked at: {type(fault).__name__}: {fault}",
                stacklevel=2,
            )
        return False
