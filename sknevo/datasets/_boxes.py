"""Pictures with boxes around objects, as Pascal VOC and COCO write them."""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sknevo.datasets._folders import ROOT, images_in
from sknevo.image_stream._items import in_threads
from sknevo.image_stream._pixels import pictures_together, pixels_of

# Boxes that an error names. Chosen, not measured.
NAMED = 3
DEGENERATE = [StrOptions({"raise", "drop"})]
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class _Box:
    """A box as a file has it: its label, x1, y1, x2, y2 in pixels, and where it is."""

    label: str | int
    corners: tuple[float, ...]
    where: str


@validate_params(
    {
        "images": ROOT,
        "annotations": ROOT,
        "names": [*ROOT, "array-like", None],
        "degenerate": DEGENERATE,
    },
    prefer_skip_nested_validation=True,
)
def load_voc_folder(
    images: str | PathLike,
    annotations: str | PathLike,
    *,
    names: str | PathLike | Sequence[str] | None = None,
    degenerate: str = "raise",
) -> Bunch:
    """Load images and boxes in the format of Pascal VOC [1]_: a file of XML for each.

    Files of XML have the names of their images: "7.jpg" and "7.xml". Corners in them
    are numbers of pixels from 1, both inclusive; here they are distances from the left
    and upper edge, so that (1, 1, 20, 10) becomes (0, 0, 20, 10). What lies outside of
    the image is cut off.

    Parameters
    ----------
    images : path
        Folder of images. They keep their size; the EXIF orientation is not applied, as
        boxes are those of the pixels in the file.
    annotations : path
        Folder of files of XML.
    names : path, sequence of str or None, default=None
        Which images are loaded, in this order: their names without suffix, or a file
        with a name in each line, as in `ImageSets/Main`. None stands for all that have
        a file of XML.
    degenerate : {"raise", "drop"}, default="raise"
        What becomes of boxes without width or height, or wholly outside of their image:
        an error that names their files, or one warning, and they are left out.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, height, width) or
        (n_samples, height, width, 3), or a 1-d array of such images if they have
        several sizes; `targets`, list of dict with `boxes`, ndarray of float of shape
        (k, 4), x1, y1, x2, y2, and `labels`, ndarray of int of shape (k,);
        `target_names`, ndarray of str, the names of the labels, sorted; `filenames`,
        ndarray of str of shape (n_samples,), the paths of the images; `DESCR`, str.

    Raises
    ------
    OSError
        If there is no such folder, or a file cannot be read.
    ValueError
        If an image or a file of XML is missing, has no such content, or holds
        degenerate boxes. The files are named.

    Warns
    -----
    UserWarning
        If boxes or images are left out.

    References
    ----------
    .. [1] Everingham, M. et al. (2010). The Pascal Visual Object Classes (VOC)
       Challenge. International Journal of Computer Vision.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sknevo.datasets import load_voc_folder
    >>> box = "<xmin>1</xmin><ymin>1</ymin><xmax>20</xmax><ymax>10</ymax>"
    >>> cat = f"<object><name>cat</name><bndbox>{box}</bndbox></object>"
    >>> with tempfile.TemporaryDirectory() as root:
    ...     Image.new("RGB", (90, 60)).save(Path(root) / "one.png")
    ...     file = Path(root) / "one.xml"
    ...     _ = file.write_text(f"<annotation>{cat}</annotation>")
    ...     cats = load_voc_folder(root, root)
    >>> cats.images.shape, cats.targets[0]["boxes"].tolist(), cats.target_names.tolist()
    ((1, 60, 90, 3), [[0.0, 0.0, 20.0, 10.0]], ['cat'])
    """
    pictures = {Path(file).stem: file for file in images_in(_folder(images, "images"))}
    files = {
        file.stem: file for file in _folder(annotations, "annotations").glob("*.xml")
    }
    chosen = _names(names, files)
    for name in chosen:
        for known, what in ((pictures, "image"), (files, "file of XML")):
            if name not in known:
                folder = images if what == "image" else annotations
                raise ValueError(f"There is no {what} of {name!r} in {folder}.")
    found = [_read_voc(files[name]) for name in chosen]
    return _bunch(
        [pictures[name] for name in chosen],
        found,
        sorted({box.label for boxes in found for box in boxes}),
        degenerate,
        f"{len(chosen)} images with boxes from {images} and {annotations}",
    )


