"""The measures of emulated generators, of the ring and of MNIST.

    python benchmarks/emulated_generators.py --seeds 20 --data-home ~/scikit_learn_data

Prints for each generator the measures in relation to those of other real samples (mean
over the seeds), the fitness, and the findings with their number of seeds. For a perfect
generator of the ring, the smallest share of each measure is printed, too.
"""

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.ndimage import gaussian_filter

from sknevo.builders.gan import feature_space
from sknevo.datasets import fetch_mnist
from sknevo.metrics import GenerativeScore, ReferenceSet, StandardFeatures, diagnose

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import generators as emulated

MEASURES = ("coverage", "density", "precision", "recall")
MEASURES += ("indistinguishability", "authenticity")
RING = {
    "perfect": emulated.ring,
    "6 of 8 modes": partial(emulated.ring, modes=range(6)),
    "4 of 8, alternating": partial(emulated.ring, modes=[0, 2, 4, 6]),
    "1 of 8 modes": partial(emulated.ring, modes=[3]),
    "8 prototypes": emulated.prototypes,
    "80 prototypes": partial(emulated.prototypes, n_prototypes=80, jitter=0.02),
    "width x 0.3": partial(emulated.ring, width=0.3),
    "width x 0.5": partial(emulated.ring, width=0.5),
    "width x 2": partial(emulated.ring, width=2.0),
    "30 % noise": emulated.partly_noise,
    "noise": emulated.noise,
    "moment-matched blob": emulated.blob,
    "circle": emulated.circle,
}


def report(name, pairs):
    """Print a line for a generator, from (reference, features) of each seed."""
    shares, fitness, names = [], [], Counter()
    for reference, generated in pairs:
        measures, expected = reference.measure(generated), reference.baseline
        shares.append(
            [getattr(measures, m) / getattr(expected, m) for m in MEASURES]
            + [reference.closeness(measures)]
        )
        fitness.append(fitness_of(reference, measures))
        names.update(finding.name for finding in diagnose(reference, generated))
    means = " ".join(f"{share:8.3f}" for share in np.mean(shares, axis=0))
    found = ", ".join(f"{name} {n}" for name, n in names.most_common())
    print(f"{name:20} {means} {np.mean(fitness):8.3f}  {found}", flush=True)
    return np.min(shares, axis=0)


def fitness_of(reference, measures):
    """Return the weighted geometric mean of the terms, as `GenerativeScore` does."""
    terms = reference.terms(measures)
    logarithms = np.log(np.maximum([*terms.values()], 1 / reference.n_samples))
    weights = [GenerativeScore.TERMS[name] for name in terms]
    return np.exp(np.average(logarithms, weights=weights))


def header(title):
    print(f"\n{title}\n{'':20}", *(f"{m[:8]:>8}" for m in (*MEASURES, "closeness")))


def ring(n_seeds, n_samples=500):
    header(f"ring, {n_samples} samples, {n_seeds} seeds")
    for name, generator in RING.items():
        pairs = []
        for seed in range(n_seeds):
            draw = np.random.default_rng(seed)
            real, training = (emulated.ring(draw, 3 * n_samples) for _ in "ab")
            features = StandardFeatures.of(real)
            reference = ReferenceSet.of(
                features(real), training=features(training), n_samples=n_samples
            )
            pairs.append((reference, features(generator(draw, n_samples))))
        least = report(name, pairs)
        if name == "perfect":
            print(f"{'  least share':20}", *(f"{share:8.3f}" for share in least))


def digits(images, labels, n_samples=1000):
    """Yield emulated generators of MNIST, made of unused samples."""
    draw = np.random.default_rng(0)
    fresh = images[:n_samples].astype(float)
    yield "perfect", fresh
    for n_classes in (9, 8, 5, 1):
        yield f"{n_classes} of 10 classes", images[labels < n_classes][:n_samples]
    yield "64 prototypes", images[draw.integers(64, size=n_samples)]
    for sigma in (0.5, 1, 2):
        yield f"blur {sigma}", gaussian_filter(fresh, (0, sigma, sigma))
    for sigma in (10, 30, 80):
        yield f"noise {sigma}", fresh + sigma * draw.normal(size=fresh.shape)
    yield "blends of two", (fresh + images[-n_samples:]) / 2
    rows = images[:4000].reshape(4000, -1).astype(float)
    _, values, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    blob = draw.normal(size=(n_samples, len(values))) * values / np.sqrt(4000) @ axes
    blob = (blob + rows.mean(axis=0)).clip(0, 255)
    yield "moment-matched blob", blob.reshape(-1, 28, 28)


def mnist(data_home):
    data = fetch_mnist(data_home=data_home)
    images, labels = data.images, data.target
    training, held_out, fresh = np.split(np.arange(60_000), [40_000, 48_000])
    for given in (labels[training], None):
        begin = perf_counter()
        features = feature_space(images[training], given)
        seconds = perf_counter() - begin
        kind = "no labels" if given is None else "labels"
        header(f"MNIST, {kind}: learned in {seconds:.1f} s, {features.fingerprint}")
        reference = ReferenceSet.of(
            features(images[held_out]), training=features(images[training])
        )
        for name, generated in digits(images[fresh], labels[fresh]):
            report(name, [(reference, features(generated))])
        report("memorised", [(reference, features(images[:1000]))])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--data-home", default=None, help="where MNIST is")
    parser.add_argument("--only", choices=["ring", "mnist"])
    arguments = parser.parse_args()
    if arguments.only != "mnist":
        ring(arguments.seeds)
    if arguments.only != "ring":
        mnist(arguments.data_home)


if __name__ == "__main__":
    main()
