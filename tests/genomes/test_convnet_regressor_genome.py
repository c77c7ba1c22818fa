"""The search space of networks for numbers: convnet's, with a loss and a scaling."""

import numpy as np
import pytest

from sknevo.genomes.convnet import convnet
from sknevo.genomes.convnet_regressor import convnet_regressor, well_known
from sknevo.network_plan import image_shape, network_plan
from sknevo.records import Chromosome, DataSpec

SPECS = [
    DataSpec("regression", n_samples, 0, shape=shape)
    for n_samples in (50, 20_000)
    for shape in [(28, 28), (1, 1), (32, 40, 3), (7,)]
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_whatever_is_bred_keeps_the_limits(spec):
    rng = np.random.default_rng(0)
    genome = convnet_regressor(spec, max_layers=3, max_parameters=5_000)
    one, other = genome.sample(rng), genome.sample(rng)
    for _ in range(30):
        one, other = genome.mutate(one, rng), genome.cross(one, other, rng)
        for genes in (one, other):
            assert genome.contains(genes)
            expressed = Chromosome(genes).expressed
            plan = network_plan(expressed, image_shape(spec.shape), 1)
            assert plan.size.parameters <= 5_000
            has_stem = expressed.get("stem", {"none": {}}) != {"none": {}}
            assert plan.n_weighted - has_stem <= 4


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_known_configurations_belong_to_the_genome_and_leave_images_alone(spec):
    genome, rng = convnet_regressor(spec), np.random.default_rng(0)
    known = [genome.complete(genes, rng) for genes in well_known(spec, genome)]
    assert all(map(genome.contains, known))
    for genes in known:
        assert not any(genes.get("augmentation", {}).values())


def test_beside_the_training_it_is_the_space_of_classifiers():
    genome = convnet_regressor(SPECS[0])
    classes = convnet(DataSpec("classification", 50, 3, shape=(28, 28)))
    assert list(genome.genes) == list(classes.genes)
    ours, theirs = (set(g.genes["training"].genes) for g in (genome, classes))
    assert ours - theirs == {"loss", "target_scaling"}
    assert theirs - ours == {"label_smoothing"}
