"""Weights are kept in files: soundly, and no longer than they should be."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from toys import chromosome, evaluate, make_evaluator

from sknevo.evaluation import Journal, JournalError
from sknevo.evaluation._weight_store import WeightStore, WeightStoreError

WEIGHTS = {"layer.weight": np.eye(2), "n": np.array(7)}


@pytest.fixture
def path(tmp_path):
    """Return the path of a journal that holds one evaluation."""
    path = tmp_path / "run.jsonl"
    with Journal(path) as journal:
        journal.begin({"seed": 0})
        WeightStore.of(journal).save("parent", 0, WEIGHTS)
        evaluator = make_evaluator(journal=journal)
        evaluate(evaluator, [chromosome(0.5)])
        evaluator.close()
    return path


def test_weights_and_metadata_are_read_as_they_were_written(tmp_path):
    store = WeightStore(str(tmp_path))
    store.save("parent@3", 1, WEIGHTS, {"epoch": "3"})
    weights, metadata = store.load("parent@3", 1)
    assert metadata == {"epoch": "3"}
    assert weights.keys() == WEIGHTS.keys()
    for name, value in WEIGHTS.items():
        np.testing.assert_array_equal(weights[name], value)
    assert [file.name for file in tmp_path.iterdir()] == ["parent@3.1.safetensors"]


def test_removed_weights_are_gone_and_no_others(tmp_path):
    store = WeightStore(str(tmp_path))
    for name in ("a", "b"):
        for split in (0, 1):
            store.save(name, split, WEIGHTS)
    store.remove(["a", "never there"])
    assert not store.holds("a")
    assert store.holds("b")
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_journal_close_removes_the_folder():
    store = WeightStore.of(Journal(None))
    store.save("parent", 0, WEIGHTS)
    assert store.temporary == store.folder
    store.close()
    assert not Path(store.folder).exists()


def test_a_continued_search_finds_its_weights(path):
    with Journal(path) as journal:
        store = WeightStore.of(journal)
        assert store.temporary is None
        store.close()
        assert store.holds("parent")


def test_a_journal_without_its_weights_is_refused(path):
    shutil.rmtree(f"{path}.weights")
    with (
        Journal(path) as journal,
        pytest.raises(JournalError, match=r"run\.jsonl\.weights' is missing"),
    ):
        WeightStore.of(journal)


def test_weights_of_a_deleted_journal_are_removed(path):
    path.unlink()
    with Journal(path) as journal:
        assert not WeightStore.of(journal).holds("parent")


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path):
    store = WeightStore(str(tmp_path / "elsewhere"))
    with pytest.raises(WeightStoreError, match=r"does not see .*elsewhere"):
        store.save("parent", 0, WEIGHTS)


def test_a_full_disk_leaves_no_torn_file(tmp_path, monkeypatch):
    store, write = WeightStore(str(tmp_path)), Path.write_bytes

    def write_in_part(file, content):
        write(file, content[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_in_part)
    with pytest.raises(WeightStoreError, match=r"cannot be kept or read: .* No space"):
        store.save("parent", 0, WEIGHTS)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path):
    store = WeightStore(str(tmp_path))
    store.save("parent", 0, WEIGHTS)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"torn")
    with pytest.raises(WeightStoreError, match="cannot be kept or read"):
        store.load("parent", 0)
