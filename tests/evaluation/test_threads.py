"""Workers and the threads inside them share the cores; limits end with the trials."""

import threading

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from sknevo import EvolvedSearchCV
from sknevo.evaluation import inner_threads, limited_threads
from sknevo.evaluation._threads import VALUES_PER_THREAD, useful_threads


def pools(api):
    return [p["num_threads"] for p in threadpool_info() if p["user_api"] == api]


@pytest.fixture(autouse=True)
def two_threads():
    """Begin with limits that are not the ones that a trial sets."""
    np.ones((9, 9)) @ np.ones((9, 9))
    limits = threadpool_limits(2)  # not `with`: other threads could set none then
    yield
    limits.restore_original_limits()


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    assert [inner_threads(n) for n in (1, 2, 3, 8, 99)] == [8, 4, 2, 1, 1]


def test_cores_are_counted_where_affinity_is_unknown(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert inner_threads(2) == 3
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert inner_threads(2) == 1


def test_small_data_get_few_threads():
    rows = VALUES_PER_THREAD // 10
    small, medium, large = (np.zeros((n * rows, 10)) for n in (1, 3, 99))
    assert [useful_threads(8, X) for X in (small, medium, large)] == [1, 3, 8]
    assert useful_threads(8, ["a text"] * 10) == 1
    assert useful_threads(8, scipy.sparse.eye_array(10, VALUES_PER_THREAD)) == 8


def test_a_booster_on_few_rows_has_one_thread(monkeypatch):
    """Threads that wait for each other take a busy machine a hundred times as long."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    seen = []

    def scorer(estimator, X, y):
        seen.append(set(pools("openmp")))
        return estimator.score(X, y)

    X, y = make_classification(60, random_state=0)
    search = EvolvedSearchCV(
        HistGradientBoostingClassifier(max_iter=3),
        {"max_depth": [1, 2]},
        population_size=2,
        generations=1,
        cv=2,
        scoring=scorer,
    )
    search.fit(X, y)
    assert seen
    assert all(numbers == {1} for numbers in seen)


def test_blas_gets_one_thread_openmp_as_many_as_said():
    before = threadpool_info()
    with limited_threads(3):
        assert set(pools("blas")) == {1}
        assert set(pools("openmp")) <= {3}
    assert threadpool_info() == before


def test_a_fault_lifts_the_limits_too():
    before = threadpool_info()
    with pytest.raises(KeyError), limited_threads(1):
        raise KeyError
    assert threadpool_info() == before


class Worker(threading.Thread):
    """A thread that enters and leaves a trial when it is told to, and stays."""

    def __init__(self):
        super().__init__(daemon=True)
        self.steps = {name: threading.Event() for name in ("in", "leave", "out", "end")}

    def run(self):
        with limited_threads(1):
            self.steps["in"].set()
            self.steps["leave"].wait(10)
        self.steps["out"].set()
        self.steps["end"].wait(10)


def test_the_last_of_overlapping_trials_lifts_the_limit():
    before = pools("blas")
    worker = Worker()
    with limited_threads(1):
        worker.start()
        assert worker.steps["in"].wait(10)
    assert set(pools("blas")) == {1}  # the other one is still at it
    worker.steps["leave"].set()
    assert worker.steps["out"].wait(10)
    assert pools("blas") == before
    # The worker is idle, but alive: it must not keep others from setting limits.
    with limited_threads(1):
        assert set(pools("blas")) == {1}
    assert pools("blas") == before
    worker.steps["end"].set()
    worker.join()
