"""What it costs and what it saves to fit a model once per fold.

A model that watches the held-out part of its fold needs no inner split and no second
fit. Each measurement prints raw rows, one line each, and means at the end:

- calibration: log-loss on fresh rows of support vector machines that are calibrated on
  the held-out part, against an inner cross-validation;
- optimism: scores of boosters on what they watched minus scores on fresh rows, by the
  number of rows, against an inner split and a second fit;
- seconds: time of a trial with two fits / with one, in turn;
- patience: log-loss on fresh rows and seconds by learning rate and patience;
- size: pickled bytes and seconds of predictions.

    python benchmarks/one_fit_per_fold.py optimism FOLDER_OF_CSVS --seeds 3
"""

import argparse
import time
from collections import defaultdict
from statistics import fmean

import numpy as np
import tables
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold

from sknevo.builders import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.genomes.pipeline import well_known
from sknevo.records import DataSpec

SVM_TABLES = (
    "pima",
    "credit_g",
    "breast_cancer_lju",
    "wine",
    "segment",
    "ionosphere",
    "titanic",
)
LABELS = ("adult", "phoneme", "hypothyroid", "segment", "pima", "credit_g", "titanic")
VALUES = ("abalone", "concrete", "auto_mpg")
ROWS = (60, 120, 300, 1000, 3000)
LEAST_FRESH, MOST_FRESH = 200, 5000


class Table:
    """A table as trials get it, in parts."""

    def __init__(self, folder, name):
        labels = name not in VALUES
        self.name, self.task = name, "classification" if labels else "regression"
        kind = "classification" if labels else "regression"
        X, self.y = tables.read(f"{folder}/{kind}", name)
        self.reader = ColumnReader()
        self.X = self.reader.fit_transform(X)

    def spec(self, rows):
        n_classes = len(set(self.y)) if self.task == "classification" else 0
        return DataSpec(self.task, len(rows), n_classes, self.reader.describe(self.X))

    def rows(self, n_rows, seed):
        """Return rows to train on and fresh ones; of each class two of the former."""
        order = np.random.default_rng(seed).permutation(len(self.y))
        if self.task == "classification":
            first = [
                i for label in set(self.y) for i in order[self.y[order] == label][:10]
            ]
            order = np.concatenate([first, np.setdiff1d(order, first)])
            order[len(first) :] = np.random.default_rng(seed).permutation(
                order[len(first) :]
            )
        return order[:n_rows], order[n_rows : n_rows + MOST_FRESH]

    def folds(self, rows, n_folds, seed):
        kind = StratifiedKFold if self.task == "classification" else KFold
        cv = kind(n_folds, shuffle=True, random_state=seed)
        for train, test in cv.split(rows, self.y[rows]):
            yield rows[train], rows[test]

    def fold(self, genes, train, *others):
        """Return the unfitted model of genes, and the parts as it gets them."""
        spec = self.spec(train)
        pipeline = PipelineBuilder(spec)(genes, random_state=0)
        steps, model = pipeline[:-1], pipeline[-1]
        X = steps.fit_transform(self.X.iloc[train], self.y[train])
        parts = [(X, self.y[train])]
        for rows in others:
            parts.append((steps.transform(self.X.iloc[rows]), self.y[rows]))
        return model, parts


def known(spec, *models):
    """Return the well-known genes of models, without those that weigh classes."""
    return [
        genes
        for genes in well_known(spec)
        if next(iter(genes["model"])) in models and not genes.get("class_weight")
    ]


def fit_twice(model, X, y):
    """Fit as before: stop by an inner split, then fit all rows for as many rounds."""
    rounds = clone(model).fit(X, y).rounds_
    return clone(model).set_params(rounds=rounds).fit(X, y)


def fit_once(model, X, y, X_val, y_val):
    return clone(model).fit(X, y, X_val=X_val, y_val=y_val)


def scores(model, X, y):
    if not hasattr(model, "classes_"):
        return {"r2": r2_score(y, model.predict(X))}
    known = np.isin(y, model.classes_)
    probabilities = model.predict_proba(X[known])
    return {
        "neg_log_loss": -log_loss(y[known], probabilities, labels=model.classes_),
        "accuracy": accuracy_score(y, model.predict(X)),
    }


def timed(function, *args):
    begin = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - begin


class Rows:
    """Prints rows, and means of their last values by the columns before."""

    def __init__(self, *names):
        print(*names, sep="\t", flush=True)
        self.values = defaultdict(list)

    def add(self, key, value, *by):
        print(*key, f"{value:.5f}", sep="\t", flush=True)
        self.values[by].append(value)

    def means(self):
        print()
        for by, values in self.values.items():
            error = np.std(values) / np.sqrt(len(values))
            print(*by, f"{fmean(values):.5f} +- {error:.5f}", len(values), sep="\t")


def optimism(args):
    rows = Rows("table", "rows", "seed", "model", "way", "score", "optimism")
    for name in args.tables or LABELS + VALUES:
        table = Table(args.folder, name)
        for n_rows in ROWS:
            if n_rows + LEAST_FRESH > len(table.y):
                continue
            for seed in range(args.seeds):
                _optimism(rows, table, n_rows, seed)
    rows.means()


def _optimism(rows, table, n_rows, seed):
    chosen, fresh = table.rows(n_rows, seed)
    for number, genes in enumerate(known(table.spec(chosen), "lightgbm", "xgboost")):
        found = defaultdict(list)
        for train, test in table.folds(chosen, 5, seed):
            model, (fitted, watched, new) = table.fold(genes, train, test, fresh)
            for way, one in {
                "two fits": fit_twice(model, *fitted),
                "one fit": fit_once(model, *fitted, *watched),
            }.items():
                seen, unseen = scores(one, *watched), scores(one, *new)
                for score, value in seen.items():
                    found[way, score].append((value, unseen[score]))
        for (way, score), pairs in found.items():
            seen, unseen = np.mean(pairs, axis=0)
            key = (table.name, n_rows, seed, number, way, score)
            rows.add(key, seen - unseen, "optimism", n_rows, score, way)
            rows.add((*key, "fresh"), unseen, "fresh", n_rows, score, way)


MEASUREMENTS = {"optimism": optimism}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measurement", choices=MEASUREMENTS)
    parser.add_argument("folder")
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    MEASUREMENTS[args.measurement](args)


if __name__ == "__main__":
    main()
