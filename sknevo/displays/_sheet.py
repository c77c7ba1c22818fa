"""Images of any size in one picture, with what is predicted and what is true."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sknevo.displays._shared import ORANGE, SKY, legend_above

# Pixels between two images.
GAP = 4


def channels_at_end(images: Iterable[np.ndarray], axis: int | None) -> list[np.ndarray]:
    """Return images with their channels last, which are on an axis, None for none."""
    return [image if axis != 0 else np.moveaxis(image, 0, -1) for image in images]


def in_colours(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return images with three channels in [0, 1].

    The least of all values is black and the greatest white; of channels beyond three
    the first three are shown.
    """
    low = min(float(np.min(image)) for image in images)
    high = max(float(np.max(image)) for image in images)
    scaled = (
        (np.asarray(image, float) - low) / (high - low or 1.0) for image in images
    )
    return [_three(image) for image in scaled]


def _three(image: np.ndarray) -> np.ndarray:
    image = image[..., None] if image.ndim == 2 else image
    return (
        image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
    )


def sheet_of(
    pictures: Sequence[np.ndarray], n_columns: int | None
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return all pictures in one, and the top and left of each.

    Each is in a cell of the size of the largest.
    """
    columns = n_columns or math.ceil(math.sqrt(len(pictures)))
    height, width = np.max([picture.shape[:2] for picture in pictures], axis=0) + GAP
    rows = math.ceil(len(pictures) / columns)
    sheet = np.ones((rows * height - GAP, columns * width - GAP, 3))
    corners = []
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        top, left = int(row * height), int(column * width)
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        corners.append((top, left))
    return sheet, corners


def legend_of_truth(ax: Any) -> None:
    """Say which colour is that of predictions, and which that of the truth."""
    from matplotlib.lines import Line2D

    named = {"predicted": ORANGE, "true": SKY}
    legend_above(ax, [Line2D([], [], color=c, label=n) for n, c in named.items()])
