"""Every gene of our own genomes has words; a genome of the user's own has its names."""

from functools import partial

import numpy as np
import pytest
from arbitrary import genomes_and_values
from hypothesis import given

from sknevo.describe import describe, parts
from sknevo.genes import Categorical, Choice, Genome, Integer, Real, Repeat
from sknevo.genomes.autoencoder import autoencoder
from sknevo.genomes.convnet import convnet
from sknevo.genomes.convnet_regressor import convnet_regressor
from sknevo.genomes.detector import detector
from sknevo.genomes.few_shot import few_shot
from sknevo.genomes.gan import gan
from sknevo.genomes.pipeline import pipeline
from sknevo.genomes.policy import policy
from sknevo.genomes.segmenter import segmenter
from sknevo.records import Chromosome, Column, DataSpec, Sparsity, flatten

KINDS = ("numeric", "boolean", "categorical", "datetime", "text")
MIXED = tuple(Column(kind, kind, n_unique=50, missing=True) for kind in KINDS)
NUMBERS = tuple(Column(i, "numeric") for i in range(400))


def genome(make, task, n_classes, **data):
    return make(DataSpec(task, 500, n_classes, **data))


OUR_GENOMES = {
    "table": genome(pipeline, "classification", 3, columns=(*MIXED, *NUMBERS[:2])),
    "wide table": genome(pipeline, "regression", 0, columns=NUMBERS),
    "sparse table": genome(
        pipeline, "classification", 2, columns=NUMBERS, sparse=Sparsity(0.1)
    ),
    "images of pipelines": genome(
        partial(pipeline, pretrained=None), "classification", 3, shape=(64, 64, 3)
    ),
    "images": genome(convnet, "classification", 2, shape=(28, 28)),
    "rows": genome(convnet_regressor, "regression", 0, shape=(7,)),
    "autoencoder of images": genome(autoencoder, "reconstruction", 0, shape=(16, 16)),
    "autoencoder of rows": genome(autoencoder, "reconstruction", 0, shape=(7,)),
    "few-shot images": genome(few_shot, "classification", 9, shape=(28, 28)),
    "few-shot rows": genome(few_shot, "classification", 9, shape=(7,)),
    "GAN of images": genome(gan, "generation", 3, shape=(16, 16)),
    "masks": genome(segmenter, "segmentation", 3, shape=(64, 64, 3)),
    "boxes": genome(detector, "detection", 3, shape=(96, 96, 3), object_side=20.0),
    "GAN of rows": genome(gan, "generation", 0, shape=(3,)),
    "policy with options": genome(policy, "control", 2, shape=(4,)),
    "policy with numbers": genome(policy, "control", 0, shape=(3,)),
}


@pytest.mark.parametrize("name", OUR_GENOMES)
def test_every_gene_of_our_genomes_has_words(name):
    rng = np.random.default_rng(0)
    for _ in range(20):
        genes = flatten(OUR_GENOMES[name].sample(rng))
        texts = [describe(genes), *(text for _, text in parts(genes))]
        for text in texts:
            assert text
            assert not {"=", "_", "{"} & set(text)
        assert "\n" not in texts[0]


def words(genome, **genes):
    chromosome = Chromosome(genome.complete(genes, np.random.default_rng(0)))
    return chromosome.words, parts(flatten(chromosome.genes))


def test_a_pipeline_in_words():
    spec = DataSpec("classification", 100, 2, (Column("a", "categorical", 3),))
    booster = {"num_leaves": 127, "learning_rate": 0.05}
    preparation = {"encoding": "onehot", "min_frequency": 0.05, "targets": False}
    line, (first, *_) = words(
        pipeline(spec),
        model={"lightgbm": booster},
        preparation=preparation,
        scaling="none",
        extraction="none",
        class_weight="balanced",
    )
    assert (
        line == "LightGBM, 127 leaves, rate 0.05; one-hot categories, balanced classes"
    )
    assert first == ("Preparation", "one-hot categories, labels below 5% merged")


def test_a_network_in_words():
    spec = DataSpec("classification", 100, 2, shape=(16, 16))
    line, described = words(
        convnet(spec),
        stem="none",
        blocks=[{"channels": 16}, {"channels": 32}],
        dense=[],
        optimizer={"muon": {"lr": 0.1}},
        training={"epochs": 12},
        augmentation={"shift": 0.1, "flip": True, "rotate": 0},
    )
    assert line == (
        "CNN, 16-32 channels; Muon, rate 0.1; 12 epochs, shifts up to 10%, mirrored"
    )
    titles = [title for title, _ in described]
    assert titles[:2] == ["Block 1", "Block 2"]
    assert "Dense layer 1" not in titles


def test_a_gan_in_words():
    spec = DataSpec("generation", 100, 0, shape=(2,))
    line, described = words(
        gan(spec),
        generator={"dense": [{"units": 64}, {"units": 32}]},
        discriminator={"dense": [{"units": 16}]},
        loss={"hinge": {"gradient_penalty": 0.0}},
        noise={"dimension": 8},
        training={"epochs": 300},
    )
    assert line == (
        "GAN, hinge loss; generator of 64-32 units, discriminator of 16 units, 8 "
        "dimensions of noise; 300 epochs"
    )
    assert described[1][0] == "Generator dense layer 1"


def test_genes_of_the_users_own_keep_their_names():
    own = Genome(
        C=Real(0.1, 10),
        model=Choice(tree=Genome(max_features=Categorical(["sqrt"])), line=Genome()),
        hidden_layer_sizes=Repeat(Integer(8, 64), 1, 3),
    )
    line, described = words(own, C=1.0, model="tree", hidden_layer_sizes=[32, 16])
    assert line == "C=1, model=tree, max_features=sqrt, hidden_layer_sizes=32-16"
    assert described == [
        ("", "C=1, hidden_layer_sizes=32-16"),
        ("Model", "model=tree, max_features=sqrt"),
    ]


def test_a_long_line_says_how_many_genes_it_leaves_out():
    genes = {f"gene{i}": i for i in range(20)}
    assert describe(genes).endswith("gene7=7, and 12 more")


def test_values_of_the_users_own_do_no_harm():
    genes = {"preparation.filter": 3, "model": "own", "model.own.max_features": "sqrt"}
    assert describe(genes) == "own; filter=3"
    assert parts(genes)[1] == ("Model", "own, max_features=sqrt")


@given(genomes_and_values())
def test_any_genome_can_be_described(family):
    _, _, value = family
    genes = flatten(value)
    assert isinstance(describe(genes), str)
    assert all(text for _, text in parts(genes))
