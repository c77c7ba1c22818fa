"""Autoencoders of MNIST: errors, codes as features, and anomalies.

    python benchmarks/autoencoders.py run --data FOLDER --out rows.jsonl
    python benchmarks/autoencoders.py run --data FOLDER --out rows.jsonl \
--tasks codes --max-time 300 --seeds 0 1 2
    python benchmarks/autoencoders.py summary rows.jsonl

FOLDER holds MNIST/, as `sknevo.datasets.fetch_mnist` reads it. A row is appended to the
file as soon as it is there, with the commit; rows that the file has are not run again.

`codes`: codes of `--n-components` numbers of all training images. A row has the mean
squared error of the test images on [0, 1], and the accuracy of a logistic regression
that is fitted on the codes of the training images.

`anomalies`: each digit in turn is left out of the training images. A row has the area
under the ROC curve with which `score_samples` tells the test images of this digit from
the others.

`evolved` is `EvolvedAutoencoder` with `max_time`, `random` draws individuals at random
in the same time, after the same known ones. `pca` has as many components; `forest` is
scikit-learn's isolation forest.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _rows import append, commit, read

from sknevo import EvolvedAutoencoder, GeneticAlgorithm
from sknevo.datasets import fetch_mnist

SECONDS = {"codes": 300.0, "anomalies": 60.0}
# Every individual is a random immigrant.
STRATEGIES = {
    "evolved": "estimation_of_distribution",
    "random": GeneticAlgorithm(immigrant_probability=1.0),
}


class Cell(NamedTuple):
    """What is compared: one method on one task; digit -1 leaves out none."""

    task: str
    seed: int
    digit: int
    budget: float
    n_components: int
    n_train: int
    method: str


class Linear:
    """Principal components with the methods of an autoencoder."""

    def __init__(self, n_components):
        self.pca = PCA(n_components, random_state=0)

    def fit(self, X):
        self.pca.fit(_rows(X))
        return self

    def transform(self, X):
        return self.pca.transform(_rows(X))

    def score_samples(self, X):
        rebuilt = self.pca.inverse_transform(self.transform(X))
        return -((rebuilt - _rows(X)) ** 2).mean(axis=1)


class Forest:
    """An isolation forest on pixels."""

    def __init__(self, seed):
        self.forest = IsolationForest(random_state=seed)

    def fit(self, X):
        self.forest.fit(_rows(X))
        return self

    def score_samples(self, X):
        return self.forest.score_samples(_rows(X))


def _rows(X):
    return X.reshape(len(X), -1) / 255


def fitted(cell, X, n_jobs):
    """Return a method, fitted on images."""
    if cell.method == "pca":
        return Linear(cell.n_components).fit(X)
    if cell.method == "forest":
        return Forest(cell.seed).fit(X)
    return EvolvedAutoencoder(
        n_components=cell.n_components,
        strategy=STRATEGIES[cell.method],
        max_time=cell.budget,
        n_jobs=n_jobs,
        random_state=cell.seed,
    ).fit(X)


def measured(cell, model, train, test):
    """Return the scores of a fitted method."""
    scores = model.score_samples(test.images)
    if cell.task == "anomalies":
        known = test.target != cell.digit
        return {"roc_auc": float(roc_auc_score(known, scores))}
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    codes = model.transform(train.images[: cell.n_train])
    classifier.fit(codes, train.target[: cell.n_train])
    accuracy = classifier.score(model.transform(test.images), test.target)
    return {"mse": -float(scores.mean()), "accuracy": float(accuracy)}


def cells(args):
    """Yield what is asked for; methods come last, so that they alternate."""
    for task, seed in product(args.tasks, args.seeds):
        methods = ("pca", "evolved", "random")
        methods += ("forest",) * (task == "anomalies")
        digits = args.digits if task == "anomalies" else [-1]
        budget = args.max_time or SECONDS[task]
        for digit, method in product(digits, methods):
            known = (args.n_components, args.n_train, method)
            yield Cell(task, seed, digit, budget, *known)


def run(args):
    data = {"data_home": args.data, "download_if_missing": False}
    train, test = (fetch_mnist(subset=part, **data) for part in ("train", "test"))
    done = {Cell(*(row[name] for name in Cell._fields)) for row in read(args.out)}
    for cell in cells(args):
        if cell in done:
            continue
        images = train.images[: cell.n_train]
        images = images[train.target[: cell.n_train] != cell.digit]
        begin = time.perf_counter()
        model = fitted(cell, images, args.n_jobs)
        seconds = time.perf_counter() - begin
        row = {
            "commit": commit(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            **cell._asdict(),
            "n_jobs": args.n_jobs,
            "seconds": round(seconds, 1),
            **measured(cell, model, train, test),
        }
        if isinstance(model, EvolvedAutoencoder):
            row["best"] = model.best_chromosome_.words
            row["n_evaluations"] = model.n_evaluations_
        append(args.out, row)
        print(json.dumps(row), flush=True)


def summary(args):
    """Print the means of each method; over all digits, of anomalies."""
    table = pd.DataFrame(read(args.rows))
    names = ["mse", "accuracy", "roc_auc", "seconds"]
    found = [name for name in names if name in table]
    by = ["task", "budget", "n_components", "n_train", "method"]
    grouped = table.groupby(by)[found]
    print(grouped.mean().assign(rows=grouped.size()).round(4).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run", help="fit what has no row yet")
    runs.add_argument("--data", type=Path, required=True)
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--tasks", nargs="*", choices=SECONDS, default=[*SECONDS])
    runs.add_argument("--seeds", type=int, nargs="*", default=[0])
    runs.add_argument("--digits", type=int, nargs="*", default=[*range(10)])
    runs.add_argument("--max-time", type=float, help="seconds; None: 300 and 60")
    runs.add_argument("--n-components", type=int, default=32)
    runs.add_argument("--n-train", type=int, default=60_000)
    runs.add_argument("--n-jobs", type=int, default=2)
    runs.set_defaults(call=run)
    summaries = commands.add_parser("summary", help="means of each method")
    summaries.add_argument("rows", type=Path)
    summaries.set_defaults(call=summary)
    args = parser.parse_args()
    args.call(args)


if __name__ == "__main__":  # worker processes import this file
    main()
