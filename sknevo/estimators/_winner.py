"""The winner: named, fitted on what is wanted, and put to use."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknevo.estimators._refit import heirs, refit_first, refitted
from sknevo.evaluation import Shared, Trial
from sknevo.records import Evaluation
from sknevo.search import SearchResult

__all__ = ["WinnerMixin"]


class WinnerMixin:
    """Names the best of a search, fits it again and works by it."""

    def _crown(self, place: int, best: Evaluation) -> None:
        """Name the best."""
        means = {name: float(np.mean(s)) for name, s in best.scores.items()}
        self.best_index_ = place
        self.best_chromosome_ = replace(best.chromosome, scores=means)
        self.best_params_ = self.cv_results_["params"][place]
        if not callable(self.refit):
            self.best_score_ = best.fitness

    def _refit(self, trial: Trial, outcome: SearchResult) -> None:
        best = outcome.evaluations[self.best_index_]
        ready = trial.ready(best.candidate)
        if ready is not None:
            self.best_estimator_ = ready
            self.refit_time_ = float(np.mean(best.fit_times))
            return
        start = time.perf_counter()
        self._refit_first(trial.data, outcome)
        self.refit_time_ = time.perf_counter() - start

    def _refit_first(self, data: Shared, outcome: SearchResult) -> None:
        evaluations, places = outcome.evaluations, [self.best_index_]
        if not callable(self.refit):  # a user who chooses gets who was chosen
            places = heirs(evaluations, self.best_index_, outcome.finals)
        rows = self._refit_rows(data.value)
        if rows is not None:
            data = Shared(data.value.part(rows))
        final = replace(self._final_trial, data=data)
        place, self.best_estimator_ = refit_first(final, evaluations, places)
        self._crown(place, evaluations[place])

    @available_if(refitted)
    def predict(self, X: Any) -> np.ndarray:
        """Predict with the best individual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features, in the columns of `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes or values.
        """
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.predict(self._validate_X(X))

    @available_if(refitted)
    def score(self, X: Any, y: Any, **params: Any) -> float:
        """Return the score that was the fitness, on other data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Targets.
        **params : dict
            Metadata for the scorer, such as `sample_weight`.

        Returns
        -------
        float
            The higher, the better.
        """
        check_is_fitted(self, "best_estimator_")
        return self._score(self._validate_X(X), y, params)

    def _score(self, X: Any, y: Any, params: Mapping[str, Any]) -> float:
        if isinstance(self.refit, Mapping):
            objectives = self._objectives()
            scores = objectives.measure(
                self.best_estimator_, X, y, params, self.refit_time_
            )
            return objectives.fitness({name: (s,) for name, s in scores.items()})
        scorer = self.scorer_
        if isinstance(scorer, dict):
            scorer = scorer[self._metric(scorer)]
        target = () if y is None else (y,)
        score = scorer(self.best_estimator_, X, *target, **params)
        return score[self._metric(score)] if isinstance(score, Mapping) else score

    def _metric(self, named: Mapping[str, Any]) -> str:
        """Return the name of the fitness: the first if `refit` names none."""
        return self.refit if isinstance(self.refit, str) else next(iter(named))
