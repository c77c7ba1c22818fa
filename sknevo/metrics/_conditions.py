"""What samples are made for, beside their features: who disregards it is found out."""

from dataclasses import dataclass
from typing import Self

import numpy as np

__all__ = ["ConditionFeatures", "n_conditions"]

# More different whole numbers are values rather than labels.
MOST_LABELS = 100


def n_conditions(y: np.ndarray) -> int:
    """Return how many labels there are, 1 for values, 0 if all are the same.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels or values.

    Returns
    -------
    int

    Examples
    --------
    >>> import numpy as np
    >>> n_conditions(np.array(["a", "b", "a"])), n_conditions(np.linspace(0, 1, 5))
    (2, 1)
    """
    unique = np.unique(y)
    if len(unique) == 1:
        return 0
    if y.dtype.kind == "f" and (unique != np.rint(unique)).any():
        return 1
    return 1 if y.dtype.kind in "fiu" and len(unique) > MOST_LABELS else len(unique)


@dataclass(frozen=True)
class ConditionFeatures:
    """Appends labels or values to features, on their scale.

    Samples of different labels are as far apart by that alone as features are spread,
    and so, in the mean, are those of different values: in the joint space, a sample
    that was made for something else has no real neighbours.

    Parameters
    ----------
    labels : ndarray or None
        Sorted; None stands for values.
    mean, scale : float
        What values are standardised by; of labels, 0 and the distance of each from 0.

    Examples
    --------
    >>> import numpy as np
    >>> features, y = np.array([[0.0], [2.0], [0.0], [2.0]]), np.array(list("abab"))
    >>> beside = ConditionFeatures.of(features, y, labelled=True)
    >>> beside(features[:2], y[:2]).round(1).tolist()
    [[0.0, 0.7, 0.0], [2.0, 0.0, 0.7]]
    """

    labels: np.ndarray | None
    mean: float
    scale: float

    @classmethod
    def of(cls, features: np.ndarray, y: np.ndarray, labelled: bool) -> Self:
        """Learn the scale of real samples.

        Parameters
        ----------
        features : ndarray of shape (n_samples, n_features)
            Of real samples.
        y : ndarray of shape (n_samples,)
            Their labels or values.
        labelled : bool
            Which of both.

        Returns
        -------
        ConditionFeatures
        """
        spread = float(np.sqrt(features.var(axis=0).sum() / 2))
        if labelled:
            return cls(np.unique(y), 0.0, spread)
        return cls(None, float(y.mean()), spread / (float(y.std()) or 1.0))

    def __call__(self, features: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return features and conditions side by side.

        Parameters
        ----------
        features : ndarray of shape (n, n_features)
            Of any samples.
        y : ndarray of shape (n,)
            What they were made for.

        Returns
        -------
        ndarray of shape (n, n_features + n_conditions)
        """
        known = y - self.mean if self.labels is None else y[:, None] == self.labels
        return np.column_stack([features, self.scale * known])
