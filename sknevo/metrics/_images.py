"""How alike two images are, and how alike generated images are to training images."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter
from sklearn.metrics import pairwise_distances_argmin

from sknevo.data_checks import plain_values
from sknevo.network_plan import image_shape

__all__ = [
    "nearest_neighbour_psnr",
    "nearest_neighbour_ssim",
    "peak_signal_noise_ratio",
    "structural_similarity",
]

# As in Wang et al. (2004), and the side of the window as in scikit-image.
K1, K2, WINDOW = 0.01, 0.03, 7


def peak_signal_noise_ratio(
    real: Any, images: Any, *, data_range: float | None = None
) -> np.ndarray:
    """Peak signal-to-noise ratio of each image.

    With reconstructions of held-out images (see `invert`) it is the inversion PSNR: how
    well a generator can rebuild what it has not seen [1]_.

    Parameters
    ----------
    real : array-like of shape (n_images, ...)
        Images.
    images : array-like of the same shape
        What stands for each of them.
    data_range : float or None, default=None
        From black to white. None takes that of the type of integers, and of other
        images the difference of the greatest and the least value of `real`.

    Returns
    -------
    ndarray of shape (n_images,)
        In decibels, the more the more alike; infinite for equal images.

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
    real, images = _pairs(real, images)
    data_range = _range(real, data_range)
    squares = np.square(real.astype(float) - images.astype(float))
    errors = squares.reshape(len(real), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / errors)


def structural_similarity(
    real: Any, images: Any, *, data_range: float | None = None
) -> np.ndarray:
    """Structural similarity [1]_ of each image.

    With reconstructions of held-out images (see `invert`) it says how well a generator
    can rebuild what it has not seen.

    Parameters
    ----------
    real : array-like of shape (n_images, height, width[, channels]) or (n_images, \
channels, height, width)
        Images; see `sknevo.network_plan.image_shape` for where the channels are.
    images : array-like of the same shape
        What stands for each of them.
    data_range : float or None, default=None
        From black to white, see `peak_signal_noise_ratio`.

    Returns
    -------
    ndarray of shape (n_images,)
        Mean over windows of 7 x 7 pixels (less if images are smaller) and over the
        channels; 1 for equal images, about 0 for unrelated ones, -1 at least.

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
    real, images = _pairs(real, images)
    data_range = _range(real, data_range)
    x, y = (_channels_first(Z).astype(float) for Z in (real, images))
    side = min(WINDOW, *x.shape[2:])
    side -= 1 - side % 2

    def windows(Z: np.ndarray) -> np.ndarray:
        """Return the means of all windows that lie within the image."""
        edge = side // 2
        means = uniform_filter(Z, (1, 1, side, side))
        return means[:, :, edge : Z.shape[2] - edge, edge : Z.shape[3] - edge]

    mean_x, mean_y = windows(x), windows(y)
    unbiased = side**2 / max(1, side**2 - 1)
    variances = unbiased * (windows(x * x) - mean_x**2 + windows(y * y) - mean_y**2)
    covariance = unbiased * (windows(x * y) - mean_x * mean_y)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    return similarity.mean(axis=(1, 2, 3))


def nearest_neighbour_psnr(
    generated: Any, training: Any, *, data_range: float | None = None
) -> np.ndarray:
    """PSNR of each generated image with the training image closest to it.

    A *high* value is a bad sign: the generator returns training images. How high is too
    high is told by held-out images in the place of the generated ones.

    Parameters
    ----------
    generated : array-like of shape (n_images, ...)
        Generated images.
    training : array-like of shape (n_training, ...)
        All images that the generator was trained with.
    data_range : float or None, default=None
        From black to white. None takes that of `training`, see
        `peak_signal_noise_ratio`.

    Returns
    -------
    ndarray of shape (n_images,)
        In decibels; infinite for exact copies.

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
    generated: Any, training: Any, *, data_range: float | None = None
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
        From black to white. None takes that of `training`.

    Returns
    -------
    ndarray of shape (n_images,)
        1 for exact copies.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import nearest_neighbour_ssim
    >>> images = np.random.default_rng(0).random((60, 8, 8))
    >>> nearest_neighbour_ssim(images[:1], images).round(6).tolist()
    [1.0]
    """
    return _with_nearest(structural_similarity, generated, training, data_range)


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
    real, images = _pixels(real, "real"), _pixels(images, "images")
    if real.shape != images.shape:
        raise ValueError(
            f"both sets of images must have the same shape; got {real.shape} and "
            f"{images.shape}."
        )
    if not real.size:
        raise ValueError(f"images must have pixels; got the shape {real.shape}.")
    return real, images


def _pixels(images: Any, name: str) -> np.ndarray:
    with plain_values(name, images):
        pixels = np.asarray(images)
        if not np.isfinite(pixels.astype(float)).all():
            raise ValueError(f"{name} must be finite; it holds NaN or infinity.")
    return pixels


def _range(images: np.ndarray, data_range: float | None) -> float:
    if data_range is not None:
        if not data_range > 0:
            raise ValueError(f"data_range must be above 0; got {data_range!r}.")
        return data_range
    if np.issubdtype(images.dtype, np.integer):
        limits = np.iinfo(images.dtype)
        return float(limits.max - limits.min)
    extent = float(np.ptp(images))
    if not extent > 0:
        raise ValueError("data_range must be given for images of one value.")
    return extent


def _channels_first(images: np.ndarray) -> np.ndarray:
    match images.shape:
        case (_, _, _):
            return images[:, np.newaxis]
        case (_, _, _, _):
            last = image_shape(images.shape[1:]) != images.shape[1:]
            return np.moveaxis(images, 3, 1) if last else images
    raise ValueError(
        "images must be of shape (n_images, height, width), with channels first or "
        f"last if there are any; got {images.shape}."
    )
