"""What may vary: genes, and genomes composed of them.

Three leaves (`Real`, `Integer`, `Categorical`) and three ways to compose (`Genome`, a
record; `Choice`, one of many; `Repeat`, a list of variable length). All are genes and
know how to sample, mutate, cross, repair and recognise a value of theirs; recursion is
the whole algorithm. The values are plain JSON, see `sknevo.records`.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sknevo.records import express, flatten

__all__ = ["Categorical", "Choice", "Gene", "Genome", "Integer", "Real", "Repeat"]

Generator = np.random.Generator

# Standard deviation of a step, in widths of the range on the gene's own scale.
STEP = 0.15


class Gene(ABC):
    """One decision with a range, or several composed."""

    @abstractmethod
    def sample(self, rng: Generator) -> Any:
        """Draw a value."""

    @abstractmethod
    def vary(self, value: Any, rng: Generator, probability: float) -> Any:
        """Change each expressed gene with the given probability."""

    @abstractmethod
    def cross(self, first: Any, second: Any, rng: Generator) -> Any:
        """Breed a value of two parents'."""

    @abstractmethod
    def repair(self, value: Any) -> Any:
        """Return the nearest value that is allowed."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Whether the value is one of this gene's."""

    @abstractmethod
    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Any:
        """Draw what an expressed, possibly partial value leaves open."""

    def mutate(
        self, value: Any, rng: Generator, probability: float | None = None
    ) -> Any:
        """Vary a value until something expressed changes.

        Parameters
        ----------
        value : JSON value
            A value of this gene; left as it is.
        rng : numpy.random.Generator
            Source of randomness.
        probability : float or None, default=None
            Chance of each expressed gene to change; None stands for one gene in the
            mean. It rises from try to try, so that a change is found if there is one.

        Returns
        -------
        JSON value
            The mutant, or an equal value if this gene has no other.
        """
        before = express(value)
        if probability is None:
            probability = 1 / max(1, len(flatten(value)))
        for _ in range(32):
            mutant = self.repair(self.vary(value, rng, probability))
            if express(mutant) != before:
                return mutant
            probability = min(1.0, 1.2 * probability + 0.01)
        return copy.deepcopy(value)


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
        return partial


class _Number(_Leaf):
    def __init__(self, low: float, high: float, log: bool = False) -> None:
        if not low <= high or not math.isfinite(high - low):
            raise ValueError(f"low must be <= high, both finite; got {low} and {high}.")
        if log and low <= 0:
            raise ValueError(f"low must be > 0 if log=True; got {low}.")
        self.low, self.high, self.log = low, high, log

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else value

    def _at(self, position: float) -> float:
        """Return the value at a position in [0, 1] of the range."""
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + position * (high - low)
        return min(max(math.exp(value) if self.log else value, self.low), self.high)

    def _position(self, value: float) -> float:
        low, high = self._scale(self.low), self._scale(self.high)
        return (self._scale(value) - low) / (high - low) if high > low else 0.0

    def sample(self, rng: Generator) -> float:
        return self._at(rng.random())

    def change(self, value: float, rng: Generator) -> float:
        # Reflecting at the bounds, unlike clipping, does not pile values up there.
        step = self._position(value) + STEP * rng.standard_normal()
        return self._at(1 - abs(1 - abs(step) % 2))

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

    def sample(self, rng: Generator) -> int:
        # Half a step beyond each bound, so that the ends are as likely as the rest.
        low = self._scale(self.low if self.log else self.low - 0.5)
        high = self._scale(self.high if self.log else self.high + 0.5)
        value = rng.uniform(low, high)
        return self.repair(math.exp(value) if self.log else value)

    def change(self, value: int, rng: Generator) -> int:
        changed = self.repair(super().change(value, rng))
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
        self.options = list(options)
        if not self.options:
            raise ValueError("options must hold at least one value; got none.")
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
        return any(value == o and type(value) is type(o) for o in self.options)

    def __repr__(self) -> str:
        return f"Categorical({self.options})"


