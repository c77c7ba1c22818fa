"""A short name for data: the same for the same, in any process, on any machine."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["fingerprint"]


def fingerprint(*values: Any) -> str:
    """Hash data.

    Parameters
    ----------
    *values : array-like, sparse matrix, DataFrame, Series or plain JSON
        Of masked arrays the mask counts too. What has a `fingerprint` of its own, such
        as a stream of images, goes by that.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3))
    True
    >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3.0))
    False
    """
    digest = hashlib.sha256()
    for value in values:
        _feed(digest, value)
    return digest.hexdigest()[:16]


def _feed(digest: Any, value: Any) -> None:
    if hasattr(value, "iloc"):
        _feed_frame(digest, value)
    elif isinstance(value, np.ndarray):
        _feed_array(digest, value)
    elif hasattr(value, "tocsr"):
        rows = value.tocsr()
        _feed(digest, [rows.shape, rows.data, rows.indices, rows.indptr])
    elif isinstance(value, Mapping):
        _feed(digest, [[name, value[name]] for name in sorted(value)])
    elif isinstance(value, list | tuple):
        digest.update(f"{len(value)} items".encode())
        for item in value:
            _feed(digest, item)
    else:
        _feed_other(digest, value)


def _feed_array(digest: Any, array: np.ndarray) -> None:
    digest.update(f"{array.dtype} {array.shape}".encode())
    if isinstance(array, np.ma.MaskedArray):
        _feed_array(digest, np.ma.getmaskarray(array))
        array = np.ma.getdata(array)
    if array.dtype.hasobject:
        from pandas.util import hash_array

        array = hash_array(array.ravel(), categorize=False)
    digest.update(np.ascontiguousarray(array).view(np.uint8).data)


def _feed_other(digest: Any, value: Any) -> None:
    if hasattr(value, "fingerprint"):
        digest.update(value.fingerprint.encode())
    elif hasattr(value, "__array__"):  # a tensor, or an array of another library
        _feed(digest, [str(getattr(value, "dtype", "")), np.asarray(value)])
    else:
        digest.update(repr(value).encode())


def _feed_frame(digest: Any, frame: Any) -> None:
    """Hash values, names and types; where rows came from is no part of the data."""
    from pandas.util import hash_pandas_object

    names = list(getattr(frame, "columns", [getattr(frame, "name", None)]))
    kinds = list(map(str, np.atleast_1d(frame.dtypes)))
    _feed(digest, [names, kinds])
    _feed(digest, hash_pandas_object(frame, index=False).to_numpy())
