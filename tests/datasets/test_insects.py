"""Drawings: equal for a seed, varied, and told apart by shape rather than colour."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknevo.datasets import make_insects


def test_the_result_is_a_bunch():
    insects = make_insects(10, image_size=16, random_state=0)
    assert insects.images.shape == (10, 16, 16, 3)
    assert insects.images.dtype == np.uint8
    assert insects.data.shape == (10, 16 * 16 * 3)
    assert insects.target_names.tolist() == ["ant", "bee", "butterfly", "moth"]
    assert sorted(np.bincount(insects.target)) == [2, 2, 3, 3]
    assert "ants" in insects.DESCR


def test_drawings_depend_on_the_seed_only():
    one, two, other = (make_insects(8, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.target, two.target)
    assert not np.array_equal(one.images, other.images)


def test_no_picture_is_flat_and_no_two_are_alike():
    images = make_insects(40, image_size=32, random_state=0).images.astype(float)
    assert images.std(axis=(1, 2)).max(axis=1).min() > 8
    flat = images.reshape(40, -1)
    distances = np.abs(flat[:, None] - flat).mean(axis=2)
    assert distances[~np.eye(40, dtype=bool)].min() > 8


def test_colours_do_not_tell_the_classes_apart():
    insects = make_insects(200, image_size=32, random_state=0)
    histograms = np.array(
        [
            np.histogramdd(image.reshape(-1, 3), bins=4, range=[(0, 256)] * 3)[
                0
            ].ravel()
            for image in insects.images
        ]
    )
    svm = make_pipeline(StandardScaler(), SVC())
    assert cross_val_score(svm, histograms, insects.target, cv=4).mean() < 0.5


@pytest.mark.parametrize(
    ("parameters", "named"),
    [({"n_samples": 0}, "n_samples"), ({"image_size": 4}, "image_size")],
)
def test_invalid_parameters_are_refused(parameters, named):
    with pytest.raises(ValueError, match=f"'{named}' parameter"):
        make_insects(**parameters)
