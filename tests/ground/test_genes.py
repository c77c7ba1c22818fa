"""Genes: properties that hold for arbitrary genomes, and examples."""

import copy
import json
import math

import numpy as np
import pytest
from arbitrary import constrained_genomes, genomes, genomes_and_values, n_expressible
from hypothesis import given
from hypothesis import strategies as st

from sknevo.genes import Categorical, Choice, Genome, Integer, Real, Repeat
from sknevo.records import express, flatten

any_genomes = genomes | constrained_genomes()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choice", "length", "items", "rate", "depth"]), inner
        )
    ),
    max_leaves=8,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# Arbitrary genomes ---------------------------------------------------------------


@given(genomes_and_values(any_genomes, n=2))
def test_bred_values_stay_inside(family):
    genome, rng, mother, father = family
    child = genome.cross(mother, father, rng)
    mutants = [genome.mutate(mother, rng, p) for p in (None, 0.01, 1.0)]
    for value in (mother, father, child, *mutants):
        assert genome.contains(value)


@given(genomes_and_values(any_genomes, n=2))
def test_breeding_leaves_the_parents_as_they_are(family):
    genome, rng, *parents = family
    before = copy.deepcopy(parents)
    child = genome.cross(*parents, rng)
    genome.mutate(child, rng, 1.0)
    for parent in parents:
        genome.mutate(parent, rng, 1.0)
        genome.repair(parent)
        genome.complete(express(parent), rng)
        genome.contains(parent)
    assert parents == before


@given(genomes_and_values())
def test_mutation_changes_something_expressed_if_anything_can_change(family):
    genome, rng, value = family
    mutant = genome.mutate(value, rng)
    if n_expressible(genome) > 1:
        assert express(mutant) != express(value)
    else:
        assert mutant == value


@given(genomes_and_values(any_genomes))
def test_crossing_equal_parents_changes_nothing(family):
    genome, rng, value = family
    assert genome.cross(value, copy.deepcopy(value), rng) == value


@given(genomes_and_values())
def test_crossing_equally_expressed_parents_changes_nothing_expressed(family):
    genome, rng, value = family
    same = genome.complete(express(value), rng)
    assert express(genome.cross(value, same, rng)) == express(value)


@given(genomes_and_values(any_genomes, n=2))
def test_values_are_json(family):
    genome, rng, mother, father = family
    for value in (
        mother,
        genome.cross(mother, father, rng),
        genome.mutate(father, rng),
    ):
        again = json.loads(json.dumps(value, allow_nan=False))
        assert again == value
        assert json.dumps(again) == json.dumps(value)
        assert genome.contains(again)


@given(genomes_and_values(any_genomes))
def test_repair_leaves_valid_values_alone(family):
    genome, _, value = family
    assert genome.repair(value) == value


@given(genomes, st.integers(0, 99), st.floats(-3, 3))
def test_repair_brings_numbers_back_once_and_for_all(genome, seed, factor):
    sick = strain(genome.sample(np.random.default_rng(seed)), factor)
    repaired = genome.repair(sick)
    assert genome.contains(repaired)
    assert genome.repair(repaired) == repaired


def strain(value, factor):
    """Scale all numbers."""
    match value:
        case {"length": length, "items": list(items)}:
            items = [strain(item, factor) for item in items]
            return {"length": factor * length, "items": items}
        case dict():
            return {name: strain(part, factor) for name, part in value.items()}
        case int() | float():
            return factor * value
        case _:
            return value


@given(genomes_and_values(any_genomes))
def test_complete_draws_what_is_left_open(family):
    genome, rng, _ = family
    assert genome.contains(genome.complete({}, rng))


@given(genomes_and_values())
def test_genes_that_are_left_out_are_neutral(family):
    genome, rng, value = family
    said = express(value)
    neutral = Genome(**{n: g.with_neutral(said[n]) for n, g in genome.genes.items()})
    assert express(neutral.complete({}, rng)) == said
    assert neutral.neutral == said


@given(genomes_and_values())
def test_complete_keeps_expressed_genes(family):
    genome, rng, value = family
    completed = genome.complete(express(value), rng)
    assert genome.contains(completed)
    assert express(completed) == express(value)


