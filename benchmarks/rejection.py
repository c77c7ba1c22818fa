"""The effect of rejecting samples by the discriminator, after the same training.

Well-known individuals and their mutants are trained once, on the ring or the grid of
Gaussians. Then 2,500 samples are drawn at each strictness. Printed are the modes found,
the share of high quality, the fitness, and the number of draws per accepted sample.

    python benchmarks/rejection.py              # about 10 minutes
    python benchmarks/rejection.py --n 4 --max-epochs 60
"""

import argparse

import numpy as np
import torch
from _mixtures import MIXTURES, trained
from joblib import Parallel, delayed

from sknevo.builders.gan._sampling import RejectionSampler
from sknevo.genomes.gan import gan, well_known
from sknevo.metrics import GenerativeScore
from sknevo.records import Chromosome, DataSpec

STRICTNESS = (0.0, 0.5, 0.8, 0.95)


def individuals(n, genome, spec, rng):
    """Yield the well-known ones first, then mutants of them."""
    known = well_known(spec, genome)
    for i in range(n):
        genes = genome.complete(known[i % len(known)], rng)
        if i >= len(known):
            genes = genome.mutate(genes, rng, 0.3)
        yield Chromosome({**genes, "rejection": 0.0})


def tried(i, chromosome, spec, X, held_out, mixture):
    """Return modes, quality, fitness and draws at each strictness."""
    net = trained(i, chromosome, spec, X)
    if net is None:
        return None
    real, made = (net.score_samples(X), net.score_samples(net.sample(len(X))))
    rows = []
    for strictness in STRICTNESS:
        draws = 1.0
        if strictness:
            net._rejection = RejectionSampler(real, made, strictness)
            draw = torch.Generator().manual_seed(0)
            draws /= net._rejection(torch.from_numpy(made), draw).double().mean()
        found = mixture.found(net.sample(2500))
        fitness = GenerativeScore()(net, held_out)["fitness"]
        rows.append((found.n_modes, found.high_quality, fitness, float(draws)))
    shown = ", ".join("{}/{:.3f}/{:.3f}/{:.1f}".format(*row) for row in rows)
    print(f"{i}: modes/quality/fitness/draws {shown}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=30)
    parser.add_argument("--data", default="ring", choices=MIXTURES)
    parser.add_argument("--max-epochs", type=int, default=150)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    args = parser.parse_args()
    print(args)
    mixture, rng = MIXTURES[args.data], np.random.default_rng(args.random_state)
    X, held_out = (mixture.draw(2500, 2 * args.random_state + i) for i in (0, 1))
    spec = DataSpec("generation", len(X), 0, shape=(2,))
    genome = gan(spec, max_epochs=args.max_epochs)
    tasks = enumerate(individuals(args.n, genome, spec, rng))
    rows = Parallel(args.n_jobs)(
        delayed(tried)(*task, spec, X, held_out, mixture) for task in tasks
    )
    # A generator that has collapsed or makes noise has no good samples to accept.
    rows = np.array([row for row in rows if row is not None and row[0][1] > 0.3])
    if not len(rows):
        raise SystemExit("no generator has 30 % of high quality without rejection")
    print(
        f"medians of {len(rows)} with at least 30 % of high quality without rejection"
    )
    for strictness, row in zip(STRICTNESS, np.median(rows, axis=0), strict=True):
        print(
            "  {}: {} modes, quality {:.3f}, fitness {:.3f}, {:.1f} draws".format(
                strictness, *row
            )
        )
    better = rows[:, 1:, 2] - rows[:, :1, 2]
    print(f"share with a higher fitness: {(better > 0).mean(axis=0).round(2)}")


if __name__ == "__main__":  # worker processes import this file
    main()
