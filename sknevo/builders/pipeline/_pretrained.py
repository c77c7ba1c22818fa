"""Features of images that a pretrained network computes."""

import math
from typing import Any, Self

import numpy as np

from sknevo.builders.pipeline._pixels import grey, resized
from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.extras import require
from sknevo.image_stream._images import Images
from sknevo.pretrained._weights import NEEDED


class Pretrained(ArrayTransformer):
    """The means of the maps of a layer of a pretrained network.

    The network learns nothing here: its features are those of an image by itself, and
    are computed once for images of a search. A pipeline holds the name of the file of
    the weights, which it reads again in another process.

    Parameters
    ----------
    library : {"timm", "torchvision"}
        The library that has the architecture.
    architecture : str
        What the library calls it.
    path : str
        The file of the weights.
    layer : int
        Which maps: 1 are the last and smallest, 2 those before they were last halved.
    side : int
        Length of the shorter side that images are scaled to.
    mirrored : bool
        Whether features are the means of those of an image and its mirror image.
    crop : float, default=1.0
        Share of each side that is looked at.
    """

    def __init__(
        self,
        library: str,
        architecture: str,
        path: str,
        layer: int,
        side: int,
        mirrored: bool,
        crop: float = 1.0,
    ) -> None:
        self.library = library
        self.architecture = architecture
        self.path = path
        self.layer = layer
        self.side = side
        self.mirrored = mirrored
        self.crop = crop

    def fit(self, X: Images, y: Any = None) -> Self:
        """Learn how many features there are; errors say what is missing."""
        self.n_features_in_ = math.prod(X.shape[1:])
        widths = self._network().widths
        ends = np.cumsum([0, *widths])
        place = min(self.layer, len(widths))
        self.columns_ = slice(int(ends[place - 1]), int(ends[place]))
        return self

    def transform(self, X: Images) -> np.ndarray:
        """Return the features."""
        # Those of all layers are computed at once, those of mirror images apart.
        weights = self.library, self.architecture, self.path
        key = f"Pretrained {weights}, {self.side} pixels, {self.crop}"
        found = X.each(key, self._of)
        if self.mirrored:
            mirror = X.each(f"{key}, mirrored", lambda images: self._of(images, -1))
            found = (found + mirror) / 2
        return found[:, self.columns_]

    def _of(self, images: np.ndarray, direction: int = 1) -> np.ndarray:
        from sknevo.pretrained._networks import pooled_features

        scaled = resized(images, self.side, self.crop)[:, :, ::direction]
        if scaled.shape[3] in (3, 4):
            scaled = scaled[..., :3]
        else:
            scaled = np.repeat(grey(scaled)[..., None], 3, axis=3)
        return pooled_features(self._network(), scaled)

    def _network(self) -> Any:
        require("A pretrained network", *NEEDED)
        # Imported here: torch is needed for these features alone.
        from sknevo.pretrained._networks import load_network

        return load_network(self.library, self.architecture, self.path)
