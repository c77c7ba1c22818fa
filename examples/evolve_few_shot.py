"""Learn new digits from a few images of each
==========================================

Learn seven digits, and tell three others apart after one or five images of each::

    python examples/evolve_few_shot.py
    python examples/evolve_few_shot.py --max-time 300 --plot episode.png

An embedding evolves on the digits 0 to 6. It is adapted to 7, 8 and 9 without further
training, and compared with pixels. Takes about a minute and a half. Needs
``pip install ".[networks]"``, and for plots ``pip install ".[networks,plots]"``.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import FunctionTransformer

from sknevo import EvolvedFewShotClassifier
from sknevo.metrics import EpisodeAccuracy

N_BASE = 7


def main():
    args = parse_arguments()
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target
    base = labels < N_BASE
    evolved = EvolvedFewShotClassifier(
        max_time=args.max_time,
        max_epochs=40,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(images[base], labels[base])
    print(f"\nThe best network ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")

    new, new_labels = images[~base], labels[~base]
    pixels = FunctionTransformer(lambda X: X.reshape(len(X), -1)).fit(new)
    for n_shot in (1, 5):
        score = EpisodeAccuracy(n_shot=n_shot)
        print(
            f"\n7, 8 or 9 after {n_shot} of each: "
            f"{score(evolved, new, new_labels):.1%} correct; "
            f"by pixels {score(pixels, new, new_labels):.1%}"
        )

    adapted = evolved.adapt(new[:15], new_labels[:15])
    right = adapted.score(new[15:], new_labels[15:])
    print(f"\nAdapted to the first 15 images: {right:.1%} of {len(new) - 15} correct.")
    if args.plot:
        plot(evolved, new, new_labels, args.plot)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=80, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as episode.png")
    return parser.parse_args()


def plot(evolved, images, labels, path):
    """Plot where the new digits lie, and an episode."""
    from matplotlib.figure import Figure

    from sknevo.displays import EmbeddingDisplay, EpisodeDisplay

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    EmbeddingDisplay.from_estimator(evolved, images, labels, ax=left)
    EpisodeDisplay.from_estimator(evolved, images, labels, n_queries=8, ax=right)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":  # worker processes import this file
    main()
