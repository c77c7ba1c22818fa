"""One fit in a process of its own: its time, memory and cores, and its end."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Seconds between two looks at a process. Linux counts all its pages to tell its memory:
# four looks a second took 0.24 of two cores from a search with two workers.
INTERVAL = 1.0


@dataclass(frozen=True)
class Ended:
    """How a process ended: seconds, megabytes at most, and what went wrong or "".

    `course` holds, look by look, the `time.time()`, and the seconds that processors had
    worked until then: for the process and all that it started, and for anything.
    """

    seconds: float
    memory: float
    error: str
    course: tuple[tuple[float, float, float], ...]


def run(
    command: list[str],
    folder: Path,
    environ: dict,
    limit: float,
    look: Callable[[], object] = lambda: None,
) -> Ended:
    """Run a command in a folder and end it, with all that it started, at the limit.

    `look` is called several times a second.
    """
    begin = time.perf_counter()
    with (folder / "log.txt").open("wb") as log:
        process = psutil.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        family = _Family(process, look)
        family.start()
        error = ""
        try:
            if code := process.wait(limit):
                error = f"exit code {code}: {_reason(folder)}"
        except psutil.TimeoutExpired:
            error = f"killed after {limit:.0f} s"
        finally:
            seconds = time.perf_counter() - begin
            family.end()
    return Ended(seconds, family.most, error, tuple(family.course))


class _Family(threading.Thread):
    """Watches the memory and work of a process and of all that descend from it."""

    def __init__(self, process: psutil.Process, look: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self.course: list[tuple[float, float, float]] = []
        self._callback = look
        self._process = process
        self._seen = {process}
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(INTERVAL):
            self._look()
            self._callback()
            own = sum(map(_worked, self._seen))
            self.course.append((time.time(), own, _worked_by_all()))
            self.most = max(self.most, sum(map(_megabytes, self._seen)))

    def _look(self) -> None:
        # Those that outlive their parent are children of another process later.
        with suppress(psutil.NoSuchProcess):
            self._seen.update(self._process.children(recursive=True))

    def end(self) -> None:
        """Kill those that still run."""
        self._ended.set()
        self.join()
        self._look()
        for process in self._seen:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._seen, timeout=10)


def _megabytes(process: psutil.Process) -> float:
    """Return the memory of a process; what several share is divided among them."""
    with suppress(psutil.Error, OSError):
        return process.memory_full_info().pss / 2**20
    return 0.0


def _worked(process: psutil.Process) -> float:
    """Return the seconds that a process has worked, with its children that ended."""
    with suppress(psutil.Error, OSError):
        times = process.cpu_times()
        own, children = times.user + times.system, times.children_user
        return own + children + times.children_system
    return 0.0


def _worked_by_all() -> float:
    """Return the seconds that all processors of the machine have worked."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def environ_for(paths: list[Path]) -> dict[str, str]:
    """Return the environment of a child: threads and paths are not inherited."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_NUM_THREADS") and not name.startswith("PYTHON")
    }
    offline = {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(map(str, paths))}
    return {**inherited, **offline}


def _reason(folder: Path) -> str:
    """Return why a child failed: its exception, or the last that it printed."""
    for name in ("error.txt", "log.txt"):
        path = folder / name
        if path.exists() and (text := path.read_text(errors="replace").strip()):
            return text.splitlines()[0 if name == "error.txt" else -1][:200]
    return ""


def result_of(folder: Path) -> dict:
    """Return what the child wrote about its fit, if it came so far."""
    path = folder / "result.json"
    return json.loads(path.read_text()) if path.exists() else {}
