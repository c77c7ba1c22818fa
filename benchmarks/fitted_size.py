"""Where the bytes of a fitted ensemble go, and whether it holds training data.

For each table, 2,000 rows are fitted: the candidates of the first generation with a
fixed seed, so that the same code gives the same ensemble. Printed are pickled bytes:

- of the estimator, its best individual, and its ensemble as `repr` says it;
- of the prepared steps of all members, what they share counted once;
- of the models of each family, with their number;
- of arrays with as many rows as the data or the training part of a split, by family;

and the test loss (log-loss, or 1 - R2), the seconds that predictions of 1,000 rows
take, and the difference that pickling makes to them. The tables are those of
benchmarks/portfolio.

    python benchmarks/fitted_size.py tables.pkl.xz
"""

import argparse
import lzma
import pickle
import time
from collections import defaultdict

import numpy as np
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing as take

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor

TABLES = ("headInjury", "nassCDS", "marketing", "texture", "Computers")
ROWS, MOST_TEST = 2000, 2000


class RowFinder(pickle.Pickler):
    """Finds what an object would pickle of arrays with certain numbers of rows."""

    def __init__(self, n_rows):
        super().__init__(_Nowhere())
        self.n_rows, self.found = n_rows, defaultdict(int)

    def persistent_id(self, value):
        shape = getattr(value, "shape", ())
        rows = isinstance(shape, tuple) and shape and shape[0] in self.n_rows
        # Nodes of trees, which may be as many, have names.
        if rows and not getattr(getattr(value, "dtype", None), "names", None):
            self.found[f"{type(value).__name__}{shape}"] += value.nbytes


class _Nowhere:
    def write(self, content):
        pass


def split(table):
    rows = np.arange(len(table["y"]))
    classifies = table["task"] == "classification"
    train, rest = train_test_split(
        rows,
        train_size=ROWS,
        stratify=table["y"] if classifies else None,
        random_state=0,
    )
    for part in train, rest[:MOST_TEST]:
        yield take(table["X"], part), table["y"][part]


def fit(table, X, y, n_candidates):
    kind, scoring = EvolvedPipelineRegressor, "r2"
    if table["task"] == "classification":
        kind, scoring = EvolvedPipelineClassifier, "neg_log_loss"
    evolved = kind(
        population_size=n_candidates,
        generations=1,
        scoring=scoring,
        n_jobs=2,
        random_state=0,
    )
    return evolved.fit(X, y)


def size(value):
    return len(pickle.dumps(value))


def predicted(evolved, X):
    return getattr(evolved, "predict_proba", evolved.predict)(X)


def loss(evolved, X, y):
    p = predicted(evolved, X)
    return (
        1 - r2_score(y, p) if p.ndim == 1 else log_loss(y, p, labels=evolved.classes_)
    )


def seconds(evolved, X):
    """Return the least seconds that predictions of 1,000 rows have taken."""
    X = take(X, np.resize(np.arange(len(X)), 1000))
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        predicted(evolved, X)
        spent.append(time.perf_counter() - begin)
    return min(spent)


def report(name, evolved, X, y):
    row = lambda *cells: print(name, *cells, sep="\t", flush=True)  # noqa: E731
    row("estimator", size(evolved))
    row("best individual", size(evolved.best_estimator_))
    row("ensemble", size(evolved.ensemble_), repr(evolved.ensemble_))
    prepared, families = [], defaultdict(list)
    for member in evolved.ensemble_.members:
        (family,) = member.chromosome.expressed["model"]
        for model, _ in member.shares:
            *steps, (_, last) = model.steps
            prepared += [step for _, step in steps]
            families[family].append(last)
    row("prepared steps", size(prepared), len({id(step) for step in prepared}))
    n_rows = {ROWS, *(ROWS - ROWS // 5 + i for i in (-1, 0, 1))}
    for family, models in {"prepared steps": prepared, **families}.items():
        if family in families:
            row(family, size(models), len(models))
        finder = RowFinder(n_rows)
        finder.dump(models)
        for what, n_bytes in finder.found.items():
            row(family, "training rows", what, n_bytes)
    again = pickle.loads(pickle.dumps(evolved))
    difference = np.abs(predicted(again, X) - predicted(evolved, X)).max()
    row("difference of pickled", difference)
    row("test loss", loss(evolved, X, y))
    row("seconds of 1,000 rows", seconds(evolved, X))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--tables", nargs="*", default=TABLES)
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--save", help="folder for the pickled estimators")
    args = parser.parse_args()
    with lzma.open(args.file) as packed:
        tables = {table["name"]: table for table in pickle.load(packed)}
    for name in args.tables:
        (X, y), test = split(tables[name])
        begin = time.perf_counter()
        evolved = fit(tables[name], X, y, args.candidates)
        print(name, "seconds of fit", time.perf_counter() - begin, sep="\t")
        report(name, evolved, *test)
        if args.save:
            with open(f"{args.save}/{name}.pickle", "wb") as file:
                pickle.dump(evolved, file)


if __name__ == "__main__":
    main()
