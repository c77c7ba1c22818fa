"""Generated MNIST digits: how many of the ten, and their distance to real ones.

Evolution, then a fixed DCGAN-style pair of networks that trains as long, on as many
cores. `_digits.py` describes the judge. A digit counts as generated if the judge finds
it in at least 2 % of the samples. Images are written to benchmarks/results.

    python benchmarks/gan_images.py --data-home FOLDER --max-epochs 20    # 62 minutes
    python benchmarks/gan_images.py --data-home FOLDER --max-time 120 --n-samples 5000
"""

import argparse
import time
from pathlib import Path

import torch
from _digits import Digits
from _mixtures import baseline
from matplotlib.figure import Figure

from sknevo import EvolvedGAN
from sknevo.displays import GanSignalsDisplay, SampleGridDisplay

PRESENT = 0.02
RESULTS = Path(__file__).parent / "results"


def evolved(X, args):
    gan = EvolvedGAN(
        max_time=args.max_time,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=2,
    ).fit(X)
    print(gan.best_chromosome_)
    return gan


def fixed(X, args):
    torch.set_num_threads(args.n_jobs)
    return baseline(X, args.random_state, args.max_time)


METHODS = {"evolved": evolved, "fixed": fixed}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", required=True)
    parser.add_argument("--max-time", type=float, default=1800)
    parser.add_argument("--max-epochs", type=int)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--n-samples", type=int, default=20_000)
    parser.add_argument("--random-state", type=int, default=0)
    args = parser.parse_args()
    print(args)
    digits = Digits(args.data_home, args.n_samples)
    distances = {}
    for name, method in METHODS.items():
        begin = time.perf_counter()
        gan = method(digits.X, args)
        seconds = time.perf_counter() - begin
        distances[name], shares = digits.judged(gan)
        print(
            f"{name}: Fréchet distances {distances[name]}, digits "
            f"{(shares >= PRESENT).sum()} of 10, shares {shares.round(3).tolist()}, "
            f"{seconds:.0f} s",
            flush=True,
        )
        plot(gan, RESULTS / f"gan_images_{name}.png")
    for space in distances["fixed"]:
        less = 1 - distances["evolved"][space] / distances["fixed"][space]
        print(f"{space}: evolved is {100 * less:.0f} % below fixed (aim 30)")


def plot(gan, path):
    path.parent.mkdir(exist_ok=True)
    courses = [SampleGridDisplay.from_snapshots]
    if getattr(gan, "generation_samples_", {}):
        courses.append(SampleGridDisplay.from_generations)
    figure = Figure(figsize=(4.7 * (2 + len(courses)), 4.5), layout="constrained")
    signals, *others, samples = figure.subplots(1, 2 + len(courses))
    GanSignalsDisplay.from_estimator(gan, ax=signals)
    for course, ax in zip(courses, others, strict=True):
        course(gan, ax=ax)
    SampleGridDisplay.from_estimator(gan, n_samples=100, ax=samples)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":  # worker processes import this file
    main()
