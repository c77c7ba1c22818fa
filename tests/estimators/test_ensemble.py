"""The ensemble of a search: what it is made of, and what it predicts."""

import math
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.utils import _safe_indexing

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor, time_budget
from sknevo.estimators import _base
from sknevo.genomes.pipeline import pipeline
from sknevo.time_budget import TimeBudget

SMALL = {
    "genome": partial(pipeline, models=["linear", "svm", "neighbours"]),
    "population_size": 6,
    "generations": 2,
    "initial_population": [],
    "random_state": 0,
}


def classifier(**params):
    return EvolvedPipelineClassifier(**{**SMALL, **params})


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    rows = np.random.default_rng(0).permutation(len(y))
    names = np.array(["setosa", "versicolor", "virginica"])
    return X.iloc[rows].reset_index(drop=True), names[y[rows]]


@pytest.fixture(scope="module")
def fitted(iris):
    return classifier(scoring="neg_log_loss", cv=3).fit(*iris)


def mean_prediction(ensemble, method, X):
    """Return what half of each weight for the models of splits comes to, and half."""
    return sum(
        m.weight
        * (
            np.mean([getattr(model, method)(X) for model in m.models], axis=0)
            + getattr(m.whole, method)(X)
        )
        / 2
        for m in ensemble.members
    )


def held_out_score(fitted, X, y, splits, scoring):
    """Return the score of an ensemble whose models of a split predict its test part."""
    scores = []
    for split, (_, test) in enumerate(splits):
        part = clone(fitted.ensemble_, safe=False)
        for name, value in vars(fitted.ensemble_).items():
            setattr(part, name, value)
        part.members = [
            type(m)(m.index, m.chromosome, m.weight, m.models[split : split + 1])
            for m in fitted.ensemble_.members
        ]
        X_test = _safe_indexing(X, test)
        scores.append(get_scorer(scoring)(part, X_test, _safe_indexing(y, test)))
    return float(np.mean(scores))


def test_members_are_individuals_of_the_search(fitted):
    ensemble = fitted.ensemble_
    keys = fitted.cv_results_["key"]
    assert all(keys[m.index] == m.chromosome.key for m in ensemble.members)
    assert all(len(m.models) == fitted.n_splits_ == 3 for m in ensemble.members)
    assert ensemble.weights_.sum() == pytest.approx(1)
    assert len({m.index for m in ensemble.members}) == len(ensemble.members)
    assert ensemble.members[0].index == fitted.best_index_
    assert ensemble.scores[0] == pytest.approx(fitted.best_score_)
    assert ensemble.scores[-1] == ensemble.score_ == fitted.ensemble_score_
    assert fitted.ensemble_score_ > fitted.best_score_


def test_its_score_is_that_of_its_models_on_the_held_out_parts(iris):
    X, y = iris
    splits = [*RepeatedStratifiedKFold(n_splits=3, random_state=1).split(X, y)][:3]
    clf = classifier(scoring="neg_log_loss", cv=splits).fit(X, y)
    found = held_out_score(clf, X, y, splits, "neg_log_loss")
    assert found == pytest.approx(clf.ensemble_score_, abs=1e-6)


def test_it_is_what_predicts(fitted, iris):
    X, y = iris
    ensemble = fitted.ensemble_
    np.testing.assert_array_equal(fitted.predict(X), ensemble.predict(X))
    np.testing.assert_array_equal(fitted.predict_proba(X), ensemble.predict_proba(X))
    mean = mean_prediction(ensemble, "predict_proba", X)
    expected = ensemble.decision.probabilities(mean)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-6)
    assert (fitted.predict(X) == fitted.classes_[mean.argmax(axis=1)]).all()
    assert (fitted.decision_function(X).argmax(axis=1) == mean.argmax(axis=1)).all()
    expected = get_scorer("neg_log_loss")(ensemble, X, y)
    assert fitted.score(X, y) == pytest.approx(expected)


def test_it_can_be_used_without_the_search(fitted, iris):
    X, _ = iris
    ensemble = pickle.loads(pickle.dumps(fitted.ensemble_))
    np.testing.assert_array_equal(ensemble.predict(X), fitted.predict(X))
    assert f"{len(ensemble.members)} members" in repr(ensemble)


