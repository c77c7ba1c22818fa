"""Constraints live in the genome: they hold for every strategy."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from sknevo.evolution import (
    STRATEGIES,
    CooperativeCoevolution,
    Population,
    SurrogateAssisted,
)
from sknevo.genes import Genome
from sknevo.genomes.convnet import convnet
from sknevo.genomes.gan import gan
from sknevo.network_plan import gan_plans, network_plan
from sknevo.records import DataSpec, Evaluation

SHAPE, N_CLASSES = (1, 6, 6), 3
LIMITS = {"max_layers": 3, "max_parameters": 5_000, "max_epochs": 7}


def convnet_layers(genes):
    return [len(genes["blocks"]) + len(genes["dense"])]


def convnet_parameters(genes):
    return [network_plan(genes, SHAPE, N_CLASSES).size.parameters]


def gan_layers(genes):
    return [len(genes[name]["blocks"]) for name in ("generator", "discriminator")]


def gan_parameters(genes):
    plans = gan_plans(genes, SHAPE, N_CLASSES).values()
    return [plan.size.parameters for plan in plans]


@dataclass
class Case:
    """A genome, and the sizes of an individual that its limits concern."""

    genome: Genome
    layers: Callable[[Any], list[int]]
    parameters: Callable[[Any], list[int]]
    parts: list


CASES = {
    "convnet": Case(
        convnet(DataSpec("classification", 200, N_CLASSES, shape=(6, 6)), **LIMITS),
        convnet_layers,
        convnet_parameters,
        ["augmentation", ["blocks", "dense"]],
    ),
    "gan": Case(
        gan(DataSpec("generation", 200, N_CLASSES, shape=(6, 6)), **LIMITS),
        gan_layers,
        gan_parameters,
        ["augmentation", ["generator", "discriminator"]],
    ),
}
VARIANTS = {
    "parts": lambda case: CooperativeCoevolution(case.parts),
    "two candidates": lambda case: SurrogateAssisted(
        STRATEGIES["estimation_of_distribution"](), 2
    ),
}
NAMES = [*STRATEGIES, *VARIANTS]


def strategy_of(name, case):
    return STRATEGIES[name]() if name in STRATEGIES else VARIANTS[name](case)


def rate(case, chromosome, rng):
    """Rate the larger the better, so that the search presses against the limits."""
    if rng.random() < 0.1:
        return Evaluation(chromosome, "error")
    genes = chromosome.expressed
    goals = (float(sum(case.parameters(genes))), float(genes["training"]["epochs"]))
    return Evaluation(chromosome, "ok", sum(goals), objectives=goals)


def check_many(name, case, n, population_size):
    """Evolve until n were bred, and check each of them."""
    rng = np.random.default_rng(0)
    population = Population(case.genome, strategy_of(name, case), population_size, rng)
    while n > 0:
        offspring = population.ask()
        for chromosome in offspring:
            genes = chromosome.expressed
            assert case.genome.contains(chromosome.genes)
            assert max(case.layers(genes)) <= LIMITS["max_layers"]
            assert max(case.parameters(genes)) <= LIMITS["max_parameters"]
            assert 1 <= genes["training"]["epochs"] <= LIMITS["max_epochs"]
        n -= len(offspring)
        population.tell([rate(case, chromosome, rng) for chromosome in offspring])


@pytest.mark.parametrize(
    "case", ["convnet", pytest.param("gan", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", NAMES)
def test_all_that_are_bred_meet_the_constraints(name, case):
    check_many(name, CASES[case], 36, population_size=12)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_10_000_networks_of_every_strategy_meet_the_constraints(name):
    check_many(name, CASES["convnet"], 10_000, population_size=100)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_10_000_gans_of_all_strategies_together_meet_the_constraints(name):
    n = math.ceil(10_000 / len(NAMES))
    check_many(name, CASES["gan"], n, population_size=100)
