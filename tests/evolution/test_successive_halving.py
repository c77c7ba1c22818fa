"""Successive halving: many begin with few resources, and the best are promoted."""

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


class Steady(GeneticAlgorithm):
    """A strategy without generations."""

    steady = True


def make_halving(
    resources=(1, 3),
    size=9,
    strategy=None,
    factor=3,
    seed=0,
    revisits=False,
    in_flight=None,
):
    rng = np.random.default_rng(seed)
    population = Population(
        LANDSCAPE, strategy or GeneticAlgorithm(), size, rng, in_flight=in_flight
    )
    return SuccessiveHalving(population, resources, factor, revisits)


def rate(candidate, noise=0.0, status="ok"):
    """Return the height; with little resource it may say less, or nothing."""
    if status != "ok":
        return Evaluation(candidate.chromosome, status, resource=candidate.resource)
    luck = int(candidate.chromosome.key, 16) / 16**16 - 0.5
    share = 0 if candidate.resource is None else noise
    fitness = (1 - share) * height(candidate.chromosome.expressed) + share * luck
    return Evaluation(candidate.chromosome, "ok", fitness, resource=candidate.resource)


def run(halving, generations=3, noise=0.0, status=lambda i: "ok"):
    """Return all that was told, in the order asked."""
    told, line = [], []
    while halving.population.generation < generations:
        line += halving.ask()
        evaluation = rate(line.pop(0), noise, status(len(told)))
        told.append(evaluation)
        halving.tell(evaluation)
    return told


def by_resource(told, resource):
    return [e for e in told if e.resource == resource]


@pytest.mark.parametrize("strategy", [GeneticAlgorithm(), Elitist(), Steady()])
def test_all_begin_on_the_lowest_rung_and_few_reach_the_last(strategy):
    told = run(make_halving(strategy=strategy), generations=4)
    below, between, above = (by_resource(told, r) for r in (1, 3, None))
    assert len({e.chromosome.key for e in below}) == len(below)
    assert len(below) >= 36
    assert 36 / 6 < len(between) < 36 / 1.5
    assert 36 / 20 < len(above) < len(between)
    for high, low in ((above, between), (between, below)):
        assert {e.chromosome.key for e in high} <= {e.chromosome.key for e in low}


def test_the_best_of_the_latest_scores_are_promoted():
    told = run(make_halving())
    for i, evaluation in enumerate(told):
        if evaluation.resource is None:
            continue
        seen = [e.fitness for e in by_resource(told[: i + 1], evaluation.resource)][-9:]
        better = sum(fitness > evaluation.fitness for fitness in seen)
        promoted = any(
            e.chromosome == evaluation.chromosome
            and (e.resource or math.inf) > evaluation.resource
            for e in told[i + 1 :]
        )
        if better >= len(seen) / 3:
            assert not promoted
        elif i < len(told) - 9:  # the last have not been asked yet
            assert promoted


def test_one_that_is_among_the_best_later_is_promoted_then():
    halving = make_halving(resources=(1,), revisits=True, in_flight=9)
    told = [rate(one) for one in halving.ask()]
    told.sort(key=lambda e: e.fitness, reverse=True)
    promoted = []
    for evaluation in told:  # the best first
        halving.tell(evaluation)
        asked = (one for one in halving.ask() if one.resource is None)
        promoted += [one.chromosome.key for one in asked]
    # Of three one, of six two, of nine three.
    assert promoted == [e.chromosome.key for e in told[:3]]


@pytest.mark.parametrize("kinds", [False, True])
def test_the_best_of_each_kind_is_promoted_whatever_others_reach(kinds):
    def side(genes):
        return genes["x"] > 0

    rng = np.random.default_rng(0)
    population = Population(LANDSCAPE, GeneticAlgorithm(), 9, rng, in_flight=9)
    kind_of = side if kinds else None
    halving = SuccessiveHalving(population, [1], 3, revisits=True, kind_of=kind_of)
    told = [rate(one) for one in halving.ask()]
    told.sort(key=lambda e: e.fitness, reverse=True)
    promoted = set()
    for evaluation in told:  # the best first
        halving.tell(evaluation)
        asked = (one for one in halving.ask() if one.resource is None)
        promoted |= {one.chromosome.key for one in asked}
    best_of_all = {e.chromosome.key for e in told[:3]}
    (other,) = {True, False} - {side(e.chromosome.genes) for e in told[:3]}
    best_of_other = next(e for e in told if side(e.chromosome.genes) == other)
    assert (best_of_other.chromosome.key in promoted) == kinds
    assert kinds or promoted == best_of_all


