"""Images, and rows of networks, as users have them, made arrays or streams."""

import math
import warnings
from collections.abc import Iterator, Mapping
from numbers import Integral
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from PIL import Image
from scipy.sparse import issparse

from sknevo.data_checks import ENCODE, first_word
from sknevo.frames import as_pandas
from sknevo.image_stream._items import is_torch_dataset
from sknevo.image_stream._pixels import array_of
from sknevo.image_stream._stream import ImageStream, streamed
from sknevo.network_plan import channels_last, is_ambiguous

Shape = tuple[int, ...]

SHAPES = "(height, width), (channels, height, width) or (height, width, channels)"
ACCEPTED = (
    "X must be an array or a list of images, a torch Dataset, or a table of numbers"
)
FILES = (
    "Pictures in files are read by sknevo.datasets.load_image_folder, or given as a "
    "list of PIL images."
)


def are_images(X: Any) -> bool:
    """Return whether X holds images: arrays of two sides or more, PIL images, streams.

    Rows of images are a table: a parameter says that they are images.

    Examples
    --------
    >>> are_images(np.zeros((5, 8, 8))), are_images(np.zeros((5, 64)))
    (True, False)
    >>> are_images([Image.new("L", (8, 8))]), are_images([[0.5, 1.0]])
    (True, False)
    """
    if isinstance(X, ImageStream) or is_torch_dataset(X):
        return True
    if isinstance(X, list | tuple | pd.Series) or _holds_objects(X):
        first = next(iter(X), None)
        sides = getattr(first, "shape", ())
        return isinstance(first, Image.Image) or len(sides) in (2, 3)
    return len(getattr(X, "shape", ())) > 2


def as_samples(X: Any, shape: Shape | None, channels: str) -> tuple[Any, str]:
    """Return an `ImageStream`, DataFrame or array, and where its channels are.

    Parameters
    ----------
    shape : tuple of int or None
        PIL images are scaled and cropped to it; None, or the shape of a row, stands for
        that of the first.
    channels : {"auto", "first", "last"}
        Where the channels are; "auto" stands for what a stream says.
    """
    shape = shape if shape and len(shape) > 1 else None
    X = streamed(X, shape, channels)
    if hasattr(type(X), "columns"):  # a table of any library
        X = as_pandas(X)
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 2:
        X = pd.DataFrame(X)
    if isinstance(X, pd.DataFrame):
        return _numeric(X), channels
    if isinstance(X, list | tuple | pd.Series) or _holds_objects(X):
        items = [*X]
        if items and isinstance(items[0], Image.Image):
            X = ImageStream(items, shape, channels)
            return np.asarray(X), _agreed(X, channels)
        X = _stacked(items)
    if isinstance(X, ImageStream):
        return X, _agreed(X, channels)
    if issparse(X):  # scikit-learn refuses it
        return X, channels
    array = array_of(X)
    _check_type(array)
    return array, channels


def _check_type(array: np.ndarray) -> None:
    """Refuse what no conversion makes an array of numbers."""
    kind = array.dtype.kind
    if kind in "US" and array.size:
        _, word = first_word(array.ravel()) or (0, array.flat[0])
        raise ValueError(f"{ACCEPTED}; got {str(word)[:80]!r}. {FILES}")
    if array.ndim == 0:
        raise TypeError(f"{ACCEPTED}; got {type(array.item()).__name__}.")
    # scikit-learn refuses objects that are no numbers.
    if kind not in "biufO":
        said = "Complex data not supported: " * (kind == "c")
        raise ValueError(f"{said}X must hold numbers; got an array of {array.dtype}.")


def _agreed(stream: ImageStream, channels: str) -> str:
    """Return where the channels of a stream are; raise if it says otherwise."""
    if channels == "auto" or stream.ndim != 4:
        return stream.channels
    if stream.channels not in ("auto", channels):
        raise ValueError(
            f"The channels of X must be {channels}, as channels={channels!r} or fit "
            f"says; they are {stream.channels} in this stream of images."
        )
    return channels


