"""Trials on a cluster: what Dask and Ray are asked for, and what if a worker dies.

joblib's own ways to Dask and to Ray wait for ever, or give up the whole search, when a
worker dies in the middle of a task. Trials therefore go there by a backend of our own,
to the cluster of the backend that the user has chosen: a trial whose worker died is
tried once more, and then counts as failed. Data that a worker does not find in its file
system travel through the cluster.
"""

import threading
import traceback
import uuid
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from joblib.parallel import ParallelBackendBase, get_active_backend

from sknevo.evaluation._shared import DataNotHere, Shared
from sknevo.records import Candidate, Evaluation

__all__ = ["cluster_backend"]

# What joblib hands over: some calls, which return a list of results.
Batch = Callable[[], list[Any]]
# Results, or why there are none.
SearchResult = tuple[list[Any] | None, BaseException | None]

# Who has killed so many workers is given up.
MOST_DEATHS = 2
# Data that get lost on the cluster so often are not sent again.
MOST_PARCELS = 3
# Seconds that a worker waits for data.
PATIENCE = 300


def cluster_backend(data: Shared) -> "ClusterBackend | None":
    """Return how trials get to the cluster of the active backend of joblib.

    Parameters
    ----------
    data : Shared
        What trials bring along.

    Returns
    -------
    ClusterBackend or None
        None if the active backend is none of Dask or Ray.
    """
    chosen, _ = get_active_backend()
    backend = BACKENDS.get(type(chosen).__name__)
    return backend and backend(chosen, data)


class ClusterBackend(ParallelBackendBase):
    """Sends trials to a cluster; survives the death of workers.

    Parameters
    ----------
    chosen : ParallelBackendBase
        The backend that the user has chosen.
    data : Shared
        What trials bring along.
    """

    supports_retrieve_callback = True
    # What the cluster says of a worker that died once too often.
    _deaths: tuple[type[BaseException], ...] = ()

    def __init__(self, chosen: ParallelBackendBase, data: Shared) -> None:
        super().__init__(nesting_level=chosen.nesting_level)
        self.chosen = chosen
        self.data = data
        self._jobs: set[Any] = set()
        self._rests = ThreadPoolExecutor(16, "sknevo-rests")
        self._lock = threading.Lock()
        self._n_parcels = 0

    @abstractmethod
    def _send(self, batch: Batch) -> Any:
        """Have it run somewhere; return its future: of the outcome."""

    @abstractmethod
    def _pack(self, content: np.ndarray) -> Any:
        """Put the bytes of a file where workers find them; return a parcel."""

    @abstractmethod
    def _cancel(self, jobs: Sequence[Any]) -> None:
        """See to it that what has not begun never does."""

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        # joblib would try who is alone in this process.
        return max(2, self.chosen.effective_n_jobs(n_jobs))

    def retrieval_context(self) -> AbstractContextManager:
        return self.chosen.retrieval_context()

    def submit(self, func: Batch, callback: Callable | None = None) -> Any:
        if not _candidates(func):  # to rest one need not travel
            return self._rests.submit(lambda: callback(_run(func)))
        parcel = self.data.parcel
        try:
            job = self._send(func)
        except Exception as fault:  # joblib asks in threads in which it would get lost
            return self._rests.submit(callback, (None, fault))
        self._jobs.add(job)
        job.add_done_callback(partial(self._ended, func, callback, parcel))
        return job

    def retrieve_result_callback(self, out: SearchResult) -> list[Any]:
        results, fault = out
        if fault is not None:
            raise fault
        return results

    def abort_everything(self, ensure_ready: bool = True) -> None:
        jobs, self._jobs = self._jobs, set()
        self._cancel(list(jobs))

    def _ended(self, batch: Batch, callback: Callable, parcel: Any, job: Any) -> None:
        """Hear of the end of a job, in another thread."""
        self._jobs.discard(job)
        try:
            results, fault = job.result()
            if isinstance(fault, DataNotHere) and self._send_data(parcel):
                self.submit(batch, callback)
                return
        except self._deaths:
            results, fault = _given_up(batch), None
        except BaseException as error:  # whatever it is, joblib's to raise
            results, fault = None, error
        callback((results, fault))

    def _send_data(self, parcel: Any) -> bool:
        """Send the data unless somebody has since; return whether they are there."""
        with self._lock:
            if self.data.parcel is parcel:
                if self._n_parcels == MOST_PARCELS:
                    return False
                self._n_parcels += 1
                self.data.parcel = self._pack(self.data.content())
        return True


