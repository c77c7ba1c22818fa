"""A feature space learned from real images sees what is wrong with generated ones."""

import pickle

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from sknevo.builders.gan import feature_space
from sknevo.deadline import DeadlineReached, must_end_by
from sknevo.metrics import ReferenceSet, StandardFeatures, diagnose

DIGITS = load_digits()
# The last digits are by other writers than the rest, which a classifier sees.
ORDER = np.random.default_rng(0).permutation(len(DIGITS.target))
IMAGES, LABELS = DIGITS.images.astype(np.float32)[ORDER], DIGITS.target[ORDER]
TRAINING, HELD_OUT, FRESH = slice(600), slice(600, 1400), slice(1400, None)
COLLAPSED = {"mode collapse", "intra-mode collapse"}


@pytest.fixture(
    scope="module",
    params=["labels", pytest.param("no labels", marks=pytest.mark.slow)],
)
def features(request):
    labels = LABELS[TRAINING] if request.param == "labels" else None
    return feature_space(IMAGES[TRAINING], labels)


def names(features, generated):
    reference = ReferenceSet.of(features(IMAGES[HELD_OUT]), n_samples=390)
    return {finding.name for finding in diagnose(reference, features(generated))}


def test_fresh_digits_are_fine(features):
    assert names(features, IMAGES[FRESH]) == set()


def test_missing_classes_are_mode_collapse(features):
    few = IMAGES[TRAINING][LABELS[TRAINING] < 3]
    assert "mode collapse" in names(features, np.resize(few, (390, 8, 8)))


def test_prototypes_are_intra_mode_collapse(features):
    found = names(features, np.resize(IMAGES[FRESH][:20], (390, 8, 8)))
    assert "intra-mode collapse" in found


def test_blurred_and_noisy_digits_are_of_poor_quality(features):
    draw, fresh = np.random.default_rng(0), IMAGES[FRESH]
    damaged = [
        gaussian_filter(fresh, (0, 1, 1)),
        fresh + 5 * draw.normal(size=fresh.shape),
        draw.uniform(0, 16, size=fresh.shape),
    ]
    for images in damaged:
        assert "poor quality" in names(features, images)


def test_blended_digits_are_found_out(features):
    assert names(features, (IMAGES[FRESH] + IMAGES[FRESH][::-1]) / 2)


def test_a_moment_matched_blob_is_found_out(features):
    rows = IMAGES[TRAINING].reshape(-1, 64)
    draw = np.random.default_rng(0)
    blob = draw.multivariate_normal(rows.mean(axis=0), np.cov(rows.T), 390)
    assert names(features, blob.clip(0, 16).reshape(-1, 8, 8))


def test_features_are_frozen_pickled_and_named(features):
    name, before = features.fingerprint, features(IMAGES[:5])
    again = pickle.loads(pickle.dumps(features))
    assert again.fingerprint == name
    assert (again(IMAGES[:5]) == before).all()
    assert name in repr(features)
    # Whatever the other images in the batch are.
    assert features(IMAGES[:1]) == pytest.approx(before[:1], abs=1e-5)


@pytest.fixture
def short(monkeypatch):
    """Learn little, where it does not matter what is learned."""
    monkeypatch.setattr("sknevo.builders.gan._feature_extractor.N_STEPS", 4)


@pytest.mark.usefixtures("short")
def test_the_seed_alone_decides_and_global_generators_rest():
    state = torch.get_rng_state()
    spaces = [feature_space(IMAGES[:100], random_state=seed) for seed in (0, 0, 1)]
    first, same, other = (space.fingerprint for space in spaces)
    assert first == same != other
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "shape", [(3, 9, 12), (12, 9, 3), (1, 1), (2, 30), (130, 70), (9, 9, 6), (5, 96, 8)]
)
def test_images_of_any_shape(shape):
    images = np.random.default_rng(0).integers(256, size=(6, *shape), dtype=np.uint8)
    features = feature_space(images)
    assert features(images).shape == (6, 64)
    assert np.isfinite(features(images)).all()


@pytest.mark.usefixtures("short")
def test_flattened_images_are_those_with_sides():
    rows = IMAGES[:50].reshape(50, -1)
    flat = feature_space(rows, sample_shape=(8, 8))
    assert flat(rows) == pytest.approx(feature_space(IMAGES[:50])(IMAGES[:50]))


def test_tables_are_their_own_features():
    assert isinstance(feature_space(np.ones((9, 2))), StandardFeatures)


def test_learning_stops_at_the_deadline():
    with must_end_by(0), pytest.raises(DeadlineReached):
        feature_space(IMAGES[:50])
