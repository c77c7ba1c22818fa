"""Do bad individuals die out? A sabotaged population after three generations.

Well-known individuals are sabotaged in three ways: a discriminator that learns 100
times as fast as its generator, noise of one dimension, and a tiny discriminator. They
are half of the population. The other half are well-known individuals, then random ones
if there is room, or with `--alone` random ones only. At the end, every individual with
such a trait counts, descendants included.

    python benchmarks/saboteurs.py                                 # about 15 minutes
    python benchmarks/saboteurs.py --max-epochs 60 --population 8  # about 4 minutes
"""

import argparse
import copy
import time

from _mixtures import MIXTURES

from sknevo import EstimationOfDistribution, EvolvedGAN
from sknevo.genomes.gan import gan, well_known
from sknevo.records import DataSpec


class Watched(EstimationOfDistribution):
    """Records the survivors of each generation."""

    def survive(self, parents, offspring, size):
        survivors = super().survive(parents, offspring, size)
        self.survivors_ = [*getattr(self, "survivors_", []), survivors]
        return survivors


def too_fast(genes):
    rate = genes["generator"]["optimizer"]["adam"]
    rate["lr"] = 2e-4
    genes["discriminator"]["optimizer"]["adam"]["lr"] = 100 * rate["lr"]


def one_dimension(genes):
    genes["noise"]["dimension"] = 1


def tiny(genes):
    layer = genes["discriminator"]["dense"][0]
    genes["discriminator"]["dense"] = [{**layer, "units": 8}]


SABOTEURS = (too_fast, one_dimension, tiny)


def sabotage_of(genes):
    """Return the names of the bad traits of an individual."""
    rates = [
        next(iter(genes[name]["optimizer"].values()))["lr"]
        for name in ("discriminator", "generator")
    ]
    traits = {
        "too_fast": rates[0] >= 50 * rates[1],
        "one_dimension": genes["noise"]["dimension"] == 1,
        "tiny": sum(layer["units"] for layer in genes["discriminator"]["dense"]) <= 8,
    }
    return [name for name, there in traits.items() if there]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--population", type=int, default=12)
    parser.add_argument("--generations", type=int, default=3)
    parser.add_argument("--max-epochs", type=int, default=200)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="with random ones only")
    args = parser.parse_args()
    print(args)
    for seed in range(args.seeds):
        run(seed, args)


def run(seed, args):
    X = MIXTURES["ring"].draw(2500, seed)
    spec = DataSpec("generation", 2000, 0, shape=(2,))
    known = well_known(spec, gan(spec, max_epochs=args.max_epochs))
    first, kinds = [], []
    for i in range(args.population // 2):
        genes, sabotage = copy.deepcopy(known[i % len(known)]), SABOTEURS[i % 3]
        sabotage(genes)
        first.append(genes)
        kinds.append(sabotage.__name__)
    if not args.alone:
        first += known[: args.population - len(first)]
    begin, strategy = time.perf_counter(), Watched()
    evolved = EvolvedGAN(
        strategy=strategy,
        population_size=args.population,
        # The first is that of the saboteurs themselves.
        generations=1 + args.generations,
        initial_population=first,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=seed,
    ).fit(X)
    results = evolved.cv_results_
    for i, kind in enumerate(kinds):
        score, error = results["mean_test_fitness"][i], results["error"][i]
        print(f"seed {seed} {kind}: score {score:.3f}, {results['status'][i]} {error}")
    for generation, survivors in enumerate(strategy.survivors_):
        traits = [sabotage_of(e.chromosome.expressed) for e in survivors]
        left = ["+".join(names) for names in traits if names]
        scores = [f"{e.fitness:.3f}" for e in survivors]
        print(f"seed {seed} after generation {generation}: saboteurs left {left}")
        print(f"    scores {scores}")
    print(f"seed {seed}: {len(left)} left (aim 0), {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":  # worker processes import this file
    main()
