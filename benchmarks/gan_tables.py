"""Tables that are made: evolved GANs, their peers, and what other judges say.

    python benchmarks/peers/compare.py environments FOLDER --names sdv
    python benchmarks/gan_tables.py run --environments FOLDER --data FOLDER_OF_CSVS \
--out rows.jsonl
    python benchmarks/gan_tables.py summary rows.jsonl

Of each table 30 % are held out. Each method gets the other rows, with the target as a
column, the same cores and the same seconds, in a process of its own, and makes as many
rows. The judges are those of examples/synthesize_table.py, with seeds of their own and
the rows held out: no fitness has seen them. SDMetrics' quality compares with the rows
that were learned from, as it is made for. A row is appended to the file as soon as its
process has ended and it was judged; rows that the file has are not run again.

Methods: "sknevo"; "ctgan" and "tvae" of SDV, with as many epochs as the seconds allow
by the time of the first few, but at most 3,000; "copula", SDV's Gaussian copula;
"smote": a row and one of its five nearest of the same class, numbers on the line
between both, all else as in the row; "real": the rows themselves.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path += [str(HERE / "peers"), str(ROOT / "examples")]

from _process import Ended, environ_for, result_of, run  # noqa: E402
from _rows import append, commit, read  # noqa: E402
from _tables import HELD_OUT  # noqa: E402
from _tables import read as read_table  # noqa: E402
from compare import limit  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from synthesize_table import (  # noqa: E402
    as_numbers_and_labels,
    detection,
    is_regression,
    nearest,
    prediction,
)

TABLES = ("adult", "credit_g", "HMDA", "birds", "abalone", "SaratogaHouses")
# Which environment a method runs in; None is that of this script.
METHODS = {
    **{"sknevo": None, "smote": None, "real": None},
    **{"ctgan": "sdv", "tvae": "sdv", "copula": "sdv"},
}
# Judges have these seeds, far from those of searches.
JUDGES = (1001, 1002)
# Rows count as copies if they are nearer to a row that was learned from than all but
# this share of the rows held out.
NEAR = 0.05


class Cell(NamedTuple):
    """What is compared: one method on one split in so many seconds."""

    seed: int
    table: str
    budget: float
    method: str


def split(
    name: str, folder: Path | None, seed: int, most: int | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to learn from and those held out, the target last."""
    X, y = read_table(name, folder)
    table = X.assign(target=y)
    if most and len(table) > most:
        table = table.sample(most, random_state=seed)
    target = table["target"]
    values = target.dtype.kind in "fiu" and target.nunique() > 20
    return train_test_split(
        table,
        test_size=HELD_OUT,
        stratify=None if values else target,
        random_state=seed,
    )


# Run -----------------------------------------------------------------------------


def run_all(args: argparse.Namespace) -> None:
    done = {Cell(*(row[name] for name in Cell._fields)) for row in read(args.out)}
    for values in product(args.seeds, args.tables, [args.budget], args.methods):
        cell = Cell(*values)
        if cell in done:
            continue
        row = one_row(cell, args)
        append(args.out, row)
        told = ("tstr", "detection", "quality", "fit_seconds", "error")
        print(*cell, {name: row.get(name) for name in told}, flush=True)


def one_row(cell: Cell, args: argparse.Namespace) -> dict:
    """Let one method make rows, judge them, and return the row of the file."""
    begin = {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),
        **cell._asdict(),
        "n_jobs": args.n_jobs,
        "max_rows": args.max_rows,
    }
    train, held_out = split(cell.table, args.data, cell.seed, args.max_rows)
    with tempfile.TemporaryDirectory(prefix="tables-") as name:
        folder = Path(name)
        train.to_csv(folder / "train.csv", index=False)
        held_out.to_csv(folder / "held_out.csv", index=False)
        job = {**cell._asdict(), "n_jobs": args.n_jobs, "n_rows": len(train)}
        ended = call(job, METHODS[cell.method], folder, args, limit(cell.budget))
        result, scores = result_of(folder), {}
        if result and not ended.error:
            scores = judge(*map(read_csv, (folder / f"{n}.csv" for n in PARTS)))
            scores |= quality(job, folder, args)
    return {
        **begin,
        **scores,
        **result,
        "seconds": round(ended.seconds, 2),
        "memory_mb": round(ended.memory),
        "error": ended.error,
    }


def call(
    job: dict,
    environment: str | None,
    folder: Path,
    args: argparse.Namespace,
    seconds: float,
) -> Ended:
    """Run the script beside this one in an environment."""
    (folder / "job.json").write_text(json.dumps(job))
    python, paths = Path(sys.executable), [ROOT, ROOT / "examples"]
    if environment is not None:
        python = args.environments.absolute() / environment / "bin" / "python"
        paths = []
    command = [str(python), str(HERE / "_gan_tables_child.py"), str(folder)]
    return run(command, folder, environ_for(paths), seconds)


def read_csv(path: Path) -> pd.DataFrame:
    # "None" and the like may be labels: only an empty cell is a missing value.
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


# Judges --------------------------------------------------------------------------

PARTS = ("train", "held_out", "made")


def judge(train: pd.DataFrame, held_out: pd.DataFrame, made: pd.DataFrame) -> dict:
    """Return what is measured of made rows, with rows that no method has seen."""
    train, held_out, made = as_numbers_and_labels(train, held_out, made)
    near_made, near_real = nearest(train, made, held_out)
    return {
        "score": "r2" if is_regression(train["target"]) else "roc_auc",
        "tstr": mean(prediction, made, held_out, "target"),
        "detection": mean(detection, held_out, made),
        "near": float(np.mean(near_made <= np.quantile(near_real, NEAR))),
    }


def mean(function: Any, *args: Any) -> float:
    return float(np.mean([function(*args, seed) for seed in JUDGES]))


def quality(job: dict, folder: Path, args: argparse.Namespace) -> dict:
    """Return SDMetrics' score, if its environment is there."""
    if args.environments is None or not (args.environments / "sdv").exists():
        return {}
    ended = call({**job, "method": "quality"}, "sdv", folder, args, limit(600))
    if ended.error:
        return {"quality_error": ended.error}
    return {n: v for n, v in result_of(folder).items() if n.startswith("quality")}


# Summary -------------------------------------------------------------------------


def summarise(args: argparse.Namespace) -> None:
    rows = pd.DataFrame([row for path in args.files for row in read(path)])
    rows = rows.drop_duplicates([*Cell._fields], keep="last")
    for name in ("tstr", "detection", "quality", "near", "fit_seconds"):
        if name in rows:
            found = rows.pivot_table(name, ["budget", "table"], "method", "mean")
            print(f"\n{name}, mean over seeds\n{found.round(3).to_string()}")
    failed = rows[rows["error"] != ""]
    print(f"\n{len(rows)} rows, {len(failed)} failed")
    for _, row in failed.iterrows():
        print(row["table"], row["method"], row["error"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    make = commands.add_parser("run", help="append a row per method and split")
    make.add_argument("--out", type=Path, required=True)
    make.add_argument("--environments", type=Path)
    make.add_argument("--data", type=Path, help="folder of the tables that are files")
    make.add_argument("--tables", nargs="+", default=TABLES)
    make.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    make.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    make.add_argument("--budget", type=float, default=600.0, help="seconds of a fit")
    make.add_argument("--n-jobs", type=int, default=2)
    make.add_argument("--max-rows", type=int, help="of a table, to try this script")
    make.set_defaults(do=run_all)
    summary = commands.add_parser("summary", help="of one file or several")
    summary.add_argument("files", type=Path, nargs="+")
    summary.set_defaults(do=summarise)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
