"""What users rely on in EvolvedPipelineClassifier and EvolvedPipelineRegressor."""

import os
import pickle
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from toys import profit

from sknevo import (
    Categorical,
    Chromosome,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    GeneticAlgorithm,
    Genome,
)
from sknevo.estimators import pipeline as pipeline_estimators
from sknevo.genomes.pipeline import pipeline

# Models that are trained in no time; those of every kind are in the builder's tests.
SMALL = {
    "genome": partial(pipeline, models=["svm"]),
    "population_size": 4,
    "generations": 1,
    "cv": 2,
    "random_state": 0,
}


def small(**params):
    return EvolvedPipelineClassifier(**{**SMALL, **params})


def mixed_table(n=90, seed=0):
    """Return a table of every kind of column, with gaps, and its labels."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    kind = rng.choice(["ant", "bee", "moth"], n)
    table = pd.DataFrame(
        {
            "size": size,
            "legs": rng.integers(4, 8, n),
            "kind": kind,
            "wings": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), "D"),
            "note": [f"seen by {i} near tree {i % 7}" for i in range(n)],
        }
    )
    table.loc[::7, "size"] = np.nan
    table.loc[::9, "kind"] = None
    table.loc[::8, "wings"] = pd.NA
    return table, np.where((size > 0) ^ (kind == "bee"), "wild", "tame")


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def fitted():
    X, y = mixed_table()
    return small(genome=None, generations=2).fit(X, y), X, y


def test_mixed_table_with_gaps_and_string_labels(fitted):
    clf, X, y = fitted
    assert set(clf.predict(X)) <= {"wild", "tame"}
    assert clf.classes_.tolist() == ["tame", "wild"]
    assert clf.feature_names_in_.tolist() == list(X.columns)
    assert set(clf.cv_results_["status"]) <= {"ok", "pruned"}
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)
    assert clf.decision_function(X).shape == (len(X),)
    assert 0 <= clf.score(X, y) <= 1


def test_unseen_categories_and_new_gaps_at_predict(fitted):
    clf, X, _ = fitted
    new = X.head(5).assign(kind="wasp", legs=[np.nan] * 5, note=None)
    assert len(clf.predict(new)) == 5


def test_best_estimator_is_a_plain_pipeline_that_pickles_on_its_own(fitted):
    clf, X, _ = fitted
    assert type(clf.best_estimator_) is Pipeline
    again = pickle.loads(pickle.dumps(clf.best_estimator_))
    assert (again.predict(X) == clf.best_estimator_.predict(X)).all()


def test_fitted_estimator_pickles_and_keeps_no_training_data():
    X, y = make_classification(4000, 20, random_state=0)
    genome = {
        "extraction": "none",
        "model": {"lightgbm": {"num_leaves": 8, "learning_rate": 0.1}},
    }
    clf = small(genome=None, initial_population=[genome], population_size=1)
    dumped = pickle.dumps(clf.fit(X, y))
    rows, columns = X.copy(), X.T.copy()
    for values in (rows, columns, rows.astype("f4"), columns.astype("f4")):
        assert values[7, :8].tobytes() not in dumped
    assert (pickle.loads(dumped).predict(X) == clf.predict(X)).all()


def test_fit_changes_nothing_of_the_users(fitted):
    X, y = mixed_table()
    before, labels = X.copy(), y.copy()
    clf = small()
    params = clf.get_params()
    clf.fit(X, y)
    pd.testing.assert_frame_equal(X, before)
    assert (y == labels).all()
    assert clf.get_params() == params


def test_nests_in_pipeline_cross_validation_and_grid_search(iris):
    X, y = iris
    tiny = small(population_size=2)
    scores = cross_val_score(make_pipeline(StandardScaler(), clone(tiny)), X, y, cv=2)
    assert scores.min() > 0.5
    tiny.set_params(strategy=GeneticAlgorithm())
    grid = GridSearchCV(tiny, {"strategy__mutation_probability": [0.1]}, cv=2)
    assert grid.fit(X, y).best_estimator_.best_score_ > 0.5


@pytest.mark.slow
def test_workers_may_be_asked_for_inside_and_outside(iris):
    tiny = small(population_size=2)
    expected = cross_val_score(tiny, *iris, cv=2)
    tiny.set_params(n_jobs=2)
    scores = cross_val_score(tiny, *iris, cv=2, n_jobs=2, error_score="raise")
    np.testing.assert_array_equal(scores, expected)


def test_same_seed_same_results_for_one_and_two_workers(fitted):
    one, X, y = fitted
    two = clone(one).set_params(n_jobs=2).fit(X, y)
    for column in ("split0_test_score", "split1_test_score", "rank_test_score"):
        np.testing.assert_array_equal(one.cv_results_[column], two.cv_results_[column])
    assert one.cv_results_["key"].tolist() == two.cv_results_["key"].tolist()
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


@pytest.mark.parametrize(
    "estimator", [EvolvedPipelineClassifier, EvolvedPipelineRegressor]
)
def test_global_state_is_left_as_it_was(estimator, iris):
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    estimator(**{**SMALL, "generations": 2}).fit(*iris)
    assert np.random.random() == expected  # noqa: NPY002


# Scoring and splitting ------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring",
    [
        "f1_macro",
        "roc_auc_ovr",
        "neg_log_loss",
        make_scorer(recall_score, average="macro"),
    ],
)
def test_any_scoring(scoring, iris):
    clf = small(scoring=scoring).fit(*iris)
    assert np.isfinite([clf.best_score_, clf.ensemble_score_]).all()
    assert np.isfinite(clf.score(*iris))


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [
        (lambda estimator, X, y: estimator.predict_proba(X)[:, 0].mean(), True),
        (["accuracy", "size"], {"accuracy": 1, "size": 1e-9}),
    ],
)
def test_scores_of_more_than_predictions_give_no_ensemble(scoring, refit, iris):
    clf = small(scoring=scoring, refit=refit)
    with pytest.warns(UserWarning, match="No ensemble is selected") as warned:
        clf.fit(*iris)
    assert len(warned) == 1
    assert clf.ensemble_ is None
    X, _ = iris
    assert (clf.predict(X) == clf.best_estimator_.predict(X)).all()


def test_several_metrics(iris):
    clf = small(scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss").fit(*iris)
    assert clf.multimetric_
    results = clf.cv_results_
    assert clf.best_index_ == results["mean_test_neg_log_loss"].argmax()
    assert results["mean_test_accuracy"].shape == (clf.n_evaluations_,)
    assert clf.score(*iris) < 0


def test_refit_callable_chooses(iris):
    clf = small(refit=lambda results: int(results["mean_fit_time"].argmin()))
    clf.fit(*iris)
    assert clf.best_index_ == clf.cv_results_["mean_fit_time"].argmin()
    assert not hasattr(clf, "best_score_")


def test_with_several_metrics_and_a_callable_the_score_is_the_first(iris):
    scoring = ["accuracy", "neg_log_loss", "predict_time"]
    clf = small(scoring=scoring, refit=lambda results: 0).fit(*iris)
    assert clf.score(*iris) == np.mean(clf.predict(iris[0]) == iris[1])


def test_no_refit_no_prediction(iris):
    clf = small(refit=False).fit(*iris)
    assert not hasattr(clf, "predict")
    assert clf.best_params_


def test_group_splitter_gets_groups(iris):
    X, y = iris
    groups = np.arange(len(y)) % 3
    clf = small(cv=GroupKFold(3)).fit(X, y, groups=groups)
    assert clf.n_splits_ == 3


def test_any_splitter(iris):
    splitter = StratifiedShuffleSplit(n_splits=1, test_size=0.5, random_state=0)
    assert small(cv=splitter).fit(*iris).n_splits_ == 1


def test_sample_weights_decide():
    """Rows that say the contrary of the others, at weight zero, change nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] > 0).astype(int)
    lies = np.arange(200) % 2 == 0
    noisy = np.where(lies, 1 - y, y)
    clf = small(population_size=6, generations=2).fit(
        X, noisy, sample_weight=np.where(lies, 0, 1.0)
    )
    assert (clf.predict(X) == y).mean() > 0.9


