"""Features that are learned from small patches of images, without labels."""

import math
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.cluster import MiniBatchKMeans

from sknevo.builders.pipeline._pixels import coloured, in_cells, resized
from sknevo.builders.pipeline._transformers import ArrayTransformer
from sknevo.image_stream._images import Images

# Patches that filters are learned from, and images that they are drawn from at most.
# Chosen, not measured.
N_PATCHES, MOST_IMAGES = 10_000, 1_000
# What is added to the variance of a patch, and to those of directions of patches:
# the values of the paper, for pixels between 0 and 1.
CONTRAST, WHITENING = 10 / 255**2, 0.1
# Passes of the clustering over the patches. Chosen, not measured.
PASSES = 10


class Patches(ArrayTransformer):
    """How near the patches of an image are to each of some filters, summed in cells.

    Patches are normalised and whitened. Filters are the centres of their clusters, or
    patches at random. A patch is as near to a filter as that is nearer than the mean of
    all filters, and 0 if it is farther [1]_.

    Parameters
    ----------
    learned : {"kmeans", "random"}
        Whether filters are centres of clusters or random patches.
    side : int
        Length of the shorter side that images are scaled to.
    patch : int
        Side of a patch.
    stride : int
        Pixels between patches.
    n_filters : int
        Number of filters.
    cells : int
        Cells along a side, for each of which distances are averaged.
    crop : float, default=1.0
        Share of each side that is looked at.

    References
    ----------
    .. [1] Coates, A., Lee, H., & Ng, A. Y. (2011). An analysis of single-layer networks
       in unsupervised feature learning. AISTATS.
    """

    def __init__(
        self,
        learned: str,
        side: int,
        patch: int,
        stride: int,
        n_filters: int,
        cells: int,
        crop: float = 1.0,
    ) -> None:
        self.learned = learned
        self.side = side
        self.patch = patch
        self.stride = stride
        self.n_filters = n_filters
        self.cells = cells
        self.crop = crop

    def fit(self, X: Images, y: Any = None) -> Self:
        """Learn the filters from patches of these images alone."""
        self.n_features_in_ = math.prod(X.shape[1:])
        # A fixed seed: candidates share fitted preparations.
        rng = np.random.default_rng(0)
        chosen = rng.permutation(len(X))[:MOST_IMAGES]
        each = math.ceil(N_PATCHES / len(chosen))
        drawn = []
        for block in X[np.sort(chosen)].blocks():
            patches = self._patches(block.pixels())
            patches = patches.reshape(len(block), -1, patches.shape[-1])
            places = rng.integers(patches.shape[1], size=(len(block), each))
            drawn.append(patches[np.arange(len(block))[:, None], places])
        patches = normalised(np.concatenate(drawn).reshape(-1, drawn[0].shape[-1]))
        self.mean_ = patches.mean(axis=0)
        away = patches - self.mean_
        variances, directions = np.linalg.eigh(away.T @ away / len(away))
        scale = 1 / np.sqrt(np.maximum(variances, 0) + WHITENING)
        self.whitening_ = ((directions * scale) @ directions.T).astype(np.float32)
        white = away @ self.whitening_
        n_filters = min(self.n_filters, len(white))
        if self.learned == "random":
            self.filters_ = white[rng.choice(len(white), n_filters, replace=False)]
            return self
        # All passes: when to stop would depend on sums, and these on threads.
        clusters = MiniBatchKMeans(
            n_filters,
            n_init=1,
            max_iter=PASSES,
            max_no_improvement=None,
            batch_size=1_000,
            random_state=0,
        )
        self.filters_ = clusters.fit(white).cluster_centers_.astype(np.float32)
        return self

    def transform(self, X: Images) -> np.ndarray:
        """Return how near patches are to the filters, in the mean of each cell."""
        return np.concatenate([self._near(block.pixels()) for block in X.blocks()])

    def _patches(self, images: np.ndarray) -> np.ndarray:
        """Return patches of shape (n, rows, columns, values)."""
        scaled = coloured(resized(images, self.side, self.crop))
        size = min(self.patch, *scaled.shape[1:3])
        windows = sliding_window_view(scaled, (size, size), axis=(1, 2))
        windows = windows[:, :: self.stride, :: self.stride]
        return windows.reshape(*windows.shape[:3], -1)

    def _near(self, images: np.ndarray) -> np.ndarray:
        patches = self._patches(images)
        shape = patches.shape[:3]
        white = normalised(patches.reshape(-1, patches.shape[-1])) - self.mean_
        white = white @ self.whitening_
        squares = (white**2).sum(axis=1, keepdims=True)
        distances = squares - 2 * white @ self.filters_.T
        distances += (self.filters_**2).sum(axis=1)
        distances = np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
        near = distances.mean(axis=1, keepdims=True) - distances
        near = np.maximum(near, 0, out=near).reshape(*shape, -1)
        return in_cells(near, self.cells)


def normalised(patches: np.ndarray) -> np.ndarray:
    """Return patches (n, values) of mean 0 and about the same contrast."""
    centred = patches - patches.mean(axis=1, keepdims=True)
    return centred / np.sqrt(centred.var(axis=1, keepdims=True) + CONTRAST)
