"""EvolvedSegmenter: data as users have them, scores, errors, files."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from discs import discs
from PIL import Image
from sklearn.utils import estimator_checks as checks

from sknevo import EvolvedSegmenter, load_network
from sknevo.genomes.segmenter import segmenter
from sknevo.metrics import MaskScore, iou_scores

X, IDS = discs(10, 24)
MASKS = (IDS > 0).astype(int)
SMALL = {"population_size": 2, "generations": 1, "cv": 2, "random_state": 0}
TINY = partial(segmenter, max_parameters=20_000, max_epochs=12, max_depth=2)


def fit(X=X, y=MASKS, **parameters):
    return EvolvedSegmenter(genome=TINY, **SMALL | parameters).fit(X, y)


@pytest.fixture(scope="module")
def fitted():
    return fit(scoring=["mean_iou", "dice_1", "object_f1", "fit_time"], refit="dice_1")


def test_masks_have_the_size_of_their_images(fitted):
    assert fitted.predict(X).shape == X.shape
    assert fitted.predict_proba(X).shape == (*X.shape, 2)
    assert fitted.predict_instances(X).dtype == np.int32
    several = fitted.predict([X[0], X[1, :10], np.tile(X[2], (2, 2))])
    assert [mask.shape for mask in several] == [(24, 24), (10, 24), (48, 48)]


def test_scores_are_those_of_the_names(fitted):
    results = fitted.cv_results_
    assert {"mean_test_mean_iou", "mean_test_object_f1"} <= results.keys()
    expected = 2 * (iou := iou_scores(MASKS, fitted.predict(X))[1]) / (1 + iou)
    assert fitted.score(X, MASKS) == pytest.approx(expected)
    assert fitted.best_score_ == results["mean_test_dice_1"][fitted.best_index_]
    # A part without any object can be scored, too.
    assert 0 <= fitted.score(X[:1], np.zeros_like(MASKS[:1])) <= 1


def test_it_pickles_and_saves_without_pickle(fitted, tmp_path):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    fitted.save_network(tmp_path / "net.safetensors")
    net = load_network(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(net.predict_instances(X), fitted.predict_instances(X))


def test_numbers_of_objects_are_learned_as_two_classes():
    found = fit(y=IDS, instances=True)
    assert found.classes_.tolist() == [0, 1]
    assert found.scorer_.name == "object_f1"
    assert 0 <= found.score(X, IDS) <= 1


class Pairs(torch.utils.data.Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return Image.fromarray(X[i]), MASKS[i]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (
            [Image.fromarray(x) for x in X],
            [Image.fromarray(m.astype("u1")) for m in MASKS],
        ),
        pytest.param(
            torch.as_tensor(X), torch.as_tensor(MASKS), marks=pytest.mark.slow
        ),
        (Pairs(), None),
        (
            [x[: 20 + i] for i, x in enumerate(X)],
            [m[: 20 + i] for i, m in enumerate(MASKS)],
        ),
    ],
    ids=["PIL", "tensors", "dataset", "several sizes"],
)
def test_data_may_have_any_form(images, masks, tmp_path):
    found = fit(images, masks, population_size=1, journal=tmp_path / "run.jsonl")
    assert len(found.predict(images)) == len(X)
    if masks is not None:
        assert found.score(images, masks) > 0.3
    again = fit(images, masks, population_size=1, journal=tmp_path / "run.jsonl")
    assert again.cv_results_["mean_fit_time"] == found.cv_results_["mean_fit_time"]


BROKEN = MASKS.astype(float)
BROKEN[3, 0, 0] = 0.5
LACKING = [*MASKS[:4], MASKS[4][:, 1:], *MASKS[5:]]
GAP = [*X[:2].astype(float), np.full((24, 20), np.nan), *X[3:].astype(float)]


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        (X, LACKING, "image 4 is of 24 x 24 pixels, its mask of 24 x 23"),
        (X, MASKS[:9], "10 images and y 9 masks"),
        (X, BROKEN, "mask 0 holds 0.0 of type float64"),
        (X, [*MASKS[:3], BROKEN[3], *MASKS[4:]], "mask 3 holds 0.5 of type float64"),
        (X, MASKS[:, 0], r"mask 0 is of shape \(24,\)"),
        (X, None, "requires y to be passed"),
        (X, np.zeros_like(MASKS), r"at least 2 labels .*; got \[0\]"),
        (X, IDS.astype(str), "y must hold a mask of whole numbers"),
        (X.reshape(10, -1), MASKS, r"shape \(10, 576\)"),
        (GAP, MASKS, "NaN or infinity in image 2"),
        ([*X[:9], np.zeros((24, 24, 3))], MASKS, r"image 9 of \(24, 24, 3\)"),
        ("photos", "masks", "load_mask_folder"),
        (
            np.arange(300 * 64).reshape(300, 8, 8),
            np.arange(300 * 64).reshape(300, 8, 8),
            "at most 255 classes; got 19200. If masks number objects, set instances",
        ),
    ],
)
def test_what_is_wrong_is_named(images, masks, message):
    with pytest.raises((TypeError, ValueError), match=message):
        fit(images, masks)


def test_wrong_parameters_and_predictions_are_named(fitted):
    with pytest.raises(ValueError, match="iou_1 or dice_1; got 'accuracy'"):
        fit(scoring="accuracy")
    with pytest.raises(ValueError, match=r"channels\)|as in fit; image 0 is of shape"):
        fitted.predict(np.zeros((2, 24, 24, 3)))
    with pytest.raises(ValueError, match="image 1 is of 24 x 24 pixels"):
        fitted.score([X[0], X[1]], [MASKS[0], MASKS[1][:9]])
    with pytest.raises(ValueError, match="number objects from 1"):
        fit(y=MASKS - 1, instances=True)


def test_a_scorer_may_have_settings():
    strict = MaskScore("object_f1", min_iou=0.8)
    found = fit(y=IDS, instances=True, scoring=strict)
    assert found.scorer_ is strict
    assert found.score(X, IDS) == strict(found.best_estimator_, X, IDS)
    assert found.score(X, IDS) <= MaskScore("object_f1")(found.best_estimator_, X, IDS)


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
    check("EvolvedSegmenter", EvolvedSegmenter())
