"""Arrays in a file go to workers as its name, and come out as they were."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sknevo.evaluation import Data, Shared
from sknevo.evaluation._shared import by_name


@dataclass(frozen=True)
class Record:
    array: Any
    name: str = "record"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.arange(60_000.0).reshape(300, 200))
    return path


VIEWS = {
    "whole": lambda X: X,
    "rows": lambda X: X[10:200:3],
    "columns": lambda X: X[:, ::-2],
    "transposed": lambda X: X.T,
    "a plain view": lambda X: np.asarray(X)[5:],
    "reshaped": lambda X: X.reshape(100, 20, 30),
    "as bytes": lambda X: X.view(np.uint8),
    "empty": lambda X: X[:0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_mapped_array_is_written_as_the_name_of_its_file(path, view):
    array = view(np.load(path, mmap_mode="r"))
    text = pickle.dumps(by_name(Record(array)))
    assert len(text) < 1000
    other = pickle.loads(text).array
    np.testing.assert_array_equal(other, array)
    assert (other.dtype, other.strides) == (array.dtype, array.strides)
    assert not other.flags.writeable


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_may_differ_from_its_file_is_written_itself(path, mode):
    array = np.load(path, mmap_mode=mode)
    array[0, 0] = 7
    assert by_name(Record(array)).array is array


def test_others_are_left_as_they_are(path):
    array = np.load(path, mmap_mode="r")
    assert by_name([array])[0] is array
    copy = array[[3, 1]]  # in memory, though numpy calls it a memmap
    assert by_name(Record(copy)).array is copy
    path.unlink()
    assert by_name(Record(array)).array is array


def test_workers_map_the_file_that_is_there(path):
    X = np.load(path, mmap_mode="r")
    shared = Shared(Data(X, np.zeros(300), []))
    other = pickle.loads(pickle.dumps(shared)).value
    assert sum(f.stat().st_size for f in Path(shared.folder).iterdir()) < X.nbytes / 10
    np.testing.assert_array_equal(other.X, X)
    assert shared.value.X is X
    assert shared.content().nbytes > X.nbytes  # elsewhere there is no such file
    shared.close()
