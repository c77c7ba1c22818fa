"""Settings of the evolved pipelines against each other, on tables to develop on.

Each table is held out once per seed; each setting gets the same seconds on two cores,
or with `--generations` the same number of individuals. With `--train-rows`, all others
are held out, so that differences are not lost in the noise of a small test part.
On a machine of many cores, several fits run side by side, each on two cores of its own.
Rows are appended to a file of JSON lines; a second run goes on from there. The tables
are those of `portfolio/tables.py`: nothing is judged on them.

    python portfolio/tables.py tables.pkl.xz
    python settings.py tables.pkl.xz --out rows.jsonl --settings plain alone
    python settings.py --report rows.jsonl
    python settings.py tables.pkl.xz --out breeding.jsonl --settings plain random \
--train-rows 500 --population-size 20 --generations 8 --names banana gpa2
"""

import argparse
import json
import lzma
import os
import pickle
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)

from sknevo import Elitist, EvolvedPipelineClassifier, EvolvedPipelineRegressor

SCORES = {"classification": "neg_log_loss", "regression": "r2"}
# Rows that are predicted at most.
MOST_TESTED = 5000
# What all fits of a file have in common, and the child is told.
COMMON = ("max_time", "generations", "population_size", "train_rows")


def folds(n, repeats=1):
    """Return a setting: a number of folds, repeated."""

    def cv(task, seed):
        if repeats > 1:
            kind = RepeatedStratifiedKFold if task[0] == "c" else RepeatedKFold
            return {"cv": kind(n_splits=n, n_repeats=repeats, random_state=seed)}
        kind = StratifiedKFold if task[0] == "c" else KFold
        return {"cv": kind(n, shuffle=True, random_state=seed)}

    return cv


def held_out(task, seed):
    """Return a setting: one split."""
    kind = StratifiedShuffleSplit if task[0] == "c" else ShuffleSplit
    return {"cv": kind(1, test_size=0.2, random_state=seed)}


# What differs from the defaults, by task and seed.
SETTINGS = {
    "plain": lambda task, seed: {},
    "alone": lambda task, seed: {"ensemble_size": None},
    "random": lambda task, seed: {"strategy": Elitist()},
    "size10": lambda task, seed: {"ensemble_size": 10},
    "size50": lambda task, seed: {"ensemble_size": 50},
    "folds3": folds(3),
    "folds5": folds(5),
    "folds8": folds(8),
    "folds5x2": folds(5, 2),
    "folds5x4": folds(5, 4),
    "split": held_out,
    "all_folds": lambda task, seed: {"_n_best": None},
    "best1": lambda task, seed: {"_n_best": 1},
    "best3": lambda task, seed: {"_n_best": 3},
    "best10": lambda task, seed: {"_n_best": 10},
}


def one_row(table, setting, seed, args):
    """Return what a setting reaches on a table."""
    task, X, y = table["task"], table["X"], table["y"]
    classes = y if task == "classification" else None
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=args.train_rows or 0.7, stratify=classes, random_state=seed
    )
    X_test, y_test = X_test[:MOST_TESTED], y_test[:MOST_TESTED]
    kind = EvolvedPipelineRegressor if classes is None else EvolvedPipelineClassifier
    model = kind(
        scoring=SCORES[task],
        population_size=args.population_size,
        generations=args.generations,
        max_time=None if args.generations else args.max_time,
        n_jobs=2,
        random_state=seed,
    )
    for name, value in SETTINGS[setting](task, seed).items():
        setattr(model, name, value)
    begin = time.perf_counter()
    model.fit(X_train, y_train)
    fitted = time.perf_counter()

    def score(predictor):
        if classes is None:
            return r2_score(y_test, predictor.predict(X_test))
        proba = predictor.predict_proba(X_test)
        return -log_loss(y_test, proba, labels=model.classes_)

    held = score(model)
    seconds = time.perf_counter() - fitted
    status = pd.Series(model.cv_results_["status"]).value_counts().to_dict()
    ensemble = model.ensemble_
    members = [] if ensemble is None else ensemble.members
    return {
        "task": task,
        "held_out": held,
        "best_held_out": score(model.best_estimator_),
        "cv": model.best_score_,
        "ensemble_cv": getattr(model, "ensemble_score_", None),
        "seconds": fitted - begin,
        "predict_seconds": seconds,
        "refit_seconds": model.refit_time_,
        "generations": model.n_generations_,
        "bytes": len(pickle.dumps(model)),
        "members": [
            (next(iter(m.chromosome.expressed["model"])), round(m.weight, 3))
            for m in members
        ],
        "origins": [m.chromosome.origin for m in members],
        "status": status,
    }


