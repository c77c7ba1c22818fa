"""Folders of images, with a mask of the same name for each."""

from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from sknevo.datasets._folders import ROOT, images_in
from sknevo.image_stream._items import in_threads
from sknevo.image_stream._pixels import pictures_together, pixels_of, together

# Names of pairs that an error names. Chosen, not measured.
NAMED = 3
# Modes of pictures of labels: a byte, a place in a palette, more bytes.
LABELS = ("1", "L", "P", "I", "I;16")


@validate_params({"images": ROOT, "masks": ROOT}, prefer_skip_nested_validation=True)
def load_mask_folder(images: str | PathLike, masks: str | PathLike) -> Bunch:
    """Load images and their masks from two folders.

    A mask has the name of its image, whatever the suffix, in the same folder below:
    "train/7.jpg" and "train/7.png".

    Parameters
    ----------
    images : path
        Folder of images. They keep their size; the EXIF orientation is applied.
    masks : path
        Folder of masks: pictures with one channel, of which the numbers are labels (in
        those with a palette, its places). They are read as they are.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, height, width) or
        (n_samples, height, width, 3), or a 1-d array of such images if they have
        several sizes; `masks`, ndarray of int of shape (n_samples, height, width), or a
        1-d array of masks; `filenames`, ndarray of str of shape (n_samples,), the paths
        of the images; `DESCR`, str.

    Raises
    ------
    OSError
        If there is no such folder, or a picture cannot be read.
    ValueError
        If an image has no mask or a mask no image, if a mask is in colours or has
        another size than its image, or if a folder holds no image. The files are named.

    Warns
    -----
    UserWarning
        If images are left out, since Pillow cannot open their format.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sknevo.datasets import load_mask_folder
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name, mode in (("images", "RGB"), ("masks", "L")):
    ...         (Path(root) / name).mkdir()
    ...         Image.new(mode, (90, 60)).save(Path(root) / name / "one.png")
    ...     cells = load_mask_folder(Path(root) / "images", Path(root) / "masks")
    >>> cells.images.shape, cells.masks.shape
    ((1, 60, 90, 3), (1, 60, 90))
    """
    files, names = _by_name(images, "images"), _by_name(masks, "masks")
    _check_same(files, names)
    order = sorted(files)

    def read(place: int) -> tuple[np.ndarray, np.ndarray]:
        return _pair(files[order[place]], names[order[place]])

    found = in_threads(read, range(len(order)))
    return Bunch(
        images=pictures_together([image for image, _ in found]),
        masks=together([mask for _, mask in found]),
        filenames=np.array([files[name] for name in order]),
        DESCR=f"{len(order)} images with masks from {images} and {masks}",
    )


def _by_name(folder: str | PathLike, what: str) -> dict[str, str]:
    """Return the paths of the images below a folder, by name without suffix."""
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(f"{what} must be a folder; there is none at {root}.")
    found: dict[str, str] = {}
    for file in images_in(root):
        name = str(Path(file).relative_to(root).with_suffix(""))
        if name in found:
            raise ValueError(
                f"{what} must hold one file of each name; got {found[name]} and {file}."
            )
        found[name] = file
    if not found:
        raise ValueError(f"{what} must hold images; {root} holds none.")
    return found


def _check_same(files: dict[str, str], names: dict[str, str]) -> None:
    for lacking, one, other in (
        (sorted(files.keys() - names.keys()), "image", "a mask"),
        (sorted(names.keys() - files.keys()), "mask", "an image"),
    ):
        if lacking:
            more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
            raise ValueError(
                f"Each {one} must have {other} of the same name; none has that of "
                f"{', '.join(lacking[:NAMED])}{more}."
            )


def _pair(image: str, mask: str) -> tuple[np.ndarray, np.ndarray]:
    with Image.open(image) as picture, Image.open(mask) as labels:
        if labels.mode not in LABELS:
            raise ValueError(
                f"A mask must have one channel of labels; {mask} has the mode "
                f"{labels.mode}."
            )
        pixels, numbers = pixels_of(picture), np.asarray(labels).astype(int)
    if pixels.shape[:2] != numbers.shape:
        height, width = pixels.shape[:2]
        raise ValueError(
            f"A mask must have the size of its image; {mask} has {numbers.shape[1]} x "
            f"{numbers.shape[0]} pixels, {image} {width} x {height}."
        )
    return pixels, numbers
