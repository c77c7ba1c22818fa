"""Immutable records: a description of the data, a chromosome, its evaluation.

A chromosome is plain JSON, and its form alone says which genes are expressed:

- ``{"choice": "svm", "svm": {...}, "boosting": {...}}``: one branch is expressed,
- ``{"length": 2, "items": [...]}``: the first two items are expressed,
- any other mapping is a group of genes, and any other value is that of a gene.
"""

import hashlib
import html
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from sknevo.describe import describe, parts, score_text, shown

__all__ = [
    "Candidate",
    "Chromosome",
    "Column",
    "DataSpec",
    "Evaluation",
    "Generation",
    "Sparsity",
    "express",
    "flatten",
]

# How a trial ended, see `Evaluation`.
Status = Literal[
    "ok", "error", "timeout", "memory", "pruned", "slow", "unfinished", "skipped"
]
# The statuses of trials that failed, and of those that the end of the search cut off.
FAILED = ("error", "timeout", "memory", "slow")
CUT_OFF = ("unfinished", "skipped")

# What the JSON of a chromosome must hold.
_FIELDS = {"genes": dict, "generation": int, "origin": str, "parents": list}


@dataclass(frozen=True)
class Column:
    """What is known of one column of a table.

    Parameters
    ----------
    name : str or int
        Name in a DataFrame, position in an array.
    kind : {"numeric", "boolean", "categorical", "datetime", "text"}
        Kind of the values.
    n_unique : int, default=0
        Number of distinct values, for columns that hold labels or text.
    missing : bool, default=False
        Whether values are missing.
    order : tuple of str, default=()
        The labels in their order, if the type of a categorical column has one.
    letters : float, default=0.0
        Mean number of letters, for columns of text.

    Examples
    --------
    >>> Column("age", "numeric", missing=True).kind
    'numeric'
    """

    name: str | int
    kind: str
    n_unique: int = 0
    missing: bool = False
    order: tuple[str, ...] = ()
    letters: float = 0.0


@dataclass(frozen=True)
class Part:
    """How one column of a table is encoded for a generator, see `sknevo.table_codec`.

    It becomes options, of which one is on. If it holds numbers, there is a value beside
    them: where the number lies within the mode that is on.

    Parameters
    ----------
    n_plain : int
        Options that determine what the column holds by themselves: labels, frequent
        numbers, a missing value.
    n_modes : int, default=0
        Options that say to which mode of the distribution of numbers the value belongs.

    Examples
    --------
    >>> Part(n_plain=3).width, Part(n_plain=1, n_modes=2).width, Part(1).width
    (3, 4, 0)
    """

    n_plain: int
    n_modes: int = 0

    @property
    def has_value(self) -> bool:
        """Whether there is a value beside the options: if there are modes."""
        return self.n_modes > 0

    @property
    def n_options(self) -> int:
        """The number of options that are encoded: a single one is left out."""
        n = self.n_plain + self.n_modes
        return n if n > 1 else 0

    @property
    def width(self) -> int:
        """The number of values of the encoding."""
        return self.has_value + self.n_options

    @property
    def n_conditions(self) -> int:
        """The number of labels that a row can be made for."""
        return 0 if self.has_value else self.n_options


@dataclass(frozen=True)
class Sparsity:
    """What is known of all values of a sparse table.

    Parameters
    ----------
    density : float
        Share of the values that are stored: those that are not zero.
    negative : bool, default=False
        Whether some values are below zero.

    Examples
    --------
    >>> Sparsity(density=0.01)
    Sparsity(density=0.01, negative=False)
    """

    density: float
    negative: bool = False


