"""The share of the engine in the time of a search, for trials of 50 ms.

The trials sleep. The rest of the wall time is breeding, bookkeeping, joblib and
records. Each row is one search with `n_jobs=1`; the share is (wall time - time inside
fit and score) / wall time. The overhead per trial is also given for trials that take no
time at all.

    python benchmarks/engine_overhead.py
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from toys import make_evaluator

from sknevo.evolution import GeneticAlgorithm, Population, SuccessiveHalving
from sknevo.genomes.pipeline import pipeline
from sknevo.records import Column, DataSpec
from sknevo.search import search
from sknevo.termination import MaxGenerations


class AnyGenes:
    """A builder of sleeping estimators that takes any genes."""

    def __init__(self, toys):
        self.toys = toys

    def __call__(self, expressed, random_state):
        return self.toys({}, random_state)

    def cost(self, expressed):
        return 1.0


def one_search(seconds, seed, generations=10, size=16):
    columns = tuple(Column(i, "numeric") for i in range(20))
    genome = pipeline(DataSpec("classification", 1000, 2, columns))
    population = Population(
        genome, GeneticAlgorithm(), size, np.random.default_rng(seed)
    )
    evaluator = make_evaluator(seconds, n_splits=1)
    object.__setattr__(evaluator.runner, "builder", AnyGenes(evaluator.runner.builder))
    begin = time.perf_counter()
    outcome = search(
        SuccessiveHalving(population), evaluator, [MaxGenerations(generations)]
    )
    wall = time.perf_counter() - begin
    inside = sum(e.duration for e in outcome.evaluations)
    return wall, inside, len(outcome.evaluations)


def main():
    print(f"{'trial':>8}{'seed':>6}{'wall s':>9}{'trials s':>10}{'n':>5}{'share':>8}")
    shares = {0.05: [], 0.0: []}
    for seed in range(5):
        for seconds, rows in shares.items():
            wall, inside, n = one_search(seconds, seed)
            rows.append(((wall - inside) / wall, (wall - inside) / n))
            print(
                f"{1000 * seconds:5.0f} ms{seed:6}{wall:9.3f}{inside:10.3f}{n:5}"
                f"{rows[-1][0]:8.2%}"
            )
    share = statistics.median(s for s, _ in shares[0.05])
    each = statistics.median(e for _, e in shares[0.05])
    print(f"\nmedian share at 50 ms: {share:.2%} ({1000 * each:.2f} ms per trial)")


if __name__ == "__main__":
    main()
