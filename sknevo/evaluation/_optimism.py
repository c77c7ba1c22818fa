"""What the best of many noisy scores is worth on new data.

The best score is a maximum: it is high in part because the candidate is good, in part
because its held-out samples suited it. Here the best of each part of the held-out
samples is chosen by the other parts, and scored on its own: luck that decides the
choice is then not in the score. It is what nested cross-validation does, without a
further fit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sknevo.evaluation._averages import fitness_scorer
from sknevo.evaluation._held_out import HeldOut, Predictions
from sknevo.evaluation._scoring import Objectives
from sknevo.evaluation._trials import Trials
from sknevo.records import Evaluation

# A single split is cut into so many parts, of so many rows at most; so many of the best
# candidates are scored on them. Chosen so that the slowest scorers take a second, not
# measured.
PARTS, ROWS, RIVALS = 5, 2000, 20


class Expected(NamedTuple):
    """A score to expect on new data, and its standard error; NaN if not known."""

    score: float
    error: float


UNKNOWN = Expected(math.nan, math.nan)


def expected_score(
    best: Evaluation, evaluations: Sequence[Evaluation], trials: Trials
) -> Expected:
    """Return the score of the best without what the choice among many adds to it.

    With several splits they are the parts. The test part of a single one is cut into
    parts, on which the predictions that are kept for an ensemble are scored; without
    these the score is not known.
    """
    least_fidelity, _ = best.rank_key
    rivals = [e for e in evaluations if e.rank_key[0] >= least_fidelity]
    if trials.n_splits > 1:
        return corrected(_split_scores(rivals, trials.objectives))
    if trials.response is None:
        return UNKNOWN
    names = {rival.candidate.name for rival in rivals}
    kept = [e for e in trials.model_store.kept if e.candidate.name in names]
    predictions = [e.predictions for e in kept[:RIVALS]]
    if not predictions:
        return UNKNOWN
    scores = _part_scores(predictions, trials.held_out())
    expected = corrected(scores)
    # Parts may be few of the rows: they say how much less, not how much.
    optimism = scores.mean(axis=1).max() - expected.score
    return Expected(best.fitness - optimism, expected.error)


def corrected(scores: np.ndarray) -> Expected:
    """Return what the best is worth: chosen by all parts but one, scored on that one.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, n_parts)
        The higher, the better.

    Examples
    --------
    Three candidates that are equally good but for chance:

    >>> scores = np.array([[0.9, 0.7, 0.8], [0.7, 0.9, 0.8], [0.8, 0.8, 0.9]])
    >>> round(float(scores.mean(axis=1).max()), 3)
    0.833
    >>> round(corrected(scores).score, 3)
    0.733
    """
    n_candidates, n_parts = scores.shape
    if not n_candidates or n_parts < 2:
        return UNKNOWN
    others = scores.sum(axis=1, keepdims=True) - scores
    of_chosen = scores[others.argmax(axis=0), np.arange(n_parts)]
    error = of_chosen.std(ddof=1) / math.sqrt(n_parts)
    return Expected(float(of_chosen.mean()), float(error))


def _split_scores(
    evaluations: Sequence[Evaluation], objectives: Objectives
) -> np.ndarray:
    """Return the fitness of each evaluation on each split."""

    def of_splits(evaluation: Evaluation) -> list[float]:
        names, splits = evaluation.scores, zip(*evaluation.scores.values(), strict=True)
        return [objectives.fitness(dict(zip(names, s, strict=True))) for s in splits]

    return np.array([of_splits(one) for one in evaluations])


def _part_scores(candidates: Sequence[Predictions], held_out: HeldOut) -> np.ndarray:
    """Return the fitness of predictions on parts of the held-out rows of one split."""
    stride = max(PARTS, held_out.n_rows // ROWS)
    if held_out.labels is not None:  # each part has all classes
        _, counts = np.unique(held_out.y[0], return_counts=True)
        stride = min(stride, int(counts.min()))
    columns = []
    for offset in range(min(PARTS, stride)):
        part, (rows,) = held_out.subsample(stride, offset)
        form = fitness_scorer(part)
        stack = np.stack([form.feature(np.asarray(p)[rows]) for (p,) in candidates])
        columns.append(form.scores(stack))
    return np.stack(columns, axis=1)