@dataclass(frozen=True)
class DataSpec:
    """Description of the training data for genomes and builders.

    Parameters
    ----------
    task : {"classification", "regression", "generation", "reconstruction", \
"segmentation", "detection", "control"}
        Whether classes or values are predicted, samples are generated or rebuilt,
        pixels get classes, objects are found, or a policy acts.
    n_samples : int
        Number of rows in the training part of a split.
    n_classes : int
        Number of classes; 0 for regression. For generation, the number of labels; 1 if
        y holds values, 0 without y. For control, the greatest number of options of an
        action, 0 if it is made of numbers.
    columns : tuple of Column, default=()
        The columns of a table, in order.
    shape : tuple of int, default=()
        The shape of one sample for a network, as the user gives it: (n_features,),
        (height, width), (channels, height, width) or (height, width, channels).
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `shape`, see `sknevo.network_plan.image_shape`.
    sparse : Sparsity or None, default=None
        The sparsity of X if it is a sparse matrix of numbers.
    parts : dict of str to tuple of Part, default={}
        For each coding of numbers, a gene of tables, how a generator makes the columns
        of a DataFrame; empty for arrays.
    object_side : float, default=0.0
        The side of small objects in images, in pixels; 0 if there are none.

    Examples
    --------
    >>> DataSpec("classification", 100, 2, shape=(28, 28)).n_classes
    2
    """

    task: str
    n_samples: int
    n_classes: int
    columns: tuple[Column, ...] = ()
    shape: tuple[int, ...] = ()
    channels: str = "auto"
    sparse: Sparsity | None = None
    parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    object_side: float = 0.0

    @property
    def density(self) -> float:
        """Share of the values of X that are stored: 1.0 if it is not sparse."""
        return 1.0 if self.sparse is None else self.sparse.density


def express(genes: Any) -> Any:
    """Return the expressed genes, without the silent ones.

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
    """Return every expressed gene by its path.

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
        for path, value, expressed in _walk(genes)
        if expressed and value is not _GROUP
    }


# Numbers and addresses in messages; "l1" and "l2" are words.
_NUMBERS = re.compile(r"\b(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")

# Stands for the value of a record, which only groups genes.
_GROUP = object()


