"""Average precision of boxes: by hand, and as others compute it."""

import numpy as np
import pytest

from sknevo.metrics import (
    BoxScore,
    average_precision_scores,
    box_overlaps,
    mean_average_precision,
)


def boxes(*corners, labels=None, scores=None):
    found = {"boxes": np.array(corners, float).reshape(-1, 4)}
    found["labels"] = np.array(labels if labels is not None else [0] * len(corners))
    if scores is not None:
        found["scores"] = np.array(scores, float)
    return found


ONE, TWO, FAR = [0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]


def test_overlaps_are_shares_of_the_union():
    found = box_overlaps([ONE, [0, 0, 0, 0]], [ONE, [5, 0, 15, 10], FAR])
    np.testing.assert_allclose(found, [[1, 50 / 150, 0], [0, 0, 0]])
    assert box_overlaps([], [ONE]).shape == (0, 1)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (boxes(ONE, TWO, scores=[0.9, 0.8]), 1.0),
        # Half of them, none of it wrong: the precision is 1 at recalls up to 0.5.
        (boxes(ONE, scores=[0.9]), 51 / 101),
        # A wrong one before both: precisions 1/2 and 2/3, of which the greater holds.
        (boxes(FAR, ONE, TWO, scores=[0.9, 0.8, 0.7]), 2 / 3),
        # A wrong one between them.
        (boxes(ONE, FAR, TWO, scores=[0.9, 0.8, 0.7]), (51 + 50 * 2 / 3) / 101),
        # The same object twice: the second one is wrong, and comes before the other.
        (boxes(ONE, ONE, TWO, scores=[0.9, 0.8, 0.7]), (51 + 50 * 2 / 3) / 101),
        (boxes(scores=[]), 0.0),
    ],
)
def test_precision_is_averaged_over_recalls(found, expected):
    assert average_precision_scores([boxes(ONE, TWO)], [found]) == [
        pytest.approx(expected)
    ]


def test_the_mean_is_that_of_classes_with_true_boxes():
    true = [boxes(ONE, labels=["a"]), boxes(TWO, labels=["b"])]
    found = [
        boxes(ONE, FAR, labels=["a", "c"], scores=[0.9, 0.9]),
        boxes(scores=[]) | {"labels": np.array([], str)},
    ]
    assert mean_average_precision(true, found) == pytest.approx(0.5)
    of_all = average_precision_scores(true, found, labels=["a", "b", "c"])
    np.testing.assert_array_equal(of_all, [1, 0, np.nan])


def test_images_without_boxes_can_be_scored():
    none = boxes(scores=[])
    assert mean_average_precision([none, none], [none, none]) == 1
    assert mean_average_precision([none], [boxes(ONE, scores=[0.5])]) == 0


def test_an_overlap_that_is_just_enough_is_right():
    found = [boxes([0, 0, 10, 20], scores=[0.5])]
    assert mean_average_precision([boxes(ONE)], found) == 1
    assert mean_average_precision([boxes(ONE)], found, min_iou=0.51) == 0
    assert mean_average_precision([boxes(ONE)], found, min_iou=[0.5, 0.75]) == 0.5


def random_boxes(rng):
    """Return true boxes of 30 images, and some like them with random scores."""
    true, found = [], []
    for _ in range(30):
        k = rng.integers(0, 6)
        corners = rng.uniform(0, 60, (k, 2))
        corners = np.hstack([corners, corners + rng.uniform(5, 30, (k, 2))])
        labels = rng.integers(0, 3, k)
        true.append({"boxes": corners, "labels": labels})
        moved = np.vstack([corners, corners[: k // 2]])
        moved = moved + rng.normal(0, 3, moved.shape)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        labels = np.r_[labels, labels[: k // 2]]
        labels = np.where(rng.random(len(labels)) < 0.2, 2, labels)
        found.append(
            {"boxes": moved, "labels": labels, "scores": rng.random(len(moved))}
        )
    return true, found


@pytest.mark.parametrize("seed", range(2))
def test_scores_are_those_of_pycocotools(seed):
    pytest.importorskip("pycocotools")
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    true, found = random_boxes(np.random.default_rng(seed))
    theirs = MeanAveragePrecision(class_metrics=True)
    theirs.update(
        *(
            [{name: torch.as_tensor(one[name]) for name in one} for one in some]
            for some in (found, true)
        )
    )
    theirs = theirs.compute()
    for name, overlaps in (
        ("map_50", 0.5),
        ("map_75", 0.75),
        ("map", np.linspace(0.5, 0.95, 10)),
    ):
        ours = mean_average_precision(true, found, min_iou=overlaps)
        assert ours == pytest.approx(float(theirs[name]), abs=1e-6)


class Detector:
    classes_ = np.array(["car", "cat"])

    def predict(self, X):
        return [boxes(ONE, labels=["cat"], scores=[0.9]) for _ in X]


def test_scorers_have_names():
    true = [boxes(ONE, TWO, labels=["cat", "car"])]
    assert BoxScore("map_50")(Detector(), [0], true) == 0.5
    assert BoxScore("ap_cat")(Detector(), [0], true) == 1
    with pytest.raises(ValueError, match=r"ap_dog: dog is none of \['car', 'cat'\]"):
        BoxScore("ap_dog")(Detector(), [0], true)
    with pytest.raises(ValueError, match="map_75, or one of a label"):
        BoxScore("accuracy")
    with pytest.raises(ValueError, match="min_iou must be in"):
        average_precision_scores(true, true, min_iou=0)
