"""Square scenes with boxes: parts of images, scaled, mirrored, or made of four."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
        sides = [max(1, round(zoom * side)) for side in image.shape[1:]]
        # Where the image begins in the cell: outside if it is larger, else inside.
        top, left = (
            int(rng.uniform(min(0, free), max(0, free) + 1))
            for free in (cell.height - sides[0], cell.width - sides[1])
        )
        if sides != [*image.shape[1:]]:
            image = resized(image, sides)
        into = [
            slice(max(0, begin), min(length, begin + side))
            for begin, length, side in zip(
                (top, left), (cell.height, cell.width), sides, strict=True
            )
        ]
        shown = image[
            :,
            into[0].start - top : into[0].stop - top,
            into[1].start - left : into[1].stop - left,
        ]
        begin = [cell.top, cell.left]
        rows, columns = (
            slice(one.start + at, one.stop + at)
            for one, at in zip(into, begin, strict=True)
        )
        picture[:, rows, columns] = shown
        corners = zoom * boxes[:, :4] + np.array([left, top, left, top])
        return _seen(corners, boxes[:, 4:], cell)

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