class Genome(Gene):
    """A record of genes.

    Parameters
    ----------
    **genes : Gene
        Name to gene.

    Examples
    --------
    >>> import numpy as np
    >>> genome = Genome(C=Real(0.1, 10, log=True), kernel=Categorical(["rbf"]))
    >>> genome.sample(np.random.default_rng(0))
    {'C': 1.88..., 'kernel': 'rbf'}
    """

    def __init__(self, **genes: Gene) -> None:
        for name, gene in genes.items():
            if not isinstance(gene, Gene):
                raise TypeError(
                    f"gene {name!r} must be a Gene (Real, Integer, Categorical, "
                    f"Genome, Choice, Repeat); got {gene!r}."
                )
        if reserved := genes.keys() & {"choice", "items"}:
            raise ValueError(f"a gene must not be named {sorted(reserved)[0]!r}.")
        self.genes = genes
        self.repairs: tuple[Callable[[dict], dict], ...] = ()

    def constrained(self, *repairs: Callable[[dict], dict]) -> "Genome":
        """Return this genome with constraints that all of its values meet.

        Parameters
        ----------
        *repairs : callable
            Each takes a value of this genome (with the silent genes) and returns one
            that meets the constraint; module-level functions pickle.

        Returns
        -------
        Genome
        """
        constrained = Genome(**self.genes)
        constrained.repairs = (*self.repairs, *repairs)
        return constrained

    def _constrain(self, value: dict[str, Any]) -> dict[str, Any]:
        for repair in self.repairs:
            value = repair(value)
        return value

    def sample(self, rng: Generator) -> dict[str, Any]:
        return self._constrain({n: g.sample(rng) for n, g in self.genes.items()})

    def vary(
        self, value: dict[str, Any], rng: Generator, probability: float
    ) -> dict[str, Any]:
        return self._constrain(
            {n: g.vary(value[n], rng, probability) for n, g in self.genes.items()}
        )

    def cross(
        self, first: dict[str, Any], second: dict[str, Any], rng: Generator
    ) -> dict[str, Any]:
        return self._constrain(
            {n: g.cross(first[n], second[n], rng) for n, g in self.genes.items()}
        )

    def repair(self, value: dict[str, Any]) -> dict[str, Any]:
        return self._constrain({n: g.repair(value[n]) for n, g in self.genes.items()})

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, Mapping)
            and value.keys() == self.genes.keys()
            and all(gene.contains(value[name]) for name, gene in self.genes.items())
            and self._constrain(copy.deepcopy(value)) == value
        )

    def complete(
        self, partial: Any, rng: Generator, path: str = "genome"
    ) -> dict[str, Any]:
        """Draw what an expressed, possibly partial value leaves open.

        Parameters
        ----------
        partial : dict
            Expressed genes by name; any may be left out.
        rng : numpy.random.Generator
            Source of randomness.
        path : str, default="genome"
            How to call this genome in messages.

        Returns
        -------
        dict
            A value of this genome.

        Raises
        ------
        ValueError
            If `partial` names a gene that is not there, or a value out of range.
        """
        _check_names(partial, self.genes, path)
        value = {
            name: gene.complete(partial[name], rng, f"{path}.{name}")
            if name in partial
            else gene.sample(rng)
            for name, gene in self.genes.items()
        }
        return self._constrain(value)

    def __repr__(self) -> str:
        genes = ", ".join(f"{name}={gene!r}" for name, gene in self.genes.items())
        return f"{type(self).__name__}({genes})"


class Choice(Gene):
    """One of many, of which exactly one branch is expressed.

    Parameters
    ----------
    weights : dict of str to float or None, default=None
        How often each branch is drawn, 1 for those that it does not name.
    **branches : Gene
        Name to gene.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer = Choice(adam=Genome(), sgd=Genome(momentum=Real(0, 0.99)))
    >>> sorted(optimizer.sample(np.random.default_rng(0)))
    ['adam', 'choice', 'sgd']
    """

    def __init__(
        self, weights: Mapping[str, float] | None = None, /, **branches: Gene
    ) -> None:
        self.branches = Genome(**branches).genes
        weights = dict(weights or {})
        if unknown := weights.keys() - branches.keys():
            raise ValueError(
                f"weights must name branches {list(branches)}; got {sorted(unknown)}."
            )
        self.choice = Categorical(list(branches), [weights.get(b, 1) for b in branches])

    def sample(self, rng: Generator) -> dict[str, Any]:
        branches = {name: gene.sample(rng) for name, gene in self.branches.items()}
        return {"choice": self.choice.sample(rng), **branches}

    def vary(
        self, value: dict[str, Any], rng: Generator, probability: float
    ) -> dict[str, Any]:
        chosen = self.choice.vary(value["choice"], rng, probability)
        if chosen != value["choice"]:
            return {**value, "choice": chosen}
        branch = self.branches[chosen].vary(value[chosen], rng, probability)
        return {**value, chosen: branch}

    def cross(
        self, first: dict[str, Any], second: dict[str, Any], rng: Generator
    ) -> dict[str, Any]:
        if first["choice"] != second["choice"]:
            # The branch of the one that speaks it has proved itself: keep it whole.
            return first if rng.random() < 0.5 else second
        chosen = first["choice"]
        branch = self.branches[chosen].cross(first[chosen], second[chosen], rng)
        return {**first, chosen: branch}

    def repair(self, value: dict[str, Any]) -> dict[str, Any]:
        branches = {n: gene.repair(value[n]) for n, gene in self.branches.items()}
        return {"choice": self.choice.repair(value["choice"]), **branches}

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, Mapping)
            and value.keys() == {"choice", *self.branches}
            and self.choice.contains(value["choice"])
            and all(gene.contains(value[name]) for name, gene in self.branches.items())
        )

    def complete(
        self, partial: Any, rng: Generator, path: str = "genome"
    ) -> dict[str, Any]:
        if isinstance(partial, str):
            partial = {partial: {}}
        _check_names(partial, self.branches, path)
        if len(partial) != 1:
            raise ValueError(
                f"{path} must name one of {list(self.branches)}; got {list(partial)}."
            )
        ((chosen, genes),) = partial.items()
        value = self.sample(rng)
        branch = self.branches[chosen].complete(genes, rng, f"{path}.{chosen}")
        return {**value, "choice": chosen, chosen: branch}

    def __repr__(self) -> str:
        genes = ", ".join(f"{name}={gene!r}" for name, gene in self.branches.items())
        return f"Choice({genes})"


