"""Evolved GANs as their users meet them."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import is_classifier
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.neighbors import KernelDensity
from torch.utils.data import TensorDataset

from sknevo import EvolvedGAN
from sknevo.builders.gan._estimator import GAN
from sknevo.deadline import TrialPruned
from sknevo.estimators.gan import SampleHistory
from sknevo.genomes.gan import well_known
from sknevo.metrics import GenerativeScore, mode_coverage
from sknevo.records import Chromosome, DataSpec, Evaluation, Generation
from sknevo.table_codec import FrameNumbers

SMALL = {"population_size": 3, "generations": 1, "max_epochs": 30, "random_state": 0}
ONE = SMALL | {"population_size": 1, "max_epochs": 2}
SCORES = {"fitness", *GenerativeScore.TERMS}


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(0)
    names = np.array(["left", "right"])[np.arange(300) % 2]
    return rng.normal(size=(300, 2)) * 0.3 + 3 * (names == "right")[:, None], names


@pytest.fixture(scope="module")
def fitted(blobs):
    return EvolvedGAN(**SMALL).fit(*blobs)


def test_it_samples_what_it_has_seen(fitted, blobs):
    made = fitted.sample(500, random_state=1)
    assert made.shape == (500, 2)
    # Nearer to the data than noise of the same mean and variance.
    kde = KernelDensity(bandwidth=0.2).fit(blobs[0])
    rng = np.random.default_rng(0)
    noise = rng.normal(blobs[0].mean(axis=0), blobs[0].std(axis=0), (500, 2))
    assert kde.score(made) > kde.score(noise)
    np.testing.assert_array_equal(made, fitted.sample(500, random_state=1))


def test_it_samples_of_a_label(fitted):
    left, right = (fitted.sample(100, y=name) for name in ("left", "right"))
    assert left.mean() < right.mean() - 1
    mixed = fitted.sample(4, y=["left", "right", "left", "right"])
    assert mixed[0].mean() < mixed[1].mean()
    assert fitted.classes_.tolist() == ["left", "right"]


@pytest.mark.parametrize(
    ("n_rare", "cv", "least"),
    [(5, None, 1), (5, 5, 1), (10, 2, 5), (4, 5, 0), (1, None, 0)],
)
@pytest.mark.parametrize("dtype", [str, pytest.param(object, marks=pytest.mark.slow)])
def test_labels_have_their_share_of_each_part(blobs, n_rare, cv, least, dtype):
    X, y = blobs[0][:100], np.where(np.arange(100) < n_rare, "rare", "usual")
    y, counted = y.astype(dtype), []

    def scoring(estimator, X, y):
        counted.append((y == "rare").sum())
        return 0.0

    gan = EvolvedGAN(**ONE, scoring=scoring, cv=cv).fit(X, y)
    assert min(counted) == least
    # A label too rare to be in all parts is in the training part.
    assert gan.sample(3, y="rare").shape == (3, 2)


def test_no_known_individual_is_tried_twice(blobs):
    known = well_known(DataSpec("generation", 240, 0, shape=(2,)))
    small = SMALL | {"max_epochs": 1, "population_size": len(known)}
    assert EvolvedGAN(**small).fit(blobs[0]).n_evaluations_ == len(known)


def test_any_number_of_labels_will_do(blobs):
    X, y = blobs[0][:100], [f"{i // 2}" for i in range(100)]
    gan = EvolvedGAN(**ONE).fit(X, y)
    assert len(gan.classes_) == 50


def test_all_parts_of_the_fitness_are_there(fitted, blobs):
    results = fitted.cv_results_
    for name in SCORES | {"real_coverage"}:
        assert np.isfinite(results[f"mean_test_{name}"]).all()
    assert fitted.best_score_ == results["mean_test_fitness"][fitted.best_index_]
    # As searches with a single score have it.
    for column in ("mean_test", "std_test", "rank_test", "split0_test"):
        same = results[f"{column}_fitness"] == results[f"{column}_score"]
        assert same.all()
    assert 0 < fitted.best_score_ <= 1
    assert 0 < fitted.score(*blobs) <= 1
    assert isinstance(fitted.scorer_, GenerativeScore)
    assert fitted.n_splits_ == 1


def test_the_best_are_trained_on_and_scored_again(blobs, monkeypatch):
    X, y = blobs
    before = GAN.finish
    seen = []

    def finish(self, X, y, **goal):
        seen.append(len(X))
        return before(self, X, y, epochs=30)

    monkeypatch.setattr(GAN, "finish", finish)
    options = SMALL | {"max_epochs": 300, "generations": None, "max_time": 8}
    gan = EvolvedGAN(**options).fit(X, y)
    assert gan.rungs_[0].resource < 300
    assert seen == [240]  # not what is held out
    held_out = gan.score(X, y)
    assert held_out > 0
    # What becomes worse is not taken.
    monkeypatch.setattr(GAN, "finish", lambda self, X, y, **goal: ruined(self))
    worse = EvolvedGAN(**options).fit(X, y)
    assert np.isfinite(worse.sample(5)).all()
    assert np.ptp(worse.sample(50)) > 1


def test_a_journal_has_no_models_but_there_is_a_best(blobs, tmp_path):
    options = {"population_size": 3, "max_epochs": 60, "random_state": 0, "max_time": 6}
    EvolvedGAN(**options, journal=tmp_path / "journal").fit(*blobs)
    again = EvolvedGAN(**options, journal=tmp_path / "journal").fit(*blobs)
    assert again.sample(7).shape == (7, 2)


def test_a_collapse_in_the_end_is_no_error(blobs, monkeypatch):
    def collapse(self, X, y, **goal):
        raise TrialPruned("mode collapse")

    monkeypatch.setattr(GAN, "finish", collapse)
    options = SMALL | {"max_epochs": 300, "generations": None, "max_time": 6}
    with pytest.warns(FitFailedWarning, match="mode collapse"):
        gan = EvolvedGAN(**options, error_score="raise").fit(*blobs)
    assert gan.sample(7).shape == (7, 2)


def ruined(gan):
    with torch.no_grad():
        for weights in gan.generator_.parameters():
            weights.zero_()
    return gan.settle()


def test_it_judges_as_its_discriminator_does(fitted, blobs):
    X, y = blobs
    logits = fitted.score_samples(X, y)
    assert logits.shape == (300,)
    np.testing.assert_array_equal(logits, fitted.best_estimator_.score_samples(X, y))
    real = fitted.decision_function(X) >= 0
    np.testing.assert_array_equal(fitted.predict(X), np.where(real, 1, -1))
    assert not is_classifier(fitted)
    for judge in (fitted.score_samples, fitted.decision_function, fitted.predict):
        with pytest.raises(ValueError, match="inconsistent"):
            judge(X[:5], y[:3])


def test_labels_held_out_as_a_whole_fail_no_candidate(blobs):
    X, y = blobs[0][:41], np.array(["a"] * 20 + ["b"] * 20 + ["rare"])
    split = [(np.r_[:15, 20:35], np.r_[15:20, 35:41])]
    gan = EvolvedGAN(**ONE, cv=split).fit(X, y)
    assert np.isfinite(gan.cv_results_["mean_test_fitness"]).all()
    one = EvolvedGAN(**ONE, cv=[(np.arange(20), np.arange(20, 41))])
    assert one.fit(X, y).best_score_ > 0


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_the_best_is_the_model_that_was_scored(blobs, n_jobs):
    X, y = blobs
    train, test = np.arange(200), np.arange(200, 300)
    short = SMALL | {"max_epochs": 8}
    gan = EvolvedGAN(**short, cv=[(train, test)], n_jobs=n_jobs).fit(X, y)
    assert gan.score(X[test], y[test], training=X[train]) == gan.best_score_
    assert gan.score(X[test], y[test]) != gan.best_score_  # copies are not sought


def test_with_several_folds_the_best_is_trained_again(blobs):
    gan = EvolvedGAN(**ONE, cv=2).fit(*blobs)
    assert gan.best_estimator_.n_steps_ > 0


def test_the_best_of_each_generation_leaves_samples(blobs, tmp_path):
    small = SMALL | {"population_size": 2, "generations": 2, "max_epochs": 1}
    gan = EvolvedGAN(**small, journal=tmp_path / "journal").fit(blobs[0])
    kept = gan.generation_samples_
    assert list(kept) == [0, 1]
    np.testing.assert_array_equal(kept[1], gan.sample(256))
    goes_on = EvolvedGAN(**small, journal=tmp_path / "journal").fit(blobs[0])
    assert goes_on.generation_samples_ == {}
    assert list(EvolvedGAN(**ONE, cv=2).fit(blobs[0]).generation_samples_) == [0]


def test_the_best_is_trained_once_and_a_refit_repeats_it(blobs, tmp_path, monkeypatch):
    fits, train = [], GAN.train_to
    monkeypatch.setattr(
        GAN, "train_to", lambda gan, *args: fits.append(gan) or train(gan, *args)
    )
    short = SMALL | {"max_epochs": 2}
    first = EvolvedGAN(**short, journal=tmp_path / "journal").fit(*blobs)
    assert len(fits) == first.n_evaluations_
    assert first.refit_time_ == first.cv_results_["mean_fit_time"][first.best_index_]
    again = EvolvedGAN(**short, journal=tmp_path / "journal").fit(*blobs)
    assert len(fits) == first.n_evaluations_ + 1
    assert again.best_score_ == first.best_score_
    np.testing.assert_array_equal(first.sample(20), again.sample(20))


def test_scores_are_of_the_labels_that_are_asked_for(fitted, blobs):
    X, y = blobs
    left = y == "left"
    whole, part = fitted.score(X, y), fitted.score(X[left], y[left])
    assert part > 0.5 * whole
    assert fitted.score(X[left], np.full(left.sum(), "right")) < 0.5 * part
    without = EvolvedGAN(**ONE).fit(X)
    assert without.score(X, y) == without.score(X)


def test_samples_are_rebuilt(fitted, blobs):
    rebuilt = fitted.reconstruct(blobs[0][:9], n_steps=50)
    assert np.abs(rebuilt - blobs[0][:9]).mean() < 1


def test_it_pickles_without_its_data(fitted, blobs):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.sample(5), fitted.sample(5))
    np.testing.assert_array_equal(again.predict(blobs[0]), fitted.predict(blobs[0]))


@pytest.mark.slow
def test_results_do_not_depend_on_workers(fitted, blobs):
    other = EvolvedGAN(**SMALL, n_jobs=2).fit(*blobs)
    for name in ("key", "mean_test_fitness"):
        np.testing.assert_array_equal(
            other.cv_results_[name], fitted.cv_results_[name], err_msg=name
        )
    np.testing.assert_allclose(other.sample(5), fitted.sample(5), atol=1e-4)


def test_values_are_conditions():
    rng = np.random.default_rng(0)
    y = rng.uniform(size=300)
    X = np.c_[6 * y, -y] + 0.05 * rng.normal(size=(300, 2))
    gan = EvolvedGAN(**SMALL | {"population_size": 1}).fit(X, y)
    low, high = (gan.sample(100, y=value) for value in (0.1, 0.9))
    assert low[:, 0].mean() < high[:, 0].mean() - 1
    assert not hasattr(gan, "classes_")
    with pytest.raises(ValueError, match="y must hold finite values"):
        gan.sample(3, y=np.nan)


def mixed(n=300, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.choice([*"abc"], n, p=[0.6, 0.3, 0.1])
    number = (3.0 * (kind == "a") + rng.normal(size=n)).round(2)
    return pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.2, np.nan, number),
            "kind": pd.Categorical(kind, [*"cabd"]),
            "count": pd.array(rng.poisson(30, n), "Int64"),
            "day": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(90, size=n), "D"),
            "is": rng.random(n) < 0.3,
            "unit": "mm",
        },
        index=range(7, 7 + n),
    )


@pytest.fixture(scope="module")
def fitted_table():
    X = mixed()
    return EvolvedGAN(**ONE | {"max_epochs": 20}).fit(X, X["kind"] == "a")


def test_tables_come_back_as_tables(fitted_table):
    X = mixed()
    again = pickle.loads(pickle.dumps(fitted_table))
    made = again.sample(400)
    pd.testing.assert_series_equal(made.dtypes, X.dtypes)
    pd.testing.assert_frame_equal(made, fitted_table.sample(400))
    assert set(made["kind"]) <= set("abc")
    assert set(made["unit"]) == {"mm"}
    assert made["count"].between(X["count"].min(), X["count"].max()).all()
    assert (made["day"].dt.normalize() == made["day"]).all()
    told = made["number"].dropna()
    assert 0 < len(told) < 400
    assert (told.round(2) == told).all()
    labelled = again.sample(100, y=True)
    assert len(labelled) == 100
    (kept,) = again.generation_samples_.values()
    assert [*kept.columns] == [*X.columns]


def test_tables_are_scored_in_a_space_where_labels_count(fitted_table):
    X = mixed(seed=1)
    assert set(fitted_table.predict(X)) <= {-1, 1}
    assert 0 < fitted_table.score(X, X["kind"] == "a", training=mixed()) <= 1
    # Of a GAN that has learned little, it is chance what a model learns of labels.
    swapped = X.assign(kind=X["kind"].cat.rename_categories({"a": "b", "b": "a"}))
    real, *made = map(FrameNumbers(mixed()).read, (mixed(seed=2), X, swapped))
    fine, wrong = (fitted_table.scorer_.measure(real, rows) for rows in made)
    assert fine["fitness"] > 0.8
    assert wrong["fitness"] < 0.4
    assert fitted_table.reconstruct(X[:3], n_candidates=9, n_steps=1).shape == (3, 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "d"}, "labels of fit in column 'kind': 'a', 'b', 'c'; got 'd'"),
        ({"count": pd.NA}, "no missing values in column 'count'"),
        ({"number": "many"}, "numbers in column 'number'"),
        ({"day": "soon"}, "column 'day'"),
        ({"number": np.inf}, "infinity or a value too large in column 'number'"),
    ],
)
def test_what_fit_has_not_seen_is_refused_by_column(fitted_table, change, message):
    with pytest.raises(ValueError, match=message):
        fitted_table.score_samples(mixed().assign(**change))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([f"name {i}" for i in range(300)], "column 'new' holds text: 300 different"),
        ([np.inf] * 300, "column 'new'"),
        ([[1]] * 300, "column 'new'"),
    ],
)
def test_columns_that_cannot_be_made_are_refused(column, message):
    with pytest.raises((TypeError, ValueError), match=message):
        EvolvedGAN(**SMALL).fit(mixed().assign(new=column))
    with pytest.raises(ValueError, match="a column that varies"):
        EvolvedGAN(**SMALL).fit(mixed()[["unit"]])


def test_images_come_back_as_images():
    images = load_digits(n_class=2).images.astype(np.uint8)[:120]
    gan = EvolvedGAN(**ONE).fit(images)
    made = gan.sample(9)
    assert made.shape == (9, 8, 8)
    assert made.dtype == np.uint8
    assert made.max() <= 16
    assert gan.score_samples(images[:5]).shape == (5,)
    assert gan.n_features_in_ == 64
    rows = EvolvedGAN(**ONE, image_shape=(8, 8))
    assert rows.fit(images.reshape(-1, 64)).sample(2).shape == (2, 64)


def test_a_feature_extractor_of_the_users_own(blobs):
    seen = []

    def features(X):
        seen.append(len(X))
        return np.asarray(X)[:, :1]

    gan = EvolvedGAN(**ONE, feature_extractor=features)
    gan.fit(blobs[0])
    assert gan.scorer_.features is features
    assert seen


def test_a_score_of_the_users_gets_the_features_of_images():
    X = load_digits().images[:60].astype(np.uint8)
    scoring = GenerativeScore(combine="sum")
    gan = EvolvedGAN(**ONE, scoring=scoring).fit(X)
    assert scoring.features is None
    assert gan.scorer_.combine == "sum"
    assert gan.scorer_.features(X[:3]).ndim == 2
    assert 0 < gan.score(X) <= 1


@pytest.mark.parametrize("scoring", [GenerativeScore(np.abs), lambda gan, X, y=None: 1])
def test_features_that_would_not_be_used_are_refused(blobs, scoring):
    gan = EvolvedGAN(**SMALL, scoring=scoring, feature_extractor=np.abs)
    with pytest.raises(ValueError, match="feature_extractor must be None if scoring"):
        gan.fit(blobs[0])


def test_images_stream_from_disk():
    images = torch.from_numpy(load_digits().images[:60].astype(np.uint8))
    gan = EvolvedGAN(**ONE).fit(TensorDataset(images))
    assert gan.sample(3).shape == (3, 8, 8)


FEW_POINTS = {"mixture": {"scale": 0.5, "components": 2, "spread": 0.05}}


@pytest.mark.parametrize(
    ("spread", "apart", "noise", "reason"),
    [
        (1.0, 0, FEW_POINTS, "mode collapse"),
        pytest.param(
            *(0.01, 50, {"normal": {"scale": 1.0}}, "far from the data"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_collapsed_gan_is_pruned_with_the_reason(spread, apart, noise, reason):
    dead = well_known(DataSpec("generation", 240, 0, shape=(2,)))[0]
    dead["noise"] = {"dimension": 2, "distribution": noise}
    # A generator that hardly moves, for longer than a random_immigrant's patience.
    dead["generator"]["optimizer"] = {"adam": {"lr": 1e-5, "beta1": 0.0, "beta2": 0.9}}
    dead["training"] |= {"batch_size": 32, "epochs": 60}
    gan = EvolvedGAN(
        population_size=2,
        generations=1,
        max_epochs=60,
        initial_population=[dead, {"training": {"epochs": 15, "batch_size": 200}}],
        random_state=0,
    )
    rng = np.random.default_rng(0)
    modes = rng.integers(2, size=(300, 2))
    gan.fit(spread * rng.normal(size=(300, 2)) + apart * modes)
    assert gan.cv_results_["status"][0] == "pruned"
    assert reason in gan.cv_results_["error"][0]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((5, 2)), None, "X must hold at least 8 samples; got 5"),
        (np.ones((9, 2)), np.full(9, np.nan), "y must not have missing values"),
        (np.ones((9, 2)), np.ones(8), "inconsistent"),
        (np.ones((9, 2, 2, 2, 2)), None, "X must be of shape"),
    ],
)
def test_bad_data_are_named(X, y, message):
    with pytest.raises(ValueError, match=message):
        EvolvedGAN(**SMALL).fit(X, y)


def test_weights_are_refused(blobs):
    with pytest.raises(TypeError, match=r"unexpected metadata \['sample_weight'\]"):
        EvolvedGAN(**SMALL).fit(*blobs, sample_weight=np.ones(300))


def test_it_races_over_epochs(blobs):
    gan = EvolvedGAN(
        population_size=4,
        generations=1,
        max_epochs=8,
        resource="epochs",
        random_state=0,
    ).fit(blobs[0])
    assert gan.rungs_
    assert gan.sample(3).shape == (3, 2)


def quality(gan, X, y=None):
    return GenerativeScore()(gan, X)["fitness"]


@pytest.mark.slow
def test_weights_of_the_time_to_fit_count_in_the_score_too(blobs):
    X, (train, test) = blobs[0], (np.arange(200), np.arange(200, 300))
    gan = EvolvedGAN(
        **SMALL,
        scoring={"quality": quality, "seconds": "fit_time"},
        refit={"quality": 1, "seconds": 1},
        cv=[(train, test)],
    ).fit(X)
    assert gan.score(X[test]) == pytest.approx(gan.best_score_)


def test_a_search_goes_on_if_samples_of_a_generation_fail():
    class Full:
        def ready(self, candidate):
            raise MemoryError("no more on the device")

    history = SampleHistory(Full(), 16)
    assert not history.on_evaluation_end(Evaluation(Chromosome({}), "ok", 0.5))
    generation = Generation(0, 0.5, 0.5, evaluated=1, cached=0, failed=0, seconds=1.0)
    with pytest.warns(UserWarning, match="has no generation 0"):
        assert not history.on_generation_end(generation)
    assert history.samples == {}


@pytest.mark.slow
def test_the_ring_is_found():
    rng = np.random.default_rng(0)
    angles = 2 * np.pi * np.arange(8) / 8
    centers = np.c_[np.cos(angles), np.sin(angles)]
    X = centers[rng.integers(8, size=2500)] + 0.02 * rng.normal(size=(2500, 2))
    gan = EvolvedGAN(population_size=3, generations=1, random_state=0).fit(X)
    found = mode_coverage(gan.sample(2500), centers, 0.06)
    assert found.n_modes == 8
    assert found.high_quality > 0.8


def test_complex_values_to_generate_for_are_refused(blobs):
    with pytest.raises(ValueError, match="Complex data not supported"):
        EvolvedGAN().fit(blobs[0], np.full(len(blobs[0]), 1j))
