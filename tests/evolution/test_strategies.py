"""Every strategy keeps the contract and does what its name says."""

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

from sknevo.evolution import (
    NSGA2,
    STRATEGIES,
    CooperativeCoevolution,
    Elitist,
    EstimationOfDistribution,
    GeneticAlgorithm,
    Population,
    RegularizedEvolution,
    SurrogateAssisted,
)
from sknevo.genes import Genome, Integer, Real, positions
from sknevo.records import Chromosome, Evaluation

VARIANTS = [
    RegularizedEvolution(tournament_size=1, crossover_probability=1),
    CooperativeCoevolution(
        [["x", "n"], "steps"], EstimationOfDistribution(), random_partner_probability=1
    ),
    CooperativeCoevolution(["x", "n", "shape", "steps"]),
    GeneticAlgorithm(crossover_probability=1, immigrant_probability=0),
    GeneticAlgorithm(
        crossover_probability=0, mutation_probability=1.0, tournament_size=1
    ),
    GeneticAlgorithm(replacement="full"),
    Elitist(elite_fraction=1),
    Elitist(elite_fraction=1e-9),
    EstimationOfDistribution(step_probability=1),
    SurrogateAssisted(RegularizedEvolution(), n_candidates=1),
    SurrogateAssisted(NSGA2(), exploration_weight=0),
]


@pytest.mark.parametrize(
    "strategy", [*(cls() for cls in STRATEGIES.values()), *VARIANTS]
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
        assert now == then, f"generation {number} differs"


def test_every_golden_lineage_is_of_a_strategy():
    assert {path.stem for path in GOLDEN.iterdir()} == set(STRATEGIES)


ELITISTS = [cls() for cls in STRATEGIES.values() if not cls().steady]


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in (1, 2))]
)
@pytest.mark.parametrize("strategy", ELITISTS)
def test_the_best_is_never_lost(strategy, seed):
    best = -math.inf
    for offspring, survivors in breed_generations(strategy, seed, generations=8):
        best = max(best, *(rate(chromosome).fitness for chromosome in offspring))
        assert survivors[0].fitness == best


# Elitist -------------------------------------------------------------------------


@pytest.mark.parametrize(("fraction", "n"), [(0.1, 1), (0.25, 2), (0.3, 3), (1, 8)])
def test_elites_carry_over(fraction, n):
    elites = []
    for offspring, survivors in breed_generations(Elitist(fraction), generations=6):
        fitnesses = [one.fitness for one in survivors]
        assert len(survivors) == n
        # A survivor was an elite or has just been bred; no better one is lost.
        assert all(one in elites or one.chromosome in offspring for one in survivors)
        assert all(one in survivors or one.fitness < fitnesses[-1] for one in elites)
        elites = survivors


def test_others_than_the_elites_are_new_and_random():
    generations = [offspring for offspring, _ in breed_generations(Elitist(0.5))]
    assert {c.origin for offspring in generations for c in offspring} == {"random"}
    keys = [c.key for offspring in generations for c in offspring]
    assert len(set(keys)) == len(keys)


# GeneticAlgorithm ----------------------------------------------------------------


def test_crossover_beats_random_search():
    def reached(strategy, seed):
        told = breed_generations(strategy, seed, size=10, generations=12)
        *_, (_, survivors) = told
        return survivors[0].fitness

    seeds = range(9)
    bred = [reached(GeneticAlgorithm(), seed) for seed in seeds]
    drawn = [reached(Elitist(), seed) for seed in seeds]
    assert median(bred) > median(drawn) + 0.1


def test_offspring_replace_all_parents_however_fit_these_are():
    strategy = GeneticAlgorithm(replacement="full")
    for offspring, survivors in breed_generations(strategy, generations=6):
        assert {e.chromosome.key for e in survivors} == {c.key for c in offspring}
    ranked = population(n=12, failed=0)
    fitter, others = ranked[:6], ranked[6:]
    assert fitter[-1].fitness > others[0].fitness
    survivors = strategy.survive(fitter, others, 6)
    assert {*map(id, survivors)} == {*map(id, others)}


def test_the_fittest_parents_stay_in_the_places_of_failed_offspring():
    parents, offspring = population(n=6, failed=0), population(1, n=2, failed=4)
    strategy = GeneticAlgorithm(replacement="full")
    survivors = strategy.survive(parents, offspring, 6)
    assert {*map(id, survivors)} == {*map(id, parents[:4] + offspring[:2])}
    # One at a time, each child replaces the least fit.
    survivors = strategy.survive(parents, offspring[:1], 6)
    assert {*map(id, survivors)} == {*map(id, parents[:5] + offspring[:1])}


