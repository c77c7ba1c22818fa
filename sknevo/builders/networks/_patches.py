"""Square parts of images, with what is known of their pixels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknevo.builders.networks._data import as_tensor

# Every so many pixels are looked at where the middle of a patch is to be an object.
# Chosen, not measured.
COARSE = 4


@dataclass
class PatchBatches:
    """Batches of random square parts of images and of maps, as tensors.

    Parameters
    ----------
    images : sequence of ndarray
        Each of at least the size of a patch.
    maps : sequence of ndarray of shape (k, height, width)
        Of the same images. The first one holds a class of each pixel; 0 is background.
    weights : Tensor of shape (n_images,)
        Of the images.
    rows : ndarray of int of shape (n_patches,)
        Image of each patch.
    places : ndarray of shape (n_patches, 4)
        Random numbers in [0, 1) that say where each patch lies: how far down and to the
        right; which pixel of an object is in its middle, and whether one is (if it is
        less than `foreground`).
    side : int
        Side of a patch.
    size : int
        Most patches in a batch.
    axis : int
        The axis of an image that is its height.
    foreground : float
        Share of the patches with an object in their middle, where there is one.
    unknown : int
        The value of a class that is no object, either.
    device : str
        Where batches go.
    """

    images: Sequence[np.ndarray]
    maps: Sequence[np.ndarray]
    weights: Tensor
    rows: np.ndarray
    places: np.ndarray
    side: int
    size: int
    axis: int
    foreground: float
    unknown: int
    device: str

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.size)

    def __iter__(self) -> Iterator[list[Tensor]]:
        for part in np.array_split(np.arange(len(self.rows)), len(self)):
            corners = [self._corner(patch) for patch in part]
            rows = self.rows[part]
            pairs = list(zip(rows, corners, strict=True))
            images = [self._cut(self.images[i], c, self.axis) for i, c in pairs]
            maps = [self._cut(self.maps[i], c, 1) for i, c in pairs]
            yield [
                as_tensor(np.stack(images), self.device),
                as_tensor(np.stack(maps), self.device),
                self.weights[torch.as_tensor(rows, device=self.weights.device)],
            ]

    def _corner(self, patch: int) -> tuple[int, int]:
        """Return where a patch begins: top and left."""
        codes = self.maps[self.rows[patch]][0]
        down, right, which_pixel, whether = self.places[patch]
        last = [side - self.side for side in codes.shape]
        if whether < self.foreground:
            coarse = codes[::COARSE, ::COARSE]
            pixels = np.argwhere((coarse > 0) & (coarse != self.unknown))
            if len(pixels):
                middle = COARSE * pixels[int(which_pixel * len(pixels))]
                top, left = (
                    int(min(max(0, at - self.side // 2), most))
                    for at, most in zip(middle, last, strict=True)
                )
                return top, left
        return int(down * (last[0] + 1)), int(right * (last[1] + 1))

    def _cut(self, image: np.ndarray, corner: tuple[int, int], axis: int) -> np.ndarray:
        top, left = corner
        sides = slice(top, top + self.side), slice(left, left + self.side)
        return image[(slice(None),) * axis + sides]


def enlarged(image: np.ndarray, side: int, axis: int, **options: Any) -> np.ndarray:
    """Return an image with sides of at least so many pixels; `options` of numpy.pad.

    Examples
    --------
    >>> enlarged(np.ones((2, 5)), 3, 0, mode="symmetric").shape
    (3, 5)
    """
    sides = image.shape[axis : axis + 2]
    missing = [max(0, side - one) for one in sides]
    if not any(missing):
        return image
    pads = [(0, 0)] * image.ndim
    pads[axis : axis + 2] = [(0, more) for more in missing]
    return np.pad(image, pads, **options)
