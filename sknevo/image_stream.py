"""Images that stay on disk: read when it is their turn, and never held whole."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from joblib import wrap_non_picklable_objects
from PIL import Image, ImageOps

from sknevo.fingerprints import fingerprint
from sknevo.network_plan import image_shape as channels_first

__all__ = ["ImageStream", "labels_of", "pixels_of", "streamed"]

# Decoders let go of the interpreter: threads read side by side.
READERS = min(8, os.cpu_count() or 1)
# So many images stand for all in a fingerprint: all would take as long as an epoch.
IMAGES_READ = 16
# What PIL calls images of so many channels.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class ImageStream:
    """Images of a dataset, read when `numpy.asarray` asks for them.

    It is indexed by rows like an array; what comes back is a stream of these rows.
    Images are read from several threads, and again each time they are asked for. The
    first is read now: all others have to be of its type.

    Parameters
    ----------
    dataset : sequence
        Has a length and items: images, or tuples that begin with one. An image is of
        PIL, an array or a tensor on the CPU. A torch Dataset such as torchvision's
        `ImageFolder` is one; it should not transform images at random, since
        augmentation evolves.
    image_shape : tuple of int or None, default=None
        Shape of an image as an array, see `sknevo.network_plan.image_shape`. Those of
        PIL are scaled until they cover it, cropped to their middle and given its
        channels. None stands for the shape of the first.

    Attributes
    ----------
    shape : tuple of int
        (n_samples, *image_shape).
    dtype : numpy.dtype
        Of the images.

    Raises
    ------
    OSError
        If an image cannot be read.
    ValueError
        If there is no image, or one is not of the shape or type of the others, or holds
        NaN or infinity.

    Examples
    --------
    >>> from PIL import Image
    >>> from sknevo.image_stream import ImageStream
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
        self.image_shape = None if image_shape is None else tuple(image_shape)
        self.dtype = None
        first = self._read(0)
        self.image_shape, self.dtype = first.shape, first.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.image_shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def fingerprint(self) -> str:
        """Short name of its length and a few images."""
        read = np.linspace(0, len(self) - 1, IMAGES_READ).astype(int)
        return fingerprint(len(self), np.asarray(self[np.unique(read)]))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> Self:
        if isinstance(rows, tuple):  # as scikit-learn asks: (rows, ...)
            rows = rows[0]
        part = object.__new__(type(self))
        part.__dict__ = {**self.__dict__, "rows": np.atleast_1d(self.rows[rows])}
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        images = np.empty(self.shape, dtype or self.dtype)
        Image.init()  # threads that do it at the same time disturb each other

        def read(place: int) -> None:
            images[place] = self._read(self.rows[place])

        with ThreadPoolExecutor(READERS) as readers:
            for _ in readers.map(read, range(len(self))):
                pass  # what went wrong in a thread is raised here
        return images

    def __getstate__(self) -> dict[str, Any]:
        # Datasets are often classes of a script or notebook, unknown to workers.
        dataset = wrap_non_picklable_objects(self.dataset, keep_wrapper=False)
        return {**self.__dict__, "dataset": dataset}

    def _read(self, row: int) -> np.ndarray:
        try:
            pixels = pixels_of(_image(self.dataset[int(row)]), self.image_shape)
        except MemoryError:
            raise
        except Exception as fault:
            raise OSError(f"image {row} cannot be read: {fault}") from fault
        known = {"shape": self.image_shape, "dtype": self.dtype}
        for name, wanted in known.items():
            found = getattr(pixels, name)
            if wanted is not None and wanted != found:
                raise ValueError(
                    f"X must hold images of {name} {wanted}; image {row} is of {name} "
                    f"{found}."
                )
        if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
            raise ValueError(f"X must be finite; image {row} holds NaN or infinity.")
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
        A dataset's `targets` where it has them, transformed as it says, else the second
        part of all of its items, which have to be read for it. None if X is not a
        dataset, or one of images only.
    """
    if not _is_torch_dataset(X):
        return None
    held = _targets(X)
    if held is not None and held.ndim == 1:
        return held
    items = (X[i] for i in range(len(X)))
    labels = [item[1] for item in items if isinstance(item, tuple | list)]
    return np.asarray(labels) if len(labels) == len(X) else None


def _targets(X: Any) -> np.ndarray | None:
    """Return the labels that a dataset holds apart from its images, if it does."""
    if hasattr(X, "targets"):
        held, transform = np.asarray(X.targets), getattr(X, "target_transform", None)
        if held.ndim != 1 or not transform:
            return held
        return np.asarray([*map(transform, held.tolist())])
    if not hasattr(X, "indices") or not hasattr(X, "dataset"):  # no Subset of torch's
        return None
    held = _targets(X.dataset)
    return None if held is None else held[np.asarray(X.indices)]


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
        What one of PIL is scaled and cropped to, after it is turned as its camera says,
        see `sknevo.network_plan.image_shape`. None leaves it as it is, gray or RGB.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If it is of PIL and holds more than bytes.
    """
    if not isinstance(image, Image.Image):
        return np.asarray(image)
    if image.mode.startswith(("I", "F")):
        raise ValueError(
            f"images of PIL must hold bytes; got mode {image.mode!r}: turn it into an "
            "array in the dataset."
        )
    upright = ImageOps.exif_transpose(image)
    if not shape:
        return np.asarray(upright if upright.mode == "L" else upright.convert("RGB"))
    channels, height, width = channels_first(shape)
    if channels not in MODES:
        raise ValueError(f"images of PIL have 1 to 4 channels; {shape} asks for more.")
    fitted = ImageOps.fit(
        upright.convert(MODES[channels]), (width, height), Image.Resampling.BILINEAR
    )
    pixels = np.asarray(fitted).reshape(height, width, channels)
    # The channels are where the shape has them, or nowhere in (height, width).
    first = len(shape) == 3 and channels_first(shape) == tuple(shape)
    return np.moveaxis(pixels, -1, 0) if first else pixels.reshape(shape)
