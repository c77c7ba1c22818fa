"""Workers that are processes of this machine: they can be killed one by one.

What goes through the pipe of a worker:

- to it: `Import`, while nothing else is known; `Setup`, once per search; `Task`, one at
  a time;
- from it: `Ready` after each setup; of each task the `Limit` as it begins, if it has
  one, and then its `Evaluation`, or an exception.
"""

import importlib
import math
import os
import pickle
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import connection, util
from typing import Any, NamedTuple

from joblib.externals.loky.backend import get_context
from joblib.externals.loky.backend.reduction import dumps  # by cloudpickle
from joblib.parallel import ParallelBackendBase
from sklearn import get_config

from sknevo.deadline import Deadline, Limit
from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._memory import (
    KEEPING_MEMORY,
    PROCESSES,
    megabytes,
    n_oom_kills,
    release_memory,
    resident,
)
from sknevo.evaluation._outcomes import POLL, Lost, Outcome, evaluate_safely
from sknevo.records import Candidate, Evaluation

# Seconds that a trial may take to end by itself once its deadline has passed: a batch
# of a network or a tree of a forest takes less.
GRACE = 0.2
# Seconds after which a worker without work exits, as joblib's do, and for how long the
# parent gives work to it: a little less, so that the two never collide.
IDLE, REUSED = 300, 290
# How often a candidate is tried again after its worker died, or was killed from outside
# (by an administrator, or a scheduler that takes a node back). A search has to end
# whatever a candidate does, and a long trial may be hit often: chosen, not measured.
MAX_DEATHS, MAX_KILLS = 2, 30
# Windows waits for 63 pipes at most.
MOST_WORKERS = 60 if sys.platform == "win32" else math.inf
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows both end at once


class Import(NamedTuple):
    """Tells a worker to import a module that individuals will need."""

    module: str


class Setup(NamedTuple):
    """What a worker evaluates candidates with: a search that is new to it."""

    # The pickled runner and configuration of scikit-learn.
    content: bytes
    # The folder of the data.
    folder: str | None


class Task(NamedTuple):
    """A candidate for a worker to evaluate, and when it must end."""

    candidate: Candidate
    deadline: Deadline


class Ready(NamedTuple):
    """Says that a worker has read its n-th setup, and the data."""

    n_setups: int
    # Megabytes that it holds before any trial.
    held: float


