"""Pipelines of tables that are larger than memory, or than one machine."""

import pickle
from functools import partial, partialmethod

import joblib
import numpy as np
import pandas as pd
import pytest
from clusters import dask_cluster
from dying import DiesOnce
from sklearn.exceptions import FitFailedWarning

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor, large_tables
from sknevo.estimators import _stratified_sample
from sknevo.genomes.pipeline import pipeline

pytest.importorskip("pyarrow")
dd = pytest.importorskip("dask.dataframe")

# Words of the libraries of clusters about their own tasks.
pytestmark = pytest.mark.filterwarnings("ignore:.*tasks which were still being")
SETTINGS = {"population_size": 2, "generations": 1, "cv": 2, "random_state": 0}
BOOSTERS = ("lightgbm", "xgboost")
EVERY_BOOSTER = [
    ("lightgbm", "three"),
    pytest.param("xgboost", "value", marks=pytest.mark.slow),
    pytest.param("lightgbm", "label", marks=pytest.mark.slow),
    pytest.param("lightgbm", "value", marks=pytest.mark.slow),
    pytest.param("xgboost", "label", marks=pytest.mark.slow),
    pytest.param("xgboost", "three", marks=pytest.mark.slow),
]


def table(n=2_000, seed=0):
    """Return a table of every kind of column, with gaps, and three targets."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(4)})
    frame["whole"] = rng.integers(0, 9, n)
    frame["kind"] = rng.choice(["ant", "bee", "moth"], n)
    frame["seen"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), "h")
    frame.loc[::7, "x0"] = np.nan
    frame.loc[::9, "kind"] = None
    value = frame.x0.fillna(0) + frame.x1 * frame.x2 + (frame.kind == "bee")
    frame["value"] = 100 + 10 * value
    frame["label"] = np.where(value > 0.3, "wild", "tame")
    frame["three"] = np.digitize(value, [-0.5, 1])
    return frame


TABLE = table()
X = TABLE.drop(columns=["value", "label", "three"])
NEW = table(500, seed=1)


def fitted(X, y, models=BOOSTERS, **params):
    made = EvolvedPipelineRegressor if y == "value" else EvolvedPipelineClassifier
    weights = {"sample_weight": params.pop("sample_weight", None)}
    genome = partial(pipeline, models=[*models])
    return made(genome=genome, **{**SETTINGS, **params}).fit(X, y, **weights)


def with_target(y):
    return X.assign(**{y: TABLE[y]})


def read_small_parts(monkeypatch):
    """Read small parts, and search on a fifth of the rows."""
    monkeypatch.setattr(large_tables, "PART_CELLS", 7 * 300)
    monkeypatch.setattr(_stratified_sample, "SHARE", 0.0001)


@pytest.fixture
def sampled(monkeypatch):
    read_small_parts(monkeypatch)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "label.parquet"
    with_target("label").to_parquet(path)
    return path


@pytest.fixture(scope="module")
def on_file(file):
    """Return an estimator that was fitted to a sample, and its best to all rows."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        read_small_parts(monkeypatch)
        return fitted(file, "label", ["lightgbm"])


