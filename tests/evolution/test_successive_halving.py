"""Many begin with little; who does well with it is given more, and only they."""

import math

import numpy as np
import pytest
from toys import LANDSCAPE, height

from sknevo.evolution import (
    STRATEGIES,
    Elitist,
    GeneticAlgorithm,
    Population,
    Rung,
    SuccessiveHalving,
)
from sknevo.genes import Categorical, Genome
from sknevo.records import Evaluation


class Ageless(GeneticAlgorithm):
    """A strategy without generations."""

    steady = True


def race(resources=(1, 3), size=9, strategy=None, factor=3, seed=0):
    rng = np.random.default_rng(seed)
    population = Population(LANDSCAPE, strategy or GeneticAlgorithm(), size, rng)
    return SuccessiveHalving(population, resources, factor)


def rate(candidate, noise=0.0, status="ok"):
    """Return the height; with little resource it may say less, or nothing."""
    if status != "ok":
        return Evaluation(candidate.chromosome, status, resource=candidate.resource)
    luck = int(candidate.chromosome.key, 16) / 16**16 - 0.5
    share = 0 if candidate.resource is None else noise
    fitness = (1 - share) * height(candidate.chromosome.expressed) + share * luck
    return Evaluation(candidate.chromosome, "ok", fitness, resource=candidate.resource)


def run(race, generations=3, noise=0.0, status=lambda i: "ok"):
    """Return all that was told, in the order asked."""
    told, line = [], []
    while race.population.generation < generations:
        line += race.ask()
        evaluation = rate(line.pop(0), noise, status(len(told)))
        told.append(evaluation)
        race.tell(evaluation)
    return told


def by_resource(told, resource):
    return [e for e in told if e.resource == resource]


@pytest.mark.parametrize("strategy", [GeneticAlgorithm(), Elitist(), Ageless()])
def test_everybody_begins_below_and_few_come_to_all(strategy):
    told = run(race(strategy=strategy), generations=4)
    below, between, above = (by_resource(told, r) for r in (1, 3, None))
    assert len({e.chromosome.key for e in below}) == len(below)
    assert len(below) >= 36
    assert 36 / 6 < len(between) < 36 / 1.5
    assert 36 / 20 < len(above) < len(between)
    for high, low in ((above, between), (between, below)):
        assert {e.chromosome.key for e in high} <= {e.chromosome.key for e in low}


def test_those_that_go_on_are_the_best_of_late():
    told = run(race())
    for i, evaluation in enumerate(told):
        if evaluation.resource is None:
            continue
        seen = [e.fitness for e in by_resource(told[: i + 1], evaluation.resource)][-9:]
        better = sum(fitness > evaluation.fitness for fitness in seen)
        went_on = any(
            e.chromosome == evaluation.chromosome
            and (e.resource or math.inf) > evaluation.resource
            for e in told[i + 1 :]
        )
        if better >= len(seen) / 3:
            assert not went_on
        elif i < len(told) - 9:  # the last have not been asked yet
            assert went_on


def test_who_went_further_is_fitter():
    runner = race()
    run(runner)
    reaches = [e.resource or math.inf for e in runner.population.survivors]
    assert reaches == sorted(reaches, reverse=True)
    assert reaches[0] == math.inf


def test_without_resources_there_is_no_race():
    told = run(race(resources=()))
    assert {e.resource for e in told} == {None}
    assert len(told) == 27


@pytest.mark.parametrize("strategy", [GeneticAlgorithm(), Ageless()])
def test_the_failed_and_the_skipped_do_not_go_on(strategy):
    statuses = ["ok", "error", "skipped", "timeout"]
    told = run(race(strategy=strategy), 4, status=lambda i: statuses[i % 4])
    failed = {(e.chromosome.key, e.resource) for e in told if e.status != "ok"}
    for key, resource in failed:
        later = [e for e in told if e.chromosome.key == key]
        assert max(e.resource or math.inf for e in later) == (resource or math.inf)


