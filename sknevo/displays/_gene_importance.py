"""How much of the differences between individuals each gene explains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from sknevo.cv_results import succeeded
from sknevo.displays._shared import NoPictureError, lower_limit
from sknevo.displays._words import PARAMETER, are_numbers

# Trees of the forest, and individuals in a leaf; values of a gene that are compared,
# and individuals that they are given to. Chosen, not measured.
N_TREES, LEAF, MOST_VALUES, MOST_ROWS = 100, 3, 10, 100
# A gene that fewer individuals express is not judged, and nothing is said of fewer
# individuals in all. Chosen, not measured.
FEWEST_EXPRESSED, FEWEST = 8, 20


@dataclass(frozen=True)
class GeneImportance:
    """How much of the differences between individuals a gene explains.

    Parameters
    ----------
    path : str
        The gene.
    mean, std : float
        Share of the variance of the score, over the trees of the forest.
    expressed : float
        Share of the individuals that express the gene.

    Examples
    --------
    >>> GeneImportance("model.svm.C", 0.2, 0.05, expressed=0.5).mean
    0.2
    """

    path: str
    mean: float
    std: float
    expressed: float


def importances(
    results: Mapping[str, Any], random_state: int
) -> tuple[list[GeneImportance], float, int, int]:
    """Return importances, what the forest explains, and how many are judged.

    The last two are the numbers of individuals, and of genes that too few express.
    """
    rows = _comparable(results)
    if len(rows) < FEWEST:
        raise NoPictureError(
            f"estimator must have at least {FEWEST} individuals with a score to tell "
            f"genes apart; it has {len(rows)}. Search for longer."
        )
    score = np.asarray(results["fitness"], float)[rows]
    score = np.maximum(score, lower_limit(score))
    columns = {
        name.removeprefix(PARAMETER): _encoded(column[rows])
        for name, column in results.items()
        if name.startswith(PARAMETER)
    }
    n_expressed = {path: np.isfinite(c).sum() for path, c in columns.items()}
    judged = {
        path: column
        for path, column in columns.items()
        if n_expressed[path] >= FEWEST_EXPRESSED and _varies(column)
    }
    rare = [p for p, n in n_expressed.items() if n < FEWEST_EXPRESSED]
    if not judged or np.ptp(score) == 0:
        raise NoPictureError(
            "estimator must have genes and scores that vary; all of its "
            f"{len(rows)} individuals are alike."
        )
    table = np.column_stack([*judged.values()]).astype(np.float32)
    forest = RandomForestRegressor(
        N_TREES, min_samples_leaf=LEAF, oob_score=True, random_state=random_state
    ).fit(table, score)
    rng = np.random.default_rng(random_state)
    shares = [
        _shares(forest, table, place, _holds_others(path, columns), rng)
        for place, path in enumerate(judged)
    ]
    found = [
        GeneImportance(
            path,
            float(share.mean()),
            float(share.std()),
            float(n_expressed[path] / len(rows)),
        )
        for path, share in zip(judged, shares, strict=True)
    ]
    return found, float(forest.oob_score_), len(rows), len(rare)


def _comparable(results: Mapping[str, Any]) -> np.ndarray:
    """Return a row for each individual on the rung on which most of them have a score.

    With more of the resource, scores are others, and only the best got more.
    """
    rows = succeeded(results)
    resource = np.asarray(results["resource"], float)[rows]
    rungs, counts = np.unique(resource, return_counts=True)
    rows = rows[resource == rungs[counts.argmax()]] if len(rows) else rows
    firsts = {str(results["key"][row]): row for row in rows[::-1]}
    return np.array(sorted(firsts.values()), int)


def _encoded(column: np.ma.MaskedArray) -> np.ndarray:
    """Return a gene as numbers, NaN where it is silent; trees need no other scale."""
    silent = np.ma.getmaskarray(column)
    values = [
        value for value, is_silent in zip(column, silent, strict=True) if not is_silent
    ]
    codes = {value: value for value in values}
    if not are_numbers(values):
        codes = {value: i for i, value in enumerate(sorted(set(values), key=str))}
    encoded = np.full(len(column), np.nan)
    encoded[~silent] = [codes[value] for value in values]
    return encoded


def _varies(column: np.ndarray) -> bool:
    return len(np.unique(column[np.isfinite(column)])) > 1


def _holds_others(path: str, paths: Mapping[str, Any]) -> bool:
    """Return whether other genes are expressed by the value of a gene."""
    return any(other.startswith(f"{path}.") for other in paths)


def _shares(
    forest: RandomForestRegressor,
    table: np.ndarray,
    place: int,
    is_switch: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return, for each tree, what the main effect of a gene is of all variance."""
    column = table[:, place]
    rows = np.flatnonzero(np.isfinite(column))
    share = len(rows) / len(table)
    trees = forest.estimators_
    total = np.array([tree.predict(table, check_input=False).var() for tree in trees])
    if is_switch:
        values, groups = np.unique(column[rows], return_inverse=True)
        counts = np.bincount(groups)
        effects = np.array(
            [
                np.bincount(groups, tree.predict(table[rows], check_input=False))
                for tree in trees
            ]
        )
        effects /= counts
    else:
        values, counts = _values(column[rows])
        some = rng.permutation(rows)[:MOST_ROWS]
        changed = np.tile(table[some], (len(values), 1))
        changed[:, place] = np.repeat(values, len(some))
        effects = np.array(
            [
                tree.predict(changed, check_input=False)
                .reshape(len(values), -1)
                .mean(axis=1)
                for tree in trees
            ]
        )
    weights = counts / counts.sum()
    means = effects @ weights
    variance = ((effects - means[:, None]) ** 2) @ weights
    return share * np.divide(variance, total, np.zeros_like(total), where=total > 0)


def _values(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values to compare, and how often each occurs: quantiles of many."""
    values, counts = np.unique(column, return_counts=True)
    if len(values) <= MOST_VALUES:
        return values, counts
    shares = (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES
    values = np.quantile(column, shares).astype(column.dtype)
    return values, np.ones(MOST_VALUES)
