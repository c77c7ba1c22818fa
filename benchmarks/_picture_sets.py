"""The sets of images of a benchmark: training images, and those that are scored.

What comes with scikit-learn and sknevo is always there. The other sets lie in a folder:
`mnist/MNIST` and `fashion_mnist/FashionMNIST` as torchvision keeps them,
`omniglot_small` with its archive, `photos/ten` and `photos/shore4` with a folder per
class in `train` and `test`.
"""

import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknevo.datasets import (
    fetch_fashion_mnist,
    fetch_mnist,
    load_image_folder,
    make_insects,
)

# Where a setting is chosen, this share of the training images is scored instead of the
# test images, but no more than so many.
HELD_OUT, MOST_HELD_OUT = 0.2, 10_000


class Images(NamedTuple):
    """Images to train with and images to score, with their labels."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def are_photos(self) -> bool:
        """Whether images may be mirrored: those in colour."""
        return self.X.ndim == 4


@dataclass(frozen=True)
class Source:
    """How a set is loaded, and how many of its images are trained with."""

    load: Callable[[Path | None, int], Images]
    n_train: int | None = None


def load(name: str, folder: Path | None, seed: int, scored: str = "test") -> Images:
    """Return a set; a seed draws what is drawn.

    With `scored="held_out"` the test images are not looked at: other training images
    are scored. An OSError says what is missing.
    """
    source = SETS[name]
    images = source.load(folder, seed)
    n_train = source.n_train
    if scored == "test" and n_train is None:
        return images
    n_all = len(images.y)
    n_scored = min(MOST_HELD_OUT, n_all - n_train if n_train else int(HELD_OUT * n_all))
    X, X_test, y, y_test = train_test_split(
        images.X,
        images.y,
        train_size=n_train or n_all - n_scored,
        test_size=n_scored,
        stratify=images.y,
        random_state=seed,
    )
    if scored == "test":
        return Images(X, y, images.X_test, images.y_test)
    return Images(X, y, X_test, y_test)


def _digits(folder: Path | None, seed: int) -> Images:
    digits = load_digits()
    X, X_test, y, y_test = train_test_split(
        digits.images,
        digits.target,
        test_size=0.25,
        stratify=digits.target,
        random_state=seed,
    )
    return Images(X, y, X_test, y_test)


def _insects(folder: Path | None, seed: int) -> Images:
    drawn = make_insects(66, image_size=64, random_state=seed)
    X, y = drawn.images, drawn.target
    return Images(X[:50], y[:50], X[50:], y[50:])


def _fetched(fetch: Callable, name: str, folder: Path | None, seed: int) -> Images:
    home = None if folder is None else folder / name
    train, test = (
        fetch(subset=part, data_home=home, download_if_missing=folder is None)
        for part in ("train", "test")
    )
    return Images(train.images, train.target, test.images, test.target)


def _photos(name: str, size: int, folder: Path | None, seed: int) -> Images:
    root = _within(folder, f"photos/{name}")
    train, test = (load_image_folder(root / part, size) for part in ("train", "test"))
    return Images(train.images, train.target, test.images, test.target)


def characters(
    path: Path, alphabets: Collection[str] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images of 28 x 28, white on black, their characters and their drawers.

    A character is named by its alphabet, too. The archive at `path` is read for those
    of `alphabets` alone; None are all.
    """
    images, names, drawers = [], [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".png"):
                continue
            *_, alphabet, character, drawing = name.split("/")
            if alphabets is not None and alphabet not in alphabets:
                continue
            with archive.open(name) as file:
                ink = 255 - np.asarray(Image.open(file).convert("L"))
            small = Image.fromarray(ink).resize((28, 28), Image.Resampling.BOX)
            images.append(np.asarray(small))
            names.append(f"{alphabet}/{character}")
            drawers.append(int(Path(drawing).stem.split("_")[1]))
    return np.array(images), np.array(names), np.array(drawers)


def _omniglot(folder: Path | None, seed: int) -> Images:
    """Characters: 15 drawers to train with, five to test on."""
    path = _within(folder, "omniglot_small/images_background_small1.zip")
    X, names, drawers = characters(path)
    y = np.unique(names, return_inverse=True)[1]
    late = drawers > 15
    return Images(X[~late], y[~late], X[late], y[late])


def _within(folder: Path | None, name: str) -> Path:
    path = None if folder is None else folder / name
    if path is None or not path.exists():
        raise FileNotFoundError(f"{name} is not in --data")
    return path


_mnist = partial(_fetched, fetch_mnist, "mnist")
_fashion = partial(_fetched, fetch_fashion_mnist, "fashion_mnist")
SETS = {
    "digits": Source(_digits),
    "mnist_2000": Source(_mnist, 2_000),
    "mnist_7000": Source(_mnist, 7_000),
    "mnist": Source(_mnist),
    "fashion_100": Source(_fashion, 100),
    "fashion_200": Source(_fashion, 200),
    "fashion_400": Source(_fashion, 400),
    "fashion_4000": Source(_fashion, 4_000),
    "fashion": Source(_fashion),
    "omniglot": Source(_omniglot),
    "photos_ten": Source(partial(_photos, "ten", 48)),
    "shore4": Source(partial(_photos, "shore4", 64)),
    # At the size that pretrained networks have seen.
    "ten_224": Source(partial(_photos, "ten", 224)),
    "shore4_224": Source(partial(_photos, "shore4", 224)),
    "insects": Source(_insects),
}
