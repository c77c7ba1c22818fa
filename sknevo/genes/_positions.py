"""Numbers as places in [0, 1] of their ranges, for strategies that take steps."""

from collections.abc import Iterator, Mapping
from typing import Any

from sknevo.genes._composites import Choice, Genome, Repeat
from sknevo.genes._gene import Gene
from sknevo.genes._leaves import Integer, Real

__all__ = ["moved", "positions"]

Path = tuple[str, ...]


def positions(genome: Genome, genes: dict[str, Any]) -> dict[str, float]:
    """Say where the expressed numbers stand in their ranges, each on its own scale.

    Parameters
    ----------
    genome : Genome
        What may vary.
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
    return {
        ".".join(path): gene.position(value)
        for path, gene, value in _numbers(genome, genes)
    }


def moved(
    genome: Genome, genes: dict[str, Any], positions: Mapping[str, float]
) -> dict[str, Any]:
    """Return the genes with their expressed numbers elsewhere.

    Parameters
    ----------
    genome : Genome
        What may vary.
    genes : dict
        A value of the genome; left as it is.
    positions : mapping of str to float
        Where to, by path. What leaves [0, 1] is reflected at the bounds; numbers that
        are not named stay where they are.

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
    places = {".".join(p): (p, gene) for p, gene, _ in _numbers(genome, genes)}
    if unknown := [path for path in positions if path not in places]:
        raise ValueError(
            f"positions must name expressed numbers among {list(places)}; "
            f"got {unknown[0]!r}."
        )
    changed: Any = genes
    for name, position in positions.items():
        path, gene = places[name]
        changed = _replaced(changed, path, gene.at(position))
    return genome.repair(changed)


def _numbers(
    gene: Gene, value: Any, path: Path = ()
) -> Iterator[tuple[Path, Real | Integer, Any]]:
    """Yield path, gene and value of every expressed number that may vary."""
    match gene:
        case Real() | Integer():
            if gene.low < gene.high:
                yield path, gene, value
        case Genome():
            for name, inner in gene.genes.items():
                yield from _numbers(inner, value[name], (*path, name))
        case Choice():
            chosen = value["choice"]
            inner = gene.branches[chosen]
            yield from _numbers(inner, value[chosen], (*path, chosen))
        case Repeat():
            for i, item in enumerate(value["items"][: value["length"]]):
                yield from _numbers(gene.gene, item, (*path, str(i)))


def _replaced(genes: Any, path: Path, value: Any) -> Any:
    """Return the genes with another value at the path; only what is on it is new."""
    if not path:
        return value
    name, *rest = path
    if "items" in genes:  # a list, which numbers its items
        items, i = list(genes["items"]), int(name)
        items[i] = _replaced(items[i], tuple(rest), value)
        return {**genes, "items": items}
    return {**genes, name: _replaced(genes[name], tuple(rest), value)}
