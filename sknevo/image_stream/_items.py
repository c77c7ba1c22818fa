"""Items of datasets: which have images, labels and files, and how they are read."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Number
from typing import Any

import numpy as np
from PIL import Image

from sknevo.data_checks import random_rows

# Threads that read. Decoders release Python's lock, so they read side by side. The
# bound is chosen, not measured.
READERS = min(8, os.cpu_count() or 1)
# Items that are looked at before a search: all of so many, or so many at random, since
# reading all of a large set would take as long as an epoch. Chosen, not measured.
LOOKED_AT = 1000
# Images that cannot be read and that an error names. Chosen, not measured.
NAMED = 5


def is_torch_dataset(X: Any) -> bool:
    """Return whether X is a torch Dataset; refuse one without numbers of items."""
    # If X is one, torch is already imported. Otherwise this does not import it.
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    data = torch.utils.data
    if isinstance(X, data.DataLoader):
        raise TypeError(
            "X must not be a DataLoader, whose sampler may leave out or shuffle items: "
            "give its dataset, X.dataset."
        )
    if not isinstance(X, data.Dataset):
        return False
    if isinstance(X, data.IterableDataset) or not hasattr(X, "__len__"):
        raise TypeError(
            "X must have a length and items by number (__len__ and __getitem__), since "
            f"splits and batches are chosen from it; {type(X).__name__} has not."
        )
    return True


def looked_at(n: int) -> np.ndarray:
    """Return the rows, of so many, that are looked at before a search, sorted."""
    return random_rows(n, LOOKED_AT)


def labels_of(X: Any) -> np.ndarray | None:
    """Return the labels of a torch Dataset; None if X is another object.

    Of more than 1000 items, the labels that the dataset holds apart from its images are
    returned if they are those of 1000 items at random. Otherwise all items are read.
    """
    if not is_torch_dataset(X):
        return None
    rows = looked_at(len(X))
    seen = _labels_in(X, rows)
    if len(rows) == len(X):
        return seen
    held = _held(X, _own_targets)
    if held is not None and np.array_equal(held[rows], seen):
        return held
    return _labels_in(X, np.arange(len(X)))


def _labels_in(X: Any, rows: np.ndarray) -> np.ndarray:
    """Return the labels of some items of a dataset, which are read for that."""

    def label_of(row: int) -> Any:
        item = item_of(X, row)
        if not begins_with_image(item) or len(item) < 2:
            raise ValueError(
                "y must be given, or the items of X must be tuples (image, label); "
                f"item {row} is {kind_of(item)}."
            )
        if not _is_label(item[1]):
            raise ValueError(
                "The labels in X must be numbers or strings, unless y is given; that "
                f"of item {row} is {kind_of(item[1])}."
            )
        return item[1]

    labels = in_threads(label_of, rows)
    mixed = len({isinstance(label, str) for label in labels}) > 1
    # NumPy would make strings of numbers.
    return np.array(labels, object if mixed else None)


def begins_with_image(item: Any) -> bool:
    """Return whether an item is more than an image; lists of lists are images."""
    if not isinstance(item, tuple | list) or not item:
        return False
    return isinstance(item, tuple) or not isinstance(item[0], list | Number)


def _is_label(value: Any) -> bool:
    if isinstance(value, str | Number):
        return True
    held = np.asarray(value) if hasattr(value, "__array__") else np.empty(0)
    return held.size == 1 and held.dtype.kind in "biufUS"


def in_threads(read: Callable[[int], Any], rows: Sequence[int]) -> list[Any]:
    """Return what is read of each row, in order; name all that cannot be read."""

    def attempt(row: int) -> tuple[Any, OSError | None]:
        try:
            return read(row), None
        except OSError as error:
            return None, error

    Image.init()  # not safe in several threads at once
    with ThreadPoolExecutor(READERS) as readers:
        results = [*readers.map(attempt, rows)]
    errors = [error for _, error in results if error is not None]
    if len(errors) > 1:
        raise OSError(
            f"{len(errors)} of {len(rows)} images cannot be read: "
            + "; ".join(map(str, errors[:NAMED]))
            + "; ..." * (len(errors) > NAMED)
        ) from errors[0]
    if errors:
        raise errors[0]
    return [result for result, _ in results]


def item_of(dataset: Any, row: int) -> Any:
    try:
        return dataset[int(row)]
    except MemoryError:
        raise
    except Exception as error:
        raise unreadable(dataset, row, error) from error


def unreadable(dataset: Any, row: int, error: Exception) -> OSError:
    files = files_of(dataset)
    known = files is not None and str(files[row]) not in str(error)
    why = str(error) or type(error).__name__
    return OSError(
        f"image {row}{f' ({files[row]})' if known else ''} cannot be read: {why}"
    )


def kind_of(item: Any) -> str:
    """Return, for an error, what an object is."""
    name = type(item).__name__
    name = f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
    if isinstance(item, Mapping):
        return f"{name} with the keys {list(item)}"
    if isinstance(item, tuple | list):
        return f"{name} of {', '.join(type(part).__name__ for part in item)}"
    return name


def files_of(X: Any) -> np.ndarray | None:
    """Return the path of the file of each item, if it is known."""
    return _held(X, _own_files)


def _held(X: Any, own: Callable[[Any], Any]) -> np.ndarray | None:
    """Return what a dataset, or those that it wraps, hold for each row; None if not."""
    try:
        found = own(X)
        if found is None and hasattr(X, "cumulative_sizes"):  # torch's ConcatDataset
            found = np.concatenate([_held(part, own) for part in X.datasets])
        elif found is None and hasattr(X, "indices"):  # torch's Subset
            found = _held(X.dataset, own)[np.asarray(X.indices)]
    except Exception:  # any class may use these names for something else
        return None
    return found if found is not None and len(found) == len(X) else None


def _own_targets(X: Any) -> np.ndarray | None:
    """Return a dataset's `targets`, transformed, if they are labels."""
    held = np.asarray(getattr(X, "targets", None))
    if held.ndim != 1:
        return None
    transform = getattr(X, "target_transform", None)
    return np.asarray([*map(transform, held.tolist())]) if transform else held


def _own_files(X: Any) -> np.ndarray | None:
    """Return the paths of a dataset's files: ours, or of torchvision's folders."""
    if hasattr(X, "files"):
        return np.array([os.fspath(file) for file in X.files])
    if hasattr(X, "samples"):
        return np.array([os.fspath(file) for file, *_ in X.samples])
    return None
