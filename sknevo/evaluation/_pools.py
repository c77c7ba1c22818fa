"""Pools of workers: which one the active backend of joblib stands for.

A candidate is submitted only while there is capacity, so nothing queues on a worker: if
the worker dies, the candidate that it ran is known, and no other is concerned.
"""

from typing import Protocol

from joblib import effective_n_jobs
from joblib.parallel import get_active_backend

from sknevo.deadline import Deadline
from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._clusters import (
    DaskCluster,
    ExecutorPool,
    RayCluster,
    Threads,
)
from sknevo.evaluation._outcomes import Outcome
from sknevo.evaluation._workers import ProcessPool, start_workers
from sknevo.records import Candidate

PROCESS_BACKENDS = ("LokyBackend", "MultiprocessingBackend")


class Pool(Protocol):
    """Workers that evaluate one candidate each at a time.

    `parallel` says whether candidates are evaluated while the caller does other things.
    """

    parallel: bool

    @property
    def capacity(self) -> int:
        """Number of candidates that can be submitted now."""

    def submit(self, candidate: Candidate, deadline: Deadline) -> None:
        """Begin to evaluate a candidate."""

    def wait(self, end: float) -> list[Outcome]:
        """Return what has ended, possibly nothing, after waiting for a moment.

        All submitted candidates have to end by the `time.time()` of `end`.
        """

    def close(self) -> list[Outcome]:
        """Return what has ended, stop the rest and let the workers go."""


def start_early(n_workers: int, threads: int, module: str) -> None:
    """Start worker processes, if the active backend of joblib means processes.

    They need seconds to import what individuals are made of.
    """
    backend, _ = get_active_backend()
    if n_workers > 1 and type(backend).__name__ in PROCESS_BACKENDS:
        start_workers(n_workers, threads, module)


def open_pool(
    runner: TrialRunner, n_jobs: int | None, memory_limit: float | None
) -> Pool:
    """Return the pool for the active backend of joblib."""
    backend, _ = get_active_backend()
    n_workers = effective_n_jobs(n_jobs)
    # Only another process can be stopped by force.
    by_force = memory_limit is not None or runner.max_eval_time is not None
    match type(backend).__name__:
        case "DaskDistributedBackend":
            return ExecutorPool(runner, n_workers, DaskCluster(backend))
        case "RayBackend":
            return ExecutorPool(runner, n_workers, RayCluster(backend))
        # Both mean processes of this machine, and ours can be killed one by one.
        case name if name in PROCESS_BACKENDS:
            can_start = effective_n_jobs(2) > 1  # not in all threads, nor in daemons
            if n_workers > 1 or (by_force and can_start):
                return ProcessPool(runner, n_workers, memory_limit)
        case "ThreadingBackend" if n_workers > 1:
            return ExecutorPool(runner, n_workers, Threads())
        case "ThreadingBackend" | "SequentialBackend":
            pass
        case name:
            raise ValueError(
                f"joblib's backend {name} is not supported; use 'loky', "
                "'multiprocessing', 'threading', 'sequential', 'dask' or 'ray'."
            )
    return SerialPool(runner)


class SerialPool:
    """Evaluates candidates in this process, one at a time."""

    parallel = False

    def __init__(self, runner: TrialRunner) -> None:
        self._runner = runner
        self._task: tuple[Candidate, Deadline] | None = None

    @property
    def capacity(self) -> int:
        return int(self._task is None)

    def submit(self, candidate: Candidate, deadline: Deadline) -> None:
        # It begins in `wait`: this process has only one thing to do at a time.
        self._task = candidate, deadline

    def wait(self, end: float) -> list[Outcome]:
        if self._task is None:
            return []
        evaluation = self._runner(*self._task)
        self._task = None
        return [(evaluation.candidate.name, evaluation)]

    def close(self) -> list[Outcome]:
        return []