def test_a_child_of_crossover_takes_genes_of_both_parents():
    strategy = GeneticAlgorithm(1, immigrant_probability=0)
    mother, father = parents = population(n=2, failed=0)
    inherited = []
    for child in children(strategy, parents, n=100):
        if child.origin == "crossover":  # else the tournament drew one parent twice
            assert child.key not in (mother.chromosome.key, father.chromosome.key)
            inherited.append("".join(parents_of_genes(child, mother, father)))
    # About half of the children are mutated in addition.
    pure = [parents for parents in inherited if "?" not in parents]
    assert len(pure) > len(inherited) / 2
    assert {"mf", "fm"} <= set(pure)


def parents_of_genes(child, mother, father):
    for name in ("x", "n"):
        if child.genes[name] == mother.chromosome.genes[name]:
            yield "m"
        else:
            yield "f" if child.genes[name] == father.chromosome.genes[name] else "?"


@pytest.mark.parametrize("n", [1, 6])
def test_a_child_of_one_parent_always_differs_from_it(n):
    strategy = GeneticAlgorithm(0, immigrant_probability=0)
    for child in children(strategy, population(n=n), n=60):
        assert child.origin == "mutation"
        assert child.parents != (child.key,)


@pytest.mark.parametrize(
    ("params", "origins"),
    [
        ({"immigrant_probability": 1}, {"random"}),
        ({"immigrant_probability": 0}, {"crossover", "mutation"}),
        ({"crossover_probability": 0}, {"mutation", "random"}),
    ],
)
def test_probabilities_say_how_children_come_about(params, origins):
    bred = children(GeneticAlgorithm(**params), population(n=8), n=60)
    assert {child.origin for child in bred} == origins


def test_none_mutates_about_one_gene():
    strategy = GeneticAlgorithm(0, immigrant_probability=0)
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
        strategy = GeneticAlgorithm(0, immigrant_probability=0, tournament_size=size)
        bred = children(strategy, parents, n=200)
        return np.mean([child.parents == (best,) for child in bred])

    assert share(1) < 0.25 < share(3) < 0.6 < share(12)


# RegularizedEvolution ------------------------------------------------------------


def aged(n, seed=0):
    """Return n successful individuals, the oldest first."""
    rng = np.random.default_rng(seed)
    return [rate(Chromosome(LANDSCAPE.sample(rng))) for _ in range(n)]


def test_the_oldest_is_replaced_however_fit_it_is():
    oldest = sorted(aged(4), key=lambda one: -one.fitness)
    (child,) = aged(1, seed=9)
    assert RegularizedEvolution().survive(oldest, [child], 4) == [*oldest[1:], child]
    assert RegularizedEvolution().survive(oldest, [child], 9) == [*oldest, child]


def test_failed_individuals_do_not_replace_others():
    oldest = aged(3)
    failed = rate(Chromosome(LANDSCAPE.sample(np.random.default_rng(5))), "error")
    assert RegularizedEvolution().survive(oldest, [failed], 3) == oldest
    assert RegularizedEvolution().survive([], [failed], 3) == [failed]


def test_the_next_child_is_bred_as_soon_as_one_is_told():
    population = Population(
        LANDSCAPE, RegularizedEvolution(), 4, np.random.default_rng(0)
    )
    first, *others = population.ask()
    population.tell([rate(first)])
    (child,) = population.ask()
    assert child.parents == (first.key,)
    assert len(others) == 3


# EstimationOfDistribution ---------------------------------------------------------

PLANE = Genome(x=Real(0, 1), rate=Real(1e-4, 1, log=True), n=Integer(0, 100))


def placed(x, rate, fitness=0.0, n=50):
    genes = {"x": x, "rate": rate, "n": n}
    return Evaluation(Chromosome(genes), "ok", fitness)


def test_steps_go_along_the_valley_of_the_fit():
    # x and the rate, on its own scale, rise together.
    individuals = [placed(x, 10 ** (4 * x - 4), -x) for x in (0.3, 0.4, 0.5, 0.6, 0.7)]
    rng = np.random.default_rng(0)
    strategy = EstimationOfDistribution(step_probability=1)
    bred = [strategy.breed(PLANE, individuals, rng) for _ in range(300)]
    assert {child.origin for child in bred} == {"mutation"}
    where = np.array([list(positions(PLANE, c.genes).values()) for c in bred])
    assert np.corrcoef(where[:, 0], where[:, 1])[0, 1] > 0.8
    # About the mean of the better half, as widely as all of them.
    np.testing.assert_allclose(where[:, :2].mean(axis=0), 0.4, atol=0.03)
    np.testing.assert_allclose(where[:, 0].std(), 0.16, atol=0.03)
    np.testing.assert_allclose(where[:, 2].std(), 0.03, atol=0.01)