def test_the_population_hears_of_each_evaluation_at_once():
    halving = make_halving(resources=(1,), revisits=True, in_flight=3)
    first = halving.ask()
    for one in first:
        halving.tell(rate(one))
    keys = {e.chromosome.key for e in halving.population.survivors}
    assert keys == {one.chromosome.key for one in first}
    (promoted,) = (one for one in halving.ask() if one.resource is None)
    halving.tell(rate(promoted))
    known = {e.chromosome.key: e for e in halving.population.survivors}
    assert known[promoted.chromosome.key].resource is None


def test_a_promoted_one_that_fails_counts_as_before():
    halving = make_halving(resources=(1,), revisits=True, in_flight=3)
    for one in halving.ask():
        halving.tell(rate(one))
    (promoted,) = (one for one in halving.ask() if one.resource is None)
    halving.tell(rate(promoted, status="error"))
    known = {e.chromosome.key: e for e in halving.population.survivors}
    assert known[promoted.chromosome.key].resource == 1


def test_a_population_in_flight_has_as_many_in_evaluation():
    halving = make_halving(size=12, in_flight=4, revisits=True)
    line = halving.ask()
    for _ in range(40):
        assert len(line) >= 4
        halving.tell(rate(line.pop(0)))
        line += halving.ask()


def test_higher_fidelities_come_first():
    halving = make_halving()
    run(halving)
    fidelities = [e.resource or math.inf for e in halving.population.survivors]
    assert fidelities == sorted(fidelities, reverse=True)
    assert fidelities[0] == math.inf


def test_without_resources_there_is_one_rung():
    told = run(make_halving(resources=()))
    assert {e.resource for e in told} == {None}
    assert len(told) == 27


@pytest.mark.parametrize("strategy", [GeneticAlgorithm(), Steady()])
def test_failed_and_skipped_individuals_are_not_promoted(strategy):
    statuses = ["ok", "error", "skipped", "timeout"]
    told = run(make_halving(strategy=strategy), 4, status=lambda i: statuses[i % 4])
    failed = {(e.chromosome.key, e.resource) for e in told if e.status != "ok"}
    for key, resource in failed:
        later = [e for e in told if e.chromosome.key == key]
        assert max(e.resource or math.inf for e in later) == (resource or math.inf)


def test_without_time_for_the_next_rung_the_last_evaluation_counts():
    halving = make_halving(size=3)
    first, *others = halving.ask()
    halving.tell(rate(first))
    (above,) = halving.ask()
    assert above.chromosome == first.chromosome
    halving.tell(rate(above, status="skipped"))
    for candidate in others:
        halving.tell(rate(candidate, status="error"))
    best = halving.population.survivors[0]
    assert (best.chromosome.key, best.status) == (first.chromosome.key, "ok")
    assert best.resource == first.resource


def test_equal_individuals_are_not_confused():
    genome = Genome(a=Categorical([0, 1, 2, 3]))
    population = Population(genome, Elitist(), 9, np.random.default_rng(0))
    halving, line = SuccessiveHalving(population, [1, 3]), []
    while population.generation < 3:
        line += halving.ask()
        candidate = line.pop(0)
        fitness = 10 * candidate.chromosome.genes["a"] + (candidate.resource or 9)
        halving.tell(
            Evaluation(candidate.chromosome, "ok", fitness, resource=candidate.resource)
        )
    low, middle, _ = halving.rungs
    assert {after - before for before, after in low.pairs} == {2}
    assert {after - before for before, after in middle.pairs} == {6}


# Rungs that mislead ----------------------------------------------------------------


def test_correlations_are_recorded_and_a_good_rung_is_kept():
    halving = make_halving()
    run(halving, generations=12)
    for rung in halving.rungs[:-1]:
        assert len(rung.pairs) > 12
        assert rung.correlation == pytest.approx(1)
        assert not rung.is_misleading


def test_a_misleading_rung_is_left_out():
    halving = make_halving(resources=(1,))
    told, line = [], []
    for _ in range(120):
        line += halving.ask()
        candidate = line.pop(0)
        sign = -1 if candidate.resource else 1
        fitness = sign * height(candidate.chromosome.expressed)
        evaluation = Evaluation(
            candidate.chromosome, "ok", fitness, resource=candidate.resource
        )
        told.append(evaluation)
        halving.tell(evaluation)
    assert halving.rungs[0].is_misleading
    assert halving.rungs[0].correlation < 0
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
    assert not Rung(1, pairs=pairs).is_misleading  # too few for a decision


# Without generations ---------------------------------------------------------------


def test_a_steady_strategy_always_has_as_many_in_evaluation():
    population = Population(LANDSCAPE, Steady(), 5, np.random.default_rng(0))
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
