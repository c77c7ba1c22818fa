"""Augmentation of whole batches on the device, each image in its own way."""

import math
from typing import Any

import torch
from torch import Tensor, nn

# Least and greatest side of an erased rectangle, as shares of the image's side; chosen
# within the range of Zhong et al. (2020), not measured.
ERASED = (0.2, 0.5)


class Augmentation(nn.Module):
    """Moves, erases and recolours standardised images while training.

    Parameters
    ----------
    genes : dict
        `shift` and `zoom` as shares of the side, `rotate` in degrees, `flip` (left to
        right), `erase` (probability of a covered rectangle [1]_), `colour` (how much
        brightness and contrast of each channel vary).

    References
    ----------
    .. [1] Zhong, Z. et al. (2020). Random Erasing Data Augmentation. AAAI.
    """

    def __init__(self, genes: dict[str, Any]) -> None:
        super().__init__()
        self.genes = genes
        self.generator: torch.Generator | None = None

    def forward(self, X: Tensor) -> Tensor:
        if not self.training:
            return X
        # In half precision the places of pixels would be rounded.
        with torch.autocast(X.device.type, enabled=False):
            return self._augmented(X)

    def _augmented(self, X: Tensor) -> Tensor:
        genes = self.genes
        if genes["zoom"] or genes["rotate"]:
            X = self._turn(X)
        elif genes["shift"] or genes["flip"]:
            X = self._move(X)
        if genes["colour"]:
            X = self._recolour(X, genes["colour"])
        if genes["erase"]:
            X = self._erase(X, genes["erase"])
        return X

    def _uniform(self, X: Tensor, *shape: int) -> Tensor:
        """Draw from [-1, 1], one or more numbers for each image."""
        drawn = torch.rand(len(X), *shape, generator=self.generator, device=X.device)
        return 2 * drawn - 1

    def _shifts(self, X: Tensor) -> list[Tensor]:
        """Draw shifts down and to the right, in whole pixels: images stay sharp."""
        return [
            torch.round(self.genes["shift"] * side * drawn)
            for side, drawn in zip(X.shape[2:], self._uniform(X, 2).T, strict=True)
        ]

    def _mirrored(self, X: Tensor) -> Tensor:
        """Draw which images are flipped."""
        if not self.genes["flip"]:
            return torch.zeros(len(X), dtype=torch.bool, device=X.device)
        return self._uniform(X) < 0

    def _move(self, X: Tensor) -> Tensor:
        """Shift and flip each image by index; its border is repeated outside."""
        n_images, n_channels, height, width = X.shape
        rows, columns = (
            (torch.arange(side, device=X.device) + shift[:, None].long()).clamp(
                0, side - 1
            )
            for side, shift in zip((height, width), self._shifts(X), strict=True)
        )
        mirrored = self._mirrored(X)[:, None]
        columns = torch.where(mirrored, width - 1 - columns, columns)
        # One index of all pixels is four times as fast as two of rows and columns.
        places = (width * rows[:, :, None] + columns[:, None]).view(n_images, 1, -1)
        pixels = X.flatten(2).gather(2, places.expand(-1, n_channels, -1))
        return pixels.view(X.shape)

    def _turn(self, X: Tensor) -> Tensor:
        """Shift, rotate, scale and flip each image; its border is repeated outside."""
        genes, (height, width) = self.genes, X.shape[2:]
        angle = math.radians(genes["rotate"]) * self._uniform(X)
        scale = torch.exp(genes["zoom"] * self._uniform(X))
        mirror = 1.0 - 2.0 * self._mirrored(X)
        cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
        down, right = self._shifts(X)
        ratio = height / width
        rows = [
            torch.stack([mirror * cos, -sin * ratio, 2 * right / width], dim=1),
            torch.stack([mirror * sin / ratio, cos, 2 * down / height], dim=1),
        ]
        places = nn.functional.affine_grid(
            torch.stack(rows, dim=1), list(X.shape), align_corners=False
        )
        return nn.functional.grid_sample(
            X, places, padding_mode="border", align_corners=False
        )

    def _recolour(self, X: Tensor, strength: float) -> Tensor:
        channels = X.shape[1]
        gain = 1 + strength * self._uniform(X, channels, 1, 1)
        return X * gain + strength * self._uniform(X, 1, 1, 1)

    def _erase(self, X: Tensor, often: float) -> Tensor:
        """Cover a rectangle by the mean colour."""
        chosen = self._uniform(X, 1, 1, 1) < 2 * often - 1
        covered = chosen
        for axis, side in ((2, X.shape[2]), (3, X.shape[3])):
            least, most = ERASED
            length = least + (most - least) * (self._uniform(X) + 1) / 2
            begin = (1 - length) * (self._uniform(X) + 1) / 2
            place = (torch.arange(side, device=X.device) + 0.5) / side
            inside = (place >= begin[:, None]) & (place < (begin + length)[:, None])
            sides = [len(X), 1, 1, 1]
            sides[axis] = side
            covered = covered & inside.view(sides)
        return X.masked_fill(covered, 0.0)

    def extra_repr(self) -> str:
        return ", ".join(f"{k}={v}" for k, v in self.genes.items() if v)
