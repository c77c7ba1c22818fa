"""Images and rows as users have them, given to networks: what is right, what refused.

Each table has one probe per line. Those that cannot be served are refused before
anything is trained, with the name of the parameter or column and what is accepted.
"""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from PIL import Image
from scipy import sparse

from sknevo import EvolvedClassifier, EvolvedGAN, EvolvedRegressor, load_network
from sknevo.builders.networks._data import statistics
from sknevo.data_checks import random_rows
from sknevo.displays import SampleGridDisplay
from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._network_mixins import EvolvedNetworkMixin
from sknevo.image_stream import ImageStream
from sknevo.image_stream._scale import PixelRange
from sknevo.image_stream._stream import part_to_read
from sknevo.network_plan import image_shape

SMALL = {"population_size": 1, "generations": 1, "random_state": 0}


# What networks are standardised by -------------------------------------------------


def _interleaved(n_samples: int, factor: float) -> np.ndarray:
    X = np.random.default_rng(0).normal(size=(n_samples, 3))
    X[1::2, 0] *= factor
    return X


def _dark_and_bright() -> np.ndarray:
    X = np.random.default_rng(0).integers(0, 9, (20_000, 4, 4), np.uint8)
    X[1::2] += 240
    return X


@pytest.mark.parametrize(
    "X",
    [
        _interleaved(12_000, 1e5),
        _interleaved(500_001, 1e5),  # more than one block
        _interleaved(12_000, 1) + 1.7e9,  # seconds since 1970
        _dark_and_bright(),
        _dark_and_bright() / np.float32(255),
    ],
)
def test_inputs_are_standardised_by_all_data(X):
    axes = (0, 1, 2) if X.ndim > 2 else 0
    kind = np.float32 if X.ndim > 2 else np.float64
    known = statistics(X, X.shape[1:], kind)
    np.testing.assert_allclose(known["mean"], X.mean(axes, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(known["scale"], X.std(axes, dtype=float), rtol=1e-6)


def test_a_constant_feature_is_not_scaled():
    X = np.column_stack([np.full(600_000, 0.1), np.arange(600_000.0)])
    scale = statistics(X, (2,), np.float64)["scale"]
    np.testing.assert_allclose(scale, [1, X[:, 1].std()])


def test_interleaved_rows_are_learned_as_shuffled_ones():
    X = _interleaved(12_000, 1e5)
    y = (X[:, 0] > 0) ^ (X[:, 1] > 0)
    clf = EvolvedClassifier(**SMALL, max_epochs=2).fit(X, y)
    assert clf.score(X, y) > clf.best_score_ - 0.02  # by every other row: 0.50


def test_a_stream_shows_a_random_part():
    X = ImageStream(np.broadcast_to(np.uint8(0), (100, 800, 800)))
    rows = part_to_read(X).rows
    assert len(rows) == 32
    assert 8 <= (rows % 2).sum() <= 24
    assert (np.diff(rows) > 0).all()
    assert random_rows(5, 20).tolist() == [0, 1, 2, 3, 4]


# What is read as images -------------------------------------------------------------

N = 24
LABELS = np.arange(N) % 2
BYTES = np.random.default_rng(0).integers(0, 60, (N, 8, 8), np.uint8)
BYTES[1::2] += 150
COLOURS = np.repeat(BYTES[..., None], 3, axis=-1)
ROWS = BYTES.reshape(N, 64)
TENSOR = torch.from_numpy(BYTES / np.float32(255))


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _objects(items):
    X = np.empty(len(items), object)
    X[:] = items
    return X


class Door(EvolvedNetworkMixin, BaseEvolved):
    """Only the validation of networks: nothing is evolved."""

    _spec = _default_genome = _well_known = _builder = _check_y = None

    def __init__(self, image_shape=None, channels="auto", device="cpu"):
        self.image_shape = image_shape
        self.channels = channels
        self.device = device


def read(X, **parameters):
    """Return X as individuals get it in `fit`, and again as in `predict`."""
    door = Door(**parameters)
    first, again = (door._validate_X(X, reset) for reset in (True, False))
    np.testing.assert_array_equal(np.asarray(first), np.asarray(again))
    return np.asarray(first)


SERVED = {
    "list of lists": (BYTES.tolist(), BYTES),
    "list of arrays": ([*BYTES], BYTES),
    "objects that are arrays": (_objects([*BYTES]), BYTES),
    "objects that are numbers": (BYTES.astype(object), BYTES),
    "series of arrays": (pd.Series([*BYTES]), BYTES),
    "bool": (BYTES > 100, BYTES > 100),
    "float16": (BYTES.astype(np.float16), BYTES),
    "uint16": (256 * BYTES.astype(np.uint16), 256 * BYTES.astype(int)),
    "big-endian": (BYTES.astype(">f4"), BYTES),
    "long double": (BYTES.astype(np.longdouble), BYTES),
    "read-only": (_read_only(BYTES), BYTES),
    "not contiguous": (np.repeat(BYTES, 2, axis=0)[::2], BYTES),
    "mirrored": (BYTES[:, :, ::-1], BYTES[:, :, ::-1]),
    "Fortran's order": (np.asfortranarray(BYTES), BYTES),
    "one channel last": (BYTES[..., None], BYTES[..., None]),
    "memory view": (memoryview(BYTES), BYTES),
    "tensor": (TENSOR, TENSOR),
    "tensor with gradients": (TENSOR.clone().requires_grad_(), TENSOR),
    "tensor in bfloat16": (torch.from_numpy(BYTES).bfloat16(), BYTES),
    "list of tensors": ([*TENSOR.clone().requires_grad_()], TENSOR),
    "PIL images": ([Image.fromarray(one) for one in BYTES], BYTES),
    "PIL images in colour": ([Image.fromarray(one) for one in COLOURS], COLOURS),
    "polars": (pl.DataFrame(ROWS), ROWS),
    "pyarrow": (pa.table({f"p{i}": ROWS[:, i] for i in range(64)}), ROWS),
    "pandas": (pd.DataFrame(ROWS), ROWS),
    "nullable": (pd.DataFrame(ROWS).convert_dtypes(), ROWS),
    "pandas with pyarrow": (
        pd.DataFrame(ROWS).convert_dtypes(dtype_backend="pyarrow"),
        ROWS,
    ),
    "bool table": (pd.DataFrame(ROWS > 100), ROWS > 100),
    "table of objects": (pd.DataFrame(ROWS).astype(object), ROWS),
    "categories that are numbers": (
        pd.DataFrame(ROWS % 3).astype("category"),
        ROWS % 3,
    ),
}


@pytest.mark.parametrize("name", SERVED)
def test_served(name):
    X, expected = SERVED[name]
    np.testing.assert_array_equal(read(X), np.asarray(expected))


def test_pil_images_are_scaled_to_one_size():
    pictures = [Image.fromarray(one[: 6 + i % 2]) for i, one in enumerate(BYTES)]
    assert read(pictures).shape == (N, 6, 8)
    assert read(pictures, image_shape=(4, 4)).shape == (N, 4, 4)
    assert read(pictures, image_shape=(4, 4, 3), channels="last").shape == (N, 4, 4, 3)


FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.0]})


