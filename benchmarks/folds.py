"""How many splits, how many candidates, and which models predict, by number of rows.

Samples of tables are the training rows, the other rows of a table the test. Candidates,
the known ones and then random ones, are tried as in a search: on 3, 5, 5 others and 8
folds, and fitted on all rows. Seconds and predictions are kept in a folder. Policies
are then compared on the same predictions: candidates in order until the seconds are
used, bad ones pruned, an ensemble of the rest. Losses are the log-loss and 1 - R2 on
test rows; their logarithms are compared, so that changes are nearly in percent.

    python portfolio/tables.py tables.pkl.xz
    python folds.py tables.pkl.xz FOLDER --sizes 150 400 --seconds 1000
    python folds.py --report FOLDER

A second run goes on from there.
"""

import argparse
import lzma
import multiprocessing
import pickle
import tempfile
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing as take

from sknevo.builders import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.estimators._setup import known_chromosomes
from sknevo.estimators._splits import make_splits
from sknevo.evaluation import (
    Data,
    ModelStore,
    Objectives,
    Response,
    Shared,
    TrialRunner,
    limited_threads,
    select,
    tune,
)
from sknevo.evaluation import _selection as selection
from sknevo.evaluation._held_out import HeldOut
from sknevo.evaluation._model_store import MOST_KEPT
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.records import Candidate, Chromosome, DataSpec

TABLES = (
    *("ring", "bfi", "Computers", "rotterdam", "Yogurt", "hotel_rates", "texture"),
    *("headInjury", "movies", "marketing", "planes", "nlswork", "taxi", "nassCDS"),
)
# Training rows; how many candidates are tried on all sets of folds, and on "5".
SIZES = {150: (12, 24), 400: (10, 20), 1000: (8, 8), 2000: (6, 6), 4000: (6, 6)}
DRAWS, MOST_TEST = 2, 2000
# Sets of folds by name: their number and seed. "5b" repeats "5".
FOLDS = {"5": (5, 0), "5b": (5, 1), "8": (8, 0), "3": (3, 0)}
# Rarer classes are left out, so that most folds have some of their rows.
FEWEST_OF_A_CLASS = 8
MOST_SECONDS = 20.0
SCORES = {"classification": "neg_log_loss", "regression": "r2"}


@dataclass
class Trial:
    """A candidate on one set of folds; arrays are empty if it failed.

    `first` and `test` are test predictions of the first model and the mean of all.
    """

    seconds: np.ndarray
    parts: tuple[np.ndarray, ...] = ()
    first: np.ndarray | None = None
    test: np.ndarray | None = None


def sampled(table, size, draw):
    """Return the targets of a table, as codes or standardised, and rows of both parts.

    Rows of rare classes are in neither part.
    """
    classifies, y = table["task"] == "classification", table["y"]
    rows = np.arange(len(y))
    if classifies:
        y = np.unique(y.astype(str), return_inverse=True)[1]
        rows = rows[np.bincount(y)[y] * size / len(y) >= FEWEST_OF_A_CLASS]
        y[rows] = np.unique(y[rows], return_inverse=True)[1]
    else:
        y = (y - y.mean()) / y.std()
    train, test = train_test_split(
        rows,
        train_size=size,
        stratify=y[rows] if classifies else None,
        random_state=draw,
    )
    return y, train, test[:MOST_TEST]


def pruned_after(scores, best, n_best=5):
    """Return after how many splits a candidate is pruned, and note it if it is not.

    `best` holds the `n_best` best so far: their score, and the floors that they give to
    others, as `TrialRunner.floors` has them.
    """
    means = np.cumsum(scores) / np.arange(1, len(scores) + 1)
    if len(best) == n_best:
        below = np.flatnonzero(means[:-1] < best[-1][1])
        if below.size:
            return below[0] + 1
    floors = means[:-1] - (means[-1] - scores.min())
    best[:] = sorted([*best, (means[-1], tuple(floors))], reverse=True)[:n_best]
    return len(scores)


