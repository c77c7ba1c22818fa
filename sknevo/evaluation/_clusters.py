"""Threads of this process and workers of a cluster, by one interface."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn import get_config

from sknevo.deadline import Deadline
from sknevo.evaluation._candidate import TrialRunner
from sknevo.evaluation._outcomes import POLL, Lost, Outcome, evaluate_safely
from sknevo.evaluation._shared import DaskParcel, DataNotHere, RayParcel
from sknevo.records import Candidate, Evaluation

# How often data that got lost on a cluster are sent again.
MAX_PARCELS = 3


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

    def submit(self, candidate: Candidate, deadline: Deadline) -> None:
        parcel = self._runner.data.parcel
        task = (self._runner, self._config, candidate, deadline)
        future = self._executor.submit(evaluate_safely, *task)
        self._tasks[candidate.name] = future, candidate, deadline, parcel

    def wait(self, end: float, timeout: float = POLL) -> list[Outcome]:
        futures = {name: future for name, (future, *_) in self._tasks.items()}
        wait(futures.values(), timeout, FIRST_COMPLETED)
        outcomes: list[Outcome] = []
        for name in [name for name, future in futures.items() if future.done()]:
            future, candidate, deadline, parcel = self._tasks.pop(name)
            outcome = self._outcome(future)
            if isinstance(outcome, DataNotHere) and self._send_data(parcel):
                self.submit(candidate, deadline)
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
        self._task = ray.remote(evaluate_safely).options(**options)

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
