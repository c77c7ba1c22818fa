"""Selection and survival: tournaments, the fittest, Pareto fronts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from sknevo.evolution import (
    crowding_distance,
    fittest,
    non_dominated_sort,
    tournament,
)
from sknevo.evolution._strategy import pareto_order, pareto_rank_keys
from sknevo.records import Chromosome, Evaluation

fitnesses = st.integers(-3, 3).map(float) | st.just(-math.inf)
individuals = st.lists(st.tuples(st.integers(0, 9), fitnesses), max_size=20)


def individual(name, fitness):
    status = "error" if fitness == -math.inf else "ok"
    return Evaluation(Chromosome({"name": name}), status, fitness)


@given(individuals, st.integers(0, 25))
def test_best_are_the_fittest_each_once_and_the_earlier_first(individuals, n):
    population = [individual(name, fitness) for name, fitness in individuals]
    unique = {}
    for name, fitness in individuals:
        unique.setdefault(name, fitness)
    order = sorted(range(len(unique)), key=lambda i: (-list(unique.values())[i], i))
    expected = [list(unique)[i] for i in order][:n]
    chosen = fittest(iter(population), n)
    assert [one.chromosome.genes["name"] for one in chosen] == expected


def test_tournament_of_one_is_a_fair_draw():
    population = [individual(i, float(i)) for i in range(4)]
    rng = np.random.default_rng(0)
    drawn = [int(tournament(population, rng, 1).fitness) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn), 1000, atol=110)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_fittest_contestant_wins(size):
    population = [individual(i, float(i)) for i in range(4)]
    rng = np.random.default_rng(0)
    drawn = [int(tournament(population, rng, size).fitness) for _ in range(4000)]
    # The weakest wins only if all draws are of it.
    assert drawn.count(0) / 4000 == pytest.approx(0.25**size, abs=0.02)
    assert drawn.count(3) / 4000 == pytest.approx(1 - 0.75**size, abs=0.035)


def test_the_failed_win_only_among_themselves():
    population = [individual(0, -math.inf), individual(1, -1e300)]
    rng = np.random.default_rng(0)
    statuses = [tournament(population, rng, 12).status for _ in range(200)]
    assert statuses.count("ok") >= 198
    assert tournament(population[:1], rng, 3).status == "error"


# Several goals -------------------------------------------------------------------

shapes = st.tuples(st.integers(1, 25), st.integers(1, 4))
# Whole numbers are often equal, others hardly ever.
places = st.integers(-3, 3).map(float) | st.floats(-1e3, 1e3)
clouds = arrays(float, shapes, elements=places)


def dominates(one, other):
    return all(one >= other) and any(one > other)


@given(clouds)
def test_fronts_are_those_of_pymoo(points):
    fronts = [front.tolist() for front in non_dominated_sort(points)]
    expected = NonDominatedSorting().do(-points)  # which minimises
    assert fronts == [sorted(front.tolist()) for front in expected]


@given(clouds)
def test_each_in_a_front_is_dominated_by_the_front_before_alone(points):
    fronts = non_dominated_sort(points)
    assert sorted(i for front in fronts for i in front) == list(range(len(points)))
    for before, front in zip([[], *fronts], fronts, strict=False):
        for i in front:
            assert not any(dominates(points[j], points[i]) for j in front)
            assert front is fronts[0] or any(
                dominates(points[j], points[i]) for j in before
            )


@given(clouds)
def test_crowding_is_that_of_pymoo(points):
    for front in non_dominated_sort(points):
        with np.errstate(all="ignore"):
            expected = get_crowding_function("cd").do(points[front])
        np.testing.assert_allclose(crowding_distance(points[front]), expected)


def test_infinite_goals_are_no_nuisance():
    points = np.array([[-math.inf, 2.0], [0.0, 1.0], [1.0, 0.0], [math.inf, -1.0]])
    distances = crowding_distance(points)
    assert distances[0] == distances[3] == math.inf
    assert np.isfinite(distances[1:3]).all()


def test_fronts_come_first_and_in_a_front_the_sparse_places():
    points = np.array([[0, 0], [1, 9], [2, 8], [5, 5], [9, 1]], dtype=float)
    first, second, *rest = pareto_order(points)
    assert {first, second} == {1, 4}
    assert rest == [3, 2, 0]


def competitor(name, objectives=(), fitness=0.0, status="ok", resource=None):
    chromosome = Chromosome({"name": name})
    return Evaluation(
        chromosome, status, fitness, resource=resource, objectives=objectives
    )


def test_lower_fidelities_and_failures_come_last_whatever_their_goals():
    population = [
        competitor("failed", status="error", fitness=-math.inf),
        competitor("near", (9.0, 9.0), resource=2),
        competitor("nearer", (99.0, 99.0), resource=1),
        competitor("dominated", (0.0, 0.0)),
        competitor("best", (1.0, 1.0)),
    ]
    names = [one.chromosome.genes["name"] for one in population]
    rank_keys = dict(zip(names, pareto_rank_keys(population), strict=True))
    order = sorted(rank_keys, key=rank_keys.get, reverse=True)
    assert order == ["best", "dominated", "near", "nearer", "failed"]


def test_a_single_goal_is_the_fitness():
    population = [competitor(i, fitness=f) for i, f in enumerate([2.0, 5.0, 3.0])]
    assert np.argsort(
        [front for front, _ in pareto_rank_keys(population)]
    ).tolist() == [
        0,
        2,
        1,
    ]