@pytest.mark.parametrize(
    "kind",
    [
        "Dask",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("Parquet", "CSV")),
    ],
)
def test_a_table_that_fits_is_fitted_as_any_other(kind, tmp_path, file, monkeypatch):
    monkeypatch.setattr(large_tables, "PART_CELLS", 7 * 300)
    frame = with_target("label")
    asked = {
        "Parquet": file,
        "CSV": tmp_path / "a.csv",
        "Dask": dd.from_pandas(frame, 3),
    }
    frame.to_csv(tmp_path / "a.csv", index=False)
    large = fitted(asked[kind], "label")
    clf = EvolvedPipelineClassifier(**large.get_params()).fit(X, TABLE.label)
    assert len(large.ensemble_.members) == len(clf.ensemble_.members)
    np.testing.assert_array_equal(large.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(("model", "y"), EVERY_BOOSTER)
def test_the_best_booster_is_fitted_on_all_rows(model, y, tmp_path, sampled):
    with_target(y).to_parquet(tmp_path / "a.parquet")
    large = fitted(tmp_path / "a.parquet", y, [model])
    assert large.ensemble_ is None
    # Rows that were not in the sample are known, too.
    assert large.score(X, TABLE[y]) > large.best_score_ + 0.05
    assert large.score(NEW[X.columns], NEW[y]) > large.best_score_
    same = pickle.loads(pickle.dumps(large.best_estimator_))
    np.testing.assert_array_equal(same.predict(X), large.predict(X))


def test_predictions_in_parts_are_those_of_the_whole(file, on_file, sampled):
    clf = on_file
    frame = dd.from_pandas(X, 3)
    for method in (
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
    ):
        expected = getattr(clf, method)(X)
        np.testing.assert_array_equal(getattr(clf, method)(file), expected)
        lazy = getattr(clf, method)(frame)
        assert lazy.dtype == expected.dtype
        assert [len(chunks) for chunks in lazy.chunks] == [3, 1][: expected.ndim]
        assert [*lazy.shape[1:]] == [*expected.shape[1:]]
        np.testing.assert_array_equal(lazy.compute(), expected)
    score = clf.score(X, TABLE.label)
    assert clf.score(file, "label") == score
    assert clf.score(frame, TABLE.label) == score


def test_what_takes_tables_in_memory_alone_says_so(file, on_file, sampled):
    for ask in (
        lambda: on_file.refit_individual(0, file, "label"),
        lambda: on_file.best_estimator_.predict(str(file)),
    ):
        with pytest.raises(TypeError, match="must be a table in memory here; got the"):
            ask()


def test_the_sample_has_the_shares_of_all_classes_and_all_rare_ones(tmp_path, sampled):
    labels = np.repeat(["common", "rare", "other"], [1_200, 15, 785])
    frame = X.assign(label=labels)
    frame.to_parquet(tmp_path / "a.parquet")
    source = large_tables.source_of(tmp_path / "a.parquet", "label")
    sample = _stratified_sample.draw_sample(source, True, None, seed=0)
    counts = pd.Series(sample.rows.y).value_counts()
    assert counts["rare"] == 15
    assert counts["common"] / counts["other"] == pytest.approx(1_200 / 785, rel=0.01)
    assert sample.rows.X["x1"].is_unique
    # Equal parts give equal samples.
    parts = dd.concat(
        [dd.from_pandas(frame[i : i + 300], 1) for i in range(0, 2000, 300)]
    )
    same = _stratified_sample.draw_sample(
        large_tables.source_of(parts, "label"), True, None, seed=0
    )
    assert sample.rows.X["x1"].tolist() == same.rows.X["x1"].tolist()


def test_rows_of_weight_zero_are_as_if_they_were_not_there(tmp_path, sampled):
    frame = with_target("label").assign(weight=np.arange(2_000) % 2 * 3.0)
    frame.loc[frame.weight == 0, "label"] = "noise"
    frame.to_parquet(tmp_path / "a.parquet")
    clf = fitted(tmp_path / "a.parquet", "label", sample_weight="weight")
    assert clf.classes_.tolist() == ["tame", "wild"]
    assert "weight" not in clf.feature_names_in_
    assert clf.score(NEW[X.columns], NEW.label) > 0.8


def test_balanced_classes_have_equal_weight_in_all_rows(tmp_path, sampled):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(20_000, 2)), columns=["a", "b"])
    frame["label"] = rng.random(20_000) < 0.1
    frame.to_parquet(tmp_path / "a.parquet")
    means = []
    for balance in ("balanced", None):
        genes = {"class_weight": balance, "model": {"lightgbm": {"num_leaves": 4}}}
        one = {"initial_population": [genes], "population_size": 1}
        clf = fitted(tmp_path / "a.parquet", "label", ["lightgbm"], **one)
        means.append(clf.predict_proba(frame[["a", "b"]])[:, 1].mean())
    assert means == pytest.approx([0.5, 0.1], abs=0.03)


