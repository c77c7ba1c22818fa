"""Strategies against random search on landscapes that cost nothing to evaluate.

Landscapes: "mixed" has conditional, categorical and logarithmic genes. "noisy" adds
random noise to every score. "valley" has real genes alone and is narrow and slanting.
A table holds the scores of all 1,308 pipelines of a small space on a CSV file; they are
computed once (one to three minutes per file on one core) and kept in
benchmarks/results/.

For each strategy and 20 seeds it counts evaluations until the individual that a search
would return is truly one of the best 1 %, and of the best 0.1 %, of those that random
search draws (on tables: of all pipelines). It prints medians with bootstrapped
intervals (95 %), and how many seeds reached it; the others count with the budget. "ns"
stands where a strategy no better than random search would do as well by chance in more
than one case of 20 (Mann and Whitney, one-sided).

    python benchmarks/landscapes.py FOLDER_OF_CSVS
    python benchmarks/landscapes.py --strategies crossover estimation_of_distribution
"""

import argparse
import math
import time
from collections import deque

import numpy as np
from _landscapes import landscapes
from scipy.stats import mannwhitneyu

from sknevo.evolution import STRATEGIES, Population

SHARES = (0.01, 0.001)
# Elitist breeds random individuals only.
RANDOM = "elitist"
BASELINES = (RANDOM, "crossover")
# A search that finds no new individual in so many trials is over. Chosen, not measured.
IDLE = 100


def evaluations_to(landscape, strategy, seed, thresholds, budget, size):
    """Return the number of evaluations until the leader exceeds each threshold."""
    rng = np.random.default_rng(seed)
    population = Population(landscape.genome, strategy, size, rng)
    reached, leader = np.full(len(thresholds), math.inf), None
    tried = trials(landscape, population, seed, budget)
    for n, evaluation in enumerate(tried, start=1):
        if leader is None or evaluation.fitness > leader.fitness:
            leader = evaluation
            there = landscape.truth(leader.chromosome) >= thresholds
            reached[there] = np.minimum(reached[there], n)
        if np.isfinite(reached).all():
            break
    return reached.tolist()


def trials(landscape, population, seed, budget):
    """Yield the evaluations of new individuals in the order of the asks."""
    known, queue, repeated = {}, deque(), 0
    while len(known) < budget and repeated < IDLE:
        queue.extend(population.ask())
        chromosome = queue.popleft()
        key = chromosome.key
        if key in known:  # a small space is used up in the end
            repeated += 1
        else:
            repeated, known[key] = 0, landscape.rate(chromosome, seed)
            yield known[key]
        population.tell([known[key]])


def interval(values, rng, n=2000):
    """Return the bootstrapped 95 % interval of the median."""
    drawn = rng.choice(values, size=(n, len(values)))
    return np.quantile(np.median(drawn, axis=1), [0.025, 0.975])


def tabulate(everywhere, i, budget):
    """Print a row for each strategy, random search first, and a column per landscape.

    A cell holds the median, its interval, how many seeds got there, and "ns" where the
    difference to random search may be chance. The last columns are geometric means over
    all landscapes and seeds, in relation to random search and to crossover.
    """
    columns = " | ".join(everywhere)
    print(f"\n| the best {SHARES[i]:.1%} | {columns} | to random | to crossover |")
    print("|-|" + "-|" * (len(everywhere) + 2))
    for strategy in next(iter(everywhere.values())):
        cells = [
            cell(runs[strategy][:, i], runs[RANDOM][:, i], budget)
            for runs in everywhere.values()
        ]
        cells += [
            ratio(everywhere, strategy, baseline, i, budget) for baseline in BASELINES
        ]
        print(f"| {strategy} | {' | '.join(cells)} |")


def ratio(everywhere, strategy, baseline, i, budget):
    """Return the mean ratio of evaluations over paired seeds, and its interval."""
    if any(baseline not in runs for runs in everywhere.values()):
        return ""
    ours, theirs = (
        np.log([np.minimum(runs[s][:, i], budget) for runs in everywhere.values()])
        for s in (strategy, baseline)
    )
    rng, (n_landscapes, n_seeds) = np.random.default_rng(0), ours.shape
    drawn = rng.integers(n_seeds, size=(2000, n_landscapes, n_seeds))
    means = np.take_along_axis((ours - theirs)[None], drawn, axis=2).mean(axis=(1, 2))
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    return f"{np.exp((ours - theirs).mean()):.2f} ({low:.2f} - {high:.2f})"


def cell(counts, baseline, budget):
    capped = np.minimum(counts, budget)
    low, high = interval(capped, np.random.default_rng(0))
    test = mannwhitneyu(capped, np.minimum(baseline, budget), alternative="less")
    mark = " ns" if test.pvalue >= 0.05 else ""
    median, reached = np.median(capped), np.isfinite(counts).sum()
    return f"{median:.0f} ({low:.0f} - {high:.0f}), {reached}{mark}"


def run(landscape, name, args):
    """Return, for each seed, how many evaluations a strategy needs for each share."""
    thresholds = np.quantile(landscape.reference, 1 - np.array(SHARES))
    begin, strategy = time.perf_counter(), STRATEGIES[name]()
    counts = np.array(
        [
            evaluations_to(
                landscape, strategy, seed, thresholds, args.budget, args.population_size
            )
            for seed in range(args.first_seed, args.first_seed + args.seeds)
        ]
    )
    seconds = time.perf_counter() - begin
    rows = " ".join("/".join(f"{n:.0f}" for n in row) for row in counts)
    print(f"{landscape.name} {name} ({seconds:.0f} s): {rows}", flush=True)
    return counts


def main():
    args, everywhere = parse_arguments(), {}
    names = dict.fromkeys([RANDOM, *args.strategies])
    for landscape in landscapes(args.folder):
        runs = {name: run(landscape, name, args) for name in names}
        everywhere[landscape.name] = runs
    for i in range(len(SHARES)):
        tabulate(everywhere, i, args.budget)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="of the CSV files")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=400)
    parser.add_argument("--population-size", type=int, default=12)
    return parser.parse_args()


if __name__ == "__main__":
    main()
