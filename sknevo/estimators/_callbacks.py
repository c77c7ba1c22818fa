"""Who hears of a search: scikit-learn's callbacks, and the user's terminal."""

import math
from typing import Any

from sklearn.base import BaseEstimator

from sknevo.limits import Generation, Limits
from sknevo.records import Evaluation

__all__ = ["Callbacks", "Printer"]


class Callbacks:
    """Passes generations and individuals on to scikit-learn's callbacks.

    Parameters
    ----------
    estimator : estimator
        Who is fitted.
    root : CallbackContext
        The context of its `fit`.
    data : dict
        X and y as the callbacks get them.
    """

    def __init__(self, estimator: BaseEstimator, root: Any, data: dict) -> None:
        self.estimator, self.root, self.data = estimator, root, data

    def on_generation_start(self, number: int, size: int | None) -> None:
        self.generation = self.root.subcontext("generation", max_subtasks=size)
        self.generation.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        context = self.generation.subcontext("individual")
        context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return context.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def on_generation_end(self, generation: Generation, limits: Limits) -> bool:
        return self.generation.call_on_fit_task_end(
            estimator=self.estimator, **self.data
        )


class Printer:
    """Prints a line per generation, and with `verbose` > 1 one per individual.

    Parameters
    ----------
    verbose : int
        How much is printed.
    """

    def __init__(self, verbose: int) -> None:
        self.verbose = verbose

    def on_generation_start(self, number: int, size: int | None) -> None:
        """Say nothing."""

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        if self.verbose > 1:
            chromosome = evaluation.chromosome
            result = evaluation.error or f"{evaluation.fitness:.4f}"
            print(f"  {chromosome.key} {chromosome.origin:<9} {result}", flush=True)
        return False

    def on_generation_end(self, generation: Generation, limits: Limits) -> bool:
        left = limits.time_left()
        clock = "" if left == math.inf else f", {max(0, left):.0f} s left"
        print(
            f"generation {generation.number:>3}  "
            f"best {generation.best:.4f}  median {generation.median:.4f}  "
            f"evaluated {generation.evaluated}, cached {generation.cached}, "
            f"failed {generation.failed}  in {generation.seconds:.1f} s{clock}",
            flush=True,
        )
        return False
