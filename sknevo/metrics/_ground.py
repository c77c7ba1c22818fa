"""Real samples in all of their roles, and the space that they are compared in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle
from typing import Any, Self

import numpy as np

from sknevo.metrics._checks import feature_rows
from sknevo.metrics._conditions import ConditionFeatures
from sknevo.metrics._features import StandardFeatures
from sknevo.metrics._reference import Measures, Reference, mean_measures

__all__ = ["Ground"]


@dataclass(frozen=True)
class Ground:
    """What generated samples are compared with, several times.

    Parameters
    ----------
    features : callable
        Turns samples into rows of features.
    conditions : ConditionFeatures or None
        Appends what samples are made for, if they are made for anything.
    y : ndarray or None
        What they may be made for, as frequent as among real samples.
    references : list of Reference
        Of other real samples each, as far as there are enough.
    """

    features: Callable[[Any], Any]
    conditions: ConditionFeatures | None
    y: np.ndarray | None
    references: list[Reference]

    @classmethod
    def of(
        cls,
        X: Any,
        y: np.ndarray | None,
        *,
        labelled: bool,
        features: Callable[[Any], Any] | None,
        n_samples: int,
        n_neighbors: int,
        n_repeats: int,
        random_state: int,
    ) -> Self:
        """Prepare real samples.

        Parameters
        ----------
        X : array or ImageStream of shape (n_real, ...)
            Real samples.
        y : ndarray of shape (n_real,) or None
            Their labels or values.
        labelled : bool
            Which of both.
        features : callable or None
            None stands for the columns of tables, standardised.
        n_samples, n_neighbors, n_repeats, random_state : int
            See `GenerativeScore`.

        Returns
        -------
        Ground
        """
        rng = np.random.default_rng(random_state)
        # No more are needed, and images may have to be read for it.
        some = np.sort(rng.permutation(len(X))[: (n_repeats + 1) * n_samples])
        X, y = np.asarray(X[some]), None if y is None else y[some]
        features = StandardFeatures.of(X) if features is None else features
        rows, conditions = feature_rows(features(X), "real", 4), None
        if y is not None:
            conditions = ConditionFeatures.of(rows, y, labelled)
            rows = conditions(rows, y)
        references = [
            # As many again for the baseline.
            Reference.of(
                rows[rng.permutation(len(rows))[: 2 * n_samples]],
                n_samples=n_samples,
                n_neighbors=n_neighbors,
                random_state=random_state,
            )
            for _ in range(n_repeats)
        ]
        return cls(features, conditions, y, references)

    @property
    def n_samples(self) -> int:
        """How many samples are compared at a time."""
        return self.references[0].n_samples

    @cached_property
    def reference(self) -> Reference:
        """The first of the references, with the mean baseline of all."""
        baseline = mean_measures([one.baseline for one in self.references])
        return replace(self.references[0], baseline=baseline)

    def wanted(self, n: int, random_state: int) -> np.ndarray | None:
        """Return what samples shall be made for.

        Parameters
        ----------
        n : int
            How many.
        random_state : int
            Seed.

        Returns
        -------
        ndarray of shape (n,) or None
        """
        if self.y is None:
            return None
        return np.random.default_rng(random_state).choice(self.y, n)

    def measure(self, generated: Any, y: np.ndarray | None = None) -> Measures:
        """Compare generated samples, others each time if there are as many.

        Parameters
        ----------
        generated : array-like of shape (n_generated, ...)
            Generated samples.
        y : ndarray of shape (n_generated,) or None, default=None
            What they were made for.

        Returns
        -------
        Measures
            The means.
        """
        rows, size = feature_rows(self.features(generated), "generated"), self.n_samples
        if self.conditions is not None:
            rows = self.conditions(rows, y)
        parts = np.split(rows, range(size, len(rows) - size + 1, size))
        pairs = zip(self.references, cycle(parts), strict=False)
        return mean_measures([reference.measure(part) for reference, part in pairs])
