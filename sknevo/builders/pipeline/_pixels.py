"""Pixels of images: sizes, grey, cells of a grid, and histograms in them."""

from functools import cache

import numpy as np
from PIL import Image

from sknevo.network_plan import scaled_sides

# Weights of red, green and blue in grey, as in ITU-R 601.
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def resized(images: np.ndarray, side: int, crop: float) -> np.ndarray:
    """Return the middle of images, the shorter side of which becomes `side`.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, channels)
        Values between 0 and 1.
    side : int
        Length of the shorter side, in pixels.
    crop : float
        Share of each side that is kept.
    """
    _, height, width, _ = images.shape
    top, left = height * (1 - crop) / 2, width * (1 - crop) / 2
    box = (left, top, width - left, height - top)
    new_height, new_width = scaled_sides(height, width, side)
    if crop == 1 and (new_height, new_width) == (height, width):
        return images
    scaled = np.empty((len(images), new_height, new_width, images.shape[3]), np.float32)
    for image, place in zip(images, scaled, strict=True):
        for channel in range(images.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            size = (new_width, new_height)
            plane = plane.resize(size, Image.Resampling.BILINEAR, box)
            place[..., channel] = np.asarray(plane)
    return scaled


def grey(images: np.ndarray) -> np.ndarray:
    """Return images of one channel (n, height, width)."""
    match images.shape[3]:
        case 1 | 2:  # the second one is opacity
            return images[..., 0]
        case 3 | 4:
            return images[..., :3] @ GREY
        case _:
            return images.mean(axis=3)


def coloured(images: np.ndarray) -> np.ndarray:
    """Return images of one channel, or of all but opacity."""
    n_channels = images.shape[3]
    return images[..., : n_channels - 1] if n_channels in (2, 4) else images


# Cells of images ----------------------------------------------------------------------


@cache
def cell_of(height: int, width: int, cells: int) -> np.ndarray:
    """Return the number of the cell that each pixel is in, of a grid of cells."""
    row, column = (np.arange(side) * cells // side for side in (height, width))
    return row[:, None] * cells + column


def in_cells(maps: np.ndarray, cells: int) -> np.ndarray:
    """Return the mean of maps (n, height, width, channels) in each cell of a grid.

    The result has a row for each image: (n, channels of all cells).
    """
    n, height, width, _ = maps.shape
    rows, columns = (np.arange(cells) * side // cells for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(maps, rows, axis=1), columns, axis=2)
    sizes = np.outer(
        *(np.diff([*at, side]) for at, side in ((rows, height), (columns, width)))
    )
    # A cell of a map that is smaller than the grid is that of its first pixel.
    return (sums / np.maximum(1, sizes)[..., None]).reshape(n, -1)


def histograms(bins: np.ndarray, n_bins: int, cells: int) -> np.ndarray:
    """Return square roots of the shares of bins in each cell [1]_.

    Distances of square roots are Hellinger distances of histograms.

    Parameters
    ----------
    bins : ndarray of int of shape (n, height, width)
        The bin of each pixel, from 0.
    n_bins : int
        Number of bins.
    cells : int
        Cells along a side.

    References
    ----------
    .. [1] Arandjelovic, R., & Zisserman, A. (2012). Three things everyone should know
       to improve object retrieval. CVPR.
    """
    n, height, width = bins.shape
    places = cell_of(height, width, cells) * n_bins
    counts = np.stack(
        [
            np.bincount((places + one).ravel(), minlength=cells**2 * n_bins)
            for one in bins
        ]
    ).reshape(n, cells**2, n_bins)
    shares = counts / np.maximum(1, counts.sum(axis=2, keepdims=True))
    return np.sqrt(shares).reshape(n, -1)
