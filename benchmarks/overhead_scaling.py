"""The overhead of the engine per trial, for searches of 10 to 10,000 trials.

The trials sleep. The rest of the time of the workers (wall time x workers - time inside
fit and score) is breeding, bookkeeping, joblib, records, and waiting for the last trial
of a generation. Each row is one search in generations of 100 (of 10 for 10 trials). If
any part of the engine took quadratic time, the milliseconds per trial would rise from
row to row.

    python benchmarks/overhead_scaling.py --backend sequential loky dask ray
"""

import argparse
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from clusters import dask_cluster, ray_cluster
from toys import ToyBuilder, make_evaluator

from sknevo.evolution import GeneticAlgorithm, Population, SuccessiveHalving
from sknevo.genomes.pipeline import pipeline
from sknevo.records import Column, DataSpec
from sknevo.search import search
from sknevo.termination import MaxGenerations


class Sleepers(ToyBuilder):
    """A builder of sleeping estimators that takes any genes."""

    def __call__(self, expressed, random_state):
        return super().__call__({}, random_state)

    def cost(self, expressed):
        return 1.0


@contextmanager
def processes_here(name):
    yield name


BACKENDS = {
    "sequential": lambda: processes_here("sequential"),
    "loky": lambda: processes_here("loky"),
    "dask": dask_cluster,
    "ray": ray_cluster,
}


def one_search(n_trials, seconds, n_jobs):
    size = min(100, n_trials)
    columns = tuple(Column(i, "numeric") for i in range(20))
    genome = pipeline(DataSpec("classification", 1000, 2, columns))
    population = Population(genome, GeneticAlgorithm(), size, np.random.default_rng(0))
    evaluator = make_evaluator(n_jobs=n_jobs, n_splits=1, builder=Sleepers(seconds))
    begin = time.perf_counter()
    outcome = search(
        SuccessiveHalving(population), evaluator, [MaxGenerations(n_trials // size)]
    )
    wall = time.perf_counter() - begin
    evaluator.close()
    inside = sum(e.duration for e in outcome.evaluations)
    return wall, inside, len(outcome.evaluations), evaluator.n_workers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", nargs="+", default=list(BACKENDS)[:3])
    parser.add_argument("--most", type=int, default=10_000, help="trials")
    parser.add_argument("--seconds", type=float, default=0.02, help="of a trial")
    args = parser.parse_args()
    print(
        f"{'backend':>10}{'workers':>8}{'trials':>8}{'wall s':>9}{'ms per trial':>14}"
    )
    for backend in args.backend:
        n_jobs = 1 if backend == "sequential" else 2
        with BACKENDS[backend]() as name, joblib.parallel_config(backend=name):
            one_search(10, 0.0, n_jobs)  # starts the workers
            for n_trials in (10, 100, 1000, 10_000):
                if n_trials > args.most:
                    continue
                wall, inside, n, workers = one_search(n_trials, args.seconds, n_jobs)
                each = 1000 * (wall * workers - inside) / n
                print(f"{backend:>10}{workers:>8}{n:>8}{wall:>9.1f}{each:>14.2f}")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
