"""Gradient boosting that stops early, on rows that it is not fitted on."""

import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    clone,
    is_classifier,
)
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._most_probable import MostProbableMixin
from sknevo.builders._targets import StandardizedRegressor
from sknevo.builders.pipeline._mlp import fit_mlp, keep_mlp, predict_mlp
from sknevo.builders.pipeline._watched_rows import (
    FEWEST_WATCHED,
    HeldOutRows,
    Rows,
    Watch,
    held_out_rows,
)
from sknevo.deadline import check_deadline

# Share of the training data in the inner split. Chosen, not measured.
VALIDATION_FRACTION = 0.15
# All numbers of rounds follow from the learning rate: rounds x rate is a progress. They
# were measured on five tables of 300 and 1,500 rows, with rates of 0.005 to 0.25, and 6
# and 31 leaves (benchmarks/one_fit_per_fold.py patience).
# The most that a booster makes. 30 cost 2 % more rounds and lost as much; 10 lost more.
MOST_PROGRESS = 20.0
# The most rounds rise with the samples beyond so many. Chosen, not measured.
MANY_SAMPLES = 50_000
# It stops after PATIENCE + PATIENT_PROGRESS / rate rounds without an improvement: its
# loss was 0.0083 above that of the best round, after a progress of 5.9; with 20 rounds
# 0.0103 after 7.3, with 50 rounds 0.0093 after 10.1, with 10 + 0.5 / rate 0.0101 after
# 7.4. To count only gains above 0.0005 saved 7 % and cost 0.0007.
PATIENCE, PATIENT_PROGRESS = 5, 0.25
# Of more samples than FEW_SAMPLES it is more patient, with their square root, but no
# more than so many times: losses are less noisy, and level off before they fall again.
# On 20,000 to 100,000 rows of five tables twice the patience brought the log-loss of
# small trees (15 leaves, a rate of 0.1) down by 0 to 1.9 %, four times by 0 to 2.2 %,
# and that of larger ones by -0.3 to 1.5 %, with 5 to 60 % more rounds; on 5,000 rows
# nothing but rounds on four of five (benchmarks/patience.py).
FEW_SAMPLES, MOST_PATIENT = 5_000, 4.0
# The progress on rows that are too few for watching some. Of 1, 2, 3, 4, 6, 8 and 12 it
# lost least on 64 rows of six tables.
UNWATCHED_PROGRESS = 2.0
# Folds of the watched rows, each of them predicted with the rounds that are best on the
# others. By log-loss, boosters looked better on them than on fresh rows, beyond those
# that watch an inner split, by 0.012, 0.015 and 0.016 with 2, 3 and 5 folds of 120 rows
# on eight tables (0.041 if the fold itself counted), by 0.006, 0.008 and 0.007 (0.021)
# of 300, and by 0.0002, 0.0004 and 0.0004 (0.0054) of 1,000. 3 folds took 6 to 18 %
# more time than 2.
N_FOLDS = 2
# The share of the most rounds after which boosters usually stop. Chosen with the
# seconds in BOOSTERS.
USUAL_SHARE = 0.4


