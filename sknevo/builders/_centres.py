"""Boxes as maps of their centres, which a network learns, and boxes of such maps.

A pixel of a class's map says how probable it is that an object has its centre there.
Four further maps say where the centre lies, from the middle of the pixel and in pixels
of the maps, and the logarithms of width and height, in shares of usual ones.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms

# Maps beside those of the classes.
OF_A_BOX = 4
# What the code of a class is where there is no further box.
NONE = -1
# The bell around a centre falls to this within which the box is learned, too; and it is
# at least so many pixels wide. Chosen, not measured.
NEAR, LEAST_WIDTH = 0.4, 0.4
# Sides are at most usual ones times e to this power: 150 times. Chosen, not measured.
MOST_LOG = 5.0


class CentreMaps(NamedTuple):
    """What a network should answer.

    Parameters
    ----------
    bells : Tensor of shape (n, n_classes, height, width)
        1 at centres, falling to 0 around them.
    boxes : Tensor of shape (n, 4, height, width)
        Of the object with the nearest centre.
    weights : Tensor of shape (n, height, width)
        How much each pixel learns of the box; the sum is 1 for each object.
    n_objects : Tensor of shape (n,)
        In each image.
    """

    bells: Tensor
    boxes: Tensor
    weights: Tensor
    n_objects: Tensor


def centre_maps(
    targets: Tensor,
    shape: tuple[int, int, int],
    stride: int,
    usual: Tensor,
    radius: float,
    around: bool,
) -> CentreMaps:
    """Return the maps of boxes.

    Parameters
    ----------
    targets : Tensor of shape (n, k, 5)
        Boxes, x1, y1, x2, y2 in pixels, and the code of their class, NONE for none.
    shape : tuple of int
        (n_classes, height, width) of the maps.
    stride : int
        The side of what a pixel of the maps stands for.
    usual : Tensor of shape (2,)
        Width and height, in pixels, that others are compared with.
    radius : float
        Deviation of the bell around a centre, in shares of the box's sides.
    around : bool
        Whether pixels around a centre learn the box, too, or that one alone.
    """
    height, width = shape[1:]
    corners, codes = targets[..., :4], targets[..., 4].long()
    real = codes != NONE
    sides = (corners[..., 2:] - corners[..., :2]).clamp_min(1e-3)
    middles = (corners[..., :2] + corners[..., 2:]) / (2 * stride)
    # The pixel of a centre, within the maps.
    limits = torch.tensor([width - 1, height - 1], device=targets.device)
    pixels = torch.minimum(middles.floor().clamp_min(0), limits)
    spread = (radius * sides / stride).clamp_min(LEAST_WIDTH)
    across, down = (
        _bell(length, pixels[..., axis], spread[..., axis])
        for axis, length in enumerate((width, height))
    )
    bells = down[..., None] * across[..., None, :] * real[..., None, None]
    heat = bells.new_zeros(len(targets), *shape)
    own = codes.clamp_min(0)[..., None, None].expand(bells.shape)
    heat.scatter_reduce_(1, own, bells, "amax")
    # Each pixel learns the box of the object with the highest bell there.
    highest, nearest = bells.max(dim=1)
    taken = highest >= (NEAR if around else 1.0)
    weights = (highest * taken).flatten(1)
    nearest = nearest.flatten(1)
    totals = torch.zeros_like(codes, dtype=bells.dtype).scatter_add_(
        1, nearest, weights
    )
    weights = weights / totals.gather(1, nearest).clamp_min(1e-9)

    def of_nearest(values: Tensor) -> Tensor:
        picked = values.gather(1, nearest[..., None].expand(-1, -1, 2))
        return picked.transpose(1, 2).reshape(-1, 2, height, width)

    grid = _middles(height, width, targets.device)
    boxes = torch.cat(
        [of_nearest(middles) - grid, of_nearest((sides / usual).log())], dim=1
    )
    return CentreMaps(heat, boxes, weights.view(-1, height, width), real.sum(dim=1))


def _bell(length: int, middle: Tensor, spread: Tensor) -> Tensor:
    """Return bells along an axis, which is added to those of the middles."""
    places = torch.arange(length, device=middle.device)
    return (-0.5 * ((places - middle[..., None]) / spread[..., None]).square()).exp()


def boxes_of(maps: Tensor, stride: int, usual: Tensor) -> Tensor:
    """Return the box that each pixel stands for, as x1, y1, x2, y2 in pixels.

    Parameters
    ----------
    maps : Tensor of shape (n, 4, height, width)
        What a network answers of boxes.
    stride, usual
        As for `centre_maps`.
    """
    grid = _middles(*maps.shape[2:], maps.device)
    middles = stride * (maps[:, :2] + grid)
    halves = maps[:, 2:].clamp(-MOST_LOG, MOST_LOG).exp() * usual[:, None, None] / 2
    return torch.cat([middles - halves, middles + halves], dim=1)


def _middles(height: int, width: int, device: torch.device) -> Tensor:
    """Return the middles of pixels, across and down."""
    rows = torch.arange(height, device=device) + 0.5
    columns = torch.arange(width, device=device) + 0.5
    return torch.stack([columns.expand(height, -1), rows[:, None].expand(-1, width)])


class Found(NamedTuple):
    """The objects in an image, the most probable first.

    Parameters
    ----------
    boxes : Tensor of shape (k, 4)
    codes : Tensor of int of shape (k,)
    scores : Tensor of shape (k,)
    """

    boxes: Tensor
    codes: Tensor
    scores: Tensor


def found_objects(
    shares: Tensor,
    boxes: Tensor,
    sides: tuple[int, int],
    min_score: float,
    suppression: float,
    most: int,
) -> list[Found]:
    """Return the objects of each image: peaks that no better box of the class covers.

    Parameters
    ----------
    shares : Tensor of shape (n, n_classes, height, width)
        Probabilities of centres.
    boxes : Tensor of shape (n, 4, height, width)
        See `boxes_of`.
    sides : tuple of int
        Height and width of the images, to which boxes are cut.
    min_score : float
        What probabilities must reach.
    suppression : float
        The intersection over union of two boxes above which only the better is kept.
    most : int
        Greatest number of objects in an image.
    """
    peaks = nn.functional.max_pool2d(shares, 3, stride=1, padding=1)
    chosen = (shares == peaks) & (shares >= min_score)
    height, width = sides
    limits = boxes.new_tensor([width, height, width, height])
    found = []
    for share, where, box in zip(shares, chosen, boxes, strict=True):
        codes, rows, columns = where.nonzero(as_tuple=True)
        scores = share[codes, rows, columns]
        corners = torch.minimum(box[:, rows, columns].T.clamp_min(0), limits)
        inside = (corners[:, 2:] > corners[:, :2]).all(dim=1)
        corners, codes, scores = corners[inside], codes[inside], scores[inside]
        kept = batched_nms(corners, scores, codes, suppression)[:most]
        found.append(Found(corners[kept], codes[kept], scores[kept]))
    return found
