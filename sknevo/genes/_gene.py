"""The contract of a gene, numbers and categories, and genes composed of genes."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.random import Generator

from sknevo.records import express, flatten
from sknevo.spelling import did_you_mean

Genes = dict[str, Any]

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
    # One expressed value, which stands for this gene where it is left out. Without
    # one, a value is drawn.
    _neutral: tuple[Any, ...] = ()

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
        """Complete an expressed value: genes that it leaves out are neutral or drawn.

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

    def with_neutral(self, value: Any) -> Self:
        """Return this gene with a value that stands for it where it is left out.

        Parameters
        ----------
        value : JSON value
            An expressed value of this gene, such as one that has no effect.

        Returns
        -------
        Gene

        Raises
        ------
        ValueError
            If this gene has no such value.

        Examples
        --------
        >>> import numpy as np
        >>> from sknevo import Genome, Real
        >>> genome = Genome(rate=Real(0, 1), dropout=Real(0, 0.5).with_neutral(0))
        >>> genome.complete({"rate": 0.5}, np.random.default_rng(0))
        {'rate': 0.5, 'dropout': 0.0}
        """
        self.complete(value, np.random.default_rng(0), "neutral value")
        gene = copy.copy(self)
        gene._neutral = (value,)
        return gene

    def _left_out(self, rng: Generator) -> Any:
        """Return the value where a record leaves this gene out."""
        return self.complete(*self._neutral, rng) if self._neutral else self.sample(rng)

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
            # It rises by a fifth, and by so much that it leaves even 0.
            probability = min(1.0, 1.2 * probability + 0.01)
        return copied(value)

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

    @property
    def _named_parts(self) -> str:
        return ", ".join(f"{name}={gene!r}" for name, gene in self.parts.items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._named_parts})"


# Genes without genes inside -------------------------------------------------------


class Leaf(Gene):
    """A gene without genes inside."""

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
    """A number in a range; a kind of number says what it is, and how it is cast."""

    _kind: type | tuple[type, ...]
    _cast: Callable[[float], float]

    def __init__(self, low: float, high: float, log: bool = False) -> None:
        # Bounds may be finite and the width of the range not: it has no positions then.
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
            0 is the lower bound and 1 the upper one.

        Returns
        -------
        float or int
        """
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + position * (high - low)
        # The exponential of a logarithm may be out of range by a rounding error.
        return self.repair(math.exp(value) if self.log else value)

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
        # A range of one value is all at its lower bound.
        return (self._scale(value) - low) / (high - low) if high > low else 0.0

    def sample(self, rng: Generator) -> float:
        return self.at(rng.random())

    def vary(self, value: float, rng: Generator, probability: float) -> float:
        if rng.random() >= probability:
            return value
        position = self.position(value) + STEP * rng.standard_normal()
        changed = self.at(reflected(position))
        if changed == value and (neighbours := self._neighbours(value)):
            # A small step was rounded away: the smallest one takes its place.
            return neighbours[rng.integers(len(neighbours))]
        return changed

    def _neighbours(self, value: float) -> list[float]:
        """Return the values next to a value; a real number has none."""
        return []

    def repair(self, value: Any) -> float:
        return self._cast(min(max(value, self.low), self.high))

    def contains(self, value: Any) -> bool:
        # In Python, booleans are whole numbers; in JSON they are not.
        is_number = isinstance(value, self._kind) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high

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
        Whether values are drawn from a log-uniform distribution, and mutated by a
        log-normal one. For parameters of which ratios matter.

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

    # Floats throughout: 1 and 1.0 would be two individuals.
    _kind, _cast = (int, float), float

    def __init__(self, low: float, high: float, log: bool = False) -> None:
        super().__init__(float(low), float(high), log)


class Integer(Number):
    """A whole number.

    Parameters
    ----------
    low, high : int
        Bounds, both included.
    log : bool, default=False
        Whether values are drawn from a log-uniform distribution.

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

    _kind, _cast = int, round

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

    def _neighbours(self, value: int) -> list[int]:
        return [v for v in (value - 1, value + 1) if self.low <= v <= self.high]


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
        # JSON knows no scalars of numpy.
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
        return self.options[drawn(self.probabilities, rng)]

    def vary(self, value: Any, rng: Generator, probability: float) -> Any:
        if rng.random() >= probability or len(self.options) == 1:
            return value
        # Drawn with the same weights, without the present option.
        probabilities = self.probabilities.copy()
        probabilities[self.options.index(value)] = 0
        probabilities /= probabilities.sum()
        return self.options[drawn(probabilities, rng)]

    def repair(self, value: Any) -> Any:
        return value if self.contains(value) else self.options[0]

    def contains(self, value: Any) -> bool:
        # By type too: True == 1 in Python, but not in JSON.
        return any(type(value) is type(o) and value == o for o in self.options)

    def __repr__(self) -> str:
        return f"Categorical({self.options})"


