"""How well boxes around objects agree with true ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sknevo.metrics._named import NamedScore

# Boxes with what is known of them, as torchvision has them.
Boxes = Mapping[str, Any]

# The recalls at which COCO reads the precision, and the overlaps that it averages over.
RECALLS = np.linspace(0, 1, 101)
OVERLAPS = np.linspace(0.5, 0.95, 10)
# Names of scores of all classes, and what that of a single label begins with.
NAMES = {"map": OVERLAPS, "map_50": [0.5], "map_75": [0.75]}
OF_A_CLASS = "ap_"


def box_overlaps(one: Any, other: Any) -> np.ndarray:
    """Return the intersection over union of each box with each other one.

    Parameters
    ----------
    one : array-like of shape (n, 4)
        Boxes: x1, y1, x2, y2.
    other : array-like of shape (m, 4)
        Others.

    Returns
    -------
    ndarray of shape (n, m)
        In [0, 1].

    Examples
    --------
    >>> box_overlaps([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2]]).round(2)
    array([[1.  , 0.33]])
    """
    one, other = (np.asarray(b, float).reshape(-1, 4) for b in (one, other))
    low = np.maximum(one[:, None, :2], other[:, :2])
    high = np.minimum(one[:, None, 2:], other[:, 2:])
    common = (high - low).clip(0).prod(axis=2)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (one, other)]
    either = areas[0][:, None] + areas[1] - common
    return np.divide(common, either, out=np.zeros_like(common), where=either > 0)


def average_precision_scores(
    y_true: Sequence[Boxes],
    y_pred: Sequence[Boxes],
    *,
    labels: Sequence[Any] | None = None,
    min_iou: float = 0.5,
) -> np.ndarray:
    """Return the average precision of each class, as COCO [1]_ computes it.

    In the order of their scores, predicted boxes of all images are right if they
    overlap with a true box of their class that no box before them has taken; the one
    with the greatest overlap counts. The precision is averaged over 101 recalls.

    Parameters
    ----------
    y_true : sequence of dict
        True boxes of each image: `boxes` of shape (k, 4), x1, y1, x2, y2, and `labels`
        of shape (k,).
    y_pred : sequence of dict
        Predicted ones, with `scores` of shape (k,).
    labels : sequence or None, default=None
        The classes. None stands for all labels in both.
    min_iou : float, default=0.5
        What the intersection over union must reach.

    Returns
    -------
    ndarray of shape (n_classes,)
        In [0, 1]; NaN of a class without true boxes.

    Raises
    ------
    ValueError
        If there are not as many images, or `min_iou` is not in (0, 1].

    References
    ----------
    .. [1] Lin, T.-Y. et al. (2014). Microsoft COCO: Common Objects in Context. ECCV.

    Examples
    --------
    >>> true = [{"boxes": [[0, 0, 2, 2], [4, 4, 6, 6]], "labels": [1, 1]}]
    >>> found = [{"boxes": [[0, 0, 2, 2]], "labels": [1], "scores": [0.9]}]
    >>> average_precision_scores(true, found).round(2).tolist()
    [0.5]
    """
    check_consistent_length(y_true, y_pred)
    if not 0 < min_iou <= 1:
        raise ValueError(f"min_iou must be in (0, 1]; got {min_iou!r}.")
    if labels is None:
        labels = np.unique([label for y in (*y_true, *y_pred) for label in y["labels"]])
    return np.array([_average_precision(y_true, y_pred, k, min_iou) for k in labels])


def mean_average_precision(
    y_true: Sequence[Boxes],
    y_pred: Sequence[Boxes],
    *,
    min_iou: float | Sequence[float] = 0.5,
) -> float:
    """Return the mean over the classes of their average precision (mAP).

    Parameters
    ----------
    y_true, y_pred : sequence of dict
        As for `average_precision_scores`.
    min_iou : float or sequence of float, default=0.5
        What the intersection over union must reach; with several, the mean over them.

    Returns
    -------
    float
        In [0, 1], over the classes with true boxes. Without any true box, 1 if none is
        predicted and 0 otherwise.

    Raises
    ------
    ValueError
        If there are not as many images, or `min_iou` is not in (0, 1].

    Examples
    --------
    >>> true = [{"boxes": [[0, 0, 2, 2]], "labels": ["cat"]}]
    >>> found = [{"boxes": [[0, 0, 2, 3]], "labels": ["cat"], "scores": [0.9]}]
    >>> mean_average_precision(true, found)
    1.0
    >>> mean_average_precision(true, found, min_iou=0.75)
    0.0
    """
    of_classes = [
        average_precision_scores(y_true, y_pred, min_iou=one)
        for one in np.atleast_1d(min_iou)
    ]
    known = ~np.isnan(of_classes[0])
    if not known.any():
        return float(not any(len(y["labels"]) for y in y_pred))
    return float(np.mean([found[known].mean() for found in of_classes]))


def _average_precision(
    y_true: Sequence[Boxes], y_pred: Sequence[Boxes], label: Any, min_iou: float
) -> float:
    scores, right, n_true = [], [], 0
    for true, found in zip(y_true, y_pred, strict=True):
        boxes = _of_class(true, label)["boxes"]
        mine = _of_class(found, label)
        order = np.argsort(-mine["scores"], kind="stable")
        scores.append(mine["scores"][order])
        right += _matched(box_overlaps(mine["boxes"][order], boxes), min_iou)
        n_true += len(boxes)
    if n_true == 0:
        return np.nan
    order = np.argsort(-np.concatenate(scores), kind="stable")
    n_right = np.cumsum(np.array(right, int)[order])
    precision = n_right / np.arange(1, len(n_right) + 1)
    # What is reached at a greater recall can be had at a smaller one.
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(n_right / n_true, RECALLS)
    return float(np.append(precision, 0.0)[places].mean())


def _of_class(boxes: Boxes, label: Any) -> dict[str, np.ndarray]:
    """Return the boxes of a label, and their scores if they have any."""
    mine = np.asarray(boxes["labels"]) == label
    found = {"boxes": np.asarray(boxes["boxes"], float).reshape(-1, 4)[mine]}
    if "scores" in boxes:
        found["scores"] = np.asarray(boxes["scores"], float)[mine]
    return found


def _matched(overlaps: np.ndarray, min_iou: float) -> Iterator[bool]:
    """Yield whether each predicted box, in order, takes a true one."""
    overlaps = overlaps.copy()
    for row in overlaps:
        best = row.argmax() if row.size else None
        is_right = best is not None and row[best] >= min_iou
        if is_right:
            overlaps[:, best] = -1.0
        yield is_right


class BoxScore(NamedScore):
    """A scorer of detectors by name, for `scoring`.

    Parameters
    ----------
    name : str
        "map_50" and "map_75", the mean over the classes of the average precision at an
        intersection over union of 0.5 or 0.75; "map", its mean from 0.5 to 0.95 in
        steps of 0.05, as COCO's; or that of a single label at 0.5, such as "ap_2" or
        "ap_car", which is NaN where no image has any.

    Raises
    ------
    ValueError
        If there is no such score.

    See Also
    --------
    mean_average_precision : The function that it calls.

    Examples
    --------
    >>> BoxScore("map_50")
    BoxScore('map_50')
    """

    def __init__(self, name: str) -> None:
        if name not in NAMES and not name.startswith(OF_A_CLASS):
            raise ValueError(
                f"scoring must name scores among {', '.join(NAMES)}, or one of a label "
                f"such as ap_2 or ap_car; got {name!r}."
            )
        super().__init__(name)

    def __call__(self, estimator: Any, X: Any, y: Sequence[Boxes]) -> float:
        """Return the score of a fitted detector; the higher, the better.

        Parameters
        ----------
        estimator : DetectorNet
            Predicts boxes.
        X : array-like of shape (n_images, ...), or sequence of arrays
            Images.
        y : sequence of dict
            True boxes, as in `fit`.

        Returns
        -------
        float
        """
        found = estimator.predict(X)
        if self.name in NAMES:
            return mean_average_precision(y, found, min_iou=NAMES[self.name])
        label = self.name.removeprefix(OF_A_CLASS)
        labels = [one for one in estimator.classes_ if str(one) == label]
        if not labels:
            classes = estimator.classes_.tolist()
            raise ValueError(f"{self.name}: {label} is none of {classes}.")
        return float(average_precision_scores(y, found, labels=labels)[0])
