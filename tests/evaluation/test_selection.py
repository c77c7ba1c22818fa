"""An ensemble is selected greedily by the user's own scorer."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, make_scorer

from sknevo.evaluation import Objectives
from sknevo.evaluation._selection import (
    HeldOut,
    Selection,
    _vectorised,
    gain,
    select,
)

LABELS = np.array(["ant", "bee", "cat", "dog"])
CLASSIFYING = ["neg_log_loss", "accuracy"]
REGRESSING = [
    "r2",
    "neg_mean_squared_error",
    "neg_root_mean_squared_error",
    "neg_mean_absolute_error",
]


def problem(scoring, *, seed=0, n_classes=3, n_candidates=6, sizes=(25, 40), **options):
    """Return predictions of candidates on splits, and the parts they are for."""
    rng = np.random.default_rng(seed)
    classifies = n_classes > 0
    labels = LABELS[:n_classes] if classifies else None
    codes = [np.append(rng.integers(0, n_classes or 1, n - 4), range(4)) for n in sizes]
    codes = [part % max(n_classes, 1) for part in codes]
    y = [labels[c] if classifies else rng.normal(size=len(c)) for c in codes]
    params = [{}] * len(sizes)
    if options.get("weighted"):
        params = [{"sample_weight": rng.integers(1, 4, n)} for n in sizes]
    candidates = [
        [_probabilities(rng, part, n_classes, options) for part in codes]
        if classifies
        else [part + rng.normal(size=len(part)) for part in y]
        for _ in range(n_candidates)
    ]
    model = LogisticRegression() if classifies else Ridge()
    objectives = Objectives.of(model, scoring, options.get("refit", True), labels)
    return candidates, HeldOut(objectives, y, params, labels)


def _probabilities(rng, codes, n_classes, options):
    logits = rng.normal(size=(len(codes), n_classes))
    logits[np.arange(len(codes)), codes] += 1
    p = np.exp(logits)
    if options.get("rounded"):  # ties, zeros and ones
        p = (
            np.eye(n_classes)[p.argmax(axis=1)]
            + (rng.random(len(codes)) < 0.3)[:, None]
        )
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


def mean(candidates, picks):
    return [
        np.mean([candidates[i][split].astype(float) for i in picks], axis=0)
        for split in range(len(candidates[0]))
    ]


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    seed=st.integers(0, 1000),
    weighted=st.booleans(),
    rounded=st.booleans(),
    n_classes=st.integers(2, 4),
    picks=st.lists(st.integers(0, 5), min_size=1, max_size=4),
)
@pytest.mark.parametrize("scoring", CLASSIFYING + REGRESSING)
def test_vectorised_scores_are_those_of_the_scorer(
    scoring, seed, weighted, rounded, n_classes, picks
):
    n_classes = n_classes if scoring in CLASSIFYING else 0
    candidates, held_out = problem(
        scoring, seed=seed, n_classes=n_classes, weighted=weighted, rounded=rounded
    )
    form = _vectorised(held_out)
    ensemble = mean(candidates, picks)
    scores = form.score(form.feature(np.concatenate(ensemble))[None])
    np.testing.assert_allclose(scores, held_out.score(ensemble), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "f1_macro", "r2", "max_error"])
def test_each_step_adds_the_candidate_that_raises_the_score_most(scoring):
    scoring = {"max_error": "neg_max_error"}.get(scoring, scoring)
    regresses = scoring in ("r2", "neg_max_error")
    candidates, held_out = problem(scoring, n_classes=0 if regresses else 3)
    picks, scores = [], []
    for _ in range(5):
        trials = [
            held_out.score(mean(candidates, [*picks, i]))
            for i in range(len(candidates))
        ]
        picks.append(int(np.argmax(trials)))
        scores.append(max(trials))
    selection = select(candidates, held_out, n_steps=5)
    assert selection.picks == tuple(picks)
    assert selection.scores == pytest.approx(scores, rel=1e-6)


def test_ensemble_ends_with_the_first_best_score():
    selection = Selection((2, 0, 2, 1), (0.5, 0.7, 0.7, 0.6))
    assert selection.best_step == 2
    assert selection.score == 0.7
    assert selection.weights == {2: 0.5, 0: 0.5}


def test_of_equal_candidates_the_earlier_is_picked():
    candidates, held_out = problem("neg_log_loss", n_candidates=2)
    selection = select([candidates[1]] * 3, held_out, n_steps=3)
    assert selection.picks == (0, 0, 0)
    assert selection.weights == {0: 1.0}


def test_candidate_without_a_score_is_not_picked():
    candidates, held_out = problem("r2", n_classes=0)
    candidates[0] = [np.full_like(part, np.nan) for part in candidates[0]]
    assert 0 not in select(candidates, held_out).weights


def test_gain_is_the_difference_to_the_ensemble_with_one_more_pick():
    candidates, held_out = problem("neg_log_loss")
    ensemble = mean(candidates, [0, 0, 1])
    gains = gain(candidates, ensemble, 3, held_out)
    expected = [
        held_out.score(mean(candidates, [0, 0, 1, i])) - held_out.score(ensemble)
        for i in range(len(candidates))
    ]
    np.testing.assert_allclose(gains, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [
        (make_scorer(log_loss, response_method="predict_proba", normalize=False), True),
        (["accuracy", "neg_log_loss"], {"accuracy": 1.0, "neg_log_loss": 0.5}),
        ("f1_weighted", True),
    ],
)
def test_other_scores_are_asked_of_the_scorer(scoring, refit):
    candidates, held_out = problem(scoring, refit=refit, weighted=True)
    assert _vectorised(held_out) is None
    selection = select(candidates, held_out, n_steps=2)
    assert selection.scores[-1] == held_out.score(mean(candidates, selection.picks))


def test_only_scores_of_the_fitness_are_computed():
    scoring = ["fit_time", "neg_log_loss"]
    candidates, held_out = problem(scoring, refit="neg_log_loss")
    assert held_out.objectives.judges_predictions
    plain, _ = problem("neg_log_loss")
    assert select(candidates, held_out) == select(plain, problem("neg_log_loss")[1])


def test_costs_and_callables_need_more_than_predictions():
    for scoring in (lambda model, X, y: 0.5, {"a": "accuracy", "size": "size"}):
        weights = {"a": 1.0, "size": 1.0} if isinstance(scoring, dict) else True
        objectives = Objectives.of(LogisticRegression(), scoring, weights)
        assert not objectives.judges_predictions
