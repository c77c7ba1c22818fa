"""The search space of networks: within limits, and one way to say one thing."""

import contextlib
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknevo.genomes.convnet import convnet, well_known
from sknevo.network_plan import EPOCH_SAMPLES, image_shape, network_plan
from sknevo.records import Chromosome, DataSpec

SIDE = st.integers(1, 64)
SHAPES = st.one_of(
    st.tuples(SIDE, SIDE),
    st.tuples(st.sampled_from([1, 3]), SIDE, SIDE),
    st.tuples(st.integers(1, 200)),
)
SPECS = st.builds(
    lambda n_samples, n_classes, shape: DataSpec(
        "classification", n_samples, n_classes, shape=shape
    ),
    st.integers(2, 10**6),
    st.sampled_from([2, 3, 100]),
    SHAPES,
)
MNIST = DataSpec("classification", 48_000, 10, shape=(28, 28))


def samples(genome, n=300, seed=0):
    rng = np.random.default_rng(seed)
    return [Chromosome(genome.sample(rng)).expressed for _ in range(n)]


def parameters(expressed, spec):
    return network_plan(
        expressed, image_shape(spec.shape), spec.n_classes
    ).size.parameters


def layers(expressed):
    blocks = expressed.get("blocks", [])
    return sum(block["convolutions"] for block in blocks) + len(expressed["dense"])


@given(SPECS, st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_operators_stay_inside_for_any_data(spec, seed, max_layers):
    rng = np.random.default_rng(seed)
    genome = convnet(spec, max_layers=max_layers, max_parameters=60_000)
    mother, father = genome.sample(rng), genome.sample(rng)
    for genes in (
        mother,
        genome.mutate(mother, rng),
        genome.cross(mother, father, rng),
    ):
        assert genome.contains(genes)
        assert genome.repair(genes) == genes
        expressed = Chromosome(genes).expressed
        assert layers(expressed) <= max_layers
        assert parameters(expressed, spec) <= 60_000


@given(SPECS)
def test_known_individuals_belong_to_the_genome_of_any_data(spec):
    genome, rng = convnet(spec), np.random.default_rng(0)
    known = [genome.complete(genes, rng) for genes in well_known(spec)]
    assert all(map(genome.contains, known))


def test_known_individuals_begin_with_the_cheap():
    genome, rng = convnet(MNIST), np.random.default_rng(0)
    known = [Chromosome(genome.complete(k, rng)).expressed for k in well_known(MNIST)]
    epochs = [one["training"]["epochs"] for one in known]
    assert epochs == sorted(epochs)
    assert epochs[0] * EPOCH_SAMPLES == 20_000
    costs = [network_plan(one, (1, 28, 28), 10).size.operations for one in known]
    assert min(costs) == costs[0]
    assert len({Chromosome(genome.complete(k, rng)).key for k in well_known(MNIST)}) > 3


@pytest.mark.parametrize("max_layers", [1, 2, 3, 6])
def test_there_are_known_individuals_of_any_depth(max_layers):
    genome, rng = convnet(MNIST, max_layers=max_layers), np.random.default_rng(0)
    found = []
    for genes in well_known(MNIST, genome):
        with contextlib.suppress(ValueError):  # deeper than the genome
            found.append(Chromosome(genome.complete(genes, rng)).expressed["blocks"])
    assert max(map(len, found)) == min(max_layers, 4)
    drop_out = [len(blocks) for blocks in found if blocks[0]["dropout"]]
    assert drop_out == {1: [1], 2: [2]}.get(max_layers, [3])


def test_what_the_user_leaves_out_is_not_added():
    genome = convnet(MNIST)
    genes = {
        "blocks": [{"channels": 16, "kernel": 3}],
        "optimizer": {"sgd": {"lr": 0.05}},
        "augmentation": {"flip": True},
    }
    rates = set()
    for seed in range(5):
        completed = genome.complete(genes, np.random.default_rng(seed))
        expressed = Chromosome(completed).expressed
        assert expressed["stem"] == {"none": {}}
        assert expressed["dense"] == []
        assert (expressed["initialisation"], expressed["head_scale"]) == ("random", 1.0)
        (block,) = expressed["blocks"]
        assert (block["convolutions"], block["dropout"]) == (1, 0.0)
        assert not any(block[n] for n in ("separable", "residual", "excitation"))
        assert expressed["optimizer"]["sgd"]["bias_rate"] == 1.0
        assert [n for n, one in expressed["augmentation"].items() if one] == ["flip"]
        assert expressed["training"]["label_smoothing"] == 0.0
        rates.add(expressed["optimizer"]["sgd"]["momentum"])
    assert len(rates) == 5  # what has no neutral value is drawn


def test_limits_below_the_smallest_network_are_refused():
    with pytest.raises(ValueError, match=r"max_parameters must be at least 1\d\d;?"):
        convnet(MNIST, max_parameters=10)


@pytest.mark.parametrize(
    "limit", [300, pytest.param(2_000, marks=pytest.mark.slow), 100_000]
)
def test_small_limits_are_used_well(limit):
    sizes = [
        parameters(e, MNIST) for e in samples(convnet(MNIST, max_parameters=limit))
    ]
    assert max(sizes) <= limit
    assert max(sizes) > limit / 2


def test_two_layers_are_two_layers():
    drawn = samples(convnet(MNIST, max_layers=2))
    assert {layers(one) for one in drawn} == {1, 2}
    assert {len(one["dense"]) for one in drawn} == {0, 1}


def test_epochs_are_bounded():
    for most in (1, 3, 40):
        drawn = samples(convnet(MNIST, max_epochs=most), 100)
        assert most / 2 < max(one["training"]["epochs"] for one in drawn) <= most


def test_few_samples_are_seen_often():
    few = DataSpec("classification", 50, 4, shape=(64, 64, 3))
    of_few, of_many = (
        [one["training"] for one in samples(convnet(spec), 100)]
        for spec in (few, MNIST)
    )
    assert max(one["epochs"] for one in of_few) > 50
    assert max(one["epochs"] for one in of_many) <= 50
    assert max(one["batch_size"] for one in of_few) <= 50


def test_small_images_are_not_pooled_away():
    spec = DataSpec("classification", 100, 3, shape=(3, 2))
    for one in samples(convnet(spec)):
        assert sum(block["pooling"] != "none" for block in one["blocks"]) <= 1


def test_only_images_that_may_be_mirrored_are_in_predictions():
    drawn = [one["augmentation"] for one in samples(convnet(MNIST))]
    assert {each["flip"] for each in drawn if each["test_time"]} == {True}


def test_what_has_no_effect_is_plain():
    drawn = samples(convnet(MNIST))
    for one in drawn:
        kernels = {block["kernel"] for block in one["blocks"] if block["separable"]}
        assert 1 not in kernels
    small = DataSpec("classification", 100, 3, shape=(4, 4))
    stems = [one["stem"] for one in samples(convnet(small))]
    kernels = {stem["whitening"]["kernel"] for stem in stems if "whitening" in stem}
    assert kernels == {2}


def test_rows_of_features_have_no_genes_of_images():
    rows = DataSpec("classification", 100, 3, shape=(7,))
    assert set(convnet(rows).genes) == {"dense", "optimizer", "training"}


def test_it_serves_as_a_genome_with_limits():
    genome = partial(convnet, max_layers=2, max_parameters=100_000)(MNIST)
    assert "blocks" in genome.genes
