"""Well-known sets of images, which torchvision downloads once and keeps."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import get_data_home
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sknevo.extras import require

_validated = validate_params(
    {
        "subset": [StrOptions({"train", "test", "all"})],
        "data_home": [str, PathLike, None],
        "download_if_missing": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)

Home = str | PathLike | None


@_validated
def fetch_mnist(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load MNIST: handwritten digits, 60,000 to train with and 10,000 to test on.

    Gray images of 28 x 28 pixels in ten classes [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part to load; "all" holds the training part first.
    data_home : path or None, default=None
        Folder of the files, and where they are downloaded to; None stands for
        `sklearn.datasets.get_data_home()`.
    download_if_missing : bool, default=True
        Whether files that are missing are downloaded.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 28, 28); `data`, the same as
        rows; `target`, ndarray of int of shape (n_samples,); `target_names`, ndarray
        of str of shape (10,); `DESCR`, str.

    Raises
    ------
    ValueError
        If a parameter is invalid.
    OSError
        If files are missing or damaged and are not downloaded. The message names the
        archives and the folder to put them in.
    ImportError
        If torchvision is not installed: ``pip install ".[networks]"``.

    References
    ----------
    .. [1] LeCun, Y., Bottou, L., Bengio, Y., & Haffner, P. (1998). Gradient-based
       learning applied to document recognition.

    Examples
    --------
    >>> from sknevo.datasets import fetch_mnist
    >>> digits = fetch_mnist(subset="test")  # doctest: +SKIP
    >>> digits.images.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    return _fetch("MNIST", subset, data_home, download_if_missing)


@_validated
def fetch_fashion_mnist(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load Fashion-MNIST: clothes, 60,000 to train with and 10,000 to test on.

    Gray images of 28 x 28 pixels in ten classes [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part to load; "all" holds the training part first.
    data_home : path or None, default=None
        Folder of the files, and where they are downloaded to; None stands for
        `sklearn.datasets.get_data_home()`.
    download_if_missing : bool, default=True
        Whether files that are missing are downloaded.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 28, 28); `data`, the same as
        rows; `target`, ndarray of int of shape (n_samples,); `target_names`, ndarray
        of str of shape (10,); `DESCR`, str.

    Raises
    ------
    ValueError
        If a parameter is invalid.
    OSError
        If files are missing or damaged and are not downloaded. The message names the
        archives and the folder to put them in.
    ImportError
        If torchvision is not installed: ``pip install ".[networks]"``.

    References
    ----------
    .. [1] Xiao, H., Rasul, K., & Vollgraf, R. (2017). Fashion-MNIST: a novel image
       dataset for benchmarking machine learning algorithms.

    Examples
    --------
    >>> from sknevo.datasets import fetch_fashion_mnist
    >>> clothes = fetch_fashion_mnist(subset="test")  # doctest: +SKIP
    >>> clothes.images.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    return _fetch("FashionMNIST", subset, data_home, download_if_missing)


@_validated
def fetch_cifar10(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load CIFAR-10: photos, 50,000 to train with and 10,000 to test on.

    Colour images of 32 x 32 pixels in ten classes [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part to load; "all" holds the training part first.
    data_home : path or None, default=None
        Folder of the files, and where they are downloaded to; None stands for
        `sklearn.datasets.get_data_home()`.
    download_if_missing : bool, default=True
        Whether files that are missing are downloaded.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 32, 32, 3); `data`, the same as
        rows; `target`, ndarray of int of shape (n_samples,); `target_names`, ndarray
        of str of shape (10,); `DESCR`, str.

    Raises
    ------
    ValueError
        If a parameter is invalid.
    OSError
        If files are missing or damaged and are not downloaded. The message names the
        archives and the folder to put them in.
    ImportError
        If torchvision is not installed: ``pip install ".[networks]"``.

    References
    ----------
    .. [1] Krizhevsky, A. (2009). Learning multiple layers of features from tiny images.

    Examples
    --------
    >>> from sknevo.datasets import fetch_cifar10
    >>> photos = fetch_cifar10(subset="test")  # doctest: +SKIP
    >>> photos.images.shape  # doctest: +SKIP
    (10000, 32, 32, 3)
    """
    return _fetch("CIFAR10", subset, data_home, download_if_missing)


