"""Images of any source in one form: channels last, black is 0 and white is 1."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.ndimage import affine_transform

from sknevo.data_checks import fingerprint
from sknevo.image_stream._memory import BLOCK, Memory, computed
from sknevo.image_stream._scale import BYTES, FRACTIONS, PixelRange
from sknevo.network_plan import channels_last

# Degrees, and shares of the sides, that copies are moved by at most. Chosen, not
# measured.
TURN, ZOOM, SHIFT = 10.0, 0.1, 0.08
# What the values of images may end at, if the largest is more than half of it.
KNOWN = (FRACTIONS, BYTES)


class Layout(NamedTuple):
    """How an image lies in a source: its shape, its channels, black and white."""

    shape: tuple[int, ...]
    channels: str
    black: float = 0.0
    white: float = 255.0

    @classmethod
    def of(cls, shape: Sequence[int], channels: str, found: PixelRange) -> Self:
        """Return the layout of images with values of a range."""
        high = found.high
        white = next((w for w in KNOWN if w / 2 < high <= w), high)
        black = min(0.0, found.low)
        return cls(tuple(shape), channels, black, white if white > black else black + 1)

    def plain(self, images: Any) -> np.ndarray:
        """Return images as (n, height, width, channels), between 0 and 1."""
        pixels = np.asarray(images).reshape(-1, *self.shape)
        if len(self.shape) == 2:
            pixels = pixels[..., None]
        elif not channels_last(self.shape, self.channels):
            pixels = np.moveaxis(pixels, 1, -1)
        scaled = pixels.astype(np.float32) - np.float32(self.black)
        scaled /= np.float32(self.white - self.black)
        return np.clip(scaled, 0, 1, out=scaled)


class Images:
    """Some images of a source; they are indexed by rows, as an array is.

    Parameters
    ----------
    source : array or ImageStream of shape (n, ...)
        All images, as the user has them.
    layout : Layout
        How they lie there.
    memory : Memory or None, default=None
        Where what was computed of images is kept for all that are made of these.

    Examples
    --------
    >>> images = Images(np.zeros((5, 8, 8), np.uint8), Layout((8, 8), "last"))
    >>> images[1:3].shape, images.pixels().shape
    ((2, 8, 8), (5, 8, 8, 1))
    """

    def __init__(
        self, source: Any, layout: Layout, memory: Memory | None = None
    ) -> None:
        self.source = source
        self.layout = layout
        self.memory = memory
        self.rows = np.arange(len(source))
        # Which copy of the images these are, 0 of themselves.
        self.copy, self.mirrored = 0, False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as an array, (n, *shape of an image)."""
        return (len(self.rows), *self.layout.shape)

    @property
    def fingerprint(self) -> str:
        """Checksum of these images."""
        copy = self.copy, self.mirrored
        return fingerprint(self.source[self.rows], [*self.layout], copy)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> Self:
        if isinstance(rows, tuple):  # as scikit-learn asks: (rows, ...)
            rows = rows[0]
        return self._but(rows=np.atleast_1d(self.rows[rows]))

    def copied(self, copy: int, mirrored: bool) -> Self:
        """Return copies that are moved at random, always in the same way.

        Parameters
        ----------
        copy : int
            Number of the copy, from 1.
        mirrored : bool
            Whether half of them are mirrored.
        """
        return self._but(copy=copy, mirrored=mirrored)

    def _but(self, **changed: Any) -> Self:
        part = object.__new__(type(self))
        part.__dict__ = {**self.__dict__, **changed}
        return part

    def pixels(self) -> np.ndarray:
        """Return all images as floats of shape (n, height, width, channels)."""
        return self._read(self.rows)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        pixels = self.layout.plain(self.source[rows])
        if self.copy:
            for row, image in zip(rows.tolist(), pixels, strict=True):
                rng = np.random.default_rng([row, self.copy])
                image[:] = moved(image, rng, self.mirrored)
        return pixels

    def blocks(self) -> "list[Images]":
        """Return the images in parts, each of which fits into memory."""
        return [self[begin : begin + BLOCK] for begin in range(0, len(self), BLOCK)]

    def each(self, key: str, compute: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return what `compute` makes of pixels, a row of numbers for each image.

        Parameters
        ----------
        key : str
            Says what is computed; it is computed once if there is a memory.
        compute : callable
            Gets pixels of some images and returns an array with a row for each.
        """

        def of_rows(rows: np.ndarray) -> np.ndarray:
            return compute(self._read(rows))

        if self.memory is None:
            return computed(self.rows, of_rows)
        if self.copy:
            key = f"{key}, copy {self.copy}, mirrored: {self.mirrored}"
        return self.memory.rows(key, self.rows, of_rows)


def moved(image: np.ndarray, rng: np.random.Generator, mirrored: bool) -> np.ndarray:
    """Return an image (height, width, channels), turned, scaled and shifted a little.

    Pixels from beyond the border are the nearest ones of it.
    """
    angle = math.radians(rng.uniform(-TURN, TURN))
    scale = rng.uniform(1 - ZOOM, 1 + ZOOM)
    sides = np.array(image.shape[:2])
    shift = rng.uniform(-SHIFT, SHIFT, 2) * sides
    turn = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    if mirrored and rng.random() < 0.5:
        turn[:, 1] *= -1
    matrix = np.eye(3)
    matrix[:2, :2] = turn * scale
    middle = (sides - 1) / 2
    offset = np.append(middle - matrix[:2, :2] @ middle + shift, 0.0)
    return affine_transform(image, matrix, offset, order=1, mode="nearest")


def sides_of(shape: Sequence[int], channels: str) -> tuple[int, int, int]:
    """Return height, width and number of channels of an image.

    Examples
    --------
    >>> sides_of((3, 48, 64), "first"), sides_of((8, 8), "auto")
    ((48, 64, 3), (8, 8, 1))
    """
    if len(shape) == 2:
        return (*shape, 1)
    if channels_last(shape, channels):
        return tuple(shape)
    return (shape[1], shape[2], shape[0])
