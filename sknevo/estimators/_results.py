"""`cv_results_` as RandomizedSearchCV has it, the best of its rows, and the refit."""

import math
import operator
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.metaestimators import available_if

from sknevo.deadline import DeadlineReached, TrialPruned
from sknevo.evaluation import TrialRunner
from sknevo.records import Chromosome, Evaluation, flatten
from sknevo.search import most_frequent_causes


def params_of(chromosome: Chromosome) -> tuple[dict[str, Any], Any]:
    """Return what a chromosome's `param_*` and its `params` are by its genes."""
    return flatten(chromosome.genes), chromosome.expressed


def make_cv_results(
    evaluations: Sequence[Evaluation],
    n_splits: int,
    error_score: float,
    params_of: Callable[[Chromosome], tuple[dict[str, Any], Any]] = params_of,
    name_of_fitness: str = "",
) -> dict[str, Any]:
    """Return one row per candidate: the columns of scikit-learn and those of evolution.

    `param_*` are masked where a gene is silent. The columns of the score
    `name_of_fitness` are repeated under the name "score", which a single score has.
    """
    chromosomes = [e.chromosome for e in evaluations]
    results: dict[str, Any] = {}
    for name in ("fit", "score"):
        times = [getattr(e, f"{name}_times") for e in evaluations]
        # A trial that failed at once has no times.
        results[f"mean_{name}_time"] = np.array([np.mean(t or 0.0) for t in times])
        results[f"std_{name}_time"] = np.array([np.std(t or 0.0) for t in times])
    results["end_time"] = np.array([e.end_time for e in evaluations])
    # A pruned trial ends after some of the splits.
    results["n_fits"] = np.array([len(e.fit_times) for e in evaluations])
    described = [params_of(chromosome) for chromosome in chromosomes]
    results |= _parameters([columns for columns, _ in described])
    results["params"] = [params for _, params in described]
    # Only a trial that succeeded knows what a scorer with several results returns.
    metrics = next((list(e.scores) for e in evaluations if e.status == "ok"), [])
    names = {metric: metric for metric in metrics}
    if name_of_fitness:
        names["score"] = name_of_fitness
    for name, metric in names.items():
        columns = _scores(evaluations, metric, n_splits, error_score)
        results |= {f"{column}_{name}": values for column, values in columns.items()}
    results["fitness"] = np.array([e.fitness for e in evaluations])
    results["generation"] = np.array([c.generation for c in chromosomes])
    results["origin"] = np.array([c.origin for c in chromosomes])
    results["parents"] = [c.parents for c in chromosomes]
    results["key"] = np.array([c.key for c in chromosomes])
    resources = [e.resource for e in evaluations]
    results["resource"] = np.array([np.inf if r is None else r for r in resources])
    results["status"] = np.array([e.status for e in evaluations])
    results["error"] = np.array([e.error for e in evaluations])
    return results


def _parameters(rows: list[dict[str, Any]]) -> dict[str, np.ma.MaskedArray]:
    columns: dict[str, np.ma.MaskedArray] = {}
    for i, row in enumerate(rows):
        for name, value in row.items():
            column = columns.setdefault(
                f"param_{name}", np.ma.MaskedArray(np.empty(len(rows), object), True)
            )
            column[i] = value
    return columns


def _scores(
    evaluations: Sequence[Evaluation], metric: str, n_splits: int, error_score: float
) -> dict[str, np.ndarray]:
    """Return the columns of a score, by names that lack its own."""
    failed = (error_score,) * n_splits
    table = np.array(
        [e.scores[metric] if e.status == "ok" else failed for e in evaluations], float
    )
    mean = table.mean(axis=1)
    columns = {f"split{i}_test": table[:, i] for i in range(n_splits)}
    # What failed, and a score that is NaN, share the last rank, as in scikit-learn.
    worst = np.nanmin(mean, initial=0.0) - 1
    ranks = rankdata(-np.nan_to_num(mean, nan=worst), method="min").astype(np.int32)
    return columns | {
        "mean_test": mean,
        "std_test": table.std(axis=1),
        "rank_test": ranks,
    }


def pareto_front(evaluations: Sequence[Evaluation]) -> np.ndarray:
    """Return the indices of what nothing dominates, the best in the first score first.

    Only what succeeded with its full resource counts. With one score, the front holds
    the best and its equals.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> goals = [(0.7, -1.0), (0.9, -3.0), (0.8, -3.0)]
    >>> pareto_front([Evaluation(Chromosome({"x": i}), "ok", g[0], objectives=g)
    ...               for i, g in enumerate(goals)])
    array([1, 0])
    """
    # On a lower rung, costs and scores are not those of the whole individual.
    goals = {
        i: e.objectives or (e.fitness,)
        for i, e in enumerate(evaluations)
        if e.status == "ok" and e.resource is None
    }

    def is_dominated(mine: tuple[float, ...]) -> bool:
        return any(
            other != mine and all(map(operator.ge, other, mine))
            for other in goals.values()
        )

    front = [i for i, mine in goals.items() if not is_dominated(mine)]
    front.sort(key=goals.get, reverse=True)  # stable: of equals, the earlier one first
    return np.array(front, int)


