"""Samples on the scale of networks that make samples, and back."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from sknevo.builders.networks._modules import Arrange
from sknevo.data_checks import mean_and_std
from sknevo.image_stream._scale import PixelRange

# The range of the pixels of streamed images is read off so many; chosen, not measured.
N_IMAGES_FOR_RANGE = 1000
# As floats, the greatest integers of 64 bits are rounded up to these, which no integer
# type holds.
BEYOND_INTEGERS = 2.0**63, 2.0**64
# What is learned of samples: their range, what they are scaled by, and which of their
# columns hold whole numbers.
LEARNED = ("low", "high", "origin", "scale", "whole")


class Scaler:
    """Standardises features and maps pixels to [-1, 1], and back.

    What all training samples have in common, generated samples have, too: they lie in
    the range of the pixels or of each column (so that a constant column stays
    constant), and columns of whole numbers hold whole numbers.
    """

    def __init__(
        self, X: Any, sample_shape: tuple[int, ...], channels: str = "auto"
    ) -> None:
        self.dtype = np.dtype(X.dtype)
        self.row_shape = tuple(X.shape[1:])
        self._arrange(sample_shape, channels)
        if self.of_images:
            self.pixels = PixelRange.of(X, N_IMAGES_FOR_RANGE)
            self.low, self.high = self.pixels.low, self.pixels.high
            self.origin = (self.high + self.low) / 2
            scale = (self.high - self.low) / 2
            self.whole = self.dtype.kind in "biu"
        else:
            rows = np.asarray(X)
            self.low, self.high = (
                limit(axis=0).astype(float) for limit in (rows.min, rows.max)
            )
            self.origin, scale = mean_and_std(rows)
            self.whole = (rows == np.rint(rows)).all(axis=0)
        self.scale = np.where(scale > 0, scale, 1.0)

    def _arrange(self, sample_shape: tuple[int, ...], channels: str) -> None:
        self.arrange = Arrange(sample_shape, channels)
        self.shape = self.arrange.shape
        self.of_images = len(self.shape) == 3
        self.pixels: PixelRange | None = None

    @classmethod
    def restored(
        cls, state: Mapping[str, Any], sample_shape: tuple[int, ...], channels: str
    ) -> Self:
        """Return the scaler of a `state`; a ValueError says what is wrong with it."""
        scaler = cls.__new__(cls)
        scaler.dtype = np.dtype(state["dtype"])
        if scaler.dtype.kind not in "biuf":
            raise ValueError(f"its samples have the unsupported type {scaler.dtype}")
        scaler.row_shape = tuple(state["row_shape"])
        scaler._arrange(sample_shape, channels)
        for name in LEARNED:
            value = np.asarray(state[name], bool if name == "whole" else float)
            if not np.isfinite(value).all() or value.shape not in ((), sample_shape):
                raise ValueError(f"its samples are scaled by {name}={state[name]}")
            setattr(scaler, name, value)
        return scaler

    def state(self) -> dict[str, Any]:
        """Return what was learned of samples, as JSON."""
        learned = {name: np.asarray(getattr(self, name)).tolist() for name in LEARNED}
        return {"dtype": self.dtype.str, "row_shape": [*self.row_shape], **learned}

    def check(self, X: Any) -> None:
        """Raise or warn if images are on another scale than those of `fit`."""
        if self.pixels is not None:
            self.pixels.check(X)

    def standardise(self, X: Any) -> Any:
        """Return rows standardised, and images as they are.

        In double precision, a column of timestamps keeps its digits.
        """
        if self.of_images:
            return X
        return (np.asarray(X, dtype=float) - self.origin) / self.scale

    def __call__(self, X: Tensor, dtype: torch.dtype = torch.float) -> Tensor:
        """Return images, or standardised rows, on the scale of the networks."""
        X = self.arrange(X).to(dtype)
        if not self.of_images:
            return X
        return (X - self.origin) / float(self.scale)

    def inverse(self, X: Tensor) -> np.ndarray:
        """Return samples in the user's type and layout."""
        X = X.cpu().double()  # not every device has double precision
        if self.arrange.channels_last:
            X = X.permute(0, 2, 3, 1)
        values = X.reshape(len(X), *self.row_shape).numpy() * self.scale + self.origin
        values = np.where(self.whole, np.rint(values), values)
        values = np.clip(values, self.low, self.high)
        beyond = np.isin(values, BEYOND_INTEGERS)
        return np.where(beyond, np.nextafter(values, 0), values).astype(self.dtype)
