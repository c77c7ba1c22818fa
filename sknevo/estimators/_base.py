"""The one `fit`: validate, split, evolve, choose."""

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
    check_consistent_length,
)

from sknevo.data_checks import check_enough, plain_values
from sknevo.estimators._beginning import (
    known_chromosomes,
    make_chromosome,
    make_genome,
    make_rungs,
)
from sknevo.estimators._callbacks import Callbacks, Printer
from sknevo.estimators._front import FrontMixin, pareto_front
from sknevo.estimators._identity import identity
from sknevo.estimators._metadata import make_router, route
from sknevo.estimators._parameters import SearchParameters
from sknevo.estimators._results import all_failed, chosen_index, make_cv_results
from sknevo.estimators._splits import make_splits
from sknevo.estimators._stopping import check_stopping, make_limits
from sknevo.estimators._winner import WinnerMixin
from sknevo.evaluation import (
    Builder,
    Data,
    Evaluator,
    Fitted,
    Journal,
    Objectives,
    Shared,
    Trial,
    inner_threads,
)
from sknevo.evolution import STRATEGIES, Population, SuccessiveHalving
from sknevo.genes import Genome
from sknevo.limits import Limits
from sknevo.records import Chromosome, DataSpec, flatten
from sknevo.search import SearchCallback, SearchResult, search

__all__ = ["BaseEvolved"]


def _afresh(fit: Callable) -> Callable:
    """Forget what was learned before: a fit that fails leaves nothing to contradict."""

    @wraps(fit)
    def fit_afresh(self: "BaseEvolved", *args: Any, **params: Any) -> "BaseEvolved":
        for name in [*vars(self)]:
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)
        return fit(self, *args, **params)

    return fit_afresh


