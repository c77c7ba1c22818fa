"""Numbers, labels and gaps of a table as parts between -1 and 1, and back."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture

from sknevo.data_checks import fingerprint, random_rows
from sknevo.records import Part

# Numbers that are this frequent are options of their own, and so are all numbers of a
# column that has few of them. Chosen, not measured.
FREQUENT_SHARE, FEW_NUMBERS = 0.03, 20
# The mixture of a column, as CTGAN has it: at most so many modes, the prior of their
# weights, and the least weight of one that is kept.
N_MODES, PRIOR, LEAST_WEIGHT = 10, 1e-3, 5e-3
# Rows that modes are learned from, and the fewest of them per mode. Chosen, not
# measured.
MIXTURE_ROWS, ROWS_PER_MODE = 5000, 20
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
    means, scales : ndarray of shape (n_modes,)
        The number of a mode at a value of 0, and how far it reaches at 1.
    log_weights, deviations : ndarray of shape (n_modes,)
        Which mode a number is of: the most probable one.
    grid : Grid or None
        Of the numbers of modes; None without modes.
    """

    name: Any
    is_label: bool
    plain: np.ndarray
    means: np.ndarray
    scales: np.ndarray
    log_weights: np.ndarray
    deviations: np.ndarray
    grid: Grid | None

    @classmethod
    def of(cls, name: Any, numbers: np.ndarray, is_label: bool) -> Self:
        """Learn a column of floats, NaN for gaps."""
        told = numbers[~np.isnan(numbers)]
        distinct, counts = np.unique(told, return_counts=True)
        plain = distinct
        if not is_label and len(distinct) > FEW_NUMBERS:
            plain = distinct[counts >= FREQUENT_SHARE * len(numbers)]
        rest = told[~np.isin(told, plain)]
        modes: list[np.ndarray] = [np.empty(0)] * 4
        if len(rest):
            modes = _modes(rest)
        if len(told) < len(numbers):
            plain = np.append(plain, np.nan)
        grid = Grid.of(np.unique(rest)) if len(rest) else None
        return cls(name, is_label, plain, *modes, grid)

    @property
    def part(self) -> Part:
        return Part(len(self.plain), len(self.means))

    def encode(self, numbers: np.ndarray) -> np.ndarray:
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
        options[~gaps], values[~gaps] = self._places(numbers[~gaps])
        one_hot = options[:, np.newaxis] == np.arange(part.n_options)
        return np.column_stack([values] * part.has_value + [one_hot.astype(float)])

    def _places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
        if not len(self.means):  # others stand for the nearest
            return options, values
        others = numbers[is_other]
        modes = _most_probable(others, self.means, self.deviations, self.log_weights)
        options[is_other] = len(self.plain) + modes
        values[is_other] = (others - self.means[modes]) / self.scales[modes]
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
            values = block[~is_plain, 0]
            made = self.means[modes] + values * self.scales[modes]
            numbers[~is_plain] = self.grid(made)
        return numbers


def _modes(numbers: np.ndarray) -> list[np.ndarray]:
    """Return means, reaches, logarithms of weights and deviations of modes."""
    low, high = numbers.min(), numbers.max()
    unit = high - low or 1.0
    scaled = (numbers - low) / unit
    some = scaled[random_rows(len(scaled), MIXTURE_ROWS), np.newaxis]
    n_modes = max(1, min(N_MODES, len(some) // ROWS_PER_MODE, len(np.unique(some))))
    if len(some) == 1:
        return [numbers[:1], np.ones(1), np.zeros(1), np.ones(1)]
    mixture = BayesianGaussianMixture(
        n_components=n_modes, weight_concentration_prior=PRIOR, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
        mixture.fit(some)
    kept = mixture.weights_ >= min(LEAST_WEIGHT, mixture.weights_.max())
    means, deviations = (
        mixture.means_[kept, 0],
        np.sqrt(mixture.covariances_[kept, 0, 0]),
    )
    log_weights = np.log(mixture.weights_[kept])
    # A mode that no number is of would never be learned.
    of = _most_probable(scaled, means, deviations, log_weights)
    used, of = np.unique(of, return_inverse=True)
    means, deviations, log_weights = means[used], deviations[used], log_weights[used]
    furthest = np.zeros(len(used))
    np.maximum.at(furthest, of, np.abs(scaled - means[of]))
    scales = np.where(furthest > 0, furthest, deviations)
    log_weights = log_weights - np.log(unit)
    return [low + unit * means, unit * scales, log_weights, unit * deviations]


def _most_probable(
    numbers: np.ndarray,
    means: np.ndarray,
    deviations: np.ndarray,
    log_weights: np.ndarray,
) -> np.ndarray:
    """Return the mode that each number is most probably of."""
    apart = (numbers[:, np.newaxis] - means) / deviations
    return (log_weights - np.log(deviations) - apart**2 / 2).argmax(axis=1)


class TableCodec:
    """Turns tables of numbers into rows of parts between -1 and 1, and back.

    A column becomes a part (see `sknevo.records.Part`): options of which one is on, and
    a value. Options are labels, numbers that are frequent, a gap, and the modes of all
    other numbers: a mixture of Gaussians. The number of components follows from the
    data [1]_. The value, 0 for all other options, says where in its mode a number is.
    A mode ends at -1 or 1 with its furthest number, where CTGAN has four standard
    deviations: so no number is cut off, and what is made hardly leaves the data. A
    number belongs to its most probable mode, not to one that is drawn: so the same row
    is always the same. A column with a single option has none, and a constant one no
    value either.

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
    ) -> None:
        names = range(numbers.shape[1]) if names is None else names
        self.columns = [
            ColumnCodec.of(*column)
            for column in zip(names, numbers.T, are_labels, strict=True)
        ]
        self.parts = tuple(column.part for column in self.columns)
        self.width = sum(part.width for part in self.parts)
        self._ends = np.cumsum([part.width for part in self.parts])[:-1]

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """Return a table as an array of shape (n_rows, width).

        Raises
        ------
        ValueError
            If a column has a gap and had none before.
        """
        pairs = zip(self.columns, numbers.T, strict=True)
        return np.hstack([column.encode(values) for column, values in pairs])

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Return the table of an array of shape (n_rows, width)."""
        blocks = np.split(encoded, self._ends, axis=1)
        pairs = zip(self.columns, blocks, strict=True)
        return np.column_stack([column.decode(block) for column, block in pairs])

    @property
    def fingerprint(self) -> str:
        """Hash of what was learned."""
        return fingerprint(*(list(vars(column).values()) for column in self.columns))

    def __repr__(self) -> str:
        return f"TableCodec({self.fingerprint})"
