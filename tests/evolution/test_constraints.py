"""Constraints live in the genome: they hold for whoever breeds."""

import math

import numpy as np
import pytest

from sknevo.evolution import STRATEGIES, Coevolution, Evolution, Preselection
from sknevo.genomes.convnet import convnet
from sknevo.records import DataSpec, Evaluation
from sknevo.sizes import network_size

SPEC = DataSpec("classification", 200, 3, shape=(6, 6))
LIMITS = {"max_layers": 3, "max_parameters": 5_000, "max_epochs": 7}
GENOME = convnet(SPEC, **LIMITS)
EVERYBODY = [
    *(cls() for cls in STRATEGIES.values()),
    Coevolution(["augmentation", ["blocks", "dense"]]),
    Preselection(STRATEGIES["gaussian"](), n_candidates=2),
]


def keeps_within_the_limits(chromosome):
    genes = chromosome.expressed
    size = network_size(genes, (1, 6, 6), SPEC.n_classes)
    return (
        len(genes["blocks"]) + len(genes["dense"]) <= LIMITS["max_layers"]
        and size.parameters <= LIMITS["max_parameters"]
        and 1 <= genes["training"]["epochs"] <= LIMITS["max_epochs"]
    )


def rate(chromosome, rng):
    """Return how somebody fared who wants to be as large as it is allowed to."""
    if rng.random() < 0.1:
        return Evaluation(chromosome, "error")
    genes = chromosome.expressed
    size = network_size(genes, (1, 6, 6), SPEC.n_classes).parameters
    goals = (float(size), float(genes["training"]["epochs"]))
    return Evaluation(chromosome, "ok", sum(goals), objectives=goals)


def check_many(strategy, n, population_size):
    """Evolve until n were bred, and check each of them."""
    rng = np.random.default_rng(0)
    evolution = Evolution(GENOME, strategy, population_size, rng)
    while n > 0:
        brood = evolution.ask()
        for chromosome in brood:
            assert GENOME.contains(chromosome.genes)
            assert keeps_within_the_limits(chromosome)
        n -= len(brood)
        evolution.tell([rate(chromosome, rng) for chromosome in brood])


@pytest.mark.parametrize("strategy", EVERYBODY, ids=repr)
def test_all_that_are_bred_meet_the_constraints(strategy):
    check_many(strategy, 36, population_size=12)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", EVERYBODY, ids=repr)
def test_10_000_that_are_bred_meet_the_constraints(strategy):
    check_many(strategy, math.ceil(10_000 / len(EVERYBODY)), population_size=100)
