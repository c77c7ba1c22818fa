"""Evolution, random search and default LightGBM on ten tables, 30 s each.

For every table, seed and score, interleaved in one run: an evolved classifier; random
search over the same genome with the same time and workers (`random`: random individuals
only; `seeded`: beginning with the well-known individuals of evolution); and default
LightGBM. All are scored on the same held-out 30 %. Each row is printed and appended to
a CSV file as soon as it is complete; rows that the file already has are not run again.

    python benchmarks/tabular.py FOLDER_OF_CSVS --out rows.csv
    python benchmarks/tabular.py --fresh --methods evolved seeded lightgbm --out new.csv
    python benchmarks/tabular.py --report rows.csv
"""

import argparse
import csv
import time
from pathlib import Path

import pandas as pd
import tables
from lightgbm import LGBMClassifier
from sklearn.metrics import get_scorer

from sknevo import Elitist, EvolvedPipelineClassifier

SCORES = ("neg_log_loss", "balanced_accuracy")
FIELDS = ("table", "seed", "score", "method", "held_out", "cv", "evaluated", "seconds")


def evolved(score, seed, args):
    return EvolvedPipelineClassifier(
        scoring=score,
        generations=None,
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=seed,
    )


def seeded_random_search(score, seed, args):
    return evolved(score, seed, args).set_params(strategy=Elitist())


def random_search(score, seed, args):
    return seeded_random_search(score, seed, args).set_params(initial_population=[])


SEARCHES = {
    "evolved": evolved,
    "random": random_search,
    "seeded": seeded_random_search,
}


def one_row(method, score, seed, args, data):
    X_train, X_test, y_train, y_test = data
    begin = time.perf_counter()
    if method == "lightgbm":
        model = LGBMClassifier(verbose=-1, random_state=seed, n_jobs=args.n_jobs)
        X = tables.with_categories(pd.concat([X_train, X_test]))
        X_train, X_test = X[: len(X_train)], X[len(X_train) :]
    else:
        model = SEARCHES[method](score, seed, args)
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - begin
    return {
        "held_out": round(get_scorer(score)(model, X_test, y_test), 5),
        "cv": float("nan") if method == "lightgbm" else round(model.best_score_, 5),
        "evaluated": getattr(model, "n_evaluations_", 1),
        "seconds": round(seconds, 2),
    }


def run(args):
    done = set()
    if Path(args.out).exists():
        rows = pd.read_csv(args.out)
        done = set(zip(rows.table, rows.seed, rows.score, rows.method, strict=True))
    with open(args.out, "a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not done:
            writer.writeheader()
        # Seeds come first, so that an interrupted run has all tables.
        for seed in range(args.seeds):
            for name in args.tables:
                data = tables.held_out(*tables.read(args.folder, name), seed)
                for score in args.scores:
                    for method in args.methods:
                        if (name, seed, score, method) in done:
                            continue
                        row = {
                            "table": name,
                            "seed": seed,
                            "score": score,
                            "method": method,
                            **one_row(method, score, seed, args, data),
                        }
                        print(*row.values(), flush=True)
                        writer.writerow(row)
                        file.flush()


def report(path):
    """Print the tables of doc/figures.md: means over seeds, and comparisons."""
    rows = pd.read_csv(path)
    methods = [name for name in (*SEARCHES, "lightgbm") if name in set(rows.method)]
    whole = rows.groupby(["table", "seed", "score"]).method.transform("size")
    rows = rows[whole == len(methods)]
    for score, part in rows.groupby("score"):
        print(f"\n### Held-out {score}, {part.seed.nunique()} seeds\n")
        print_means(part, methods)
        print_ranks(part, methods)
    timed = rows[rows.method != "lightgbm"].seconds
    print(
        f"\n{len(timed)} searches took {timed.min():.1f} to {timed.max():.1f} s, "
        f"median {timed.median():.2f}."
    )


def print_means(part, methods):
    """Print a row per table, with the best score in bold, and evaluations."""
    searches = [name for name in methods if name in SEARCHES]
    means = part.pivot_table(index="table", columns="method", values="held_out")
    tried = part.pivot_table(index="table", columns="method", values="evaluated")
    print("| table |", " | ".join(methods), "| tried:", " / ".join(searches), "|")
    print("|-" * (len(methods) + 2) + "|")
    for table, row in means[methods].iterrows():
        cells = [f"**{x:.4f}**" if x == row.max() else f"{x:.4f}" for x in row]
        counts = " / ".join(f"{tried.loc[table, name]:.0f}" for name in searches)
        print("|", table, "|", " | ".join(cells), "|", counts, "|")
    as_good = int((means.evolved >= means.lightgbm).sum())
    print(f"\nAt least as good as LightGBM on {as_good} of {len(means)} tables.")


def print_ranks(part, methods):
    """Print wins and losses of evolution over all tables and seeds."""
    cases = part.pivot_table(
        index=["table", "seed"], columns="method", values="held_out"
    )
    for other in methods[1:]:
        pair = cases[["evolved", other]].rank(axis=1, ascending=False).mean()
        won, lost = (cases.evolved > cases[other]), (cases.evolved < cases[other])
        print(
            f"Beside {other}: mean rank {pair.evolved:.2f} to {pair[other]:.2f} "
            f"({won.sum()} won, {len(cases) - won.sum() - lost.sum()} tied, "
            f"{lost.sum()} lost)."
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="folder of the CSV files")
    parser.add_argument("--out", default="benchmarks/results/tabular.csv")
    parser.add_argument("--report", help="only print the report of this file")
    parser.add_argument("--fresh", action="store_true", help="tables of R packages")
    parser.add_argument("--tables", nargs="*")
    methods = [*SEARCHES, "lightgbm"]
    parser.add_argument(
        "--methods",
        nargs="*",
        choices=methods,
        default=["evolved", "random", "lightgbm"],
    )
    parser.add_argument("--scores", nargs="*", default=SCORES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-time", type=float, default=30)
    parser.add_argument("--n-jobs", type=int, default=2)
    args = parser.parse_args()
    args.tables = args.tables or (tables.FRESH if args.fresh else tables.NAMES)
    if not args.report:
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
        run(args)
    report(args.report or args.out)


if __name__ == "__main__":
    main()
