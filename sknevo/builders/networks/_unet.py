"""Torch modules of a U-Net's plan: maps of images of any size."""

import torch
from torch import Tensor, nn

from sknevo.builders.networks._modules import layer_module
from sknevo.network_plan import DecoderStage, Layer, UNetPlan


class UNet(nn.Module):
    """An encoder that halves an image, and a decoder that enlarges what it has found.

    Images may have any sides: what lacks to the sides that can be halved repeats the
    border, and is cut off.

    Parameters
    ----------
    plan : UNetPlan
        The layers.
    rng : Generator
        Draws the weights.
    """

    def __init__(self, plan: UNetPlan, rng: torch.Generator) -> None:
        super().__init__()
        self.factor, self.stride = plan.factor, plan.stride
        self.encoder = nn.ModuleList(_chain(stage, rng) for stage in plan.encoder)
        self.decoder = nn.ModuleList(_Join(stage, rng) for stage in plan.decoder)
        self.head = layer_module(plan.head, rng)

    def forward(self, X: Tensor) -> Tensor:
        """Return maps of shape (n, maps, height / stride, width / stride), rounded up.

        X is of shape (n, channels, height, width).
        """
        sides = [-(-side // self.stride) for side in X.shape[2:]]
        X = self.padded(X).contiguous(memory_format=torch.channels_last)
        seen = []
        for stage in self.encoder:
            X = stage(X)
            seen.append(X)
        for join, aside in zip(self.decoder, seen[-2::-1], strict=False):
            X = join(X, aside)
        return self.head(X)[:, :, : sides[0], : sides[1]]

    def padded(self, X: Tensor) -> Tensor:
        """Return images with sides that can be halved, their borders repeated."""
        # Two pixels at least are left of each side: one has no deviation to divide by.
        wanted = [max(2, -(-side // self.factor)) * self.factor for side in X.shape[2:]]
        missing = [w - side for w, side in zip(wanted, X.shape[2:], strict=True)]
        if not any(missing):
            return X
        return nn.functional.pad(X, (0, missing[1], 0, missing[0]), mode="replicate")


class _Join(nn.Module):
    """A stage of the decoder, see `sknevo.network_plan.DecoderStage`."""

    def __init__(self, stage: DecoderStage, rng: torch.Generator) -> None:
        super().__init__()
        self.up = layer_module(stage.up, rng)
        self.gate = nn.ModuleList(layer_module(layer, rng) for layer in stage.gate)
        self.layers = _chain(stage.layers, rng)

    def forward(self, below: Tensor, aside: Tensor) -> Tensor:
        below = self.up(below)
        if self.gate:
            of_below, of_aside, together = self.gate
            found = (of_below(below) + of_aside(aside)).relu()
            aside = aside * together(found).sigmoid()
        return self.layers(torch.cat([aside, below], dim=1))


def _chain(layers: tuple[Layer, ...], rng: torch.Generator) -> nn.Sequential:
    return nn.Sequential(*(layer_module(layer, rng) for layer in layers))
