"""Pipelines take images: in each form, with the features that suit them."""

import pickle
from functools import partial

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Dataset

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor
from sknevo.datasets import make_insects
from sknevo.genomes.pipeline import pipeline

SMALL = {"population_size": 2, "generations": 1, "cv": 2, "random_state": 0}
MODELS = partial(pipeline, models=["svm", "linear"], pretrained=None)


def discs(n=60, seed=0):
    """Return pictures of a red disc or a blue square on noise, and which it is."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["disc", "square"], n)
    images = rng.integers(0, 120, (n, 16, 16, 3))
    row, column = np.indices((16, 16)) - 7.5
    shapes = {"disc": np.hypot(row, column) < 6, "square": np.maximum(row, column) < 4}
    for image, label in zip(images, labels, strict=True):
        image[shapes[label], 0 if label == "disc" else 2] = 220
    return images.astype(np.uint8), labels


@pytest.fixture(scope="module")
def fitted():
    images, labels = discs()
    return EvolvedPipelineClassifier(genome=MODELS, **SMALL).fit(images, labels)


class Pictures(Dataset):
    """Pictures as PIL images, with their labels."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return Image.fromarray(self.images[row]), self.labels[row]


def test_images_are_told_apart_in_each_form(fitted):
    new, labels = discs(40, seed=5)
    predicted = fitted.predict(new)
    assert np.mean(predicted == labels) > 0.9
    assert fitted.n_features_in_ == 16 * 16 * 3
    pictures = [Image.fromarray(image) for image in new]
    for form in (pictures, [*new], new.astype(float), Pictures(new, labels)):
        np.testing.assert_array_equal(fitted.predict(form), predicted)
        np.testing.assert_array_equal(
            fitted.best_estimator_.predict(form), fitted.best_estimator_.predict(new)
        )
    assert fitted.score(Pictures(new, labels)) == np.mean(predicted == labels)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(new[:3]), predicted[:3])


def test_genes_name_the_features(fitted):
    assert [*fitted.best_params_["preparation"]] == ["features", "copies"]
    assert "HOG" in fitted.leaderboard().to_string()
    assert set(fitted.cv_results_["status"]) <= {"ok", "pruned"}


def test_the_same_is_found_in_a_dataset_and_in_rows_of_pixels(fitted):
    images, labels = discs()
    forms = {
        "dataset": ((Pictures(images, labels),), {}),
        "rows": ((images.reshape(60, -1), labels), {"image_shape": (16, 16, 3)}),
    }
    for given, parameters in forms.values():
        search = EvolvedPipelineClassifier(genome=MODELS, **SMALL, **parameters)
        found = search.fit(*given).cv_results_
        for name in ("key", "mean_test_score"):
            np.testing.assert_array_equal(found[name], fitted.cv_results_[name])


@pytest.mark.slow
def test_workers_share_features_and_find_the_same(fitted):
    search = EvolvedPipelineClassifier(genome=MODELS, **SMALL, n_jobs=2)
    found = search.fit(*discs()).cv_results_
    for name in ("key", "mean_test_score"):
        np.testing.assert_array_equal(found[name], fitted.cv_results_[name])


def test_numbers_are_predicted_from_grey_images():
    images, _ = discs(60)
    grey = images.mean(axis=3) / 255
    shift = np.linspace(0, 0.5, 60)
    X = np.clip(grey + shift[:, None, None], 0, 1)
    reg = EvolvedPipelineRegressor(genome=MODELS, **SMALL).fit(X[::2], shift[::2])
    assert reg.score(X[1::2], shift[1::2]) > 0.5


def test_a_report_says_what_images_there_were(fitted, tmp_path):
    fitted.report(tmp_path / "report.html", *discs(20, seed=5))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "16 x 16 x 3" in page
    assert "HOG" in page


# What is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "given", "message"),
    [
        (np.full((9, 8, 8), np.nan), {}, "NaN in image 0: only finite numbers"),
        (np.zeros((9, 2, 8, 8, 3)), {}, "must be of shape"),
        (np.zeros((9, 60)), {"image_shape": (8, 8)}, "match samples of shape"),
        ([np.zeros((8, 8)), np.zeros((8, 9))] * 5, {}, "samples of one shape"),
    ],
)
def test_what_is_no_image_is_refused_before_anything_is_trained(X, given, message):
    with pytest.raises(ValueError, match=message):
        EvolvedPipelineClassifier(**given).fit(X, np.arange(len(X)) % 2)


def test_predict_refuses_other_shapes(fitted):
    with pytest.raises(ValueError, match=r"samples of shape \(16, 16, 3\), as in fit"):
        fitted.predict(np.zeros((3, 8, 8, 3), np.uint8))


def test_scripts_and_onnx_say_that_they_hold_no_features_of_images(fitted, tmp_path):
    with pytest.raises(ValueError, match="step 'images' cannot be written as a script"):
        fitted.to_script()
    with pytest.raises(ValueError, match="step 'images' cannot be written as ONNX"):
        fitted.to_onnx(tmp_path / "model.onnx")


@pytest.mark.slow
def test_drawn_insects_are_told_apart():
    insects = make_insects(66, image_size=64, random_state=0)
    X, y = insects.images, insects.target
    clf = EvolvedPipelineClassifier(max_time=30, generations=None, random_state=0)
    assert clf.fit(X[:50], y[:50]).score(X[50:], y[50:]) >= 9 / 16
