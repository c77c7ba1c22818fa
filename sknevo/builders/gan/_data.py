"""Training data of a GAN: scaled samples, their conditions, batches."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknevo.builders.gan._conditions import Conditions, select
from sknevo.builders.networks._data import rows_of_epoch, samples_on_device
from sknevo.builders.networks._scaler import Scaler
from sknevo.deadline import check_deadline
from sknevo.table_codec import TableCodec

# Samples, and the values of all of them, that pass a network at once: as for
# classifiers, so that large images fit into memory.
CHUNK_SIZE, CHUNK_VALUES = 1024, 2**21


class TableScaler:
    """Turns rows of a table that `TableCodec` knows into parts, and back."""

    def __init__(self, table: TableCodec) -> None:
        self.table = table
        self.shape = (table.width,)

    def check(self, X: Any) -> None:
        """Do nothing: the codec refuses what it does not know."""

    def standardise(self, X: Any, rng: np.random.Generator | None = None) -> np.ndarray:
        """Return parts as an array of shape (n, width)."""
        return self.table.encode(np.asarray(X, dtype=float), rng)

    def __call__(self, X: Tensor, dtype: torch.dtype = torch.float) -> Tensor:
        """Return parts in the type that the networks compute in."""
        return X.to(dtype)

    def inverse(self, X: Tensor) -> np.ndarray:
        """Return rows of the table as floats."""
        return self.table.decode(X.cpu().double().numpy())


class TrainingData:
    """Samples and conditions on the device that trains.

    Parameters
    ----------
    standardised : array-like of shape (n_samples, ...), or ImageStream
        Samples as `scaler.standardise` returns them; images that are streamed are read
        batch by batch.
    y : array-like of shape (n_samples,) or None
        Labels or values that samples are made for.
    """

    def __init__(
        self,
        standardised: Any,
        y: Any,
        scaler: Scaler | TableScaler,
        conditions: Conditions,
        device: str,
    ) -> None:
        self.scaler, self.conditions, self.device = scaler, conditions, device
        self.samples = samples_on_device(standardised, device)
        self.labels: Tensor | None = None
        if conditions.labels.width:
            encoded = conditions.labels.encode(np.asarray(y))
            self.labels = torch.as_tensor(encoded, dtype=torch.float32, device=device)
        self.columns = None
        if conditions.columns is not None:
            self.columns = conditions.columns.to_train(self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Return scaled samples."""
        return self.scaler(self.samples[rows])

    def batches(
        self, size: int, epoch: int, seed: int, rng: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield scaled samples of an epoch and their conditions, in equal batches.

        There is no end: after the last sample the first one follows. If rows are made
        for labels of their columns, they come as often as these are drawn.
        """
        if self.columns is not None:
            while True:
                batch, wanted = self.columns.draw(size, rng)
                known = [select(self.labels, batch), wanted]
                yield self[batch], torch.cat([c for c in known if c is not None], 1)
        order = rows = rows_of_epoch(epoch, len(self), seed).to(self.device)
        while True:
            while len(rows) < size:
                rows = torch.cat([rows, order])
            batch, rows = rows[:size], rows[size:]
            yield self[batch], select(self.labels, batch)


def chunks(n_samples: int, sample_shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield slices of samples that pass a network at once, while there is time."""
    size = max(1, min(CHUNK_SIZE, CHUNK_VALUES // math.prod(sample_shape)))
    for begin in range(0, n_samples, size):
        check_deadline()
        yield slice(begin, min(begin + size, n_samples))