@_validated
def fetch_cifar100(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load CIFAR-100: photos, 50,000 to train with and 10,000 to test on.

    Colour images of 32 x 32 pixels in a hundred classes [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part to load; "all" holds the training part first.
    data_home : path or None, default=None
        Folder of the files, and where they are downloaded to; None stands for
        `sklearn.datasets.get_data_home()`.
    download_if_missing : bool, default=True
        Whether files that are missing are downloaded.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 32, 32, 3); `data`, the same as
        rows; `target`, ndarray of int of shape (n_samples,); `target_names`, ndarray
        of str of shape (100,); `DESCR`, str.

    Raises
    ------
    ValueError
        If a parameter is invalid.
    OSError
        If files are missing or damaged and are not downloaded. The message names the
        archives and the folder to put them in.
    ImportError
        If torchvision is not installed: ``pip install ".[networks]"``.

    References
    ----------
    .. [1] Krizhevsky, A. (2009). Learning multiple layers of features from tiny images.

    Examples
    --------
    >>> from sknevo.datasets import fetch_cifar100
    >>> photos = fetch_cifar100(subset="test")  # doctest: +SKIP
    >>> photos.images.shape  # doctest: +SKIP
    (10000, 32, 32, 3)
    """
    return _fetch("CIFAR100", subset, data_home, download_if_missing)


def _fetch(name: str, subset: str, data_home: Home, download_if_missing: bool) -> Bunch:
    require(f"Loading {name}", "torchvision")
    from torchvision import datasets

    kind = getattr(datasets, name)
    home = Path(get_data_home(data_home))
    trains = {"train": [True], "test": [False], "all": [True, False]}[subset]

    def load(download: bool) -> list[Any]:
        return [kind(home, train=train, download=download) for train in trains]

    try:
        try:
            parts = load(download=False)
        except RuntimeError:  # the archives are missing or not unpacked
            if not download_if_missing and _missing(kind, home):
                raise OSError("download_if_missing=False") from None
            # This unpacks the archives; it downloads those missing or damaged.
            parts = load(download=True)
    except Exception as error:  # damaged files raise errors of many types
        raise OSError(_what_to_do(kind, home, error)) from error
    images = np.concatenate([np.asarray(part.data) for part in parts])
    return Bunch(
        images=images,
        data=images.reshape(len(images), -1),
        target=np.concatenate([np.asarray(part.targets) for part in parts]),
        target_names=np.array(parts[0].classes),
        DESCR=f"{name}, {subset}: {(kind.__doc__ or '').splitlines()[0]}",
    )


def _archives(kind: Any, home: Path) -> dict[Path, str]:
    """Return the archives that torchvision looks for, with their checksums."""
    if hasattr(kind, "resources"):
        folder = home / kind.__name__ / "raw"
        return {folder / file: checksum for file, checksum in kind.resources}
    return {home / kind.filename: kind.tgz_md5}


def _missing(kind: Any, home: Path) -> list[Path]:
    """Return the archives that are missing or damaged."""
    from torchvision.datasets.utils import check_integrity

    archives = _archives(kind, home).items()
    return [file for file, checksum in archives if not check_integrity(file, checksum)]


def _what_to_do(kind: Any, home: Path, error: Exception) -> str:
    why = str(error) or type(error).__name__
    (folder,) = {file.parent for file in _archives(kind, home)}
    wanted = ", ".join(file.name for file in _missing(kind, home))
    return (
        f"{kind.__name__} could not be loaded ({why}). Remove damaged files, if any, "
        + (f"and put {wanted} into {folder}" if wanted else f"from {folder}")
        + ", or set data_home to the folder that holds the files in this layout."
    )
