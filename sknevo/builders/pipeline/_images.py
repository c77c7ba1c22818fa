"""Features of images: pixels, colours, gradients and textures, each computed once."""

import math
from functools import cache
from typing import Any, Self

import numpy as np
from PIL import Image
from scipy import fft
from sklearn.base import BaseEstimator
from sklearn.pipeline import FeatureUnion

from sknevo.builders.pipeline._patches import Patches
from sknevo.builders.pipeline._pixels import (
    coloured,
    grey,
    histograms,
    in_cells,
    resized,
)
from sknevo.builders.pipeline._pretrained import Pretrained
from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.extras import require
from sknevo.image_stream import ImageStream
from sknevo.image_stream._feature_widths import LBP_BINS, LBP_POINTS, expressed
from sknevo.image_stream._images import Images, Layout, sides_of
from sknevo.image_stream._memory import Memory
from sknevo.image_stream._samples import as_samples, check_finite, same_order
from sknevo.image_stream._scale import PixelRange
from sknevo.network_plan import scaled_sides
from sknevo.records import DataSpec

# Seconds for each pixel of the scaled image; for one filter of patches, and one wave.
# Chosen, not measured.
PIXEL_SECONDS = {
    "grey": 1e-7,
    "coloured": 1e-7,
    "histogram": 2e-7,
    "hog": 8e-7,
    "lbp": 2e-7,
    "gabor": 1e-7,
    "patches": 2e-8,
}
OF_NETWORK = 8e-7
# The share of candidates with features that no other has asked for. Chosen, not
# measured.
UNSHARED = 0.1
# The shortest wave of Gabor's filters, in pixels. Chosen, not measured.
SHORTEST_WAVE = 3.0


class ImageReader(ArrayTransformer):
    """Reads images in any form by the shape and the scale that `fit` has seen.

    What it returns is read in no time, and unchanged, if it is read again.

    Parameters
    ----------
    shape : tuple of int
        Shape of an image, as the user has it.
    channels : {"first", "last"}
        Where its channels are, if it has three sides.
    """

    def __init__(self, shape: tuple[int, ...], channels: str) -> None:
        self.shape = shape
        self.channels = channels

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is black and white."""
        self.n_features_in_ = math.prod(self.shape)
        if isinstance(X, Images):
            self.layout_, self.range_ = X.layout, PixelRange.of(X.source)
            return self
        self.range_ = PixelRange.of(self._samples(X))
        self.layout_ = Layout.of(self.shape, self.channels, self.range_)
        return self

    def unfitted(self) -> "ImageReader":
        """Return an unfitted reader of such images."""
        return ImageReader(self.shape, self.channels)

    def transform(self, X: Any) -> Images:
        """Return the images; a ValueError says if they are not as in `fit`."""
        if isinstance(X, Images):
            return X
        source = self._samples(X)
        self.range_.check(source)
        # Models of an ensemble ask for the same features.
        return Images(source, self.layout_, Memory(len(source)))

    def _samples(self, X: Any) -> Any:
        source, _ = as_samples(X, self.shape, self.channels)
        if not isinstance(source, ImageStream):
            source = np.asarray(source)
            check_finite(source)
        if not same_order(source.shape[1:], self.shape):
            raise ValueError(
                f"X must hold images of shape {self.shape}, as in fit; got "
                f"{source.shape[1:]}."
            )
        return source


# Features -----------------------------------------------------------------------------


class ImageFeatures(ArrayTransformer):
    """Numbers that each image has by itself, whatever other images there are."""

    # The modules of extras that it needs.
    _needs: tuple[str, ...] = ()

    def fit(self, X: Images, y: Any = None) -> Self:
        """Learn nothing; an ImportError names the extra if a library is missing."""
        require(f"{type(self).__name__} of images", *self._needs)
        self.n_features_in_ = math.prod(X.shape[1:])
        return self

    def transform(self, X: Images) -> np.ndarray:
        """Return the features, which are computed once for images of a search."""
        own = sorted(self.get_params(deep=False).items())
        return X.each(f"{type(self).__name__} {own}", self.of)

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return features (n, n_features) of images (n, height, width, channels)."""
        raise NotImplementedError


