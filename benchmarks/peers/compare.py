"""sknevo and its peers on the same splits, with the same time and cores.

    python benchmarks/peers/compare.py environments FOLDER
    python benchmarks/peers/compare.py run --environments FOLDER --data FOLDER_OF_CSVS \
--out rows.jsonl
    python benchmarks/peers/compare.py summary rows.jsonl

Each fit is a process of its own, one after the other, table by table, or all methods of
a split at the same time (`--side-by-side`). A row is appended to the file as soon as
its fit has ended, and all that ran beside it; rows that the file has are not run again.
README.md beside this script says what each method is given and in which order to run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from _made import MADE
from _methods import METHODS, REQUIREMENTS
from _process import environ_for, result_of, run
from _rows import SCORES, Cell, append, cells, commit, missing, read
from _scores import held_out
from _summary import report
from _tables import NAMES, Split, load

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def limit(budget: float) -> float:
    """Return the seconds after which a process is killed."""
    return 3 * budget + 60


# Environments --------------------------------------------------------------------


def make_environments(args: argparse.Namespace) -> None:
    """Make a virtual environment per peer; one that is complete is left as it is."""
    for name in args.names:
        folder = args.folder.resolve() / name
        frozen = folder / "requirements.txt"
        if frozen.exists():
            continue
        print(f"{name}: {', '.join(REQUIREMENTS[name])}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip"]
        subprocess.run([*pip, "install", "-q", *REQUIREMENTS[name]], check=True)
        found = subprocess.run([*pip, "freeze"], check=True, stdout=subprocess.PIPE)
        frozen.write_bytes(found.stdout)


def python_of(method: str, environments: Path) -> tuple[Path, list[Path]]:
    """Return the interpreter that runs a method, and where it finds our modules."""
    name = METHODS[method].environment
    if name not in REQUIREMENTS:
        return Path(sys.executable), [ROOT, HERE.parent]
    python = environments.absolute() / name / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(
            f"{method} needs {python}: make the environments first."
        )
    return python, []


# Run -----------------------------------------------------------------------------


def run_all(args: argparse.Namespace) -> None:
    for method in args.methods:
        python_of(method, args.environments)  # better missed now than after an hour
    for budget in args.budgets:
        wanted = cells(args.seeds, args.tables, args.scores, budget, args.methods)
        for batch in batches(missing(wanted, read(args.out)), args.side_by_side):
            # Threads that wait for processes.
            with ThreadPoolExecutor(len(batch)) as pool:
                fit = partial(one_row, args=args)
                rows = list(pool.map(fit, batch, range(len(batch))))
            for row in rows:
                append(args.out, row)
                print(_line(row), flush=True)


def batches(wanted: Iterable[Cell], side_by_side: bool) -> Iterator[list[Cell]]:
    """Yield what runs at the same time: the methods of a split, or one of them."""
    key = (lambda cell: cell[:-1]) if side_by_side else None
    for _, batch in groupby(wanted, key):
        yield list(batch)


def one_row(cell: Cell, place: int, args: argparse.Namespace) -> dict:
    """Fit one method, on the cores of its place, and return its row."""
    split = load(cell.table, args.data, cell.seed)
    begin = {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),
        **cell._asdict(),
        "n_jobs": args.n_jobs,
    }
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        folder = Path(name)
        write_job(folder, cell, split, cores_of(place, args.n_jobs))
        python, paths = python_of(cell.method, args.environments)
        command = [str(python), str(HERE / "_child.py"), str(folder)]
        ended = run(command, folder, environ_for(paths), limit(cell.budget))
        result, scores, error = result_of(folder), {}, ended.error
        if result:
            # Predictions are complete: how the process ended does not matter.
            scores, error = score(folder, split)
        if error and args.logs:
            _keep_log(folder, args.logs, cell)
    return {
        **begin,
        **{name: float(value) for name, value in scores.items()},
        **result,
        "seconds": round(ended.seconds, 2),
        "memory_mb": round(ended.memory),
        "error": error,
    }


def cores_of(place: int, n_jobs: int) -> list[int]:
    """Return the cores of a place: no other one has them."""
    cores = sorted(os.sched_getaffinity(0))[place * n_jobs :][:n_jobs]
    if len(cores) < n_jobs:
        raise ValueError(f"Too few cores for {place + 1} times {n_jobs}.")
    return cores


def write_job(folder: Path, cell: Cell, split: Split, cores: list[int]) -> None:
    settings = {
        "method": cell.method,
        "table": cell.table,
        "score": cell.score,
        "budget": cell.budget,
        "seed": cell.seed,
        "cores": cores,
        "n_classes": split.n_classes,
    }
    (folder / "job.json").write_text(json.dumps(settings))
    if split.X_train is None:
        return
    pd.concat([split.X_train, split.X_test]).to_csv(folder / "X.csv", index=False)
    np.save(folder / "y.npy", split.y_train)


def score(folder: Path, split: Split) -> tuple[dict, str]:
    """Return the held-out scores, or none and what is wrong with the predictions."""
    with np.load(folder / "predictions.npz") as file:
        predictions = dict(file)
    try:
        return held_out(predictions, split.y_test, split.n_classes), ""
    except ValueError as error:
        return {}, f"predictions: {error}"


def _keep_log(folder: Path, logs: Path, cell: Cell) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    name = "-".join(map(str, cell)) + ".txt"
    (logs / name).write_bytes((folder / "log.txt").read_bytes())


def _line(row: dict) -> str:
    cell = " ".join(str(row[name]) for name in Cell._fields)
    found = row.get(row["score"], float("nan"))
    return (
        f"{cell}: {found:.4f}, fit {row.get('fit_seconds')} s, process "
        f"{row['seconds']} s, {row['memory_mb']} MB, {row.get('n_candidates')} "
        f"candidates, {row.get('notes', '')} {row['error']}"
    )


# Command line --------------------------------------------------------------------


def summarise(args: argparse.Namespace) -> None:
    rows = [row for path in args.files for row in read(path)]
    print(report(rows, args.methods))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)

    make = commands.add_parser("environments", help="one per peer, in a folder")
    make.add_argument("folder", type=Path)
    make.add_argument("--names", nargs="+", choices=REQUIREMENTS, default=REQUIREMENTS)
    make.set_defaults(do=make_environments)

    fit = commands.add_parser("run", help="append a row per fit to a file")
    fit.add_argument("--out", type=Path, required=True)
    fit.add_argument("--environments", type=Path, default=Path())
    fit.add_argument("--data", type=Path, help="folder of the tables that are files")
    fit.add_argument("--logs", type=Path, help="folder for what failed fits print")
    fit.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    fit.add_argument("--tables", nargs="+", choices=[*NAMES, *MADE], default=NAMES)
    fit.add_argument("--scores", nargs="+", choices=SCORES, default=list(SCORES))
    fit.add_argument("--budgets", nargs="+", type=float, default=[30.0])
    fit.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    fit.add_argument("--n-jobs", type=int, default=2)
    fit.add_argument(
        "--side-by-side",
        action="store_true",
        help="all methods of a split at the same time, each on n_jobs cores of its own",
    )
    fit.set_defaults(do=run_all)

    summary = commands.add_parser(
        "summary", help="of one file or several: the last row of a cell counts"
    )
    summary.add_argument("files", type=Path, nargs="+")
    summary.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    summary.set_defaults(do=summarise)

    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
