"""Do the detectors recognise mode collapse? Random GANs, compared with ground truth.

Random individuals of the genome, and mutants of well-known ones, are trained on the
ring of eight Gaussians without pruning. A GAN that finds 6 modes or fewer has
collapsed. The detectors do not know the modes. For each detector the area under the ROC
curve is printed, which says how well it tells these GANs from the others. Any sample
within three standard deviations finds a mode, so noise finds all of them. A second set
of figures requires a fifth of the expected samples in a mode.

    python benchmarks/collapse_detector.py                        # about 25 minutes
    python benchmarks/collapse_detector.py --n 12 --max-epochs 40 # about 2 minutes
"""

import argparse
import time

import numpy as np
from _mixtures import MIXTURES, trained
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from sknevo.genomes.gan import gan, well_known
from sknevo.metrics import GenerativeScore, StandardFeatures, collapse_score
from sknevo.records import Chromosome, DataSpec

COLLAPSED, SHARE = 6, 0.2


def individuals(n, genome, spec, rng):
    """Yield random individuals and twice-mutated well-known ones by turns."""
    known = well_known(spec, genome)
    for i in range(n):
        if i % 2:
            genes = genome.sample(rng)
        else:
            genes = genome.complete(known[i // 2 % len(known)], rng)
            for _ in range(2):
                genes = genome.mutate(genes, rng, 0.3)
        yield Chromosome(genes)


def tried(i, chromosome, spec, X, held_out, mixture):
    """Return the modes found, and the value of each detector."""
    begin = time.perf_counter()
    net = trained(i, chromosome, spec, X)
    if net is None:
        return None
    samples = net.sample(2500)
    features = StandardFeatures.of(held_out)
    said = {
        "collapse_score": collapse_score(features(held_out), features(samples)),
        "1 - fitness": 1 - GenerativeScore()(net, held_out)["fitness"],
        "monitor: 1 - reach": 1 - net.signals_["wide_coverage"][-1],
        "monitor: 1 - coverage": 1 - net.signals_["coverage"][-1],
        "1 - stability_": 1 - net.stability_,
    }
    found = mixture.found(samples)
    shown = ", ".join(f"{name} {value:.3f}" for name, value in said.items())
    print(
        f"{i}: {found.n_modes} modes, quality {found.high_quality:.3f}, {shown}, "
        f"{time.perf_counter() - begin:.0f} s",
        flush=True,
    )
    expected = len(samples) / len(mixture.centers)
    in_force = int((found.counts >= SHARE * expected).sum())
    return (found.n_modes, in_force), said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--max-epochs", type=int, default=150)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    args = parser.parse_args()
    print(args)
    mixture, rng = MIXTURES["ring"], np.random.default_rng(args.random_state)
    X, held_out = mixture.draw(2500, 1), mixture.draw(2000, 2)
    spec = DataSpec("generation", len(X), 0, shape=(2,))
    genome = gan(spec, max_epochs=args.max_epochs)
    results = Parallel(args.n_jobs)(
        delayed(tried)(i, chromosome, spec, X, held_out, mixture)
        for i, chromosome in enumerate(individuals(args.n, genome, spec, rng))
    )
    rows = [row for row in results if row is not None]
    for i, how in enumerate(("any sample", f"{SHARE} of their share")):
        collapsed = np.array([n_modes[i] <= COLLAPSED for n_modes, _ in rows])
        print(f"modes found by {how}: {collapsed.sum()} of {len(rows)} collapsed")
        if 0 < collapsed.sum() < len(rows):
            for name in rows[0][1]:
                auc = roc_auc_score(collapsed, [said[name] for _, said in rows])
                print(f"    AUC of {name}: {auc:.3f} (aim 0.95)")


if __name__ == "__main__":  # worker processes import this file
    main()
