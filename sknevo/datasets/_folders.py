"""Images on disk, with a folder for each class."""

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from mimetypes import guess_type
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sknevo.image_stream import ImageStream
from sknevo.image_stream._pixels import fitted

# Folders that macOS and network drives leave behind.
LEFT_BEHIND = {"__macosx", "@eadir"}
# Names of the parts of a set, which are no classes.
PARTS = {"train", "training", "test", "testing", "val", "valid", "validation"}
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
    until it covers the size, and cropped to its middle. Channels of 16 bits are scaled
    to 8, and transparent pixels are laid on white. Of several pictures in a file the
    first one is loaded.

    Parameters
    ----------
    root : path
        Folder that contains a folder for each class; images may lie deeper in it. All
        formats are read that Pillow can open. Hidden files and folders are ignored, as
        are `__MACOSX` and `@eaDir`.
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
        If the folder of a class holds no image, if the folders are parts of a set, such
        as "train" and "test", or a parameter is invalid.

    Warns
    -----
    UserWarning
        If images are left out, since Pillow cannot open their format, or since they
        are not in the folder of a class.

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
        If the folder of a class holds no image, or a parameter is invalid.

    Warns
    -----
    UserWarning
        As in `load_image_folder`.

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
        entry
        for entry in root.iterdir()
        if entry.is_dir() and not _is_ignored(entry.name)
    )
    _refuse_parts(root, [folder.name for folder in folders])
    found = [images_in(folder) for folder in folders]
    _check_classes(root, {f.name: some for f, some in zip(folders, found, strict=True)})
    files = [file for some in found for file in some]
    return Bunch(
        images=ImageStream(_Files(files, shape), shape, "last"),
        target=np.repeat(np.arange(len(folders)), [len(some) for some in found]),
        target_names=np.array([folder.name for folder in folders]),
        filenames=np.array(files),
        DESCR=f"{len(files)} images of {len(folders)} classes from {root}",
    )


def unlabelled_images(root: Path, image_size: int | Sequence[int]) -> Bunch:
    """Return all images below a folder: `images`, and their `filenames` in it."""
    shape = (*_sides(image_size), 3)
    files = images_in(root)
    if not files:
        raise ValueError(f"root must hold images; {root} holds none.")
    names = [str(Path(file).relative_to(root)) for file in files]
    images = np.asarray(ImageStream(_Files(files, shape), shape, "last"))
    return Bunch(images=images, filenames=np.array(names))


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


def _refuse_parts(root: Path, names: list[str]) -> None:
    parts = [name for name in names if name.casefold() in PARTS]
    if len(parts) > 1 or (parts and parts == names):
        raise ValueError(
            "root must hold a folder for each class; it holds parts of a set, "
            f"{' and '.join(parts)}: load each of them, such as {root / parts[0]}."
        )


def _check_classes(root: Path, found: Mapping[str, list[str]]) -> None:
    """Refuse classes without images, and warn of images without a class."""
    entries = [entry for entry in root.iterdir() if not _is_ignored(entry.name)]
    loose = sum(entry.is_file() and _is_image(entry) for entry in entries)
    empty = [name for name, files in found.items() if not files]
    if empty or not found:
        raise ValueError(
            f"root must hold a folder of images for each class; {root} holds "
            + (f"folders without images: {', '.join(empty)}" if empty else "no folder")
            + (f", and images outside of folders ({loose})." if loose else ".")
        )
    if loose:
        warnings.warn(
            "Images are left out, since they are in no folder of a class: "
            f"{loose} in {root}.",
            UserWarning,
            stacklevel=5,
        )


def images_in(folder: Path) -> list[str]:
    """Return the paths of all images below a folder that are not hidden, sorted."""
    images = sorted(filter(_is_image, _files_in(folder, {folder.resolve()})))
    unknown = Counter(file.suffix for file in images if not _can_open(file))
    if unknown:
        warnings.warn(
            "Images are left out, since Pillow cannot open their formats: "
            f"{unknown.total()} in {folder} ({', '.join(sorted(unknown))}).",
            UserWarning,
            stacklevel=5,
        )
    return [str(file) for file in images if _can_open(file)]


def _files_in(folder: Path, known: set[Path]) -> Iterator[Path]:
    """Yield all files below a folder; links are followed, but not back to `known`."""
    # Much faster on network drives than Path.iterdir: most entries are known by kind.
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if _is_ignored(entry.name):
            continue
        if not entry.is_dir():
            yield path
        elif (real := path.resolve()) not in known:
            yield from _files_in(path, known | {real})


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.casefold() in LEFT_BEHIND


def _is_image(file: Path) -> bool:
    return _can_open(file) or (guess_type(file.name)[0] or "").startswith("image/")


def _can_open(file: Path) -> bool:
    """Return whether Pillow, with its plugins, opens images with this suffix."""
    name = Image.registered_extensions().get(file.suffix.lower())
    return name in Image.OPEN and Image.MIME.get(name, "").startswith("image/")


class _Files(Sequence):
    """Images in files, each read as an array of shape (height, width, 3)."""

    def __init__(self, files: Sequence[str], shape: tuple[int, ...]) -> None:
        self.files = files
        self.shape = shape

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> np.ndarray:
        with Image.open(self.files[i]) as image:
            # A JPEG is decoded much faster at a half of its size or less.
            image.draft("RGB", (2 * max(self.shape),) * 2)
            return np.asarray(fitted(image, "RGB", *self.shape[:2]))
