"""The feature space of tables: their own numbers, on one scale."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import svd

from sknevo.data_checks import fingerprint
from sknevo.metrics._checks import feature_rows, same_width

__all__ = ["StandardFeatures"]

# Nearest neighbours mean little among very many features: the principal components.
MOST_FEATURES = 64


@dataclass(frozen=True, eq=False)
class StandardFeatures:
    """Real tables, standardised, are their own features.

    Every feature gets mean 0 and variance 1 by the statistics of the real samples; of
    more than 64 the first 64 principal components are taken.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,)
        What samples are standardised by.
    components : ndarray of shape (n_features, n_components) or None
        What they are then projected on, if anything.

    Examples
    --------
    >>> from sknevo.metrics import StandardFeatures
    >>> features = StandardFeatures.of([[0.0, 5.0], [2.0, 5.0]])
    >>> features([[1.0, 5.0], [2.0, 6.0]]).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray | None = None

    @classmethod
    def of(cls, real: Any) -> Self:
        """Fit the statistics of real samples.

        Parameters
        ----------
        real : array-like of shape (n_samples, n_features)
            Real samples.

        Returns
        -------
        StandardFeatures
        """
        real = feature_rows(real, "real")
        mean, scale = real.mean(axis=0), real.std(axis=0)
        # What is constant but for rounding has no scale of its own.
        scale[scale <= 1e-12 * np.abs(mean)] = 1.0
        scale[scale == 0] = 1.0
        if real.shape[1] <= MOST_FEATURES:
            return cls(mean, scale)
        axes = svd((real - mean) / scale, full_matrices=False)[2]
        return cls(mean, scale, axes[:MOST_FEATURES].T)

    def __call__(self, X: Any) -> np.ndarray:
        """Return the features of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        X = np.asarray(X, dtype=np.float64)
        same_width(X, self.mean[np.newaxis], "samples and real ones")
        rows = (X - self.mean) / self.scale
        return rows if self.components is None else rows @ self.components

    @property
    def fingerprint(self) -> str:
        """A short name for this feature space: figures compare within one only."""
        return fingerprint(self.mean, self.scale, self.components)

    def __repr__(self) -> str:
        return f"StandardFeatures({self.fingerprint})"
