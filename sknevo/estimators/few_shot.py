"""Evolved embeddings, which classify new classes that a few samples stand for."""

import warnings
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.metrics._scorer import _BaseScorer
from sklearn.model_selection._split import GroupsConsumerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._mixins import EvolvedClassifierMixin
from sknevo.estimators._network_mixins import EvolvedPredictorMixin
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.estimators._results import after_refit
from sknevo.estimators._samples import Samples
from sknevo.estimators._samples_mixin import SamplesMixin
from sknevo.evaluation import Builder, Objectives
from sknevo.genes import Genome
from sknevo.genomes.few_shot import few_shot, well_known
from sknevo.metrics import EpisodeAccuracy
from sknevo.records import DataSpec

if TYPE_CHECKING:
    from sknevo.builders.few_shot import CentroidClassifier

__all__ = ["EvolvedFewShotClassifier"]

# Two classes to learn from and two that are held out.
FEWEST_CLASSES = 4


@with_parameters
class EvolvedFewShotClassifier(
    ClassNamePrefixFeaturesOutMixin,
    EvolvedClassifierMixin,
    TransformerMixin,
    EvolvedPredictorMixin,
    BaseEvolved,
):
    """Evolve a network that tells new classes apart after a few images of each.

    `fit` learns an embedding from many classes with few images each, and scores it on
    classes that were held out. `adapt` takes a few images of other classes and returns
    a classifier of these, without further training: it compares with the mean of each
    class [1]_ [2]_. An individual is a network together with its training: blocks of
    convolutions, dense layers, the size of the embedding, an optimizer with its own
    parameters, batch size, epochs, schedule of the learning rate, augmentation,
    rotations as further classes, the loss (cross-entropy over the base classes,
    neighbourhood components [3]_, or prototypes) with its temperature, the distance,
    centring and scaling of embeddings, and how many views of an image are adapted to.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(few_shot, max_layers=4, max_parameters=100_000)`` of
        `sknevo.genomes.few_shot`; None stands for `few_shot`.
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
        on 500,000 samples, but at least 10 and at most 100. Unused if `genome` is
        given.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of the base classes, sorted.
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

    See Also
    --------
    EvolvedClassifier : Learns classes with more images.
    sknevo.metrics.EpisodeAccuracy : The fitness.

    Notes
    -----
    X may be what `EvolvedClassifier` takes, and networks are trained as there. No
    ensemble is selected: individuals of different splits know different classes.

    Without `cv`, or if it is a number, folds consist of whole classes: three of them,
    or two if there are few classes. With ``fit(X, y, groups=groups)`` classes of one
    group, such as the letters of one alphabet, are held out together. A splitter of
    groups, such as `GroupShuffleSplit`, gets the classes as groups. Another splitter is
    taken as it is: with `StratifiedKFold`, individuals are scored on held-out images of
    the classes that they have learned, which suits data of two or three classes.

    Without `scoring`, the fitness is an `EpisodeAccuracy()`: the mean accuracy of 500
    episodes of five classes (or all, if fewer are held out), of which one image each is
    adapted to. ``scoring=EpisodeAccuracy(20, 5)`` asks for 20 classes and five images.

    The probabilities of `predict_proba` follow from distances and the temperature of
    the loss. They are not calibrated.

    References
    ----------
    .. [1] Snell, J., Swersky, K., & Zemel, R. (2017). Prototypical Networks for
       Few-shot Learning. NeurIPS.
    .. [2] Wang, Y., Chao, W.-L., Weinberger, K., & van der Maaten, L. (2019).
       SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning.
       arXiv:1911.04623.
    .. [3] Laenen, S., & Bertinetto, L. (2021). On Episodes, Prototypical Networks, and
       Few-Shot Learning. NeurIPS. arXiv:2012.09831.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknevo import EvolvedFewShotClassifier
    >>> digits = load_digits()
    >>> X, y = digits.images, digits.target
    >>> base = y < 7
    >>> clf = EvolvedFewShotClassifier(population_size=1, generations=1, max_epochs=4,
    ...                                cv=2, random_state=0).fit(X[base], y[base])
    >>> new = ~base
    >>> three = clf.adapt(X[new][:20], y[new][:20])
    >>> three.classes_.tolist()
    [7, 8, 9]
    >>> three.score(X[new][20:], y[new][20:]) > 0.7
    True
    """

    _builder_module = "sknevo.builders.few_shot"
    _individuals = "networks"
    _default_scoring = EpisodeAccuracy()
    # Of whole classes; a fold of few would hardly tell embeddings apart. Chosen, not
    # measured.
    _default_folds = {1: 3}

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )

    # The search.

    def _check_y(self, y: Any) -> np.ndarray:
        with warnings.catch_warnings():
            # One sample of each class is what this is for.
            warnings.filterwarnings("ignore", "The number of unique classes is greater")
            return super()._check_y(y)

    def _is_stratified(self, y: Any) -> bool:
        return False

    def _split_params(self, samples: Samples) -> Mapping[str, Any]:
        given, cv, y = samples.split_params, samples.cv, samples.y
        of_classes = cv is None or isinstance(cv, Integral)
        if of_classes and len(classes := np.unique(y)) < FEWEST_CLASSES:
            raise ValueError(
                f"y must hold at least {FEWEST_CLASSES} classes, two to learn from and "
                f"two that are held out; got {len(classes)}: {classes.tolist()}. With "
                "cv=StratifiedKFold(3), held-out images of the same classes are scored."
            )
        if of_classes and "groups" in given:
            _check_groups(y, given["groups"])
        if (
            of_classes or isinstance(cv, GroupsConsumerMixin)
        ) and "groups" not in given:
            return {**given, "groups": y}
        return given

    def _undefined(
        self, objectives: Objectives, y_train: Any, y_test: Any, may_lack_classes: bool
    ) -> str:
        unknown = [] if np.isin(y_test, y_train).any() else y_test.tolist()
        for name, scorer in objectives.scorers_by_name.items():
            if isinstance(scorer, EpisodeAccuracy):
                if reason := scorer.undefined(y_test):
                    return reason
            elif isinstance(scorer, _BaseScorer) and len(unknown):
                return (
                    f"{name} compares predicted classes, but {unknown[0]!r} "
                    "was held out. Embeddings are scored by "
                    "sknevo.metrics.EpisodeAccuracy."
                )
        return super()._undefined(objectives, y_train, y_test, may_lack_classes)

    def _spec(self, X: Any, y: np.ndarray) -> DataSpec:
        n_classes = len(self.classes_)
        return DataSpec("classification", len(X), n_classes, **self._layout)

    def _default_genome(self, spec: DataSpec) -> Genome:
        return few_shot(spec, max_epochs=self.max_epochs)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        # Imported here, so that evolving pipelines never imports torch.
        from sknevo.builders.few_shot import FewShotBuilder

        return FewShotBuilder(spec, self.device, self.precision, final)

    # The fitted estimator.

    @after_refit
    def transform(self, X: Any) -> np.ndarray:
        """Return the embeddings of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Centred and scaled as the genes of the best individual say.
        """
        return self._ask("transform", X)

    @property
    def _n_features_out(self) -> int:
        return self.best_params_["embedding"]["size"]

    @after_refit
    def adapt(self, X: Any, y: Any) -> "AdaptedClassifier":
        """Return a classifier of other classes, of which there are a few samples.

        This estimator does not change, and the classifier does without it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in `fit`, such as one or five of each class.
        y : array-like of shape (n_samples,)
            Their labels, which may be other ones than those of `fit`. None if X is a
            torch Dataset that holds them.

        Returns
        -------
        AdaptedClassifier
            Fitted. It has `classes_` of its own, `predict`, `predict_proba`,
            `transform` and `score` (the accuracy), and can be pickled.

        Raises
        ------
        ValueError
            If there are fewer than two classes, or X is not laid out as in `fit`.
        """
        check_is_fitted(self, "best_estimator_")
        if y is not None:
            check_consistent_length(X, y)
        X, y = self._validate(X, y, reset=False)
        return AdaptedClassifier(self._best.adapt(X, y), self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


class AdaptedClassifier(SamplesMixin, ClassifierMixin, BaseEstimator):
    """What `EvolvedFewShotClassifier.adapt` returns: a fitted classifier.

    Parameters
    ----------
    model : CentroidClassifier
        The centroids, and the network that embeds.
    like : EvolvedFewShotClassifier
        What the samples are laid out for; it is not kept.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    centroids_ : ndarray of shape (n_classes, n_components)
        The means of the embeddings of each class.
    """

    def __init__(self, model: "CentroidClassifier", like: Any = None) -> None:
        self.model = model
        names = ("_sample_shape_", "_channels_", "n_features_in_", "feature_names_in_")
        vars(self).update({k: v for k, v in vars(like).items() if k in names})

    @property
    def classes_(self) -> np.ndarray:
        return self.model.classes_

    @property
    def centroids_(self) -> np.ndarray:
        return self.model.centroids

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the nearest centroid for each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, laid out as in the `fit` of the estimator that was adapted.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.model.predict(self._check_X(X, reset=False))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Samples, as `predict` takes them.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self.model.predict_proba(self._check_X(X, reset=False))

    def transform(self, X: Any) -> np.ndarray:
        """Return the embeddings of samples, of shape (n_samples, n_components)."""
        return self.model.net.transform(self._check_X(X, reset=False))


def _check_groups(y: np.ndarray, groups: Any) -> None:
    """Refuse groups that part a class, which could then be in both parts of a split."""
    classes, codes = np.unique(y, return_inverse=True)
    pairs = np.unique(
        np.stack([codes, np.unique(groups, return_inverse=True)[1]]), axis=1
    )
    counts = np.bincount(pairs[0])
    if counts.max() > 1:
        parted = classes.tolist()[counts.argmax()]
        raise ValueError(
            "groups must have all samples of a class in one group; class "
            f"{parted!r} is in {counts.max()}. With cv=GroupKFold() groups may share "
            "classes."
        )
