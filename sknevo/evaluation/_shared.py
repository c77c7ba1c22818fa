"""Data that reach a worker once: written when first sent, memory-mapped there."""

import functools
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import joblib
import numpy as np

__all__ = ["Shared"]

# Fitted preparations kept per process; beyond it the least recently used are dropped.
CACHE_BYTES = 512 * 2**20


class Shared:
    """A value that pickles as the name of a file.

    In the process that made it nothing is written or copied. The first time it is sent
    to a worker it is dumped to a temporary folder; each worker loads it once, arrays
    memory-mapped. `close` removes the folder.

    Parameters
    ----------
    value : object
        Anything that joblib dumps.

    Attributes
    ----------
    folder : str or None
        Where it was written, None as long as it has not been sent.

    Examples
    --------
    >>> import pickle
    >>> shared = Shared([1, 2, 3])
    >>> pickle.loads(pickle.dumps(shared)).value
    [1, 2, 3]
    >>> shared.close()
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self.folder: str | None = None
        self._lock = threading.Lock()
        self._cache: OrderedDict[Hashable, Any] = OrderedDict()
        self._cache_bytes = 0

    def __reduce__(self) -> tuple[Callable[[str], "Shared"], tuple[str]]:
        with self._lock:
            if self.folder is None:
                self.folder = tempfile.mkdtemp(prefix="sknevo-")
                # Should nobody call `close`: at the latest when the process ends.
                weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
                joblib.dump(self.value, Path(self.folder) / "value.joblib")
        return _load, (self.folder,)

    def computed(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returned for this key, computing it if need be.

        Parameters
        ----------
        key : hashable
            Names the result.
        compute : callable
            Makes the result: a tuple whose arrays count against the cache's size.

        Returns
        -------
        object
        """
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        result = compute()
        for part in result:
            if isinstance(part, np.ndarray):
                part.flags.writeable = False  # many are going to read it
        with self._lock:
            if key not in self._cache:
                self._cache[key] = result
                self._cache_bytes += _nbytes(result)
            while self._cache_bytes > CACHE_BYTES:
                self._cache_bytes -= _nbytes(self._cache.popitem(last=False)[1])
        return result

    def close(self) -> None:
        """Forget what was computed and remove what was written."""
        self._cache.clear()
        self._cache_bytes = 0
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


@functools.lru_cache(maxsize=1)
def _load(folder: str) -> Shared:
    """Load the value once per process; the next search's data replace it."""
    shared = Shared(joblib.load(Path(folder) / "value.joblib", mmap_mode="r"))
    shared.folder = folder
    return shared


def _nbytes(result: tuple[Any, ...]) -> int:
    return sum(part.nbytes for part in result if isinstance(part, np.ndarray))