def test_metadata_routing(iris):
    X, y = iris
    weights = np.ones(len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(recall_score, average="macro")
        scorer.set_score_request(sample_weight=True)
        clf = small(scoring=scorer)
        clf.fit(X, y, sample_weight=weights)
        scores = cross_val_score(clf, X, y, params={"sample_weight": weights}, cv=2)
    assert np.isfinite(scores).all()


def test_with_routing_splits_may_come_from_a_generator(iris):
    splits = KFold(2, shuffle=True, random_state=0).split(*iris)
    weights = np.ones(len(iris[1]))
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(recall_score, average="macro")
        scorer.set_score_request(sample_weight=False)
        clf = small(cv=splits, scoring=scorer)
        assert clf.fit(*iris, sample_weight=weights).n_splits_ == 2


def test_weights_that_are_not_requested_are_not_used(iris):
    X, y = iris
    wrong = np.where(y == 0, 1.0, 1e-6)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(recall_score, average="macro")
        scorer.set_score_request(sample_weight=True)
        clf = small(scoring=scorer).set_fit_request(sample_weight=False)
        clf.fit(X, y, sample_weight=wrong)
    assert (clf.predict(X) == y).mean() > 0.9


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_configuration_reaches_the_workers(n_jobs):
    X, y = load_iris(return_X_y=True, as_frame=True)
    with sklearn.config_context(
        enable_metadata_routing=True, transform_output="pandas"
    ):
        scorer = make_scorer(profit).set_score_request(amount=True)
        clf = small(scoring=scorer, n_jobs=n_jobs)
        clf.fit(X, y, amount=np.full(len(y), 5.0))
    assert set(clf.cv_results_["status"]) == {"ok"}
    assert clf.cv_results_["mean_test_score"].max() > 4


def test_a_narrowed_genome_begins_with_the_known_that_are_left(iris):
    clf = small().fit(*iris)
    assert "known" in clf.cv_results_["origin"]
    assert set(clf.cv_results_["param_model"]) == {"svm"}


def test_imbalanced_and_many_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3))
    y = np.array([f"class {i}" for i in rng.integers(0, 25, 148)] + ["once", "never"])
    clf = small(
        cv=None,
        scoring="neg_log_loss",
        population_size=2,
    ).fit(X, y)
    assert clf.predict_proba(X).shape == (150, len(set(y)))


