"""The contract of a strategy, and the golden lineages.

A strategy in `sknevo.evolution.STRATEGIES` is put through all of this by itself, see
`evolution/test_strategies.py`; a strategy of your own by::

    @pytest.mark.parametrize("strategy", [MyStrategy()])
    class TestMyStrategy(StrategyContract): ...

Golden lineages record each child and its parents with the default parameters. After a
change on purpose, write them anew, read the differences, and commit them:

    python tests/strategy_contract.py
"""

import copy
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from toys import LANDSCAPE, rate

from sknevo.evolution import STRATEGIES, Population
from sknevo.records import Chromosome, Evaluation

GOLDEN = Path(__file__).parent / "golden" / "lineages"
ORIGINS = {"random": 0, "mutation": 1, "crossover": 2}  # and their number of parents


def breed_generations(strategy, seed=0, size=8, generations=5, status=lambda i: "ok"):
    """Evolve on the landscape; yield the individuals asked for and the survivors."""
    population = Population(LANDSCAPE, strategy, size, np.random.default_rng(seed))
    for _ in range(generations):
        offspring = population.ask()
        population.tell([rate(c, status(i)) for i, c in enumerate(offspring)])
        yield offspring, population.survivors


def lineage(strategy):
    """Return key, origin and parents of every individual, by generation."""
    return [
        [[c.key, c.origin, *c.parents] for c in offspring]
        for offspring, _ in breed_generations(strategy)
    ]


def population(seed=0, n=6, failed=2):
    """Return successes, the fittest first, and failures after them."""
    rng = np.random.default_rng(seed)
    tried = [rate(Chromosome(LANDSCAPE.sample(rng))) for _ in range(n)]
    unsuccessful = [Chromosome(LANDSCAPE.sample(rng)) for _ in range(failed)]
    ranked = sorted(tried, key=lambda evaluation: -evaluation.fitness)
    return ranked + [rate(chromosome, "error") for chromosome in unsuccessful]


def with_goals(evaluation):
    """Return the evaluation with a second goal beside its fitness: few steps."""
    if evaluation.status != "ok":
        return evaluation
    steps = len(evaluation.chromosome.expressed["steps"])
    return replace(evaluation, objectives=(evaluation.fitness, -float(steps)))


def children(strategy, parents, seed=0, n=30):
    rng = np.random.default_rng(seed)
    return [strategy.breed(LANDSCAPE, parents, rng) for _ in range(n)]


