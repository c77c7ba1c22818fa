"""Scoring and refit are read as scikit-learn's searches read them."""

import math
import pickle
import time

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknevo.evaluation import Objectives
from sknevo.evaluation._costs import Cost, predict_time

X, y = np.zeros((4, 1)), np.array([0, 1, 1, 1])
dummy = DummyClassifier(strategy="most_frequent").fit(X, y)


def both(estimator, X, y):
    return {"hits": estimator.score(X, y), "misses": 1 - estimator.score(X, y)}


def one(estimator, X, y):
    return 0.5


def measured(scoring, refit=True, y=y):
    objectives = Objectives.of(SVC(), scoring, refit)
    scores = objectives.measure(dummy, X, y, {})
    assert all(type(score) is float for score in scores.values())
    return scores, objectives.fitness({n: (s, s + 1) for n, s in scores.items()})


@pytest.mark.parametrize(
    ("scoring", "refit", "scores", "fitness"),
    [
        ("accuracy", True, {"score": 0.75}, 1.25),
        ("accuracy", False, {"score": 0.75}, 1.25),
        ("accuracy", "accuracy", {"score": 0.75}, 1.25),
        (one, True, {"score": 0.5}, 1.0),
        (both, "misses", {"hits": 0.75, "misses": 0.25}, 0.75),
        (["accuracy", "recall"], "recall", {"accuracy": 0.75, "recall": 1}, 1.5),
        (("accuracy", "recall"), False, {"accuracy": 0.75, "recall": 1}, 1.25),
        ({"r": "recall", "o": one}, "o", {"r": 1.0, "o": 0.5}, 1.0),
        ({"r": "recall", "o": one}, np.argmax, {"r": 1.0, "o": 0.5}, 1.5),
    ],
)
def test_the_fitness_is_the_mean_over_splits_of_the_score_named(
    scoring, refit, scores, fitness
):
    assert measured(scoring, refit) == (scores, fitness)


def test_losses_are_negated():
    assert measured("neg_log_loss")[0]["score"] < 0


@pytest.mark.parametrize(
    ("refit", "message"),
    [
        (True, r"refit must name one of \['accuracy', 'recall'\].*got True"),
        ("f1", r"refit must be one of \['accuracy', 'recall'\]; got 'f1'"),
    ],
)
def test_several_metrics_need_one_that_is_the_fitness(refit, message):
    with pytest.raises(ValueError, match=message):
        Objectives.of(SVC(), ["accuracy", "recall"], refit)


def test_scorers_are_what_the_user_may_see():
    assert Objectives.of(SVC(), one, True).scorers is one
    scorers = Objectives.of(SVC(), {"a": "accuracy", "o": one}, "a").scorers
    assert list(scorers) == ["a", "o"]
    assert scorers["a"](dummy, X, y) == 0.75


@pytest.mark.parametrize(
    ("scoring", "needed"),
    [
        ("accuracy", False),
        ("roc_auc", False),  # the decision function does as well
        ("neg_log_loss", True),
        (["accuracy", "neg_brier_score"], True),
        (make_scorer(log_loss, response_method=("predict_proba", "predict")), True),
        (one, True),  # it may call what it likes
    ],
)
def test_probabilities_are_computed_if_a_score_needs_them(scoring, needed):
    refit = scoring[0] if isinstance(scoring, list) else True
    assert Objectives.of(SVC(), scoring, refit).needs_probabilities is needed


@pytest.mark.parametrize(
    ("scoring", "blind"),
    [
        ("accuracy", True),
        (["accuracy", "roc_auc"], True),
        (make_scorer(accuracy_score), True),
        (one, False),
        ({"a": "accuracy", "o": one}, False),
    ],
)
def test_who_may_look_at_X_is_known(scoring, blind):
    refit = next(iter(scoring)) if isinstance(scoring, list | dict) else True
    assert Objectives.of(SVC(), scoring, refit).use_only_predictions is blind


def test_metadata_reach_the_scorer():
    scorer = make_scorer(accuracy_score)
    weights = {"sample_weight": [1, 0, 0, 0]}
    assert Objectives.of(SVC(), scorer, True).measure(dummy, X, y, weights) == {
        "score": 0.0
    }


@pytest.mark.parametrize("scoring", ["neg_log_loss", ["accuracy", "neg_log_loss"]])
def test_a_split_may_lack_a_class(scoring):
    three = DummyClassifier(strategy="prior").fit(np.zeros((4, 1)), [0, 1, 2, 2])
    refit = "accuracy" if isinstance(scoring, list) else True
    objectives = Objectives.of(SVC(), scoring, refit, labels=[0, 1, 2])
    scores = objectives.measure(three, np.zeros((2, 1)), [0, 1], {})
    assert list(scores.values())[-1] == pytest.approx(-np.log(4))


def test_the_users_scorer_is_not_told_what_it_knows_nor_changed():
    def count(y, probabilities, labels=None):
        return len(labels or ())

    scorer = make_scorer(count, response_method="predict_proba")
    knowing = make_scorer(count, response_method="predict_proba", labels=[0, 1])
    for one, n in ((scorer, 3), (knowing, 2)):
        objectives = Objectives.of(SVC(), one, True, labels=[0, 1, 2])
        assert objectives.measure(dummy, X, y, {}) == {"score": n}
    assert scorer(dummy, X, y) == 0


