"""Evolved autoencoders: codes of samples, samples of codes, and anomalies."""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
)
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval

from sknevo.data_checks import random_rows
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._network_mixins import (
    EvolvedPredictorMixin,
    EvolvedSamplesMixin,
)
from sknevo.estimators._parameters import COUNT, parameter, with_parameters
from sknevo.estimators._results import after_refit
from sknevo.evaluation import Builder, Evaluator, Objectives
from sknevo.genes import Genome
from sknevo.genomes.autoencoder import autoencoder, well_known
from sknevo.records import DataSpec
from sknevo.search import SearchResult
from sknevo.time_budget import TimeBudget

__all__ = ["EvolvedAutoencoder"]

# The threshold of anomalies is read off so many values of samples of `fit`, but no
# fewer samples than the least: of images of 28 x 28 they take a third of a second.
# Chosen, not measured.
VALUES, FEWEST_SAMPLES = 2**20, 1000


def score(estimator: Any, X: Any, y: Any = None) -> float:
    """Return the score of a fitted individual by itself: the default fitness."""
    return estimator.score(X)


@with_parameters
class EvolvedAutoencoder(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    OutlierMixin,
    EvolvedSamplesMixin,
    EvolvedPredictorMixin,
    BaseEvolved,
):
    """Evolve an autoencoder, which makes short codes of samples and rebuilds them.

    An individual is an encoder and a decoder with their training: convolutions or dense
    layers, a decoder that is tied to the widths of the encoder or has its own, the size
    of the code, a plain or a variational code [1]_, denoising [2]_, the loss (squared,
    absolute, and of images binary or the structural similarity [3]_), an optimizer with
    its own parameters, batch size, epochs, schedule of the learning rate and (of
    images) augmentation. The fitness is the mean squared error of rebuilt samples that
    were held out, whatever the loss. The fitted estimator is a transformer, and an
    outlier detector: anomalies are rebuilt badly.

    Parameters
    ----------
    n_components : int or None, default=None
        Numbers in a code. None lets it evolve: then each number costs
        `component_penalty`. With a `genome`, that says it, and this must be None.
    contamination : float, default=0.1
        Share of the samples of `fit` that `predict` takes for anomalies, in (0, 0.5].
    component_penalty : float, default=0.001
        What a number of the code costs in the fitness, as a share of the variance of X.
        Unused if `n_components` is given.
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(autoencoder, n_components=8, max_parameters=100_000)`` of
        `sknevo.genomes.autoencoder`; None stands for `autoencoder`.
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
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many epochs as it takes to train
        on 1,500,000 samples, but at least 20 and at most 200. Unused if `genome` is
        given.

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
    offset_ : float
        The value of `score_samples` below which a sample is an anomaly. Read off some
        of the samples of `fit`, all if they are few.

    See Also
    --------
    EvolvedGAN : Makes new samples.
    sknevo.displays.ReconstructionDisplay : Rebuilt samples beside the real ones.

    Notes
    -----
    X may be what `EvolvedClassifier` takes; y is not used. `scoring=None` stands for
    `score` of the individuals. A callable gets an individual, which has `transform`,
    `inverse_transform`, `score_samples` and `score`, and the held-out samples.

    Errors are means over the values of a sample. Images are measured with the range of
    the pixels of `fit` as 1, and each column of a table in units of its variance.

    Without `cv`, individuals are scored on five folds of up to 100 samples, on three of
    up to 500, else on 20 % that are held out. With `max_time` they are trained for some
    epochs first, and the best of them for more; at the end the best goes on, on all of
    X, until the time is over.

    References
    ----------
    .. [1] Higgins, I. et al. (2017). beta-VAE: Learning Basic Visual Concepts with a
       Constrained Variational Framework. ICLR.
    .. [2] Vincent, P. et al. (2010). Stacked Denoising Autoencoders. Journal of Machine
       Learning Research 11.
    .. [3] Zhao, H., Gallo, O., Frosio, I., & Kautz, J. (2017). Loss Functions for Image
       Restoration with Neural Networks. IEEE Transactions on Computational Imaging 3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknevo import EvolvedAutoencoder
    >>> images = load_digits().images[:600]
    >>> search = EvolvedAutoencoder(n_components=8, population_size=2, generations=1,
    ...                             max_epochs=4, random_state=0).fit(images)
    >>> search.transform(images).shape
    (600, 8)
    >>> search.inverse_transform(search.transform(images[:3])).shape
    (3, 8, 8)
    >>> search.score(images) > -0.1
    True
    """

    _builder_module = "sknevo.builders.autoencoder"
    _individuals = "autoencoders"
    _needs_y = False
    _default_scoring = staticmethod(score)

    n_components: int | None = parameter(COUNT, None, default=None)
    contamination: float = parameter(
        Interval(Real, 0, 0.5, closed="right"), default=0.1, in_journal=False
    )
    component_penalty: float = parameter(
        Interval(Real, 0, None, closed="left"), default=1e-3
    )
    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.genome is not None and self.n_components is not None:
            raise ValueError(
                "n_components must be None if genome is given, which says it, such as "
                "partial(sknevo.genomes.autoencoder.autoencoder, n_components="
                f"{self.n_components}); got {self.n_components}."
            )

    def _targets(self, X: Any, y: Any) -> None:
        return None  # samples are what is learned

    def _spec(self, X: Any, y: Any) -> DataSpec:
        return DataSpec("reconstruction", len(X), 0, **self._layout)

    def _default_genome(self, spec: DataSpec) -> Genome:
        known = {"n_components": self.n_components, "max_epochs": self.max_epochs}
        return autoencoder(spec, **known)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        # Imported here, so that evolving pipelines never imports torch.
        from sknevo.builders.autoencoder import AutoencoderBuilder

        penalty = self.component_penalty if self.n_components is None else 0.0
        return AutoencoderBuilder(spec, self.device, self.precision, final, penalty)

    def _finish_training(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> None:
        super()._finish_training(result, evaluator, budget)
        X = evaluator.runner.data.value.X
        n_some = max(FEWEST_SAMPLES, VALUES // self.n_features_in_)
        scores = self.best_estimator_.score_samples(X[random_rows(len(X), n_some)])
        self.offset_ = float(np.percentile(scores, 100 * self.contamination))

    # The fitted estimator.

    @property
    def _n_features_out(self) -> int:
        return self._best.n_components

    # Not `after_refit`, which scikit-learn's set_output would hide.
    def transform(self, X: Any) -> np.ndarray:
        """Return the code of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Codes; with a variational code, their means.
        """
        return self._ask("transform", X)

    @after_refit
    def inverse_transform(self, X: Any) -> Any:
        """Return the sample of each code.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, ...)
            In the type, the layout and the range of X in `fit`: columns of whole
            numbers hold whole numbers, and a DataFrame has the same columns.

        Raises
        ------
        ValueError
            If codes have another size, or are not finite.
        """
        best = self._best
        codes = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if codes.shape[1] != best.n_components:
            raise ValueError(
                f"X must hold codes of {best.n_components} numbers, as transform "
                f"returns them; got {codes.shape[1]}."
            )
        return self._as_given(best.inverse_transform(codes))

    @after_refit
    def reconstruct(self, X: Any) -> Any:
        """Rebuild samples of their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, ...)
            In the type and layout of X in `fit`, see `inverse_transform`.
        """
        return self._as_given(self._ask("predict", X))

    @after_refit
    def score_samples(self, X: Any) -> np.ndarray:
        """Return how well each sample is rebuilt.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            The negative mean squared error of each sample, see the notes of the class:
            0 at best.
        """
        return self._ask("score_samples", X)

    @after_refit
    def decision_function(self, X: Any) -> np.ndarray:
        """Return by how much `score_samples` exceeds `offset_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Below 0 for anomalies.
        """
        return self.score_samples(X) - self.offset_

    @after_refit
    def predict(self, X: Any) -> np.ndarray:
        """Predict which samples are anomalies.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            -1 for anomalies, 1 for the others.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _score(self, X: Any, y: Any, params: Mapping[str, Any]) -> float:
        return super()._score(X, None, params)
