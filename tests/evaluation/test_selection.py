"""An ensemble is selected greedily by the user's own scorer."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, make_scorer

from sknevo.evaluation import Objectives
from sknevo.evaluation._averages import _vectorised
from sknevo.evaluation._held_out import Decision, HeldOut
from sknevo.evaluation._selection import Selection, select, tune

LABELS = np.array([1, 2, 4, 5])
CLASSIFYING = [
    "neg_log_loss",
    "neg_brier_score",
    "accuracy",
    "roc_auc",
    "roc_auc_ovr",
]
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
        p = np.eye(n_classes)[[p.argmax(axis=1), p.argmin(axis=1)]]
        p = np.where(rng.random((len(codes), 1)) < 0.5, p[0], p.mean(axis=0))
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


def mean(candidates, picks):
    return [
        np.mean([candidates[i][split].astype(float) for i in picks], axis=0)
        for split in range(len(candidates[0]))
    ]


@settings(max_examples=12, derandomize=True, deadline=None)
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
    if scoring == "roc_auc":
        n_classes = 2
    if scoring in REGRESSING:
        n_classes = 0
    candidates, held_out = problem(
        scoring, seed=seed, n_classes=n_classes, weighted=weighted, rounded=rounded
    )
    form = _vectorised(held_out)
    ensemble = mean(candidates, picks)
    scores = form.score(form.feature(np.concatenate(ensemble))[None])
    np.testing.assert_allclose(scores, held_out.score(ensemble), rtol=1e-6, atol=1e-7)


def steps(candidates, held_out, picks, n_steps):
    """Return picks and scores of a plain greedy selection that begins with picks."""
    scores = [
        held_out.score(mean(candidates, picks[: i + 1])) for i in range(len(picks))
    ]
    while len(picks) < n_steps:
        trials = [
            held_out.score(mean(candidates, [*picks, i]))
            for i in range(len(candidates))
        ]
        picks = [*picks, int(np.argmax(trials))]
        scores.append(max(trials))
    return picks, scores


@pytest.mark.parametrize(
    "scoring", ["neg_log_loss", "d2_log_loss_score", "r2", "neg_max_error"]
)
def test_each_step_adds_the_candidate_that_raises_the_score_most(scoring):
    n_classes = 0 if scoring in ("r2", "neg_max_error") else 3
    candidates, held_out = problem(scoring, n_classes=n_classes, sizes=(600, 500))
    best = int(np.argmax([held_out.score(parts) for parts in candidates]))
    picks, scores = steps(candidates, held_out, [best], 5)
    cut = int(np.argmax(scores)) + 1
    selection = select(candidates, held_out, n_steps=5)
    assert selection.picks == tuple(picks[:cut])
    assert selection.scores == pytest.approx(scores[:cut], rel=1e-6)


def test_on_few_rows_the_best_candidates_are_the_beginning():
    candidates, held_out = problem("neg_log_loss", n_candidates=12, sizes=(50, 40))
    single = [held_out.score(parts) for parts in candidates]
    first = np.argsort(single)[::-1][:4].tolist()
    selection = select(candidates, held_out, n_steps=10)
    picks, scores = steps(candidates, held_out, first, 10)
    assert selection.picks == tuple(picks[: len(selection.picks)])
    assert selection.scores[-1] == pytest.approx(max(scores[3:]), rel=1e-6)


def test_a_class_that_a_part_lacks_is_left_out_of_the_roc_auc():
    candidates, held_out = problem("roc_auc_ovr", n_classes=4)
    lacks = [np.asarray(y) != held_out.labels[i] for i, y in enumerate(held_out.y)]
    y = [part[rows] for part, rows in zip(held_out.y, lacks, strict=True)]
    held_out = replace(held_out, y=y)
    parts = [p[rows] for p, rows in zip(candidates[0], lacks, strict=True)]
    form = _vectorised(held_out)
    scores = form.score(form.feature(np.concatenate(parts))[None])
    assert scores == pytest.approx(held_out.score(parts))


def test_a_known_scorer_selects_for_one_with_other_settings():
    candidates, held_out = problem("roc_auc_ovo", sizes=(200, 150))
    selection = select(candidates, held_out)
    known = select(candidates, problem("roc_auc_ovr", sizes=(200, 150))[1])
    assert selection.picks == known.picks
    average = selection.average(candidates)
    assert selection.scores[-1] == pytest.approx(held_out.score(average))


def test_labels_are_selected_by_their_log_loss_and_scored_by_the_scorer():
    candidates, held_out = problem("f1_macro")
    selection = select(candidates, held_out)
    assert selection.picks == select(candidates, problem("neg_log_loss")[1]).picks
    average = selection.average(candidates)
    assert selection.scores[-1] == pytest.approx(held_out.score(average))


@pytest.mark.parametrize("scoring", ["neg_log_loss", "r2", "roc_auc_ovr", "f1_macro"])
def test_many_rows_are_compared_in_part_and_scored_in_full(scoring, monkeypatch):
    n_classes = 0 if scoring == "r2" else 3
    candidates, held_out = problem(
        scoring, n_classes=n_classes, sizes=(600, 500), weighted=True
    )
    monkeypatch.setattr("sknevo.evaluation._selection.SECONDS", 1e-9)
    monkeypatch.setattr("sknevo.evaluation._selection.LEAST_ROWS", 300)
    selection = select(candidates, held_out)
    average = selection.average(candidates)
    assert selection.scores[-1] == pytest.approx(held_out.score(average), rel=1e-6)
    assert selection.scores[-1] > selection.scores[0]


def test_weights_are_the_shares_of_the_picks():
    selection = Selection((2, 0, 2, 1), (0.5, 0.6, 0.7, 0.8))
    assert selection.weights == {2: 0.5, 0: 0.25, 1: 0.25}


def test_of_equal_candidates_the_earlier_is_picked():
    candidates, held_out = problem("neg_log_loss", sizes=(600, 500))
    selection = select([candidates[1]] * 3, held_out, n_steps=3)
    assert selection.weights == {0: 1.0}


@pytest.mark.parametrize("sizes", [(25, 40), (600, 500)])
def test_candidate_without_a_score_is_not_picked(sizes):
    candidates, held_out = problem("r2", n_classes=0, sizes=sizes)
    candidates[0] = [np.full_like(part, np.nan) for part in candidates[0]]
    assert 0 not in select(candidates, held_out).weights


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [
        (make_scorer(log_loss, response_method="predict_proba", normalize=False), True),
        (["accuracy", "neg_log_loss"], {"accuracy": 1.0, "neg_log_loss": 0.5}),
        ("d2_log_loss_score", True),
    ],
)
def test_other_scores_are_asked_of_the_scorer(scoring, refit):
    candidates, held_out = problem(scoring, refit=refit, weighted=True)
    assert _vectorised(held_out) is None
    selection = select(candidates, held_out, n_steps=2)
    average = mean(candidates, selection.picks)
    assert selection.scores[-1] == pytest.approx(held_out.score(average))


def test_only_scores_of_the_fitness_are_computed():
    scoring = ["fit_time", "neg_log_loss"]
    candidates, held_out = problem(scoring, refit="neg_log_loss")
    assert held_out.objectives.fitness_uses_only_predictions
    plain, _ = problem("neg_log_loss")
    assert select(candidates, held_out) == select(plain, problem("neg_log_loss")[1])


def test_costs_and_callables_need_more_than_predictions():
    for scoring in (lambda model, X, y: 0.5, {"a": "accuracy", "size": "size"}):
        weights = {"a": 1.0, "size": 1.0} if isinstance(scoring, dict) else True
        objectives = Objectives.of(LogisticRegression(), scoring, weights)
        assert not objectives.fitness_uses_only_predictions


@pytest.mark.parametrize("scoring", ["balanced_accuracy", "matthews_corrcoef"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_offsets_serve_scores_of_labels(scoring, n_classes):
    (train, held_out), (test, other) = (
        skewed(scoring, n_classes, seed) for seed in range(2)
    )
    decision = tune(train, held_out)
    assert len(decision.offsets) == n_classes
    assert decision.temperature == 1
    assert held_out.score(train, decision) > held_out.score(train)
    assert other.score(test, decision) > other.score(test)
    p = decision.probabilities(test[0])
    np.testing.assert_allclose(p, test[0])


def skewed(scoring, n_classes, seed, size=400):
    """Return calibrated predictions of classes of which the first is frequent."""
    rng = np.random.default_rng(seed)
    alpha = np.array([4.0, *[0.3] * (n_classes - 1)])
    parts = [rng.dirichlet(alpha, size) for _ in range(3)]
    labels = LABELS[:n_classes]
    y = [np.array([rng.choice(labels, p=row) for row in part]) for part in parts]
    objectives = Objectives.of(LogisticRegression(), scoring, True, labels)
    return parts, HeldOut(objectives, y, [{}] * 3, labels)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_temperature_serves_the_log_loss(power):
    predictions, held_out = skewed("neg_log_loss", 3, 0, 4000)
    wrong = [part**power / (part**power).sum(axis=1)[:, None] for part in predictions]
    decision = tune(wrong, held_out)
    assert decision.temperature == pytest.approx(power, rel=0.1)
    assert held_out.score(wrong, decision) > held_out.score(wrong)
    np.testing.assert_array_equal(decision.codes(wrong[0]), wrong[0].argmax(axis=1))


def test_temperature_of_few_rows_goes_a_part_of_the_way():
    predictions, few = skewed("neg_log_loss", 3, 0, 50)
    wrong = [part**2 / (part**2).sum(axis=1)[:, None] for part in predictions]
    many = HeldOut(few.objectives, [*few.y] * 50, [{}] * 150, few.labels)
    part, whole = (
        np.log(tune(wrong * times, held_out).temperature)
        for times, held_out in ((1, few), (50, many))
    )
    assert part / whole == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc_ovr", "neg_brier_score"])
def test_other_scores_want_the_average_as_it_is(scoring):
    assert tune(*skewed(scoring, 3, 0)) == Decision()


def test_nothing_is_tuned_for_regression():
    candidates, held_out = problem("r2", n_classes=0)
    assert tune(candidates[0], held_out) == Decision()
