"""Data of all kinds that generators, and the measures of their samples, are given."""

import pickle
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import BaseEstimator

from sknevo import EvolvedClassifier, EvolvedGAN
from sknevo.builders.gan import feature_space
from sknevo.builders.gan._data import Scaler
from sknevo.builders.gan._training import N_COMPARED, GANTraining
from sknevo.builders.networks._devices import own_settings
from sknevo.displays import SampleGridDisplay
from sknevo.metrics import (
    GenerativeScore,
    InceptionFeatures,
    authenticity,
    diagnose,
    invert,
    n_conditions,
    nearest_neighbour_psnr,
    nearest_neighbour_ssim,
    peak_signal_noise_ratio,
    structural_similarity,
)

DRAW = np.random.default_rng(0)
SMALL = {
    "population_size": 1,
    "generations": 1,
    "max_epochs": 2,
    "random_state": 0,
}

# Tables ----------------------------------------------------------------------------

N = 40
TABLE = pd.DataFrame(
    {
        "normal": DRAW.normal(size=N),
        "positive": DRAW.exponential(size=N),
        "half": DRAW.random(N).astype("f4"),
        "constant": 2.5,
        "count": DRAW.integers(0, 5, N),
        "byte": DRAW.integers(200, 256, N).astype("u1"),
        "bool": DRAW.random(N) < 0.5,
        "seconds": 1.7e9 + DRAW.integers(0, 10**6, N),
    }
)
NULLABLE = {"count": "Int64", "byte": "UInt8", "bool": "boolean", "normal": "Float64"}
NULLABLES = TABLE.astype(NULLABLE)
CODED = pd.Categorical(DRAW.choice([1, 2, 7], N), [7, 1, 2], ordered=True)
FRAMES = {
    "pandas": TABLE,
    "pandas, other index": TABLE.set_axis(range(100, 100 + N)),
    "pandas, nullable": NULLABLES,
    "pandas, arrow": TABLE.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categories": TABLE.assign(code=CODED),
    "pandas, big-endian": TABLE.astype({"normal": ">f8", "count": ">i4"}),
    "pandas, numbers as names": TABLE.set_axis(range(TABLE.shape[1]), axis=1),
    "pandas, one column": TABLE[["positive"]],
    "pandas, bools": TABLE[["bool"]],
    "polars": pl.from_pandas(TABLE),
    "pyarrow": pa.Table.from_pandas(TABLE),
}


# In every run: a plain frame and one of each library.
USUAL = {"pandas", "pandas, nullable", "polars", "pyarrow"}


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(X, id=name, marks=[pytest.mark.slow] * (name not in USUAL))
        for name, X in FRAMES.items()
    ],
)
def test_tables_come_back_as_they_are(X):
    gan = pickle.loads(pickle.dumps(EvolvedGAN(**SMALL).fit(X)))
    for made in (gan.sample(30), gan.reconstruct(X[:9], n_candidates=9, n_steps=2)):
        assert type(made) is type(X)
        if isinstance(X, pd.DataFrame):
            pd.testing.assert_series_equal(made.dtypes, X.dtypes)
        else:
            assert made.schema == X.schema
        real, made = (np.asarray(each).astype(float) for each in (X, made))
        assert (made >= real.min(axis=0)).all()
        assert (made <= real.max(axis=0)).all()
        whole = (real == np.rint(real)).all(axis=0)
        np.testing.assert_array_equal(made[:, whole], np.rint(made[:, whole]))
        assert np.isfinite(made).all()


def test_arrays_of_mixed_columns_hold_what_all_rows_have_in_common():
    X = TABLE.to_numpy(float)
    made = EvolvedGAN(**SMALL).fit(X).sample(50)
    assert isinstance(made, np.ndarray)
    assert set(made[:, 3]) == {2.5}
    assert set(made[:, 6]) <= {0, 1}
    np.testing.assert_array_equal(made[:, 4:], np.rint(made[:, 4:]))
    assert made[:, 1].min() >= X[:, 1].min()


