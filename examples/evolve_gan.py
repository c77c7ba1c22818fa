"""Generate points on a ring, or digits
====================================

Evolve a GAN on eight Gaussians in a ring, or on digits, and plot its samples::

    python examples/evolve_gan.py
    python examples/evolve_gan.py --data digits --max-time 300 --plot digits.png

Takes about two minutes. Needs ``pip install ".[networks]"``, and for plots
``pip install ".[networks,plots]"``.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

from sknevo import EvolvedGAN
from sknevo.metrics import mode_coverage

ANGLES = 2 * np.pi * np.arange(8) / 8
CENTERS = np.c_[np.cos(ANGLES), np.sin(ANGLES)]
SIGMA = 0.02


def main():
    args = parse_arguments()
    X, y = DATA[args.data](np.random.default_rng(args.random_state))
    evolved = EvolvedGAN(
        max_time=args.max_time,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(X, y)
    print(f"\nThe best GAN ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")
    pruned = evolved.cv_results_["status"] == "pruned"
    for reason in evolved.cv_results_["error"][pruned]:
        print(f"pruned: {reason}")
    if args.data == "ring":
        found = mode_coverage(evolved.sample(2500), CENTERS, 3 * SIGMA)
        print(
            f"\n{found.n_modes} of 8 modes, {100 * found.high_quality:.0f} % of the "
            "samples within three standard deviations of one"
        )
    else:
        print(f"\nA seven:\n{evolved.sample(1, y=7)[0]}")
    if args.plot:
        plot(evolved, X, args)
        print(f"plotted to {args.plot}")


def ring(rng):
    modes = rng.integers(8, size=2500)
    return CENTERS[modes] + SIGMA * rng.normal(size=(2500, 2)), None


def digits(rng):
    data = load_digits()
    return data.images.astype(np.uint8), data.target


DATA = {"ring": ring, "digits": digits}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=DATA, default="ring")
    parser.add_argument("--max-time", type=float, default=100, help="seconds to evolve")
    parser.add_argument("--max-epochs", type=int, default=150)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as ring.png")
    return parser.parse_args()


def plot(evolved, X, args):
    """Plot the training signals of the best GAN, and its samples."""
    from matplotlib.figure import Figure

    from sknevo.displays import GanSignalsDisplay, SampleGridDisplay

    images = args.data == "digits"
    figure = Figure(figsize=(15, 4.5), layout="constrained")
    signals, course, samples = figure.subplots(1, 3)
    GanSignalsDisplay.from_estimator(evolved, ax=signals)
    if images:
        SampleGridDisplay.from_snapshots(evolved, ax=course)
        SampleGridDisplay.from_estimator(evolved, n_samples=80, ax=samples)
    else:
        shots = evolved.best_estimator_.snapshots_
        for i in np.linspace(0, len(shots) - 1, 3).astype(int):
            course.plot(*shots[i].T, ".", markersize=3, label=f"checkpoint {i + 1}")
        course.legend(fontsize="small")
        SampleGridDisplay.from_estimator(evolved, n_samples=1000, real=X, ax=samples)
    course.set(title="Samples during training")
    figure.savefig(args.plot, dpi=120)


if __name__ == "__main__":  # worker processes import this file
    main()
