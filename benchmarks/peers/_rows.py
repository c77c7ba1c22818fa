"""The file of raw rows: JSON lines, one per fit, appended as soon as it has ended."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

from _tables import task_of

HERE = Path(__file__).resolve().parent
# The scores that can be asked for, and the tables that have them.
SCORES = {
    "neg_log_loss": "classification",
    "roc_auc": "classification",
    "balanced_accuracy": "classification",
    "r2": "regression",
}


class Cell(NamedTuple):
    """What is compared: one method on one split, for one score and time."""

    seed: int
    table: str
    score: str
    budget: float
    method: str


def cells(
    seeds: Iterable[int],
    tables: Iterable[str],
    scores: Iterable[str],
    budget: float,
    methods: Iterable[str],
) -> Iterator[Cell]:
    """Yield all cells in their order: methods in turn, table after table.

    Seeds come first, so that an interrupted run has all tables.
    """
    for cell in product(seeds, tables, scores, [budget], methods):
        if SCORES[cell[2]] == task_of(cell[1]):
            yield Cell(*cell)


def read(path: Path) -> list[dict]:
    """Return the rows of a file, none if there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def append(path: Path, row: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def commit(folder: Path = HERE) -> str:
    """Return the commit of the checkout that holds a folder, and whether it changed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def missing(wanted: Iterable[Cell], rows: Iterable[dict]) -> list[Cell]:
    """Return the cells that have no row yet. A failure is a row, too."""
    done = {Cell(*(row[name] for name in Cell._fields)) for row in rows}
    return [cell for cell in wanted if cell not in done]