def test_steps_keep_what_is_no_number():
    strategy, parents = (
        EstimationOfDistribution(step_probability=1),
        population(n=9, failed=2),
    )
    known = {one.chromosome.key: one.chromosome for one in parents}
    steps = 0
    for child in children(strategy, parents, n=60):
        if child.origin == "mutation" and len(child.parents) == 1:
            parent = known[child.parents[0]]
            same = child.genes["steps"] == parent.genes["steps"]
            steps += same and child.genes["x"] != parent.genes["x"]
    assert steps > 20


def test_without_numbers_or_similar_individuals_crossover_breeds():
    strategy = EstimationOfDistribution(step_probability=1, immigrant_probability=1)
    for n in (1, 2):
        bred = children(strategy, population(n=n, failed=0))
        assert {child.origin for child in bred} == {"random"}


def test_real_genes_are_found_sooner_than_by_mutation():
    def reached(strategy, seed):
        population = Population(PLANE, strategy, 12, np.random.default_rng(seed))
        for _ in range(12):
            population.tell([ridge(c) for c in population.ask()])
        return population.survivors[0].fitness

    def ridge(chromosome):
        x, rate, n = positions(PLANE, chromosome.genes).values()
        height = -((x + rate - 1) ** 2) - 0.05 * (x - 0.3) ** 2 - 0.1 * (n - 0.6) ** 2
        return Evaluation(chromosome, "ok", height)

    seeds = range(15)
    stepped = [reached(EstimationOfDistribution(), seed) for seed in seeds]
    mutated = [
        reached(GeneticAlgorithm(crossover_probability=0), seed) for seed in seeds
    ]
    assert median(stepped) > median(mutated)


# NSGA2 ---------------------------------------------------------------------------


def compromise(name, *goals):
    genes = {"x": float(name), "rate": 0.1, "n": 1}
    return Evaluation(Chromosome(genes), "ok", goals[0], objectives=goals)


def test_the_front_survives_and_of_it_the_sparse_places():
    individuals = [
        compromise(0, 0.0, 9.0),
        compromise(1, 4.0, 5.0),
        compromise(2, 4.5, 4.5),
        compromise(3, 5.0, 4.0),
        compromise(4, 9.0, 0.0),
        compromise(5, 8.0, -1.0),  # fit, but dominated
    ]
    names = [one.chromosome.genes["x"] for one in NSGA2().survive(individuals, [], 4)]
    assert set(names[:2]) == {0, 4}
    assert set(names) == {0, 1, 3, 4}


def test_the_front_is_found_from_end_to_end():
    genome = Genome(x=Real(0, 1), y=Real(0, 1))
    population = Population(genome, NSGA2(), 16, np.random.default_rng(0))
    for _ in range(15):
        population.tell([two_goals(c) for c in population.ask()])
    goals = np.array([one.objectives for one in population.survivors])
    x = np.sort([one.chromosome.genes["x"] for one in population.survivors])
    assert goals.sum(axis=1).min() > 0.9  # nearly on the front x + (1 - x)
    assert x[0] < 0.1
    assert x[-1] > 0.9
    assert np.diff(x).max() < 0.25


def two_goals(chromosome):
    x, y = chromosome.genes["x"], chromosome.genes["y"]
    goals = (x - y, 1 - x - y)
    return Evaluation(chromosome, "ok", goals[0], objectives=goals)


# CooperativeCoevolution ----------------------------------------------------------


def split(child):
    how, _, species = child.origin.partition(" in ")
    return how, species


@pytest.mark.parametrize(
    ("parts", "species"),
    [
        (None, {"steps", "the rest"}),
        (["x"], {"x", "the rest"}),
        ([["x", "n"], "shape"], {"x and n", "shape", "the rest"}),
        (["x", "n", ("shape", "steps")], {"x", "n", "shape and steps"}),
    ],
)
def test_every_part_is_bred_as_a_species_and_the_rest_as_another(parts, species):
    parents = population(n=8, failed=0)
    bred = children(CooperativeCoevolution(parts), parents, n=80)
    assert {split(child)[1] for child in bred} == species


def test_children_are_evaluated_with_the_fittest_of_the_other_species():
    strategy = CooperativeCoevolution(["x"], random_partner_probability=0)
    parents = population(n=8, failed=0)
    fittest = parents[0].chromosome
    for child in children(strategy, parents):
        kept = ["n", "shape", "steps"] if split(child)[1] == "x" else ["x"]
        assert [child.genes[n] for n in kept] == [fittest.genes[n] for n in kept]
        assert fittest.key in child.parents


