"""Workers that evaluate candidates: threads, processes or those of a cluster.

All pools have the interface of `Pool`. A candidate is submitted only while there is
capacity, so nothing queues on a worker: if the worker dies, the candidate that it ran
is known, and no other is concerned.
"""

import ctypes
import functools
import importlib
import math
import os
import pickle
import queue
import re
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import parallel_config
from joblib.externals.loky.backend import get_context
from joblib.externals.loky.backend.reduction import dumps  # by cloudpickle
from joblib.parallel import ParallelBackendBase, ThreadingBackend
from sklearn import config_context, get_config

from sknevo.deadline import Deadline, Limit
from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._shared import DaskParcel, DataNotHere, RayParcel
from sknevo.records import Candidate, Evaluation

# Seconds between two looks at deadlines and memory: chosen, not measured.
POLL = 0.05
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
# How often data that got lost on a cluster are sent again.
MAX_PARCELS = 3
# Windows waits for 63 pipes at most.
MOST_WORKERS = 60 if sys.platform == "win32" else math.inf
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows both end at once
# Where Linux describes processes.
PROCESSES = Path("/proc")
# What a worker frees it keeps until its trial ends: each batch of a training takes it
# again, and the system would have to fill it with zeros each time. Read by glibc alone,
# which allows 32 MB for the second; larger blocks go back at once.
KEEPING_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
}


@dataclass(frozen=True)
class Lost:
    """The worker of a candidate has ended before the candidate was evaluated."""

    status: str = "error"
    error: str = "the worker died"
    retries: int = 0


class Import(NamedTuple):
    """What a worker is told to import before it gets a runner."""

    module: str


class Ready(NamedTuple):
    """What a worker says once it has read its n-th runner and the data."""

    n_runners: int
    # Megabytes before any trial.
    held: float


# A candidate's name, and its evaluation, the loss of its worker, or a fault to raise.
Outcome = tuple[str, Evaluation | Lost | BaseException]


def _evaluate(
    runner: TrialRunner,
    config: dict[str, Any],
    candidate: Candidate,
    due: Deadline,
    pipe: connection.Connection | None = None,
) -> Evaluation | BaseException:
    """Return an evaluation, or why there is none: an exception with its traceback.

    scikit-learn's settings belong to a thread and do not follow by themselves. What
    uses joblib inside a trial uses threads, as in joblib's own workers. The pipe, if
    there is one, takes the limit of the trial as soon as it begins.
    """
    nested = ThreadingBackend(nesting_level=1)
    try:
        with config_context(**config), parallel_config(nested, n_jobs=1):
            limit = runner.limit(due)
            if pipe is not None and limit.until < math.inf:
                pipe.send(limit)
            return runner.run(candidate, limit)
    except BaseException as fault:
        fault.add_note(f"In a worker:\n{traceback.format_exc()}")
        return fault


