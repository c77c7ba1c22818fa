"""The search space of policies follows from the spaces of the environment."""

import numpy as np
import pytest

from sknevo import EvolvedPolicy
from sknevo.genes import Genome, Real
from sknevo.genomes.policy import kind_of, policy, well_known
from sknevo.records import DataSpec, express

SPECS = {
    "options": DataSpec("control", 100, 3, shape=(4,)),
    "numbers": DataSpec("control", 100, 0, shape=(4,)),
}


@pytest.mark.parametrize("name", SPECS)
def test_known_policies_are_in_the_genome_and_differ(name):
    genome = policy(SPECS[name], max_episodes=50)
    rng = np.random.default_rng(0)
    known = [genome.complete(k, rng) for k in well_known(SPECS[name], genome)]
    assert all(map(genome.contains, known))
    assert len({repr(express(genes)) for genes in known}) == len(known)
    assert {genes["training"]["episodes"] for genes in known} == {50}


def test_actions_depend_on_what_they_are_made_of():
    options, numbers = (policy(spec).genes["actions"] for spec in SPECS.values())
    assert options.contains("argmax")
    assert set(numbers.branches) == {"tanh", "clip", "bins"}


@pytest.mark.parametrize("most", [1, 70, 10_000])
def test_episodes_are_limited(most):
    genome = policy(SPECS["options"], max_episodes=most)
    rng = np.random.default_rng(0)
    episodes = [genome.sample(rng)["training"]["episodes"] for _ in range(20)]
    assert 1 <= min(episodes) <= max(episodes) <= most


def test_a_bad_limit_is_refused_by_name():
    with pytest.raises(ValueError, match="max_episodes must be at least 1; got 0"):
        policy(SPECS["options"], max_episodes=0)


def test_a_genome_of_ones_own_may_know_no_episodes():
    assert well_known(SPECS["options"], Genome(x=Real(0, 1))) == []


def test_kinds_are_those_of_the_networks():
    genome, rng = (
        policy(DataSpec("control", 100, 2, shape=(4,))),
        np.random.default_rng(0),
    )
    kinds = {kind_of(express(genome.sample(rng))) for _ in range(30)}
    assert kinds == {"linear", "mlp", "recurrent"}
    assert kind_of({"training": {"episodes": 9}}) == "linear"  # what is built then
    assert EvolvedPolicy._kind_of is kind_of