@dataclass(frozen=True)
class Booster:
    """A library's booster: its class, its parameters and what a round costs."""

    module: str
    prefix: str
    rounds: str
    # Seconds per round and per leaf of its trees, and the genes' number of leaves.
    round_seconds: float
    leaf_seconds: float
    leaves: Callable[[dict[str, Any]], int]
    # The parameters that say that so many of the first columns hold categories.
    categorical: Callable[[int], dict[str, Any]]
    fixed: dict[str, Any] = field(default_factory=dict)

    def seconds(
        self, genes: dict[str, Any], n_rows: int, width: float, n_trees: int
    ) -> float:
        """Return how long a round of so many trees takes on one core."""
        leaves = min(self.leaves(genes), n_rows / (10 * math.sqrt(n_trees)))
        shown = width * genes.get("colsample_bytree", 1.0)
        tree = self.leaf_seconds * leaves * (1 + shown / 50) + 4e-9 * n_rows * shown
        bins = shown * min(genes.get("max_bin", MOST_BINS), n_rows / 3)
        tree += BIN_SECONDS * leaves * max(0, bins - CACHED_BINS)
        return self.round_seconds + n_trees * (tree + COLUMN_SECONDS * width)

    def start_seconds(self, n_rows: int, width: float) -> float:
        """Return how long it takes on one core to bin the values."""
        return 0.01 + VALUE_SECONDS * min(n_rows, BINNED_ROWS) * width

    def make(
        self,
        classifies: bool,
        genes: dict[str, Any],
        random_state: int,
        n_samples: int = 0,
        n_categorical: int = 0,
    ) -> BaseEstimator:
        """Return the unfitted booster; its library is imported only now.

        Of many samples it may make more rounds. In the first `n_categorical` columns
        numbers stand for categories.
        """
        native = self.categorical(n_categorical) if n_categorical else {}
        name = self.prefix + ("Classifier" if classifies else "Regressor")
        rounds = {self.rounds: most_rounds(genes["learning_rate"], n_samples)}
        return getattr(import_module(self.module), name)(
            **genes, **rounds, **native, **self.fixed, random_state=random_state
        )


# Bins of a column if genes do not say so, and bins of all columns that a processor's
# cache has room for; seconds for each of the others in a leaf, for each column of a
# tree, and for each value that is binned, of a sample of so many rows. Fitted to
# LightGBM's seconds on 800 rows of 300 to 4,000 columns with 15 to 255 bins.
MOST_BINS, CACHED_BINS, BIN_SECONDS = 255, 20_000, 1e-8
COLUMN_SECONDS, VALUE_SECONDS, BINNED_ROWS = 2e-6, 1.5e-7, 200_000
# The seconds were measured on tables of 300 to 30,000 rows. They are right within a
# factor of three, which is enough for ordering the candidates. With 10, 50 and 200
# classes (800 to 3,200 rows of 10 and 20 columns) the seconds of a round are, too, but
# boosters may stop after a twentieth of the usual rounds if classes are hard to learn.
BOOSTERS = {
    "hist_gradient_boosting": Booster(
        "sklearn.ensemble",
        "HistGradientBoosting",
        "max_iter",
        round_seconds=3e-4,
        leaf_seconds=2e-5,
        leaves=lambda genes: genes["max_leaf_nodes"],
        categorical=lambda n: {"categorical_features": [*range(n)]},
    ),
    "lightgbm": Booster(
        "lightgbm",
        "LGBM",
        "n_estimators",
        round_seconds=2e-4,
        leaf_seconds=8e-6,
        leaves=lambda genes: genes["num_leaves"],
        categorical=lambda n: {"categorical_column": [*range(n)]},
        fixed={
            "subsample_freq": 1,
            "verbose": -1,
            # As many threads as OpenMP is allowed; None would take all cores.
            "n_jobs": 0,
            # The same trees for any number of threads.
            "deterministic": True,
            "force_col_wise": True,
        },
    ),
    "xgboost": Booster(
        "xgboost",
        "XGB",
        "n_estimators",
        round_seconds=6e-4,
        leaf_seconds=5e-6,
        leaves=lambda genes: 2 ** genes["max_depth"],
        categorical=lambda n: {"feature_types": ["c"] * n, "enable_categorical": True},
        fixed={"tree_method": "hist", "verbosity": 0},
    ),
}


def most_rounds(learning_rate: float, n_samples: int) -> int:
    """Return the most boosting rounds at this learning rate."""
    more = max(1.0, n_samples / MANY_SAMPLES)
    return round(MOST_PROGRESS / learning_rate * more)


