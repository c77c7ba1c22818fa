"""Parts of the training data: rows that a model is fitted on, and rows it watches."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from sknevo.deadline import is_training_over

# A model that watches fewer rows would stop by luck. Chosen, not measured.
FEWEST_WATCHED = 15
# The least probability that counts in a loss.
TINY = 1e-7


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


class Watched(NamedTuple):
    """Held-out rows, and the number of the part that each is dealt to.

    Parts are numbered from 1; rows of number 0 are not watched. A choice that is made
    by watched rows has a number, too: 0 is made by all of them, i by all but part i.
    So choice i is honest on rows of number i.
    """

    rows: Part
    numbers: np.ndarray

    @property
    def parts(self) -> list[Part]:
        """The parts, each of at least one row."""
        ends = range(1, self.numbers.max() + 1)
        return [self.rows.take(np.flatnonzero(self.numbers == i)) for i in ends]

    @property
    def all(self) -> Part:
        """All watched rows."""
        return self._without(0)

    @property
    def choosing(self) -> list[Part]:
        """The watched rows that each choice is made by."""
        return [self._without(i) for i in range(self.numbers.max() + 1)]

    def _without(self, number: int) -> Part:
        watched = (self.numbers > 0) & (self.numbers != number)
        return self.rows.take(np.flatnonzero(watched))

    def weighted(self, factors: np.ndarray) -> Self:
        """Return the rows, weighted by a factor for each class."""
        # The number of an unknown class may be beyond those of the known ones.
        of_rows = factors[np.minimum(self.rows.y, len(factors) - 1)]
        return self._replace(rows=self.rows.weighted(of_rows))

    def predicted(
        self, predict: Callable[[Any, Any], np.ndarray], choices: Sequence[Any]
    ) -> np.ndarray:
        """Return what `predict` gives for rows and what is chosen for them."""
        groups = [np.flatnonzero(self.numbers == i) for i in range(len(choices))]
        found = [
            predict(self.rows.X[rows], choice)
            for rows, choice in zip(groups, choices, strict=True)
            if len(rows)
        ]
        return np.concatenate(found)[np.argsort(np.concatenate(groups))]


def held_out_part(
    X: Any,
    y: Any,
    weights: Any,
    classes: np.ndarray | None,
    n_parts: int,
    random_state: int | None,
) -> Watched | None:
    """Return the held-out rows; those of unknown classes or no weight are not watched.

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
    numbers = np.zeros(len(y), int)
    numbers[known] = 1 + dealt(y[known], n_parts, random_state)
    return Watched(Part(X, y, weights), numbers)


def dealt(y: np.ndarray, n_parts: int, random_state: int | None) -> np.ndarray:
    """Return a part, from 0, for each row: all parts have about the same targets."""
    order = np.lexsort((np.random.default_rng(random_state).random(len(y)), y))
    parts = np.empty(len(y), int)
    parts[order] = np.arange(len(y)) % n_parts
    return parts


class Watch:
    """Keeps in mind after how many rounds the loss on watched rows is least.

    `best` (n_parts + 1,) are the rounds of each choice: see `Watched`.
    """

    def __init__(self, watched: Watched, patience: int) -> None:
        self.watched, self.patience = watched, patience
        self.rows = watched.all
        self._part = watched.numbers[watched.numbers > 0] - 1
        weights = self.rows.weights
        self._weights = np.ones(len(self._part)) if weights is None else weights
        self._sums = np.bincount(self._part, self._weights)
        n_parts = len(self._sums)
        # A row for each part, and a column for each choice.
        self._shares = np.column_stack([np.ones(n_parts), 1 - np.eye(n_parts)])
        self._shares *= self._sums[:, None]
        self._least = np.full(n_parts + 1, np.inf)
        self.best = np.ones(n_parts + 1, int)
        self.rounds = 0

    def add(self, losses: Any) -> bool:
        """Take the mean loss of each part after one more round; True ends training.

        It ends as well when its time is over: the best rounds so far are kept.
        """
        self.rounds += 1
        totals = np.asarray(losses) @ self._shares
        better = totals < self._least
        self._least[better] = totals[better]
        self.best[better] = self.rounds
        impatient = self.rounds - self.best[0] >= self.patience
        return impatient or is_training_over(self.rounds)

    def add_predicted(self, predicted: np.ndarray) -> bool:
        """Take probabilities or values that are predicted for the watched rows."""
        y = self.rows.y
        if predicted.ndim == 1:
            losses = (predicted - y) ** 2
        else:
            losses = -np.log(np.maximum(predicted[np.arange(len(y)), y], TINY))
        return self.add(np.bincount(self._part, self._weights * losses) / self._sums)