def test_a_nan_is_not_averaged_away():
    objectives = Objectives.of(SVC(), "accuracy", True)
    assert math.isnan(objectives.fitness({"score": (1.0, math.nan)}))


# Costs ---------------------------------------------------------------------------


class Slow(DummyClassifier):
    """Takes ten milliseconds to predict, and remembers how many."""

    seen = []

    def predict(self, X):
        self.seen.append(len(X))
        time.sleep(0.01)
        return super().predict(X)


def test_costs_stand_beside_scores_and_are_negated():
    scoring = ["accuracy", "fit_time", "predict_time", "size"]
    objectives = Objectives.of(SVC(), scoring, "accuracy")
    slow = Slow(strategy="most_frequent").fit(X, y)
    scores = objectives.measure(slow, X, y, {}, fit_time=3.0)
    assert list(scores) == scoring
    assert scores["accuracy"] == 0.75
    assert scores["fit_time"] == -3.0
    assert -0.1 < scores["predict_time"] <= -0.01
    assert scores["size"] == -len(pickle.dumps(slow))
    assert not objectives.use_only_predictions  # the preparation counts, too
    assert not objectives.needs_probabilities


def test_a_model_is_timed_on_1000_samples_several_times():
    Slow.seen.clear()
    predict_time(Slow().fit(X, y), X)
    assert Slow.seen == [1000] * 5


@pytest.mark.parametrize(
    ("scoring", "names"),
    [
        ({"right": "accuracy", "bytes": "size"}, ["right", "bytes"]),
        (("accuracy", "size"), ["accuracy", "size"]),
        ({"size", "accuracy"}, ["accuracy", "size"]),  # a set has the same order always
    ],
)
def test_costs_may_be_named_in_any_form(scoring, names):
    scores = Objectives.of(SVC(), scoring, names[0]).measure(dummy, X, y, {})
    assert list(scores) == names
    assert scores[names[1]] < 0


@pytest.mark.parametrize(
    ("model", "n"),
    [
        (LogisticRegression(), 2),
        (make_pipeline(StandardScaler(), LogisticRegression()), 2),
        (MLPClassifier(3, max_iter=1, solver="lbfgs"), 3 + 3 + 3 + 1),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parameters_of_linear_models_and_networks_are_counted(model, n):
    assert Cost("n_parameters")(model.fit(X, y), X) == -n


def test_parameters_of_others_are_no_number():
    with pytest.raises(TypeError, match="DummyClassifier has none: use 'size'"):
        Cost("n_parameters")(dummy, X)


def test_with_weights_the_fitness_is_their_sum():
    scoring = ["accuracy", "recall", "size"]
    objectives = Objectives.of(SVC(), scoring, {"accuracy": 1, "size": 0.5})
    scores = {"accuracy": (0.5, 0.7), "recall": (0.1, 0.1), "size": (-2.0, -4.0)}
    assert objectives.fitness(scores) == pytest.approx(0.6 - 1.5)
    assert objectives.objective_values(scores) == pytest.approx((0.6, 0.1, -3.0))


def test_weights_of_a_scorer_that_returns_many():
    objectives = Objectives.of(SVC(), both, {"hits": 2})
    assert objectives.fitness({"hits": (0.5,), "misses": (0.5,)}) == 1.0
    with pytest.raises(ValueError, match="refit must name scores among"):
        Objectives.of(SVC(), both, {"luck": 2}).fitness({"hits": (0.5,)})


def test_a_single_score_is_no_goal_beside_the_fitness_and_nan_is_the_worst():
    objectives = Objectives.of(SVC(), ["accuracy", "recall"], "accuracy")
    assert objectives.objective_values({"score": (0.5,)}) == ()
    assert objectives.objective_values({"a": (0.5,), "b": (math.nan, 1.0)}) == (
        0.5,
        -math.inf,
    )


BOTH = ["accuracy", "size"]


@pytest.mark.parametrize(
    ("scoring", "refit", "message"),
    [
        ("size", True, "must name a score beside the costs"),
        (["size", "fit_time"], "size", "must name a score beside the costs"),
        ({"a": "size"}, "a", "must name a score beside the costs"),
        (["accuracy", "size", "size"], "accuracy", "'size' once only"),
        (["goodness", "size"], "size", "goodness"),
        (BOTH, True, "refit must name one of"),
        (BOTH, "bytes", "refit must be one of"),
        (BOTH, {"bytes": 1}, r"must weigh some of \['accuracy', 'size'\]; got 'bytes'"),
        (BOTH, {}, "at least one score a weight"),
        (BOTH, {"accuracy": -1}, "positive"),
        (BOTH, {"accuracy": True}, "positive"),
        (BOTH, {"accuracy": math.inf}, "finite"),
        (BOTH, {"accuracy": "much"}, "positive"),
        ("accuracy", {"accuracy": 1}, "needs several metrics"),
    ],
)
def test_goals_that_make_no_sense_are_named(scoring, refit, message):
    with pytest.raises(ValueError, match=message):
        Objectives.of(SVC(), scoring, refit)
