"""Evolved autoencoders, as their users meet them."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import sknevo
from sknevo import EvolvedAutoencoder
from sknevo.genomes.autoencoder import autoencoder

SMALL = {"population_size": 2, "generations": 1, "random_state": 0}
tiny = partial(autoencoder, max_layers=2, max_parameters=5_000, max_epochs=1)


@pytest.fixture(scope="module")
def digits():
    return load_digits().images.astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(digits):
    search = EvolvedAutoencoder(n_components=4, max_epochs=40, cv=2, **SMALL)
    return search.fit(digits[:600])


def test_codes_are_better_than_those_of_pca(digits, fitted):
    new = digits[600:900]
    rows = digits.reshape(len(digits), -1) / 16
    pca = PCA(4).fit(rows[:600])
    linear = pca.inverse_transform(pca.transform(rows[600:900]))
    assert fitted.score(new) > -((linear - rows[600:900]) ** 2).mean()
    assert fitted.transform(new).shape == (300, 4)


def test_samples_of_codes_have_the_type_layout_and_range_of_x(digits, fitted):
    codes = fitted.transform(digits[:50])
    made = fitted.inverse_transform(codes)
    assert made.dtype == digits.dtype
    assert made.shape == (50, 8, 8)
    np.testing.assert_array_equal(made, fitted.reconstruct(digits[:50]))
    far = fitted.inverse_transform(100 * codes)
    assert far.max() <= 16
    with pytest.raises(ValueError, match=r"codes of 4 numbers.*got 3"):
        fitted.inverse_transform(codes[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        fitted.inverse_transform(np.full((1, 4), np.nan))


def test_anomalies_are_what_is_rebuilt_badly(digits, fitted):
    noise = np.random.default_rng(0).integers(0, 17, (50, 8, 8), dtype=np.uint8)
    assert (fitted.predict(noise) == -1).mean() > 0.9
    assert (fitted.predict(digits[:600]) == -1).mean() == pytest.approx(0.1, abs=0.01)
    scores = fitted.score_samples(digits[:9])
    np.testing.assert_array_equal(
        fitted.decision_function(digits[:9]), scores - fitted.offset_
    )
    np.testing.assert_allclose(scores.mean(), fitted.score(digits[:9]))


def test_it_pickles_and_is_saved_without_pickle(digits, fitted, tmp_path):
    codes = fitted.transform(digits[:50])
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(digits[:50]), codes)
    path = tmp_path / "digits.safetensors"
    fitted.save_network(path)
    net = sknevo.load_network(path, device="cpu")
    np.testing.assert_allclose(net.transform(digits[:50]), codes, rtol=1e-6)
    np.testing.assert_array_equal(net.predict(digits), fitted.reconstruct(digits))
    assert net.score(digits) == pytest.approx(fitted.score(digits))
    whole = path.read_bytes()
    for damaged in (
        whole.replace(b'scale\\": ', b'scale\\":NaN,'),
        whole.replace(b'variance\\"', b'varlance\\"'),
    ):
        assert damaged != whole
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is not a network that sknevo"):
            sknevo.load_network(path, device="cpu")


def test_it_is_a_step_of_a_pipeline_and_ignores_labels():
    X, y = load_iris(return_X_y=True, as_frame=True)
    coder = EvolvedAutoencoder(n_components=3, max_epochs=160, cv=2, **SMALL)
    model = make_pipeline(coder, LogisticRegression(max_iter=1000)).fit(X, y)
    assert model.score(X, y) > 0.8
    coder = model[0].set_output(transform="pandas")
    names = [f"evolvedautoencoder{i}" for i in range(3)]
    assert [*coder.transform(X).columns] == names == [*coder.get_feature_names_out()]
    rebuilt = coder.reconstruct(X)
    assert isinstance(rebuilt, pd.DataFrame)
    assert [*rebuilt.columns] == [*X.columns]


@pytest.mark.slow
def test_the_size_of_codes_evolves_at_a_price():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 12))
    known = [{"n_components": n} for n in (2, 3, 6)]
    search = EvolvedAutoencoder(
        initial_population=[
            genes
            | {
                "encoder": {"dense": []},
                "decoder": {"tied": {}},
                "optimizer": {"adam": {"lr": 0.02, "beta1": 0.9, "weight_decay": 1e-6}},
                "training": {"batch_size": 8, "schedule": "linear", "epochs": 60},
            }
            for genes in known
        ],
        component_penalty=0.05,
        max_epochs=60,
        cv=2,
        **SMALL | {"population_size": 3},
    ).fit(X)
    assert search.best_params_["n_components"] == 2
    assert search.best_score_ < -0.1  # what two numbers cost
    assert search.score(X) == pytest.approx(search.best_score_, abs=0.05)


def test_weights_count():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 150, 1)) * [[[1, 1, 0, 0]], [[0, 0, 1, 1]]]
    X, first = np.concatenate([one, other]), np.arange(300) < 150
    search = EvolvedAutoencoder(n_components=1, max_epochs=160, cv=2, **SMALL)
    search.fit(X, sample_weight=np.where(first, 1.0, 1e-6))
    assert search.score(one) > search.score(other) + 0.2


def test_a_genome_says_the_size_of_codes(digits):
    search = EvolvedAutoencoder(genome=tiny, n_components=4, **SMALL)
    with pytest.raises(ValueError, match="n_components must be None if genome"):
        search.fit(digits)


@pytest.mark.parametrize("contamination", [0, 0.6, "auto", None])
def test_bad_contaminations_are_refused(contamination):
    with pytest.raises(ValueError, match="contamination"):
        EvolvedAutoencoder(contamination=contamination).fit(np.ones((9, 2)))


def test_resumed_from_a_journal_it_is_the_same(digits, tmp_path):
    search = EvolvedAutoencoder(
        genome=partial(tiny, n_components=3), journal=tmp_path / "journal", **SMALL
    )
    codes = search.fit(digits[:200]).transform(digits[:9])
    np.testing.assert_array_equal(search.fit(digits[:200]).transform(digits[:9]), codes)
