"""Who is chosen: the fittest, fairly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknevo.evolution import best, tournament
from sknevo.records import Chromosome, Evaluation

fitnesses = st.integers(-3, 3).map(float) | st.just(-math.inf)
people = st.lists(st.tuples(st.integers(0, 9), fitnesses), max_size=20)


def individual(name, fitness):
    status = "error" if fitness == -math.inf else "ok"
    return Evaluation(Chromosome({"name": name}), status, fitness)


@given(people, st.integers(0, 25))
def test_best_are_the_fittest_each_once_and_the_earlier_first(people, n):
    crowd = [individual(name, fitness) for name, fitness in people]
    unique = {}
    for name, fitness in people:
        unique.setdefault(name, fitness)
    order = sorted(range(len(unique)), key=lambda i: (-list(unique.values())[i], i))
    expected = [list(unique)[i] for i in order][:n]
    chosen = best(iter(crowd), n)
    assert [one.chromosome.genes["name"] for one in chosen] == expected


def test_tournament_of_one_is_a_fair_draw():
    crowd = [individual(i, float(i)) for i in range(4)]
    rng = np.random.default_rng(0)
    drawn = [int(tournament(crowd, rng, 1).fitness) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn), 1000, atol=110)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_fittest_contestant_wins(size):
    crowd = [individual(i, float(i)) for i in range(4)]
    rng = np.random.default_rng(0)
    drawn = [int(tournament(crowd, rng, size).fitness) for _ in range(4000)]
    # That the weakest wins takes a draw of nobody else.
    assert drawn.count(0) / 4000 == pytest.approx(0.25**size, abs=0.02)
    assert drawn.count(3) / 4000 == pytest.approx(1 - 0.75**size, abs=0.035)


def test_the_failed_win_only_among_themselves():
    crowd = [individual(0, -math.inf), individual(1, -1e300)]
    rng = np.random.default_rng(0)
    statuses = [tournament(crowd, rng, 12).status for _ in range(200)]
    assert statuses.count("ok") >= 198
    assert tournament(crowd[:1], rng, 3).status == "error"
