"""How long trials take, judged by those that have ended."""

import statistics
from collections import deque

from sknevo.records import Evaluation

__all__ = ["Pace"]

# So many of the last are judged by.
MEMORY = 50
# Who is judged by a single other has the benefit of the doubt: it may take so much
# less time. Of two half as much less, of many nearly none. The first trial of all is
# slow, as workers are still being started, and whoever is left out for that is lost,
# while whoever is begun and takes too long can be stopped.
DOUBT = 0.5


class Pace:
    """How many seconds fits take for each that was thought, and scoring beside them.

    Scoring costs about the same after a long fit as after a short one, so that it is no
    part of the ratio.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> pace = Pace()
    >>> fast = Evaluation(Chromosome({}), "ok", fit_times=(3.0,), score_times=(1.0,))
    >>> pace.learn(fast, cost=2.0)
    >>> pace.seconds(20.0)  # 1.5 x 20 / (1 + DOUBT) + 1
    21.0
    """

    def __init__(self) -> None:
        # Of each: seconds of a fit for one that was thought, and of scoring.
        self._seen: deque[tuple[float, float]] = deque(maxlen=MEMORY)

    @property
    def known(self) -> bool:
        """Whether anything can be said."""
        return bool(self._seen)

    def learn(self, evaluation: Evaluation, cost: float) -> None:
        """Take notice of a trial that has succeeded.

        Parameters
        ----------
        evaluation : Evaluation
            With its times.
        cost : float
            Seconds that a fit was thought to take; 0 if that could not be told.
        """
        if cost:
            fit = statistics.fmean(evaluation.fit_times)
            self._seen.append((fit / cost, statistics.fmean(evaluation.score_times)))

    def seconds(self, cost: float) -> float:
        """Return roughly how long a fit and its scoring take on one split.

        Parameters
        ----------
        cost : float
            Seconds that the fit is thought to take; 0 if nothing is to be done.

        Returns
        -------
        float
            0 if nothing is known.
        """
        seen = [*self._seen]  # joblib's threads ask while others are heard
        if not cost or not seen:
            return 0.0
        ratio, scoring = map(statistics.median, zip(*seen, strict=True))
        return ratio / (1 + DOUBT / len(seen)) * cost + scoring
