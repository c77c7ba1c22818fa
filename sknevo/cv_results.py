"""What is read of `cv_results_`: which rows count, and which individual is better.

An individual has a row for each resource that it was evaluated with.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

Results = Mapping[str, Any]


def succeeded(results: Results) -> np.ndarray:
    """Return the rows that have a fitness."""
    return np.flatnonzero(np.isfinite(np.asarray(results["fitness"], float)))


def furthest(results: Results) -> np.ndarray:
    """Return, of each individual that has a fitness, the row with the most resource."""
    rows: dict[str, int] = {}
    for row in succeeded(results):
        other = rows.setdefault(results["key"][row], row)
        if results["resource"][row] > results["resource"][other]:
            rows[results["key"][row]] = row
    return np.array(sorted(rows.values()), int)


def whole(results: Results) -> np.ndarray:
    """Return the rows that got all of the resource, or the most if none did."""
    rows = furthest(results)
    resource = np.asarray(results["resource"], float)[rows]
    return rows[np.isinf(resource)] if np.isinf(resource).any() else rows


def is_resource_first(results: Results, best: int) -> bool:
    """Return whether more of the resource makes an individual better than fitness.

    The best has less than others where training goes on at the end of a search.
    """
    resource = np.asarray(results["resource"], float)
    return bool(resource[best] == resource[succeeded(results)].max())


def ranked(results: Results, best: int) -> list[int]:
    """Return a row for each individual that was tried, the best one first.

    Those that failed come last.
    """
    rows = {results["key"][row]: int(row) for row in furthest(results)}
    rows[results["key"][best]] = best
    for row in np.flatnonzero(results["status"] != "skipped"):
        rows.setdefault(results["key"][row], int(row))
    by_resource = is_resource_first(results, best)
    has_fitness = {*succeeded(results).tolist()}

    def worth(row: int) -> tuple[bool, bool, float, float]:
        known = row in has_fitness
        resource = results["resource"][row] if known and by_resource else 0.0
        return row == best, known, resource, results["fitness"][row] if known else 0.0

    # Stable: of equals, the earlier one comes first.
    return sorted(sorted(rows.values()), key=worth, reverse=True)
