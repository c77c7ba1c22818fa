"""Networks that others have trained on photos: which are on this machine, features."""

from sknevo.pretrained._weights import Weights, find_weights, known_weights

__all__ = ["Weights", "find_weights", "known_weights"]