def drawn(probabilities: np.ndarray, rng: Generator) -> int:
    """Return a place, the one that `rng.choice` draws in four times as long."""
    cumulative = probabilities.cumsum()
    return int((cumulative / cumulative[-1]).searchsorted(rng.random(), "right"))


def copied(value: Any) -> Any:
    """Return a copy of the value of a gene, which is JSON; `deepcopy` takes longer."""
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if isinstance(value, list) else value


def reflected(position: float) -> float:
    """Return a position in [0, 1]; clipping would pile values up at the bounds."""
    return 1 - abs(1 - abs(position) % 2)


def _is_scalar(value: Any) -> bool:
    """Return whether JSON can hold the value and tell it from others."""
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


# Genes composed of genes -----------------------------------------------------------


class Genome(Gene):
    """A record of genes: the search space, or a part of it.

    Parameters
    ----------
    **genes : Gene
        Name to gene.

    Raises
    ------
    TypeError
        If one is no gene.
    ValueError
        If a name has a dot or is reserved ("choice", "items").

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import Categorical, Real
    >>> genome = Genome(C=Real(0.1, 10, log=True), kernel=Categorical(["rbf"]))
    >>> genome.sample(np.random.default_rng(0))
    {'C': 1.87..., 'kernel': 'rbf'}
    """

    # All genes inside are left out.
    _neutral = ({},)

    def __init__(self, **genes: Gene) -> None:
        for name, gene in genes.items():
            if not isinstance(gene, Gene):
                raise TypeError(
                    f"gene {name!r} must be a Gene (Real, Integer, Categorical, "
                    f"Genome, Choice, Repeat); got {gene!r}."
                )
        # These keys tell choices and lists from records, and dots separate the names
        # of a path: the form of a chromosome alone says what is expressed.
        reserved = [n for n in genes if n in ("choice", "items") or "." in n]
        if reserved:
            raise ValueError(f"a gene must not be named {reserved[0]!r}.")
        self.genes = self.parts = genes
        self.repairs: tuple[Callable[[dict], dict], ...] = ()

    def constrained(self, *repairs: Callable[[dict], dict]) -> "Genome":
        """Return this genome with constraints that all of its values meet.

        Parameters
        ----------
        *repairs : callable
            Each takes a value of this genome (with the silent genes) and returns one
            that meets the constraint. Module-level functions can be pickled.

        Returns
        -------
        Genome

        Examples
        --------
        >>> def order(genes):
        ...     return {"low": min(genes.values()), "high": max(genes.values())}
        >>> genome = Genome(low=Integer(0, 9), high=Integer(0, 9)).constrained(order)
        >>> genome.repair({"low": 7, "high": 2})
        {'low': 2, 'high': 7}
        """
        constrained = copy.copy(self)
        constrained.repairs = (*self.repairs, *repairs)
        return constrained

    @property
    def neutral(self) -> Genes:
        """The neutral values of the genes that have one, by name."""
        return {n: gene._neutral[0] for n, gene in self.genes.items() if gene._neutral}

    def _constrain(self, value: Genes) -> Genes:
        if self.repairs:  # A repair must not change a parent, which may share parts.
            value = copied(value)
        for repair in self.repairs:
            value = repair(value)
        return value

    def sample(self, rng: Generator) -> Genes:
        return self._constrain({n: g.sample(rng) for n, g in self.genes.items()})

    def vary(self, value: Genes, rng: Generator, probability: float) -> Genes:
        return self._constrain(
            {n: g.vary(value[n], rng, probability) for n, g in self.genes.items()}
        )

    def cross(self, first: Genes, second: Genes, rng: Generator) -> Genes:
        return self._constrain(
            {n: g.cross(first[n], second[n], rng) for n, g in self.genes.items()}
        )

    def repair(self, value: Genes) -> Genes:
        return self._constrain({n: g.repair(value[n]) for n, g in self.genes.items()})

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, Mapping)
            and value.keys() == self.genes.keys()
            and all(gene.contains(value[name]) for name, gene in self.genes.items())
            and self._constrain(value) == value  # a repair leaves valid values alone
        )

    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Genes:
        _check_names(partial, self.genes, path)
        value = {
            name: gene.complete(partial[name], rng, f"{path}.{name}")
            if name in partial
            else gene._left_out(rng)
            for name, gene in self.genes.items()
        }
        return self._constrain(value)

    def _rebuilt(self, value: Genes, parts: list[Any]) -> Genes:
        return dict(zip(self.genes, parts, strict=True))

    def _inside(self, value: Any) -> Iterator[tuple[str, Gene, Any, bool]]:
        for name, gene in self.genes.items():
            yield name, gene, value[name], True


