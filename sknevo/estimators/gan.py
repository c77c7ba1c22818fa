"""Evolved GANs: both networks, their optimizers, the noise and the training."""

import warnings
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _num_samples,
    assert_all_finite,
    check_consistent_length,
    check_is_fitted,
)

from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._mixins import EvolvedNetworkMixin
from sknevo.estimators._parameters import parameter, with_parameters
from sknevo.estimators._results import check_refit
from sknevo.estimators._setup import HOLD_OUT
from sknevo.evaluation import Builder, Data, Objectives, TrialRunner, limited_threads
from sknevo.genes import Genome
from sknevo.genomes.gan import gan, well_known
from sknevo.metrics import GenerativeScore, n_conditions
from sknevo.records import DataSpec, Evaluation, Generation
from sknevo.search import SearchCallback

__all__ = ["EvolvedGAN"]

# Fewer samples say nothing about a distribution; chosen, not measured.
FEWEST_SAMPLES = 8


@with_parameters
class EvolvedGAN(EvolvedNetworkMixin, BaseEvolved):
    """Evolve a generator of samples together with its discriminator.

    An individual is a whole adversarial training [1]_: generator and discriminator
    (depth, width, kernels, normalisation, activations, upsampling), an optimizer for
    each, the noise and its parameters, the loss, packing, the moving average of the
    generator, batch size, epochs, the rejection of bad samples and, for images,
    differentiable augmentation. A training is pruned if the generator collapses, stays
    far from the data or stops learning, or if values explode; `cv_results_` has the
    reason. The fitness compares samples with real ones that were held out: how near
    they are, how diverse, and how complete.

    Parameters
    ----------
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(gan, max_layers=2, max_parameters=100_000)`` of `sknevo.genomes.gan`;
        None stands for `gan`.
    strategy : {"coevolution", "crossover", "elitist", "estimation_of_distribution", \
"nsga2", "regularized_evolution", "surrogate_assisted"} or Strategy, \
default="estimation_of_distribution"
        How offspring are bred and which individuals survive. An object carries its own
        parameters, such as ``GeneticAlgorithm(mutation_probability=0.3)``.
    population_size : int, default=12
        Number of individuals per generation.
    generations : int or None, default=5
        Number of generations. None sets no limit: another rule must end the search.
    scoring : str, callable, list, tuple, dict or None, default=None
        The fitness, as in scikit-learn's searches. None stands for the accuracy of
        classes and for R2 of values; `EvolvedSearchCV` takes the estimator's own
        `score`, `EvolvedGAN` a `GenerativeScore`. With several metrics, `refit` names
        the fitness. Several metrics may include costs: "fit_time" (seconds),
        "predict_time" (seconds per 1,000 samples), "n_parameters" (of networks and
        linear models) and "size" (pickled bytes). Costs are negated: higher is better.
    refit : bool, str, callable or dict, default=True
        Whether the best individual is fitted on all of X. With several metrics, the
        name of the fitness, or a dict of weights whose weighted sum is the fitness,
        such as ``{"accuracy": 1, "predict_time": 0.1}``. A callable gets `cv_results_`
        and returns the index of the best.
    target_score : float or None, default=None
        Stop as soon as an individual reaches this fitness.
    n_iter_no_change : int or None, default=None
        Stop after this number of generations without an improvement.
    tol : float, default=1e-4
        Smallest gain of the best fitness that is an improvement.
    max_time : float or None, default=None
        Seconds for all of `fit`, including the refit of the best. The first individual
        always runs to its end. After that, an individual can win if it ends in time
        and there is time for its refit. A refit that is repeated, or that a callable
        `refit` chooses, may exceed the limit. Results depend on the machine's speed:
        set `generations` for results that a seed reproduces.
    max_eval_time : float or None, default=None
        Seconds that an individual may take for all of its splits. A worker process
        that takes longer is ended, also in native code that never returns. The refit
        is not limited.
    memory_limit : float or None, default=None
        Megabytes that a worker process may use; one that uses more is ended. This and
        `max_eval_time` need worker processes of joblib's own backend, which are started
        for them with ``n_jobs=1`` too. With other backends an individual ends by
        itself between boosting rounds, epochs or splits, or not at all.
    max_predict_time : float or None, default=None
        Seconds that an individual may take to predict 1,000 samples: the median of
        five predictions, on any split. A slower individual cannot win. Results depend
        on the machine's speed.
    cv : int, splitter, iterable or None, default=None
        The splits on which individuals are scored. An integer is a number of shuffled
        folds, stratified by class; a class with fewer members than folds is in all
        training parts. None stands for folds of few samples and for one hold-out of
        20 % of many, see the notes. Splitters and iterables are as in scikit-learn.
    resource : str or None, default=None
        The resource of successive halving: "samples" of the training part, or a gene of
        whole numbers such as "epochs". Many individuals are evaluated with little of
        it, and only the best of them again with more. None evaluates each individual
        once, with all that its genes ask for.
    factor : float, default=3
        One individual in `factor` is promoted, to `factor` times the resource.
    min_resources : int or {"exhaust", "smallest"}, default="exhaust"
        The resource of the first rung. With "exhaust" it is so large that the best
        individuals of one population just reach the last rung.
    max_resources : int or "auto", default="auto"
        Upper limit of the rungs' resources. An individual that does well on all rungs
        is evaluated with all that its genes ask for. "auto" stands for the most that
        any individual can ask for.
    initial_population : sequence or None, default=None
        The first individuals: dicts of expressed genes (missing genes are drawn at
        random), chromosomes, or fitted estimators of this class. None stands for a few
        well-known configurations, an empty list for random individuals only.
    journal : path-like or None, default=None
        File that keeps every evaluation. If the process dies, run the same script
        again: evaluations in the file are not repeated, and the search comes to the
        same end. A search that has ended goes on if `generations` is raised. A journal
        belongs to one search on one data set, and to one `fit` at a time;
        `read_journal` returns what it holds.
    error_score : "raise" or float, default=nan
        Score of failed individuals in `cv_results_`; their fitness is always the worst.
        "raise" ends `fit` at the first failure, be it of an individual or of the refit.
    n_jobs : int or None, default=None
        Number of individuals that are evaluated at a time. They share the cores.
        Results do not depend on it, unless `max_time` is set.
    random_state : int, RandomState or None, default=None
        Seed of everything: genes, splits and models.
    verbose : int, default=0
        1 prints a line per generation, 2 also one per individual.
    image_shape : tuple of int or None, default=None
        Shape of an image if X holds images as rows: (height, width),
        (channels, height, width) or (height, width, channels). Images of a Dataset are
        scaled and cropped to it. None stands for the shape of the first sample.
    device : str, default="auto"
        Device on which networks are trained, as torch names it. "auto" stands for CUDA
        where there is one, else for the CPU. A CUDA device that is not there is
        replaced in the same way, with a warning.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of the computation; in a GAN, of its convolutions. "auto" stands
        for bfloat16 where the hardware has it.
    feature_extractor : callable or None, default=None
        Turns samples into an array of shape (n, n_features), in which they are
        compared. None stands for the standardised columns of a table. For images, None
        stands for a small network that is trained on X, with y if it holds labels, and
        is then the same for all individuals. A ValueError if `scoring` has features of
        its own, or is no `GenerativeScore`.
    max_epochs : int or None, default=None
        Most passes over the training data. None stands for 600,000 rows or 200,000
        images in all, but at least 5 and at most 1000 epochs. Unused if `genome` is
        given.

    Attributes
    ----------
    best_estimator_ : estimator
        The best individual, fitted on all of X. It works and pickles on its own.
    best_chromosome_ : Chromosome
        The genes of the best individual, silent ones included, and its lineage.
    best_params_ : dict
        The expressed genes of the best individual. They serve as an
        `initial_population`.
    best_score_ : float
        Fitness of the best individual: its mean score over the splits. Not set if
        `refit` is callable.
    best_index_ : int
        Row of the best individual in `cv_results_`.
    cv_results_ : dict of str to array
        One row per individual: the columns of RandomizedSearchCV, and `generation`,
        `origin`, `parents`, `key`, `status` ("ok", "error", "timeout", "memory",
        "pruned", "slow", "unfinished", "skipped"), `error`, and `resource`, which is
        infinite if the individual was given all that its genes ask for.
    pareto_front_ : ndarray of int
        Rows of `cv_results_` that no other row dominates in all scores, sorted by the
        first score, best first. `refit_individual` fits any of them.
    history_ : list of Generation
        One record per generation: best, median, evaluated, cached, failed, seconds.
    rungs_ : list of Rung
        Of successive halving: the resource of each rung, the scores on it, their
        correlation with those on the next rung, and whether the rung is_misleading and
        is left out.
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
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, if X is a DataFrame whose column names are all strings.
    n_conditions_ : int
        What samples can be made for: the number of labels if y holds labels, 1 if it
        holds values, 0 without y.
    classes_ : ndarray of shape (n_conditions_,)
        The labels, sorted, if y holds labels.
    generation_samples_ : dict of int to ndarray of shape (n, ...)
        By the number of the generation, 16 images or 256 rows that the best individual
        so far makes at its end. Generations are missing if their best was not trained
        in this `fit`, or not with all of the `resource`; all are, with several splits.

    See Also
    --------
    sknevo.metrics.GenerativeScore : The fitness.

    Notes
    -----
    X may be what `EvolvedClassifier` takes. `scoring=None` stands for
    `sknevo.metrics.GenerativeScore`.

    Without `cv`, 20 % of the samples are held out, or two folds are made of up to 40
    samples. Splits are stratified by label, and labels
    too rare for that are in all training parts. They are not stratified if there are
    more labels than a fifth of the samples.

    Training is checked from 40 % on: earlier samples say little. A training of fewer
    than 300 generator steps or 100 samples is pruned only if values explode or are not
    finite; its fitness says the rest.

    Training the same individual again with another seed may give a worse result. With
    a single split, as by default, `best_estimator_` is therefore the very network that
    `best_score_` was measured on, and the held-out samples stay unseen. If its score
    comes from a journal, it is trained again with the same seed on the same samples.
    With several splits, `best_estimator_` is trained on all of X.

    References
    ----------
    .. [1] Costa, V., Lourenço, N., Correia, J., & Machado, P. (2019). COEGAN:
       Evaluating the Coevolution Effect in Generative Adversarial Networks. GECCO.

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

    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )
    feature_extractor: Callable[[Any], np.ndarray] | None = parameter(
        callable, None, default=None
    )
    _default_scoring = GenerativeScore()
    # A hold-out of 40 samples has 8, too few to be compared; chosen, not measured.
    _default_folds = {40: 2}
    _needs_y = False

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, np.ndarray | None]:
        X, y = super()._validate(X, y, reset)
        n_samples = _num_samples(X)
        if n_samples < FEWEST_SAMPLES:
            raise ValueError(
                f"X must hold at least {FEWEST_SAMPLES} samples; got {n_samples}."
            )
        return X, y

    def _learn(self, X: Any, y: np.ndarray | None) -> None:
        self.n_conditions_ = 0 if y is None else n_conditions(y)
        if self.n_conditions_ > 1:
            self.classes_ = np.unique(y)

    def _scoring_of(self, scoring: Any, X: Any, y: np.ndarray | None) -> Any:
        """Return the fitness with features that depend on nothing but the data."""
        has_features = (
            not isinstance(scoring, GenerativeScore) or scoring.features is not None
        )
        # A clone: the user's own scorer is never changed.
        if not has_features:
            return clone(scoring).set_params(features=self._features(X, y))
        if self.feature_extractor is not None:
            raise ValueError(
                "feature_extractor must be None if scoring has its own features or is "
                f"no GenerativeScore; got {self.feature_extractor!r}."
            )
        return scoring

    def _features(
        self, X: Any, y: np.ndarray | None
    ) -> Callable[[Any], np.ndarray] | None:
        if self.feature_extractor is not None or len(self._sample_shape_) == 1:
            return self.feature_extractor
        # Imported here, so that `import sknevo` never imports torch.
        from sknevo.builders.gan import feature_space

        labels = y if self.n_conditions_ > 1 else None
        with limited_threads(1):  # sums of floats depend on the number of threads
            return feature_space(X, labels, sample_shape=self._sample_shape_)

    def _check_y(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        if y.dtype.kind == "c":
            raise ValueError(f"Complex data not supported: y is {y.dtype}.")
        assert_all_finite(y, input_name="y")
        return y

    def _make_data(
        self, X: Any, y: np.ndarray | None, params: Mapping[str, Any], seed: int
    ) -> Data:
        if params.get("sample_weight") is not None:
            raise ValueError(
                "sample_weight must be None: all samples have the same weight."
            )
        return super()._make_data(X, y, params, seed)

    def _is_stratified(self, y: Any) -> bool:
        if self.n_conditions_ < 2:
            return False
        # Splits can only be stratified if one label has a sample in every part.
        counts = np.unique(y, return_counts=True)[1]
        folds = self.cv if isinstance(self.cv, Integral) else 2
        return counts.max() >= folds and len(counts) <= HOLD_OUT * len(y)

    def _callbacks(self, runner: TrialRunner) -> list[SearchCallback]:
        self.generation_samples_: dict[int, np.ndarray] = {}
        if runner.model_store is None:
            return []
        from sknevo.builders.gan import n_kept_samples

        history = SampleHistory(runner, n_kept_samples(self._sample_shape_))
        self.generation_samples_ = history.samples
        return [history]

    def _refit_rows(self, data: Data) -> np.ndarray | None:
        # With one split, the refit is the training of the best individual's trial.
        ((train, _), *others) = data.splits
        return None if others else train

    def _spec(self, X: Any, y: Any) -> DataSpec:
        return DataSpec(
            "generation", len(X), self.n_conditions_, shape=self._sample_shape_
        )

    def _default_genome(self, spec: DataSpec) -> Genome:
        return gan(spec, max_epochs=self.max_epochs)

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        from sknevo.builders.gan import GANBuilder

        return GANBuilder(spec, self.device, self.precision)

    # The fitted estimator.

    @available_if(check_refit)
    def sample(
        self,
        n_samples: int = 1,
        y: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> np.ndarray:
        """Make samples with the best generator.

        Parameters
        ----------
        n_samples : int, default=1
            Number of samples.
        y : array-like of shape (n_samples,), scalar or None, default=None
            Labels or values to make samples for, if `fit` was given y. None draws them
            with their frequencies in `fit`.
        random_state : int, RandomState or None, default=None
            Seed of the noise. None makes the same samples each time.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            In the type and layout of X in `fit`.
        """
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.sample(n_samples, y, random_state)

    @available_if(check_refit)
    def reconstruct(
        self, X: Any, *, n_candidates: int = 500, n_steps: int = 200
    ) -> np.ndarray:
        """Rebuild samples as well as the best generator can.

        The noise, and the label or value, are searched for that make the most similar
        sample. On images that were not in `fit`, a low
        ``sknevo.metrics.peak_signal_noise_ratio(X, rebuilt)`` shows what the generator
        cannot make.

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
        ndarray of shape (n_samples, ...)
            In the type and layout of X in `fit`.
        """
        check_is_fitted(self, "best_estimator_")
        known = {"n_candidates": n_candidates, "n_steps": n_steps}
        return self.best_estimator_.reconstruct(self._validate_X(X), **known)

    @available_if(check_refit)
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
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.score_samples(self._validate_pair(X, y), y)

    @available_if(check_refit)
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
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_.decision_function(self._validate_pair(X, y), y)

    def _validate_pair(self, X: Any, y: Any) -> Any:
        X = self._validate_X(X)
        if y is not None:
            check_consistent_length(X, y)
        return X

    @available_if(check_refit)
    def predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Predict which samples are real, by the best discriminator.

        A good generator leaves the discriminator guessing.

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

    @available_if(check_refit)
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the fitness of the best individual, measured with other real samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Real samples, laid out as in `fit`, that were not in `fit`.
        y : array-like of shape (n_samples,) or None, default=None
            Labels or values of the samples.
        **params : dict
            Metadata for the scorer.

        Returns
        -------
        float
            The higher, the better.
        """
        if y is not None:
            check_consistent_length(X, y)
        return super().score(X, y, **params)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "density_estimator"
        return tags


class SampleHistory(SearchCallback):
    """Keeps samples that the best generator so far makes at each generation's end.

    A generation is left out if its best has no fitted estimator in this search: it was
    answered by a journal, or evaluated on a lower rung.

    Attributes
    ----------
    samples : dict of int to ndarray of shape (n_samples, ...)
        By the number of the generation.
    """

    def __init__(self, runner: TrialRunner, n_samples: int) -> None:
        self.runner, self.n_samples = runner, n_samples
        self.samples: dict[int, np.ndarray] = {}
        self._best: Evaluation | None = None

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        best = self._best
        if evaluation.status == "ok" and (
            best is None or evaluation.rank_key > best.rank_key
        ):
            self._best = evaluation
        return False

    def on_generation_end(self, generation: Generation) -> bool:
        try:
            model = self._best and self.runner.stored_model(self._best.candidate)
            if model is not None:
                self.samples[generation.number] = model.sample(self.n_samples)
        except Exception as fault:  # such as a GPU whose memory the workers have filled
            warnings.warn(
                f"the best of generation {generation.number} could not make samples to "
                f"be looked at: {type(fault).__name__}: {fault}",
                stacklevel=2,
            )
        return False
