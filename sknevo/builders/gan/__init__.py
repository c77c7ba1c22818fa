"""Generative adversarial networks: networks, training, supervision, sampling."""

from sknevo.builders.gan._builder import GANBuilder

__all__ = ["GANBuilder"]
