"""Pipelines: every candidate works on every table, and so does each part."""

import datetime as dt
import itertools
import pickle
import time
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import sklearn
import tables
from builder_contract import BuilderContract, Case
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.gaussian_process import GaussianProcessRegressor as SklearnProcess
from sklearn.gaussian_process.kernels import DotProduct, Matern, WhiteKernel
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.tree._tree import Tree
from threadpoolctl import threadpool_limits

from sknevo.builders.pipeline import (
    PipelineBuilder,
    _boosting,
    _calibration,
    _gaussian_process,
)
from sknevo.builders.pipeline._boosting import (
    BOOSTERS,
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
)
from sknevo.builders.pipeline._features import (
    PiecewiseScaler,
    SquashingScaler,
    scaled_width,
)
from sknevo.builders.pipeline._forest import ForestClassifier, ForestRegressor
from sknevo.builders.pipeline._gaussian_process import (
    GaussianProcessClassifier,
    GaussianProcessRegressor,
)
from sknevo.builders.pipeline._generated import PairFeatures
from sknevo.builders.pipeline._linear import LinearClassifier, LinearRegressor
from sknevo.builders.pipeline._mlp import make_mlp
from sknevo.builders.pipeline._preparation import (
    _Labels,
    make_preparation,
    prepared_size,
)
from sknevo.builders.pipeline._svm import (
    SupportVectorClassifier,
    SupportVectorRegressor,
)
from sknevo.builders.pipeline._watched_rows import Rows, dealt
from sknevo.deadline import (
    DeadlineReached,
    must_end_by,
    training_for,
    training_until,
)
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.genomes.pipeline._families import MODELS
from sknevo.genomes.pipeline._space import WIDE
from sknevo.image_stream._images import Images, Layout
from sknevo.image_stream._memory import Memory
from sknevo.records import Chromosome, Column, DataSpec


def case(X, y, n_fitted=4, **spec):
    spec = tables.spec_of(X, y, **spec)
    return Case(pipeline(spec), PipelineBuilder(spec), X, y, n_fitted)


def mixed_case(labels):
    X = tables.mixed()
    return case(X, np.random.default_rng(0).choice(labels, len(X)))


def numeric_case(n_classes):
    X, _ = make_classification(120, 6, random_state=0)
    # Boosters fit a tree per class and round: half as many candidates.
    return case(X, np.array([f"class {i % n_classes}" for i in range(120)]), n_fitted=3)


def rare_class_case():
    X, y = make_classification(170, 4, n_redundant=0, random_state=0)
    y[:2] = [7, 8]
    return case(X, y)


def regression_case():
    X = tables.mixed()
    return case(X, np.random.default_rng(0).normal(size=len(X)), regression=True)


def wide_case():
    X = wide_table(60, WIDE + 10)
    return case(X, np.arange(60) % 2)


def sparse_case(n_columns=40, negative=False, missing=False, **spec):
    X, y = tables.sparse(n_columns=n_columns, density=min(1, 8 / n_columns))
    X = tables.read(X)
    X.data[::5] *= -1 if negative else 1
    X.data[::7] = np.nan if missing else X.data[::7]
    return case(X, y, **spec)


def image_case(*sides):
    spec = DataSpec("classification", 40, 2, shape=sides, channels="last")
    pixels = np.random.default_rng(0).integers(0, 256, (40, *sides)).astype(np.uint8)
    X = Images(pixels, Layout(sides, "last"), Memory(40))
    genome = pipeline(spec, pretrained=None)
    return Case(genome, PipelineBuilder(spec), X, np.arange(40) % 2, n_fitted=4)


def wide_table(n_rows, n_columns):
    """Return numbers, labels, gaps, and columns of one value or of none."""
    X = np.random.default_rng(0).normal(size=(n_rows, n_columns))
    X[::5, 1], X[:, 2], X[:, 3] = np.nan, 7.0, np.nan
    table = pd.DataFrame(X).add_prefix("c")
    return tables.read(table.assign(kind=np.resize(["ant", "bee", "moth"], n_rows)))


