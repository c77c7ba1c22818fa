"""Gradient boosting that stops early on an inner split of what it is fitted on."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
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

from sknevo.deadline import check_deadline

__all__ = ["EarlyStoppingClassifier", "EarlyStoppingRegressor"]

# With fewer rows an inner split leaves too little to learn from.
FEW_SAMPLES = 100
ROUNDS_WITHOUT_STOPPING = 100

Rows = np.ndarray


class _EarlyStopping(MetaEstimatorMixin, BaseEstimator):
    """Fits a booster until the loss on an inner validation split stops to improve.

    On few rows where to stop is luck. There a committee is fitted, each member on all
    folds but one and watched on that one, and its predictions are averaged.

    Parameters
    ----------
    estimator : estimator
        An unfitted LightGBM, XGBoost or histogram gradient booster of scikit-learn.
    patience : int, default=20
        Rounds without an improvement.
    validation_fraction : float, default=0.15
        Share of the training data that the loss of a single booster is watched on.
    refit : bool, default=False
        Whether to fit a single booster on all of the data again, for as many rounds as
        were best.
    n_members : int, default=1
        Boosters in the committee; 1 for a single one.
    random_state : int or None, default=None
        Seed of the splits.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted boosters.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        patience: int = 20,
        validation_fraction: float = 0.15,
        refit: bool = False,
        n_members: int = 1,
        random_state: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.n_members = n_members
        self.random_state = random_state

    def _fit(
        self, X: Any, y: np.ndarray, weights: np.ndarray | None, labels: Any
    ) -> Self:
        def part(rows: Rows | slice) -> Part:
            return X[rows], y[rows], None if weights is None else weights[rows]

        fit = _LIBRARIES[type(self.estimator).__module__.partition(".")[0]]
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
            self.estimators_ = [clone(self.estimator)]
            _limit_rounds(self.estimators_[0], rounds)
            fit(self.estimators_[0], part(slice(None)), None, self.patience)
        return self

    def _splits(self, y: np.ndarray, labels: Any) -> list[tuple[Rows, Rows]]:
        """Return the rows to fit and to watch of each booster, nothing if too few."""
        if len(y) < FEW_SAMPLES:
            return []
        rows, rare = np.arange(len(y)), np.array([], dtype=int)
        if labels is not None:
            # Members of a class too rare to be watched are for fitting only.
            members = np.bincount(labels)[labels]
            rare = np.flatnonzero(members < max(2, self.n_members))
            rows = np.setdiff1d(rows, rare)
        n_classes = 0 if labels is None else len(np.unique(labels[rows]))
        n_watched = len(rows) // self.n_members
        if self.n_members == 1:
            n_watched = int(self.validation_fraction * len(rows))
        if n_watched < max(1, n_classes):
            return []
        splits = self._splitter(n_watched, labels is not None).split(
            rows, None if labels is None else labels[rows]
        )
        return [
            (np.concatenate([rows[fitted], rare]), rows[watched])
            for fitted, watched in splits
        ]

    def _splitter(self, n_watched: int, classifies: bool) -> Any:
        if self.n_members > 1:
            kind = StratifiedKFold if classifies else KFold
            return kind(self.n_members, shuffle=True, random_state=self.random_state)
        kind = StratifiedShuffleSplit if classifies else ShuffleSplit
        return kind(1, test_size=n_watched, random_state=self.random_state)

    @property
    def feature_importances_(self) -> np.ndarray:
        """The boosters' own, in the mean, where they have them."""
        return np.mean([one.feature_importances_ for one in self.estimators_], axis=0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class EarlyStoppingClassifier(ClassifierMixin, _EarlyStopping):
    """A boosting classifier that stops early; see `_EarlyStopping`.

    Parameters
    ----------
    estimator : estimator
        An unfitted booster; it gets the classes as numbers.
    patience : int, default=20
        Rounds without an improvement.
    validation_fraction : float, default=0.15
        Share of the training data that the loss of a single booster is watched on.
    refit : bool, default=False
        Whether to fit a single booster on all of the data again, for as many rounds as
        were best.
    n_members : int, default=1
        Boosters in the committee; 1 for a single one.
    class_weight : {"balanced"} or None, default=None
        Whether all classes weigh alike.
    random_state : int or None, default=None
        Seed of the split.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    estimators_ : list of estimator
        The fitted boosters.

    Examples
    --------
    >>> from lightgbm import LGBMClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = EarlyStoppingClassifier(LGBMClassifier(verbose=-1)).fit(X, y)
    >>> clf.predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        patience: int = 20,
        validation_fraction: float = 0.15,
        refit: bool = False,
        n_members: int = 1,
        class_weight: str | None = None,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            estimator, patience, validation_fraction, refit, n_members, random_state
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the booster.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features, with NaN where they are missing.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        Returns
        -------
        self : object
        """
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        if self.class_weight is not None:
            balance = compute_sample_weight(self.class_weight, codes)
            weights = balance if weights is None else weights * balance
        return self._fit(X, codes, weights, codes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class."""
        check_is_fitted(self)
        return np.mean([one.predict_proba(X) for one in self.estimators_], axis=0)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class EarlyStoppingRegressor(RegressorMixin, _EarlyStopping):
    """A boosting regressor that stops early; see `_EarlyStopping`.

    Parameters
    ----------
    estimator : estimator
        An unfitted booster.
    patience : int, default=20
        Rounds without an improvement.
    validation_fraction : float, default=0.15
        Share of the training data that the loss of a single booster is watched on.
    refit : bool, default=False
        Whether to fit a single booster on all of the data again, for as many rounds as
        were best.
    n_members : int, default=1
        Boosters in the committee; 1 for a single one.
    random_state : int or None, default=None
        Seed of the split.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted boosters.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the booster.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features, with NaN where they are missing.
        y : array-like of shape (n_samples,)
            Values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        Returns
        -------
        self : object
        """
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        return self._fit(X, np.asarray(y, float), weights, None)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted values."""
        check_is_fitted(self)
        return np.mean([one.predict(X) for one in self.estimators_], axis=0)


# How each library is told to watch, and to look at the clock -----------------------

Part = tuple[Any, np.ndarray, np.ndarray | None]


def _limit_rounds(booster: BaseEstimator, most: int) -> None:
    name = "max_iter" if hasattr(booster, "max_iter") else "n_estimators"
    rounds = max(1, min(getattr(booster, name), most))
    booster.set_params(**{name: rounds})


def _fit_lightgbm(
    booster: Any, fitted: Part, watched: Part | None, patience: int
) -> int:
    from lightgbm import early_stopping

    def look_at_the_clock(_: Any) -> None:
        check_deadline()

    X, y, weights = fitted
    if watched is None:
        booster.fit(X, y, sample_weight=weights, callbacks=[look_at_the_clock])
        return booster.n_estimators
    stop = early_stopping(patience, verbose=False)
    booster.fit(
        X,
        y,
        sample_weight=weights,
        eval_X=(watched[0],),
        eval_y=(watched[1],),
        eval_sample_weight=None if weights is None else [watched[2]],
        callbacks=[stop, look_at_the_clock],
    )
    return booster.best_iteration_


def _fit_xgboost(
    booster: Any, fitted: Part, watched: Part | None, patience: int
) -> int:
    from xgboost.callback import TrainingCallback

    class LookAtTheClock(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            check_deadline()
            return False

    X, y, weights = fitted
    # The clock is the trial's; it must not be pickled with the fitted booster.
    booster.set_params(callbacks=[LookAtTheClock()])
    if watched is None:
        booster.fit(X, y, sample_weight=weights, verbose=False)
        booster.set_params(callbacks=None)
        return booster.n_estimators
    booster.set_params(early_stopping_rounds=patience)
    booster.fit(
        X,
        y,
        sample_weight=weights,
        eval_set=[watched[:2]],
        sample_weight_eval_set=None if weights is None else [watched[2]],
        verbose=False,
    )
    booster.set_params(callbacks=None)
    return booster.best_iteration + 1


def _fit_sklearn(
    booster: Any, fitted: Part, watched: Part | None, patience: int
) -> int:
    X, y, weights = fitted
    if watched is None:
        booster.set_params(early_stopping=False).fit(X, y, sample_weight=weights)
        return booster.max_iter
    booster.set_params(early_stopping=True, n_iter_no_change=patience)
    booster.fit(
        X,
        y,
        sample_weight=weights,
        X_val=watched[0],
        y_val=watched[1],
        sample_weight_val=watched[2],
    )
    return int(np.argmax(booster.validation_score_))


_LIBRARIES: dict[str, Callable[..., int]] = {
    "lightgbm": _fit_lightgbm,
    "sklearn": _fit_sklearn,
    "xgboost": _fit_xgboost,
}
