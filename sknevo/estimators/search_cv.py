"""Evolved parameters of any scikit-learn estimator."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import column_or_1d, get_tags, indexable
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
)
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples, assert_all_finite

from sknevo.builders.search_cv import SearchBuilder
from sknevo.data_checks import check_enough, explained
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._export import ScriptMixin
from sknevo.estimators._importance import FeatureImportanceMixin
from sknevo.estimators._metadata import make_router
from sknevo.estimators._mixins import DelegatingMixin, as_numbers
from sknevo.estimators._onnx import OnnxMixin
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.estimators._samples import Samples, finite_weights
from sknevo.evaluation import Objectives
from sknevo.genes import Genome
from sknevo.genomes.search_cv import parameters, well_known
from sknevo.records import Chromosome, DataSpec

__all__ = ["EvolvedSearchCV"]


@with_parameters
class EvolvedSearchCV(
    OnnxMixin, ScriptMixin, DelegatingMixin, FeatureImportanceMixin, BaseEvolved
):
    """Evolve the parameters of any scikit-learn estimator.

    It can replace RandomizedSearchCV [1]_. Individuals are clones of the estimator.
    Their parameters are bred from those of good individuals instead of drawn at random.
    The best individual is fitted on all of X. X and y reach the estimator unchanged.

    Parameters
    ----------
    estimator : estimator
        Classifier, regressor, pipeline, transformer, clusterer or outlier detector. It
        is cloned, never changed. In the clones, parameters named `random_state` that
        are None are set to integers that follow from `random_state`.
    genome : dict, list of dict or Genome
        The search space. A dict maps names of parameters, also nested ones such as
        "clf__C", to distributions of `scipy.stats` or lists of values, as for
        RandomizedSearchCV, or to genes. In a list of dicts, each individual uses one of
        them. In a Genome, genes have the names of parameters, see the notes.
    strategy : {"coevolution", "crossover", "elitist", "estimation_of_distribution", \
"nsga2", "regularized_evolution", "surrogate_assisted"} or Strategy, \
default="estimation_of_distribution"
        How offspring are bred and which individuals survive. A strategy object has
        parameters of its own, such as ``GeneticAlgorithm(mutation_probability=0.3)``.
    population_size : int, default=12
        Number of individuals per generation.
    generations : int, "auto" or None, default="auto"
        Number of generations. "auto" stands for 5, or for no limit with `max_time`.
        None sets no limit: another rule must end the search.
    scoring : str, callable, list, tuple, dict or None, default=None
        The fitness, as in scikit-learn's searches. None stands for the accuracy in
        classifiers, R2 in regressors, a `GenerativeScore` in `EvolvedGAN`, the mean IoU
        in `EvolvedSegmenter` (of objects their F1), the mean average precision in
        `EvolvedDetector`, and the estimator's own `score` in `EvolvedSearchCV`. With
        several metrics, `refit` names the fitness. Several metrics may include costs:
        "fit_time" (seconds), "predict_time" (seconds per 1,000 samples), "n_parameters"
        (of networks and linear models) and "size" (pickled bytes). Costs are negated:
        higher is better.
    refit : bool, str, callable or dict, default=True
        Whether the best individual is fitted on all of X. With several metrics, the
        name of the fitness, or a dict of weights if it is a weighted sum, such as
        ``{"accuracy": 1, "predict_time": 0.1}``. A callable gets `cv_results_` and
        returns the index of the best.
    target_score : float or None, default=None
        Stop as soon as an individual reaches this fitness.
    n_iter_no_change : int or None, default=None
        Stop after this number of generations without an improvement.
    tol : float, default=1e-4
        Smallest gain of the best fitness that is an improvement.
    max_time : float or None, default=None
        Seconds for all of `fit`, including the refit of the best. The first individual
        always runs to its end. After that, an individual can be the best only if it
        ends in time and leaves time for its refit. A refit may exceed the limit if it
        has to be repeated, or if a callable `refit` chooses its individual. Results
        depend on the machine's speed: for results that `random_state` reproduces, set
        `generations` instead. Of a table that is read in parts, this is the time of the
        search on a sample: the last fit, on all rows, is not limited.
    max_eval_time : float or None, default=None
        Seconds that an individual may take for all of its splits. A worker process
        that takes longer is stopped, even in native code. The refit is not limited.
    memory_limit : float or None, default=None
        Megabytes that a worker process may hold; one that holds more is stopped. This
        limit and `max_eval_time` need worker processes of joblib's default backend, so
        one is started even with ``n_jobs=1``. With other backends, `memory_limit` has
        no effect, and `max_eval_time` stops an individual between boosting rounds,
        epochs or splits. Of a table that is read in parts, a sample of a tenth of this
        size is searched on; None then stands for 500 MB.
    max_predict_time : float or None, default=None
        Seconds that an individual may take to predict 1,000 samples: the median of up
        to five predictions, on every split. A slower individual cannot be the best.
        Results depend on the machine's speed.
    cv : int, splitter, iterable or None, default=None
        The splits on which individuals are scored. An integer is a number of shuffled
        folds, stratified by class; a class with fewer samples than folds is used for
        training only. None stands for several folds if there are few samples, else for
        one split that holds out 20 %, 50,000 samples at most; see the notes. There are
        fewer folds if `scoring` is undefined on smaller test parts. If a class has too
        few samples for all, its ROC AUC is left out there, with a warning. Splitters
        and iterables are as in scikit-learn.
    resource : str or None, default="auto"
        The resource of successive halving: "n_samples" of the training part, or the
        name of an integer gene such as "epochs". Each individual is first evaluated
        with little of it. Only the best are evaluated again with more. None evaluates
        each individual once, with all that its genes ask for. "auto" stands for None;
        with `max_time` for "epochs" if networks evolve, and for "n_samples" if
        pipelines evolve on a table that is large for it. For each second the first rung
        then has 16,000 cells of the table, and no less than 2,000 rows; or 150 images
        of 28 x 28 pixels, all splits together, of larger ones fewer, and no less than
        600 on a split; for GANs up to 200 rows, or 15 such images.
    factor : float, default=3
        The best 1 / `factor` of the individuals are promoted: they are evaluated again
        with `factor` times the resource.
    min_resources : int or {"exhaust", "smallest"}, default="exhaust"
        The resource of the first rung. "smallest" stands for 1 (of "samples": two per
        class). "exhaust" stands for so much that the best individuals of one population
        just reach the last rung.
    max_resources : int or "auto", default="auto"
        Upper limit of the resource on all rungs. An individual that is promoted from
        the last rung is evaluated with all that its genes ask for. "auto" stands for
        the most that any individual can ask for.
    initial_population : sequence or None, default=None
        The first individuals: dicts of expressed genes, chromosomes, or fitted
        estimators of this class. Genes that a dict leaves out have their neutral value,
        such as no augmentation, or are drawn if they have none. None stands for
        configurations that are known to be good: `population_size` of them, with
        `max_time` all. An empty list stands for random individuals only.
    journal : path-like or None, default=None
        File to which every evaluation is written. If the process dies, run the same
        script again: evaluations in the file are not repeated, and the search ends with
        the same result. A search that has ended goes on if `generations` is raised. A
        journal belongs to one search on one data set, and only one `fit` at a time can
        use it. `sknevo.read_journal` returns its evaluations.
    error_score : "raise" or float, default=nan
        Score of failed individuals in `cv_results_`; their fitness is always the worst.
        "raise" ends `fit` at the first failure of an individual or of the refit.
    n_jobs : int or None, default=None
        Number of individuals that are evaluated at a time. They share the cores. As in
        joblib, None stands for 1 and -1 for all cores. Results do not depend on it,
        unless a limit or a score is a time.
    random_state : int, RandomState or None, default=None
        Seed of everything: genes, splits and models.
    verbose : int, default=0
        1 prints at once what is searched and until when, and shows how far it is: in a
        table that is kept up to date in notebooks and, with the package rich, in
        terminals, else by a line per new best and per generation. 2 also prints a line
        per individual.

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
    classes_ : ndarray of shape (n_classes,)
        The labels, if the estimator is a classifier.

    See Also
    --------
    EvolvedPipelineClassifier : For tables, with a search space of its own.

    Notes
    -----
    In a Genome, a nested Genome with the name of a parameter, such as a step of a
    pipeline, holds the parameters of that step. A `Choice` with the name of a parameter
    sets it to the name of the chosen branch, and the genes of the branch set further
    parameters: ``Genome(kernel=Choice(rbf=Genome(gamma=Real(1e-3, 1, log=True)),
    linear=Genome()))``. A branch that is not a Genome is the value itself. A Choice or
    Genome with any other name only groups genes. A `Repeat` becomes a tuple.

    `best_params_` and the columns `params` and `param_*` of `cv_results_` hold
    parameters as `set_params` takes them. `best_chromosome_` holds the genes and can be
    an entry of `initial_population`. The first individual is the estimator with its own
    parameters, if they are in the search space and not in a branch of a Choice.

    Without `cv`, individuals are scored on five folds if there are up to 2,000 samples,
    on three folds if there are up to 10,000, else on 20 % that are held out. Metadata
    other than `groups` are passed to the estimator's `fit` as they are; names such as
    `clf__sample_weight` pass them to a step of a Pipeline. With metadata routing
    enabled, they are passed to the objects that request them.

    References
    ----------
    .. [1] Bergstra, J., & Bengio, Y. (2012). Random Search for Hyper-Parameter
       Optimization. Journal of Machine Learning Research.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sknevo import EvolvedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = EvolvedSearchCV(
    ...     SVC(), {"C": loguniform(1e-2, 1e3), "kernel": ["rbf", "linear"]},
    ...     population_size=4, generations=2, random_state=0).fit(X, y)
    >>> sorted(search.best_params_)
    ['C', 'kernel']
    >>> search.best_score_ > 0.95
    True
    """

    _builder_module = "sknevo.builders.search_cv"

    estimator: BaseEstimator = parameter(
        HasMethods(["fit", "get_params", "set_params"]), kw_only=False
    )
    genome: Genome | dict[str, Any] | Sequence[dict[str, Any]] = parameter(
        Genome, dict, list, tuple, kw_only=False
    )
    # Metadata are requested by the estimator inside, not by the search.
    __metadata_request__fit = {"sample_weight": UNUSED}
    _default_folds = {2_000: 5, 10_000: 3}
    _default_scoring = None  # the estimator's own

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        # X may be anything that the estimator takes: it is checked by no other rule.
        if y is None and self._needs_y:
            return super()._validate(X, y, reset)  # raises that y is missing
        X, y = self._validate_X(X, reset), None if y is None else self._validate_y(y)
        multi_output = get_tags(self.estimator).target_tags.multi_output
        if not multi_output and getattr(y, "shape", ())[1:] == (1,):
            y = column_or_1d(y, warn=True)  # one warning rather than one per fit
        X, y = indexable(X, y)
        check_enough(X)
        return X, y

    @property
    def _needs_y(self) -> bool:
        return get_tags(self.estimator).target_tags.required

    @property
    def _individuals(self) -> str:
        return f"parameters of {type(self.estimator).__name__}"

    def _learn(self, X: Any, y: Any) -> None:
        self._labels_ = np.unique(y) if self._is_stratified(y) else None

    @property
    def _accepted_metadata(self) -> set[str] | None:
        """Names of what the estimator's `fit` takes; None if it takes any."""
        parameters = signature(self.estimator.fit).parameters.values()
        if any(one.kind is one.VAR_KEYWORD for one in parameters):
            return None
        return {one.name for one in parameters} - {"X", "y"}

    def _per_sample(self, params: Mapping[str, Any]) -> list[str]:
        # Others are passed on whole if they have another length, as by GridSearchCV.
        ends = ("groups", "sample_weight")
        return [name for name in params if name.endswith(ends)]

    def _weigh(self, samples: Samples) -> Samples:
        # What weights mean, and their unit, is the estimator's own matter: the best is
        # what it would be if the user fitted it with the same weights.
        weights = samples.fit_params.get("sample_weight")
        if weights is None:
            return samples
        weights = finite_weights(weights, samples.X)
        fit_params = {**samples.fit_params, "sample_weight": weights}
        return replace(samples, fit_params=fit_params)

    def _check_X(self, X: Any, reset: bool) -> Any:
        if X is None:
            raise ValueError("X must be given; got None.")
        return X

    def _fit(self, X: Any, *args: Any) -> Self:
        with explained(X):
            return super()._fit(X, *args)

    def _score(self, X: Any, *args: Any) -> float:
        with self._explained(X):
            return super()._score(X, *args)

    def _check_y(self, y: Any) -> Any:
        return y

    def _plain_y(self, y: Any) -> Any:
        # The y of other estimators may be anything, and this one's stays as it is.
        kind = get_tags(self.estimator).estimator_type
        if kind in ("classifier", "regressor"):
            plain = super()._plain_y(y)
            targets = np.asarray(plain)
            if kind == "regressor" and targets.dtype.kind in "OUSmM":
                as_numbers(targets, "A classifier as `estimator`")
        return y

    def _spec(self, X: Any, y: Any) -> DataSpec:
        n = _num_samples(X)
        if self._labels_ is None:
            return DataSpec("regression", n, 0)
        return DataSpec("classification", n, len(self._labels_))

    def _is_stratified(self, y: Any) -> bool:
        # Several labels per sample cannot be stratified.
        if y is None or get_tags(self.estimator).estimator_type != "classifier":
            return False
        assert_all_finite(y, input_name="y")
        return type_of_target(y) in ("binary", "multiclass")

    def _default_genome(self, spec: DataSpec) -> Genome:
        return parameters(self.genome, self.estimator)

    def _make_genome(self, spec: DataSpec) -> Genome:
        return self._default_genome(spec)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(self.genome_, self.estimator)

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> SearchBuilder:
        genome = self._default_genome(spec)
        return SearchBuilder(self.estimator, genome, spec.n_samples)

    def _objectives(self, scoring: Any) -> Objectives:
        labels = getattr(self, "_labels_", None)
        return Objectives.of(self.estimator, scoring, self.refit, labels)

    def _params_of(self, chromosome: Chromosome) -> tuple[dict[str, Any], Any]:
        # Parameters as `set_params` takes them, rather than genes.
        found = self._final_runner_.builder.parameters(chromosome.expressed)
        return found, found

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which object gets which metadata.

        Returns
        -------
        MetadataRouter
            As scikit-learn's metadata routing asks for it.
        """
        return make_router(self, self._objectives(self._scoring).scorer).add(
            estimator=self.estimator,
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )
