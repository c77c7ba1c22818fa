"""Evolved pipelines: preparation or features, scaling, feature extraction, model."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import validate_data

from sknevo.builders.pipeline import PipelineBuilder
from sknevo.builders.pipeline._builder import READER_NAMES
from sknevo.builders.pipeline._columns import ColumnReader, are_texts, as_table
from sknevo.builders.pipeline._images import ImageReader
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._export import ScriptMixin
from sknevo.estimators._importance import FeatureImportanceMixin
from sknevo.estimators._large_tables import LargeTablesMixin
from sknevo.estimators._mixins import EvolvedClassifierMixin, EvolvedRegressorMixin
from sknevo.estimators._onnx import OnnxMixin
from sknevo.estimators._parameters import (
    EnsembleParameters,
    ImageParameters,
    parameter,
    with_parameters,
)
from sknevo.estimators._samples_mixin import SamplesMixin
from sknevo.estimators._setup import FirstRung
from sknevo.evaluation import SAMPLES, Objectives
from sknevo.genes import Genome
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.genomes.pipeline._families import MODELS, own_models
from sknevo.image_stream import ImageStream
from sknevo.image_stream._images import Images
from sknevo.image_stream._items import labels_of
from sknevo.image_stream._memory import Memory
from sknevo.image_stream._samples import are_images
from sknevo.records import DataSpec

__all__ = ["EvolvedPipelineClassifier", "EvolvedPipelineRegressor"]

# On a table that is large for its `max_time`, a first trial is given so many cells for
# each second, but no fewer rows. Chosen, not measured.
CELLS_PER_SECOND, FEWEST_ROWS = 16_000, 2_000
# So many letters of a text count as a cell: about two words. An image counts as so many
# cells: features and copies of it. Chosen, not measured.
LETTERS_PER_CELL, CELLS_PER_IMAGE = 10, 1_000


@with_parameters
class _EvolvedPipeline(
    LargeTablesMixin,
    OnnxMixin,
    ScriptMixin,
    FeatureImportanceMixin,
    EnsembleParameters,
    ImageParameters,
    SamplesMixin,
    BaseEvolved,
):
    """A search among pipelines for a table, or for images.

    `_reader_` reads samples as users have them, once per search. Trials get what it
    returns; the best pipeline begins with such a reader.
    """

    _builder_module = "sknevo.builders.pipeline"
    _individuals = "pipelines"
    _picture = "EnsembleDisplay"

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )
    text_columns: str | Sequence[str | int] = parameter(
        StrOptions({"auto"}), list, tuple, default="auto"
    )
    # Up to 2,000 samples three folds lose 2 to 4 % of the test loss, and in the same
    # time more folds or repeated ones gain nothing (benchmarks/folds.py). Of more
    # samples little was measured: fewer folds leave time for more individuals.
    _default_folds = {2_000: 5, 10_000: 3}
    _needs_docstrings = "LightGBM and XGBoost"
    # With the same candidates, pruning below the best costs 0.3 to 1.3 % of loss, below
    # the fifth best nothing (benchmarks/folds.py).
    _n_best = 5

    def _targets(self, X: Any, y: Any) -> Any:
        return labels_of(X) if y is None else y

    def _check_X(self, X: Any, reset: bool) -> Any:
        if reset:
            self._takes_images_ = are_images(X) or self.image_shape is not None
        if self._takes_images_:
            return self._check_images(X, reset)
        table = as_table(X)
        if reset:
            self._text_columns_ = self.text_columns
            if are_texts(X):
                self._text_columns_ = [*table.columns]
                if not table[0].str.strip().any():
                    raise ValueError("X must hold texts; all of them are empty.")
        validate_data(self, table, reset=reset, skip_check_array=True)
        return table if reset else self._reader_.read(table)

    def _check_images(self, X: Any, reset: bool) -> Any:
        images = super()._check_X(X, reset)
        if not reset:
            return self._reader_.transform(images)
        if len(self._sample_shape_) < 2:
            raise ValueError(
                "X must hold images of a height and a width; got samples of shape "
                f"{self._sample_shape_}. Rows of numbers are a table: pass an array of "
                "shape (n_samples, n_features), or say the image_shape of rows."
            )
        if isinstance(images, ImageStream):
            images.check()
        return images

    def _first_steps(self) -> list[tuple[str, BaseEstimator]]:
        return [(READER_NAMES[type(self._reader_)], self._reader_)]

    def _learn_X(self, X: Any) -> Any:
        if self._takes_images_:
            self._reader_ = ImageReader(self._sample_shape_, self._channels_).fit(X)
            # Costs are those of an individual that finds no features there.
            measured = self._measures_costs(self._objectives(self._scoring))
            memory = None if measured else Memory(len(X))
            return Images(X, self._reader_.layout_, memory)
        self._reader_ = ColumnReader(text_columns=self._text_columns_)
        return self._reader_.fit_transform(X)

    def _described(self, X: Any, task: str, n_classes: int) -> DataSpec:
        """Return what genome and builder may know of a table, or of images."""
        if self._takes_images_:
            layout = {"shape": self._sample_shape_, "channels": self._channels_}
            return DataSpec(task, len(X), n_classes, **layout)
        reader = self._reader_
        columns, sparse = reader.describe(X), reader.sparsity(X)
        return DataSpec(task, X.shape[0], n_classes, columns, sparse=sparse)

    def _make_genome(self, spec: DataSpec) -> Genome:
        if spec.sparse and self.verbose:
            dense_only = [n for n, one in MODELS.items() if not one.takes_sparse]
            names = " and no ".join(dense_only)
            print(f"X is sparse: no {names}, which take dense tables only", flush=True)
        return super()._make_genome(spec)

    def _default_genome(self, spec: DataSpec) -> Genome:
        return pipeline(spec)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _auto_resource(self, spec: DataSpec, n_splits: int) -> FirstRung | None:
        cells = CELLS_PER_SECOND * (self.max_time or math.inf)
        cells_per_row = len(spec.columns) * spec.density
        cells_per_row += sum(c.letters for c in spec.columns) / LETTERS_PER_CELL
        cells_per_row += CELLS_PER_IMAGE * self._takes_images_
        first = max(FEWEST_ROWS, cells / max(1.0, cells_per_row))
        most = spec.n_samples
        if self.max_resources != "auto":
            most = min(most, self.max_resources)
        return FirstRung(SAMPLES, round(first)) if 2 * first <= most else None

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> PipelineBuilder:
        # Costs are measured of the pipeline that a refit would make.
        costs = self._measures_costs(objectives)
        probabilities = self._may_ensemble(objectives) or objectives.needs_probabilities
        return PipelineBuilder(
            spec,
            final or costs or probabilities,
            # Trials get tables and images that are read already.
            self._reader_.unfitted() if final or costs else None,
            own_models(self.genome_),
            watches=not final,
        )

    def _measures_costs(self, objectives: Objectives) -> bool:
        """Return whether seconds or sizes of individuals count."""
        return self.max_predict_time is not None or objectives.measures_costs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


class EvolvedPipelineClassifier(EvolvedClassifierMixin, _EvolvedPipeline):
    """Evolve a pipeline that classifies rows of a table, texts or images.

    An individual is a whole pipeline [1]_: how columns are prepared (imputation,
    encoding of categories, dates and text) or which features are made of images, how
    they are scaled, generated, extracted or selected, which model is fitted, and its
    hyperparameters.
    Models are the gradient boosting of scikit-learn, LightGBM and XGBoost, forests,
    support vector machines, Gaussian processes, multilayer perceptrons, linear models
    and nearest neighbours. An ensemble of the individuals predicts: the weighted mean
    of their models, those of the splits and those fitted on all of X.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(pipeline, models=["lightgbm"])`` of `sknevo.genomes.pipeline`. None
        stands for `pipeline`.
    text_columns : "auto" or list of str or int, default="auto"
        The columns that hold texts, of which words and characters count, rather than
        labels: their names in a DataFrame, their positions in an array. "auto" takes
        strings as text if there are more than 30 different ones that hardly repeat or
        are sentences. With a list all other strings are labels.
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
    ensemble_size : int or None, default=25
        Steps of selecting an ensemble, each of which adds the individual that raises
        the fitness of the averaged predictions most. A member predicts by the models of
        its splits and, as far as `max_time` allows, by one that is fitted on all of X,
        half and half. None predicts with the best individual alone. So do a callable
        `refit`, `max_predict_time` and a `scoring` that needs more than predictions.
    image_shape : tuple of int or None, default=None
        Shape of an image if X holds images as rows: (height, width),
        (channels, height, width) or (height, width, channels). Images of a Dataset are
        scaled and cropped to it. None stands for the shape of the first sample.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in images of three sides, as in (3, 32, 32) or
        (32, 32, 3). "auto" takes them to be last if there are 1 to 4 of them there and
        not in the first place; or, if there are more, as of satellites, and all images
        are square. Otherwise it takes them to be first. It warns if both places may be
        channels, as in (4, 4, 3) or (3, 32, 3), which it takes to be first.

    Attributes
    ----------
    best_estimator_ : estimator
        The best individual, fitted on all of X; beside an ensemble, if `max_time`
        leaves no time for that, on the training part of the last split. It can be used
        and pickled without the search.
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
    ensemble_ : EnsembleClassifier, EnsembleRegressor or None
        What predicts: its `members` with their weights, and the `scores` after each
        step of the selection. None if there is none: then `best_estimator_` predicts.
    ensemble_score_ : float
        Fitness of the ensemble on the held-out parts of the splits, by which its
        members were selected: a little higher than on new data. Not set without one.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.

    See Also
    --------
    EvolvedPipelineRegressor : Predicts numbers.

    Notes
    -----
    Without `cv`, individuals are scored on five folds if there are up to 2,000 samples,
    on three folds if there are up to 10,000, else on 20 % that are held out, 50,000 at
    most.

    X may be a list or a Series of texts, of which none is missing, and a DataFrame may
    have columns of text beside others. Their words and characters are counted, in
    sparse columns or few components of them. With the extra `text`, embeddings of the
    package wordllama may join them.

    X may hold images, in the forms that `EvolvedClassifier` takes. Genes of the
    preparation then say which features are made of them: pixels, histograms of colours,
    gradients (HOG), textures (LBP, Gabor filters; with the extra `images`), patches
    that are learned without labels, and, with the extra `pretrained`, what pretrained
    networks on this machine make of images.

    X may be a sparse matrix of any format, or a DataFrame of sparse numbers alone. It
    stays sparse, unless its singular vectors are taken; the gradient boosting of
    scikit-learn and Gaussian processes are left out, and naive Bayes joins if no value
    is negative. Dense rows may follow in `predict`, and sparse ones after a dense X.

    In searches of 160 individuals on 500 rows, an ensemble of bred individuals was no
    better than one of random individuals after the same known ones.

    References
    ----------
    .. [1] Olson, R. S., Bartley, N., Urbanowicz, R. J., & Moore, J. H. (2016).
       Evaluation of a Tree-based Pipeline Optimization Tool for Automating Data
       Science. GECCO 2016.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.datasets import load_iris
    >>> from sknevo import EvolvedPipelineClassifier
    >>> from sknevo.genomes.pipeline import pipeline
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> genome = partial(pipeline, models=["svm", "linear"])  # None: all models
    >>> clf = EvolvedPipelineClassifier(genome=genome, population_size=4, generations=2,
    ...                                 random_state=0).fit(X, y)
    >>> clf.stop_reason_
    'generations=2 done'
    >>> clf.score(X, y) > 0.9
    True
    """

    def _spec(self, X: Any, y: np.ndarray) -> DataSpec:
        return self._described(X, "classification", len(self.classes_))


class EvolvedPipelineRegressor(EvolvedRegressorMixin, _EvolvedPipeline):
    """Evolve a pipeline that predicts a number for each row of a table, text or image.

    An individual is a whole pipeline [1]_: how columns are prepared (imputation,
    encoding of categories, dates and text) or which features are made of images, how
    they are scaled, generated, extracted or selected, which model is fitted, and its
    hyperparameters.
    Models are the gradient boosting of scikit-learn, LightGBM and XGBoost, forests,
    support vector machines, Gaussian processes, multilayer perceptrons, linear models
    and nearest neighbours. An ensemble of the individuals predicts: the weighted mean
    of their models, those of the splits and those fitted on all of X.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(pipeline, models=["lightgbm"])`` of `sknevo.genomes.pipeline`. None
        stands for `pipeline`.
    text_columns : "auto" or list of str or int, default="auto"
        The columns that hold texts, of which words and characters count, rather than
        labels: their names in a DataFrame, their positions in an array. "auto" takes
        strings as text if there are more than 30 different ones that hardly repeat or
        are sentences. With a list all other strings are labels.
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
    ensemble_size : int or None, default=25
        Steps of selecting an ensemble, each of which adds the individual that raises
        the fitness of the averaged predictions most. A member predicts by the models of
        its splits and, as far as `max_time` allows, by one that is fitted on all of X,
        half and half. None predicts with the best individual alone. So do a callable
        `refit`, `max_predict_time` and a `scoring` that needs more than predictions.
    image_shape : tuple of int or None, default=None
        Shape of an image if X holds images as rows: (height, width),
        (channels, height, width) or (height, width, channels). Images of a Dataset are
        scaled and cropped to it. None stands for the shape of the first sample.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in images of three sides, as in (3, 32, 32) or
        (32, 32, 3). "auto" takes them to be last if there are 1 to 4 of them there and
        not in the first place; or, if there are more, as of satellites, and all images
        are square. Otherwise it takes them to be first. It warns if both places may be
        channels, as in (4, 4, 3) or (3, 32, 3), which it takes to be first.

    Attributes
    ----------
    best_estimator_ : estimator
        The best individual, fitted on all of X; beside an ensemble, if `max_time`
        leaves no time for that, on the training part of the last split. It can be used
        and pickled without the search.
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
    ensemble_ : EnsembleClassifier, EnsembleRegressor or None
        What predicts: its `members` with their weights, and the `scores` after each
        step of the selection. None if there is none: then `best_estimator_` predicts.
    ensemble_score_ : float
        Fitness of the ensemble on the held-out parts of the splits, by which its
        members were selected: a little higher than on new data. Not set without one.

    See Also
    --------
    EvolvedPipelineClassifier : Predicts classes.

    Notes
    -----
    Without `cv`, individuals are scored on five folds if there are up to 2,000 samples,
    on three folds if there are up to 10,000, else on 20 % that are held out, 50,000 at
    most.

    X may be a list or a Series of texts, of which none is missing, and a DataFrame may
    have columns of text beside others. Their words and characters are counted, in
    sparse columns or few components of them. With the extra `text`, embeddings of the
    package wordllama may join them.

    X may hold images, in the forms that `EvolvedClassifier` takes. Genes of the
    preparation then say which features are made of them: pixels, histograms of colours,
    gradients (HOG), textures (LBP, Gabor filters; with the extra `images`), patches
    that are learned without labels, and, with the extra `pretrained`, what pretrained
    networks on this machine make of images.

    X may be a sparse matrix of any format, or a DataFrame of sparse numbers alone. It
    stays sparse, unless its singular vectors are taken; the gradient boosting of
    scikit-learn and Gaussian processes are left out, and naive Bayes joins if no value
    is negative. Dense rows may follow in `predict`, and sparse ones after a dense X.

    In searches of 160 individuals on 500 rows, an ensemble of bred individuals was no
    better than one of random individuals after the same known ones.

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
    >>> reg = EvolvedPipelineRegressor(population_size=2, generations=2,
    ...                                random_state=0).fit(X, y)
    >>> reg.predict(X).shape
    (442,)
    """

    _classifier = "EvolvedPipelineClassifier"

    def _spec(self, X: Any, y: np.ndarray) -> DataSpec:
        return self._described(X, "regression", 0)
