"""Evolved networks that predict numbers, as their users meet them."""

import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from skorch import NeuralNetRegressor

import sknevo
from sknevo import EvolvedRegressor
from sknevo.genomes.convnet_regressor import convnet_regressor

SMALL = {"population_size": 3, "generations": 2, "random_state": 0}
small_net = partial(convnet_regressor, max_layers=2, max_parameters=5_000, max_epochs=3)


def spots(n, side=12, seed=0):
    """Return images of a spot of any place and brightness in noise, and its radius."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(3, side - 4, (2, n, 1, 1))
    radii, brightness = rng.uniform(0.8, 2.5, n), rng.uniform(60, 220, (n, 1, 1))
    rows, columns = np.mgrid[:side, :side]
    squares = (rows - places[0]) ** 2 + (columns - places[1]) ** 2
    images = brightness * np.exp(-squares / (2 * radii.reshape(-1, 1, 1) ** 2))
    images += rng.normal(20, 3, images.shape)
    return images.clip(0, 255).astype(np.uint8), radii


@pytest.fixture(scope="module")
def data():
    X, y = spots(600)
    return X[:400], y[:400], X[400:], y[400:]


@pytest.fixture(scope="module")
def fitted(data):
    one = {"population_size": 1, "generations": 1, "random_state": 0}
    return EvolvedRegressor(**one, max_epochs=16, cv=2).fit(*data[:2])


@pytest.mark.slow
def test_it_beats_a_ridge_on_pixels_and_a_fixed_network(data, fitted):
    X, y, X_test, y_test = data
    ridge = RidgeCV(np.logspace(-2, 6, 9)).fit(X.reshape(len(X), -1), y)
    evolved = EvolvedRegressor(**{**SMALL, "population_size": 4}, max_epochs=16, cv=2)
    score = evolved.fit(X, y).score(X_test, y_test)
    assert score > 0.9
    assert score > ridge.score(X_test.reshape(len(X_test), -1), y_test) + 0.1
    assert score > fitted.score(X_test, y_test)  # the first known one


def test_its_best_is_a_skorch_net_of_the_best_genes(data, fitted):
    X, _, X_test, y_test = data
    net = fitted.best_estimator_
    assert isinstance(net, NeuralNetRegressor)
    training = fitted.best_params_["training"]
    assert net.target_scaling == training["target_scaling"]
    assert training["loss"] in ("squared", "absolute", "huber")
    assert net.predict(X).dtype == fitted.predict(X).dtype == float
    assert net.score(X_test, y_test) > 0


def test_it_pickles(data, fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(data[2]), fitted.predict(data[2]))


@pytest.mark.parametrize("target_scaling", ["standard", "asinh"])
def test_a_network_is_saved_and_loaded_without_pickle(data, tmp_path, target_scaling):
    X, y, X_test, _ = data
    first = [{"training": {"target_scaling": target_scaling}}]
    one = {"population_size": 1, "generations": 1, "random_state": 0}
    reg = EvolvedRegressor(genome=small_net, initial_population=first, cv=2, **one)
    path = tmp_path / "spots.safetensors"
    reg.fit(X, y).save_network(path)
    net = sknevo.load_network(path, device="cpu")
    best = reg.best_estimator_
    np.testing.assert_allclose(net.predict(X_test), best.predict(X_test), rtol=1e-6)
    whole = path.read_bytes()
    for damaged in (
        whole.replace(b"convnet_regressor", b"search_cv        "),
        whole.replace(b'centre\\": ', b'centre\\":NaN,'),
    ):
        assert damaged != whole
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is not a network that sknevo"):
            sknevo.load_network(path, device="cpu")


@pytest.mark.slow
def test_rows_and_weights(data):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    y = 1e4 * (np.abs(X[:, 0]) + X[:, 1])
    wrong = rng.random(300) < 0.3
    mixed = np.where(wrong, -1e5, y)
    # Scores are not weighted; the median does not mind the wrong ones.
    reg = EvolvedRegressor(
        **SMALL, max_epochs=80, cv=2, scoring="neg_median_absolute_error"
    )
    reg.fit(X, mixed, sample_weight=np.where(wrong, 1e-9, 1.0))
    assert "blocks" not in reg.best_params_
    assert r2_score(y[~wrong], reg.predict(X[~wrong])) > 0.7


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b"], "y must hold numbers; got .*'a'"),
        ([1.0, np.inf], "infinity"),
        ([[1, 2], [3, 4]], "1d array"),
        ([1 + 1j, 2 + 0j], "[Cc]omplex"),
    ],
)
def test_targets_that_are_no_numbers_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        EvolvedRegressor(**SMALL).fit(np.zeros((2, 4, 4)), y)
