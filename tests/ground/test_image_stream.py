"""Images on disk: which are read, when, and how invalid ones are refused."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.utils import _safe_indexing
from torch.utils.data import Dataset, Subset

from sknevo.image_stream import ImageStream
from sknevo.image_stream._items import labels_of
from sknevo.image_stream._stream import streamed


class Reading(Dataset):
    """Gray images, each as bright as its row; records which rows were read."""

    def __init__(self, n, size=(4, 3)):
        self.images = [Image.new("L", size, i) for i in range(n)]
        self.read = []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        self.read.append(i)
        return self.images[i], f"label {i % 2}"


def test_only_the_requested_rows_are_read():
    dataset = Reading(6)
    stream = ImageStream(dataset, (3, 4))
    assert stream.shape == (6, 3, 4)
    assert stream.ndim == 3
    part = stream[np.array([5, 2, 3])][1:]
    assert dataset.read == [0]  # it sets shape and type
    assert np.asarray(part)[:, 0, 0].tolist() == [2, 3]
    assert sorted(dataset.read) == [0, 2, 3]


@pytest.mark.parametrize(
    "rows", [[1, 4], np.array([1, 4]), np.arange(6) % 3 == 1, slice(1, 5, 3)]
)
def test_it_is_indexed_like_an_array(rows):
    stream = ImageStream(Reading(6))
    part = _safe_indexing(stream, rows)
    assert isinstance(part, ImageStream)
    assert np.asarray(part)[:, 0, 0].tolist() == [1, 4]
    assert len(np.asarray(stream[:0])) == 0


def test_images_get_the_requested_shape():
    dataset = [Image.new("RGB", (30, 20)), Image.new("L", (9, 9))]
    assert np.asarray(ImageStream(dataset, (8, 8))).shape == (2, 8, 8)
    assert np.asarray(ImageStream(dataset, (6, 8, 3))).shape == (2, 6, 8, 3)
    assert ImageStream(dataset).shape == (2, 20, 30, 3)
    assert np.asarray(ImageStream(dataset, (3, 8, 6))).shape == (2, 3, 8, 6)
    assert np.asarray(ImageStream(dataset, (8, 6, 1))).shape == (2, 8, 6, 1)
    red = Image.new("RGB", (8, 8), "red")
    assert np.asarray(ImageStream([red], (3, 8, 8)))[0, :, 0, 0].tolist() == [255, 0, 0]
    tensors = [(torch.rand(3, 5, 5), 0)] * 2
    assert np.asarray(ImageStream(tensors)).dtype == np.float32
    assert np.asarray(ImageStream(tensors), dtype=float).dtype == float


def test_arrays_of_other_shapes_are_refused():
    stream = ImageStream([np.zeros((4, 4)), np.zeros((4, 5))])
    with pytest.raises(ValueError, match=r"image 1 is of shape \(4, 5\)"):
        np.asarray(stream)


# NumPy says that float64 equals None.
@pytest.mark.parametrize(("first", "other"), [("u1", "f8"), ("f8", "u1")])
def test_arrays_of_other_types_are_refused(first, other):
    first, other = np.dtype(first), np.dtype(other)
    stream = ImageStream([np.zeros((4, 4), first), np.zeros((4, 4), other)])
    with pytest.raises(ValueError, match=f"dtype {first}; image 1 is of dtype {other}"):
        np.asarray(stream)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_images_of_an_unknown_range_are_refused(mode):
    with pytest.raises(OSError, match=f"channels of 8 or 16 bits; got mode '{mode}'"):
        ImageStream([Image.new(mode, (4, 4))])


def test_the_dataset_of_a_notebook_can_be_pickled():
    class Local:
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return np.full((2, 2), i, np.uint8)

    there = pickle.loads(pickle.dumps(ImageStream(Local())[1:]))
    assert np.asarray(there).tolist() == [[[1, 1], [1, 1]]]


def test_an_image_that_cannot_be_read_is_named():
    class Broken(Reading):
        def __getitem__(self, i):
            if i == 2:
                raise RuntimeError("no such file")
            return super().__getitem__(i)

    with pytest.raises(OSError, match="image 2 cannot be read: no such file"):
        np.asarray(ImageStream(Broken(3)))


def test_an_empty_dataset_is_refused():
    with pytest.raises(ValueError, match="at least 1 image; got none"):
        ImageStream([])


def test_labels_come_from_the_dataset():
    dataset = Reading(4)
    assert labels_of(dataset).tolist() == ["label 0", "label 1"] * 2
    assert labels_of(Subset(dataset, [3, 1])).tolist() == ["label 1", "label 1"]
    assert labels_of(np.zeros((2, 3))) is None
    pairs = [(dataset.images[0], label) for label in "abc"]
    assert labels_of(Subset(pairs, [2, 0])).tolist() == ["c", "a"]
    with pytest.raises(ValueError, match=r"\(image, label\); item 0 is an Image"):
        labels_of(Subset(dataset.images, [0]))


def test_only_torch_datasets_become_streams():
    assert isinstance(streamed(Reading(2)), ImageStream)
    stream = ImageStream(Reading(2))
    for other in (stream, [1, 2], np.zeros(3)):
        assert streamed(other) is other