class Problem:
    """A sample of a table: training rows, in all sets of folds, and test rows."""

    def __init__(self, table, size, draw):
        classifies = table["task"] == "classification"
        y, train, test = sampled(table, size, draw)
        reader = ColumnReader()
        X = reader.fit_transform(take(table["X"], train))
        self.X_test, self.y_test = reader.transform(take(table["X"], test)), y[test]
        self.labels = np.unique(y[train]) if classifies else None
        model = LogisticRegression() if classifies else Ridge()
        self.objectives = Objectives.of(model, SCORES[table["task"]], True, self.labels)
        spec = DataSpec(
            table["task"],
            int(0.8 * size),
            len(self.labels) if classifies else 0,
            reader.describe(X),
        )
        self.splits = {
            name: make_splits(
                n_folds,
                X,
                y[train],
                classifier=classifies,
                random_state=seed,
                split_params={},
                default_folds={},
            )
            for name, (n_folds, seed) in FOLDS.items()
        }
        self.y = y[train]
        genome, rng = pipeline(spec), np.random.default_rng(draw)
        known = known_chromosomes(well_known(spec), genome, rng)
        self.n_everywhere, most = SIZES[size]
        random = (Chromosome(genome.sample(rng)) for _ in range(most))
        self.chromosomes = [*known, *random][:most]
        self.runners = {
            name: TrialRunner(
                PipelineBuilder(spec),
                Shared(Data(X, self.y, splits)),
                self.objectives,
                random_state=draw,
                max_eval_time=MOST_SECONDS,
                response=Response(self.labels),
            )
            for name, splits in self.splits.items()
        }

    def measure(self, number):
        """Return what a candidate predicts on each set of folds, and its refit."""
        row, chromosome = {}, self.chromosomes[number]
        for name, runner in self.runners.items():
            if name != "5" and number >= self.n_everywhere:
                continue
            with tempfile.TemporaryDirectory() as folder:
                runner = replace(runner, model_store=ModelStore(folder))
                start = time.process_time()
                found = runner(Candidate(chromosome))
                seconds = time.process_time() - start
                wall = np.array(found.fit_times) + found.score_times
                seconds = seconds * wall / wall.sum() if wall.size else [seconds]
                if found.status != "ok":
                    row[name] = Trial(np.array(seconds))
                    continue
                models = runner.split_models(found.candidate)
            test = [runner.response.of(model, self.X_test) for model in models]
            mean = np.mean(test, axis=0)
            row[name] = Trial(np.array(seconds), found.predictions, test[0], mean)
            if name == "5":
                start = time.process_time()
                model = runner.refit(chromosome, found.rounds)
                seconds = np.array([time.process_time() - start])
                row["refit"] = Trial(
                    seconds, test=runner.response.of(model, self.X_test)
                )
        return row


def measure(job):
    """Measure all candidates on one sample, as far as they are not in its file."""
    table, size, draw, folder, end = job
    path = folder / f"{table['name']}-{size}-{draw}.pickle"
    done = sum(1 for _ in contents(path)) - 1
    if time.time() > end or done >= SIZES[size][1]:
        return
    warnings.simplefilter("ignore")
    problem = Problem(table, size, draw)
    # Unbuffered: a row is written as a whole, even if the run is ended.
    with open(path, "ab", 0) as file, limited_threads(1):
        if done < 0:
            about = (problem.y, problem.y_test, problem.labels, problem.splits)
            file.write(pickle.dumps(about))
        for number in range(max(0, done), len(problem.chromosomes)):
            if time.time() > end:
                return
            file.write(pickle.dumps(problem.measure(number)))


def contents(path):
    """Yield the objects of a file, in order."""
    if path.exists():
        with open(path, "rb") as file:
            while file.peek(1):
                yield pickle.load(file)