CASES = {
    "mixed columns, two labels": mixed_case(["tame", "wild"]),
    "mixed columns, three labels": mixed_case([1, 2, 3]),
    "thirty classes": numeric_case(30),
    "classes of one member": rare_class_case(),
    "values": regression_case(),
    "text only": case(tables.mixed()[["note"]], np.arange(90) % 2),
    "one column": case(load_iris().data[:, :1], load_iris().target),
    "wide": wide_case(),
    "sparse counts": sparse_case(),
    "sparse values": sparse_case(negative=True, missing=True, regression=True),
    "sparse, many columns": sparse_case(WIDE + 100),
    "sparse, one column": sparse_case(1),
    "images": image_case(12, 14, 3),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
class TestPipelineBuilder(BuilderContract):
    pass


def expressed_genes(spec, **model):
    """Return genes with this model, prepared columns and no extraction."""
    genome = pipeline(spec)
    genes = {"extraction": "none", "model": model}
    return Chromosome(genome.complete(genes, np.random.default_rng(0))).expressed


def labelled(n_labels, n_rows, regression=False):
    """Return a table, targets and a description: each label has its own target."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(n_rows) % n_labels)
    kind = pd.Categorical(labels.astype(str))
    table = tables.read(pd.DataFrame({"size": rng.normal(size=n_rows), "kind": kind}))
    y = labels % 2 + regression * table["size"].to_numpy() / 10
    return table, y, tables.spec_of(table, y, regression=regression)


def encoded(spec, encoding, name, rounds=None, **genes):
    """Return a pipeline with this encoding of labels, and this model."""
    made = expressed_genes(spec, **{name: genes})
    made["preparation"] = {"encoding": encoding, "min_frequency": 0.0}
    return PipelineBuilder(spec)(made, 0, rounds)


# Preparation ----------------------------------------------------------------------


# Few components of words, and the target beside them.
TEXT = {
    "words": {"ngrams": {"longest": 1, "min_df": 1, "n_features": 100}},
    "components": {"svd": {"n_components": 4}},
    "target": True,
}


@pytest.fixture
def wide():
    """Return a table with far more labels than can have a column each."""
    names = [f"name {i}" for i in range(400)]
    return pd.DataFrame({"name": names, "city": np.repeat(names[:100], 4)})


@pytest.mark.parametrize("encoding", ["onehot", "ordinal", "target"])
def test_many_labels_become_few_columns(wide, encoding):
    y = np.arange(400) % 2
    genes = {"encoding": encoding, "min_frequency": 0.0, "text": TEXT}
    preparation = make_preparation(tables.spec_of(wide, y), genes)
    assert preparation.fit_transform(wide, y).shape[1] <= 60


@pytest.mark.parametrize(("n_rows", "n_found"), [(400, 2), (4000, 3)])
def test_labels_are_merged_by_their_share_but_not_if_they_have_many_rows(
    n_rows, n_found
):
    """Three labels have 90, 6 and 4 % of the rows."""
    y = np.arange(n_rows) % 2
    labels = np.repeat(
        ["a", "b", "c"], [n_rows * 9 // 10, n_rows * 6 // 100, n_rows // 25]
    )
    X = pd.DataFrame({"kind": pd.Categorical(labels)})
    genes = {"encoding": "ordinal", "min_frequency": 0.1}
    preparation = make_preparation(tables.spec_of(X, y), genes)
    assert len(np.unique(preparation.fit_transform(X, y))) == n_found


@pytest.mark.parametrize("encoding", ["onehot", "ordinal", "target"])
def test_unseen_labels_are_prepared_without_a_warning(encoding):
    X, y = tables.mixed(), np.arange(90) % 2
    genes = {
        "encoding": encoding,
        "min_frequency": 0.05,
        "counts": True,
        "text": TEXT,
        "imputation": "mean",
    }
    preparation = make_preparation(tables.spec_of(X, y), genes).fit(X, y)
    new = X.head(4).assign(kind="wasp", legs=np.nan, note="!", seen=pd.NaT)
    assert np.isfinite(preparation.transform(new)).all()


def test_prepared_width_is_about_right():
    X, y = tables.mixed(), np.arange(90) % 2
    genes = {
        "encoding": "onehot",
        "min_frequency": 0.0,
        "text": TEXT,
        "imputation": "mean",
    }
    spec = tables.spec_of(X, y)
    width = make_preparation(spec, genes).fit_transform(X, y).shape[1]
    assert abs(prepared_size(spec, genes)[0] - width) <= 3
    genes["filter"] = {"univariate": {"n_columns": 5, "relation": "any"}}
    width = make_preparation(spec, genes).fit_transform(X, y).shape[1]
    assert prepared_size(spec, genes) == (9, 1.0)
    assert width == 9


@pytest.mark.parametrize("relation", ["linear", "any"])
@pytest.mark.parametrize("with_labels", [False, True])
@pytest.mark.parametrize("regression", [False, True])
def test_a_filter_keeps_the_columns_that_tell_most(regression, with_labels, relation):
    X = wide_table(80, 30)
    X = X if with_labels else X.drop(columns="kind")
    told = X["c1"].fillna(0) - 2 * X["c9"]
    y = told.to_numpy() if regression else np.where(told > 0, "high", "low")
    spec = tables.spec_of(X, y, regression=regression)
    genes = {
        "encoding": "ordinal",
        "imputation": "mean",
        "filter": {"univariate": {"n_columns": 2, "relation": relation}},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = make_preparation(spec, genes).fit_transform(X, y)
    np.testing.assert_allclose(prepared[:, 1], X["c9"])
    np.testing.assert_allclose(prepared[1:5, 0], X["c1"][1:5])


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_a_filter_keeps_columns_whose_relation_is_not_linear(n_classes):
    X = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
    y = np.abs(X[:, 7])
    y = np.digitize(y, [0.6, 1.2][: n_classes - 1]) if n_classes else y
    spec = tables.spec_of(X, y, regression=not n_classes)
    genes = {"filter": {"univariate": {"n_columns": 2, "relation": "any"}}}
    prepared = make_preparation(spec, genes).fit_transform(X, y)
    assert (prepared == X[:, [7]]).all(axis=0).any()


def test_a_filter_learns_from_the_training_part_alone():
    """On noise, columns that were chosen with the test part would look good."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 2000)), rng.integers(0, 2, 80)
    spec = tables.spec_of(X, y)
    genes = expressed_genes(spec, linear={"C": 1.0, "l1_ratio": 0.0})
    genes["preparation"]["filter"] = {
        "univariate": {"n_columns": 10, "relation": "any"}
    }
    pipe = PipelineBuilder(spec)(genes, 0)
    assert roc_auc_score(y, pipe.fit(X, y).predict_proba(X)[:, 1]) > 0.9
    assert abs(cross_val_score(pipe, X, y, cv=5, scoring="roc_auc").mean() - 0.5) < 0.2


DATES = ["2026-11-23 17:30", None, "1970-01-02 00:00"]


def test_target_encoding_of_a_split_that_holds_two_of_three_classes():
    X, y = tables.mixed(), np.arange(90) % 3
    preparation = make_preparation(tables.spec_of(X, y), {"encoding": "target"})
    two = y < 2
    assert preparation.fit(X[two], y[two]).transform(X).shape[0] == 90


def test_dates_become_their_parts():
    X = pd.DataFrame({"seen": pd.to_datetime(DATES)})
    preparation = make_preparation(tables.spec_of(X, [0, 1, 0]), {"imputation": "none"})
    dates = preparation.fit_transform(X, [0, 1, 0])
    assert dates[2].tolist() == [1970, 1, 2, 4, 0, 1]
    assert dates[0, :5].tolist() == [2026, 11, 23, 0, 17]
    assert np.isnan(dates[1]).all()


def test_strings_of_dates_are_dates():
    stamps = pd.to_datetime(pd.Series(DATES))
    X = tables.read(pd.DataFrame({"seen": stamps.dt.strftime("%Y-%m-%d %H:%M:%S")}))
    spec = tables.spec_of(X, [0, 1, 0])
    assert spec.columns[0].kind == "datetime"
    dates = make_preparation(spec, {"imputation": "none"}).fit_transform(X, [0, 1, 0])
    assert dates[2].tolist() == [1970, 1, 2, 4, 0, 1]
    assert np.isnan(dates[1]).all()


FAR = ["9999-12-31", "0001-01-01", None]


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(FAR, id="strings"),
        pytest.param(np.array(FAR, "datetime64[s]"), id="datetime64"),
        pytest.param([dt.date(9999, 12, 31), dt.date(1, 1, 1), None], id="dates"),
    ],
)
def test_dates_of_any_year_are_numbers(column):
    X = tables.read(pd.DataFrame({"until": column}))
    spec = tables.spec_of(X, [0, 1, 0])
    assert spec.columns[0].kind == "datetime"
    dates = make_preparation(spec, {"imputation": "none"}).fit_transform(X, [0, 1, 0])
    assert dates[0].tolist() == [9999, 12, 31, 4, 0, 2932896]
    assert dates[1, :3].tolist() == [1, 1, 1]
    assert dates[1, 5] == -719162


