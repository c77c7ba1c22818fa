"""The Pareto front of several goals, and how any individual of it is fitted."""

import copy
import operator
from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknevo.evaluation import Data, Shared
from sknevo.records import Evaluation

__all__ = ["FrontMixin", "pareto_front"]


def pareto_front(evaluations: Sequence[Evaluation]) -> np.ndarray:
    """Return who is not dominated: nobody is as good in every score and better in one.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Who competes: those that succeeded and were given all that they want.

    Returns
    -------
    ndarray of int
        Their places in the sequence, the best in the first score first. Where there is
        but one score, those that are the best.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> goals = [(0.7, -1.0), (0.9, -3.0), (0.8, -3.0)]
    >>> pareto_front([Evaluation(Chromosome({"x": i}), "ok", g[0], objectives=g)
    ...               for i, g in enumerate(goals)])
    array([1, 0])
    """
    able = [
        i for i, e in enumerate(evaluations) if e.status == "ok" and e.resource is None
    ]
    goals = [evaluations[i].objectives or (evaluations[i].fitness,) for i in able]
    front = [i for i, mine in zip(able, goals, strict=True) if not _beaten(mine, goals)]
    best = dict(zip(able, goals, strict=True))
    front.sort(key=lambda i: best[i], reverse=True)  # stable: the earlier comes first
    return np.array(front, int)


def _beaten(mine: tuple[float, ...], goals: list[tuple[float, ...]]) -> bool:
    return any(other != mine and all(map(operator.ge, other, mine)) for other in goals)


class FrontMixin:
    """Fits individuals that are not the winner."""

    def refit_individual(
        self, index: int, X: Any, y: Any = None, **fit_params: Any
    ) -> BaseEstimator:
        """Fit any individual on data, such as another one of the Pareto front.

        It is built as `best_estimator_` is, with the same seed as in `fit`; on the data
        of `fit`, that of `best_index_` is `best_estimator_` again (of `EvolvedGAN` with
        a single split: on its training part). This estimator stays as it is.

        Parameters
        ----------
        index : int
            Its row in `cv_results_`.
        X : array-like of shape (n_samples, n_features)
            Features, in the columns of `fit`.
        y : array-like of shape (n_samples,)
            Targets; None only where X brings them along.
        **fit_params : dict of str to array-like
            Metadata for the individual, such as `sample_weight`.

        Returns
        -------
        estimator
            Fitted; it works and pickles on its own.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        check_is_fitted(self, "cv_results_")
        n = len(self._rows)
        if not isinstance(index, Integral):
            raise TypeError(f"index must be a row of cv_results_; got {index!r}.")
        if not 0 <= index < n:
            raise IndexError(f"index must be in [0, {n}); got {index}.")
        known = self._validate_X(X)
        _, y = copy.copy(self)._validate(X, y)  # this one keeps what it knows
        check_consistent_length(known, y, *fit_params.values())
        data = Data(known, y, [], fit_params)
        trial = replace(self._final_trial, data=Shared(data))
        return trial.refit(self._rows[index])
