"""Seconds that remembered results have saved a trial.

A trial that finds what an earlier one has computed in the same process takes less time
than its refit will elsewhere. So what remembers results notes the seconds that they
took at first, and the trial counts them. Neither needs to know of the other.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_saved: ContextVar[dict[Hashable, float] | None] = ContextVar(
    "sknevo_saved", default=None
)


@contextmanager
def counting_saved_seconds() -> Iterator[dict[Hashable, float]]:
    """Count the seconds that are noted inside, by what they were saved for.

    Yields
    ------
    dict of hashable to float
        Filled while the block runs.

    Examples
    --------
    >>> with counting_saved_seconds() as saved:
    ...     note_saved_seconds("counts", 2.0)
    ...     note_saved_seconds("counts", 2.0)
    >>> saved
    {'counts': 2.0}
    """
    saved: dict[Hashable, float] = {}
    token = _saved.set(saved)
    try:
        yield saved
    finally:
        _saved.reset(token)


def note_saved_seconds(key: Hashable, seconds: float) -> None:
    """Say how many seconds it has saved that a result was remembered.

    The first note of a result counts: one that is computed now saves nothing, though it
    is looked up again.

    Parameters
    ----------
    key : hashable
        Names the result.
    seconds : float
        0 if it is computed now.
    """
    saved = _saved.get()
    if saved is not None:
        saved.setdefault(key, seconds)
