"""What it costs and what it saves to fit a model once per fold.

A model that watches the held-out part of its fold needs no inner split and no second
fit. Each measurement prints raw rows, one line each, and means at the end:

- calibration: log-loss on fresh rows of support vector machines that are calibrated on
  the held-out part, against an inner cross-validation;
- optimism: scores on the held-out part minus scores on fresh rows, by the number of
  rows: of models that watch this part, and of the same if its parts are predicted with
  what the others choose; for boosters also with an inner split and a second fit;
- seconds: time of a trial with two fits / with one / with one and pruned, in turn;
- patience: log-loss on fresh rows and seconds by learning rate and patience;
- size: pickled bytes and seconds of predictions.

The tables are those of benchmarks/portfolio.

    python benchmarks/one_fit_per_fold.py optimism tables.pkl.xz --seeds 3
"""

import argparse
import lzma
import pickle
import time
import zlib
from collections import defaultdict
from functools import lru_cache
from statistics import fmean

import numpy as np
from folds import pruned_after
from lightgbm import early_stopping
from sklearn.base import clone
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.utils.validation import has_fit_parameter

from sknevo.builders import PipelineBuilder
from sknevo.builders.pipeline._boosting import BOOSTERS
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.genomes.pipeline import well_known
from sknevo.records import DataSpec

LABELS = (
    "Contraception",
    "BEPS",
    "recid",
    "Yogurt",
    "banana",
    "headInjury",
    "flchain",
    "planes",
    "marketing",
)
VALUES = ("Computers", "gpa2", "OFP")
ROWS = (60, 120, 300, 1000)
LEAST_FRESH = 400


@lru_cache
def read(file):
    with lzma.open(file) as packed:
        return {table["name"]: table for table in pickle.load(packed)}


class Table:
    """A table as trials get it, in parts."""

    def __init__(self, file, name):
        table = read(file)[name]
        self.name, self.task, self.y = name, table["task"], table["y"]
        self.reader = ColumnReader()
        self.X = self.reader.fit_transform(table["X"])

    def spec(self, rows):
        n_classes = len(set(self.y)) if self.task == "classification" else 0
        return DataSpec(self.task, len(rows), n_classes, self.reader.describe(self.X))

    def rows(self, n_rows, seed):
        """Return rows to train on and fresh ones."""
        return train_test_split(
            np.arange(len(self.y)),
            train_size=min(n_rows, len(self.y) - LEAST_FRESH),
            stratify=self.y if self.task == "classification" else None,
            random_state=seed,
        )

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
    rate = model.estimator.learning_rate
    name = "max_iter" if hasattr(model.estimator, "max_iter") else "n_estimators"
    before = {f"estimator__{name}": round(min(1000, max(40, 30 / rate)))}
    model = clone(model).set_params(patience=20, unwatched_rounds=100, **before)
    rounds = clone(model).fit(X, y).rounds_
    return model.set_params(rounds=rounds).fit(X, y)


def fit_once(model, X, y, X_val, y_val):
    return clone(model).fit(X, y, X_val=X_val, y_val=y_val)


def scores(model, X, y, answers=None):
    """Score a model, by its predictions of X if these are given."""
    answers = answers or {}
    if not hasattr(model, "classes_"):
        predicted = answers.get("predict")
        return {"r2": r2_score(y, model.predict(X) if predicted is None else predicted)}
    probabilities = answers.get("predict_proba")
    if probabilities is None:
        probabilities = model.predict_proba(X)
    known = np.isin(y, model.classes_)
    return {
        "neg_log_loss": -log_loss(
            y[known], probabilities[known], labels=model.classes_
        ),
        "accuracy": np.mean(y == model.classes_[probabilities.argmax(axis=1)]),
    }


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
    rows = Rows("table", "rows", "seed", "model", "way", "score", "what", "value")
    for name in args.tables or LABELS + VALUES:
        table = Table(args.file, name)
        for n_rows in args.rows or ROWS:
            for seed in range(args.seeds):
                _optimism(rows, table, n_rows, seed, args.models)
    rows.means()