def _walk(
    genes: Any, path: tuple[str, ...] = (), expressed: bool = True
) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Yield path, value and whether it is expressed, for every gene and group."""
    # Silent genes are walked too: a chromosome shows what offspring may express.
    match genes:
        case {"choice": value}:
            branches = (name for name in genes if name != "choice")
            inside = [(name, genes[name], name == value) for name in branches]
        case {"length": value, "items": items}:
            inside = [(str(i), item, i < value) for i, item in enumerate(items)]
        case dict():
            value, inside = _GROUP, [(name, genes[name], True) for name in genes]
        case _:
            value, inside = genes, []
    # The outermost record has no name, and an empty one nothing to show.
    if value is not _GROUP or (path and inside):
        yield path, value, expressed
    for name, gene, is_expressed in inside:
        yield from _walk(gene, (*path, name), expressed and is_expressed)


@dataclass(frozen=True)
class Chromosome:
    """A value for every gene, the silent ones included, and its lineage.

    Parameters
    ----------
    genes : dict
        Plain JSON, see `sknevo.records`.
    generation : int, default=0
        The generation in which it was bred.
    origin : str, default="user"
        How it was made: "known" (a configuration that is known to be good), "user"
        (from `initial_population`), "random", "crossover" or "mutation". With
        cooperative coevolution, the species follows, as in "mutation in augmentation".
    parents : tuple of str, default=()
        Keys of its parents.
    scores : dict of str to float, default={}
        Its mean scores, once it is evaluated. They are ignored when chromosomes are
        compared.

    Attributes
    ----------
    expressed : dict
        The expressed genes.
    key : str
        A hash of the expressed genes: two chromosomes that build the same estimator
        have the same key.

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

    # Cached: a search asks for the key of a chromosome again and again.
    @cached_property
    def key(self) -> str:
        # Sorted, so that the order of genes does not matter. Journals depend on it.
        canonical = json.dumps(self.expressed, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Return the chromosome as one line of JSON.

        Returns
        -------
        str
        """
        return json.dumps({name: getattr(self, name) for name in _FIELDS})

    @classmethod
    def from_json(cls, text: str) -> "Chromosome":
        """Read what `to_json` wrote, without running any code.

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
            fields = {name: record[name] for name in _FIELDS}
            chromosome = cls(**fields | {"parents": tuple(map(str, record["parents"]))})
            str(chromosome)  # reads every gene: fails here if one is malformed
            return chromosome
        # JSON that is nested too deeply overflows the stack.
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(
                "text must be the JSON of a chromosome, an object with genes, "
                f"generation, origin and parents; got {text[:80]!r}."
            ) from error

    @property
    def words(self) -> str:
        """The main expressed genes in one short line."""
        return describe(flatten(self.genes))

    @property
    def lineage(self) -> str:
        """Origin, parents and generation in one line."""
        parents = f" of {' and '.join(self.parents)}" if self.parents else ""
        return f"{self.origin}{parents}, generation {self.generation}"

    # Genes are a dict, which has no hash.
    def __hash__(self) -> int:
        return hash(self.key)

    def listing(self) -> str:
        """Return every gene on a line of its own; silent ones are marked.

        Returns
        -------
        str
        """
        lines = []
        for path, value, expressed in _walk(self.genes):
            name = "  " * (len(path) - 1) + path[-1]
            silent = "" if expressed else "(silent)"
            text = "" if value is _GROUP else shown(value)
            lines.append(f"{name:<34} {text:<12} {silent}".rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Chromosome {self.key}: {self.words}>"

    def __str__(self) -> str:
        lines = [self.words, f"  {self.lineage}, key {self.key}"]
        lines += [f"  {name} = {score_text(s)}" for name, s in self.scores.items()]
        for title, text in parts(flatten(self.genes)):
            lines.append(f"{title}: {text}" if title else text)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        left = 'style="text-align:left"'
        rows = "".join(
            f"<tr><th {left}>{html.escape(title)}</th>"
            f"<td {left}>{html.escape(text)}</td></tr>"
            for title, text in parts(flatten(self.genes))
        )
        scores = [f"{name} {score_text(score)}" for name, score in self.scores.items()]
        details = ", ".join([*scores, self.lineage, f"key {self.key}"])
        caption = (
            f"<strong>{html.escape(self.words)}</strong><br>{html.escape(details)}"
        )
        return f"<table><caption {left}>{caption}</caption>{rows}</table>"


@dataclass(frozen=True)
class Candidate:
    """A chromosome to be evaluated with a resource of successive halving.

    Parameters
    ----------
    chromosome : Chromosome
        The chromosome to be evaluated.
    resource : int or None, default=None
        Number of epochs, samples or the like; None stands for all that the genes ask
        for.
    floors : tuple of float, default=()
        For each split, the mean fitness on the splits up to it below which the trial is
        pruned. Empty if it is not.
    rounds : tuple of int, default=()
        For each split, after how many rounds training ends at the latest: as many as in
        an earlier trial, which this one repeats. Empty if it repeats none.

    Examples
    --------
    >>> Candidate(Chromosome({"C": 1.0}), resource=30).name
    '3a7347d85d926a59@30'
    """

    chromosome: Chromosome
    resource: int | None = None
    # How the trial may end early does not tell candidates apart.
    floors: tuple[float, ...] = field(default=(), compare=False)
    rounds: tuple[int, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """Key and resource: a name for files, the same in every process."""
        at = "" if self.resource is None else f"@{self.resource}"
        return f"{self.chromosome.key}{at}"


@dataclass(frozen=True)
class Evaluation:
    """The result of evaluating one candidate.

    Parameters
    ----------
    chromosome : Chromosome
        The chromosome that was evaluated.
    status : {"ok", "error", "timeout", "memory", "pruned", "slow", "unfinished", \
"skipped"}
        How the trial ended. "ok": with a fitness; "error": with an exception;
        "timeout": `max_eval_time` was over; "memory": more than `memory_limit` was
        held; "pruned": it had no prospects; "slow": predictions take longer than
        `max_predict_time`; "unfinished": the search was over; "skipped": the trial has
        not begun.
    fitness : float
        The value to maximise; minus infinity unless the status is "ok".
    scores : dict of str to tuple of float
        For every metric, the score on each split.
    fit_times, score_times : tuple of float
        Seconds per split.
    saved_times : tuple of float
        Seconds per split that were saved because earlier trials had computed the same
        preparation, or parts of it.
    error : str, default=""
        Why the trial failed.
    cached : bool, default=False
        Whether the evaluation was already known, for example from a journal.
    resource : int or None, default=None
        Number of epochs, samples or the like; None stands for all that the genes ask
        for.
    objectives : tuple of float, default=()
        The values that a strategy with several objectives maximises; empty if there is
        only the fitness.
    rounds : tuple of int, default=()
        Per split, the rounds of boosting or training epochs that early stopping has
        kept; empty if the model does not stop early.
    predictions : tuple of ndarray, default=()
        Per split, what the model predicts of the held-out samples: probabilities of
        shape (n_held_out, n_classes), or values. Empty if no ensemble needs them.
    fitted : tuple of bytes, default=()
        The models of the splits, pickled, if the trial could not write them to files.
    end_time : float, default=nan
        Seconds from the beginning of the search until the result was known. It is
        ignored when evaluations are compared.

    Examples
    --------
    >>> evaluation = Evaluation(Chromosome({"C": 1.0}), "ok", 0.9, resource=30)
    >>> evaluation.rank_key
    (30, 0.9)
    """

    chromosome: Chromosome
    status: Status
    fitness: float = -math.inf
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    fit_times: tuple[float, ...] = ()
    score_times: tuple[float, ...] = ()
    saved_times: tuple[float, ...] = ()
    error: str = ""
    cached: bool = False
    resource: int | None = None
    objectives: tuple[float, ...] = ()
    rounds: tuple[int, ...] = ()
    # Megabytes that evaluations are not told apart by.
    predictions: tuple[np.ndarray, ...] = field(default=(), repr=False, compare=False)
    fitted: tuple[bytes, ...] = field(default=(), repr=False, compare=False)
    # Two searches are the same, however fast.
    end_time: float = field(default=math.nan, repr=False, compare=False)

    @property
    def rank_key(self) -> tuple[float, float]:
        """What individuals are compared by: fidelity first, then fitness.

        A score on few epochs or samples says little: more of them come first.
        """
        fidelity = math.inf if self.resource is None else self.resource
        return (fidelity if self.status == "ok" else -math.inf, self.fitness)

    @property
    def candidate(self) -> Candidate:
        """The candidate that was evaluated."""
        return Candidate(self.chromosome, self.resource)

    @property
    def cause(self) -> str:
        """The error without numbers and addresses: the same for similar failures."""
        return _NUMBERS.sub("#", self.error)

    @property
    def seconds(self) -> float:
        """Seconds of fitting and scoring."""
        return sum(self.fit_times) + sum(self.score_times)

    @property
    def duration(self) -> float:
        """Seconds of fitting and scoring in this search: 0 if it was cached."""
        return 0.0 if self.cached else self.seconds


@dataclass(frozen=True)
class Generation:
    """A summary of one generation.

    Parameters
    ----------
    number : int
        Number of the generation, from 0.
    best, median : float
        Best fitness so far, and the median of the successful evaluations of this
        generation.
    evaluated, cached, failed : int
        Numbers of individuals: those with an evaluation that began, those known
        already, and those with an evaluation that failed.
    seconds : float
        Wall-clock time in seconds.
    pruned : int, default=0
        Number of individuals with an evaluation that ended early, without prospects.
    cut_off : int, default=0
        Number of individuals with an evaluation that was cut off by the clock.

    Examples
    --------
    >>> Generation(0, best=0.9, median=0.8, evaluated=10, cached=0, failed=1,
    ...            seconds=4.0).number
    0
    """

    number: int
    best: float
    median: float
    evaluated: int
    cached: int
    failed: int
    seconds: float
    pruned: int = 0
    cut_off: int = 0
