"""When a search stops, and what of its generations that depends on."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sknevo.records import Candidate, Evaluation

__all__ = ["STOPPING", "Generation", "Limits", "Span"]

# Most of the time that the finals may take: the rest is for the search.
FINALS_SHARE = 0.2
# They take a little longer than is thought rather than a little shorter.
FINALS_MARGIN = 1.15
# Seconds that it may take to stop all workers.
STOPPING = 1.0


@dataclass(frozen=True)
class Span:
    """The time that a trial has, whenever it begins.

    Parameters
    ----------
    end : float, default=inf
        `time.time()` at which it must have ended.
    share, over : float, default=1 and inf
        It may take such a share of the time that is left until `time.time()` is `over`.

    Examples
    --------
    >>> import time
    >>> from sknevo.limits import Span
    >>> Span(end=1000.0).until()
    1000.0
    >>> round(Span(share=0.5, over=time.time() + 60).until() - time.time())
    30
    """

    end: float = math.inf
    share: float = 1.0
    over: float = math.inf

    def until(self) -> float:
        """Return the `time.time()` at which a trial that begins now must have ended."""
        now = time.time()
        return min(self.end, now + self.share * (self.over - now))


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Parameters
    ----------
    generations : int or None, default=None
        Number of generations.
    target_score : float or None, default=None
        Stop as soon as an individual reaches it.
    n_iter_no_change : int or None, default=None
        Stop after so many generations without an improvement by more than `tol`.
    tol : float, default=1e-4
        What counts as an improvement.
    max_time : float or None, default=None
        Seconds from `started` to the end of the refit.
    started : float, default=now
        `time.time()` at which the clock began to run.
    refit_seconds : callable or None, default=None
        Says roughly how long the refit of an individual takes; None if there is none.
    refit_growth : callable or None, default=None
        Says, of a candidate that was not tried yet, roughly how many times as long as
        its fit on one split its refit takes.
    put_by : float, default=0
        The share of `max_time` that is kept for a refit while there is no winner.
    n_finalists : int, default=0
        So many of the best are tried again with other seeds before the winner is named:
        fewer, or none, if that took more than a fifth of `max_time`.
    n_workers : int, default=1
        How many are tried at a time.
    """

    generations: int | None = None
    target_score: float | None = None
    n_iter_no_change: int | None = None
    tol: float = 1e-4
    max_time: float | None = None
    started: float = field(default_factory=time.time)
    refit_seconds: Callable[[Evaluation], float] | None = None
    refit_growth: Callable[[Candidate], float] | None = None
    put_by: float = 0.0
    n_finalists: int = 0
    n_workers: int = 1

    def end_of_search(self, best: Evaluation | None) -> float:
        """Return the `time.time()` at which the finals of the best must begin."""
        finals = self._seconds_of_finals(self.finalists(best), best)
        return self.end_of_finals(best) - finals

    def end_of_finals(self, best: Evaluation | None) -> float:
        """Return the `time.time()` at which the refit of the best must begin."""
        if self.max_time is None:
            return math.inf
        refit = self.put_by * self.max_time
        if best is not None:
            refit = self.refit_seconds(best) if self.refit_seconds else 0.0
        return self.started + self.max_time - refit

    def finalists(self, best: Evaluation | None) -> int:
        """Return how many are tried again, fewer than 2 if there is no time for it."""
        n = self.n_finalists
        if self.max_time is not None:
            share = FINALS_SHARE * self.max_time
            while n > 1 and self._seconds_of_finals(n, best) > share:
                n -= 1
        return n

    def _seconds_of_finals(self, n: int, best: Evaluation | None) -> float:
        if best is None or n < 2:
            return 0.0
        return FINALS_MARGIN * math.ceil(n / self.n_workers) * best.seconds

    def chance(
        self, candidate: Candidate, n_splits: int, end: float = math.inf
    ) -> Span:
        """Return the time in which a trial that ends before `end` is of any use.

        However fit an individual turns out to be, its refit takes as much longer than
        its trial as that has more to do.
        """
        if self.max_time is None or self.refit_growth is None:
            return Span(end)
        share = n_splits / (n_splits + self.refit_growth(candidate))
        return Span(end, share, self.started + self.max_time)

    def affords(
        self,
        evaluation: Evaluation,
        instead: Evaluation | None = None,
        kept: bool = False,
    ) -> bool:
        """Return whether an individual may win, instead of another if there is one.

        Its refit must fit into the time that is left, or take no longer than the
        other's. If time was kept for it, a little less will do.
        """
        if self.max_time is None or self.refit_seconds is None:
            return True
        left = self.time_left() + (STOPPING if kept else 0.0)
        other = 0.0 if instead is None else self.refit_seconds(instead)
        return self.refit_seconds(evaluation) <= max(left, other)

    def reached(self, best: Evaluation | None) -> str:
        """Return why the search stops with this winner, or an empty string."""
        target = self.target_score
        if target is None or best is None or best.resource is not None:
            return ""  # in a race, what was not given all has not shown it yet
        if best.fitness < target:
            return ""
        return f"target_score={target:g} reached: {best.fitness:.6g}"

    def over(self, history: Sequence["Generation"]) -> str:
        """Return why the search stops after this generation, or an empty string."""
        if self.generations is not None and len(history) >= self.generations:
            return f"generations={self.generations} done"
        patience = self.n_iter_no_change
        if patience is not None and len(history) > patience:
            before = history[-patience - 1].best
            if not history[-1].best > before + self.tol:
                return f"no improvement by {self.tol:g} in {patience} generations"
        return ""

    def time_left(self) -> float:
        """Return the seconds that are left, infinity if there is no limit."""
        if self.max_time is None:
            return math.inf
        return self.started + self.max_time - time.time()


@dataclass(frozen=True)
class Generation:
    """What a generation has come to.

    Parameters
    ----------
    number : int
        Counted from 0.
    best, median : float
        Best fitness so far, and the median of those that succeeded in this generation.
    evaluated, cached, failed : int
        Individuals that were trained, that were known, and of the trained that failed.
    seconds : float
        Wall-clock time.
    """

    number: int
    best: float
    median: float
    evaluated: int
    cached: int
    failed: int
    seconds: float