def test_who_was_skipped_on_the_way_up_counts_by_what_was_known():
    runner = race(size=3)
    first, *others = runner.ask()
    runner.tell(rate(first))
    (above,) = runner.ask()
    assert above.chromosome == first.chromosome
    runner.tell(rate(above, status="skipped"))
    for candidate in others:
        runner.tell(rate(candidate, status="error"))
    best = runner.population.survivors[0]
    assert (best.chromosome.key, best.status) == (first.chromosome.key, "ok")
    assert best.resource == first.resource


def test_twins_are_not_taken_for_each_other():
    genome = Genome(a=Categorical([0, 1, 2, 3]))
    population = Population(genome, Elitist(), 9, np.random.default_rng(0))
    runner, line = SuccessiveHalving(population, [1, 3]), []
    while population.generation < 3:
        line += runner.ask()
        candidate = line.pop(0)
        fitness = 10 * candidate.chromosome.genes["a"] + (candidate.resource or 9)
        runner.tell(
            Evaluation(candidate.chromosome, "ok", fitness, resource=candidate.resource)
        )
    low, middle, _ = runner.rungs
    assert {after - before for before, after in low.pairs} == {2}
    assert {after - before for before, after in middle.pairs} == {6}


# Rungs that mislead ----------------------------------------------------------------


def test_correlations_are_noted_and_a_good_rung_is_kept():
    runner = race()
    run(runner, generations=12)
    for rung in runner.rungs[:-1]:
        assert len(rung.pairs) > 12
        assert rung.correlation == pytest.approx(1)
        assert not rung.is_misleading


def test_a_rung_that_says_nothing_is_left_out():
    runner = race(resources=(1,))
    told, line = [], []
    for _ in range(120):
        line += runner.ask()
        candidate = line.pop(0)
        sign = -1 if candidate.resource else 1
        fitness = sign * height(candidate.chromosome.expressed)
        evaluation = Evaluation(
            candidate.chromosome, "ok", fitness, resource=candidate.resource
        )
        told.append(evaluation)
        runner.tell(evaluation)
    assert runner.rungs[0].is_misleading
    assert runner.rungs[0].correlation < 0
    assert {e.resource for e in told[-20:]} == {None}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], math.nan),
        ([(1, 1)] * 3, math.nan),
        ([(1, 1), (2, 2), (3, 3)], 1),
        ([(1, 3), (2, 2), (3, 1)], -1),
    ],
)
def test_correlation(pairs, expected):
    assert Rung(1, pairs=pairs).correlation == pytest.approx(expected, nan_ok=True)
    assert not Rung(1, pairs=pairs).is_misleading  # of so few nothing can be said


# Without generations ---------------------------------------------------------------


def test_a_steady_strategy_has_always_as_many_out():
    population = Population(LANDSCAPE, Ageless(), 5, np.random.default_rng(0))
    out = population.ask()
    assert len(out) == 5
    for _ in range(20):
        chromosome = out.pop(0)
        population.tell([Evaluation(chromosome, "ok", height(chromosome.expressed))])
        new = population.ask()
        assert len(new) == 1
        out += new
    assert population.generation == 4
    assert [c.generation for c in out] == [4, 4, 4, 4, 4]


@pytest.mark.parametrize("strategy", [n for n, s in STRATEGIES.items() if s.steady])
def test_steady_strategies_improve(strategy):
    population = Population(
        LANDSCAPE, STRATEGIES[strategy](), 8, np.random.default_rng(0)
    )
    out, fitness = population.ask(), []
    for _ in range(200):
        chromosome = out.pop(0)
        fitness.append(height(chromosome.expressed))
        population.tell([Evaluation(chromosome, "ok", fitness[-1])])
        out += population.ask()
    assert np.mean(fitness[-50:]) > np.mean(fitness[:50]) + 0.2
