"""Trainings that go on: from rung to rung, and at the end with all of the data."""

import time

import pytest
from toys import LearnerBuilder, make_evaluator

from sknevo.evaluation import ModelStore
from sknevo.evaluation._finish import Finished
from sknevo.records import Candidate, Chromosome
from sknevo.time_budget import TimeBudget


def make(**options):
    store = ModelStore()
    evaluator = make_evaluator(
        builder=LearnerBuilder(),
        resource="epochs",
        rungs=(1, 3),
        model_store=store,
        **options,
    )
    return store, evaluator


ONE = Chromosome({"epochs": 9})
RUNGS = [Candidate(ONE, 1), Candidate(ONE, 3), Candidate(ONE)]


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_promoted_one_goes_on_from_where_it_was(n_jobs):
    store, evaluator = make(n_jobs=n_jobs)
    for rung, n_all, n_new in zip(RUNGS, (1, 3, 9), (1, 2, 6), strict=True):
        (evaluation,) = evaluator.evaluate([rung])
        assert evaluation.fitness == n_all
        assert store.load(rung, 0).n_last == n_new
    evaluator.close()


def test_a_lost_model_changes_nothing_but_the_time():
    store, evaluator = make()
    evaluator.evaluate(RUNGS[:2])
    for split in (0, 1):
        store._file(RUNGS[1].name, split).unlink()
        store._file(RUNGS[0].name, split).unlink()
    (evaluation,) = evaluator.evaluate([RUNGS[2]])
    model = store.load(RUNGS[2], 0)
    assert (evaluation.fitness, model.n_last) == (9, 9)
    evaluator.close()
    # All rungs have one seed: the model is what it would have been.
    assert model.seed == evaluator.runner.seed(RUNGS[0])


def test_the_cost_of_a_promoted_one_is_what_is_left():
    _, evaluator = make()
    assert evaluator.runner.cost(RUNGS[2]) == 9
    evaluator.evaluate(RUNGS[:2])
    assert evaluator.runner.cost(RUNGS[2]) == pytest.approx(6)
    evaluator.close()


def test_models_of_trials_are_handed_out_without_what_training_needs():
    _, evaluator = make()
    evaluator.evaluate([RUNGS[0]])
    models = evaluator.runner.split_models(RUNGS[0])
    assert [model.n_last for model in models] == [None, None]
    evaluator.close()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_was_trained_ends_with_all_of_the_data(n_jobs):
    _, evaluator = make(n_jobs=n_jobs)
    broken = Candidate(Chromosome({"epochs": 9, "fails": True}), 3)
    lost = Candidate(Chromosome({"epochs": 5}))
    evaluator.evaluate([RUNGS[1], broken])
    found = evaluator.finish_training([RUNGS[1], broken, lost], TimeBudget())
    model = found[RUNGS[1].name].model
    # The trial had half of the rows; a share of what was trained follows.
    assert model.steps == [(5, 0), (5, 1), (5, 2), (10, "end")]
    assert found[broken.name].model.startswith("ValueError: nothing left to learn (")
    assert "not kept" in found[lost.name].model
    evaluator.close()


def test_a_model_that_is_the_refit_has_its_own_rows_again_and_is_scored():
    _, evaluator = make(trial_is_refit=True)
    evaluator.evaluate([RUNGS[1]])
    found = evaluator.finish_training([RUNGS[1]], TimeBudget())[RUNGS[1].name]
    assert found.model.steps == [(5, 0), (5, 1), (5, 2), (5, "end")]
    assert found.fitness == 4
    evaluator.close()


def test_time_is_left_to_score():
    _, evaluator = make(trial_is_refit=True)
    evaluator.evaluate([RUNGS[1]])
    budget = TimeBudget(4.0)
    limited = budget.for_final_training()
    found = evaluator.finish_training([RUNGS[1]], limited, score_seconds=2.0)
    assert found[RUNGS[1].name].fitness == 4
    assert time.time() - budget.started < 2.5
    evaluator.close()


def test_the_end_takes_the_time_that_is_left():
    _, evaluator = make(n_jobs=2)
    evaluator.evaluate([RUNGS[1]])
    budget = TimeBudget(3.0)
    found = evaluator.finish_training([RUNGS[1]], budget.for_final_training())
    assert found[RUNGS[1].name].model.steps[-1] == (10, "end")
    assert 1.5 < time.time() - budget.started < 3.2
    evaluator.close()


def test_without_time_there_is_no_model_and_nothing_has_failed():
    _, evaluator = make()
    evaluator.evaluate([RUNGS[1]])
    budget = TimeBudget(1.0, started=time.time() - 2)
    found = evaluator.finish_training([RUNGS[1]], budget.for_final_training())
    assert found == {RUNGS[1].name: Finished(None)}
    evaluator.close()
