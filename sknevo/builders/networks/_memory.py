"""That a device has no memory left is said as Python says it of the machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["memory_errors"]


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError where torch has one of its own.

    Examples
    --------
    >>> import torch
    >>> with memory_errors():
    ...     raise torch.OutOfMemoryError("CUDA out of memory.")
    Traceback (most recent call last):
    ...
    MemoryError: CUDA out of memory.
    """
    try:
        yield
    except torch.OutOfMemoryError as shortage:
        raise MemoryError(str(shortage)) from shortage
