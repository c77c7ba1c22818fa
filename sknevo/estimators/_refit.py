"""Who is fitted on all of the data: the best, or whoever does not give up there."""

import warnings
from collections.abc import Sequence

from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning

from sknevo.evaluation import Trial
from sknevo.interruption import Pruned
from sknevo.records import Evaluation

__all__ = ["heirs", "refit_first", "refitted"]

# So many are fitted on all of the data until one holds, the best included.
MOST_HEIRS = 3


def heirs(evaluations: Sequence[Evaluation], best: int) -> list[int]:
    """Return the best and who comes after it, by fitness.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Of all that were tried.
    best : int
        The place of the best.

    Returns
    -------
    list of int
        Places of those that succeeded with as much as the best was given, at most 3.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> heirs([Evaluation(Chromosome({"x": i}), "ok", fitness)
    ...        for i, fitness in enumerate((0.7, 0.9, 0.8, 0.6))], best=1)
    [1, 2, 0]
    """
    given = evaluations[best].resource
    others = [
        i
        for i, evaluation in enumerate(evaluations)
        if evaluation.status == "ok" and evaluation.resource == given and i != best
    ]
    others.sort(key=lambda i: -evaluations[i].fitness)  # stable: the earlier one first
    return [best, *others][:MOST_HEIRS]


def refit_first(
    trial: Trial, evaluations: Sequence[Evaluation], places: Sequence[int]
) -> tuple[int, BaseEstimator]:
    """Fit the first who does not give up on all of the data.

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
        If all give up.
    """
    gave_up = []
    for place in places:
        try:
            estimator = trial.refit(evaluations[place].chromosome)
        except Pruned as reason:
            gave_up.append(f"row {place} of cv_results_: {reason}")
            continue
        if gave_up:
            warnings.warn(
                f"row {place} of cv_results_ is best_estimator_, as who was fitter "
                f"gave up when fitted on all of X: {'; '.join(gave_up)}.",
                FitFailedWarning,
                stacklevel=2,
            )
        return place, estimator
    raise ValueError(
        "the best individuals gave up when fitted on all of X: "
        f"{'; '.join(gave_up)}. Fit another row with refit_individual, or evolve on."
    )


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
