"""A filter of columns, each of which is looked at by itself."""

import warnings
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.feature_selection import f_classif, f_regression
from sklearn.utils import _safe_indexing

from sknevo.builders.pipeline._floats import as_floats
from sknevo.builders.pipeline._generated import standardized_targets
from sknevo.builders.pipeline._transformers import ArrayTransformer

# Values of a table that a filter looks at at a time: more would not fit into a
# processor's cache. Chosen, not measured.
CELLS = 500_000
# Bins of a column for its score. Chosen, not measured.
BINS = 8


class UnivariateFilter(ArrayTransformer):
    """Keeps the columns that tell most of the target, each by itself.

    Missing values count as the mean of their column.

    Parameters
    ----------
    n_columns : int
        Columns that are kept, all of them if there are fewer.
    classifies : bool
        Whether the target is a class.
    relation : {"linear", "any"}, default="linear"
        "linear" ranks columns by the F statistic of a linear relation with the target.
        "any" ranks those of a dense table by their bins, too, and takes the better of
        both ranks.
    """

    def __init__(
        self, n_columns: int, classifies: bool, relation: str = "linear"
    ) -> None:
        self.n_columns = n_columns
        self.classifies = classifies
        self.relation = relation

    def fit(self, X: Any, y: Any) -> Self:
        """Rank the columns of a DataFrame or an array of numbers, maybe sparse."""
        self.n_features_in_ = X.shape[1]
        linear = f_classif if self.classifies else f_regression
        targets = standardized_targets(y, self.classifies)
        scores = []
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.filterwarnings("ignore", "Features .* are constant")
            for part in [X] if issparse(X) else _centred_parts(X):
                scores.append([linear(part, y)[0]])
                if self.relation == "any":
                    scores[-1].append(_told_by_bins(part, targets))
        scores = np.nan_to_num(np.concatenate(scores, axis=1), nan=-np.inf)
        ranks = np.argsort(np.argsort(-scores, kind="stable"), kind="stable")
        best = np.argsort(ranks.min(axis=0), kind="stable")
        self.kept_ = np.sort(best[: self.n_columns])
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns that are kept."""
        return _safe_indexing(X, self.kept_, axis=1)


def _centred_parts(X: Any) -> Iterator[np.ndarray]:
    """Yield some columns at a time, complete, with a mean of zero."""
    step = max(1, CELLS // len(X))
    for begin in range(0, X.shape[1], step):
        part = X.iloc if isinstance(X, pd.DataFrame) else X
        floats = as_floats(part[:, begin : begin + step])
        missing = np.isnan(floats)
        counts = np.maximum(1, np.count_nonzero(~missing, axis=0))
        means = np.sum(floats, axis=0, where=~missing) / counts
        yield np.where(missing, 0.0, floats - means)


def _told_by_bins(X: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the share of the targets' variance between the bins of each column.

    What that many bins of noise would tell is subtracted.
    """
    n_rows, n_columns = X.shape
    # In single precision sorting takes half the time.
    X, targets = X.astype(np.float32), targets.astype(np.float32)
    edges = np.sort(X, axis=0)[np.arange(1, BINS) * n_rows // BINS]
    above = [(edge < X).astype(np.float32) for edge in edges]
    counts = [np.full(n_columns, n_rows), *(a.sum(axis=0) for a in above)]
    # The sum of all standardised targets is zero.
    sums = [np.zeros((targets.shape[1], n_columns)), *(targets.T @ a for a in above)]
    counts = -np.diff(counts, axis=0, append=0)
    sums = -np.diff(sums, axis=0, append=0)
    between = (sums**2 / np.maximum(counts, 1)[:, None]).sum(axis=(0, 1))
    return between / targets.size - (np.count_nonzero(counts, axis=0) - 1) / n_rows