def shops(n, seed):
    """Return a table of which a third of the shops decides, whatever their names."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"shop": rng.integers(0, 60, n), "x": rng.normal(size=n)})
    known = np.random.default_rng(0).random(60) < 0.33
    label = known[frame["shop"]] ^ (rng.random(n) < 0.02)
    return frame.assign(shop="shop " + frame["shop"].astype(str), label=label)


@pytest.mark.parametrize("model", BOOSTERS)
def test_categories_are_taken_as_such_in_all_rows(model, tmp_path, sampled):
    shops(4_000, 0).to_parquet(tmp_path / "a.parquet")
    genes = {"preparation": {"encoding": "native"}, "extraction": {"none": {}}}
    genes["model"] = {model: {"learning_rate": 0.1, "subsample": 1.0}}
    one = {"initial_population": [genes], "population_size": 1}
    clf = fitted(tmp_path / "a.parquet", "label", [model], **one)
    assert clf.best_params_["preparation"]["encoding"] == "native"
    new = shops(1_000, 1)
    assert clf.score(new[["shop", "x"]], new.label) > 0.96
    new["shop"] = "another"
    assert clf.predict(new[["shop", "x"]]).shape == (1_000,)


def test_other_models_say_that_they_know_a_sample_alone(file, sampled):
    with pytest.warns(UserWarning, match="a sample of .* rows: only LightGBM and XGB"):
        clf = fitted(file, "label", ["linear"])
    assert clf.predict(file).shape == (2_000,)


def test_a_booster_is_chosen_even_if_another_model_is_fitter(file, sampled):
    clf = fitted(file, "label", ["linear", "xgboost"], population_size=6)
    assert next(iter(clf.best_params_["model"])) == "xgboost"
    assert clf.cv_results_["params"][clf.best_index_] == clf.best_params_


def test_a_last_fit_that_fails_leaves_the_model_of_the_sample(
    file, sampled, monkeypatch
):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("sknevo.estimators._large_tables.fit_on_all", fail)
    with pytest.warns(FitFailedWarning, match=r"2,000 failed: OSError: no space left"):
        clf = fitted(file, "label", ["lightgbm"], population_size=1)
    assert clf.predict(file).shape == (2_000,)
    with pytest.raises(OSError, match="no space left"):
        fitted(file, "label", ["lightgbm"], population_size=1, error_score="raise")


ERRORS = {
    "no y": ({}, {}, "pass the name of its column"),
    "groups": ({}, {"y": "label", "groups": [0, 1]}, "groups cannot be used"),
    "cv": ({"cv": [([0], [1])]}, {"y": "label"}, "cv must be a number of folds"),
    "a gap": ({}, {"y": "kind"}, "missing values; got 223 in 2,000 rows"),
    "numbers": ({}, {"y": "x1"}, "Unknown label type: continuous"),
    "one class": ({}, {"y": "one"}, "at least 2 classes"),
    "negative": ({}, {"y": "label", "sample_weight": "x1"}, "none of them negative"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_come_before_any_training(case, tmp_path, sampled):
    with_target("label").assign(one="one").to_parquet(tmp_path / "a.parquet")
    params, arguments, message = ERRORS[case]
    clf = EvolvedPipelineClassifier(**{**SETTINGS, **params}, max_time=60)
    with pytest.raises(ValueError, match=message):
        clf.fit(tmp_path / "a.parquet", **arguments)


# A cluster ----------------------------------------------------------------------------


# To start processes takes seconds.
PROCESSES = [False, pytest.param(True, marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=PROCESSES, ids=["threads", "processes"])
def cluster(request):
    with dask_cluster(request.param):
        yield


@pytest.mark.parametrize(("model", "y"), EVERY_BOOSTER)
def test_on_a_cluster_each_worker_fits_its_partitions(model, y, cluster, sampled):
    frame = with_target(y)
    if y == "three":  # some partitions lack a class
        frame = frame.sort_values(y)
    frame = dd.from_pandas(frame, 4, sort=False)
    with joblib.parallel_config(backend="dask"):
        large = fitted(frame, y, [model])
    assert large.score(X, TABLE[y]) > large.best_score_ + 0.05
    assert large.score(NEW[X.columns], NEW[y]) > large.best_score_
    lazy = large.predict(frame.drop(columns=y))
    np.testing.assert_array_equal(
        lazy.compute(), large.predict(frame.compute()[X.columns])
    )


@pytest.mark.slow
@pytest.mark.parametrize("model", BOOSTERS)
def test_a_last_fit_begins_again_if_a_worker_dies(
    model, tmp_path, monkeypatch, sampled
):
    from lightgbm.dask import DaskLGBMRegressor
    from xgboost import dask

    death = tmp_path / "death"
    death.touch()
    fit, train = DaskLGBMRegressor.fit, dask.train
    options = {"callbacks": [DiesOnce(death)]}
    monkeypatch.setattr(DaskLGBMRegressor, "fit", partialmethod(fit, **options))
    monkeypatch.setattr(dask, "train", partial(train, **options))
    frame = dd.from_pandas(with_target("label"), 4)
    with dask_cluster():
        large = fitted(frame, "label", [model])
        assert not death.exists()
        assert large.score(X, TABLE.label) > large.best_score_ + 0.05
