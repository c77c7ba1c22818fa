"""Greedy selection of an ensemble from held-out predictions of candidates.

Predictions are one array per split: probabilities (n_test, n_classes) in the order of
all labels, or targets (n_test,). The score of an ensemble is the fitness of its
averaged predictions: the mean over the splits.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics
from sklearn.utils.metadata_routing import _routing_enabled

from sknevo.evaluation._scoring import Answers, Objectives, responses

# Picks of the greedy selection: chosen, not measured.
STEPS = 25
# Candidates are scored together as long as their numbers fit into a processor's cache.
CHUNK = 100_000
# Calls of scorers that have no form for many candidates at once, per split: about a
# second for a thousand. The best candidates alone are tried if all would take more.
CALLS = 1000
# The least probability in scikit-learn's log loss, and what parts ties from victories.
LEAST, TIE = np.finfo(float).eps, 1e-12

Predictions = Sequence[np.ndarray]


@dataclass(frozen=True)
class HeldOut:
    """The held-out parts of all splits, on which predictions are scored.

    `y` and `params`, the metadata of the scorers, are given per split; `labels` are all
    classes, in order, or None for regression.
    """

    objectives: Objectives
    y: Sequence[np.ndarray]
    params: Sequence[Mapping[str, Any]]
    labels: np.ndarray | None = None

    def score(self, predictions: Predictions) -> float:
        """Return the fitness of predictions, asked of the scorers."""
        counted = self.objectives.counted
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the trials have said it already
            splits = [
                counted.measure(Answers(part, self.labels), None, y, params)
                for part, y, params in zip(
                    predictions, self.y, self.params, strict=True
                )
            ]
        return counted.fitness(
            {name: tuple(split[name] for split in splits) for name in splits[0]}
        )

    @property
    def sizes(self) -> list[int]:
        """Number of rows per split."""
        return [len(y) for y in self.y]


@dataclass(frozen=True)
class Selection:
    """An ensemble: picked candidates in order, and the score after each step."""

    picks: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def best_step(self) -> int:
        """Number of picks that count: those up to the first best score."""
        return int(np.argmax(self.scores)) + 1

    @property
    def score(self) -> float:
        """The score of the ensemble."""
        return max(self.scores)

    @property
    def weights(self) -> dict[int, float]:
        """The share of each member in the average, in the order of first picks."""
        counted = self.picks[: self.best_step]
        return {i: counted.count(i) / len(counted) for i in dict.fromkeys(counted)}


def select(
    candidates: Sequence[Predictions], held_out: HeldOut, n_steps: int = STEPS
) -> Selection:
    """Return the ensemble that grows by the candidate that raises its score the most.

    With replacement (Caruana et al. 2004); of equals the earlier candidate.
    """
    form = _form(held_out)
    stack = np.stack([form.feature(np.concatenate(parts)) for parts in candidates])
    first = _scores(form, stack)
    most = max(1, min(len(stack), form.most // n_steps))
    library = np.sort(np.argsort(-first, kind="stable")[:most])
    stack, found = stack[library], first[library]
    total, picks, scores = np.zeros(stack.shape[1:]), [], []
    while True:
        best = int(np.argmax(found))
        picks.append(int(library[best]))
        scores.append(float(found[best]))
        total += stack[best]
        if len(picks) == n_steps:
            return Selection(tuple(picks), tuple(scores))
        found = _scores(form, stack, total, len(picks))


def gain(
    candidates: Sequence[Predictions],
    ensemble: Predictions,
    n_picks: int,
    held_out: HeldOut,
) -> np.ndarray:
    """Return what one more pick adds to the score of an ensemble, for each candidate.

    `ensemble` is the average of `n_picks` predictions.
    """
    form = _form(held_out)
    mean = form.feature(np.concatenate(ensemble))
    stack = np.stack([form.feature(np.concatenate(parts)) for parts in candidates])
    return _scores(form, stack, mean * n_picks, n_picks) - _scores(form, mean[None])[0]


class _Form(NamedTuple):
    """The fitness, computed for many averaged predictions at once.

    `feature` takes from predictions of all rows what the score depends on, linearly;
    `score` maps averages of that (n_averages, ...) to scores; it is asked for at most
    `most` averages in a selection.
    """

    feature: Callable[[np.ndarray], np.ndarray]
    score: Callable[[np.ndarray], np.ndarray]
    most: int = 10**9


def _scores(
    form: _Form, stack: np.ndarray, total: np.ndarray | float = 0.0, n_picks: int = 0
) -> np.ndarray:
    """Return the scores of an ensemble with one more pick; no number is the worst."""
    size = max(1, CHUNK // max(1, stack[0].size))
    found = [
        form.score((stack[i : i + size] + total) / (n_picks + 1))
        for i in range(0, len(stack), size)
    ]
    return np.nan_to_num(np.concatenate(found), nan=-np.inf, neginf=-np.inf)


def _form(held_out: HeldOut) -> _Form:
    """Return the fitness in vectorised form if there is one, else by the scorers."""
    return _vectorised(held_out) or _called(held_out)


def _called(held_out: HeldOut) -> _Form:
    """Return the fitness as the scorers compute it, one average after the other."""
    ends = np.cumsum(held_out.sizes)[:-1]

    def score(averages: np.ndarray) -> np.ndarray:
        parts = (np.split(average, ends) for average in averages)
        return np.array([held_out.score(part) for part in parts])

    return _Form(lambda p: p.astype(float), score, CALLS // len(held_out.y))


def _vectorised(held_out: HeldOut) -> _Form | None:
    """Return the fitness in vectorised form, if it is a known scorer as it comes."""
    counted = held_out.objectives.counted
    ((name, scorer), *others) = counted.named.items()
    metadata = {key for params in held_out.params for key in params}
    known = set() if _routing_enabled() else {"sample_weight"}
    if others or not metadata <= known:
        return None
    settings = dict(scorer._kwargs)
    told = settings.pop("labels", held_out.labels)
    if settings or not np.array_equal(told, held_out.labels):
        return None
    table = REGRESSION if held_out.labels is None else CLASSIFICATION
    calls = [(scorer._score_func, method) for method in responses(scorer)]
    make = next((table[call] for call in calls if call in table), None)
    form = make and make(_Rows.of(held_out))
    factor = scorer._sign * counted.weights.get(name, 1.0)
    return form and form._replace(score=lambda averages: factor * form.score(averages))


class _Rows(NamedTuple):
    """Targets (or codes of labels) of all splits, and weights that sum to 1 in each."""

    y: np.ndarray
    weight: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, held_out: HeldOut) -> "_Rows":
        y = np.concatenate(held_out.y)
        if held_out.labels is not None:
            y = np.searchsorted(held_out.labels, y)
        given = [params.get("sample_weight") for params in held_out.params]
        sizes = held_out.sizes
        weights = [
            np.ones(n) if w is None else np.asarray(w, float)
            for w, n in zip(given, sizes, strict=True)
        ]
        weight = np.concatenate([w / w.sum() for w in weights])
        return cls(y, weight, np.cumsum([0, *sizes[:-1]]))

    def sums(self, losses: np.ndarray) -> np.ndarray:
        """Return weighted sums per split (..., n_splits)."""
        return np.add.reduceat(losses * self.weight, self.starts, axis=-1)

    def mean(self, losses: np.ndarray) -> np.ndarray:
        """Return the mean over the splits of weighted sums."""
        return losses @ (self.weight / len(self.starts))


def _log_loss(rows: _Rows) -> _Form:
    each = np.arange(len(rows.y))
    return _Form(
        lambda p: p[each, rows.y].astype(float),
        lambda p: rows.mean(-np.log(np.maximum(p, LEAST))),
    )


def _accuracy(rows: _Rows) -> _Form:
    each = np.arange(len(rows.y))

    def margins(p: np.ndarray) -> np.ndarray:
        # To be the first of the largest, a label must beat those before it.
        classes = np.arange(p.shape[1])
        own, others = rows.y[:, None], classes != rows.y[:, None]
        margin = p[each, rows.y].astype(float)[:, None] - p - TIE * (classes < own)
        return margin[others].reshape(len(p), -1).T.copy()

    return _Form(margins, lambda m: rows.mean(m.min(axis=1) > -TIE / 2))


def _residuals(
    loss: Callable[[np.ndarray], np.ndarray],
    finish: Callable[[np.ndarray], np.ndarray],
    rows: _Rows,
) -> _Form:
    return _Form(
        lambda p: p - rows.y, lambda r: finish(rows.sums(loss(r))).mean(axis=-1)
    )


def _r2(rows: _Rows) -> _Form | None:
    ends = np.append(rows.starts, len(rows.y))
    means = np.repeat(rows.sums(rows.y), np.diff(ends))
    spread = rows.sums((rows.y - means) ** 2)
    if not spread.all():
        return None  # undefined, or a matter of convention
    return _residuals(np.square, lambda sums: 1 - sums / spread, rows)


_squared = partial(_residuals, np.square)

# By what the scorers call, and on what.
CLASSIFICATION = {
    (metrics.log_loss, "predict_proba"): _log_loss,
    (metrics.accuracy_score, "predict"): _accuracy,
}
REGRESSION = {
    (metrics.r2_score, "predict"): _r2,
    (metrics.mean_squared_error, "predict"): partial(_squared, np.array),
    (metrics.root_mean_squared_error, "predict"): partial(_squared, np.sqrt),
    (metrics.mean_absolute_error, "predict"): partial(_residuals, np.abs, np.array),
}
