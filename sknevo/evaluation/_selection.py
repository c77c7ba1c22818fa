"""Greedy selection of an ensemble from held-out predictions of candidates.

Predictions are one array per split: probabilities (n_test, n_classes) in the order of
all labels, or targets (n_test,). The score of an ensemble is the fitness of its
averaged predictions: the mean over the splits.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.metrics import accuracy_score, log_loss

from sknevo.evaluation._averages import AverageScorer, fitness_scorer, selection_scorer
from sknevo.evaluation._held_out import PLAIN, Decision, HeldOut, Predictions

# Picks. Measured by benchmarks/selection.py, as are the settings below unless they say
# otherwise: on 100 rows more are better up to here; on 300 10 to 50 are alike.
STEPS = 25
# The ensemble begins with the best START / n_rows candidates, as many as MOST_START and
# a third of all: few rows overestimate the best. On 100 rows this adds 0.003 to what
# the selection gains in log loss (20 of 28 cases) and in ROC AUC; on 300 nothing.
START, MOST_START = 1000, 10
# Seconds that a selection may take by the costs of the forms. Above that, candidates
# are compared on fewer rows, and then the best candidates alone. Chosen, not measured.
SECONDS, LEAST_ROWS, LEAST_CANDIDATES = 1.0, 2000, 5
# Rows that a decision is tuned on at most: chosen, not measured.
TUNED, TIE = 10_000, 1e-12
# Offsets that are tried: log odds of two classes; else powers of the class frequencies
# that probabilities are divided by. One for each class, found by coordinate search, is
# worse on 100 and 300 rows, and so is the best of these without a vote of the splits.
THRESHOLDS, PRIORS = np.linspace(-4, 4, 33), np.linspace(0, 1.5, 16)
# Held-out rows with which a temperature goes half of the way to the best one, in
# logarithms: n rows go n / (n + HALF_WAY), since few may err. Beside half of the way
# always, the log loss is 0.5 % less on 400 rows, 1.8 % on 1,000 and 0.1 % on 2,000
# (benchmarks/folds.py); the whole way lost 0.004 on 100 rows.
HALF_WAY = 150


class Selection(NamedTuple):
    """An ensemble: picked candidates in order, and the score after each step."""

    picks: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def weights(self) -> dict[int, float]:
        """The share of each member in the average, in the order of first picks."""
        return {
            i: self.picks.count(i) / len(self.picks) for i in dict.fromkeys(self.picks)
        }

    def average(self, candidates: Sequence[Predictions]) -> list[np.ndarray]:
        """Return the predictions of the ensemble."""
        return [
            sum(
                w * np.asarray(candidates[i][split], float)
                for i, w in self.weights.items()
            )
            for split in range(len(candidates[0]))
        ]


def select(
    candidates: Sequence[Predictions], held_out: HeldOut, n_steps: int = STEPS
) -> Selection:
    """Return the ensemble that grows by the candidate that raises its score the most.

    With replacement, and cut at the first best score (Caruana et al. 2004). Of equal
    candidates the earlier is picked. The log loss selects for scores of labels other
    than the accuracy, for which `tune` fits the decision afterwards.
    """
    # On fewer rows if the selection would take too long.
    scorer = selection_scorer(held_out)
    expected = len(candidates) * n_steps * scorer.row_seconds * held_out.n_rows
    stride = min(math.ceil(expected / SECONDS), held_out.n_rows // LEAST_ROWS)
    sample, rows = held_out.subsample(max(1, stride))
    scorer = selection_scorer(sample)
    features = np.stack([scorer.feature(_rows_of(p, rows)) for p in candidates])
    each = scorer.call_seconds + scorer.row_seconds * sample.n_rows
    n_best = max(LEAST_CANDIDATES, int(SECONDS / (n_steps * each)))
    n_start = min(MOST_START, START // held_out.n_rows, len(features) // 3, n_steps)
    picks = _greedy(scorer, features, n_steps, n_start, n_best)
    # The fitness after each step, on all rows.
    fitness, total, scores = fitness_scorer(held_out), 0.0, []
    for i, pick in enumerate(picks, 1):
        total = total + fitness.feature(np.concatenate(candidates[pick]))
        scores.append(float(fitness.score(total[None] / i)[0]))
    return Selection(tuple(picks), tuple(scores))


def tune(ensemble: Predictions, held_out: HeldOut) -> Decision:
    """Return the decision that suits the scores that the fitness is made of.

    Offsets for scores of labels other than the accuracy, a temperature for the log
    loss; else the most probable label and the average as it is.
    """
    if held_out.labels is None:
        return PLAIN
    stride = max(1, held_out.n_rows // TUNED)
    held_out, rows = held_out.subsample(stride)
    ensemble = [part[r] for part, r in zip(ensemble, rows, strict=True)]
    scorers = held_out.objectives.only_fitness.scorers_by_name.values()
    functions = [scorer._score_func for scorer in scorers]
    if log_loss in functions:
        return Decision(temperature=_temperature(ensemble, held_out))
    if held_out.scores_labels and accuracy_score not in functions:
        return _offsets(ensemble, held_out)
    return PLAIN


def _rows_of(predictions: Predictions, rows: Sequence[Any]) -> np.ndarray:
    """Return some rows of each split, one after the other."""
    return np.concatenate([p[r] for p, r in zip(predictions, rows, strict=True)])


def _greedy(
    scorer: AverageScorer,
    features: np.ndarray,
    n_steps: int,
    n_start: int,
    n_best: int,
) -> list[int]:
    """Return the candidates picked: the best `n_start`, then one by one.

    Only the `n_best` candidates with the best scores of their own are tried. Picks end
    where the score is best, but not before the first ones.
    """
    alone = scorer.scores(features)
    order = np.argsort(-alone, kind="stable")
    if n_best < len(features):
        library = np.sort(order[:n_best])
        picks = _greedy(scorer, features[library], n_steps, n_start, n_best)
        return [int(library[pick]) for pick in picks]
    n_start = max(1, min(n_start, np.isfinite(alone).sum()))
    picks, scores = [], []
    total = np.zeros(features.shape[1:])
    for step in range(n_steps):
        if step < n_start:
            pick = order[step]
        else:
            pick = np.argmax(scorer.scores(features, total, step))
        total += features[pick]
        picks.append(int(pick))
        scores.append(scorer.scores(total[None] / len(picks))[0])
    return picks[: n_start + int(np.argmax(scores[n_start - 1 :]))]


def _temperature(ensemble: Predictions, held_out: HeldOut) -> float:
    """Return a temperature on the way to the one with the least held-out log loss."""
    p = np.concatenate(ensemble)
    scorer = selection_scorer(held_out)

    def loss(logarithm: float) -> float:
        decision = Decision(temperature=math.exp(logarithm))
        return -scorer.score(scorer.feature(decision.probabilities(p))[None])[0]

    best = minimize_scalar(loss, bounds=(-1, 1), method="bounded").x
    return math.exp(best * held_out.n_rows / (held_out.n_rows + HALF_WAY))


def _offsets(ensemble: Predictions, held_out: HeldOut) -> Decision:
    """Return offsets that raise the fitness, all of them multiples of one direction.

    The multiple is the mean of those that are best on all splits but one. If it does
    not raise the fitness on all splits, there are no offsets.
    """
    y = np.searchsorted(held_out.labels, np.concatenate(held_out.y))
    counts = np.bincount(y, minlength=len(held_out.labels))
    direction, steps = -np.log(np.maximum(counts, 1) / len(y)), PRIORS
    if len(counts) == 2:
        direction, steps = np.array([0.0, 1.0]), THRESHOLDS
    decisions = [Decision(tuple(step * direction)) for step in steps]
    scores = np.array([held_out.split_scores(ensemble, d) for d in decisions])
    # Noise would choose a lonely peak.
    padded = np.pad(scores, ((1, 1), (0, 0)), mode="edge")
    scores = (padded[:-2] + 2 * scores + padded[2:]) / 4
    several = scores.shape[1] > 1
    others = scores.sum(axis=1, keepdims=True) - scores if several else scores
    best = np.mean([steps[_middle_of_best(column)] for column in others.T])
    tuned = Decision(tuple(best * direction))
    better = held_out.score(ensemble, tuned) > held_out.score(ensemble)
    return tuned if better else PLAIN


def _middle_of_best(scores: np.ndarray) -> int:
    best = np.flatnonzero(scores >= np.nanmax(scores) - TIE)
    return int(best[len(best) // 2])
