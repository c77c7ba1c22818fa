"""Images that stay on disk: read when it is their turn, and never held whole."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from PIL import Image, ImageOps

__all__ = ["ImageStream", "labels_of", "pixels_of", "streamed"]

# Decoders let go of the interpreter: threads read side by side.
READERS = min(8, os.cpu_count() or 1)


class ImageStream:
    """Images of a dataset, read when `numpy.asarray` asks for them.

    It is indexed by rows like an array; what comes back is a stream of these rows.
    Images are read from several threads, and again each time they are asked for.

    Parameters
    ----------
    dataset : sequence
        Has a length and items: images, or tuples that begin with one. An image is of
        PIL, an array or a tensor on the CPU. A torch Dataset such as torchvision's
        `ImageFolder` is one; it should not transform images at random, since
        augmentation evolves.
    image_shape : tuple of int or None, default=None
        Shape of an image as an array, see `sknevo.sizes.image_shape`. Those of PIL are
        scaled until they cover it and cropped to their middle: gray for (height,
        width), RGB for (height, width, 3). None stands for the shape of the first.

    Attributes
    ----------
    shape : tuple of int
        (n_samples, *image_shape).

    Raises
    ------
    ValueError
        If there is no image.

    Examples
    --------
    >>> from PIL import Image
    >>> from sknevo.streams import ImageStream
    >>> photos = ImageStream([Image.new("RGB", (90, 60))] * 5, (32, 32, 3))
    >>> photos.shape, photos[1:4].shape, np.asarray(photos[:2]).dtype
    ((5, 32, 32, 3), (3, 32, 32, 3), dtype('uint8'))
    """

    def __init__(
        self, dataset: Any, image_shape: tuple[int, ...] | None = None
    ) -> None:
        if not len(dataset):
            raise ValueError("dataset must hold at least 1 image; got none.")
        self.dataset = dataset
        self.rows = np.arange(len(dataset))
        if image_shape is None:
            image_shape = pixels_of(_image(dataset[0])).shape
        self.image_shape = tuple(image_shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.image_shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> Self:
        if isinstance(rows, tuple):  # as scikit-learn asks: (rows, ...)
            rows = rows[0]
        part = object.__new__(type(self))
        part.__dict__ = {**self.__dict__, "rows": np.atleast_1d(self.rows[rows])}
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if not len(self):
            return np.empty(self.shape, dtype or np.uint8)
        first = self._read(self.rows[0])
        images = np.empty(self.shape, dtype or first.dtype)
        images[0] = first

        def read(place: int) -> None:
            images[place] = self._read(self.rows[place])

        with ThreadPoolExecutor(READERS) as readers:
            for _ in readers.map(read, range(1, len(self))):
                pass  # what went wrong in a thread is raised here
        return images

    def _read(self, row: int) -> np.ndarray:
        try:
            pixels = pixels_of(_image(self.dataset[int(row)]), self.image_shape)
        except Exception as fault:
            raise OSError(f"image {row} cannot be read: {fault}") from fault
        if pixels.shape != self.image_shape:
            raise ValueError(
                f"X must hold images of shape {self.image_shape}; image {row} is of "
                f"shape {pixels.shape}."
            )
        return pixels


def streamed(X: Any, image_shape: tuple[int, ...] | None = None) -> Any:
    """Return X as a stream if it is a torch Dataset, else as it is.

    Parameters
    ----------
    X : object
        A torch Dataset or anything else.
    image_shape : tuple of int or None, default=None
        See `ImageStream`.

    Returns
    -------
    ImageStream or object
    """
    return ImageStream(X, image_shape) if _is_torch_dataset(X) else X


def labels_of(X: Any) -> np.ndarray | None:
    """Return the labels that come with images.

    Parameters
    ----------
    X : object
        A torch Dataset or anything else.

    Returns
    -------
    ndarray of shape (n_samples,) or None
        A dataset's `targets` where it has them, else the second part of all of its
        items, which have to be read for it. None if X is not a dataset.
    """
    if not _is_torch_dataset(X):
        return None
    if hasattr(X, "targets"):
        return np.asarray(X.targets)
    if hasattr(X, "indices") and hasattr(X, "dataset"):  # a part of another, as torch's
        return labels_of(X.dataset)[np.asarray(X.indices)]
    return np.asarray([X[i][1] for i in range(len(X))])


def _is_torch_dataset(X: Any) -> bool:
    # Whoever holds one has imported torch; nobody else has to.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(X, torch.utils.data.Dataset)


def _image(item: Any) -> Any:
    return item[0] if isinstance(item, tuple | list) else item


def pixels_of(image: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return an image as an array.

    Parameters
    ----------
    image : PIL.Image.Image, array or tensor
        Arrays and tensors are returned as they are.
    shape : tuple of int or None, default=None
        What one of PIL is scaled and cropped to, after it is turned as its camera says:
        (height, width) makes it gray, (height, width, 3) RGB. None leaves the size.

    Returns
    -------
    ndarray
    """
    if not isinstance(image, Image.Image):
        return np.asarray(image)
    upright = ImageOps.exif_transpose(image)
    gray = len(shape) == 2 if shape else upright.mode == "L"
    upright = upright.convert("L" if gray else "RGB")
    if shape:
        upright = ImageOps.fit(upright, shape[1::-1], Image.Resampling.BILINEAR)
    return np.asarray(upright)
