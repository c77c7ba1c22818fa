"""Networks whose training goes on: from rung to rung, and at the end on all images."""

import pickle
import time
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import train_test_split

from sknevo import EvolvedClassifier
from sknevo.builders.convnet import ClassifierNet
from sknevo.evaluation import Journal
from sknevo.genomes.convnet import convnet
from sknevo.records import DataSpec

SMALL = {
    "population_size": 3,
    "generations": 1,
    "max_epochs": 4,
    "resource": "epochs",
    "min_resources": 1,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=4, return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8), y


@pytest.fixture(scope="module")
def fitted(digits):
    return EvolvedClassifier(**SMALL).fit(*digits)


def test_members_have_gone_on_with_all_images(digits, fitted):
    X, y = digits
    for member in fitted.ensemble_.members:
        assert member.models == ()  # the one split's model has become it
        asked = fitted.cv_results_["params"][member.index]["training"]["epochs"]
        rung = min(asked, fitted.cv_results_["resource"][member.index])
        assert member.whole.epochs_ > rung
    whole = {member.index: member.whole for member in fitted.ensemble_.members}
    if fitted.best_index_ in whole:
        best = whole[fitted.best_index_]
        np.testing.assert_array_equal(
            best.predict_proba(X), fitted.best_estimator_.predict_proba(X)
        )
    assert fitted.score(X, y) > 0.95


def test_only_the_last_rung_of_an_individual_is_a_member(fitted):
    keys = [member.chromosome.key for member in fitted.ensemble_.members]
    assert len(keys) == len(set(keys))


@pytest.mark.slow
def test_results_do_not_depend_on_workers(digits, fitted):
    other = EvolvedClassifier(**SMALL, n_jobs=2).fit(*digits)
    results = fitted.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(other.cv_results_["mean_test_score"], results)
    np.testing.assert_array_equal(
        other.predict_proba(digits[0]), fitted.predict_proba(digits[0])
    )


def test_a_resumed_search_ends_with_the_same_networks(digits, fitted, tmp_path):
    path = tmp_path / "run.jsonl"
    EvolvedClassifier(**SMALL, journal=path).fit(*digits)
    # All but the first two evaluations are lost, and with the process all models.
    lines = path.read_bytes().splitlines(keepends=True)
    for n_kept in (3, len(lines)):
        path.write_bytes(b"".join(lines[:n_kept]))
        resumed = EvolvedClassifier(**SMALL, journal=path).fit(*digits)
        np.testing.assert_array_equal(
            resumed.predict_proba(digits[0]), fitted.predict_proba(digits[0])
        )
    with Journal(path) as journal:
        assert journal.n_evaluations == len(lines) - 1


def test_what_predicts_keeps_nothing_that_only_training_needs(digits, fitted):
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict(digits[0]), fitted.predict(digits[0]))
    for model in (loaded.best_estimator_, loaded.ensemble_.members[0].whole):
        assert model.training_ is None
        assert not model.optimizer_.state_dict()["state"]


@pytest.mark.parametrize(
    ("n", "shape", "n_splits", "expected"),
    [
        (48_000, (28, 28), 1, 1),  # an epoch is a part of so many
        (3_000, (28, 28), 1, 3),
        (1_500, (28, 28), 1, 6),
        (300, (28, 28), 5, 6),
        (300, (56, 56, 3), 5, 2),  # no less than 600
    ],
)
def test_the_first_rung_is_short_whatever_the_data(n, shape, n_splits, expected):
    spec = DataSpec("classification", n, 10, shape=shape)
    clf = EvolvedClassifier(max_time=60)
    clf.genome_ = convnet(spec)
    assert clf._auto_resource(spec, n_splits) == ("epochs", expected)


@pytest.mark.parametrize(
    "ensemble_size", [pytest.param(None, marks=pytest.mark.slow), 25]
)
def test_max_time_is_used_and_kept(digits, ensemble_size):
    X, X_test, y, y_test = train_test_split(*digits, random_state=0)
    start = time.time()
    clf = EvolvedClassifier(
        max_time=5, generations=None, ensemble_size=ensemble_size, random_state=0
    ).fit(X, y)
    assert 4 < time.time() - start < 7
    assert clf.score(X_test, y_test) > 0.95
    assert np.isfinite(clf.cv_results_["resource"]).any()


def test_one_that_fails_at_the_end_predicts_as_its_trial_has_left_it(
    digits, monkeypatch
):
    def fail(self, *args, **kwargs):
        raise ValueError("nothing left to learn")

    monkeypatch.setattr(ClassifierNet, "finish", fail)
    with pytest.warns(FitFailedWarning, match="has left it.* nothing left"):
        clf = EvolvedClassifier(**SMALL).fit(*digits)
    assert all(len(member.models) == 1 for member in clf.ensemble_.members)
    assert clf.best_estimator_.training_ is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clf.score(*digits) > 0.9
