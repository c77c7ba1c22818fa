"""`cv_results_` as RandomizedSearchCV has it, with what evolution adds."""

from collections import Counter
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import rankdata

from sknevo.records import Chromosome, Evaluation, flatten

__all__ = ["all_failed", "chosen_index", "make_cv_results"]


def _genes(chromosome: Chromosome) -> tuple[dict[str, Any], Any]:
    return flatten(chromosome.genes), chromosome.expressed


def make_cv_results(
    evaluations: Sequence[Evaluation],
    n_splits: int,
    error_score: float,
    finals: Sequence[Evaluation] = (),
    describe: Callable[[Chromosome], tuple[dict[str, Any], Any]] = _genes,
) -> dict[str, Any]:
    """Return one row per individual, in the order in which they were tried.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Every individual once, in a race with each resource once.
    n_splits : int
        Number of splits.
    error_score : float
        Score of those that failed.
    finals : sequence of Evaluation, default=()
        Of those that were tried again in the end.
    describe : callable, default=by its genes
        Returns what a chromosome's `param_*` and its `params` are.

    Returns
    -------
    dict of str to array
        `params`, `param_*` (masked where a gene is silent), times, scores and ranks as
        in scikit-learn; `generation`, `origin`, `parents`, `key`, `status`, `error`,
        and `final_score` if there were finals.
    """
    chromosomes = [e.chromosome for e in evaluations]
    results: dict[str, Any] = {}
    for name in ("fit", "score"):
        times = [getattr(e, f"{name}_times") for e in evaluations]
        results[f"mean_{name}_time"] = np.array([np.mean(t or 0.0) for t in times])
        results[f"std_{name}_time"] = np.array([np.std(t or 0.0) for t in times])
    described = [describe(chromosome) for chromosome in chromosomes]
    results |= _parameters([columns for columns, _ in described])
    results["params"] = [params for _, params in described]
    metrics = next((list(e.scores) for e in evaluations if e.status == "ok"), [])
    for metric in metrics:
        results |= _scores(evaluations, metric, n_splits, error_score)
    results["generation"] = np.array([c.generation for c in chromosomes])
    results["origin"] = np.array([c.origin for c in chromosomes])
    results["parents"] = [c.parents for c in chromosomes]
    results["key"] = np.array([c.key for c in chromosomes])
    resources = [e.resource for e in evaluations]
    results["resource"] = np.array([np.inf if r is None else r for r in resources])
    results["status"] = np.array([e.status for e in evaluations])
    results["error"] = np.array([e.error for e in evaluations])
    if finals:
        again = {e.candidate.name: e.fitness for e in finals if e.status == "ok"}
        final = [again.get(e.candidate.name, np.nan) for e in evaluations]
        results["final_score"] = np.array(final)
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
    failed = (error_score,) * n_splits
    table = np.array(
        [e.scores[metric] if e.status == "ok" else failed for e in evaluations], float
    )
    mean = table.mean(axis=1)
    columns = {f"split{i}_test_{metric}": table[:, i] for i in range(n_splits)}
    worst = np.nanmin(mean, initial=0.0) - 1
    ranks = rankdata(-np.nan_to_num(mean, nan=worst), method="min").astype(np.int32)
    return columns | {
        f"mean_test_{metric}": mean,
        f"std_test_{metric}": table.std(axis=1),
        f"rank_test_{metric}": ranks,
    }


def all_failed(evaluations: Sequence[Evaluation], stop_reason: str) -> Exception:
    """Return what to raise if no individual succeeded: the causes, counted.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Of all that were tried.
    stop_reason : str
        Why the search ended.

    Returns
    -------
    ValueError, or TypeError if that is what all individuals raised
    """
    causes = Counter(e.error for e in evaluations).most_common(5)
    lines = "\n".join(f"{count:>6} x {cause}" for cause, count in causes)
    # Data of a wrong type are wrong for all.
    types = all(e.error.startswith("TypeError: ") for e in evaluations)
    return (TypeError if evaluations and types else ValueError)(
        f"none of {len(evaluations)} individuals succeeded ({stop_reason}). "
        f"The most frequent causes:\n{lines}"
    )


def chosen_index(
    choose: Callable[[dict[str, Any]], Any], results: dict[str, Any], n_tried: int
) -> int:
    """Return the row that a user's own `refit` chooses.

    Parameters
    ----------
    choose : callable
        Gets `cv_results_`.
    results : dict of str to array
        `cv_results_`.
    n_tried : int
        How many rows, from the first on, may be chosen.

    Returns
    -------
    int

    Raises
    ------
    TypeError, IndexError
        If it is no such row.
    """
    index = choose(results)
    if not isinstance(index, Integral):
        raise TypeError(f"refit must return an integer index; got {index!r}.")
    if not 0 <= index < n_tried:
        raise IndexError(f"refit must return an index in [0, {n_tried}); got {index}.")
    return int(index)
