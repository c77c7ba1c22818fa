"""Write a strategy of your own
============================

Evolve pipelines with a strategy of your own, which is one small class::

    python examples/own_strategy.py
    python examples/own_strategy.py --max-time 60 --plot ancestors.png

A strategy defines ``breed``, which makes one child from the population. By default the
fittest of parents and offspring survive; ``survive`` changes that. A strategy keeps no
state: its decisions depend only on its arguments. So results are reproducible, and a
search that was interrupted can be resumed. Takes about half a minute. Plots need
``pip install ".[plots]"``.
"""

import argparse
from collections import Counter
from functools import partial

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from sknevo import Chromosome, EvolvedPipelineClassifier, Strategy
from sknevo.genomes.pipeline import pipeline


class Climb(Strategy):
    """Mutate one of the fittest, or start from a random individual."""

    def __init__(self, n_leaders=3, restart_probability=0.2):
        self.n_leaders = n_leaders
        self.restart_probability = restart_probability

    def breed(self, genome, population, rng):
        if rng.random() < self.restart_probability:
            return Chromosome(genome.sample(rng), origin="random")
        leaders = population[: self.n_leaders]  # the fittest come first
        parent = leaders[int(rng.integers(len(leaders)))].chromosome
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
        initial_population=[],  # start from random individuals
        scoring="neg_log_loss",
        population_size=6,
        max_time=args.max_time,
        random_state=args.random_state,
        verbose=1,
    ).fit(X_train, y_train)
    print(f"\nThe best pipeline ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")
    print(
        "\nOrigins of the individuals:", Counter(evolved.cv_results_["origin"].tolist())
    )
    accuracy = evolved.best_estimator_.score(X_test, y_test)
    print(f"Accuracy on unseen rows: {accuracy:.3f}")
    if args.plot:
        from sknevo.displays import FamilyTreeDisplay

        FamilyTreeDisplay.from_estimator(evolved).figure_.savefig(args.plot, dpi=100)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=20, help="seconds to evolve")
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument(
        "--plot", help="where to write a picture, such as ancestors.png"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
