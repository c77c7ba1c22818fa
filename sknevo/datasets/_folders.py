"""Images of one's own: a folder for each class."""

from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

__all__ = ["load_image_folder"]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@validate_params(
    {
        "root": [str, PathLike],
        "image_size": [Interval(Integral, 1, None, closed="left"), tuple, list],
    },
    prefer_skip_nested_validation=True,
)
def load_image_folder(
    root: str | PathLike, image_size: int | Sequence[int] = 64
) -> Bunch:
    """Load images from a folder that has a folder for each class.

    Each image is turned as its camera says, made RGB, scaled until it covers the size
    and cropped to its middle.

    Parameters
    ----------
    root : path
        Holds a folder for each class; hidden ones are left out.
    image_size : int or (height, width), default=64
        Pixels of the images that are returned; an int stands for a square.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, height, width, 3); `data`, the
        same as rows; `target`, ndarray of int; `target_names`, the folders' names,
        sorted; `filenames`, ndarray of str; `DESCR`.

    Raises
    ------
    OSError
        If there is no such folder, or a file is not an image that can be read.
    ValueError
        If there is no image in it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sknevo.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("cats", "dogs"):
    ...         (Path(root) / name).mkdir()
    ...         Image.new("RGB", (90, 60)).save(Path(root) / name / "one.png")
    ...     pets = load_image_folder(root, image_size=32)
    >>> pets.images.shape, pets.target_names.tolist()
    ((2, 32, 32, 3), ['cats', 'dogs'])
    """
    root = Path(root)
    if not root.is_dir():
        raise NotADirectoryError(f"root must be a folder; there is none at {root}.")
    height, width = (
        (image_size,) * 2 if isinstance(image_size, Integral) else tuple(image_size)
    )
    folders = sorted(
        folder
        for folder in root.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    )
    files = [
        (file, label)
        for label, folder in enumerate(folders)
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise ValueError(
            f"root must hold folders of images ({', '.join(SUFFIXES)}), one for each "
            f"class; found {len(folders)} folders and no image in {root}."
        )
    images = np.stack([_load(file, (width, height)) for file, _ in files])
    return Bunch(
        images=images,
        data=images.reshape(len(images), -1),
        target=np.array([label for _, label in files]),
        target_names=np.array([folder.name for folder in folders]),
        filenames=np.array([str(file) for file, _ in files]),
        DESCR=f"{len(files)} images of {len(folders)} classes from {root}",
    )


def _load(file: Path, size: tuple[int, int]) -> np.ndarray:
    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(ImageOps.fit(upright, size, Image.Resampling.BILINEAR))
    except (OSError, SyntaxError) as fault:
        raise OSError(f"{file} is not an image that can be read: {fault}") from fault
