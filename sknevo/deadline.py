"""Why the work in hand stops before its end: time is over, or it promises nothing.

A trial sets a deadline; whatever loops inside it (boosting rounds, epochs) asks
`check_deadline` once per turn. So neither needs to know the other, and a loop that is
run outside a trial is never stopped. An individual that gives up raises `TrialPruned`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["DeadlineReached", "TrialPruned", "check_deadline", "deadline"]

# Wall-clock time rather than a monotonic clock: workers on other machines share it.
_deadline: ContextVar[float] = ContextVar("sknevo_deadline", default=float("inf"))


class DeadlineReached(TimeoutError):
    """The time that was given to a trial is over."""


class TrialPruned(Exception):
    """An individual gives up, and says why."""

    status = "pruned"


@contextmanager
def deadline(moment: float) -> Iterator[None]:
    """Stop the loops inside this block once `time.time()` passes `moment`.

    Parameters
    ----------
    moment : float
        Seconds since the epoch; infinity sets no limit.

    Examples
    --------
    >>> from sknevo.deadline import check_deadline, deadline
    >>> with deadline(float('inf')):
    ...     check_deadline()
    """
    token = _deadline.set(moment)
    try:
        yield
    finally:
        _deadline.reset(token)


def check_deadline() -> None:
    """Raise `DeadlineReached` if the deadline of the surrounding block has passed."""
    if time.time() > _deadline.get():
        raise DeadlineReached("the time given to this trial is over")
