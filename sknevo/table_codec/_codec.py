"""Numbers, labels and gaps of a table as parts between -1 and 1, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from sknevo.data_checks import fingerprint
from sknevo.records import Part
from sknevo.table_codec._numbers import SPREADS, Spread

# Beside modes, numbers that are this frequent are options of their own, and so are all
# numbers of a column that has few of them. Chosen, not measured.
FREQUENT_SHARE, FEW_NUMBERS = 0.03, 20
# By the way in which numbers are encoded: of how many distinct ones all are options,
# and from which share on each is. Beside quantiles, frequent numbers need no option.
OPTIONS: Mapping[str, tuple[int, float]] = MappingProxyType(
    {"modes": (FEW_NUMBERS, FREQUENT_SHARE), "quantiles": (2, np.inf)}
)
# The most decimals that columns of decimals are recognised by. Chosen, not measured.
MOST_DECIMALS = 9


@dataclass(frozen=True)
class Grid:
    """What all numbers of a column have in common: limits, a step, decimals.

    Parameters
    ----------
    low, high : float
        Limits.
    step : float
        All numbers are so many steps above the lowest; 0 for any numbers.
    decimals : int
        Decimals of the step.
    """

    low: float
    high: float
    step: float = 0.0
    decimals: int = 0

    @classmethod
    def of(cls, numbers: np.ndarray) -> Self:
        """Return the grid of distinct numbers, in order."""
        low, high = float(numbers[0]), float(numbers[-1])
        for decimals in range(MOST_DECIMALS + 1):
            scaled = numbers * 10.0**decimals
            if np.abs(scaled).max() >= 2**53:
                break
            whole = np.rint(scaled)
            if (whole / 10.0**decimals == numbers).all():
                steps = np.diff(whole).astype(np.int64)
                step = int(np.gcd.reduce(steps)) / 10**decimals if len(steps) else 0.0
                return cls(low, high, step, decimals)
        return cls(low, high)

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Return the nearest numbers of the grid."""
        numbers = np.clip(numbers, self.low, self.high)
        if self.step:
            steps = np.rint((numbers - self.low) / self.step)
            numbers = np.round(self.low + steps * self.step, self.decimals)
        return numbers


