"""The threads of a trial: workers and what runs inside them share the cores."""

import functools
import math
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.utils.validation import _num_samples
from threadpoolctl import ThreadpoolController

# Threads of a booster meet after every split of a tree. On an idle machine, a round
# with two threads takes 1.07 to 2.45 of that with one on 100 x 4 values, 0.83 to 1.68
# on 500 x 10, 0.85 to 1.60 on 1,000 x 10, 0.64 to 1.08 on 1,000 x 30 and 0.66 to 1.01
# on 2,000 x 20 (LightGBM, XGBoost and scikit-learn's, two and five classes). On a busy
# machine, a round of LightGBM on 75 x 4 values took 33 ms with two threads.
VALUES_PER_THREAD = 10_000

_lock = threading.Lock()
_users = 0
_blas_limit = None


def inner_threads(n_workers: int) -> int:
    """Return the threads per worker, such that workers x threads = cores."""
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )
    return max(1, cores // n_workers)


def useful_threads(threads: int, X: Any) -> int:
    """Return how many of these threads do not mostly wait for each other on X."""
    n_values = math.prod(getattr(X, "shape", None) or (_num_samples(X),))
    return max(1, min(threads, n_values // VALUES_PER_THREAD))


@contextmanager
def limited_threads(openmp: int) -> Iterator[None]:
    """Limit the threads of OpenMP, and those of BLAS to one.

    With one thread BLAS always adds in the same order, so that scores do not depend on
    the number of workers. Boosters are exact with any number. The limit of OpenMP
    belongs to the calling thread, that of BLAS to the process: the first trial that
    enters sets it, the last one that leaves lifts it.
    """
    global _users, _blas_limit
    with _lock:
        if _users == 0:
            _blas_limit = _controller(len(sys.modules)).limit(limits=1, user_api="blas")
        _users += 1
    try:
        with _controller(len(sys.modules)).limit(limits=openmp, user_api="openmp"):
            yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                # Restored alone, the limits would stay this thread's to set.
                _blas_limit.__exit__(None, None, None)


@functools.lru_cache(maxsize=1)
def _controller(n_modules: int) -> ThreadpoolController:
    """Look for thread pools again only when more libraries may have been loaded."""
    return ThreadpoolController()
