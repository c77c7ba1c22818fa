"""The constructor parameters that evolved estimators share, each declared once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import wraps
from numbers import Integral, Real
from os import PathLike
from typing import Any, Literal, Self, TypeVar, dataclass_transform

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
    make_constraint,
)

from sknevo.evolution import STRATEGIES, Strategy
from sknevo.spelling import did_you_mean

Class = TypeVar("Class")

COUNT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")


def parameter(
    *constraints: Any,
    default: Any = MISSING,
    kw_only: bool = True,
    in_journal: bool = True,
) -> Any:
    """Declare a constructor parameter with scikit-learn's constraints of its value.

    Parameters
    ----------
    in_journal : bool, default=True
        Whether evaluations depend on it: a journal then belongs to one value of it.
    """
    metadata = {"constraints": [*constraints], "in_journal": in_journal}
    return field(default=default, kw_only=kw_only, metadata=metadata)


@dataclass_transform(
    eq_default=False, kw_only_default=True, field_specifiers=(parameter,)
)
def with_parameters(cls: type[Class]) -> type[Class]:
    """Give a class the constructor and the constraints that its parameters declare."""
    cls = dataclass(eq=False, repr=False, kw_only=True)(cls)
    cls.__init__ = _with_known_names(cls.__init__)
    cls._parameter_constraints = {
        one.name: one.metadata["constraints"] for one in fields(cls)
    }
    return cls


def _with_known_names(init: Callable[..., None]) -> Callable[..., None]:
    """Let a constructor refuse arguments by the name of the class that users see."""

    @wraps(init)
    def __init__(self: Any, *args: Any, **params: Any) -> None:
        own = fields(self)
        named = [one.name for one in own if one.kw_only]
        n_places = len(own) - len(named)
        if len(args) > n_places:
            raise TypeError(
                f"{type(self).__name__} takes its parameters by name, such as "
                f"{named[0]}=...; got {args[n_places]!r:.80}."
            )
        if problem := _unknown_parameter(self, params, (one.name for one in own)):
            raise TypeError(problem)
        init(self, *args, **params)

    return __init__


def _unknown_parameter(
    estimator: Any, names: Iterable[str], known: Iterable[str]
) -> str:
    """Return what is wrong with the first name that is not known, "" if all are."""
    known = sorted(known)
    for name in names:
        if name not in known:
            return (
                f"{type(estimator).__name__} has no parameter {name!r}."
                f"{did_you_mean(name, known)} Its parameters are {', '.join(known)}."
            )
    return ""


def _check_options(estimator: Any, name: str, constraints: Sequence[Any]) -> None:
    """Refuse a string that is none of the options of a parameter."""
    value = getattr(estimator, name)
    if not isinstance(value, str) or str in constraints:
        return
    accepted = [one for one in constraints if isinstance(one, StrOptions)]
    options = sorted(option for one in accepted for option in one.options)
    if options and value not in options:
        others = [_named(one) for one in constraints if one not in accepted]
        said = " or ".join([", ".join(map(repr, options)), *others])
        raise InvalidParameterError(
            f"The {name!r} parameter of {type(estimator).__name__} must be one of "
            f"{said}; got {value!r}.{did_you_mean(value, options)}"
        )


def _named(constraint: Any) -> str:
    """Return what a constraint accepts, in words."""
    is_own = isinstance(constraint, type) and constraint.__module__.startswith("sknevo")
    return f"a {constraint.__name__}" if is_own else str(make_constraint(constraint))


def journal_parameters(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the values of the parameters that evaluations depend on, by name."""
    free = {one.name for one in fields(estimator) if not one.metadata["in_journal"]}
    values = estimator.get_params(deep=False)
    return {name: values[name] for name in sorted(values.keys() - free)}