LIBRARIES = {
    "pandas": pd.DataFrame,
    "polars": pl.from_pandas,
    "lazy polars": lambda X: pl.from_pandas(X).lazy(),
    "pyarrow": pa.Table.from_pandas,
    "Dask": lambda X: pytest.importorskip("dask.dataframe").from_pandas(X, 1),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_tables_of_any_library_keep_the_names_of_columns(library):
    door = Door()
    X = door._validate_X(LIBRARIES[library](FRAME), True)
    np.testing.assert_array_equal(X, FRAME)
    assert door.feature_names_in_.tolist() == ["a", "b"]


def _with(value):
    X = BYTES.astype(float)
    X[3, 2, 1] = value
    return X


MIXED = pd.DataFrame(ROWS[:, :2], columns=["a", "b"])
WORDS = MIXED.assign(colour=np.where(LABELS, "red", "blue"))
PATHS = [f"photos/{i}.png" for i in range(N)]
REFUSED = {
    "NaN": (_with(np.nan), "contains NaN in image 3"),
    "infinity": (_with(np.inf), "contains infinity .* in image 3"),
    "beyond float32": (_with(1e300), "contains infinity or a value too large"),
    "NaN among objects": (_with(np.nan).astype(object), "contains NaN in image 3"),
    "NaN in a table": (MIXED.assign(b=np.nan), "contains NaN in row 0, column 'b'"),
    "NA in a table": (
        MIXED.convert_dtypes().mask(MIXED > 200),
        "contains NaN in row .*, column '[ab]'",
    ),
    "complex": (BYTES + 1j, "Complex data not supported: .* complex128"),
    "images of two sizes": (
        [BYTES[0, :6], *BYTES],
        r"\(6, 8\).* in place 1 of \(8, 8\)",
    ),
    "objects of two sizes": (_objects([BYTES[0, :6], *BYTES]), r"place 1 of \(8, 8\)"),
    "ragged rows": ([[[1, 2], [3]], [[1, 2], [3, 4]]], "the list in place 0"),
    "images with labels": ([*zip(BYTES, LABELS, strict=True)], "given as X and y"),
    "dicts": ([{"image": one} for one in BYTES], r"dicts with the keys \['image'\]"),
    "words": (WORDS, "column 'colour' of type .* holds 'blue'"),
    "categories": (WORDS.astype({"colour": "category"}), "column 'colour' .* 'blue'"),
    "words in polars": (pl.from_pandas(WORDS), "column 'colour' .* holds 'blue'"),
    "mixed objects": (MIXED.assign(b=[1, "?"] * 12), "column 'b' of type object"),
    "dates": (MIXED.assign(b=pd.Timestamp("2026-11-27")), "column 'b' .* Timestamp"),
    "no values": (
        MIXED.assign(b=pd.Categorical([None] * N, ["x"])),
        "'b' .* no values",
    ),
    "table of arrays": (pd.DataFrame({"image": [*BYTES]}), "column 'image' .* array"),
    "dates in an array": (BYTES.astype("datetime64[D]"), "an array of datetime64"),
    "records": (np.zeros(N, [("a", float), ("b", float)]), "X must hold numbers"),
    "paths": (PATHS, "'photos/0.png'. .*load_image_folder"),
    "path objects": ([*map(Path, PATHS)], "'photos.0.png'. .*load_image_folder"),
    "paths in an array": (np.array(PATHS), "'photos/0.png'. .*load_image_folder"),
    "paths in a series": (pd.Series(PATHS), "'photos/0.png'. .*load_image_folder"),
    "paths in a table": (
        pd.DataFrame({"path": PATHS}),
        "column 'path' .* 'photos/0.png'.*load_image_folder",
    ),
    "a path": ("images.npy", "got 'images.npy'"),
    "encoded pictures": ([b"\x89PNG"] * N, "PNG.*load_image_folder"),
    "a generator": ((one for one in BYTES), "got generator"),
    "a dict": ({"a": ROWS[:, 0]}, "got dict"),
    "nothing": (None, "got NoneType"),
    "five dimensions": (BYTES[:, None, None], r"got \(24, 1, 1, 8, 8\)"),
    "no height": (BYTES[:, :0], r"must not be empty; got shape \(24, 0, 8\)"),
    "no images": ([], "1D array"),
    "sparse": (sparse.csr_matrix(ROWS), "dense"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    X, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        Door()._validate_X(X, True)


@pytest.mark.parametrize(
    "image_shape",
    [
        ("8", "8"),
        (-8, 8),
        (0, 64),
        (8.0, 8.0),
        (8,),
        (8, 8, 1, 1),
        (True, 64),
        (8, None),
    ],
)
def test_a_bad_image_shape_is_named(image_shape):
    for X in (ROWS, [Image.fromarray(one) for one in BYTES]):
        with pytest.raises(ValueError, match=r"image_shape must be .* whole"):
            Door(image_shape)._validate_X(X, True)


@pytest.mark.parametrize(
    "device", ["gpu", "GPU", "cuda:x", "meta", "", "cpu0", "cuda:-2"]
)
def test_an_unknown_device_is_named_before_anything_is_trained(device):
    with pytest.raises(ValueError, match='device must be "auto", "cpu"') as error:
        EvolvedClassifier(device=device, max_time=5).fit(BYTES, LABELS)
    assert repr(device) in str(error.value)


def test_predict_takes_what_fit_takes():
    door = Door()
    door._validate_X(BYTES, True)
    for name in ["PIL images", "tensor with gradients", "one channel last"]:
        assert door._validate_X(SERVED[name][0]).size == BYTES.size
    for name in ["NaN", "words", "paths", "images of two sizes"]:
        with pytest.raises(ValueError, match=f"(?s){REFUSED[name][1]}"):
            door._validate_X(REFUSED[name][0])


# Where the channels are -------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "auto", "first", "last"),
    [
        ((28, 28), (1, 28, 28), (1, 28, 28), (1, 28, 28)),
        ((4, 4, 3), (4, 4, 3), (4, 4, 3), (3, 4, 4)),
        ((3, 32, 3), (3, 32, 3), (3, 32, 3), (3, 3, 32)),
        ((32, 32, 3), (3, 32, 32), (32, 32, 3), (3, 32, 32)),
        ((16, 16, 16), (16, 16, 16), (16, 16, 16), (16, 16, 16)),
        ((12, 48, 13), (12, 48, 13), (12, 48, 13), (13, 12, 48)),
        ((5,), (5,), (5,), (5,)),
    ],
)
def test_channels_are_where_the_parameter_says(shape, auto, first, last):
    found = [image_shape(shape, where) for where in ("auto", "first", "last")]
    assert found == [auto, first, last]
    with pytest.raises(ValueError, match="or 'last'; got 'middle'"):
        image_shape(shape, "middle")


def test_a_guess_is_said():
    X = np.zeros((N, 4, 4, 3), np.uint8)
    for X_, parameters in [(X, {}), (X.reshape(N, 48), {"image_shape": (4, 4, 3)})]:
        with pytest.warns(UserWarning, match=r"\(4, 4, 3\) to be first. Set channels"):
            Door(**parameters)._validate_X(X_, True)
    Door(channels="last")._validate_X(X, True)  # says nothing


def test_a_stream_says_where_its_channels_are():
    pictures = [Image.fromarray(one[:4, :4]) for one in COLOURS]
    for channels, shape, found in [
        ("auto", (4, 4, 3), "last"),
        ("last", (4, 4, 3), "last"),
        ("first", (3, 4, 4), "first"),
    ]:
        door = Door(channels=channels)
        for X in (pictures, ImageStream(pictures, channels=channels)):
            X = door._validate_X(X, True)
            assert (X.shape[1:], door._channels_) == (shape, found)
    with pytest.raises(ValueError, match="channels of X must be first"):
        Door(channels="first")._validate_X(ImageStream(pictures), True)
    assert ImageStream([*COLOURS]).fingerprint != (
        ImageStream([*COLOURS], channels="last").fingerprint
    )


def _striped():
    """Return images of shape (4, 4, 3) that are of the label's channel."""
    labels = np.arange(90) % 3
    X = np.random.default_rng(0).integers(0, 90, (90, 4, 4, 3)).astype(np.uint8)
    X[np.arange(90), :, :, labels] += 90
    return X, labels


CONVOLUTION = {"blocks": [{"channels": 8, "kernel": 1}], "head_pooling": "average"}
CONVOLUTION |= {"dense": [], "optimizer": {"adam": {"lr": 0.02}}}
CONVOLUTION |= {"augmentation": {"colour": 0.0, "erase": 0.0, "flip": False}}


def test_channels_hold_in_fit_predict_pickles_and_files(tmp_path):
    X, y = _striped()
    first = np.moveaxis(X, -1, 1)
    known = {**SMALL, "initial_population": [CONVOLUTION], "max_epochs": 20, "cv": 2}
    clf = EvolvedClassifier(**known, channels="last").fit(X, y)
    other = EvolvedClassifier(**known, channels="first").fit(first, y)
    rows = EvolvedClassifier(**known, channels="last", image_shape=(4, 4, 3))
    rows.fit(X.reshape(90, 48), y)
    assert clf.best_score_ == other.best_score_ == rows.best_score_ > 0.9
    expected = clf.predict_proba(X)
    np.testing.assert_array_equal(other.predict_proba(first), expected)
    np.testing.assert_array_equal(rows.predict_proba(X.reshape(90, 48)), expected)
    with pytest.raises(ValueError, match="samples of shape"):
        clf.predict(first)
    clf.save_network(tmp_path / "net")
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    net = load_network(tmp_path / "net", "cpu")
    expected = clf.best_estimator_.predict_proba(X)
    np.testing.assert_array_equal(net.predict_proba(X), expected)


def test_a_journal_belongs_to_one_layout(tmp_path):
    X, y = _striped()
    known = {**SMALL, "journal": tmp_path / "run", "max_epochs": 1, "cv": 2}
    EvolvedClassifier(**known, channels="last").fit(X, y)
    with pytest.raises(ValueError, match="channels"):
        EvolvedClassifier(**known, channels="first").fit(X, y)


def test_generated_images_come_in_the_layout_of_the_users():
    X, _ = _striped()
    known = {**SMALL, "max_epochs": 2, "scoring": lambda gan, X: 1.0}
    gan = EvolvedGAN(**known, channels="last").fit(X)
    assert gan.sample(2).shape == (2, 4, 4, 3)
    (generator,) = [gan.best_estimator_.generator_]
    noise = generator.noise(2, torch.Generator())
    assert generator(noise, None).shape == (2, 3, 4, 4)
    sheet = SampleGridDisplay(X[:2], (4, 4, 3), channels="last").plot().sheet_
    assert sheet.shape == (4, 9, 3)


# The scale of pixels ----------------------------------------------------------------

BRIGHT = BYTES.astype(np.float32)
SCALES = {
    # What fit gets, what predict gets, and what comes of it.
    "bytes, then [0, 1]": (BYTES, BRIGHT / 255, ValueError),
    "bytes as floats, then [0, 1]": (BRIGHT, BRIGHT / 255, ValueError),
    "bytes, then [-1, 1]": (BYTES, BRIGHT / 127.5 - 1, ValueError),
    "[0, 1], then bytes": (BRIGHT / 255, BYTES, ValueError),
    "[0, 1], then bytes as floats": (BRIGHT / 255, BRIGHT, ValueError),
    "16 bits, then [0, 1]": (BYTES.astype(np.uint16) * 257, BRIGHT / 255, ValueError),
    "bytes, then bool": (BYTES, BYTES > 100, ValueError),
    "bool, then bytes": (BYTES > 100, BYTES, ValueError),
    "bytes, then 16 bits": (BYTES, BYTES.astype(np.uint16) * 257, UserWarning),
    "16 bits, then dark": (BYTES.astype(np.uint16) * 257, BYTES, None),
    "scaled bytes, then [0, 1]": (BRIGHT * 0.99, BRIGHT / 255, UserWarning),
    "[0, 1], then scaled bytes": (BRIGHT / 255, BRIGHT * 0.99, UserWarning),
    "bytes, then nearly black": (BYTES, (BYTES > 100).astype(np.uint8), None),
    "bytes as floats, then nearly black": (BRIGHT, np.float32(BRIGHT > 100), None),
    "bytes, then black": (BYTES, 0 * BYTES, None),
    "scaled bytes, then black": (BRIGHT * 0.99, 0 * BRIGHT, None),
    "bytes, then bytes as floats": (BYTES, BRIGHT, None),
    "[0, 1], then overshoot": (BRIGHT / 255, BRIGHT / 200, None),
    "[0, 1], then black and white": (BRIGHT / 255, BYTES > 100, None),
    "standardised, then darker": (BRIGHT / 60 - 2, BRIGHT / 600, None),
    "black, then bytes": (0 * BYTES, BYTES, None),
}


@pytest.mark.parametrize("name", SCALES)
def test_images_on_another_scale_are_noticed(name):
    X, asked, outcome = SCALES[name]
    known = PixelRange.of(X)
    message = "X holds values from .* images of fit from .* on that scale"
    if outcome is ValueError:
        with pytest.raises(ValueError, match=message):
            known.check(asked)
    elif outcome is UserWarning:
        with pytest.warns(UserWarning, match=message):
            known.check(asked)
    else:
        known.check(asked)


def test_scales_are_compared_over_all_images():
    known = PixelRange.of(BRIGHT * 0.99)
    known.check(np.concatenate([BRIGHT[:1] / 300, BRIGHT]))  # one is nearly black
    with pytest.warns(UserWarning, match="on that scale"):
        known.check(BRIGHT[:1] / 300)


def test_networks_and_their_files_know_the_scale(tmp_path):
    clf = EvolvedClassifier(**SMALL, max_epochs=1).fit(BYTES, LABELS)
    clf.save_network(tmp_path / "net")
    net = load_network(tmp_path / "net", device="cpu")
    rows = EvolvedRegressor(**SMALL, max_epochs=1, image_shape=(8, 8))
    rows.fit(ROWS, BYTES.mean(axis=(1, 2)))
    for one in (clf, clf.best_estimator_, pickle.loads(pickle.dumps(clf)), net):
        with pytest.raises(ValueError, match="on that scale"):
            one.predict(BRIGHT / 255)
        assert len(one.predict(BYTES[:5])) == 5
    with pytest.raises(ValueError, match="on that scale"):
        clf.score([*torch.from_numpy(BRIGHT / 255)], LABELS)
    with pytest.raises(ValueError, match="on that scale"):
        rows.predict(ROWS / 255)
    # The columns of a table have units of their own, and are not compared.
    table = EvolvedClassifier(**SMALL, max_epochs=1).fit(ROWS, LABELS)
    assert len(table.predict(ROWS / 255)) == N


def test_a_gan_knows_the_scale():
    gan = EvolvedGAN(**SMALL, max_epochs=1, scoring=lambda gan, X: 1.0).fit(BYTES)
    for method in (gan.predict, gan.score_samples, gan.reconstruct):
        with pytest.raises(ValueError, match="on that scale"):
            method(BRIGHT / 255)
    assert len(gan.predict(BYTES)) == N


def test_an_unknown_device_is_no_fault_of_a_file(tmp_path):
    with pytest.raises(ValueError, match='device must be "auto", "cpu"'):
        load_network(tmp_path / "net", device="gpu")
