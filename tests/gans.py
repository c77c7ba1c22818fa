"""Stand-ins for fitted GANs: the attributes that displays read, and no training."""

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.displays._gan_signals import NORMS, SHARES


class FakeGAN(BaseEstimator):
    """The attributes of a GAN that displays use."""

    channels = "auto"

    def __init__(self, shape):
        self.shape = self.sample_shape = shape
        steps = np.arange(1, 4)
        names = [*SHARES, *NORMS]
        self.signals_ = {"step": steps, **dict.fromkeys(names, 1 / steps)}
        self.stability_ = 0.75
        self._layout = {"shape": shape, "channels": "last"}
        self.snapshots_ = np.arange(3 * 16 * np.prod(shape)).reshape(3, 16, *shape)

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X):
        return self

    def sample(self, n, y=None, random_state=None):
        return np.random.default_rng(0).random((n, *self.sample_shape))


class Evolved(FakeGAN):
    @property
    def best_estimator_(self):
        return FakeGAN(self.sample_shape)
