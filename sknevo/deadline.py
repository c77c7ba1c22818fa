"""When a trial must end, and the exceptions that end it before its last split.

The search decides on a `Deadline` before a trial begins. Where the trial begins, on its
worker, `Deadline.limit` makes a `Limit` of it, and the trial runs inside
`must_end_by(limit.until)`. Loops inside it (boosting rounds, epochs) call
`check_deadline` once per turn, which raises `DeadlineReached` if it is too late. So a
trial and a loop need not know of each other, and a loop that runs outside a trial is
never stopped. A trial without prospects raises `TrialPruned`.

Training that can stop early with a usable model does so once `is_training_over`. That
is before the deadline, or, if an earlier trial is repeated (`training_for`), after as
many rounds as that one trained.
"""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

from sknevo.records import Status

# Wall-clock time rather than a monotonic clock: workers on other machines share it.
_deadline: ContextVar[float] = ContextVar("sknevo_deadline", default=math.inf)
_training_end: ContextVar[float] = ContextVar("sknevo_training", default=math.inf)
_most_rounds: ContextVar[float] = ContextVar("sknevo_rounds", default=math.inf)


class DeadlineReached(TimeoutError):
    """The deadline of a trial has passed."""


class TrialPruned(Exception):
    """A trial has no prospects; the message says why."""

    status: Status = "pruned"


class Limit(NamedTuple):
    """When a trial that has begun must end, and its status if it does not.

    Parameters
    ----------
    until : float, default=inf
        `time.time()` by which it must have ended.
    status : str, default="unfinished"
        Its status if it has not.
    training_seconds : float, default=inf
        Seconds of training, all splits together, after which models that can stop
        early do so.
    """

    until: float = math.inf
    status: Status = "unfinished"
    training_seconds: float = math.inf


@dataclass(frozen=True)
class Deadline:
    """When a trial that has not begun must end: a moment, or a share of what is left.

    A share, since the refit of a candidate takes a multiple of the seconds of its
    trial: both fit into the time that is left only if the trial takes no more than its
    share.

    Parameters
    ----------
    end : float, default=inf
        `time.time()` by which the trial must have ended.
    share : float, default=1
        Share of the seconds between the beginning of the trial and `until` that it may
        take.
    until : float, default=inf
        `time.time()` that the share is counted to.
    training_seconds : float, default=inf
        As in `Limit`.

    Examples
    --------
    >>> import time
    >>> Deadline(end=1000.0).end_if_begun_now()
    1000.0
    >>> half = Deadline(share=0.5, until=time.time() + 60)
    >>> round(half.end_if_begun_now() - time.time())
    30
    """

    end: float = math.inf
    share: float = 1.0
    until: float = math.inf
    training_seconds: float = math.inf

    def end_if_begun_now(self) -> float:
        """Return the `time.time()` at which a trial that begins now must have ended."""
        now = time.time()
        return min(self.end, now + self.share * (self.until - now))

    def limit(self, max_seconds: float | None = None) -> Limit:
        """Return the limit of a trial that begins now and may take `max_seconds`."""
        training_seconds = self.training_seconds
        limit = Limit(self.end_if_begun_now(), training_seconds=training_seconds)
        if max_seconds is None:
            return limit
        own_end = time.time() + max_seconds
        return min(limit, Limit(own_end, "timeout", training_seconds))


def must_end_by(moment: float) -> AbstractContextManager[None]:
    """Stop the loops inside this block once `time.time()` passes `moment`.

    Parameters
    ----------
    moment : float
        Seconds since the epoch; infinity sets no limit.

    Examples
    --------
    >>> from sknevo.deadline import check_deadline, must_end_by
    >>> with must_end_by(float('inf')):
    ...     check_deadline()
    """
    return _set_inside(_deadline, moment)


def training_until(moment: float) -> AbstractContextManager[None]:
    """Have training inside this block end early once `time.time()` passes `moment`.

    Parameters
    ----------
    moment : float
        Seconds since the epoch; infinity sets no limit.

    Examples
    --------
    >>> from sknevo.deadline import is_training_over, training_until
    >>> with training_until(0.0):
    ...     is_training_over()
    True
    """
    return _set_inside(_training_end, moment)


def training_for(rounds: int) -> AbstractContextManager[None]:
    """Have training inside this block end after so many rounds at the latest.

    Parameters
    ----------
    rounds : int
        Boosting rounds, epochs or trees, whatever is trained.

    Examples
    --------
    >>> from sknevo.deadline import is_training_over, training_for
    >>> with training_for(3):
    ...     is_training_over(2), is_training_over(3)
    (False, True)
    """
    return _set_inside(_most_rounds, rounds)


@contextmanager
def _set_inside(variable: ContextVar[float], value: float) -> Iterator[None]:
    """Set a variable inside this block, and as it was before after it."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def is_training_over(rounds: int = 0) -> bool:
    """Return whether training should end and keep what `rounds` have learned so far."""
    return time.time() > _training_end.get() or rounds >= _most_rounds.get()


def check_deadline() -> None:
    """Raise `DeadlineReached` if the deadline of the surrounding block has passed."""
    if time.time() > _deadline.get():
        raise DeadlineReached("the time given to this trial is over")
