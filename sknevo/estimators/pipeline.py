"""Evolved pipelines for tables: preparation, scaling, feature extraction, model."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import RegressorTags, Tags, column_or_1d
from sklearn.utils.validation import assert_all_finite

from sknevo.builders.pipeline import PipelineBuilder
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._classifier import EvolvedClassifierMixin
from sknevo.estimators._docs import documented
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.estimators._table import describe_columns, validate_table
from sknevo.genes import Genome
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.records import DataSpec

__all__ = ["EvolvedPipelineClassifier", "EvolvedPipelineRegressor"]


@with_parameters
class _EvolvedPipeline(BaseEvolved):
    """What both faces share: the table, its genome and its builder."""

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )
    # Cross-validation steadies the fitness of small tables; large ones need it less.
    _default_folds = {2_000: 5, 10_000: 3}

    def _check_X(self, X: Any, reset: bool) -> Any:
        return validate_table(self, X, reset=reset)

    def _default_genome(self, spec: DataSpec) -> Genome:
        return pipeline(spec)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec)

    def _builder(
        self, spec: DataSpec, probabilities: bool, final: bool = False
    ) -> PipelineBuilder:
        if self.max_predict_time is not None or self._objectives().measures_costs:
            # What an individual costs is asked of what would be the winner.
            probabilities = final = True
        return PipelineBuilder(spec, probabilities, final)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags


@documented
class EvolvedPipelineClassifier(EvolvedClassifierMixin, _EvolvedPipeline):
    """Evolve a pipeline that classifies the rows of a table.

    Breeds pipelines by a genetic algorithm [1]_ and refits the fittest.
    An individual is a whole pipeline: how columns are prepared (imputation, encoding
    of categories, dates, text), how they are scaled, which features are extracted or
    selected, and which model is fitted with which hyperparameters: a support vector
    machine, scikit-learn's, LightGBM's or XGBoost's gradient boosting.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        What may vary. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(pipeline, models=["lightgbm"])`` of `sknevo.genomes.pipeline`; None
        stands for all of it.
    {parameters}

    Attributes
    ----------
    {attributes}
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.

    See Also
    --------
    EvolvedPipelineRegressor : The same for values.

    Notes
    -----
    Without `cv`, five folds score individuals on up to 2,000 samples, three on up to
    10,000, and 20 % are held out of more.

    References
    ----------
    .. [1] Olson, R. S., Bartley, N., Urbanowicz, R. J., & Moore, J. H. (2016).
       Evaluation of a Tree-based Pipeline Optimization Tool for Automating Data
       Science. GECCO 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknevo import EvolvedPipelineClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = EvolvedPipelineClassifier(population_size=4, generations=2,
    ...                                 random_state=0).fit(X, y)
    >>> clf.stop_reason_
    'generations=2 done'
    >>> clf.score(X, y) > 0.9
    True
    """

    def _spec(self, X: Any, y: np.ndarray, n_samples: int) -> DataSpec:
        columns = describe_columns(X)
        return DataSpec("classification", n_samples, len(self.classes_), columns)


@documented
class EvolvedPipelineRegressor(_EvolvedPipeline):
    """Evolve a pipeline that predicts a value for the rows of a table.

    Breeds pipelines by a genetic algorithm [1]_ and refits the fittest.
    An individual is a whole pipeline: how columns are prepared (imputation, encoding
    of categories, dates, text), how they are scaled, which features are extracted or
    selected, and which model is fitted with which hyperparameters: a support vector
    machine, scikit-learn's, LightGBM's or XGBoost's gradient boosting.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        What may vary. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(pipeline, models=["lightgbm"])`` of `sknevo.genomes.pipeline`; None
        stands for all of it.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    EvolvedPipelineClassifier : The same for classes.

    Notes
    -----
    Without `cv`, five folds score individuals on up to 2,000 samples, three on up to
    10,000, and 20 % are held out of more.

    References
    ----------
    .. [1] Olson, R. S., Bartley, N., Urbanowicz, R. J., & Moore, J. H. (2016).
       Evaluation of a Tree-based Pipeline Optimization Tool for Automating Data
       Science. GECCO 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknevo import EvolvedPipelineRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> reg = EvolvedPipelineRegressor(population_size=4, generations=2,
    ...                                random_state=0).fit(X, y)
    >>> reg.predict(X).shape
    (442,)
    """

    _default_scoring = "r2"

    def _check_y(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        if y.dtype.kind not in "biuf":
            y = y.astype(float)
        return y

    def _spec(self, X: Any, y: np.ndarray, n_samples: int) -> DataSpec:
        return DataSpec("regression", n_samples, 0, describe_columns(X))

    # Not by RegressorMixin, whose `score` does not ask `scoring`.
    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        return tags
