"""Measures of sknevo.metrics beside those of the libraries: equal values, and seconds.

    python benchmarks/image_metrics.py

PSNR and SSIM of scikit-image and torchmetrics, FID and KID of torchmetrics on features
that are given. For each measure it prints the greatest relative difference from
sknevo's value and the least seconds of five runs. Tiles of scikit-learn's two photos
and its digits are the real images; noise is added for the others. The FID and the KID
are of random features and of the pixels of the digits. With PYTHONPATH at another
checkout, the rows of sknevo are those of that code.
"""

import warnings
from time import perf_counter

import numpy as np
import skimage.metrics
import torch
from sklearn.datasets import load_digits, load_sample_images
from torchmetrics.functional import image as functional
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from sknevo import metrics

RUNS = 5


class Identity(torch.nn.Module):
    """Stands for Inception: the features are what is given."""

    def __init__(self, num_features):
        super().__init__()
        self.num_features = num_features

    def forward(self, X):
        return X


def tiles(side):
    """Return tiles of shape (n, side, side, 3) of two photos."""
    cut = [
        photo[top : top + side, left : left + side]
        for photo in load_sample_images().images
        for top in range(0, photo.shape[0] - side + 1, side)
        for left in range(0, photo.shape[1] - side + 1, side)
    ]
    return np.array(cut)


def with_noise(images, white):
    noise = np.random.default_rng(0).normal(scale=white / 10, size=images.shape)
    return (images + noise).clip(0, white).astype(images.dtype)


def each(measure, real, images, **parameters):
    return [measure(x, y, **parameters) for x, y in zip(real, images, strict=True)]


def tensors(*images):
    """Return images as tensors of shape (n, channels, height, width)."""
    images = (Z[..., None] if Z.ndim == 3 else Z for Z in images)
    return [torch.from_numpy(np.moveaxis(Z, 3, 1).astype(float)) for Z in images]


def psnr(real, images, white):
    yield (
        "sknevo",
        lambda: metrics.peak_signal_noise_ratio(real, images, data_range=white),
    )
    yield (
        "scikit-image",
        lambda: each(
            skimage.metrics.peak_signal_noise_ratio, real, images, data_range=white
        ),
    )
    yield (
        "torchmetrics",
        lambda: functional.peak_signal_noise_ratio(
            *tensors(real, images),
            data_range=float(white),
            dim=(1, 2, 3),
            reduction="none",
        ),
    )


def ssim(real, images, white):
    axis = 2 if real.ndim == 4 else None
    yield (
        "sknevo",
        lambda: metrics.structural_similarity(real, images, data_range=white),
    )
    yield (
        "scikit-image",
        lambda: each(
            skimage.metrics.structural_similarity,
            real,
            images,
            data_range=white,
            channel_axis=axis,
        ),
    )
    yield (
        "torchmetrics",
        lambda: functional.structural_similarity_index_measure(
            *tensors(real, images),
            data_range=float(white),
            gaussian_kernel=False,
            kernel_size=7,
            reduction="none",
        ),
    )


def of_torchmetrics(metric, X, Y):
    metric.update(torch.from_numpy(X), real=True)
    metric.update(torch.from_numpy(Y), real=False)
    return metric.compute()


def fid(X, Y):
    yield "sknevo", lambda: metrics.frechet_distance(X, Y)
    yield (
        "torchmetrics",
        lambda: of_torchmetrics(
            FrechetInceptionDistance(Identity(X.shape[1])).set_dtype(torch.float64),
            X,
            Y,
        ),
    )


def kid(X, Y):
    # One subset of all samples: the values do not depend on what is drawn.
    size = len(X)
    yield (
        "sknevo",
        lambda: metrics.kernel_distance(X, Y, n_subsets=1, subset_size=size).mean,
    )
    yield (
        "torchmetrics",
        lambda: of_torchmetrics(
            KernelInceptionDistance(Identity(X.shape[1]), subsets=1, subset_size=size),
            X,
            Y,
        )[0],
    )


def compare(title, named):
    expected = None
    for name, call in named:
        seconds, value = [], None
        for _ in range(RUNS):
            start = perf_counter()
            value = np.asarray(call(), dtype=float)
            seconds.append(perf_counter() - start)
        expected = value if expected is None else expected
        apart = np.max(np.abs(value - expected) / np.abs(expected))
        print(f"| {title} | {name} | {apart:.0e} | {1000 * min(seconds):.1f} |")


def main():
    warnings.filterwarnings("ignore", "Metric `Kernel", UserWarning)
    torch.set_num_threads(1)
    digits = load_digits().images.astype(np.uint8)
    sets = {
        "1,797 digits of 8 x 8": (digits, 16),
        "780 tiles of 28 x 28 x 3": (tiles(28)[:780], 255),
        "120 tiles of 64 x 64 x 3": (tiles(64)[:120], 255),
        "2 photos of 427 x 640 x 3": (np.array(load_sample_images().images), 255),
    }
    print("| measure | of | greatest relative difference | ms |\n|-|-|-|-|")
    for name, (real, white) in sets.items():
        compare(f"PSNR, {name}", psnr(real, with_noise(real, white), white))
        compare(f"SSIM, {name}", ssim(real, with_noise(real, white), white))
    draw = np.random.default_rng(0)
    pixels = digits.reshape(len(digits), -1).astype(float)
    pairs = {
        "898 digits, 64 features": (pixels[:898], pixels[898:1796]),
        "1,000 samples, 2,048 features": draw.normal(size=(2, 1000, 2048)) ** 2,
    }
    for name, (X, Y) in pairs.items():
        compare(f"FID, {name}", fid(X, Y + 0.1))
        compare(f"KID, {name}", kid(X, Y + 0.1))


if __name__ == "__main__":
    main()