def test_durations_are_seconds_in_fit_and_predict():
    spans = pd.DataFrame({"d": pd.to_timedelta([1, 2, None], "D")})
    table = tables.read(spans)
    spec = tables.spec_of(table, [0, 1, 0])
    preparation = make_preparation(spec, {"imputation": "none"})
    seconds = preparation.fit_transform(table)
    np.testing.assert_array_equal(seconds[:, 0], [86400, 172800, np.nan])
    np.testing.assert_array_equal(preparation.transform(spans), seconds)


def test_pipelines_check_the_names_of_columns():
    X = pd.DataFrame({"a": [1.0, 2, 3], "b": [4.0, 5, 6]})
    preparation = make_preparation(tables.spec_of(X, [0, 1, 0]), {}).fit(X)
    with pytest.raises(ValueError, match="same order"):
        preparation.transform(X[["b", "a"]])


@pytest.mark.parametrize("values", [[3, 1, None], [3.0, 1.5, None], ["3", "b", None]])
def test_labels_do_not_depend_on_the_other_rows(values):
    frame = pd.DataFrame({"a": pd.Series(pd.Categorical(values))})
    labels = _Labels().fit(frame)
    whole = labels.transform(frame)
    np.testing.assert_array_equal(labels.transform(frame.iloc[:2]), whole[:2])
    assert whole[2] == "(missing)"
    assert whole[0] == "3"


