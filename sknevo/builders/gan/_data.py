"""What a GAN keeps of its data: the scale of samples, and what they are made for."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknevo.builders.networks._data import statistics
from sknevo.builders.networks._modules import Arrange
from sknevo.network_plan import image_shape

__all__ = ["Condition", "Scale"]

# Values are drawn between so many quantiles of those in training.
QUANTILES = 101
# The range of images is that of so many of them.
LOOKED_AT = 1000


class Scale:
    """Puts samples on the scale of the networks, and back.

    Features get mean 0 and variance 1; images go from -1 to 1.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...), or ImageStream
        Training samples.
    sample_shape : tuple of int
        Of one sample.
    """

    def __init__(self, X: Any, sample_shape: tuple[int, ...]) -> None:
        self.dtype = np.dtype(X.dtype)
        self.sample_shape = tuple(sample_shape)
        self.arrange = Arrange(sample_shape)
        self.row_shape = tuple(X.shape[1:])
        self.origin: np.ndarray | None = None
        if len(image_shape(sample_shape)) == 3:
            step = max(1, len(X) // LOOKED_AT)
            seen = np.asarray(X[::step])
            self.low, self.high = float(seen.min()), float(seen.max())
            middle = (self.high + self.low) / 2
            half = (self.high - self.low) / 2 or 1.0
            self.mean, self.scale = torch.tensor([middle]), torch.tensor([half])
        else:
            X = np.asarray(X)
            self.low, self.high = X.min(axis=0), X.max(axis=0)
            self.origin = X.mean(axis=0, dtype=float)
            known = statistics(self.centred(X), sample_shape)
            self.mean, self.scale = known["mean"], known["scale"]

    def centred(self, X: Any) -> Any:
        """Return samples that lose nothing in single precision.

        Parameters
        ----------
        X : array-like of shape (n, ...), or ImageStream
            Samples as the user has them.

        Returns
        -------
        array-like of shape (n, ...), or ImageStream
            Features without their means; images as they are.
        """
        return X if self.origin is None else np.asarray(X, dtype=float) - self.origin

    def __call__(self, X: Tensor, dtype: torch.dtype = torch.float) -> Tensor:
        """Return samples as the networks have them.

        Parameters
        ----------
        X : Tensor of shape (n, ...)
            Samples that are centred.
        dtype : torch.dtype, default=torch.float
            To compute in.

        Returns
        -------
        Tensor of shape (n, features) or (n, channels, height, width)
        """
        X = self.arrange(X).to(dtype)
        mean, scale = self._views(X)
        return (X - mean) / scale

    def _views(self, X: Tensor) -> tuple[Tensor, Tensor]:
        sides = (1,) * (X.ndim - 2)
        return tuple(
            known.to(X.device, X.dtype).view(-1, *sides)
            for known in (self.mean, self.scale)
        )

    def undo(self, X: Tensor) -> np.ndarray:
        """Return samples in the user's type and layout.

        Parameters
        ----------
        X : Tensor of shape (n, features) or (n, channels, height, width)
            As the networks have them.

        Returns
        -------
        ndarray of shape (n, ...)
            Whole numbers and images stay in the range that was seen.
        """
        X = X.cpu().double()  # not every device has such
        mean, scale = self._views(X)
        X = X * scale + mean
        if self.arrange.channels_last:
            X = X.permute(0, 2, 3, 1)
        values = X.reshape(len(X), *self.row_shape).numpy()
        if self.origin is not None:
            values = values + self.origin
        if self.dtype.kind in "biu":
            values = np.clip(np.rint(values), self.low, self.high)
        return values.astype(self.dtype)


class Condition:
    """What samples are made for, as numbers: labels hot, values standardised.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        Labels or values of the training samples.
    labelled : bool, default=True
        Which of both.

    Attributes
    ----------
    width : int
        How many numbers there are for a sample, 0 if there is nothing to say.
    classes_ : ndarray or None
        The labels, if they are such.
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
            self.middle, self.spread = float(y.mean()), float(y.std()) or 1.0
            self.quantiles = np.quantile(y, np.linspace(0, 1, QUANTILES))

    def check_absent(self, y: Any) -> None:
        """Refuse what samples shall be made for if nothing is known of it.

        Parameters
        ----------
        y : array-like or None
            What was asked for.

        Raises
        ------
        ValueError
            If it is not what training knew.
        """
        known = [] if self.classes_ is None else self.classes_.tolist()
        if y is not None and not set(np.ravel(y).tolist()) <= set(known):
            raise ValueError(
                "y must be None if fit was given no y, or one label only; got "
                f"{np.ravel(y)[:3].tolist()}."
            )

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return labels or values as numbers.

        Parameters
        ----------
        y : ndarray of shape (n,)
            What samples are made for.

        Returns
        -------
        ndarray of shape (n, width)

        Raises
        ------
        ValueError
            If a label was not in training, or a value is not finite.
        """
        if self.classes_ is None:
            values = y.astype(float)
            strange = values[~np.isfinite(values)].tolist()
            if strange:
                raise ValueError(f"y must hold finite values; got {strange[:3]}.")
            return ((values - self.middle) / self.spread)[:, None]
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            raise ValueError(
                f"y must hold labels of fit, {self.classes_.tolist()}; got "
                f"{y[unknown][:3].tolist()}."
            )
        return np.eye(self.width)[np.searchsorted(self.classes_, y)]

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return what samples may be made for, as frequent as in training.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ndarray of shape (n, width)
        """
        if self.classes_ is not None:
            codes = rng.choice(self.width, n, p=self.frequencies)
            return np.eye(self.width)[codes]
        places = rng.random(n) * (QUANTILES - 1)
        return self.encode(np.interp(places, np.arange(QUANTILES), self.quantiles))

    def mean(self, n: int) -> np.ndarray:
        """Return what stands for not knowing.

        Parameters
        ----------
        n : int
            How many.

        Returns
        -------
        ndarray of shape (n, width)
        """
        known = np.zeros(1) if self.classes_ is None else self.frequencies
        return np.tile(known, (n, 1))
