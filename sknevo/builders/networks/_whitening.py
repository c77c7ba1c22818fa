"""The weights of a whitening layer, which the images themselves tell."""

import math
from typing import Any

import torch
from torch import Tensor

from sknevo.builders.networks._data import as_tensor
from sknevo.builders.networks._modules import Arrange
from sknevo.network_plan import MOST_DIRECTIONS

# So many images are seen, or so many that they have these pixels, but not fewer than
# the least; Jordan (2024) takes 5,000 images of 32 x 32. Chosen, not measured.
MOST_IMAGES, MOST_PIXELS, FEWEST_IMAGES = 1_000, 2**20, 32
# Directions of little variance, which hold noise, are not enlarged to that of the
# others: to each variance a share of the greatest is added. Chosen, not measured.
LEAST_VARIANCE = 1e-3


def whitening_directions(
    X: Any,
    sample_shape: tuple[int, ...],
    channels: str,
    kernel: int,
    mean: Tensor,
    scale: Tensor,
) -> Tensor:
    """Return the directions of greatest variance of patches, and their opposites.

    Multiplied with them, patches have a variance of about 1 in each direction.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...), or ImageStream
        Training images.
    sample_shape : tuple of int
        Shape of a sample, see `sknevo.network_plan.image_shape`.
    channels : {"auto", "first", "last"}
        Where the channels are in `sample_shape`.
    kernel : int
        Side of a patch.
    mean, scale : Tensor of shape (channels,)
        Images are standardised by them.

    Returns
    -------
    Tensor of shape (2 * n_directions, channels, kernel, kernel)
    """
    enough = max(
        FEWEST_IMAGES, min(MOST_IMAGES, MOST_PIXELS // math.prod(sample_shape))
    )
    some = X[:: math.ceil(len(X) / enough)]
    images = Arrange(sample_shape, channels)(as_tensor(some)).double()
    images = (images - mean.view(-1, 1, 1)) / scale.view(-1, 1, 1)
    shape = (images.shape[1], kernel, kernel)
    covariance = torch.zeros(2 * [math.prod(shape)], dtype=images.dtype)
    for batch in images.split(FEWEST_IMAGES):
        patches = torch.nn.functional.unfold(batch, kernel).transpose(0, 1).flatten(1)
        share = len(batch) / len(images) / patches.shape[1]
        covariance += share * patches @ patches.T
    variances, directions = torch.linalg.eigh(covariance)
    # In ascending order; the greatest may be 0, if all images are of one colour.
    greatest = variances[-1].clamp_min(torch.finfo(torch.float32).tiny)
    scales = (variances.clamp_min(0) + LEAST_VARIANCE * greatest).sqrt()
    chosen = (directions / scales).T.flip(0)[:MOST_DIRECTIONS]
    return torch.cat([chosen, -chosen]).view(-1, *shape).to(torch.float32)
