"""Pictures of a search: its course, its winner and why that won.

Pipelines evolve for a table of tumours, or networks for handwritten digits. ``--plot``
writes the two pictures that say most, ``--pictures`` all of them, each to a file.

    python examples/plot_search.py --max-time 60 --plot search.png
    python examples/plot_search.py --data digits --max-time 120 --pictures FOLDER
"""

import argparse
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

from sknevo import EvolvedClassifier, EvolvedPipelineClassifier, displays


def table():
    """Return pipelines and a table of 569 tumours in 30 columns."""
    search = partial(EvolvedPipelineClassifier, scoring="neg_log_loss")
    return search, *load_breast_cancer(return_X_y=True, as_frame=True)


def digits():
    """Return networks and 1,797 images of 8 x 8 pixels."""
    data = load_digits()
    return EvolvedClassifier, data.images, data.target


DATA = {"table": table, "digits": digits}


def main():
    args = parse_arguments()
    search, X, y = DATA[args.data]()
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    clf = search(
        generations=None,
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
    ).fit(X, y)
    print(f"{clf.n_evaluations_} candidates in {args.max_time:g} s")
    print(f"Score on held-out samples: {clf.score(X_test, y_test):.4f}")
    print(f"The best: {clf.best_chromosome_.words}")
    if args.plot:
        evolution, _ = clf.plot()
        evolution.figure_.savefig(args.plot, dpi=100)
    if args.pictures:
        write_all(clf, Path(args.pictures))


def write_all(clf, folder):
    """Write each picture that there is of a classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Evolution", "Rungs", "Genes", "FamilyTree", "Ensemble", "Network"):
        display = getattr(displays, f"{name}Display")
        try:
            picture = display.from_estimator(clf)
        except (TypeError, ValueError) as reason:  # not every search has all of them
            print(f"No {name}: {reason}")
            continue
        picture.figure_.savefig(folder / f"{name}.png", dpi=100)
        plt.close(picture.figure_)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="table")
    parser.add_argument("--max-time", type=float, default=60, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write two pictures, such as both.png")
    parser.add_argument("--pictures", help="folder to write all pictures to")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