@pytest.mark.parametrize(
    "regression", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_pipelines_are_the_same_under_any_configuration(regression):
    X, y = tables.mixed(), np.arange(90) % 2
    spec = tables.spec_of(X, y, regression=regression)
    genome, rng = pipeline(spec), np.random.default_rng(0)
    models = itertools.cycle([{"lightgbm": {}}, {"svm": {"approximate": True}}])
    for extraction, model in zip(
        genome.genes["extraction"].branches, models, strict=False
    ):
        partial = {"extraction": extraction, "model": model}
        expressed = Chromosome(genome.complete(partial, rng)).expressed
        build = PipelineBuilder(spec)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in a trial
            expected = build(expressed, 0).fit(X, y).predict(X)
            with sklearn.config_context(transform_output="pandas"):
                predicted = build(expressed, 0).fit(X, y).predict(X)
        np.testing.assert_array_equal(predicted, expected)


# Boosting -------------------------------------------------------------------------


def rounds_of(booster):
    return getattr(booster, "max_iter", None) or booster.n_estimators


def split(n_samples=600, n_classes=2):
    """Return noisy parts of a table to fit and to watch: X, y and X, y."""
    X, y = make_classification(
        2 * n_samples,
        5,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        flip_y=0.4,
        random_state=0,
    )
    return (X[::2], y[::2]), (X[1::2], y[1::2])


def held_out(X, y, weights=None):
    return {"X_val": X, "y_val": y, "sample_weight_val": weights}


# Models that stop early.
STOPPING = (*BOOSTERS, "mlp")
# Where many models, or models of many rows, are fitted, a network takes long.
ROUNDS = (*BOOSTERS, pytest.param("mlp", marks=pytest.mark.slow))
NETWORK = {
    "n_layers": 1,
    "width": 32,
    "activation": "relu",
    "learning_rate": 0.01,
    "alpha": 1e-6,
    "batch_size": 32,
}


def booster(name, regression=False, **params):
    if name == "mlp":
        one = make_mlp(not regression, NETWORK, random_state=0)
    else:
        genes = {
            "hist_gradient_boosting": {"max_leaf_nodes": 6},
            "lightgbm": {"num_leaves": 6},
            "xgboost": {"max_depth": 3},
        }[name]
        one = BOOSTERS[name].make(not regression, {"learning_rate": 0.3, **genes}, 0)
    kind = EarlyStoppingRegressor if regression else EarlyStoppingClassifier
    return kind(one, random_state=0, **params)


def loss(model, X, y):
    return log_loss(y, model.predict_proba(X))


@pytest.mark.parametrize("name", ROUNDS)
@pytest.mark.parametrize("n_classes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_booster_keeps_the_rounds_that_are_best_on_what_it_watches(name, n_classes):
    fitted, watched = split(n_classes=n_classes)
    model = booster(name).fit(*fitted, **held_out(*watched))
    best = model.rounds_
    losses = [
        loss(booster(name, rounds=rounds).fit(*fitted), *watched)
        for rounds in range(1, best + 10)
    ]
    assert 1 < best == np.argmin(losses) + 1
    # A fixed number of rounds on the same rows is the same model.
    assert loss(model, *watched) == pytest.approx(losses[best - 1])


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_booster_keeps_neither_data_nor_rounds_after_the_best(name):
    fitted, watched = split(2000)
    model = booster(name, patience=60).fit(*fitted, **held_out(*watched))
    same = booster(name, rounds=model.rounds_).fit(*fitted)
    del model.held_out_
    size, least = len(pickle.dumps(model)), len(pickle.dumps(same))
    assert size < least + 4000  # the losses of each round, some of them dropped
    assert size < 1.5 * len(pickle.dumps(model.estimator_)) + 1000
    for X in (fitted[0][:5], watched[0]):
        np.testing.assert_array_equal(model.predict_proba(X), same.predict_proba(X))


@pytest.mark.parametrize("name", STOPPING)
def test_a_regressor_watches_targets_in_any_unit(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = X[:, 0] + rng.normal(size=600)
    rounds = []
    for unit, offset in ((1, 0), (1e9, -1e12)):
        z = unit * y + offset
        model = booster(name, regression=True)
        model.fit(X[::2], z[::2], **held_out(X[1::2], z[1::2]))
        assert model.score(X[1::2], z[1::2]) > 0.3
        rounds.append(model.rounds_)
    assert 1 < rounds[0] < 60
    assert abs(rounds[0] - rounds[1]) < 5


@pytest.mark.parametrize("name", ROUNDS)
def test_rows_of_unknown_labels_or_without_weight_are_not_watched(name):
    (X, y), (X_val, y_val) = split()
    y, y_val = np.array(["no", "yes"])[y], np.array(["no", "yes"])[y_val]
    expected = booster(name).fit(X, y, **held_out(X_val[50:], y_val[50:]))
    strange = np.where(np.arange(600) < 50, "a label", y_val)
    model = booster(name).fit(X, y, **held_out(X_val, strange))
    assert model.rounds_ == expected.rounds_
    weights = (np.arange(600) >= 50).astype(float)
    model = booster(name).fit(X, y, **held_out(X_val, y_val, weights))
    assert model.rounds_ == expected.rounds_
    assert model.predict(X).dtype == y.dtype


@pytest.mark.parametrize("name", ROUNDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_each_part_is_predicted_with_rounds_that_the_others_choose(name, weighted):
    fitted, (X, y) = split(180)
    weights = np.where(np.arange(180) % 3, 1.0, 20.0) if weighted else None
    model = booster(name, patience=15).fit(*fitted, **held_out(X, y, weights))
    predicted = np.array(
        [
            booster(name, rounds=rounds).fit(*fitted).predict_proba(X)
            for rounds in range(1, model.rounds_ + 16)
        ]
    )
    losses = -np.log(predicted[:, np.arange(180), y])
    weights = np.ones(180) if weights is None else weights
    assert model.rounds_ == (losses @ weights).argmin() + 1
    parts, rounds = dealt(y, _boosting.N_FOLDS, random_state=0), []
    for part in range(_boosting.N_FOLDS):
        others = parts != part
        rounds.append((losses[:, others] @ weights[others]).argmin())
        np.testing.assert_allclose(
            model.held_out_["predict_proba"][~others],
            predicted[rounds[-1]][~others],
            rtol=1e-5,
        )
    assert len({*rounds}) > 1


def test_what_is_chosen_on_noise_is_not_better_than_on_fresh_rows():
    seen, honest, unseen = [], [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(700, 4)), rng.integers(0, 2, 700)
        watched, fresh = slice(60, 100), slice(100, 700)
        model = booster("lightgbm", patience=10).set_params(random_state=seed)
        model.fit(X[:60], y[:60], **held_out(X[watched], y[watched]))
        seen.append(loss(model, X[watched], y[watched]))
        honest.append(log_loss(y[watched], model.held_out_["predict_proba"]))
        unseen.append(loss(model, X[fresh], y[fresh]))
    margin = 2 * np.std(np.subtract(honest, unseen)) / np.sqrt(12)
    assert np.mean(seen) < np.mean(unseen) - margin
    assert np.mean(honest) > np.mean(unseen) - margin


@pytest.mark.parametrize("name", ROUNDS)
def test_held_out_rows_are_predicted_in_the_order_and_unit_of_the_model(name):
    (X, y), (X_val, y_val) = split(n_classes=3)
    y_val = np.where(np.arange(600) < 9, 7, y_val)  # a label that is not known
    weights = np.where(np.arange(600) < 20, 0.0, 1.0)
    model = booster(name).fit(X, y, **held_out(X_val, y_val, weights))
    found = model.held_out_
    assert found["predict_proba"].shape == (600, 3)
    np.testing.assert_array_equal(
        found["predict"], model.classes_[found["predict_proba"].argmax(axis=1)]
    )
    # What is not watched is predicted by the model as it is.
    np.testing.assert_allclose(
        found["predict_proba"][:20], model.predict_proba(X_val[:20]), rtol=1e-5
    )
    z, z_val = 1e6 * X[:, 0] - 1e9, 1e6 * X_val[:, 0] - 1e9
    model = booster(name, regression=True).fit(X, z, **held_out(X_val, z_val))
    assert r2_score(z_val, model.held_out_["predict"]) > 0.5
    assert model.fit(X, z).held_out_ == {}


@pytest.mark.parametrize("n_rows", [15, 16, 40])
def test_parts_have_the_same_targets_and_no_part_is_empty(n_rows):
    y = np.sort(np.arange(n_rows) % 5 % 3)
    parts = dealt(y, 3, random_state=0)
    counts = np.array([np.bincount(y[parts == part], minlength=3) for part in range(3)])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1
    assert (parts != dealt(y, 3, random_state=1)).any()


@pytest.mark.parametrize("few", ["rows", "known labels", "weights"])
def test_what_is_too_little_to_watch_is_as_if_it_were_not_there(few):
    (X, y), (X_val, y_val) = split()
    parts = {
        "rows": held_out(X_val[:9], y_val[:9]),
        "known labels": held_out(X_val, y_val + 2),
        "weights": held_out(X_val, y_val, np.zeros(600)),
    }
    expected = booster("lightgbm").fit(X, y)
    model = booster("lightgbm").fit(X, y, **parts[few])
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert model.held_out_ == {}  # the model itself is honest


@pytest.mark.parametrize("name", ROUNDS)
def test_weights_of_what_is_watched_count(name):
    (X, y), (X_val, y_val) = split()
    # The heavy rows are noise: the fewer rounds, the better.
    noise = np.random.default_rng(0).permutation(y_val)
    both = np.concatenate([X_val, X_val]), np.concatenate([y_val, noise])
    light, heavy = (
        booster(name).fit(X, y, **held_out(*both, np.repeat([1.0, weight], 600)))
        for weight in (0.01, 100)
    )
    assert heavy.rounds_ < light.rounds_


@pytest.mark.parametrize("name", STOPPING)
@pytest.mark.parametrize("regression", [False, True])
def test_a_builder_makes_boosters_of_a_number_of_rounds(name, regression):
    (X, y), watched = split()
    spec = tables.spec_of(X, y, regression=regression)
    rate = 0.01 if name == "mlp" else 0.3
    expressed = expressed_genes(spec, **{name: {"learning_rate": rate}})
    model = PipelineBuilder(spec)(expressed, 0, rounds=7)[-1]
    assert model.fit(X, y, **held_out(*watched)).rounds_ == 7
    alone = PipelineBuilder(spec)(expressed, 0).fit(X, y)[-1]
    assert 1 <= alone.rounds_ < rounds_of(alone.estimator)


@pytest.mark.parametrize(
    "name", ["lightgbm", "xgboost", "mlp", "extra_trees", "gaussian_process"]
)
def test_long_fits_check_the_deadline(name):
    X, y = make_classification(400, 5, random_state=0)
    spec = tables.spec_of(X, y)
    pipe = PipelineBuilder(spec)(expressed_genes(spec, **{name: {}}), 0)
    with must_end_by(time.time() - 1), pytest.raises(DeadlineReached):
        pipe.fit(X, y)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "mlp"])
def test_training_that_is_over_keeps_what_it_has_learned(name):
    (X, y), watched = split()
    with training_until(time.time() - 1):
        model = booster(name).fit(X, y, **held_out(*watched))
    assert model.rounds_ == 1
    one = booster(name, rounds=1).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), one.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "mlp"])
