"""Small searches that all pictures are drawn of, each fitted once."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from sknevo import (
    EvolvedClassifier,
    EvolvedPipelineClassifier,
    EvolvedSearchCV,
    GeneticAlgorithm,
)
from sknevo.genomes.convnet import convnet
from sknevo.genomes.pipeline import pipeline

IRIS = load_iris(return_X_y=True)
TREES = {
    "max_depth": [1, 2, 3, 4, 5, 6],
    "min_samples_leaf": [1, 2, 5, 10, 20, 40],
    "criterion": ["gini", "entropy"],
}


def search_trees(**parameters):
    settings = {
        "population_size": 6,
        "generations": 5,
        "cv": 3,
        "random_state": 0,
        "strategy": GeneticAlgorithm(),
    }
    search = EvolvedSearchCV(DecisionTreeClassifier(), TREES, **settings | parameters)
    return search.fit(*IRIS)


@pytest.fixture(scope="session")
def trees():
    """Return a search of decision trees in which all individuals succeed."""
    return search_trees()


@pytest.fixture(scope="session")
def halved():
    """Return a search on rungs of 30 samples and more."""
    return search_trees(resource="n_samples", min_resources=30, factor=2)


@pytest.fixture(scope="session")
def two_scores():
    """Return a search with an accuracy and the bytes of a tree."""
    return search_trees(scoring=["accuracy", "size"], refit="accuracy")


@pytest.fixture(scope="session")
def table():
    """Return pipelines of two kinds of models, with an ensemble."""
    genome = partial(pipeline, models=["svm", "naive_bayes"])
    settings = {"population_size": 4, "generations": 3, "cv": 2, "random_state": 0}
    return EvolvedPipelineClassifier(genome=genome, **settings).fit(*IRIS)


@pytest.fixture(scope="session")
def network():
    """Return a small network of images of two kinds."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    genome = partial(convnet, max_layers=3, max_parameters=3_000, max_epochs=1)
    settings = {"population_size": 3, "generations": 1, "random_state": 0}
    return EvolvedClassifier(genome=genome, **settings).fit(X, np.arange(60) % 2)
