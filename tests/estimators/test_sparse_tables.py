"""What users rely on if X is sparse."""

import pickle
import time

import numpy as np
import pandas as pd
import pytest
import tables
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor
from sknevo.genomes.pipeline import pipeline
from sknevo.records import DataSpec, Sparsity

# Individuals of several models, trained in no time.
SMALL = {"population_size": 6, "generations": 1, "cv": 2, "random_state": 0}
X, CODES = tables.sparse()
Y = np.array(["low", "middle", "high"])[CODES]


def small(**params):
    return EvolvedPipelineClassifier(**{**SMALL, **params})


@pytest.fixture(scope="module")
def on_sparse():
    return small().fit(X, Y)


@pytest.fixture(scope="module")
def on_dense():
    return small().fit(X.toarray(), Y)


FORMS = {
    "array": X.toarray(),
    "list": X.toarray().tolist(),
    "columns": X.tocsc(),
    "coordinates": sparse.coo_matrix(X),
    "keys": X.todok(),
    "whole numbers": X.astype(int),
    "sparse columns": pd.DataFrame.sparse.from_spmatrix(X).set_axis(range(40), axis=1),
    "frame": pd.DataFrame(X.toarray()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fitted", ["on_sparse", "on_dense"])
def test_predictions_are_the_same_of_any_form(form, fitted, request):
    clf, given = request.getfixturevalue(fitted), FORMS[form]
    assert clf.classes_.tolist() == ["high", "low", "middle"]
    assert clf.ensemble_ is not None
    for model in (clf, clf.best_estimator_, pickle.loads(pickle.dumps(clf))):
        expected = model.predict_proba(X)
        np.testing.assert_array_equal(model.predict_proba(given), expected)
        np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-6)


def test_all_known_individuals_succeed_and_the_ensemble_learns(on_sparse):
    assert set(on_sparse.cv_results_["status"]) <= {"ok", "pruned"}
    assert on_sparse.score(X, Y) > 0.6


@pytest.mark.parametrize(
    "task", ["classification", pytest.param("regression", marks=pytest.mark.slow)]
)
def test_all_models_take_sparse_rows(task):
    spec = DataSpec(task, len(Y), 3, sparse=Sparsity(0.1))
    branches = pipeline(spec).genes["model"].branches
    all_columns = [
        {"model": {name: {}}, "extraction": {"none": {}}} for name in branches
    ]
    estimator = {
        "classification": EvolvedPipelineClassifier,
        "regression": EvolvedPipelineRegressor,
    }[task]
    evolved = estimator(**SMALL, initial_population=all_columns)
    evolved.set_params(population_size=len(all_columns), error_score="raise")
    evolved.fit(X, CODES)
    assert set(evolved.cv_results_["status"]) <= {"ok", "pruned"}


def test_values():
    y = X[:, :20].sum(axis=1)
    reg = EvolvedPipelineRegressor(**SMALL).fit(X, y)
    assert reg.score(X, y) > 0.5
    np.testing.assert_array_equal(reg.predict(X), reg.predict(X.toarray()))
    best = reg.best_estimator_
    np.testing.assert_array_equal(best.predict(X), best.predict(X.toarray()))


def test_the_best_individual_can_be_fitted_again_to_dense_rows(on_sparse):
    best = on_sparse.best_estimator_.fit(X.toarray(), Y)
    np.testing.assert_array_equal(best.predict(X), best.predict(X.toarray()))


def test_workers_and_journals_change_nothing(tmp_path, on_sparse):
    journal = tmp_path / "run.jsonl"
    two = small(n_jobs=2, journal=journal).fit(X, Y)
    expected = on_sparse.predict_proba(X)
    np.testing.assert_array_equal(two.predict_proba(X), expected)
    again = small(journal=journal).fit(X.tocsc(), Y)
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    with pytest.raises(ValueError, match="journal"):
        small(journal=journal).fit(X * 2, Y)


def test_refit_individual_is_the_best_again():
    clf = small(ensemble_size=None).fit(X, Y)
    again = clf.refit_individual(clf.best_index_, X.toarray(), Y)
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_weights_of_zero_leave_samples_out():
    weights = np.resize([1, 1, 0], len(Y))
    cv = [(np.arange(0, 45), np.arange(45, 90)), (np.arange(45, 90), np.arange(0, 45))]
    weighted = small(cv=cv).fit(X, Y, sample_weight=weights)
    kept = np.flatnonzero(weights)
    parts = [[np.flatnonzero(np.isin(kept, part)) for part in split] for split in cv]
    without = small(cv=parts).fit(X[kept], Y[kept])
    np.testing.assert_array_equal(weighted.predict_proba(X), without.predict_proba(X))


def test_groups_and_halving_over_rows():
    groups = np.arange(len(Y)) // 6
    clf = small(resource="n_samples", min_resources=20, cv=None).fit(
        X, Y, groups=groups
    )
    assert clf.predict(X).shape == (90,)
    assert len(clf.rungs_) > 1


def test_gaps_are_filled(on_sparse):
    gaps = X.copy()
    gaps.data[::6] = np.nan
    clf = small().fit(gaps, Y)
    assert set(clf.cv_results_["status"]) <= {"ok", "pruned"}
    dense = gaps.toarray()
    np.testing.assert_array_equal(clf.predict_proba(gaps), clf.predict_proba(dense))
    # In columns that were complete in `fit`, too.
    np.testing.assert_array_equal(on_sparse.predict(gaps), on_sparse.predict(dense))


@pytest.mark.parametrize("shape", [(12, 1), (12, 2), (40, 400)])
def test_few_rows_or_columns(shape):
    few, codes = tables.sparse(*shape, density=0.5)
    clf = small().fit(few, codes > 0)
    assert set(clf.cv_results_["status"]) <= {"ok", "pruned"}
    assert clf.predict(few.toarray()).shape == shape[:1]


def test_columns_without_a_value():
    empty = sparse.hstack([X, sparse.csr_array((90, 3))])
    assert set(small().fit(empty, Y).cv_results_["status"]) <= {"ok", "pruned"}


def test_names_of_sparse_columns():
    frame = pd.DataFrame.sparse.from_spmatrix(X).add_prefix("c")
    clf = small(population_size=1).fit(frame, Y)
    assert clf.feature_names_in_.tolist() == [f"c{i}" for i in range(40)]
    dense = frame.sparse.to_dense()
    np.testing.assert_array_equal(clf.predict_proba(frame), clf.predict_proba(dense))
    best = clf.best_estimator_
    np.testing.assert_array_equal(best.predict(frame), best.predict(dense))
    for model in (clf, best):
        with pytest.raises(ValueError, match="feature names"):
            model.predict(frame.rename(columns={"c0": "d0"}))


def test_sparse_columns_among_others_become_dense():
    frame = pd.DataFrame.sparse.from_spmatrix(X).add_prefix("c").assign(label=Y)
    clf = small(population_size=1).fit(frame, Y)
    assert clf.score(frame, Y) == 1


def test_what_is_left_out_is_said(capsys, on_sparse):
    small(population_size=1, verbose=1).fit(X, Y)
    assert "X is sparse: no hist_gradient_boosting" in capsys.readouterr().out
    small(population_size=1, verbose=1).fit(X.toarray(), Y)
    assert "sparse" not in capsys.readouterr().out
    models = on_sparse.genome_.genes["model"].branches
    assert "gaussian_process" not in models


def test_texts_behind_a_vectorizer():
    texts = [f"{label} as word {i % 7}" for i, label in enumerate(Y)]
    clf = make_pipeline(TfidfVectorizer(), small()).fit(texts, Y)
    assert clf.score(texts, Y) == 1


@pytest.mark.slow
def test_many_columns_in_time():
    many, codes = tables.sparse(300, 20_000, density=0.002)
    start = time.perf_counter()
    clf = small(max_time=4, generations=None, cv=3).fit(many, codes)
    assert time.perf_counter() - start < 7
    assert clf.n_evaluations_ > 1
    assert clf.predict(many).shape == (300,)
