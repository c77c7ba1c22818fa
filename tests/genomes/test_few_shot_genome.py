"""The search space of embeddings: convnet's, with an embedding and its loss."""

import numpy as np
import pytest

from sknevo.genomes.convnet import convnet
from sknevo.genomes.few_shot import MOVING, embedding_size, few_shot, well_known
from sknevo.network_plan import image_shape, network_plan
from sknevo.records import Chromosome, DataSpec

SPECS = [
    DataSpec("classification", 200, 20, shape=shape)
    for shape in [(28, 28), (1, 1), (32, 40, 3), (7,)]
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_whatever_is_bred_keeps_the_limits(spec):
    rng = np.random.default_rng(0)
    genome = few_shot(spec, max_layers=3, max_parameters=5_000)
    one, other = genome.sample(rng), genome.sample(rng)
    for _ in range(30):
        one, other = genome.mutate(one, rng), genome.cross(one, other, rng)
        for genes in (one, other):
            assert genome.contains(genes)
            expressed = Chromosome(genes).expressed
            size = embedding_size(expressed)
            plan = network_plan(expressed, image_shape(spec.shape), size)
            assert plan.size.parameters <= 5_000
            has_stem = expressed.get("stem", {"none": {}}) != {"none": {}}
            assert plan.n_weighted - has_stem <= 4
            assert size % 8 == 0
            if expressed["embedding"].get("support_views"):
                assert any(expressed["augmentation"][name] for name in MOVING)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_known_configurations_belong_to_the_genome(spec):
    genome, rng = few_shot(spec), np.random.default_rng(0)
    known = well_known(spec, genome)
    for genes in known:
        complete = genome.complete(genes, rng)
        assert genome.contains(complete)
        # What is written down is what is trained.
        expressed = Chromosome(complete).expressed
        for part in ("embedding", "training"):
            assert expressed[part].items() >= genes[part].items()


def test_the_smallest_limit_is_named_and_holds():
    with pytest.raises(ValueError, match=r"max_parameters must be at least (\d+)") as e:
        few_shot(SPECS[0], max_parameters=10)
    least = int(str(e.value).split("at least ")[1].split(",")[0])
    genome = few_shot(SPECS[0], max_parameters=least)
    expressed = Chromosome(genome.sample(np.random.default_rng(0))).expressed
    assert embedding_size(expressed) == 16


def test_only_square_images_are_turned_and_beside_it_is_the_space_of_classifiers():
    turns = ["rotations" in few_shot(s).genes["training"].genes for s in SPECS]
    assert turns == [True, True, False, False]
    genome, classes = few_shot(SPECS[0]), convnet(SPECS[0])
    assert {*genome.genes} - {*classes.genes} == {"embedding"}
    assert "support_views" not in few_shot(SPECS[3]).genes["embedding"].genes
