"""What numpy drops without a word, or refuses without a name: masks, huge numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["plain_values"]


@contextmanager
def plain_values(name: str, values: Any) -> Iterator[None]:
    """Refuse what validation would drop without a word, name what it cannot convert.

    Parameters
    ----------
    name : str
        What the user calls the values.
    values : array-like
        What is validated inside the context. Masked arrays in which nothing is masked
        are welcome.

    Raises
    ------
    ValueError
        If a value is masked, or a number is larger than any float.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.validation import plain_values
    >>> with plain_values("X", [1, 2]):
    ...     np.asarray([1, 2], float)
    array([1., 2.])
    >>> with plain_values("X", [10**400]):
    ...     np.asarray([10**400], float)
    Traceback (most recent call last):
        ...
    ValueError: X contains a value too large for a float: int too large to convert ...
    """
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} has masked values: fill them, or set them to NaN where gaps are "
            "accepted."
        )
    try:
        yield
    except OverflowError as fault:
        raise ValueError(
            f"{name} contains a value too large for a float: {fault}."
        ) from fault
