"""Resources of successive halving: a limited gene, or fewer samples."""

import numpy as np
import pytest
from toys import Recipe, Toy, make_evaluator, score

from sknevo.estimators._setup import largest_value, rung_amounts
from sknevo.evaluation import Data, Objectives, Shared, TrialRunner
from sknevo.evaluation._resources import limited, requested, stratified_order
from sknevo.genes import Categorical, Choice, Genome, Integer, Real, Repeat
from sknevo.records import Candidate, Chromosome

NET = {"net": [{"units": 3}], "training": {"epochs": 30, "rate": 0.1}}


def make_runner(resource, make=lambda genes, seed: Toy(), n=60, y=None):
    rows = np.arange(n)
    y = rows % 2 if y is None else y
    data = Data(rows[:, None], y, [(rows[: n // 2], rows[n // 2 :])])
    objectives = Objectives(score, None)
    return TrialRunner(Recipe(make), Shared(data), objectives, 7, resource=resource)


# Genes -----------------------------------------------------------------------------


def test_a_gene_is_limited_and_nothing_else():
    assert limited(NET, "epochs", 10)["training"] == {"epochs": 10, "rate": 0.1}
    assert limited(NET, "epochs", 50) == NET
    assert limited(NET, "units", 2)["net"] == [{"units": 2}]
    assert NET["training"]["epochs"] == 30


def test_how_much_genes_ask_for_and_may_ask_for():
    genome = Genome(
        kind=Choice(
            a=Genome(epochs=Integer(1, 20)),
            b=Genome(steps=Repeat(Genome(epochs=Integer(1, 50)), 1, 2)),
        ),
        rate=Real(0, 1),
        name=Categorical(["epochs"]),
    )
    assert largest_value(genome, "epochs") == 50
    assert largest_value(genome, "rate") == largest_value(genome, "nothing") == 0
    assert requested(NET, "epochs") == 30
    assert requested(NET, "nothing") == 0


def test_individuals_are_built_with_their_resource():
    built = []

    def make(genes, seed):
        built.append((genes["training"]["epochs"], seed))
        return Toy()

    runner = make_runner("epochs", make)
    chromosome = Chromosome(NET)
    for resource in (10, None):
        assert runner(Candidate(chromosome, resource)).resource == resource
    assert [epochs for epochs, _ in built] == [10, 30]
    assert built[0][1] == built[1][1]  # a part of a training begins as all of it


def test_a_resource_that_suffices_is_no_limit():
    runner = make_runner("epochs")
    chromosome = Chromosome(NET)
    assert runner.normalized(Candidate(chromosome, 10)) == Candidate(chromosome, 10)
    assert runner.normalized(Candidate(chromosome, 30)) == Candidate(chromosome)
    assert make_runner("n_samples").normalized(Candidate(chromosome, 30)) == Candidate(
        chromosome
    )


def test_an_individual_with_a_sufficient_resource_is_not_trained_again():
    evaluator = make_evaluator(resource="epochs")
    chromosome = Chromosome({"x": 0.1, "seconds": 0.0})
    with evaluator.running():
        evaluator.submit([Candidate(chromosome, 5), Candidate(chromosome)])
        first, second = (evaluator.next_evaluation() for _ in range(2))
    assert (first.resource, first.cached) == (5, False)
    assert (second.resource, second.cached) == (None, True)
    assert second.fitness == first.fitness


# Samples ---------------------------------------------------------------------------


def test_samples_are_the_same_for_all_individuals_and_more_include_fewer():
    seen = []

    class Look(Toy):
        def fit(self, X, y):
            seen.append(set(X[:, 0].tolist()))
            return super().fit(X, y)

    runner = make_runner("n_samples", lambda genes, seed: Look(**genes))
    for x in (0.1, 0.2):
        for resource in (4, 12, None):
            assert runner(Candidate(Chromosome({"x": x}), resource)).status == "ok"
    assert [len(rows) for rows in seen] == [4, 12, 30] * 2
    assert seen[:3] == seen[3:]
    assert seen[0] < seen[1] < seen[2] == set(range(30))


@pytest.mark.parametrize("n", [3, 10, 25, 60])
def test_any_beginning_has_all_classes_in_their_proportions(n):
    y = np.repeat(["common", "rare", "single"], [80, 19, 1])
    beginning = y[stratified_order(y, 100, np.random.default_rng(0))[:n]]
    assert set(beginning) == {"common", "rare", "single"}
    assert abs(np.sum(beginning == "rare") - 0.19 * n) <= 1


def test_values_to_predict_are_in_random_order():
    y = np.r_[np.zeros(500), np.random.default_rng(1).random(500)]
    beginning = y[stratified_order(y, 1000, np.random.default_rng(0))[:200]]
    assert 70 < np.sum(beginning == 0) < 130
    order = stratified_order(None, 10, np.random.default_rng(0))
    assert sorted(order) == list(range(10)) != order.tolist()


# Rungs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((12, 3, "exhaust", 27), [3, 9]),
        ((27, 3, "exhaust", 27), [1, 3, 9]),
        ((2, 3, "exhaust", 27), []),
        ((12, 2, "smallest", 10), [1, 2, 4]),
        ((12, 3, "smallest", 100, 20), [20]),
        ((12, 3, 10, 100), [10, 30]),
        ((12, 3, 90, 100), []),
        ((12, 3, "exhaust", 2), [1]),
        ((1, 3, "exhaust", 100), []),
    ],
)
def test_rungs_rise_by_the_factor_and_stay_below_all(arguments, expected):
    assert rung_amounts(*arguments) == tuple(expected)
