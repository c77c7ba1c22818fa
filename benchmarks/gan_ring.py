"""Eight Gaussians on a ring and 25 on a grid: modes found, and quality of samples.

Per seed, interleaved in one run: evolution; random search over the same genome in the
same time (the same engine, random individuals only, without the well-known ones); and a
fixed DCGAN-style pair of dense networks that trains all the time. There are 2,500
training samples and 2,500 generated ones. A sample is of high quality if it lies within
three standard deviations of a mode.

    python benchmarks/gan_ring.py                     # about 95 minutes
    python benchmarks/gan_ring.py --max-time 40 --seeds 1 --data ring
"""

import argparse
import time

import numpy as np
import torch
from _mixtures import MIXTURES, baseline

from sknevo import Elitist, EvolvedGAN

AIMS = {"ring": 7.8, "grid": 24.0}
QUALITY = 0.9


def evolved(X, seed, args, **parameters):
    gan = EvolvedGAN(
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=seed,
        **parameters,
    ).fit(X)
    statuses = gan.cv_results_["status"]
    told = ", ".join(f"{(statuses == s).sum()} {s}" for s in np.unique(statuses))
    print(f"    tried: {told}; best score {gan.best_score_:.3f}")
    return gan


def random(X, seed, args):
    return evolved(X, seed, args, strategy=Elitist(), initial_population=[])


def fixed(X, seed, args):
    torch.set_num_threads(args.n_jobs)
    return baseline(X, seed, args.max_time)


METHODS = {method.__name__: method for method in (evolved, random, fixed)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-time", type=float, default=180)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", nargs="+", default=list(MIXTURES), choices=MIXTURES)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    args = parser.parse_args()
    print(args)
    for data in args.data:
        mixture, results = MIXTURES[data], {name: [] for name in args.methods}
        for seed in range(args.seeds):
            X = mixture.draw(2500, seed)
            for name in args.methods:
                begin = time.perf_counter()
                found = mixture.found(METHODS[name](X, seed, args).sample(2500))
                results[name].append((found.n_modes, found.high_quality))
                print(
                    f"{data} seed {seed} {name}: {found.n_modes} of "
                    f"{len(mixture.centers)} modes, {found.high_quality:.3f} of high "
                    f"quality, {time.perf_counter() - begin:.0f} s",
                    flush=True,
                )
        for name, rows in results.items():
            modes, quality = np.mean(rows, axis=0)
            least = min(row[1] for row in rows)
            print(
                f"{data} {name}: mean modes {modes:.2f} (aim {AIMS[data]}), mean high "
                f"quality {quality:.3f} (aim {QUALITY}), least {least:.3f}"
            )


if __name__ == "__main__":  # worker processes import this file
    main()
