"""Images on disk, with a folder for each class."""

from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sknevo.image_stream import ImageStream, pixels_of

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
ROOT = [str, PathLike]
IMAGE_SIZE = [Interval(Integral, 1, None, closed="left"), tuple, list]


@validate_params(
    {"root": ROOT, "image_size": IMAGE_SIZE, "in_memory": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_image_folder(
    root: str | PathLike,
    image_size: int | Sequence[int] = 64,
    in_memory: bool = True,
) -> Bunch:
    """Load images from a folder that holds a folder for each class.

    The EXIF orientation of each image is applied. Then it is converted to RGB, scaled
    until it covers the size, and cropped to its middle.

    Parameters
    ----------
    root : path
        Folder that contains a folder for each class. Hidden files and folders are
        ignored.
    image_size : int or (height, width), default=64
        Size of the returned images in pixels; an int stands for a square.
    in_memory : bool, default=True
        Whether all images are read at once. If not, images are read batch by batch
        during training, so they need not fit into memory.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, height, width, 3), or a
        `sknevo.image_stream.ImageStream` of that shape if not `in_memory`; `data`, the
        same as rows, if `in_memory`; `target`, ndarray of int of shape (n_samples,);
        `target_names`, ndarray of the folders' names, sorted; `filenames`, ndarray of
        str of shape (n_samples,); `DESCR`, str.

    Raises
    ------
    OSError
        If there is no such folder, or an image cannot be read.
    ValueError
        If the folder holds no image, or a parameter is invalid.

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
    images = _stream(Path(root), image_size)
    if in_memory:
        images.images = np.asarray(images.images)
        images.data = images.images.reshape(len(images.images), -1)
    return images


@validate_params(
    {
        "root": ROOT,
        "subset": [StrOptions({"train", "val"})],
        "image_size": IMAGE_SIZE,
    },
    prefer_skip_nested_validation=True,
)
def load_imagenet(
    root: str | PathLike,
    subset: str = "train",
    image_size: int | Sequence[int] = 224,
) -> Bunch:
    """Load ImageNet [1]_, or another set with its layout, from disk.

    Images are read batch by batch during training and are never all in memory.

    Parameters
    ----------
    root : path
        Folder that contains `train` and `val`, each with a folder for each class.
    subset : {"train", "val"}, default="train"
        The part to load.
    image_size : int or (height, width), default=224
        Size of the images in pixels; an int stands for a square.

    Returns
    -------
    Bunch
        `images`, a `sknevo.image_stream.ImageStream` of shape
        (n_samples, height, width, 3); `target`, ndarray of int of shape (n_samples,);
        `target_names`, ndarray of the folders' names such as "n01440764", sorted;
        `filenames`, ndarray of str of shape (n_samples,); `DESCR`, str.

    Raises
    ------
    OSError
        If there is no such folder, or its first image cannot be read.
    ValueError
        If the folder holds no image, or a parameter is invalid.

    References
    ----------
    .. [1] Russakovsky, O. et al. (2015). ImageNet Large Scale Visual Recognition
       Challenge. International Journal of Computer Vision.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sknevo.datasets import load_imagenet
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = Path(root) / "val" / "n01440764"
    ...     folder.mkdir(parents=True)
    ...     Image.new("RGB", (500, 375)).save(folder / "ILSVRC2012_val_00000293.JPEG")
    ...     imagenet = load_imagenet(root, subset="val")
    >>> imagenet.images.shape
    (1, 224, 224, 3)
    """
    return _stream(Path(root) / subset, image_size)


def _stream(root: Path, image_size: int | Sequence[int]) -> Bunch:
    """Return the images of a folder as a stream, with their classes."""
    shape = (*_sides(image_size), 3)
    if not root.is_dir():
        raise NotADirectoryError(f"root must be a folder; there is none at {root}.")
    folders = sorted(
        folder
        for folder in root.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    )
    found = [_images_in(folder) for folder in folders]
    files = [file for some in found for file in some]
    if not files:
        raise ValueError(
            f"root must hold a folder of images ({', '.join(SUFFIXES)}) for each "
            f"class; found {len(folders)} folders and no image in {root}."
        )
    return Bunch(
        images=ImageStream(_Files(files, shape), shape),
        target=np.repeat(np.arange(len(folders)), [len(some) for some in found]),
        target_names=np.array([folder.name for folder in folders]),
        filenames=np.array(files),
        DESCR=f"{len(files)} images of {len(folders)} classes from {root}",
    )


def _sides(image_size: int | Sequence[int]) -> tuple[int, int]:
    """Return (height, width)."""
    match image_size:
        case Integral():
            return image_size, image_size
        case (Integral() as height, Integral() as width) if min(image_size) >= 1:
            return height, width
    raise ValueError(
        "image_size must be a whole number of pixels, at least 1, or (height, width); "
        f"got {image_size!r}."
    )


def _images_in(folder: Path) -> list[str]:
    """Return the paths of all images below a folder that are not hidden, sorted."""
    return [
        str(file)
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in SUFFIXES
        and not any(name.startswith(".") for name in file.relative_to(folder).parts)
    ]


class _Files(Sequence):
    """Images in files, each read as an array of shape (height, width, 3)."""

    def __init__(self, files: Sequence[str], shape: tuple[int, ...]) -> None:
        self.files = files
        self.shape = shape

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> np.ndarray:
        try:
            with Image.open(self.files[i]) as image:
                # A JPEG is decoded much faster at a half of its size or less.
                image.draft("RGB", (2 * max(self.shape),) * 2)
                return pixels_of(image, self.shape)
        except (
            OSError,
            SyntaxError,
            ValueError,
            Image.DecompressionBombError,
        ) as error:
            raise OSError(
                f"{self.files[i]} is not an image that can be read: {error}"
            ) from error
