"""Networks that are the same for every set, which a plain loop trains for a time."""

import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

# What a practitioner would begin with; chosen, not measured.
LEARNING_RATE, UNITS = 1e-3, 128
# Of few images small batches, so that there are steps.
BATCH, FEW, BATCH_OF_FEW = 128, 2_000, 16
# Pixels by which photos are shifted at most, as a share of their side.
SHIFT = 0.1
PREDICTED_AT_ONCE = 500


class FixedNetwork:
    """Convolutions with batch norm and max pooling, and a dense head; Adam.

    The learning rate falls along half a cosine over the seconds. Photos are mirrored
    and shifted at random.
    """

    def __init__(
        self,
        widths: Sequence[int],
        seconds: float,
        moves: bool,
        n_threads: int,
        seed: int,
    ) -> None:
        self.widths, self.seconds, self.moves = widths, seconds, moves
        self.n_threads, self.seed = n_threads, seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> "FixedNetwork":
        """Train until the seconds are over; `epochs_` says how far that was."""
        begin = time.perf_counter()
        torch.set_num_threads(self.n_threads)
        torch.manual_seed(self.seed)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._mean, self._scale = float(X.mean()), float(X.std())
        images, labels = self._tensor(X), torch.from_numpy(labels)
        self.network_ = self._network(images.shape[1:], len(self.classes_))
        optimizer = torch.optim.Adam(self.network_.parameters(), LEARNING_RATE)
        size = BATCH_OF_FEW if len(X) < FEW else BATCH
        n_steps = 0
        while True:
            for rows in torch.randperm(len(images)).split(size):
                done = (time.perf_counter() - begin) / self.seconds
                if done >= 1:
                    self.epochs_ = n_steps * size / len(X)
                    self.network_.eval()
                    return self
                if len(rows) == 1:  # batch norm needs two
                    continue
                rate = LEARNING_RATE * (1 + math.cos(math.pi * done)) / 2
                optimizer.param_groups[0]["lr"] = rate
                batch = _moved(images[rows]) if self.moves else images[rows]
                loss = functional.cross_entropy(self.network_(batch), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                n_steps += 1

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        with torch.inference_mode():
            parts = [self.network_(part) for part in self._batches(X)]
        return torch.cat(parts).double().softmax(1).numpy()

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(1)]

    def _network(self, shape: Sequence[int], n_classes: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        channels, side = shape[0], np.array(shape[1:])
        for width in self.widths:
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels, side = width, side // 2
        n_inputs = channels * int(side.prod())
        head = [nn.Linear(n_inputs, UNITS), nn.ReLU(), nn.Linear(UNITS, n_classes)]
        return nn.Sequential(*layers, nn.Flatten(), *head)

    def _batches(self, X: np.ndarray) -> list[Tensor]:
        parts = range(0, len(X), PREDICTED_AT_ONCE)
        return [self._tensor(X[i : i + PREDICTED_AT_ONCE]) for i in parts]

    def _tensor(self, X: np.ndarray) -> Tensor:
        images = torch.from_numpy(X).float().sub(self._mean).div(self._scale)
        return images[:, None] if X.ndim == 3 else images.permute(0, 3, 1, 2)


def _moved(images: Tensor) -> Tensor:
    """Mirror every other image, and shift each by some pixels."""
    n, _, height, width = images.shape
    most = round(SHIFT * height)
    padded = functional.pad(images, [most] * 4, mode="reflect")
    top, left = torch.randint(0, 2 * most + 1, (2, n, 1))
    columns = left + torch.arange(width)
    mirrored = torch.rand(n) < 0.5
    columns[mirrored] = columns[mirrored].flip(1)
    rows = top + torch.arange(height)
    every = torch.arange(n)[:, None, None]
    moved = padded[every, :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)
