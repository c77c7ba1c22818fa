"""Classify digits
===============

Evolve a network on scikit-learn's digits, and plot the evolution, the training of the
best network and its mistakes::

    python examples/evolve_digits.py
    python examples/evolve_digits.py --max-time 300 --plot digits.png

Takes about two minutes. Needs ``pip install ".[networks]"``, and for plots
``pip install ".[networks,plots]"``.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

from sknevo import EvolvedClassifier


def main():
    args = parse_arguments()
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(
        digits.images.astype(np.uint8),
        digits.target,
        test_size=0.25,
        stratify=digits.target,
        random_state=args.random_state,
    )
    evolved = EvolvedClassifier(
        scoring="f1_macro",
        max_time=args.max_time,
        max_epochs=40,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(X_train, y_train)
    predicted = evolved.predict(X_test)
    print(f"\nThe best network ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")
    print(f"\n{evolved.best_estimator_.module_}")
    print("\nOn unseen images:")
    print(classification_report(y_test, predicted, digits=3))
    if args.plot:
        plot(evolved, X_test, y_test, predicted, args.plot)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=100, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as digits.png")
    return parser.parse_args()


def plot(evolved, images, labels, predicted, path):
    """Plot the score of every individual, the loss of the best, and its mistakes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    evolution, training, mistakes = figure.subplots(1, 3)

    results = evolved.cv_results_
    scores = results["mean_test_score"]
    tried = np.arange(len(scores))
    ended = np.isfinite(scores)
    for origin in sorted(set(results["origin"][ended])):
        rows = ended & (results["origin"] == origin)
        evolution.plot(tried[rows], scores[rows], "o", label=origin, alpha=0.7)
    best = np.fmax.accumulate(scores)
    evolution.step(tried, best, color="black", where="post", label="best so far")
    low = max(0.0, float(np.nanquantile(scores, 0.25)) - 0.02)
    evolution.set(xlabel="individual", ylabel="F1", ylim=(low, 1.0), title="Evolution")
    evolution.legend(fontsize="small")

    losses = evolved.best_estimator_.history[:, "train_loss"]
    training.semilogy(np.arange(1, len(losses) + 1), losses)
    training.set(xlabel="epoch", ylabel="loss", title="Training of the best")

    wrong = np.flatnonzero(predicted != labels)[:9]
    side = images.shape[1]
    sheet = np.zeros((3 * (side + 1), 3 * (side + 1)))
    for place, index in enumerate(wrong):
        top, left = np.array(divmod(place, 3)) * (side + 1)
        sheet[top : top + side, left : left + side] = images[index]
    mistakes.imshow(sheet, cmap="gray_r")
    told = ", ".join(f"{labels[i]} as {predicted[i]}" for i in wrong) or "none"
    mistakes.set(xticks=[], yticks=[], title="Mistakes")
    mistakes.set_xlabel(told, fontsize="small", wrap=True)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":  # worker processes import this file
    main()
