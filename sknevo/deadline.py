"""Deadlines of trials, and the exceptions that stop a trial before its end.

A trial sets a deadline. Loops inside it (boosting rounds, epochs) call `check_deadline`
once per turn. So neither needs to know the other, and a loop that runs outside a trial
is never stopped. A trial without prospects raises `TrialPruned`.

Training that can keep what it has learned so far may end early instead: once
`is_training_over`, which comes before the deadline. A trial that is repeated ends after
as many rounds as before.
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
    """The `time.time()` by which a trial must end, and its status if it does not.

    Fits that can end early do so after `training` seconds, all splits together.
    """

    until: float = math.inf
    status: Status = "unfinished"
    training: float = math.inf


@dataclass(frozen=True)
class Deadline:
    """A moment, or a share of the time that is left when a trial begins.

    Parameters
    ----------
    end : float, default=inf
        `time.time()` at which a trial must have ended.
    share, over : float, default=1 and inf
        It may take this share of the time that is left until the `time.time()` of
        `over`.
    training : float, default=inf
        Seconds after which fits that can end early do so, all splits together.

    Examples
    --------
    >>> import time
    >>> Deadline(end=1000.0).moment()
    1000.0
    >>> round(Deadline(share=0.5, over=time.time() + 60).moment() - time.time())
    30
    """

    end: float = math.inf
    share: float = 1.0
    over: float = math.inf
    training: float = math.inf

    def moment(self) -> float:
        """Return the `time.time()` at which a trial that begins now must have ended."""
        now = time.time()
        return min(self.end, now + self.share * (self.over - now))

    def limit(self, max_seconds: float | None = None) -> Limit:
        """Return the limit of a trial that begins now and may take `max_seconds`."""
        limit = Limit(self.moment(), training=self.training)
        if max_seconds is None:
            return limit
        return min(limit, Limit(time.time() + max_seconds, "timeout", self.training))


def deadline(moment: float) -> AbstractContextManager[None]:
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
    return _bound(_deadline, moment)


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
    return _bound(_training_end, moment)


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
    return _bound(_most_rounds, rounds)


@contextmanager
def _bound(variable: ContextVar[float], value: float) -> Iterator[None]:
    """Set a variable inside this block."""
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
