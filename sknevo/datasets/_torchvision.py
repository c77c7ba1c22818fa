"""The well-known sets of images, fetched once by torchvision and kept."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import get_data_home
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

__all__ = ["fetch_cifar10", "fetch_cifar100", "fetch_fashion_mnist", "fetch_mnist"]

_CONSTRAINTS: dict[str, list] = {
    "subset": [StrOptions({"train", "test", "all"})],
    "data_home": [str, PathLike, None],
    "download_if_missing": ["boolean"],
}
_validated = validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)

Home = str | PathLike | None


@_validated
def fetch_mnist(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load handwritten digits: 60,000 to train with and 10,000 to test on.

    Gray images of 28 x 28 pixels, ten classes [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        Which part; "all" has the training part first.
    data_home : path or None, default=None
        Folder to look in and to download to; None stands for scikit-learn's.
    download_if_missing : bool, default=True
        Whether to download what is not there.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 28, 28); `data`, the same as
        rows; `target`, ndarray of int; `target_names`; `DESCR`.

    Raises
    ------
    OSError
        If archives are missing, or their checksums are wrong, and they are not, or
        cannot be, downloaded, or an unpacked file is damaged. The message says which
        archives to put where.

    References
    ----------
    .. [1] LeCun, Y., Bottou, L., Bengio, Y., & Haffner, P. (1998). Gradient-based
       learning applied to document recognition.
    """
    return _fetch("MNIST", subset, data_home, download_if_missing)


@_validated
def fetch_fashion_mnist(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load articles of clothing: 60,000 to train with and 10,000 to test on.

    Gray images of 28 x 28 pixels, ten classes [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        Which part; "all" has the training part first.
    data_home : path or None, default=None
        Folder to look in and to download to; None stands for scikit-learn's.
    download_if_missing : bool, default=True
        Whether to download what is not there.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 28, 28); `data`, the same as
        rows; `target`, ndarray of int; `target_names`; `DESCR`.

    Raises
    ------
    OSError
        If archives are missing, or their checksums are wrong, and they are not, or
        cannot be, downloaded, or an unpacked file is damaged. The message says which
        archives to put where.

    References
    ----------
    .. [1] Xiao, H., Rasul, K., & Vollgraf, R. (2017). Fashion-MNIST: a novel image
       dataset for benchmarking machine learning algorithms.
    """
    return _fetch("FashionMNIST", subset, data_home, download_if_missing)


@_validated
def fetch_cifar10(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load photos of ten kinds: 50,000 to train with and 10,000 to test on.

    Colour images of 32 x 32 pixels [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        Which part; "all" has the training part first.
    data_home : path or None, default=None
        Folder to look in and to download to; None stands for scikit-learn's.
    download_if_missing : bool, default=True
        Whether to download what is not there.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 32, 32, 3); `data`, the same as
        rows; `target`, ndarray of int; `target_names`; `DESCR`.

    Raises
    ------
    OSError
        If archives are missing, or their checksums are wrong, and they are not, or
        cannot be, downloaded, or an unpacked file is damaged. The message says which
        archives to put where.

    References
    ----------
    .. [1] Krizhevsky, A. (2009). Learning multiple layers of features from tiny images.
    """
    return _fetch("CIFAR10", subset, data_home, download_if_missing)


@_validated
def fetch_cifar100(
    *, subset: str = "train", data_home: Home = None, download_if_missing: bool = True
) -> Bunch:
    """Load photos of a hundred kinds: 50,000 to train with and 10,000 to test on.

    Colour images of 32 x 32 pixels [1]_.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        Which part; "all" has the training part first.
    data_home : path or None, default=None
        Folder to look in and to download to; None stands for scikit-learn's.
    download_if_missing : bool, default=True
        Whether to download what is not there.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, 32, 32, 3); `data`, the same as
        rows; `target`, ndarray of int; `target_names`; `DESCR`.

    Raises
    ------
    OSError
        If archives are missing, or their checksums are wrong, and they are not, or
        cannot be, downloaded, or an unpacked file is damaged. The message says which
        archives to put where.

    References
    ----------
    .. [1] Krizhevsky, A. (2009). Learning multiple layers of features from tiny images.
    """
    return _fetch("CIFAR100", subset, data_home, download_if_missing)


def _fetch(name: str, subset: str, data_home: Home, download_if_missing: bool) -> Bunch:
    from torchvision import datasets

    kind = getattr(datasets, name)
    home = Path(get_data_home(data_home))
    trains = {"train": [True], "test": [False], "all": [True, False]}[subset]

    def load(download: bool) -> list[Any]:
        return [kind(home, train=train, download=download) for train in trains]

    try:
        try:
            parts = load(download=False)
        except RuntimeError:  # it is not unpacked
            if not download_if_missing and _missing(kind, home):
                raise OSError("nothing is downloaded") from None
            # Unpacks; downloads archives that are not there, or damaged.
            parts = load(download=True)
    except Exception as fault:  # damaged files are of all kinds
        raise OSError(_what_to_do(name, kind, home, fault)) from fault
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
    """Return the archives that are not there, or damaged."""
    from torchvision.datasets.utils import check_integrity

    archives = _archives(kind, home).items()
    return [file for file, checksum in archives if not check_integrity(file, checksum)]


def _what_to_do(name: str, kind: Any, home: Path, fault: Exception) -> str:
    why = str(fault) or type(fault).__name__
    (folder,) = {file.parent for file in _archives(kind, home)}
    wanted = ", ".join(file.name for file in _missing(kind, home))
    return (
        f"{name} could not be loaded ({why}). Remove what is damaged, if anything is, "
        + (f"and put {wanted} into {folder}" if wanted else f"from {folder}")
        + ", or set data_home to where its files are in this way."
    )