class ProcessPool:
    """Evaluates candidates in processes, and kills those that exceed their limits."""

    parallel = True

    def __init__(
        self, runner: TrialRunner, n_workers: int, memory_limit: float | None
    ) -> None:
        if memory_limit is not None:
            _resident(os.getpid())  # fails here if it cannot be told
        self._runner, self._memory_limit = runner, memory_limit
        self._n_workers = int(min(n_workers, MOST_WORKERS))
        # The pickled runner and the folder of its data, once they are needed.
        self._message: tuple[bytes, str | None] | None = None
        self._free: list[Worker] = []
        self._busy: dict[str, Worker] = {}
        # How many workers in a row have died before they could begin a trial.
        self._n_stillborn = 0
        self._n_oom_kills = _n_oom_kills()

    @property
    def capacity(self) -> int:
        return self._n_workers - len(self._busy)

    def submit(self, candidate: Candidate, due: Deadline) -> None:
        if self._message is None:
            content = bytes(dumps((self._runner, get_config())))
            self._message = content, self._runner.data.folder
            # All at once: they need seconds to start, and read the data then.
            threads = self._runner.threads
            workers = [_take_worker(threads) for _ in range(self._n_workers)]
            self._free = [worker.given(self._message) for worker in workers]
        if not self._free:  # one has died
            worker = _take_worker(self._runner.threads)
            self._free.append(worker.given(self._message))
        self._busy[candidate.name] = self._free.pop().given((candidate, due))

    def wait(self, end: float, timeout: float = POLL) -> list[Outcome]:
        workers = self._busy
        ready = connection.wait([w.pipe for w in workers.values()], timeout)
        outcomes: list[Outcome] = []
        for name, worker in workers.items():
            outcome = self._received(worker) if worker.pipe in ready else None
            if outcome is None:
                outcome = self._excess(worker, end)
            if outcome is not None:
                outcomes.append((name, outcome))
        for name, outcome in outcomes:
            worker = workers.pop(name)
            if isinstance(outcome, Lost) or not worker.is_ready:
                worker.end()
            else:
                self._free.append(worker)
        return outcomes

    def _received(self, worker: "Worker") -> Evaluation | Lost | BaseException | None:
        """Return what has ended, None if the trial begins."""
        try:
            message = pickle.loads(worker.pipe.recv_bytes())
        except (EOFError, OSError):
            worker.process.join(1)
            # Linux kills the largest process when memory runs out, and counts that. If
            # the count is the same, the candidate has no part in the kill.
            before, self._n_oom_kills = self._n_oom_kills, _n_oom_kills()
            oom = before is None or before != self._n_oom_kills
            from_outside = worker.process.exitcode == -KILL and not oom
            if from_outside:
                return Lost(retries=MAX_KILLS)
            return self._stillborn(worker) or Lost(retries=MAX_DEATHS)
        match message:
            case Ready():
                self._n_stillborn = 0
                is_last = message.n_runners == worker.n_runners
                if is_last and (fault := self._too_large(message.held)):
                    return fault  # it is not ready: its candidate is still to come
                worker.n_ready = message.n_runners
            case Limit():
                worker.limit = message
            case _:
                return message

    def _stillborn(self, worker: "Worker") -> BaseException | None:
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

    def _too_large(self, held: float) -> BaseException | None:
        """Return an error if a worker holds more than the limit before any trial."""
        if self._memory_limit is None or held <= self._memory_limit:
            return None
        return ValueError(
            f"memory_limit={self._memory_limit:g} (MB) must be more than what a worker "
            f"holds before its first trial: {held:.0f} MB."
        )

    def _excess(self, worker: "Worker", end: float) -> Lost | None:
        """Return why a worker has to be killed, if it has to."""
        until, status, _ = min(worker.limit, Limit(end))
        if time.time() > until + GRACE:
            cause = f"time was over{self._runner.exceeded(status)}"
            return Lost(status, f"stopped by force: {cause}")
        if self._memory_limit is not None and worker.is_ready:
            held = _megabytes(worker.process.pid)
            if held > self._memory_limit:
                limit = f"memory_limit={self._memory_limit:g}"
                reason = f"stopped by force: {held:.0f} MB in its worker, {limit}"
                return Lost("memory", reason)
        return None

    def close(self) -> list[Outcome]:
        outcomes = self.wait(math.inf, 0) if self._busy else []
        for worker in self._busy.values():
            worker.end()
        _give_back(self._free)
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
        self.pipe, theirs = context.Pipe()
        self.owner = os.getpid()
        self.process = context.Process(target=_work, args=(theirs, self.owner), env=env)
        self.process.start()
        theirs.close()
        _workers.add(self)
        self.limit = Limit()
        # How many runners it was given, and how many of them it has read.
        self.n_runners = self.n_ready = 0
        self.idle_since = time.monotonic()

    @property
    def is_ready(self) -> bool:
        """Whether it has read its runner and the data."""
        return self.n_ready == self.n_runners

    def given(self, message: Any) -> "Worker":
        """Send a runner, or a candidate and its time; return this worker."""
        self.limit = Limit()  # until the trial begins: starting takes its time
        self.n_runners += isinstance(message[0], bytes)
        with suppress(OSError):  # the worker is dead: reading from it says so
            self.pipe.send(message)
        return self

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
    _give_back([worker.given(Import(module)) for worker in started])


