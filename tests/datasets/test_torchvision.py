"""Fetched sets: files that exist are used, and those missing are named."""

import gzip
import hashlib
import inspect
import pickle
import re
import tarfile
from urllib.error import URLError

import numpy as np
import pytest
import torchvision.datasets

from sknevo.datasets import (
    fetch_cifar10,
    fetch_cifar100,
    fetch_fashion_mnist,
    fetch_mnist,
)


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def idx(array):
    head = bytes([0, 0, 8, array.ndim])
    return head + np.array(array.shape, ">i4").tobytes() + array.tobytes()


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture
def home(tmp_path, monkeypatch, offline):
    """Write a small MNIST as its original files, with checksums."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    resources = []
    for part, n in (("train", 6), ("t10k", 3)):
        images = np.arange(n * 28 * 28, dtype=np.uint8).reshape(n, 28, 28)
        for name, array in (
            (f"{part}-images-idx3-ubyte.gz", images),
            (f"{part}-labels-idx1-ubyte.gz", np.arange(n, dtype=np.uint8)),
        ):
            (folder / name).write_bytes(gzip.compress(idx(array)))
            resources.append((name, md5(folder / name)))
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    return tmp_path


@pytest.mark.parametrize("download_if_missing", [True, False])
def test_existing_files_are_used(home, download_if_missing):
    digits = fetch_mnist(data_home=home, download_if_missing=download_if_missing)
    assert digits.images.shape == (6, 28, 28)
    assert digits.images.dtype == np.uint8
    assert digits.data.shape == (6, 784)
    assert digits.target.tolist() == list(range(6))
    assert len(digits.target_names) == 10
    again = fetch_mnist(data_home=home, subset="all", download_if_missing=False)
    assert again.target.tolist() == [*range(6), *range(3)]
    assert len(fetch_mnist(data_home=home, subset="test").images) == 3


def test_a_file_with_another_checksum_is_not_used(home):
    name = "train-images-idx3-ubyte.gz"
    (home / "MNIST" / "raw" / name).write_bytes(gzip.compress(b"something else"))
    with pytest.raises(OSError, match="MNIST could not be loaded"):
        fetch_mnist(data_home=home)


@pytest.mark.parametrize(
    ("fetch", "file"),
    [
        (fetch_mnist, "train-images-idx3-ubyte.gz"),
        (fetch_fashion_mnist, "t10k-labels-idx1-ubyte.gz"),
        (fetch_cifar10, "cifar-10-python.tar.gz"),
        (fetch_cifar100, "cifar-100-python.tar.gz"),
    ],
)
@pytest.mark.parametrize("download_if_missing", [True, False])
def test_missing_files_are_named(tmp_path, offline, fetch, file, download_if_missing):
    with pytest.raises(OSError, match=file) as caught:
        fetch(data_home=tmp_path, download_if_missing=download_if_missing)
    why = "no route to host" if download_if_missing else "download_if_missing=False"
    assert why in str(caught.value) or "Error downloading" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_damaged_archive_is_not_downloaded_unless_allowed(home, monkeypatch):
    asked = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: asked.append(1))
    name = "train-images-idx3-ubyte.gz"
    (home / "MNIST" / "raw" / name).write_bytes(gzip.compress(b"something else"))
    with pytest.raises(OSError, match=rf"download_if_missing=False.*put {name} into"):
        fetch_mnist(data_home=home, download_if_missing=False)
    assert not asked


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_a_damaged_file_is_named_as_such(home, file):
    fetch_mnist(data_home=home)
    unpacked = home / "MNIST" / "raw" / file
    for damaged in (unpacked.read_bytes()[:-3], b"\0\0\7" + 9 * b"\1"):
        unpacked.write_bytes(damaged)
        with pytest.raises(OSError, match="Remove damaged files"):
            fetch_mnist(data_home=home)
    unpacked.unlink()
    assert len(fetch_mnist(data_home=home).images) == 6


def test_photos_are_in_colour(tmp_path, monkeypatch, offline):
    kind = torchvision.datasets.CIFAR10
    folder = tmp_path / kind.base_folder
    folder.mkdir()
    lists = {"train_list": "data_batch_1", "test_list": "test_batch"}
    for name, file in lists.items():
        batch = {"data": np.zeros((4, 3072), np.uint8), "labels": [0, 1, 2, 3]}
        (folder / file).write_bytes(pickle.dumps(batch))
        monkeypatch.setattr(kind, name, [[file, md5(folder / file)]])
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcd")}))
    meta = {**kind.meta, "md5": md5(folder / "batches.meta")}
    monkeypatch.setattr(kind, "meta", meta)
    with tarfile.open(tmp_path / kind.filename, "w:gz") as archive:
        archive.add(folder, kind.base_folder)
    monkeypatch.setattr(kind, "tgz_md5", md5(tmp_path / kind.filename))
    photos = fetch_cifar10(data_home=tmp_path, download_if_missing=False)
    assert photos.images.shape == (4, 32, 32, 3)
    assert photos.target_names.tolist() == list("abcd")
    (tmp_path / kind.filename).unlink()
    again = fetch_cifar10(data_home=tmp_path, download_if_missing=False)
    np.testing.assert_array_equal(again.images, photos.images)


def test_an_unknown_subset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'subset' parameter"):
        fetch_mnist(subset="validation", data_home=tmp_path)


def sections(function):
    """Return the sections of a docstring by their titles."""
    parts = re.split(r"^(\w+)\n-{3,}\n", inspect.getdoc(function), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("title", ["Parameters", "Raises"])
def test_all_fetchers_document_their_parameters_alike(title):
    fetchers = (fetch_mnist, fetch_fashion_mnist, fetch_cifar10, fetch_cifar100)
    assert len({sections(fetch)[title] for fetch in fetchers}) == 1