def test_scores_are_those_of_the_samples_that_users_get():
    gan = EvolvedGAN(**SMALL, cv=[(np.arange(20), np.arange(20, N))]).fit(TABLE)
    assert gan.score(TABLE[20:], training=TABLE[:20]) == gan.best_score_
    made = gan.best_estimator_.sample(5)
    np.testing.assert_allclose(made, gan.sample(5).to_numpy(float), rtol=1e-6)


SIDE = 6
PIXELS = DRAW.integers(2, size=(N, SIDE, SIDE))


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("dtype", ["?", "u1", ">u2", "i8", "f2", ">f4", "f8"])
def test_samples_of_any_type_come_back_in_it(dtype, rows):
    X = (PIXELS if dtype == "?" else 200 * PIXELS + 7).astype(dtype)
    X = X.reshape(N, -1) if rows else X
    scaler = Scaler(X, X.shape[1:])
    scaled = scaler(torch.from_numpy(scaler.standardise(X).astype(float)))
    assert scaled.abs().max() < 5
    again = scaler.inverse(scaled)
    assert again.dtype == X.dtype
    np.testing.assert_array_equal(again, X)
    far = scaler.inverse(scaled * 100)
    assert X.min() <= far.min() <= far.max() <= X.max()


def test_constant_images_stay_constant():
    X = np.full((9, 4, 4), 7.3, dtype="f4")
    made = Scaler(X, (4, 4)).inverse(torch.randn(5, 1, 4, 4, generator=generator()))
    assert set(made.ravel()) == {np.float32(7.3)}


def test_pixels_of_images_in_rows_are_no_columns():
    X = np.random.default_rng(0).random((9, 16))
    X[:, 0] = np.arange(9) % 2
    made = Scaler(X, (4, 4)).inverse(torch.full((5, 1, 4, 4), 0.3))
    assert len(np.unique(made)) == 1


def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("unit", [1e-300, 1e-60, 1.0, 1e60, 1e290])
@pytest.mark.parametrize("offset", [0, 1e9])
def test_samples_do_not_depend_on_the_unit(unit, offset):
    X = TABLE[["normal", "positive"]].to_numpy()
    scaled = Scaler((X + offset) * unit, (2,)).standardise((X + offset) * unit)
    expected = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_the_greatest_integers_stay_in_their_range(dtype, constant):
    most = np.iinfo(dtype).max
    X = np.full((9, 2), most, dtype)
    X[0] = most if constant else 5
    far = Scaler(X, (2,)).inverse(torch.full((1, 2), 9.0))
    # Floats of this size are 1024 or 2048 apart.
    assert far.dtype == X.dtype
    assert most - 2048 <= int(far.min()) <= int(far.max()) <= most


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_frames_hold_the_greatest_integers(kind):
    X = kind({"a": np.array([5, 2**63 - 1] * 20)})
    made = np.asarray(EvolvedGAN(**SMALL).fit(X).sample(20))
    assert made.dtype == "i8"
    assert made.min() >= 5


# Interleaved data: every k-th sample stands for nothing ----------------------------


def test_pixels_are_scaled_by_all_images():
    X = np.ones((4000, 2, 2))
    X[1::2] = 239
    scaler = Scaler(X, (2, 2))
    assert (scaler.low, scaler.high) == (1, 239)


def test_features_are_learned_of_all_labels(monkeypatch):
    from sknevo.builders.gan import _feature_extractor as module

    seen = []
    tasks = module._PretextTasks

    def record(encoder, n_classes, images, codes, seed):
        seen.append(np.bincount(codes.numpy()))
        return tasks(encoder, n_classes, images, codes, seed)

    monkeypatch.setattr(module, "MAX_SAMPLES", 500)
    monkeypatch.setattr(module, "N_STEPS", 2)
    monkeypatch.setattr(module, "_PretextTasks", record)
    labels = np.arange(1000) % 10
    feature_space(np.tile(labels[:, None, None], (1, 4, 4)), labels)
    assert seen[0].shape == (10,)
    assert seen[0].min() > 25


def test_generated_samples_are_compared_with_a_part_of_all(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "sknevo.builders.gan._training.Monitor",
        lambda real, *_: seen.append(real) or 1 / 0,
    )
    X = np.arange(2 * N_COMPARED)[:, np.newaxis] % 2 * np.ones(2)
    gan = EvolvedGAN(**SMALL)
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        gan.fit(X)
    shares = [float((real > 0).float().mean()) for real in seen]
    assert shares == pytest.approx([0.5] * len(shares), abs=0.1)


