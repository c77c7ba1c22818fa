"""All individuals of a search in a table, the best first."""

from typing import TYPE_CHECKING, Any

from sknevo.report._facts import Facts

if TYPE_CHECKING:
    import pandas as pd


def leaderboard(facts: Facts, n: int | None = None) -> "pd.DataFrame":
    """Return the first `n` individuals, each with the most resource that it got.

    Where a line has no room for all columns, pandas prints the first and the last.
    """
    import pandas as pd

    rows = facts.ranked[:n]
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
