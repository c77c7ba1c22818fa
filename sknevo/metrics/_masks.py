"""How well masks of images agree with true ones: pixels, classes and objects."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sknevo.metrics._named import NamedScore

# Names of scores, beside those of single classes.
NAMES = ("mean_iou", "mean_dice", "pixel_accuracy", "object_f1")
# Of a single class: the name and its label, such as "iou_2".
OF_A_CLASS = ("iou", "dice")


def confusion(
    y_true: Sequence[np.ndarray],
    y_pred: Sequence[np.ndarray],
    labels: Any,
    ignore_label: int | None = None,
) -> np.ndarray:
    """Return how many pixels of each true label have which predicted label.

    Pixels with another true label, or with the one to be ignored, are left out; another
    predicted label counts as the last column.
    """
    labels = np.asarray(labels)
    counts = np.zeros((len(labels), len(labels) + 1), int)
    for place, (true, found) in enumerate(zip(y_true, y_pred, strict=True)):
        true, found = np.asarray(true), np.asarray(found)
        if true.shape != found.shape:
            raise ValueError(
                "y_true and y_pred must hold masks of the same size; those in place "
                f"{place} are of shape {true.shape} and {found.shape}."
            )
        rows, columns = (_places(mask.ravel(), labels) for mask in (true, found))
        counted = rows < len(labels)
        if ignore_label is not None:
            counted &= true.ravel() != ignore_label
        cells = rows[counted] * counts.shape[1] + columns[counted]
        counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
    return counts


def _places(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the place of each value among sorted labels, their number for others."""
    places = np.minimum(np.searchsorted(labels, values), len(labels) - 1)
    return np.where(labels[places] == values, places, len(labels))


def _labels(*masks: Sequence[np.ndarray], ignore_label: int | None) -> np.ndarray:
    found = np.unique(np.concatenate([np.unique(m) for some in masks for m in some]))
    return found[found != ignore_label]


def iou_scores(
    y_true: Sequence[np.ndarray],
    y_pred: Sequence[np.ndarray],
    *,
    labels: Sequence[int] | None = None,
    ignore_label: int | None = None,
) -> np.ndarray:
    """Return the intersection over union of each class, over the pixels of all masks.

    Parameters
    ----------
    y_true, y_pred : array-like of int of shape (n_images, height, width), or sequence \
of arrays
        True and predicted labels of pixels.
    labels : sequence of int or None, default=None
        The classes, sorted. None stands for all labels in both.
    ignore_label : int or None, default=None
        True label of pixels that are left out.

    Returns
    -------
    ndarray of shape (n_classes,)
        In [0, 1]; NaN of a class that neither holds.

    Raises
    ------
    ValueError
        If there are not as many masks, or two differ in size.

    Examples
    --------
    >>> iou_scores([[[0, 0, 1, 1]]], [[[0, 1, 1, 1]]]).round(2).tolist()
    [0.5, 0.67]
    """
    common, either = _overlaps(y_true, y_pred, labels, ignore_label)
    return np.divide(common, either, out=np.full(len(common), np.nan), where=either > 0)


def dice_scores(
    y_true: Sequence[np.ndarray],
    y_pred: Sequence[np.ndarray],
    *,
    labels: Sequence[int] | None = None,
    ignore_label: int | None = None,
) -> np.ndarray:
    """Return the Dice coefficient of each class, over the pixels of all masks.

    It is the F1 of pixels: twice the intersection, by the sum of both areas.

    Parameters
    ----------
    y_true, y_pred : array-like of int of shape (n_images, height, width), or sequence \
of arrays
        True and predicted labels of pixels.
    labels : sequence of int or None, default=None
        The classes, sorted. None stands for all labels in both.
    ignore_label : int or None, default=None
        True label of pixels that are left out.

    Returns
    -------
    ndarray of shape (n_classes,)
        In [0, 1]; NaN of a class that neither holds.

    Raises
    ------
    ValueError
        If there are not as many masks, or two differ in size.

    Examples
    --------
    >>> dice_scores([[[0, 0, 1, 1]]], [[[0, 1, 1, 1]]]).round(2).tolist()
    [0.67, 0.8]
    """
    ious = iou_scores(y_true, y_pred, labels=labels, ignore_label=ignore_label)
    return 2 * ious / (1 + ious)


def _overlaps(
    y_true: Any, y_pred: Any, labels: Any, ignore_label: int | None
) -> tuple[np.ndarray, np.ndarray]:
    check_consistent_length(y_true, y_pred)
    if labels is None:
        labels = _labels(y_true, y_pred, ignore_label=ignore_label)
    counts = confusion(y_true, y_pred, labels, ignore_label)
    common = np.diag(counts[:, :-1])
    return common, counts.sum(axis=1) + counts[:, :-1].sum(axis=0) - common


