"""Evolved networks beside fixed networks and SVMs, in the same seconds.

    python benchmarks/pictures.py run --data FOLDER --out rows.jsonl
    python benchmarks/pictures.py run --data FOLDER --out rows.jsonl \
--sets insects --budgets 120 --seeds 100 101 102 103 104
    python benchmarks/pictures.py summary rows.jsonl

Each fit is a process of its own, on the same cores, one after the other. A row is
appended to the file as soon as its fit has ended; rows that the file has are not run
again. `_picture_sets.py` says where the sets lie; those that are missing are left out.

`sknevo` is `EvolvedClassifier` with `max_time`, and `best_net` its `best_estimator_`.
`sknevo_pretrained` is the same, with networks that may begin with pretrained layers.
`fixed` and `fixed3` are networks of two and three convolutions, trained by a plain loop
for the same seconds, with mirroring and shifts for photos. `svm` is a default SVM on
pixels, of at most 20,000 images; it knows no budget. `pipelines` is
`EvolvedPipelineClassifier`, `classic` the same without pretrained networks, and `probe`
a logistic regression on the features of the one that a package brings, without budget:

    python benchmarks/pictures.py run --data FOLDER --out rows.jsonl --budgets 60 \
--sets shore4_224 ten_224 insects digits mnist_2000 --seeds 0 1 2 3 4 \
--methods pipelines classic sknevo svm probe

With `--scored held_out`, other training images are scored instead of the test images:
so settings are chosen. `--source` names another checkout whose sknevo is measured.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _picture_fit import METHODS, shape
from _picture_sets import SETS, load
from _process import Ended, environ_for, result_of, run
from _rows import append, commit, read

from sknevo.records import Chromosome

HERE = Path(__file__).resolve().parent
USUAL = ("sknevo", "fixed", "fixed3", "svm")
# The methods that take what time they need, and so many seconds at most.
WITHOUT_BUDGET = {"svm": 1_200.0, "probe": 600.0}
# Sets of images that networks learn from in minutes.
SMALL_SETS = [name for name in SETS if not name.endswith("_224")]
# Candidates are counted until so many seconds.
EARLY = 30.0


class Cell(NamedTuple):
    """What is compared: one method on one set; the budget is in seconds."""

    seed: int
    scored: str
    set: str
    budget: float
    method: str


# Run -----------------------------------------------------------------------------


def run_all(args: argparse.Namespace) -> None:
    """Fit what has no row yet; seeds come first, so that all sets are soon seen."""
    for seed in args.seeds:
        for name in args.sets:
            try:
                load(name, args.data, seed, args.scored)
            except OSError as error:
                print(f"{name} is left out: {error}", flush=True)
                continue
            for budget in args.budgets:
                for method in args.methods:
                    cell = Cell(seed, args.scored, name, budget, method)
                    rows_of(cell, args)


def rows_of(cell: Cell, args: argparse.Namespace) -> list[dict]:
    """Return the rows of a cell: those of the file, or those of a fit that is run."""
    if cell.method in WITHOUT_BUDGET:
        cell = cell._replace(budget=0.0)
    known = [row for row in read(args.out) if cell == cell_of(row)]
    if known:
        return known
    rows = fit(cell, args)
    for row in rows:
        append(args.out, row)
        print(line(row), flush=True)
    return rows


def cell_of(row: dict) -> Cell:
    return Cell(*(row[name] for name in Cell._fields))


def fit(cell: Cell, args: argparse.Namespace) -> list[dict]:
    """Run one method; return a row for each of what it has fitted."""
    cores = sorted(os.sched_getaffinity(0))[: args.n_jobs]
    begin = {
        "commit": commit(args.source),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),
        **cell._asdict(),
        "n_jobs": len(cores),
    }
    limit = WITHOUT_BUDGET.get(cell.method, 3 * cell.budget + 120)
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        folder = Path(name)
        data = None if args.data is None else str(args.data.resolve())
        settings = {**cell._asdict(), "data": data, "cores": cores}
        (folder / "job.json").write_text(json.dumps(settings))
        command = [sys.executable, str(HERE / "_picture_fit.py"), str(folder)]
        journal = Lines(folder / "journal.jsonl")
        ended = run(command, folder, environ_for([args.source]), limit, journal.look)
        journal.look()
        result = result_of(folder)
    # Once all is written, how the process ended does not matter.
    begin["error"] = "" if result else ended.error
    begin["memory_mb"] = round(ended.memory)
    if not result:
        return [begin]
    seconds = result["end"] - result["begin"]
    measured = {
        "n_train": result["n_train"],
        "n_test": result["n_test"],
        "fit_seconds": round(seconds, 2),
        "over": round(seconds - cell.budget, 2) if cell.budget else None,
    }
    course = journal.course(result["begin"])
    details = {**trials(course), **work(ended, result, course, len(cores))}
    rows = [
        {**begin, "method": method, **measured, **scores, **details}
        for method, scores in result["scores"].items()
    ]
    rows[0] |= {**result["details"], "trials": course}
    return rows


class Lines:
    """Notes when the lines of a journal were written."""

    def __init__(self, path: Path) -> None:
        self._path, self._place = path, 0
        self._found: list[tuple[float, dict]] = []

    def look(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                record = json.loads(line)
                if "chromosome" in record:
                    self._found.append((time.time(), record))

    def course(self, begin: float) -> list[dict[str, Any]]:
        """Return what has ended, and the seconds since `begin` at which it had."""
        return [
            {"ended": round(seen - begin, 2), **trial(record)}
            for seen, record in self._found
        ]


def trial(record: dict) -> dict[str, Any]:
    """Return what a line of a journal says of a trial."""
    chromosome = Chromosome.from_json(json.dumps(record["chromosome"]))
    return {
        "key": chromosome.key,
        "origin": chromosome.origin,
        "shape": shape(chromosome.expressed),
        "resource": record["resource"],
        "status": record["status"],
        "fitness": record["fitness"],
        "fit_seconds": round(sum(record["fit_times"]), 2),
        "score_seconds": round(sum(record["score_times"]), 2),
    }


def trials(course: list[dict]) -> dict[str, Any]:
    """Return how many candidates have ended, and when the first one had."""
    if not course:
        return {}
    early = [one for one in course if one["ended"] <= EARLY]
    return {
        "n_trials": len(course),
        "n_candidates": len({one["key"] for one in course}),
        "n_early_trials": len(early),
        "n_early_candidates": len({one["key"] for one in early}),
        "first_result": course[0]["ended"],
        "last_result": course[-1]["ended"],
    }


def work(
    ended: Ended, result: dict, course: list[dict], n_cores: int
) -> dict[str, float]:
    """Return the share of the cores' time that a fit did not use.

    It counts from the beginning of the first trial (of a fit without trials, from its
    own) to the end; `idle_search` until the last trial has ended, `idle_final` after
    it. `others` is how many cores other processes had in the mean.
    """
    begin, end = result["begin"], result["end"]
    moments = [begin, end, end]
    if course:
        spent = [o["ended"] - o["fit_seconds"] - o["score_seconds"] for o in course]
        moments[:2] = begin + max(0, min(spent)), begin + course[-1]["ended"]
    times, own, all_ = np.array(ended.course).T
    worked = np.interp(moments, times, np.maximum.accumulate(own))
    (others,) = np.diff(np.interp([moments[0], end], times, all_ - own))

    def idle(first: int, last: int) -> float | None:
        wall = moments[last] - moments[first]
        if wall < 1:
            return None
        return round(1 - (worked[last] - worked[first]) / (n_cores * wall), 4)

    found = {"idle": idle(0, 2), "others": round(others / (end - moments[0]), 3)}
    if course:
        found |= {"idle_search": idle(0, 1), "idle_final": idle(1, 2)}
    return found


def line(row: dict) -> str:
    cell = " ".join(map(str, cell_of(row)))
    if row["error"]:
        return f"{cell}: {row['error']}"
    scores = f"accuracy {row['accuracy']:.4f}, macro F1 {row['macro_f1']:.4f}"
    counted = f", {row['n_candidates']} candidates" if "n_candidates" in row else ""
    return f"{cell}: {scores}, {row['fit_seconds']:.1f} s{counted}, idle {row['idle']}"


# Summary -------------------------------------------------------------------------


def table_of(files: Iterable[Path]) -> pd.DataFrame:
    """Return the rows of files; the last row of a cell counts."""
    rows = [row for path in files for row in read(path)]
    return pd.DataFrame(rows).drop_duplicates([*Cell._fields], keep="last")


def summary(table: pd.DataFrame) -> Iterator[str]:
    """Yield tables: medians of scores and wins by budget, then what fits took."""
    table = table.assign(macro_f1=table.macro_f1.astype(float))
    order = [name for name in SETS if name in set(table.set)]
    timed = table[~table.method.isin(WITHOUT_BUDGET)]
    untimed = table[table.method.isin(WITHOUT_BUDGET)]
    for (scored, budget), part in timed.groupby(["scored", "budget"]):
        same = untimed[(untimed.scored == scored) & untimed.set.isin(part.set)]
        part = pd.concat([part, same])
        for score in ("accuracy", "macro_f1", "log_loss"):
            wide = part.pivot(index=["set", "seed"], columns="method", values=score)
            wide = wide.reindex(columns=part.method.unique()).dropna(axis=1, how="all")
            medians = wide.groupby("set").median().reindex(order).dropna(how="all")
            yield f"### {score}, {budget:g} s, scored: {scored} (medians)"
            yield markdown(medians.assign(seeds=wide.groupby("set").size()), 4)
            if "sknevo" in wide:
                sign = -1 if score == "log_loss" else 1
                yield markdown(wins(sign * wide), 4)
        if "n_trials" in part:
            searches = part[part.n_trials.notna() & (part.method != "best_net")]
            yield f"### What fits took, {budget:g} s (medians; the most over)"
            yield markdown(costs(searches), 2)
    for row in table[table.error != ""].to_dict("records"):
        yield line(row)


def wins(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how often sknevo was above each other method, and by how much."""
    gains = -scores.drop(columns="sknevo").sub(scores.sknevo, axis=0)
    medians = gains.groupby("set").median()
    return pd.DataFrame(
        {
            "won": (gains > 0).sum(),
            "tied": (gains == 0).sum(),
            "lost": (gains < 0).sum(),
            "sets won": (medians > 0).sum(),
            "sets lost": (medians < 0).sum(),
            "least gain of a set": medians.min(),
        }
    )


