"""What an individual costs: scorers beside scikit-learn's, for goals and for limits."""

import math
import pickle
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from sknevo.deadline import TrialPruned, check_deadline

__all__ = ["COSTS", "Cost", "TooSlow", "check_speed", "predict_time"]

# A model is timed on so many samples: on a few, the call itself would be measured.
BATCH = 1000
# So often, unless that takes longer than so many seconds: a busy moment of the machine
# does not count.
PREDICTIONS, SECONDS = 5, 1.0


class TooSlow(TrialPruned):
    """An individual predicts slower than it may."""

    status = "slow"


class Cost:
    """A scorer of what an individual costs, negated: the higher, the better.

    Parameters
    ----------
    name : {"fit_time", "predict_time", "n_parameters", "size"}
        What is measured.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> Cost("n_parameters")(Ridge().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1]), None)
    -3.0
    """

    _response_method = "predict"

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self, estimator: BaseEstimator, X: Any, y: Any = None, **metadata: Any
    ) -> float:
        return -float(COSTS[self.name](estimator, X))

    def _accept_sample_weight(self) -> bool:
        return False  # asked by scikit-learn where there are several scorers

    def __repr__(self) -> str:
        return f"Cost({self.name!r})"


def predict_time(estimator: BaseEstimator, X: Any) -> float:
    """Return how many seconds it takes to predict 1,000 samples.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like of shape (n_samples, ...)
        Samples; repeated if they are fewer than 1,000.

    Returns
    -------
    float
        The median of five predictions, of fewer if they take more than a second.
    """
    batch = _safe_indexing(X, np.resize(np.arange(_num_samples(X)), BATCH))
    seconds: list[float] = []
    while len(seconds) < PREDICTIONS and sum(seconds) < SECONDS:
        check_deadline()
        start = time.perf_counter()
        estimator.predict(batch)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def check_speed(estimator: BaseEstimator, X: Any, limit: float | None) -> None:
    """Raise `TooSlow` if predicting takes longer than the limit.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like of shape (n_samples, ...)
        What it predicts.
    limit : float or None
        Seconds per 1,000 samples; None measures nothing.
    """
    if limit is None:
        return
    seconds = predict_time(estimator, X)
    if seconds > limit:
        raise TooSlow(
            f"predicting 1,000 samples takes {seconds:.3g} s, more than "
            f"max_predict_time={limit:g}"
        )


def _fit_time(estimator: BaseEstimator, X: Any) -> float:
    """Return nothing known: how long a fit took, who fitted knows."""
    return math.nan


def _n_parameters(estimator: BaseEstimator, X: Any) -> int:
    if isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    if hasattr(estimator, "module_"):  # a network of skorch
        return sum(weights.numel() for weights in estimator.module_.parameters())
    for names in (("coef_", "intercept_"), ("coefs_", "intercepts_")):
        if all(hasattr(estimator, name) for name in names):
            return sum(_count(getattr(estimator, name)) for name in names)
    raise TypeError(
        "n_parameters counts the weights of networks and linear models; "
        f"{type(estimator).__name__} has none: use size."
    )


def _count(weights: Any) -> int:
    if isinstance(weights, list):
        return sum(map(np.size, weights))
    return int(np.prod(np.shape(weights)))


def _size(estimator: BaseEstimator, X: Any) -> int:
    return len(pickle.dumps(estimator))


# By the names that `scoring` has for them.
COSTS: dict[str, Callable[[BaseEstimator, Any], float]] = {
    "fit_time": _fit_time,
    "predict_time": predict_time,
    "n_parameters": _n_parameters,
    "size": _size,
}