def wide_linear(n_rows, seed):
    X = np.random.default_rng(seed).normal(size=(n_rows, 600)).astype(np.float32)
    return X, (2 * X[:, 0] + X[:, 1] - X[:, 2] > 0).astype(int)


def test_the_first_individuals_of_a_wide_table_find_what_matters():
    X, y = wide_linear(150, 0)
    new, truth = wide_linear(500, 1)
    clf = small(genome=None, scoring="roc_auc").fit(X, y)
    assert clf.score(new, truth) > 0.93
    frame = pd.DataFrame(X).add_prefix("c")
    same = clone(clf).fit(frame, y)
    probabilities = same.predict_proba(pd.DataFrame(new).add_prefix("c"))
    np.testing.assert_array_equal(probabilities, clf.predict_proba(new))


def test_regressor():
    X, y = make_regression(150, 5, noise=1, random_state=0)
    reg = EvolvedPipelineRegressor(
        **{**SMALL, "population_size": 8, "generations": 2}
    ).fit(X, y)
    assert reg.score(X, y) > 0.8
    assert not hasattr(reg, "predict_proba")


@pytest.mark.parametrize(("most", "rungs"), [("auto", [8, 24]), (40, [4, 12])])
def test_regressors_race_for_samples_below_the_most_that_counts(most, rungs):
    X, y = make_regression(150, 5, noise=1, random_state=0)
    reg = EvolvedPipelineRegressor(
        genome=partial(pipeline, models=["svm"]),
        resource="n_samples",
        max_resources=most,
        population_size=9,
        generations=1,
        cv=2,
        random_state=0,
    ).fit(X, y)
    results = reg.cv_results_
    assert set(results["resource"]) == {*rungs, np.inf}
    assert [rung.resource for rung in reg.rungs_] == [*rungs, None]
    assert results["resource"][reg.best_index_] == np.inf


