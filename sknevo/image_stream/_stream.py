"""Images that stay on disk and are read only when they are needed."""

import math
import os
import warnings
from typing import Any, Self

import numpy as np
from joblib import wrap_non_picklable_objects
from PIL import Image

from sknevo.data_checks import fingerprint, random_rows
from sknevo.image_stream._items import (
    begins_with_image,
    files_of,
    in_threads,
    is_torch_dataset,
    item_of,
    kind_of,
    looked_at,
    unreadable,
)
from sknevo.image_stream._pixels import has_colours, pixels_of

# Images that are read twice, to find those that change. Chosen, not measured.
READ_TWICE = 16
# Statistics are those of a random part of so many images or values, since reading all
# takes as long as an epoch, but of at least so many images; chosen, not measured.
MOST_IMAGES, MOST_VALUES, FEWEST_IMAGES = 10_000, 2**24, 32


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
        first image; if that is gray, colours are refused rather than dropped.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in an image, see `sknevo.network_plan.image_shape`. Those
        of PIL images come first only if it is "first" or `image_shape` says so.

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
    TypeError
        If an item of the dataset is no image and does not begin with one.
    ValueError
        If there is no image, or if an image has another shape or data type than the
        first one, or holds NaN or infinity.

    Notes
    -----
    PIL images become bytes. They are turned as their EXIF data say, 16 bits are scaled
    to 8, and transparent pixels are laid on white, unless the shape has a channel for
    their opacity.

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
        self,
        dataset: Any,
        image_shape: tuple[int, ...] | None = None,
        channels: str = "auto",
    ) -> None:
        if not len(dataset):
            raise ValueError("dataset must hold at least 1 image; got none.")
        self.dataset = dataset
        self.rows = np.arange(len(dataset))
        self.image_shape = None if image_shape is None else tuple(image_shape)
        self.channels = channels
        self.dtype = None
        self._gray_by_first = False
        first = self._read(0)
        self.image_shape, self.dtype = first.shape, first.dtype
        # If no parameter asks for gray, no colours are made gray.
        self._gray_by_first = image_shape is None and first.ndim == 2

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as an array, ``(n_samples, *image_shape)``."""
        return (len(self.rows), *self.image_shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions as an array."""
        return len(self.shape)

    @property
    def fingerprint(self) -> str:
        """Checksum of images, and of names and sizes of files; 16 hexadecimal digits.

        Of up to 1000 images all count, of more as many at random. Names and sizes are
        those of all files that a torchvision folder or `sknevo.datasets` reads. A copy
        of a folder has the same fingerprint.
        """
        rows = self.rows[looked_at(len(self))]
        seen = in_threads(lambda row: fingerprint(self._read(row)), rows)
        files = files_of(self.dataset)
        if files is None:
            return fingerprint(len(self), self.channels, seen)
        files = files[self.rows]
        names = np.array([os.path.basename(file) for file in files])
        # A class of another library may hold names that are no paths from here.
        sizes = [os.path.getsize(f) if os.path.exists(f) else -1 for f in files]
        return fingerprint(len(self), self.channels, seen, names, np.array(sizes))

    def check(self) -> None:
        """Read up to 1000 images, at random of more; raise if one is not valid."""

        def read(row: int) -> str:
            return fingerprint(self._read(row))

        rows = self.rows[looked_at(len(self))]
        found = in_threads(read, rows)
        # In one thread: a dataset that several cannot share is found too.
        if found[:READ_TWICE] != [*map(read, rows[:READ_TWICE])]:
            warnings.warn(
                "X changes its images each time they are read, so that they are also "
                "changed where individuals are scored and where they predict. Leave "
                "random changes to the augmentation, which evolves. If there are none, "
                "X cannot be read by several threads at once.",
                UserWarning,
                stacklevel=2,
            )

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

        def read(place: int) -> None:
            images[place] = self._read(self.rows[place])

        in_threads(read, range(len(self)))
        return images

    def __getstate__(self) -> dict[str, Any]:
        # The class of a dataset is often defined in a script or notebook, where workers
        # cannot import it: it is pickled by value.
        dataset = wrap_non_picklable_objects(self.dataset, keep_wrapper=False)
        return {**self.__dict__, "dataset": dataset}

    def _read(self, row: int) -> np.ndarray:
        item = item_of(self.dataset, row)
        image = item[0] if begins_with_image(item) else item
        try:
            pixels = pixels_of(image, self.image_shape, self.channels)
            dropped = self._gray_by_first and has_colours(image)
        except MemoryError:
            raise
        except Exception as error:
            raise unreadable(self.dataset, row, error) from error
        if pixels.dtype.kind not in "biuf" or not pixels.ndim:
            raise TypeError(
                "X must hold PIL images, arrays or tensors of numbers, or tuples "
                f"(image, label) that begin with one; item {row} is {kind_of(item)}."
            )
        if dropped:
            raise ValueError(
                f"X must hold gray images as long as image_shape=None and the first "
                f"one is gray; image {row} has colours. Set image_shape to (height, "
                "width, 3) to keep them, or to (height, width) to drop them."
            )
        if self.image_shape is None and isinstance(image, Image.Image):
            # The first one: its layout is that of the others.
            self.channels = "first" if self.channels == "first" else "last"
        self._check_pixels(pixels, row)
        return pixels

    def _check_pixels(self, pixels: np.ndarray, row: int) -> None:
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


def streamed(
    X: Any, image_shape: tuple[int, ...] | None = None, channels: str = "auto"
) -> Any:
    """Return an `ImageStream` of X if it is a torch Dataset, else X itself."""
    return ImageStream(X, image_shape, channels) if is_torch_dataset(X) else X


def part_to_read(X: Any, most: int = MOST_IMAGES) -> Any:
    """Return the samples that statistics read: all, or a random part of a stream."""
    if not isinstance(X, ImageStream):
        return X
    enough = max(FEWEST_IMAGES, MOST_VALUES // math.prod(X.image_shape))
    return X[random_rows(len(X), min(most, enough))]