def child(args):
    """Run one fit in this process and print its row."""
    warnings.simplefilter("ignore")
    with lzma.open(args.tables) as file:
        (table,) = [t for t in pickle.load(file) if t["name"] == args.child[0]]
    _, setting, seed = args.child
    print(json.dumps(one_row(table, setting, int(seed), args)))


def run(args):
    """Run all fits that the file does not hold yet, several side by side."""
    with lzma.open(args.tables) as file:
        tables = pickle.load(file)
    known = set()
    if Path(args.out).exists():
        rows = map(json.loads, Path(args.out).read_text().splitlines())
        known = {
            (r["table"], r["setting"], r["seed"], *map(r.get, COMMON)) for r in rows
        }
    common = [getattr(args, name) for name in COMMON]
    chosen = [
        t["name"]
        for t in tables
        if args.rows[0] <= len(t["X"]) <= args.rows[1]
        and (not args.names or t["name"] in args.names)
    ]
    jobs = [
        (name, setting, seed)
        for seed in args.seeds
        for name in chosen[:: args.every]
        for setting in args.settings
        if (name, setting, seed, *common) not in known
    ]
    cores = sorted(os.sched_getaffinity(0))
    places = Queue()
    for place in zip(cores[::2], cores[1::2], strict=False):
        places.put(place)
    end = time.time() + args.stop_after

    def work(job):
        if time.time() + 1.3 * args.max_time > end:
            return
        place = places.get()
        command = [sys.executable, __file__, args.tables, "--child", *map(str, job)]
        for name, value in zip(COMMON, common, strict=True):
            if value is not None:
                command += [f"--{name.replace('_', '-')}", str(value)]
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, place),
        )
        places.put(place)
        row = dict(zip(("table", "setting", "seed"), job, strict=True))
        row |= dict(zip(COMMON, common, strict=True))
        try:
            row |= json.loads(ended.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            row["error"] = ended.stderr[-500:]
        with open(args.out, "a") as file:
            file.write(json.dumps(row) + "\n")
        print(*[row.get(k) for k in ("table", "setting", "seed", "held_out", "error")])

    with ThreadPoolExecutor(places.qsize()) as pool:
        list(pool.map(work, jobs))


def report(path, baseline):
    """Print mean ranks, and wins of each setting over the first."""
    rows = pd.DataFrame(map(json.loads, Path(path).read_text().splitlines()))
    rows = rows[rows.held_out.notna()]
    index = ["table", "seed"]
    cases = rows.pivot_table(index=index, columns="setting", values="held_out").dropna()
    print(cases.round(4).to_string())
    print(f"\nMean rank in {len(cases)} cases:")
    print(cases.rank(axis=1, ascending=False).mean().sort_values().round(2).to_string())
    for other in cases.columns.drop(baseline):
        gain = cases[other] - cases[baseline]
        won, lost = (gain > 0).sum(), (gain < 0).sum()
        # Of the log loss, or of 1 minus R2: negative is better.
        tasks = rows.groupby("table").task.first()[cases.index.get_level_values(0)]
        whole = (tasks == "regression").to_numpy(float)
        logs = np.log(cases.rsub(whole, axis=0))
        change = 100 * (logs[other] - logs[baseline])
        print(
            f"{other} beside {baseline}: {won} won, {lost} lost, loss "
            f"{change.mean():+.1f} ± {change.sem():.1f} %"
        )
    print(rows.groupby("setting")[["seconds", "predict_seconds", "bytes"]].median())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="?")
    parser.add_argument("--out", default="settings.jsonl")
    parser.add_argument("--report")
    parser.add_argument("--settings", nargs="*", choices=SETTINGS, default=["plain"])
    parser.add_argument("--baseline", default="plain")
    parser.add_argument("--names", nargs="*")
    parser.add_argument("--rows", nargs=2, type=int, default=[0, 10**9])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--max-time", type=float, default=30)
    parser.add_argument("--generations", type=int, help="instead of --max-time")
    parser.add_argument("--population-size", type=int, default=12)
    parser.add_argument("--train-rows", type=int, help="of each table; else 70 %%")
    parser.add_argument("--stop-after", type=float, default=1e9)
    parser.add_argument("--child", nargs=3)
    args = parser.parse_args()
    if args.report:
        report(args.report, args.baseline)
    elif args.child:
        child(args)
    else:
        run(args)


if __name__ == "__main__":
    main()