def test_training_that_is_repeated_ends_after_as_many_rounds(name):
    (X, y), watched = split()
    first = booster(name).fit(X, y, **held_out(*watched))
    with training_for(first.rounds_):
        again = booster(name).fit(X, y, **held_out(*watched))
    assert again.rounds_ == first.rounds_
    np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))
    with training_for(1):
        shorter = booster(name).fit(X, y, **held_out(*watched))
    assert shorter.rounds_ == 1 < first.rounds_


@pytest.mark.parametrize(
    "kind", ["extra_trees", pytest.param("random_forest", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("made", [ForestClassifier, ForestRegressor])
def test_a_pickled_forest_is_small_and_predicts_the_same(kind, made):
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(600, 4)), rng.normal(size=(2000, 4))
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.round(np.nan_to_num(X[:, 0]) + rng.normal(size=600))
    forest = made(kind, random_state=0).fit(X, y)
    trees = [Tree.__reduce__(one.tree_) for one in forest.forest_.estimators_]
    dumped = pickle.dumps(forest)
    assert len(dumped) < len(pickle.dumps(trees)) / 3
    again = pickle.loads(dumped)
    assert len(pickle.dumps(again)) < 1.01 * len(dumped)
    method = "predict" if made is ForestRegressor else "predict_proba"
    for rows in X, new:
        predicted = getattr(again, method)(rows)
        np.testing.assert_allclose(predicted, getattr(forest, method)(rows), rtol=1e-5)


def test_forests_end_early_with_fewer_trees():
    X, y = load_iris(return_X_y=True)
    with training_until(time.time() - 1):
        forest = ForestClassifier(random_state=0).fit(X, y)
    assert forest.rounds_ == len(forest.forest_.estimators_) == 10
    with training_for(10):
        again = ForestClassifier(random_state=0).fit(X, y)
    alike = ForestClassifier(n_trees=10, random_state=0).fit(X, y)
    for other in again, alike:
        np.testing.assert_array_equal(other.predict_proba(X), forest.predict_proba(X))
    np.testing.assert_allclose(forest.predict_proba(X).max(), (10 + 1 / 3) / 11)


# Naive Bayes is for sparse tables.
DENSE_MODELS = MODELS.keys() - {"naive_bayes"}


@pytest.mark.parametrize(
    "name",
    [
        *(*BOOSTERS, "random_forest"),  # these have threads of their own
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in sorted(DENSE_MODELS - {"svm", "random_forest", *BOOSTERS})
        ),
    ],
)
def test_scores_do_not_depend_on_the_number_of_threads(name):
    X, y = make_classification(600, 20, n_informative=8, random_state=0)
    spec = tables.spec_of(X, y)
    expressed = expressed_genes(spec, **{name: {}})
    predicted = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="openmp"):
            model = PipelineBuilder(spec)(expressed, 0).fit(X, y)
            predicted.append(model.predict_proba(X))
    np.testing.assert_array_equal(*predicted)


@pytest.mark.parametrize("rare", [0, 1, 2])
def test_alone_a_booster_watches_rows_that_it_is_not_fitted_on(rare, monkeypatch):
    seen = []
    library = _boosting._LIBRARIES["lightgbm"]

    def fit(booster, fitted, watch):
        seen[:] = fitted, watch.rows
        return library.fit(booster, fitted, watch)

    monkeypatch.setitem(_boosting._LIBRARIES, "lightgbm", library._replace(fit=fit))
    X, y = make_classification(300, 5, random_state=0)
    y[:rare] = 2
    booster("lightgbm").fit(X, y)
    fitted, watched = seen
    rows = {tuple(row) for part in seen for row in part.X}
    assert len(rows) == len(fitted.y) + len(watched.y) == 300
    assert abs(watched.y.mean() - y.mean()) < 0.05
    assert set(fitted.y) == set(y)


# Leaves of single rows are right on all of them, whatever their weights.
LARGE_LEAVES = {
    name: {"min_samples_leaf": 20} for name in ("extra_trees", "random_forest")
}


