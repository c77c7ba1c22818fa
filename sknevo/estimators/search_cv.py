"""The user's own estimator, with parameters that evolve."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import column_or_1d, get_tags, indexable
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import assert_all_finite

from sknevo.builders.search_cv import SearchBuilder
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._delegation import DelegatingMixin
from sknevo.estimators._docs import documented
from sknevo.estimators._metadata import make_router
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.evaluation import Objectives
from sknevo.genes import Genome
from sknevo.genomes.search_cv import parameters, well_known
from sknevo.records import Chromosome, DataSpec
from sknevo.validation import check_enough

__all__ = ["EvolvedSearchCV"]


@documented
@with_parameters
class EvolvedSearchCV(DelegatingMixin, BaseEvolved):
    """Evolve the parameters of any scikit-learn estimator.

    In the place of RandomizedSearchCV: individuals are clones of the estimator whose
    parameters are bred, rather than drawn at random [1]_, and the fittest is fitted on
    all of X. Data are passed on as they are.

    Parameters
    ----------
    estimator : estimator
        Whose parameters evolve: a classifier, regressor, pipeline, transformer,
        clusterer or outlier detector. It is cloned, never changed. Its parameters named
        `random_state` that are None are set from the seed.
    genome : dict, list of dict or Genome
        What may vary. A dict as RandomizedSearchCV takes it: names of parameters, also
        nested ones such as "clf__C", to distributions of `scipy.stats`, lists of any
        values, or genes. Of a list of dicts one is expressed at a time. In a Genome the
        names of genes are those of parameters, see the notes.
    {parameters}

    Attributes
    ----------
    {attributes}
    classes_ : ndarray of shape (n_classes,)
        The labels, if the estimator is a classifier.

    See Also
    --------
    EvolvedPipelineClassifier : For tables, with a search space of its own.

    Notes
    -----
    In a Genome, a record that has the name of a parameter (a step of a pipeline) holds
    parameters of that one. A `Choice` that has the name of a parameter sets it to the
    name of the branch, and the branch's genes are parameters beside it:
    ``Genome(kernel=Choice(rbf=Genome(gamma=Real(1e-3, 1, log=True)),
    linear=Genome()))``. A branch that is not a Genome is the value itself. A choice or
    record of any other name just holds together, and a `Repeat` is a tuple.
    Without `scoring`, the estimator's own `score` is the fitness. `best_params_` and
    `params` and `param_*` of `cv_results_` are parameters as `set_params` takes them;
    `best_chromosome_` holds the genes, and serves as an `initial_population`. The first
    individual is the estimator as it is, where its parameters are in range and in no
    branch of a choice.
    Without `cv`, five folds score individuals on up to 2,000 samples, three on up to
    10,000, and 20 % are held out of more. Metadata other than `groups` go to the
    estimator's `fit`, to steps of a Pipeline by names such as `clf__sample_weight`;
    with metadata routing enabled, they go to who requests them.

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

    estimator: BaseEstimator = parameter(
        HasMethods(["fit", "get_params", "set_params"]), kw_only=False
    )
    genome: Genome | dict[str, Any] | Sequence[dict[str, Any]] = parameter(
        Genome, dict, list, tuple, kw_only=False
    )
    # The estimator requests metadata, not this one.
    __metadata_request__fit = {"sample_weight": UNUSED}
    _default_folds = {2_000: 5, 10_000: 3}
    _default_scoring = None  # the estimator's own

    # What this task says.

    def _validate(self, X: Any, y: Any) -> tuple[Any, Any]:
        X, y = self._validate_X(X, reset=True), self._validate_y(y)
        target = get_tags(self.estimator).target_tags
        if y is None and target.required:
            return super()._validate(X, y)  # says that y is missing
        if not target.multi_output and getattr(y, "shape", ())[1:] == (1,):
            y = column_or_1d(y, warn=True)  # one warning rather than one per fit
        X, y = indexable(X, y)
        check_enough(X)
        self._labels = np.unique(y) if self._classifies(y) else None
        return X, y

    def _check_X(self, X: Any, reset: bool) -> Any:
        if X is None:
            raise ValueError("X must be given; got None.")
        return X

    def _check_y(self, y: Any) -> Any:
        return y

    def _spec(self, X: Any, y: Any, n_samples: int) -> DataSpec:
        if self._labels is None:
            return DataSpec("regression", n_samples, 0)
        return DataSpec("classification", n_samples, len(self._labels))

    def _classifies(self, y: Any) -> bool:
        if y is None or get_tags(self.estimator).estimator_type != "classifier":
            return False
        assert_all_finite(y, input_name="y")
        return type_of_target(y) in ("binary", "multiclass")

    def _default_genome(self, spec: DataSpec) -> Genome:
        return parameters(self.genome, self.estimator)

    def _genome(self, spec: DataSpec) -> Genome:
        return self._default_genome(spec)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(self.genome_, self.estimator)

    def _builder(
        self, spec: DataSpec, probabilities: bool, final: bool = False
    ) -> SearchBuilder:
        genome = self._default_genome(spec)
        return SearchBuilder(self.estimator, genome, spec.n_samples)

    def _objectives(self, default: Any = None) -> Objectives:
        labels = getattr(self, "_labels", None)
        return Objectives.of(self.estimator, self.scoring, self.refit, labels)

    def _describe(self, chromosome: Chromosome) -> tuple[dict[str, Any], Any]:
        found = self._final_trial.builder.parameters(chromosome.expressed)
        return found, found

    def _route(self, params: Mapping[str, Any]) -> tuple[dict, dict, dict]:
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return (
                dict(routed.estimator.fit),
                dict(routed.splitter.split),
                dict(routed.scorer.score),
            )
        fit_params = {n: v for n, v in params.items() if n != "groups"}
        return fit_params, {n: v for n, v in params.items() if n == "groups"}, {}

    def get_metadata_routing(self) -> MetadataRouter:
        """Say who gets which metadata.

        Returns
        -------
        MetadataRouter
        """
        return make_router(self, self._objectives().scorer).add(
            estimator=self.estimator,
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )
