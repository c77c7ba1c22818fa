"""Every strategy keeps the contract; each does what its name says."""

import json
import math
from statistics import median

import numpy as np
import pytest
from strategy_contract import (
    GOLDEN,
    StrategyContract,
    breed_generations,
    children,
    golden,
    lineage,
    population,
)
from toys import LANDSCAPE, rate

from sknevo.evolution import STRATEGIES, Crossover, Elitist

VARIANTS = [
    Crossover(crossover_probability=1, newcomer_probability=0),
    Crossover(crossover_probability=0, mutation_probability=1.0, tournament_size=1),
    Elitist(elite_fraction=1),
    Elitist(elite_fraction=1e-9),
]


@pytest.mark.parametrize(
    "strategy", [*(cls() for cls in STRATEGIES.values()), *VARIANTS], ids=repr
)
class TestStrategies(StrategyContract):
    pass


# Golden lineages -----------------------------------------------------------------


@pytest.mark.parametrize("name", STRATEGIES)
def test_lineage_is_the_golden_one(name):
    assert golden(name).exists(), "none yet: run python tests/strategy_contract.py"
    told = json.loads(golden(name).read_text(encoding="utf-8"))
    for number, (now, then) in enumerate(
        zip(lineage(STRATEGIES[name]()), told, strict=True)
    ):
        assert now == then, f"generation {number} is of others"


def test_no_golden_lineage_is_of_nobody():
    assert {path.stem for path in GOLDEN.iterdir()} == set(STRATEGIES)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strategy", [Crossover(), Elitist()], ids=repr)
def test_the_best_is_never_lost(strategy, seed):
    best = -math.inf
    for brood, survivors in breed_generations(strategy, seed, generations=8):
        best = max(best, *(rate(chromosome).fitness for chromosome in brood))
        assert survivors[0].fitness == best


# Elitist -------------------------------------------------------------------------


@pytest.mark.parametrize(("fraction", "n"), [(0.1, 1), (0.25, 2), (0.3, 3), (1, 8)])
def test_elites_carry_over(fraction, n):
    elites = []
    for brood, survivors in breed_generations(Elitist(fraction), generations=6):
        fitnesses = [one.fitness for one in survivors]
        assert len(survivors) == n
        # Who stays was an elite before or has just come; nobody better is lost.
        assert all(one in elites or one.chromosome in brood for one in survivors)
        assert all(one in survivors or one.fitness < fitnesses[-1] for one in elites)
        elites = survivors


def test_others_than_the_elites_are_new_and_random():
    broods = [brood for brood, _ in breed_generations(Elitist(0.5))]
    assert {c.origin for brood in broods for c in brood} == {"random"}
    keys = [c.key for brood in broods for c in brood]
    assert len(set(keys)) == len(keys)


# Crossover -----------------------------------------------------------------------


def test_crossover_beats_random_search():
    def reached(strategy, seed):
        told = breed_generations(strategy, seed, size=10, generations=12)
        *_, (_, survivors) = told
        return survivors[0].fitness

    seeds = range(9)
    bred = [reached(Crossover(), seed) for seed in seeds]
    drawn = [reached(Elitist(), seed) for seed in seeds]
    assert median(bred) > median(drawn) + 0.1


def test_a_child_of_crossover_takes_genes_of_both_parents():
    strategy = Crossover(1, newcomer_probability=0)
    mother, father = parents = population(n=2, failed=0)
    inherited = []
    for child in children(strategy, parents, n=100):
        if child.origin == "crossover":  # else the tournament drew one parent twice
            assert child.key not in (mother.chromosome.key, father.chromosome.key)
            inherited.append("".join(heir_of(child, mother, father)))
    # About half of the children are mutated in addition.
    pure = [heirs for heirs in inherited if "?" not in heirs]
    assert len(pure) > len(inherited) / 2
    assert {"mf", "fm"} <= set(pure)


def heir_of(child, mother, father):
    for name in ("x", "n"):
        if child.genes[name] == mother.chromosome.genes[name]:
            yield "m"
        else:
            yield "f" if child.genes[name] == father.chromosome.genes[name] else "?"


@pytest.mark.parametrize("n", [1, 6])
def test_a_child_of_one_parent_always_differs_from_it(n):
    strategy = Crossover(0, newcomer_probability=0)
    for child in children(strategy, population(n=n), n=60):
        assert child.origin == "mutation"
        assert child.parents != (child.key,)


@pytest.mark.parametrize(
    ("params", "origins"),
    [
        ({"newcomer_probability": 1}, {"random"}),
        ({"newcomer_probability": 0}, {"crossover", "mutation"}),
        ({"crossover_probability": 0}, {"mutation", "random"}),
    ],
    ids=str,
)
def test_probabilities_say_how_children_come_about(params, origins):
    bred = children(Crossover(**params), population(n=8), n=60)
    assert {child.origin for child in bred} == origins


def test_none_mutates_about_one_gene():
    strategy = Crossover(0, newcomer_probability=0)
    (parent,) = parents = population(n=1, failed=0)
    genes = parent.chromosome.genes
    changed = [
        sum(child.genes[name] != genes[name] for name in LANDSCAPE.genes)
        for child in children(strategy, parents, n=200)
    ]
    assert 1 <= np.mean(changed) < 1.7


def test_a_larger_tournament_is_greedier():
    parents = population(n=8, failed=0)
    best = parents[0].chromosome.key

    def share(size):
        strategy = Crossover(0, newcomer_probability=0, tournament_size=size)
        bred = children(strategy, parents, n=200)
        return np.mean([child.parents == (best,) for child in bred])

    assert share(1) < 0.25 < share(3) < 0.6 < share(12)