def stopping(learning_rate: float, n_samples: int = 0) -> dict[str, int]:
    """Return the parameters that say when a booster of this learning rate stops."""
    patient = min(max(1.0, math.sqrt(n_samples / FEW_SAMPLES)), MOST_PATIENT)
    return {
        "patience": round(patient * (PATIENCE + PATIENT_PROGRESS / learning_rate)),
        "unwatched_rounds": round(UNWATCHED_PROGRESS / learning_rate),
    }


@dataclass(eq=False, repr=False)
class _EarlyStopping(MetaEstimatorMixin, BaseEstimator):
    """Fits a booster until the loss on rows that it watches stops improving.

    It watches the held-out part that `fit` gets, else an inner split of the training
    data. Rounds after the best one are dropped. `held_out_` holds predictions of
    `X_val` by method, out of fold: each fold of it is predicted with the number of
    rounds that is best on the others. It is empty if nothing of `X_val` was watched.

    Parameters
    ----------
    estimator : estimator
        An unfitted booster of LightGBM, XGBoost or scikit-learn (histogram gradient
        boosting). A classifier gets the classes as numbers.
    patience : int, default=20
        Rounds without an improvement.
    unwatched_rounds : int, default=100
        Rounds if there are too few rows to watch some of them.
    validation_fraction : float, default=0.15
        Share of the training data in the inner split.
    rounds : int or None, default=None
        A fixed number of rounds, for which nothing is watched.
    random_state : int or None, default=None
        Seed of the inner split.
    """

    watches_held_out = True

    estimator: BaseEstimator
    patience: int = 20
    unwatched_rounds: int = 100
    validation_fraction: float = VALIDATION_FRACTION
    rounds: int | None = None
    random_state: int | None = None

    def _fit(
        self, fitted: Rows, held_out: HeldOutRows | None, classifies: bool
    ) -> np.ndarray | None:
        """Fit the booster; return out-of-fold predictions if it watched `held_out`."""
        self.n_features_in_ = fitted.X.shape[1]
        watched = held_out
        if self.rounds is not None:
            watched = None
        elif watched is None:
            fitted, watched = self._inner_split(fitted, classifies)
        library, booster = self._library, clone(self.estimator)
        if watched is None:
            self.rounds_ = self.rounds or self.unwatched_rounds
            name = "max_iter" if hasattr(booster, "max_iter") else "n_estimators"
            booster.set_params(**{name: self.rounds_})
            self.estimator_ = library.fit(booster, fitted, None)
            return None
        watch = Watch(watched, self.patience)
        self.estimator_ = library.fit(booster, fitted, watch)
        best, predicted = watch.best.tolist(), None
        if watched is held_out:
            predicted = held_out.predict_out_of_fold(self._predicted, best)
        self.rounds_ = best[0]
        self.estimator_ = library.keep(self.estimator_, self.rounds_)
        return predicted

    def _predicted(self, X: Any, rounds: int | None = None) -> np.ndarray:
        """Return probabilities of all classes or values, after some of the rounds."""
        check_is_fitted(self)
        predicted = self._library.predict(self.estimator_, X, rounds)
        if isinstance(self, ClassifierMixin) and predicted.ndim == 1:
            return np.column_stack([1 - predicted, predicted])
        return predicted

    def _inner_split(
        self, training: Rows, classifies: bool
    ) -> tuple[Rows, HeldOutRows | None]:
        """Return the rows to fit and to watch; all and none if they are few."""
        places = np.arange(len(training.y))
        if classifies:
            # A class of one member is only fitted, never watched.
            places = places[np.bincount(training.y)[training.y] > 1]
        n_watched = int(self.validation_fraction * len(places))
        n_classes = len(np.unique(training.y[places])) if classifies else 0
        if n_watched < max(FEWEST_WATCHED, n_classes):
            return training, None
        kind = StratifiedShuffleSplit if classifies else ShuffleSplit
        splitter = kind(1, test_size=n_watched, random_state=self.random_state)
        ((_, watched),) = splitter.split(places, training.y[places])
        watched = places[watched]
        fitted = np.setdiff1d(np.arange(len(training.y)), watched)
        in_one_fold = np.ones(n_watched, int)
        return training.take(fitted), HeldOutRows(training.take(watched), in_one_fold)

    @property
    def _library(self) -> "_Library":
        library, _, rest = type(self.estimator).__module__.partition(".")
        return _LIBRARIES[library if library != "sklearn" else rest.partition(".")[0]]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


