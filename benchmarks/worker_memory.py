"""The memory of workers: after hundreds of trials, and with data of a gigabyte.

`growth`: one search of many trials with two workers, for pipelines and for networks, on
tiny data. Printed is the resident memory of the workers after a fifth of the trials,
when all modules are imported, and at the end.

`data`: a large X in a search with two workers, once as an array in memory and once as a
mapped file (`np.load(path, mmap_mode="r")`). Each of eight splits trains on another
eighth of X, so that every worker reads all of it. Printed are the anonymous memory of
this process and of each worker, and their mapped files as proportional set size (PSS):
mapped pages exist once on the machine, and the kernel may drop them.

    python benchmarks/worker_memory.py growth --n-trials 500
    python benchmarks/worker_memory.py data --megabytes 1000

Linux only.
"""

import argparse
import os
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
from joblib.externals.loky import get_reusable_executor
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits, load_iris

from sknevo import EvolvedClassifier, EvolvedPipelineClassifier
from sknevo.evaluation import Data, Evaluator, Objectives, Shared, TrialRunner
from sknevo.genomes.convnet import convnet
from sknevo.genomes.pipeline import pipeline
from sknevo.records import Candidate, Chromosome

N_SPLITS = 8


def memory(pid):
    """Return the megabytes of a process: resident, anonymous, and mapped files."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {name: kib[name] / 1024 for name in ("Rss", "Pss_Anon", "Pss_File")}


def workers():
    """Return the ids of the loky processes that this process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if (
                parent == os.getpid()
                and b"LokyProcess" in (folder / "cmdline").read_bytes()
            ):
                found.append(int(folder.name))
        except (OSError, ValueError):  # it has ended
            continue
    return found


class Watch:
    """A thread that records the memory of this process and its workers."""

    def __init__(self, period, journal=None):
        self.seen = []  # for each record, the memory of every process by its id
        self.trials = []  # for each record, the number of trials in the journal
        self.journal = journal
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(period,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self, period):
        while not self._over.wait(period):
            held = {}
            for pid in (os.getpid(), *workers()):
                try:
                    held[pid] = memory(pid)
                except (OSError, KeyError):  # it has just ended
                    continue
            self.seen.append(held)
            written = self.journal and Path(self.journal).exists()
            lines = Path(self.journal).read_bytes().count(b"\n") if written else 0
            self.trials.append(lines)


def growth(n_trials):
    digits, classes = load_digits(n_class=3, return_X_y=True)
    images = digits.reshape(-1, 8, 8).astype(np.uint8)[::5]
    searches = {
        "pipelines": (EvolvedPipelineClassifier, pipeline, load_iris(return_X_y=True)),
        "networks": (
            EvolvedClassifier,
            partial(convnet, max_epochs=1, max_parameters=20_000),
            (images, classes[::5]),
        ),
    }
    for name, (estimator, genome, (X, y)) in searches.items():
        begin = time.perf_counter()
        folder = tempfile.TemporaryDirectory()
        journal = Path(folder.name) / "run.jsonl"
        with folder, Watch(0.5, journal) as watch:
            clf = estimator(
                journal=journal,
                genome=genome,
                population_size=20,
                generations=n_trials // 20,
                cv=[(np.arange(0, len(y), 2), np.arange(1, len(y), 2))],
                refit=False,
                n_jobs=2,
                random_state=0,
            ).fit(X, y)
        seconds = time.perf_counter() - begin
        print(f"{name}: {clf.n_evaluations_} trials in {seconds:.0f} s")
        fifth = next(i for i, n in enumerate(watch.trials) if n > n_trials / 5)
        early = watch.seen[fifth]
        late = next(look for look in reversed(watch.seen) if len(look) > 1)
        for pid in set(early) & set(late):
            process = "this process" if pid == os.getpid() else "a worker"
            before, after = early[pid]["Rss"], late[pid]["Rss"]
            print(
                f"  {process}: {before:.0f} MB after a fifth, "
                f"{after:.0f} MB at the end, grown by {after - before:+.0f} MB"
            )


class Reader(ClassifierMixin, BaseEstimator):
    """An estimator that reads all of its training data."""

    def __init__(self, a=0):
        self.a = a

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.mean_ = X.mean()
        return self

    def score(self, X, y):
        return float(self.a)


class Readers:
    def __call__(self, expressed, random_state):
        return Reader(**expressed)

    def cost(self, expressed):
        return 1.0


def score(estimator, X, y):
    return estimator.score(X, y)


def data(megabytes):
    rows = int(megabytes * 2**20 / 8 / 128)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        X = np.lib.format.open_memmap(path, "w+", float, (rows, 128))
        for begin in range(0, rows, 10_000):
            X[begin : begin + 10_000] = begin
        X.flush()
        del X
        for name, mode in (("in memory", None), ("a mapped file", "r")):
            held_by_all(name, np.load(path, mmap_mode=mode))


def held_by_all(name, X):
    size = len(X) // N_SPLITS
    test = np.arange(10)
    splits = [(np.arange(i * size, (i + 1) * size), test) for i in range(N_SPLITS)]
    y = np.arange(len(X)) % 2
    shared = Shared(Data(X, y, splits))
    evaluator = Evaluator(
        TrialRunner(Readers(), shared, Objectives(score, None), random_state=0),
        n_jobs=2,
    )
    candidates = [Candidate(Chromosome({"a": i})) for i in range(8)]
    with Watch(0.2) as watch:
        evaluator.evaluate(candidates)
        time.sleep(0.5)
    evaluator.close()
    # Otherwise the workers keep this file mapped.
    get_reusable_executor().shutdown(wait=True)
    print(f"X of {X.nbytes / 2**20:.0f} MB, {name}; a trial trains on an eighth of it")
    most = {
        pid: {
            kind: max(look[pid][kind] for look in watch.seen if pid in look)
            for kind in ("Pss_Anon", "Pss_File")
        }
        for pid in {pid for look in watch.seen for pid in look}
    }
    for pid, held in sorted(most.items(), key=lambda item: item[0] != os.getpid()):
        process = "this process" if pid == os.getpid() else "a worker"
        print(
            f"  {process}: at most {held['Pss_Anon']:.0f} MB of its own, "
            f"{held['Pss_File']:.0f} MB of files"
        )
    for kind, what in (("Pss_Anon", "of their own"), ("Pss_File", "of files")):
        together = max(sum(p[kind] for p in look.values()) for look in watch.seen)
        print(f"  all together: at most {together:.0f} MB {what}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["growth", "data"])
    parser.add_argument("--n-trials", type=int, default=500)
    parser.add_argument("--megabytes", type=float, default=1000)
    args = parser.parse_args()
    growth(args.n_trials) if args.what == "growth" else data(args.megabytes)


if __name__ == "__main__":
    main()
