"""How soon evolved networks are good: seconds to a target, and scores over time.

    python benchmarks/over_time.py targets --data FOLDER --out targets.jsonl
    python benchmarks/over_time.py course --data FOLDER --out course.jsonl

`targets`: seconds to 98.7, 99.0 and 99.4 % of MNIST's test images. A fit of sknevo ends
with one result, so fits get more and more seconds until one reaches the last target,
and the seconds of the first that reaches a target count, to its end. Optuna's TPE with
Hyperband has the same genome, known individuals and trainer (`_tpe.py`), and one run of
the most seconds. In its favour, any moment counts: that at which the network which is
best on held-out images reaches the target on the test images, without a last fit.

`course`: evolution beside random search, which has the same known individuals, rungs
and ensemble, after 120 and 600 s: the best held-out score so far, what the ensembles
reach on the test images, and what of them was bred.

Rows are appended to a file, and not made again: as in `pictures.py`, which makes them.
Optuna comes with `pip install ".[benchmarks]"`.
"""

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pictures import Cell, add_options, markdown, rows_of, table_of

TARGETS = (0.987, 0.990, 0.994)
# Of the fits of sknevo; TPE has the last.
BUDGETS = (30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1200)
# Seconds at which the best scores so far are compared.
MARKS = (5, 10, 20, 30, 60, 120, 240, 360, 600)
KNOWN_ORIGINS = ("known", "random")


# Seconds to a target -------------------------------------------------------------


def run_targets(args: argparse.Namespace) -> None:
    for seed in args.seeds:
        for method in args.methods:
            budgets = args.budgets[-1:] if method == "tpe" else args.budgets
            for budget in budgets:
                cell = Cell(seed, args.scored, args.set, budget, method)
                (row, *_) = rows_of(cell, args)
                if row.get("accuracy", 0.0) >= max(args.targets):
                    break
    print(*target_report(table_of([args.out]), args.targets), sep="\n")


def target_report(table: pd.DataFrame, targets: tuple[float, ...]) -> Iterator[str]:
    """Yield the seconds of each seed and method, and their medians and ratios."""
    found = {
        (seed, method): [seconds_to(target, rows) for target in targets]
        for (seed, method), rows in table.groupby(["seed", "method"])
        if method in ("sknevo", "tpe")
    }
    names = [f"{target:.1%}" for target in targets]
    seconds = pd.DataFrame(found, index=names).T
    yield "### Seconds to a test accuracy (nothing: not reached)"
    shown = seconds.replace(np.inf, np.nan)
    yield markdown(shown.set_axis([f"{m}, seed {s}" for s, m in seconds.index]), 1)
    medians = seconds.groupby(level=1).median()
    if len(medians) == 2:
        medians.loc["ratio"] = medians.loc["sknevo"] / medians.loc["tpe"]
    yield markdown(medians.replace(np.inf, np.nan), 2)


def seconds_to(target: float, rows: pd.DataFrame) -> float:
    """Return the seconds at which a target was reached, infinity if it was not."""
    reached = [np.inf]
    for row in rows.to_dict("records"):
        if row["accuracy"] >= target:
            reached.append(row["fit_seconds"])
        if isinstance(row.get("course"), list):
            reached += [t for t, _, accuracy in row["course"] if accuracy >= target]
    return min(reached)


# Scores over time ----------------------------------------------------------------


def run_course(args: argparse.Namespace) -> None:
    for seed in args.seeds:
        for name in args.sets:
            for budget in args.budgets:
                for method in ("evolution", "random"):
                    cell = Cell(seed, args.scored, name, budget, method)
                    rows_of(cell, args)
    print(*course_report(table_of([args.out])), sep="\n")


def course_report(table: pd.DataFrame) -> Iterator[str]:
    """Yield scores over time and at the end, and what was bred."""
    table = table[table.method.isin(("evolution", "random")) & (table.error == "")]
    for (name, budget), rows in table.groupby(["set", "budget"], sort=False):
        marks = [mark for mark in MARKS if mark <= budget]
        over_time = pd.DataFrame(
            {
                f"{row.method}, seed {row.seed}": best_until(row.trials, marks)
                for row in rows.sort_values("method").itertuples()
            },
            index=[f"{mark} s" for mark in marks],
        ).T
        yield f"### {name}, {budget:g} s: best held-out score so far"
        yield markdown(over_time, 4)
        ends = rows.assign(
            bred_weight=rows.members.map(bred_weight),
            bred_best=rows.best.map(lambda best: best["origin"] not in KNOWN_ORIGINS),
        )
        columns = ["accuracy", "macro_f1", "log_loss", "n_candidates", "n_generations"]
        columns += ["bred_weight", "bred_best"]
        yield f"### {name}, {budget:g} s: the end (means)"
        yield markdown(ends.groupby("method")[columns].mean(), 4)
        for row in rows.itertuples():
            if row.best["origin"] not in KNOWN_ORIGINS:
                yield f"- seed {row.seed}, {row.method}: {row.best}"


def best_until(trials: list[dict], marks: list[float]) -> list[float]:
    """Return the best score of all trials that had ended at each mark."""
    scores = [
        [t["fitness"] for t in trials if t["status"] == "ok" and t["ended"] <= mark]
        for mark in marks
    ]
    return [max(one, default=np.nan) for one in scores]


def bred_weight(members: list[list]) -> float:
    """Return the weight in an ensemble of what was bred."""
    if not members:
        return np.nan
    return sum(weight for weight, origin, _ in members if origin not in KNOWN_ORIGINS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)

    targets = commands.add_parser("targets", help="seconds to accuracies on MNIST")
    add_options(targets)
    targets.add_argument("--set", default="mnist")
    targets.add_argument("--targets", type=float, nargs="+", default=TARGETS)
    targets.add_argument("--budgets", type=float, nargs="+", default=BUDGETS)
    targets.add_argument("--methods", nargs="+", default=["sknevo", "tpe"])
    targets.set_defaults(do=run_targets)

    course = commands.add_parser("course", help="evolution beside random search")
    add_options(course)
    course.add_argument("--sets", nargs="+", default=["fashion_4000", "mnist"])
    course.add_argument("--budgets", type=float, nargs="+", default=[120, 600])
    course.set_defaults(do=run_course)

    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
