"""What networks that give maps of images share, whatever the maps say."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._data import as_tensor, channel_statistics
from sknevo.builders.networks._modules import Standardise
from sknevo.builders.networks._net import Net
from sknevo.builders.networks._unet import UNet
from sknevo.image_stream._pixels import array_of, together
from sknevo.network_plan import channels_last, image_shape, unet_plan

# What the deviation of a single image is taken for at least, in that of all: noise of
# an even image is not enlarged more. Chosen, not measured.
LEAST_SPREAD = 0.02
# Pixels that are predicted at once, see `PIXELS_IN_CACHE` in networks/_net.py. Chosen,
# not measured.
PIXELS_AT_ONCE = 200_000


class AnySize(nn.Module):
    """Puts the channels of images first, whatever their height and width."""

    def __init__(self, sample_shape: tuple[int, ...], channels: str = "auto") -> None:
        super().__init__()
        self.channels_last = channels_last(sample_shape, channels)

    def forward(self, X: Tensor) -> Tensor:
        if X.ndim == 3:
            return X[:, None]
        return X.permute(0, 3, 1, 2) if self.channels_last else X


class MapNetwork(nn.Module):
    """A U-Net that takes images as the user has them and returns maps.

    A task says in `forward` what becomes of them.

    Parameters
    ----------
    genes : dict
        Expressed: `network`, those of `sknevo.network_plan.unet_plan`, and
        `augmentation`.
    sample_shape : tuple of int
        Shape of an image: (height, width), (channels, height, width) or
        (height, width, channels). Others may have other heights and widths.
    n_outputs : int
        Number of maps.
    mean, scale : Tensor of shape (channels,)
        Inputs are standardised by them.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`.
    seed : int, default=0
        Seed of the weights; global generators are not touched.
    """

    # Augmentations that the task has no genes for.
    still: dict[str, Any]

    def __init__(
        self,
        genes: dict[str, Any],
        sample_shape: tuple[int, ...],
        n_outputs: int,
        mean: Tensor,
        scale: Tensor,
        channels: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        changes = genes["augmentation"]
        self.arrange = AnySize(sample_shape, channels)
        self.standardise = Standardise(mean, scale)
        self.augment = Augmentation({**changes, **self.still})
        # Mirror images are predicted, too, along these axes.
        self.mirrors: list[list[int]] = [[]]
        if changes["test_time"]:
            axes = [-1] * changes["flip"] + [-2] * changes["turn"]
            self.mirrors += [[axis] for axis in axes] + [axes] * (len(axes) > 1)
        self.each_image = genes["network"].get("each_image", False)
        n_channels = image_shape(sample_shape, channels)[0]
        self.unet = UNet(unet_plan(genes["network"], n_channels, n_outputs), rng)
        self.to(memory_format=torch.channels_last)

    def standardised(self, X: Tensor) -> Tensor:
        """Return images, channels first, with a mean of 0 and a deviation of 1."""
        X = self.standardise(X)
        if not self.each_image:
            return X
        spread, mean = torch.std_mean(X, dim=(2, 3), keepdim=True, correction=0)
        return (X - mean) / spread.clamp_min(LEAST_SPREAD)


class MapNet(Net):
    """A net of a `MapNetwork`; images are an array, or a sequence of several sizes."""

    @property
    def _axis(self) -> int:
        """The axis of the height in an image."""
        shape = self._sample_shape
        return int(len(shape) == 3 and not channels_last(shape, self._channels))

    def known_of(self, X: Any) -> dict[str, Tensor]:
        arrange = AnySize(self._sample_shape, self._channels)
        return channel_statistics(arrange(as_tensor(image[None])) for image in X)

    def _of_one_size(self, X: Any) -> Iterator[np.ndarray]:
        """Yield images, in order, as batches of one size that fit into memory."""
        if not isinstance(X, np.ndarray):
            X = together([array_of(image) for image in X])
        self.pixels_.check(X)
        begin, axis = 0, self._axis
        while begin < len(X):
            shape = np.shape(X[begin])
            most = max(1, PIXELS_AT_ONCE // math.prod(shape[axis : axis + 2]))
            run = [X[begin]]
            for image in X[begin + 1 : begin + most]:
                if np.shape(image) != shape:
                    break
                run.append(image)
            begin += len(run)
            yield np.stack(run)
