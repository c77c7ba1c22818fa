"""Several goals: costs beside scores, weighted sums, the front and any point of it."""

import json
import time
from functools import partial

import numpy as np
import pytest
from scipy.stats import randint
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from sknevo import Evaluation, EvolvedPipelineClassifier, EvolvedSearchCV, read_journal
from sknevo.estimators._results import pareto_front
from sknevo.genomes.pipeline import pipeline
from sknevo.records import Chromosome, Column, DataSpec

X, y = make_classification(n_samples=300, n_informative=8, flip_y=0, random_state=0)
SMALL = {"population_size": 6, "generations": 2, "cv": 2, "random_state": 0}
GOALS = ["accuracy", "size"]
MACHINES = partial(pipeline, models=["svm"])
TINY = {**SMALL, "genome": MACHINES, "population_size": 2, "generations": 1}


def evolve(**params):
    """Evolve trees, of which the deep ones are large."""
    tree, genome = DecisionTreeClassifier(), {"max_depth": randint(1, 12)}
    return EvolvedSearchCV(tree, genome, **{**SMALL, **params}).fit(X, y)


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    journal = tmp_path_factory.mktemp("front") / "run.jsonl"
    return evolve(scoring=GOALS, refit="accuracy", journal=journal)


def means(search, *names):
    return np.column_stack([search.cv_results_[f"mean_test_{n}"] for n in names])


# The front -----------------------------------------------------------------------


def rated(goals, status="ok", resource=None):
    return [
        Evaluation(Chromosome({"x": i}), status, g[0], objectives=g, resource=resource)
        for i, g in enumerate(goals)
    ]


@pytest.mark.parametrize(
    ("goals", "front"),
    [
        ([(1.0, 1.0)], [0]),
        ([(1.0, 2.0), (2.0, 1.0), (0.0, 0.0)], [1, 0]),
        ([(1.0, 1.0), (1.0, 1.0)], [0, 1]),  # equals do not beat each other
        ([(1.0, 1.0), (1.0, 2.0)], [1]),
        ([(1.0, -np.inf), (0.5, 0.0)], [0, 1]),
        ([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)], [0, 1, 2]),
        ([], []),
    ],
)
def test_the_front_holds_what_is_not_dominated(goals, front):
    assert pareto_front(rated(goals)).tolist() == front


def test_failures_and_lower_fidelities_are_not_on_the_front():
    others = rated([(9.0, 9.0)], "error") + rated([(9.0, 9.0)], resource=3)
    assert pareto_front(others + rated([(1.0, 1.0)])).tolist() == [2]


def test_with_one_goal_the_best_are_the_front():
    evaluations = [Evaluation(Chromosome({"x": i}), "ok", i % 3) for i in range(6)]
    assert pareto_front(evaluations).tolist() == [2, 5]


def test_it_is_that_of_the_columns_of_cv_results(search):
    goals = means(search, *GOALS)
    assert (goals[:, 1] < 0).all()  # bytes, negated
    front = search.pareto_front_
    beaten = [
        any((other >= mine).all() and (other > mine).any() for other in goals)
        for mine in goals
    ]
    assert sorted(front) == np.flatnonzero(~np.array(beaten)).tolist()
    assert len(front) > 1
    assert (np.diff(goals[front, 0]) <= 0).all()
    assert goals[search.best_index_, 0] == goals[front[0], 0]


def test_strategies_and_the_journal_know_the_goals(search):
    evaluations = read_journal(search.journal)
    np.testing.assert_array_equal(
        [e.objectives for e in evaluations], means(search, *GOALS)
    )
    again = evolve(scoring=GOALS, refit="accuracy", journal=search.journal)
    np.testing.assert_array_equal(again.pareto_front_, search.pareto_front_)


def test_a_journal_without_goals_is_damaged(search, tmp_path):
    lines = search.journal.read_text().splitlines()
    record = json.loads(lines[-1])
    del record["objectives"]
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join([*lines[:-1], json.dumps(record)]) + "\n")
    with pytest.raises(ValueError, match="is damaged"):
        read_journal(path)


# Any point of it -----------------------------------------------------------------


def test_any_individual_can_be_fitted(search):
    for index in search.pareto_front_:
        tree = search.refit_individual(index, X, y)
        params = search.cv_results_["params"][index]
        assert tree.get_depth() <= tree.max_depth == params["max_depth"]
    same = search.refit_individual(search.best_index_, X, y)
    np.testing.assert_array_equal(
        same.tree_.threshold, search.best_estimator_.tree_.threshold
    )


def test_without_a_refit_too():
    search = evolve(scoring=GOALS, refit=False)
    assert not hasattr(search, "best_estimator_")
    tree = search.refit_individual(search.pareto_front_[-1], X, y)
    assert tree.predict(X).shape == y.shape


def test_on_weighted_data(search):
    weights = np.where(y == 1, 1.0, 0.0)
    tree = search.refit_individual(0, X, y, sample_weight=weights)
    assert tree.predict(X).tolist() == [1] * len(y)