def _optimism(rows, table, n_rows, seed, models):
    chosen, fresh = table.rows(n_rows, seed)
    for number, genes in enumerate(known(table.spec(chosen), *models)):
        found = defaultdict(list)
        for train, test in table.folds(chosen, 5, seed):
            model, (fitted, watched, new) = table.fold(genes, train, test, fresh)
            if not has_fit_parameter(model, "X_val"):
                continue
            one = fit_once(model, *fitted, *watched)
            unseen = scores(one, *new)
            found["watched"].append((scores(one, *watched), unseen))
            found["crossed"].append((scores(one, *watched, one.held_out_), unseen))
            if genes["model"].keys() <= BOOSTERS.keys():
                two = fit_twice(model, *fitted)
                found["two fits"].append((scores(two, *watched), scores(two, *new)))
        library = next(iter(genes["model"]))
        for way, folds in found.items():
            for score in unseen:
                seen, new = (
                    fmean(part[score] for part in one)
                    for one in zip(*folds, strict=True)
                )
                key = (table.name, n_rows, seed, f"{number} {library}", way, score)
                for what, value in (("optimism", seen - new), ("fresh", new)):
                    rows.add((*key, what), value, what, n_rows, score, library, way)


RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.3)
LEAVES = (6, 31)
# Each rule gives the patience of a learning rate.
RULES = {
    "20": lambda rate: 20,
    "50": lambda rate: 50,
    "100": lambda rate: 100,
    "300": lambda rate: 300,
    "5 + 0.25 / rate": lambda rate: 5 + 0.25 / rate,
    "10 + 0.25 / rate": lambda rate: 10 + 0.25 / rate,
    "10 + 0.5 / rate": lambda rate: 10 + 0.5 / rate,
    "10 + 1 / rate": lambda rate: 10 + 1 / rate,
    "20 + 1 / rate": lambda rate: 20 + 1 / rate,
    "20 + 2 / rate": lambda rate: 20 + 2 / rate,
    "20 + 4 / rate": lambda rate: 20 + 4 / rate,
}
SLOWNESSES = (10, 20, 30, 60)


def patience(args):
    """Train far beyond the best round, once; each rule is read from the curves."""
    rows = Rows(
        "table", "rows", "rate", "leaves", "most", "rule", "rounds", "loss above least"
    )
    for name in args.tables or LABELS[:4] + VALUES[:2]:
        table = Table(args.file, name)
        for n_rows in (300, 1500):
            if n_rows + LEAST_FRESH > len(table.y):
                continue
            for seed in range(args.seeds):
                chosen, fresh = table.rows(n_rows, seed)
                train, test = next(iter(table.folds(chosen, 5, seed)))
                _, parts = table.fold(
                    known(table.spec(chosen), "lightgbm")[0], train, test, fresh[:1000]
                )
                for rate in RATES:
                    for leaves in LEAVES:
                        _patience(rows, table, n_rows, parts, rate, leaves)
    rows.means()


def _patience(rows, table, n_rows, parts, rate, leaves):
    genes = {"learning_rate": rate, "num_leaves": leaves, "subsample": 0.8}
    genes |= {"colsample_bytree": 0.8}
    classifies = table.task == "classification"
    booster = BOOSTERS["lightgbm"].make(classifies, genes, 0)
    longest = int(max(SLOWNESSES) / rate)
    if classifies:
        labels = np.unique(table.y)
        parts = [(X, np.searchsorted(labels, y)) for X, y in parts]
    else:
        scale = np.std(parts[0][1])
        parts = [(X, y / scale) for X, y in parts]
    (X, y), *watched = parts
    booster.set_params(n_estimators=longest)
    booster.fit(
        X,
        y,
        eval_X=tuple(X for X, _ in watched),
        eval_y=tuple(y for _, y in watched),
        callbacks=[early_stopping(max(600, int(6 / rate)), verbose=False)],
    )
    held, fresh = (
        np.array(next(iter(curves.values())))
        for curves in booster.evals_result_.values()
    )
    for slowness in SLOWNESSES:
        for rule, of in RULES.items():
            kept, trained = stopped(held[: int(slowness / rate)], of(rate))
            rows.add(
                (table.name, n_rows, rate, leaves, slowness, rule, trained),
                fresh[kept] - fresh.min(),
                "loss",
                rule,
                slowness,
                rate,
            )
            rows.values["rounds", rule, slowness, rate].append(trained)


def stopped(losses, patience):
    """Return the best round by then, and how many were trained."""
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best >= patience:
            break
    return best, i + 1