@pytest.mark.parametrize("name", sorted(DENSE_MODELS - {"neighbours"}))
def test_balanced_weights_favour_the_rare_class(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    y = (X[:, 0] + rng.normal(size=600) > 2).astype(int)
    spec = tables.spec_of(X, y)
    given = {"xgboost": {"learning_rate": 0.1}, **LARGE_LEAVES}.get(name, {})
    genes = expressed_genes(spec, **{name: given})
    plain, balanced = (
        PipelineBuilder(spec)({**genes, "class_weight": weight}, 0).fit(X, y)
        for weight in (None, "balanced")
    )
    assert balanced.predict(X).mean() > plain.predict(X).mean() + 0.05


# Other models ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["extra_trees", "random_forest", "neighbours", "gaussian_process"]
)
def test_no_class_is_impossible(name):
    X, y = load_iris(return_X_y=True)
    spec = tables.spec_of(X, y)
    probabilities = PipelineBuilder(spec)(expressed_genes(spec, **{name: {}}), 0)
    probabilities = probabilities.fit(X, y).predict_proba(X)
    assert probabilities.min() > 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize(
    "kind", ["extra_trees", pytest.param("random_forest", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("n_classes", [2, 20])
def test_forests_are_small_and_take_gaps(kind, n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 3)), rng.integers(0, n_classes, 3000)
    X[::5, 0] = np.nan
    forest = ForestClassifier(kind, random_state=0).fit(X, y)
    assert len(pickle.dumps(forest)) < 24e6
    assert (forest.predict(X) == y).mean() > 1.2 / n_classes


def test_forests_grow_the_same_in_chunks():
    X, y = load_iris(return_X_y=True)
    forest = ForestClassifier("extra_trees", random_state=0).fit(X, y)
    whole = ExtraTreesClassifier(100, max_features=1.0, random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        forest.forest_.predict_proba(X), whole.predict_proba(X)
    )


@pytest.mark.parametrize(
    "name", ["linear", "mlp", "extra_trees", "random_forest", "gaussian_process"]
)
@pytest.mark.parametrize(
    "regression", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_models_honour_sample_weights(name, regression):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    truth = (X[:, 0] > 0).astype(int)
    lies = np.arange(400) % 2 == 0
    y, weights = np.where(lies, 1 - truth, truth), np.where(lies, 1e-9, 1.0)
    spec = tables.spec_of(X, y, regression=regression)
    given = {"mlp": NETWORK, "linear": {"C": 1.0}, **LARGE_LEAVES}.get(name, {})
    genes = expressed_genes(spec, **{name: given})
    model = PipelineBuilder(spec)(genes, 0, rounds=100)[-1]
    predicted = model.fit(X, y, sample_weight=weights).predict(X)
    assert ((predicted > 0.5) == truth).mean() > 0.8


def test_linear_models_of_any_width_are_the_same():
    """Newton's method solves those of few columns, L-BFGS the others."""
    X, y = make_classification(300, 20, n_classes=3, n_informative=6, random_state=0)
    narrow = LinearClassifier(C=0.1).fit(X, y).predict_proba(X)
    wide = LinearClassifier(C=0.1).fit(np.tile(X, 10) / np.sqrt(10), y)
    np.testing.assert_allclose(
        wide.predict_proba(np.tile(X, 10) / np.sqrt(10)), narrow, atol=0.01
    )


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_an_absolute_penalty_finds_the_few_columns_that_matter(n_classes):
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(2, 150, 400))
    told, truth = X[:, 0] - X[:, 1], new[:, 0] - new[:, 1]
    if n_classes:
        cuts = [-0.6, 0.6][: n_classes - 1]
        told, truth = np.digitize(told, cuts), np.digitize(truth, cuts)
    made = LinearClassifier if n_classes else LinearRegressor
    weights = np.where(np.arange(150) < 5, 1e-6, 1.0)
    told[:5] = told[5:10]  # these do not count
    scores = [
        made(C=0.05, l1_ratio=l1_ratio).fit(X, told, weights).score(new, truth)
        for l1_ratio in (0, 1)
    ]
    assert scores[1] > scores[0] + 0.1


@pytest.mark.parametrize("name", BOOSTERS)
def test_boosters_take_categories_as_they_are(name):
    """The effect of 30 labels is learned by few splits."""
    table, y, spec = labelled(30, 3000)
    losses = [
        log_loss(y, pipe.predict_proba(table))
        for encoding in ("native", "ordinal")
        for pipe in [encoded(spec, encoding, name, rounds=5).fit(table, y)]
    ]
    assert losses[0] < losses[1]


@pytest.mark.parametrize(
    "regression", [False, pytest.param(True, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("encoding", ["native", "ordinal", "onehot", "target"])
@pytest.mark.parametrize("name", [*BOOSTERS, "linear", "random_forest"])
def test_unseen_labels_are_predicted(name, encoding, regression):
    table, y, spec = labelled(300, 900, regression)
    rounds = {} if name == "linear" else {"rounds": 5}
    pipe = encoded(spec, encoding, name, **rounds).fit(table, y)
    asked = table.head(3).assign(kind=pd.Categorical(["new", None, "2"]))
    predicted = pipe.predict(asked) if regression else pipe.predict_proba(asked)
    assert np.isfinite(predicted).all()
    assert len(predicted) == 3


@pytest.mark.parametrize("regression", [False, True])
def test_a_linear_model_has_a_coefficient_for_each_of_many_labels(regression):
    table, y, spec = labelled(300, 900, regression)
    pipe = encoded(spec, "native", "linear", C=1.0).fit(table, y)
    assert pipe.score(table, y) > 0.9
    assert pipe[-1].n_features_in_ == 301


def test_counts_tell_how_many_rows_have_a_label():
    X = pd.DataFrame({"kind": pd.Categorical(["ant", "ant", "bee", None])})
    spec = tables.spec_of(X, [0, 1, 0, 1])
    genes = {"encoding": "ordinal", "counts": True}
    preparation = make_preparation(spec, genes).fit(X, [0, 1, 0, 1])
    asked = pd.DataFrame({"kind": ["bee", "ant", "wasp", None]})
    counts = np.expm1(preparation.transform(asked)[:, 1])
    np.testing.assert_allclose(counts, [1, 2, 0, 1])


@pytest.mark.parametrize("regression", [False, True])
def test_a_ratio_that_tells_more_than_its_parts_is_found(regression):
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 10, (500, 4))
    X[0, 1] = 0
    X[::50, 0] = np.nan
    ratio = X[:, 0] / X[:, 1]
    y = np.nan_to_num(ratio, posinf=0.0)
    y = y if regression else np.where(y > 1, "more", "less")
    pairs = PairFeatures(classifies=not regression).fit(X, y)
    made = pairs.transform(X)
    assert made.shape[1] <= 6
    known = np.isfinite(ratio)
    assert any(np.allclose(column[known], ratio[known]) for column in made.T)
    assert np.isnan(made[~known]).any()


def test_distances_from_the_mean_of_a_group():
    rng = np.random.default_rng(0)
    kinds = rng.choice(["ant", "bee", "moth"], 300)
    means = pd.Series({"ant": 0.0, "bee": 50.0, "moth": 100.0})[kinds].to_numpy()
    own = rng.normal(size=300)
    X = tables.read(pd.DataFrame({"size": means + own, "noise": own[::-1], "k": kinds}))
    y = own > 0
    spec = tables.spec_of(X, y)
    genes = {"encoding": "ordinal", "groups": True}
    preparation = make_preparation(spec, genes).fit(X, y)
    made = preparation.transform(X)[:, 3:]
    assert max(abs(np.corrcoef(column, own)[0, 1]) for column in made.T) > 0.99
    new = X.head(3).assign(k=pd.Categorical(["wasp", None, "bee"]))
    assert np.isnan(preparation.transform(new)[0, 3:]).any()


def test_generated_features_may_be_none():
    """Noise tells nothing: no pair is better than its parts."""
    rng = np.random.default_rng(0)
    X, y = np.ones((60, 2)), rng.integers(0, 2, 60)
    assert PairFeatures(classifies=True).fit(X, y).transform(X).shape == (60, 0)


def test_squashing_bounds_outliers_and_keeps_the_middle():
    X = np.concatenate([np.linspace(-1, 1, 101), [1e9, np.nan]])[:, None]
    scaled = SquashingScaler().fit(X).transform(X)[:, 0]
    assert np.nanmax(scaled) <= 3
    np.testing.assert_allclose(scaled[40:61], X[40:61, 0], atol=0.03)
    assert np.isnan(scaled[-1])
    mostly_zero = np.array([0.0] * 90 + [5.0] * 10)[:, None]
    assert np.ptp(SquashingScaler().fit_transform(mostly_zero)) > 1


def test_linear_models_of_pieces_follow_a_curve():
    X = np.random.default_rng(0).normal(size=(400, 2))
    y = np.abs(X[:, 0])
    spec = tables.spec_of(X, y, regression=True)
    genes = expressed_genes(spec, linear={"C": 10.0})
    straight, pieces = (
        PipelineBuilder(spec)({**genes, "scaling": scaling}, 0).fit(X, y).score(X, y)
        for scaling in ("squashing", "piecewise")
    )
    assert straight < 0.1 < 0.98 < pieces


def test_columns_are_cut_at_their_quantiles():
    cut = PiecewiseScaler().fit(np.arange(17.0)[:, None])
    pieces = cut.transform(np.array([[-9.0], [0.5], [16.0], [99.0]]))[:, 1:]
    assert pieces.shape == (4, 16)
    np.testing.assert_array_equal(pieces[0], np.full(16, -0.5))
    np.testing.assert_array_equal(pieces[1], [0.0] + [-0.5] * 15)
    np.testing.assert_array_equal(pieces[2:], np.full((2, 16), 0.5))


@pytest.mark.parametrize(("n_columns", "width"), [(1, 17), (100, 1100), (1001, 1001)])
def test_pieces_of_many_columns_are_few(n_columns, width):
    X = np.random.default_rng(0).normal(size=(50, n_columns))
    assert PiecewiseScaler().fit_transform(X).shape == (50, width)
    assert scaled_width("piecewise", n_columns) == width


def test_columns_of_few_values_have_no_pieces():
    X = np.repeat([[0.0, 5.0], [1.0, 5.0]], 10, axis=0)
    assert PiecewiseScaler().fit_transform(X).shape == (20, 2)


# Gaussian processes ---------------------------------------------------------------


def test_a_gaussian_process_finds_the_columns_that_matter():
    X = np.random.default_rng(0).normal(size=(300, 6))
    y = np.sin(2 * X[:, 0]) * X[:, 1]
    own, shared = (
        GaussianProcessRegressor(own_lengths, random_state=0).fit(X[:200], y[:200])
        for own_lengths in (True, False)
    )
    assert own.lengths_[:2].max() < own.lengths_[2:].min()
    assert own.score(X[200:], y[200:]) > 0.9 > shared.score(X[200:], y[200:])


def test_a_gaussian_process_is_that_of_scikit_learn():
    X = np.random.default_rng(0).normal(size=(120, 2))
    y = np.sin(2 * X[:, 0]) + X[:, 1]
    y = (y - y.mean()) / y.std()
    ours = GaussianProcessRegressor(random_state=0).fit(X, y)
    smooth, noise, slope = ours.variances_
    kernel = smooth * Matern(ours.lengths_, nu=2.5) + WhiteKernel(noise)
    theirs = SklearnProcess(kernel + slope / 2 * DotProduct(0, "fixed"), optimizer=None)
    np.testing.assert_allclose(ours.predict(X), theirs.fit(X, y).predict(X), atol=1e-5)
    # What it would predict for a row without it.
    rows, left_out = ours._learn(X, y[:, None], None)
    theirs.fit(np.delete(X, rows[0], axis=0), np.delete(y, rows[0]))
    expected = theirs.predict(X[rows[:1]])
    np.testing.assert_allclose(left_out[0], expected, atol=1e-5)


def test_a_gaussian_process_knows_so_many_rows(monkeypatch):
    monkeypatch.setattr(_gaussian_process, "KNOWN_ROWS", 40)
    X, y = make_classification(300, 4, random_state=0)
    y[0] = 2
    model = GaussianProcessClassifier(random_state=0).fit(X, y)
    assert len(model.X_) == 40
    assert model.predict_proba(X).shape == (300, 3)
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 5))]
)
def test_a_gaussian_process_knows_a_row_of_each_class(seed, monkeypatch):
    monkeypatch.setattr(_gaussian_process, "KNOWN_ROWS", 40)
    X = np.random.default_rng(0).normal(size=(400, 2))
    y = (np.arange(400) == 7).astype(int)
    model = GaussianProcessClassifier(random_state=seed).fit(X, y)
    assert (X[7] == model.X_).all(axis=1).any()
    assert model.calibration_.classes_.tolist() == [0, 1]


