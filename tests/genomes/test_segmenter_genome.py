"""The search space of segmenters: rules from sizes, limits, known configurations."""

import numpy as np
import pytest

from sknevo.genomes.segmenter import segmenter, well_known
from sknevo.network_plan import image_shape, unet_plan
from sknevo.records import Chromosome, DataSpec

SPECS = [
    DataSpec("segmentation", n_samples, n_classes, shape=shape)
    for n_samples, n_classes in ((5, 2), (2_000, 7))
    for shape in [(5, 9), (20, 20), (72, 300), (256, 256, 3), (1000, 1300, 3)]
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("limits", [{}, {"max_parameters": 9_000, "max_patch": 48}])
def test_whatever_is_bred_can_be_built_within_its_limits(spec, limits):
    rng = np.random.default_rng(0)
    genome = segmenter(spec, **limits)
    one, other = genome.sample(rng), genome.sample(rng)
    for _ in range(30):
        one, other = genome.mutate(one, rng), genome.cross(one, other, rng)
        for genes in (one, other):
            assert genome.contains(genes)
            expressed = Chromosome(genes).expressed
            patch = expressed["training"]["patch"]
            n_channels = image_shape(spec.shape)[0]
            plan = unet_plan(expressed["network"], n_channels, 3, patch)
            assert plan.size.parameters <= limits.get("max_parameters", 2_000_000)
            assert patch % plan.factor == 0
            assert patch >= 2 * plan.factor
            assert expressed["training"]["batch_size"] * patch**2 <= 2**21


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("instances", [False, True])
def test_known_configurations_belong_to_the_genome(spec, instances):
    genome = segmenter(spec, instances=instances, max_epochs=20)
    rng = np.random.default_rng(0)
    known = well_known(spec, genome, instances=instances)
    completed = [genome.complete(genes, rng) for genes in known]
    assert all(map(genome.contains, completed))
    assert all(genes["training"]["epochs"] <= 20 for genes in known)


def test_depth_and_patches_follow_from_the_sides():
    def ranges(*shape):
        genes = segmenter(DataSpec("segmentation", 50, 2, shape=shape)).genes
        depth = genes["network"].genes["depth"]
        return depth.low, depth.high, genes["training"].genes["patch"].options

    assert ranges(16, 40) == (1, 2, [16])
    assert ranges(100, 100) == (1, 4, [96, 48])
    assert ranges(2000, 3000, 3) == (2, 5, [256, 128])


def test_limits_are_checked():
    spec = DataSpec("segmentation", 50, 2, shape=(64, 64))
    with pytest.raises(ValueError, match="max_depth must be at least 1; got 0"):
        segmenter(spec, max_depth=0)
    with pytest.raises(ValueError, match="max_parameters must be at least"):
        segmenter(spec, max_parameters=100)
