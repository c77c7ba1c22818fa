"""Images of one size or of several, and masks of their pixels, as users have them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from sknevo.image_stream import ImageStream
from sknevo.image_stream._items import begins_with_image, is_torch_dataset, item_of
from sknevo.image_stream._pixels import array_of, pixels_of, together
from sknevo.image_stream._samples import Shape, check_finite

ACCEPTED_IMAGES = (
    "X must hold images: an array of shape (n, height, width), (n, height, width, "
    "channels) or (n, channels, height, width), or a list of images of one or of "
    "several sizes"
)
ACCEPTED_MASKS = (
    "y must hold a mask of whole numbers for each image, an array of shape (n, height, "
    "width) or a list of arrays of shape (height, width)"
)
FILES = "load_mask_folder and load_voc_folder of sknevo.datasets read files."


def split_pairs(X: Any, y: Any) -> tuple[Any, Any]:
    """Return images and targets of a torch Dataset that holds both, else X and y."""
    if y is not None or not is_torch_dataset(X):
        return X, y
    items = [item_of(X, row) for row in range(len(X))]
    for row, item in enumerate(items):
        if not begins_with_image(item) or len(item) < 2:
            raise ValueError(
                "y must be given, or the items of X must be tuples (image, target); "
                f"item {row} is not."
            )
    return [item[0] for item in items], [item[1] for item in items]


def as_images(X: Any, image_shape: Shape | None = None) -> np.ndarray:
    """Return images as one array, or, if they have several sizes, an array of arrays.

    Parameters
    ----------
    image_shape : tuple of int or None, default=None
        The shape of an image if X holds them as rows.
    """
    if is_torch_dataset(X):
        X = [item_of(X, row) for row in range(len(X))]
        X = [item[0] if begins_with_image(item) else item for item in X]
    if isinstance(X, ImageStream):
        X = np.asarray(X)
    images = _array(X, "X", ACCEPTED_IMAGES)
    if images.dtype != object:
        if images.ndim == 2 and image_shape is not None:
            images = images.reshape(-1, *image_shape)
        if images.ndim not in (3, 4):
            raise ValueError(
                f"{ACCEPTED_IMAGES}; got an array of shape {images.shape}."
            )
        _check_numbers(images, "X")
        check_finite(images)
    else:
        _check_several_sizes(images)
    if 0 in images.shape or any(0 in image.shape for image in images):
        raise ValueError(f"X must not be empty; got shape {images.shape}.")
    return images


def _check_several_sizes(images: np.ndarray) -> None:
    first = images[0]
    for place, image in enumerate(images):
        if image.ndim not in (2, 3) or image.ndim != first.ndim:
            raise ValueError(
                f"{ACCEPTED_IMAGES}; image 0 is of shape {first.shape}, image {place} "
                f"of {image.shape}."
            )
        _check_numbers(image, f"image {place} of X")
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise ValueError(
                f"Input X contains NaN or infinity in image {place}: networks take "
                "finite numbers only."
            )


def _check_numbers(values: np.ndarray, what: str) -> None:
    if values.dtype.kind not in "biuf":
        said = "Complex data not supported: " * (values.dtype.kind == "c")
        raise ValueError(f"{said}{what} must hold numbers; got {values.dtype}. {FILES}")


def check_layout(images: np.ndarray, shape: Shape, axis: int | None) -> None:
    """Refuse images that have other axes or channels than those of `fit`.

    `axis` is that of the channels in an image of this shape.
    """
    for place, image in enumerate(images):
        same = image.ndim == len(shape)
        if not same or (axis is not None and image.shape[axis] != shape[axis]):
            sides = ["height", "width"]
            if axis is not None:
                sides.insert(axis % 3, str(shape[axis]))
            raise ValueError(
                f"X must hold images of shape ({', '.join(sides)}), as in fit; image "
                f"{place} is of shape {image.shape}."
            )
        if images.dtype != object:  # all have the same shape
            return


def as_masks(y: Any) -> np.ndarray:
    """Return masks as one array, or, if they have several sizes, an array of arrays."""
    masks = _array(y, "y", ACCEPTED_MASKS)
    if (
        masks.dtype != object
        and masks.ndim == 4
        and 1
        in (
            masks.shape[1],
            masks.shape[3],
        )
    ):
        masks = masks[:, 0] if masks.shape[1] == 1 else masks[..., 0]
    for place, mask in enumerate(masks):
        if mask.ndim != 2:
            raise ValueError(
                f"{ACCEPTED_MASKS}; mask {place} is of shape {mask.shape}."
            )
        _check_labels(mask, place)
    return masks


def _check_labels(mask: np.ndarray, place: int) -> None:
    if mask.dtype.kind not in "biu":
        raise ValueError(
            f"{ACCEPTED_MASKS}; mask {place} holds {_shown(mask)} of type "
            f"{mask.dtype}. Convert labels that are whole: mask.astype(int)."
        )


def _shown(mask: np.ndarray) -> str:
    """Return the first value that is no whole number, or the first one."""
    values = mask.ravel()
    if values.dtype.kind == "f":
        broken = values[values != np.rint(values)]
        values = broken if len(broken) else values
    return repr(values.tolist()[0]) if len(values) else "nothing"


def _array(values: Any, name: str, accepted: str) -> np.ndarray:
    """Return an array of numbers, or an array of arrays of several shapes."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray):
        if not hasattr(values, "__array__"):
            raise ValueError(f"{accepted}; got {type(values).__name__}. {FILES}")
        return array_of(values)
    items = [*values]
    if not items:
        raise ValueError(f"{name} must not be empty. {accepted}.")
    return together(
        [_item(item, place, name, accepted) for place, item in enumerate(items)]
    )


def _item(item: Any, place: int, name: str, accepted: str) -> np.ndarray:
    if isinstance(item, Image.Image):
        # A mask is not converted: its numbers are labels.
        return pixels_of(item) if name == "X" else np.asarray(item)
    what = "image" if name == "X" else "mask"
    try:
        found = array_of(item)
    except ValueError as error:  # nested lists of different lengths
        raise ValueError(f"{accepted}; {what} {place} is not one ({error}).") from error
    if found.dtype.kind in "OUS":
        raise ValueError(
            f"{accepted}; {what} {place} is {type(item).__name__} {item!r:.60}. {FILES}"
        )
    if name == "y":  # one array of all masks would have one type
        _check_labels(found, place)
    return found


def paired_masks(images: np.ndarray, masks: np.ndarray, axis: int | None) -> np.ndarray:
    """Return masks; refuse any without the height and width of its image."""
    check_same_number(images, masks, "masks")
    for place, (image, mask) in enumerate(zip(images, masks, strict=True)):
        height, width = sides_of(image, axis)
        if (height, width) != mask.shape:
            raise ValueError(
                "y must hold masks of the height and width of their images; image "
                f"{place} is of {height} x {width} pixels, its mask of "
                f"{mask.shape[0]} x {mask.shape[1]}."
            )
    return masks


def check_same_number(images: np.ndarray, targets: np.ndarray, what: str) -> None:
    """Refuse targets that are more or fewer than the images."""
    if len(images) != len(targets):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X holds "
            f"{len(images)} images and y {len(targets)} {what}."
        )


def sides_of(image: np.ndarray, axis: int | None) -> tuple[int, int]:
    """Return height and width of an image with its channels on an axis, if any."""
    height, width = (side for i, side in enumerate(image.shape) if i != axis)
    return height, width
