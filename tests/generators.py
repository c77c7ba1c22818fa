"""Emulated generators of the ring of eight Gaussians: a good one, and each way to fail.

They take a generator of random numbers and a number of samples. No network is trained.
"""

import numpy as np

RADIUS, SIGMA = 2.0, 0.02
ANGLES = np.arange(8) * np.pi / 4
CENTERS = RADIUS * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])


def ring(draw, n_samples, modes=range(8), width=1.0):
    places = CENTERS[draw.choice(list(modes), n_samples)]
    return places + width * SIGMA * draw.normal(size=(n_samples, 2))


def prototypes(draw, n_samples, n_prototypes=8, jitter=0.0):
    points = ring(draw, n_prototypes)[draw.integers(n_prototypes, size=n_samples)]
    return points + jitter * SIGMA * draw.normal(size=points.shape)


def noise(draw, n_samples):
    return draw.uniform(-2.5, 2.5, size=(n_samples, 2))


def blob(draw, n_samples):
    """Match the mean and the covariance of the ring, and nothing else."""
    return RADIUS / np.sqrt(2) * draw.normal(size=(n_samples, 2))


def circle(draw, n_samples):
    angles = draw.uniform(0, 2 * np.pi, n_samples)
    return RADIUS * np.column_stack([np.cos(angles), np.sin(angles)])


def partly_noise(draw, n_samples, share=0.3):
    noisy = draw.random(n_samples) < share
    return np.where(noisy[:, None], noise(draw, n_samples), ring(draw, n_samples))


def point(draw, n_samples):
    return np.zeros((n_samples, 2))
