"""How long trials may take, judged by those that have ended."""

import math
import time
from dataclasses import replace

import pytest
from toys import Budget, ToyBuilder, candidate, make_evaluator

from sknevo.records import Chromosome, Evaluation
from sknevo.runtime_model import RuntimeModel
from sknevo.time_budget import TimeBudget


def ended(fit, score=0.5):
    return Evaluation(
        Chromosome({}), "ok", fit_times=(fit,) * 2, score_times=(score,) * 2
    )


def test_the_more_have_ended_the_less_doubt_there_is():
    model = RuntimeModel()
    assert not model.is_known
    assert model.seconds(10) == 0
    expected = []
    for _ in range(50):
        model.observe(ended(2.0), cost=1.0)
        expected.append(model.seconds(10))
    assert expected == sorted(expected)
    assert expected[0] == pytest.approx(20 / 1.5 + 0.5)
    assert expected[-1] == pytest.approx(20.5, abs=0.3)


def test_scoring_is_no_part_of_how_much_longer_long_fits_take():
    model = RuntimeModel()
    for _ in range(50):
        model.observe(ended(1.0, score=9.0), cost=1.0)
    assert model.seconds(100) == pytest.approx(109, abs=2)


def test_without_a_predicted_cost_nothing_is_learned():
    model = RuntimeModel()
    model.observe(ended(2.0), cost=0.0)
    assert not model.is_known
    model.observe(ended(2.0), cost=1.0)
    assert model.seconds(0.0) == 0


def test_each_family_is_judged_by_its_own_trials():
    model = RuntimeModel()
    model.observe(ended(8.0, score=0.0), cost=1.0, family="svm")
    # Nothing is known of boosters but what others took, which is doubted.
    assert model.seconds(3, "boosting") == pytest.approx(1)
    for _ in range(50):
        model.observe(ended(0.1, score=0.0), cost=1.0, family="boosting")
    assert model.seconds(3, "boosting") == pytest.approx(0.3, rel=0.02)
    assert model.seconds(3, "svm") == pytest.approx(16)


def test_only_the_first_trial_has_no_deadline():
    budget = TimeBudget(10**10, started=1100)
    budget.plan(make_evaluator().runner, n_workers=2, has_ensemble=True)
    first, second = candidate(0.1), candidate(0.2)
    assert budget.deadline(first).end == math.inf
    assert budget.deadline(second).end == 10**10 + 1100
    assert budget.deadline(first).end == math.inf  # its worker was lost
    assert budget.search_end() == math.inf
    budget.observe(Evaluation(second.chromosome, "ok"))
    assert budget.search_end() == 10**10 + 1100


@pytest.mark.parametrize("status", ["ok", "error", "unfinished"])
def test_time_that_is_over_cuts_off_all_but_the_first_trial(status):
    budget = TimeBudget(2, started=time.time())
    budget.plan(make_evaluator().runner, n_workers=2, has_ensemble=True)
    first, second, third = (candidate(x) for x in (0.1, 0.2, 0.3))
    assert budget.deadline(first).end == math.inf
    assert budget.deadline(second).end < math.inf
    budget.started -= 3
    budget.observe(Evaluation(second.chromosome, "unfinished"))
    assert not budget.is_over()
    assert budget.deadline(third) is None
    assert budget.deadline(first).end == math.inf
    budget.observe(Evaluation(first.chromosome, status))
    assert budget.is_over()


@pytest.mark.parametrize(
    ("max_time", "has_ensemble", "elapsed", "training"),
    [
        (100, True, 0, 25),
        (100, True, 87, 8),  # 10 s until the selection
        (100, False, 0, math.inf),
        (None, True, 0, math.inf),
    ],
)
def test_training_has_a_share_of_the_time(max_time, has_ensemble, elapsed, training):
    budget = TimeBudget(max_time, started=time.time() - elapsed)
    budget.plan(make_evaluator().runner, ToyBuilder(), has_ensemble=has_ensemble)
    assert budget.deadline(candidate(0.1)).training_seconds == (
        25 if training < 99 else math.inf
    )
    budget.observe(Evaluation(candidate(0.1).chromosome, "error"))
    found = budget.deadline(candidate(0.1)).training_seconds
    assert found == pytest.approx(training, abs=0.1)


def test_members_are_fitted_as_far_as_there_is_time():
    budget = Budget(100, refit_seconds=lambda e: e.fit_times[0], started=time.time())
    budget.plan(make_evaluator().runner, ToyBuilder(), n_workers=2, has_ensemble=True)
    assert budget.can_refit_member(ended(60.0))
    assert not budget.can_refit_member(ended(101.0))
    budget.started -= 50
    assert not budget.can_refit_member(ended(60.0))
    budget.max_time = None
    assert budget.can_refit_member(ended(101.0))


def test_time_is_kept_for_the_members():
    budget = TimeBudget(100, started=1000)
    budget.plan(make_evaluator().runner, ToyBuilder(), n_workers=2, has_ensemble=True)

    def tried(fit):
        chromosome = candidate(0.2).chromosome
        return replace(ended(fit), saved_times=(0.0, 0.0), chromosome=chromosome)

    budget.observe(tried(1.0))
    one = budget.refit_seconds(tried(1.0))
    # For the selection, and five members on two workers.
    assert budget.search_end() == pytest.approx(1100 - 3 - 2.5 * one)
    budget.observe(tried(9.0))
    assert budget.search_end() == pytest.approx(1100 - 3 - 10)


def test_on_long_tables_training_takes_as_much_less_as_there_are_fewer_rows():
    runner = make_evaluator(resource="n_samples").runner
    budget = TimeBudget(100, started=time.time())
    budget.plan(runner, ToyBuilder(), has_ensemble=True, is_long_table=True)
    whole = replace(candidate(0.1), resource=None)
    few = replace(whole, resource=2)  # of five
    assert runner.row_share(few) == 0.4
    limits = [budget.deadline(one).training_seconds for one in (whole, few)]
    assert limits == pytest.approx([20, 8], abs=0.1)


def test_on_long_tables_what_has_had_nearly_all_rows_is_not_fitted_again():
    runner = make_evaluator(resource="n_samples").runner
    long_table = {"has_ensemble": True, "is_long_table": True, "row_growth": 1.05}
    budget = Budget(100, refit_seconds=lambda e: e.fit_times[0], started=time.time())
    budget.plan(runner, ToyBuilder(), **long_table)
    few = replace(ended(20.0), chromosome=candidate(0.1).chromosome, resource=2)
    few = replace(few, saved_times=(0.0, 0.0))
    nearly_all = replace(few, resource=None)
    assert budget.can_refit_member(few)
    assert not budget.can_refit_member(nearly_all)
    # Nor is time kept for it, but for the selection.
    budget = TimeBudget(100, started=1000)
    budget.plan(runner, ToyBuilder(), **long_table)
    budget.observe(nearly_all)
    budget.best = nearly_all
    assert budget.search_end() == pytest.approx(1097)
