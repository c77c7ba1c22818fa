"""What trials have fitted and predicted is kept of the best, and not fitted again."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from toys import Recipe, ToyBuilder, Weighed, candidate, chromosome, make_evaluator

from sknevo.evaluation import ModelStore, Response
from sknevo.evaluation import _model_store as model_store
from sknevo.records import Evaluation
from sknevo.time_budget import TimeBudget

PLACES = [0.5, 0.2, 0.9, 0.1, 0.4]


def evaluate(n_jobs=1, store=None, n_splits=1, **runner):
    store = store or ModelStore()
    evaluator = make_evaluator(
        n_jobs=n_jobs, n_splits=n_splits, model_store=store, **runner
    )
    evaluations = evaluator.evaluate([candidate(x) for x in PLACES])
    return store, evaluations, evaluator


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_models_of_all_splits_are_kept(n_jobs):
    _, evaluations, evaluator = evaluate(n_jobs, n_splits=2)
    for x in PLACES:
        models = evaluator.runner.split_models(candidate(x))
        assert [model.x for model in models] == [x, x]
        assert models[0].classes_.tolist() == [0, 1]
    assert all(e.fitted == () for e in evaluations)
    evaluator.close()
    assert evaluator.runner.split_models(candidate(0.1)) == []


@pytest.mark.parametrize("places", [PLACES, PLACES[::-1]])
def test_of_the_best_predictions_and_models_are_kept(places, monkeypatch):
    monkeypatch.setattr(model_store, "MOST_KEPT", 3)
    monkeypatch.setitem(globals(), "PLACES", places)
    builder = Recipe(lambda genes, seed: Weighed(**genes))
    store, evaluations, evaluator = evaluate(builder=builder, response=Response())
    assert [e.chromosome.genes["x"] for e in store.kept] == [0.1, 0.2, 0.4]
    assert all(len(e.predictions) == 1 for e in store.kept)
    assert all(e.predictions == () for e in evaluations)
    assert all(e.predictions == () for e in evaluator.known.values())
    held = [x for x in PLACES if store.load(candidate(x), 0) is not None]
    assert sorted(held) == [0.1, 0.2, 0.4]
    assert all(store.received(candidate(x)) for x in PLACES)


@pytest.mark.parametrize("step", [1, -1])
def test_the_best_of_each_family_are_kept_before_others(step, monkeypatch):
    monkeypatch.setattr(model_store, "MOST_KEPT", 4)
    monkeypatch.setattr(model_store, "OF_EACH_FAMILY", 1)
    store = ModelStore()
    families = ["mlp", "svm", "svm", "trees", "trees", "trees"]
    for x, family in [*enumerate(families)][::step]:
        store.add(Evaluation(chromosome(x), "ok", float(x)), family)
    assert [e.fitness for e in store.kept] == [5.0, 4.0, 2.0, 0.0]


def test_an_individual_that_was_promoted_counts_once_in_its_family(monkeypatch):
    monkeypatch.setattr(model_store, "MOST_KEPT", 2)
    monkeypatch.setattr(model_store, "OF_EACH_FAMILY", 2)
    store = ModelStore()
    for x, fitness, resource in [(1, 0.9, None), (1, 0.8, 10), (2, 0.7, 10)]:
        store.add(Evaluation(chromosome(x), "ok", fitness, resource=resource), "svm")
    assert [e.fitness for e in store.kept] == [0.9, 0.7]


def test_of_too_many_bytes_those_of_the_worst_go(monkeypatch):
    size = len(pickle.dumps(evaluate()[2].runner.split_models(candidate(0.1))[0]))
    monkeypatch.setattr(model_store, "MOST_BYTES", 2.5 * size)
    store, _, _ = evaluate()
    assert len(store.kept) == len(PLACES)
    held = [x for x in PLACES if store.load(candidate(x), 0) is not None]
    assert sorted(held) == [0.1, 0.2]


def test_predictions_are_those_of_the_model_on_the_held_out_part():
    store = ModelStore()
    evaluator = make_evaluator(
        builder=Recipe(lambda genes, seed: LogisticRegression(C=1 + genes["x"])),
        n_splits=2,
        model_store=store,
        response=Response(np.array([0, 1, 7])),
    )
    assert [e.status for e in evaluator.evaluate([candidate(0.1)])] == ["ok"]
    data = evaluator.runner.data.value
    for split, (_, test) in enumerate(data.splits):
        expected = store.load(candidate(0.1), split).predict_proba(data.X[test])
        found = store.kept[0].predictions[split]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[:, :2], expected, rtol=1e-6)
        assert not found[:, 2].any()  # a label that no model has seen


def test_a_worker_that_does_not_see_the_folder_sends_its_models(tmp_path):
    store = ModelStore()
    elsewhere = ModelStore(str(tmp_path / "not-here"))
    model = ToyBuilder()({"x": 0.3}, 0)
    content = elsewhere.save(candidate(0.3), 0, model)
    _, (evaluation, *_), _ = evaluate()
    sent = replace(evaluation, chromosome=chromosome(0.3), fitted=(content,))
    assert store.receive(sent).fitted == ()
    assert store.load(candidate(0.3), 0).x == 0.3


def test_failed_or_restricted_candidates_leave_no_model():
    store = ModelStore()
    evaluator = make_evaluator(n_splits=1, model_store=store, resource="n_samples")
    few = replace(candidate(0.1), resource=2)
    asked = [few, candidate(0.3, "raise"), candidate(0.3, "nan")]
    with evaluator.running():
        evaluator.submit(asked)
        told = [evaluator.next_evaluation() for _ in asked]
    assert [e.status for e in told] == ["ok", "error", "error"]
    assert not any(store.load(e.candidate, 0) for e in told)
    assert store.kept == []


def test_missing_models_are_fitted_again_with_the_same_seed():
    store, evaluations, evaluator = evaluate(n_splits=2)
    kept = store.kept
    before = [pickle.dumps(m) for m in evaluator.runner.split_models(candidate(0.1))]
    store._remove(candidate(0.1).name)
    assert evaluator.runner.split_models(candidate(0.1)) == []
    (missing,) = (e for e in evaluations if e.candidate == candidate(0.1))
    evaluator.fit_missing_models([missing], TimeBudget())
    assert store.kept == kept
    after = [pickle.dumps(m) for m in evaluator.runner.split_models(candidate(0.1))]
    assert after == before


def test_all_the_time_is_for_the_search():
    _, evaluations, evaluator = evaluate(trial_is_refit=True)

    def budget(best=None, runner=evaluator.runner, n_workers=1):
        made = TimeBudget(100, started=1000)
        made.plan(runner, ToyBuilder(), n_workers=n_workers)
        made.observe(replace(evaluations[0], status="error"))
        made.best = best
        return made

    # A model that was kept needs no refit, even one that better ones have replaced.
    for evaluation in (None, *evaluations):
        assert budget(evaluation).search_end() == 1100
    assert (
        budget(evaluations[0], n_workers=2).search_end() == 1099
    )  # workers are stopped
    # The model of a trial of another fit was not kept.
    recalled = replace(evaluations[0], chromosome=chromosome(0.7), fit_times=(40.0,))
    assert budget(recalled).search_end() == pytest.approx(1054)
    assert (
        budget(runner=replace(evaluator.runner, trial_is_refit=False)).search_end()
        == 1090
    )


def test_beside_an_ensemble_a_long_refit_takes_no_time_of_the_search():
    _, (evaluation, *_), evaluator = evaluate()

    def budget(fit_seconds):
        made = TimeBudget(100, started=1000)
        made.plan(evaluator.runner, ToyBuilder(), has_ensemble=True)
        made.observe(replace(evaluation, status="error"))
        made.best = replace(evaluation, fit_times=(fit_seconds,), saved_times=(0.0,))
        return made

    assert budget(4.0).search_end() == pytest.approx(1100 - 3 - 4.6)
    assert budget(40.0).search_end() == pytest.approx(1100 - 3)
    assert budget(40.0).can_be_best(
        budget(40.0).best
    )  # it may be the best all the same


def test_with_a_sufficient_resource_the_model_is_kept():
    _, _, evaluator = evaluate(resource="n_samples", trial_is_refit=True)
    whole = replace(candidate(0.1), resource=100)  # there are 5
    assert evaluator.runner.serves_as_refit(whole)
    assert evaluator.runner.stored_model(whole).x == 0.1
    assert evaluator.runner.has_refit(whole)
    assert not evaluator.runner.serves_as_refit(replace(whole, resource=2))
