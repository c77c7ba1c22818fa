"""Features of Inception v3, of weights that the user has."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sknevo.data_checks import fingerprint
from sknevo.network_plan import image_shape

__all__ = ["InceptionFeatures"]

SIDE, AT_ONCE = 299, 32
# What torchvision's weights were trained with.
MEAN, SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The network that the FID was defined with has other classes.
CLASSES_OF_FID = 1008


class InceptionFeatures:
    """Features of an Inception v3 network: with them, a Fréchet distance is the FID.

    Two files of weights are known: those that the FID was defined with [1]_, for which
    torch-fidelity must be installed, and torchvision's. Nothing is downloaded. Figures
    compare only between the same weights and the same number of samples.

    Parameters
    ----------
    weights : path
        File of weights, such as pt_inception-2015-12-05-6726825d.pth of torch-fidelity
        or inception_v3_google-0cc3c7bd.pth of torchvision.
    data_range : float, default=255.0
        White in the images; black is 0.
    image_shape : tuple of int or None, default=None
        Shape of an image if images are rows: (height, width), (channels, height, width)
        or (height, width, channels).
    device : str, default="cpu"
        Where to compute.

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

    # What a Fréchet distance of these features is called.
    frechet_name = "fid"

    def __init__(
        self,
        weights: str | os.PathLike,
        *,
        data_range: float = 255.0,
        image_shape: Sequence[int] | None = None,
        device: str = "cpu",
    ) -> None:
        self.weights = weights
        self.data_range = data_range
        self.image_shape = image_shape
        self.device = device

    def __call__(self, X: Any) -> np.ndarray:
        """Return the features of images.

        Parameters
        ----------
        X : array-like of shape (n_images, height, width[, channels]) or (n_images, \
channels, height, width)
            Images, grey or in colour; or rows, see `image_shape`.

        Returns
        -------
        ndarray of shape (n_images, 2048)

        Raises
        ------
        ValueError
            If images are of another shape, or have other channels than 1 or 3.
        """
        import torch

        X = np.asarray(X)
        parts = [X[i : i + AT_ONCE] for i in range(0, len(X), AT_ONCE)]
        with torch.inference_mode():
            features = [self._network(self._prepared(part)).cpu() for part in parts]
        return torch.cat(features).double().numpy()

    @property
    def fingerprint(self) -> str:
        """A short name for this feature space: figures compare within one only."""
        weights = np.fromfile(self.weights, dtype=np.uint8)
        return fingerprint(weights, self.data_range, self.image_shape)

    @property
    def _network(self) -> Any:
        if "_loaded" not in vars(self):
            self._loaded = _load(Path(self.weights), self.device)
        return self._loaded

    def _prepared(self, images: np.ndarray) -> Any:
        """Return images as (n, 3, height, width), in 0 to 255."""
        import torch

        if self.image_shape is not None:
            images = images.reshape(len(images), *self.image_shape)
        if images.ndim not in (3, 4):
            raise ValueError(
                "images must be of shape (n, height, width) or with channels, or "
                f"image_shape must say how rows are to be read; got {images.shape}."
            )
        channels, height, width = image_shape(images.shape[1:])
        if images.ndim == 4 and images.shape[1:] != (channels, height, width):
            images = np.moveaxis(images, 3, 1)
        images = images.reshape(-1, channels, height, width)
        if channels not in (1, 3):
            raise ValueError(f"images must have 1 or 3 channels; got {channels}.")
        scaled = np.clip(images * (255.0 / self.data_range), 0, 255)
        return (
            torch.from_numpy(np.float32(scaled)).expand(-1, 3, -1, -1).to(self.device)
        )

    def __getstate__(self) -> dict[str, Any]:
        """Pickle where the weights are, not the weights."""
        return {name: v for name, v in vars(self).items() if name != "_loaded"}

    def __repr__(self) -> str:
        return f"InceptionFeatures({os.fspath(self.weights)!r})"


def _load(path: Path, device: str) -> Any:
    import torch

    if not path.is_file():
        raise FileNotFoundError(
            f"weights must be a file of weights of Inception v3; there is no {path}. "
            "torchvision.models.Inception_V3_Weights.DEFAULT.url says where to get one."
        )
    state = torch.load(path, map_location="cpu", weights_only=True)
    if "fc.weight" not in state:
        raise ValueError(f"{path} holds no weights of Inception v3.")
    of_fid = len(state["fc.weight"]) == CLASSES_OF_FID
    network = _of_torch_fidelity(path) if of_fid else _of_torchvision(state)
    return network.eval().requires_grad_(False).to(device)


def _of_torchvision(state: dict[str, Any]) -> Any:
    import torch
    from torch.nn import functional as F
    from torchvision.models import inception_v3

    class Features(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inception = inception_v3(
                weights=None, init_weights=False, transform_input=False
            )
            self.inception.load_state_dict(state)
            self.inception.fc = torch.nn.Identity()
            self.register_buffer("mean", 255 * torch.tensor(MEAN).view(3, 1, 1))
            self.register_buffer("scale", 255 * torch.tensor(SCALE).view(3, 1, 1))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            large = F.interpolate(images, (SIDE, SIDE), mode="bilinear", antialias=True)
            return self.inception((large - self.mean) / self.scale)

    return Features()


def _of_torch_fidelity(path: Path) -> Any:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import (
            FeatureExtractorInceptionV3,
        )
    except ImportError as error:
        raise ImportError(
            f"{path} holds the weights that the FID was defined with; they need "
            "torch-fidelity: pip install torch-fidelity."
        ) from error
    import torch

    class Features(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inception = FeatureExtractorInceptionV3(
                "inception-v3-compat",
                ["2048"],
                feature_extractor_weights_path=str(path),
            )

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.inception(images.round().byte())[0]

    return Features()
