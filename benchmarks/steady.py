"""The load of two workers when individuals take unequally long.

Trials sleep for log-normal times (the longest take about ten times the median). Per
seed, interleaved in one run: a generational and a steady-state strategy with the same
population. The load is the time inside trials / (workers x wall time), from the start
of the second trial to the end of the last one.

    python benchmarks/steady.py
"""

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from toys import Toy, chromosome, evaluate, make_evaluator

from sknevo.evolution import STRATEGIES, Population, SuccessiveHalving
from sknevo.genes import Genome, Real
from sknevo.search import search
from sknevo.termination import MaxGenerations

MEDIAN, SPREAD = 0.1, 1.0
GENOME = Genome(x=Real(-1, 1), luck=Real(0, 1))


@dataclass(frozen=True)
class Uneven:
    """A builder of estimators that sleep for a log-normal time."""

    def __call__(self, expressed, random_state):
        return Toy(expressed["x"], seconds=self.cost(expressed))

    def cost(self, expressed):
        quantile = statistics.NormalDist().inv_cdf(0.001 + 0.998 * expressed["luck"])
        return MEDIAN * float(np.exp(SPREAD * quantile))


def busy(strategy, seed, generations=12, size=16):
    evaluator = make_evaluator(n_jobs=2, n_splits=1, builder=Uneven())
    # This starts the workers.
    evaluate(evaluator, [chromosome(0.5, luck=0.1), chromosome(0.6, luck=0.1)])
    population = Population(
        GENOME, STRATEGIES[strategy](), size, np.random.default_rng(seed)
    )
    start = time.perf_counter()
    outcome = search(
        SuccessiveHalving(population), evaluator, [MaxGenerations(generations)]
    )
    wall = time.perf_counter() - start
    evaluator.close()
    inside = sum(e.duration for e in outcome.evaluations)
    return inside / (2 * wall), wall, len(outcome.evaluations)


def main():
    shares = {"crossover": [], "regularized_evolution": []}
    print(f"{'seed':>4} {'strategy':<10} {'busy':>7} {'wall s':>7} {'n':>5}")
    for seed in range(5):
        for strategy, rows in shares.items():
            share, wall, n = busy(strategy, seed)
            rows.append(share)
            print(f"{seed:4} {strategy:<10} {share:7.1%} {wall:7.1f} {n:5}", flush=True)
    for strategy, rows in shares.items():
        print(
            f"{strategy}: median {statistics.median(rows):.1%}, "
            f"{min(rows):.1%} to {max(rows):.1%}"
        )


if __name__ == "__main__":
    main()