class Repeat(Gene):
    """A list of variable length; the items beyond its length are silent.

    Parameters
    ----------
    gene : Gene
        What is repeated.
    low, high : int
        Bounds of the length, both included.

    Examples
    --------
    >>> import numpy as np
    >>> layers = Repeat(Integer(8, 64), 1, 3)
    >>> len(layers.sample(np.random.default_rng(0))["items"])
    3
    """

    def __init__(self, gene: Gene, low: int, high: int) -> None:
        if not 0 <= low <= high or high == 0:
            raise ValueError(f"need 0 <= low <= high, high > 0; got {low}, {high}.")
        self.gene, self.length = gene, Integer(low, high)

    def sample(self, rng: Generator) -> dict[str, Any]:
        items = [self.gene.sample(rng) for _ in range(self.length.high)]
        return {"length": self.length.sample(rng), "items": items}

    def vary(
        self, value: dict[str, Any], rng: Generator, probability: float
    ) -> dict[str, Any]:
        length, items = value["length"], list(value["items"])
        longer = self.length.vary(length, rng, probability)
        if longer != length:
            # An item is put in or taken out anywhere, not only at the end.
            longer = length + (1 if longer > length else -1)
            place = int(rng.integers(max(length, longer)))
            if longer > length:
                items.insert(place, items.pop())
            else:
                items.append(items.pop(place))
        spoken = [self.gene.vary(i, rng, probability) for i in items[:longer]]
        return {"length": longer, "items": spoken + items[longer:]}

    def cross(
        self, first: dict[str, Any], second: dict[str, Any], rng: Generator
    ) -> dict[str, Any]:
        longest, other = (first, second) if rng.random() < 0.5 else (second, first)
        shared = min(longest["length"], other["length"])
        items = [
            self.gene.cross(a, b, rng)
            for a, b in zip(longest["items"], other["items"], strict=True)
        ]
        return {
            "length": longest["length"],
            "items": items[:shared] + longest["items"][shared:],
        }

    def repair(self, value: dict[str, Any]) -> dict[str, Any]:
        items = [self.gene.repair(item) for item in value["items"]]
        return {"length": self.length.repair(value["length"]), "items": items}

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, Mapping)
            and value.keys() == {"length", "items"}
            and self.length.contains(value["length"])
            and len(value["items"]) == self.length.high
            and all(map(self.gene.contains, value["items"]))
        )

    def complete(
        self, partial: Any, rng: Generator, path: str = "genome"
    ) -> dict[str, Any]:
        low, high = self.length.low, self.length.high
        if not isinstance(partial, Sequence) or not low <= len(partial) <= high:
            raise ValueError(
                f"{path} must be a list of {low} to {high} items; got {partial!r}."
            )
        items = [
            self.gene.complete(item, rng, f"{path}[{i}]")
            for i, item in enumerate(partial)
        ]
        silent = [self.gene.sample(rng) for _ in range(high - len(items))]
        return {"length": len(items), "items": items + silent}

    def __repr__(self) -> str:
        return f"Repeat({self.gene!r}, {self.length.low}, {self.length.high})"


def _check_names(partial: Any, genes: Mapping[str, Gene], path: str) -> None:
    if not isinstance(partial, Mapping):
        raise ValueError(
            f"{path} must be a dict with keys among {list(genes)}; got {partial!r}."
        )
    if unknown := [name for name in partial if name not in genes]:
        raise ValueError(
            f"{path} has no gene {unknown[0]!r}; its genes are {list(genes)}."
        )
