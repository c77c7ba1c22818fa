"""Who is fitted on all of the data: the best, or whoever does not give up there."""

import warnings
from collections.abc import Sequence

from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning

from sknevo.deadline import TrialPruned
from sknevo.evaluation import Trial
from sknevo.records import Evaluation

__all__ = ["heirs", "refit_first", "refitted"]

# So many are fitted on all of the data until one holds, the best included.
MOST_HEIRS = 3


def heirs(
    evaluations: Sequence[Evaluation], best: int, finals: Sequence[Evaluation] = ()
) -> list[int]:
    """Return the best and who comes after it: who was in the finals, then by fitness.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Of all that were tried.
    best : int
        The place of the best.
    finals : sequence of Evaluation, default=()
        Of those that were tried again.

    Returns
    -------
    list of int
        Places of those that succeeded with as much as the best was given, at most 3.
        Who is fitter than the best and did not win could not be refitted in time.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> heirs([Evaluation(Chromosome({"x": i}), "ok", fitness)
    ...        for i, fitness in enumerate((0.7, 0.9, 0.8, 0.6))], best=1)
    [1, 2, 0]
    """
    winner, again = evaluations[best], {final.candidate: final for final in finals}

    def may_follow(evaluation: Evaluation) -> bool:
        if evaluation.status != "ok" or evaluation.resource != winner.resource:
            return False
        final = again.get(evaluation.candidate)
        if final is not None:
            return final.status == "ok"
        return evaluation.fitness <= winner.fitness

    def rank(place: int) -> tuple[bool, float]:
        evaluation = evaluations[place]
        final = again.get(evaluation.candidate)
        if final is None:
            return True, -evaluation.fitness
        return False, -(evaluation.fitness + final.fitness)

    others = [i for i, e in enumerate(evaluations) if i != best and may_follow(e)]
    return [best, *sorted(others, key=rank)][:MOST_HEIRS]  # ties: the earlier one first


def refit_first(
    trial: Trial, evaluations: Sequence[Evaluation], places: Sequence[int]
) -> tuple[int, BaseEstimator]:
    """Fit the first who does not give up, or fail, on all of the data.

    Parameters
    ----------
    trial : Trial
        How, and on what.
    evaluations : sequence of Evaluation
        Of all that were tried.
    places : sequence of int
        Who, one after the other.

    Returns
    -------
    place : int
        Whose estimator it is.
    estimator : estimator
        Fitted.

    Raises
    ------
    ValueError
        If all give up or fail.
    """
    reasons, cause = [], None
    for place in places:
        try:
            estimator = trial.refit(evaluations[place].chromosome)
        except Exception as fault:
            gave_up = isinstance(fault, TrialPruned)
            if trial.raise_error and not gave_up:
                raise
            kind = "" if gave_up else f"{type(fault).__name__}: "
            reasons.append(f"row {place} of cv_results_: {kind}{fault}")
            cause = fault
        else:
            if reasons:
                warnings.warn(
                    f"row {place} of cv_results_ is best_estimator_, as who was better "
                    f"gave up or failed on all of X: {'; '.join(reasons)}.",
                    FitFailedWarning,
                    stacklevel=2,
                )
            return place, estimator
    raise ValueError(
        "the best individuals gave up or failed on all of X: "
        f"{'; '.join(reasons)}. Fit another row with refit_individual, or evolve on."
    ) from cause


def refitted(search: BaseEstimator) -> bool:
    """Say whether a search has anybody to predict with, or will have.

    Parameters
    ----------
    search : estimator
        An evolved one.

    Returns
    -------
    bool
        True.

    Raises
    ------
    AttributeError
        If `refit` is False.
    """
    if not search.refit:
        raise AttributeError(
            f"{type(search).__name__} was initialized with refit={search.refit}; "
            "prediction is available after a refit of the best individual only."
        )
    return True
