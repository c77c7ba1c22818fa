"""Arrays as tensors, and batches of them by index."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknevo.builders._networks import Arrange

__all__ = ["ShuffledBatches", "SlicedBatches", "as_tensor", "statistics"]

# What torch computes with and takes little room; all else becomes float32.
DTYPES = (np.uint8, np.float32, np.float16)
# Inputs are standardised by the statistics of so many samples: more change nothing.
LOOKED_AT = 10_000


def as_tensor(X: Any, device: str = "cpu") -> Tensor:
    """Return samples as a tensor of a type that takes little room.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Samples; what is mapped from a file is read.
    device : str, default="cpu"
        Where to put it.

    Returns
    -------
    Tensor
    """
    X = np.asarray(X)
    dtype = X.dtype if X.dtype in DTYPES else np.float32
    return torch.from_numpy(np.require(X, dtype, ["C", "W"])).to(device)


def statistics(X: Any, sample_shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Return what standardises inputs: `mean` and `scale` of each channel or feature.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Training samples.
    sample_shape : tuple of int
        Of a sample, see `sknevo.sizes.image_shape`.

    Returns
    -------
    dict of str to Tensor
    """
    step = math.ceil(len(X) / LOOKED_AT)
    arranged = Arrange(sample_shape)(as_tensor(X[::step])).double()
    axes = [axis for axis in range(arranged.ndim) if axis != 1]
    mean, scale = arranged.mean(axes), arranged.std(axes, correction=0)
    return {
        "mean": mean.float(),
        "scale": torch.where(scale > 0, scale, 1.0).float(),
    }


class ShuffledBatches:
    """Batches of tensors of the same length, in another order each time.

    Parameters
    ----------
    tensors : sequence of Tensor
        All on the generator's device.
    size : int
        Most samples in a batch.
    generator : torch.Generator
        Of the order.
    """

    def __init__(
        self, tensors: list[Tensor], size: int, generator: torch.Generator
    ) -> None:
        self.tensors = tensors
        self.size = size
        self.generator = generator

    def __len__(self) -> int:
        n_samples = len(self.tensors[0])
        # No batch of one sample: it could not be normalised.
        return min(math.ceil(n_samples / self.size), max(1, n_samples // 2))

    def __iter__(self) -> Iterator[list[Tensor]]:
        order = torch.randperm(
            len(self.tensors[0]),
            generator=self.generator,
            device=self.generator.device,
        )
        for rows in order.tensor_split(len(self)):
            yield [tensor[rows] for tensor in self.tensors]


class SlicedBatches:
    """Batches of an array in order, each made a tensor when it is its turn.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Samples.
    size : int
        Samples in a batch.
    """

    def __init__(self, X: Any, size: int) -> None:
        self.X = X
        self.size = size

    def __len__(self) -> int:
        return math.ceil(len(self.X) / self.size)

    def __iter__(self) -> Iterator[Tensor]:
        for begin in range(0, len(self.X), self.size):
            yield as_tensor(self.X[begin : begin + self.size])
