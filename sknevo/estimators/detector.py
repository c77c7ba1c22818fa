"""Evolved networks that find objects in images."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval

from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._boxes import as_boxes, paired_boxes
from sknevo.estimators._maps import EvolvedMapsMixin
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.estimators._results import after_refit
from sknevo.evaluation import Builder, Objectives
from sknevo.genes import Genome
from sknevo.genomes.detector import detector, usual_reduction, well_known
from sknevo.metrics import BoxScore
from sknevo.network_plan import shape_of
from sknevo.records import DataSpec

__all__ = ["EvolvedDetector"]

# Of the boxes of a class, the share that small ones are smaller than.
SMALL = 0.25
# Pixels of reduced images that networks are trained on for the first rung, for each
# second of `max_time`, all splits together, and bounds in images. Chosen, not measured.
PIXELS_PER_SECOND, FEWEST_IMAGES, MOST_IMAGES = 60_000, 1_000, 10_000


@with_parameters
class EvolvedDetector(EvolvedMapsMixin, BaseEvolved):
    """Evolve a network that finds objects in images and puts boxes around them.

    An individual is a network that gives each place of an image the probability that an
    object has its centre there, and the box that it has then [1]_, together with its
    training: how much images are reduced, depth, widths, the step of the maps, an
    optimizer with its own parameters, batch size, epochs, how wide the bells around
    centres are, what errors of places and sizes count, and augmentation, which moves
    images and boxes together and makes scenes of four images [2]_. How the maps become
    boxes evolves, too: which overlap is too much, and mirror images in predictions. The
    best network goes on with all of X at the end.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(detector, max_parameters=100_000)`` of `sknevo.genomes.detector`; None
        stands for `detector`.
    min_score : float, default=0.05
        What the probability of a box must reach to be predicted, in [0, 1]. Precision
        is measured over all of them: to get fewer and surer ones, leave out some of the
        predicted ones by their `scores`.
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
        on 20,000 scenes, but at least 10 and at most 200. Unused if `genome` is given.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
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
    EvolvedSegmenter : Gives each pixel of an image a class.

    Notes
    -----
    X may be an array of shape (n, height, width), (n, channels, height, width) or (n,
    height, width, channels), or a list of images of several sizes: arrays, tensors or
    PIL images. y holds a dict for each image, as in torchvision: ``{"boxes": boxes,
    "labels": labels}``, with boxes of shape (k, 4), which are x1, y1, x2, y2 in pixels
    from the top left corner, and k labels, which are whole numbers or words. Images may
    have no box. What lies outside of its image is cut off; boxes without width or
    height, or wholly outside, are errors. X may also be a torch Dataset of images and
    such dicts, with ``y=None``; all of them are read into memory.
    `sknevo.datasets.load_voc_folder` and `load_coco` read files.

    `predict` gives a list of such dicts, with `scores`, the most probable objects
    first. Images of any size are predicted as a whole.

    `scoring` takes "map_50" (which None stands for), the mean over the classes of the
    average precision at an intersection over union of 0.5, as COCO computes it;
    "map_75", "map" (the mean from 0.5 to 0.95), and "ap_2" or "ap_car" for the class of
    one label; see `sknevo.metrics.BoxScore`.

    Without `cv`, individuals are scored on three folds of up to 30 images, else on 20 %
    that are held out. There is no ensemble.

    References
    ----------
    .. [1] Zhou, X., Wang, D., & Krähenbühl, P. (2019). Objects as Points.
       arXiv:1904.07850.
    .. [2] Bochkovskiy, A., Wang, C.-Y., & Liao, H.-Y. M. (2020). YOLOv4: Optimal Speed
       and Accuracy of Object Detection. arXiv:2004.10934.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import EvolvedDetector
    >>> rng = np.random.default_rng(0)
    >>> images, targets = rng.normal(size=(16, 24, 24)), []
    >>> for image, (top, left) in zip(images, rng.integers(0, 16, (16, 2))):
    ...     image[top : top + 8, left : left + 8] += 10
    ...     box = [left, top, left + 8, top + 8]
    ...     targets.append({"boxes": [box], "labels": ["square"]})
    >>> found = EvolvedDetector(population_size=1, generations=1, max_epochs=8, cv=2,
    ...                         random_state=0).fit(images, targets)
    >>> found.classes_.tolist(), sorted(found.predict(images[:1])[0])
    (['square'], ['boxes', 'labels', 'scores'])
    >>> 0 <= found.score(images, targets) <= 1
    True
    """

    _builder_module = "sknevo.builders.detector"
    _individuals = "networks"
    _default_scoring = "map_50"
    _scorer = BoxScore
    _answers = "boxes"

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )
    min_score: float = parameter(Interval(Real, 0, 1, closed="both"), default=0.05)

    # The data.

    _plain_y = staticmethod(as_boxes)
    _paired = staticmethod(paired_boxes)

    def _learn(self, X: Any, y: np.ndarray) -> None:
        labels = np.concatenate([target["labels"] for target in y])
        if not len(labels):
            raise ValueError("y must hold at least one box; all images are without.")
        self.classes_ = np.unique(labels)

    def _undefined(
        self, objectives: Objectives, y_train: Any, y_test: Any, may_lack_classes: bool
    ) -> str:
        for part, what in ((y_train, "learned from"), (y_test, "scored on")):
            if not any(len(target["labels"]) for target in part):
                return f"nothing can be {what} images without boxes."
        return ""

    # The search.

    def _spec(self, X: Any, y: np.ndarray) -> DataSpec:
        boxes = np.concatenate([target["boxes"] for target in y])
        labels = np.concatenate([target["labels"] for target in y])
        sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
        small = min(np.quantile(sides[labels == one], SMALL) for one in self.classes_)
        return DataSpec(
            "detection",
            len(X),
            len(self.classes_),
            object_side=float(small),
            **self._layout,
        )

    def _default_genome(self, spec: DataSpec) -> Genome:
        return detector(spec, max_epochs=self.max_epochs)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _first_samples(self, spec: DataSpec, n_splits: int) -> float:
        height, width = shape_of(spec)[1:]
        pixels = n_splits * height * width / usual_reduction(spec) ** 2
        images = PIXELS_PER_SECOND * self.max_time / pixels
        return min(max(FEWEST_IMAGES, images), MOST_IMAGES)

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        # Imported here, so that evolving pipelines never imports torch.
        from sknevo.builders.detector import DetectorBuilder

        return DetectorBuilder(
            spec,
            self.device,
            self.precision,
            final,
            tuple(self.classes_.tolist()),
            self.min_score,
        )

    # The fitted estimator.

    @after_refit
    def predict(self, X: Any) -> list[dict[str, np.ndarray]]:
        """Find the objects in images.

        Parameters
        ----------
        X : array-like of shape (n_images, ...), or list of images
            Images with the channels of those in `fit`, of any size.

        Returns
        -------
        list of dict
            Of each image, the most probable object first: `boxes` of shape (k, 4), x1,
            y1, x2, y2 in pixels, `labels` of shape (k,), of `classes_`, and `scores` of
            shape (k,), in [0, 1]. There are at most 300.
        """
        return self._ask("predict", X)
