"""Generators of digits: the effect of each choice in the well-known individuals.

The first well-known individual for images and its variations by one choice each are
trained on one core for the same number of epochs. A former well-known individual and a
DCGAN-style pair are there for comparison. `_digits.py` describes the judge.

    python benchmarks/gan_variants.py --data-home FOLDER              # about 20 minutes
    python benchmarks/gan_variants.py --data-home FOLDER --names known nearest
"""

import argparse
import time

from _digits import Digits
from _mixtures import dcgan_style, trained
from joblib import Parallel, delayed

from sknevo.genomes.gan import well_known
from sknevo.records import Chromosome, DataSpec

PLAYERS = ("generator", "discriminator")


def rates(generator, discriminator):
    def change(genes):
        for name, rate in zip(PLAYERS, (generator, discriminator), strict=True):
            genes[name]["optimizer"]["adam"]["lr"] = rate

    return change


def blocks(name, **values):
    def change(genes):
        for block in genes[name]["blocks"]:
            block.update(values)

    return change


def wider(*names):
    def change(genes):
        for name in names:
            for block in genes[name]["blocks"]:
                block["channels"] *= 2

    return change


def genes_of(**values):
    return lambda genes: genes.update(values)


def training(**values):
    return lambda genes: genes["training"].update(values)


def unchanged(genes):
    pass


unnormalised = blocks("discriminator", normalisation="none")


def before(genes):
    """Change several choices to those of a former well-known individual."""
    rates(1e-3, 1e-3)(genes)
    unnormalised(genes)
    genes["training"]["batch_size"] = 64
    genes["loss"] = {"non_saturating": {"gradient_penalty": 0.1}}


VARIANTS = {
    "known": unchanged,
    "rates 1e-3": rates(1e-3, 1e-3),
    "rates 2e-3": rates(2e-3, 2e-3),
    "batches of 64": training(batch_size=64),
    "unnormalised": unnormalised,
    "relativistic": genes_of(loss={"relativistic": {"gradient_penalty": 0.0}}),
    "non-saturating": genes_of(loss={"non_saturating": {"gradient_penalty": 0.0}}),
    "gradient_penalty 0.1": genes_of(loss={"hinge": {"gradient_penalty": 0.1}}),
    "nearest": blocks("generator", upsampling="nearest"),
    "wide discriminator": wider("discriminator"),
    "wide": wider(*PLAYERS),
    "no average": training(ema_decay=0.0),
    "no rejection": genes_of(rejection=0.0),
    "before": before,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--n-samples", type=int, default=10_000)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    names = [*VARIANTS, "dcgan"]
    parser.add_argument("--names", nargs="+", default=names, choices=names)
    args = parser.parse_args()
    print(args)
    digits = Digits(args.data_home, args.n_samples)
    spec = DataSpec("generation", args.n_samples, 0, shape=digits.X.shape[1:])
    tasks = []
    for name in args.names:
        genes = dcgan_style(digits.X) if name == "dcgan" else well_known(spec)[0]
        VARIANTS.get(name, unchanged)(genes)
        genes["training"]["epochs"] = args.epochs
        tasks.append(delayed(judged)(name, Chromosome(genes), spec, digits, args))
    Parallel(args.n_jobs)(tasks)


def judged(name, chromosome, spec, digits, args):
    begin = time.perf_counter()
    gan = trained(args.random_state, chromosome, spec, digits.X)
    seconds = time.perf_counter() - begin
    if gan is None:
        print(f"{name}: pruned", flush=True)
        return
    distances, shares = digits.judged(gan)
    print(
        f"{name}: Fréchet distances {distances}, rarest digit {shares.min():.3f}, "
        f"{seconds:.0f} s, {args.epochs * len(digits.X) / seconds:.0f} images/s",
        flush=True,
    )


if __name__ == "__main__":  # worker processes import this file
    main()
