"""What a report knows of a fitted evolved estimator."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sknevo.cv_results import ranked
from sknevo.describe import score_text
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
    score_name : str
        What the fitness is called.
    weights : dict of str to float
        The weight of each metric in the fitness.
    seed : int
        The seed of everything.
    spec : DataSpec or None, default=None
        What is known of the data.
    """

    estimator: Any
    words: Sequence[str]
    score_name: str
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

    @cached_property
    def ranked(self) -> list[int]:
        """A row for each individual that was tried, the best first."""
        return ranked(self.results, self.best)

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
    def expected(self) -> str:
        """What the best score is worth on new data; empty if that is not known."""
        score = getattr(self.estimator, "expected_score_", math.nan)
        if math.isnan(score):
            return ""
        return score_text(score, self.estimator.expected_score_error_)

    @property
    def seconds(self) -> np.ndarray:
        """Seconds that each row took, all splits together."""
        each = self.results["mean_fit_time"] + self.results["mean_score_time"]
        return each * self.results["n_fits"]

    @property
    def best_predicts(self) -> bool:
        """Whether the best has a share in predictions."""
        return self.results["key"][self.best] in self.shares

    @property
    def shares(self) -> dict[str, float]:
        """The share of each individual in predictions, by key."""
        ensemble = getattr(self.estimator, "ensemble_", None)
        if ensemble is None:
            return {self.results["key"][self.best]: 1.0}
        return ensemble._weight_by_key
