"""Pictures of reconstructions show the samples that they are of."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from sknevo import EvolvedAutoencoder
from sknevo.displays import NetworkDisplay, NoPictureError, ReconstructionDisplay
from sknevo.genomes.autoencoder import autoencoder

ONE = {"population_size": 1, "generations": 1, "cv": 2, "random_state": 0}
IMAGES = load_digits().images[:60]


@pytest.fixture(scope="module")
def of_images():
    tiny = partial(autoencoder, n_components=4, max_parameters=20_000, max_epochs=2)
    return EvolvedAutoencoder(genome=tiny, **ONE).fit(IMAGES)


def test_images_stand_above_what_is_rebuilt(of_images):
    display = ReconstructionDisplay.from_estimator(of_images, IMAGES, n_samples=6)
    np.testing.assert_array_equal(display.samples, IMAGES[:6])
    np.testing.assert_array_equal(display.rebuilt, of_images.reconstruct(IMAGES[:6]))
    assert display.sheet_.shape == (17, 53)
    (shown,) = display.ax_.get_images()
    np.testing.assert_array_equal(shown.get_array(), display.sheet_)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["real", "rebuilt"]
    error = ((display.samples - display.rebuilt) ** 2).mean() / 16**2
    told = float(display.ax_.get_title(loc="right").rpartition(" ")[2])
    assert told == pytest.approx(error, rel=0.01)


def test_the_worst_come_first(of_images):
    scores = of_images.score_samples(IMAGES)
    for order, row in (("worst", scores.argmin()), ("best", scores.argmax())):
        known = {"n_samples": 1, "order": order}
        display = ReconstructionDisplay.from_estimator(of_images, IMAGES, **known)
        np.testing.assert_array_equal(display.samples[0], IMAGES[row])


def test_of_a_table_there_is_a_bar_for_each_column():
    X = load_iris(as_frame=True).data.assign(constant=3.0)
    search = EvolvedAutoencoder(n_components=2, max_epochs=10, **ONE).fit(X)
    display = ReconstructionDisplay.from_estimator(search, X)
    lengths = {
        label.get_text(): bar.get_width()
        for label, bar in zip(
            display.ax_.get_yticklabels(), display.ax_.patches, strict=True
        )
    }
    assert lengths == dict(zip(X.columns, display.shares_, strict=True))
    assert display.shares_[-1] == 1
    assert [*lengths.values()] == sorted(lengths.values())


def test_both_networks_have_a_picture(of_images):
    of_encoder = NetworkDisplay.from_estimator(of_images)
    of_decoder = NetworkDisplay.from_estimator(of_images, network="decoder")
    assert of_encoder.layers_[-1] == "linear, 4 units"
    assert of_encoder.layers_ != of_decoder.layers_
    with pytest.raises(ValueError, match="network must be one of"):
        NetworkDisplay.from_estimator(of_images, network="generator")


def test_what_has_no_reconstructions_is_refused(of_images):
    make = ReconstructionDisplay.from_estimator
    with pytest.raises(NoPictureError, match="EvolvedAutoencoder; got PCA"):
        make(PCA(1).fit(np.eye(3)), np.eye(3))
    with pytest.raises(NotFittedError):
        make(EvolvedAutoencoder(), IMAGES)
    with pytest.raises(ValueError, match="order must be one of"):
        make(of_images, IMAGES, order="random")
