"""Torch modules of a GAN: noise, generator, discriminator."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from sknevo.builders.gan._data import chunks, select
from sknevo.builders.networks._modules import (
    NORMALISATIONS,
    Spectral,
    _convolution,
    _drawn,
    _linear,
)
from sknevo.network_plan import first_grid

# A sample is judged in so many packs, each with other companions; chosen, not
# measured.
N_PACKS = 8
ACTIVATIONS = {
    "relu": nn.ReLU,
    # Steeper than torch's own: gradients have to pass through two networks.
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


class Noise(nn.Module):
    """Draws noise: normal, uniform, truncated normal, or a mixture of normals.

    Parameters
    ----------
    genes : dict
        Expressed: `dimension` and `distribution` with its own parameters.
    rng : torch.Generator
        Draws the centres of a mixture.
    """

    def __init__(self, genes: dict[str, Any], rng: torch.Generator) -> None:
        super().__init__()
        self.dimension = genes["dimension"]
        ((self.kind, self.genes),) = genes["distribution"].items()
        n_centres = self.genes.get("components", 0)
        centres = torch.randn(n_centres, self.dimension, generator=rng)
        self.register_buffer("centres", centres)

    def forward(self, n: int, rng: torch.Generator) -> Tensor:
        """Return noise of shape (n, dimension)."""
        shape, device = (n, self.dimension), self.centres.device
        options = {"generator": rng, "device": device}
        match self.kind:
            case "uniform":  # of variance 1
                Z = math.sqrt(3) * (2 * torch.rand(shape, **options) - 1)
            case "truncated_normal":
                inside = math.erf(self.genes["bound"] / math.sqrt(2))
                Z = 2 * torch.rand(shape, **options) - 1
                Z = math.sqrt(2) * torch.erfinv(inside * Z)
            case "mixture":
                component = torch.randint(len(self.centres), (n,), **options)
                Z = torch.randn(shape, **options)
                Z = self.centres[component] + self.genes["spread"] * Z
            case _:
                Z = torch.randn(shape, **options)
        return self.genes["scale"] * Z


class Generator(nn.Module):
    """Turns noise into scaled samples.

    Parameters
    ----------
    genes, noise_genes : dict
        Expressed genes of the generator and of its noise.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).
    n_conditions : int
        Numbers that say what a sample is made for; 0 for none.
    rng : torch.Generator
        Draws the weights.
    """

    def __init__(
        self,
        genes: dict[str, Any],
        noise_genes: dict[str, Any],
        shape: tuple[int, ...],
        n_conditions: int,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.noise = Noise(noise_genes, rng)
        width = self.noise.dimension + n_conditions
        self.layers = nn.Sequential()
        if "dense" in genes:
            for layer in genes["dense"]:
                self.layers.append(_Dense(layer, width, rng))
                width = layer["units"]
            self.layers.append(_linear(width, math.prod(shape), True, rng))
            return
        blocks = genes["blocks"]
        channels, grid = blocks[0]["channels"], first_grid(blocks, shape)
        self.layers.append(_linear(width, channels * math.prod(grid), True, rng))
        self.layers.append(nn.Unflatten(1, (channels, *grid)))
        for block in blocks:
            self.layers.append(_Rise(block, channels, rng))
            channels = block["channels"]
        self.layers.append(_Crop(shape[1:]))
        self.layers.append(_convolution(channels, shape[0], 3, True, rng))
        self.layers.append(nn.Tanh())

    def forward(self, Z: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return samples of noise (n, dimension) and conditions (n, n_conditions)."""
        if conditions is not None:
            Z = torch.cat([Z, conditions], dim=1)
        return self.layers(Z)


