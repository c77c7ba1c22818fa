"""Probabilities of models that count votes, of trees or of neighbours."""

import numpy as np


def smoothed(probabilities: np.ndarray, n_votes: int) -> np.ndarray:
    """Return shares of votes with one vote more, divided among all classes.

    So a class without a vote has a small probability, not none: as in the rule of
    succession.
    """
    n_classes = probabilities.shape[1]
    return (n_votes * probabilities + 1 / n_classes) / (n_votes + 1)
