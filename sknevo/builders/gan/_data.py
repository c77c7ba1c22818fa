"""Training data of a GAN: encoded conditions, and batches of scaled samples."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknevo.builders.networks._data import samples
from sknevo.builders.networks._scaler import Scaler
from sknevo.data_checks import mean_and_std
from sknevo.deadline import check_deadline

# Values are sampled between so many quantiles of the training values; chosen, not
# measured.
N_QUANTILES = 101
# Samples, and the values of all of them, that pass a network at once: as for
# classifiers, so that large images fit into memory.
CHUNK_SIZE, CHUNK_VALUES = 1024, 2**21


class ConditionEncoder:
    """Encodes what samples are made for: labels one-hot, values standardised.

    Attributes
    ----------
    width : int
        Numbers per sample; 0 if there are no conditions.
    classes_ : ndarray or None
        The sorted labels, or None for values.
    """

    def __init__(self, y: Any, labelled: bool = True) -> None:
        self.classes_: np.ndarray | None = None
        self.width = 0
        if y is None:
            return
        y = np.asarray(y)
        if labelled:
            self.classes_, counts = np.unique(y, return_counts=True)
            self.frequencies = counts / counts.sum()
            # Of a single label there is nothing to learn.
            self.width = len(counts) if len(counts) > 1 else 0
        else:
            self.width, y = 1, y.astype(float)
            middle, spread = map(float, mean_and_std(y))
            self.middle, self.spread = middle, spread or 1.0
            self.quantiles = np.quantile(y, np.linspace(0, 1, N_QUANTILES))

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return labels or values as an array of shape (n, width).

        Raises
        ------
        ValueError
            If a label is not one of the training labels, or a value is not finite.
        """
        if self.classes_ is None:
            values = y.astype(float)
            invalid = values[~np.isfinite(values)].tolist()
            if invalid:
                raise ValueError(f"y must hold finite values; got {invalid[:3]}.")
            return ((values - self.middle) / self.spread)[:, None]
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            raise ValueError(
                f"y must hold labels of fit, {self.classes_.tolist()}; got "
                f"{y[unknown][:3].tolist()}."
            )
        return np.eye(self.width)[np.searchsorted(self.classes_, y)]

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return n conditions, as frequent as in training."""
        if self.classes_ is not None:
            codes = rng.choice(self.width, n, p=self.frequencies)
            return np.eye(self.width)[codes]
        places = rng.random(n) * (N_QUANTILES - 1)
        return self.encode(np.interp(places, np.arange(N_QUANTILES), self.quantiles))

    def mean(self, n: int) -> np.ndarray:
        """Return the mean condition n times: it stands for an unknown one."""
        mean = np.zeros(1) if self.classes_ is None else self.frequencies
        return np.tile(mean, (n, 1))

    def encode_or_sample(self, n: int, y: Any, rng: torch.Generator) -> Tensor | None:
        """Return n conditions on the generator's device: those of y, or sampled ones.

        Raises
        ------
        ValueError
            If y is of another length, or holds what was not in training.
        """
        if y is not None:
            y = np.asarray(y)
            if y.size not in (1, n) or y.size != max(y.shape, default=1):
                raise ValueError(
                    f"y must be one label or value, or one for each of {n} samples; "
                    f"got an array of shape {y.shape}."
                )
            y = np.broadcast_to(y.ravel(), n)
        if not self.width:
            self._check_absent(y)
            return None
        if y is None:
            seed = torch.randint(2**31 - 1, (), generator=rng, device=rng.device)
            encoded = self.sample(n, np.random.default_rng(int(seed)))
        else:
            encoded = self.encode(y)
        return torch.as_tensor(encoded, dtype=torch.float32, device=rng.device)

    def _check_absent(self, y: Any) -> None:
        known = [] if self.classes_ is None else self.classes_.tolist()
        if y is not None and not set(np.ravel(y).tolist()) <= set(known):
            raise ValueError(
                "y must be None, since fit got no y or only one label; got "
                f"{np.ravel(y)[:3].tolist()}."
            )


class TrainingData:
    """Samples and conditions on the device that trains.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...), or ImageStream
        Samples; images that are streamed are read batch by batch.
    y : array-like of shape (n_samples,) or None
        Labels or values that samples are made for.
    """

    def __init__(
        self, X: Any, y: Any, scaler: Scaler, encoder: ConditionEncoder, device: str
    ) -> None:
        self.scaler, self.encoder, self.device = scaler, encoder, device
        self.samples = samples(scaler.standardise(X), device)
        self.conditions: Tensor | None = None
        if encoder.width:
            encoded = encoder.encode(np.asarray(y))
            self.conditions = torch.as_tensor(
                encoded, dtype=torch.float32, device=device
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return scaled samples and their conditions."""
        return self.scaler(self.samples[rows]), select(self.conditions, rows)

    def batches(
        self, size: int, rng: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield batches of equal size without end, each sample once per epoch."""
        rows = torch.empty(0, dtype=torch.long, device=self.device)
        while True:
            while len(rows) < size:
                order = torch.randperm(len(self), generator=rng, device=self.device)
                rows = torch.cat([rows, order])
            batch, rows = rows[:size], rows[size:]
            yield self[batch]


def chunks(n_samples: int, sample_shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield slices of samples that pass a network at once, while there is time."""
    size = max(1, min(CHUNK_SIZE, CHUNK_VALUES // math.prod(sample_shape)))
    for begin in range(0, n_samples, size):
        check_deadline()
        yield slice(begin, min(begin + size, n_samples))


def select(conditions: Tensor | None, rows: Any) -> Tensor | None:
    """Return some rows of conditions, if there are conditions."""
    return None if conditions is None else conditions[rows]
