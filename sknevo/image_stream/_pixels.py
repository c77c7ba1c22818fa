"""Images as arrays: PIL images upright, in bytes and on white."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from sknevo.network_plan import channels_last
from sknevo.network_plan import image_shape as channels_first

# PIL's names of modes by their number of channels.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
# The greatest value of a channel of 16 bits, by that of one of 8 bits.
DEEP = 65535 / 255
# Formats of pixels of 16 bits where PIL's mode has 32.
DEEP_FORMATS = {"PNG", "PPM"}


def array_of(values: Any) -> np.ndarray:
    """Return an array, also of a tensor on any device and with gradients."""
    if not hasattr(values, "detach"):
        return np.asarray(values)
    tensor = values.detach().cpu()
    try:
        return tensor.numpy()
    except TypeError:  # such as bfloat16, which numpy does not have
        return tensor.float().numpy()


def together(images: Sequence[np.ndarray]) -> np.ndarray:
    """Return images of one size as one array, others as an array of arrays.

    Examples
    --------
    >>> together([np.zeros((2, 3)), np.zeros((2, 3))]).shape
    (2, 2, 3)
    >>> together([np.zeros((2, 3)), np.zeros((4, 4))]).shape
    (2,)
    """
    if len({image.shape for image in images}) == 1:
        return np.stack(images)
    apart = np.empty(len(images), object)
    for place, image in enumerate(images):
        apart[place] = image
    return apart


def pictures_together(images: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures as `together` does, in three colours if one of them has any.

    Examples
    --------
    >>> pictures_together([np.zeros((2, 3)), np.zeros((2, 3, 3))]).shape
    (2, 2, 3, 3)
    """
    if any(image.ndim == 3 for image in images):
        images = [
            image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
            for image in images
        ]
    return together(images)


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


def fitted(image: Image.Image, mode: str, height: int, width: int) -> Image.Image:
    """Return an image in another mode, scaled to cover a size and cropped to it."""
    size = (width, height)
    return ImageOps.fit(_converted(image, mode), size, Image.Resampling.BILINEAR)


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


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Return an image in another mode, on white if that has no channel for opacity."""
    image = _in_bytes(image)
    if image.has_transparency_data and "A" not in mode:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)


def _is_gray(image: Image.Image) -> bool:
    return Image.getmodebase(image.mode) == "L"


def has_colours(image: Any) -> bool:
    if not isinstance(image, Image.Image) or _is_gray(image):
        return False
    return bool(np.ptp(np.asarray(_converted(image, "RGB")), axis=-1).any())
