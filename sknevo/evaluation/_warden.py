"""What ends a trial that does not end by itself: native code, or too much memory.

Whoever runs a trial in a worker process leaves a note of it in the folder of the shared
data. The warden, a thread of the parent, reads the notes and ends the workers whose
time is over or whose memory is too large. The notes that are left when a worker has
died say who was in the workers then.

Who kills its worker is to be given up; who was in one that somebody else has killed is
not: an administrator, a scheduler that takes a node back. How the worker ended, and
whether the system has run out of memory since, tells the one from the other.
"""

import ctypes
import functools
import json
import math
import multiprocessing
import os
import re
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from joblib.externals.loky import process_executor
from joblib.externals.loky.process_executor import (
    ShutdownExecutorError,
    TerminatedWorkerError,
)

from sknevo.evaluation._shared import Shared

__all__ = [
    "Inquest",
    "Warden",
    "keep_worker",
    "noted",
    "the_workers_ended",
    "tidy_worker",
]

# Seconds between two looks, and those that a worker may take to end by itself.
PERIOD, GRACE = 0.05, 0.2
# Whose worker dies so often while nobody else is tried is guilty of it, as far as
# anybody can tell.
MOST_DEATHS = 3
# Who was there so often when a worker was killed from outside is suspected after all:
# a search has to end, whatever an individual does. A long one may be hit often.
MOST_KILLS = 30
# Where Linux tells of processes.
PROCESSES = Path("/proc")
# Folders that the parent of this worker would leave behind.
_temporary: list[str] = []


@contextmanager
def noted(folder: str | None, name: str, until: float, status: str) -> Iterator[None]:
    """Leave a note of a trial while it runs in a process that runs nothing but trials.

    Parameters
    ----------
    folder : str or None
        Where; None leaves none.
    name : str
        Of the candidate that is tried.
    until : float
        `time.time()` at which the trial must have ended.
    status : str
        Of the trial if it has not.
    """
    if folder is None or not _in_worker():
        yield
        return
    note = Path(folder) / f"{name}.note"
    with suppress(OSError):  # the disk is full: no fault of who is tried
        note.write_text(json.dumps([os.getpid(), until, status]))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def keep_worker(*folders: str | None) -> None:
    """See to it that this worker stays, if it is one, as long as its parent does.

    Where psutil is installed joblib replaces a worker that holds 300 MB more than after
    its first task, mapped files included. To import torch, or to read the data, is as
    much. What a worker may hold is up to `memory_limit`. A terminal sends Ctrl-C to
    workers as well: it is the parent that has to answer.

    Parameters
    ----------
    *folders : str or None
        Temporary ones of the parent, to be removed if it is killed.
    """
    if _in_worker():
        _temporary[:] = filter(None, folders)
        _stay()


@functools.cache
def _stay() -> None:
    process_executor._MAX_MEMORY_LEAK_SIZE = math.inf
    # A search that somebody else's worker runs has its trials in threads.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Not who it is now: the parent may be gone before a worker begins.
    parent = multiprocessing.parent_process().pid
    watch = threading.Thread(target=_end_after, args=(parent,), daemon=True)
    watch.start()


def _end_after(parent: int) -> None:
    """End this process once its parent is gone; joblib's would wait for minutes."""
    while os.getppid() == parent:
        time.sleep(1)
    for folder in _temporary:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def tidy_worker() -> None:
    """Give the system back what this worker, if it is one, holds and does not use.

    Networks of ever other sizes leave gaps of which the C library lets go only if it
    is told to.
    """
    if _in_worker() and (trim := _malloc_trim()) is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # another C library
        return None


def _in_worker() -> bool:
    """Whether this is a process that runs nothing but trials."""
    return multiprocessing.current_process().name.startswith("LokyProcess")


def the_workers_ended(error: RuntimeError) -> bool:
    """Whether joblib's workers died, or were shut down by another thread.

    All searches of a process have their workers in common. One that stops early, to
    target a score or by Ctrl-C, ends them, whoever is in there.
    """
    errors = (error, error.__context__)
    ends = (TerminatedWorkerError, ShutdownExecutorError)
    return any(isinstance(each, ends) for each in errors)


