"""EvolvedDetector: data as users have them, scores, errors, files."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.utils import estimator_checks as checks
from squares import squares

from sknevo import EvolvedDetector, load_network
from sknevo.genomes.detector import detector
from sknevo.metrics import mean_average_precision

X, Y = squares(8, 24)
SMALL = {"population_size": 2, "generations": 1, "cv": 2, "random_state": 0}
TINY = partial(detector, max_parameters=20_000, max_epochs=4, max_depth=2)


def fit(X=X, y=Y, **parameters):
    return EvolvedDetector(genome=TINY, **SMALL | parameters).fit(X, y)


@pytest.fixture(scope="module")
def fitted():
    return fit(scoring=["map_50", "ap_hollow", "fit_time"], refit="map_50")


def test_objects_are_found_in_images_of_any_size(fitted):
    assert fitted.classes_.tolist() == ["filled", "hollow"]
    found = fitted.predict([X[0], X[1, :10], np.tile(X[2], (2, 2))])
    assert len(found) == 3
    for one in found:
        assert one["boxes"].shape == (len(one["labels"]), 4)
        assert (one["scores"] >= 0.05).all()


def test_scores_are_those_of_the_names(fitted):
    results = fitted.cv_results_
    assert {"mean_test_map_50", "mean_test_ap_hollow"} <= results.keys()
    expected = mean_average_precision(Y, fitted.predict(X))
    assert fitted.score(X, Y) == pytest.approx(expected)
    # Images without any object can be scored, too.
    assert fitted.score(X[:1], Y[:1]) in (0, 1)


def test_it_pickles_and_saves_without_pickle(fitted, tmp_path):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_equal(again.predict(X), fitted.predict(X))
    fitted.save_network(tmp_path / "net.safetensors")
    net = load_network(tmp_path / "net.safetensors")
    np.testing.assert_equal(net.predict(X), fitted.predict(X))


class Pairs(torch.utils.data.Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        codes = [["filled", "hollow"].index(label) for label in Y[i]["labels"]]
        boxes = torch.as_tensor(Y[i]["boxes"], dtype=torch.float32).reshape(-1, 4)
        labels = torch.as_tensor(codes, dtype=torch.int64)
        return Image.fromarray(X[i]), {"boxes": boxes, "labels": labels, "image_id": i}


def test_a_dataset_of_pairs_and_a_journal(tmp_path):
    small = {"population_size": 1, "journal": tmp_path / "run.jsonl"}
    found = fit(Pairs(), None, **small)
    assert found.classes_.tolist() == [0, 1]
    assert len(found.predict(Pairs())) == len(X)
    again = fit(Pairs(), None, **small)
    assert again.cv_results_["mean_fit_time"] == found.cv_results_["mean_fit_time"]


def test_images_of_several_sizes_and_colours():
    images = [np.repeat(x[: 24 - i, :, None], 3, axis=2) for i, x in enumerate(X)]
    found = fit(images, population_size=1)
    assert len(found.predict(images)) == len(X)
    assert 0 <= found.score(images, Y) <= 1


def changed(place, **values):
    return [*Y[:place], {**Y[place], **values}, *Y[place + 1 :]]


@pytest.mark.parametrize(
    ("images", "targets", "message"),
    [
        (X, Y[:7], "8 images and y 7 dicts of boxes"),
        (X, None, "requires y to be passed"),
        (X, [one["boxes"] for one in Y], "that of image 0 is list.*load_voc_folder"),
        (X, changed(2, boxes=[[1, 2, 3]] * 2), r"image 2 are of shape \(2, 3\)"),
        (X, changed(2, labels=["a"]), "image 2 has 2 boxes and labels of shape"),
        (X, changed(1, boxes=[[5, 2, 5, 9]]), r"box 0 of image 1 is \[5.0, 2.0, 5.0"),
        (X, changed(1, boxes=[[np.nan, 2, 5, 9]]), "box 0 of image 1"),
        (
            X,
            changed(1, boxes=[[30, 2, 40, 9]]),
            "within their images; box 0 of",
        ),
        (X, changed(1, labels=[3]), "labels of one kind"),
        (X, changed(1, labels=[0.5]), "whole numbers or words; got 0.5"),
        (X, [{"boxes": [], "labels": []}] * 8, "at least one box"),
        ([*X[:7], np.zeros((24, 24, 3))], Y, r"image 7 of \(24, 24, 3\)"),
        ("photos", "boxes", "got str"),
    ],
)
def test_what_is_wrong_is_named(images, targets, message):
    with pytest.raises((TypeError, ValueError), match=message):
        fit(images, targets)


def test_wrong_parameters_and_predictions_are_named(fitted):
    with pytest.raises(ValueError, match="ap_car; got 'accuracy'"):
        fit(scoring="accuracy")
    with pytest.raises(ValueError, match="min_score"):
        fit(min_score=2)
    with pytest.raises(ValueError, match="as in fit; image 0 is of shape"):
        fitted.predict(np.zeros((2, 24, 24, 3)))
    with pytest.raises(ValueError, match="y must hold the true boxes"):
        fitted.score(X)
    rare = [*[{"boxes": [], "labels": []}] * 7, Y[7]]
    with pytest.raises(ValueError, match="images without boxes"):
        fit(y=rare)


@pytest.mark.parametrize(
    "check",
    [
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_estimator_cloneable,
        checks.check_estimator_repr,
        checks.check_estimator_tags_renamed,
        checks.check_get_params_invariance,
        checks.check_mixin_order,
        checks.check_no_attributes_set_in_init,
        checks.check_parameters_default_constructible,
        checks.check_set_params,
        checks.check_valid_tag_types,
    ],
    ids=lambda check: check.__name__,
)
def test_what_scikit_learn_checks_without_labels_for_samples(check):
    # The other checks fit rows of numbers with a label for each.
    check("EvolvedDetector", EvolvedDetector())
