"""The held-out parts of all splits, and what is made of predictions of them.

Predictions are one array per split: probabilities (n_test, n_classes) in the order of
all labels, or targets (n_test,).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_method_params

from sknevo.evaluation._predictions import GivenPredictions
from sknevo.evaluation._scoring import Objectives, response_methods

Predictions = Sequence[np.ndarray]
# The least probability in scikit-learn's log loss.
LEAST = np.finfo(float).eps


@dataclass(frozen=True)
class Decision:
    """How averaged probabilities (n, n_classes) become labels and probabilities.

    Parameters
    ----------
    offsets : tuple of float, default=()
        One for each class, added to the logarithms of probabilities: the label is that
        of the largest sum. None stand for zeros.
    temperature : float, default=1.0
        The logarithms of the probabilities that are returned are divided by it.
    """

    offsets: tuple[float, ...] = ()
    temperature: float = 1.0

    def probabilities(self, p: np.ndarray) -> np.ndarray:
        """Return probabilities that sum to 1."""
        if self.temperature != 1:
            p = np.maximum(p, LEAST) ** (1 / self.temperature)
        return p / p.sum(axis=1, keepdims=True)

    def codes(self, p: np.ndarray) -> np.ndarray:
        """Return the positions of the predicted labels."""
        if self.offsets:
            p = np.log(np.maximum(p, LEAST)) + self.offsets
        return p.argmax(axis=1)


PLAIN = Decision()


@dataclass(frozen=True)
class HeldOut:
    """The held-out parts of all splits, on which predictions are scored.

    Parameters
    ----------
    objectives : Objectives
        The scorers, and the fitness.
    y : sequence of ndarray
        The targets of each split.
    params : sequence of dict
        The metadata of the scorers for each split.
    labels : ndarray or None, default=None
        All classes, in order; None for regression.
    """

    objectives: Objectives
    y: Sequence[np.ndarray]
    params: Sequence[Mapping[str, Any]]
    labels: np.ndarray | None = None

    def score(self, predictions: Predictions, decision: Decision = PLAIN) -> float:
        """Return the fitness of predictions by the scorers themselves."""
        return float(self.split_scores(predictions, decision).mean())

    def split_scores(self, predictions: Predictions, decision: Decision) -> np.ndarray:
        """Return the fitness on each split."""
        counted = self.objectives.only_fitness
        scores = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the trials have said it already
            for part, y, params in zip(predictions, self.y, self.params, strict=True):
                answers = self._answers(part, decision)
                measured = counted.measure(answers, None, y, params)
                scores.append(counted.fitness(measured))
        return np.array(scores)

    def _answers(self, part: np.ndarray, decision: Decision) -> GivenPredictions:
        if self.labels is None:
            return GivenPredictions(part)
        labels = self.labels[decision.codes(part)]
        return GivenPredictions(labels, decision.probabilities(part), self.labels)

    @property
    def n_rows(self) -> int:
        """Number of held-out rows of all splits."""
        return sum(map(len, self.y))

    @property
    def scores_labels(self) -> bool:
        """Whether the fitness is made of predicted labels only."""
        scorers = self.objectives.only_fitness.scorers_by_name.values()
        called = {method for scorer in scorers for method in response_methods(scorer)}
        return self.labels is not None and called == {"predict"}

    def subsample(self, stride: int, offset: int = 0) -> tuple["HeldOut", list[Any]]:
        """Return one of `stride` rows of each split, and the indices of these rows.

        Their targets are spread as all are. Subsamples with another `offset`, which is
        less than `stride`, have no row in common.
        """
        if stride == 1:
            return self, [slice(None)] * len(self.y)
        classifies = self.labels is not None
        rows = [_spread(y, stride, offset, classifies) for y in self.y]
        params = [
            _check_method_params(y, whole, part)
            for y, whole, part in zip(self.y, self.params, rows, strict=True)
        ]
        y = [y[part] for y, part in zip(self.y, rows, strict=True)]
        return replace(self, y=y, params=params), rows


def _spread(y: np.ndarray, stride: int, offset: int, classifies: bool) -> np.ndarray:
    """Return every so many rows in the order of targets, of each class apart."""
    order = np.argsort(y, kind="stable")
    rank = np.arange(len(y))
    if classifies:
        _, starts, counts = np.unique(y[order], return_index=True, return_counts=True)
        rank -= np.repeat(starts, counts)
    return np.sort(order[rank % stride == offset])