def test_without_an_ensemble_the_best_individual_predicts(iris):
    X, y = iris
    clf = classifier(ensemble_size=None, cv=3).fit(X, y)
    assert clf.ensemble_ is None
    assert not hasattr(clf, "ensemble_score_")
    assert (clf.predict(X) == clf.best_estimator_.predict(X)).all()


def test_one_step_is_the_mean_of_the_models_of_the_best(iris):
    X, y = iris
    clf = classifier(ensemble_size=1, scoring="neg_log_loss", cv=3).fit(X, y)
    (member,) = clf.ensemble_.members
    assert member.index == clf.best_index_
    assert clf.ensemble_.scores[0] == pytest.approx(clf.best_score_)


@pytest.mark.slow
def test_individuals_of_a_lower_rung_may_be_members(iris):
    """A search may end before any individual has had all samples."""
    clf = classifier(resource="n_samples", min_resources=12, cv=3).fit(*iris)
    resources = clf.cv_results_["resource"]
    assert {*resources} == {12, 36, np.inf}
    assert {resources[member.index] for member in clf.ensemble_.members} - {np.inf}
    members = clf.ensemble_.members
    for member in members:
        assert member.chromosome.key == clf.cv_results_["key"][member.index]
    # One model of all rows for each individual, whatever its resources.
    models = {pickle.dumps(member.whole) for member in members}
    assert len(models) == len({member.chromosome.key for member in members})


@pytest.mark.slow
def test_missing_models_of_a_lower_rung_are_fitted_on_as_many_samples(iris, tmp_path):
    params = {"resource": "n_samples", "min_resources": 12, "cv": 3}
    params["journal"] = tmp_path / "search.jsonl"
    first, again = (classifier(**params).fit(*iris) for _ in range(2))
    np.testing.assert_allclose(
        again.predict_proba(iris[0]), first.predict_proba(iris[0]), atol=1e-6
    )


def test_without_members_the_best_individual_predicts(iris, monkeypatch):
    X, y = iris
    monkeypatch.setattr(_base, "make_ensemble", lambda *_: None)
    clf = classifier(generations=1, cv=3).fit(X, y)
    assert clf.ensemble_ is None
    assert not hasattr(clf, "ensemble_score_")
    assert (clf.predict(X) == clf.best_estimator_.predict(X)).all()


@pytest.mark.parametrize(
    "cv",
    [
        TimeSeriesSplit(3),
        ShuffleSplit(2, test_size=0.3, random_state=0),
        RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0),
    ],
)
def test_any_splits(cv, iris):
    X, y = iris
    clf = classifier(cv=cv, generations=1).fit(X, y)
    assert all(len(m.models) == cv.get_n_splits() for m in clf.ensemble_.members)
    assert clf.score(X, y) > 0.9


