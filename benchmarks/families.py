"""What each family of models adds to ensembles of the known candidates.

A family is a model, with or without columns in pieces. All known candidates are tried
on five folds of samples of tables, as in `folds.py`; then the ensemble of all is
compared with that of all but one family, by the logarithm of the loss on test rows.

    python portfolio/tables.py tables.pkl.xz
    python families.py tables.pkl.xz FOLDER --sizes 400 1000 --seconds 1000
    python families.py --report FOLDER

A second run goes on from there.
"""

import argparse
import lzma
import multiprocessing
import pickle
import time
import warnings
from pathlib import Path

import folds
import numpy as np
import pandas as pd
from folds import TABLES, Problem, Sample, contents

from sknevo.evaluation import limited_threads

MORE = (
    *("bands", "HELPrct", "Fishing", "diabetes", "car_prices", "MathAchieve", "recid"),
    *("flchain", "gpa2", "page-blocks0", "Catsup", "email", "Benefits", "OFP", "bdf"),
)
MOST = 40


def family(expressed):
    ((name, _),) = expressed["model"].items()
    return name + " of pieces" * (expressed["scaling"] == "piecewise")


def measure(job):
    """Measure the known candidates on one sample that are not in its file yet."""
    table, size, folder, end = job
    path = folder / f"{table['name']}-{size}-0.pickle"
    warnings.simplefilter("ignore")
    done = sum(1 for _ in contents(path)) - 1
    if time.time() > end:
        return
    problem = Problem(table, size, 0)
    known = [c for c in problem.chromosomes if c.origin == "known"]
    with open(path, "ab", 0) as file, limited_threads(1):
        if done < 0:
            about = (problem.y, problem.y_test, problem.labels, problem.splits)
            file.write(pickle.dumps(about))
        for number in range(max(0, done), len(known)):
            if time.time() > end:
                return
            row = problem.measure(number) | {"family": family(known[number].expressed)}
            file.write(pickle.dumps(row))


def run(args):
    args.folder.mkdir(exist_ok=True)
    folds.FOLDS = {"5": folds.FOLDS["5"]}
    folds.SIZES = dict.fromkeys(args.sizes, (MOST, MOST))
    with lzma.open(args.tables) as file:
        tables = {table["name"]: table for table in pickle.load(file)}
    end = time.time() + args.seconds
    jobs = [
        (tables[name], size, args.folder, end)
        for name in (*TABLES, *MORE)
        for size in args.sizes
        if len(tables[name]["y"]) >= 1.25 * size
    ]
    with multiprocessing.get_context("fork").Pool(args.processes) as pool:
        for _ in pool.imap_unordered(measure, jobs):
            pass


def rows_of(path):
    sample = Sample(path)
    rows, boosters = sample.rows, [r for r in sample.rows if r["family"] == "lightgbm"]
    if not boosters:
        return []
    usual = np.mean([row["5"].seconds.sum() for row in boosters])
    whole, _ = sample.loss("5", "both", {"n_best": 0})
    found = []
    for name in {row["family"] for row in rows}:
        own = [row["5"].seconds.sum() for row in rows if row["family"] == name]
        sample.rows = [row for row in rows if row["family"] != name]
        sample.scores = {}
        without, _ = sample.loss("5", "both", {"n_best": 0})
        change = 100 * np.log(whole / without)
        about = sample.table, int(sample.size), name
        found.append((*about, change, len(own), np.mean(own) / usual))
    return found


def report(folder):
    """Print per size and family: what it changes in percent, and its seconds."""
    columns = ["table", "size", "family", "change", "candidates", "seconds"]
    with multiprocessing.get_context("fork").Pool() as pool:
        found = pool.map(rows_of, sorted(folder.glob("*.pickle")))
    found = pd.DataFrame([row for rows in found for row in rows], columns=columns)
    for size, part in found.groupby("size"):
        groups = part.groupby("family")
        summary = {
            "change": groups["change"].mean(),
            "error": groups["change"].sem(),
            "better": groups["change"].apply(lambda change: (change < 0).sum()),
            "worse": groups["change"].apply(lambda change: (change > 0).sum()),
            "candidates": groups["candidates"].mean(),
            "seconds beside LightGBM": groups["seconds"].mean(),
        }
        print(f"\n{size} rows, {part['table'].nunique()} tables")
        print(pd.DataFrame(summary).round(2).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="?")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[400, 1000])
    parser.add_argument("--seconds", type=float, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    report(args.report) if args.report else run(args)


if __name__ == "__main__":
    main()
