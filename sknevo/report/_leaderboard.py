"""All individuals of a search in a table, the best first."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sknevo.report._facts import Facts

if TYPE_CHECKING:
    import pandas as pd


def leaderboard(facts: Facts, n: int | None = None) -> "pd.DataFrame":
    """Return the first `n` individuals, each with the most resource that it got.

    Where a line has no room for all columns, pandas prints the first and the last.
    """
    import pandas as pd

    rows = ranked(facts)[:n]
    results = facts.results
    shares = [facts.shares.get(key, 0.0) for key in results["key"][rows]]
    columns: dict[str, Any] = {
        "model": [facts.words[row] for row in rows],
        "weight": shares,
        "seconds": facts.seconds[rows],
        "origin": results["origin"][rows],
        "generation": results["generation"][rows],
        "status": results["status"][rows],
        "error": facts.errors[rows],
        "score": facts.fitness[rows],
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(rows) + 1, name="rank"))


def ranked(facts: Facts) -> list[int]:
    """Return a row of `cv_results_` for each individual that was tried, best first.

    The more resource, the better, and then by fitness. Where the best has less than
    another, training went on at the end, and fitness alone counts.
    """
    results, ok, best = facts.results, facts.ok, facts.best
    fitness = np.where(ok, facts.fitness, -np.inf)
    resource = np.where(ok, results["resource"], -np.inf)
    counts = resource[best] == resource.max()

    def worth(row: int) -> tuple[bool, float, float]:
        return row == best, resource[row] if counts else 0.0, fitness[row]

    tried = np.flatnonzero(results["status"] != "skipped").tolist()
    furthest: dict[str, int] = {}
    for row in sorted(tried, key=lambda row: (row == best, resource[row])):
        furthest[results["key"][row]] = row
    # Stable: of equals, the earlier one comes first.
    return sorted(sorted(furthest.values()), key=worth, reverse=True)