class Pixels(ImageFeatures):
    """The pixels of small images, grey or in colours."""

    def __init__(self, side: int, colours: bool, crop: float = 1.0) -> None:
        self.side = side
        self.colours = colours
        self.crop = crop

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return rows of pixels."""
        small = resized(images, self.side, self.crop)
        small = coloured(small) if self.colours else grey(small)
        return small.reshape(len(small), -1)


class Colours(ImageFeatures):
    """Histograms of colours in cells of an image, and moments of all pixels [1]_.

    Parameters
    ----------
    space : {"rgb", "hsv"}
        Red, green and blue, or hue, saturation and value.
    bins : int
        Bins of a channel.
    joint : bool
        Whether a bin is a combination of all channels, rather than of one.
    cells : int
        Cells along a side, each with a histogram of its own.
    crop : float, default=1.0
        Share of each side that is looked at.

    References
    ----------
    .. [1] Stricker, M., & Orengo, M. (1995). Similarity of color images. SPIE.
    """

    # Pixels beyond tell no more of colours. Chosen, not measured.
    side = 64

    def __init__(
        self, space: str, bins: int, joint: bool, cells: int, crop: float = 1.0
    ) -> None:
        self.space = space
        self.bins = bins
        self.joint = joint
        self.cells = cells
        self.crop = crop

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return histograms and moments."""
        side = min(self.side, *images.shape[1:3])
        pixels = resized(images, side, self.crop)[..., :3]
        if self.space == "hsv":
            pixels = _hsv(pixels)
        places = np.minimum((pixels * self.bins).astype(int), self.bins - 1)
        if self.joint:
            places = (places @ self.bins ** np.arange(3))[..., None]
        n_bins = self.bins ** (3 if self.joint else 1)
        found = [
            histograms(places[..., i], n_bins, self.cells)
            for i in range(places.shape[3])
        ]
        mean = pixels.mean(axis=(1, 2))
        away = pixels - mean[:, None, None]
        std = np.sqrt((away**2).mean(axis=(1, 2)))
        skewness = np.cbrt((away**3).mean(axis=(1, 2)))
        return np.hstack([*found, mean, std, skewness])


def _hsv(images: np.ndarray) -> np.ndarray:
    """Return hue, saturation and value of images of three channels, from 0 to 1."""
    as_bytes = np.rint(255 * images).astype(np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(one).convert("HSV")) for one in as_bytes]
    ).astype(np.float32) / np.float32(255)


class Hog(ImageFeatures):
    """Histograms of oriented gradients [1]_, by scikit-image.

    Parameters
    ----------
    side : int
        Length of the shorter side that images are scaled to.
    cells : int
        Cells along the shorter side.
    orientations : int
        Bins of a cell.
    crop : float, default=1.0
        Share of each side that is looked at.

    References
    ----------
    .. [1] Dalal, N., & Triggs, B. (2005). Histograms of oriented gradients for human
       detection. CVPR.
    """

    _needs = ("skimage",)

    def __init__(
        self, side: int, cells: int, orientations: int, crop: float = 1.0
    ) -> None:
        self.side = side
        self.cells = cells
        self.orientations = orientations
        self.crop = crop

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return normalised histograms of blocks of 2 x 2 cells."""
        from skimage.feature import hog

        scaled = coloured(resized(images, self.side, self.crop))
        pixels = self.side // self.cells
        return np.stack(
            [
                hog(
                    image,
                    self.orientations,
                    (pixels, pixels),
                    (2, 2),
                    "L2-Hys",
                    feature_vector=True,
                    channel_axis=-1,
                )
                for image in scaled
            ]
        )


class Lbp(ImageFeatures):
    """Histograms of local binary patterns [1]_ in cells, by scikit-image.

    A pattern is which of 8 pixels around a pixel are brighter. Patterns that change
    more than twice along the circle share a bin.

    Parameters
    ----------
    side : int
        Length of the shorter side that images are scaled to.
    radius : int
        Radius of the circle, in pixels.
    cells : int
        Cells along a side, each with a histogram of its own.
    crop : float, default=1.0
        Share of each side that is looked at.

    References
    ----------
    .. [1] Ojala, T., Pietikäinen, M., & Mäenpää, T. (2002). Multiresolution gray-scale
       and rotation invariant texture classification with local binary patterns. PAMI.
    """

    _needs = ("skimage",)

    def __init__(self, side: int, radius: int, cells: int, crop: float = 1.0) -> None:
        self.side = side
        self.radius = radius
        self.cells = cells
        self.crop = crop

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return histograms of patterns."""
        from skimage.feature import local_binary_pattern

        scaled = np.rint(255 * grey(resized(images, self.side, self.crop)))
        patterns = [
            local_binary_pattern(
                one.astype(np.uint8), LBP_POINTS, self.radius, "nri_uniform"
            )
            for one in scaled
        ]
        return histograms(np.stack(patterns).astype(int), LBP_BINS, self.cells)


