"""What candidates cost: the names in `scoring` that are no scores of predictions."""

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

# Number of samples that a model is timed on: of a few, the call itself would be timed.
BATCH = 1000
# Predictions: their median counts, so that a busy moment of the machine does not; and
# seconds after which fewer will do. Chosen, not measured.
PREDICTIONS, SECONDS = 5, 1.0


class TooSlow(TrialPruned):
    """A candidate predicts slower than `max_predict_time`."""

    status = "slow"


class Cost:
    """A scorer of what a candidate costs, negated: the higher, the better.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> Cost("n_parameters")(Ridge().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1]), None)
    -3.0
    """

    # No cost needs probabilities, so that a builder need not provide them.
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
    """Return the median seconds of predicting 1,000 samples; fewer are repeated."""
    batch = _safe_indexing(X, np.resize(np.arange(_num_samples(X)), BATCH))
    seconds: list[float] = []
    while len(seconds) < PREDICTIONS and sum(seconds) < SECONDS:
        check_deadline()
        start = time.perf_counter()
        estimator.predict(batch)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def check_speed(estimator: BaseEstimator, X: Any, limit: float | None) -> None:
    """Raise `TooSlow` if predicting 1,000 samples takes longer than `limit` seconds."""
    if limit is None:
        return
    seconds = predict_time(estimator, X)
    if seconds > limit:
        raise TooSlow(
            f"predicting 1,000 samples takes {seconds:.3g} s, more than "
            f"max_predict_time={limit:g}"
        )


def _fit_time(estimator: BaseEstimator, X: Any) -> float:
    """Return NaN: the trial knows how long the fit took, and replaces it."""
    return math.nan


def _n_parameters(estimator: BaseEstimator, X: Any) -> int:
    if isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    if hasattr(estimator, "module_"):  # a network of skorch
        return sum(weights.numel() for weights in estimator.module_.parameters())
    if hasattr(estimator, "weights_"):  # a policy
        return _count(estimator.weights_)
    for names in (("coef_", "intercept_"), ("coefs_", "intercepts_")):
        if all(hasattr(estimator, name) for name in names):
            return sum(_count(getattr(estimator, name)) for name in names)
    raise TypeError(
        "scoring='n_parameters' counts the weights of networks, policies and linear "
        "models; "
        f"{type(estimator).__name__} has none: use 'size'."
    )


def _count(weights: Any) -> int:
    if isinstance(weights, list):
        return sum(map(np.size, weights))
    return int(np.prod(np.shape(weights)))


def _size(estimator: BaseEstimator, X: Any) -> int:
    return len(pickle.dumps(estimator))


# By their names in `scoring`.
COSTS: dict[str, Callable[[BaseEstimator, Any], float]] = {
    "fit_time": _fit_time,
    "predict_time": predict_time,
    "n_parameters": _n_parameters,
    "size": _size,
}