def run(args):
    args.folder.mkdir(exist_ok=True)
    with lzma.open(args.tables) as file:
        tables = {table["name"]: table for table in pickle.load(file)}
    end = time.time() + args.seconds
    jobs = [
        (tables[name], size, draw, args.folder, end)
        for draw in range(DRAWS)
        for name in args.names
        for size in args.sizes
        if len(tables[name]["y"]) >= 1.25 * size
    ]
    with multiprocessing.get_context("fork").Pool(args.processes) as pool:
        for _ in pool.imap_unordered(measure, jobs):
            pass


# Simulation -----------------------------------------------------------------------

# Sets of folds that a candidate is tried on, one after the other, by policy.
SCHEMES = {
    "1 split": ("first",),
    "3": ("3",),
    "5": ("5",),
    "8": ("8",),
    "2x5": ("5", "5b"),
}


class Sample:
    """All candidates on a sample, and what ensembles of them lose on test rows."""

    def __init__(self, path):
        self.table, self.size, self.draw = path.stem.rsplit("-", 2)
        (self.y, y_test, self.labels, self.splits), *self.rows = contents(path)
        classifies = self.labels is not None
        model = LogisticRegression() if classifies else Ridge()
        score = SCORES["classification" if classifies else "regression"]
        self.objectives = Objectives.of(model, score, True, self.labels)
        self.judge = self.held_out([y_test])
        self.splits["first"] = self.splits["5"][:1]
        self.scores = {}
        for row in self.rows:
            five = row["5"]
            row["first"] = Trial(five.seconds[:1], five.parts[:1], test=five.first)

    def held_out(self, y):
        return HeldOut(self.objectives, y, [{}] * len(y), self.labels)

    def split_scores(self, number, name):
        """Return the score of a candidate on each split of a set, if all are there."""
        if (number, name) not in self.scores:
            parts = self.rows[number][name].parts
            tests = [test for _, test in self.splits[name]]
            self.scores[number, name] = [
                self.held_out([self.y[test]]).score([part])
                for test, part in zip(tests, parts, strict=bool(parts))
            ]
        return self.scores[number, name]

    def library(self, scheme, seconds=np.inf, most=None, n_best=5, kept=MOST_KEPT):
        """Return held-out parts and candidates that are tried in time, not pruned."""
        sets, best, spent, found = SCHEMES[scheme], [], 0.0, []
        y = [self.y[test] for name in sets for _, test in self.splits[name]]
        for number, row in enumerate(self.rows[:most]):
            if not row.keys() >= {*sets}:
                break  # it was tried on "5" alone
            times = np.concatenate([row[name].seconds for name in sets])
            scores = np.concatenate([self.split_scores(number, name) for name in sets])
            complete = len(scores) == len(y)
            if complete and n_best:
                n_fits = pruned_after(scores, best, n_best)
                complete, times = n_fits == len(y), times[:n_fits]
            spent += times.sum()
            if spent > seconds:
                break
            if complete:
                found.append((np.cumsum(scores)[-1] / len(y), number))
        kept = [self.rows[number] for _, number in sorted(found)[: -kept - 1 : -1]]
        return self.held_out(y), kept

    def loss(self, scheme, members="folds", tried=None, **constants):
        """Return the loss on test rows, and the number of candidates."""
        held_out, found = self.library(scheme, **(tried or {}))
        if not found:
            return np.nan, 0
        candidates = [
            [part for name in SCHEMES[scheme] for part in row[name].parts]
            for row in found
        ]
        with ExitStack() as stack:
            for name, value in constants.items():
                stack.enter_context(patch.object(selection, name, value))
            chosen = select(candidates, held_out)
            decision = tune(chosen.average(candidates), held_out)
        test = sum(
            weight * self.predicted(found[i], scheme, members)
            for i, weight in chosen.weights.items()
        )
        score = self.judge.score([test], decision)
        return (-score if self.labels is not None else 1 - score), len(found)

    def predicted(self, row, scheme, members):
        folds = np.mean([row[name].test for name in SCHEMES[scheme]], axis=0)
        refit = row["refit"].test
        return {"folds": folds, "refits": refit, "both": (folds + refit) / 2}[members]

    def seconds(self, share):
        """Return what five folds take for a share of the candidates."""
        everywhere = [row for row in self.rows if "8" in row]
        rows = everywhere[: max(3, round(share * len(everywhere)))]
        return sum(row["5"].seconds.sum() for row in rows)


