"""The refit: the best individual is fitted on all of the data, or a runner-up is."""

import warnings
from collections.abc import Sequence

from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning

from sknevo.deadline import TrialPruned
from sknevo.evaluation import TrialRunner
from sknevo.records import Evaluation

# Individuals that are tried in the refit, the best included; chosen, not measured.
MOST_REFITTED = 3


def runners_up(
    evaluations: Sequence[Evaluation], best: int, reevaluated: Sequence[Evaluation] = ()
) -> list[int]:
    """Return the index of the best and of the next ones to refit if that one fails.

    These are the ones that were evaluated again, then the others by fitness, each with
    the same resource as the best. A fitter one than the best is left out: it is not the
    best because there was no time for its refit.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> runners_up([Evaluation(Chromosome({"x": i}), "ok", fitness)
    ...             for i, fitness in enumerate((0.7, 0.9, 0.8, 0.6))], best=1)
    [1, 2, 0]
    """
    top, again = evaluations[best], {e.candidate: e for e in reevaluated}

    def may_follow(evaluation: Evaluation) -> bool:
        if evaluation.status != "ok" or evaluation.resource != top.resource:
            return False
        final = again.get(evaluation.candidate)
        if final is not None:
            return final.status == "ok"
        return evaluation.fitness <= top.fitness

    def rank(index: int) -> tuple[bool, float]:
        evaluation = evaluations[index]
        final = again.get(evaluation.candidate)
        if final is None:
            return True, -evaluation.fitness
        return False, -(evaluation.fitness + final.fitness)

    others = [i for i, e in enumerate(evaluations) if i != best and may_follow(e)]
    # The sort is stable: of equals, the earlier one comes first.
    return [best, *sorted(others, key=rank)][:MOST_REFITTED]


def refit_first(
    runner: TrialRunner, evaluations: Sequence[Evaluation], indices: Sequence[int]
) -> tuple[int, BaseEstimator]:
    """Return the first index whose refit succeeds, and the fitted estimator.

    A ValueError says why, if none does.
    """
    reasons, cause = [], None
    for index in indices:
        try:
            estimator = runner.refit(evaluations[index].chromosome)
        except Exception as fault:
            # Training that gives up is no fault, so `error_score` has no say in it.
            gave_up = isinstance(fault, TrialPruned)
            if runner.raise_error and not gave_up:
                raise
            kind = "" if gave_up else f"{type(fault).__name__}: "
            reasons.append(f"row {index} of cv_results_: {kind}{fault}")
            cause = fault
        else:
            if reasons:
                warnings.warn(
                    f"best_estimator_ is row {index} of cv_results_, since better ones "
                    f"gave up or failed on all of X: {'; '.join(reasons)}.",
                    FitFailedWarning,
                    stacklevel=2,
                )
            return index, estimator
    raise ValueError(
        "the best individuals gave up or failed on all of X: "
        f"{'; '.join(reasons)}. Fit another row with refit_individual, or evolve on."
    ) from cause


def check_refit(search: BaseEstimator) -> bool:
    """Return True, or raise an AttributeError if `refit` is False: for available_if."""
    if not search.refit:
        raise AttributeError(
            f"{type(search).__name__} was initialized with refit={search.refit}; "
            "prediction is available after a refit of the best individual only."
        )
    return True
