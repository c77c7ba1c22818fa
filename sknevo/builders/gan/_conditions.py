"""What samples are made for: labels or values of y, and labels of a table's columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknevo.data_checks import mean_and_std
from sknevo.records import Part

# Values are sampled between so many quantiles of the training values; chosen, not
# measured.
N_QUANTILES = 101


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
        encoded = self.sample(n, numpy_source(rng)) if y is None else self.encode(y)
        return torch.as_tensor(encoded, dtype=torch.float32, device=rng.device)

    def _check_absent(self, y: Any) -> None:
        known = [] if self.classes_ is None else self.classes_.tolist()
        if y is not None and not set(np.ravel(y).tolist()) <= set(known):
            raise ValueError(
                "y must be None, since fit got no y or only one label; got "
                f"{np.ravel(y)[:3].tolist()}."
            )


class ColumnConditions:
    """Labels of columns as conditions: a row is made for one label of one column [1]_.

    The column is drawn at random. In training, its label is drawn by the logarithm of
    its frequency, so that rare labels are learned, too, and the row is one of those
    that have it. For samples it is drawn by its frequency.

    Parameters
    ----------
    parts : sequence of Part
        Of the columns.
    encoded : ndarray of shape (n_rows, width)
        The training rows.

    Attributes
    ----------
    places : ndarray of shape (width,)
        Where the conditions are in an encoded row.
    width : int
        Labels of all columns together; 0 if no column has any.

    References
    ----------
    .. [1] Xu, L., Skoularidou, M., Cuesta-Infante, A., & Veeramachaneni, K. (2019).
       Modeling Tabular Data using Conditional GAN. NeurIPS.
    """

    def __init__(self, parts: Sequence[Part], encoded: np.ndarray) -> None:
        self.places = places_of_conditions(parts)
        self.width = len(self.places)
        sizes = [part.n_conditions for part in parts if part.n_conditions]
        self.n_columns = len(sizes)
        self.counts = encoded[:, self.places].sum(axis=0)
        self.frequencies = self.counts / (len(encoded) * self.n_columns)
        logarithms = np.log1p(self.counts)
        ends = np.cumsum(sizes)[:-1]
        totals = [each.sum() for each in np.split(logarithms, ends)]
        self.training_shares = logarithms / np.repeat(totals, sizes) / self.n_columns

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return n conditions one-hot, as frequent as in training."""
        return np.eye(self.width)[rng.choice(self.width, n, p=self.frequencies)]

    def of_rows(self, X: Tensor) -> Tensor:
        """Return the mean of the conditions that encoded rows fulfil."""
        places = torch.as_tensor(self.places, device=X.device)
        return X[:, places] / self.n_columns

    def to_train(self, encoded: Tensor) -> "RowsByLabel":
        """Return what draws training rows and their conditions."""
        places = torch.as_tensor(self.places, device=encoded.device)
        shares = torch.as_tensor(self.training_shares, device=encoded.device)
        return RowsByLabel(encoded[:, places] > 0.5, shares)


class RowsByLabel:
    """Draws a label of a column, and a row that has it.

    Parameters
    ----------
    fulfilled : Tensor of bool of shape (n_rows, n_labels)
        Which row has which label.
    shares : Tensor of shape (n_labels,)
        How often each label is drawn.
    """

    def __init__(self, fulfilled: Tensor, shares: Tensor) -> None:
        self.shares = shares
        label, self.rows = fulfilled.T.nonzero(as_tuple=True)
        self.counts = torch.bincount(label, minlength=len(shares))
        self.starts = self.counts.cumsum(0) - self.counts

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return n rows, and what they were drawn for, one-hot."""
        labels = torch.multinomial(self.shares, n, replacement=True, generator=rng)
        place = torch.rand(n, generator=rng, device=rng.device, dtype=torch.double)
        place = (place * self.counts[labels]).long()
        wanted = torch.nn.functional.one_hot(labels, len(self.shares))
        return self.rows[self.starts[labels] + place], wanted.float()


class Conditions:
    """All that samples are made for, side by side: y, then labels of columns.

    Parameters
    ----------
    labels : ConditionEncoder
        Of y.
    columns : ColumnConditions or None, default=None
        Of a table; None if rows are not made for labels of columns.
    """

    def __init__(
        self, labels: ConditionEncoder, columns: ColumnConditions | None = None
    ) -> None:
        self.labels, self.columns = labels, columns

    @property
    def width(self) -> int:
        """Numbers per sample; 0 if there are no conditions."""
        return self.labels.width + (self.columns.width if self.columns else 0)

    def draw(self, n: int, y: Any, rng: torch.Generator) -> Tensor | None:
        """Return n conditions of shape (n, width): of y, or drawn if y is None.

        Raises
        ------
        ValueError
            If y is of another length, or holds what was not in training.
        """
        known = self.labels.encode_or_sample(n, y, rng)
        if self.columns is None:
            return known
        wanted = self.columns.sample(n, numpy_source(rng))
        wanted = torch.as_tensor(wanted, dtype=torch.float32, device=rng.device)
        return wanted if known is None else torch.cat([known, wanted], dim=1)

    def of_samples(self, X: Tensor, drawn: Tensor | None) -> Tensor | None:
        """Return by what conditions scaled samples are judged.

        Those of y are the ones they were made for; those of columns are all that a row
        fulfils, whichever it was made for.
        """
        if self.columns is None or drawn is None:
            return drawn
        own = self.columns.of_rows(X).to(drawn.dtype)
        return torch.cat([drawn[:, : self.labels.width], own], dim=1)

    def of_labels(self, X: Tensor, y: Any) -> Tensor | None:
        """Return the conditions of scaled real samples; the mean label if y is None."""
        if not self.width:
            return None
        known = np.empty((len(X), 0))
        if self.labels.width:
            known = self.labels.mean(len(X)) if y is None else self.labels.encode(y)
        drawn = torch.as_tensor(known, dtype=X.dtype, device=X.device)
        return self.of_samples(X, drawn)


def places_of_conditions(parts: Sequence[Part]) -> np.ndarray:
    """Return where the labels that rows are made for are in an encoded row."""
    starts = np.cumsum([0, *(part.width for part in parts)])
    places = [
        np.arange(start, start + part.n_conditions)
        for start, part in zip(starts, parts, strict=False)
    ]
    return np.concatenate(places).astype(int)


def numpy_source(rng: torch.Generator) -> np.random.Generator:
    """Return random numbers of numpy that follow from those of torch."""
    seed = torch.randint(2**31 - 1, (), generator=rng, device=rng.device)
    return np.random.default_rng(int(seed))


def select(conditions: Tensor | None, rows: Any) -> Tensor | None:
    """Return some rows of conditions, if there are conditions."""
    return None if conditions is None else conditions[rows]
