"""What scikit-learn leaves to us: masks, huge numbers, a single sample."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

__all__ = ["check_enough", "plain_values"]


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


def check_enough(X: Any) -> None:
    """Refuse what cannot be split into a part to train on and one to test on.

    Parameters
    ----------
    X : array-like
        Samples.

    Raises
    ------
    ValueError
        If there are fewer than two.

    Examples
    --------
    >>> from sknevo.validation import check_enough
    >>> check_enough([[1.0, 2.0]])
    Traceback (most recent call last):
        ...
    ValueError: Found 1 sample; at least 2 samples are required to fit.
    """
    if (n := _num_samples(X)) < 2:
        raise ValueError(f"Found {n} sample; at least 2 samples are required to fit.")
