"""Scales of pixels, such as [0, 1] and bytes: what a set of images is on."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sknevo.image_stream._pixels import array_of
from sknevo.image_stream._stream import part_to_read

# The greatest value of fractions and of bytes. What exceeds it so many times is on
# another scale: less may be overshoot, more are bytes beside fractions, or grey levels
# from 0 to 16. Chosen, not measured.
FRACTIONS, BYTES, BEYOND = 1, 255, 8
# Images do not fit a known range if they fill less than the first share of it, or
# exceed it by more than the second; chosen, not measured.
DARK, OVERSHOOT = 0.02, 0.1
# Streamed images of which the range is read. Chosen, not measured.
READ = 32
# Values that are looked at at a time: 8 MB in double precision.
VALUES_AT_ONCE = 2**20


@dataclass(frozen=True)
class PixelRange:
    """The range of the values of images, and whether all of them are whole numbers."""

    low: float
    high: float
    whole: bool

    @classmethod
    def of(cls, X: Any, n_streamed: int = READ) -> Self:
        """Return the range of all images, or of `n_streamed` at random of a stream."""
        X = part_to_read(X, n_streamed)
        kind = getattr(X, "dtype", None)
        if getattr(kind, "hasobject", False):  # images of several sizes
            each = [cls.of(image[None]) for image in X]
            low, high = min(one.low for one in each), max(one.high for one in each)
            return cls(low, high, all(one.whole for one in each))
        # Black and white are ends of a scale, not the numbers 0 and 1.
        whole = kind != np.bool_
        low, high = math.inf, -math.inf
        size = max(1, VALUES_AT_ONCE // math.prod(np.shape(X[:1])[1:]))
        for begin in range(0, len(X), size):
            block = array_of(X[begin : begin + size])
            low, high = min(low, float(block.min())), max(high, float(block.max()))
            whole = whole and (
                block.dtype.kind in "biu" or np.array_equal(block, np.rint(block))
            )
        return cls(low, high, whole)

    @property
    def peak(self) -> float:
        """The greatest magnitude."""
        return max(-self.low, self.high)

    def check(self, X: Any) -> None:
        """Raise or warn if other images are on another scale than these of `fit`.

        Whole numbers such as bytes have no fractions, so that one of both kinds is
        wrong. Otherwise images may just be dark or bright: that is a warning.
        """
        asked = self.of(X)
        if not any(_differ(self, asked, white) for white in (FRACTIONS, BYTES)):
            return
        within, beyond = sorted((self, asked), key=lambda known: known.peak)
        if within is asked and asked.whole:  # nearly black
            return
        message = (
            f"X holds values from {asked.low:.4g} to {asked.high:.4g}, but the images "
            f"of fit from {self.low:.4g} to {self.high:.4g}: give images on that scale."
        )
        if beyond.whole and not within.whole:
            raise ValueError(message)
        warnings.warn(message, UserWarning, stacklevel=2)

    def check_white(self, white: float) -> None:
        """Warn if images are not between 0 for black and this value for white."""
        beyond = max(-self.low, self.high - white) > OVERSHOOT * white
        if beyond or 0 < self.high - self.low < DARK * white:
            warnings.warn(
                f"X holds values from {self.low:g} to {self.high:g}, but black is 0 "
                f"and white is data_range={white:g}. Set data_range, or map X to "
                f"[0, {white:g}].",
                UserWarning,
                stacklevel=3,
            )


def _differ(one: PixelRange, other: PixelRange, white: float) -> bool:
    """Return whether one set is on the scale that ends with white, the other beyond."""
    within, beyond = sorted((one, other), key=lambda known: known.peak)
    # A constant picture may be the darkest of either scale.
    varies = within.low < within.high
    return varies and within.peak <= white and beyond.peak > BEYOND * white


def warn_of_scales(images: Mapping[str, np.ndarray]) -> None:
    """Warn if one of two named sets of images is of fractions, the other of bytes."""
    ranges = {name: PixelRange.of(X) for name, X in images.items()}
    if _differ(*ranges.values(), FRACTIONS):
        said = [
            f"{name} from {found.low:g} to {found.high:g}"
            for name, found in ranges.items()
        ]
        warnings.warn(
            f"Images seem to be of different scales: {' and '.join(said)}. Map them to "
            "one scale.",
            UserWarning,
            stacklevel=4,
        )