@pytest.mark.parametrize(
    ("max_time", "resource", "rungs"),
    [(0.2, "auto", [40, None]), (0.2, None, [None]), (99, "auto", [None])],
)
def test_large_tables_are_raced_on_by_default(max_time, resource, rungs, monkeypatch):
    monkeypatch.setattr(pipeline_estimators, "FEWEST_ROWS", 20)
    monkeypatch.setattr(pipeline_estimators, "CELLS_PER_SECOND", 1000)
    X, y = make_regression(150, 5, noise=1, random_state=0)
    reg = EvolvedPipelineRegressor(
        genome=partial(pipeline, models=["linear"]),
        resource=resource,
        max_time=max_time,
        generations=1,
        cv=3,
        random_state=0,
    ).fit(X, y)
    assert [rung.resource for rung in reg.rungs_] == rungs
    assert len(reg.predict(X)) == 150


# The first generation, stopping, progress -----------------------------------------


def test_initial_population_of_dicts_chromosomes_and_estimators(fitted):
    clf, X, y = fitted
    asked = {"model": {"svm": {"C": 2.0}}}
    first = [asked, clf.best_chromosome_, clf]
    again = small(genome=None, initial_population=first).fit(X, y)
    assert again.cv_results_["origin"][:2].tolist() == ["user", "user"]
    assert again.cv_results_["params"][0]["model"]["svm"]["C"] == 2.0
    assert clf.best_chromosome_.key in again.cv_results_["key"]


def test_empty_initial_population_is_random(iris):
    clf = small(initial_population=[]).fit(*iris)
    assert set(clf.cv_results_["origin"]) == {"random"}


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_max_time_includes_the_refit(n_jobs):
    X, y = make_classification(2000, 20, random_state=0)
    clf = EvolvedPipelineClassifier(
        generations=None, max_time=2, n_jobs=n_jobs, random_state=0
    )
    begin = time.perf_counter()
    clf.fit(X, y)
    assert time.perf_counter() - begin < 8  # on busy machines, too
    assert clf.stop_reason_ == "max_time=2 s used up"


def test_progress_bar(iris, capsys):
    small(generations=2).set_callbacks(ProgressBar()).fit(*iris)
    printed = capsys.readouterr().out
    assert "EvolvedPipelineClassifier - fit" in printed
    assert "generation #1" in printed


def test_callback_stops_the_search(iris):
    class Stop:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            return context.task_name == "individual"

    clf = small().set_callbacks(Stop()).fit(*iris)
    assert clf.stop_reason_ == "stopped by a callback"
    assert clf.n_evaluations_ == 1


def test_the_best_chromosome_is_shown_in_words(fitted):
    clf, _, _ = fitted
    best = clf.best_chromosome_
    assert isinstance(best, Chromosome)
    assert str(best).startswith(best.words)
    assert "Model:" in str(best)
    assert "(silent)" not in str(best)
    assert "(silent)" in best.listing()


# Bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"population_size": 0}, r"population_size.* must be an int in the range"),
        ({"strategy": "best"}, r"strategy.* must be one of 'coevolution'"),
        ({"generations": None}, r"would never end: set one of generations"),
        ({"genome": Genome()}, r"genome must be a Genome that names at least one gene"),
        ({"genome": lambda spec: 3}, r"genome must be a Genome .* got 3"),
        ({"max_time": -1}, r"max_time.* must be a float in the range"),
        ({"scoring": "goodness"}, r"scoring.*goodness"),
        ({"scoring": ["accuracy", "f1"]}, r"refit must name one of .*got True"),
        ({"cv": []}, r"cv must yield at least one split"),
        ({"initial_population": [{"modell": "svm"}]}, r"no gene 'modell'"),
        ({"initial_population": [{"model": "forest"}]}, r"no gene 'forest'"),
        ({"initial_population": [7]}, r"must be a dict .* got 7"),
        ({"genome": Genome(nothing=Categorical([1]))}, r"none of \d+ individuals"),
    ],
)
def test_bad_parameters(params, message, iris):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(*iris)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((4, 2)), [1, 1, 1, 1], "at least 2 classes; got 1 class"),
        (np.ones((4, 2)), [0, 1, 0], "inconsistent numbers of samples"),
        (np.ones((4, 2)), [0, 1, np.nan, 1], "y must not have missing values"),
        (np.ones((4, 2)), [0.1, 1.2, 2.3, 3.4], "Unknown label type"),
        (np.ones(4), [0, 1, 0, 1], "Expected 2D array"),
        (np.ones((2, 2, 2, 2, 2)), [0, 1], "X must be of shape"),
        (pd.DataFrame(), [], "minimum of 1 is required"),
        (np.array([[1.0, np.inf]] * 4), [0, 1, 0, 1], "infinity"),
        (pd.DataFrame({"a": [1.0, np.inf] * 2}), [0, 1, 0, 1], "infinity.*'a'"),
        (np.ones((4, 2)), None, "requires y to be passed"),
    ],
)
def test_bad_data(X, y, message):
    clf = small()
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    assert not hasattr(clf, "best_estimator_")


def test_unknown_columns_at_predict(fitted):
    clf, X, _ = fitted
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(X.rename(columns={"size": "length"}))
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(X.drop(columns="size"))


def test_scorer_that_raises_is_told_once(iris):
    def scorer(estimator, X, y):
        raise RuntimeError("no score today")

    with pytest.raises(ValueError, match=r"\d x RuntimeError: no score today"):
        small(scoring=scorer, ensemble_size=None).fit(*iris)
    with pytest.raises(RuntimeError, match="no score today"):
        small(scoring=scorer, ensemble_size=None, error_score="raise").fit(*iris)


def test_bad_individual_costs_its_own_evaluation_only(iris):
    X, y = iris

    def scorer(estimator, X, y):
        if "SupportVector" in str(estimator):
            raise RuntimeError("no machines")
        return estimator.score(X, y)

    first = [{"model": "svm"}, {"model": "lightgbm"}]
    clf = small(
        genome=None,
        scoring=scorer,
        initial_population=first,
        error_score=-1,
        ensemble_size=None,
    ).fit(X, y)
    failed = clf.cv_results_["status"] == "error"
    assert failed[0]
    assert not failed[1]
    assert (clf.cv_results_["mean_test_score"][failed] == -1).all()
    assert "no machines" in clf.cv_results_["error"][0]


def test_genome_factory_narrows_the_search(iris):
    def only_svm(spec):
        return pipeline(spec, models=["svm"])

    clf = small(genome=only_svm).fit(*iris)
    assert all(list(p["model"]) == ["svm"] for p in clf.cv_results_["params"])


RESULTS = """
from sklearn.datasets import load_iris
from sknevo import EvolvedPipelineClassifier
from sknevo.genomes.pipeline import pipeline

def quick(spec):
    return pipeline(spec, models=["linear", "svm", "neighbours"])

search = EvolvedPipelineClassifier(
    population_size=4, generations=3, cv=2, random_state=0, genome=quick
)
results = search.fit(*load_iris(return_X_y=True)).cv_results_
found = results["key"].tolist(), results["mean_test_score"].tolist()
"""


def test_results_do_not_depend_on_the_hash_seed():
    here, own = {}, os.environ.get("PYTHONHASHSEED")
    exec(RESULTS, here)
    other = subprocess.run(
        [sys.executable, "-c", f"{RESULTS}print(found)"],
        env={**os.environ, "PYTHONHASHSEED": "2" if own == "1" else "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == str(here["found"])
