"""Samples as tensors, their statistics, and batches."""

import math
import weakref
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from sknevo.builders.networks._devices import has_double
from sknevo.builders.networks._modules import Arrange
from sknevo.builders.networks._trainer import random_source
from sknevo.image_stream import ImageStream
from sknevo.image_stream._stream import part_to_read
from sknevo.network_plan import samples_per_epoch

# Types of samples that are kept: torch computes with them, and they need little memory.
DTYPES = (np.uint8, np.float32, np.float16)
# Values that a statistic takes at a time, 8 MB in double precision: of 60,000 images of
# 28 x 28 bytes, mapped from a file too, larger blocks were not faster (0.34 s).
VALUES_AT_ONCE = 2**20
# Bytes of an array that stays on a device at most: those of larger ones are moved for
# each training, as `Shared` keeps no such parts. Chosen, not measured.
MOST_KEPT = 128 * 2**20
# Arrays on devices, by where they are and how.
_moved: dict[tuple[int, str, type], Tensor] = {}
# What is random in a training: the order of each pass, what each epoch draws, and the
# places of its patches.
ORDER, EPOCH, PLACES = range(3)


def input_type(sample_shape: tuple[int, ...], device: str) -> type:
    """Return the type of samples that are not in one of DTYPES.

    It is float64 for rows, until they are standardised: single precision does not tell
    one minute from the next in a column of timestamps.
    """
    rows = len(sample_shape) == 1
    return np.float64 if rows and has_double(device) else np.float32


def as_tensor(X: Any, device: str = "cpu", dtype: type = np.float32) -> Tensor:
    """Return samples as a tensor in one of DTYPES, otherwise in `dtype`."""
    X = np.asarray(X)
    dtype = X.dtype if X.dtype in DTYPES else dtype
    return torch.from_numpy(np.require(X, dtype, ["C", "W"])).to(device)


def statistics(
    X: Any,
    sample_shape: tuple[int, ...],
    dtype: type = np.float32,
    channels: str = "auto",
) -> dict[str, Tensor]:
    """Return the `mean` and `scale` of each channel or feature.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...), or ImageStream
        Training samples.
    sample_shape : tuple of int
        Shape of a sample, see `sknevo.network_plan.image_shape`.
    dtype : type, default=numpy.float32
        See `as_tensor`.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`.

    Returns
    -------
    dict of str to Tensor of shape (channels,) or (features,)
        In float64 if samples become that, else in float32.
    """
    X, arrange = part_to_read(X), Arrange(sample_shape, channels)
    size = max(1, VALUES_AT_ONCE // math.prod(sample_shape))
    return channel_statistics(map(arrange, SlicedBatches(X, size, dtype)))


def channel_statistics(blocks: Iterable[Tensor]) -> dict[str, Tensor]:
    """Return the `mean` and `scale` of each channel or feature of blocks of samples.

    Blocks are of shape (n, channels, ...), and need not have the same sides.
    """
    found = reduce(_Moments.merged, map(_Moments.of, blocks))
    # A constant feature is not scaled, though rounding may give it a tiny deviation.
    scale = found.variance.sqrt()
    varies = (found.low < found.high) & (scale > 0)
    known = {"mean": found.mean, "scale": torch.where(varies, scale, 1.0)}
    kind = torch.promote_types(found.low.dtype, torch.float32)
    return {name: value.to(kind) for name, value in known.items()}


class _Moments(NamedTuple):
    """Count, mean, variance and range of each channel or feature of some samples."""

    count: int
    mean: Tensor
    variance: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, block: Tensor) -> Self:
        if block.dtype == torch.uint8 and block.ndim == 4:
            return cls._of_bytes(block)
        axes = [axis for axis in range(block.ndim) if axis != 1]
        variance, mean = torch.var_mean(block.double(), axes, correction=0)
        return cls(len(block), mean, variance, block.amin(axes), block.amax(axes))

    @classmethod
    def _of_bytes(cls, images: Tensor) -> Self:
        """Count how often each byte occurs: 13 times as fast as sums in double."""
        channels = (channel.reshape(-1) for channel in images.unbind(1))
        counted = [torch.bincount(channel, minlength=256) for channel in channels]
        counts, values = torch.stack(counted).double(), torch.arange(256.0).double()
        shares = counts / counts.sum(dim=1, keepdim=True)
        mean = shares @ values
        variance = (shares * (values - mean[:, None]) ** 2).sum(dim=1)
        seen = counts > 0
        low = torch.where(seen, values, torch.inf).amin(dim=1)
        high = torch.where(seen, values, -torch.inf).amax(dim=1)
        return cls(len(images), mean, variance, low.float(), high.float())

    def merged(self, other: Self) -> Self:
        """Return the moments of both parts, without a difference of squares."""
        count = self.count + other.count
        share, step = other.count / count, other.mean - self.mean
        within = self.variance + share * (other.variance - self.variance)
        return type(self)(
            count,
            self.mean + share * step,
            within + share * (1 - share) * step**2,
            torch.minimum(self.low, other.low),
            torch.maximum(self.high, other.high),
        )


