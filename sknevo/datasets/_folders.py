"""Images of one's own, and ImageNet's: a folder for each class."""

from collections.abc import Iterator, Sequence
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sknevo.image_stream import ImageStream, pixels_of

__all__ = ["load_image_folder", "load_imagenet"]

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
    """Load images from a folder that has a folder for each class.

    Each image is turned as its camera says, made RGB, scaled until it covers the size
    and cropped to its middle.

    Parameters
    ----------
    root : path
        Holds a folder for each class; what is hidden is left out.
    image_size : int or (height, width), default=64
        Pixels of the images that are returned; an int stands for a square.
    in_memory : bool, default=True
        Whether images are read now. If not, each is read whenever it is in a batch, for
        folders that do not fit into memory.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, height, width, 3), or a
        `sknevo.image_stream.ImageStream` of that shape if not `in_memory`; `data`, the
        same as rows, if `in_memory`; `target`, ndarray of int; `target_names`, the
        folders' names, sorted; `filenames`, ndarray of str; `DESCR`.

    Raises
    ------
    OSError
        If there is no such folder, or a file is not an image that can be read.
    ValueError
        If there is no image in it, or `image_size` is not as it should be.

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
    """Load ImageNet, or another set that is laid out like it, from disk.

    Images are read when they are in a batch, and never held whole.

    Parameters
    ----------
    root : path
        Holds `train` and `val`, with a folder for each class in them.
    subset : {"train", "val"}, default="train"
        Which to load.
    image_size : int or (height, width), default=224
        Pixels of an image; an int stands for a square.

    Returns
    -------
    Bunch
        `images`, a `sknevo.image_stream.ImageStream` of shape
        (n_samples, height, width, 3); `target`, ndarray of int; `target_names`, the
        folders' names such as "n01440764", sorted; `filenames`, ndarray of str;
        `DESCR`.

    Raises
    ------
    OSError
        If there is no such folder.
    ValueError
        If there is no image in it, or `image_size` is not as it should be.

    References
    ----------
    Russakovsky, O. et al. (2015). ImageNet Large Scale Visual Recognition Challenge.
    International Journal of Computer Vision.

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
    """Return what is known of a folder's images without reading them."""
    shape = (*_sides(image_size), 3)
    if not root.is_dir():
        raise NotADirectoryError(f"root must be a folder; there is none at {root}.")
    folders = sorted(
        folder
        for folder in root.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    )
    files = [
        (file, label) for label, folder in enumerate(folders) for file in _in(folder)
    ]
    if not files:
        raise ValueError(
            f"root must hold folders of images ({', '.join(SUFFIXES)}), one for each "
            f"class; found {len(folders)} folders and no image in {root}."
        )
    return Bunch(
        images=ImageStream(_Files([str(file) for file, _ in files], shape), shape),
        target=np.array([label for _, label in files]),
        target_names=np.array([folder.name for folder in folders]),
        filenames=np.array([str(file) for file, _ in files]),
        DESCR=f"{len(files)} images of {len(folders)} classes from {root}",
    )


def _sides(image_size: int | Sequence[int]) -> tuple[int, int]:
    """Return height and width."""
    match image_size:
        case Integral():
            return image_size, image_size
        case (Integral() as height, Integral() as width) if min(image_size) >= 1:
            return height, width
    raise ValueError(
        "image_size must be a whole number of pixels, at least 1, or (height, width); "
        f"got {image_size!r}."
    )


def _in(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES:
            below = file.parts[len(folder.parts) :]
            if not any(name.startswith(".") for name in below):
                yield file


class _Files(Sequence):
    """Images in files, each read when it is asked for.

    Parameters
    ----------
    files : sequence of str
        Their names.
    shape : tuple of int
        (height, width, 3) of the arrays they become.
    """

    def __init__(self, files: Sequence[str], shape: tuple[int, ...]) -> None:
        self.files = files
        self.shape = shape

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> np.ndarray:
        try:
            with Image.open(self.files[i]) as image:
                # A JPEG can be decoded at a half or less of its size, much faster.
                image.draft("RGB", (2 * max(self.shape),) * 2)
                return pixels_of(image, self.shape)
        except (
            OSError,
            SyntaxError,
            ValueError,
            Image.DecompressionBombError,
        ) as fault:
            raise OSError(
                f"{self.files[i]} is not an image that can be read: {fault}"
            ) from fault
