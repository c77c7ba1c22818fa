"""The contract of a gene, and the genes without genes inside: numbers, categories."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from sknevo.records import express, flatten

# Tries of `mutate`. By then the probability of each gene to change has risen to 1, from
# 0 or any other. Chosen, not measured.
TRIES = 32
# Standard deviation of a mutation, in widths of the range on the gene's own scale.
# Chosen, not measured.
STEP = 0.15


class Gene(ABC):
    """One decision with a range, or several composed.

    A gene samples, mutates, crosses and repairs values. The values are plain JSON (see
    `sknevo.records`) and are never changed in place.

    Attributes
    ----------
    parts : mapping of str to Gene
        The genes inside, by name.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.genes import Gene, Real
    >>> gene = Real(0.1, 10, log=True)
    >>> isinstance(gene, Gene)
    True
    >>> 0.1 <= gene.sample(np.random.default_rng(0)) <= 10
    True
    """

    parts: Mapping[str, "Gene"] = {}

    @abstractmethod
    def sample(self, rng: Generator) -> Any:
        """Draw a value.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        JSON value
        """

    @abstractmethod
    def vary(self, value: Any, rng: Generator, probability: float) -> Any:
        """Change each expressed gene with the given probability.

        Parameters
        ----------
        value : JSON value
            A value of this gene.
        rng : numpy.random.Generator
            Source of randomness.
        probability : float
            Probability of each expressed gene to change.

        Returns
        -------
        JSON value
        """

    @abstractmethod
    def cross(self, first: Any, second: Any, rng: Generator) -> Any:
        """Combine the values of two parents.

        Parameters
        ----------
        first, second : JSON value
            Values of this gene.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        JSON value
        """

    @abstractmethod
    def repair(self, value: Any) -> Any:
        """Return the nearest value that is allowed.

        Parameters
        ----------
        value : JSON value
            Has the form of a value of this gene.

        Returns
        -------
        JSON value
        """

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Return whether a value is one of this gene.

        Parameters
        ----------
        value : JSON value
            Anything.

        Returns
        -------
        bool
        """

    @abstractmethod
    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Any:
        """Draw what an expressed, possibly partial value leaves open.

        Parameters
        ----------
        partial : JSON value
            Expressed genes. Of a record, any may be left out.
        rng : numpy.random.Generator
            Source of randomness.
        path : str, default="genome"
            What messages call this gene.

        Returns
        -------
        JSON value
            A value of this gene.

        Raises
        ------
        ValueError
            If `partial` names an unknown gene, or a value is out of range.
        """

    def mutate(
        self, value: Any, rng: Generator, probability: float | None = None
    ) -> Any:
        """Vary a value until something expressed changes.

        Parameters
        ----------
        value : JSON value
            A value of this gene.
        rng : numpy.random.Generator
            Source of randomness.
        probability : float or None, default=None
            Probability of each expressed gene to change; None stands for one gene on
            average. It rises from try to try, so that a change is found if there is
            one.

        Returns
        -------
        JSON value
            The mutant, or an equal value if this gene has no other.
        """
        # Silent genes may change too, but a child that builds the same is no mutant.
        before = express(value)
        if probability is None:
            probability = 1 / max(1, len(flatten(value)))
        for _ in range(TRIES):
            mutant = self.repair(self.vary(value, rng, probability))
            if express(mutant) != before:
                return mutant
            probability = min(1.0, 1.2 * probability + 0.01)
        return copy.deepcopy(value)

    def _inside(self, value: Any) -> Iterator[tuple[str, "Gene", Any, bool]]:
        """Yield name, gene, value and whether it is expressed, of each part."""
        return iter(())

    def _rebuilt(self, value: Any, parts: list[Any]) -> Any:
        """Return the value with other values of its parts, ordered as by `_inside`."""
        return value

    def walk(
        self, value: Any, path: str = "", expressed: bool = True
    ) -> Iterator[tuple[str, "Gene", Any, bool]]:
        """Yield this gene and all genes inside, each before the genes inside it.

        Parameters
        ----------
        value : JSON value
            A value of this gene.
        path : str, default=""
            The path of this gene.
        expressed : bool, default=True
            Whether this gene is expressed.

        Yields
        ------
        tuple of (str, Gene, JSON value, bool)
            Path, gene, value and whether the gene is expressed. A path joins names,
            chosen branches and positions in lists by dots.

        Examples
        --------
        >>> from sknevo import Genome, Integer, Repeat
        >>> genome = Genome(layers=Repeat(Integer(8, 64), 1, 2))
        >>> for path, gene, value, expressed in genome.walk(
        ...     {"layers": {"length": 1, "items": [16, 32]}}
        ... ):
        ...     if isinstance(gene, Integer):
        ...         print(path, value, expressed)
        layers.0 16 True
        layers.1 32 False
        """
        yield path, self, value, expressed
        prefix = f"{path}." if path else ""
        for name, gene, part, is_expressed in self._inside(value):
            yield from gene.walk(part, prefix + name, expressed and is_expressed)

    def map(
        self, change: Callable[[str, "Gene", Any], Any], value: Any, path: str = ""
    ) -> Any:
        """Return the value with each expressed number and category changed.

        Parameters
        ----------
        change : callable
            Gets path, gene and value, and returns the new value.
        value : JSON value
            A value of this gene.
        path : str, default=""
            The path of this gene.

        Returns
        -------
        JSON value

        Examples
        --------
        >>> from sknevo import Genome, Real
        >>> Genome(x=Real(0, 1)).map(lambda path, gene, value: gene.high, {"x": 0.5})
        {'x': 1.0}
        """
        prefix = f"{path}." if path else ""
        parts = [
            gene.map(change, part, prefix + name) if is_expressed else part
            for name, gene, part, is_expressed in self._inside(value)
        ]
        return self._rebuilt(value, parts)

    def decode(self, value: Any) -> Any:
        """Return what an expressed value stands for as the parameter of an estimator.

        Parameters
        ----------
        value : JSON value
            An expressed value of this gene.

        Returns
        -------
        object
            By default the value itself.
        """
        return value