class DaskBackend(ClusterBackend):
    """Sends trials to the cluster of a Dask client."""

    default_n_jobs = -1

    def __init__(self, chosen: ParallelBackendBase, data: Shared) -> None:
        from distributed import KilledWorker

        super().__init__(chosen, data)
        self.client = chosen.client
        self._deaths = (KilledWorker,)
        self._account = f"sknevo-{uuid.uuid4().hex}"

    def _send(self, batch: Batch) -> Any:
        key = f"{self._account}-{uuid.uuid4().hex}"
        options = self.chosen.submit_kwargs
        return self.client.submit(
            _run_for_dask, batch, self._account, key, key=key, pure=False, **options
        )

    def _pack(self, content: np.ndarray) -> "DaskParcel":
        return DaskParcel(self.client.scatter(content, hash=False))

    def _cancel(self, jobs: Sequence[Any]) -> None:
        self.client.cancel(jobs)

    def stop_call(self) -> None:
        self.client.set_metadata([self._account], {})


class DaskParcel:
    """Bytes on a Dask cluster; the one that was made of a future keeps them alive.

    Parameters
    ----------
    future : Future or str
        Of the bytes, or its key.
    """

    def __init__(self, future: Any) -> None:
        self.future = future

    def __reduce__(self) -> tuple[type["DaskParcel"], tuple[str]]:
        return DaskParcel, (getattr(self.future, "key", self.future),)

    def open(self) -> np.ndarray:
        """Return the bytes, in a worker."""
        from distributed import Future, get_client

        future = Future(self.future, client=get_client(), state="memory")
        return future.result(timeout=PATIENCE)


def _run_for_dask(batch: Batch, account: str, key: str) -> SearchResult:
    """Run trials, unless workers have died of it before.

    Dask itself begins a task again whose worker has died, but suspects those that only
    waited there as well. Who was begun is known to the scheduler: it has to outlive the
    worker.
    """
    from distributed import get_client

    client = get_client()
    deaths = client.get_metadata([account, key], 0)
    if deaths >= MOST_DEATHS:
        return _given_up(batch), None
    client.set_metadata([account, key], deaths + 1)
    outcome = _run(batch)
    # What ended there and then got lost with its worker has killed nobody.
    client.set_metadata([account, key], deaths)
    return outcome


class RayBackend(ClusterBackend):
    """Sends trials to the Ray cluster that this process is connected to."""

    def __init__(self, chosen: ParallelBackendBase, data: Shared) -> None:
        import ray

        super().__init__(chosen, data)
        self._deaths = (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.OutOfMemoryError,
        )
        options = {"max_retries": MOST_DEATHS - 1, **(chosen.ray_remote_args or {})}
        self._task = ray.remote(_run).options(**options)
        # Ray's thread is not to be kept waiting, least of all for Ray.
        self._thread = ThreadPoolExecutor(1, "sknevo-ray")

    def _send(self, batch: Batch) -> Any:
        return _RayJob(self._task.remote(batch), self._thread)

    def _pack(self, content: np.ndarray) -> "RayParcel":
        import ray

        return RayParcel(ray.put(content))

    def _cancel(self, jobs: Sequence[Any]) -> None:
        import ray

        for job in jobs:
            with suppress(Exception):  # it has ended
                ray.cancel(job.ref)


class _RayJob:
    """What of a future a backend needs, told in a thread of its own."""

    def __init__(self, ref: Any, thread: ThreadPoolExecutor) -> None:
        self.ref = ref
        self._future = ref.future()
        self._thread = thread

    def result(self) -> SearchResult:
        return self._future.result()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._future.add_done_callback(lambda _: self._thread.submit(callback, self))


@dataclass(frozen=True)
class RayParcel:
    """Bytes in Ray's object store.

    Parameters
    ----------
    ref : ObjectRef
        Of the bytes.
    """

    ref: Any

    def open(self) -> np.ndarray:
        """Return the bytes, in a worker."""
        import ray

        return ray.get(self.ref, timeout=PATIENCE)


# By the names of the backends that users choose: so none needs to be there.
BACKENDS = {"DaskDistributedBackend": DaskBackend, "RayBackend": RayBackend}


def _run(batch: Batch) -> SearchResult:
    """Run trials in a worker; a fault brings its traceback along."""
    try:
        return batch(), None
    except Exception as fault:
        fault.add_note(f"In a worker:\n{traceback.format_exc()}")
        return None, fault


def _candidates(batch: Batch) -> list[Candidate]:
    """Return who is to be tried; nobody if a worker is to rest."""
    return [args[0] for _, args, _ in batch.items if isinstance(args[0], Candidate)]


def _given_up(batch: Batch) -> list[Evaluation]:
    """Return what became of trials whose workers died."""
    error = "the worker died"
    return [
        Evaluation(
            candidate.chromosome, "error", error=error, resource=candidate.resource
        )
        for candidate in _candidates(batch)
    ]
