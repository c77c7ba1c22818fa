"""The frozen things that flow: what the data are, who was bred, how it fared.

A chromosome is plain JSON, and its form alone says which genes are expressed:

- ``{"choice": "svm", "svm": {...}, "boosting": {...}}``: one branch of many speaks,
- ``{"length": 2, "items": [...]}``: the first two items speak,
- any other mapping is a record of genes, and anything else is the value of a gene.
"""

import hashlib
import html
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

__all__ = [
    "Candidate",
    "Chromosome",
    "Column",
    "DataSpec",
    "Evaluation",
    "express",
    "flatten",
]

# What the JSON of a chromosome must hold.
_FIELDS = {"genes": dict, "generation": int, "origin": str, "parents": list}


@dataclass(frozen=True)
class Column:
    """What is known of one column of a table.

    Parameters
    ----------
    name : str or int
        Its name in a DataFrame, its position in an array.
    kind : {"numeric", "boolean", "categorical", "datetime", "text"}
        What its values are.
    n_unique : int, default=0
        Number of distinct values, for columns that hold labels or text.
    missing : bool, default=False
        Whether values are missing.
    """

    name: str | int
    kind: str
    n_unique: int = 0
    missing: bool = False


@dataclass(frozen=True)
class DataSpec:
    """What genomes and builders may know of the training data.

    Parameters
    ----------
    task : {"classification", "regression", "generation"}
        What is to be predicted, or that samples are to be made.
    n_samples : int
        Rows of the training part of a split.
    n_classes : int
        Number of classes, 0 for regression. To make samples: of labels that they are
        made for, 1 for values, 0 if there is neither.
    columns : tuple of Column, default=()
        Of a table: one per column of X, in order.
    shape : tuple of int, default=()
        Of one sample for a network, as the user has it: (n_features,),
        (height, width), (channels, height, width) or (height, width, channels).
    """

    task: str
    n_samples: int
    n_classes: int
    columns: tuple[Column, ...] = ()
    shape: tuple[int, ...] = ()


def express(genes: Any) -> Any:
    """Keep what the genes say and leave out what they are silent about.

    Parameters
    ----------
    genes : JSON value
        The genes of a chromosome.

    Returns
    -------
    JSON value
        A choice becomes ``{chosen: its genes}``, a list is cut to its length.

    Examples
    --------
    >>> express({"optimizer": {"choice": "adam", "adam": {"lr": 0.1},
    ...                        "sgd": {"lr": 0.5, "momentum": 0.9}}})
    {'optimizer': {'adam': {'lr': 0.1}}}
    """
    match genes:
        case {"choice": chosen}:
            return {chosen: express(genes[chosen])}
        case {"length": length, "items": items}:
            return [express(item) for item in items[:length]]
        case dict():
            return {name: express(value) for name, value in genes.items()}
        case _:
            return genes


def flatten(genes: Any) -> dict[str, Any]:
    """Name every expressed gene by its path.

    Parameters
    ----------
    genes : JSON value
        The genes of a chromosome.

    Returns
    -------
    dict
        Path to value. The value of a choice is the name of the chosen branch, that of
        a list is its length.

    Examples
    --------
    >>> flatten({"scaling": "none", "model": {"choice": "svm", "svm": {"C": 1.0}}})
    {'scaling': 'none', 'model': 'svm', 'model.svm.C': 1.0}
    """
    return {
        ".".join(path): value
        for path, value, speaks in _walk(genes)
        if speaks and value is not _GROUP
    }


_GROUP = object()


