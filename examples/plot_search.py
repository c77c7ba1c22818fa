"""Pictures of a search
====================

Plot how a search went, and what it found. Pipelines evolve for a table of tumours, or
networks for handwritten digits. ``--plot`` writes the two most important pictures,
``--pictures`` writes all of them, each to a file. With ``--generations`` instead of
``--max-time`` they are the same on every machine::

    python examples/plot_search.py --generations 8 --pictures FOLDER
    python examples/plot_search.py --data digits --max-time 120 --plot digits.png

Needs ``pip install ".[plots]"``, and for digits ``pip install ".[networks,plots]"``.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits

from sknevo import EvolvedClassifier, EvolvedPipelineClassifier, displays
from sknevo.genomes.pipeline import pipeline

# Families of models that are trained fast.
MODELS = ["svm", "linear", "neighbours", "naive_bayes", "mlp"]


def table():
    """Return a search of pipelines, and 569 tumours in 30 columns."""
    genome = partial(pipeline, models=MODELS)
    scoring = "neg_log_loss"
    search = EvolvedPipelineClassifier(genome=genome, cv=3, scoring=scoring)
    return search, *load_breast_cancer(return_X_y=True, as_frame=True)


def digits():
    """Return a search of networks, and 1,797 images of 8 x 8 pixels."""
    data = load_digits()
    return EvolvedClassifier(), data.images, data.target


DATA = {"table": table, "digits": digits}


def main():
    args = parse_arguments()
    search, X, y = DATA[args.data]()
    search.set_params(
        generations=args.generations,
        max_time=None if args.generations else args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
    ).fit(X, y)
    print(f"{search.n_evaluations_} evaluations; {search.stop_reason_}")
    print(f"The best, with a score of {search.best_score_:.4f}:")
    print(f"  {search.best_chromosome_.words}")
    if args.plot:
        search.plot().figure_.savefig(args.plot, dpi=100)
    if args.pictures:
        write_all(search, Path(args.pictures))


def write_all(search, folder):
    """Write each picture that there is of a search."""
    pictures: dict[str, Callable[[Any], Any]] = {
        "evolution": partial(
            displays.EvolutionDisplay.from_estimator, over="generations"
        ),
        "family_tree": displays.FamilyTreeDisplay.from_estimator,
        "genes": displays.GenesDisplay.from_estimator,
        "rungs": displays.RungsDisplay.from_estimator,
        "ensemble": displays.EnsembleDisplay.from_estimator,
        "network": displays.NetworkDisplay.from_estimator,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in pictures.items():
        try:
            figure = draw(search).figure_
        except displays.NoPictureError as reason:  # not every search has all of them
            print(f"No {name}: {reason}")
            continue
        figure.savefig(folder / f"{name}.png", dpi=100)
        plt.close(figure)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=DATA, default="table")
    parser.add_argument("--max-time", type=float, default=60, help="seconds to evolve")
    parser.add_argument("--generations", type=int, help="instead of --max-time")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write two pictures, such as both.png")
    parser.add_argument("--pictures", help="folder to write all pictures to")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