class Discriminator(nn.Module):
    """Tells packs of real samples from packs of generated ones.

    Conditions take part by projection [1]_. Packs are those of [2]_: with a `packing`
    of 1 each sample is judged alone.

    Parameters
    ----------
    genes : dict
        Expressed genes of the discriminator.
    packing : int
        Samples in a pack.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).
    n_conditions : int
        Numbers that say what a sample was made for; 0 for none.
    rng : torch.Generator
        Draws the weights.

    References
    ----------
    .. [1] Miyato, T., & Koyama, M. (2018). cGANs with Projection Discriminator. ICLR.
    .. [2] Lin, Z., Khetan, A., Fanti, G., & Oh, S. (2018). PacGAN: The power of two
       samples in generative adversarial networks. NeurIPS.
    """

    def __init__(
        self,
        genes: dict[str, Any],
        packing: int,
        shape: tuple[int, ...],
        n_conditions: int,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.packing = packing
        self.layers = nn.Sequential()
        if "dense" in genes:
            width = packing * math.prod(shape)
            for layer in genes["dense"]:
                self.layers.append(_Dense(layer, width, rng))
                width = layer["units"]
        else:
            width, sides = packing * shape[0], shape[1:]
            for block in genes["blocks"]:
                self.layers.append(_Fall(block, width, rng))
                width = block["channels"]
                if block["pooling"] != "none":
                    sides = tuple(math.ceil(side / 2) for side in sides)
            flat = genes["bridge"] == "flatten"
            self.layers.append(nn.Flatten() if flat else _Average())
            width *= math.prod(sides) if flat else 1
        self.head = _linear(width, 1, True, rng)
        self.embed: nn.Module | None = None
        if n_conditions:
            self.embed = nn.utils.skip_init(
                nn.Linear, packing * n_conditions, width, bias=False
            )
            std = 1 / math.sqrt(width)
            nn.init.normal_(self.embed.weight, std=std, generator=rng)
        self.register_buffer("companions", None)
        self.register_buffer("companion_conditions", None)

    @property
    def dtype(self) -> torch.dtype:
        """The type it computes in."""
        return self.head.weight.dtype

    def forward(self, X: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return the logits of real against generated, one per pack.

        Parameters
        ----------
        X : Tensor of shape (n_packs * packing, ...)
            Scaled samples.
        conditions : Tensor of shape (n_packs * packing, n_conditions) or None
            What they were made for.
        """
        packs = X.reshape(-1, self.packing * X.shape[1], *X.shape[2:])
        Z = self.layers(packs)
        logits = self.head(Z).squeeze(1)
        if self.embed is not None:
            known = self.embed(conditions.reshape(len(packs), -1))
            logits = logits + (known * Z).sum(dim=1)
        return logits

    def keep_companions(self, X: Tensor, conditions: Tensor | None) -> None:
        """Keep generated samples that fill up the packs of a sample that is judged."""
        self.companions, self.companion_conditions = X, conditions

    @torch.inference_mode()
    def judge(self, X: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return the logit of each sample: the mean over packs of it and companions.

        The companions are always the same, so that a sample's logit does not depend on
        which others are judged beside it.
        """
        logits = [
            self._judge(X[part].to(self.dtype), select(conditions, part))
            for part in chunks(len(X), X.shape[1:])
        ]
        return torch.cat(logits)

    def _judge(self, X: Tensor, conditions: Tensor | None) -> Tensor:
        if conditions is not None:
            conditions = conditions.to(self.dtype)
        if self.packing == 1:
            return self(X, conditions)
        logits, size = [], self.packing - 1
        for begin in range(0, N_PACKS * size, size):
            rows, known = slice(begin, begin + size), conditions
            if conditions is not None:
                known = _packed(conditions, self.companion_conditions[rows])
            logits.append(self(_packed(X, self.companions[rows]), known))
        return torch.stack(logits).mean(dim=0)


def _packed(X: Tensor, companions: Tensor) -> Tensor:
    """Return each of X followed by the same companions."""
    beside = companions.to(X.dtype).unsqueeze(0).expand(len(X), *companions.shape)
    return torch.cat([X.unsqueeze(1), beside], dim=1).flatten(0, 1)


class _Dense(nn.Sequential):
    def __init__(
        self, genes: dict[str, Any], width: int, draw: torch.Generator
    ) -> None:
        units, normalisation = genes["units"], genes["normalisation"]
        biased = normalisation in ("none", "spectral")
        layer: nn.Module = _linear(width, units, biased, draw)
        after: nn.Module = nn.Identity()
        match normalisation:
            case "spectral":
                layer = Spectral(layer, draw)
            case "batch":
                after = nn.BatchNorm1d(units)
            case "layer":
                after = nn.LayerNorm(units)
        super().__init__(layer, after, ACTIVATIONS[genes["activation"]]())


class _Rise(nn.Sequential):
    """A block of the generator: twice the sides, convolution, normalisation."""

    def __init__(
        self, genes: dict[str, Any], channels: int, draw: torch.Generator
    ) -> None:
        width, kernel = genes["channels"], genes["kernel"]
        plain, how = genes["normalisation"] == "none", genes["upsampling"]
        layers: list[nn.Module] = []
        if how == "transposed":
            layer = nn.utils.skip_init(
                nn.ConvTranspose2d,
                channels,
                width,
                kernel,
                stride=2,
                padding=kernel // 2,
                output_padding=1,
                bias=plain,
            )
            layers.append(_drawn(layer, draw))
        else:
            if how != "none":
                layers.append(nn.Upsample(scale_factor=2, mode=how))
            layers.append(_convolution(channels, width, kernel, plain, draw))
        super().__init__(
            *layers,
            NORMALISATIONS[genes["normalisation"]](width),
            ACTIVATIONS[genes["activation"]](),
        )


class _Fall(nn.Sequential):
    """A block of the discriminator: convolution, half the sides."""

    def __init__(
        self, genes: dict[str, Any], channels: int, draw: torch.Generator
    ) -> None:
        width, kernel, pooling = genes["channels"], genes["kernel"], genes["pooling"]
        spectral = genes["normalisation"] == "spectral"
        after = "none" if spectral else genes["normalisation"]
        layer = _convolution(channels, width, kernel, after == "none", draw)
        if pooling == "stride":
            layer.stride = (2, 2)
        super().__init__(
            Spectral(layer, draw) if spectral else layer,
            NORMALISATIONS[after](width),
            ACTIVATIONS[genes["activation"]](),
            nn.AvgPool2d(2, ceil_mode=True) if pooling == "average" else nn.Identity(),
        )


class _Crop(nn.Module):
    def __init__(self, sides: tuple[int, ...]) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, X: Tensor) -> Tensor:
        (top, left) = (
            (there - wanted) // 2
            for there, wanted in zip(X.shape[2:], self.sides, strict=True)
        )
        height, width = self.sides
        return X[:, :, top : top + height, left : left + width]


class _Average(nn.Module):
    def forward(self, X: Tensor) -> Tensor:
        return X.mean(dim=(2, 3))