@validate_params(
    {"annotations": ROOT, "images": ROOT, "degenerate": DEGENERATE},
    prefer_skip_nested_validation=True,
)
def load_coco(
    annotations: str | PathLike,
    images: str | PathLike,
    *,
    degenerate: str = "raise",
) -> Bunch:
    """Load images and boxes in the format of COCO [1]_: one file of JSON for all.

    Boxes of crowds ("iscrowd") are left out: they stand for no single object.

    Parameters
    ----------
    annotations : path
        File of JSON with "images", "annotations" and "categories".
    images : path
        Folder of the images, which "file_name" is relative to. They keep their size;
        the EXIF orientation is not applied.
    degenerate : {"raise", "drop"}, default="raise"
        What becomes of boxes without width or height, or wholly outside of their image:
        an error that names their images, or one warning, and they are left out.

    Returns
    -------
    Bunch
        As `load_voc_folder`, with all images, those without boxes, too. Labels are
        places in `target_names`, the names of all categories in the order of their
        ids; `category_ids`, ndarray of int, holds these.

    Raises
    ------
    OSError
        If there is no such file or folder, or a file cannot be read.
    ValueError
        If the JSON has other content, or holds degenerate boxes. These are named.

    Warns
    -----
    UserWarning
        If boxes are left out.

    References
    ----------
    .. [1] Lin, T.-Y. et al. (2014). Microsoft COCO: Common Objects in Context. ECCV.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sknevo.datasets import load_coco
    >>> about = {"images": [{"id": 7, "file_name": "one.png"}],
    ...          "categories": [{"id": 3, "name": "cat"}],
    ...          "annotations": [{"image_id": 7, "category_id": 3,
    ...                           "bbox": [5, 0, 20, 10]}]}
    >>> with tempfile.TemporaryDirectory() as root:
    ...     Image.new("RGB", (90, 60)).save(Path(root) / "one.png")
    ...     file = Path(root) / "boxes.json"
    ...     _ = file.write_text(json.dumps(about))
    ...     cats = load_coco(file, root)
    >>> cats.targets[0]["boxes"].tolist(), cats.target_names.tolist()
    ([[5.0, 0.0, 25.0, 10.0]], ['cat'])
    """
    folder, file = _folder(images, "images"), Path(annotations)
    try:
        about = json.loads(file.read_text("utf-8"))
        categories = {one["id"]: one["name"] for one in about["categories"]}
        pictures = {one["id"]: one["file_name"] for one in about["images"]}
        found: dict[Any, list[_Box]] = {number: [] for number in pictures}
        for one in about["annotations"]:
            if one.get("iscrowd"):
                continue
            left, top, width, height = map(float, one["bbox"])
            found[one["image_id"]].append(
                _Box(
                    one["category_id"],
                    (left, top, left + width, top + height),
                    pictures[one["image_id"]],
                )
            )
    except (KeyError, TypeError, ValueError) as fault:
        raise ValueError(
            f"{file} must hold JSON as COCO has it, with images, annotations and "
            f"categories; {type(fault).__name__}: {fault}."
        ) from fault
    order = sorted(categories)
    bunch = _bunch(
        [str(folder / pictures[number]) for number in pictures],
        [*found.values()],
        order,
        degenerate,
        f"{len(pictures)} images with boxes from {annotations}",
    )
    bunch.target_names = np.array([categories[number] for number in order])
    bunch.category_ids = np.array(order)
    return bunch


def _folder(path: str | PathLike, what: str) -> Path:
    root = Path(path)
    if not root.is_dir():
        raise NotADirectoryError(f"{what} must be a folder; there is none at {root}.")
    return root


def _names(names: Any, files: Mapping[str, Path]) -> list[str]:
    """Return the names of the images to be loaded."""
    if isinstance(names, str | PathLike):
        lines = Path(names).read_text("utf-8").splitlines()
        names = [line.split()[0] for line in lines if line.strip()]
    chosen = sorted(files) if names is None else [*map(str, names)]
    if not chosen:
        raise ValueError("annotations must hold files of XML, and names some of them.")
    return chosen


def _read_voc(file: Path) -> list[_Box]:
    try:
        root = ElementTree.parse(file).getroot()
        found = []
        for one in root.iter("object"):
            box = one.find("bndbox")
            low_x, low_y, high_x, high_y = (float(box.find(n).text) for n in CORNERS)
            if high_x > low_x and high_y > low_y:
                # Pixels are counted from 1, and the last one is part of the box.
                low_x, low_y = low_x - 1, low_y - 1
            found.append(
                _Box(one.find("name").text, (low_x, low_y, high_x, high_y), str(file))
            )
        return found
    except (AttributeError, ElementTree.ParseError, TypeError, ValueError) as fault:
        raise ValueError(
            f"{file} must hold XML as Pascal VOC has it, with a name and a bndbox for "
            f"each object; {type(fault).__name__}: {fault}."
        ) from fault


def _bunch(
    files: Sequence[str],
    found: Sequence[Sequence[_Box]],
    labels: Sequence[Any],
    degenerate: str,
    description: str,
) -> Bunch:
    """Return images with their boxes, cut to them."""
    pictures = in_threads(_pixels, files)
    codes = {label: code for code, label in enumerate(labels)}
    targets, broken = [], []
    for picture, boxes in zip(pictures, found, strict=True):
        height, width = picture.shape[:2]
        cut = np.array([box.corners for box in boxes], float).reshape(-1, 4)
        cut = cut.clip(0, [width, height, width, height])
        whole = (cut[:, 2:] > cut[:, :2]).all(axis=1)
        broken += [box for box, good in zip(boxes, whole, strict=True) if not good]
        numbers = np.array([codes[box.label] for box in boxes], int)
        targets.append({"boxes": cut[whole], "labels": numbers[whole]})
    _settle(broken, degenerate)
    return Bunch(
        images=pictures_together(pictures),
        targets=targets,
        target_names=np.array([*map(str, labels)]),
        filenames=np.array(files),
        DESCR=description,
    )


def _pixels(file: str) -> np.ndarray:
    with Image.open(file) as picture:
        picture.getexif().clear()  # boxes are those of the pixels as they lie
        return pixels_of(picture)


def _settle(broken: Iterable[_Box], degenerate: str) -> None:
    """Refuse degenerate boxes by the names of their files, or say that they go."""
    broken = [*broken]
    if not broken:
        return
    named = [f"{Path(b.where).name} holds {_listed(b.corners)}" for b in broken[:NAMED]]
    more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    what = "without width or height, or outside of their image"
    if degenerate == "raise":
        raise ValueError(
            f"Boxes must not be {what}; {', '.join(named)}{more}. degenerate='drop' "
            "leaves them out."
        )
    warnings.warn(
        f"Boxes are left out, since they are {what}: {', '.join(named)}{more}.",
        UserWarning,
        stacklevel=4,
    )


def _listed(corners: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in corners)
