"""When the search of an estimator stops, and what time is put by for its refit."""

from typing import TYPE_CHECKING

import numpy as np
from joblib import effective_n_jobs

from sknevo.evaluation import Builder, TrialRunner
from sknevo.limits import STOPPING, Limits
from sknevo.records import Candidate, Evaluation

if TYPE_CHECKING:
    from sknevo.estimators._base import BaseEvolved

__all__ = ["check_stopping", "make_limits"]

RULES = ("generations", "target_score", "n_iter_no_change", "max_time")
# A refit takes a little longer than is thought rather than a little shorter.
REFIT_MARGIN = 1.15
# Of the time, as long as there is no winner to ask.
PUT_BY = 0.1


def check_stopping(estimator: "BaseEvolved") -> None:
    """Raise a ValueError if nothing would ever end the search.

    Parameters
    ----------
    estimator : BaseEvolved
        With its parameters.
    """
    if all(getattr(estimator, rule) is None for rule in RULES):
        raise ValueError(f"the search would never end: set one of {', '.join(RULES)}.")


def make_limits(
    estimator: "BaseEvolved",
    started: float,
    runner: TrialRunner,
    final_builder: Builder,
) -> Limits:
    """Return when the search stops.

    Parameters
    ----------
    estimator : BaseEvolved
        With its parameters.
    started : float
        `time.time()` at which `fit` began.
    runner : TrialRunner
        How individuals are tried.
    final_builder : Builder
        Makes what is fitted on all of the data.

    Returns
    -------
    Limits
    """

    def growth(candidate: Candidate) -> float:
        part = runner.cost(candidate)
        if not part:  # nobody can tell
            return REFIT_MARGIN
        return REFIT_MARGIN * final_builder.cost(candidate.chromosome.expressed) / part

    def growth_if_tried(candidate: Candidate) -> float:
        return 0.0 if runner.keeps_model(candidate) else growth(candidate)

    def refit_seconds(evaluation: Evaluation) -> float:
        if runner.needs_no_refit(evaluation.candidate):
            return STOPPING if n_workers > 1 else 0.0
        fits = np.add(evaluation.fit_times, evaluation.saved_times)
        return growth(evaluation.candidate) * float(fits.mean())

    refits, n_workers = bool(estimator.refit), effective_n_jobs(estimator.n_jobs)
    return Limits(
        **{rule: getattr(estimator, rule) for rule in RULES},
        tol=estimator.tol,
        started=started,
        refit_seconds=refit_seconds if refits else None,
        refit_growth=growth_if_tried if refits else None,
        put_by=PUT_BY if refits and runner.model_store is None else 0.0,
        n_finalists=0 if callable(estimator.refit) else estimator._n_finalists,
        n_workers=n_workers,
    )
