"""Boxes around objects in images, as users have them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sknevo.estimators._images_and_masks import check_same_number, sides_of
from sknevo.image_stream._pixels import array_of

ACCEPTED = (
    'y must hold a dict for each image, {"boxes": of shape (k, 4), x1, y1, x2, y2 in '
    'pixels, "labels": of shape (k,)}'
)
FILES = "load_voc_folder and load_coco of sknevo.datasets read files."
# What kinds of labels are called.
KINDS = {"i": "numbers", "U": "words"}


def as_boxes(y: Any) -> np.ndarray:
    """Return an array of dicts with boxes as floats and labels as numbers or words."""
    if isinstance(y, str | bytes | Mapping) or not isinstance(y, Sequence | np.ndarray):
        raise ValueError(f"{ACCEPTED}; got {type(y).__name__}. {FILES}")
    found = np.empty(len(y), object)
    for place, target in enumerate(y):
        found[place] = _target(target, place)
    if not len(found):
        raise ValueError(f"y must not be empty. {ACCEPTED}.")
    kinds = {
        target["labels"].dtype.kind: place
        for place, target in enumerate(found)
        if len(target["labels"])
    }
    if len(kinds) > 1:
        (one, here), (other, there) = [*kinds.items()][:2]
        raise ValueError(
            f"y must hold labels of one kind; those of image {here} are {KINDS[one]}, "
            f"of image {there} {KINDS[other]}."
        )
    for target in found:
        if not len(target["labels"]):
            target["labels"] = np.empty(0, next(iter(kinds), "i"))
    return found


def _target(target: Any, place: int) -> dict[str, np.ndarray]:
    if not isinstance(target, Mapping) or not {"boxes", "labels"} <= target.keys():
        got = [*target] if isinstance(target, Mapping) else type(target).__name__
        raise ValueError(f"{ACCEPTED}; that of image {place} is {got}. {FILES}")
    boxes, labels = (array_of(target[name]) for name in ("boxes", "labels"))
    if not boxes.size:
        boxes = np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iuf":
        raise ValueError(
            f"{ACCEPTED}; the boxes of image {place} are of shape {boxes.shape} and "
            f"type {boxes.dtype}."
        )
    if labels.shape != (len(boxes),):
        raise ValueError(
            f"{ACCEPTED}; image {place} has {len(boxes)} boxes and labels of shape "
            f"{labels.shape}."
        )
    return {"boxes": _regular(boxes.astype(float), place), "labels": _words(labels)}


def _regular(boxes: np.ndarray, place: int) -> np.ndarray:
    broken = ~((boxes[:, 2:] > boxes[:, :2]).all(axis=1) & np.isfinite(boxes).all(1))
    if broken.any():
        number = int(broken.argmax())
        raise ValueError(
            "y must hold boxes with x1 < x2 and y1 < y2, in pixels; box "
            f"{number} of image {place} is {boxes[number].tolist()}."
        )
    return boxes


def _words(labels: np.ndarray) -> np.ndarray:
    """Return labels as whole numbers or words."""
    if labels.dtype.kind in "biu":
        return labels.astype(int)
    if len(labels) and not all(isinstance(one, str) for one in labels.tolist()):
        raise ValueError(
            "y must hold labels that are whole numbers or words; got "
            f"{labels.tolist()[0]!r} of type {labels.dtype}."
        )
    return labels.astype(str)


def paired_boxes(
    images: np.ndarray, targets: np.ndarray, axis: int | None
) -> np.ndarray:
    """Return boxes cut to their images; refuse any that lies outside."""
    check_same_number(images, targets, "dicts of boxes")
    paired = np.empty(len(targets), object)
    for place, (image, target) in enumerate(zip(images, targets, strict=True)):
        height, width = sides_of(image, axis)
        boxes = target["boxes"].clip(0, [width, height, width, height])
        outside = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
        if outside.any():
            number = int(outside.argmax())
            raise ValueError(
                f"y must hold boxes within their images; box {number} of image {place} "
                f"is {target['boxes'][number].tolist()}, the image of {height} x "
                f"{width} pixels (height x width)."
            )
        paired[place] = {**target, "boxes": boxes}
    return paired
