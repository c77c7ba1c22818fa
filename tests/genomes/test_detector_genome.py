"""The search space of detectors: rules from sizes, limits, known configurations."""

import numpy as np
import pytest

from sknevo.genomes.detector import detector, well_known
from sknevo.network_plan import image_shape, unet_plan
from sknevo.records import Chromosome, DataSpec

SPECS = [
    DataSpec("detection", n_samples, n_classes, shape=shape, object_side=object_side)
    for n_samples, n_classes, object_side in ((5, 1, 6.0), (2_000, 7, 60.0))
    for shape in [(9, 20), (96, 96), (480, 640, 3)]
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("limits", [{}, {"max_parameters": 9_000, "max_patch": 48}])
def test_whatever_is_bred_can_be_built_within_its_limits(spec, limits):
    rng = np.random.default_rng(0)
    genome = detector(spec, **limits)
    one, other = genome.sample(rng), genome.sample(rng)
    for _ in range(15):
        one, other = genome.mutate(one, rng), genome.cross(one, other, rng)
        for genes in (one, other):
            assert genome.contains(genes)
            expressed = Chromosome(genes).expressed
            network, training = expressed["network"], expressed["training"]
            n_channels = image_shape(spec.shape)[0]
            plan = unet_plan(network, n_channels, spec.n_classes + 4, training["patch"])
            assert plan.size.parameters <= limits.get("max_parameters", 2_000_000)
            assert training["patch"] % plan.factor == 0
            assert plan.stride == network["output_stride"]
            reduced = max(32, min(spec.shape[:2]) / network["reduction"])
            assert training["patch"] <= reduced


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_known_configurations_belong_to_the_genome(spec):
    genome = detector(spec, max_epochs=20, max_patch=64)
    known = well_known(spec, genome)
    rng = np.random.default_rng(0)
    for genes in known:
        completed = genome.complete(genes, rng)
        assert genome.contains(completed)
        assert genes["training"]["epochs"] <= 20
        # Nothing of it was repaired.
        assert Chromosome(completed).expressed["network"].items() >= (
            genes["network"].items()
        )


def test_images_are_reduced_as_far_as_objects_can_be_seen():
    def options(side, *shape):
        spec = DataSpec("detection", 50, 2, shape=shape, object_side=side)
        return detector(spec).genes["network"].genes["reduction"].options

    assert options(40, 480, 640, 3) == [1, 2, 4]
    assert options(10, 480, 640, 3) == [1]
    assert options(0, 480, 640, 3) == [1]  # not known
    assert options(90, 100, 100) == [1, 2]  # the image itself is small


def test_limits_are_checked():
    spec = DataSpec("detection", 50, 2, shape=(64, 64))
    with pytest.raises(ValueError, match="max_depth must be at least 1; got 0"):
        detector(spec, max_depth=0)
    with pytest.raises(ValueError, match="max_parameters must be at least"):
        detector(spec, max_parameters=100)
