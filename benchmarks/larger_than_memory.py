"""A table that is larger than the memory of a fit: peak memory and score.

    python benchmarks/larger_than_memory.py make FOLDER --rows 12500000
    python benchmarks/larger_than_memory.py fit FOLDER --cluster 0 --max-time 60
    python benchmarks/larger_than_memory.py fit FOLDER --cluster 2 --max-time 60
    python benchmarks/larger_than_memory.py rounds --rows 25000 100000 400000 1600000

`make` writes a made table of 30 numbers and two classes (`peers/_made.py`) as Parquet,
in parts, and 10^6 further rows. With 12.5 million rows its numbers take 3 GB as floats.
`fit` evolves a pipeline on it, on this machine alone or by so many workers of Dask, and
prints the most memory that this process holds, the processes that it has started (its
cluster apart) and all of them: proportional set size (PSS), ten times a second. Then it
scores the model of all rows and that of the sample on the further rows, and prints the
difference of their ROC AUC with the standard error of 100 pairs of parts.

`rounds` fits LightGBM with more and more rows, each time until the loss on 50,000
others stops improving, and prints the best rounds and the power of rows that they
follow.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _made import CHUNK, _signal

from sknevo.genomes.pipeline import pipeline

N_COLUMNS, N_FURTHER = 30, 1_000_000
LEAVES = {
    "lightgbm": {"num_leaves": 31, "extra_trees": False},
    "xgboost": {"max_depth": 6},
}
NAMES = [f"x{i}" for i in range(N_COLUMNS)]


def rows_of(n, seed, kind="mixed"):
    """Yield chunks of made rows, with their classes."""
    rng = np.random.default_rng(seed)
    step = CHUNK // N_COLUMNS
    for begin in range(0, n, step):
        shape = (min(step, n - begin), N_COLUMNS)
        X = rng.standard_normal(shape, dtype=np.float32)
        y = _signal(X.T, kind) + rng.standard_normal(len(X)) > 0
        yield X, y.astype(int)


def make(args):
    import pyarrow as pa
    from pyarrow import parquet

    for name, n, seed in (("rows", args.rows, 0), ("further", N_FURTHER, 1)):
        (folder := args.folder / name).mkdir(parents=True)
        for i, (X, y) in enumerate(rows_of(n, seed)):
            table = pa.table([*X.T.astype(float), y], [*NAMES, "target"])
            parquet.write_table(table, folder / f"part.{i}.parquet")


class Peaks(threading.Thread):
    """Samples the memory of this process, its own workers and a cluster, in MB."""

    def __init__(self, cluster=()):
        super().__init__(daemon=True)
        self.cluster, self.peaks, self.going = {*cluster}, {}, True

    def __str__(self):
        return f"peak MB { ({name: round(mb) for name, mb in self.peaks.items()}) }"

    def run(self):
        import psutil

        me = psutil.Process()
        while self.going:
            held = {"this process": _pss(me), "own workers": 0.0, "cluster": 0.0}
            for child in me.children(recursive=True):
                kind = "cluster" if child.pid in self.cluster else "own workers"
                held[kind] += _pss(child)
            held["all"] = sum(held.values())
            for name, megabytes in held.items():
                self.peaks[name] = max(self.peaks.get(name, 0.0), megabytes)
            time.sleep(0.1)


def _pss(process):
    import psutil

    try:
        return process.memory_full_info().pss / 1e6
    except psutil.Error:
        return 0.0


def fit(args):
    import joblib

    if not args.cluster:
        return fit_and_report(args, args.folder / "rows", [])
    import psutil
    from dask import dataframe
    from distributed import Client, LocalCluster

    with (
        LocalCluster(args.cluster, threads_per_worker=1, memory_limit=0) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        pids = [child.pid for child in psutil.Process().children(recursive=True)]
        X = dataframe.read_parquet(args.folder / "rows")
        return fit_and_report(args, X, pids)


def searched(model):
    """Return what is searched: all pipelines, or a single one with large steps."""
    if model is None:
        return {"generations": None}
    genes = {"scaling": "none", "extraction": {"none": {}}}
    genes["model"] = {model: {"learning_rate": 0.25, **LEAVES[model]}}
    one = {"initial_population": [genes], "population_size": 1, "generations": 1}
    return {"genome": partial(pipeline, models=[model]), **one}


def fit_and_report(args, X, cluster):
    from sklearn.metrics import roc_auc_score

    from sknevo import EvolvedPipelineClassifier
    from sknevo.estimators import _large_tables

    alone = {}
    last = _large_tables.fit_on_all

    def fit_on_all(pipeline, source, census, rounds):
        alone["sample"] = pipeline
        print(f"search {time.perf_counter() - start:.0f} s, {peaks}", flush=True)
        rounds = min(rounds, args.most_rounds or rounds)
        return last(pipeline, source, census, rounds)

    _large_tables.fit_on_all = fit_on_all
    start = time.perf_counter()
    (peaks := Peaks(cluster)).start()
    clf = EvolvedPipelineClassifier(
        scoring="roc_auc",
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.seed,
        memory_limit=args.memory_limit,
        **searched(args.model),
    ).fit(X, "target")
    peaks.going = False
    print(f"all {time.perf_counter() - start:.0f} s, {peaks}", flush=True)
    print(f"model {clf.best_params_}, {Counter(clf.cv_results_['status'])}")
    print(f"rounds {alone['sample'][-1].rounds_}, {clf.best_estimator_[-1].rounds_}")
    further = args.folder / "further"
    start = time.perf_counter()
    predicted = clf.predict_proba(further)[:, 1]
    print(f"predict {time.perf_counter() - start:.0f} s for {len(predicted):,} rows")
    y = np.concatenate([y for _, y in rows_of(N_FURTHER, 1)])
    clf.best_estimator_ = alone["sample"]
    both = np.column_stack([predicted, clf.predict_proba(further)[:, 1]])
    scores = [roc_auc_score(y, column) for column in both.T]
    gains = [
        np.subtract(*(roc_auc_score(y[rows], column[rows]) for column in both.T))
        for rows in np.array_split(np.arange(len(y)), 100)
    ]
    error = np.std(gains, ddof=1) / 10
    print(f"ROC AUC of all rows {scores[0]:.5f}, of the sample {scores[1]:.5f}")
    print(
        f"difference {scores[0] - scores[1]:.5f} with a standard error of {error:.5f}"
    )


def rounds(args):
    from lightgbm import Dataset, early_stopping, train

    for kind in ("mixed", "linear"):
        (held_out,) = rows_of(50_000, 1, kind)
        chunks = [*rows_of(max(args.rows), 0, kind)]
        X, y = (np.concatenate(arrays) for arrays in zip(*chunks, strict=True))
        del chunks
        for rate, leaves in ((0.1, 31), (0.1, 127), (0.05, 31)):
            best = []
            for n in args.rows:
                settings = {
                    "objective": "binary",
                    "learning_rate": rate,
                    "num_leaves": leaves,
                    "verbose": -1,
                }
                data = Dataset(X[:n], y[:n], params=settings)
                watched = [data.create_valid(*held_out)]
                patience = [early_stopping(round(5 + 0.25 / rate) * 4, verbose=False)]
                most = round(60 / rate)
                model = train(settings, data, most, watched, callbacks=patience)
                best.append(model.best_iteration)
            power = np.polyfit(np.log(args.rows), np.log(best), 1)[0]
            told = f"{kind}, rate {rate}, {leaves} leaves"
            print(f"{told}: {best} rounds, power {power:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("make")
    one.add_argument("folder", type=Path)
    one.add_argument("--rows", type=int, default=12_500_000)
    one.set_defaults(run=make)
    one = commands.add_parser("fit")
    one.add_argument("folder", type=Path)
    one.add_argument("--cluster", type=int, default=0, help="workers of Dask")
    one.add_argument("--max-time", type=float, default=60)
    one.add_argument("--memory-limit", type=float)
    one.add_argument("--n-jobs", type=int, default=2)
    one.add_argument("--model", choices=LEAVES, help="a single pipeline, no search")
    one.add_argument("--most-rounds", type=int, help="of the last fit")
    one.add_argument("--seed", type=int, default=0)
    one.set_defaults(run=fit)
    one = commands.add_parser("rounds")
    sizes = [25_000, 100_000, 400_000, 1_600_000]
    one.add_argument("--rows", type=int, nargs="+", default=sizes)
    one.set_defaults(run=rounds)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
