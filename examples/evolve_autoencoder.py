"""Rebuild digits, and find the anomaly
====================================

Evolve an autoencoder on scikit-learn's digits::

    python examples/evolve_autoencoder.py
    python examples/evolve_autoencoder.py --n-components 2 --max-time 300 --plot it.png

One digit is left out of the training: it is an anomaly. Takes about two minutes. Needs
``pip install ".[networks]"``, and for plots ``pip install ".[networks,plots]"``.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from sknevo import EvolvedAutoencoder

ANOMALY = 7


def main():
    args = parse_arguments()
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target
    X_train, X_test, y_train, y_test = train_test_split(
        images, labels, test_size=0.25, stratify=labels, random_state=args.random_state
    )
    evolved = EvolvedAutoencoder(
        n_components=args.n_components,
        max_time=args.max_time,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(X_train[y_train != ANOMALY])
    print(f"\nThe best autoencoder ({evolved.stop_reason_}):")
    print(evolved.best_chromosome_)

    seen = y_test != ANOMALY
    scores = {"evolved": evolved.score_samples(X_test)}
    rows, known = X_test.reshape(len(X_test), -1) / 16, X_train[y_train != ANOMALY]
    pca = PCA(args.n_components).fit(known.reshape(len(known), -1) / 16)
    rebuilt = pca.inverse_transform(pca.transform(rows))
    scores["PCA"] = -((rebuilt - rows) ** 2).mean(axis=1)
    print(f"\nOn unseen images, with {args.n_components} numbers for each:")
    for name, found in scores.items():
        print(
            f"{name}: mean squared error {-found[seen].mean():.4f}, ROC AUC of the "
            f"digit {ANOMALY}, which was not learned, {roc_auc_score(seen, found):.3f}"
        )
    if args.plot:
        plot(evolved, X_test, seen, args.plot)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n-components", type=int, default=8)
    parser.add_argument("--max-time", type=float, default=100, help="seconds to evolve")
    parser.add_argument("--max-epochs", type=int, default=100)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as digits.png")
    return parser.parse_args()


def plot(evolved, images, seen, path):
    """Plot digits that were learned, the one that was not, and what is rebuilt."""
    from matplotlib.figure import Figure

    from sknevo.displays import ReconstructionDisplay

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    learned, anomalies = figure.subplots(2, 1)
    for ax, rows, title in (
        (learned, seen, "digits that were learned"),
        (anomalies, ~seen, "the digit that was not"),
    ):
        ReconstructionDisplay.from_estimator(evolved, images[rows], n_samples=12, ax=ax)
        ax.set_title(title, loc="left", fontsize="medium")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":  # worker processes import this file
    main()