def all_failed(evaluations: Sequence[Evaluation], stop_reason: str) -> Exception:
    """Return the error to raise if no individual succeeded: the causes, counted."""
    lines = "\n".join(most_frequent_causes(evaluations))
    # Data of a wrong type raise a TypeError in every individual, as in scikit-learn.
    types = all(e.error.startswith("TypeError: ") for e in evaluations)
    return (TypeError if evaluations and types else ValueError)(
        f"none of {len(evaluations)} individuals succeeded ({stop_reason}). "
        f"The most frequent causes:\n{lines}"
    )


def chosen_index(
    choose: Callable[[dict[str, Any]], Any], results: dict[str, Any], n_rows: int
) -> int:
    """Return the row, one of the first `n_rows`, that a callable `refit` chooses."""
    index = choose(results)
    if not isinstance(index, Integral):
        raise TypeError(f"refit must return an integer index; got {index!r}.")
    if not 0 <= index < n_rows:
        raise IndexError(f"refit must return an index in [0, {n_rows}); got {index}.")
    return int(index)


# Individuals that are tried in the refit, the best included; chosen, not measured.
MOST_REFITTED = 3


def best_of_each(
    evaluations: Sequence[Evaluation], best: int, rank_key: Callable[[Evaluation], Any]
) -> list[int]:
    """Return the index of the best, and of the next best other individuals in order.

    An individual counts once, with the resource that it does best with.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> rows = [("a", 0.7), ("b", 0.9), ("b", 0.8), ("c", 0.8)]
    >>> best_of_each([Evaluation(Chromosome({"x": x}), "ok", fitness)
    ...               for x, fitness in rows], 1, lambda one: one.rank_key)
    [1, 3, 0]
    """
    successful = [i for i, one in enumerate(evaluations) if one.status == "ok"]
    successful.sort(key=lambda i: rank_key(evaluations[i]), reverse=True)
    first: dict[str, int] = {}
    for index in [best, *successful]:
        first.setdefault(evaluations[index].chromosome.key, index)
    return [*first.values()]


def runners_up(evaluations: Sequence[Evaluation], best: int) -> list[int]:
    """Return the index of the best, and of those to refit instead if that one fails.

    These are the next by fitness, with the same resource as the best. A fitter one than
    the best is left out: it is not the best because there was no time for its refit.

    Examples
    --------
    >>> from sknevo.records import Chromosome
    >>> runners_up([Evaluation(Chromosome({"x": i}), "ok", fitness)
    ...             for i, fitness in enumerate((0.7, 0.9, 0.8, 0.6))], best=1)
    [1, 2, 0]
    """
    top = evaluations[best]
    others = [
        i
        for i, one in enumerate(evaluations)
        if i != best
        and one.status == "ok"
        and one.resource == top.resource
        and one.fitness <= top.fitness
    ]
    # The sort is stable: of equals, the earlier one comes first.
    others.sort(key=lambda i: -evaluations[i].fitness)
    return [best, *others][:MOST_REFITTED]


def refit_first(
    runner: TrialRunner,
    evaluations: Sequence[Evaluation],
    indices: Sequence[int],
    until: float = math.inf,
) -> tuple[int, BaseEstimator]:
    """Refit individuals until one succeeds; return its index and the fitted estimator.

    Raises
    ------
    ValueError
        If none succeeds; it says why.
    DeadlineReached
        If a refit has not ended by the `time.time()` of `until`.
    """
    reasons, cause = [], None
    for index in indices:
        evaluation = evaluations[index]
        try:
            estimator = runner.refit(evaluation.chromosome, evaluation.rounds, until)
        except DeadlineReached:
            raise
        except Exception as fault:
            # Training that gives up is no fault, so `error_score` has no say in it.
            gave_up = isinstance(fault, TrialPruned)
            if runner.raise_error and not gave_up:
                raise
            kind = "" if gave_up else f"{type(fault).__name__}: "
            reasons.append(f"row {index} of cv_results_: {kind}{fault}")
            cause = fault
        else:
            if reasons:
                warnings.warn(
                    f"best_estimator_ is row {index} of cv_results_, since better "
                    "individuals were pruned or failed when they were fitted on all of "
                    f"X: {'; '.join(reasons)}.",
                    FitFailedWarning,
                    stacklevel=2,
                )
            return index, estimator
    raise ValueError(
        "the best individuals were pruned or failed when they were fitted on all of X: "
        f"{'; '.join(reasons)}. Fit another row with refit_individual, or run a longer "
        "search."
    ) from cause


Method = TypeVar("Method", bound=Callable[..., Any])


def after_refit(method: Method) -> Method:
    """Decorate a method that exists only if `refit` is not False; keep its type."""
    return available_if(check_refit)(method)


def check_refit(search: BaseEstimator) -> bool:
    """Return True, or raise an AttributeError if `refit` is False: for available_if."""
    if not search.refit:
        raise AttributeError(
            f"{type(search).__name__} was initialized with refit={search.refit}; "
            "prediction is available after a refit of the best individual only."
        )
    return True