class Gabor(ImageFeatures):
    """How strongly cells of an image hold waves of several lengths and directions [1]_.

    Parameters
    ----------
    side : int
        Length of the shorter side that images are scaled to.
    waves : int
        Number of wavelengths, from 3 pixels on, each twice as long as the one before.
    orientations : int
        Number of directions.
    cells : int
        Cells along a side, for each of which a mean and a deviation is computed.
    crop : float, default=1.0
        Share of each side that is looked at.

    References
    ----------
    .. [1] Manjunath, B. S., & Ma, W. Y. (1996). Texture features for browsing and
       retrieval of image data. PAMI.
    """

    _needs = ("skimage",)

    def __init__(
        self, side: int, waves: int, orientations: int, cells: int, crop: float = 1.0
    ) -> None:
        self.side = side
        self.waves = waves
        self.orientations = orientations
        self.cells = cells
        self.crop = crop

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return means and deviations of the magnitudes."""
        scaled = grey(resized(images, self.side, self.crop))
        scaled = scaled - scaled.mean(axis=(1, 2), keepdims=True)
        kernels = _waves(self.waves, self.orientations)
        reach = max(kernel.shape[0] for kernel in kernels)
        sides = [fft.next_fast_len(n + reach - 1) for n in scaled.shape[1:]]
        spectra = fft.fft2(scaled, sides)
        found = []
        for kernel in kernels:
            waves = fft.ifft2(spectra * fft.fft2(kernel, sides))
            begin = [(n - 1) // 2 for n in kernel.shape]
            rows, columns = (
                slice(b, b + n) for b, n in zip(begin, scaled.shape[1:], strict=True)
            )
            strength = np.abs(waves[:, rows, columns, None])
            mean = in_cells(strength, self.cells)
            square = in_cells(strength**2, self.cells)
            found += [mean, np.sqrt(np.maximum(0, square - mean**2))]
        return np.hstack(found)


@cache
def _waves(n_waves: int, orientations: int) -> list[np.ndarray]:
    """Return the kernels of all wavelengths and directions."""
    from skimage.filters import gabor_kernel

    return [
        gabor_kernel(1 / (SHORTEST_WAVE * 2**i), math.pi * j / orientations).astype(
            np.complex64
        )
        for i in range(n_waves)
        for j in range(orientations)
    ]


# What genes describe ------------------------------------------------------------------

Genes = dict[str, Any]
KINDS: dict[str, type[BaseEstimator]] = {
    "histogram": Colours,
    "hog": Hog,
    "lbp": Lbp,
    "gabor": Gabor,
    "patches": Patches,
}


def image_features(genes: Genes) -> BaseEstimator:
    """Return an unfitted transformer of images to an array of floats.

    Parameters
    ----------
    genes : dict
        The expressed genes of "preparation.features".
    """
    parts = [(name, _part(name, own, genes["crop"])) for name, own in expressed(genes)]
    return parts[0][1] if len(parts) == 1 else FeatureUnion(parts)


def _part(name: str, genes: Genes, crop: float) -> BaseEstimator:
    if name in ("grey", "coloured"):
        return Pixels(genes["side"], name == "coloured", crop)
    return KINDS.get(name, Pretrained)(**genes, crop=crop)


def image_seconds(genes: Genes, spec: DataSpec) -> float:
    """Return roughly how long one core takes to make features, most of which exist."""
    height, width, _ = sides_of(spec.shape, spec.channels)
    seconds = 0.0
    for name, own in expressed(genes):
        rows, columns = scaled_sides(height, width, own.get("side", Colours.side))
        each = PIXEL_SECONDS.get(name, OF_NETWORK) * rows * columns
        if name == "patches":
            each *= own["n_filters"] / own["stride"] ** 2
        if name == "gabor":
            each *= own["waves"] * own["orientations"]
        unshared = 1.0 if name == "patches" else UNSHARED
        seconds += unshared * spec.n_samples * each
    return seconds
