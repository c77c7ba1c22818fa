"""What trials have fitted is kept of the best, and spares the winner another fit."""

import time
from dataclasses import replace

import pytest
from toys import Recipe, Toy, ToyBuilder, chromosome, entry, make_evaluator

from sknevo import EvolvedGAN
from sknevo.estimators._stopping import make_limits
from sknevo.evaluation import Fitted

PLACES = [0.5, 0.2, 0.9, 0.1, 0.4]


def evaluate(n_jobs=1, **trial):
    fitted = Fitted()
    evaluator = make_evaluator(n_jobs=n_jobs, n_splits=1, fitted=fitted, **trial)
    evaluations = [*evaluator.evaluate([chromosome(x) for x in PLACES])]
    evaluator.close()
    return fitted, evaluations, evaluator


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_of_the_best_three_it_is_kept(n_jobs):
    fitted, evaluations, _ = evaluate(n_jobs)
    held = [e.chromosome.genes["x"] for e in evaluations if fitted.holds(e.entry)]
    assert sorted(held) == [0.1, 0.2, 0.4]
    best = fitted.get(entry(0.1))
    assert best.x == 0.1
    assert best.classes_.tolist() == [0, 1]
    assert fitted.get(entry(0.9)) is None


def test_it_travels_no_further():
    _, evaluations, evaluator = evaluate()
    assert all(e.fitted is None for e in evaluations)
    assert all(e.fitted is None for e in evaluator.known.values())


def test_who_failed_or_was_given_less_leaves_nothing():
    fitted = Fitted()
    evaluator = make_evaluator(n_splits=1, fitted=fitted, resource="samples")
    few = replace(entry(0.1), resource=2)
    broods = iter([[few, entry(0.3, "raise"), entry(0.3, "nan")]])
    told = [*evaluator.stream(lambda: next(broods, []))]
    assert [e.status for e in told] == ["ok", "error", "error"]
    assert not any(fitted.holds(e.entry) for e in told)


def test_in_the_finals_nothing_is_kept():
    fitted, _, evaluator = evaluate()
    others = [chromosome(0.0), chromosome(0.01)]
    assert [e.status for e in evaluator.again().evaluate(others)] == ["ok", "ok"]
    assert fitted.get(entry(0.0)) is None


def test_the_winner_is_not_fitted_again():
    fits = []

    def build(expressed, random_state):
        fits.append(expressed["x"])
        return Toy(**expressed, random_state=random_state)

    _, _, evaluator = evaluate(builder=Recipe(build))
    assert evaluator.trial.refit(chromosome(0.1)).x == 0.1
    assert fits == PLACES
    assert evaluator.trial.refit(chromosome(0.9)).x == 0.9
    assert fits == [*PLACES, 0.9]


def test_all_the_time_is_for_the_search():
    _, evaluations, evaluator = evaluate()
    estimator = EvolvedGAN(max_time=100)
    limits = make_limits(estimator, time.time(), evaluator.trial, ToyBuilder())
    worst, best = evaluations[2], evaluations[3]
    assert limits.chance(entry(0.7), n_splits=1).share == 1
    assert limits.end_of_search(best) == limits.started + 100
    # Whose estimator is not there any more has to be fitted again.
    slow = replace(worst, fit_times=(40.0,))
    assert limits.end_of_search(slow) == pytest.approx(limits.started + 54)
