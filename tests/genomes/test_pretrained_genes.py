"""The genes of networks that begin with pretrained layers."""

import sys

import numpy as np
import pytest

pytest.importorskip("timm")

from sknevo import pretrained
from sknevo.genomes.convnet import convnet, well_known
from sknevo.genomes.convnet_regressor import convnet_regressor
from sknevo.genomes.convnet_regressor import well_known as well_known_regressors
from sknevo.records import Chromosome, DataSpec, flatten

PHOTOS = DataSpec("classification", 40, 2, shape=(48, 40, 3))
DIGITS = DataSpec("classification", 1_000, 10, shape=(8, 8))


@pytest.fixture(scope="module")
def networks(random_resnet):
    return {"test_resnet": random_resnet}


@pytest.mark.parametrize("spec", [PHOTOS, DIGITS])
def test_operators_stay_inside(spec, networks):
    genome = convnet(spec, pretrained=networks)
    rng = np.random.default_rng(0)
    drawn = [genome.sample(rng) for _ in range(20)]
    begun = 0
    for mother, father in zip(drawn, drawn[::-1], strict=True):
        for genes in (genome.cross(mother, father, rng), genome.mutate(mother, rng)):
            assert genome.contains(genes)
            assert genome.repair(genes) == genes
            expressed = Chromosome(genes).expressed
            is_begun = "test_resnet" in expressed["stem"]
            begun += is_begun
            assert (len(expressed["blocks"]) == 0) == is_begun
    assert 8 < begun < 32


def test_known_individuals_begin_with_pretrained_layers_if_images_are_photos(networks):
    rng = np.random.default_rng(0)
    for spec, place in ((PHOTOS, 0), (DIGITS, -1)):
        genome = convnet(spec, pretrained=networks)
        known = well_known(spec, genome)
        assert all(genome.contains(genome.complete(one, rng)) for one in known)
        assert all(one not in known[:i] for i, one in enumerate(known))
        assert [*known[place]["stem"]] == ["test_resnet"]
    genome = convnet(PHOTOS, pretrained=networks)
    begun = [one["stem"] for one in well_known(PHOTOS, genome)]
    begun = [stem["test_resnet"] for stem in begun if "test_resnet" in stem]
    rates = [first["rate"] for first in begun]
    assert rates == sorted(rates)
    assert rates[0] == 0 < rates[-1]
    # Images are not enlarged more than four times.
    assert begun[0]["side"] == 160
    assert not any("test_resnet" in one["stem"] for one in well_known(PHOTOS))


def test_networks_that_predict_numbers_begin_with_them_too(networks):
    spec = DataSpec("regression", 40, 0, shape=(48, 48, 3))
    genome = convnet_regressor(spec, pretrained=networks)
    first = genome.complete(
        well_known_regressors(spec, genome)[0], np.random.default_rng(0)
    )
    assert flatten(first)["stem"] == "test_resnet"


def test_a_limit_of_parameters_is_one_of_the_others(networks):
    genome = convnet(PHOTOS, max_parameters=5_000, pretrained=networks)
    rng = np.random.default_rng(0)
    drawn = [Chromosome(genome.sample(rng)) for _ in range(30)]
    assert any(one.expressed["stem"].keys() == {"test_resnet"} for one in drawn)
    with pytest.raises(ValueError, match=r"max_parameters must be .* with test_resnet"):
        convnet(PHOTOS, max_parameters=60, pretrained=networks)


def test_what_cannot_begin_a_network_is_refused(random_resnet, monkeypatch):
    rows = DataSpec("classification", 40, 2, shape=(7,))
    with pytest.raises(ValueError, match=r"begin with images; got samples of .*\(7,\)"):
        convnet(rows, pretrained="auto")
    with pytest.raises(ValueError, match="are not those of 'shufflenet_v2_x1_0'"):
        convnet(PHOTOS, pretrained={"shufflenet_v2_x1_0": random_resnet})
    monkeypatch.setattr("sknevo.pretrained._weights._of_torchvision", list)
    monkeypatch.setattr("sknevo.pretrained._weights._of_timm", list)
    monkeypatch.setattr(pretrained._weights, "PACKAGE", "no_such_package")
    with pytest.raises(ValueError, match="pretrained='auto' finds no weights"):
        convnet(PHOTOS, pretrained="auto")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[pretrained\]"'):
        convnet(PHOTOS, pretrained="auto")


def test_they_are_told_in_words(networks):
    genome = convnet(PHOTOS, pretrained=networks)
    known = well_known(PHOTOS, genome)
    begun = [genes for genes in known if "test_resnet" in genes["stem"]]
    genes = next(one for one in begun if one["stem"]["test_resnet"]["rate"])
    chromosome = Chromosome(genome.complete(genes, np.random.default_rng(0)))
    assert chromosome.words.startswith("CNN, pretrained test_resnet, learning 0.1 x as")
    assert "last layer, at 128 pixels" in str(chromosome)
    assert "=" not in str(chromosome)
