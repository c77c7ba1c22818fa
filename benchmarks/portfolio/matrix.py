"""Evaluate candidates on tables, and keep what their fold models predict.

For each table a quarter of the rows is held out; the others are split as the estimators
split them. A candidate is fitted once per fold and watches the fold's held-out part. A
table's file in the folder OUT has, for each candidate, the seconds and scores of each
fold, its out-of-fold predictions, and the mean predictions of its fold models on the
rows that were held out, so that ensembles can be simulated in any order.

    python matrix.py tables.pkl.xz OUT --seconds 600 --processes 16
    python matrix.py tables.pkl.xz OUT --pack FOLDER        # at most 8 tar files

It writes all when time is over, and the next run goes on from there. All candidates are
evaluated in blocks, each on all tables, small ones first: what is there after any time
is nearly a rectangle.
"""

import argparse
import json
import lzma
import multiprocessing
import os
import pickle
import queue
import tarfile
import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import candidates as known
import lightgbm  # noqa: F401  # loaded once, before the processes start
import numpy as np
import xgboost  # noqa: F401
from sklearn.metrics import (
    balanced_accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing as take
from sklearn.utils.validation import has_fit_parameter
from tables import Table

from sknevo.builders import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.deadline import DeadlineReached, must_end_by
from sknevo.estimators._splits import make_splits
from sknevo.estimators.pipeline import EvolvedPipelineClassifier
from sknevo.evaluation import limited_threads
from sknevo.evaluation._predictions import CachingEstimator
from sknevo.genomes.pipeline import pipeline
from sknevo.records import DataSpec

HELD_OUT = 0.25
# Seconds for all folds of a candidate; one that takes longer is too slow for searches
# of 30 s on any table.
MOST_SECONDS = 15.0
# Candidates of a block, and candidates that a process evaluates one after the other on
# a table, so that they share preparations.
BLOCK, TURN = 24, 6
# Predictions that are kept of a candidate: rows x classes, out of fold and held out.
MOST_OUT_OF_FOLD, MOST_HELD_OUT = 8192, 6144
# What a run may bring back: files, and bytes of each.
MOST_FILES, MOST_BYTES = 8, 15 * 2**20
TASKS = "classification", "regression"
# File of the genes of all candidates, beside those of the tables.
CANDIDATES = "candidates.json"
# Seconds that a process may take to notice that time is over.
GRACE = 3.0


class Cell(NamedTuple):
    """What a candidate has shown on a table: an error, or times and predictions."""

    candidate: str
    error: str
    # Of each fold: preparation (0 if it was shared), fit, prediction.
    seconds: np.ndarray
    # Of each fold, and last on the held-out rows: log-loss, ROC AUC and balanced
    # accuracy, or R2.
    scores: np.ndarray
    out_of_fold: np.ndarray
    held_out: np.ndarray


class Problem:
    """A table with its splits, and the candidates as they are for it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.classifies = table.task == "classification"
        y = table.y
        if self.classifies:
            self.classes, y = np.unique(y, return_inverse=True)
        else:
            y = (y - y.mean()) / y.std()
        train, test = train_test_split(
            np.arange(len(y)),
            test_size=HELD_OUT,
            random_state=0,
            stratify=y if self.classifies else None,
        )
        reader = ColumnReader()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.X = reader.fit_transform(take(table.X, train))
            self.X_test = reader.transform(take(table.X, test))
        self.y, self.y_test = y[train], y[test]
        self.folds = make_splits(
            None,
            self.X,
            self.y,
            classifier=self.classifies,
            random_state=0,
            split_params={},
            default_folds=EvolvedPipelineClassifier._default_folds,
        )
        n_train = min(len(fitted) for fitted, _ in self.folds)
        n_classes = len(self.classes) if self.classifies else 0
        columns = reader.describe(self.X)
        self.spec = DataSpec(table.task, n_train, n_classes, columns)
        self.builder = PipelineBuilder(self.spec, probabilities=True)
        self._prepared: OrderedDict[tuple[int, bytes], tuple] = OrderedDict()
        rng, width = np.random.default_rng(0), max(1, n_classes)
        out_of_fold = np.concatenate([tested for _, tested in self.folds])
        self.kept = _some(out_of_fold, MOST_OUT_OF_FOLD // width, rng)
        self.kept_test = _some(np.arange(len(test)), MOST_HELD_OUT // width, rng)

    @cached_property
    def candidates(self) -> dict[str, dict[str, Any]]:
        genome = pipeline(self.spec)
        return {
            name: known.on(genome, one, name)
            for name, one in known.make_candidates(self.table.task).items()
        }

    def evaluate(self, name: str) -> Cell:
        """Evaluate a candidate on all folds; an error is part of the result."""
        seconds, scores = [], []
        shape = (len(self.classes),) if self.classifies else ()
        predicted = np.full((len(self.y), *shape), np.nan)
        held_out = np.zeros((len(self.y_test), *shape))
        seed = int.from_bytes(name.encode()[-4:]) % 2**31
        try:
            for number, (_, tested) in enumerate(self.folds):
                times, *outputs = self._fold(self.candidates[name], number, seed)
                predicted[tested], on_test = outputs
                held_out += on_test / len(self.folds)
                seconds.append(times)
                scores.append(self.score(self.y[tested], predicted[tested]))
            scores.append(self.score(self.y_test, held_out))
            error = ""
        except DeadlineReached:
            error = "too slow"
        except Exception as fault:
            error = f"{type(fault).__name__}: {fault}"[:300]
        kept = (predicted[self.kept], held_out[self.kept_test])
        kept = [part.astype(np.float16) for part in kept] if not error else [[], []]
        return Cell(name, error, np.array(seconds), np.array(scores), *kept)

    def _fold(
        self, genes: dict[str, Any], number: int, seed: int
    ) -> tuple[tuple[float, ...], np.ndarray, np.ndarray]:
        fitted, tested = self.folds[number]
        y = self.y[fitted]
        (_, preparation), *steps, (_, model) = self.builder(genes, seed).steps
        start = time.process_time()
        X, *others = self._prepare(preparation, number)
        prepared = time.process_time()
        for _, step in steps:
            if step not in (None, "passthrough"):
                X = step.fit_transform(X, y)
                others = [step.transform(part) for part in others]
        watched = {}
        if has_fit_parameter(model, "X_val"):
            watched = {"X_val": others[0], "y_val": self.y[tested]}
        model.fit(X, y, **watched)
        done = time.process_time()
        # Of what it has watched, a model says honestly what it would have predicted.
        watching = CachingEstimator(model, others[0], vars(model).pop("held_out_", {}))
        predictions = [self._predict(watching, part) for part in others]
        times = (prepared - start, done - prepared, time.process_time() - done)
        return (times, *predictions)

    def _prepare(self, step: Any, number: int) -> tuple[Any, Any, Any]:
        """Return training, watched and held-out rows, prepared once for all."""
        key = number, pickle.dumps(step)
        if key not in self._prepared:
            fitted, tested = self.folds[number]
            X = step.fit_transform(take(self.X, fitted), self.y[fitted])
            others = take(self.X, tested), self.X_test
            self._prepared[key] = (X, *(step.transform(part) for part in others))
            if len(self._prepared) > 40:
                self._prepared.popitem(last=False)
        return self._prepared[key]

    def _predict(self, model: Any, X: Any) -> np.ndarray:
        if not self.classifies:
            return model.predict(X)
        probabilities = np.zeros((len(X), len(self.classes)))
        probabilities[:, model.classes_] = model.predict_proba(X)
        return probabilities

    def score(self, y: np.ndarray, predicted: np.ndarray) -> tuple[float, ...]:
        """Return log-loss, ROC AUC and balanced accuracy; of a regressor, R2."""
        if not self.classifies:
            return (r2_score(y, predicted),)
        labels = np.arange(len(self.classes))
        loss = log_loss(y, predicted, labels=labels)
        balanced = balanced_accuracy_score(y, predicted.argmax(axis=1))
        if len(labels) == 2:
            return loss, roc_auc_score(y, predicted[:, 1]), balanced
        try:
            auc = roc_auc_score(y, predicted, multi_class="ovo", labels=labels)
        except ValueError:  # a part lacks a class
            auc = np.nan
        return loss, auc, balanced


def _some(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.permutation(rows)[:most])


def turns(tables: list[Table], done: dict[str, set[str]]) -> Iterator[tuple[int, list]]:
    """Yield tables and the candidates to evaluate on them, the most useful first."""
    names = {task: [*known.make_candidates(task)] for task in {t.task for t in tables}}
    longest = max(map(len, names.values()))
    for begin in range(0, longest, BLOCK):
        for number, table in enumerate(tables):
            block = names[table.task][begin : begin + BLOCK]
            open_ = [name for name in block if name not in done.get(table.name, ())]
            for i in range(0, len(open_), TURN):
                yield number, open_[i : i + TURN]


def work(tables: list[Table], todo: Any, results: Any, end: float) -> None:
    """Evaluate candidates until none are left or time is over."""
    warnings.simplefilter("ignore")
    number = problem = None
    while time.time() < end and (turn := todo.get()) is not None:
        if turn[0] != number:
            number = turn[0]
            problem = Problem(tables[number])
        for name in turn[1]:
            until = min(end, time.time() + MOST_SECONDS)
            with must_end_by(until), limited_threads(1):
                cell = problem.evaluate(name)
            if time.time() >= end:
                break
            results.put((number, cell))
    results.put(None)
    results.close()
    results.join_thread()


def run(tables: list[Table], folder: Path, seconds: float, n_processes: int) -> None:
    """Evaluate for so many seconds what is not in the folder yet, and write it."""
    end = time.time() + seconds
    _write_candidates(folder / CANDIDATES)
    cells = {t.name: load(folder / f"{t.name}.npz") for t in tables}
    done = {name: {cell.candidate for cell in ones} for name, ones in cells.items()}
    context = multiprocessing.get_context("fork")
    todo, results = context.Queue(), context.Queue()
    n_cells = 0
    for turn in turns(tables, done):
        n_cells += len(turn[1])
        todo.put(turn)
    for _ in range(n_processes):
        todo.put(None)
    args = (tables, todo, results, end)
    workers = [context.Process(target=work, args=args) for _ in range(n_processes)]
    for worker in workers:
        worker.start()
    changed: dict[int, int] = {}
    for number, cell in _received(results, n_processes, end):
        cells[tables[number].name].append(cell)
        changed[number] = changed.get(number, 0) + 1
    for worker in workers:
        worker.kill()
    todo.cancel_join_thread()  # what is left in it is not waited for
    with context.Pool(n_processes) as pool:
        saved = [
            (folder / f"{table.name}.npz", table, cells[table.name])
            for table in (tables[number] for number in sorted(changed))
        ]
        pool.starmap(save, saved, chunksize=1)
    print(f"{sum(changed.values())} of {n_cells} cells done")
    _report_failures([cell for ones in cells.values() for cell in ones if cell.error])


def _write_candidates(path: Path) -> None:
    """Write the genes of all candidates; refuse a folder of results of others."""
    text = json.dumps({task: known.make_candidates(task) for task in TASKS}, indent=1)
    if path.exists() and path.read_text() != text:
        raise ValueError(f"{path} has other candidates: take another folder.")
    path.write_text(text)


def _received(results: Any, n_processes: int, end: float) -> Iterator[tuple[int, Cell]]:
    """Yield the tables and cells that processes send, until all have ended."""
    n_done, shown = 0, time.time()
    while n_processes and time.time() < end + GRACE:
        try:
            message = results.get(timeout=0.5)
        except queue.Empty:
            continue
        if message is None:
            n_processes -= 1
            continue
        yield message
        n_done += 1
        if time.time() > shown + 20:
            shown = time.time()
            print(f"{end - shown:5.0f} s left: {n_done} cells", flush=True)


def _report_failures(failed: list[Cell]) -> None:
    kinds: dict[str, list[Cell]] = {}
    for cell in failed:
        kinds.setdefault(cell.error.split(":")[0], []).append(cell)
    for cells in kinds.values():
        print(f"{len(cells)} failed, as {cells[0].candidate}: {cells[0].error}")


def save(path: Path, table: Table, cells: list[Cell]) -> None:
    """Write the cells of a table, with the targets of the rows that are kept."""
    problem = Problem(table)
    arrays: dict[str, Any] = {
        "y": problem.y[problem.kept],
        "y_test": problem.y_test[problem.kept_test],
        "fold": _fold_of(problem)[problem.kept],
        "about": json.dumps(
            {
                "task": table.task,
                "rows": len(problem.y),
                "columns": table.X.shape[1],
                "n_classes": problem.spec.n_classes,
                "folds": len(problem.folds),
                "genes": problem.candidates,
            }
        ),
    }
    cells = sorted({cell.candidate: cell for cell in cells}.values())
    for field in Cell._fields:
        values = [getattr(cell, field) for cell in cells]
        if field in ("candidate", "error"):
            arrays[field] = np.array(values)
            continue
        good = [v for v, cell in zip(values, cells, strict=True) if not cell.error]
        arrays[field] = np.array(good)  # in the order of those without error
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(temporary, **arrays)
    temporary.rename(path)


def _fold_of(problem: Problem) -> np.ndarray:
    fold = np.full(len(problem.y), -1, np.int8)
    for number, (_, tested) in enumerate(problem.folds):
        fold[tested] = number
    return fold


def load(path: Path) -> list[Cell]:
    """Read the cells of a table; none if there is no file."""
    if not path.exists():
        return []
    with np.load(path) as file:
        arrays = {name: file[name] for name in Cell._fields}
    place = np.cumsum(arrays["error"] == "") - 1
    empty = np.array([])
    return [
        Cell(
            str(name),
            str(error),
            *(arrays[f][i] if not error else empty for f in Cell._fields[2:]),
        )
        for name, error, i in zip(
            arrays["candidate"], arrays["error"], place, strict=True
        )
    ]


def pack(folder: Path, target: Path) -> None:
    """Put the files of all tables into a few tar files of limited size."""
    files = sorted(folder.glob("*.npz"), key=lambda f: -f.stat().st_size)
    while sum(f.stat().st_size for f in files) > 0.97 * MOST_FILES * MOST_BYTES:
        thin(files[0])
        files.sort(key=lambda f: -f.stat().st_size)
    groups: list[list[Path]] = [[] for _ in range(MOST_FILES)]
    sizes = [0] * MOST_FILES
    for file in [*files, folder / CANDIDATES]:
        least = sizes.index(min(sizes))
        groups[least].append(file)
        sizes[least] += file.stat().st_size + 2048
    for number, group in enumerate(groups):
        with tarfile.open(target / f"matrix{number}.tar", "w") as tar:
            for file in group:
                tar.add(file, file.name)
    print("packed", len(files), "tables,", [f"{size / 2**20:.1f}" for size in sizes])


def thin(path: Path) -> None:
    """Keep every second row of the predictions of a table."""
    with np.load(path) as file:
        arrays = dict(file)
    for name in ("y", "fold", "y_test"):
        arrays[name] = arrays[name][::2]
    for name in ("out_of_fold", "held_out"):
        arrays[name] = arrays[name][:, ::2]
    np.savez_compressed(path, **arrays)


def read_tables(path: str) -> list[Table]:
    with lzma.open(path) as file:
        return [Table(**content) for content in pickle.load(file)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", help="file of tables.py")
    parser.add_argument("out", type=Path, help="folder of the tables' results")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*", help="names of tables")
    parser.add_argument("--pack", type=Path, help="folder of the tar files")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.pack is None or args.seconds:
        tables = read_tables(args.tables)
        if args.only:
            tables = [table for table in tables if table.name in args.only]
        run(tables, args.out, args.seconds, args.processes)
    if args.pack is not None:
        pack(args.out, args.pack)


if __name__ == "__main__":
    main()