class Choice(Gene):
    """A choice between branches, of which exactly one is expressed.

    Parameters
    ----------
    weights : dict of str to float or None, default=None
        How often each branch is drawn, in relation to the others; 1 for branches that
        it does not name.
    **branches : Gene
        Name to gene.

    Raises
    ------
    ValueError
        If the weights name an unknown branch.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import Real
    >>> optimizer = Choice(adam=Genome(), sgd=Genome(momentum=Real(0, 0.99)))
    >>> sorted(optimizer.sample(np.random.default_rng(0)))
    ['adam', 'choice', 'sgd']
    """

    def __init__(
        self, weights: Mapping[str, float] | None = None, /, **branches: Gene
    ) -> None:
        # A genome refuses what is no gene, and names that are reserved.
        self.branches = self.parts = Genome(**branches).genes
        weights = dict(weights or {})
        if unknown := weights.keys() - branches.keys():
            raise ValueError(
                f"weights must name branches {list(branches)}; got {sorted(unknown)}."
            )
        self.choice = Categorical(list(branches), [weights.get(b, 1) for b in branches])

    def sample(self, rng: Generator) -> Genes:
        # Silent branches have values too: they may be expressed in offspring.
        branches = {name: gene.sample(rng) for name, gene in self.branches.items()}
        return {"choice": self.choice.sample(rng), **branches}

    def vary(self, value: Genes, rng: Generator, probability: float) -> Genes:
        chosen = self.choice.vary(value["choice"], rng, probability)
        # A switch is change enough: the new branch comes as it was inherited.
        if chosen != value["choice"]:
            return {**value, "choice": chosen}
        branch = self.branches[chosen].vary(value[chosen], rng, probability)
        return {**value, chosen: branch}

    def cross(self, first: Genes, second: Genes, rng: Generator) -> Genes:
        if first["choice"] != second["choice"]:
            # A branch was evaluated where it was expressed: it is kept whole.
            return first if rng.random() < 0.5 else second
        chosen = first["choice"]
        branch = self.branches[chosen].cross(first[chosen], second[chosen], rng)
        return {**first, chosen: branch}

    def repair(self, value: Genes) -> Genes:
        branches = {n: gene.repair(value[n]) for n, gene in self.branches.items()}
        return {"choice": self.choice.repair(value["choice"]), **branches}

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, Mapping)
            and value.keys() == {"choice", *self.branches}
            and self.choice.contains(value["choice"])
            and all(gene.contains(value[name]) for name, gene in self.branches.items())
        )

    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Genes:
        if isinstance(partial, str):
            partial = {partial: {}}
        _check_names(partial, self.branches, path)
        if len(partial) != 1:
            raise ValueError(
                f"{path} must name one of {list(self.branches)}; got {list(partial)}."
            )
        ((chosen, genes),) = partial.items()
        # The branches that are not named become silent and are drawn.
        value = self.sample(rng)
        branch = self.branches[chosen].complete(genes, rng, f"{path}.{chosen}")
        return {**value, "choice": chosen, chosen: branch}

    def _rebuilt(self, value: Genes, parts: list[Any]) -> Genes:
        branches = dict(zip(self.branches, parts, strict=True))
        return {"choice": value["choice"], **branches}

    def _inside(self, value: Any) -> Iterator[tuple[str, Gene, Any, bool]]:
        for name, gene in self.branches.items():
            yield name, gene, value[name], name == value["choice"]