class BaseEvolved(WinnerMixin, FrontMixin, CallbackSupportMixin, SearchParameters):
    """The search that all evolved estimators share; a task fills in the hooks below.

    Attributes
    ----------
    best_estimator_ : estimator
        The best individual, fitted on all of X. It works and pickles on its own.
    best_chromosome_ : Chromosome
        The genes of the best individual, silent ones included, and its lineage.
    best_params_ : dict
        The expressed genes of the best individual. They serve as an
        `initial_population`.
    best_score_ : float
        Fitness of the best individual: its mean score over the splits. Not set if
        `refit` is callable.
    best_index_ : int
        Row of the best individual in `cv_results_`.
    cv_results_ : dict of str to array
        One row per individual: the columns of RandomizedSearchCV, and `generation`,
        `origin`, `parents`, `key`, `status` ("ok", "error", "timeout", "memory",
        "pruned", "slow", "unfinished", "skipped"), `error`, and `resource`, which is
        infinite if the individual was given all that its genes ask for.
    pareto_front_ : ndarray of int
        Rows of `cv_results_` that no other row dominates in all scores, sorted by the
        first score, best first. `refit_individual` fits any of them.
    history_ : list of Generation
        One record per generation: best, median, evaluated, cached, failed, seconds.
    rungs_ : list of Rung
        Of successive halving: the resource of each rung, the scores on it, their
        correlation with those on the next rung, and whether the rung is_misleading and
        is left out.
    genome_ : Genome
        The search space.
    n_generations_, n_evaluations_ : int
        Number of generations bred and of individuals evaluated.
    stop_reason_ : str
        The rule that ended the search.
    scorer_ : callable or dict of str to callable
        The scorer of individuals, or several by name.
    multimetric_ : bool
        Whether there are several scorers.
    n_splits_ : int
        Number of splits.
    refit_time_ : float
        Seconds that fitting `best_estimator_` took.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, if X is a DataFrame whose column names are all strings.
    """

    # The weights of samples are always for the individuals, unless the user says no.
    __metadata_request__fit = {"sample_weight": True}

    # What a task says.

    _default_scoring: Any
    # Number of folds up to so many samples; beyond, a part is held out.
    _default_folds: Mapping[int, int]
    # Threads of a trial, if results depend on them; None shares the cores out.
    _threads: int | None = None
    # Whether there is nothing to learn without y.
    _needs_y = True
    # So many of the best are tried again with other seeds before the winner is named.
    _n_finalists = 0

    @abstractmethod
    def _check_X(self, X: Any, reset: bool) -> Any:
        """Return X as individuals get it; set what is known of it if this is `fit`."""

    @abstractmethod
    def _check_y(self, y: Any) -> Any:
        """Return y as individuals get it; set what `fit` learns of it."""

    @abstractmethod
    def _spec(self, X: Any, y: Any, n_samples: int) -> DataSpec:
        """Return what genome and builder may know of the data."""

    @abstractmethod
    def _default_genome(self, spec: DataSpec) -> Genome:
        """Return the search space if the user names none."""

    @abstractmethod
    def _well_known(self, spec: DataSpec) -> list[dict]:
        """Return what the first generation begins with if the user names nobody."""

    @abstractmethod
    def _builder(
        self, spec: DataSpec, probabilities: bool, final: bool = False
    ) -> Builder:
        """Return what makes estimators of expressed genes, of the winner's if final."""

    def _learn_yardstick(self, X: Any, y: Any) -> None:
        """Make what the fitness has to know of the data, if anything."""

    def _callbacks(self, trial: Trial) -> list[SearchCallback]:
        """Return who else hears of the search."""
        return []

    def _refit_rows(self, data: Data) -> np.ndarray | None:
        """Return what the best is fitted on in the end, as in its trial, if not all."""
        return None

    def _scoring(self) -> Any:
        """Return what fitness is measured by."""
        return self._default_scoring if self.scoring is None else self.scoring

    # The fit.

    def _validate_X(self, X: Any, reset: bool = False) -> Any:
        with plain_values("X", X):
            return self._check_X(X, reset)

    def _validate_y(self, y: Any) -> Any:
        with plain_values("y", y):
            return self._check_y(y)

    def _validate(self, X: Any, y: Any) -> tuple[Any, Any]:
        X = self._validate_X(X, reset=True)
        check_enough(X)
        if y is None and self._needs_y:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        return X, None if y is None else self._validate_y(y)

    @_afresh
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Evolve individuals on the data and refit the best on all of it.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features), or images
            Features.
        y : array-like of shape (n_samples,)
            Targets; None only where X brings them along.
        **params : dict of str to array-like of shape (n_samples,)
            `sample_weight` for the individuals and `groups` for `cv`. With metadata
            routing enabled, whatever `scoring` and `cv` request.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not as they should be, or no individual
            succeeds. The estimator is unfitted then, even if it was fitted before. Also
            if the best give up or fail on all of X: `cv_results_` is there then.
        """
        with Journal(self.journal) as journal:
            return self._fit(X, y, params, journal)

    def _fit(self, X: Any, y: Any, params: Mapping[str, Any], journal: Journal) -> Self:
        started = time.time()
        check_stopping(self)
        X, y = self._validate(X, y)
        self._learn_yardstick(X, y)
        objectives = self._objectives()
        random_state = self._seed(journal)
        data = self._make_data(X, y, params, random_state)
        spec = self._spec(X, y, data.n_train)
        builder = self._builder(spec, objectives.needs_probabilities)
        rows = self._refit_rows(data)
        n_samples = _num_samples(X) if rows is None else len(rows)
        final_spec = self._spec(X, y, n_samples)
        final_builder = self._builder(final_spec, True, final=True)
        trial = Trial(
            builder,
            Shared(data),
            objectives,
            random_state,
            threads=self._threads or inner_threads(effective_n_jobs(self.n_jobs)),
            raise_error=self.error_score == "raise",
            max_eval_time=self.max_eval_time,
            resource=self.resource,
            max_predict_time=self.max_predict_time,
            fitted=None if rows is None else Fitted(),
        )
        self._final_trial = replace(
            trial, builder=final_builder, data=None, fitted=None
        )
        limits = make_limits(self, started, trial, final_builder)
        outcome = self._search(spec, trial, limits, journal)
        self._record(outcome, objectives, len(data.splits))
        if self.refit:
            self._refit(trial, outcome)
        return self

    def _objectives(self) -> Objectives:
        labels = getattr(self, "classes_", None)
        return Objectives.of(self, self._scoring(), self.refit, labels)

    def _make_data(
        self, X: Any, y: Any, params: Mapping[str, Any], random_state: int
    ) -> Data:
        params = {name: value for name, value in params.items() if value is not None}
        check_consistent_length(X, y, *params.values())
        fit_params, split_params, score_params = self._route(params)
        if "sample_weight" in fit_params:
            weights = fit_params["sample_weight"]
            with plain_values("sample_weight", weights):
                fit_params["sample_weight"] = _check_sample_weight(weights, X)
        splits = make_splits(
            self.cv,
            X,
            y,
            classifier=self._classifies(y),
            random_state=random_state,
            split_params=split_params,
            default_folds=self._default_folds,
        )
        return Data(X, y, splits, fit_params, score_params)

    def _route(self, params: Mapping[str, Any]) -> tuple[dict, dict, dict]:
        """Return the metadata for the individuals, the splitter and the scorers."""
        return route(self, params)

    def _classifies(self, y: Any) -> bool:
        """Return whether y holds classes, of which all splits should have some."""
        return self.__sklearn_tags__().estimator_type == "classifier"

    def _seed(self, journal: Journal) -> int:
        """Return the seed of everything: a search that goes on keeps its own."""
        seed = journal.search.get("seed")
        if self.random_state is None and isinstance(seed, int) and 0 <= seed < 2**31:
            return seed
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _genome(self, spec: DataSpec) -> Genome:
        return make_genome(self.genome or self._default_genome, spec)

    def _search(
        self, spec: DataSpec, trial: Trial, limits: Limits, journal: Journal
    ) -> SearchResult:
        X, y = trial.data.value.X, trial.data.value.y
        rng = np.random.default_rng(trial.random_state)
        self.genome_ = self._genome(spec)
        if self.journal is not None:  # hashing the data takes its time
            journal.begin(identity(self, trial), len(trial.data.value.splits))
        first = self.initial_population
        if first is None:
            first = known_chromosomes(self._well_known(spec), self.genome_, rng)
            first = first[: self.population_size]
        else:
            first = [make_chromosome(one, self.genome_, rng, "user") for one in first]
        strategy = self.strategy
        if isinstance(strategy, str):
            strategy = STRATEGIES[strategy]()
        strategy._validate_params()
        population = Population(
            self.genome_, strategy, self.population_size, rng, first
        )
        halving = SuccessiveHalving(
            population, make_rungs(self, spec, trial), self.factor
        )
        # One task for each generation and one for the refit.
        root = self._init_callback_context(
            max_subtasks=None if self.generations is None else self.generations + 1
        ).call_on_fit_task_begin(estimator=self, X=X, y=y)
        callbacks = [*self._callbacks(trial), Callbacks(self, root, {"X": X, "y": y})]
        if self.verbose:
            callbacks.append(Printer(self.verbose))
        evaluator = Evaluator(trial, self.n_jobs, self.memory_limit, journal)
        try:
            outcome = search(halving, evaluator, limits, callbacks)
        finally:
            evaluator.close()
        root.call_on_fit_task_end(estimator=self, X=X, y=y)
        self.rungs_ = halving.rungs
        return outcome

    # What the search leaves behind.

    def _record(
        self, outcome: SearchResult, objectives: Objectives, n_splits: int
    ) -> None:
        self.stop_reason_ = outcome.stop_reason
        evaluations = outcome.evaluations
        if outcome.best is None:
            raise all_failed(evaluations, outcome.stop_reason)
        error_score = np.nan if self.error_score == "raise" else self.error_score
        rows = [*evaluations, *outcome.skipped]
        self.cv_results_ = make_cv_results(
            rows,
            n_splits,
            error_score,
            outcome.finals,
            self._describe,
        )
        self._rows = [evaluation.chromosome for evaluation in rows]
        self.pareto_front_ = pareto_front(evaluations)
        self.history_ = outcome.history
        self.n_generations_ = len(outcome.history)
        self.n_evaluations_ = len(evaluations)
        self.n_splits_ = n_splits
        self.scorer_ = objectives.scorers
        self.multimetric_ = isinstance(self.scorer_, dict)
        best = self._best_index(outcome)
        self._crown(best, evaluations[best])

    def _describe(self, chromosome: Chromosome) -> tuple[dict[str, Any], Any]:
        """Return a chromosome's `param_*` and `params` in `cv_results_`."""
        return flatten(chromosome.genes), chromosome.expressed

    def _best_index(self, outcome: SearchResult) -> int:
        evaluations = outcome.evaluations
        if callable(self.refit):
            return chosen_index(self.refit, self.cv_results_, len(evaluations))
        return [e.candidate.name for e in evaluations].index(
            outcome.best.candidate.name
        )

    def get_metadata_routing(self) -> MetadataRouter:
        """Say who gets which metadata.

        Returns
        -------
        MetadataRouter
        """
        return make_router(self, self._objectives().scorer)
