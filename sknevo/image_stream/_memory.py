"""What was computed of each image: on disk, for all processes of a search."""

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from sknevo.data_checks import fingerprint
from sknevo.deadline import check_deadline

# Images that are computed at a time. Chosen, not measured.
BLOCK = 32
# Bytes on disk, and no more than a share of what is free; beyond it what was used least
# recently is dropped. Chosen, not measured.
MOST_BYTES, FREE_SHARE = 4 * 2**30, 0.5
# Processes that need the same begin at so many different places. Chosen, not measured.
PLACES = 7

Compute = Callable[[np.ndarray], np.ndarray]


class Memory:
    """Rows of numbers for images, computed once for each key and mapped by all.

    The folder is temporary: it goes with the object that made it. Processes that need
    the same rows share the work. One that does not see the folder has its own.

    Parameters
    ----------
    n_rows : int
        Number of rows for a key.

    Examples
    --------
    >>> memory = Memory(5)
    >>> memory.rows("square", np.array([1, 3]), lambda rows: rows[:, None] ** 2.0)
    array([[1.],
           [9.]], dtype=float32)
    """

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self.folder = Path(tempfile.mkdtemp(prefix="sknevo-"))
        self._remove_at_end()

    def _remove_at_end(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def rows(self, key: str, rows: np.ndarray, compute: Compute) -> np.ndarray:
        """Return what `compute` makes of rows; those that are known are read.

        Parameters
        ----------
        key : str
            Says what is computed.
        rows : ndarray of int of shape (n,)
            Numbers of rows, each of which may come several times.
        compute : callable
            Gets numbers of rows and returns an array of numbers with a row for each.
        """
        folder = self.folder / fingerprint(key)
        files = self._opened(folder) or self._made(folder, rows, compute)
        if files is None:
            return computed(rows, compute)
        values, done = files
        missing = np.unique(rows[~done[rows]])
        place = (os.getpid() + threading.get_ident()) % PLACES
        missing = np.roll(missing, place * len(missing) // PLACES)
        for begin in range(0, len(missing), BLOCK):
            block = missing[begin : begin + BLOCK]
            block = block[~done[block]]  # another process may have been there
            if len(block):
                check_deadline()
                values[block] = compute(block)
                done[block] = True
        return np.asarray(values)[rows]

    def _opened(self, folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
        try:
            os.utime(folder)
            return tuple(np.load(folder / name, "r+") for name in NAMES)
        except FileNotFoundError:
            return None

    def _made(
        self, folder: Path, rows: np.ndarray, compute: Compute
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Return new files; None if there is no room for them."""
        first = compute(rows[:1])
        shapes = (self.n_rows, first.shape[1]), (self.n_rows,)
        if not self.folder.exists():
            self.folder.mkdir(exist_ok=True)
            self._remove_at_end()
        if not self._has_room(4 * self.n_rows * (1 + first.shape[1])):
            return None
        part = Path(tempfile.mkdtemp(dir=self.folder))
        for name, shape, kind in zip(NAMES, shapes, (np.float32, bool), strict=True):
            open_memmap(part / name, "w+", kind, shape).flush()
        try:
            part.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(part)
        return self._opened(folder)

    def _has_room(self, n_bytes: int) -> bool:
        """Return whether there is room, after what was used long ago is dropped."""
        free = shutil.disk_usage(self.folder).free
        most = min(MOST_BYTES, FREE_SHARE * free)
        if n_bytes > most:
            return False
        used = sorted(self.folder.iterdir(), key=lambda one: one.stat().st_mtime)
        sizes = {one: sum(f.stat().st_size for f in one.iterdir()) for one in used}
        while used and n_bytes + sum(sizes.values()) > most:
            oldest = used.pop(0)
            del sizes[oldest]
            shutil.rmtree(oldest, ignore_errors=True)
        return True


# The files of a key: the rows, and which of them are computed.
NAMES = ("values.npy", "done.npy")


def computed(rows: np.ndarray, compute: Compute) -> np.ndarray:
    """Return what is computed of rows, a block at a time."""
    blocks = []
    for begin in range(0, len(rows), BLOCK):
        check_deadline()
        blocks.append(compute(rows[begin : begin + BLOCK]))
    return np.concatenate(blocks).astype(np.float32, copy=False)