@dataclass(eq=False, repr=False)
class EarlyStoppingClassifier(MostProbableMixin, _EarlyStopping):
    """A boosting classifier that stops early, with balanced weights on request."""

    class_weight: str | None = None

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the booster to an array with NaN for gaps, and labels of any type."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        fitted = Rows(X, codes, weights)
        watched = held_out_rows(
            X_val, y_val, sample_weight_val, self.classes_, N_FOLDS, self.random_state
        )
        if self.class_weight is not None:
            classes = np.arange(len(self.classes_))
            balance = compute_class_weight(self.class_weight, classes=classes, y=codes)
            fitted = fitted.weighted(balance[codes])
            watched = watched and watched.weighted(balance)
        out_of_fold = self._fit(fitted, watched, classifies=True)
        self.held_out_ = {}
        if out_of_fold is not None:
            labels = self.most_probable(out_of_fold)
            self.held_out_ = {"predict_proba": out_of_fold, "predict": labels}
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class."""
        return self._predicted(X)


class EarlyStoppingRegressor(StandardizedRegressor, _EarlyStopping):
    """A boosting regressor of standardised targets that stops early."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the booster to an array with NaN for gaps."""
        fitted = Rows(X, *self._learn_targets(y, sample_weight))
        y_val = None if y_val is None else self._standardized(y_val)
        watched = held_out_rows(
            X_val, y_val, sample_weight_val, None, N_FOLDS, self.random_state
        )
        out_of_fold = self._fit(fitted, watched, classifies=False)
        self.held_out_ = {}
        if out_of_fold is not None:
            self.held_out_ = {"predict": self._in_unit(out_of_fold)}
        return self

    def _predict_standardized(self, X: Any) -> np.ndarray:
        return self._predicted(X)


# How each library watches rows, checks the deadline, predicts after some of the rounds,
# and drops later rounds, see `_Library`.


def _fit_lightgbm(booster: Any, fitted: Rows, watch: Watch | None) -> Any:
    from lightgbm import Dataset, train
    from lightgbm.callback import EarlyStopException

    def after_round(env: Any) -> None:
        check_deadline()
        losses = [result.metric_value for result in env.evaluation_result_list]
        if watch is not None and watch.add(losses):
            raise EarlyStopException(env.iteration, [])

    n_classes = int(fitted.y.max()) + 1 if is_classifier(booster) else 0
    settings = lightgbm_settings(booster, n_classes)
    rows = Dataset(fitted.X, fitted.y, weight=fitted.weights)
    folds = () if watch is None else watch.held_out.folds
    return train(
        settings,
        rows,
        booster.n_estimators,
        valid_sets=[rows.create_valid(f.X, f.y, weight=f.weights) for f in folds],
        callbacks=[after_round],
        # Else it goes to text and back, which takes as long as half of the rounds.
        keep_training_booster=watch is not None,
    )


def lightgbm_settings(booster: Any, n_classes: int) -> dict[str, Any]:
    """Return a booster's parameters for `train`, all but the rounds."""
    settings = {k: v for k, v in booster.get_params().items() if v is not None}
    del settings["n_estimators"], settings["importance_type"]
    if n_classes > 2:
        return {**settings, "objective": "multiclass", "num_class": n_classes}
    return {**settings, "objective": "binary"} if n_classes else settings


