"""What users set of a search, whatever evolves."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from sknevo.evolution import STRATEGIES, Strategy
from sknevo.genes import Genome
from sknevo.records import DataSpec

__all__ = ["SearchParameters"]


class SearchParameters(BaseEstimator):
    """The parameters that all evolved estimators share, described in `_docs`."""

    _parameter_constraints: dict = {
        "genome": [Genome, callable, None],
        "strategy": [StrOptions(set(STRATEGIES)), Strategy],
        "population_size": [Interval(Integral, 1, None, closed="left")],
        "generations": [Interval(Integral, 1, None, closed="left"), None],
        "scoring": [str, callable, list, tuple, dict, set, None],
        "refit": ["boolean", str, callable, dict],
        "target_score": [Interval(Real, None, None, closed="neither"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "max_eval_time": [Interval(Real, 0, None, closed="neither"), None],
        "memory_limit": [Interval(Real, 0, None, closed="neither"), None],
        "max_predict_time": [Interval(Real, 0, None, closed="neither"), None],
        "cv": ["cv_object"],
        "resource": [str, None],
        "factor": [Interval(Real, 1, None, closed="neither")],
        "min_resources": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"exhaust", "smallest"}),
        ],
        "max_resources": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "initial_population": ["array-like", None],
        "journal": [str, PathLike, None],
        "error_score": [StrOptions({"raise"}), Real],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        genome: Genome | Callable[[DataSpec], Genome] | None = None,
        strategy: str | Strategy = "estimation_of_distribution",
        population_size: int = 12,
        generations: int | None = 5,
        scoring: Any = None,
        refit: bool | str | Callable | dict[str, float] = True,
        target_score: float | None = None,
        n_iter_no_change: int | None = None,
        tol: float = 1e-4,
        max_time: float | None = None,
        max_eval_time: float | None = None,
        memory_limit: float | None = None,
        max_predict_time: float | None = None,
        cv: Any = None,
        resource: str | None = None,
        factor: float = 3,
        min_resources: int | str = "exhaust",
        max_resources: int | str = "auto",
        initial_population: Sequence | None = None,
        journal: str | PathLike | None = None,
        error_score: float | str = np.nan,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.genome = genome
        self.strategy = strategy
        self.population_size = population_size
        self.generations = generations
        self.scoring = scoring
        self.refit = refit
        self.target_score = target_score
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.max_time = max_time
        self.max_eval_time = max_eval_time
        self.memory_limit = memory_limit
        self.max_predict_time = max_predict_time
        self.cv = cv
        self.resource = resource
        self.factor = factor
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.initial_population = initial_population
        self.journal = journal
        self.error_score = error_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