def test_random_partners_are_of_the_population():
    strategy = CooperativeCoevolution(["x"], random_partner_probability=1)
    parents = population(n=8, failed=0)
    values = {one.chromosome.genes["x"] for one in parents}
    rest = [c for c in children(strategy, parents) if split(c)[1] != "x"]
    assert len({child.genes["x"] for child in rest}) > 3
    assert {child.genes["x"] for child in rest} <= values


def relabelled(evaluation, origin, fitness, **genes):
    genes = {**evaluation.chromosome.genes, **genes}
    return Evaluation(Chromosome(genes, origin=origin), "ok", fitness)


def test_each_species_keeps_its_share_and_each_part_once():
    one, other, *_ = population(n=4, failed=0)
    strong = [
        relabelled(one, "mutation in x", 9 - i, x=0.1 * (i % 2), n=i) for i in range(6)
    ]
    weak = [relabelled(other, "mutation in the rest", -i, n=i) for i in range(6)]
    survivors = CooperativeCoevolution(["x"]).survive(strong, weak, 6)
    kept = [split(one.chromosome)[1] for one in survivors]
    assert kept == ["x"] * 2 + ["the rest"] * 3
    # A part is worth what the best was worth that it had a part in.
    assert [one.fitness for one in survivors] == [9, 8, 0, -1, -2]


def test_parts_that_the_genome_does_not_have_are_named():
    for parts in (["augmentation"], ["x", "x"], [], [[]]):
        with pytest.raises(ValueError, match=r"parts must name genes among \['x'"):
            children(CooperativeCoevolution(parts), population())


# SurrogateAssisted ---------------------------------------------------------------


def test_the_model_learns_from_the_latest_of_the_archive():
    told = population(n=20, failed=4)
    for size in (10, 500):
        learned = SurrogateAssisted(archive_size=size).learn(told)
        known = {one.chromosome.key for one in told[-size:]}
        assert learned._surrogate.known == known


def test_a_population_hands_over_the_archive():
    population = Population(LANDSCAPE, Archivist(), 6, np.random.default_rng(0))
    told = []
    for _ in range(3):
        told += [rate(chromosome) for chromosome in population.ask()]
        population.tell(told[-6:])
    population.ask()
    assert Archivist.archive == told


class Archivist(Elitist):
    """A strategy that keeps the archive it is handed."""

    archive = None

    def learn(self, archive):
        Archivist.archive = archive
        return self


def test_the_child_of_the_best_prediction_is_evaluated():
    def heights(n_candidates):
        strategy = SurrogateAssisted(Elitist(), n_candidates, exploration_weight=0)
        parents = population(n=80, failed=5)
        bred = children(strategy.learn(parents), parents[:10], n=25)
        return [rate(child).fitness for child in bred]

    assert median(heights(8)) > median(heights(1)) + 0.3


@pytest.mark.parametrize("absurd", [-np.inf, np.inf, 1e300, -1e300])
@pytest.mark.parametrize("every", [1, 2, 4, 12])
def test_goals_that_are_not_finite_do_not_disturb_the_model(every, absurd):
    def rated(x, goal):
        return Evaluation(Chromosome({"x": x}), "ok", x, objectives=(x, goal))

    xs = np.linspace(0, 1, 24)
    told = [rated(x, absurd if i % every == 0 else x) for i, x in enumerate(xs)]
    strategy = SurrogateAssisted(Elitist(), 8, exploration_weight=0).learn(told)
    assert np.isfinite(strategy._surrogate.predict([told[3].chromosome], 0)).all()
    rng = np.random.default_rng(0)
    genome = Genome(x=Real(0, 1))
    bred = [strategy.breed(genome, told[-8:], rng).genes["x"] for _ in range(20)]
    assert median(bred) > 0.7  # the first goal still counts


def test_a_strategy_within_says_whether_it_is_steady():
    assert SurrogateAssisted(RegularizedEvolution()).steady
    assert not SurrogateAssisted().steady


def test_parameters_of_a_strategy_within_are_checked_and_reached():
    for outer in (SurrogateAssisted, CooperativeCoevolution):
        strategy = outer(strategy=GeneticAlgorithm(tournament_size=0))
        with pytest.raises(
            ValueError, match="'tournament_size' parameter of GeneticAlgorithm"
        ):
            strategy._validate_params()
        strategy.set_params(strategy__tournament_size=2)._validate_params()


@pytest.mark.parametrize(
    "strategy",
    [
        CooperativeCoevolution(["nothing"]),
        SurrogateAssisted(CooperativeCoevolution(["nothing"])),
    ],
)
def test_unknown_parts_are_named_before_the_first_child(strategy):
    with pytest.raises(ValueError, match=r"parts must name genes among .*'nothing'"):
        Population(LANDSCAPE, strategy, 4, np.random.default_rng(0))
