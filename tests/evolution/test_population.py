"""The population is asked and told; it asks for each individual once."""

import numpy as np
import pytest
from toys import LANDSCAPE, rate

from sknevo.evolution import STRATEGIES, Elitist, Population
from sknevo.genes import Categorical, Choice, Genome, Real
from sknevo.records import Chromosome, Evaluation


def evolve(strategy="crossover", size=6, genome=LANDSCAPE, seed=0, first=()):
    rng = np.random.default_rng(seed)
    return Population(genome, STRATEGIES[strategy](), size, rng, first)


def users(n):
    rng = np.random.default_rng(42)
    return [Chromosome(LANDSCAPE.sample(rng), origin="user") for _ in range(n)]


def test_the_next_generation_waits_for_the_last_evaluation():
    population = evolve()
    first, *others = population.ask()
    assert population.ask() == []
    population.tell([rate(first)])
    assert population.ask() == []
    population.tell([rate(c) for c in others])
    assert len(population.ask()) == 6


def test_the_order_of_telling_does_not_matter_within_a_generation():
    one, other = evolve(), evolve()
    offspring = one.ask()
    other.ask()
    one.tell([rate(c) for c in offspring])
    for chromosome in reversed(offspring):
        other.tell([rate(chromosome)])
    assert one.survivors == other.survivors
    assert one.ask() == other.ask()


def test_an_individual_is_told_once():
    population = evolve()
    with pytest.raises(ValueError, match="was not requested"):
        population.tell([rate(users(1)[0])])
    offspring = population.ask()
    population.tell([rate(c) for c in offspring])
    with pytest.raises(ValueError, match="was not requested"):
        population.tell([rate(offspring[0])])


def test_unknown_individuals_are_refused_and_the_others_may_still_be_told():
    population = evolve()
    offspring = population.ask()
    (unknown,) = users(1)
    with pytest.raises(ValueError, match=f"{unknown.key} was not requested"):
        population.tell([rate(offspring[0]), rate(unknown)])
    assert population.generation == 0
    assert population.survivors == []
    population.tell([rate(c) for c in offspring])
    assert population.generation == 1


def test_generations_are_counted_and_full():
    population = evolve()
    for number in range(4):
        assert population.generation == number
        offspring = population.ask()
        assert [c.generation for c in offspring] == [number] * 6
        population.tell([rate(c) for c in offspring])
        fitnesses = [one.fitness for one in population.survivors]
        assert fitnesses == sorted(fitnesses, reverse=True)


@pytest.mark.parametrize("n", [0, 2, 6, 9])
def test_the_initial_population_comes_first_and_is_filled_up(n):
    first = users(n)
    offspring = evolve(first=first).ask()
    assert [c.key for c in offspring[:n]] == [c.key for c in first]
    assert [c.origin for c in offspring] == ["user"] * n + ["random"] * (6 - n)
    assert len({c.key for c in offspring}) == max(6, n)


def test_lists_of_the_caller_are_left_alone():
    first = users(2)
    population = evolve(first=first)
    offspring = population.ask()
    told = [rate(c) for c in offspring]
    offspring.clear()
    first.clear()
    population.tell(told)
    assert len(population.survivors) == 6


def test_time_may_run_out_within_a_generation():
    population = evolve()
    offspring = population.ask()
    population.tell([rate(c) for c in offspring[:2]])
    population.tell([Evaluation(c, "skipped") for c in offspring[2:]])
    survivors = {one.chromosome.key for one in population.survivors}
    assert survivors == {c.key for c in offspring[:2]}
    assert len(population.ask()) == 6


def test_without_survivors_random_immigrants_are_asked_for():
    population = evolve()
    population.tell([Evaluation(c, "skipped") for c in population.ask()])
    assert {c.origin for c in population.ask()} == {"random"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_individual_is_asked_for_twice_as_long_as_there_are_others(strategy):
    genome = Genome(a=Categorical(list(range(6))), b=Categorical(list(range(5))))
    population, keys = evolve(strategy, genome=genome, first=[]), []
    for _ in range(3):
        offspring = population.ask()
        keys += [c.key for c in offspring]
        population.tell([Evaluation(c, "ok", sum(c.genes.values())) for c in offspring])
    assert len(set(keys)) == len(keys) == 18


def test_the_initial_population_is_known():
    genome = Genome(a=Categorical([0, 1]))
    for i in (0, 1):
        offspring = evolve("elitist", 2, genome, first=[Chromosome({"a": i})]).ask()
        assert [c.genes["a"] for c in offspring] == [i, 1 - i]


def test_an_individual_with_the_same_expressed_genes_is_not_asked_for():
    # Silent genes vary without end, but only two individuals can be built.
    branches = {"a": Genome(x=Real(0, 1)), "b": Genome()}
    genome = Genome(model=Choice(**branches)).constrained(hold_x)
    keys = [c.key for c in evolve("elitist", 2, genome).ask()]
    assert len(set(keys)) == 2


def hold_x(value):
    return {"model": {**value["model"], "a": {"x": 0.5}}}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_genome_of_fewer_individuals_than_the_population_does_not_hang(strategy):
    genome = Genome(a=Categorical([0, 1, 2]))
    population = evolve(strategy, size=10, genome=genome)
    for _ in range(5):
        offspring = population.ask()
        assert len(offspring) == 10
        population.tell([Evaluation(c, "ok", c.genes["a"]) for c in offspring])
    assert max(one.fitness for one in population.survivors) == 2
    assert len(population.survivors) <= 3


def test_the_generator_decides_everything():
    def keys(seed):
        population = evolve(seed=seed)
        for _ in range(3):
            offspring = population.ask()
            population.tell([rate(c) for c in offspring])
        return [c.key for c in offspring]

    assert keys(1) == keys(1)
    assert keys(1) != keys(2)


def test_populations_may_share_a_strategy():
    strategy = Elitist()
    alone, first, second = (
        Population(LANDSCAPE, strategy, 4, np.random.default_rng(0)) for _ in range(3)
    )
    expected = [c.key for c in alone.ask()]
    assert [c.key for c in first.ask()] == expected
    assert [c.key for c in second.ask()] == expected
