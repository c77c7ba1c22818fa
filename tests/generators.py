"""Emulated generators, and made data to grade them on. No network is trained.

Those of the ring of eight Gaussians are a good one, and each way to fail. They take a
generator of random numbers and a number of samples. The functions in `GROUPED` return
samples and their groups: modes, or labels.
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


UNEQUAL = np.random.default_rng(0).uniform(-3, 3, (10, 2))
TWELVE = np.random.default_rng(1).normal(size=(12, 20))


def linked_rings(draw, n_samples):
    """Two linked rings in three dimensions."""
    angles, upright = (
        draw.uniform(0, 2 * np.pi, n_samples),
        draw.integers(2, size=n_samples),
    )
    along, across, none = np.cos(angles), np.sin(angles), np.zeros(n_samples)
    flat = np.column_stack([along, across, none])
    linked = np.column_stack([1 + along, none, across])
    X = np.where(upright[:, None], linked, flat)
    return X + 0.05 * draw.normal(size=X.shape), upright


def unequal_modes(draw, n_samples):
    """Ten modes in two dimensions, the last one ten times as frequent as the first."""
    modes = draw.choice(10, n_samples, p=np.arange(1, 11) / 55)
    return UNEQUAL[modes] + 0.08 * draw.normal(size=(n_samples, 2)), modes


def twelve_modes(draw, n_samples):
    """Twelve modes in twenty dimensions."""
    modes = draw.integers(12, size=n_samples)
    return TWELVE[modes] + 0.2 * draw.normal(size=(n_samples, 20)), modes


def labelled_table(draw, n_samples):
    """Skewed, whole and dependent columns, and a label that follows from three."""
    X = draw.normal(size=(n_samples, 5))
    X[:, 1] += 0.8 * X[:, 0]
    X[:, 2] = np.exp(X[:, 2] + 0.3 * X[:, 1])
    X[:, 3] = np.rint(2 * X[:, 3])
    score = X[:, 0] + np.sin(2 * X[:, 1]) + 0.5 * (X[:, 3] > 0)
    return X, (score + 0.4 * draw.normal(size=n_samples) > 0.3).astype(int)


GROUPED = {
    function.__name__: function
    for function in (linked_rings, unequal_modes, twelve_modes, labelled_table)
}
