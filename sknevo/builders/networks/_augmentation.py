"""Augmentation of whole batches on the device, each image in its own way."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# Least and greatest side of an erased rectangle, as shares of the image's side; chosen
# within the range of Zhong et al. (2020), not measured.
ERASED = (0.2, 0.5)

# Moves images, each in its own way, and reads between pixels by a mode of torch.
Move = Callable[[Tensor, str], Tensor]


class Augmentation(nn.Module):
    """Moves, erases and recolours standardised images while training.

    Maps, which hold something of each pixel such as its class, are moved as their
    images are.

    Parameters
    ----------
    genes : dict
        `shift` and `zoom` as shares of the side, `rotate` in degrees, `flip` (left to
        right), `erase` (probability of a covered rectangle [1]_), `colour` (how much
        brightness and contrast of each channel vary) and, if there are such genes,
        `stretch` (longer along a random axis by up to this share, or shorter; the
        area is kept) and `turn` (upside down, and by right angles if images are
        square).

    References
    ----------
    .. [1] Zhong, Z. et al. (2020). Random Erasing Data Augmentation. AAAI.
    """

    def __init__(self, genes: dict[str, Any]) -> None:
        super().__init__()
        self.genes = genes
        self.generator: torch.Generator | None = None

    def forward(
        self, X: Tensor, maps: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return augmented images; with maps of shape (n, k, height, width), both."""
        if self.training:
            # In half precision the places of pixels would be rounded.
            with torch.autocast(X.device.type, enabled=False):
                X, maps = self._augmented(X, maps)
        return X if maps is None else (X, maps)

    def _augmented(
        self, X: Tensor, maps: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        genes = self.genes
        for move in self._moves(X):
            X = move(X, "bilinear")
            maps = None if maps is None else move(maps, "nearest")
        if genes["colour"]:
            X = self._recolour(X, genes["colour"])
        if genes["erase"]:
            X = self._erase(X, genes["erase"])
        return X, maps

    def _moves(self, X: Tensor) -> list[Move]:
        """Draw how each image is moved."""
        genes, moves = self.genes, []
        if genes["zoom"] or genes["rotate"] or genes.get("stretch"):
            moves.append(self._affine(X))
        elif genes["shift"] or genes["flip"]:
            moves.append(self._by_index(X))
        if genes.get("turn"):
            moves.append(self._by_right_angles(X))
        return moves

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

    def _by_index(self, X: Tensor) -> Move:
        """Shift and flip each image; its border is repeated outside."""
        n_images, _, height, width = X.shape
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

        def move(images: Tensor, _: str) -> Tensor:
            all_channels = places.expand(-1, images.shape[1], -1)
            return images.flatten(2).gather(2, all_channels).view(images.shape)

        return move

    def _affine(self, X: Tensor) -> Move:
        """Shift, rotate, scale, stretch and flip; the border is repeated outside."""
        genes, (height, width) = self.genes, X.shape[2:]
        scale = torch.exp(genes["zoom"] * self._uniform(X))
        mirror = 1.0 - 2.0 * self._mirrored(X)
        moved = _rotations(math.radians(genes["rotate"]) * self._uniform(X))
        if genes.get("stretch"):
            moved = moved @ self._stretches(X)
        moved = moved * torch.stack([scale * mirror, scale], dim=1)[:, None]
        # The sides of images of any form are 2 long.
        ratio = height / width
        moved = moved * torch.tensor([[1.0, ratio], [1 / ratio, 1.0]], device=X.device)
        down, right = self._shifts(X)
        shifts = torch.stack([2 * right / width, 2 * down / height], dim=1)
        places = nn.functional.affine_grid(
            torch.cat([moved, shifts[:, :, None]], dim=2),
            list(X.shape),
            align_corners=False,
        )

        def move(images: Tensor, mode: str) -> Tensor:
            options = {"padding_mode": "border", "align_corners": False}
            return nn.functional.grid_sample(images, places, mode, **options)

        return move

    def _stretches(self, X: Tensor) -> Tensor:
        """Draw, for each image, how it is stretched along any axis."""
        axes = _rotations(math.pi * self._uniform(X))
        by = torch.exp(self.genes["stretch"] * self._uniform(X))
        return axes.mT @ torch.diag_embed(torch.stack([by, 1 / by], dim=1)) @ axes

    def _by_right_angles(self, X: Tensor) -> Move:
        """Turn half of the images upside down; if square, swap the sides of half."""
        upside_down, swapped = (self._uniform(X, 2, 1, 1, 1) < 0).unbind(1)

        def move(images: Tensor, _: str) -> Tensor:
            images = torch.where(upside_down, images.flip(2), images)
            if images.shape[2] != images.shape[3]:
                return images
            return torch.where(swapped, images.transpose(2, 3), images)

        return move

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


def _rotations(angles: Tensor) -> Tensor:
    """Return the matrix, of shape (n, 2, 2), that turns by each of n angles."""
    cos, sin = torch.cos(angles), torch.sin(angles)
    return torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