# torch as the user's session has set it --------------------------------------------


@contextmanager
def default(setter, value, usual):
    setter(value)
    try:
        yield
    finally:
        setter(usual)


SETTINGS = {
    "float64": lambda: default(torch.set_default_dtype, torch.float64, torch.float32),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "device": lambda: default(torch.set_default_device, "meta", None),
    "device, for a while": lambda: torch.device("meta"),
    "deterministic": lambda: default(torch.use_deterministic_algorithms, True, False),
}


def under(setting, compute):
    """Return what `compute` returns under a setting, which it must leave alone."""
    with setting():
        before = torch.get_default_dtype(), torch.is_grad_enabled()
        result = compute()
        assert (torch.get_default_dtype(), torch.is_grad_enabled()) == before
    return result


def of_a_gan():
    X = TABLE[["normal", "positive"]].to_numpy()
    gan = EvolvedGAN(**SMALL).fit(X)
    rebuilt = gan.reconstruct(X[:5], n_candidates=5, n_steps=3)
    return np.vstack([gan.sample(5), rebuilt, gan.score_samples(X[:2])[None]])


def of_a_classifier():
    clf = EvolvedClassifier(**SMALL, cv=2).fit(PIXELS * 9.0, TABLE["bool"])
    return clf.predict_proba(PIXELS * 9.0)


def of_features():
    return feature_space(PIXELS)(PIXELS)


