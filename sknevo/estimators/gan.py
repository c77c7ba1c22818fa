"""Evolved GANs: both networks, their optimizers, the noise and the training."""

import math
import warnings
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import (
    _num_samples,
    assert_all_finite,
    check_consistent_length,
    validate_data,
)

from sknevo.builders.pipeline._columns import as_table
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._network_mixins import EvolvedSamplesMixin
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.estimators._results import after_refit, best_of_each
from sknevo.estimators._splits import HOLD_OUT
from sknevo.evaluation import (
    Builder,
    Data,
    Evaluator,
    Objectives,
    TrialRunner,
    limited_threads,
)
from sknevo.frames import FrameLayout
from sknevo.genes import Genome
from sknevo.genomes._networks import are_images
from sknevo.genomes.gan import gan, well_known
from sknevo.metrics import GenerativeScore, TableFeatures, n_conditions
from sknevo.metrics._features import check_features
from sknevo.network_plan import shape_of
from sknevo.records import DataSpec, Evaluation, Generation, Part
from sknevo.search import SearchCallback, SearchResult
from sknevo.table_codec import FrameNumbers, TableCodec
from sknevo.time_budget import TimeBudget

__all__ = ["EvolvedGAN"]

# Fewer samples say nothing about a distribution; chosen, not measured.
FEWEST_SAMPLES = 8
# Samples that a GAN learns from for the first rung: so many rows for each second of
# `max_time`, all splits together, or so many pixels; half as many rows if they are WIDE
# values when they are encoded. Chosen: with three layers of 128 units, one core learns
# from some 8,000 rows of 12 values per second, and from 3,500 of 110.
ROWS_PER_SECOND, WIDE, PIXELS_PER_SECOND = 200, 100, 12_000