def test_groups(iris):
    X, y = iris
    clf = classifier(generations=1).fit(X, y, groups=np.arange(len(y)) // 5)
    assert clf.ensemble_score_ > 0.9


def test_a_regressor_averages_values():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    reg = EvolvedPipelineRegressor(**SMALL).fit(X, 1e6 * y)
    mean = mean_prediction(reg.ensemble_, "predict", X)
    np.testing.assert_allclose(reg.predict(X), mean)
    assert reg.ensemble_score_ >= reg.best_score_


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_it_depends_on_the_seed_alone(n_jobs, fitted, iris):
    X, _ = iris
    again = classifier(scoring="neg_log_loss", cv=3, n_jobs=n_jobs).fit(*iris)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.ensemble_.scores == fitted.ensemble_.scores


def test_a_resumed_search_ends_with_the_same_ensemble(fitted, iris, tmp_path):
    X, _ = iris
    path = tmp_path / "run.jsonl"
    parameters = {"scoring": "neg_log_loss", "cv": 3, "journal": path}
    classifier(**parameters).set_params(generations=1).fit(*iris)
    resumed = classifier(**parameters).fit(*iris)
    replayed = classifier(**parameters).fit(*iris)
    for search in (resumed, replayed):
        assert search.ensemble_.scores == fitted.ensemble_.scores
        np.testing.assert_array_equal(search.predict_proba(X), fitted.predict_proba(X))


def test_missing_members_are_trained_as_long_as_in_their_trial(
    iris, tmp_path, monkeypatch
):
    X, y = iris
    parameters = {
        "genome": partial(pipeline, models=["lightgbm", "mlp", "extra_trees"]),
        "generations": 1,
        "max_time": 600,
        "journal": tmp_path / "run.jsonl",
    }
    with monkeypatch.context() as patch:
        patch.setattr(time_budget, "TRAINING_SHARE", 0.1 / 600)
        first = classifier(**parameters).fit(X, y)
    resumed = classifier(**parameters).fit(X, y)
    assert resumed.n_evaluations_ == first.n_evaluations_
    np.testing.assert_array_equal(resumed.predict_proba(X), first.predict_proba(X))


def test_weights_count_in_the_selection(iris):
    X, y = iris
    # Of the third species, nothing counts.
    weights = np.where(y == "virginica", 1e-6, 1.0)
    clf = classifier(cv=3).fit(X, y, sample_weight=weights)
    known = y != "virginica"
    assert (clf.predict(X[known]) == y[known]).all()


def test_it_keeps_no_rows_that_no_member_needs(iris):
    X, y = iris
    X = X + np.random.default_rng(0).normal(scale=1e-9, size=X.shape)
    clf = classifier(genome=partial(pipeline, models=["linear"]), cv=3).fit(X, y)
    dumped = pickle.dumps(clf)
    assert clf.ensemble_.n_bytes_ < len(dumped)
    rows = X.to_numpy().copy()
    assert not any(row.tobytes() in dumped for row in rows)
    assert not any(column[:4].tobytes() in dumped for column in rows.T.copy())


def test_members_of_equal_preparation_share_it(iris):
    X, y = iris
    X = X.assign(kind=pd.Series(y).str[:1])
    clf = classifier(cv=2, generations=3, scoring="neg_log_loss").fit(X, y)
    first = [m.models[0].steps[0][1] for m in clf.ensemble_.members]
    assert len({id(step) for step in first}) == len({pickle.dumps(s) for s in first})


def test_each_member_is_fitted_on_all_rows_as_well(iris, fitted):
    X, _ = iris
    for member in fitted.ensemble_.members:
        whole = fitted.refit_individual(member.index, *iris)
        found, expected = member.whole.predict_proba(X), whole.predict_proba(X)
        np.testing.assert_array_equal(found, expected)
        shares = [share for _, share in member.shares]
        assert shares == [member.weight / 6] * 3 + [member.weight / 2]


@pytest.mark.filterwarnings("error")
def test_a_member_that_takes_too_long_on_all_rows_keeps_its_models(monkeypatch, iris):
    """However long it was expected to take."""
    begun = []

    def late(self, member):
        self.started = -math.inf
        begun.append(member)
        return True

    monkeypatch.setattr(TimeBudget, "can_refit_member", late)
    clf = classifier(
        genome=partial(pipeline, models=["lightgbm"]), max_time=60, generations=1, cv=3
    ).fit(*iris)
    assert begun
    for member in clf.ensemble_.members:
        assert (member.whole is not None) == (member.index == clf.best_index_)
    assert len(clf.predict(iris[0])) == 150


def test_a_member_that_fails_on_all_rows_keeps_its_models(monkeypatch, iris, fitted):
    refit = _base.TrialRunner.refit

    def only_the_best(self, chromosome, *how):
        if chromosome.key != fitted.best_chromosome_.key:
            raise ValueError("bad luck")
        return refit(self, chromosome, *how)

    monkeypatch.setattr(_base.TrialRunner, "refit", only_the_best)
    clf = classifier(scoring="neg_log_loss", cv=3)
    with pytest.warns(FitFailedWarning, match="row .* of its splits alone.*bad luck"):
        clf.fit(*iris)
    members = clf.ensemble_.members
    assert len(members) > 1
    for member in members:
        assert (member.whole is not None) == (member.index == fitted.best_index_)
        shares = [share for _, share in member.shares]
        assert sum(shares) == pytest.approx(member.weight)
