"""Evolve by a strategy of your own: one small class.

    python examples/own_strategy.py
    python examples/own_strategy.py --max-time 60

A strategy says how a child is bred of the population and, if the fittest of parents and
offspring are not what it wants, who survives (`survive`). It keeps no state: all
follows from the population and the generator that it is given. That is why results can
be repeated, and why a search that was killed goes on where it was.
"""

import argparse
from collections import Counter
from functools import partial

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from sknevo import Chromosome, EvolvedPipelineClassifier, Strategy
from sknevo.genomes.pipeline import pipeline


class Climb(Strategy):
    """Mutate one of the fittest; now and then begin elsewhere."""

    def __init__(self, n_leaders=3, restart_probability=0.2):
        self.n_leaders = n_leaders
        self.restart_probability = restart_probability

    def breed(self, genome, population, rng):
        if rng.random() < self.restart_probability:
            return Chromosome(genome.sample(rng), origin="random")
        leaders = population[: self.n_leaders]  # the fittest come first
        parent = leaders[rng.integers(len(leaders))].chromosome
        genes = genome.mutate(parent.genes, rng)
        return Chromosome(genes, origin="mutation", parents=(parent.key,))


def main():
    args = parse_arguments()
    X, y = load_iris(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, random_state=args.random_state
    )
    evolved = EvolvedPipelineClassifier(
        strategy=Climb(n_leaders=2),
        genome=partial(pipeline, models=["svm"]),  # quick to train
        initial_population=[],  # nobody is known to do well
        scoring="neg_log_loss",
        population_size=6,
        generations=1000,  # the clock ends the search, not the count
        max_time=args.max_time,
        random_state=args.random_state,
        verbose=1,
    ).fit(X_train, y_train)
    print(f"\nThe winner ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")
    print(
        "\nHow individuals were bred:", Counter(evolved.cv_results_["origin"].tolist())
    )
    accuracy = evolved.best_estimator_.score(X_test, y_test)
    print(f"Accuracy on rows that it has never seen: {accuracy:.3f}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-time", type=float, default=20, help="seconds to evolve")
    parser.add_argument("--random-state", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
