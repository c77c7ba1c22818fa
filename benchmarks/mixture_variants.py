"""Mixtures of Gaussians: the effect of each choice in the well-known individuals.

The well-known individual for many modes and its variations by one choice each are
trained on one core for all epochs of the genome, on 2,000 samples. Modes and high
quality are those of 2,500 generated samples; the fitness is that of a search.

    python benchmarks/mixture_variants.py              # about 10 minutes
    python benchmarks/mixture_variants.py --data ring --names known "three layers"
"""

import argparse
import time

from _mixtures import MIXTURES, trained
from gan_variants import genes_of, rates, training, unchanged
from joblib import Parallel, delayed

from sknevo.genomes.gan import gan, well_known
from sknevo.metrics import GenerativeScore
from sknevo.records import Chromosome, DataSpec


def layers(depth, units):
    def change(genes):
        for name in ("generator", "discriminator"):
            layer = genes[name]["dense"][0] | {"units": units}
            genes[name]["dense"] = [layer] * depth

    return change


VARIANTS = {
    "known": unchanged,
    "three layers": layers(3, 128),
    "64 units": layers(4, 64),
    "batches of 64": training(batch_size=64),
    "rates 1e-3, 2e-3": rates(1e-3, 2e-3),
    "rates 3e-3": rates(3e-3, 3e-3),
    "gradient_penalty 1": genes_of(loss={"relativistic": {"gradient_penalty": 1.0}}),
    "non-saturating": genes_of(loss={"non_saturating": {"gradient_penalty": 0.1}}),
    "no average": training(ema_decay=0.0),
    "no rejection": genes_of(rejection=0.0),
    "strictness 0.95": genes_of(rejection=0.95),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="grid", choices=MIXTURES)
    parser.add_argument("--names", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--max-epochs", type=int)
    parser.add_argument("--n-jobs", type=int, default=2)
    args = parser.parse_args()
    print(args)
    Parallel(args.n_jobs)(
        delayed(judged)(name, seed, args)
        for name in args.names
        for seed in range(args.seeds)
    )


def judged(name, seed, args):
    mixture = MIXTURES[args.data]
    X, held_out = mixture.draw(2000, 2 * seed), mixture.draw(500, 2 * seed + 1)
    spec = DataSpec("generation", len(X), 0, shape=(2,))
    genes = well_known(spec, gan(spec, max_epochs=args.max_epochs))[-3]
    VARIANTS[name](genes)
    begin = time.perf_counter()
    net = trained(seed, Chromosome(genes), spec, X)
    seconds = time.perf_counter() - begin
    if net is None:
        print(f"{name}, seed {seed}: pruned", flush=True)
        return
    found = mixture.found(net.sample(2500))
    fitness = GenerativeScore()(net, held_out)["fitness"]
    print(
        f"{name}, seed {seed}: {found.n_modes} of {len(mixture.centers)} modes, "
        f"{found.high_quality:.3f} of high quality, fitness {fitness:.3f}, "
        f"{seconds:.0f} s",
        flush=True,
    )


if __name__ == "__main__":  # worker processes import this file
    main()
