"""Policies for environments of Gymnasium: the mean return in 100 unseen episodes.

Per environment and seed, interleaved in one run: evolution, and random search over the
same genome in the same time (the same engine, which begins with the same known
policies, with successive halving and a last training, too). The seeds of the episodes
are none of those of `fit`, and the same for both.

    python benchmarks/policies.py --out FOLDER/policies.jsonl     # about 90 minutes
    python benchmarks/policies.py --out FOLDER/policies.jsonl --envs CartPole-v1

Rows are appended as soon as they are measured; a run that was stopped goes on. The
table of all rows is printed at the end.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _rows import append, commit, read

from sknevo import EvolvedPolicy

# Seconds of a search, and the return that it should reach.
AIMS = {
    "CartPole-v1": (20, 500),
    "Acrobot-v1": (60, -85),
    "MountainCarContinuous-v0": (60, 92),
    "Pendulum-v1": (180, -200),
    "LunarLander-v3": (480, 200),
}
METHODS = {"evolved": {}, "random": {"strategy": "elitist"}}
UNSEEN = np.arange(1_000_000, 1_000_100)


def measured(env, method, seed, args):
    """Return a row: the returns, and what was found."""
    begin = time.perf_counter()
    evolved = EvolvedPolicy(
        env,
        max_time=AIMS[env][0] * args.share,
        n_jobs=args.n_jobs,
        random_state=seed,
        **METHODS[method],
    ).fit()
    seconds = time.perf_counter() - begin
    returns = evolved.best_estimator_.returns(UNSEEN)
    statuses, counts = np.unique(evolved.cv_results_["status"], return_counts=True)
    return {
        "mean_return": float(returns.mean()),
        "least_return": float(returns.min()),
        "deviation": float(returns.std()),
        "seconds": seconds,
        "best_score": evolved.best_score_,
        "fresh_score": getattr(evolved, "fresh_score_", None),
        "policy": evolved.best_chromosome_.words,
        "origin": evolved.best_chromosome_.origin,
        "episodes": evolved.best_estimator_.episodes_,
        "individuals": len({*evolved.cv_results_["key"]}),
        "statuses": dict(zip(statuses.tolist(), counts.tolist(), strict=True)),
    }


def main():
    args = parse_arguments()
    rows = read(args.out)
    done = {key(row) for row in rows}
    for env in args.envs:
        for seed in args.seeds:
            for method in args.methods:
                cell = {"env": env, "seed": seed, "method": method, "share": args.share}
                if key(cell) in done:
                    continue
                found = measured(env, method, seed, args)
                row = {**cell, "n_jobs": args.n_jobs, "commit": commit()}
                rows.append(row | found)
                append(args.out, rows[-1])
                print(json.dumps(rows[-1]), flush=True)
    print_table(rows)


def key(row):
    return row["env"], row["seed"], row["method"], row["share"]


def print_table(rows):
    print("| environment | seconds | aim | method | returns | median | individuals |")
    print("|-|-|-|-|-|-|-|")
    for env, (seconds, aim) in AIMS.items():
        for method in METHODS:
            mine = [r for r in rows if (r["env"], r["method"]) == (env, method)]
            for share in sorted({row["share"] for row in mine}):
                same = [row for row in mine if row["share"] == share]
                returns = [row["mean_return"] for row in same]
                tried = median(row["individuals"] for row in same)
                each = ", ".join(f"{one:.1f}" for one in returns)
                print(
                    f"| {env} | {share * seconds:g} | {aim} | {method} | {each} | "
                    f"{median(returns):.1f} | {tried:g} |"
                )


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="file of the rows")
    parser.add_argument("--envs", nargs="+", default=list(AIMS), choices=AIMS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the seconds")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