def _give_back(workers: Sequence[Worker]) -> None:
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
    """Evaluate candidates until none comes for a while, or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = (pipe, parent, messages)
    threading.Thread(target=_listen, args=listener, daemon=True).start()
    runner, config, fault, n_runners = None, {}, None, 0
    with suppress(queue.Empty):
        while True:
            match messages.get(timeout=IDLE):
                case Candidate() as candidate, due:
                    args = (runner, config, candidate, due, pipe)
                    _send(pipe, fault or _evaluate(*args))
                    _release_memory()
                case Import(module):
                    with suppress(ImportError):  # a runner that needs it says so
                        importlib.import_module(module)
                case content, _:
                    try:
                        fault = None
                        runner, config = pickle.loads(content)
                        _ = runner.data.value  # is read before a candidate comes
                    except Exception as error:
                        fault = error
                    n_runners += 1
                    # Elsewhere it may be impossible to tell.
                    held = _megabytes(os.getpid()) if PROCESSES.exists() else 0.0
                    pipe.send(Ready(n_runners, held))


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
                if isinstance(message[0], bytes):
                    folder = message[1]
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


def _release_memory() -> None:
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


def _resident(pid: int) -> int:
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


def _megabytes(pid: int) -> float:
    return _resident(pid) / 2**20


def _n_oom_kills() -> int | None:
    """Return how many processes Linux has ended as memory ran out, None elsewhere."""
    try:
        text = (PROCESSES / "vmstat").read_text()
    except OSError:
        return None
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None


class ExecutorPool:
    """Evaluates candidates in threads or on a cluster.

    A worker that does not see the data asks for them; they are sent once for all.
    """

    parallel = True

    def __init__(
        self,
        runner: TrialRunner,
        n_workers: int,
        executor: "Threads | DaskCluster | RayCluster",
    ) -> None:
        self._runner, self._config = runner, get_config()
        self._n_workers, self._executor = n_workers, executor
        # What runs, and the parcel of data that was there when it was submitted.
        self._tasks: dict[str, tuple[Future, Candidate, Deadline, Any]] = {}
        self._n_parcels = 0

    @property
    def capacity(self) -> int:
        return self._n_workers - len(self._tasks)

    def submit(self, candidate: Candidate, due: Deadline) -> None:
        parcel = self._runner.data.parcel
        task = (self._runner, self._config, candidate, due)
        future = self._executor.submit(_evaluate, *task)
        self._tasks[candidate.name] = future, candidate, due, parcel

    def wait(self, end: float, timeout: float = POLL) -> list[Outcome]:
        futures = {name: future for name, (future, *_) in self._tasks.items()}
        wait(futures.values(), timeout, FIRST_COMPLETED)
        outcomes: list[Outcome] = []
        for name in [name for name, future in futures.items() if future.done()]:
            future, candidate, due, parcel = self._tasks.pop(name)
            outcome = self._outcome(future)
            if isinstance(outcome, DataNotHere) and self._send_data(parcel):
                self.submit(candidate, due)
            else:
                outcomes.append((name, outcome))
        return outcomes

    def _outcome(self, future: Future) -> Evaluation | Lost | BaseException:
        try:
            return future.result()
        except self._executor.deaths:  # the cluster has tried again before
            return Lost()
        except BaseException as fault:
            return fault

    def _send_data(self, parcel: Any) -> bool:
        """Send the data, unless they were sent since; return whether they are there."""
        data = self._runner.data
        if data.parcel is parcel:
            if self._n_parcels == MAX_PARCELS:
                return False
            self._n_parcels += 1
            data.parcel = self._executor.pack(data.content())
        return True

    def close(self) -> list[Outcome]:
        outcomes = self.wait(math.inf, 0) if self._tasks else []
        self._executor.cancel()
        return outcomes


class Threads:
    """Threads of this process.

    They are daemons, as joblib's are: the end of the process does not wait for them.
    They see the data, so that none are ever sent.
    """

    deaths = ()

    def submit(self, function: Callable, *args: Any) -> Future:
        future = Future()

        def run() -> None:
            future.set_result(function(*args))

        threading.Thread(target=run, daemon=True).start()
        return future

    def cancel(self) -> None:
        """Leave the threads alone: nothing can stop them."""


class DaskCluster:
    """The cluster of a Dask client, which evaluates again what dead workers ran."""

    def __init__(self, backend: Any) -> None:
        from distributed import KilledWorker

        self.deaths = (KilledWorker,)
        self._client, self._options = backend.client, backend.submit_kwargs
        self._executor: Executor = self._client.get_executor(pure=False)

    def submit(self, function: Callable, *args: Any) -> Future:
        return self._executor.submit(function, *args, **self._options)

    def pack(self, content: np.ndarray) -> DaskParcel:
        return DaskParcel(self._client.scatter(content, hash=False))

    def cancel(self) -> None:
        """Withdraw what has not begun."""
        self._executor.shutdown(wait=False)


class RayCluster:
    """The Ray cluster that this process is connected to."""

    def __init__(self, backend: Any) -> None:
        import ray
        from ray.exceptions import NodeDiedError, OutOfMemoryError, WorkerCrashedError

        self.deaths = (WorkerCrashedError, NodeDiedError, OutOfMemoryError)
        self._ray, self._refs = ray, []
        options = {"max_retries": 1, **(backend.ray_remote_args or {})}
        self._task = ray.remote(_evaluate).options(**options)

    def submit(self, function: Callable, *args: Any) -> Future:
        self._refs.append(self._task.remote(*args))
        return self._refs[-1].future()

    def pack(self, content: np.ndarray) -> RayParcel:
        return RayParcel(self._ray.put(content))

    def cancel(self) -> None:
        """Withdraw what has not begun, and end the rest."""
        for ref in self._refs:
            with suppress(Exception):  # it has ended
                self._ray.cancel(ref)
