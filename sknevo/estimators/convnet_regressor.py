"""Evolved networks that predict numbers from images or rows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._mixins import EvolvedRegressorMixin
from sknevo.estimators._network_mixins import EvolvedPredictorMixin
from sknevo.estimators._parameters import (
    EnsembleParameters,
    parameter,
    with_parameters,
)
from sknevo.evaluation import Builder, Objectives
from sknevo.genes import Genome
from sknevo.genomes.convnet_regressor import convnet_regressor, well_known
from sknevo.records import DataSpec

__all__ = ["EvolvedRegressor"]


@with_parameters
class EvolvedRegressor(
    EvolvedRegressorMixin, EnsembleParameters, EvolvedPredictorMixin, BaseEvolved
):
    """Evolve a network that predicts a number from images, or from rows of numbers.

    An individual is a network together with its training: blocks of convolutions, dense
    layers, an optimizer with its own parameters, batch size, epochs, schedule of the
    learning rate, augmentation, loss (squared, absolute, or Huber's [1]_) and the
    scaling of the targets. The best individuals, which are skorch networks, go on with
    all of X at the end, and predict together.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(convnet_regressor, max_layers=2, max_parameters=100_000)`` of
        `sknevo.genomes.convnet_regressor`; None stands for `convnet_regressor`.
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
    device : str, default="auto"
        Device on which networks are trained, as torch names it: "cpu", "cuda",
        "cuda:1", "mps". "auto" stands for CUDA if it is available, else for the CPU. If
        a CUDA device is not available, "auto" is used instead, with a warning.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format in which networks compute (in a GAN, only its convolutions).
        "auto" stands for bfloat16 if the hardware supports it.
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many epochs as it takes to train
        on 500,000 samples, but at least 10 and at most 100. Unused if `genome` is
        given.

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
    EvolvedClassifier : Predicts classes.
    EvolvedPipelineRegressor : For tables.

    Notes
    -----
    X may be what `EvolvedClassifier` takes, and networks are trained as there.

    Augmentation may change what is predicted, such as a position. The known
    configurations have no augmentation; evolution adds it if it improves the fitness.

    References
    ----------
    .. [1] Huber, P. J. (1964). Robust Estimation of a Location Parameter. The Annals of
       Mathematical Statistics.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknevo import EvolvedRegressor
    >>> images = load_digits().images[:600]
    >>> ink = images.mean(axis=(1, 2))
    >>> reg = EvolvedRegressor(population_size=2, generations=1, max_epochs=8,
    ...                        random_state=0).fit(images, ink)
    >>> reg.score(images, ink) > 0.8
    True
    """

    _builder_module = "sknevo.builders.convnet_regressor"
    _individuals = "networks"
    _classifier = "EvolvedClassifier"

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )

    def _spec(self, X: Any, y: np.ndarray) -> DataSpec:
        return DataSpec("regression", len(X), 0, **self._layout)

    def _default_genome(self, spec: DataSpec) -> Genome:
        return convnet_regressor(spec, max_epochs=self.max_epochs)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        # Imported here, so that evolving pipelines never imports torch.
        from sknevo.builders.convnet_regressor import ConvNetRegressorBuilder

        return ConvNetRegressorBuilder(spec, self.device, self.precision, final)
