"""The one `fit` of all evolved estimators: validate, split, evolve, refit the best."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import Any, Self, TypeVar, cast

import numpy as np
from joblib import effective_n_jobs
from sklearn import get_config
from sklearn.base import BaseEstimator, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.validation import check_is_fitted

from sknevo.data_checks import check_enough, plain_column, plain_values
from sknevo.estimators._ensemble import make_ensemble
from sknevo.estimators._hooks import TaskHooks
from sknevo.estimators._metadata import (
    check_metadata,
    make_router,
    route,
    without_none,
)
from sknevo.estimators._parameters import SearchParameters, journal_parameters
from sknevo.estimators._progress import Progress, say_data, say_end, say_plan
from sknevo.estimators._refit import RefitMixin
from sknevo.estimators._results import (
    after_refit,
    all_failed,
    chosen_index,
    make_cv_results,
    pareto_front,
)
from sknevo.estimators._samples import Samples
from sknevo.estimators._setup import (
    Rungs,
    known_chromosomes,
    make_chromosome,
    make_rungs,
    search_identity,
)
from sknevo.estimators._splits import make_splits
from sknevo.estimators._views import ViewsMixin
from sknevo.evaluation import (
    SAMPLES,
    Builder,
    Data,
    Evaluator,
    Journal,
    ModelStore,
    Objectives,
    Response,
    Shared,
    TrialRunner,
    end_idle_workers,
    expected_score,
    inner_threads,
    start_early,
    training_is_resumable,
)
from sknevo.evolution import STRATEGIES, Population, Rung, SuccessiveHalving
from sknevo.extras import require
from sknevo.genes import Genome
from sknevo.records import Chromosome, DataSpec, Evaluation, Generation
from sknevo.search import (
    SearchCallback,
    SearchResult,
    SklearnCallbacks,
    search,
)
from sknevo.termination import check_terminates, make_criteria, most_generations
from sknevo.time_budget import TimeBudget

NO_ENSEMBLE = (
    "No ensemble is selected, since the fitness cannot be computed from predictions "
    "alone: scoring holds a function of the estimator, or a cost. The best individual "
    "predicts, as with ensemble_size=None."
)


Fit = TypeVar("Fit", bound=Callable[..., Any])


def _as_fit(fit: Fit) -> Fit:
    """Validate parameters, keep callbacks, and forget what an earlier fit learned.

    If this one fails, nothing old is left. What a fit learns ends with an underscore,
    private attributes too.
    """
    validated = _fit_context(prefer_skip_nested_validation=False)(fit)
    called_back = with_callbacks(validated)

    @wraps(called_back)
    def unfitted_first(self: "BaseEvolved", *args: Any, **params: Any) -> "BaseEvolved":
        for name in [*vars(self)]:
            if name.endswith("_") and not name.startswith("__"):
                delattr(self, name)
        return called_back(self, *args, **params)

    return cast(Fit, unfitted_first)


class BaseEvolved(
    TaskHooks, RefitMixin, ViewsMixin, CallbackSupportMixin, SearchParameters
):
    """The search that all evolved estimators share; a task fills in its hooks.

    Attributes
    ----------
    best_estimator_ : estimator
        The best individual, fitted on all of X (`EvolvedGAN` with one split: on its
        training part). It can be used and pickled without the search.
    best_chromosome_ : Chromosome
        The genes of the best individual, silent ones included, and its lineage.
    best_params_ : dict
        The expressed genes of the best individual, which can be an entry of
        `initial_population`. `EvolvedSearchCV`: the parameters of the estimator.
    best_score_ : float
        Fitness of the best individual: its mean score over the splits. Not set if
        `refit` is callable.
    expected_score_, expected_score_error_ : float
        What `best_score_`, the maximum of many noisy scores, is worth on new data, and
        its standard error. The best by all splits but one is scored on that one, and
        so on; a single split is cut into parts. NaN if it is not known: with one split,
        an ensemble must be possible. Not set if `refit` is callable.
    best_index_ : int
        Row of the best individual in `cv_results_`.
    cv_results_ : dict of str to array
        One row per individual and resource: the columns of RandomizedSearchCV, and
        `generation`, `origin`, `parents`, `key`, `status` ("ok", "error", "timeout",
        "memory", "pruned", "slow", "unfinished", "skipped"), `error`, `n_fits`, the
        splits that it was fitted on, `fitness` (minus infinity if it failed),
        `end_time` (seconds from the beginning of `fit` until the result was known), and
        `resource`, which is infinite if the individual got all that its genes ask for.
    pareto_front_ : ndarray of int
        Rows of `cv_results_` that no other row dominates in all scores, sorted by the
        first score, best first. `refit_individual` fits any of them.
    history_ : list of Generation
        One `sknevo.records.Generation` per generation: its number, the best fitness so
        far, the median fitness, how many individuals were evaluated, cached and failed,
        and the seconds.
    rungs_ : list of Rung
        One per resource of successive halving; a single one without `resource`. It has
        the scores, their `correlation` with those on the next rung, and
        `is_misleading`: a misleading rung is skipped from then on.
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
    refitted_ : bool
        Whether `best_estimator_` had its last fit. False if there was no time for it:
        it is then the model of the best individual's last split, or, of a table that is
        read in parts, of a sample.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, if X is a DataFrame and all of them are strings.
    """

    # What a fit learns, for type checkers.
    best_estimator_: Any
    best_chromosome_: Chromosome
    best_params_: dict[str, Any]
    best_score_: float
    expected_score_: float
    expected_score_error_: float
    best_index_: int
    cv_results_: dict[str, Any]
    ensemble_: Any
    pareto_front_: np.ndarray
    history_: list[Generation]
    rungs_: list[Rung]
    genome_: Genome
    n_generations_: int
    n_evaluations_: int
    stop_reason_: str
    scorer_: Any
    multimetric_: bool
    n_splits_: int
    refit_time_: float
    refitted_: bool
    n_features_in_: int
    feature_names_in_: np.ndarray

    # Weights of samples go to the individuals, unless the user declines that.
    __metadata_request__fit = {"sample_weight": True}

    def __new__(cls, *args: Any, **params: Any) -> Self:
        # Not in `fit`: this is known before any work, and unpickling comes here, too.
        require(cls.__name__, *cls._needed_modules)
        return super().__new__(cls)

    def _validate_X(self, X: Any, reset: bool = False) -> Any:
        with plain_values("X", X):
            return self._check_X(X, reset)

    def _validate_y(self, y: Any) -> Any:
        with plain_values("y", y):
            return self._check_y(self._plain_y(y))

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Return X and y as individuals get them; learn the columns of X if `reset`."""
        # X must be as the user gave it: a Dataset that brings its targets along.
        y = self._targets(X, y)
        X = self._validate_X(X, reset)
        check_enough(X)
        if y is None and self._needs_y:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        return X, None if y is None else self._validate_y(y)

    @_as_fit
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Evolve individuals on the data and refit the best on all of it.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features), or images
            Samples. For pipelines also a Dask DataFrame, or the path of a file of
            Parquet or CSV or of a folder of such files: a table that may be larger than
            memory.
        y : array-like of shape (n_samples,), default=None
            Targets. None if the task needs none, or if X is a torch Dataset that holds
            them. With a path, the name of the column of targets; with a Dask DataFrame
            that name, or a Dask Series.
        **params : dict of str to array-like of shape (n_samples,)
            `sample_weight` for the individuals and `groups` for `cv`. With metadata
            routing enabled, all that `scoring` and `cv` request. Weights are ratios: a
            common factor has no effect, and a sample of weight 0 is as if it were not
            there (`EvolvedSearchCV` passes them on as they are; `EvolvedGAN` takes
            none).

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid, if scores are undefined on a
            split, or if no individual succeeds: the estimator is then not fitted, even
            if it was before. Also if the best individuals fail when they are fitted on
            all of X: the results of the search, such as `cv_results_`, are then
            available.
        TypeError
            If metadata are given that nothing takes.
        """
        budget = TimeBudget(self.max_time)  # its clock starts now
        check_terminates(vars(self))
        say_plan(self, X)
        threads = self._threads or inner_threads(self._n_workers)
        start_early(self._n_workers, threads, self._builder_module)
        with Journal(self.journal) as journal, Progress(self, budget) as progress:
            self._fit(X, y, params, journal, budget, progress)
        say_end(self, budget)
        return self

    def _fit(
        self,
        X: Any,
        y: Any,
        params: Mapping[str, Any],
        journal: Journal,
        budget: TimeBudget,
        progress: Progress,
    ) -> Self:
        self._check_docstrings()
        # The data, and what is measured on them.
        samples = self._samples(*self._validate(X, y, reset=True), params)
        samples = replace(samples, X=self._learn_X(samples.X))
        X, y = samples.X, samples.y
        self._learn(X, y)
        objectives = self._objectives(self._scoring_of(self._scoring, X, y))
        random_state = self._seed(journal)
        undefined = partial(self._undefined, objectives)
        data = self._make_data(samples, random_state, undefined)

        # The search space: of the training part of a split.
        full_spec = self._spec(X, y)
        spec = replace(full_spec, n_samples=data.n_train)
        self.genome_ = self._make_genome(spec)
        say_data(self, spec, objectives, len(data.splits))
        rungs = self._rungs(spec, len(data.splits))

        # How a candidate is evaluated, and how it is refitted.
        refit_rows = self._refit_rows(data)
        runner = self._make_runner(
            spec,
            data,
            objectives,
            random_state,
            rungs,
            trial_is_refit=refit_rows is not None,
        )
        n_refitted = full_spec.n_samples if refit_rows is None else len(refit_rows)
        refit_spec = replace(full_spec, n_samples=n_refitted)
        final_builder = self._builder(refit_spec, objectives, final=True)
        # Kept for `refit_individual`, hence without the data.
        self._final_runner_ = replace(
            runner, builder=final_builder, data=None, model_store=None, response=None
        )
        self._plan(budget, runner, final_builder, n_refitted)

        # Which candidates there are.
        if self.journal is not None:  # hashing the data takes its time
            self._begin_journal(journal, objectives, random_state, data)
        is_steady = runner.is_resumable and budget.is_asynchronous
        halving = self._make_halving(spec, rungs.amounts, random_state, is_steady)
        evaluator = Evaluator(
            runner,
            self._n_workers,
            self.memory_limit,
            journal,
            self._n_best_of(runner),
        )
        try:
            result = self._search(
                halving, evaluator, budget, progress.searching(runner)
            )
            self._record(result, runner)
            if self.refit:
                progress.refitting()
                self._select_ensemble(result, evaluator, budget)
                if budget.is_long_table:  # models of all rows need the memory
                    end_idle_workers()
                if runner.is_resumable:
                    self._finish_training(result, evaluator, budget)
                else:
                    self._refit(result, evaluator, budget, refit_rows)
        finally:
            evaluator.close()
        return self

    def _check_docstrings(self) -> None:
        if self._needs_docstrings and sys.flags.optimize > 1:
            raise RuntimeError(
                "python -OO removes docstrings, without which "
                f"{self._needs_docstrings} cannot be imported: use python -O."
            )

    def _make_runner(
        self,
        spec: DataSpec,
        data: Data,
        objectives: Objectives,
        random_state: int,
        rungs: Rungs,
        trial_is_refit: bool,
    ) -> TrialRunner:
        """Return what evaluates a candidate."""
        has_ensemble = self._may_ensemble(objectives)
        if self._wants_ensemble and not has_ensemble:
            warnings.warn(NO_ENSEMBLE, stacklevel=3)
        labels = getattr(self, "classes_", None)
        builder = self._builder(spec, objectives)
        keeps_models = has_ensemble or trial_is_refit or training_is_resumable(builder)
        return TrialRunner(
            builder,
            Shared(data),
            objectives,
            random_state,
            threads=self._threads or inner_threads(self._n_workers),
            raise_error=self.error_score == "raise",
            max_eval_time=self.max_eval_time,
            resource=rungs.resource,
            rungs=rungs.amounts,
            max_predict_time=self.max_predict_time,
            model_store=ModelStore() if keeps_models else None,
            trial_is_refit=trial_is_refit,
            response=Response(labels) if has_ensemble else None,
        )

    def _plan(
        self,
        budget: TimeBudget,
        runner: TrialRunner,
        final_builder: Builder,
        n_refitted: int,
    ) -> None:
        """Tell the time budget what takes time."""
        is_resumable = runner.is_resumable
        budget.plan(
            runner,
            final_builder if self.refit and not is_resumable else None,
            n_workers=self._n_workers,
            # The final training can use any model, as an ensemble can.
            has_ensemble=runner.response is not None or is_resumable,
            is_long_table=self.resource == "auto" and runner.resource == SAMPLES,
            row_growth=n_refitted / runner.data.value.n_train,
            final_training=self._final_training if is_resumable and self.refit else 0.0,
        )

    def _begin_journal(
        self, journal: Journal, objectives: Objectives, random_state: int, data: Data
    ) -> None:
        identity = search_identity(
            type(self).__name__,
            random_state,
            objectives.weights or objectives.metric,
            journal_parameters(self),
            self.genome_,
            data,
        )
        journal.begin(identity, len(data.splits))

    def _n_best_of(self, runner: TrialRunner) -> int | None:
        """Return among how many of the best a trial must have a chance to be.

        Without one it is pruned. Without an ensemble only the best counts.
        """
        if self._n_best is None or runner.response is not None:
            return self._n_best
        return 1

    @property
    def _n_workers(self) -> int:
        """Number of workers: no more than candidates that are asked for at a time."""
        n_first = 0 if self.initial_population is None else len(self.initial_population)
        most = max(self.population_size, n_first)
        return min(effective_n_jobs(self.n_jobs), most)

    @property
    def _scoring(self) -> Any:
        return self._default_scoring if self.scoring is None else self.scoring

    def _seed(self, journal: Journal) -> int:
        """Return the seed of everything; without `random_state`, the journal's own."""
        seed = journal.search.get("seed")
        if self.random_state is None and isinstance(seed, int) and 0 <= seed < 2**31:
            return seed
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _samples(self, X: Any, y: Any, params: Mapping[str, Any]) -> Samples:
        """Return the samples that count, with the metadata where they belong."""
        params = without_none(params)
        fit_params, split_params, score_params = route(
            self, params, self._accepted_metadata
        )
        check_metadata(X, y, params, self._per_sample(params))
        if "groups" in split_params:
            split_params["groups"] = plain_column("groups", split_params["groups"])
        samples = Samples(X, y, fit_params, split_params, score_params, self.cv)
        return self._weigh(samples)

    def _make_data(
        self,
        samples: Samples,
        random_state: int,
        undefined: Callable[..., str],
    ) -> Data:
        """Return the data with their splits."""
        X, y = samples.X, samples.y
        splits = make_splits(
            samples.cv,
            X,
            y,
            classifier=self._is_stratified(y),
            random_state=random_state,
            split_params=self._split_params(samples),
            default_folds=self._default_folds,
            undefined=undefined,
        )
        return Data(X, y, splits, samples.fit_params, samples.score_params)

    def _make_halving(
        self, spec: DataSpec, rungs: Sequence[int], random_state: int, is_steady: bool
    ) -> SuccessiveHalving:
        """Return the population and the resources that its individuals are given."""
        # The one stream of the evolution. Trials have seeds of their own, so that it
        # does not depend on the order in which they end.
        rng = np.random.default_rng(random_state)
        first = self.initial_population
        if first is None:
            first = known_chromosomes(self._well_known(spec), self.genome_, rng)
            if self.max_time is None:
                first = first[: self.population_size]
        else:
            first = [make_chromosome(one, self.genome_, rng, "user") for one in first]
        strategy = self.strategy
        if isinstance(strategy, str):
            strategy = STRATEGIES[strategy]()
        # scikit-learn validates the parameters of this estimator only.
        strategy._validate_params()
        # No worker waits for the end of a generation, and none begins before others are
        # told that may be its parents.
        in_flight = 2 * self._n_workers if is_steady else None
        population = Population(
            self.genome_, strategy, self.population_size, rng, first, in_flight
        )
        return SuccessiveHalving(
            population, rungs, self.factor, is_steady, self._kind_of
        )

    def _rungs(self, spec: DataSpec, n_splits: int) -> Rungs:
        """Return the rungs of successive halving."""
        resource, least = self.resource, self.min_resources
        is_auto = resource == "auto"
        if is_auto:
            first = self._auto_resource(spec, n_splits)
            if first is None:
                return Rungs()
            resource = first.resource
            least = first.amount if least == "exhaust" else least
        rungs = make_rungs(
            resource,
            self.genome_,
            spec,
            population_size=self.population_size,
            factor=self.factor,
            min_resources=least,
            max_resources=self.max_resources,
        )
        if is_auto and resource == SAMPLES:
            # Every other rung: training on a part leaves less time for all rows.
            return rungs._replace(amounts=rungs.amounts[::2])
        return rungs

    def _search(
        self,
        halving: SuccessiveHalving,
        evaluator: Evaluator,
        budget: TimeBudget,
        progress_callbacks: Sequence[SearchCallback],
    ) -> SearchResult:
        """Run the search, with all callbacks."""
        runner = evaluator.runner
        data = {"X": runner.data.value.X, "y": runner.data.value.y}
        # scikit-learn's callbacks see a task per generation and one for the refit.
        most = most_generations(vars(self))
        n_tasks = None if most is None else most + 1
        context = self._init_callback_context(max_subtasks=n_tasks)
        root = context.call_on_fit_task_begin(estimator=self, **data)
        callbacks = [*self._callbacks(runner), SklearnCallbacks(self, root, data)]
        criteria = make_criteria(vars(self), budget)
        result = search(
            halving, evaluator, criteria, budget, [*callbacks, *progress_callbacks]
        )
        root.call_on_fit_task_end(estimator=self, **data)
        self.rungs_ = halving.rungs
        return result

    def _record(self, result: SearchResult, runner: TrialRunner) -> None:
        """Set the attributes that say what the search has found."""
        objectives, n_splits = runner.objectives, runner.n_splits
        self.stop_reason_ = result.stop_reason
        evaluations = result.evaluations
        if result.best is None:
            raise all_failed(evaluations, result.stop_reason)
        rows = [*evaluations, *result.skipped]
        error_score = np.nan if self.error_score == "raise" else self.error_score
        name_of_fitness = objectives.name_of_fitness(result.best.scores)
        self.cv_results_ = make_cv_results(
            rows, n_splits, error_score, self._params_of, name_of_fitness
        )
        self._rows_ = [(e.chromosome, e.rounds) for e in rows]
        self.pareto_front_ = pareto_front(evaluations)
        self.history_ = result.history
        self.n_generations_ = len(result.history)
        self.n_evaluations_ = len(evaluations)
        self.n_splits_ = n_splits
        self.scorer_ = objectives.scorers
        self.multimetric_ = isinstance(self.scorer_, dict)
        if callable(self.refit):
            best = chosen_index(self.refit, self.cv_results_, len(evaluations))
        else:
            names = [evaluation.candidate.name for evaluation in evaluations]
            best = names.index(result.best.candidate.name)
        self._set_best(best, evaluations[best])
        if not callable(self.refit):
            self._set_expected_score(evaluations[best], evaluations, runner)

    def _set_best(self, index: int, best: Evaluation) -> None:
        means = {name: float(np.mean(s)) for name, s in best.scores.items()}
        self.best_index_ = index
        self.best_chromosome_ = replace(best.chromosome, scores=means)
        self.best_params_ = self.cv_results_["params"][index]
        if not callable(self.refit):
            self.best_score_ = best.fitness

    def _set_expected_score(
        self, best: Evaluation, rivals: Sequence[Evaluation], runner: TrialRunner
    ) -> None:
        found = expected_score(best, rivals, runner)
        self.expected_score_, self.expected_score_error_ = found

    def _may_ensemble(self, objectives: Objectives) -> bool:
        """Return whether an ensemble is wanted and can be selected."""
        return self._wants_ensemble and objectives.fitness_uses_only_predictions

    @property
    def _wants_ensemble(self) -> bool:
        # A callable `refit` chooses what predicts, and members take time to predict.
        alone = not self.refit or callable(self.refit) or self.max_predict_time
        return self.ensemble_size is not None and not alone

    def _select_ensemble(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> None:
        """Select an ensemble of what was evaluated; its models are those of trials."""
        self.ensemble_ = None
        if evaluator.runner.response is not None:
            names = [evaluation.candidate.name for evaluation in result.evaluations]
            self.ensemble_ = make_ensemble(
                evaluator, budget, names, self.ensemble_size, self._first_steps()
            )
            if self.ensemble_ is not None:
                self.ensemble_score_ = self.ensemble_.score_

    # The fitted estimator. ------------------------------------------------------------

    @property
    def _best(self) -> BaseEstimator:
        """What predicts: the ensemble or the best individual, or a NotFittedError."""
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_ if self.ensemble_ is None else self.ensemble_

    @after_refit
    def predict(self, X: Any) -> np.ndarray:
        """Predict with the ensemble, or with the best individual without one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`. A path and a Dask DataFrame are predicted in
            parts.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes or values. For a Dask DataFrame an array of Dask, not yet computed.

        Notes
        -----
        If `scoring` is a score of labels other than the accuracy, such as F1, an
        ensemble has a threshold that suits it, learned on the held-out parts. The class
        may then be another one than the most probable.
        """
        return self._ask("predict", X)

    def _ask(self, method: str, X: Any) -> np.ndarray:
        """Return what a method of the ensemble or of the best individual gives."""
        return getattr(self._best, method)(self._validate_X(X))

    @after_refit
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the fitness of what predicts on other data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.
        y : array-like of shape (n_samples,), default=None
            Targets, as in `fit`. None if the task needs none, or if X is a torch
            Dataset that holds them.
        **params : dict
            Metadata for the scorer, such as `sample_weight`.

        Returns
        -------
        float
            The higher, the better.

        Raises
        ------
        ValueError
            If X or y is not as in `fit`, or y is missing and scores need it.
        """
        return self._score(X, y, params)

    def _score(self, X: Any, y: Any, params: Mapping[str, Any]) -> float:
        """Return the score, of data as the user has them."""
        best, y = self._best, self._targets(X, y)
        y = None if y is None else self._plain_y(y)
        return self._scored(best, self._validate_X(X), y, params)

    def _scored(self, best: Any, X: Any, y: Any, params: Mapping[str, Any]) -> float:
        """Return the fitness of what predicts."""
        objectives = self._final_runner_.objectives
        own = self._needs_y and self._scoring is None  # the score of the estimator
        if y is None and (own or objectives.compare_targets):
            raise ValueError(
                "y must hold the targets of X, with which scores compare predictions; "
                "got None."
            )
        # A weighted sum may have a cost that only `fit` has measured.
        counted = objectives.only_fitness
        return counted.fitness(counted.measure(best, X, y, params, self.refit_time_))

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which object gets which metadata.

        Returns
        -------
        MetadataRouter
            As scikit-learn's metadata routing asks for it.
        """
        scorer = self._objectives(self._scoring).scorer
        routing = get_config()["enable_metadata_routing"]
        if (
            routing
            and self.scoring is None
            and self._accepted_metadata
            and (hasattr(scorer, "set_score_request"))
        ):
            # The user has no way to say so: individuals are scored as without routing.
            scorer.set_score_request(sample_weight=False)
        return make_router(self, scorer)
