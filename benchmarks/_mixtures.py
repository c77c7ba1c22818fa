"""Mixtures of Gaussians with known modes, and a fixed GAN for comparison."""

import time
from typing import NamedTuple

import numpy as np
import torch

from sknevo.builders.gan import GANBuilder
from sknevo.deadline import TrialPruned
from sknevo.metrics import mode_coverage
from sknevo.records import DataSpec

# A sample within so many standard deviations of a mode is of high quality.
RADIUS = 3


class Mixture(NamedTuple):
    centers: np.ndarray
    sigma: float

    def draw(self, n, seed):
        rng = np.random.default_rng(seed)
        modes = rng.integers(len(self.centers), size=n)
        noise = self.sigma * rng.normal(size=(n, 2))
        return self.centers[modes] + noise

    def found(self, samples):
        return mode_coverage(samples, self.centers, RADIUS * self.sigma)


def ring():
    angles = 2 * np.pi * np.arange(8) / 8
    return Mixture(np.c_[np.cos(angles), np.sin(angles)], 0.02)


def grid():
    places = np.arange(-4, 5, 2)
    return Mixture(np.array([(x, y) for x in places for y in places], float), 0.05)


MIXTURES = {"ring": ring(), "grid": grid()}


def trained(i, chromosome, spec, X, y=None):
    """Return the GAN of a chromosome, trained with seed i, or None if it was pruned."""
    torch.set_num_threads(1)
    net = GANBuilder(spec, "cpu")(chromosome.expressed, i).set_params(prune=False)
    try:
        return net.fit(X, y)
    except TrialPruned as reason:
        print(f"{i}: {reason}", flush=True)
        return None


def dcgan_style(X):
    """Return the genes of a plain GAN with the settings of Radford et al."""
    adam = {"adam": {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999}}
    training = {
        "batch_size": 64,
        "epochs": 1,
        "schedule": "constant",
        "packing": 1,
        "ema_decay": 0.0,
    }
    if X.ndim == 2:
        rise = {"units": 128, "normalisation": "batch", "activation": "relu"}
        fall = {"units": 128, "normalisation": "none", "activation": "leaky_relu"}
        generator, discriminator = {"dense": [rise] * 3}, {"dense": [fall] * 3}
    else:
        block = {"kernel": 5, "activation": "relu", "normalisation": "batch"}
        rise = {**block, "upsampling": "transposed"}
        fall = {**block, "activation": "leaky_relu", "pooling": "stride"}
        fall["normalisation"] = "none"
        widths = (64, 128)
        generator = {"blocks": [{**rise, "channels": c} for c in reversed(widths)]}
        discriminator = {"blocks": [{**fall, "channels": c} for c in widths]}
        discriminator["head_pooling"] = "flatten"
    genes = {
        "noise": {"dimension": 64, "distribution": {"normal": {"scale": 1.0}}},
        "generator": {**generator, "optimizer": adam},
        "discriminator": {**discriminator, "optimizer": adam, "steps": 1},
        "loss": {"non_saturating": {"gradient_penalty": 0.0}},
        "training": training,
        "rejection": 0.0,
    }
    if X.ndim > 2:
        genes["augmentation"] = {"shift": 0.0, "erase": 0.0, "colour": 0.0}
    return genes


def baseline(X, seed, seconds, device="cpu"):
    """Train the fixed GAN for about so many seconds."""
    genes = dcgan_style(X)
    builder = GANBuilder(DataSpec("generation", len(X), 0, shape=X.shape[1:]), device)

    def fit(rows, epochs):
        genes["training"]["epochs"] = epochs
        gan = builder(genes, seed).set_params(prune=False)
        begin = time.perf_counter()
        return gan.fit(rows), time.perf_counter() - begin

    few = X[: min(len(X), 2000)]
    fit(few, 1)
    # The time of the epochs, without the start and the end of a training.
    one, more = (fit(few, epochs)[1] for epochs in (1, 4))
    pace = max(more - one, more / 4) / 3 * len(X) / len(few)
    return fit(X, max(1, round(seconds / pace)))[0]
