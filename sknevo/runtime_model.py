"""How long trials take, learned from those that have ended."""

import itertools
import statistics
from collections import deque

from sknevo.records import Evaluation

# Trials of a family that the model remembers. With a single one it predicts less time
# than that took, by a factor of 1 + DOUBT; with two, half of the doubt is left. The
# first trial is slow while workers start, and a candidate that is skipped for that is
# lost, while one that takes too long can be stopped. With none it goes by the other
# families, if they are faster than predicted, and doubts that more: boosters of 2 to
# 200 classes took from a tenth to twice of what is predicted. Chosen, not measured.
MEMORY, DOUBT, DOUBT_OF_OTHERS = 50, 0.5, 2.0


class RuntimeModel:
    """Predicts the seconds of a fit and its scoring from those of ended trials.

    A builder has a formula for the seconds of a fit, here called the cost. Each family
    of candidates has a ratio of measured seconds to cost, by which costs are
    multiplied. Scoring takes about as long after a long fit as after a short one: it is
    added, and no part of the ratio.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> model = RuntimeModel()
    >>> model.observe(Evaluation(Chromosome({}), "ok", fit_times=(3.0,),
    ...                          score_times=(1.0,)), cost=2.0, family="svm")
    >>> model.seconds(20.0, "svm")  # 1.5 x 20 / (1 + DOUBT) + 1
    21.0
    >>> model.seconds(30.0, "forest")  # 30 / (1 + DOUBT_OF_OTHERS) + 1
    11.0
    """

    def __init__(self) -> None:
        # By family, of each trial: the ratio, and the seconds of scoring.
        self._trials: dict[str, deque[tuple[float, float]]] = {}

    @property
    def is_known(self) -> bool:
        """Whether there is anything to predict from."""
        return bool(self._trials)

    def observe(self, evaluation: Evaluation, cost: float, family: str = "") -> None:
        """Learn from a trial, of which each fit has this cost."""
        if cost:
            ratio = statistics.fmean(evaluation.fit_times) / cost
            trials = self._trials.setdefault(family, deque(maxlen=MEMORY))
            trials.append((ratio, statistics.fmean(evaluation.score_times)))

    def seconds(self, cost: float, family: str = "") -> float:
        """Return the seconds on one split, 0 if they cannot be predicted."""
        if not cost or not self._trials:
            return 0.0
        if trials := self._trials.get(family):
            ratio, scoring = map(statistics.median, zip(*trials, strict=True))
            return ratio / (1 + DOUBT / len(trials)) * cost + scoring
        others = itertools.chain(*self._trials.values())
        ratio, scoring = map(statistics.median, zip(*others, strict=True))
        # Short trials of others may have taken many times what was predicted.
        return min(1.0, ratio) / (1 + DOUBT_OF_OTHERS) * cost + scoring
