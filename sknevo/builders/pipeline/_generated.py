"""Features generated from others: arithmetic of pairs, and distances from groups.

Many are made and ranked, few are kept.
"""

from collections.abc import Callable
from itertools import combinations, product
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from sknevo.builders.pipeline._transformers import ArrayTransformer

# Columns from which features are made, and features that are kept. Keeping twelve was
# no better than six on eight tables.
MOST_NUMBERS, KEPT = 8, 6
# Rows by which features are ranked, and bins of their values. Chosen, not measured.
MOST_RANKED, BINS = 3000, 16
# Products and ratios stay where single precision has room for their squares.
LARGEST = 2.0**63

# Two columns in, one out.
_OPERATIONS: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (
    np.subtract,
    np.add,
    np.multiply,
    lambda a, b: np.divide(a, np.where(b == 0, np.nan, b)),
    lambda a, b: np.divide(b, np.where(a == 0, np.nan, a)),
)


class PairFeatures(ArrayTransformer):
    """Sums, differences, products and ratios of numbers.

    It keeps those that explain more of the target's variance than each of their two
    columns. A ratio to zero is missing.

    Parameters
    ----------
    classifies : bool
        Whether the target is a class.
    """

    def __init__(self, classifies: bool) -> None:
        self.classifies = classifies

    def fit(self, X: np.ndarray, y: Any) -> Self:
        """Choose pairs and operations."""
        self.n_features_in_ = X.shape[1]
        X = _ranked_rows(X)
        targets = standardized_targets(_ranked_rows(y), self.classifies)
        alone = np.array([_variance_explained(column, targets) for column in X.T])
        columns = np.argsort(-alone, kind="stable")[:MOST_NUMBERS].tolist()
        gains = {}
        for (a, b), which in product(combinations(columns, 2), range(len(_OPERATIONS))):
            explained = _variance_explained(_combined(X, a, b, which), targets)
            gains[a, b, which] = explained - max(alone[a], alone[b])
        self.pairs_ = _best(gains)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the features that were chosen; there may be none."""
        return _stacked([_combined(X, *pair) for pair in self.pairs_], len(X))


class GroupFeatures(ArrayTransformer):
    """How far a number is from its mean among the rows of the same label.

    Parameters
    ----------
    numbers, labels : transformer
        Make floats of the numeric columns, and strings of the others.
    n_numeric : int
        The first columns are numeric, the others hold labels.
    classifies : bool
        Whether the target is a class.
    """

    def __init__(
        self,
        numbers: BaseEstimator,
        labels: BaseEstimator,
        n_numeric: int,
        classifies: bool,
    ) -> None:
        self.numbers = numbers
        self.labels = labels
        self.n_numeric = n_numeric
        self.classifies = classifies

    def fit(self, X: Any, y: Any) -> Self:
        """Choose numbers and labels, and learn the means."""
        X = pd.DataFrame(X)
        self.n_features_in_ = X.shape[1]
        self.numbers_ = clone(self.numbers).fit(X.iloc[:, : self.n_numeric])
        self.labels_ = clone(self.labels).fit(X.iloc[:, self.n_numeric :])
        floats, labels = self._parts(X)
        targets = standardized_targets(_ranked_rows(y), self.classifies)
        alone = np.array(
            [_variance_explained(column, targets) for column in _ranked_rows(floats).T]
        )
        columns = np.argsort(-alone, kind="stable")[:MOST_NUMBERS].tolist()
        means, gains = {}, {}
        for place in product(columns, range(len(labels))):
            number, label = floats[:, place[0]], labels[place[1]]
            means[place] = pd.Series(number).groupby(label).mean()
            distance = _ranked_rows(_distance(number, label, means[place]))
            gains[place] = _variance_explained(distance, targets) - alone[place[0]]
        # Plain values, which files of skops can hold.
        self.means_ = [(i, j, means[i, j].to_dict()) for i, j in _best(gains)]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the features that were chosen; there may be none."""
        floats, labels = self._parts(pd.DataFrame(X))
        features = [
            _distance(floats[:, i], labels[j], pd.Series(means, dtype=float))
            for i, j, means in self.means_
        ]
        return _stacked(features, len(floats))

    def _parts(self, X: pd.DataFrame) -> tuple[np.ndarray, list[np.ndarray]]:
        floats = self.numbers_.transform(X.iloc[:, : self.n_numeric])
        return floats, [*self.labels_.transform(X.iloc[:, self.n_numeric :]).T]


def _combined(X: np.ndarray, a: int, b: int, which: int) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        made = _OPERATIONS[which](X[:, a], X[:, b])
    return np.clip(made, -LARGEST, LARGEST)


def _distance(number: np.ndarray, label: np.ndarray, means: pd.Series) -> np.ndarray:
    """Return number minus the mean of its label, missing for unknown labels."""
    return number - means.reindex(label).to_numpy(float)


def _stacked(features: list[np.ndarray], n_rows: int) -> np.ndarray:
    return np.column_stack(features) if features else np.empty((n_rows, 0))


def _ranked_rows(values: Any) -> np.ndarray:
    """Return the rows by which features are ranked, evenly spaced."""
    values = np.asarray(values)
    return values[:: -(-len(values) // MOST_RANKED)]


def _best(gains: dict[Any, float]) -> list[Any]:
    """Return the keys of the largest gains above zero."""
    ranked = sorted(gains, key=lambda key: -gains[key])[:KEPT]
    return [key for key in ranked if gains[key] > 0]


def standardized_targets(y: Any, classifies: bool) -> np.ndarray:
    """Return one standardised column for each class, or one of the values."""
    if classifies:
        columns = np.eye(len(np.unique(y)))[np.unique(y, return_inverse=True)[1]]
    else:
        columns = np.asarray(y, float)[:, None]
    centred = columns - columns.mean(axis=0)
    scale = centred.std(axis=0)
    return centred / np.where(scale > 0, scale, 1.0)


def _variance_explained(feature: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of the targets' variance that lies between bins of a feature.

    What as many bins of noise would explain is subtracted.
    """
    missing = np.isnan(feature)
    if missing.all():
        return 0.0
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(feature[~missing], inner))
    bins = np.where(missing, len(edges) + 1, np.searchsorted(edges, feature))
    counts = np.bincount(bins)
    full = counts > 0
    sums = np.array([np.bincount(bins, column)[full] for column in targets.T])
    between = (sums**2 / counts[full]).sum() / targets.size
    return between - (full.sum() - 1) / len(targets)