def seconds(args):
    """Fit and predict the folds of the same candidates in both ways, in turn.

    The third way is the second one as a search has it: a candidate ends early.
    """
    rows = Rows("table", "seed", "model", "two fits", "one", "one, pruned", "ratio")
    for name in args.tables or LABELS[:4] + VALUES[:2]:
        table = Table(args.file, name)
        for seed in range(args.seeds):
            chosen, _ = table.rows(3000, seed)
            candidates = known(table.spec(chosen), *BOOSTERS)
            totals, best = np.zeros(3), []
            for number, genes in enumerate(candidates):
                spent, found = np.zeros((2, 5)), np.zeros((2, 5))
                for fold, (train, test) in enumerate(table.folds(chosen, 5, seed)):
                    model, (fitted, watched) = table.fold(genes, train, test)
                    parts = (fitted, (*fitted, *watched))
                    for i, fit in enumerate((fit_twice, fit_once)):
                        found[i, fold], spent[i, fold] = timed(
                            _trial, fit, model, parts[i], watched
                        )
                n_fits = pruned_after(found[1], best)
                all_three = np.array([*spent.sum(axis=1), spent[1, :n_fits].sum()])
                library = next(iter(genes["model"]))
                key = (name, seed, f"{number} {library}")
                key += tuple(f"{value:.3f}" for value in all_three)
                rows.add(key, all_three[1] / all_three[0], library)
                totals += all_three
            rate = [f"{60 * len(candidates) / value:.0f}" for value in totals]
            key = (name, seed, "per minute", *rate)
            rows.add(key, totals[1] / totals[0], "all")
            rows.add(key, totals[2] / totals[0], "all, pruned")
    rows.means()


def _trial(fit, model, parts, watched):
    fitted = fit(model, *parts)
    return next(iter(scores(fitted, *watched, fitted.held_out_).values()))


def timed(function, *args):
    """Return the result and the seconds of the processor."""
    begin = time.process_time()
    result = function(*args)
    return result, time.process_time() - begin


def size(args):
    """Measure fitted boosters: bytes, deflated bytes and seconds of a prediction."""
    rows = Rows("table", "model", "rounds", "what", "value")
    for name in args.tables or LABELS[:3] + VALUES[:1]:
        table = Table(args.file, name)
        chosen, _ = table.rows(3000, 0)
        train, test = next(iter(table.folds(chosen, 5, 0)))
        many = np.resize(test, 10_000)
        for number, genes in enumerate(known(table.spec(chosen), *BOOSTERS)):
            model, parts = table.fold(genes, train, test, many)
            fitted = fit_once(model, *parts[0], *parts[1])
            kept = pickle.dumps(fitted)
            library = next(iter(genes["model"]))
            found = {"bytes": len(kept), "deflated bytes": len(zlib.compress(kept, 1))}
            predict = getattr(fitted, "predict_proba", fitted.predict)
            for n_rows in (200, 10_000):
                X = parts[2][0][:n_rows]
                found[f"ms of {n_rows} rows"] = 1000 * min(
                    timed(predict, X)[1] for _ in range(5)
                )
            for what, value in found.items():
                key = (name, f"{number} {library}", fitted.rounds_, what)
                rows.add(key, value, library, what)
    rows.means()


def calibration(args):
    """Compare both ways to calibrate, of single folds and of their mean."""
    rows = Rows("table", "seed", "model", "way", "of", "log-loss")
    for name in args.tables or LABELS:
        table = Table(args.file, name)
        for seed in range(args.seeds):
            chosen, fresh = table.rows(min(1000, int(0.7 * len(table.y))), seed)
            for number, genes in enumerate(known(table.spec(chosen), "svm")):
                found, spent = defaultdict(list), defaultdict(float)
                for train, test in table.folds(chosen, 5, seed):
                    model, (fitted, watched, new) = table.fold(
                        genes, train, test, fresh
                    )
                    for way, parts in {
                        "inner": fitted,
                        "held-out": (*fitted, None, *watched),
                    }.items():
                        one, seconds = timed(_fit_svm, model, *parts)
                        found[way].append(one.predict_proba(new[0]))
                        spent[way] += seconds
                for way, each in found.items():
                    one = fmean(log_loss(new[1], p) for p in each)
                    mean = log_loss(new[1], np.mean(each, axis=0))
                    for what, value in (("one", one), ("mean", mean)):
                        key = (name, seed, number, way, what)
                        rows.add(key, value, name, way, what)
                key = (name, seed, number, "held-out / inner", "seconds")
                rows.add(key, spent["held-out"] / spent["inner"], "ratio of seconds")
    rows.means()


def _fit_svm(model, X, y, weights=None, X_val=None, y_val=None):
    return clone(model).fit(X, y, weights, X_val=X_val, y_val=y_val)


MEASUREMENTS = {
    "calibration": calibration,
    "optimism": optimism,
    "patience": patience,
    "seconds": seconds,
    "size": size,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measurement", choices=MEASUREMENTS)
    parser.add_argument("file")
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="*", type=int)
    parser.add_argument("--models", nargs="*", default=("lightgbm", "xgboost"))
    args = parser.parse_args()
    MEASUREMENTS[args.measurement](args)


if __name__ == "__main__":
    main()
