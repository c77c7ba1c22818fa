"""The search space of GANs: whatever is sampled, mutated or known keeps its limits."""

import re

import numpy as np
import pytest

from sknevo.genomes.gan import gan, well_known
from sknevo.network_plan import gan_encoder_plan, gan_plans, image_shape
from sknevo.records import Chromosome, DataSpec, Part, express

SHAPES = [(2,), (30,), (8, 8), (28, 28), (3, 32, 32), (9, 8, 3), (1, 5)]


def spec_of(shape, n_samples=500, n_classes=0):
    return DataSpec("generation", n_samples, n_classes, shape=shape)


def bred(genome, rng, n=40):
    for _ in range(n):
        one, other = genome.sample(rng), genome.sample(rng)
        yield one
        yield genome.mutate(genome.cross(one, other, rng), rng)


# A side of 3 has no room for a grid of 2 that is doubled.
NARROW_SHAPES = [(3, 3), (3, 8), (3, 3, 3)]


@pytest.mark.parametrize("shape", [*SHAPES, *NARROW_SHAPES])
def test_networks_keep_to_their_limits(shape):
    rng = np.random.default_rng(0)
    spec = spec_of(shape, n_classes=3)
    genome = gan(spec, max_layers=2, max_parameters=20_000, max_epochs=7)
    for value in bred(genome, rng, 20):
        assert genome.contains(value)
        expressed = express(value)
        assert expressed["training"]["epochs"] <= 7
        plans = gan_plans(expressed, image_shape(shape), 3).values()
        assert max(plan.size.parameters for plan in plans) <= 20_000
        for name in ("generator", "discriminator"):
            network = expressed[name]
            layers = network.get("dense", network.get("blocks"))
            assert 1 <= len(layers) <= 2
            widths = [layer.get("units", layer.get("channels")) for layer in layers]
            assert all(width % 8 == 0 for width in widths)


def test_images_grow_from_a_grid():
    rng = np.random.default_rng(0)
    spec, seen = spec_of((28, 28)), set()
    for value in bred(gan(spec), rng):
        plan = gan_plans(express(value), (1, 28, 28), 0)["generator"]
        (unflatten,) = (each for each in plan.layers if each.kind == "unflatten")
        seen.add(unflatten.outputs[1:])
    assert min(seen) >= (2, 2)
    assert {(28, 28), (14, 14), (7, 7)} <= seen


@pytest.mark.parametrize("shape", SHAPES)
def test_well_known_individuals_are_of_the_genome(shape):
    rng, spec = np.random.default_rng(0), spec_of(shape)
    genome = gan(spec, max_epochs=11)
    known = [genome.complete(genes, rng) for genes in well_known(spec, genome)]
    assert len({Chromosome(value).key for value in known}) == len(known) > 3
    assert all(genome.contains(value) for value in known)
    assert {value["training"]["epochs"] for value in known} == {11}


@pytest.mark.parametrize("max_layers", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_well_known_individuals_keep_to_few_layers(shape, max_layers):
    rng, spec = np.random.default_rng(0), spec_of(shape)
    genome = gan(spec, max_layers=max_layers)
    for genes in well_known(spec, genome):
        assert genome.contains(genome.complete(genes, rng))


PARTS = {
    "quantiles": (Part(1, 1), Part(40), Part(0, 1)),
    "modes": (Part(2, 3), Part(40), Part(0, 1)),
}
WITHOUT_LABELS = {name: columns[::2] for name, columns in PARTS.items()}


@pytest.mark.parametrize("parts", [PARTS, WITHOUT_LABELS])
def test_tables_have_genes_that_no_other_data_have(parts):
    rng = np.random.default_rng(0)
    shape = (len(parts["modes"]),)
    spec = DataSpec("generation", 500, 3, shape=shape, parts=parts)
    genome = gan(spec, max_parameters=20_000)
    assert ("conditional" in genome.genes["table"].genes) == (len(parts["modes"]) == 3)
    assert "table" not in gan(spec_of(shape)).genes
    for value in bred(genome, rng, 10):
        assert genome.contains(value)
        columns = parts[value["table"]["numbers"]]
        plans = gan_plans(express(value), shape, 3, columns)
        assert max(plan.size.parameters for plan in plans.values()) <= 20_000
        width = sum(part.width for part in columns)
        assert plans["generator"].layers[-1].outputs == (width,)
        if "variational" in express(value)["loss"]:
            encoder = gan_encoder_plan(express(value), columns)
            assert encoder.size.parameters <= 20_000
            noise = express(value)["noise"]["distribution"]
            assert noise == {"normal": {"scale": 1.0}}
    known = well_known(spec, genome)
    assert all(genome.contains(genome.complete(genes, rng)) for genes in known)
    # Narrow networks may be the same.
    wide = [gan(spec).complete(genes, rng) for genes in known]
    assert len({Chromosome(value).key for value in wide}) == len(wide) > 3
    assert all(gan(spec).contains(value) for value in wide)


def test_few_samples_have_small_batches():
    rng, spec = np.random.default_rng(0), spec_of((2,), n_samples=10)
    for value in bred(gan(spec), rng, 10):
        assert value["training"]["batch_size"] <= 10
    assert well_known(spec)[0]["training"]["batch_size"] == 10


def test_there_are_fewer_epochs_the_more_samples():
    epochs = [
        gan(spec_of((2,), n)).genes["training"].genes["epochs"].high
        for n in (100, 2000, 10**6)
    ]
    assert epochs == [1000, 300, 60]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_layers": 0}, "max_layers must be at least 1; got 0"),
        ({"max_epochs": 0}, "max_epochs must be at least 1; got 0"),
        ({"max_parameters": 9}, "max_parameters must be at least 34"),
    ],
)
def test_impossible_limits_are_refused(limits, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        gan(spec_of((2,)), **limits)
