"""Numbers from images: evolution beside a ridge on pixels and a fixed network.

Three kinds of images: made ones of a spot of any place and brightness (its radius is to
be predicted) and of two spots (their distance), and, if MNIST is in the folder, digits
that are turned (by how many degrees). The fixed network has two convolutions of 32 and
64 channels and is trained by Adam for all epochs, on the squared error of standardised
targets; it is the same engine without a search. All train on the same images and are
judged by R2 on the same test images. Each row is printed as soon as it is there.

    python benchmarks/image_regression.py
    python benchmarks/image_regression.py --data-home FOLDER --seeds 0 1 2
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import rotate
from sklearn.linear_model import RidgeCV

from sknevo import EvolvedRegressor
from sknevo.datasets import fetch_mnist

SIDE = 24
BLOCK = {"kernel": 3, "normalisation": "batch", "activation": "relu"}
BLOCK |= {"pooling": "max", "dropout": 0.0, "residual": False}
FIXED = {
    "blocks": [BLOCK | {"channels": 32}, BLOCK | {"channels": 64}],
    "head_pooling": "flatten",
    "dense": [],
    "optimizer": {"adam": {"lr": 3e-3, "beta1": 0.9, "weight_decay": 1e-5}},
    "augmentation": dict.fromkeys(("shift", "zoom", "erase", "colour"), 0.0)
    | {"flip": False, "rotate": 0},
}


def drawn_spots(places, radii, brightness, rng):
    """Draw spots of shape (n_spots, n) in noise."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images = rng.normal(20, 3, (places.shape[-1], SIDE, SIDE))
    for (row, column), radius, light in zip(places, radii, brightness, strict=True):
        row, column, radius, light = (
            a[:, None, None] for a in (row, column, radius, light)
        )
        squares = (rows - row) ** 2 + (columns - column) ** 2
        images += light * np.exp(-squares / (2 * radius**2))
    return images.clip(0, 255).astype(np.uint8)


def radius(n, rng, args):
    radii = rng.uniform(1, 4, (1, n))
    places = rng.uniform(5, SIDE - 6, (1, 2, n))
    return drawn_spots(places, radii, rng.uniform(60, 220, (1, n)), rng), radii[0]


def distance(n, rng, args):
    places = rng.uniform(2, SIDE - 3, (2, 2, n))
    radii, brightness = rng.uniform(1, 2, (2, n)), rng.uniform(60, 120, (2, n))
    distances = np.hypot(*(places[0] - places[1]))
    return drawn_spots(places, radii, brightness, rng), distances


def angle(n, rng, args):
    """Turn digits by up to 45 degrees to either side."""
    digits = fetch_mnist(subset="train", data_home=args.data_home).images
    angles = rng.uniform(-45, 45, n)
    chosen = digits[rng.choice(len(digits), n, replace=False)]
    images = [
        rotate(image, a, reshape=False, order=1)
        for image, a in zip(chosen, angles, strict=True)
    ]
    return np.stack(images), angles


def ridge(X, y, seed, args):
    return RidgeCV(np.logspace(-2, 8, 11)).fit(X.reshape(len(X), -1), y)


def fixed(X, y, seed, args):
    training = {"batch_size": 64, "epochs": args.max_epochs, "schedule": "cosine"}
    training |= {"loss": "squared", "target_scaling": "standard"}
    return EvolvedRegressor(
        initial_population=[FIXED | {"training": training}],
        population_size=1,
        generations=1,
        max_epochs=args.max_epochs,
        random_state=seed,
    ).fit(X, y)


def evolved(X, y, seed, args):
    return EvolvedRegressor(
        population_size=args.population_size,
        generations=args.generations,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=seed,
    ).fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", help="where MNIST/ is; None: no MNIST")
    parser.add_argument("--n-train", type=int, default=1000)
    parser.add_argument("--n-test", type=int, default=1000)
    parser.add_argument("--max-epochs", type=int, default=24)
    parser.add_argument("--population-size", type=int, default=8)
    parser.add_argument("--generations", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    args = parser.parse_args()
    tasks = [radius, distance]
    if args.data_home and Path(args.data_home).exists():
        tasks.append(angle)
    for task in tasks:
        for seed in args.seeds:
            rng = np.random.default_rng(seed)
            X, y = task(args.n_train + args.n_test, rng, args)
            train, test = slice(args.n_train), slice(args.n_train, None)
            for method in (ridge, fixed, evolved):
                begin = time.perf_counter()
                model = method(X[train], y[train], seed, args)
                seconds = time.perf_counter() - begin
                images = X[test]
                if method is ridge:
                    images = images.reshape(len(images), -1)
                print(
                    f"{task.__name__} seed {seed} {method.__name__}: "
                    f"R2 {model.score(images, y[test]):.4f}, {seconds:.1f} s",
                    flush=True,
                )


if __name__ == "__main__":  # worker processes import this file
    main()
