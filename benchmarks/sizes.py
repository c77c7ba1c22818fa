"""Tables of every size and shape: cost and score of sknevo and its peers.

    python benchmarks/peers/compare.py environments ENVIRONMENTS --names flaml
    python benchmarks/sizes.py run --environments ENVIRONMENTS --out sizes.jsonl
    python benchmarks/sizes.py report sizes.jsonl
    python benchmarks/sizes.py figure sizes.jsonl doc/pictures/sizes.png

The tables are made (`peers/_made.py`): those of the first measurements by name, and
rows of 20 numbers, columns of 1,000 rows and labels of 100,000 rows, one size at a
time. Each fit is a process of its own, as in `peers/compare.py`, which makes the rows:
a run that was stopped goes on with what is missing. The score is the ROC AUC of rows
that no method has seen. Seconds to the first result are those until the first
individual is scored, memory is the most that all processes hold (PSS), without the
tables that the caller holds, and in multiples of X as float32 beyond the first GB.
"""

import argparse
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _made import COLUMNS, LABELS, MADE, NAMED, ROWS
from _rows import read
from compare import python_of, run_all

METHODS = ["sknevo", "lightgbm", "flaml", "univariate"]
# Where a table of one size differs from the next, and how it is named in the figure.
AXES = {"rows": ROWS, "columns": COLUMNS, "labels": LABELS}
MEASURES = {
    "first": "seconds to the first result",
    "memory": "MB beside the caller's table",
    "predict": "seconds to predict 1,000 rows",
}
SCORE, GIGABYTE = "roc_auc", 1024


def methods_for(name: str, args: argparse.Namespace) -> list[str]:
    """Return the methods that run on a table: the univariate filter on wide ones."""
    wide = MADE[name].is_wide
    return [one for one in args.methods if one != "univariate" or wide]


def run(args: argparse.Namespace) -> None:
    for method in args.methods:
        python_of(method, args.environments)
    for seed in args.seeds:
        for name in args.tables:
            options = {
                "seeds": [seed],
                "tables": [name],
                "scores": [SCORE],
                "budgets": [MADE[name].budget],
                "methods": methods_for(name, args),
                "data": None,
                "side_by_side": False,
            }
            run_all(Namespace(**{**vars(args), **options}))


def measured(files: list[Path]) -> pd.DataFrame:
    """Return a row per fit, the last of each, with what this benchmark is about."""
    rows = [row for path in files for row in read(path) if row["table"] in MADE]
    table = pd.DataFrame(rows)
    table = table.drop_duplicates(["table", "seed", "method"], keep="last")
    made = table.table.map(MADE)
    cells = np.array([one.n_rows * one.n_columns for one in made])
    dense = np.array([one.kind != "words" for one in made])
    beside = table.memory_mb - table.given_mb
    own = np.where(dense, cells * 4 / 2**20, table.given_mb)
    return table.assign(
        auc=table.get(SCORE),
        first=[course[0][0] if course else np.nan for course in _courses(table)],
        memory=beside,
        multiple=np.maximum(0, beside - GIGABYTE) / own,
        over=np.maximum(0, table.fit_seconds - table.budget),
        predict=table.predict_seconds / [one.n_test / 1_000 for one in made],
    )


def _courses(table: pd.DataFrame) -> list[list]:
    if "course" not in table:
        return [[]] * len(table)
    return [one if isinstance(one, list) else [] for one in table.course]


def report(args: argparse.Namespace) -> None:
    table = measured(args.files)
    columns = {
        "n": ("seed", "size"),
        "ROC AUC": ("auc", "mean"),
        "candidates": ("n_candidates", "median"),
        "first, s": ("first", "median"),
        "fit, s": ("fit_seconds", "median"),
        "over, s": ("over", "max"),
        "predict, s": ("predict_seconds", "median"),
        "memory, MB": ("memory", "max"),
        "beyond 1 GB": ("multiple", "max"),
        "failed": ("error", lambda errors: int((errors != "").sum())),
    }
    order = {name: place for place, name in enumerate([*MADE, *METHODS])}
    groups = table.groupby(["table", "method"]).agg(**columns)
    groups = groups.sort_index(key=lambda names: names.map(order))
    print(f"| table | method | {' | '.join(columns)} |")
    print("|-|-|" + "-|" * len(columns))
    for (name, method), row in groups.iterrows():
        digits = [0, 4, 0, 1, 1, 1, 1, 0, 1, 0]
        cells = [f"{v:.{d}f}" for v, d in zip(row, digits, strict=True)]
        print(f"| {name} | {method} | {' | '.join(cells)} |".replace("nan", ""))
    print("\nScore of the best so far on its own held-out rows, by seconds:\n")
    ours = table[table.method.isin(["sknevo", "flaml"])]
    for row, course in zip(ours.itertuples(), _courses(ours), strict=True):
        points = ", ".join(f"{seconds:.0f} s {value:.4f}" for seconds, value in course)
        print(f"- {row.table}, {row.method}, seed {row.seed}: {points}")


def figure(args: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    table = measured([args.rows])
    drawing = Figure(figsize=(11, 8), layout="constrained")
    panels = drawing.subplots(len(MEASURES), len(AXES), sharex="col", sharey="row")
    for line, (measure, title) in zip(panels, MEASURES.items(), strict=True):
        for panel, (axis, tables) in zip(line, AXES.items(), strict=True):
            sizes = {name: int(name.rpartition("_")[2]) for name in tables}
            part = table[table.table.isin(tables)]
            part = part.assign(size=part.table.map(sizes)).dropna(subset=measure)
            for method, own in part.groupby("method"):
                means = own.groupby("size")[measure].median()
                colour = f"C{METHODS.index(method)}"
                panel.loglog(means.index, means, "o-", color=colour, label=method)
            panel.grid(alpha=0.3)
            panel.set_ylabel(title if axis == "rows" else "")
            if measure == [*MEASURES][-1]:
                panel.set_xlabel(axis)
    panels[1, 0].legend()
    drawing.savefig(args.path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    fit = commands.add_parser("run", help="append a row per fit to a file")
    fit.add_argument("--out", type=Path, required=True)
    fit.add_argument("--environments", type=Path, default=Path())
    fit.add_argument("--logs", type=Path, help="folder for what failed fits print")
    fit.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    fit.add_argument("--tables", nargs="+", choices=MADE, default=[*NAMED])
    fit.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    fit.add_argument("--n-jobs", type=int, default=2)
    fit.set_defaults(do=run)
    shown = commands.add_parser("report", help="Markdown; the last row of a fit counts")
    shown.add_argument("files", nargs="+", type=Path)
    shown.set_defaults(do=report)
    drawn = commands.add_parser("figure", help="cost against size")
    drawn.add_argument("rows", type=Path)
    drawn.add_argument("path", type=Path)
    drawn.set_defaults(do=figure)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