def test_a_gaussian_process_keeps_what_it_has_learned_if_time_is_over():
    X, y = make_classification(300, 4, random_state=0)
    with training_until(time.time() - 1):
        model = GaussianProcessClassifier(random_state=0).fit(X, y)
    assert model.score(X, y) > 0.7


# Support vector machines ----------------------------------------------------------


@pytest.mark.parametrize("n_components", [None, 30])
def test_svm_predicts_by_its_decision_values(n_components):
    X, y = load_iris(return_X_y=True)
    svm = SupportVectorClassifier(n_components=n_components, random_state=0).fit(X, y)
    values = svm.decision_function(X)
    np.testing.assert_array_equal(svm.classes_[values.argmax(axis=1)], svm.predict(X))
    np.testing.assert_allclose(svm.predict_proba(X).sum(axis=1), 1)


def test_svm_probabilities_have_a_lower_bound():
    X, y = make_classification(60, 2, n_redundant=0, class_sep=3, random_state=0)
    svm = SupportVectorClassifier(kernel="linear", random_state=0).fit(X, y)
    far_out = svm.predict_proba(1000 * X)
    assert far_out.min() >= 1 / 63
    np.testing.assert_allclose(far_out.sum(axis=1), 1)


@pytest.mark.parametrize("n_components", [None, 30])
def test_svm_is_calibrated_on_a_held_out_part(n_components):
    (X, y), watched = split()
    labels = np.array(["no", "yes"])
    watched = watched[0], labels[watched[1]]
    svm = SupportVectorClassifier(n_components=n_components, random_state=0)
    alone = clone(svm).fit(X, labels[y])
    with mock.patch.object(_calibration, "cross_val_predict") as again:
        svm.fit(X, labels[y], **held_out(*watched))
    again.assert_not_called()
    np.testing.assert_array_equal(svm.decision_function(X), alone.decision_function(X))
    chance = log_loss(watched[1], np.full((600, 2), 0.5))
    assert loss(svm, *watched) < loss(alone, *watched) < chance
    # No row counts in its own probability.
    honest = svm.held_out_["predict_proba"]
    assert loss(svm, *watched) < log_loss(watched[1], honest) < chance
    assert [*svm.held_out_] == ["predict_proba"]
    values = svm.decision_function(watched[0])[:, None]
    parts = dealt(watched[1], _calibration.N_FOLDS, random_state=0)
    for part in range(_calibration.N_FOLDS):
        own = parts == part
        others = _calibration.calibration(Rows(values[~own], watched[1][~own]))
        np.testing.assert_allclose(honest[own], svm._calibrated(values[own], others))
    # Held-out rows of which nine of ten are "yes" make "yes" more probable.
    weights = np.where(watched[1] == "yes", 9.0, 1.0)
    likely = clone(svm).fit(X, labels[y], **held_out(*watched, weights))
    assert (likely.predict_proba(X) > svm.predict_proba(X))[:, 1].all()


