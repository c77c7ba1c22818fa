"""Genes without genes inside: numbers and categories."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from sknevo.genes._gene import Gene, Generator

__all__ = ["Categorical", "Integer", "Real"]

# Standard deviation of a step, in widths of the range on the gene's own scale.
STEP = 0.15


class _Leaf(Gene):
    """A gene without genes inside."""

    @abstractmethod
    def change(self, value: Any, rng: Generator) -> Any:
        """Return another value, near to this one where nearness has a meaning."""

    def vary(self, value: Any, rng: Generator, probability: float) -> Any:
        return self.change(value, rng) if rng.random() < probability else value

    def cross(self, first: Any, second: Any, rng: Generator) -> Any:
        return first if rng.random() < 0.5 else second

    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Any:
        if not self.contains(partial):
            raise ValueError(f"{path} must be in {self}; got {partial!r}.")
        return self.repair(partial)


class _Number(_Leaf):
    def __init__(self, low: float, high: float, log: bool = False) -> None:
        if not low <= high or not math.isfinite(high - low):
            raise ValueError(f"low must be <= high, both finite; got {low} and {high}.")
        if log and low <= 0:
            raise ValueError(f"low must be > 0 if log=True; got {low}.")
        self.low, self.high, self.log = low, high, log

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else value

    def at(self, position: float) -> float:
        """Return the value at a position of the range, reflected into [0, 1]."""
        # Reflecting at the bounds, unlike clipping, does not pile values up there.
        return self._at(1 - abs(1 - abs(position) % 2))

    def _at(self, position: float) -> float:
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + position * (high - low)
        return min(max(math.exp(value) if self.log else value, self.low), self.high)

    def position(self, value: float) -> float:
        """Return where in the range the value stands: 0 at its lower bound, 1 above."""
        low, high = self._scale(self.low), self._scale(self.high)
        return (self._scale(value) - low) / (high - low) if high > low else 0.0

    def sample(self, rng: Generator) -> float:
        return self._at(rng.random())

    def change(self, value: float, rng: Generator) -> float:
        return self.at(self.position(value) + STEP * rng.standard_normal())

    def repair(self, value: Any) -> float:
        return min(max(value, self.low), self.high)

    def __repr__(self) -> str:
        log = ", log=True" if self.log else ""
        return f"{type(self).__name__}({self.low:g}, {self.high:g}{log})"


class Real(_Number):
    """A real number.

    Parameters
    ----------
    low, high : float
        Bounds, both included.
    log : bool, default=False
        Whether ratios matter rather than differences. Mutation then is log-normal.

    Examples
    --------
    >>> import numpy as np
    >>> rate = Real(1e-4, 1e-1, log=True)
    >>> rate.contains(rate.sample(np.random.default_rng(0)))
    True
    """

    def __init__(self, low: float, high: float, log: bool = False) -> None:
        # Floats throughout: 1 and 1.0 would be two individuals.
        super().__init__(float(low), float(high), log)

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def repair(self, value: Any) -> float:
        return float(super().repair(value))


class Integer(_Number):
    """A whole number.

    Parameters
    ----------
    low, high : int
        Bounds, both included.
    log : bool, default=False
        Whether ratios matter rather than differences.

    Examples
    --------
    >>> import numpy as np
    >>> Integer(3, 3).sample(np.random.default_rng(0))
    3
    """

    def __init__(self, low: int, high: int, log: bool = False) -> None:
        super().__init__(low, high, log)
        if low % 1 or high % 1:
            raise ValueError(
                f"low and high must be whole numbers; got {low} and {high}."
            )
        self.low, self.high = int(low), int(high)

    def sample(self, rng: Generator) -> int:
        # Half a step beyond each bound, so that the ends are as likely as the rest.
        low = self._scale(self.low if self.log else self.low - 0.5)
        high = self._scale(self.high if self.log else self.high + 0.5)
        value = rng.uniform(low, high)
        return self.repair(math.exp(value) if self.log else value)

    def at(self, position: float) -> int:
        return self.repair(super().at(position))

    def change(self, value: int, rng: Generator) -> int:
        changed = super().change(value, rng)
        if changed != value or self.low == self.high:
            return changed
        neighbours = [v for v in (value - 1, value + 1) if self.low <= v <= self.high]
        return neighbours[rng.integers(len(neighbours))]

    def repair(self, value: Any) -> int:
        return round(super().repair(value))

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )


class Categorical(_Leaf):
    """One of several JSON scalars.

    Parameters
    ----------
    options : sequence
        The values.
    weights : sequence of float or None, default=None
        How often each is drawn, in relation to the others; None draws all alike.

    Examples
    --------
    >>> Categorical(["relu", "gelu"]).contains("tanh")
    False
    """

    def __init__(
        self, options: Sequence[Any], weights: Sequence[float] | None = None
    ) -> None:
        self.options = [o.item() if isinstance(o, np.generic) else o for o in options]
        if not self.options:
            raise ValueError("options must hold at least one value; got none.")
        if not all(map(_is_scalar, self.options)):
            raise ValueError(
                "each option must be a str, int, float, bool or None, and finite; got "
                f"{self.options}."
            )
        if len(set(self.options)) < len(self.options):
            raise ValueError(f"options must differ; got {self.options}.")
        weights = np.ones(len(self.options)) if weights is None else np.array(weights)
        if len(weights) != len(self.options) or not (weights > 0).all():
            raise ValueError(
                f"weights must be {len(self.options)} positive numbers, one for each "
                f"option; got {list(weights)}."
            )
        self.probabilities = weights / weights.sum()

    def sample(self, rng: Generator) -> Any:
        return self.options[rng.choice(len(self.options), p=self.probabilities)]

    def change(self, value: Any, rng: Generator) -> Any:
        if len(self.options) == 1:
            return value
        probabilities = self.probabilities.copy()
        probabilities[self.options.index(value)] = 0
        probabilities /= probabilities.sum()
        return self.options[rng.choice(len(self.options), p=probabilities)]

    def repair(self, value: Any) -> Any:
        return value if self.contains(value) else self.options[0]

    def contains(self, value: Any) -> bool:
        # By type too: True == 1 in Python, but not in JSON.
        return any(type(value) is type(o) and value == o for o in self.options)

    def __repr__(self) -> str:
        return f"Categorical({self.options})"


def _is_scalar(value: Any) -> bool:
    """Whether JSON can hold the value and tell it from others."""
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)