class ProcessPool:
    """Evaluates candidates in processes, and kills those that exceed their limits."""

    parallel = True

    def __init__(
        self, runner: TrialRunner, n_workers: int, memory_limit: float | None
    ) -> None:
        if memory_limit is not None:
            resident(os.getpid())  # fails here if it cannot be told
        self._runner, self._memory_limit = runner, memory_limit
        self._n_workers = int(min(n_workers, MOST_WORKERS))
        # Made once it is needed.
        self._setup: Setup | None = None
        self._free: list[Worker] = []
        self._busy: dict[str, Worker] = {}
        # How many workers in a row have died before they were ready.
        self._n_stillborn = 0
        self._n_oom_kills = n_oom_kills()

    @property
    def capacity(self) -> int:
        return self._n_workers - len(self._busy)

    def submit(self, candidate: Candidate, deadline: Deadline) -> None:
        if self._setup is None:
            content = bytes(dumps((self._runner, get_config())))
            self._setup = Setup(content, self._runner.data.folder)
            # All at once: they need seconds to start, and read the data then.
            self._free = [self._new_worker() for _ in range(self._n_workers)]
        if not self._free:  # one has died
            self._free.append(self._new_worker())
        worker = self._free.pop()
        worker.send(Task(candidate, deadline))
        self._busy[candidate.name] = worker

    def _new_worker(self) -> "Worker":
        worker = _take_worker(self._runner.threads)
        worker.send(self._setup)
        return worker

    def wait(self, end: float, timeout: float = POLL) -> list[Outcome]:
        workers = self._busy
        ready = connection.wait([w.pipe for w in workers.values()], timeout)
        outcomes: list[Outcome] = []
        for name, worker in workers.items():
            outcome = self._read(worker) if worker.pipe in ready else None
            if outcome is None:
                outcome = self._limit_exceeded(worker, end)
            if outcome is not None:
                outcomes.append((name, outcome))
        for name, outcome in outcomes:
            worker = workers.pop(name)
            if isinstance(outcome, Lost) or not worker.is_ready:
                worker.end()
            else:
                self._free.append(worker)
        return outcomes

    def _read(self, worker: "Worker") -> Evaluation | Lost | BaseException | None:
        """Read a message; return how the trial has ended, None if it has not."""
        try:
            message = pickle.loads(worker.pipe.recv_bytes())
        except (EOFError, OSError):
            return self._death_of(worker)
        match message:
            case Ready():
                self._n_stillborn = 0
                is_last = message.n_setups == worker.n_setups
                if is_last and (error := self._memory_error(message.held)):
                    return error  # it is not ready: its candidate is still to come
                worker.n_setups_read = message.n_setups
            case Limit():
                worker.limit = message
            case _:
                return message

    def _death_of(self, worker: "Worker") -> Lost | BaseException:
        """Return how often the candidate of a dead worker is tried, or an error."""
        worker.process.join(1)
        # Linux kills the largest process when memory runs out, and counts that. If the
        # count is the same, the candidate has no part in the kill.
        before, self._n_oom_kills = self._n_oom_kills, n_oom_kills()
        is_out_of_memory = before is None or before != self._n_oom_kills
        if worker.process.exitcode == -KILL and not is_out_of_memory:
            return Lost(retries=MAX_KILLS)  # killed from outside
        return self._startup_error(worker) or Lost(retries=MAX_DEATHS)

    def _startup_error(self, worker: "Worker") -> BaseException | None:
        """Return an error if worker after worker dies before it is ready."""
        if worker.is_ready:
            return None
        self._n_stillborn += 1
        if self._n_stillborn <= MAX_DEATHS:
            return None
        return RuntimeError(
            f"{self._n_stillborn} workers in a row ended before their first trial "
            f"(exit code {worker.process.exitcode}), while they imported what "
            "individuals need or read the data. What they have printed tells more, and "
            "n_jobs=1 shows the cause in this process."
        )

    def _memory_error(self, held: float) -> BaseException | None:
        """Return an error if a worker holds more than the limit before any trial."""
        if self._memory_limit is None or held <= self._memory_limit:
            return None
        return ValueError(
            f"memory_limit={self._memory_limit:g} (MB) must be more than what a worker "
            f"holds before its first trial: {held:.0f} MB."
        )

    def _limit_exceeded(self, worker: "Worker", end: float) -> Lost | None:
        """Return which limit a worker exceeds, so that it has to be killed."""
        until, status, _ = min(worker.limit, Limit(end))
        if time.time() > until + GRACE:
            cause = f"time was over{self._runner.exceeded(status)}"
            return Lost(status, f"stopped by force: {cause}")
        if self._memory_limit is not None and worker.is_ready:
            held = megabytes(worker.process.pid)
            if held > self._memory_limit:
                limit = f"memory_limit={self._memory_limit:g}"
                reason = f"stopped by force: {held:.0f} MB in its worker, {limit}"
                return Lost("memory", reason)
        return None

    def close(self) -> list[Outcome]:
        outcomes = self.wait(math.inf, 0) if self._busy else []
        for worker in self._busy.values():
            worker.end()
        _keep_idle(self._free)
        self._busy, self._free = {}, []
        return outcomes


class Worker:
    """A process that evaluates one candidate after another."""

    def __init__(self, threads: int) -> None:
        # For libraries that are loaded later than a trial sets its limits.
        names = ParallelBackendBase.MAX_NUM_THREADS_VARS
        env = dict.fromkeys(names, str(threads)) | KEEPING_MEMORY
        env = {name: os.environ.get(name, value) for name, value in env.items()}
        context = get_context("loky")  # runs no code of the user's main module
        self.pipe, pipe_of_child = context.Pipe()
        self.owner = os.getpid()
        args = pipe_of_child, self.owner
        self.process = context.Process(target=_work, args=args, env=env)
        self.process.start()
        pipe_of_child.close()
        _workers.add(self)
        self.limit = Limit()
        # How many setups it was sent, and how many of them it has read.
        self.n_setups = self.n_setups_read = 0
        self.idle_since = time.monotonic()

    @property
    def is_ready(self) -> bool:
        """Whether it has read its setup and the data."""
        return self.n_setups_read == self.n_setups

    def send(self, message: Import | Setup | Task) -> None:
        self.limit = Limit()  # until the trial begins: starting takes its time
        self.n_setups += isinstance(message, Setup)
        with suppress(OSError):  # the worker is dead: reading from it says so
            self.pipe.send(message)

    def end(self) -> None:
        """End the process at once."""
        if self.process.exitcode is None:
            with suppress(OSError):  # it has ended in the meantime
                os.kill(self.process.pid, KILL)
            self.process.join(1)
        self.pipe.close()
        _workers.discard(self)