@given(genomes_and_values())
def test_complete_keeps_partial_genes(family):
    genome, rng, value = family
    said = express(value)
    part = {name: said[name] for name in list(said)[::2]}
    completed = express(genome.complete(part, rng))
    assert {name: completed[name] for name in part} == part


@given(genomes_and_values(n=2))
def test_flatten_and_express_tell_the_same_chromosomes_apart(family):
    genome, rng, value, other = family
    for one in (genome.complete(express(value), rng), genome.mutate(value, rng), other):
        assert (flatten(one) == flatten(value)) == (express(one) == express(value))


@given(genomes_and_values())
def test_flatten_names_each_gene_by_its_path(family):
    _, _, genes = family
    for path, value in flatten(genes).items():
        place = genes
        for step in path.split("."):
            is_list = isinstance(place, dict) and isinstance(place.get("items"), list)
            place = place["items"][int(step)] if is_list else place[step]
        if isinstance(place, dict):
            assert value in (place.get("choice"), place.get("length"))
        else:
            assert place == value


@given(genomes_and_values())
def test_walk_finds_every_gene_with_its_value(family):
    genome, _, genes = family
    found = {path: item for path, *item in genome.walk(genes)}
    assert all(gene.contains(value) for gene, value, _ in found.values())
    # Choices and lists are named by what is expressed of them.
    names = {"choice": Choice, "length": Repeat}
    expressed = {
        path: next(
            (value[n] for n, kind in names.items() if isinstance(gene, kind)), value
        )
        for path, (gene, value, is_expressed) in found.items()
        if is_expressed and not isinstance(gene, Genome)
    }
    assert expressed == flatten(genes)


@given(genomes_and_values())
def test_map_changes_what_is_expressed_and_nothing_else(family):
    genome, rng, genes = family
    before = copy.deepcopy(genes)
    assert genome.map(lambda path, gene, value: value, genes) == genes
    changed = genome.map(lambda path, gene, value: gene.sample(rng), genes)
    assert genes == before
    silent = [item for item in genome.walk(genes) if not item[3]]
    still = {path: value for path, _, value, _ in genome.walk(changed)}
    assert all(still[path] == value for path, _, value, _ in silent)


@given(any_genomes, JSON)
def test_contains_answers_for_any_json(genome, value):
    # A sampled value is not what hypothesis comes up with, but an empty record is.
    assert genome.contains(value) in ([False] if genome.genes else [False, True])


# Numbers -------------------------------------------------------------------------


def test_integers_are_drawn_uniformly_with_both_ends(rng):
    counts = np.bincount([Integer(2, 5).sample(rng) for _ in range(4000)])
    np.testing.assert_allclose(counts, [0, 0, 1000, 1000, 1000, 1000], atol=110)


def test_log_numbers_are_drawn_by_their_magnitude(rng):
    for gene in (Real(1e-4, 1, log=True), Integer(1, 10_000, log=True)):
        logs = np.log10([gene.sample(rng) for _ in range(2000)])
        counts, _ = np.histogram(logs - logs.min(), [0, 1, 2, 3, 4])
        np.testing.assert_allclose(counts, 500, atol=90)


@pytest.mark.parametrize("gene", [Real(1e-5, 1e-1, log=True), Real(-3, 7)])
def test_mutation_does_not_pile_values_up_at_the_bounds(gene, rng):
    value, positions = gene.sample(rng), []
    for _ in range(10_000):
        value = gene.mutate(value, rng)
        positions.append(value)
    assert sum(position in (gene.low, gene.high) for position in positions) < 10
    low, high, positions = gene.low, gene.high, np.array(positions)
    if gene.log:
        low, high, positions = math.log(low), math.log(high), np.log(positions)
    counts, _ = np.histogram(positions, np.linspace(low, high, 21))
    assert counts.min() > 250
    assert counts.max() < 1000


def test_mutation_of_a_number_moves_it_a_little_in_most_cases(rng):
    rate = Real(1e-4, 1, log=True)
    factors = np.array([rate.mutate(0.01, rng) / 0.01 for _ in range(500)])
    assert 0.5 < np.mean((factors > 0.2) & (factors < 5)) < 0.95


def test_reals_are_floats_even_if_written_as_whole_numbers(rng):
    gene = Real(3, 10, log=True)
    values = [gene.sample(rng), gene.repair(2), gene.complete(5, rng)]
    values += [Real(5, 5, log=True).sample(rng), Real(0, 0).sample(rng)]
    assert {type(value) for value in values} == {float}