def test_of_our_own_pipelines():
    clf = EvolvedPipelineClassifier(**TINY).fit(X, y)
    labels = np.array(["no", "yes"])[y]
    with pytest.raises(ValueError, match="features"):
        clf.refit_individual(0, X[:, :3], y)
    other = clf.refit_individual(clf.best_index_, X, labels)
    assert set(other.predict(X)) == {"no", "yes"}
    assert clf.classes_.tolist() == [0, 1]  # this one stays as it is


@pytest.mark.parametrize(
    ("index", "error"),
    [(99, IndexError), (-1, IndexError), (0.5, TypeError), ("best", TypeError)],
)
def test_rows_that_are_none(search, index, error):
    with pytest.raises(error, match="index must be"):
        search.refit_individual(index, X, y)


def test_only_once_fitted():
    with pytest.raises(NotFittedError):
        EvolvedSearchCV(DecisionTreeClassifier(), {}).refit_individual(0, X, y)


def test_data_that_do_not_fit_together(search):
    with pytest.raises(ValueError, match="inconsistent"):
        search.refit_individual(0, X, y[1:])


# Choosing ------------------------------------------------------------------------


def test_the_fitness_may_be_a_weighted_sum():
    weights = {"accuracy": 1.0, "size": 1e-3}  # a byte counts a lot
    small = evolve(scoring=GOALS, refit=weights)
    sums = means(small, *GOALS) @ [1.0, 1e-3]
    assert small.best_index_ == sums.argmax()
    assert small.best_score_ == pytest.approx(sums.max())
    assert small.best_params_["max_depth"] < 3
    scores = small.score(X, y)
    assert scores < small.best_estimator_.score(X, y) - 1


def test_weights_of_the_time_to_fit_are_scored_by_that_of_the_refit():
    scoring = {"right": "accuracy", "seconds": "fit_time"}
    search = evolve(scoring=scoring, refit={"right": 1, "seconds": 1}, generations=1)
    hits = search.best_estimator_.score(X, y)
    assert search.score(X, y) == pytest.approx(hits - search.refit_time_, abs=0.01)


def test_a_callable_may_choose_from_the_results():
    def smallest(results):
        return results["mean_test_size"].argmax()

    search = evolve(scoring=GOALS, refit=smallest)
    sizes = search.cv_results_["mean_test_size"]
    assert search.best_index_ == sizes.argmax()


def test_the_number_of_parameters():
    search = EvolvedSearchCV(
        LogisticRegression(solver="liblinear"),
        {"C": [0.1, 1.0]},
        scoring=["accuracy", "n_parameters"],
        refit="accuracy",
        **{**SMALL, "generations": 1},
    ).fit(X, y)
    assert set(search.cv_results_["mean_test_n_parameters"]) == {-21.0}
    with pytest.raises(TypeError, match="DecisionTreeClassifier has none: use 'size'"):
        evolve(scoring=["accuracy", "n_parameters"], refit="accuracy")


# Speed ---------------------------------------------------------------------------


class Sleepy(DecisionTreeClassifier):
    """The deeper, the longer it takes to predict."""

    def predict(self, X):
        time.sleep(0.01 * self.max_depth)
        return super().predict(X)


def test_a_candidate_that_predicts_too_slowly_is_not_the_best():
    search = EvolvedSearchCV(
        Sleepy(), {"max_depth": [1, 9]}, max_predict_time=0.05, **SMALL
    ).fit(X, y)
    results = search.cv_results_
    status = dict(zip(results["param_max_depth"], results["status"], strict=True))
    assert status == {1: "ok", 9: "slow"}
    assert search.best_params_ == {"max_depth": 1}
    (error,) = results["error"][results["status"] == "slow"]
    assert "more than max_predict_time=0.05" in error
    assert search.pareto_front_.tolist() == [search.best_index_]


@pytest.mark.parametrize(
    ("params", "whole", "probabilities"),
    [
        ({"max_predict_time": 0.1}, True, True),
        ({"scoring": GOALS, "refit": "accuracy"}, True, True),
        ({"scoring": ["accuracy", "recall"], "refit": "recall"}, False, True),
        ({}, False, True),  # the ensemble averages them
        ({"ensemble_size": None}, False, False),
    ],
)
def test_what_is_measured_is_what_the_refit_would_be(params, whole, probabilities):
    """The refit reads tables as users have them, and predicts probabilities."""
    spec = DataSpec("classification", 100, 2, (Column("a", "numeric"),))
    clf = EvolvedPipelineClassifier(**params)
    clf._learn_X(clf._check_X(X, reset=True))
    clf.genome_ = clf._make_genome(spec)
    builder = clf._builder(spec, clf._objectives(clf._scoring))
    assert (builder.reader is not None) == whole
    assert builder.probabilities == probabilities


def test_it_is_the_whole_pipeline_that_is_timed():
    clf = EvolvedPipelineClassifier(max_predict_time=1e-9, **TINY)
    with pytest.raises(ValueError, match="predicting 1,000 samples takes"):
        clf.fit(X, y)