# All workers of this process, and those that wait for another search.
_workers: set[Worker] = set()
_idle: list[Worker] = []
_lock = threading.Lock()


def _take_worker(threads: int) -> Worker:
    """Return a worker of an ended search, or a new one."""
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.owner != os.getpid():  # of the process that this is a fork of
                continue
            recent = time.monotonic() < worker.idle_since + REUSED
            if recent and worker.process.is_alive():
                return worker
            _workers.discard(worker)
    return Worker(threads)


def start_workers(n_workers: int, threads: int, module: str) -> None:
    """Have workers start and import a module while this process does other things."""
    with _lock:
        n_idle = sum(worker.owner == os.getpid() for worker in _idle)
    started = [Worker(threads) for _ in range(n_workers - n_idle)]
    for worker in started:
        worker.send(Import(module))
    _keep_idle(started)


def _keep_idle(workers: Sequence[Worker]) -> None:
    """Keep workers for another search."""
    with _lock:
        for worker in workers:
            worker.idle_since = time.monotonic()
            _idle.append(worker)


def end_idle_workers() -> None:
    """End the workers that wait for another search: each holds some memory."""
    with _lock:
        idle, _idle[:] = [*_idle], []
    for worker in idle:
        if worker.owner == os.getpid():  # else it is of the process that this forked
            worker.end()


def _end_all_workers() -> None:
    """End all workers of this process."""
    for worker in [w for w in _workers if w.owner == os.getpid()]:
        worker.end()


# Before multiprocessing waits, at the end of this process, for all that it has started.
util.Finalize(None, _end_all_workers, exitpriority=100)


def _work(pipe: connection.Connection, parent: int) -> None:
    """Answer messages until none comes for a while, or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = (pipe, parent, messages)
    threading.Thread(target=_listen, args=listener, daemon=True).start()
    runner, config, fault, n_setups = None, {}, None, 0
    with suppress(queue.Empty):
        while True:
            match messages.get(timeout=IDLE):
                case Task(candidate, deadline):
                    args = (runner, config, candidate, deadline, pipe)
                    _send(pipe, fault or evaluate_safely(*args))
                    release_memory()
                case Import(module):
                    with suppress(ImportError):  # a runner that needs it says so
                        importlib.import_module(module)
                case Setup(content):
                    try:
                        fault = None
                        runner, config = pickle.loads(content)
                        _ = runner.data.value  # is read before a candidate comes
                    except Exception as error:
                        fault = error
                    n_setups += 1
                    # Elsewhere it may be impossible to tell.
                    held = megabytes(os.getpid()) if PROCESSES.exists() else 0.0
                    pipe.send(Ready(n_setups, held))


def _listen(
    pipe: connection.Connection, parent: int, messages: queue.SimpleQueue
) -> None:
    """Receive messages; end this process, whatever it does, with its parent.

    If the parent was killed, this removes the folder that it has left behind.
    """
    folder = None
    with suppress(EOFError, OSError):
        # A fork of the parent would keep the pipe open.
        while (waiting := pipe.poll(1)) or os.getppid() == parent:
            if waiting:
                message = pickle.loads(pipe.recv_bytes())
                if isinstance(message, Setup):
                    folder = message.folder
                messages.put(message)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _send(pipe: connection.Connection, result: Evaluation | BaseException) -> None:
    """Send a result; a fault that cannot travel is sent as its description."""
    try:
        content = dumps(result)
        if isinstance(result, BaseException):
            pickle.loads(content)
    except Exception:
        fault = RuntimeError(f"{type(result).__name__}: {result}")
        fault.__notes__ = getattr(result, "__notes__", [])
        content = pickle.dumps(fault)
    pipe.send_bytes(content)
