"""What the best of many scores is worth on new data."""

import math

import numpy as np
import pytest
from sklearn.datasets import make_classification

from sknevo import EvolvedPipelineClassifier
from sknevo.evaluation._optimism import _part_scores, corrected

from .test_selection import problem


def test_of_equal_candidates_the_best_is_worth_what_all_are():
    rng = np.random.default_rng(0)
    draws = [rng.normal(0.8, 0.05, (50, 5)) for _ in range(200)]
    raw = np.mean([scores.mean(axis=1).max() for scores in draws])
    found = [corrected(scores) for scores in draws]
    assert raw > 0.84
    assert np.mean([one.score for one in found]) == pytest.approx(0.8, abs=0.004)


def test_a_candidate_that_is_clearly_the_best_keeps_its_score():
    scores = np.random.default_rng(0).normal(0.6, 0.02, (30, 4))
    scores[7] += 0.3
    found = corrected(scores)
    assert found.score == pytest.approx(scores[7].mean())
    assert found.error == pytest.approx(scores[7].std(ddof=1) / 2)


@pytest.mark.parametrize("shape", [(0, 5), (10, 1)])
def test_nothing_is_known_of_no_candidate_or_a_single_part(shape):
    assert all(map(math.isnan, corrected(np.zeros(shape))))


@pytest.mark.parametrize(
    "scoring", ["neg_log_loss", "roc_auc_ovr", "balanced_accuracy", "r2"]
)
def test_a_single_split_is_cut_into_parts_with_all_classes(scoring):
    n_classes = 0 if scoring == "r2" else 3
    candidates, held_out = problem(scoring, n_classes=n_classes, sizes=(200,))
    scores = _part_scores(candidates, held_out)
    assert scores.shape == (6, 5)
    whole = [held_out.score(candidate) for candidate in candidates]
    np.testing.assert_allclose(scores.mean(axis=1), whole, atol=0.06)


def test_a_class_with_one_row_cannot_be_in_several_parts():
    candidates, held_out = problem("roc_auc_ovr", sizes=(40,))
    held_out.y[0][held_out.y[0] == held_out.labels[0]] = held_out.labels[1]
    held_out.y[0][3] = held_out.labels[0]
    assert _part_scores(candidates, held_out).shape == (6, 1)


@pytest.mark.parametrize(
    "cv",
    [pytest.param(4, marks=pytest.mark.slow), [(np.arange(150), np.arange(150, 300))]],
)
def test_a_search_says_what_its_best_score_is_worth(cv):
    X, y = make_classification(300, 5, flip_y=0.3, random_state=0)
    search = EvolvedPipelineClassifier(
        population_size=4, generations=1, cv=cv, random_state=0, scoring="accuracy"
    ).fit(X, y)
    assert search.expected_score_ <= search.best_score_
    assert 0 < search.expected_score_error_ < 0.1


def test_it_is_not_known_of_one_split_without_predictions():
    X, y = make_classification(60, 3, n_redundant=0, random_state=0)
    search = EvolvedPipelineClassifier(
        population_size=2,
        generations=1,
        cv=[(np.arange(40), np.arange(40, 60))],
        ensemble_size=None,
        random_state=0,
    ).fit(X, y)
    assert math.isnan(search.expected_score_)


def test_a_choice_of_the_users_own_has_no_expected_score():
    X, y = make_classification(60, 3, n_redundant=0, random_state=0)
    search = EvolvedPipelineClassifier(
        population_size=2, generations=1, refit=lambda results: 0, random_state=0
    ).fit(X, y)
    assert not hasattr(search, "expected_score_")
