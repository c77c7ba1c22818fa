"""The fitness of many averaged predictions at once.

The usual scores have a vectorised form; the scorers themselves compute all others, one
average after the other.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn import metrics
from sklearn.utils.metadata_routing import _routing_enabled

from sknevo.evaluation._held_out import LEAST, HeldOut
from sknevo.evaluation._scoring import response_methods, roc_auc_of_present

# Numbers in averages that are scored at once: they fit into a processor's cache.
CHUNK = 100_000
# What parts a tie from a victory, in probabilities: of what rounding leaves.
TIE = 1e-12


class AverageScorer(NamedTuple):
    """Scores many averages of predictions at once.

    The score is split in two, so that what can be computed once per candidate is:
    `feature` is linear, so that the feature of an average is the average of features.

    Parameters
    ----------
    feature : callable
        Maps predictions of all rows, of shape (n_rows, n_classes) or (n_rows,), to an
        array that the score depends on.
    score : callable
        Maps averages of features, of shape (n_averages, ...), to scores.
    row_seconds, call_seconds : float
        About how many seconds `score` takes for each row of an average, and for each
        average.
    """

    feature: Callable[[np.ndarray], np.ndarray]
    score: Callable[[np.ndarray], np.ndarray]
    row_seconds: float
    call_seconds: float = 0.0

    def scores(
        self, features: np.ndarray, total: np.ndarray | float = 0.0, n_members: int = 0
    ) -> np.ndarray:
        """Return the score of an ensemble with each of several candidates added to it.

        Without members, these are the scores of the candidates alone. A score that is
        not a number becomes minus infinity.

        Parameters
        ----------
        features : ndarray of shape (n_candidates, ...)
            The feature of each candidate.
        total : ndarray, default=0.0
            The sum of the features of the members so far.
        n_members : int, default=0
            Their number.
        """
        size = max(1, CHUNK // features[0].size)
        scores = [
            self.score((features[i : i + size] + total) / (n_members + 1))
            for i in range(0, len(features), size)
        ]
        return np.nan_to_num(np.concatenate(scores), nan=-np.inf, neginf=-np.inf)


def fitness_scorer(held_out: HeldOut) -> AverageScorer:
    """Return the fitness, vectorised if that is possible, else by the scorers."""
    return _vectorised(held_out) or _called(held_out)


def selection_scorer(held_out: HeldOut) -> AverageScorer:
    """Return what an ensemble is selected by: the fitness, or a score that is close.

    The vectorised form of a scorer serves one with other settings. Scores of labels
    other than the accuracy depend on a decision, which is tuned after the selection:
    the log loss selects for them.
    """
    known = _vectorised(held_out, exactly=False)
    if known is None and held_out.scores_labels:
        return _times(-1.0, _log_loss(_Rows.of(held_out)))
    return known or _called(held_out)


def _called(held_out: HeldOut) -> AverageScorer:
    """Return the fitness by its scorers, which are called for each average."""
    ends = np.cumsum([len(y) for y in held_out.y])[:-1]

    def score(averages: np.ndarray) -> np.ndarray:
        parts = (np.split(average, ends) for average in averages)
        return np.array([held_out.score(part) for part in parts])

    n_classes = 1 if held_out.labels is None else len(held_out.labels)
    seconds = len(ends) * (1 + n_classes / 2) * 1e-3
    return AverageScorer(lambda p: p.astype(float), score, 1e-6, seconds)


def _vectorised(held_out: HeldOut, exactly: bool = True) -> AverageScorer | None:
    """Return the vectorised form of the fitness if that is one known scorer.

    If it must be computed `exactly`, the scorer must have its default settings.
    """
    counted = held_out.objectives.only_fitness
    ((name, scorer), *others) = counted.scorers_by_name.items()
    metadata = {key for params in held_out.params for key in params}
    known = set() if _routing_enabled() else {"sample_weight"}
    if others or not metadata <= known:
        return None
    settings = dict(scorer._kwargs)
    labels = settings.pop("labels", held_out.labels)
    has_defaults = np.array_equal(labels, held_out.labels) and settings in KNOWN
    if exactly and not has_defaults:
        return None
    table = REGRESSION if held_out.labels is None else CLASSIFICATION
    calls = [(scorer._score_func, method) for method in response_methods(scorer)]
    make = next((table[call] for call in calls if call in table), None)
    scored = make and make(_Rows.of(held_out))
    factor = scorer._sign * counted.weights.get(name, 1.0)
    return scored and _times(factor, scored)


def _times(factor: float, scorer: AverageScorer) -> AverageScorer:
    return scorer._replace(score=lambda averages: factor * scorer.score(averages))


class _Rows(NamedTuple):
    """Targets (or codes of labels) of all splits, and weights that sum to 1 in each."""

    y: np.ndarray
    weight: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    n_classes: int

    @classmethod
    def of(cls, held_out: HeldOut) -> "_Rows":
        y = np.concatenate(held_out.y)
        if held_out.labels is not None:
            y = np.searchsorted(held_out.labels, y)
        per_split = [params.get("sample_weight") for params in held_out.params]
        sizes = [len(y) for y in held_out.y]
        weights = [
            np.ones(n) if w is None else np.asarray(w, float)
            for w, n in zip(per_split, sizes, strict=True)
        ]
        weight = np.concatenate([w / w.sum() for w in weights])
        n_classes = 0 if held_out.labels is None else len(held_out.labels)
        return cls(y, weight, np.array(sizes), np.cumsum([0, *sizes[:-1]]), n_classes)

    def sums(self, losses: np.ndarray) -> np.ndarray:
        """Return weighted sums per split (..., n_splits)."""
        return np.add.reduceat(losses * self.weight, self.starts, axis=-1)

    def mean(self, losses: np.ndarray) -> np.ndarray:
        """Return the mean over the splits of weighted sums."""
        return losses @ (self.weight / len(self.starts))


def _log_loss(rows: _Rows) -> AverageScorer:
    each = np.arange(len(rows.y))
    return AverageScorer(
        lambda p: p[each, rows.y].astype(float),
        lambda p: rows.mean(-np.log(np.maximum(p, LEAST))),
        3e-9,
    )


def _accuracy(rows: _Rows) -> AverageScorer:
    each = np.arange(len(rows.y))

    def margins(p: np.ndarray) -> np.ndarray:
        # To be the first of the largest, a label must beat those before it.
        classes = np.arange(rows.n_classes)
        own, others = rows.y[:, None], classes != rows.y[:, None]
        margin = p[each, rows.y].astype(float)[:, None] - p - TIE * (classes < own)
        return margin[others].reshape(len(p), -1).T.copy()

    return AverageScorer(
        margins,
        lambda m: rows.mean(m.min(axis=1) > -TIE / 2),
        4e-9 * rows.n_classes,
    )


def _brier(rows: _Rows) -> AverageScorer:
    truth = np.eye(rows.n_classes)[rows.y]
    factor = 0.5 if rows.n_classes == 2 else 1.0
    return AverageScorer(
        lambda p: (p - truth).T.copy(),
        lambda errors: factor * rows.mean(np.square(errors).sum(axis=1)),
        4e-9 * rows.n_classes,
    )


def _roc_auc(rows: _Rows) -> AverageScorer:
    # Each class against the others; the second if there are two.
    classes = np.arange(rows.n_classes) if rows.n_classes > 2 else np.array([1])
    hits = (rows.y == classes[:, None]) * rows.weight
    parts = [slice(a, a + n) for a, n in zip(rows.starts, rows.sizes, strict=True)]
    # A rare class is in no test part.
    present = [[i for i, hit in enumerate(hits) if hit[part].any()] for part in parts]

    def area(p: np.ndarray) -> float:
        areas = [
            np.mean([_area(p[i, part], hits[i, part], rows.weight[part]) for i in here])
            for part, here in zip(parts, present, strict=True)
        ]
        return sum(areas) / len(areas)

    return AverageScorer(
        lambda p: p.T[classes].astype(float),
        lambda p: np.array([*map(area, p)]),
        1.2e-7 * len(classes),
        2e-5 * len(classes) * len(parts),
    )


def _area(values: np.ndarray, hits: np.ndarray, weight: np.ndarray) -> float:
    """Return the area under the ROC curve; `hits` are the weights of true cases."""
    order = values.argsort()
    # Equal values are one step of the curve.
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)
    true = np.append(0.0, np.cumsum(hits[order])[ends])
    false = np.append(0.0, np.cumsum(weight[order])[ends]) - true
    return np.diff(true) @ (false[1:] + false[:-1]) / (2 * true[-1] * false[-1])


def _residuals(
    loss: Callable[[np.ndarray], np.ndarray],
    finish: Callable[[np.ndarray], np.ndarray],
    rows: _Rows,
) -> AverageScorer:
    return AverageScorer(
        lambda p: p - rows.y, lambda r: finish(rows.sums(loss(r))).mean(axis=-1), 4e-9
    )


def _r2(rows: _Rows) -> AverageScorer | None:
    means = np.repeat(rows.sums(rows.y), rows.sizes)
    spread = rows.sums((rows.y - means) ** 2)
    if not spread.all():
        return None  # undefined, or a matter of convention
    return _residuals(np.square, lambda sums: 1 - sums / spread, rows)


_squared = partial(_residuals, np.square)

# Settings of scorers that the forms have, too.
KNOWN = ({}, {"multi_class": "ovr"})
# By what the scorers call, and on what.
CLASSIFICATION = {
    (metrics.log_loss, "predict_proba"): _log_loss,
    (metrics.brier_score_loss, "predict_proba"): _brier,
    (metrics.accuracy_score, "predict"): _accuracy,
    (metrics.roc_auc_score, "predict_proba"): _roc_auc,
    (roc_auc_of_present, "predict_proba"): _roc_auc,
}
REGRESSION = {
    (metrics.r2_score, "predict"): _r2,
    (metrics.mean_squared_error, "predict"): partial(_squared, np.array),
    (metrics.root_mean_squared_error, "predict"): partial(_squared, np.sqrt),
    (metrics.mean_absolute_error, "predict"): partial(_residuals, np.abs, np.array),
}
