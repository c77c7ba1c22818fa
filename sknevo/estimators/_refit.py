"""The last step of a fit: the best, and members of the ensemble, with all of the data.

Individuals are fitted once more, or, where training goes on, end their training.
"""

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from sknevo.deadline import DeadlineReached
from sknevo.estimators._ensemble import with_whole
from sknevo.estimators._metadata import check_metadata, check_names, given
from sknevo.estimators._results import refit_first, runners_up
from sknevo.estimators._samples import Samples
from sknevo.evaluation import Data, Evaluator, Shared, TrialRunner, inner_threads
from sknevo.records import Evaluation
from sknevo.search import INTERRUPTED, SearchResult
from sknevo.time_budget import TimeBudget


class RefitMixin:
    """What `fit` of an evolved estimator does once its search has ended."""

    def _finish(
        self, outcome: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> None:
        """End the training of the best and of the heaviest members on all of the data.

        With `max_time` each worker goes on with one of them until the time is over. The
        others, and one that fails there, predict as their trials have left them.
        """
        start, runner = time.perf_counter(), evaluator.runner
        finalists = self._finalists(outcome, evaluator, budget)
        chosen = {index: outcome.evaluations[index] for index in finalists}
        lost = [e for e in chosen.values() if not runner.models(e.candidate)]
        if lost:
            evaluator.fit_models(lost, budget)
        models: dict[int, BaseEstimator] = {}
        if outcome.stop_reason != INTERRUPTED:
            candidates = [e.candidate for e in chosen.values()]
            found = evaluator.finish(candidates, budget.for_finish())
            models = _usable(
                {index: found[e.candidate.name] for index, e in chosen.items()},
                "as its evaluation has left it, since its training could not go on "
                "with all of X",
            )
        index = self._winner(finalists, models)
        best = outcome.evaluations[index]
        self.best_estimator_ = models.get(index) or runner.stored_model(best.candidate)
        self._set_best(index, best)
        self.refitted_ = index in models
        if self.ensemble_:
            self.ensemble_.members = [
                replace(one, models=one.models[:-1], whole=models[one.index])
                if one.index in models
                else one
                for one in self.ensemble_.members
            ]
        self.refit_time_ = time.perf_counter() - start

    def _finalists(
        self, outcome: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> list[int]:
        """Return the indices of what ends its training, the best first."""
        members = self.ensemble_.members if self.ensemble_ else []
        heaviest = sorted(members, key=lambda one: -one.weight)
        indices = dict.fromkeys([self.best_index_, *(one.index for one in heaviest)])
        most = None if budget.max_time is None else self._n_workers
        return [*indices][:most]

    def _winner(self, finalists: list[int], models: Mapping[int, BaseEstimator]) -> int:
        """Return the index of the best, of which `models` have ended their training."""
        return finalists[0]

    def _refit(
        self,
        outcome: SearchResult,
        evaluator: Evaluator,
        budget: TimeBudget,
        rows: np.ndarray | None,
    ) -> None:
        """Fit the best, and members of the ensemble, once more."""
        runner = evaluator.runner
        models = self._refit_best(outcome, runner, budget, rows)
        if self.ensemble_ and outcome.stop_reason != INTERRUPTED:
            self._refit_members(outcome, runner, budget, models)

    def _refit_best(
        self,
        outcome: SearchResult,
        runner: TrialRunner,
        budget: TimeBudget,
        rows: np.ndarray | None,
    ) -> dict[int, BaseEstimator]:
        """Fit the best on all of the data, or on the rows of its trial.

        Return it by its index, if it was fitted.
        """
        evaluations = outcome.evaluations
        best = evaluations[self.best_index_]
        serves = self.ensemble_ and not budget.is_worth_refit(best)
        if (runner.refits or serves) and self._take_from_trial(best, runner):
            return {}
        start = time.perf_counter()
        indices = [self.best_index_]
        if not callable(self.refit):  # the choice of a callable is final
            indices = runners_up(evaluations, self.best_index_)
        data = runner.data if rows is None else Shared(runner.data.value.part(rows))
        # No other trial runs at the same time.
        threads = self._threads or inner_threads(1)
        final = replace(self._final_runner_, data=data, threads=threads)
        # Beside an ensemble, the model of its trial serves if time is over.
        until = budget.until if self.ensemble_ else math.inf
        try:
            # The best may fail here: then a runner-up is the best.
            index, self.best_estimator_ = refit_first(
                final, evaluations, indices, until
            )
        except DeadlineReached:
            if self._take_from_trial(best, runner):
                return {}
            index, self.best_estimator_ = refit_first(final, evaluations, indices)
        self._set_best(index, evaluations[index])
        self.refit_time_, self.refitted_ = time.perf_counter() - start, True
        return {index: self.best_estimator_}

    def _take_from_trial(self, best: Evaluation, runner: TrialRunner) -> bool:
        """Take the model that the best was evaluated with, if it is kept."""
        ready = runner.stored_model(best.candidate)
        if ready is None:
            return False
        steps = self._first_steps()
        self.best_estimator_ = Pipeline([*steps, *ready.steps]) if steps else ready
        self.refit_time_ = float(np.mean(best.fit_times))
        self.refitted_ = runner.refits  # its rows are those of a last fit
        return True

    def _refit_members(
        self,
        outcome: SearchResult,
        runner: TrialRunner,
        budget: TimeBudget,
        models: dict[int, BaseEstimator],
    ) -> None:
        """Fit members on all of the data, the heaviest first, as far as there is time.

        `models` holds what is fitted already, by index. A member that takes too long
        keeps the models of its splits, and so does one that fails: a warning says why.
        An individual that is a member with several resources is fitted once.
        """
        evaluations = outcome.evaluations
        kin: dict[str, list[int]] = {}
        if budget.is_long:
            kin[self.best_chromosome_.key] = [self.best_index_]
        for one in sorted(self.ensemble_.members, key=lambda one: -one.weight):
            kin.setdefault(one.chromosome.key, []).append(one.index)
        known = {evaluations[index].chromosome.key for index in models}
        missing = [
            max(indices, key=lambda i: evaluations[i].rank_key)
            for key, indices in kin.items()
            if key not in known
        ]
        wanted = {index: evaluations[index] for index in missing}
        final = replace(self._final_runner_, data=runner.data, threads=runner.threads)
        fitted = self._fitted_whole(final, wanted, budget)
        self.best_estimator_ = fitted.get(self.best_index_, self.best_estimator_)
        self.refitted_ |= self.best_index_ in fitted
        # The ensemble reads X before its members do.
        n_read = len(self._first_steps())
        models = {
            same: Pipeline(model.steps[n_read:])
            for i, model in (models | fitted).items()
            for same in kin.get(evaluations[i].chromosome.key, [])
        }
        self.ensemble_.members = with_whole(self.ensemble_, models)

    def _fitted_whole(
        self, final: TrialRunner, wanted: Mapping[int, Evaluation], budget: TimeBudget
    ) -> dict[int, BaseEstimator]:
        """Return individuals by index that could be fitted on all data in time.

        A worker that is free takes the next one that there is still time for.
        """

        def fit(one: Evaluation) -> BaseEstimator | str | None:
            if not budget.has_time_for(one):
                return None
            try:
                return final.refit(one.chromosome, one.rounds, budget.until)
            except DeadlineReached:
                return None
            except Exception as fault:
                return f"{type(fault).__name__}: {fault}"

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in trials
            parallel = Parallel(n_jobs=self._n_workers, require="sharedmem")
            found = parallel(delayed(fit)(one) for one in wanted.values())
        return _usable(
            dict(zip(wanted, found, strict=True)),
            "with the models of its splits alone, since it was not fitted on all of X",
        )

    def refit_individual(
        self, index: int, X: Any, y: Any = None, **fit_params: Any
    ) -> BaseEstimator:
        """Fit any individual of the search, such as another one of the Pareto front.

        The individual is built as in `fit`, with the same seed. With the data of `fit`,
        the row `best_index_` gives the same model as `best_estimator_` (`EvolvedGAN`
        with one split: with the training part of this split). A classifier or regressor
        that is a network is trained from its beginning to its end on X. The evolved
        estimator itself does not change.

        Parameters
        ----------
        index : int
            Row of the individual in `cv_results_`.
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`, but in memory.
        y : array-like of shape (n_samples,), default=None
            Targets. None if the task needs none, or if X is a torch Dataset that holds
            them.
        **fit_params : dict of str to array-like of shape (n_samples,)
            Metadata for the individual, such as `sample_weight`.

        Returns
        -------
        estimator
            The fitted individual, which can be used and pickled without the search.

        Raises
        ------
        IndexError
            If there is no such row.
        TypeError
            If `index` is not an integer.
        """
        check_is_fitted(self, "cv_results_")
        n_rows = len(self._rows_)
        if not isinstance(index, Integral):
            raise TypeError(f"index must be a row of cv_results_; got {index!r}.")
        if not 0 <= index < n_rows:
            raise IndexError(f"index must be in [0, {n_rows}); got {index}.")
        X, y = self._validate(X, y, reset=False)
        fit_params = given(fit_params)
        check_names(fit_params, self._accepted_metadata)
        check_metadata(X, y, fit_params, self._per_sample(fit_params))
        samples = self._weigh(Samples(X, y, fit_params))
        data = Shared(Data(samples.X, samples.y, [], samples.fit_params))
        return replace(self._final_runner_, data=data).refit(*self._rows_[index])


def _usable(
    found: Mapping[int, BaseEstimator | str | None], instead: str
) -> dict[int, BaseEstimator]:
    """Return the models by index; a warning says why there is a reason in place of one.

    `instead` says how the individual predicts without it.
    """
    for index, reason in found.items():
        if isinstance(reason, str):
            warnings.warn(
                f"The individual in row {index} of cv_results_ predicts {instead}: "
                f"{reason}",
                FitFailedWarning,
                stacklevel=6,
            )
    return {i: one for i, one in found.items() if not isinstance(one, str | None)}
