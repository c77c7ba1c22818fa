"""Measures of images, pixel by pixel, and images rebuilt by a generator."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import pairwise_distances_argmin

from sknevo.data_checks import plain_values
from sknevo.extras import require
from sknevo.image_stream._scale import warn_of_scales
from sknevo.metrics._features import channels_first

if TYPE_CHECKING:
    from torch import Tensor

# Side of the window of the structural similarity: scikit-image's default.
WINDOW = 7
# The data range of integers of at most so many bytes is that of their type. Wider ones
# are types of convenience, of which images fill a small part.
PIXEL_BYTES = 2


def peak_signal_noise_ratio(
    real: Any, images: Any, *, data_range: float | None = None
) -> np.ndarray:
    """Peak signal-to-noise ratio of each image.

    With reconstructions of held-out images (see `invert`) it is the inversion PSNR: how
    well a generator can rebuild images that it was not trained with [1]_.

    Parameters
    ----------
    real : array-like of shape (n_images, ...)
        Images.
    images : array-like of the same shape
        An approximation of each image.
    data_range : float or None, default=None
        Difference of white and black. None stands for the range of the data type if
        values are booleans or integers of 8 or 16 bits, else for the greatest less the
        least value of `real`.

    Returns
    -------
    ndarray of shape (n_images,)
        In decibels. The more similar, the higher; infinite for equal images.

    Raises
    ------
    ValueError
        If shapes differ, if there are no pixels or values that are not finite, if
        `data_range` is not above 0, or if it is None and all values are equal.

    Warns
    -----
    UserWarning
        If one of the sets lies in [-1, 1] and the other far outside.

    References
    ----------
    .. [1] Xia, W. et al. (2023). GAN Inversion: A Survey. IEEE TPAMI 45.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import peak_signal_noise_ratio
    >>> black = np.zeros((1, 8, 8))
    >>> peak_signal_noise_ratio(black, black + 0.1, data_range=1.0).round(6).tolist()
    [20.0]
    """
    # scikit-image and torchmetrics have the same values. They are not used: the formula
    # is one line, scikit-image takes 90 times as long for images of 8 x 8, and
    # torchmetrics computes in single precision (benchmarks/image_metrics.py).
    real, images = _pairs(real, images)
    data_range = _range(real, data_range)
    squares = np.square(real.astype(float) - images.astype(float))
    errors = squares.reshape(len(real), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / errors)


def structural_similarity(
    real: Any,
    images: Any,
    *,
    data_range: float | None = None,
    channels: str = "auto",
) -> np.ndarray:
    """Structural similarity [1]_ of each image, computed by scikit-image.

    With reconstructions of held-out images (see `invert`) it says how well a generator
    can rebuild images that it was not trained with.

    Parameters
    ----------
    real : array-like of shape (n_images, height, width[, channels]) or (n_images, \
channels, height, width)
        Images.
    images : array-like of the same shape
        An approximation of each of them.
    data_range : float or None, default=None
        Difference of white and black, see `peak_signal_noise_ratio`.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are, see `sknevo.EvolvedGAN`.

    Returns
    -------
    ndarray of shape (n_images,)
        In [-1, 1]: 1 for equal images, about 0 for unrelated ones. It is the mean over
        windows of 7 x 7 pixels (less if images are smaller) and over channels.

    Raises
    ------
    ValueError
        As `peak_signal_noise_ratio`, and if the shape is not that of images.
    ImportError
        If scikit-image is not installed: ``pip install ".[metrics]"``.

    References
    ----------
    .. [1] Wang, Z. et al. (2004). Image Quality Assessment: From Error Visibility to
       Structural Similarity. IEEE Transactions on Image Processing 13.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import structural_similarity
    >>> images = np.random.default_rng(0).random((1, 16, 16))
    >>> structural_similarity(images, images).tolist()
    [1.0]
    >>> bool(structural_similarity(images, 1 - images)[0] < 0)
    True
    """
    require("structural_similarity", "skimage")
    from skimage.metrics import structural_similarity as similarity

    real, images = _pairs(real, images)
    if real.ndim not in (3, 4):
        raise ValueError(
            "images must be of shape (n_images, height, width), with channels first or "
            f"last if there are any; got {real.shape}."
        )
    data_range = _range(real, data_range)
    x, y = (channels_first(Z, channels).astype(float) for Z in (real, images))
    side = min(WINDOW, *x.shape[2:])
    side -= 1 - side % 2
    similarities = [
        similarity(
            *pair,
            win_size=side,
            data_range=data_range,
            channel_axis=0,
            use_sample_covariance=side > 1,  # a window of one pixel has none
        )
        for pair in zip(x, y, strict=True)
    ]
    return np.array(similarities)


def nearest_neighbour_psnr(
    generated: Any, training: Any, *, data_range: float | None = None
) -> np.ndarray:
    """PSNR of each generated image with the training image closest to it.

    A *high* value is a bad sign: the generator returns training images [1]_. Compare it
    with the values of held-out images, used in place of the generated ones.

    Parameters
    ----------
    generated : array-like of shape (n_images, ...)
        Generated images.
    training : array-like of shape (n_training, ...)
        All images that the generator was trained with.
    data_range : float or None, default=None
        Difference of white and black. None takes that of `training`, see
        `peak_signal_noise_ratio`.

    Returns
    -------
    ndarray of shape (n_images,)
        In decibels; infinite for exact copies.

    Raises
    ------
    ValueError
        As `peak_signal_noise_ratio`, and if one of the sets is empty.

    References
    ----------
    .. [1] Meehan, C., Chaudhuri, K., & Dasgupta, S. (2020). A Non-Parametric Test to
       Detect Data-Copying in Generative Models. AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import nearest_neighbour_psnr
    >>> images = np.random.default_rng(0).random((60, 8, 8))
    >>> training, fresh = images[:50], images[50:]
    >>> bool(nearest_neighbour_psnr(fresh, training).max() < 15)
    True
    >>> nearest_neighbour_psnr(training[:2], training).tolist()
    [inf, inf]
    """
    return _with_nearest(peak_signal_noise_ratio, generated, training, data_range)


def nearest_neighbour_ssim(
    generated: Any,
    training: Any,
    *,
    data_range: float | None = None,
    channels: str = "auto",
) -> np.ndarray:
    """Structural similarity of each generated image with the closest training image.

    A *high* value is a bad sign: the generator returns training images.

    Parameters
    ----------
    generated : array-like of shape (n_images, ...)
        Generated images, see `structural_similarity`.
    training : array-like of shape (n_training, ...)
        All images that the generator was trained with. The closest is the one with the
        least mean square of differences.
    data_range : float or None, default=None
        Difference of white and black. None takes that of `training`.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are, see `sknevo.EvolvedGAN`.

    Returns
    -------
    ndarray of shape (n_images,)
        In [-1, 1]; 1 for exact copies.

    Raises
    ------
    ValueError
        As `structural_similarity`, and if one of the sets is empty.
    ImportError
        If scikit-image is not installed: ``pip install ".[metrics]"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import nearest_neighbour_ssim
    >>> images = np.random.default_rng(0).random((60, 8, 8))
    >>> nearest_neighbour_ssim(images[:1], images).round(6).tolist()
    [1.0]
    """
    require("nearest_neighbour_ssim", "skimage")
    measure = partial(structural_similarity, channels=channels)
    return _with_nearest(measure, generated, training, data_range)


def _with_nearest(
    measure: Callable[..., np.ndarray],
    generated: Any,
    training: Any,
    data_range: float | None,
) -> np.ndarray:
    generated = _pixels(generated, "generated")
    training = _pixels(training, "training")
    if generated.shape[1:] != training.shape[1:]:
        raise ValueError(
            "generated and training images must have the same shape; got "
            f"{generated.shape[1:]} and {training.shape[1:]}."
        )
    if not len(generated) or not len(training):
        raise ValueError("generated and training must hold at least one image.")
    nearest = pairwise_distances_argmin(
        generated.reshape(len(generated), -1).astype(float),
        training.reshape(len(training), -1).astype(float),
    )
    data_range = _range(training, data_range)
    return measure(training[nearest], generated, data_range=data_range)


def _pairs(real: Any, images: Any) -> tuple[np.ndarray, np.ndarray]:
    named = {"real": _pixels(real, "real"), "images": _pixels(images, "images")}
    real, images = named.values()
    if real.shape != images.shape:
        raise ValueError(
            f"both sets of images must have the same shape; got {real.shape} and "
            f"{images.shape}."
        )
    if not real.size:
        raise ValueError(f"images must have pixels; got the shape {real.shape}.")
    warn_of_scales(named)
    return real, images


def _pixels(images: Any, name: str) -> np.ndarray:
    """Return images as a finite array of numbers or booleans."""
    with plain_values(name, images):
        pixels = np.asarray(images)
        if pixels.dtype.kind == "O":
            pixels = pixels.astype(float)
        if pixels.dtype.kind not in "biuf":
            raise ValueError(
                f"{name} must hold numbers or booleans; got an array of {pixels.dtype}."
            )
        if not np.isfinite(pixels).all():
            raise ValueError(f"{name} must be finite; it holds NaN or infinity.")
    return pixels


def _range(images: np.ndarray, data_range: float | None) -> float:
    if data_range is not None:
        if not data_range > 0:
            raise ValueError(f"data_range must be above 0; got {data_range!r}.")
        return data_range
    kind, n_bytes = images.dtype.kind, images.dtype.itemsize
    if kind == "b":
        return 1.0
    if kind in "iu" and n_bytes <= PIXEL_BYTES:
        return 2.0 ** (8 * n_bytes) - 1
    extent = float(images.max()) - float(images.min())
    if not extent > 0:
        raise ValueError("data_range must be given if all pixels are equal.")
    return extent


def invert(
    generator: Callable[["Tensor"], "Tensor"],
    images: Any,
    noise: Any,
    *,
    n_steps: int = 200,
    learning_rate: float = 0.05,
) -> np.ndarray:
    """Rebuild images by a generator, as well as it can.

    For each image, the search starts with the row of `noise` whose generated image is
    nearest, and improves it by gradient descent [1]_. With held-out images,
    `peak_signal_noise_ratio(images, rebuilt)` and `structural_similarity(images,
    rebuilt)` say how well the generator *can* make such images. They do not say how
    often it makes them.

    Parameters
    ----------
    generator : torch module or function
        Maps a tensor of noise of shape (n, ...) to one of n images, of the shape and
        the range of `images`, flattened or not. A module should be in evaluation mode;
        neither its weights nor its gradients change.
    images : array-like of shape (n_images, ...)
        Images to rebuild.
    noise : array-like or tensor of shape (n_candidates, ...)
        Noise of the distribution that the generator was trained with. A few hundred
        rows are enough.
    n_steps : int, default=200
        Steps of Adam; 0 returns the nearest of the generated images.
    learning_rate : float, default=0.05
        Learning rate of Adam, in units of the noise.

    Returns
    -------
    ndarray of the shape of images
        The rebuilt images: of all steps, the one with the least mean square error.

    Raises
    ------
    ValueError
        If generated images have another number of values than `images`.
    ImportError
        If torch is not installed: ``pip install ".[networks]"``.

    References
    ----------
    .. [1] Zhu, J.-Y. et al. (2016). Generative Visual Manipulation on the Natural Image
       Manifold. ECCV.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import invert
    >>> noise = np.random.default_rng(0).normal(size=(10, 2))
    >>> rebuilt = invert(lambda z: 3 * z, np.array([[1.0, 2.0]]), noise)
    >>> rebuilt.round(2).tolist()
    [[1.0, 2.0]]
    """
    require("invert", "torch")
    import torch

    images = np.asarray(images)
    noise = torch.as_tensor(noise)
    noise = noise if noise.is_floating_point() else noise.float()
    wanted = torch.as_tensor(images.reshape(len(images), -1), dtype=noise.dtype)
    wanted = wanted.to(noise.device)
    with torch.no_grad():
        candidates = generator(noise).reshape(len(noise), -1)
        if candidates.shape[1:] != wanted.shape[1:]:
            raise ValueError(
                f"generator must return images of {wanted.shape[1]} values, like those "
                f"to rebuild; got {candidates.shape[1]}."
            )
        nearest = torch.cdist(wanted, candidates).argmin(dim=1)
    # Gradients are needed even where the caller has switched them off.
    with torch.inference_mode(False), torch.enable_grad():
        start = noise[nearest].detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([start], lr=learning_rate)
        best, least = candidates[nearest], torch.full((len(wanted),), torch.inf)
        least = least.to(wanted)
        for step in range(n_steps + 1):
            rebuilt = generator(start).reshape(len(wanted), -1)
            errors = (rebuilt - wanted).square().mean(dim=1)
            better = errors.detach() < least
            best = torch.where(better[:, None], rebuilt.detach(), best)
            least = torch.where(better, errors.detach(), least)
            if step < n_steps:
                # The gradient of the noise alone: those of the weights stay.
                (start.grad,) = torch.autograd.grad(errors.sum(), start)
                optimizer.step()
    return best.cpu().numpy().reshape(images.shape)