class Repeat(Gene):
    """A list of variable length; the items beyond its length are silent.

    Parameters
    ----------
    gene : Gene
        What is repeated.
    low, high : int
        Bounds of the length, both included.

    Raises
    ------
    TypeError
        If `gene` is no gene.
    ValueError
        If the bounds are negative or `low` exceeds `high`.

    Examples
    --------
    >>> import numpy as np
    >>> layers = Repeat(Integer(8, 64), 1, 3)
    >>> len(layers.sample(np.random.default_rng(0))["items"])
    3
    """

    def __init__(self, gene: Gene, low: int, high: int) -> None:
        if not isinstance(gene, Gene):
            raise TypeError(f"gene must be a Gene; got {gene!r}.")
        if not 0 <= low <= high or high == 0:
            raise ValueError(
                f"low and high must satisfy 0 <= low <= high and high > 0; got {low}, "
                f"{high}."
            )
        self.gene, self.length = gene, Integer(low, high)
        self.parts = {"": gene}  # any item, which has no name

    def sample(self, rng: Generator) -> Genes:
        # Silent items have values too, like silent branches.
        items = [self.gene.sample(rng) for _ in range(self.length.high)]
        return {"length": self.length.sample(rng), "items": items}

    def vary(self, value: Genes, rng: Generator, probability: float) -> Genes:
        length, items = value["length"], list(value["items"])
        longer = self.length.vary(length, rng, probability)
        if longer != length:
            # An item is inserted or removed anywhere, not only at the end.
            longer = length + (1 if longer > length else -1)
            place = int(rng.integers(max(length, longer)))
            if longer > length:
                items.insert(place, items.pop())
            else:
                items.append(items.pop(place))
        expressed = [self.gene.vary(i, rng, probability) for i in items[:longer]]
        return {"length": longer, "items": expressed + items[longer:]}

    def cross(self, first: Genes, second: Genes, rng: Generator) -> Genes:
        longest, other = (first, second) if rng.random() < 0.5 else (second, first)
        # Only items that both parents express are mixed; the others stay whole.
        shared = min(longest["length"], other["length"])
        items = [
            self.gene.cross(a, b, rng)
            for a, b in zip(longest["items"], other["items"], strict=True)
        ]
        return {
            "length": longest["length"],
            "items": items[:shared] + longest["items"][shared:],
        }

    def repair(self, value: Genes) -> Genes:
        items = [self.gene.repair(item) for item in value["items"]]
        return {"length": self.length.repair(value["length"]), "items": items}

    def contains(self, value: Any) -> bool:
        return (
            isinstance(value, Mapping)
            and value.keys() == {"length", "items"}
            and self.length.contains(value["length"])
            and isinstance(value["items"], list)
            and len(value["items"]) == self.length.high
            and all(map(self.gene.contains, value["items"]))
        )

    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Genes:
        low, high = self.length.low, self.length.high
        is_list = isinstance(partial, Sequence) and not isinstance(partial, str)
        if not is_list or not low <= len(partial) <= high:
            raise ValueError(
                f"{path} must be a list of {low} to {high} items; got {partial!r}."
            )
        items = [
            self.gene.complete(item, rng, f"{path}[{i}]")
            for i, item in enumerate(partial)
        ]
        silent = [self.gene.sample(rng) for _ in range(high - len(items))]
        return {"length": len(items), "items": items + silent}

    def _rebuilt(self, value: Genes, parts: list[Any]) -> Genes:
        return {"length": value["length"], "items": parts}

    def _inside(self, value: Any) -> Iterator[tuple[str, Gene, Any, bool]]:
        for i, item in enumerate(value["items"]):
            yield str(i), self.gene, item, i < value["length"]

    def decode(self, value: Any) -> tuple:
        return tuple(map(self.gene.decode, value))

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
            f"{did_you_mean(unknown[0], genes)}"
        )


# Numbers as positions in their ranges ---------------------------------------------


def _numbers(genome: Genome, genes: Genes) -> dict[str, tuple[Number, float]]:
    """Return gene and value of every expressed number that may vary, by path."""
    numbers = {}
    for path, gene, value, expressed in genome.walk(genes):
        if expressed and isinstance(gene, Number) and gene.low < gene.high:
            numbers[path] = gene, value
    return numbers


def positions(genome: Genome, genes: Genes) -> dict[str, float]:
    """Return where the expressed numbers stand in their ranges, each on its own scale.

    Parameters
    ----------
    genome : Genome
        The search space.
    genes : dict
        A value of the genome.

    Returns
    -------
    dict of str to float
        By path, for every expressed number that may vary: 0 at its lower bound, 1 at
        its upper one.

    Examples
    --------
    >>> from sknevo.genes import Genome, Real
    >>> positions(Genome(rate=Real(0.01, 1, log=True)), {"rate": 0.1})
    {'rate': 0.5}
    """
    numbers = _numbers(genome, genes)
    return {path: gene.position(value) for path, (gene, value) in numbers.items()}


def moved(genome: Genome, genes: Genes, positions: Mapping[str, float]) -> Genes:
    """Return the genes with expressed numbers at other positions of their ranges.

    Parameters
    ----------
    genome : Genome
        The search space.
    genes : dict
        A value of the genome; left as it is.
    positions : mapping of str to float
        The new positions by path, reflected at the bounds of [0, 1]. Other numbers stay
        where they are.

    Returns
    -------
    dict
        A value of the genome: it meets the constraints.

    Raises
    ------
    ValueError
        If a path is not that of an expressed number.

    Examples
    --------
    >>> from sknevo.genes import Genome, Real
    >>> moved(Genome(x=Real(0, 1), y=Real(0, 1)), {"x": 0.5, "y": 0.5}, {"x": 1.25})
    {'x': 0.75, 'y': 0.5}
    """
    numbers = _numbers(genome, genes)
    if unknown := [path for path in positions if path not in numbers]:
        raise ValueError(
            f"positions must name expressed numbers among {list(numbers)}; got "
            f"{unknown[0]!r}."
        )
    # Silent numbers and those without a new position stay as they were inherited.
    new = {path: numbers[path][0].at(reflected(p)) for path, p in positions.items()}
    return genome.repair(genome.map(lambda path, _, old: new.get(path, old), genes))
