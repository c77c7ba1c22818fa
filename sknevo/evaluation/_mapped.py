"""Arrays that lie in a file already, and go to workers as the name of that file."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["by_name"]


def by_name(value: Any) -> Any:
    """Return a record whose memory-mapped arrays pickle as the name of their file.

    Parameters
    ----------
    value : object
        A dataclass; others are returned as they are.

    Returns
    -------
    object
        To be pickled: loaded, it is as the value was, mapped read-only.
    """
    if not is_dataclass(value):
        return value
    mapped = {
        field.name: InFile.of(array, file)
        for field in fields(value)
        if isinstance(array := getattr(value, field.name), np.ndarray)
        and (file := _file_of(array)) is not None
    }
    return replace(value, **mapped)


def _file_of(array: np.ndarray) -> np.memmap | None:
    """Return the mapped file that an array is a view of, None if there is none.

    Of one that is open for writing the file may lag behind, and what was mapped
    copy-on-write may differ from it.
    """
    if array.dtype.hasobject:
        return None
    file = None
    while array is not None:
        if isinstance(array, np.memmap):
            file = array  # the outermost: views of it are memmaps too
        array = getattr(array, "base", None)
    if file is None or file.mode != "r" or file.filename is None:
        return None
    return file if Path(file.filename).exists() else None


@dataclass(frozen=True)
class InFile:
    """Where in a file an array lies; pickles as something that maps it.

    Parameters
    ----------
    path : str
        The file.
    start, size : int
        The bytes of it that are mapped.
    offset : int
        Where in them the array begins.
    dtype : dtype
        Of the array.
    shape, strides : tuple of int
        Of the array.
    """

    path: str
    start: int
    size: int
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, array: np.ndarray, file: np.memmap) -> "InFile":
        """Return where an array lies that is a view of a mapped file.

        Parameters
        ----------
        array : ndarray
            The view.
        file : memmap
            The whole.

        Returns
        -------
        InFile
        """
        begin = np.lib.array_utils.byte_bounds(file)[0]
        return cls(
            str(file.filename),
            file.offset,
            file.nbytes,
            array.__array_interface__["data"][0] - begin,
            array.dtype,
            array.shape,
            array.strides,
        )

    def __reduce__(self) -> tuple[Callable[..., np.ndarray], tuple]:
        return _mapped, tuple(getattr(self, field.name) for field in fields(self))


def _mapped(
    path: str,
    start: int,
    size: int,
    offset: int,
    dtype: np.dtype,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
) -> np.ndarray:
    file = np.memmap(path, np.uint8, "r", start, (size,))
    first = np.ndarray((), dtype, file, offset)
    return as_strided(first, shape, strides, writeable=False)
