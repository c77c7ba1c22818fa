"""Gradient boosting that stops early on an inner split of its training data."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Self

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    clone,
)
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._targets import StandardizedRegressor
from sknevo.deadline import check_deadline

# With fewer rows there is no inner split, since it would leave too few for learning.
# The booster takes a fixed number of rounds instead. Both are chosen, not measured.
FEW_SAMPLES = 100
ROUNDS_WITHOUT_STOPPING = 100
# Share of the training data that a single booster watches. Chosen, not measured.
VALIDATION_FRACTION = 0.15
# Most rounds are SLOWNESS / learning_rate, within these bounds: a small learning rate
# needs more of them. Early stopping usually ends before. Chosen, not measured.
SLOWNESS, FEWEST_ROUNDS, MOST_ROUNDS = 30.0, 40, 1000
# The share of the most rounds after which boosters usually stop. Chosen with the
# seconds in BOOSTERS.
USUAL_SHARE = 0.4

# Rows of X, their targets and their weights.
Part = tuple[Any, np.ndarray, np.ndarray | None]


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
    fixed: dict[str, Any] = field(default_factory=dict)

    def seconds(
        self, genes: dict[str, Any], n_rows: int, width: float, n_trees: int
    ) -> float:
        """Return how long a round of so many trees takes on one core."""
        leaves = min(self.leaves(genes), n_rows / (10 * math.sqrt(n_trees)))
        tree = self.leaf_seconds * leaves * (1 + width / 50) + 4e-9 * n_rows * width
        return self.round_seconds + n_trees * tree

    def make(
        self, classifies: bool, genes: dict[str, Any], random_state: int
    ) -> BaseEstimator:
        """Return the unfitted booster; its library is imported only now."""
        name = self.prefix + ("Classifier" if classifies else "Regressor")
        rounds = {self.rounds: most_rounds(genes["learning_rate"])}
        return getattr(import_module(self.module), name)(
            **genes, **rounds, **self.fixed, random_state=random_state
        )


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
    ),
    "lightgbm": Booster(
        "lightgbm",
        "LGBM",
        "n_estimators",
        round_seconds=2e-4,
        leaf_seconds=8e-6,
        leaves=lambda genes: genes["num_leaves"],
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
        fixed={"tree_method": "hist", "verbosity": 0},
    ),
}


def rows_to_watch(
    n_rows: int,
    n_classes: int = 0,
    n_members: int = 1,
    fraction: float = VALIDATION_FRACTION,
) -> int:
    """Return how many rows a booster watches; none if they are too few to stop by."""
    n_watched = n_rows // n_members if n_members > 1 else int(fraction * n_rows)
    enough = n_rows >= FEW_SAMPLES and n_watched >= max(1, n_classes)
    return n_watched if enough else 0


def most_rounds(learning_rate: float) -> int:
    """Return the most boosting rounds at this learning rate."""
    return round(min(MOST_ROUNDS, max(FEWEST_ROUNDS, SLOWNESS / learning_rate)))


@dataclass(eq=False, repr=False)
class _EarlyStopping(MetaEstimatorMixin, BaseEstimator):
    """Fits a booster until the loss on an inner validation split stops improving.

    On few rows the best round depends on luck. There a committee is fitted: each member
    trains on all folds but one and watches that one; predictions are averaged.

    Parameters
    ----------
    estimator : estimator
        An unfitted booster of LightGBM, XGBoost or scikit-learn (histogram gradient
        boosting). A classifier gets the classes as numbers.
    patience : int, default=20
        Rounds without an improvement.
    validation_fraction : float, default=0.15
        Share of the training data that a single booster watches.
    refit : bool, default=False
        Whether a single booster is fitted again on all of the data, for the best number
        of rounds.
    n_members : int, default=1
        Boosters in the committee; 1 for a single one.
    random_state : int or None, default=None
        Seed of the splits.
    """

    estimator: BaseEstimator
    patience: int = 20
    validation_fraction: float = VALIDATION_FRACTION
    refit: bool = False
    n_members: int = 1
    random_state: int | None = None

    def _fit(
        self, X: Any, y: np.ndarray, weights: np.ndarray | None, labels: Any
    ) -> Self:
        def part(rows: np.ndarray | slice) -> Part:
            return X[rows], y[rows], None if weights is None else weights[rows]

        fit = _FITS[type(self.estimator).__module__.partition(".")[0]]
        self.n_features_in_ = X.shape[1]
        self.estimators_ = []
        rounds = ROUNDS_WITHOUT_STOPPING
        splits = self._splits(y, labels)
        for fitted, watched in splits:
            self.estimators_.append(clone(self.estimator))
            rounds = fit(
                self.estimators_[-1], part(fitted), part(watched), self.patience
            )
        if not splits or (self.refit and len(splits) == 1):
            booster = clone(self.estimator)
            name = "max_iter" if hasattr(booster, "max_iter") else "n_estimators"
            most = getattr(booster, name)
            booster.set_params(**{name: max(1, min(most, rounds))})
            fit(booster, part(slice(None)), None, self.patience)
            self.estimators_ = [booster]
        return self

    def _splits(
        self, y: np.ndarray, labels: np.ndarray | None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the rows to fit and to watch of each booster; none if too few."""
        rows, rare = np.arange(len(y)), np.array([], dtype=int)
        if labels is not None:
            # A class that is too rare for all folds is only fitted, never watched.
            members = np.bincount(labels)[labels]
            rare = np.flatnonzero(members < max(2, self.n_members))
            rows = np.setdiff1d(rows, rare)
            labels = labels[rows]
        n_classes = 0 if labels is None else len(np.unique(labels))
        n_watched = rows_to_watch(
            len(rows), n_classes, self.n_members, self.validation_fraction
        )
        if not n_watched:
            return []
        splitter = self._splitter(n_watched, labels is not None)
        return [
            (np.concatenate([rows[fitted], rare]), rows[watched])
            for fitted, watched in splitter.split(rows, labels)
        ]

    def _splitter(self, n_watched: int, classifies: bool) -> Any:
        if self.n_members > 1:
            kind = StratifiedKFold if classifies else KFold
            return kind(self.n_members, shuffle=True, random_state=self.random_state)
        kind = StratifiedShuffleSplit if classifies else ShuffleSplit
        return kind(1, test_size=n_watched, random_state=self.random_state)

    def _mean(self, method: str, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return np.mean([getattr(one, method)(X) for one in self.estimators_], axis=0)

    @property
    def feature_importances_(self) -> np.ndarray:
        """Mean importances of the boosters, if they have them."""
        return np.mean([one.feature_importances_ for one in self.estimators_], axis=0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


@dataclass(eq=False, repr=False)
class EarlyStoppingClassifier(ClassifierMixin, _EarlyStopping):
    """A boosting classifier that stops early, with balanced weights on request."""

    class_weight: str | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the boosters to an array with NaN for gaps, and labels of any type."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        if self.class_weight is not None:
            balance = compute_sample_weight(self.class_weight, codes)
            weights = balance if weights is None else weights * balance
        return self._fit(X, codes, weights, codes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class."""
        return self._mean("predict_proba", X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class EarlyStoppingRegressor(StandardizedRegressor, _EarlyStopping):
    """A boosting regressor of standardised targets that stops early."""

    def _fit_standardized(
        self, X: Any, y: np.ndarray, weights: np.ndarray | None
    ) -> None:
        self._fit(X, y, weights, None)

    def _predict_standardized(self, X: Any) -> np.ndarray:
        return self._mean("predict", X)


# Each library has its own way to watch rows and to check the deadline. These functions
# return the best number of rounds; without watched rows, what they return has no
# meaning.


def _fit_lightgbm(
    booster: Any, fitted: Part, watched: Part | None, patience: int
) -> int:
    from lightgbm import early_stopping

    X, y, weights = fitted
    callbacks, watch = [lambda _: check_deadline()], {}
    if watched is not None:
        callbacks.insert(0, early_stopping(patience, verbose=False))
        watch = {"eval_X": (watched[0],), "eval_y": (watched[1],)}
        if weights is not None:
            watch["eval_sample_weight"] = [watched[2]]
    booster.fit(X, y, sample_weight=weights, callbacks=callbacks, **watch)
    return booster.best_iteration_


def _fit_xgboost(
    booster: Any, fitted: Part, watched: Part | None, patience: int
) -> int:
    from xgboost.callback import TrainingCallback

    class CheckDeadline(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            check_deadline()
            return False

    X, y, weights = fitted
    watch = {}
    if watched is not None:
        booster.set_params(early_stopping_rounds=patience)
        watch = {"eval_set": [watched[:2]]}
        if weights is not None:
            watch["sample_weight_eval_set"] = [watched[2]]
    booster.set_params(callbacks=[CheckDeadline()])
    booster.fit(X, y, sample_weight=weights, verbose=False, **watch)
    # The deadline is the trial's: it must not be pickled with the fitted booster.
    booster.set_params(callbacks=None)
    return 0 if watched is None else booster.best_iteration + 1


def _fit_sklearn(
    booster: Any, fitted: Part, watched: Part | None, patience: int
) -> int:
    X, y, weights = fitted
    watch = {}
    booster.set_params(early_stopping=watched is not None)
    if watched is not None:
        booster.set_params(n_iter_no_change=patience)
        watch = dict(zip(("X_val", "y_val", "sample_weight_val"), watched, strict=True))
    booster.fit(X, y, sample_weight=weights, **watch)
    return 0 if watched is None else int(np.argmax(booster.validation_score_))


_FITS: dict[str, Callable[..., int]] = {
    "lightgbm": _fit_lightgbm,
    "sklearn": _fit_sklearn,
    "xgboost": _fit_xgboost,
}
