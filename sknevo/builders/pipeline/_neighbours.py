"""The k nearest neighbours, with probabilities that are never zero."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.utils.validation import check_is_fitted

from sknevo.builders._most_probable import MostProbableMixin
from sknevo.builders._targets import StandardizedRegressor
from sknevo.builders.pipeline._votes import smoothed
from sknevo.deadline import check_deadline

# Rows between two looks at the deadline. Chosen, not measured.
CHUNK = 1000


def neighbours_seconds(n_rows: int, width: float) -> float:
    """Return roughly how long a fit and predictions for a quarter of the rows take."""
    return 0.005 + 2.5e-10 * n_rows**2 * (width + 5)


@dataclass(eq=False, repr=False)
class _Neighbours(BaseEstimator):
    """What classifier and regressor share.

    Weights of samples and classes change nothing: neighbours vote by their distance
    alone, as in scikit-learn.

    Parameters
    ----------
    n_neighbors : int, default=15
        Neighbours that vote, if there are so many rows.
    weights : {"uniform", "distance"}, default="distance"
        Whether near ones count more.
    p : {1, 2}, default=2
        1 for distances along the axes, 2 for straight ones.
    """

    n_neighbors: int = 15
    weights: str = "distance"
    p: int = 2

    def _keep(self, kind: type, X: np.ndarray, y: np.ndarray) -> Self:
        self.n_features_in_ = X.shape[1]
        # Half the bytes: a fitted model holds its rows.
        X = X.astype(np.float32, copy=False)
        self.n_votes_ = min(self.n_neighbors, X.shape[0])
        self.neighbours_ = kind(
            self.n_votes_, weights=self.weights, p=self.p, n_jobs=1
        ).fit(X, y)
        return self

    def _voted(self, method: str, X: np.ndarray) -> np.ndarray:
        """Return predictions of all rows; the time that they take is in the search."""
        check_is_fitted(self)
        vote, X = getattr(self.neighbours_, method), X.astype(np.float32, copy=False)
        chunks = []
        for begin in range(0, X.shape[0], CHUNK):
            check_deadline()
            chunks.append(vote(X[begin : begin + CHUNK]))
        return np.concatenate(chunks)


@dataclass(eq=False, repr=False)
class NeighboursClassifier(MostProbableMixin, _Neighbours):
    """A classifier by the classes of the nearest rows."""

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Keep complete and scaled features, and labels of any type."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        return self._keep(KNeighborsClassifier, X, codes)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        return smoothed(self._voted("predict_proba", X), self.n_votes_)


class NeighboursRegressor(StandardizedRegressor, _Neighbours):
    """A regressor by the values of the nearest rows."""

    def fit(self, X: np.ndarray, y: Any, sample_weight: Any = None) -> Self:
        """Keep complete and scaled features."""
        y, _ = self._learn_targets(y, sample_weight)
        return self._keep(KNeighborsRegressor, X, y)

    def _predict_standardized(self, X: np.ndarray) -> np.ndarray:
        return self._voted("predict", X)
