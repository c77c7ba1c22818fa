"""Generative adversarial networks: modules, training, monitoring, sampling."""

from sknevo.builders.gan._builder import GANBuilder
from sknevo.builders.gan._feature_extractor import feature_space
from sknevo.builders.gan._training import n_kept_samples

__all__ = ["GANBuilder", "feature_space", "n_kept_samples"]