def test_options_may_be_an_array(rng):
    for options in (np.arange(3), np.linspace(0, 1, 3), np.array(["a", "b"])):
        gene = Categorical(options)
        assert gene.contains(json.loads(json.dumps(gene.sample(rng))))


def test_an_option_is_known_by_its_type_too():
    assert Categorical([1]).contains(1)
    assert not Categorical([None, "a"]).contains(np.array([0.5, 0.5]))
    assert not Categorical([1]).contains(True)
    assert not Categorical([True]).contains(1)
    assert not Integer(0, 1).contains(True)
    assert not Real(0, 1).contains(True)


def test_weights_decide_how_often_options_and_branches_are_drawn(rng):
    option = Categorical(["a", "b"], weights=[3, 1])
    assert np.mean([option.sample(rng) == "a" for _ in range(2000)]) == pytest.approx(
        0.75, abs=0.04
    )
    branch = Choice({"a": 3}, a=Genome(), b=Genome())
    drawn = [branch.sample(rng)["choice"] == "a" for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(0.75, abs=0.04)


def test_a_repeat_grows_and_shrinks_anywhere(rng):
    layers = Repeat(Categorical([1, 2, 3, 4]), 2, 4)
    value = {"length": 3, "items": [1, 2, 3, 4]}
    said = {tuple(express(layers.mutate(value, rng, 0.01))) for _ in range(300)}
    assert {(1, 2), (1, 3), (2, 3)} <= said
    assert {(4, 1, 2, 3), (1, 4, 2, 3), (1, 2, 4, 3), (1, 2, 3, 4)} <= said


def test_a_repeat_grows_and_shrinks_by_one(rng):
    layers = Repeat(Categorical([1, 2]), 1, 9)
    value = {"length": 5, "items": [1, 2] * 4 + [1]}
    lengths = {layers.mutate(value, rng)["length"] for _ in range(100)}
    assert lengths == {4, 5, 6}


# Messages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Real(2, 1), r"low must be <= high.*got 2\.0 and 1\.0"),
        (lambda: Real(0, math.inf), r"finite.*got 0\.0 and inf"),
        (lambda: Real(math.nan, 1), r"got nan and 1"),
        (lambda: Real(0, 1, log=True), r"low must be > 0 if log=True; got 0"),
        (lambda: Integer(0.5, 2), r"whole numbers.*got 0\.5 and 2"),
        (lambda: Integer(0, 2, log=True), r"low must be > 0 if log=True; got 0"),
        (lambda: Categorical([]), r"at least one value"),
        (lambda: Categorical(["a"], [0]), r"1 positive numbers.*got \[.*0"),
        (lambda: Categorical(["a", "b"], [1]), r"2 positive numbers"),
        (lambda: Categorical(["a", "b", "a"]), r"differ.*'a', 'b', 'a'"),
        (lambda: Categorical([1, True]), r"differ"),
        (lambda: Categorical([(3, 3)]), r"str, int, float, bool or None.*\(3, 3\)"),
        (lambda: Categorical([math.nan]), r"finite.*nan"),
        (lambda: Choice(), r"at least one"),
        (lambda: Choice({"c": 1}, a=Genome()), r"\['a'\]; got \['c'\]"),
        (lambda: Choice({"a": -1}, a=Genome()), r"positive"),
        (lambda: Choice(choice=Genome()), r"must not be named 'choice'"),
        (lambda: Genome(items=Real(0, 1)), r"must not be named 'items'"),
        (lambda: Repeat(Real(0, 1), 2, 1), r"0 <= low <= high.*got 2, 1"),
        (lambda: Repeat(Real(0, 1), 0, 0), r"high > 0"),
    ],
)
def test_senseless_ranges_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [Genome, Choice], ids=lambda make: make.__name__)
def test_what_is_no_gene_is_refused(make):
    with pytest.raises(TypeError, match=r"gene 'C' must be a Gene.*got \[1, 10\]"):
        make(C=[1, 10])


NETWORK = Genome(
    rate=Real(0.001, 0.1, log=True),
    optimizer=Choice(adam=Genome(), sgd=Genome(momentum=Real(0, 0.99))),
    layers=Repeat(Genome(width=Integer(8, 64)), 1, 2),
)


