"""Scores of masks agree with scikit-learn's of the same pixels."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from sknevo.metrics import MaskScore, dice_scores, iou_scores, object_f1_score

RNG = np.random.default_rng(0)
TRUE = [RNG.integers(0, 3, (5, 7)), RNG.integers(0, 3, (4, 4))]
FOUND = [RNG.integers(0, 3, mask.shape) for mask in TRUE]


def flat(masks):
    return np.concatenate([mask.ravel() for mask in masks])


def test_scores_of_classes_are_those_of_all_pixels():
    true, found = flat(TRUE), flat(FOUND)
    np.testing.assert_allclose(
        iou_scores(TRUE, FOUND), jaccard_score(true, found, average=None)
    )
    np.testing.assert_allclose(
        dice_scores(TRUE, FOUND), f1_score(true, found, average=None)
    )


def test_ignored_pixels_do_not_count():
    kept = flat(TRUE) != 2
    expected = jaccard_score(
        flat(TRUE)[kept], flat(FOUND)[kept], labels=[0, 1], average=None
    )
    found = iou_scores(TRUE, FOUND, labels=[0, 1], ignore_label=2)
    np.testing.assert_allclose(found, expected)


def test_a_class_in_neither_has_no_score():
    assert np.isnan(iou_scores([[[0, 1]]], [[[0, 1]]], labels=[0, 1, 5])[2])


@pytest.mark.parametrize(
    ("found", "min_iou", "expected"),
    [
        ([1, 1, 1, 0, 2, 2], 0.5, 1.0),
        ([1, 1, 0, 0, 2, 2], 0.5, 1.0),  # two of three
        ([1, 1, 0, 0, 2, 2], 0.7, 0.5),
        ([1, 1, 1, 1, 1, 1], 0.5, 0.0),  # three of six are not more than half
        ([0, 0, 0, 0, 7, 7], 0.5, 2 / 3),
        ([0, 0, 0, 0, 0, 0], 0.5, 0.0),
    ],
)
def test_objects_are_right_if_most_of_both_is_common(found, min_iou, expected):
    true = [[[1, 1, 1, 0, 2, 2]]]
    assert object_f1_score(true, [[found]], min_iou=min_iou) == pytest.approx(expected)


def test_no_objects_are_found_where_there_are_none():
    assert object_f1_score([[[0, 0]]], [[[0, 0]]]) == 1.0


@pytest.mark.parametrize("score", [iou_scores, dice_scores, object_f1_score])
def test_masks_of_other_sizes_are_refused_by_their_place(score):
    with pytest.raises(ValueError, match=r"place 1 are of shape \(4, 4\) and \(4, 5\)"):
        score(TRUE, [FOUND[0], np.zeros((4, 5), int)])
    with pytest.raises(ValueError, match="inconsistent"):
        score(TRUE, FOUND[:1])


def test_names_of_scores():
    assert repr(MaskScore("object_f1", min_iou=0.7)) == (
        "MaskScore('object_f1', min_iou=0.7)"
    )
    with pytest.raises(ValueError, match="iou_1 or dice_1; got 'accuracy'"):
        MaskScore("accuracy")
    with pytest.raises(ValueError, match="min_iou"):
        object_f1_score(TRUE, FOUND, min_iou=0.3)
