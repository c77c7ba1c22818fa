"""Predict a number from an image
==============================

Evolve a network that reads the angle of a hand on a dial, and plot what it reads::

    python examples/evolve_numbers.py
    python examples/evolve_numbers.py --max-time 120 --plot angles.png

The pictures are drawn: 16 x 16 pixels with noise. Takes about a minute. Needs
``pip install ".[networks]"``, and for plots ``pip install ".[networks,plots]"``.
"""

import argparse

import numpy as np
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split

from sknevo import EvolvedRegressor

NOISE = 25  # of 255, the standard deviation


def main():
    args = parse_arguments()
    images, angles = draw_dials(args.random_state)
    X_train, X_test, y_train, y_test = train_test_split(
        images, angles, test_size=0.25, random_state=args.random_state
    )
    evolved = EvolvedRegressor(
        scoring="neg_mean_absolute_error",
        max_time=args.max_time,
        max_epochs=20,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(X_train, y_train)
    print(f"\nThe best network ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")

    predicted = evolved.predict(X_test)
    print("\nMean absolute error on unseen images, in degrees:")
    print(f"  evolved         {mean_absolute_error(y_test, predicted):.1f}")
    always = np.full(len(y_test), np.median(y_train))
    print(f"  always the same {mean_absolute_error(y_test, always):.1f}")
    if args.plot:
        plot(X_test, y_test, predicted, args.plot)
        print(f"plotted to {args.plot}")


def draw_dials(seed, n=600, side=16):
    """Return pictures of hands, and their angles from 0 to 180 degrees."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 180, n)
    down, right = np.mgrid[:side, :side] - (side - 1) / 2
    directions = np.radians(angles)[:, None, None]
    along = right * np.cos(directions) - down * np.sin(directions)
    across = right * np.sin(directions) + down * np.cos(directions)
    hands = 200 * np.exp(-(across**2)) * ((along > 0) & (along < side / 2 - 1))
    pictures = 30 + hands + rng.normal(0, NOISE, hands.shape)
    return pictures.clip(0, 255).astype(np.uint8), angles


def plot(images, angles, predicted, path):
    """Plot predicted against true angles, and the picture that is read worst."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    all_angles, worst_picture = figure.subplots(1, 2)
    all_angles.plot([0, 180], [0, 180], color="gray", linewidth=1)
    all_angles.plot(angles, predicted, "o", alpha=0.6)
    all_angles.set(xlabel="true angle (degrees)", ylabel="predicted (degrees)")

    worst = int(np.argmax(np.abs(predicted - angles)))
    worst_picture.imshow(images[worst], cmap="gray")
    told = f"The worst: {angles[worst]:.0f} degrees, read as {predicted[worst]:.0f}"
    worst_picture.set(xticks=[], yticks=[], title=told)
    figure.savefig(path, dpi=100)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=60, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as angles.png")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