@with_parameters
class SearchParameters(BaseEstimator):
    """The parameters of every search; `tools/shared_docs.py` copies what is said here.

    Parameters
    ----------
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
    """

    strategy: str | Strategy = parameter(
        StrOptions(set(STRATEGIES)),
        Strategy,
        default="estimation_of_distribution",
        in_journal=False,
    )
    population_size: int = parameter(COUNT, default=12, in_journal=False)
    generations: int | Literal["auto"] | None = parameter(
        COUNT, StrOptions({"auto"}), None, default="auto", in_journal=False
    )
    scoring: Any = parameter(str, callable, list, tuple, dict, set, None, default=None)
    # The journal holds what `refit` comes to: the metric or the weights.
    refit: bool | str | Callable | dict[str, float] = parameter(
        "boolean", str, callable, dict, default=True, in_journal=False
    )
    target_score: float | None = parameter(
        Interval(Real, None, None, closed="neither"),
        None,
        default=None,
        in_journal=False,
    )
    n_iter_no_change: int | None = parameter(
        COUNT, None, default=None, in_journal=False
    )
    tol: float = parameter(
        Interval(Real, 0, None, closed="left"), default=1e-4, in_journal=False
    )
    max_time: float | None = parameter(POSITIVE, None, default=None, in_journal=False)
    max_eval_time: float | None = parameter(POSITIVE, None, default=None)
    memory_limit: float | None = parameter(POSITIVE, None, default=None)
    max_predict_time: float | None = parameter(POSITIVE, None, default=None)
    # The journal holds the splits themselves.
    cv: Any = parameter("cv_object", default=None, in_journal=False)
    resource: str | None = parameter(str, None, default="auto")
    factor: float = parameter(
        Interval(Real, 1, None, closed="neither"), default=3, in_journal=False
    )
    min_resources: int | str = parameter(
        COUNT,
        StrOptions({"exhaust", "smallest"}),
        default="exhaust",
        in_journal=False,
    )
    max_resources: int | str = parameter(
        COUNT, StrOptions({"auto"}), default="auto", in_journal=False
    )
    initial_population: Sequence | None = parameter(
        "array-like", None, default=None, in_journal=False
    )
    journal: str | PathLike | None = parameter(
        str, PathLike, None, default=None, in_journal=False
    )
    error_score: float | str = parameter(
        StrOptions({"raise"}), Real, default=np.nan, in_journal=False
    )
    n_jobs: int | None = parameter(Integral, None, default=None, in_journal=False)
    # The journal holds the seed that it comes to.
    random_state: int | np.random.RandomState | None = parameter(
        "random_state", default=None, in_journal=False
    )
    verbose: int = parameter("verbose", default=0, in_journal=False)

    def set_params(self, **params: Any) -> Self:
        own = [name.partition("__")[0] for name in params]
        if problem := _unknown_parameter(self, own, self._get_param_names()):
            raise ValueError(problem)
        return super().set_params(**params)

    def _validate_params(self) -> None:
        for name, constraints in self._parameter_constraints.items():
            _check_options(self, name, constraints)
        if isinstance(self.genome, str):
            raise InvalidParameterError(
                f"genome must be a search space, not a name; got {self.genome!r}. "
                "sknevo's own are functions, such as sknevo.genomes.pipeline.pipeline."
            )
        super()._validate_params()


@with_parameters
class EnsembleParameters:
    """The parameter of every search that selects an ensemble, copied like those above.

    Parameters
    ----------
    ensemble_size : int or None, default=25
        Steps of selecting an ensemble, each of which adds the individual that raises
        the fitness of the averaged predictions most. A member predicts by the models of
        its splits and, as far as `max_time` allows, by one that is fitted on all of X,
        half and half. None predicts with the best individual alone. So do a callable
        `refit`, `max_predict_time` and a `scoring` that needs more than predictions.

    Attributes
    ----------
    best_estimator_ : estimator
        The best individual, fitted on all of X; beside an ensemble, if `max_time`
        leaves no time for that, on the training part of the last split. It can be used
        and pickled without the search.
    ensemble_ : EnsembleClassifier, EnsembleRegressor or None
        What predicts: its `members` with their weights, and the `scores` after each
        step of the selection. None if there is none: then `best_estimator_` predicts.
    ensemble_score_ : float
        Fitness of the ensemble on the held-out parts of the splits, by which its
        members were selected: a little higher than on new data. Not set without one.
    """

    # A journal holds predictions for an ensemble only.
    ensemble_size: int | None = parameter(COUNT, None, default=25)


@with_parameters
class ImageParameters:
    """The parameters of every search that takes images, copied like those above.

    Parameters
    ----------
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
    """

    image_shape: Sequence[int] | None = parameter(tuple, list, None, default=None)
    channels: str = parameter(StrOptions({"auto", "first", "last"}), default="auto")


@with_parameters
class NetworkParameters(ImageParameters):
    """The parameters of every search among networks, copied like those above.

    Parameters
    ----------
    device : str, default="auto"
        Device on which networks are trained, as torch names it: "cpu", "cuda",
        "cuda:1", "mps". "auto" stands for CUDA if it is available, else for the CPU. If
        a CUDA device is not available, "auto" is used instead, with a warning.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format in which networks compute (in a GAN, only its convolutions).
        "auto" stands for bfloat16 if the hardware supports it.
    """

    max_epochs: int | None = parameter(COUNT, None, default=None)
    device: str = parameter(str, default="auto")
    precision: str = parameter(
        StrOptions({"auto", "float32", "bfloat16"}), default="auto"
    )