@pytest.fixture(scope="module", params=[of_a_gan, of_a_classifier, of_features])
def computed(request):
    """Return what computes with torch, and its usual result."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sknevo.builders.gan._feature_extractor.N_STEPS", 3)
        yield request.param, request.param()


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_networks_train_as_always(computed, setting):
    compute, usual = computed
    np.testing.assert_array_equal(under(setting, compute), usual)


@pytest.mark.parametrize("setting", [torch.no_grad, torch.inference_mode])
def test_images_are_rebuilt_without_gradients_of_the_caller(setting):
    def rebuilt():
        noise = np.random.default_rng(0).normal(size=(10, 2))
        return invert(lambda z: 3 * z, np.array([[1.0, 2.0]]), noise)

    np.testing.assert_array_equal(under(setting, rebuilt), rebuilt())


def test_settings_are_restored_after_an_error():
    @own_settings()
    def fail():
        assert torch.get_default_dtype() == torch.float32
        return 1 / 0

    with SETTINGS["float64"](), torch.no_grad():
        with pytest.raises(ZeroDivisionError):
            fail()
        assert torch.get_default_dtype() == torch.float64
        assert not torch.is_grad_enabled()


# Labels, values and features -------------------------------------------------------

SIMILAR = {"uint8", "big-endian", "string", "bytes", "nullable"}  # to the others
WORDS = np.array(["a", "b"])[np.arange(N) % 2]
LABELS = {
    "bool": TABLE["bool"],
    "uint8": TABLE["count"].astype("u1"),
    "big-endian": TABLE["count"].to_numpy(">i4"),
    "object": WORDS.astype(object),
    "string": pd.Series(WORDS, dtype="string"),
    "category": pd.Categorical(WORDS),
    "bytes": WORDS.astype("S"),
    "nullable": TABLE["count"].astype("Int64"),
    "dates": pd.to_datetime(["2020-01-01", "2021-01-01"] * (N // 2)),
    "polars": pl.Series(WORDS),
}


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(y, id=name, marks=[pytest.mark.slow] * (name in SIMILAR))
        for name, y in LABELS.items()
    ],
)
def test_labels_of_any_type_are_made_samples_for(y):
    gan = EvolvedGAN(**SMALL).fit(TABLE[["normal", "positive"]], y)
    assert gan.n_conditions_ == len(np.unique(np.asarray(y))) == len(gan.classes_)
    assert gan.sample(2, y=gan.classes_[0]).shape == (2, 2)


def test_numbers_that_never_repeat_are_values():
    assert n_conditions(np.arange(N)) == 1
    assert n_conditions(np.arange(N) % 9) == 9
    gan = EvolvedGAN(**SMALL).fit(TABLE[["normal", "positive"]], np.arange(N))
    assert gan.sample(2, y=3.5).shape == (2, 2)


ASKED = {
    "no samples": ({"n_samples": 0}, "n_samples must be a whole number of at least 1"),
    "half a sample": ({"n_samples": 2.5}, "at least 1; got 2.5"),
    "words": ({"n_samples": "3"}, "n_samples must be a whole number"),
    "too many labels": (
        {"n_samples": 2, "y": ["a"] * 3},
        r"of 2 samples; got .*\(3,\)",
    ),
    "no label of fit": ({"n_samples": 2, "y": "c"}, "y must hold labels of fit"),
    "missing": ({"n_samples": 2, "y": [None, "a"]}, "y must hold labels of fit"),
}


@pytest.fixture(scope="module")
def fitted():
    return EvolvedGAN(**SMALL).fit(TABLE, WORDS)


@pytest.mark.parametrize(("asked", "message"), ASKED.values(), ids=ASKED)
def test_what_samples_are_asked_for_is_named(fitted, asked, message):
    with pytest.raises(ValueError, match=message):
        fitted.sample(**asked)


def test_labels_may_be_a_column(fitted):
    column = WORDS[:, np.newaxis]
    usual, again = (fitted.sample(N, y=y) for y in (WORDS, column))
    pd.testing.assert_frame_equal(usual, again)
    logits = fitted.score_samples(TABLE, column)
    np.testing.assert_array_equal(logits, fitted.score_samples(TABLE, WORDS))


def test_candidates_of_a_reconstruction_are_counted(fitted):
    with pytest.raises(ValueError, match="n_candidates must be a whole number"):
        fitted.reconstruct(TABLE, n_candidates=0)


def with_one(column, value):
    """Return a table whose first column has another value in row 7."""
    return TABLE.assign(normal=column.where(np.arange(N) != 7, value))


def fails(X):
    raise RuntimeError("no features today")


REFUSED = {
    "labels that never repeat": ({}, TABLE, np.arange(N).astype(str), "samples share"),
    "dates that never repeat": (
        {},
        TABLE,
        pd.date_range("2020", periods=N),
        "or numbers",
    ),
    "a column of text": (
        {},
        TABLE.assign(word=np.arange(N).astype("U") + WORDS),
        None,
        "column 'word' holds text: 40 different values in 40 rows, such as '0a'",
    ),
    "a word among numbers": (
        {},
        with_one(TABLE["normal"].astype(object), "none today"),
        None,
        "column 'normal' of type object holds 'none today' in row 7, and numbers in",
    ),
    "a word among numbers as text": (
        {},
        with_one(TABLE["normal"].astype(str).astype(object), "?"),
        None,
        r"column 'normal' of type object holds '\?' in row 7, and numbers in others",
    ),
    "a word among dates": (
        {},
        with_one(pd.Series(pd.date_range("2020", periods=N), dtype=object), "soon"),
        None,
        "holds 'soon' in row 7, and dates without a time zone in others",
    ),
    "too many labels": (
        {},
        pd.DataFrame({"shop": pd.Categorical(np.arange(1200) % 501)}),
        None,
        "at most 500 different labels; column 'shop' holds 501, such as 0",
    ),
    "an array of dates": (
        {},
        pd.date_range("2020", periods=N).to_numpy()[:, np.newaxis],
        None,
        "X must hold numbers; got an array of datetime64",
    ),
    "missing values in an array": (
        {},
        TABLE.where(TABLE["bool"]).to_numpy(float),
        None,
        "NaN in row .*, column 0",
    ),
    "missing labels": ({}, TABLE, np.where(TABLE["bool"], None, "a"), "missing values"),
    "labels of two types": ({}, TABLE, [1, "a"] * (N // 2), "values of one type"),
    "two rows": ({}, TABLE[:2], None, "at least 8 samples; got 2"),
    "features that raise": (
        {"feature_extractor": fails},
        TABLE,
        None,
        "feature_extractor must turn .* it raised RuntimeError: no features today",
    ),
    "features of a score that raise": (
        {"scoring": GenerativeScore(fails)},
        TABLE,
        None,
        "scoring.features must turn samples into .* RuntimeError",
    ),
    "features of one dimension": (
        {"feature_extractor": lambda X: X[:, 0]},
        TABLE,
        None,
        r"what feature_extractor returns must be of shape .*; got \(8,\)",
    ),
    "features that are missing": (
        {"feature_extractor": lambda X: X * np.nan},
        TABLE,
        None,
        "what feature_extractor returns must be finite",
    ),
    "features of some": (
        {"feature_extractor": lambda X: X[:3]},
        TABLE,
        None,
        "feature_extractor must return a row of features for each sample; got 3",
    ),
}


@pytest.mark.parametrize(("more", "X", "y", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_named_before_anything_is_trained(
    more, X, y, message, monkeypatch
):
    monkeypatch.setattr(GANTraining, "run", lambda *_: pytest.fail("trained"))
    with pytest.raises(ValueError, match=message):
        EvolvedGAN(**SMALL, **more).fit(X, y)


# Measures of images ----------------------------------------------------------------

# Two sets of bytes that have nothing to do with each other.
NOISE, OTHER = DRAW.integers(0, 256, size=(2, 3, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["u1", "i4", "u4", "i8", "u8", ">i8", "f4", object])
def test_pixels_have_the_same_scores_in_every_type(dtype):
    wide = NOISE.astype(dtype), OTHER.astype(dtype)
    for measure in (peak_signal_noise_ratio, structural_similarity):
        assert measure(*wide) == pytest.approx(measure(NOISE, OTHER))
    assert nearest_neighbour_psnr(*wide).max() < 10


@pytest.mark.parametrize(("dtype", "extent"), [("i1", 255), ("u2", 65535), ("?", 1)])
def test_narrow_types_have_the_range_of_the_type(dtype, extent):
    dark, other = np.zeros((2, 1, 8, 8), dtype)
    other[0, 0, 0] = 1
    expected = 10 * np.log10(64 * extent**2)
    assert peak_signal_noise_ratio(dark, other)[0] == pytest.approx(expected)
    assert structural_similarity(other, other) == pytest.approx([1.0])


def test_channels_are_where_they_are_said_to_be():
    rng = np.random.default_rng(0)
    X, Y = rng.random((2, 2, 9, 9, 3))
    last = structural_similarity(X, Y, channels="last")
    first = structural_similarity(
        np.moveaxis(X, 3, 1), np.moveaxis(Y, 3, 1), channels="first"
    )
    assert first == pytest.approx(last)
    assert structural_similarity(X, Y, channels="first") != pytest.approx(last)
    nearest = nearest_neighbour_ssim(X, X, channels="last")
    assert nearest == pytest.approx([1, 1])
    colours = rng.random((2, 3, 3, 3))
    read = [inception(1.0, channels=side)(colours) for side in ("first", "last")]
    bright = 255 * colours
    assert read[0] == pytest.approx(bright.reshape(2, -1))
    assert read[1] == pytest.approx(np.moveaxis(bright, 3, 1).reshape(2, -1))
    with pytest.raises(ValueError, match="or 'last'; got 'middle'"):
        structural_similarity(X, Y, channels="middle")


def inception(data_range=255.0, **more):
    """Return a feature space whose network answers with pixels."""
    features = InceptionFeatures("weights.pth", data_range=data_range, **more)
    features._loaded = torch.nn.Flatten()
    return features


@pytest.mark.parametrize("values", [1j * np.ones((1, 9)), np.array([["a"]])])
def test_pixels_must_be_numbers(values):
    with pytest.raises(ValueError, match="real must hold numbers or booleans"):
        peak_signal_noise_ratio(values, values)


SCALES = {
    "psnr": lambda: peak_signal_noise_ratio(NOISE, NOISE / 255),
    "psnr, bytes generated": lambda: peak_signal_noise_ratio(NOISE / 255, NOISE),
    "ssim": lambda: structural_similarity(NOISE, NOISE / 127.5 - 1),
    "nearest": lambda: nearest_neighbour_psnr(NOISE / 255, NOISE),
    "score": lambda: GenerativeScore(lambda X: X.reshape(len(X), -1)).measure(
        np.repeat(NOISE, 3, axis=0), np.repeat(OTHER, 3, axis=0) / 255
    ),
    "inception, [0, 1]": lambda: inception()(NOISE / 255),
    "inception, [-1, 1]": lambda: inception()(NOISE / 127.5 - 1),
    "inception, negative": lambda: inception(1.0)(NOISE / 127.5 - 1),
    "inception, bytes": lambda: inception(1.0)(NOISE),
    "inception, bool": lambda: inception()(NOISE > 99),
}


@pytest.mark.parametrize("call", SCALES.values(), ids=SCALES)
def test_images_of_two_scales_are_noticed(call):
    with pytest.warns(UserWarning, match="different scales|Set data_range"):
        call()


def test_images_of_one_scale_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        peak_signal_noise_ratio(NOISE / 255, NOISE / 200)
        peak_signal_noise_ratio(NOISE, np.zeros_like(NOISE))
        structural_similarity(NOISE, OTHER)
        inception()(NOISE)
        inception(1.0)(NOISE / 255)
        inception()(np.zeros((2, 8, 8)))


@pytest.mark.slow
def test_inception_is_not_built_in_the_default_type(tmp_path):
    from torchvision.models import inception_v3

    from sknevo.metrics._features import _inception

    # Neither draws from torch's global generator.
    state = inception_v3(weights=None, init_weights=False).state_dict
    with torch.random.fork_rng():
        torch.save(state(), tmp_path / "weights.pth")
        torch.set_default_dtype(torch.float64)
        try:
            network = _inception(tmp_path / "weights.pth")
        finally:
            torch.set_default_dtype(torch.float32)
    assert {value.dtype for value in network.parameters()} == {torch.float32}


# Copies ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "rounding"), [(1, 0), (2, 0), (5, 0), (2, 1e-8), (5, 1e-8)]
)
def test_near_copies_are_found_among_repeated_training_rows(times, rounding):
    rng = np.random.default_rng(0)
    X, fresh = rng.normal(size=(1000, 2)), rng.normal(size=(1500, 2))
    training, copies = np.tile(X, (times, 1)), X[:500] + 1e-5
    training += rounding * rng.normal(size=training.shape)
    assert authenticity(training, copies) == 0
    expected = authenticity(X, fresh)
    assert authenticity(training, fresh) == pytest.approx(expected, abs=0.01)
    assert expected > 0.3
    found = diagnose(fresh[:1000], copies, training=training)
    assert [finding.name for finding in found] == ["memorised"]
    assert not diagnose(fresh[:1000], fresh[1000:], training=training)


def test_of_a_single_training_row_only_equals_are_copies():
    assert authenticity(np.ones((9, 2)), [[1, 1], [1, 1.1]]) == 0.5


def test_scores_do_not_depend_on_the_unit():
    real, made = np.random.default_rng(0).normal(size=(2, 400, 2))
    usual = GenerativeScore().measure(real, made)["fitness"]
    for unit in (1e-250, 1e250):
        assert GenerativeScore().measure(real * unit, made * unit)["fitness"] == (
            pytest.approx(usual)
        )


@pytest.mark.parametrize("values", [np.full((9, 2), 1j), [[{}]], [[pd.NA]]])
def test_features_must_be_numbers(values):
    with pytest.raises(ValueError, match=r"training must hold (real )?numbers"):
        authenticity(values, values)


# Displays --------------------------------------------------------------------------


class RowGAN(BaseEstimator):
    """What displays read of a GAN that was fitted on rows of two features."""

    sample_shape, channels = (2,), "auto"
    _layout = {"shape": (2,), "channels": "first"}
    snapshots_ = np.zeros((3, 256, 2))
    generation_samples_ = {0: np.zeros((256, 2))}

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X):
        return self


@pytest.mark.parametrize("name", ["from_snapshots", "from_generations"])
def test_grids_of_rows_are_refused(name):
    with pytest.raises(
        ValueError, match="fitted on images; it was fitted on rows of 2"
    ):
        getattr(SampleGridDisplay, name)(RowGAN())


def test_real_images_are_not_plotted_upon_others():
    with pytest.raises(ValueError, match="real must be None if samples are images"):
        SampleGridDisplay(NOISE, (16, 16), real=OTHER).plot()