@pytest.mark.parametrize(
    ("partial", "message"),
    [
        ({"rate": 1}, r"genome\.rate must be in Real\(0\.001, 0\.1, log=True\); got 1"),
        ({"lr": 1}, r"genome has no gene 'lr'; .*\['rate', 'optimizer', 'layers'\]"),
        (["rate"], r"genome must be a dict with keys among .*got \['rate'\]"),
        ({"optimizer": "rms"}, r"genome\.optimizer has no gene 'rms'.*'adam', 'sgd'"),
        ({"optimizer": {}}, r"genome\.optimizer must name one of \['adam', 'sgd'\]"),
        ({"optimizer": {"adam": {}, "sgd": {}}}, r"one of .*got \['adam', 'sgd'\]"),
        (
            {"optimizer": {"sgd": {"momentum": 2}}},
            r"genome\.optimizer\.sgd\.momentum must be in Real\(0, 0\.99\); got 2",
        ),
        ({"layers": []}, r"genome\.layers must be a list of 1 to 2 items; got \[\]"),
        ({"layers": 3}, r"genome\.layers must be a list .*got 3"),
        (
            {"layers": [{}, {"width": 8.5}]},
            r"genome\.layers\[1\]\.width must be in Integer\(8, 64\); got 8\.5",
        ),
    ],
)
def test_errors_of_complete_name_place_value_and_reason(partial, message, rng):
    with pytest.raises(ValueError, match=message):
        NETWORK.complete(partial, rng)


def test_complete_takes_the_name_of_a_branch_for_the_branch(rng):
    value = NETWORK.complete({"optimizer": "sgd"}, rng)
    assert value["optimizer"]["choice"] == "sgd"


def test_a_neutral_value_is_for_genes_that_are_left_out_alone(rng):
    plain = Real(0, 1)
    genome = Genome(rate=Real(0, 1), layer=Genome(dropout=plain.with_neutral(0)))
    drawn = [genome.sample(rng)["layer"]["dropout"] for _ in range(5)]
    assert min(drawn) > 0
    assert genome.complete({"rate": 0.5}, rng) == {
        "rate": 0.5,
        "layer": {"dropout": 0.0},
    }
    assert genome.complete({"layer": {"dropout": 0.3}}, rng)["layer"]["dropout"] == 0.3
    assert Genome(dropout=plain).complete({}, rng)["dropout"] > 0


def test_constraints_keep_the_neutral_value_of_a_record(rng):
    layer = Genome(width=Integer(8, 64)).with_neutral({"width": 16})
    genome = Genome(layer=layer.constrained(lambda v: v))
    assert genome.complete({}, rng) == {"layer": {"width": 16}}


def test_a_neutral_value_must_be_one_of_the_gene():
    with pytest.raises(
        ValueError, match=r"neutral value must be in Real\(0, 1\); got 2"
    ):
        Real(0, 1).with_neutral(2)


def test_constraints_add_up_and_leave_the_genome_as_it_was(rng):
    free = Genome(a=Integer(0, 9), b=Integer(0, 9))
    held = free.constrained(lambda v: {**v, "a": 1}).constrained(
        lambda v: {**v, "b": v["a"]}
    )
    assert held.sample(rng) == {"a": 1, "b": 1}
    assert held.complete({"a": 5}, rng) == {"a": 1, "b": 1}
    assert not held.contains({"a": 2, "b": 2})
    assert free.contains({"a": 2, "b": 3})


def test_a_careless_constraint_does_not_reach_the_parents(rng):
    def hold(value):
        if value["rule"]:
            value["ruled"]["b"]["rate"] = 0.0
        return value

    branches = {name: Genome(rate=Real(0, 1)) for name in "ab"}
    genome = Genome(rule=Categorical([False, True]), ruled=Choice(**branches))
    genome = genome.constrained(hold)
    free = genome.complete({"rule": False, "ruled": "a"}, rng)
    held = genome.complete({"rule": True, "ruled": "b"}, rng)
    before = copy.deepcopy(free)
    for _ in range(20):
        genome.cross(free, held, rng)
        genome.mutate(free, rng)
        genome.repair(free)
    assert free == before
