"""Images that stay on disk and are read only when they are needed."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from joblib import wrap_non_picklable_objects
from PIL import Image, ImageOps

from sknevo.data_checks import fingerprint
from sknevo.network_plan import image_shape as channels_first

__all__ = ["ImageStream"]

# Threads that read. Decoders release Python's lock, so they read side by side. The
# bound is chosen, not measured.
READERS = min(8, os.cpu_count() or 1)
# Images that a fingerprint reads: reading all would take as long as an epoch. Chosen,
# not measured.
IMAGES_READ = 16
# PIL's names of modes by their number of channels.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class ImageStream:
    """Images of a dataset that `numpy.asarray` reads when they are needed.

    A stream is indexed by rows, as an array is; the result is a stream of these rows.
    Several threads read the images, again each time. The first image is read when the
    stream is made. All others must have its shape and data type.

    Parameters
    ----------
    dataset : sequence of images, or of tuples that begin with an image
        An image is a PIL image, an array, or a tensor on the CPU. Any torch Dataset
        with a length can be used, such as torchvision's `ImageFolder`. It should not
        change images at random, since augmentation evolves.
    image_shape : tuple of int or None, default=None
        Shape of an image as an array: (height, width), (height, width, channels) or
        (channels, height, width). PIL images are scaled until they cover it, cropped to
        their middle and converted to its channels. None stands for the shape of the
        first image.

    Attributes
    ----------
    dataset : sequence
        The dataset.
    rows : ndarray of int of shape (n_samples,)
        The rows of the dataset that are in this stream.
    image_shape : tuple of int
        Shape of an image.
    dtype : numpy.dtype
        Data type of an image.

    Raises
    ------
    OSError
        If an image cannot be read.
    ValueError
        If there is no image, or if an image has another shape or data type than the
        first one, or holds NaN or infinity.

    Examples
    --------
    >>> import numpy as np
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
        """Shape as an array, (n_samples, *image_shape)."""
        return (len(self.rows), *self.image_shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions as an array."""
        return len(self.shape)

    @property
    def fingerprint(self) -> str:
        """Checksum of the length and a few images, 16 hexadecimal digits."""
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
        Image.init()  # not safe in several threads at once

        def read(place: int) -> None:
            images[place] = self._read(self.rows[place])

        with ThreadPoolExecutor(READERS) as readers:
            for _ in readers.map(read, range(len(self))):
                pass  # raises the errors of the threads
        return images

    def __getstate__(self) -> dict[str, Any]:
        # The class of a dataset is often defined in a script or notebook, where workers
        # cannot import it: it is pickled by value.
        dataset = wrap_non_picklable_objects(self.dataset, keep_wrapper=False)
        return {**self.__dict__, "dataset": dataset}

    def _read(self, row: int) -> np.ndarray:
        try:
            pixels = pixels_of(_image(self.dataset[int(row)]), self.image_shape)
        except MemoryError:
            raise
        except Exception as error:
            raise OSError(f"image {row} cannot be read: {error}") from error
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
    """Return an `ImageStream` of X if it is a torch Dataset, else X itself."""
    return ImageStream(X, image_shape) if _is_torch_dataset(X) else X


def labels_of(X: Any) -> np.ndarray | None:
    """Return the labels of a torch Dataset; None if X is another object or has none."""
    if not _is_torch_dataset(X):
        return None
    held = _targets(X)
    if held is not None and held.ndim == 1:
        return held
    # Without `targets`, all items must be read.
    items = (X[i] for i in range(len(X)))
    labels = [item[1] for item in items if isinstance(item, tuple | list)]
    return np.asarray(labels) if len(labels) == len(X) else None


def _targets(X: Any) -> np.ndarray | None:
    """Return the labels that a dataset holds apart from its images, or None."""
    if hasattr(X, "targets"):
        held, transform = np.asarray(X.targets), getattr(X, "target_transform", None)
        if held.ndim != 1 or not transform:
            return held
        return np.asarray([*map(transform, held.tolist())])
    if not hasattr(X, "indices") or not hasattr(X, "dataset"):  # not torch's Subset
        return None
    held = _targets(X.dataset)
    return None if held is None else held[np.asarray(X.indices)]


def _is_torch_dataset(X: Any) -> bool:
    # If X is one, torch is already imported. Otherwise this does not import it.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(X, torch.utils.data.Dataset)


def _image(item: Any) -> Any:
    return item[0] if isinstance(item, tuple | list) else item


def pixels_of(image: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return an image as an array; only PIL images are turned, scaled and cropped.

    Parameters
    ----------
    image : PIL.Image.Image, array or tensor
        A PIL image holds bytes; its EXIF orientation is applied.
    shape : tuple of int or None, default=None
        See `ImageStream`; None keeps the size, and converts to RGB unless it is gray.
    """
    if not isinstance(image, Image.Image):
        return np.asarray(image)
    if image.mode.startswith(("I", "F")):
        raise ValueError(
            f"PIL images must have channels of 8 bits; got mode {image.mode!r}. Let "
            "the dataset return an array instead."
        )
    upright = ImageOps.exif_transpose(image)
    if not shape:
        return np.asarray(upright if upright.mode == "L" else upright.convert("RGB"))
    channels, height, width = channels_first(shape)
    if channels not in MODES:
        raise ValueError(f"PIL images have 1 to 4 channels; got image_shape={shape}.")
    fitted = ImageOps.fit(
        upright.convert(MODES[channels]), (width, height), Image.Resampling.BILINEAR
    )
    pixels = np.asarray(fitted).reshape(height, width, channels)
    # The channels come first or last, as in the shape; (height, width) has none.
    first = len(shape) == 3 and channels_first(shape) == tuple(shape)
    return np.moveaxis(pixels, -1, 0) if first else pixels.reshape(shape)