class StrategyContract:
    """Tests of one strategy, to be parametrized with it."""

    @pytest.mark.parametrize(("n", "failed"), [(0, 2), (1, 0), (2, 0), (6, 2)])
    def test_children_are_of_the_genome_and_of_the_population(
        self, strategy, n, failed
    ):
        parents = population(n=n, failed=failed)
        keys = {evaluation.chromosome.key for evaluation in parents}
        for child in children(strategy, parents):
            assert LANDSCAPE.contains(child.genes)
            assert n_parents_fit(child)
            assert set(child.parents) <= keys

    def test_there_may_be_several_goals(self, strategy):
        parents, offspring = (
            [with_goals(evaluation) for evaluation in population(seed, n=12)]
            for seed in (0, 1)
        )
        survivors = strategy.survive(parents, offspring, 8)
        assert 1 <= len(survivors) <= 8
        for child in children(strategy, survivors, n=10):
            assert LANDSCAPE.contains(child.genes)

    def test_individuals_of_a_lower_fidelity_come_after_the_others(self, strategy):
        far, near = population(0, failed=0), population(1, failed=0)
        near = [replace(one, fitness=one.fitness + 9, resource=3) for one in near]
        survivors = strategy.survive(near, far, 12)
        if not strategy.steady:
            fidelities = [one.resource is None for one in survivors]
            assert fidelities == sorted(fidelities, reverse=True)
        assert len(children(strategy, survivors)) == 30

    def test_the_generator_is_the_only_source_of_randomness(self, strategy):
        parents = population()
        first = children(strategy, parents, seed=3)
        random.seed(8)
        np.random.seed(8)  # noqa: NPY002
        assert children(strategy, parents, seed=3) == first
        assert children(strategy, parents, seed=4) != first

    def test_breeding_leaves_no_trace(self, strategy):
        parents = population()
        before, params = copy.deepcopy(parents), parameters(strategy)
        dice = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
        children(strategy, parents)
        assert parents == before
        assert parameters(strategy) == params
        assert vars(strategy).keys() == strategy.get_params(deep=False).keys()
        assert (random.getstate(), repr(np.random.get_state())) == dice  # noqa: NPY002

    @pytest.mark.parametrize("size", [1, 3, 8, 30])
    def test_survivors_are_some_of_parents_and_offspring(self, strategy, size):
        parents, offspring = population(0), population(1)
        random.Random(size).shuffle(offspring)
        before = copy.deepcopy((parents, offspring))
        survivors = strategy.survive(parents, offspring, size)
        assert (parents, offspring) == before
        assert 1 <= len(survivors) <= size
        assert all(one in parents + offspring for one in survivors)
        assert len({one.chromosome.key for one in survivors}) == len(survivors)
        succeeded = [one.status == "ok" for one in survivors]
        assert succeeded == sorted(succeeded, reverse=True)
        # A steady strategy may have an order of its own, such as that of age.
        fitnesses = [one.fitness for one in survivors]
        assert strategy.steady or fitnesses == sorted(fitnesses, reverse=True)

    def test_failed_individuals_do_not_replace_successful_ones(self, strategy):
        parents = population(n=1, failed=0)
        survivors = strategy.survive(parents, population(n=0, failed=9), 4)
        assert survivors[0] == parents[0]

    def test_generations_without_success_are_survived(self, strategy):
        def status(i):
            return "ok" if i == 3 and len(told) == 2 else "error"

        told = []
        for _, survivors in breed_generations(strategy, generations=4, status=status):
            told.append(survivors)
        assert [survivors[0].status for survivors in told] == ["error"] * 2 + ["ok"] * 2

    def test_generations_without_time_are_survived(self, strategy):
        population = Population(LANDSCAPE, strategy, 4, np.random.default_rng(0))
        for _ in range(3):
            offspring = population.ask()
            assert len(offspring) == 4
            population.tell([Evaluation(c, "skipped") for c in offspring])

    def test_parameters_are_scikit_learns(self, strategy):
        params = parameters(strategy)
        assert params
        assert parameters(clone(strategy)) == params
        name = next(iter(params))
        assert clone(strategy).set_params(**{name: 0.123}).get_params()[name] == 0.123
        assert repr(strategy).startswith(f"{type(strategy).__name__}(")


def parameters(strategy):
    """Return the parameters by name, those of strategies within it by theirs."""
    return {name: repr(value) for name, value in strategy.get_params().items()}


def n_parents_fit(child):
    """Whether a child has as many parents as its origin says, with partners more."""
    how, _, species = child.origin.partition(" in ")
    assert len(set(child.parents)) == len(child.parents)
    if species:  # the representatives of others may be parents as well
        return len(child.parents) >= max(1, ORIGINS[how])
    return len(child.parents) == ORIGINS[how]


def golden(name):
    return GOLDEN / f"{name}.json"


def renew():
    """Write the lineages of all strategies, a line for each individual."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for stale in GOLDEN.glob("*.json"):
        stale.unlink()
    for name, strategy in STRATEGIES.items():
        generations = [
            ",\n  ".join(map(json.dumps, offspring))
            for offspring in lineage(strategy())
        ]
        text = "],\n [".join(f"\n  {offspring}\n " for offspring in generations)
        golden(name).write_text(f"[\n [{text}]\n]\n", encoding="utf-8")
        print(f"renewed {golden(name)}")


if __name__ == "__main__":
    renew()
