"""Feature spaces, in which samples are compared as rows of numbers."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.linalg import svd

from sknevo.data_checks import fingerprint, mean_and_std, plain_values
from sknevo.extras import require
from sknevo.image_stream._scale import PixelRange
from sknevo.network_plan import channels_last

# Distances to nearest neighbours hardly differ among very many features: wider tables
# are projected on so many principal components (chosen, not measured).
MOST_FEATURES = 64
# More different whole numbers are values rather than labels (chosen, not measured).
MOST_LABELS = 100
# Side of the images that Inception v3 takes, and how many pass it at a time: 32 need
# about 1 GB (chosen, not measured).
INCEPTION_SIDE, INCEPTION_BATCH = 299, 32
# The mean and the standard deviation of colours that torchvision's weights expect.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The weights that the FID was defined with have so many classes; torchvision's 1,000.
FID_CLASSES = 1008


def feature_rows(X: Any, name: str, min_samples: int = 1) -> np.ndarray:
    """Return samples as finite float64 rows; errors call them `name`."""
    if np.iscomplexobj(X):
        raise ValueError(f"{name} must hold real numbers; it holds complex ones.")
    try:
        with plain_values(name, X):
            rows = np.asarray(X, dtype=np.float64)
    except TypeError as error:  # dates, missing values of pandas, ...
        raise ValueError(f"{name} must hold numbers: {error}") from error
    if rows.ndim != 2:
        raise ValueError(
            f"{name} must be of shape (n_samples, n_features); got {rows.shape}."
        )
    if len(rows) < min_samples:
        raise ValueError(
            f"{name} must hold at least {min_samples} samples; got {len(X)}."
        )
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} must be finite; it holds NaN or infinity.")
    return rows


def check_features(features: Callable[[Any], Any], X: Any, name: str) -> None:
    """Refuse a feature space, called `name`, that does not take some real samples X."""
    try:
        found = features(X)
    except Exception as error:
        raise ValueError(
            f"{name} must turn samples into an array of shape (n_samples, n_features); "
            f"for {len(X)} samples of X it raised {type(error).__name__}: {error}"
        ) from error
    rows = feature_rows(found, f"what {name} returns")
    if len(rows) != len(X):
        raise ValueError(
            f"{name} must return a row of features for each sample; got {len(rows)} "
            f"rows for {len(X)} samples."
        )


def check_same_width(X: np.ndarray, Y: np.ndarray, names: str) -> None:
    """Refuse two sets of samples, called `names`, of different numbers of features."""
    if X.shape[1] != Y.shape[1]:
        raise ValueError(
            f"{names} must have the same number of features; got "
            f"{X.shape[1]} and {Y.shape[1]}."
        )


def principal_axes(
    rows: np.ndarray, mean: np.ndarray, scale: np.ndarray
) -> np.ndarray | None:
    """Return the first principal axes of standardised rows, None of few columns."""
    if rows.shape[1] <= MOST_FEATURES:
        return None
    axes = svd((rows - mean) / scale, full_matrices=False)[2]
    return axes[:MOST_FEATURES].T


@dataclass(frozen=True, eq=False)
class StandardFeatures:
    """The columns of tables, standardised.

    The statistics of real samples give every column mean 0 and variance 1. Tables of
    more than 64 columns are then projected on their first 64 principal components.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,)
        Mean and standard deviation of each column, in its units.
    components : ndarray of shape (n_features, n_components) or None, default=None
        Principal components as columns; None for no projection.

    See Also
    --------
    InceptionFeatures : The feature space of images that the FID is defined in.

    Examples
    --------
    >>> from sknevo.metrics import StandardFeatures
    >>> features = StandardFeatures.of([[0.0, 5.0], [2.0, 5.0]])
    >>> features([[1.0, 5.0], [2.0, 6.0]]).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray | None = None

    @classmethod
    def of(cls, real: Any) -> Self:
        """Learn the statistics of real samples.

        Parameters
        ----------
        real : array-like of shape (n_samples, n_features)
            Real samples.

        Returns
        -------
        StandardFeatures

        Raises
        ------
        ValueError
            If `real` is no table of finite numbers, or is empty.

        Examples
        --------
        >>> from sknevo.metrics import StandardFeatures
        >>> StandardFeatures.of([[0.0, 5.0], [2.0, 5.0]]).mean.tolist()
        [1.0, 5.0]
        """
        real = feature_rows(real, "real")
        mean, scale = mean_and_std(real)
        # A column that is constant up to rounding has no scale of its own.
        scale[scale <= 1e-12 * np.abs(mean)] = 1.0
        scale[scale == 0] = 1.0
        return cls(mean, scale, principal_axes(real, mean, scale))

    def __call__(self, X: Any) -> np.ndarray:
        """Return the features of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features or n_components)

        Raises
        ------
        ValueError
            If X has another number of columns than the real samples.
        """
        X = np.asarray(X, dtype=np.float64)
        check_same_width(X, self.mean[np.newaxis], "samples and real ones")
        rows = self.plain_columns(X)
        return rows if self.components is None else rows @ self.components

    def plain_columns(self, X: Any) -> np.ndarray:
        """Return the standardised columns of samples, not projected.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        return (np.asarray(X, dtype=np.float64) - self.mean) / self.scale

    @property
    def fingerprint(self) -> str:
        """Hash of the feature space, within which distances can be compared."""
        return fingerprint(self.mean, self.scale, self.components)

    def __repr__(self) -> str:
        return f"StandardFeatures({self.fingerprint})"


def n_conditions(y: Any) -> int:
    """Return the number of labels in y, or 1 if y holds values.

    Labels are strings, booleans or at most 100 different whole numbers. All other
    numbers are values, such as an age; so are whole numbers of which none is repeated.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Label or value of each sample.

    Returns
    -------
    int
        Number of labels; 1 for values; 0 if all entries of `y` are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import n_conditions
    >>> n_conditions(["a", "b", "a"]), n_conditions(np.linspace(0, 1, 5))
    (2, 1)
    """
    y = np.asarray(y)
    unique = np.unique(y)
    if len(unique) == 1:
        return 0
    if y.dtype.kind == "f" and (unique != np.rint(unique)).any():
        return 1
    most = min(MOST_LABELS, len(y) - 1)
    return 1 if y.dtype.kind in "fiu" and len(unique) > most else len(unique)


@dataclass(frozen=True)
class ConditionFeatures:
    """Appends labels (one column each) or values (one column) to rows of features.

    Samples of different labels are as far apart by their labels alone as features are
    spread, and samples of different values are so on average. So a generated sample of
    the wrong condition has no real neighbours.
    """

    # Sorted; None for values.
    labels: np.ndarray | None
    mean: float
    scale: float

    @classmethod
    def of(cls, features: np.ndarray, y: np.ndarray, labelled: bool) -> Self:
        """Learn the scale of the conditions from features and y of real samples."""
        spread = float(np.sqrt(features.var(axis=0).sum() / 2))
        if labelled:
            return cls(np.unique(y), 0.0, spread)
        mean, std = mean_and_std(y)
        return cls(None, float(mean), spread / (float(std) or 1.0))

    @property
    def width(self) -> int:
        """Number of columns of the conditions."""
        return 1 if self.labels is None else len(self.labels)

    def __call__(self, features: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return features and scaled conditions side by side."""
        known = y - self.mean if self.labels is None else y[:, None] == self.labels
        return np.column_stack([features, self.scale * known])


