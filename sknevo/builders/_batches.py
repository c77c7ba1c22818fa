"""Arrays as tensors, and batches of them by index."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknevo.builders._networks import Arrange
from sknevo.streams import ImageStream

__all__ = ["ShuffledBatches", "SlicedBatches", "as_tensor", "samples", "statistics"]

# What torch computes with and takes little room; all else becomes float32.
DTYPES = (np.uint8, np.float32, np.float16)
# Inputs are standardised by the statistics of so many samples, and of so many values
# if samples are large: more change nothing.
LOOKED_AT, FEWEST_LOOKED_AT, VALUES = 10_000, 32, 2**24


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
    X : array-like of shape (n_samples, ...), or ImageStream
        Training samples.
    sample_shape : tuple of int
        Of a sample, see `sknevo.sizes.image_shape`.

    Returns
    -------
    dict of str to Tensor
    """
    enough = max(FEWEST_LOOKED_AT, VALUES // math.prod(sample_shape))
    step = math.ceil(len(X) / min(LOOKED_AT, enough))
    arranged = Arrange(sample_shape)(as_tensor(X[::step])).double()
    axes = [axis for axis in range(arranged.ndim) if axis != 1]
    mean, scale = arranged.mean(axes), arranged.std(axes, correction=0)
    return {
        "mean": mean.float(),
        "scale": torch.where(scale > 0, scale, 1.0).float(),
    }


def samples(X: Any, device: str) -> Any:
    """Return what batches are taken out of by index.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...), or ImageStream
        Samples.
    device : str
        Where batches shall be.

    Returns
    -------
    Tensor or what is indexed like one
        Images that are streamed are not read yet.
    """
    return _OnDisk(X, device) if isinstance(X, ImageStream) else as_tensor(X, device)


class _OnDisk:
    """Samples that become tensors when they are taken by index."""

    def __init__(self, X: ImageStream, device: str) -> None:
        self.X = X
        self.device = device

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Tensor) -> Tensor:
        return as_tensor(self.X[rows.cpu().numpy()], self.device)


def _read_ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """Make each batch while the one before it is used."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


class ShuffledBatches:
    """Batches of tensors of the same length, in another order each time.

    Parameters
    ----------
    tensors : sequence
        Samples (see `samples`), and Tensors that go with them; all on the generator's
        device.
    size : int
        Most samples in a batch.
    generator : torch.Generator
        Of the order.
    """

    def __init__(
        self, tensors: list[Any], size: int, generator: torch.Generator
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
        on_disk = isinstance(self.tensors[0], _OnDisk)
        if on_disk:  # whoever reads ahead does not wait for the device
            order = order.cpu()
        parts = order.tensor_split(len(self))
        batches = ([tensor[rows] for tensor in self.tensors] for rows in parts)
        return _read_ahead(batches) if on_disk else batches


class SlicedBatches:
    """Batches of an array in order, each made a tensor when it is its turn.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...), or ImageStream
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
        begins = range(0, len(self.X), self.size)
        batches = (as_tensor(self.X[begin : begin + self.size]) for begin in begins)
        on_disk = isinstance(self.X, ImageStream)
        return _read_ahead(batches) if on_disk else batches
