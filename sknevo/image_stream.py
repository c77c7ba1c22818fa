"""Images that stay on disk and are read only when they are needed."""

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Number
from typing import Any, Self

import numpy as np
from joblib import wrap_non_picklable_objects
from PIL import Image, ImageOps

from sknevo.data_checks import fingerprint, random_rows
from sknevo.network_plan import channels_last
from sknevo.network_plan import image_shape as channels_first

__all__ = ["ImageStream"]

# Threads that read. Decoders release Python's lock, so they read side by side. The
# bound is chosen, not measured.
READERS = min(8, os.cpu_count() or 1)
# Items that are looked at before a search: all of so many, or so many at random, since
# reading all of a large set would take as long as an epoch. Chosen, not measured.
LOOKED_AT = 1000
# Images that are read twice, to find those that change. Chosen, not measured.
READ_TWICE = 16
# Images that cannot be read and that an error names. Chosen, not measured.
NAMED = 5
# PIL's names of modes by their number of channels.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
# The greatest value of a channel of 16 bits, by that of one of 8 bits.
DEEP = 65535 / 255
# Formats whose pixels have 16 bits where PIL's mode has 32.
DEEP_FORMATS = {"PNG", "PPM"}


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
        # Nobody has asked for the gray that colours would become.
        self._gray_by_first = image_shape is None and first.ndim == 2

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
        """Checksum of images, and of names and sizes of files; 16 hexadecimal digits.

        Of up to 1000 images all count, of more as many at random. Names and sizes are
        those of all files that a torchvision folder or `sknevo.datasets` reads. A copy
        of a folder has the same fingerprint.
        """
        rows = self.rows[random_rows(len(self), LOOKED_AT)]
        seen = _in_threads(lambda row: fingerprint(self._read(row)), rows)
        files = _held(self.dataset, _own_files)
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

        rows = self.rows[random_rows(len(self), LOOKED_AT)]
        found = _in_threads(read, rows)
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

        _in_threads(read, range(len(self)))
        return images

    def __getstate__(self) -> dict[str, Any]:
        # The class of a dataset is often defined in a script or notebook, where workers
        # cannot import it: it is pickled by value.
        dataset = wrap_non_picklable_objects(self.dataset, keep_wrapper=False)
        return {**self.__dict__, "dataset": dataset}

    def _read(self, row: int) -> np.ndarray:
        item = _item(self.dataset, row)
        image = item[0] if _begins_with_image(item) else item
        try:
            pixels = pixels_of(image, self.image_shape, self.channels)
            dropped = self._gray_by_first and _has_colours(image)
        except MemoryError:
            raise
        except Exception as error:
            raise _unreadable(self.dataset, row, error) from error
        if pixels.dtype.kind not in "biuf" or not pixels.ndim:
            raise TypeError(
                "X must hold PIL images, arrays or tensors of numbers, or tuples "
                f"(image, label) that begin with one; item {row} is {_kind(item)}."
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


def array_of(values: Any) -> np.ndarray:
    """Return an array, also of a tensor on any device and with gradients."""
    if not hasattr(values, "detach"):
        return np.asarray(values)
    tensor = values.detach().cpu()
    try:
        return tensor.numpy()
    except TypeError:  # such as bfloat16, which numpy does not have
        return tensor.float().numpy()


def streamed(
    X: Any, image_shape: tuple[int, ...] | None = None, channels: str = "auto"
) -> Any:
    """Return an `ImageStream` of X if it is a torch Dataset, else X itself."""
    return ImageStream(X, image_shape, channels) if is_torch_dataset(X) else X


def labels_of(X: Any) -> np.ndarray | None:
    """Return the labels of a torch Dataset; None if X is another object.

    Of more than 1000 items, the labels that the dataset holds apart from its images are
    returned if they are those of 1000 items at random. Otherwise all items are read.
    """
    if not is_torch_dataset(X):
        return None
    rows = random_rows(len(X), LOOKED_AT)
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
        item = _item(X, row)
        if not _begins_with_image(item) or len(item) < 2:
            raise ValueError(
                "y must be given, or the items of X must be tuples (image, label); "
                f"item {row} is {_kind(item)}."
            )
        if not _is_label(item[1]):
            raise ValueError(
                "The labels in X must be numbers or strings, unless y is given; that "
                f"of item {row} is {_kind(item[1])}."
            )
        return item[1]

    labels = _in_threads(label_of, rows)
    mixed = len({isinstance(label, str) for label in labels}) > 1
    # NumPy would make strings of numbers.
    return np.array(labels, object if mixed else None)


def _begins_with_image(item: Any) -> bool:
    """Return whether an item is more than an image; lists of lists are images."""
    if not isinstance(item, tuple | list) or not item:
        return False
    return isinstance(item, tuple) or not isinstance(item[0], list | Number)


def _is_label(value: Any) -> bool:
    if isinstance(value, str | Number):
        return True
    held = np.asarray(value) if hasattr(value, "__array__") else np.empty(0)
    return held.size == 1 and held.dtype.kind in "biufUS"


def _in_threads(read: Callable[[int], Any], rows: Sequence[int]) -> list[Any]:
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


def _item(dataset: Any, row: int) -> Any:
    try:
        return dataset[int(row)]
    except MemoryError:
        raise
    except Exception as error:
        raise _unreadable(dataset, row, error) from error


def _unreadable(dataset: Any, row: int, error: Exception) -> OSError:
    files = _held(dataset, _own_files)
    known = files is not None and str(files[row]) not in str(error)
    why = str(error) or type(error).__name__
    return OSError(
        f"image {row}{f' ({files[row]})' if known else ''} cannot be read: {why}"
    )


def _kind(item: Any) -> str:
    """Return, for an error, what an object is."""
    name = f"a {type(item).__name__}"
    if isinstance(item, Mapping):
        return f"{name} with the keys {list(item)}"
    if isinstance(item, tuple | list):
        return f"{name} of {', '.join(type(part).__name__ for part in item)}"
    return name


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


def is_torch_dataset(X: Any) -> bool:
    """Return whether X is a torch Dataset; refuse one whose items have no number."""
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


def pixels_of(
    image: Any, shape: tuple[int, ...] | None = None, channels: str = "auto"
) -> np.ndarray:
    """Return an image as an array; PIL images as bytes, see the notes of `ImageStream`.

    Parameters
    ----------
    image : PIL.Image.Image, array or tensor
        Only PIL images are turned, scaled and cropped.
    shape : tuple of int or None, default=None
        See `ImageStream`; None keeps the size, and converts to RGB unless it is gray.
    channels : {"auto", "first", "last"}, default="auto"
        See `ImageStream`.
    """
    if not isinstance(image, Image.Image):
        return array_of(image)
    if not shape:
        pixels = np.asarray(_converted(image, "L" if _is_gray(image) else "RGB"))
        first = pixels.ndim == 3 and channels == "first"
        return np.moveaxis(pixels, -1, 0) if first else pixels
    n_channels, height, width = channels_first(shape, channels)
    if n_channels not in MODES:
        raise ValueError(f"PIL images have 1 to 4 channels; got image_shape={shape}.")
    pixels = np.asarray(fitted(image, MODES[n_channels], height, width))
    pixels = pixels.reshape(height, width, n_channels)
    # (height, width) has no channels.
    first = len(shape) == 3 and not channels_last(shape, channels)
    return np.moveaxis(pixels, -1, 0) if first else pixels.reshape(shape)


def _in_bytes(image: Image.Image) -> Image.Image:
    """Return a PIL image upright and with channels of 8 bits."""
    upright = ImageOps.exif_transpose(image)
    if not image.mode.startswith(("I", "F")):
        return upright
    if image.mode in ("I", "F") and image.format not in DEEP_FORMATS:
        raise ValueError(
            f"PIL images must have channels of 8 or 16 bits; got mode {image.mode!r}. "
            "Let the dataset return an array instead."
        )
    return Image.fromarray(np.rint(np.asarray(upright) / DEEP).astype(np.uint8))


def fitted(image: Image.Image, mode: str, height: int, width: int) -> Image.Image:
    """Return an image in another mode, scaled to cover a size and cropped to it."""
    size = (width, height)
    return ImageOps.fit(_converted(image, mode), size, Image.Resampling.BILINEAR)


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Return an image in another mode, on white if that has no channel for opacity."""
    image = _in_bytes(image)
    if image.has_transparency_data and "A" not in mode:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)


def _is_gray(image: Image.Image) -> bool:
    return Image.getmodebase(image.mode) == "L"


def _has_colours(image: Any) -> bool:
    if not isinstance(image, Image.Image) or _is_gray(image):
        return False
    return bool(np.ptp(np.asarray(_converted(image, "RGB")), axis=-1).any())
