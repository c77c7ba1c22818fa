"""Genes composed of genes: a record, one of many, a list of variable length."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from numpy.random import Generator

from sknevo.genes._gene import Categorical, Gene, Integer, Number

Genes = dict[str, Any]


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

    def __init__(self, **genes: Gene) -> None:
        for name, gene in genes.items():
            if not isinstance(gene, Gene):
                raise TypeError(
                    f"gene {name!r} must be a Gene (Real, Integer, Categorical, "
                    f"Genome, Choice, Repeat); got {gene!r}."
                )
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
        constrained = Genome(**self.genes)
        constrained.repairs = (*self.repairs, *repairs)
        return constrained

    def _constrain(self, value: Genes) -> Genes:
        if self.repairs:  # A repair must not change a parent, which may share parts.
            value = copy.deepcopy(value)
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
            else gene.sample(rng)
            for name, gene in self.genes.items()
        }
        return self._constrain(value)

    def _rebuilt(self, value: Genes, parts: list[Any]) -> Genes:
        return dict(zip(self.genes, parts, strict=True))

    def _inside(self, value: Any) -> Iterator[tuple[str, Gene, Any, bool]]:
        for name, gene in self.genes.items():
            yield name, gene, value[name], True

    def __repr__(self) -> str:
        genes = ", ".join(f"{name}={gene!r}" for name, gene in self.genes.items())
        return f"{type(self).__name__}({genes})"


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
        value = self.sample(rng)
        branch = self.branches[chosen].complete(genes, rng, f"{path}.{chosen}")
        return {**value, "choice": chosen, chosen: branch}

    def _rebuilt(self, value: Genes, parts: list[Any]) -> Genes:
        branches = dict(zip(self.branches, parts, strict=True))
        return {"choice": value["choice"], **branches}

    def _inside(self, value: Any) -> Iterator[tuple[str, Gene, Any, bool]]:
        for name, gene in self.branches.items():
            yield name, gene, value[name], name == value["choice"]

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
            raise ValueError(f"need 0 <= low <= high, high > 0; got {low}, {high}.")
        self.gene, self.length = gene, Integer(low, high)
        self.parts = {"": gene}  # any item, which has no name

    def sample(self, rng: Generator) -> Genes:
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
        )


# Numbers as positions in their ranges ---------------------------------------------


def _numbers(genome: Genome, genes: Genes) -> Iterator[tuple[str, Number, Any]]:
    """Yield path, gene and value of every expressed number that may vary."""
    for path, gene, value, expressed in genome.walk(genes):
        if expressed and isinstance(gene, Number) and gene.low < gene.high:
            yield path, gene, value


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
    return {path: gene.position(value) for path, gene, value in _numbers(genome, genes)}


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
    paths = [path for path, _, _ in _numbers(genome, genes)]
    if unknown := [path for path in positions if path not in paths]:
        raise ValueError(
            f"positions must name expressed numbers among {paths}; got {unknown[0]!r}."
        )

    def move(path: str, gene: Gene, value: Any) -> Any:
        return gene.at(positions[path]) if path in positions else value

    return genome.repair(genome.map(move, genes))
