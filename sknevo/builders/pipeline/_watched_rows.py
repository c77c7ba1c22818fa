"""Held-out rows that a model watches: to stop early, or to calibrate probabilities.

What is chosen by watched rows, such as a number of rounds, looks too good on the same
rows. So these are dealt to folds, and for each fold the choice is made by the others:
predictions of all rows are then out of fold, and can be scored.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from sknevo.deadline import is_training_over

# A model that watches fewer rows would stop by luck. Chosen, not measured.
FEWEST_WATCHED = 15
# The least probability that counts in a loss.
TINY = 1e-7


class Rows(NamedTuple):
    """Rows of X, their targets (classes are numbers from 0) and their weights."""

    X: Any
    y: np.ndarray
    weights: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return type(self)(self.X[rows], self.y[rows], weights)

    def weighted(self, factors: np.ndarray) -> Self:
        """Return the rows with their weights multiplied by these factors."""
        weights = factors if self.weights is None else factors * self.weights
        return self._replace(weights=weights)


class HeldOutRows(NamedTuple):
    """Held-out rows that are dealt to folds.

    Something is chosen n_folds + 1 times: choice 0 by all watched rows, choice i by
    those that are not in fold i.

    Parameters
    ----------
    rows : Rows
        All held-out rows.
    fold_of : ndarray of int of shape (n_rows,)
        The fold of each row, from 1; 0 for rows that are not watched.
    """

    rows: Rows
    fold_of: np.ndarray

    @property
    def n_folds(self) -> int:
        """The number of folds."""
        return self.fold_of.max()

    @property
    def folds(self) -> list[Rows]:
        """The rows of each fold, at least one."""
        numbers = range(1, self.n_folds + 1)
        return [self.rows.take(np.flatnonzero(self.fold_of == i)) for i in numbers]

    @property
    def watched(self) -> Rows:
        """The rows of all folds."""
        return self._without_fold(0)

    @property
    def by_choice(self) -> list[Rows]:
        """The rows that each choice is made by."""
        return [self._without_fold(i) for i in range(self.n_folds + 1)]

    def _without_fold(self, number: int) -> Rows:
        others = (self.fold_of > 0) & (self.fold_of != number)
        return self.rows.take(np.flatnonzero(others))

    def weighted(self, factors: np.ndarray) -> Self:
        """Return the rows with their weights multiplied by a factor for each class."""
        # The number of an unknown class may be beyond those of the known ones.
        of_rows = factors[np.minimum(self.rows.y, len(factors) - 1)]
        return self._replace(rows=self.rows.weighted(of_rows))

    def predict_out_of_fold(
        self, predict: Callable[[Any, Any], np.ndarray], choices: Sequence[Any]
    ) -> np.ndarray:
        """Return predictions of all rows, each by a choice that it has no part in.

        Parameters
        ----------
        predict : callable
            Returns predictions for X and a choice.
        choices : sequence of length n_folds + 1
            What was chosen. Rows that are not watched have no part in choice 0.
        """
        groups = [np.flatnonzero(self.fold_of == i) for i in range(len(choices))]
        predictions = [
            predict(self.rows.X[rows], choice)
            for rows, choice in zip(groups, choices, strict=True)
            if len(rows)
        ]
        return np.concatenate(predictions)[np.argsort(np.concatenate(groups))]


def held_out_rows(
    X: Any,
    y: Any,
    weights: Any,
    classes: np.ndarray | None,
    n_folds: int,
    random_state: int | None,
) -> HeldOutRows | None:
    """Return held-out rows in folds; those of unknown classes or no weight have none.

    None stands for rows that are too few, or for no X at all.
    """
    if X is None:
        return None
    y = np.asarray(y)
    weights = None if weights is None else np.asarray(weights, float)
    known = np.isfinite(y) if classes is None else np.isin(y, classes)
    if weights is not None:
        known &= weights > 0
    if known.sum() < FEWEST_WATCHED:
        return None
    if classes is not None:
        y = np.searchsorted(classes, y)
    fold_of = np.zeros(len(y), int)
    fold_of[known] = 1 + dealt(y[known], n_folds, random_state)
    return HeldOutRows(Rows(X, y, weights), fold_of)


def dealt(y: np.ndarray, n_folds: int, random_state: int | None) -> np.ndarray:
    """Return a fold, from 0, for each row: all folds have about the same targets."""
    order = np.lexsort((np.random.default_rng(random_state).random(len(y)), y))
    fold_of = np.empty(len(y), int)
    fold_of[order] = np.arange(len(y)) % n_folds
    return fold_of


class Watch:
    """Notes after how many rounds the loss on watched rows is least; ends training.

    Attributes
    ----------
    best : ndarray of int of shape (n_folds + 1,)
        The number of rounds by each choice, see `HeldOutRows`.
    rows : Rows
        The watched rows.
    """

    def __init__(self, held_out: HeldOutRows, patience: int) -> None:
        self.held_out, self.patience = held_out, patience
        self.rows = held_out.watched
        self._fold_of = held_out.fold_of[held_out.fold_of > 0] - 1
        weights = self.rows.weights
        self._weights = np.ones(len(self._fold_of)) if weights is None else weights
        self._sums = np.bincount(self._fold_of, self._weights)
        n_folds = len(self._sums)
        # A row for each fold, and a column for each choice.
        self._shares = np.column_stack([np.ones(n_folds), 1 - np.eye(n_folds)])
        self._shares *= self._sums[:, None]
        self._least = np.full(n_folds + 1, np.inf)
        self.best = np.ones(n_folds + 1, int)
        self.rounds = 0

    def add(self, losses: Any) -> bool:
        """Note the mean loss of each fold after one more round; True ends training.

        It ends as well when its time is over: the best rounds so far are kept.
        """
        self.rounds += 1
        totals = np.asarray(losses) @ self._shares
        better = totals < self._least
        self._least[better] = totals[better]
        self.best[better] = self.rounds
        is_out_of_patience = self.rounds - self.best[0] >= self.patience
        return is_out_of_patience or is_training_over(self.rounds)

    def add_predicted(self, predicted: np.ndarray) -> bool:
        """Note probabilities or values that are predicted for the watched rows."""
        y = self.rows.y
        if predicted.ndim == 1:
            losses = (predicted - y) ** 2
        else:
            losses = -np.log(np.maximum(predicted[np.arange(len(y)), y], TINY))
        return self.add(np.bincount(self._fold_of, self._weights * losses) / self._sums)
