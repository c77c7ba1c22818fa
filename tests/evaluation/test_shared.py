"""Data reach a worker once, and what is computed of them is kept within bounds."""

import pickle
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from toys import look

from sknevo.evaluation import Shared, _shared


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Let temporary folders be made where one can look."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _shared._received.cache_clear()
    return tmp_path


def big():
    return np.arange(300_000.0)


# On the way to a worker ----------------------------------------------------------


def test_nothing_is_written_as_long_as_nothing_is_sent(folder):
    shared = Shared(big())
    shared.computed("key", lambda: (big(),))
    shared.close()
    assert list(folder.iterdir()) == []


def test_data_are_written_once_and_removed_at_close(folder):
    shared = Shared(big())
    first, second = pickle.dumps(shared), pickle.dumps(shared)
    assert first == second
    assert len(first) < 1000
    (written,) = folder.iterdir()
    assert written.is_dir()
    shared.close()
    assert list(folder.iterdir()) == []
    shared.close()


def test_the_other_side_maps_arrays_and_loads_once():
    shared = Shared({"X": big(), "name": "table"})
    text = pickle.dumps(shared)
    other = pickle.loads(text)
    assert type(other.value["X"]) is np.memmap
    assert not other.value["X"].flags.writeable
    np.testing.assert_array_equal(other.value["X"], big())
    assert other.value["name"] == "table"
    assert pickle.loads(text) is other
    shared.close()


def test_the_other_side_maps_sparse_matrices_too():
    rows = csr_matrix(big().reshape(300, 1000))
    shared = Shared({"X": rows})
    other = pickle.loads(pickle.dumps(shared)).value["X"]
    for name in ("data", "indices", "indptr"):
        assert type(getattr(other, name)) is np.memmap
    assert (other[[7, 3]] != rows[[7, 3]]).nnz == 0
    shared.close()


@pytest.mark.slow
def test_a_worker_gets_the_data_once(tmp_path):
    shared = Shared({"X": big()})
    with joblib.parallel_config(backend="loky", n_jobs=2):
        seen = joblib.Parallel()(joblib.delayed(look)(shared) for _ in range(8))
    assert {one[:3] for one in seen} == {("memmap", False, big().sum())}
    assert len({one[3] for one in seen}) <= 2
    shared.close()


def test_the_next_search_replaces_the_data_of_the_last():
    first, second = Shared([1]), Shared([2])
    assert pickle.loads(pickle.dumps(first)).value == [1]
    assert pickle.loads(pickle.dumps(second)).value == [2]
    assert _shared._received.cache_info().currsize == 1
    first.close()
    second.close()


def test_data_can_be_sent_again_after_close(folder):
    shared = Shared([1])
    pickle.dumps(shared)
    shared.close()
    assert pickle.loads(pickle.dumps(shared)).value == [1]
    shared.close()
    assert not any(Path(folder).iterdir())


# What is computed ----------------------------------------------------------------


class Kitchen:
    """Computes results of a hundred bytes and keeps account."""

    def __init__(self, shared):
        self.shared = shared
        self.cooked = []

    def order(self, key):
        def cook():
            self.cooked.append(key)
            return np.full(100, key, np.uint8), "no array"

        return self.shared.computed(key, cook)


def test_a_result_is_computed_once():
    kitchen = Kitchen(Shared(None))
    first = kitchen.order(1)
    assert kitchen.order(1) is first
    assert kitchen.order(2) is not first
    assert kitchen.cooked == [1, 2]


def test_the_least_recently_used_is_dropped(monkeypatch):
    monkeypatch.setattr(_shared, "CACHE_BYTES", 350)
    kitchen = Kitchen(Shared(None))
    for key in (1, 2, 3, 1, 4):  # 2 is dropped for 4
        kitchen.order(key)
    kitchen.cooked.clear()
    for key in (1, 3, 4):
        kitchen.order(key)
    assert kitchen.cooked == []
    kitchen.order(2)
    assert kitchen.cooked == [2]


def test_sparse_results_count_and_cannot_be_written_to(monkeypatch):
    shared, rows = Shared(None), csr_matrix(np.eye(10))
    monkeypatch.setattr(_shared, "CACHE_BYTES", rows.data.nbytes)
    (computed,) = shared.computed("key", lambda: (rows,))
    with pytest.raises(ValueError, match="read-only"):
        computed.data[0] = 2
    again = csr_matrix(np.eye(10))
    assert shared.computed("key", lambda: (again,))[0] is again


def test_what_is_larger_than_the_cache_is_computed_but_not_kept(monkeypatch):
    monkeypatch.setattr(_shared, "CACHE_BYTES", 50)
    kitchen = Kitchen(Shared(None))
    assert kitchen.order(1)[0].sum() == kitchen.order(1)[0].sum() == 100
    assert kitchen.cooked == [1, 1]


def test_close_forgets_what_was_computed():
    kitchen = Kitchen(Shared(None))
    kitchen.order(1)
    kitchen.shared.close()
    kitchen.order(1)
    assert kitchen.cooked == [1, 1]


def test_what_fails_is_not_kept():
    shared = Shared(None)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            shared.computed(1, lambda: 1 / 0)
    assert shared.computed(1, lambda: (big(),))[0].size


def test_threads_may_compute_at_once(monkeypatch):
    monkeypatch.setattr(_shared, "CACHE_BYTES", 450)
    kitchen = Kitchen(Shared(None))
    wrong = []

    def eat():
        for key in list(range(8)) * 20:
            if kitchen.order(key)[0][0] != key:
                wrong.append(key)

    threads = [threading.Thread(target=eat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert kitchen.shared._cache_bytes == 100 * len(kitchen.shared._cache) <= 450
