"""The search space of autoencoders: two networks within one limit, and a code."""

import numpy as np
import pytest

from sknevo.genomes.autoencoder import autoencoder, well_known
from sknevo.network_plan import autoencoder_plans, image_shape
from sknevo.records import Chromosome, DataSpec

SHAPES = [(28, 28), (1, 1), (32, 40, 3), (96, 96, 3), (5, 1), (7,), (1,)]
SPECS = [DataSpec("reconstruction", 1000, 0, shape=shape) for shape in SHAPES]


@pytest.mark.parametrize("n_components", [None, 6])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.shape))
def test_whatever_is_bred_keeps_the_limits_and_rebuilds_samples(spec, n_components):
    rng, shape = np.random.default_rng(0), image_shape(spec.shape)
    limits = {"n_components": n_components, "max_layers": 4, "max_parameters": 40_000}
    genome = autoencoder(spec, **limits)
    one, other = genome.sample(rng), genome.sample(rng)
    for _ in range(6):
        one, other = genome.mutate(one, rng), genome.cross(one, other, rng)
        for genes in (one, other):
            assert genome.contains(genes)
            expressed = Chromosome(genes).expressed
            assert n_components in (None, expressed["n_components"])
            plans = autoencoder_plans(expressed, shape)
            assert sum(plan.size.parameters for plan in plans.values()) <= 40_000
            assert all(plan.n_weighted <= 6 for plan in plans.values())
            assert plans["decoder"].layers[-1].outputs == shape
            n_outputs = plans["encoder"].layers[-1].outputs[0]
            assert n_outputs % expressed["n_components"] == 0


@pytest.mark.parametrize("n_components", [None, 6])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.shape))
def test_known_configurations_belong_to_the_genome(spec, n_components):
    genome, rng = autoencoder(spec, n_components=n_components), np.random.default_rng(0)
    known = [genome.complete(genes, rng) for genes in well_known(spec, genome)]
    assert all(map(genome.contains, known))
    assert len({Chromosome(genes).key for genes in known}) == len(known)
    for genes in known:
        assert genes["code"]["choice"] == "plain"
        assert not any(genes.get("augmentation", {}).values())


def test_a_tied_decoder_has_the_widths_of_its_encoder():
    block = {"kernel": 3, "pooling": "max", "convolutions": 2, "residual": True}
    genes = {
        "n_components": 5,
        "encoder": {
            "blocks": [{"channels": 8, **block}, {"channels": 16, **block}],
            "dense": [{"units": 32}],
        },
        "decoder": {"tied": {"upsampling": "nearest"}},
        "code": {"plain": {}},
    }
    encoder, decoder = autoencoder_plans(genes, (3, 12, 10)).values()
    assert encoder.layers[-1].outputs == (5,)
    shapes = [layer.outputs for layer in decoder.layers]
    assert shapes[:3] == [(32,), (16 * 3 * 3,), (16, 3, 3)]
    assert (16, 6, 6) in shapes
    assert (8, 12, 12) in shapes
    assert shapes[-2:] == [(8, 12, 10), (3, 12, 10)]


def test_what_cannot_be_is_refused():
    spec = SPECS[0]
    with pytest.raises(ValueError, match="max_parameters must be at least"):
        autoencoder(spec, max_parameters=100)
    with pytest.raises(ValueError, match="n_components must be at least 1; got 0"):
        autoencoder(spec, n_components=0)
