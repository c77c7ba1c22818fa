"""The candidates: well-known, published and random pipelines, for one task.

They are made for a table that has all kinds of columns; `on` makes of one what a
certain table needs. `published.json` holds values of public portfolios and tuned
defaults (AutoGluon, pytabkit, auto-sklearn, FLAML), in the names of our genes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sknevo.genes import Choice, Gene, Genome
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.genomes.pipeline._families import MODELS
from sknevo.genomes.pipeline._space import GENERATED
from sknevo.records import Chromosome, Column, DataSpec

# So many random candidates; a run that ends early has the first of them.
N_RANDOM = 60
# The end of the names of candidates with generated features.
GENERATING = "-generating"
PUBLISHED = Path(__file__).parent / "published.json"
# One column of each kind, with gaps: a table on which every gene has an effect.
COLUMNS = tuple(
    Column(kind, kind, n_unique=20, missing=True)
    for kind in ("numeric", "boolean", "categorical", "datetime")
)


def spec_of(task: str) -> DataSpec:
    """Return the description of the table that candidates are made for."""
    n_classes = 3 if task == "classification" else 0
    return DataSpec(task, 2000, n_classes, COLUMNS)


def make_candidates(task: str) -> dict[str, dict[str, Any]]:
    """Return name to expressed genes: the well-known, two published to a random one.

    Published ones with trees come without and with generated features.
    """
    spec = spec_of(task)
    genome = pipeline(spec)
    named = {f"known-{i}": one for i, one in enumerate(well_known(spec))}
    values = json.loads(PUBLISHED.read_text())
    values = [v for v in values if v.get("task", task) == task]
    # In any order: a run that ends early has some of each source and model.
    order = np.random.default_rng(1).permutation(len(values))
    published = [
        one for i in order for one in _twins(f"published-{i}", _published(values[i]))
    ]
    rng = np.random.default_rng(0)
    random = [
        (f"random-{i}", Chromosome(genome.sample(rng)).expressed)
        for i in range(N_RANDOM)
    ]
    while published or random:
        named |= dict([*published[:2], *random[:1]])
        published, random = published[2:], random[1:]
    return _distinct({name: on(genome, one, name) for name, one in named.items()})


def _published(values: dict[str, Any]) -> dict[str, Any]:
    trees = MODELS[next(iter(values["model"]))].is_tree
    return {
        "preparation": {
            "encoding": values["encoding"],
            "min_frequency": 0.01,
            "imputation": "none" if trees else "median",
            "missing_indicator": False,
            **dict.fromkeys(GENERATED, False),
        },
        "scaling": values["scaling"],
        "extraction": {"none": {}},
        "class_weight": values.get("class_weight"),
        "model": values["model"],
    }


def _twins(
    name: str, candidate: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a candidate; one with trees with generated features, too."""
    yield name, candidate
    if MODELS[next(iter(candidate["model"]))].is_tree:
        # Beside another encoding, that by targets has gained on few tables.
        generated = dict.fromkeys(GENERATED, True) | {"targets": False}
        preparation = candidate["preparation"] | generated
        yield name + GENERATING, {**candidate, "preparation": preparation}


def on(genome: Genome, candidate: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the expressed genes of a candidate that a genome has room for.

    Values out of range are moved into it; genes that are missing are drawn, seeded by
    the name.
    """
    rng = np.random.default_rng([*name.encode()])
    return Chromosome(genome.complete(_within(genome, candidate), rng)).expressed


def _within(gene: Gene, value: Any) -> Any:
    if isinstance(gene, Genome):
        return {n: _within(g, value[n]) for n, g in gene.genes.items() if n in value}
    if isinstance(gene, Choice):
        ((chosen, inside),) = value.items()
        if chosen not in gene.branches:
            return {"none": {}}
        return {chosen: _within(gene.branches[chosen], inside)}
    return gene.repair(value)


def _distinct(candidates: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Drop candidates with the genes of an earlier one."""
    first: dict[str, str] = {}
    for name, one in candidates.items():
        first.setdefault(json.dumps(one, sort_keys=True), name)
    return {name: candidates[name] for name in first.values()}
