"""The memory of processes, and what they give back of it."""

import ctypes
import functools
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

# Where Linux describes processes.
PROCESSES = Path("/proc")
# What a worker frees it keeps until its trial ends: each batch of a training takes it
# again, and the system would have to fill it with zeros each time. Read by glibc alone,
# which allows 32 MB for the second; larger blocks go back at once.
KEEPING_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
}


def release_memory() -> None:
    """Give back what this process does not use, of a GPU too: other workers need it."""
    _malloc_trim()(0)
    if (torch := sys.modules.get("torch")) and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


@functools.cache
def _malloc_trim() -> Callable[[int], int]:
    """Return what gives the system back the memory that this process does not use.

    Networks of ever other sizes leave gaps, which glibc keeps until it is told.
    """
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # another C library
        return lambda pad: 0


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds, 0 if it has ended."""
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


def megabytes(pid: int) -> float:
    return resident(pid) / 2**20


def n_oom_kills() -> int | None:
    """Return how many processes Linux has ended as memory ran out, None elsewhere."""
    try:
        text = (PROCESSES / "vmstat").read_text()
    except OSError:
        return None
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None