NUMBERS = (1, 3, 5, 10, 15, 20, 30, 40, 60, 100)
STARTS, MOST_STARTS = (0, 300, 1000, 3000, 10000), (1, 3, 5, 10, 25)
N_BEST = (0, 1, 2, 3, 5, 8)
HALF_WAYS = (1, 50, 100, 150, 300, 600, 10**6)


def questions(sample):
    """Yield questions, their default, and for each policy arguments of the loss."""
    five = partial(dict, scheme="5")
    n_everywhere = sum("8" in row for row in sample.rows)
    times = {f"{x} of the time": {"seconds": sample.seconds(x)} for x in (0.2, 0.5)}
    for name, tried in {**times, "any time": {"most": n_everywhere}}.items():
        policies = {scheme: {"scheme": scheme, "tried": tried} for scheme in SCHEMES}
        yield f"splits, {name}", "5", policies
    for scheme in SCHEMES:
        kinds = ("folds", "refits", "both")
        policies = {kind: {"scheme": scheme, "members": kind} for kind in kinds}
        yield f"members, {scheme}", "folds", policies
    for name, tried in {**times, "any time": {}}.items():
        policies = {n: five(tried={**tried, "n_best": n}) for n in N_BEST}
        yield f"pruned below the so many best, {name}", N_BEST[0], policies
    for n_best in (0, 5):
        policies = {
            n: five(tried={"most": n, "n_best": n_best})
            for n in NUMBERS
            if n <= len(sample.rows)
        }
        yield f"candidates, pruned below the best: {n_best}", 10, policies
    policies = {kept: five(tried={"kept": kept}) for kept in (3, 5, 10, 20, MOST_KEPT)}
    yield "best candidates kept", MOST_KEPT, policies
    policies = {start: five(START=start, MOST_START=25) for start in STARTS}
    yield "START, at most 25", 1000, policies
    yield "MOST_START", 10, {most: five(MOST_START=most) for most in MOST_STARTS}
    yield "HALF_WAY", 150, {rows: five(HALF_WAY=rows) for rows in HALF_WAYS}


def rows_of(path):
    sample = Sample(path)
    if len(sample.rows) < SIZES[int(sample.size)][0]:
        return []
    about = sample.table, int(sample.size), sample.draw
    return [
        (*about, question, policy, default, *sample.loss(**arguments))
        for question, default, policies in questions(sample)
        for policy, arguments in policies.items()
    ]


def report(folder):
    """Print per size and question: changes of the loss in percent, over tables."""
    paths = sorted(folder.glob("*.pickle"))
    with multiprocessing.get_context("fork").Pool() as pool:
        found = [row for rows in pool.imap(rows_of, paths) for row in rows]
    columns = ["table", "size", "draw", "question", "policy", "default", "loss", "n"]
    found = pd.DataFrame(found, columns=columns)
    found.to_csv(folder / "losses.csv", index=False)
    for (question, size), part in found.groupby(["question", "size"], sort=False):
        cases = part.pivot(index=["table", "draw"], columns="policy", values="loss")
        default = cases.get(part["default"].iloc[0])
        if default is None:
            continue
        change = 100 * np.log(cases.div(default, axis=0))
        tables = change.groupby("table").mean()
        summary = {
            "change": tables.mean(),
            "error": tables.std() / np.sqrt(tables.notna().sum()),
            "median": tables.median(),
            "better": (tables < 0).sum(),
            "worse": (tables > 0).sum(),
            "candidates": part.groupby("policy")["n"].mean(),
        }
        print(f"\n{question}, {size} rows: {len(tables)} tables, {len(cases)} samples")
        print(pd.DataFrame(summary).round(2).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="?")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--names", nargs="+", default=TABLES)
    parser.add_argument("--seconds", type=float, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    report(args.report) if args.report else run(args)


if __name__ == "__main__":
    main()