@with_parameters
class EvolvedGAN(EvolvedSamplesMixin, BaseEvolved):
    """Evolve a generator of samples together with its discriminator.

    An individual is a GAN with all settings of its training [1]_: generator and
    discriminator (depth, width, kernels, normalisation, activations, upsampling), an
    optimizer for each, the noise and its parameters, the loss, packing, the moving
    average of the generator, batch size, epochs, the rejection of bad samples, for
    images differentiable augmentation, and for DataFrames how labels are drawn in
    training. The generator of a DataFrame's rows may also learn with an encoder, as a
    variational autoencoder does [2]_. A training is stopped early (pruned) if the
    generator collapses, if its samples stay far from the data, if it stops learning, or
    if values explode; `cv_results_` has the reason. The fitness compares samples with
    real ones that were held out: whether they look real, and whether they are as
    various.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(gan, max_layers=2, max_parameters=100_000)`` of `sknevo.genomes.gan`;
        None stands for `gan`.
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
    device : str, default="auto"
        Device on which networks are trained, as torch names it: "cpu", "cuda",
        "cuda:1", "mps". "auto" stands for CUDA if it is available, else for the CPU. If
        a CUDA device is not available, "auto" is used instead, with a warning.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format in which networks compute (in a GAN, only its convolutions).
        "auto" stands for bfloat16 if the hardware supports it.
    feature_extractor : callable or None, default=None
        Turns samples into an array of shape (n, n_features), in which they are
        compared. None stands for the standardised columns of a table, of a DataFrame
        with its labels as indicators. For images, None
        stands for a small network that is trained on X, and on y if it holds labels,
        before the search. It is the same for all individuals. Must be None if `scoring`
        has features of its own or is not a `GenerativeScore`.
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many epochs as it takes to train
        on 600,000 rows (2,000,000 of a DataFrame) or 200,000 images, but at least 5 and
        at most 1000. Unused if `genome` is given.

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
    n_conditions_ : int
        Number of labels if y holds labels, 1 if y holds values, 0 without y.
    classes_ : ndarray of shape (n_labels,)
        The labels, sorted, if y holds labels.
    generation_samples_ : dict of int to array or DataFrame of shape (n, ...)
        For each generation (by its number), 16 images or 256 rows that the best
        individual so far has generated. A generation is missing if its best was not
        trained in this `fit`. With several splits, they are made by the model of the
        last one.

    See Also
    --------
    sknevo.metrics.GenerativeScore : The fitness.

    Notes
    -----
    X may be what `EvolvedClassifier` takes. `scoring=None` stands for
    `sknevo.metrics.GenerativeScore`.

    Samples have what all training samples have in common. They lie in the range of the
    pixels or of each column: values beyond it are set to its limits, and a constant
    column stays constant. Columns of whole numbers hold whole numbers. An array must
    hold numbers without missing values.

    If X is a DataFrame of pandas, polars or pyarrow, samples are one, too, with the
    same columns and types. Columns may hold numbers, dates, durations, booleans and
    up to 500 labels that repeat, all with missing values. Text is refused, and so is a
    word among numbers or dates. Numbers are made as normal scores of their quantiles,
    or as values within one of up to ten modes, labels and missing values as options
    [2]_. Quantiles, modes and options are learned from all of X, before it is split.
    Numbers lie on the grid of their column, such as multiples of 0.05.
    `feature_extractor` and `scoring` get such a table as an array of floats: labels as
    places, missing values as NaN, dates as microseconds. An array is learned as numbers
    of any distribution, without all this.

    Without `cv`, 20 % of the samples are held out; if there are up to 40 samples, they
    are split into two folds. Splits are stratified by label. Samples of labels that are
    too rare for that are used for training only. Splits are not stratified if there are
    more labels than a fifth of the number of samples.

    Generated samples are checked from 40 % of the training on, since earlier ones say
    little. A training with fewer than 300 generator steps or 100 samples is pruned only
    if values explode or are not finite.

    Training the same individual again with another seed may give a worse result. With
    a single split, as by default, `best_estimator_` is therefore the GAN that the
    search trained and scored. It never sees the held-out samples. If its score was read
    from a journal, it is trained again with the same seed on the same samples. With
    several splits, `best_estimator_` is trained on with all of X.

    With `max_time`, ``resource="auto"`` stands for "epochs". In the end the best are
    trained on, one for each worker, with the samples that they had, and scored again:
    those that are better then replace what their trials have left, and the fittest is
    `best_estimator_`. `best_score_` is the score of its trial.

    References
    ----------
    .. [1] Costa, V., Lourenço, N., Correia, J., & Machado, P. (2019). COEGAN:
       Evaluating the Coevolution Effect in Generative Adversarial Networks. GECCO.
    .. [2] Xu, L., Skoularidou, M., Cuesta-Infante, A., & Veeramachaneni, K. (2019).
       Modeling Tabular Data using Conditional GAN. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import EvolvedGAN
    >>> X = np.random.default_rng(0).normal([3, -1], [1, 0.1], (200, 2))
    >>> gan = EvolvedGAN(population_size=2, generations=1, max_epochs=40,
    ...                  random_state=0).fit(X)
    >>> gan.sample(5).shape
    (5, 2)
    >>> float(gan.sample(500)[:, 0].mean()) > 1
    True
    """

    _builder_module = "sknevo.builders.gan"
    _individuals = "generators"
    # On two tables, searches of 120 s were as good with 0.55 as with 0.3. Digits need
    # much more training than a rung has (doc/figures.md).
    _final_training = 0.5
    _picture = "SampleGridDisplay"

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )
    feature_extractor: Callable[[Any], np.ndarray] | None = parameter(
        callable, None, default=None
    )
    _default_scoring = GenerativeScore()
    # A hold-out of 40 samples has 8, too few to be compared; chosen, not measured.
    _default_folds = {40: 2}
    # All samples count alike.
    __metadata_request__fit = {"sample_weight": UNUSED}
    _accepted_metadata = frozenset()

    @property
    def _needs_y(self) -> bool:
        return False

    def _check_X(self, X: Any, reset: bool) -> Any:
        if reset:
            # A DataFrame of pixels holds images.
            is_frame = FrameLayout.of(X) is not None
            self._is_table_ = is_frame and self.image_shape is None
            self._codecs_: dict[str, TableCodec] | None = None
        if not self._is_table_:
            return super()._check_X(X, reset)
        table = as_table(X)
        validate_data(self, table, reset=reset, skip_check_array=True)
        if reset:
            self._table_ = FrameNumbers(X)
            self._sample_shape_, self._channels_ = (table.shape[1],), "first"
        return self._table_.read(table)

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, np.ndarray | None]:
        X, y = super()._validate(X, y, reset)
        n_samples = _num_samples(X)
        if n_samples < FEWEST_SAMPLES:
            raise ValueError(
                f"X must hold at least {FEWEST_SAMPLES} samples; got {n_samples}."
            )
        return X, y

    @property
    def _parts(self) -> dict[str, tuple[Part, ...]]:
        """How the columns of a DataFrame are made, by the coding of numbers."""
        return {name: codec.parts for name, codec in (self._codecs_ or {}).items()}

    def _learn(self, X: Any, y: np.ndarray | None) -> None:
        if self._is_table_:
            columns = self._table_.columns
            names = [column.name for column in columns]
            self._codecs_ = TableCodec.of_all_codings(X, self._table_.are_labels, names)
            if not any(codec.width for codec in self._codecs_.values()):
                raise ValueError(
                    "X must have a column that varies; all values of "
                    f"{', '.join(map(repr, names[:5]))} are the same."
                )
        self.n_conditions_ = 0 if y is None else n_conditions(y)
        if self.n_conditions_ > 1:
            self.classes_ = np.unique(y)
            if len(self.classes_) == len(y):
                raise ValueError(
                    "y must hold labels that samples share, or numbers; got as many "
                    f"labels as samples, such as {y[0]!r}."
                )

    def _scoring_of(self, scoring: Any, X: Any, y: np.ndarray | None) -> Any:
        """Return the fitness with features that depend on nothing but the data."""
        generative = isinstance(scoring, GenerativeScore)
        own, name = self.feature_extractor, "feature_extractor"
        if generative and scoring.features is None:
            # A clone: the user's own scorer is never changed.
            scoring = clone(scoring).set_params(features=self._features(X, y))
        elif self.feature_extractor is not None:
            raise ValueError(
                "feature_extractor must be None if scoring has its own features or is "
                f"not a GenerativeScore; got {self.feature_extractor!r}."
            )
        elif generative:
            own, name = scoring.features, "scoring.features"
        if own is not None:
            # Of all individuals, each would fail for the same reason.
            check_features(own, np.asarray(X[:FEWEST_SAMPLES]), name)
        return scoring

    def _features(
        self, X: Any, y: np.ndarray | None
    ) -> Callable[[Any], np.ndarray] | None:
        if self.feature_extractor is None and self._is_table_:
            return TableFeatures.of(X, self._table_.are_labels)
        if self.feature_extractor is not None or len(self._sample_shape_) == 1:
            return self.feature_extractor
        # Imported here, so that `import sknevo` never imports torch.
        from sknevo.builders.gan import feature_space

        labels = y if self.n_conditions_ > 1 else None
        with limited_threads(1):  # sums of floats depend on the number of threads
            return feature_space(
                X, labels, sample_shape=self._sample_shape_, channels=self._channels_
            )

    def _check_y(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        return y

    def _is_stratified(self, y: Any) -> bool:
        if self.n_conditions_ < 2:
            return False
        # Splits can only be stratified if one label has a sample in every part.
        counts = np.unique(y, return_counts=True)[1]
        folds = self.cv if isinstance(self.cv, Integral) else 2
        return counts.max() >= folds and len(counts) <= HOLD_OUT * len(y)

    def _callbacks(self, runner: TrialRunner) -> list[SearchCallback]:
        self.generation_samples_: dict[int, Any] = {}
        if runner.model_store is None:
            return []
        from sknevo.builders.gan import n_kept_samples

        n_kept = n_kept_samples(self._sample_shape_)
        write = self._table_.write if self._is_table_ else None
        history = SampleHistory(runner, n_kept, write)
        self.generation_samples_ = history.samples
        return [history]

    def _refit_rows(self, data: Data) -> np.ndarray | None:
        # With one split, the refit is the training of the best individual's trial.
        ((train, _), *others) = data.splits
        return None if others else train

    def _spec(self, X: Any, y: Any) -> DataSpec:
        known = {**self._layout, "parts": self._parts}
        return DataSpec("generation", len(X), self.n_conditions_, **known)

    def _default_genome(self, spec: DataSpec) -> Genome:
        return gan(spec, max_epochs=self.max_epochs)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _first_samples(self, spec: DataSpec, n_splits: int) -> float:
        if are_images(spec):
            each = PIXELS_PER_SECOND / math.prod(shape_of(spec)[1:])
        else:
            columns = spec.parts.get("quantiles", ())
            width = sum(part.width for part in columns) or spec.shape[0]
            each = ROWS_PER_SECOND / (1 + width / WIDE)
        return each * self.max_time / n_splits

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        from sknevo.builders.gan import GANBuilder

        return GANBuilder(spec, self.device, self.precision, self._codecs_)

    # The winner.

    def _finish_training(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> None:
        runner = evaluator.runner
        best = result.evaluations[self.best_index_].candidate
        is_whole = runner.normalized(best).resource is None
        rows = self._refit_rows(runner.data.value)
        if rows is not None and budget.max_time is None and is_whole:
            # Its trial has trained it as long as its genes ask for.
            self._refit(result, evaluator, budget, rows)
        else:
            super()._finish_training(result, evaluator, budget)

    def _finalists(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> list[int]:
        """Return the best individuals, one for each worker."""
        is_scored_again = evaluator.runner.trial_is_refit
        if callable(self.refit) or budget.max_time is None or not is_scored_again:
            return [self.best_index_]
        best = best_of_each(result.evaluations, self.best_index_, budget.rank_key)
        return best[: self._n_workers]

    def _winner(
        self,
        finalists: list[int],
        models: Mapping[int, BaseEstimator],
        fitness: Mapping[int, float],
    ) -> int:
        """Return the fittest after the final training."""
        return max(finalists, key=fitness.__getitem__)

    # The fitted estimator.

    @after_refit
    def sample(
        self,
        n_samples: int = 1,
        y: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Make samples with the best generator.

        Parameters
        ----------
        n_samples : int, default=1
            Number of samples.
        y : array-like of shape (n_samples,), scalar or None, default=None
            Labels or values to make samples for, if `fit` got y. None draws labels or
            values as frequently as they were in `fit`.
        random_state : int, RandomState or None, default=None
            Seed of the noise. None gives the same samples each time.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, ...)
            In the type and layout of X in `fit`, see the notes of the class.
        """
        return self._as_given(self._best.sample(n_samples, y, random_state))

    def _as_given(self, samples: np.ndarray) -> Any:
        """Return samples as a DataFrame if X was one."""
        if self._is_table_:
            return self._table_.write(samples)
        return super()._as_given(samples)

    @after_refit
    def reconstruct(
        self, X: Any, *, n_candidates: int = 500, n_steps: int = 200
    ) -> Any:
        """Rebuild samples as well as the best generator can.

        For each sample, this searches for the noise, and the label or value, that gives
        the most similar generated sample. For images that were not in `fit`, a low
        ``sknevo.metrics.peak_signal_noise_ratio(X, rebuilt)`` means that the generator
        cannot make them.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, laid out as in `fit`.
        n_candidates : int, default=500
            Number of generated samples of which the nearest one is the start.
        n_steps : int, default=200
            Steps of gradient descent from there, see `sknevo.metrics.invert`.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, ...)
            In the type and layout of X in `fit`, see the notes of the class.
        """
        known = {"n_candidates": n_candidates, "n_steps": n_steps}
        return self._as_given(self._best.reconstruct(self._validate_X(X), **known))

    @after_refit
    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Return the logits of the best discriminator.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, laid out as in `fit`.
        y : array-like of shape (n_samples,) or None, default=None
            Labels or values of the samples. None stands for the mean over all labels.

        Returns
        -------
        ndarray of shape (n_samples,)
            The higher, the more real a sample looks.
        """
        return self._best.score_samples(*self._validate_pair(X, y))

    @after_refit
    def decision_function(self, X: Any, y: Any = None) -> np.ndarray:
        """Return by how much the logits exceed the threshold of `predict`.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, laid out as in `fit`.
        y : array-like of shape (n_samples,) or None, default=None
            Labels or values of the samples. None stands for the mean over all labels.

        Returns
        -------
        ndarray of shape (n_samples,)
            At least 0 for samples that `predict` takes for real ones.
        """
        return self._best.decision_function(*self._validate_pair(X, y))

    def _validate_pair(self, X: Any, y: Any) -> tuple[Any, Any]:
        X = self._validate_X(X)
        if y is not None:
            y = column_or_1d(self._plain_y(y))
            check_consistent_length(X, y)
        return X, y

    @after_refit
    def predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Predict which samples are real, by the best discriminator.

        If the generator is good, predictions for generated samples are hardly better
        than guesses.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, laid out as in `fit`.
        y : array-like of shape (n_samples,) or None, default=None
            Labels or values of the samples. None stands for the mean over all labels.

        Returns
        -------
        ndarray of shape (n_samples,)
            1 for samples that look real, -1 for samples that look generated.
        """
        return np.where(self.decision_function(X, y) >= 0, 1, -1)

    @after_refit
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the fitness of the best individual, measured with other real samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Real samples, laid out as in `fit`, that were not in `fit`.
        y : array-like of shape (n_samples,) or None, default=None
            Labels or values of the samples.
        **params : dict
            Metadata for the scorer. `training`, of shape (n_training, ...), are the
            samples that the best individual was fitted with: a `GenerativeScore` finds
            copies only of these.

        Returns
        -------
        float
            The higher, the better.
        """
        if y is not None:
            check_consistent_length(X, y)
        if (training := params.get("training")) is not None:
            params["training"] = self._validate_X(training)
        return super().score(X, y, **params)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "density_estimator"
        return tags


class SampleHistory(SearchCallback):
    """Keeps samples that the best generator so far makes at each generation's end.

    A generation is left out if its best has no fitted estimator in this search: it was
    answered by a journal.

    Attributes
    ----------
    samples : dict of int to array or DataFrame of shape (n_samples, ...)
        By the number of the generation.
    """

    def __init__(
        self,
        runner: TrialRunner,
        n_samples: int,
        write: Callable[[np.ndarray], Any] | None = None,
    ) -> None:
        self.runner, self.n_samples, self.write = runner, n_samples, write
        self.samples: dict[int, Any] = {}
        self._best: Evaluation | None = None

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        best = self._best
        if evaluation.status == "ok" and (
            best is None or evaluation.fitness > best.fitness
        ):
            self._best = evaluation
        return False

    def on_generation_end(self, generation: Generation) -> bool:
        try:
            model = self._best and self.runner.stored_model(self._best.candidate)
            if model is not None:
                made = model.sample(self.n_samples)
                written = made if self.write is None else self.write(made)
                self.samples[generation.number] = written
        except Exception as fault:  # such as that workers have filled the GPU
            warnings.warn(
                f"generation_samples_ has no generation {generation.number}, since "
                f"sampling failed: {type(fault).__name__}: {fault}",
                stacklevel=2,
            )
        return False