def object_f1_score(
    y_true: Sequence[np.ndarray],
    y_pred: Sequence[np.ndarray],
    *,
    min_iou: float = 0.5,
) -> float:
    """Return the F1 of objects, over those of all images.

    A predicted object is right if its intersection over union with a true one exceeds
    `min_iou`.

    Parameters
    ----------
    y_true, y_pred : array-like of int of shape (n_images, height, width), or sequence \
of arrays
        Numbers of true and predicted objects in each image, 0 for the background.
    min_iou : float, default=0.5
        At least 0.5, so that no two objects are right for the same one.

    Returns
    -------
    float
        In [0, 1]; 1 if there are no objects in either.

    Raises
    ------
    ValueError
        If there are not as many masks, two differ in size, or `min_iou` is less than
        0.5.

    Examples
    --------
    >>> object_f1_score([[[1, 1, 0, 2, 2]]], [[[1, 1, 0, 0, 2]]])
    0.5
    """
    check_consistent_length(y_true, y_pred)
    if not 0.5 <= min_iou < 1:
        raise ValueError(f"min_iou must be in [0.5, 1); got {min_iou!r}.")
    n_right = n_objects = 0
    for place, (true, found) in enumerate(zip(y_true, y_pred, strict=True)):
        true, found = np.asarray(true), np.asarray(found)
        if true.shape != found.shape:
            raise ValueError(
                "y_true and y_pred must hold masks of the same size; those in place "
                f"{place} are of shape {true.shape} and {found.shape}."
            )
        rows, columns = (np.union1d(0, mask) for mask in (true, found))
        counts = np.zeros((len(rows), len(columns)), int)
        cells = np.searchsorted(rows, true), np.searchsorted(columns, found)
        np.add.at(counts, cells, 1)
        areas = counts.sum(axis=1)[:, None] + counts.sum(axis=0) - counts
        n_right += int((counts[1:, 1:] > min_iou * areas[1:, 1:]).sum())
        n_objects += len(rows) + len(columns) - 2
    return 2 * n_right / n_objects if n_objects else 1.0


class MaskScore(NamedScore):
    """A scorer of segmenters by name, for `scoring`.

    Parameters
    ----------
    name : str
        "mean_iou" or "mean_dice" (the mean over the classes that either mask holds),
        "pixel_accuracy", "object_f1", or one of a single class, such as "iou_2" or
        "dice_1", which is 1 where neither mask holds it.
    min_iou : float, default=0.5
        For "object_f1", see `object_f1_score`.

    Raises
    ------
    ValueError
        If there is no such score.

    Examples
    --------
    >>> MaskScore("dice_1")
    MaskScore('dice_1')
    """

    def __init__(self, name: str, *, min_iou: float = 0.5) -> None:
        kind, _, label = name.rpartition("_")
        of_a_class = kind in OF_A_CLASS and label.lstrip("-").isdigit()
        if name not in NAMES and not of_a_class:
            raise ValueError(
                f"scoring must name scores among {', '.join(NAMES)}, or one of a label "
                f"such as iou_1 or dice_1; got {name!r}."
            )
        super().__init__(name)
        self.min_iou = min_iou

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        """Return the score of a fitted segmenter; the higher, the better.

        Parameters
        ----------
        estimator : SegmenterNet
            Predicts masks and objects.
        X : array-like of shape (n_images, ...), or sequence of arrays
            Images.
        y : array-like of int of shape (n_images, height, width), or sequence of arrays
            True masks, as in `fit`.

        Returns
        -------
        float
        """
        if self.name == "object_f1":
            true = [estimator.objects_of(mask) for mask in y]
            found = estimator.predict_instances(X)
            return object_f1_score(true, found, min_iou=self.min_iou)
        classes, ignored = estimator.classes_, estimator.ignore_label
        if estimator.instances:
            y = [np.where((mask > 0) & (mask != ignored), 1, mask) for mask in y]
        found = estimator.predict(X)
        if self.name == "pixel_accuracy":
            counts = confusion(y, found, classes, ignored)
            return float(np.trace(counts[:, :-1]) / max(1, counts.sum()))
        kind, _, label = self.name.rpartition("_")
        measure = dice_scores if "dice" in self.name else iou_scores
        scores = measure(y, found, labels=classes, ignore_label=ignored)
        if kind == "mean":
            return float(np.nanmean(scores))
        if int(label) not in classes:
            raise ValueError(f"{self.name}: {label} is none of {classes.tolist()}.")
        score = scores[np.searchsorted(classes, int(label))]
        return 1.0 if np.isnan(score) else float(score)

    def __repr__(self) -> str:
        more = "" if self.min_iou == 0.5 else f", min_iou={self.min_iou}"
        return f"{type(self).__name__}({self.name!r}{more})"
