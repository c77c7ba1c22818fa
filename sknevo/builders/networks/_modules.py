"""Torch modules of the genes of layers."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from sknevo.builders.networks._augmentation import Augmentation
from sknevo.sizes import image_shape

__all__ = ["Arrange", "Dropout", "Network"]

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
POOLINGS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
# They never fall: the greatest of four activations is the activation of the greatest.
RISING = ("relu", "leaky_relu", "elu", "selu", "tanh")
GROUPS = 4


class Network(nn.Module):
    """A network that takes samples as the user has them and returns logits.

    Parameters
    ----------
    genes : dict
        Expressed: `dense`, and for images `blocks`, `bridge` and, if there is any,
        `augmentation`.
    sample_shape : tuple of int
        Of one sample: (features,), (height, width), (channels, height, width) or
        (height, width, channels).
    n_outputs : int
        Number of logits.
    mean, scale : Tensor of shape (channels,) or (features,)
        What inputs are standardised by.
    seed : int, default=0
        Of the weights; global generators are not touched.
    shape : tuple of int or None, default=None
        (channels, height, width) that the layers are to see, if other than samples have
        once they are arranged.
    """

    def __init__(
        self,
        genes: dict[str, Any],
        sample_shape: tuple[int, ...],
        n_outputs: int,
        mean: Tensor,
        scale: Tensor,
        seed: int = 0,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.arrange = Arrange(sample_shape)
        self.standardise = _Standardise(mean, scale)
        shape = self.arrange.shape if shape is None else shape
        width = math.prod(shape)
        self.augment: nn.Module = nn.Identity()
        self.blocks = nn.Sequential()
        if "blocks" in genes:
            if "augmentation" in genes:
                self.augment = Augmentation(genes["augmentation"])
            for block in genes["blocks"]:
                self.blocks.append(_Block(block, shape[0], draw))
                shape = (block["channels"], *_pooled(block, shape[1:]))
            flat = genes["bridge"] == "flatten"
            self.blocks.append(nn.Flatten() if flat else _Average())
            width = math.prod(shape) if flat else shape[0]
        self.dense = nn.Sequential()
        for layer in genes["dense"]:
            self.dense.append(_Dense(layer, width, draw))
            width = layer["units"]
        self.head = _linear(width, n_outputs, True, draw)
        self.to(memory_format=torch.channels_last)

    def forward(self, X: Tensor) -> Tensor:
        """Return the logits of a batch.

        Parameters
        ----------
        X : Tensor of shape (n_samples, ...)
            Of any numeric type.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
        """
        X = self.standardise(self.arrange(X)).to(self.head.weight.dtype)
        X = self.augment(X)
        if X.ndim == 4:  # pooling a pixel's channels side by side is six times as fast
            X = X.contiguous(memory_format=torch.channels_last)
        return self.head(self.dense(self.blocks(X)))


class Arrange(nn.Module):
    """Makes (n, channels, height, width) of images of whatever layout.

    Parameters
    ----------
    sample_shape : tuple of int
        Of one sample, see `sknevo.sizes.image_shape`; batches may be flattened.
    """

    def __init__(self, sample_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.sample_shape = tuple(sample_shape)
        self.shape = image_shape(sample_shape)
        images = len(self.sample_shape) == 3
        self.channels_last = images and self.shape != self.sample_shape

    def forward(self, X: Tensor) -> Tensor:
        if self.channels_last:
            return X.reshape(-1, *self.sample_shape).permute(0, 3, 1, 2)
        return X.reshape(-1, *self.shape)


class _Standardise(nn.Module):
    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, X: Tensor) -> Tensor:
        sides = (1,) * (X.ndim - 2)
        X = X.to(self.mean.dtype)
        return (X - self.mean.view(-1, *sides)) / self.scale.view(-1, *sides)


class _Block(nn.Module):
    """Convolution, normalisation, activation, shortcut, pooling, dropout."""

    def __init__(
        self, genes: dict[str, Any], channels: int, draw: torch.Generator
    ) -> None:
        super().__init__()
        width, kernel = genes["channels"], genes["kernel"]
        plain = genes["normalisation"] == "none"
        self.convolve = _convolution(channels, width, kernel, plain, draw)
        self.normalise = _normalisation(genes["normalisation"], width)
        self.activate = ACTIVATIONS[genes["activation"]]()
        self.shortcut: nn.Module | None = None
        if genes["residual"]:
            self.shortcut = (
                nn.Identity()
                if channels == width
                else _convolution(channels, width, 1, False, draw)
            )
        pooling = genes["pooling"]
        self.pool = nn.Identity() if pooling == "none" else POOLINGS[pooling](2)
        self.drop = Dropout(genes["dropout"])
        self.pool_first = (
            pooling == "max" and genes["activation"] in RISING and not genes["residual"]
        )

    def forward(self, X: Tensor) -> Tensor:
        Z = self.normalise(self.convolve(X))
        if self.pool_first:  # the same, on a quarter of the values
            return self.drop(self.activate(self.pool(Z)))
        Z = self.activate(Z)
        if self.shortcut is not None:
            Z = Z + self.shortcut(X)
        return self.drop(self.pool(Z))


class _Dense(nn.Sequential):
    def __init__(
        self, genes: dict[str, Any], width: int, draw: torch.Generator
    ) -> None:
        units, normalisation = genes["units"], genes["normalisation"]
        normalisations = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
        super().__init__(
            _linear(width, units, normalisation == "none", draw),
            normalisations.get(normalisation, lambda _: nn.Identity())(units),
            ACTIVATIONS[genes["activation"]](),
            Dropout(genes["dropout"]),
        )


class _Average(nn.Module):
    def forward(self, X: Tensor) -> Tensor:
        return X.mean(dim=(2, 3))


class Dropout(nn.Module):
    """Dropout with its own generator: two fits at a time do not disturb each other.

    Parameters
    ----------
    probability : float
        How often a value becomes zero.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability
        self.generator: torch.Generator | None = None

    def forward(self, X: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return X
        keep = 1 - self.probability
        mask = torch.empty_like(X).bernoulli_(keep, generator=self.generator)
        return X * mask.div_(keep)

    def extra_repr(self) -> str:
        return f"{self.probability:.3g}"


def _pooled(block: dict[str, Any], sides: tuple[int, ...]) -> tuple[int, ...]:
    return sides if block["pooling"] == "none" else tuple(side // 2 for side in sides)


def _normalisation(name: str, width: int) -> nn.Module:
    match name:
        case "batch":
            return nn.BatchNorm2d(width)
        case "instance":
            return nn.InstanceNorm2d(width, affine=True)
        case "group":
            return nn.GroupNorm(GROUPS, width)
        case "layer":
            return nn.GroupNorm(1, width)
    return nn.Identity()


def _convolution(
    channels: int, width: int, kernel: int, bias: bool, draw: torch.Generator
) -> nn.Conv2d:
    layer = nn.utils.skip_init(
        nn.Conv2d, channels, width, kernel, padding=kernel // 2, bias=bias
    )
    return _drawn(layer, draw)


def _linear(width: int, units: int, bias: bool, draw: torch.Generator) -> nn.Linear:
    return _drawn(nn.utils.skip_init(nn.Linear, width, units, bias=bias), draw)


def _drawn(layer: Any, draw: torch.Generator) -> Any:
    """Draw the weights as He et al. (2015) do for rectifiers; biases begin at zero."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=draw)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
