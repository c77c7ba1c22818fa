"""What trials have store is kept of the best, and spares the winner another fit."""

from dataclasses import replace

import pytest
from toys import ToyBuilder, candidate, chromosome, make_evaluator

from sknevo.evaluation import ModelStore
from sknevo.time_budget import TimeBudget

PLACES = [0.5, 0.2, 0.9, 0.1, 0.4]


def evaluate(n_jobs=1, **runner):
    store = ModelStore()
    evaluator = make_evaluator(n_jobs=n_jobs, n_splits=1, model_store=store, **runner)
    evaluations = [*evaluator.evaluate([chromosome(x) for x in PLACES])]
    evaluator.close()
    return store, evaluations, evaluator


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_of_the_best_three_it_is_kept(n_jobs):
    store, _, _ = evaluate(n_jobs)
    held = [x for x in PLACES if store.get(candidate(x)) is not None]
    assert sorted(held) == [0.1, 0.2, 0.4]
    best = store.get(candidate(0.1))
    assert best.x == 0.1
    assert best.classes_.tolist() == [0, 1]
    assert store.get(candidate(0.9)) is None


def test_it_travels_no_further():
    _, evaluations, evaluator = evaluate()
    assert all(e.fitted is None for e in evaluations)
    assert all(e.fitted is None for e in evaluator.known.values())


def test_failed_or_restricted_candidates_leave_no_model():
    store = ModelStore()
    evaluator = make_evaluator(n_splits=1, model_store=store, resource="n_samples")
    few = replace(candidate(0.1), resource=2)
    asked = [few, candidate(0.3, "raise"), candidate(0.3, "nan")]
    with evaluator.running():
        evaluator.submit(asked)
        told = [evaluator.next_evaluation() for _ in asked]
    assert [e.status for e in told] == ["ok", "error", "error"]
    assert not any(store.received(e.candidate) for e in told)


def test_of_reevaluations_nothing_is_kept():
    store, _, evaluator = evaluate()
    others = [chromosome(0.0), chromosome(0.01)]
    assert [e.status for e in evaluator.for_reevaluation().evaluate(others)] == [
        "ok",
        "ok",
    ]
    assert store.get(candidate(0.0)) is None


def test_all_the_time_is_for_the_search():
    _, evaluations, evaluator = evaluate()

    def budget(best=None, runner=evaluator.runner, n_workers=1):
        made = TimeBudget(100, started=1000)
        made.plan(runner, ToyBuilder(), n_workers=n_workers)
        made.observe(replace(evaluations[0], status="error"))
        made.best = best
        return made

    # A model that was kept needs no refit, even one that better ones have replaced.
    for evaluation in (None, *evaluations):
        assert budget(evaluation).end() == 1100
    assert budget(evaluations[0], n_workers=2).end() == 1099  # workers are stopped
    # The model of a trial of another fit was not kept.
    recalled = replace(evaluations[0], chromosome=chromosome(0.7), fit_times=(40.0,))
    assert budget(recalled).end() == pytest.approx(1054)
    assert budget(runner=replace(evaluator.runner, model_store=None)).end() == 1090


def test_with_a_sufficient_resource_the_model_is_kept():
    _, _, evaluator = evaluate(resource="n_samples")
    whole = replace(candidate(0.1), resource=100)  # there are 5
    assert evaluator.runner.keeps_model(whole)
    assert evaluator.runner.stored_model(whole).x == 0.1
    assert evaluator.runner.needs_no_refit(whole)
    assert not evaluator.runner.keeps_model(replace(whole, resource=2))
