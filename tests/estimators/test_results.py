"""`cv_results_` can be read like that of RandomizedSearchCV."""

import math
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold
from sklearn.svm import SVC
from toys import Recipe, Toy, evaluate

from sknevo import EvolvedSearchCV
from sknevo.deadline import TrialPruned
from sknevo.estimators._results import make_cv_results, runners_up
from sknevo.evaluation import Data, Evaluator, Objectives, Shared, TrialRunner
from sknevo.records import Chromosome, Evaluation

OURS = {"generation", "origin", "parents", "key", "resource", "status", "error"}
OURS |= {"n_fits", "end_time", "fitness"}
X, y = load_iris(return_X_y=True)
CV = StratifiedKFold(3, shuffle=True, random_state=0)


class Probable(SVC):
    """A machine with probabilities that cost nothing and mean little."""

    def predict_proba(self, X):
        odds = np.exp(self.decision_function(X))
        return odds / odds.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module", params=["accuracy", ["accuracy", "neg_log_loss"]])
def results(request):
    """Return scikit-learn's results, and ours of the same candidates."""
    refit = "accuracy" if isinstance(request.param, list) else True
    search = RandomizedSearchCV(
        Probable(),
        {"C": loguniform(0.001, 100), "kernel": ["rbf", "linear"], "degree": [2, 3]},
        n_iter=6,
        scoring=request.param,
        refit=refit,
        cv=CV,
        random_state=0,
    ).fit(X, y)

    def make(genes, seed):
        return type(search.estimator)(**genes)

    objectives = Objectives.of(search.estimator, request.param, refit)
    data = Shared(Data(X, y, list(CV.split(X, y))))
    evaluator = Evaluator(TrialRunner(Recipe(make), data, objectives, 0))
    candidates = [
        Chromosome({name: getattr(v, "item", lambda v=v: v)() for name, v in p.items()})
        for p in search.cv_results_["params"]
    ]
    evaluations = evaluate(evaluator, candidates)
    assert {e.error for e in evaluations} == {""}
    return search.cv_results_, make_cv_results(evaluations, 3, np.nan)


def is_time(name):
    return name.endswith("_time")


def test_columns_are_scikit_learns_and_ours(results):
    theirs, ours = results
    assert set(ours) == set(theirs) | OURS


def test_shapes_and_kinds_are_scikit_learns(results):
    theirs, ours = results
    for name, column in theirs.items():
        assert type(ours[name]) is type(column), name
        assert len(ours[name]) == len(column) == 6, name
        if not name.startswith("param"):
            assert ours[name].dtype == column.dtype, name


def test_values_are_scikit_learns(results):
    theirs, ours = results
    for name, column in theirs.items():
        if is_time(name):
            assert (ours[name] >= 0).all(), name
        elif "test" in name:
            np.testing.assert_allclose(ours[name], column, err_msg=name)
        else:
            assert list(ours[name]) == list(column), name


def test_a_data_frame_can_be_made(results):
    _, ours = results
    frame = pd.DataFrame(ours)
    assert frame.shape == (6, len(ours))
    assert frame.sort_values("rank_test_" + metric(ours)).iloc[0]["status"] == "ok"


def metric(results):
    return "score" if "mean_test_score" in results else "accuracy"


# What evolution adds -------------------------------------------------------------


def tried(i, model, fitness=None, **record):
    branches = {"svm": {"C": 1.0}, "boosting": {"depth": 3 + i}}
    genes = {"i": i, "model": {"choice": model, **branches}}
    chromosome = Chromosome(genes, i, "mutation" if i else "random", ("k",) * i)
    if fitness is None:
        return Evaluation(chromosome, error="no luck", **record)
    scores = {"score": (fitness - 0.5, fitness + 0.5)}
    return Evaluation(chromosome, "ok", fitness, scores, (1.0, 3.0), (0.1, 0.1))


MIXED = [
    tried(0, "svm", -5.0),
    tried(1, "boosting", status="error", fit_times=(4.0,)),
    tried(2, "boosting", -2.0),
    tried(3, "svm", status="timeout", scores={"score": (99.0,)}),
    tried(4, "boosting", -2.0),
]


def test_the_failed_get_the_error_score_and_the_worst_rank():
    results = make_cv_results(MIXED, 2, np.nan)
    np.testing.assert_array_equal(
        results["mean_test_score"], [-5, np.nan, -2, np.nan, -2]
    )
    np.testing.assert_array_equal(
        results["split1_test_score"], [-4.5, np.nan, -1.5, np.nan, -1.5]
    )
    assert results["rank_test_score"].tolist() == [3, 4, 1, 4, 1]
    assert results["rank_test_score"].dtype == np.int32


