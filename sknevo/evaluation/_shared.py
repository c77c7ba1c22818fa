"""Data that reach each worker once: in a file that is mapped there."""

import functools
import platform
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import joblib
import numpy as np
from filelock import FileLock
from numpy.lib.stride_tricks import as_strided
from scipy.sparse import issparse

# Fitted preparations kept per process; beyond it the least recently used are dropped.
# Those of a long table are not kept: to prepare them takes little beside training, and
# each process would hold a copy. Chosen, not measured.
CACHE_BYTES = 128 * 2**20
FILE = "value.joblib"
# Seconds that a worker waits for data.
PATIENCE = 300
# Stands for a value that has not been read yet.
UNREAD = object()


class DataNotHere(RuntimeError):
    """A worker does not see the file of the data."""


class Parcel(Protocol):
    """The file of the data on its way to workers that do not see it."""

    def open(self) -> np.ndarray:
        """Return its bytes, in a worker."""


class DaskParcel:
    """Bytes on a Dask cluster, which keeps them as long as the first parcel lives."""

    def __init__(self, future: Any) -> None:
        self.future = future  # or its key, once it has travelled

    def __reduce__(self) -> tuple[type["DaskParcel"], tuple[str]]:
        return DaskParcel, (getattr(self.future, "key", self.future),)

    def open(self) -> np.ndarray:
        from distributed import Future, get_client

        future = Future(self.future, client=get_client(), state="memory")
        return future.result(timeout=PATIENCE)


@dataclass(frozen=True)
class RayParcel:
    """Bytes in the object store of Ray."""

    ref: Any

    def open(self) -> np.ndarray:
        import ray

        return ray.get(self.ref, timeout=PATIENCE)


class Shared:
    """A value that pickles as the name of a file.

    It is written to a temporary `folder` when it is first sent to a worker. Each worker
    loads it once, its arrays memory-mapped. An array that is a mapped file already is
    not written again. A worker that does not see the file reads the `parcel`, if there
    is one, and writes it once per machine. `close` removes the folder.

    Examples
    --------
    >>> import pickle
    >>> shared = Shared([1, 2, 3])
    >>> pickle.loads(pickle.dumps(shared)).value
    [1, 2, 3]
    >>> shared.close()
    """

    def __init__(self, value: Any) -> None:
        self._value = value
        self.folder: str | None = None
        self.parcel: Parcel | None = None
        self._lock = threading.Lock()
        self._cache: OrderedDict[Hashable, Any] = OrderedDict()
        self._cache_bytes = 0

    @property
    def value(self) -> Any:
        """The value; in a worker it is read when it is first asked for."""
        if self._value is UNREAD:
            with self._lock:
                if self._value is UNREAD:
                    self._value = self._read()
        return self._value

    def __reduce__(self) -> tuple[Callable[..., "Shared"], tuple]:
        with self._lock:
            if self.folder is None:
                self.folder = tempfile.mkdtemp(prefix="sknevo-")
                # Without a call of `close` the folder goes when the process ends.
                weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
                joblib.dump(by_name(self._value), Path(self.folder) / FILE)
        return _load, (self.folder, self.parcel)

    def content(self) -> np.ndarray:
        """Return the bytes of a file that holds the value and names no other file."""
        with tempfile.TemporaryDirectory(prefix="sknevo-") as folder:
            path = Path(folder) / FILE
            joblib.dump(self.value, path)
            return np.fromfile(path, np.uint8)

    def _read(self) -> Any:
        path = Path(self.folder) / FILE
        try:
            if path.exists():
                # Mapped: all workers of this machine share one copy in memory.
                return joblib.load(path, mmap_mode="r")
        except FileNotFoundError:  # a mapped file that it names
            pass
        if self.parcel is None:
            raise DataNotHere(
                f"a worker on {platform.node()!r} does not see {str(path)!r}, where "
                "the data are. Let TMPDIR name a folder that all workers see, or use "
                "joblib's backends for Dask or Ray, which bring the data along."
            )
        return joblib.load(self._unpacked(), mmap_mode="r")

    def _unpacked(self) -> Path:
        """Write the parcel once where all workers of this machine see it."""
        folder = Path(tempfile.gettempdir()) / f"{Path(self.folder).name}-unpacked"
        # For this user only: the data may be private.
        folder.mkdir(mode=0o700, exist_ok=True)
        # Other workers have the file open, or unpack it again.
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = folder / FILE
        with FileLock(folder / "lock"):
            if not path.exists():
                partial = path.with_suffix(".part")
                try:
                    self.parcel.open().tofile(partial)
                except Exception as fault:
                    raise DataNotHere(f"data got lost on their way: {fault}") from fault
                # Renamed as a whole: no worker maps half a file.
                partial.rename(path)
        return path

    def computed(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """Return the tuple that `compute` returns for this key, computed once."""
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        # Outside the lock: other threads compute other keys meanwhile.
        result = compute()
        for array in _arrays(result):
            # A step that writes to its input would change that of other candidates.
            array.flags.writeable = False  # many read it
        with self._lock:
            # What is too large for the cache would only drop all others.
            if key not in self._cache and _nbytes(result) <= CACHE_BYTES:
                self._cache[key] = result
                self._cache_bytes += _nbytes(result)
            while self._cache_bytes > CACHE_BYTES:
                self._cache_bytes -= _nbytes(self._cache.popitem(last=False)[1])
        return result

    def close(self) -> None:
        """Forget what was computed and remove what was written."""
        self.parcel = None
        self._cache.clear()
        self._cache_bytes = 0
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


def _load(folder: str, parcel: Parcel | None = None) -> Shared:
    shared = _received(folder)
    shared.parcel = parcel
    return shared


@functools.lru_cache(maxsize=1)
def _received(folder: str) -> Shared:
    """Return the value of a folder; a process holds that of one search."""
    shared = Shared(UNREAD)
    shared.folder = folder
    return shared


def _nbytes(result: tuple[Any, ...]) -> int:
    return sum(array.nbytes for array in _arrays(result))


def _arrays(result: tuple[Any, ...]) -> Iterator[np.ndarray]:
    """Yield the arrays of a result, and those that its sparse matrices consist of."""
    for part in result:
        if isinstance(part, np.ndarray):
            yield part
        elif issparse(part):
            yield from (part.data, part.indices, part.indptr)


def by_name(value: Any) -> Any:
    """Return a dataclass in which mapped arrays pickle as the name of their file."""
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

    A file that is open for writing may lag behind, and copy-on-write may differ.
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
    """Where in a file an array lies; all numbers are bytes. Pickles as a map of it."""

    path: str
    start: int
    size: int
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, array: np.ndarray, file: np.memmap) -> "InFile":
        """Return where an array lies that is a view of a mapped file."""
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
        return _mapped, (vars(self),)


def _mapped(place: dict[str, Any]) -> np.ndarray:
    lies = InFile(**place)
    file = np.memmap(lies.path, np.uint8, "r", lies.start, (lies.size,))
    first = np.ndarray((), lies.dtype, file, lies.offset)
    return as_strided(first, lies.shape, lies.strides, writeable=False)