def costs(table: pd.DataFrame) -> pd.DataFrame:
    """Return seconds, candidates and idle cores of searches.

    `unused` is the share of the cores' time that other processes did not have either.
    """
    table = table.assign(unused=table.idle - table.others / table.n_jobs)
    if table.method.nunique() > 1:
        table = table.assign(set=table.set + ", " + table.method)
    columns = [
        "fit_seconds",
        "refit_seconds",
        "first_result",
        "last_result",
        "n_early_candidates",
        "n_candidates",
        "n_trials",
        "idle",
        "idle_search",
        "idle_final",
        "others",
        "unused",
        "memory_mb",
    ]
    grouped = table.groupby("set", sort=False)
    found = grouped[columns].agg(lambda column: column.astype(float).median())
    found.insert(1, "over", grouped.over.max().astype(float))
    return found


def markdown(table: pd.DataFrame, digits: int) -> str:
    """Return a table; numbers that are whole in all of a column have no digits."""
    columns = {}
    for name, column in table.items():
        whole = (column.dropna() % 1 == 0).all() and column.abs().max() != 1
        whole |= pd.api.types.is_integer_dtype(column)
        shown = [f"{value:.{0 if whole else digits}f}" for value in column + 0.0]
        columns[name] = ["" if value == "nan" else value for value in shown]
    head = ["", *map(str, columns)]
    rows = zip(map(str, table.index), *columns.values(), strict=True)
    lines = [head, ["-"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


# Command line --------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what all fits have in common."""
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of the sets that are files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scored", choices=("test", "held_out"), default="test")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--source", type=Path, default=HERE.parent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fits = commands.add_parser("run", help="append a row per fit to a file")
    add_options(fits)
    fits.add_argument("--sets", nargs="+", choices=SETS, default=[*SMALL_SETS])
    fits.add_argument("--methods", nargs="+", choices=METHODS, default=[*USUAL])
    fits.add_argument("--budgets", type=float, nargs="+", default=[30.0, 60.0, 180.0])
    report = commands.add_parser("summary", help="of one file or several")
    report.add_argument("files", type=Path, nargs="+")
    args = parser.parse_args()
    if args.command == "run":
        run_all(args)
    else:
        print(*summary(table_of(args.files)), sep="\n")


if __name__ == "__main__":
    main()