@dataclass(frozen=True)
class ColumnCodec:
    """One column as the options that `Part` has, and a value within a mode.

    Parameters
    ----------
    name : object
        For messages.
    is_label : bool
        Whether numbers are the places of labels.
    plain : ndarray of shape (n_plain,)
        Numbers that are options, in order; NaN, if it is one of them, is the last.
    spread : Spread or None
        Of all other numbers; None if there are none.
    grid : Grid or None
        Of these.
    """

    name: Any
    is_label: bool
    plain: np.ndarray
    spread: Spread | None
    grid: Grid | None

    @classmethod
    def of(cls, name: Any, numbers: np.ndarray, is_label: bool, coding: str) -> Self:
        """Learn a column of floats, NaN for gaps."""
        few, frequent = OPTIONS[coding]
        told = numbers[~np.isnan(numbers)]
        distinct, counts = np.unique(told, return_counts=True)
        plain = distinct
        if not is_label and len(distinct) > few:
            plain = distinct[counts >= frequent * len(numbers)]
        rest = told[~np.isin(told, plain)]
        spread = SPREADS[coding].of(rest) if len(rest) else None
        if len(told) < len(numbers):
            plain = np.append(plain, np.nan)
        grid = Grid.of(np.unique(rest)) if len(rest) else None
        return cls(name, is_label, plain, spread, grid)

    @property
    def known(self) -> list[Any]:
        """All that was learned."""
        of_spread = [] if self.spread is None else [*vars(self.spread).values()]
        return [self.name, self.is_label, self.plain, *of_spread, self.grid]

    @property
    def part(self) -> Part:
        return Part(len(self.plain), self.spread.n_modes if self.spread else 0)

    def encode(
        self, numbers: np.ndarray, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """Return numbers as an array of shape (n, width of the part)."""
        part = self.part
        gaps = np.isnan(numbers)
        options = np.full(len(numbers), len(self.plain) - 1)
        if gaps.any() and not np.isnan(self.plain[-1:]).any():
            raise ValueError(
                f"X must have no missing values in column {self.name!r}, as in fit; "
                f"got one in row {int(np.argmax(gaps))}."
            )
        values = np.zeros(len(numbers))
        options[~gaps], values[~gaps] = self._places(numbers[~gaps], rng)
        one_hot = options[:, np.newaxis] == np.arange(part.n_options)
        return np.column_stack([values] * part.has_value + [one_hot.astype(float)])

    def _places(
        self, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the option of each number, and its value within a mode."""
        known = self.plain[~np.isnan(self.plain)]
        values, options = np.zeros(len(numbers)), np.zeros(len(numbers), int)
        is_other = np.ones(len(numbers), bool)
        if len(known):
            right = np.clip(np.searchsorted(known, numbers), 0, len(known) - 1)
            left = np.maximum(right - 1, 0)
            nearer = np.abs(known[left] - numbers) < np.abs(known[right] - numbers)
            options = np.where(nearer, left, right)
            is_other = known[options] != numbers
        if self.spread is None:  # others stand for the nearest
            return options, values
        modes, values[is_other] = self.spread.encode(numbers[is_other], rng)
        options[is_other] = len(self.plain) + modes
        return options, values

    def decode(self, block: np.ndarray) -> np.ndarray:
        """Return the numbers of an array of shape (n, width of the part)."""
        part = self.part
        options = np.zeros(len(block), int)
        if part.n_options:
            options = block[:, part.has_value :].argmax(axis=1)
        numbers = np.full(len(block), np.nan)
        is_plain = options < len(self.plain)
        numbers[is_plain] = self.plain[options[is_plain]]
        if part.has_value:
            modes = options[~is_plain] - len(self.plain)
            made = self.spread.decode(modes, block[~is_plain, 0])
            numbers[~is_plain] = self.grid(made)
        return numbers


class TableCodec:
    """Turns tables of numbers into rows of parts between -1 and 1, and back.

    A column becomes a part (see `sknevo.records.Part`): options of which one is on, and
    a value. Options are labels, a gap, and all numbers of a column that has but two.
    Other numbers have one of two codings:

    - "quantiles": the value is a normal score, see `Quantiles`;
    - "modes": further options are numbers that are frequent, and the modes of all
      others: a mixture of Gaussians. The number of components follows from the data
      [1]_. The value, 0 for all other options, says where in its mode a number is. A
      mode ends at -1 or 1 with its furthest number, where CTGAN has four standard
      deviations: so no number is cut off, and what is made hardly leaves the data. A
      number belongs to its most probable mode, not to one that is drawn.

    A column with a single option has none, and a constant one no value either.

    What decoding gives lies within the limits of each column, on the grid of its
    numbers (such as whole numbers, or multiples of 0.05), and among its labels.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_columns)
        A table as `FrameNumbers` reads it: floats, labels as places, NaN for gaps.
    are_labels : sequence of bool
        Whether each column holds labels.
    names : sequence or None, default=None
        Names of the columns, for messages.
    coding : {"quantiles", "modes"}, default="modes"
        How numbers are encoded.

    Attributes
    ----------
    columns : list of ColumnCodec
        In order.
    parts : tuple of Part
        Of the columns, in order.
    width : int
        The number of values of an encoded row.

    References
    ----------
    .. [1] Xu, L., Skoularidou, M., Cuesta-Infante, A., & Veeramachaneni, K. (2019).
       Modeling Tabular Data using Conditional GAN. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.table_codec import TableCodec
    >>> table = np.array([[0.5, 0], [np.nan, 1], [0.25, 1]])
    >>> codec = TableCodec(table, [False, True])
    >>> codec.encode(table).tolist()
    [[0.0, 1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0, 1.0]]
    >>> codec.decode(codec.encode(table)).tolist()
    [[0.5, 0.0], [nan, 1.0], [0.25, 1.0]]
    """

    def __init__(
        self,
        numbers: np.ndarray,
        are_labels: Sequence[bool],
        names: Sequence[Any] | None = None,
        coding: str = "modes",
    ) -> None:
        names = range(numbers.shape[1]) if names is None else names
        self.columns = [
            ColumnCodec.of(*column, coding)
            for column in zip(names, numbers.T, are_labels, strict=True)
        ]
        self.parts = tuple(column.part for column in self.columns)
        self.width = sum(part.width for part in self.parts)
        self._ends = np.cumsum([part.width for part in self.parts])[:-1]

    @classmethod
    def of_all_codings(
        cls,
        numbers: np.ndarray,
        are_labels: Sequence[bool],
        names: Sequence[Any] | None = None,
    ) -> dict[str, Self]:
        """Return a codec for each coding of numbers, by its name."""
        return {coding: cls(numbers, are_labels, names, coding) for coding in SPREADS}

    def encode(
        self, numbers: np.ndarray, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """Return a table as an array of shape (n_rows, width).

        Frequent numbers among quantiles get a score that `rng` draws; without it, the
        same row is always the same.

        Raises
        ------
        ValueError
            If a column has a gap and had none before.
        """
        pairs = zip(self.columns, numbers.T, strict=True)
        return np.hstack([column.encode(values, rng) for column, values in pairs])

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Return the table of an array of shape (n_rows, width)."""
        blocks = np.split(encoded, self._ends, axis=1)
        pairs = zip(self.columns, blocks, strict=True)
        return np.column_stack([column.decode(block) for column, block in pairs])

    @property
    def fingerprint(self) -> str:
        """Hash of what was learned."""
        return fingerprint(*(column.known for column in self.columns))

    def __repr__(self) -> str:
        return f"TableCodec({self.fingerprint})"
