"""MNIST: whether all ten digits are there, and how far they are from real ones.

Evolution, then a fixed DCGAN-style pair of networks that trains as long, on as many
cores. The judge is a convolutional network that was trained on the real digits and has
nothing to do with the fitness (its accuracy is printed): the Fréchet distance is one of
its last layer, and ten digits are there if it finds each in 2 % of the samples or more.
Beside it ("kin") the distance in a feature space as that of the fitness, of another
seed. Images are written to benchmarks/results.

    python benchmarks/gan_images.py --data-home FOLDER --max-epochs 20    # 62 minutes
    python benchmarks/gan_images.py --data-home FOLDER --max-time 120 --n-samples 5000
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from _mixtures import baseline
from matplotlib.figure import Figure
from torch import nn

from sknevo import EvolvedGAN
from sknevo.builders._features import feature_space
from sknevo.builders.convnet import ConvNetBuilder
from sknevo.datasets import fetch_mnist
from sknevo.displays import GanSignalsDisplay, SampleGridDisplay
from sknevo.genomes.convnet import well_known
from sknevo.metrics import frechet_distance
from sknevo.records import DataSpec

PRESENT = 0.02
SEED = 12345
RESULTS = Path(__file__).parent / "results"


def evolved(X, args):
    gan = EvolvedGAN(
        generations=None,
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


class Judge:
    """Tells digits apart; what its last layer sees are the features."""

    def __init__(self, X, y):
        spec = DataSpec("classification", len(X), 10, shape=X.shape[1:])
        genes = well_known(spec)[0]
        genes["dense"] = [
            {"units": 64, "normalisation": "none", "activation": "relu", "dropout": 0.0}
        ]
        self.classifier = ConvNetBuilder(spec, "cpu")(genes, SEED).fit(X, y)
        self.trunk = copy.deepcopy(self.classifier)
        self.trunk.module_.head = nn.Identity()
        self.predict, self.score = self.classifier.predict, self.classifier.score

    def __call__(self, X):
        return self.trunk.forward(X).double().numpy()


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
    known = {"data_home": args.data_home, "download_if_missing": False}
    train, test = (fetch_mnist(subset=part, **known) for part in ("train", "test"))
    X, y = train.images[: args.n_samples], train.target[: args.n_samples]
    judge = Judge(X, y)
    spaces = {"judge": judge, "kin": feature_space(X, y, random_state=SEED)}
    real = {name: space(test.images) for name, space in spaces.items()}

    def distances_of(images):
        return {
            name: frechet_distance(real[name], space(images))
            for name, space in spaces.items()
        }

    print(f"judge: accuracy {judge.score(test.images, test.target):.4f}")
    print(f"real: Fréchet distances {distances_of(X)}")
    distances = {}
    for name, method in METHODS.items():
        begin = time.perf_counter()
        gan = method(X, args)
        seconds = time.perf_counter() - begin
        images = gan.sample(len(test.images), random_state=1)
        distances[name] = distances_of(images)
        shares = np.bincount(judge.predict(images), minlength=10) / len(images)
        print(
            f"{name}: Fréchet distances {distances[name]}, digits "
            f"{(shares >= PRESENT).sum()} of 10, shares {shares.round(3).tolist()}, "
            f"{seconds:.0f} s",
            flush=True,
        )
        plot(gan, RESULTS / f"gan_images_{name}.png")
    for space in spaces:
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