@pytest.mark.parametrize("few", ["rows", "one class", "known labels"])
def test_svm_is_calibrated_by_itself_if_the_held_out_part_cannot(few):
    (X, y), (X_val, y_val) = split()
    parts = {
        "rows": (X_val[:50], y_val[:50]),
        "one class": (X_val[y_val == 1], y_val[y_val == 1]),
        "known labels": (X_val, y_val + 2),
    }
    expected = SupportVectorClassifier(random_state=0).fit(X, y).predict_proba(X)
    svm = SupportVectorClassifier(random_state=0).fit(X, y, **held_out(*parts[few]))
    np.testing.assert_array_equal(svm.predict_proba(X), expected)


def costs(task, n_classes, **model):
    """Return the predicted seconds of a fit that watches rows, and of one without."""
    spec = DataSpec(task, 2000, n_classes, (Column("a", "numeric"),))
    genes = expressed_genes(spec, **model)
    return [PipelineBuilder(spec, watches=one).cost(genes) for one in (True, False)]


SVM = {"C": 1.0, "approximate": True, "kernel": "linear"}


def test_a_refit_costs_what_the_calibration_of_an_svm_takes():
    trial, refit = costs("classification", 4, svm=SVM)
    assert refit > 1.5 * trial


@pytest.mark.parametrize(
    ("task", "model"),
    [("classification", {"neighbours": {}}), ("regression", {"svm": SVM})],
)
def test_what_is_not_calibrated_costs_the_same_in_a_refit(task, model):
    trial, refit = costs(task, 4 if task == "classification" else 0, **model)
    assert refit == trial


def test_svm_without_probabilities_has_none():
    X, y = load_iris(return_X_y=True)
    svm = SupportVectorClassifier(probabilities=False).fit(X, y)
    assert not hasattr(svm, "predict_proba")
    same = SupportVectorClassifier(probabilities=True).fit(X, y)
    np.testing.assert_array_equal(svm.predict(X), same.predict(X))


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid"])
@pytest.mark.parametrize("n_components", [None, 30])
def test_svm_weights_reach_every_kind_of_machine(kernel, n_components):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    truth = (X[:, 0] > 0).astype(int)
    lies = np.arange(200) % 2 == 0
    y, weights = np.where(lies, 1 - truth, truth), np.where(lies, 1e-9, 1.0)
    svm = SupportVectorClassifier(
        kernel, degree=3, n_components=n_components, random_state=0
    )
    assert (svm.fit(X, y, sample_weight=weights).predict(X) == truth).mean() > 0.8


def test_svr_does_not_depend_on_the_scale_of_the_target():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = X[:, 0] + 0.1 * rng.normal(size=100)
    small, large = (
        SupportVectorRegressor().fit(X, scale * y).predict(X) / scale
        for scale in (1e-3, 1e4)
    )
    np.testing.assert_allclose(small, large, atol=1e-6)


def test_exact_svm_that_does_not_converge_ends():
    """Unscaled columns and a huge C: libsvm would iterate without end."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 5)) * [1, 10, 100, 1000, 10_000]
    y = rng.integers(0, 2, 1500)
    spec = tables.spec_of(X, y)
    genes = expressed_genes(spec, svm={"C": 1000.0, "kernel": {"poly": {"degree": 4}}})
    pipe = PipelineBuilder(spec, probabilities=False)({**genes, "scaling": "none"}, 0)
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipe.fit(X, y)
    assert time.perf_counter() - begin < 20


def test_well_known_candidates_can_be_fitted():
    X, y = tables.mixed(), np.arange(90) % 2
    spec = tables.spec_of(X, y)
    genome, rng = pipeline(spec), np.random.default_rng(0)
    for genes in well_known(spec):
        chromosome = Chromosome(genome.complete(genes, rng))
        assert genome.contains(chromosome.genes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            PipelineBuilder(spec)(chromosome.expressed, 0).fit(X, y)