def test_a_number_may_stand_for_the_score_of_the_failed():
    results = make_cv_results(MIXED, 2, -100)
    assert results["mean_test_score"].tolist() == [-5, -100, -2, -100, -2]
    assert results["std_test_score"].tolist() == [0.5, 0, 0.5, 0, 0.5]
    assert results["rank_test_score"].tolist() == [3, 4, 1, 4, 1]


def test_fitness_is_the_worst_of_what_failed():
    results = make_cv_results(MIXED, 2, -100)
    assert results["fitness"].tolist() == [-5, -math.inf, -2, -math.inf, -2]


def test_times_are_of_the_splits_that_were_done():
    results = make_cv_results(MIXED, 2, np.nan)
    assert results["mean_fit_time"].tolist() == [2, 4, 2, 0, 2]
    assert results["std_fit_time"].tolist() == [1, 0, 1, 0, 1]
    assert results["mean_score_time"].tolist() == [0.1, 0, 0.1, 0, 0.1]
    assert results["n_fits"].tolist() == [len(e.fit_times) for e in MIXED]


def test_silent_genes_are_masked():
    results = make_cv_results(MIXED, 2, np.nan)
    assert results["param_model"].tolist()[:2] == ["svm", "boosting"]
    depths = results["param_model.boosting.depth"]
    assert depths.mask.tolist() == [True, False, False, True, False]
    assert depths.compressed().tolist() == [4, 5, 7]
    assert results["params"][1] == {"i": 1, "model": {"boosting": {"depth": 4}}}


def test_descent_and_fate_are_told():
    results = make_cv_results(MIXED, 2, np.nan)
    assert set(results) >= OURS
    assert results["generation"].tolist() == [0, 1, 2, 3, 4]
    assert results["origin"].tolist() == ["random"] + ["mutation"] * 4
    assert results["parents"][2] == ("k", "k")
    assert results["key"].tolist() == [e.chromosome.key for e in MIXED]
    assert results["status"].tolist() == ["ok", "error", "ok", "timeout", "ok"]
    assert results["error"].tolist() == ["", "no luck", "", "no luck", ""]


def test_a_second_metric_may_be_nan_where_the_first_is_not():
    scores = [{"a": (1.0,), "b": (b,)} for b in (math.nan, 0.5, 0.7)]
    evaluations = [
        Evaluation(Chromosome({"i": i}), "ok", 1.0, s, (0.0,), (0.0,))
        for i, s in enumerate(scores)
    ]
    results = make_cv_results(evaluations, 1, np.nan)
    assert results["rank_test_a"].tolist() == [1, 1, 1]
    assert results["rank_test_b"].tolist() == [3, 2, 1]


# One search in which everything happens ------------------------------------------


class Fated(Toy):
    """Comes to the end that its parameters say."""

    def __init__(self, act="learn", max_epochs=100):
        super().__init__(act=act, seconds=0.01)
        self.max_epochs = max_epochs

    def fit(self, X, y):
        if self.act == "give up":
            raise TrialPruned("it is hopeless")
        return super().fit(X, y)

    def predict(self, X):
        time.sleep(0.1 * (self.act == "dawdle"))
        return np.zeros(len(X))


FATES = {
    "learn": ("ok", ""),
    "raise": ("error", "ValueError: cannot learn"),
    "nan": ("error", "the fitness is nan"),
    "starve": ("memory", "MemoryError: no more"),
    "loop": ("timeout", "the time given to this trial is over"),
    "dawdle": ("slow", "more than max_predict_time=0.05"),
    "give up": ("pruned", "it is hopeless"),
}


def test_the_ends_of_trials_are_told_apart():
    long = {"act": "learn", "max_epochs": 10**7}  # takes 1,000 s, by the others
    first = [*({"act": act, "max_epochs": 100} for act in FATES), long]
    search = EvolvedSearchCV(
        Fated(),
        {"act": list(FATES), "max_epochs": [100, 10**7]},
        initial_population=first,
        population_size=len(first),
        generations=1,
        max_eval_time=1,
        max_predict_time=0.05,
        max_time=60,
        cv=2,
        random_state=0,
    )
    with joblib.parallel_config(backend="threading"):  # no worker has to be started
        search.fit(np.zeros((20, 2)), np.arange(20) % 2)
    results = search.cv_results_
    rows = zip(results["params"], results["status"], results["error"], strict=True)
    told = {tuple(params.values()): end for params, *end in rows}
    assert told.pop(tuple(long.values())) == ["skipped", ""]
    for act, (status, reason) in FATES.items():
        assert told[act, 100][0] == status
        assert reason in told[act, 100][1]
    assert search.best_params_ == {"act": "learn", "max_epochs": 100}