class Warden:
    """Ends workers whose trial takes too long or too much memory, inside a block.

    Parameters
    ----------
    data : Shared
        In whose folder, once there is one, the notes are.
    memory_limit : float or None, default=None
        Megabytes that a worker may hold.
    end : callable, default=never
        Returns the `time.time()` at which all must have ended: it may come earlier than
        was thought when a trial began, and its note was written.

    Attributes
    ----------
    verdicts : dict of str to (str, str)
        Name to status and reason of those that were ended.
    """

    def __init__(
        self,
        data: Shared,
        memory_limit: float | None = None,
        end: Callable[[], float] = lambda: math.inf,
    ) -> None:
        if memory_limit is not None:
            _resident(os.getpid())  # fails here if it cannot be told
        self.data = data
        self.memory_limit = memory_limit
        self.end = end
        self.verdicts: dict[str, tuple[str, str]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.in_workers()  # whose workers were ended before
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def in_workers(self) -> list[str]:
        """Return the names of those whose notes are there, and forget the notes.

        To be asked when workers have died.
        """
        notes = self._notes()
        for note in notes:
            note.unlink(missing_ok=True)
        return [note.stem for note in notes]

    def _notes(self) -> list[Path]:
        folder = self.data.folder
        return [] if folder is None else sorted(Path(folder).glob("*.note"))

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            for note in self._notes():
                try:
                    pid, until, status = json.loads(note.read_text())
                except (OSError, ValueError):  # just written, or just removed
                    continue
                until, status = min((until, status), (self.end(), "unfinished"))
                held = 0 if self.memory_limit is None else _resident(pid) / 2**20
                if time.time() > until + GRACE:
                    self.condemn(note.stem, status, "stopped by force: time was over")
                elif held > (self.memory_limit or math.inf):
                    limit = f"memory_limit={self.memory_limit:g}"
                    reason = f"stopped by force: {held:.0f} MB in its worker, {limit}"
                    self.condemn(note.stem, "memory", reason)
                if note.stem in self.verdicts:
                    _end(pid)

    def condemn(self, name: str, status: str, reason: str) -> None:
        """Note why an individual is to be given up, the first reason only."""
        self.verdicts.setdefault(name, (status, reason))


class Inquest:
    """Finds out who it was when a worker has died.

    Parameters
    ----------
    n_workers : int
        How many are tried at a time.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._suspects: list[str] = []
        self._deaths: Counter[str] = Counter()
        self._kills: Counter[str] = Counter()
        self._shortages = _shortages()

    def alone(self) -> list[str]:
        """Return who is to be tried alone, nobody if there is no suspect."""
        return self._suspects[:1]

    def acquit(self, waiting: Container[str]) -> None:
        """Suspect none but those that still wait for a result."""
        self._suspects = [name for name in self._suspects if name in waiting]

    def verdicts(
        self, death: Exception, names: list[str], warden: Warden, over: bool
    ) -> list[tuple[str, tuple[str, str]]]:
        """Return name, status and reason of those that are given up.

        Parameters
        ----------
        death : Exception
            What joblib says of it.
        names : list of str
            Names of those that were tried, in the order in which they began.
        warden : Warden
            Who watched over them.
        over : bool
            Whether the time of the search is over.
        """
        there = warden.in_workers()
        from_outside = self._is_from_outside(death)
        if over:
            for name in there:
                warden.condemn(name, "unfinished", "stopped as time was over")
        elif not warden.verdicts:
            there = there or names[: self.n_workers]
            if not (from_outside and self._bad_luck(there)):
                self._accuse(there, warden)
        return list(warden.verdicts.items())

    def _is_from_outside(self, death: Exception) -> bool:
        """Whether a worker was killed, and not since there was no memory left."""
        before, self._shortages = self._shortages, _shortages()
        if not isinstance(death, TerminatedWorkerError):  # another thread has
            return True
        exit_codes = re.findall(r"\((-?\d+)\)", str(death))
        killed = bool(exit_codes) and all(int(code) == -9 for code in exit_codes)
        return killed and before is not None and before == self._shortages

    def _bad_luck(self, there: list[str]) -> bool:
        """Whether it is credible that those who were there did not do it."""
        self._kills.update(there)
        return all(self._kills[name] <= MOST_KILLS for name in there)

    def _accuse(self, there: list[str], warden: Warden) -> None:
        """Suspect all who were there; condemn who was alone too often."""
        if not self._suspects:
            self._suspects = there
            return
        for name in set(self.alone()).intersection(there):
            self._deaths[name] += 1
            if self._deaths[name] == MOST_DEATHS:
                warden.condemn(name, "error", "the worker died")


def _end(pid: int) -> None:
    with suppress(OSError):  # it ended in the meantime
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _resident(pid: int) -> int:
    """Return the bytes of memory that a process holds, 0 if there is none."""
    if not PROCESSES.exists():  # not Linux
        import psutil

        try:
            return psutil.Process(pid).memory_info().rss
        except psutil.Error:
            return 0
    try:
        pages = int((PROCESSES / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _shortages() -> int | None:
    """Return how many processes Linux has ended as memory ran out, None elsewhere."""
    try:
        text = (PROCESSES / "vmstat").read_text()
    except OSError:
        return None
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None
