"""Square scenes with boxes: parts of images, scaled, mirrored, or made of four."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

# What must be left of a box, in shares of its area, that an edge cuts; and where the
# four images of a scene meet, in shares of its side. Chosen, not measured.
VISIBLE, MEETING = 0.25, (0.3, 0.7)


class Cell(NamedTuple):
    """A part of a scene, in pixels."""

    top: int
    left: int
    height: int
    width: int


class _Window(NamedTuple):
    """What is seen of an image along an axis, in pixels.

    Parameters
    ----------
    start, part : int
        Where it begins in the image, and how long it is there.
    offset, shown : int
        Where it begins in the cell, and how long it is there.
    """

    start: int
    part: int
    offset: int
    shown: int

    @classmethod
    def drawn(
        cls, side: int, length: int, zoom: float, rng: np.random.Generator
    ) -> Self:
        """Return a part of an image that fills the cell, or all of it within."""
        part = max(1, int(length / zoom))
        if side > part:
            return cls(int(rng.integers(side - part + 1)), part, 0, length)
        shown = max(1, min(length, round(zoom * side)))
        return cls(0, side, int(rng.integers(length - shown + 1)), shown)

    @property
    def scale(self) -> float:
        return self.shown / self.part

    @property
    def source(self) -> slice:
        return slice(self.start, self.start + self.part)

    def within(self, begin: int) -> slice:
        """Return where it lies in a scene, if that is where the cell begins."""
        return slice(begin + self.offset, begin + self.offset + self.shown)


@dataclass
class SceneBatches:
    """Batches of scenes with their boxes, as tensors.

    A scene is the same each time that it is asked for.

    Parameters
    ----------
    images : sequence of Tensor of shape (channels, height, width)
        Of any sizes.
    boxes : sequence of ndarray of shape (k, 5)
        Of the same images: x1, y1, x2, y2 in pixels, and the code of the class.
    weights : Tensor of shape (n_images,)
        Of the images.
    rows : ndarray of int of shape (n_scenes,)
        The image of each scene.
    seeds : sequence of int
        What else is random depends on them.
    side : int
        Side of a scene.
    size : int
        Most scenes in a batch.
    fill : Tensor of shape (channels,)
        What is seen outside of an image.
    changes : dict
        `mosaic`, the share of the scenes that are made of four images; `zoom`, by which
        power of e images are enlarged or reduced at most; `flip` (left to right) and
        `turn` (upside down, and by right angles).
    device : str
        Where batches go.
    """

    images: Sequence[Tensor]
    boxes: Sequence[np.ndarray]
    weights: Tensor
    rows: np.ndarray
    seeds: Sequence[int]
    side: int
    size: int
    fill: Tensor
    changes: dict[str, Any]
    device: str

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.size)

    def __iter__(self) -> Iterator[list[Tensor]]:
        for part in np.array_split(np.arange(len(self.rows)), len(self)):
            scenes, boxes = zip(*map(self.scene, part), strict=True)
            rows = torch.as_tensor(self.rows[part], device=self.weights.device)
            yield [
                torch.stack(scenes).to(self.device),
                padded(boxes).to(self.device),
                self.weights[rows],
            ]

    def scene(self, number: int) -> tuple[Tensor, np.ndarray]:
        """Return the picture of a scene, and its boxes of shape (k, 5)."""
        rng = np.random.default_rng([*self.seeds, number])
        rows, side = [self.rows[number]], self.side
        cells = [Cell(0, 0, side, side)]
        if rng.random() < self.changes["mosaic"]:
            rows += [*rng.integers(len(self.images), size=3)]
            down, across = (rng.uniform(*MEETING, 2) * side).astype(int)
            cells = [
                Cell(0, 0, down, across),
                Cell(0, across, down, side - across),
                Cell(down, 0, side - down, across),
                Cell(down, across, side - down, side - across),
            ]
        kind = self.images[rows[0]].dtype
        picture = self.fill.to(kind)[:, None, None].repeat(1, side, side)
        found = [
            self._put(picture, cell, row, rng)
            for cell, row in zip(cells, rows, strict=True)
        ]
        return self._turned(picture, np.concatenate(found), rng)

    def _put(
        self, picture: Tensor, cell: Cell, row: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Show a random part of an image in a cell; return the boxes that are seen."""
        image, boxes = self.images[row], self.boxes[row]
        zoom = math.exp(self.changes["zoom"] * rng.uniform(-1, 1))
        down, across = (
            _Window.drawn(side, length, zoom, rng)
            for side, length in zip(image.shape[1:], cell[2:], strict=True)
        )
        # Cut before it is scaled: an image may be far larger than a scene.
        part = image[:, down.source, across.source]
        if part.shape[1:] != (down.shown, across.shown):
            part = resized(part, [down.shown, across.shown])
        picture[:, down.within(cell.top), across.within(cell.left)] = part
        begin, scale, offset = (
            np.array([getattr(across, name), getattr(down, name)] * 2)
            for name in ("start", "scale", "offset")
        )
        return _seen((boxes[:, :4] - begin) * scale + offset, boxes[:, 4:], cell)

    def _turned(
        self, picture: Tensor, boxes: np.ndarray, rng: np.random.Generator
    ) -> tuple[Tensor, np.ndarray]:
        side = self.side
        if self.changes["flip"] and rng.random() < 0.5:
            picture = picture.flip(2)
            boxes[:, [0, 2]] = side - boxes[:, [2, 0]]
        if self.changes["turn"]:
            if rng.random() < 0.5:
                picture = picture.flip(1)
                boxes[:, [1, 3]] = side - boxes[:, [3, 1]]
            if rng.random() < 0.5:
                picture = picture.transpose(1, 2)
                boxes[:, :4] = boxes[:, [1, 0, 3, 2]]
        return picture, boxes


def _seen(corners: np.ndarray, codes: np.ndarray, cell: Cell) -> np.ndarray:
    """Return the boxes of which enough lies in a cell, cut to it, in its scene."""
    limits = np.array([cell.width, cell.height, cell.width, cell.height])
    cut = np.clip(corners, 0, limits)
    areas, left = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (corners, cut))
    kept = left > VISIBLE * areas
    offset = np.array([cell.left, cell.top, cell.left, cell.top])
    return np.hstack([cut + offset, codes])[kept]


def resized(image: Tensor, sides: Sequence[int]) -> Tensor:
    """Return an image of shape (channels, height, width) with other sides."""
    scaled = nn.functional.interpolate(
        image[None].float(), [*sides], mode="bilinear", antialias=True
    )[0]
    return scaled.round().to(image.dtype) if image.dtype == torch.uint8 else scaled


def padded(boxes: Sequence[np.ndarray]) -> Tensor:
    """Return the boxes of several scenes as one tensor; codes of -1 stand for none.

    Examples
    --------
    >>> padded([np.zeros((0, 5)), np.ones((1, 5))])[:, 0, 4].tolist()
    [-1.0, 1.0]
    """
    together = torch.full((len(boxes), max(1, *map(len, boxes)), 5), -1.0)
    for row, some in zip(together, boxes, strict=True):
        row[: len(some)] = torch.from_numpy(some)
    return together
