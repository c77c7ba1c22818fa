"""Numbers as positions of their ranges: read, moved, and nothing else changed."""

import copy

import numpy as np
import pytest
from arbitrary import constrained_genomes, genomes, genomes_and_values, seeds
from hypothesis import given
from hypothesis import strategies as st

from sknevo.genes import (
    Categorical,
    Choice,
    Genome,
    Integer,
    Real,
    Repeat,
    moved,
    positions,
)
from sknevo.records import flatten

any_genomes = genomes | constrained_genomes()
GENOME = Genome(
    rate=Real(0.01, 1, log=True),
    depth=Integer(0, 10),
    fixed=Real(3, 3),
    kind=Categorical(["a", "b"]),
    model=Choice(svm=Genome(C=Real(1, 100, log=True)), tree=Real(0, 1)),
    layers=Repeat(Genome(units=Integer(1, 64, log=True)), 0, 3),
)
GENES = {
    "rate": 0.1,
    "depth": 5,
    "fixed": 3.0,
    "kind": "a",
    "model": {"choice": "svm", "svm": {"C": 10.0}, "tree": 0.5},
    "layers": {"length": 1, "items": [{"units": 8}, {"units": 2}, {"units": 4}]},
}


def test_expressed_numbers_that_may_vary_have_positions_on_their_own_scale():
    halves = dict.fromkeys(["rate", "depth", "model.svm.C", "layers.0.units"], 0.5)
    assert positions(GENOME, GENES) == pytest.approx(halves)


def test_numbers_are_moved_and_nothing_else():
    child = moved(GENOME, GENES, {"model.svm.C": 1.0, "layers.0.units": 0.0})
    expected = copy.deepcopy(GENES)
    expected["model"]["svm"]["C"] = pytest.approx(100)
    expected["layers"]["items"][0]["units"] = 1
    assert child == expected


@pytest.mark.parametrize("path", ["model.tree", "layers.1.units", "fixed", "unknown"])
def test_what_is_silent_fixed_or_unknown_is_not_moved(path):
    with pytest.raises(
        ValueError, match=f"must name expressed numbers among.*got '{path}'"
    ):
        moved(GENOME, GENES, {path: 0.5})


@pytest.mark.parametrize(
    ("beyond", "within"), [(-0.25, 0.25), (1.25, 0.75), (2.5, 0.5), (-1.75, 0.25)]
)
def test_positions_beyond_the_bounds_are_reflected(beyond, within):
    child = moved(GENOME, GENES, {"rate": beyond})
    assert positions(GENOME, child)["rate"] == pytest.approx(within)


@given(genomes_and_values(any_genomes), seeds, st.floats(0, 3))
def test_moved_genes_stay_inside_and_the_parent_is_left_alone(family, seed, step):
    genome, _, value = family
    before, rng = copy.deepcopy(value), np.random.default_rng(seed)
    where = positions(genome, value)
    there = {path: at + step * rng.standard_normal() for path, at in where.items()}
    child = moved(genome, value, there)
    assert genome.contains(child)
    assert value == before


@given(genomes_and_values())
def test_positions_are_in_the_unit_interval_and_lead_back(family):
    genome, _, value = family
    where = positions(genome, value)
    assert all(-1e-9 <= at <= 1 + 1e-9 for at in where.values())
    assert where.keys() <= flatten(value).keys()
    again = flatten(moved(genome, value, where))
    assert again.keys() == flatten(value).keys()
    for path, gene in flatten(value).items():
        if path in where:
            assert again[path] == pytest.approx(gene, rel=1e-6, abs=1e-6)
        else:
            assert again[path] == gene