def samples_on_device(
    X: Any, device: str, dtype: type = np.float32
) -> "Tensor | _OnDisk":
    """Return what gives batches by an index of rows; streamed images are read then.

    A read-only array is moved to a device once, and stays there for as long as it
    lives.
    """
    if isinstance(X, ImageStream):
        return _OnDisk(X, device)
    if not _may_stay(X, device):
        return as_tensor(X, device, dtype)
    place = id(X), device, dtype
    if place not in _moved:
        _moved[place] = as_tensor(X, device, dtype)
        weakref.finalize(X, _moved.pop, place, None)
    return _moved[place]


def _may_stay(X: Any, device: str) -> bool:
    """Return whether samples may stay on a device after a training."""
    is_fixed = isinstance(X, np.ndarray) and not X.flags.writeable
    elsewhere = torch.device(device).type != "cpu"
    return elsewhere and is_fixed and X.nbytes <= MOST_KEPT


@dataclass
class _OnDisk:
    """Streamed images that become tensors when they are taken by index."""

    X: ImageStream
    device: str

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Tensor) -> Tensor:
        return as_tensor(self.X[rows.cpu().numpy()], self.device)


def _read_ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """Make each batch while the one before it is used."""
    # One thread: batches stay in order, and an ImageStream has threads of its own.
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def rows_of_epoch(epoch: int, n_samples: int, seed: int) -> Tensor:
    """Return the samples of an epoch: the next ones of the passes over all of them.

    Each pass has its own order, which does not depend on what was drawn before.
    """
    length = samples_per_epoch(n_samples)
    first, offset = divmod(epoch * length, n_samples)
    last = (epoch * length + length - 1) // n_samples
    orders = [
        torch.randperm(n_samples, generator=random_source(seed, ORDER, number))
        for number in range(first, last + 1)
    ]
    return torch.cat(orders)[offset : offset + length]


@dataclass
class ShuffledBatches:
    """Batches of samples, targets and so on, as an order of rows says.

    Parameters
    ----------
    tensors : sequence
        Samples (see `samples_on_device`) and what goes with them; each gives a batch by
        a Tensor of rows.
    rows : Tensor
        On the CPU.
    size : int
        Most samples in a batch.
    """

    tensors: list[Any]
    rows: Tensor
    size: int

    def __len__(self) -> int:
        n_rows = len(self.rows)
        # A batch of one sample could not be normalised.
        return min(math.ceil(n_rows / self.size), max(1, n_rows // 2))

    def __iter__(self) -> Iterator[list[Tensor]]:
        on_disk = isinstance(self.tensors[0], _OnDisk)
        # Reading ahead must not wait for the device.
        rows = self.rows if on_disk else self.rows.to(self.tensors[0].device)
        parts = rows.tensor_split(len(self))
        batches = ([tensor[part] for tensor in self.tensors] for part in parts)
        return _read_ahead(batches) if on_disk else batches


@dataclass
class SlicedBatches:
    """Batches of samples in order, each made a tensor when it is asked for."""

    X: Any
    size: int
    dtype: type = np.float32

    def __len__(self) -> int:
        return math.ceil(len(self.X) / self.size)

    def __iter__(self) -> Iterator[Tensor]:
        begins = range(0, len(self.X), self.size)
        parts = (self.X[begin : begin + self.size] for begin in begins)
        batches = (as_tensor(part, dtype=self.dtype) for part in parts)
        on_disk = isinstance(self.X, ImageStream)
        return _read_ahead(batches) if on_disk else batches
