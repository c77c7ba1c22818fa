"""What trials have store is kept of the best, and spares the winner another fit."""

import time
from dataclasses import replace

import pytest
from toys import ToyBuilder, candidate, chromosome, make_evaluator

from sknevo import EvolvedGAN
from sknevo.estimators._stopping import make_limits
from sknevo.evaluation import ModelStore

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


def test_who_failed_or_was_given_less_leaves_nothing():
    store = ModelStore()
    evaluator = make_evaluator(n_splits=1, model_store=store, resource="samples")
    few = replace(candidate(0.1), resource=2)
    broods = iter([[few, candidate(0.3, "raise"), candidate(0.3, "nan")]])
    told = [*evaluator.stream(lambda: next(broods, []))]
    assert [e.status for e in told] == ["ok", "error", "error"]
    assert not any(store.received(e.candidate) for e in told)


def test_in_the_finals_nothing_is_kept():
    store, _, evaluator = evaluate()
    others = [chromosome(0.0), chromosome(0.01)]
    assert [e.status for e in evaluator.again().evaluate(others)] == ["ok", "ok"]
    assert store.get(candidate(0.0)) is None


def test_all_the_time_is_for_the_search():
    _, evaluations, evaluator = evaluate()
    estimator = EvolvedGAN(max_time=100)
    limits = make_limits(estimator, time.time(), evaluator.runner, ToyBuilder())
    assert limits.chance(candidate(0.7), n_splits=1).share == 1
    # Whoever is the worst of them: it cannot win any more.
    for evaluation in (None, *evaluations):
        assert limits.end_of_search(evaluation) == limits.started + 100
    estimator.set_params(n_jobs=2)  # workers have to be stopped
    limits = make_limits(estimator, time.time(), evaluator.runner, ToyBuilder())
    assert limits.end_of_search(evaluations[0]) == limits.started + 99
    estimator.set_params(n_jobs=1)
    limits = make_limits(estimator, time.time(), evaluator.runner, ToyBuilder())
    # Whose trial was in another fit has to be fitted again.
    recalled = replace(evaluations[0], chromosome=chromosome(0.7), fit_times=(40.0,))
    assert limits.end_of_search(recalled) == pytest.approx(limits.started + 54)
    again = replace(evaluator.runner, model_store=None)
    limits = make_limits(estimator, time.time(), again, ToyBuilder())
    assert limits.end_of_search(None) == limits.started + 90


def test_in_a_race_whoever_wants_no_more_than_it_is_given_is_kept():
    _, _, evaluator = evaluate(resource="samples")
    whole = replace(candidate(0.1), resource=100)  # there are 5
    assert evaluator.runner.keeps_model(whole)
    assert evaluator.runner.stored_model(whole).x == 0.1
    assert evaluator.runner.needs_no_refit(whole)
    assert not evaluator.runner.keeps_model(replace(whole, resource=2))
