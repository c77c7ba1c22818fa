"""The models of pipelines: how each is made of its genes, and how long it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator
from sklearn.naive_bayes import ComplementNB, MultinomialNB

from sknevo.builders.pipeline._boosting import (
    BOOSTERS,
    USUAL_SHARE,
    Booster,
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
    most_rounds,
    stopping,
)
from sknevo.builders.pipeline._calibration import (
    CALIBRATION_FOLDS,
    CalibratedClassifier,
    are_enough,
)
from sknevo.builders.pipeline._forest import (
    ForestClassifier,
    ForestRegressor,
    forest_seconds,
)
from sknevo.builders.pipeline._gaussian_process import (
    GaussianProcessClassifier,
    GaussianProcessRegressor,
    gaussian_process_seconds,
)
from sknevo.builders.pipeline._linear import (
    LinearClassifier,
    LinearRegressor,
    linear_seconds,
)
from sknevo.builders.pipeline._mlp import PATIENCE, make_mlp, mlp_seconds
from sknevo.builders.pipeline._neighbours import (
    NeighboursClassifier,
    NeighboursRegressor,
    neighbours_seconds,
)
from sknevo.builders.pipeline._svm import (
    SupportVectorClassifier,
    SupportVectorRegressor,
    svm_seconds,
)
from sknevo.builders.search_cv import SearchBuilder
from sknevo.genes import EstimatorGenome
from sknevo.records import DataSpec

Genes = dict[str, Any]

# The exact solver of an SVM may do so much work: iterations x rows x columns, about two
# seconds. Chosen, so that unscaled columns with a large C end, too.
SOLVER_WORK = 1e9
# A stored value of a sparse table takes so many times as long as one of a dense table.
# Fitted to seconds of linear models, SVMs and LightGBM on documents of 30 words.
STORED_SECONDS = 10.0
# Landmarks of an approximate kernel. Chosen, not measured.
LANDMARKS = 128


@dataclass(frozen=True)
class Setting:
    """What a model is made for, beside its own genes.

    Parameters
    ----------
    spec : DataSpec
        The task, and the numbers of rows and classes.
    width : float
        About how many columns the other steps leave.
    probabilities : bool, default=True
        Whether it must predict probabilities.
    class_weight : "balanced" or None, default=None
        Weights of the classes.
    random_state : int, default=0
        Seed.
    rounds : int or None, default=None
        A fixed number of rounds; None lets the model stop early.
    n_categorical : int, default=0
        Number of columns, the first ones, in which numbers stand for categories.
    density : float, default=1.0
        Share of the values that are stored, if the table is sparse.
    watches : bool, default=True
        Whether a fit watches a held-out part, as those of trials do.
    """

    spec: DataSpec
    width: float
    probabilities: bool = True
    class_weight: str | None = None
    random_state: int = 0
    rounds: int | None = None
    n_categorical: int = 0
    density: float = 1.0
    watches: bool = True

    @property
    def classifies(self) -> bool:
        return self.spec.task == "classification"

    @property
    def cross_validates(self) -> bool:
        """Whether a model without probabilities of its own learns them by more fits.

        The held-out part may be enough for it. A third of the rows stands for that: it
        is between those of three and of five folds.
        """
        n_watched = self.spec.n_samples // 3 if self.watches else 0
        needed = self.classifies and self.probabilities
        return needed and not are_enough(n_watched, self.size[2])

    @property
    def dense_size(self) -> tuple[int, float, int]:
        """The size of a dense table that takes as long as this one.

        It is for models that skip the zeros of sparse tables.
        """
        n_rows, width, n_outputs = self.size
        return n_rows, width * min(1.0, STORED_SECONDS * self.density), n_outputs

    @property
    def size(self) -> tuple[int, float, int]:
        """Rows, columns and outputs: one for each class, but one for two of them."""
        spec = self.spec
        return spec.n_samples, self.width, spec.n_classes if spec.n_classes > 2 else 1


class Model(NamedTuple):
    """Makes an unfitted model, and says roughly how many seconds one fit takes."""

    make: Callable[[Genes, Setting], BaseEstimator]
    seconds: Callable[[Genes, Setting], float]


def _booster(name: str) -> Model:
    booster: Booster = BOOSTERS[name]

    def make(genes: Genes, setting: Setting) -> BaseEstimator:
        unfitted = booster.make(
            setting.classifies,
            genes,
            setting.random_state,
            setting.spec.n_samples,
            setting.n_categorical,
        )
        when = stopping(genes["learning_rate"], setting.spec.n_samples)
        return _early_stopping(unfitted, setting, **when)

    def seconds(genes: Genes, setting: Setting) -> float:
        # As many as of few samples: a refit takes no more rounds than the trial.
        rounds = USUAL_SHARE * most_rounds(genes["learning_rate"], 0)
        # LightGBM alone bundles columns that are rarely stored together.
        size = setting.dense_size if name == "lightgbm" else setting.size
        start = booster.start_seconds(*size[:2])
        return start + rounds * booster.seconds(genes, *size)

    return Model(make, seconds)


def _early_stopping(
    estimator: BaseEstimator, setting: Setting, **options: Any
) -> BaseEstimator:
    options |= {"rounds": setting.rounds, "random_state": setting.random_state}
    if not setting.classifies:
        return EarlyStoppingRegressor(estimator, **options)
    return EarlyStoppingClassifier(
        estimator, class_weight=setting.class_weight, **options
    )


def _mlp(genes: Genes, setting: Setting) -> BaseEstimator:
    network = make_mlp(setting.classifies, genes, setting.random_state)
    return _early_stopping(network, setting, patience=PATIENCE)


def _forest(kind: str) -> Model:
    def make(genes: Genes, setting: Setting) -> BaseEstimator:
        options = {"kind": kind, "random_state": setting.random_state, **genes}
        if setting.rounds is not None:
            options["n_trees"] = setting.rounds
        if not setting.classifies:
            return ForestRegressor(**options)
        return ForestClassifier(class_weight=setting.class_weight, **options)

    return Model(make, lambda genes, s: forest_seconds(kind, genes, *s.size))


def _linear(genes: Genes, setting: Setting) -> BaseEstimator:
    if not setting.classifies:
        return LinearRegressor(**genes)
    return LinearClassifier(
        class_weight=setting.class_weight, random_state=setting.random_state, **genes
    )


def _gaussian_process(genes: Genes, setting: Setting) -> BaseEstimator:
    options = {"random_state": setting.random_state, **genes}
    if not setting.classifies:
        return GaussianProcessRegressor(**options)
    return GaussianProcessClassifier(class_weight=setting.class_weight, **options)


def _neighbours(genes: Genes, setting: Setting) -> BaseEstimator:
    return (NeighboursClassifier if setting.classifies else NeighboursRegressor)(
        **genes
    )


def _svm(genes: Genes, setting: Setting) -> BaseEstimator:
    ((kernel, parameters),) = genes["kernel"].items()
    n_samples = setting.spec.n_samples
    # Each iteration computes the kernel of one row with all others.
    per_iteration = n_samples * max(1, setting.dense_size[1])
    shared = {
        "kernel": kernel,
        "C": genes["C"],
        "n_components": min(LANDMARKS, n_samples) if genes["approximate"] else None,
        "max_iter": max(1000, int(SOLVER_WORK / per_iteration)),
        "random_state": setting.random_state,
        **parameters,
    }
    if not setting.classifies:
        return SupportVectorRegressor(epsilon=genes["epsilon"], **shared)
    return SupportVectorClassifier(
        probabilities=setting.probabilities,
        class_weight=setting.class_weight,
        **shared,
    )


def _naive_bayes(genes: Genes, setting: Setting) -> BaseEstimator:
    kind = ComplementNB if genes.get("complement") else MultinomialNB
    return kind(alpha=genes["alpha"])


MODELS = {
    "svm": Model(
        _svm,
        lambda genes, s: svm_seconds(
            genes, *s.dense_size, s.probabilities, s.cross_validates
        ),
    ),
    **{name: _booster(name) for name in BOOSTERS},
    "extra_trees": _forest("extra_trees"),
    "random_forest": _forest("random_forest"),
    "mlp": Model(_mlp, lambda genes, s: mlp_seconds(genes, *s.size)),
    "linear": Model(_linear, lambda genes, s: linear_seconds(genes, *s.dense_size)),
    "gaussian_process": Model(
        _gaussian_process, lambda _, s: gaussian_process_seconds(*s.size[:2])
    ),
    "naive_bayes": Model(
        _naive_bayes,
        lambda _, s: 0.01 + 3e-9 * s.dense_size[0] * s.dense_size[1],
    ),
    "neighbours": Model(
        _neighbours, lambda _, s: neighbours_seconds(*s.dense_size[:2])
    ),
}

# Of a user's own model no seconds are known. After a first fit, what they are in
# proportion to this guess is. Chosen, not measured.
OWN_SECONDS, OWN_COLUMNS = 0.05, 10


def own_model(genome: EstimatorGenome) -> Model:
    """Return how a user's own estimator is made, and a guess of its seconds.

    It stands in the pipeline as it is, unless it lacks probabilities that are needed.
    """

    def make(genes: Genes, setting: Setting) -> BaseEstimator:
        builder = SearchBuilder(genome.estimator, genome)
        made = builder(genes, setting.random_state)
        if setting.class_weight is not None:
            made.set_params(class_weight=setting.class_weight)
        probable = not setting.probabilities or hasattr(made, "predict_proba")
        if setting.classifies and not probable:
            return CalibratedClassifier(made, setting.random_state)
        return made

    def seconds(genes: Genes, setting: Setting) -> float:
        n_rows, width, _ = setting.dense_size
        builder = SearchBuilder(genome.estimator, genome, n_rows)
        fit = builder.cost(genes) * (OWN_COLUMNS + width)
        is_calibrated = not hasattr(genome.estimator, "predict_proba")
        if is_calibrated and setting.cross_validates:
            fit *= CALIBRATION_FOLDS  # times the rows, all fits together
        return OWN_SECONDS + fit

    return Model(make, seconds)
