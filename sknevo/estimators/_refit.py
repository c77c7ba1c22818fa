"""The last step of a fit: the best, and members of the ensemble, with all of the data.

Individuals are fitted once more (`_refit`), or, if training is resumable, their models
are trained on (`_finish_training`).
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
from sknevo.estimators._ensemble import heaviest_first, with_models_of_all_data
from sknevo.estimators._metadata import check_metadata, check_names, without_none
from sknevo.estimators._results import refit_first, runners_up
from sknevo.estimators._samples import Samples
from sknevo.evaluation import Data, Evaluator, Shared, TrialRunner, inner_threads
from sknevo.records import Evaluation
from sknevo.search import INTERRUPTED, SearchResult
from sknevo.time_budget import TimeBudget


class RefitMixin:
    """What `fit` of an evolved estimator does once its search has ended."""

    def _finish_training(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> None:
        """Train on the best and the heaviest members, see `FinishingRunner`.

        With `max_time` each worker trains one of them until the time is over. The
        others, and one that fails there, predict with the models of their trials.
        """
        start, runner = time.perf_counter(), evaluator.runner
        finalists = self._finalists(result, evaluator, budget)
        chosen = {index: result.evaluations[index] for index in finalists}
        final_budget = budget.for_final_training()
        evaluator.fit_missing_models([*chosen.values()], final_budget)
        models: dict[int, BaseEstimator] = {}
        fitness = {index: e.fitness for index, e in chosen.items()}
        if result.stop_reason != INTERRUPTED:
            by_name = evaluator.finish_training(
                [e.candidate for e in chosen.values()],
                final_budget,
                # A new process prepares the scorer, as the first trials did.
                max(sum(e.score_times) for e in result.evaluations),
            )
            finished = {
                index: one
                for index, e in chosen.items()
                # A model that has become worse is left out.
                if (one := by_name[e.candidate.name]).fitness is None
                or one.fitness >= e.fitness
            }
            models = _usable(
                {index: one.model for index, one in finished.items()},
                "as its evaluation has left it, since its training could not go on",
            )
            scored = {index: finished[index].fitness for index in models}
            fitness |= {i: value for i, value in scored.items() if value is not None}
        index = self._winner(finalists, models, fitness)
        best = result.evaluations[index]
        model = models.get(index) or runner.stored_model(best.candidate)
        # The rows of a GAN's trial are those of a last fit.
        self.refitted_ = index in models or model is None or runner.trial_is_refit
        if model is None:  # its score is one of a journal, and there was no time left
            final = self._final_runner(runner, self._refit_rows(runner.data.value))
            _, model = refit_first(final, result.evaluations, [index])
        self.best_estimator_ = model
        self._set_best(index, best)
        if self.ensemble_:
            self.ensemble_.members = [
                replace(member, models=member.models[:-1], whole=models[member.index])
                if member.index in models
                else member
                for member in self.ensemble_.members
            ]
        self.refit_time_ = time.perf_counter() - start

    def _finalists(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> list[int]:
        """Return the indices of the individuals to train on, the best first."""
        heaviest = heaviest_first(self.ensemble_.members) if self.ensemble_ else []
        indices = [self.best_index_, *(member.index for member in heaviest)]
        most = None if budget.max_time is None else self._n_workers
        return [*dict.fromkeys(indices)][:most]

    def _winner(
        self,
        finalists: list[int],
        models: Mapping[int, BaseEstimator],
        fitness: Mapping[int, float],
    ) -> int:
        """Return the index of the best once `models`, by index, are trained.

        `fitness`, by index, is that after the training, or, if it was not scored again,
        that of the trial.
        """
        return finalists[0]

    def _refit(
        self,
        result: SearchResult,
        evaluator: Evaluator,
        budget: TimeBudget,
        rows: np.ndarray | None,
    ) -> None:
        """Fit the best on all rows or on these, and members of the ensemble on all."""
        runner = evaluator.runner
        fitted = self._refit_best(result, runner, budget, rows)
        if self.ensemble_ and result.stop_reason != INTERRUPTED:
            self._refit_members(result, runner, budget, fitted)

    def _refit_best(
        self,
        result: SearchResult,
        runner: TrialRunner,
        budget: TimeBudget,
        rows: np.ndarray | None,
    ) -> dict[int, BaseEstimator]:
        """Fit the best on all rows, or on these, unless the model of its trial serves.

        Return the fitted model by its index; an empty dict if none was fitted.
        """
        evaluations = result.evaluations
        best = evaluations[self.best_index_]
        is_too_long = self.ensemble_ and not budget.is_worth_refit(best)
        if (runner.trial_is_refit or is_too_long) and self._use_trial(best, runner):
            return {}
        start = time.perf_counter()
        indices = [self.best_index_]
        if not callable(self.refit):  # the choice of a callable is final
            indices = runners_up(evaluations, self.best_index_)
        final = self._final_runner(runner, rows)
        # Beside an ensemble, the model of its trial serves if time is over.
        until = budget.fit_end if self.ensemble_ else math.inf
        try:
            # The best may fail here: then a runner-up is the best.
            index, self.best_estimator_ = refit_first(
                final, evaluations, indices, until
            )
        except DeadlineReached:
            if self._use_trial(best, runner):
                return {}
            index, self.best_estimator_ = refit_first(final, evaluations, indices)
        self._set_best(index, evaluations[index])
        self.refit_time_, self.refitted_ = time.perf_counter() - start, True
        return {index: self.best_estimator_}

    def _final_runner(
        self, runner: TrialRunner, rows: np.ndarray | None
    ) -> TrialRunner:
        """Return what fits an individual on all rows or on these."""
        data = runner.data if rows is None else Shared(runner.data.value.part(rows))
        # No other trial runs at the same time.
        threads = self._threads or inner_threads(1)
        return replace(self._final_runner_, data=data, threads=threads)

    def _use_trial(self, best: Evaluation, runner: TrialRunner) -> bool:
        """Make the model of the best's trial `best_estimator_`, if it is kept.

        Return whether it is.
        """
        model = runner.stored_model(best.candidate)
        if model is None:
            return False
        steps = self._first_steps()
        self.best_estimator_ = Pipeline([*steps, *model.steps]) if steps else model
        self.refit_time_ = float(np.mean(best.fit_times))
        self.refitted_ = runner.trial_is_refit  # its rows are those of a last fit
        return True

    def _refit_members(
        self,
        result: SearchResult,
        runner: TrialRunner,
        budget: TimeBudget,
        fitted: dict[int, BaseEstimator],
    ) -> None:
        """Fit members on all of the data, the heaviest first, as far as there is time.

        `fitted` holds the models that are fitted already, by index. A member that takes
        too long keeps the models of its splits, and so does one that fails: a warning
        says why. An individual that is a member with several resources is fitted once.
        """
        evaluations = result.evaluations
        # By key of each individual, the indices of its members.
        members: dict[str, list[int]] = {}
        if budget.is_long_table:  # the best is fitted here, be it a member or not
            members[self.best_chromosome_.key] = [self.best_index_]
        for member in heaviest_first(self.ensemble_.members):
            members.setdefault(member.chromosome.key, []).append(member.index)
        fitted_keys = {evaluations[index].chromosome.key for index in fitted}
        to_fit = [
            max(indices, key=lambda i: evaluations[i].rank_key)
            for key, indices in members.items()
            if key not in fitted_keys
        ]
        final = replace(self._final_runner_, data=runner.data, threads=runner.threads)
        newly_fitted = self._fit_in_time(
            final, {index: evaluations[index] for index in to_fit}, budget
        )
        self.best_estimator_ = newly_fitted.get(self.best_index_, self.best_estimator_)
        self.refitted_ |= self.best_index_ in newly_fitted
        # The ensemble reads X before its members do.
        n_first = len(self._first_steps())
        models = {
            member: Pipeline(model.steps[n_first:])
            for index, model in (fitted | newly_fitted).items()
            for member in members.get(evaluations[index].chromosome.key, [])
        }
        self.ensemble_.members = with_models_of_all_data(self.ensemble_.members, models)

    def _fit_in_time(
        self, final: TrialRunner, to_fit: Mapping[int, Evaluation], budget: TimeBudget
    ) -> dict[int, BaseEstimator]:
        """Return individuals, by index, fitted on all of the data in their order.

        A free thread fits the next one, unless there is no time left for it.
        """

        def fit(one: Evaluation) -> BaseEstimator | str | None:
            if not budget.can_refit_member(one):
                return None
            try:
                return final.refit(one.chromosome, one.rounds, budget.fit_end)
            except DeadlineReached:
                return None
            except Exception as fault:
                return f"{type(fault).__name__}: {fault}"

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in trials
            parallel = Parallel(n_jobs=self._n_workers, require="sharedmem")
            models = parallel(delayed(fit)(one) for one in to_fit.values())
        return _usable(
            dict(zip(to_fit, models, strict=True)),
            "with the models of its splits alone, since it was not fitted on all of X",
        )

    def refit_individual(
        self, index: int, X: Any, y: Any = None, **fit_params: Any
    ) -> BaseEstimator:
        """Fit any individual of the search, such as another one of the Pareto front.

        The individual is built as in `fit`, with the same seed. With the data of `fit`,
        the row `best_index_` gives the same model as `best_estimator_` (`EvolvedGAN`
        with one split and without `max_time`: with the training part of this split).
        Other networks are trained from their beginning to their end on X. The evolved
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
        fit_params = without_none(fit_params)
        check_names(fit_params, self._accepted_metadata)
        check_metadata(X, y, fit_params, self._per_sample(fit_params))
        samples = self._weigh(Samples(X, y, fit_params))
        data = Shared(Data(samples.X, samples.y, [], samples.fit_params))
        return replace(self._final_runner_, data=data).refit(*self._rows_[index])


def _usable(
    outcomes: Mapping[int, BaseEstimator | str | None], instead: str
) -> dict[int, BaseEstimator]:
    """Return the models among outcomes of fits, by index.

    The others are None if there was no time, or say why the fit failed: of this a
    warning tells. `instead` says how the individual predicts without the model.
    """
    for index, reason in outcomes.items():
        if isinstance(reason, str):
            warnings.warn(
                f"The individual in row {index} of cv_results_ predicts {instead}: "
                f"{reason}",
                FitFailedWarning,
                stacklevel=6,
            )
    return {i: one for i, one in outcomes.items() if not isinstance(one, str | None)}