def _holds_objects(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1


def _stacked(items: list[Any]) -> np.ndarray:
    """Return a list of arrays, tensors or numbers as one array."""
    first = items[0] if items else 0
    if isinstance(first, str | bytes | PurePath):
        raise ValueError(f"{ACCEPTED}; got {str(first)[:80]!r}. {FILES}")
    if isinstance(first, Mapping):
        raise TypeError(f"{ACCEPTED}; got a list of dicts with the keys {[*first]}.")
    arrays = [*_arrays(items)]
    shapes = [array.shape for array in arrays]
    for place, found in enumerate(shapes):
        if found != shapes[0]:
            raise ValueError(
                f"X must hold samples of one shape; that in place 0 is of shape "
                f"{shapes[0]}, that in place {place} of {found}. Scale them to one "
                "size, or give PIL images, which are scaled to image_shape."
            )
    return np.array(arrays)


def _arrays(items: list[Any]) -> Iterator[np.ndarray]:
    for place, item in enumerate(items):
        try:
            yield array_of(item)
        except ValueError as error:  # nested lists of different lengths
            raise ValueError(
                f"X must hold arrays of numbers; the {type(item).__name__} in place "
                f"{place} is not one ({error}). Images with labels are given as X and "
                "y, or as a torch Dataset."
            ) from error


def _numeric(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of columns of numbers; name the first other one."""
    if all(map(_is_number, frame.dtypes)):
        return frame
    columns = [_numeric_column(frame.iloc[:, i]) for i in range(frame.shape[1])]
    # A new frame: the user's own is never changed.
    table = pd.concat(columns, axis=1)
    table.columns = frame.columns
    return table


def _is_number(dtype: Any) -> bool:
    numeric = types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype)
    return numeric and not types.is_complex_dtype(dtype)


def _numeric_column(column: pd.Series) -> pd.Series:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if _is_number(dtype):
        return column.astype(dtype)
    reason = None
    if types.is_object_dtype(dtype):
        try:
            return column.astype(float)
        except (TypeError, ValueError) as error:
            reason = error
    found = first_word(column)
    held = "no values" if found is None else f"{found[1]!r:.80} in row {found[0]}"
    # scikit-learn's check asks for a TypeError that says what `float` takes.
    fault, said = ValueError, ""
    if isinstance(reason, TypeError):
        fault, said = TypeError, f": {reason}"
    raise fault(
        f"X must hold numbers; column {column.name!r} of type {column.dtype} holds "
        f"{held}{said}. {ENCODE} {FILES}"
    ) from reason


def check_finite(values: np.ndarray, names: Any = None) -> None:
    """Raise an error that says where a value is that is not finite."""
    if values.dtype.kind != "f" or not values.size:
        return
    # Images are computed with in single precision, and rows once they are standardised.
    most = np.finfo(np.float32 if values.ndim > 2 else values.dtype).max
    if -most <= values.min() and values.max() <= most:  # no copy is made
        return
    row, *place = np.argwhere(~(np.abs(values) <= most))[0]
    value = values[(row, *place)]
    what = "NaN" if np.isnan(value) else "infinity or a value too large"
    column = place[0] if names is None else repr(names[place[0]])
    where = f"image {row}" if len(place) > 1 else f"row {row}, column {column}"
    raise ValueError(
        f"Input X contains {what} in {where}: only finite numbers are taken."
    )


def checked_shape(image_shape: Any) -> Shape | None:
    """Return the parameter `image_shape` as a tuple of whole numbers above 0."""
    if image_shape is None:
        return None
    sides = tuple(image_shape)
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in sides)
    if len(sides) not in (2, 3) or not whole or min(sides) < 1:
        raise ValueError(
            f"image_shape must be {SHAPES}, of whole numbers above 0; got "
            f"{image_shape!r}."
        )
    return tuple(int(side) for side in sides)


def sample_shape(shape: Shape, image_shape: Shape | None) -> Shape:
    """Return the shape of a sample as the user has it, which `image_shape` may say."""
    if image_shape is None:
        return shape
    are_rows = len(shape) == 1 and math.prod(image_shape) == shape[0]
    if not (are_rows or image_shape == shape):
        raise ValueError(
            f"image_shape must be {SHAPES} and match samples of shape {shape}; got "
            f"{image_shape!r}."
        )
    return image_shape


def same_order(shape: Shape, known: Shape) -> bool:
    """Return whether the values of samples of two shapes come in the same order."""
    long, known_long = ([n for n in sides if n > 1] for sides in (shape, known))
    # Rows do not say where their values come from: their number must do.
    if min(len(long), len(known_long)) <= 1:
        return math.prod(long) == math.prod(known_long)
    return long == known_long


def resolved_channels(shape: Shape, channels: str) -> str:
    """Return where the channels are, and warn if "auto" can only guess."""
    if channels == "auto" and is_ambiguous(shape):
        warnings.warn(
            f"channels='auto' takes the channels of images of shape {shape} to be "
            "first. Set channels to 'first' or 'last'.",
            UserWarning,
            stacklevel=2,
        )
    return "last" if channels_last(shape, channels) else "first"
