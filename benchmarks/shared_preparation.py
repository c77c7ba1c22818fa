"""The time saved by fitting a preparation once for all individuals that share it.

Per table, the same individuals (the well-known ones and 20 mutants of them) are
evaluated with and without sharing, in turn, by one worker. The ratio is the time with
sharing / the time without. The scores must be equal.

    python benchmarks/shared_preparation.py FOLDER_OF_CSVS
"""

import argparse
import statistics
import time

import numpy as np
import tables
from sklearn.metrics import get_scorer

from sknevo.builders.pipeline import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.estimators._splits import make_splits
from sknevo.evaluation import Data, Objectives, Shared, TrialRunner
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.records import Candidate, Chromosome, DataSpec


class Unshared(Shared):
    """Computes every value again."""

    def computed(self, key, compute):
        return compute()


def individuals(spec, rng, n_children=20):
    genome = pipeline(spec)
    first = [genome.complete(genes, rng) for genes in well_known(spec)]
    children = [
        genome.mutate(first[rng.integers(len(first))], rng) for _ in range(n_children)
    ]
    return [Chromosome(genes) for genes in first + children]


def seconds_and_scores(kind, builder, data, chromosomes):
    shared = kind(data)
    runner = TrialRunner(builder, shared, Objectives(get_scorer("accuracy"), None), 0)
    begin = time.perf_counter()
    scores = [runner(Candidate(chromosome)).fitness for chromosome in chromosomes]
    seconds = time.perf_counter() - begin
    shared.close()
    return seconds, scores


def one_table(folder, name, repeats):
    X, y = tables.read(folder, name)
    rows = np.random.default_rng(0).permutation(len(X))[:4000]
    reader = ColumnReader().fit(X.iloc[rows])
    X, y = reader.transform(X.iloc[rows]), y[rows]
    splits = make_splits(
        3, X, y, classifier=True, random_state=0, split_params={}, default_folds={}
    )
    spec = DataSpec(
        "classification", len(splits[0][0]), len(set(y)), reader.describe(X)
    )
    builder = PipelineBuilder(spec, probabilities=False)
    chromosomes = individuals(spec, np.random.default_rng(0))
    ratios, without = [], []
    for _ in range(repeats):
        shared, scores = seconds_and_scores(
            Shared, builder, Data(X, y, splits), chromosomes
        )
        unshared, same = seconds_and_scores(
            Unshared, builder, Data(X, y, splits), chromosomes
        )
        assert scores == same
        ratios.append(shared / unshared)
        without.append(unshared)
    return ratios, without, len(chromosomes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--tables", nargs="*", default=tables.NAMES)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print(f"{'table':<20}{'individuals':>12}{'s without':>11}  ratio with / without")
    medians = []
    for name in args.tables:
        ratios, without, n = one_table(args.folder, name, args.repeats)
        medians.append(statistics.median(ratios))
        raw = " ".join(f"{ratio:.3f}" for ratio in ratios)
        print(
            f"{name:<20}{n:>12}{statistics.median(without):>11.2f}  "
            f"{medians[-1]:.3f}  ({raw})",
            flush=True,
        )
    print(f"median over tables: {statistics.median(medians):.3f}")


if __name__ == "__main__":
    main()
