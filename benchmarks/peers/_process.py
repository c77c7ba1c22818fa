"""One fit in a process of its own: its time, its memory, and its end if it hangs."""

import json
import os
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Seconds between two looks at the memory.
INTERVAL = 0.25


@dataclass(frozen=True)
class Ended:
    """How a process ended: seconds, megabytes at most, and what went wrong or ""."""

    seconds: float
    memory: float
    error: str


def run(command: list[str], folder: Path, environ: dict, limit: float) -> Ended:
    """Run a command in a folder and end it, with all that it started, at the limit."""
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
        family = _Family(process)
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
    return Ended(seconds, family.most, error)


class _Family(threading.Thread):
    """Watches the memory of a process and of all that descend from it."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self._process = process
        self._seen = {process}
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(INTERVAL):
            self._look()
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