# The refit -----------------------------------------------------------------------


class Hollow(Toy):
    """Gives up on all of the data if its x is one of some."""

    def fit(self, X, y):
        if len(X) == 20 and self.x in HOPELESS[self.act]:
            raise TrialPruned("it has collapsed")
        return super().fit(X, y)


HOPELESS = {"one": [0.0], "two": [0.0, 1.0], "all": [0.0, 1.0, 2.0]}


def hollow_search(which, **parameters):
    values = [3.0, 1.0, 0.0, 2.0]  # fitness is -x
    return EvolvedSearchCV(
        Hollow(act=which),
        {"x": values},
        initial_population=[{"x": x} for x in values],
        population_size=4,
        generations=1,
        cv=2,
        random_state=0,
        **parameters,
    )


@pytest.mark.parametrize(("which", "left"), [("one", 1.0), ("two", 2.0)])
def test_a_pruned_refit_makes_way_for_the_runner_up(which, left):
    search = hollow_search(which)
    X, y = np.zeros((20, 2)), np.arange(20) % 2
    with pytest.warns(
        FitFailedWarning, match="pruned or failed.*row 2.*it has collapsed"
    ):
        search.fit(X, y)
    assert search.best_estimator_.x == left
    assert search.best_params_ == {"x": left}
    assert search.best_score_ == -left
    assert search.cv_results_["params"][search.best_index_] == {"x": left}
    assert search.refit_individual(search.best_index_, X, y).x == left


class Fragile(Toy):
    """Fails on all of the data if its x is 0."""

    def fit(self, X, y):
        if len(X) == 20 and self.x == 0:
            raise RuntimeError("no room for so many")
        return super().fit(X, y)


def test_a_failed_refit_makes_way_for_the_runner_up():
    X, y = np.zeros((20, 2)), np.arange(20) % 2
    search = EvolvedSearchCV(
        Fragile(),
        {"x": [0.0, 1.0]},
        initial_population=[{"x": 0.0}, {"x": 1.0}],
        population_size=2,
        generations=1,
        cv=2,
        random_state=0,
    )
    with pytest.warns(FitFailedWarning, match="RuntimeError: no room for so many"):
        search.fit(X, y)
    assert search.best_estimator_.x == 1
    with pytest.raises(RuntimeError, match="no room"):
        search.set_params(error_score="raise").fit(X, y)


@pytest.mark.parametrize(
    ("which", "refit"), [("all", True), ("one", lambda results: 2)]
)
def test_if_every_refit_fails_the_error_gives_the_reasons(which, refit):
    with pytest.raises(ValueError, match=r"row 2 of cv_results_: it has collapsed"):
        hollow_search(which, refit=refit).fit(np.zeros((20, 2)), np.arange(20) % 2)


def test_runners_up_are_no_fitter_than_the_best():
    evaluations = [
        Evaluation(Chromosome({"x": x}), "ok", x / 10, resource=None) for x in range(6)
    ]
    # A fitter one had no time to be refitted.
    assert runners_up(evaluations, 4) == [4, 3, 2]


# Choices and reports -------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "error"), [("1", TypeError), (1.0, TypeError), (-1, IndexError)]
)
def test_a_refit_that_chooses_no_row_is_refused(index, error):
    search = EvolvedSearchCV(SVC(), {"C": [1, 10]}, refit=lambda results: index, cv=CV)
    with pytest.raises(error, match=r"refit must return an (integer )?index"):
        search.set_params(population_size=2, generations=1).fit(X, y)


def test_scores_that_differ_between_splits_are_the_recorded_reason():
    names = iter("ab" * 20)

    def scorer(estimator, X, y):
        return {next(names): 1.0, "c": 1.0}

    search = EvolvedSearchCV(SVC(), {"C": [1, 10]}, scoring=scorer, refit="c", cv=CV)
    with pytest.raises(ValueError, match="the same scores on each split"):
        search.set_params(population_size=2, generations=1).fit(X, y)


def test_a_search_without_refit_keeps_no_time_for_it():
    search = EvolvedSearchCV(
        SVC(),
        {"C": loguniform(0.01, 100)},
        refit=False,
        resource="n_samples",
        max_time=1,
        generations=None,
        population_size=4,
        cv=CV,
        random_state=0,
    ).fit(X, y)
    assert search.stop_reason_ == "max_time=1 s used up"
    assert not hasattr(search, "best_estimator_")
