"""Strategies against random search on landscapes that cost nothing to evaluate.

Landscapes: "mixed" has conditional, categorical and logarithmic genes; "noisy" gives
every individual a score that luck has a part in; "valley" is of real genes alone,
narrow and slanting; and tables hold the scores of all 1,308 pipelines of a small space
on a CSV file, which are computed once (one to three minutes per file on one core) and
kept in benchmarks/results/.

For each strategy and 20 seeds: how many evaluations until the individual that a search
would return is truly one of the best 1 %, and of the best 0.1 %, of what random search
draws (of tables: of the pipelines there are). The intervals are bootstrapped (95 %) for
the median; whoever does not get there counts with the budget. The p-value says how
likely one that is no better than random search would do as well by luck (Mann and
Whitney, one-sided). The summary has geometric means over all landscapes and seeds.

    python benchmarks/landscapes.py ../shared/data/tabular/classification
    python benchmarks/landscapes.py --strategies crossover gaussian
"""

import argparse
import math
import time
from collections import deque

import numpy as np
from _landscapes import landscapes
from scipy.stats import mannwhitneyu

from sknevo.evolution import STRATEGIES, Evolution

SHARES = (0.01, 0.001)
# Elitist breeds random individuals only.
RANDOM = "elitist"
# A search that has found nobody new in so many trials is over.
IDLE = 100


def evaluations_to(landscape, strategy, seed, thresholds, budget, size):
    """Return, for each threshold, after how many evaluations the leader is above it."""
    rng = np.random.default_rng(seed)
    evolution = Evolution(landscape.genome, strategy, size, rng)
    reached, leader = np.full(len(thresholds), math.inf), None
    for n, evaluation in enumerate(trials(landscape, evolution, seed, budget), start=1):
        if leader is None or evaluation.fitness > leader.fitness:
            leader = evaluation
            there = landscape.truth(leader.chromosome) >= thresholds
            reached[there] = np.minimum(reached[there], n)
        if np.isfinite(reached).all():
            break
    return reached.tolist()


def trials(landscape, evolution, seed, budget):
    """Yield evaluations of individuals that were not known, in the order asked."""
    known, queue, repeated = {}, deque(), 0
    while len(known) < budget and repeated < IDLE:
        queue.extend(evolution.ask())
        chromosome = queue.popleft()
        key = chromosome.key
        if key in known:  # a small space is used up in the end
            repeated += 1
        else:
            repeated, known[key] = 0, landscape.rate(chromosome, seed)
            yield known[key]
        evolution.tell([known[key]])


def interval(values, rng, n=2000):
    """Return the bootstrapped 95 % interval of the median."""
    drawn = rng.choice(values, size=(n, len(values)))
    return np.quantile(np.median(drawn, axis=1), [0.025, 0.975])


def report(name, runs, budget):
    """Print a row for each strategy and share, random search first."""
    for i, share in enumerate(SHARES):
        print(f"\n{name}, the best {share:.1%}, at most {budget} evaluations")
        print("| strategy | median | 95 % | reached | p |\n|-|-|-|-|-|")
        for strategy, counts in runs.items():
            capped = np.minimum(counts[:, i], budget)
            low, high = interval(capped, np.random.default_rng(0))
            reached = np.isfinite(counts[:, i]).sum()
            p = p_value(runs, strategy, i, budget)
            print(
                f"| {strategy} | {np.median(capped):.0f} | {low:.0f} - {high:.0f} "
                f"| {reached}/{len(counts)} | {p:.2g} |"
            )


def p_value(runs, strategy, i, budget):
    ours, theirs = (np.minimum(runs[s][:, i], budget) for s in (strategy, RANDOM))
    return mannwhitneyu(ours, theirs, alternative="less").pvalue


def summary(everywhere, budget):
    """Print how many evaluations each needs in relation to random search."""
    strategies = list(next(iter(everywhere.values())))
    titles = " | ".join(f"the best {share:.1%}" for share in SHARES)
    print("\nGeometric means over all landscapes and seeds, random search = 1")
    print(f"| strategy | {titles} |\n|-|{'-|' * len(SHARES)}")
    means = {s: geometric_means(everywhere, s, budget) for s in strategies}
    for strategy in strategies:
        ratios = means[strategy] / means[RANDOM]
        print(f"| {strategy} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")


def geometric_means(everywhere, strategy, budget):
    counts = np.array(
        [np.minimum(runs[strategy], budget) for runs in everywhere.values()]
    )
    return np.exp(np.log(counts).mean(axis=(0, 1)))


def race(landscape, name, args):
    """Return, for each seed, how many evaluations a strategy needs for each share."""
    thresholds = np.quantile(landscape.everyone, 1 - np.array(SHARES))
    begin, strategy = time.perf_counter(), STRATEGIES[name]()
    counts = np.array(
        [
            evaluations_to(
                landscape, strategy, seed, thresholds, args.budget, args.population_size
            )
            for seed in range(args.seeds)
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
        runs = {name: race(landscape, name, args) for name in names}
        report(landscape.name, runs, args.budget)
        everywhere[landscape.name] = runs
    summary(everywhere, args.budget)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="of the CSV files")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--budget", type=int, default=400)
    parser.add_argument("--population-size", type=int, default=12)
    return parser.parse_args()


if __name__ == "__main__":
    main()