def _walk(
    genes: Any, path: tuple[str, ...] = (), speaks: bool = True
) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Yield path, value and whether it is expressed, for every gene and group."""
    match genes:
        case {"choice": chosen}:
            head, branches = chosen, (name for name in genes if name != "choice")
            children = [(name, genes[name], name == chosen) for name in branches]
        case {"length": length, "items": items}:
            head = length
            children = [(str(i), item, i < length) for i, item in enumerate(items)]
        case dict():
            head, children = _GROUP, [(name, genes[name], True) for name in genes]
        case _:
            head, children = genes, []
    if head is not _GROUP or (path and children):
        yield path, head, speaks
    for name, child, spoken in children:
        yield from _walk(child, (*path, name), speaks and spoken)


@dataclass(frozen=True)
class Chromosome:
    """A value for every gene, the silent ones included, and where it comes from.

    Parameters
    ----------
    genes : dict
        Plain JSON, see `sknevo.records`.
    generation : int, default=0
        The generation in which it was bred.
    origin : str, default="user"
        How it was bred: "seed", "random", "crossover", "mutation" or "user".
    parents : tuple of str, default=()
        The keys of its parents.
    scores : dict of str to float, default={}
        Its mean scores, once it was tried. They do not count for equality.

    Attributes
    ----------
    expressed : dict
        The genes that speak.
    key : str
        A hash of the expressed genes: two chromosomes that build the same thing have
        the same key.

    Examples
    --------
    >>> chromosome = Chromosome({"C": {"choice": "low", "low": 0.1, "high": 10}})
    >>> chromosome.expressed
    {'C': {'low': 0.1}}
    >>> Chromosome.from_json(chromosome.to_json()) == chromosome
    True
    """

    genes: dict[str, Any]
    generation: int = 0
    origin: str = "user"
    parents: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict, compare=False)

    @cached_property
    def expressed(self) -> dict[str, Any]:
        return express(self.genes)

    @cached_property
    def key(self) -> str:
        canonical = json.dumps(self.expressed, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Return the chromosome as one line of JSON."""
        return json.dumps(
            {
                "genes": self.genes,
                "generation": self.generation,
                "origin": self.origin,
                "parents": self.parents,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Chromosome":
        """Read what `to_json` wrote; runs no code.

        Parameters
        ----------
        text : str
            One JSON object.

        Returns
        -------
        Chromosome

        Raises
        ------
        ValueError
            If the text is not the JSON of a chromosome.
        """
        try:
            record = json.loads(text)
            for name, kind in _FIELDS.items():
                if not isinstance(record[name], kind):
                    raise TypeError(f"{name} must be a {kind.__name__}.")
            chromosome = cls(
                genes=record["genes"],
                generation=record["generation"],
                origin=record["origin"],
                parents=tuple(map(str, record["parents"])),
            )
            str(chromosome)  # Reads every gene: fails here if one is malformed.
            return chromosome
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(
                "text must be the JSON of a chromosome, an object with genes, "
                f"generation, origin and parents; got {text[:80]!r}."
            ) from error

    @property
    def lineage(self) -> str:
        """How it was bred, in one line."""
        parents = f" of {' and '.join(self.parents)}" if self.parents else ""
        return f"{self.origin}{parents}, generation {self.generation}"

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        lines = [f"Chromosome {self.key} ({self.lineage})"]
        lines += [f"  {name} = {_show(score)}" for name, score in self.scores.items()]
        for path, value, speaks in _walk(self.genes):
            name = "  " * len(path) + path[-1]
            silent = "" if speaks else "(silent)"
            lines.append(f"{name:<34} {_show(value):<12} {silent}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr style="{"" if speaks else "opacity:.4"}">'
            f'<td style="text-align:left;padding-left:{len(path)}em">'
            f"{html.escape(path[-1])}</td>"
            f'<td style="text-align:left">{html.escape(_show(value))}</td>'
            f"<td>{'' if speaks else 'silent'}</td></tr>"
            for path, value, speaks in _walk(self.genes)
        )
        scores = ", ".join(f"{name} {_show(s)}" for name, s in self.scores.items())
        title = f"Chromosome <code>{self.key}</code>, {html.escape(self.lineage)}"
        caption = f"<caption>{title}<br>{html.escape(scores)}</caption>"
        return f"<table>{caption}{rows}</table>"


def _show(value: Any) -> str:
    if value is _GROUP:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Candidate:
    """A chromosome at a resource: what is asked for, and an evaluation answers.

    Parameters
    ----------
    chromosome : Chromosome
        Who is to be tried.
    resource : int or None, default=None
        What it is given (epochs, samples); None stands for all that it wants.
    """

    chromosome: Chromosome
    resource: int | None = None

    @property
    def name(self) -> str:
        """The same for the same individual with the same resource; names a file."""
        at = "" if self.resource is None else f"@{self.resource}"
        return f"{self.chromosome.key}{at}"


@dataclass(frozen=True)
class Evaluation:
    """How one chromosome fared.

    Parameters
    ----------
    chromosome : Chromosome
        Who was tried.
    status : {"ok", "error", "timeout", "memory", "pruned", "slow", "unfinished", \
"skipped"}
        How the trial ended: of its own accord, or for its own limits, or because the
        search was over; of the skipped, it never began.
    fitness : float
        What evolution maximises; minus infinity unless the status is "ok".
    scores : dict of str to tuple of float
        For every metric, its score on each split.
    fit_times, score_times : tuple of float
        Seconds per split.
    saved_times : tuple of float
        Seconds per split that a preparation took which others had fitted before.
    error : str, default=""
        Why the trial failed.
    cached : bool, default=False
        Whether the answer was known before the question.
    resource : int or None, default=None
        What it was given of the resource of a race (epochs, samples); None stands for
        all that it wants.
    objectives : tuple of float, default=()
        What a strategy with several goals maximises; empty if there is but the fitness.
    fitted : bytes or None, default=None
        What the trial has fitted, pickled, on its way from a worker.
    """

    chromosome: Chromosome
    status: str
    fitness: float = -math.inf
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    fit_times: tuple[float, ...] = ()
    score_times: tuple[float, ...] = ()
    saved_times: tuple[float, ...] = ()
    error: str = ""
    cached: bool = False
    resource: int | None = None
    objectives: tuple[float, ...] = ()
    fitted: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def rank_key(self) -> tuple[float, float]:
        """By what individuals are compared: who went further in a race comes first."""
        reach = math.inf if self.resource is None else self.resource
        return (reach if self.status == "ok" else -math.inf, self.fitness)

    @property
    def candidate(self) -> Candidate:
        """What it answers."""
        return Candidate(self.chromosome, self.resource)

    @property
    def seconds(self) -> float:
        """Seconds of fitting and scoring when it was tried."""
        return sum(self.fit_times) + sum(self.score_times)

    @property
    def duration(self) -> float:
        """Seconds that it cost now: 0 if the answer was cached."""
        return 0.0 if self.cached else self.seconds
