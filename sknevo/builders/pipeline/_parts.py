"""Parts of the training data: rows that a model is fitted on, and rows it watches."""

from typing import Any, NamedTuple, Self

import numpy as np

# A model that watches fewer rows would stop by luck. Chosen, not measured.
FEWEST_WATCHED = 15


class Part(NamedTuple):
    """Rows of X, their targets (classes are numbers from 0) and their weights."""

    X: Any
    y: np.ndarray
    weights: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return type(self)(self.X[rows], self.y[rows], weights)

    def weighted(self, factors: np.ndarray) -> Self:
        """Return the rows with these factors in their weights."""
        weights = factors if self.weights is None else factors * self.weights
        return self._replace(weights=weights)


def held_out_part(
    X: Any, y: Any, weights: Any = None, classes: np.ndarray | None = None
) -> Part | None:
    """Return the rows to watch, without those of unknown classes or of no weight.

    None stands for rows that are too few, or for no X at all.
    """
    if X is None:
        return None
    y = np.asarray(y)
    weights = None if weights is None else np.asarray(weights, float)
    known = np.isfinite(y) if classes is None else np.isin(y, classes)
    if weights is not None:
        known &= weights > 0
    rows = np.flatnonzero(known)
    if len(rows) < FEWEST_WATCHED:
        return None
    part = Part(X, y, weights).take(rows)
    if classes is None:
        return part
    return part._replace(y=np.searchsorted(classes, part.y))