class InceptionFeatures:
    """Features of an Inception v3 network: a Fréchet distance of them is the FID.

    Two files of weights are known: the weights that the FID was defined with [1]_
    (the network is then that of torch-fidelity) and those of torchvision. Nothing is
    downloaded. Distances can be compared only if weights and numbers of samples are
    equal.

    Parameters
    ----------
    weights : path
        File of weights: weights-inception-2015-12-05-6726825d.pth of torch-fidelity
        (``pip install ".[metrics]"``) or inception_v3_google-0cc3c7bd.pth of
        torchvision.
    data_range : float, default=255.0
        Value of white; black is 0. It is 1 for images in [0, 1]. Images in [-1, 1] are
        to be mapped to it: ``(X + 1) / 2``.
    image_shape : tuple of int or None, default=None
        Shape of an image if images are rows: (height, width), (channels, height, width)
        or (height, width, channels).
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are, see `sknevo.EvolvedGAN`.
    device : str, default="cpu"
        Device that computes, as torch names it.

    Attributes
    ----------
    frechet_name : str
        Name of the Fréchet distance of these features in `GenerativeScore`: "fid".

    Raises
    ------
    ImportError
        If torch or torchvision is not installed: ``pip install ".[networks]"``.

    See Also
    --------
    frechet_distance : Of these features it is the FID.
    kernel_distance : Of these features it is the KID.

    References
    ----------
    .. [1] Heusel, M. et al. (2017). GANs Trained by a Two Time-Scale Update Rule
       Converge to a Local Nash Equilibrium. NeurIPS.

    Examples
    --------
    >>> from sknevo.metrics import GenerativeScore, InceptionFeatures
    >>> features = InceptionFeatures("inception_v3_google-0cc3c7bd.pth")
    >>> score = GenerativeScore(features)
    """

    frechet_name = "fid"

    def __init__(
        self,
        weights: str | os.PathLike,
        *,
        data_range: float = 255.0,
        image_shape: Sequence[int] | None = None,
        channels: str = "auto",
        device: str = "cpu",
    ) -> None:
        require(type(self).__name__, "torch", "torchvision")
        self.weights = weights
        self.data_range = data_range
        self.image_shape = image_shape
        self.channels = channels
        self.device = device

    def __call__(self, X: Any) -> np.ndarray:
        """Return the features of images.

        Parameters
        ----------
        X : array-like of shape (n_images, height, width[, channels]) or (n_images, \
channels, height, width)
            Images, grey or in colour; or rows of pixels, see `image_shape`.

        Returns
        -------
        ndarray of float64 of shape (n_images, 2048)

        Raises
        ------
        ValueError
            If images are of another shape or have other channels than 1 or 3, or if
            the file holds no weights of Inception v3.
        FileNotFoundError
            If there is no file of weights.
        ImportError
            If the weights need torch-fidelity and it is not installed.

        Warns
        -----
        UserWarning
            If the values of X do not fit `data_range`: images would be nearly black, or
            cut off.
        """
        import torch

        X = np.asarray(X)
        if X.size:
            PixelRange.of(X).check_white(self.data_range)
        if "_loaded" not in vars(self):
            self._loaded = _inception(Path(self.weights)).to(self.device)
        starts = range(0, len(X), INCEPTION_BATCH)
        batches = (self._prepared(X[i : i + INCEPTION_BATCH]) for i in starts)
        with torch.inference_mode():
            features = [self._loaded(batch).cpu() for batch in batches]
        return torch.cat(features).double().numpy()

    @property
    def fingerprint(self) -> str:
        """Hash of the feature space, within which distances can be compared."""
        weights = np.fromfile(self.weights, dtype=np.uint8)
        return fingerprint(weights, self.data_range, self.image_shape, self.channels)

    def _prepared(self, images: np.ndarray) -> Any:
        """Return images as a tensor of shape (n, 3, height, width), in 0 to 255."""
        import torch

        if self.image_shape is not None:
            images = images.reshape(len(images), *self.image_shape)
        if images.ndim not in (3, 4):
            raise ValueError(
                "images must be of shape (n, height, width) or with channels, or "
                f"image_shape must say how rows are to be read; got {images.shape}."
            )
        images = channels_first(images, self.channels)
        if images.shape[1] not in (1, 3):
            raise ValueError(
                f"images must have 1 or 3 channels; got {images.shape[1]}."
            )
        scaled = np.clip(images * (255.0 / self.data_range), 0, 255)
        tensor = torch.from_numpy(np.float32(scaled))
        return tensor.expand(-1, 3, -1, -1).to(self.device)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the path of the weights, not the weights."""
        return {name: v for name, v in vars(self).items() if name != "_loaded"}

    def __repr__(self) -> str:
        return f"InceptionFeatures({os.fspath(self.weights)!r})"


def channels_first(images: np.ndarray, channels: str) -> np.ndarray:
    """Return images of shape (n, height, width[, channels]) with channels first."""
    last = channels_last(images.shape[1:], channels)
    if images.ndim == 3:
        return images[:, np.newaxis]
    return np.moveaxis(images, 3, 1) if last else images


def _inception(path: Path) -> Any:
    """Return the network that the weights in a file belong to."""
    import torch
    from torch.nn import functional as F
    from torchvision.models import inception_v3

    if not path.is_file():
        raise FileNotFoundError(
            f"weights must be a file of weights of Inception v3; there is no {path}. "
            "torchvision.models.Inception_V3_Weights.DEFAULT.url says where to get one."
        )
    state = torch.load(path, map_location="cpu", weights_only=True)
    if "fc.weight" not in state:
        raise ValueError(f"{path} holds no weights of Inception v3.")
    of_fid = len(state["fc.weight"]) == FID_CLASSES
    if of_fid:
        network = _torch_fidelity_network(path)
    else:
        network = inception_v3(weights=None, init_weights=False, transform_input=False)
        network.load_state_dict(state)
        network.fc = torch.nn.Identity()

    class Features(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.register_buffer(
                "mean", 255 * torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
            )
            self.register_buffer("std", 255 * torch.tensor(IMAGENET_STD).view(3, 1, 1))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if of_fid:  # it resizes and scales by itself, as TensorFlow does
                return self.network(images.round().byte())[0]
            side = INCEPTION_SIDE, INCEPTION_SIDE
            large = F.interpolate(images, side, mode="bilinear", antialias=True)
            return self.network((large - self.mean) / self.std)

    # Not in the default type of the user's session.
    return Features().float().eval().requires_grad_(False)


def _torch_fidelity_network(path: Path) -> Any:
    weights = f"{path}, which holds the weights that the FID was defined with,"
    require(weights, "torch_fidelity")
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    return FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path)
    )
