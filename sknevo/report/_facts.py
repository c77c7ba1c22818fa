"""What a report knows of a fitted evolved estimator."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sknevo.records import DataSpec


@dataclass(frozen=True)
class Facts:
    """A fitted estimator, and what only the estimator itself knows.

    Parameters
    ----------
    estimator : estimator
        Its public attributes are read.
    words : sequence of str
        What the individual of each row of `cv_results_` is.
    weights : dict of str to float
        The weight of each metric in the fitness.
    seed : int
        The seed of everything.
    spec : DataSpec or None, default=None
        What is known of the data.
    """

    estimator: Any
    words: Sequence[str]
    weights: Mapping[str, float]
    seed: int
    spec: DataSpec | None = None

    @property
    def results(self) -> dict[str, Any]:
        """One row per individual and resource."""
        return self.estimator.cv_results_

    @property
    def best(self) -> int:
        """The row of the best."""
        return self.estimator.best_index_

    @property
    def score_name(self) -> str:
        """What the fitness is called."""
        names = [*self.weights]
        scoring = self.estimator._scoring
        if names == ["score"] and isinstance(scoring, str):
            return scoring
        return names[0] if len(names) == 1 else "weighted sum of scores"

    @cached_property
    def ok(self) -> np.ndarray:
        """Whether each row has a fitness."""
        return self.results["status"] == "ok"

    @property
    def n_evaluated(self) -> int:
        """Number of individuals of which one row at least has a fitness."""
        return len({*self.results["key"][self.ok]})

    @cached_property
    def split_fitness(self) -> np.ndarray:
        """The fitness of each row on each split, NaN where it failed."""
        n_splits = self.estimator.n_splits_
        total = np.zeros((len(self.ok), n_splits))
        for name, weight in self.weights.items():
            columns = [self.results[f"split{i}_test_{name}"] for i in range(n_splits)]
            total = total + weight * np.stack(columns, axis=1)
        return np.where(self.ok[:, None], total, np.nan)

    @property
    def fitness(self) -> np.ndarray:
        """The fitness of each row, NaN where it failed."""
        return np.where(self.ok, self.results["fitness"], np.nan)

    @property
    def errors(self) -> np.ndarray:
        """The standard error of each fitness, NaN with one split."""
        n_splits = self.split_fitness.shape[1]
        if n_splits == 1:
            return np.full(len(self.ok), np.nan)
        return self.split_fitness.std(axis=1, ddof=1) / math.sqrt(n_splits)

    @property
    def seconds(self) -> np.ndarray:
        """Seconds that each row took, all splits together."""
        each = self.results["mean_fit_time"] + self.results["mean_score_time"]
        return each * self.results["n_fits"]

    @property
    def shares(self) -> dict[str, float]:
        """The share of each individual in predictions, by key."""
        ensemble = getattr(self.estimator, "ensemble_", None)
        if ensemble is None:
            return {self.results["key"][self.best]: 1.0}
        return ensemble._weight_by_key


def with_error(score: float, error: float) -> str:
    """Return a score and its standard error, which has two digits.

    Examples
    --------
    >>> with_error(0.95123, 0.00412), with_error(1234.5, 20.3)
    ('0.9512 ± 0.0041', '1234 ± 20')
    >>> with_error(0.9, math.nan), with_error(1.0, 0.0)
    ('0.9000', '1.0000 ± 0')
    """
    if not error > 0:  # none, or not known
        known = " ± 0" if error == 0 else ""
        return (f"{score:.4f}" if abs(score) < 100 else f"{score:.6g}") + known
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{score:.{digits}f} ± {error:.{digits}f}"