def _predict_lightgbm(model: Any, X: Any, rounds: int | None) -> np.ndarray:
    return model.predict(X, num_iteration=rounds)


def _keep_lightgbm(model: Any, rounds: int) -> Any:
    for _ in range(model.current_iteration() - rounds):
        model.rollback_one_iter()
    return model.free_dataset()


def _fit_xgboost(booster: Any, fitted: Rows, watch: Watch | None) -> Any:
    from xgboost.callback import TrainingCallback

    # The loss of regression is a root.
    power = 1 if is_classifier(booster) else 2

    class AfterRound(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            check_deadline()
            losses = [
                values[-1] ** power
                for metrics in evals_log.values()
                for values in metrics.values()
            ]
            return watch is not None and watch.add(losses)

    X, y, weights = fitted
    watched = {}
    if watch is not None:
        folds = watch.held_out.folds
        watched = {"eval_set": [(fold.X, fold.y) for fold in folds]}
        if folds[0].weights is not None:
            watched["sample_weight_eval_set"] = [fold.weights for fold in folds]
    types = xgboost_types(booster, X.shape[1])
    booster.set_params(callbacks=[AfterRound()], feature_types=types)
    booster.fit(X, y, sample_weight=weights, verbose=False, **watched)
    return booster.get_booster()


def xgboost_types(booster: Any, width: int) -> list[str] | None:
    """Return the type of each column: booster has those of the first ones."""
    types = booster.feature_types
    return types and [*types, *["q"] * (width - len(types))]


def _predict_xgboost(model: Any, X: Any, rounds: int | None) -> np.ndarray:
    return model.inplace_predict(X, iteration_range=(0, rounds or 0))


def _keep_xgboost(model: Any, rounds: int) -> Any:
    return model[:rounds]


def _fit_sklearn(booster: Any, fitted: Rows, watch: Watch | None) -> Any:
    X, y, weights = fitted
    watched = {}
    booster.set_params(early_stopping=watch is not None)
    if watch is not None:
        booster.set_params(n_iter_no_change=watch.patience)
        names = ("X_val", "y_val", "sample_weight_val")
        watched = dict(zip(names, watch.rows, strict=True))
    booster.fit(X, y, sample_weight=weights, **watched)
    if watch is not None:
        kind = "predict_proba" if is_classifier(booster) else "predict"
        for predicted in getattr(booster, f"staged_{kind}")(watch.rows.X):
            watch.add_predicted(predicted)
    return booster


def _predict_sklearn(booster: Any, X: Any, rounds: int | None) -> np.ndarray:
    kept = _keep_sklearn(booster, rounds)
    return kept.predict_proba(X) if is_classifier(kept) else kept.predict(X)


def _keep_sklearn(booster: Any, rounds: int | None) -> Any:
    kept = copy(booster)
    # scikit-learn has no public way to drop rounds.
    kept._predictors = booster._predictors[:rounds]
    return kept


class _Library(NamedTuple):
    """What differs between libraries.

    Parameters
    ----------
    fit : callable
        Fits a booster to rows, and adds the loss after each round to the watch, if
        there is one. Returns the fitted model, in a form that predicts without checks.
    predict : callable
        Returns predictions of a fitted model after so many rounds, after all for None.
    keep : callable
        Returns a fitted model without the rounds after so many.
    """

    fit: Callable[[Any, Rows, Watch | None], Any]
    predict: Callable[[Any, Any, int | None], np.ndarray]
    keep: Callable[[Any, int], Any]


_LIBRARIES = {
    "lightgbm": _Library(_fit_lightgbm, _predict_lightgbm, _keep_lightgbm),
    "ensemble": _Library(_fit_sklearn, _predict_sklearn, _keep_sklearn),
    "neural_network": _Library(fit_mlp, predict_mlp, keep_mlp),
    "xgboost": _Library(_fit_xgboost, _predict_xgboost, _keep_xgboost),
}
