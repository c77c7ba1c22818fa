"""Tables larger than memory: a search on a sample, and a last fit on all rows."""

import time
import warnings
from collections.abc import Mapping
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import PredefinedSplit
from sklearn.utils.validation import check_is_fitted

from sknevo.builders.pipeline._all_rows import (
    families_on_all,
    fit_on_all,
    fits_on_all,
)
from sknevo.estimators._metadata import without_none
from sknevo.estimators._progress import Progress
from sknevo.estimators._stratified_sample import Sample, draw_sample
from sknevo.evaluation import Journal, TrialRunner, end_idle_workers
from sknevo.large_tables import DaskSource, Source, TablePart, is_large, source_of
from sknevo.search import INTERRUPTED, SearchResult
from sknevo.time_budget import TimeBudget

# The rounds of the search grow with this power of the ratio of all rows to those of the
# sample. From 25,000 to 1.6 million rows of one made table the best rounds of LightGBM
# grew with a power of 0.26 (31 leaves) and 0.20 (127 leaves), with a rate of 0.1
# (benchmarks/larger_than_memory.py).
ROUNDS_POWER = 0.2
# But to no more than so many times those of the search. Chosen, not measured.
MOST_MORE_ROUNDS = 4.0


class LargeTablesMixin:
    """Takes a path or a Dask DataFrame as X, in `fit` and all that predicts.

    It stands before `BaseEvolved` in the bases of an estimator of tables.
    """

    # Whether the search ran on a sample of the rows.
    _is_sampled_ = False

    def _fit(
        self,
        X: Any,
        y: Any,
        params: Mapping[str, Any],
        journal: Journal,
        budget: TimeBudget,
        progress: Progress,
    ) -> Self:
        if not is_large(X):
            return super()._fit(X, y, params, journal, budget, progress)
        source = self._source(X, y, without_none(params))
        # Without a seed it is always the same sample: a journal belongs to one table.
        seed = self.random_state if isinstance(self.random_state, Integral) else 0
        classifies = self.__sklearn_tags__().estimator_type == "classifier"
        sample = draw_sample(source, classifies, self.memory_limit, int(seed))
        self._is_sampled_ = not sample.is_whole
        X, y, weights = sample.rows
        weights = {"sample_weight": weights}
        super()._fit(X, y, weights, journal, budget, progress)
        if self._is_sampled_ and self.refit:
            self._fit_on_all(source, sample)
        return self

    def _source(self, X: Any, y: Any, params: Mapping[str, Any]) -> Source:
        """Return the table for a fit; what only a table in memory allows is refused."""
        self._check_target(y)
        if refused := params.keys() - {"sample_weight"}:
            raise ValueError(
                f"{', '.join(sorted(refused))} cannot be used with a table that is "
                "read in parts: load it as a DataFrame."
            )
        cv = self.cv
        splits_any = cv is None or isinstance(cv, Integral) or hasattr(cv, "split")
        if not splits_any or isinstance(cv, PredefinedSplit):
            raise ValueError(
                "cv must be a number of folds or a splitter for a table that is read "
                "in parts: rows of its sample have other numbers than in the table."
            )
        return source_of(X, y, params.get("sample_weight"))

    def _check_target(self, y: Any) -> None:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None: pass the name of its column."
            )

    @property
    def _wants_ensemble(self) -> bool:
        # Members that know the sample alone would not help the model of all rows.
        return super()._wants_ensemble and not self._is_sampled_

    def _record(self, result: SearchResult, runner: TrialRunner) -> None:
        super()._record(result, runner)
        if not self._is_sampled_ or callable(self.refit):
            return
        # The best is one that can be fitted on all rows, if there is any.
        evaluations, family = result.evaluations, self._final_runner_.builder.family
        fits_all = [
            i
            for i, one in enumerate(evaluations)
            if one.status == "ok"
            and family(one.chromosome.expressed) in families_on_all()
        ]
        if fits_all:
            best = max(fits_all, key=lambda i: evaluations[i].rank_key)
            self._set_best(best, evaluations[best])
            rivals = [evaluations[i] for i in fits_all]
            self._set_expected_score(evaluations[best], rivals, runner)

    def _fit_on_all(self, source: Source, sample: Sample) -> None:
        """Fit the best on all rows, if that is a booster that can be."""
        start, n_sample = time.perf_counter(), len(sample.rows.X)
        self.refitted_ = False
        n_rows = sample.census.n_rows
        message = f"The best individual is fitted on a sample of {n_sample:,} rows"
        if not fits_on_all(self.best_estimator_):
            warnings.warn(
                f"{message}: only LightGBM and XGBoost are fitted on all {n_rows:,}.",
                UserWarning,
                stacklevel=5,
            )
            return
        if self.stop_reason_ == INTERRUPTED:
            warnings.warn(f"{message}: {INTERRUPTED}.", UserWarning, stacklevel=5)
            return
        more = min(MOST_MORE_ROUNDS, (n_rows / n_sample) ** ROUNDS_POWER)
        rounds = round(more * self.best_estimator_.steps[-1][1].rounds_)
        if self.verbose:
            print(f"The last fit: {n_rows:,} rows, {rounds} rounds.", flush=True)
        end_idle_workers()
        try:
            self.best_estimator_ = fit_on_all(
                self.best_estimator_, source, sample.census, rounds
            )
            self.refitted_ = True
        except Exception as fault:
            if self.error_score == "raise":
                raise
            warnings.warn(
                f"{message}, since the fit on all {n_rows:,} failed: "
                f"{type(fault).__name__}: {fault}",
                FitFailedWarning,
                stacklevel=5,
            )
        self.refit_time_ += time.perf_counter() - start

    def _ask(self, method: str, X: Any) -> Any:
        if not is_large(X):
            return super()._ask(method, X)
        predict = partial(_predicted, self._best, method)
        source = source_of(X, columns=getattr(self, "feature_names_in_", None))
        if isinstance(source, DaskSource) and source is not X:
            return source.lazy(predict)
        predicted = source.map(partial(_of_rows, predict))
        return np.concatenate([one for one in predicted if one is not None])

    def _score(self, X: Any, y: Any, params: Mapping[str, Any]) -> float:
        if not is_large(X):
            return super()._score(X, y, params)
        check_is_fitted(self, "best_estimator_")
        self._check_target(y)
        names = getattr(self, "feature_names_in_", None)
        source = source_of(X, y, params.get("sample_weight"), names)
        targets = source.targets()
        if targets.weights is not None:
            params = {**params, "sample_weight": targets.weights}
        return self._scored(self, source, self._plain_y(targets.y), params)


def _predicted(best: Any, method: str, part: TablePart) -> np.ndarray:
    return getattr(best, method)(part.X)


def _of_rows(predict: Any, part: TablePart) -> np.ndarray | None:
    """Return what is predicted, None for a partition without rows."""
    return predict(part) if len(part.X) else None