class Leaf(Gene):
    """A gene without genes inside."""

    @abstractmethod
    def change(self, value: Any, rng: Generator) -> Any:
        """Return another value, near to this one where nearness has a meaning.

        Parameters
        ----------
        value : JSON scalar
            A value of this gene.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        JSON scalar
        """

    def vary(self, value: Any, rng: Generator, probability: float) -> Any:
        return self.change(value, rng) if rng.random() < probability else value

    def cross(self, first: Any, second: Any, rng: Generator) -> Any:
        return first if rng.random() < 0.5 else second

    def map(
        self, change: Callable[[str, Gene, Any], Any], value: Any, path: str = ""
    ) -> Any:
        return change(path, self, value)

    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Any:
        if not self.contains(partial):
            raise ValueError(f"{path} must be in {self}; got {partial!r}.")
        return self.repair(partial)


class Number(Leaf):
    """A number in a range."""

    def __init__(self, low: float, high: float, log: bool = False) -> None:
        if not low <= high or not math.isfinite(high - low):
            raise ValueError(f"low must be <= high, both finite; got {low} and {high}.")
        if log and low <= 0:
            raise ValueError(f"low must be > 0 if log=True; got {low}.")
        self.low, self.high, self.log = low, high, log

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else value

    def at(self, position: float) -> float:
        """Return the value at a position of the range.

        Parameters
        ----------
        position : float
            0 is the lower bound and 1 the upper one; beyond them it is reflected.

        Returns
        -------
        float or int
        """
        # Reflecting at the bounds, unlike clipping, does not pile values up there.
        return self._at(1 - abs(1 - abs(position) % 2))

    def _at(self, position: float) -> float:
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + position * (high - low)
        return min(max(math.exp(value) if self.log else value, self.low), self.high)

    def position(self, value: float) -> float:
        """Return where in the range a value stands.

        Parameters
        ----------
        value : float or int
            A value of this gene.

        Returns
        -------
        float
            0 at the lower bound, 1 at the upper one.
        """
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


class Real(Number):
    """A real number.

    Parameters
    ----------
    low, high : float
        Bounds, both included.
    log : bool, default=False
        Whether ratios matter rather than differences: values are drawn from the
        log-uniform distribution, and mutation is log-normal.

    Raises
    ------
    ValueError
        If a bound is not finite, `low` exceeds `high`, or `low` is not positive though
        `log` is true.

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


class Integer(Number):
    """A whole number.

    Parameters
    ----------
    low, high : int
        Bounds, both included.
    log : bool, default=False
        Whether ratios matter rather than differences.

    Raises
    ------
    ValueError
        If a bound is not a whole number, `low` exceeds `high`, or `low` is not positive
        though `log` is true.

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
        # A small step was rounded away: take the smallest one instead.
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


class Categorical(Leaf):
    """One of several JSON scalars.

    Parameters
    ----------
    options : sequence
        The values.
    weights : sequence of float or None, default=None
        How often each is drawn, in relation to the others; None draws all alike.

    Raises
    ------
    ValueError
        If there is no option, two are equal, one is no finite JSON scalar, or the
        weights are not as many positive numbers.

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
        # Drawn with the same weights, without the present option.
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
    """Return whether JSON can hold the value and tell it from others."""
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)
