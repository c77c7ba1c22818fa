"""The growth of the memory of a process that evaluates many networks.

One `TrialRunner` fits and scores random individuals of the default genome, one after
the other in one process, as a worker does. The images are digits of 24 x 24 pixels.
Printed are the resident memory after every tenth individual, and its growth per
individual over the second half, by least squares. The first half warms up allocators
and kernels.

    python benchmarks/memory.py --n-trials 200
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from sknevo import EvolvedClassifier
from sknevo.builders.convnet import ConvNetBuilder
from sknevo.evaluation import Data, Objectives, Shared, TrialRunner
from sknevo.genomes.convnet import convnet
from sknevo.records import Candidate, Chromosome, DataSpec


def resident_mib():
    """Return the resident memory of this process in MiB (Linux only)."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-trials", type=int, default=200)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if args.n_trials < 4:
        parser.error("--n-trials must be at least 4: growth is fitted to half of them")

    images, y = load_digits(return_X_y=True)
    X = np.kron(images.reshape(-1, 8, 8), np.ones((3, 3))).astype(np.uint8)
    rows = np.random.default_rng(0).permutation(len(y))
    splits = [(rows[:1400], rows[1400:])]
    spec = DataSpec("classification", 1400, 10, shape=X.shape[1:])
    runner = TrialRunner(
        ConvNetBuilder(spec, args.device),
        Shared(Data(X, y, splits)),
        Objectives.of(EvolvedClassifier(), "accuracy", True),
        random_state=0,
    )
    genome, rng = convnet(spec, max_epochs=2), np.random.default_rng(0)

    held, statuses = [], Counter()
    for number in range(1, args.n_trials + 1):
        evaluation = runner(Candidate(Chromosome(genome.sample(rng))))
        statuses[evaluation.status] += 1
        held.append(resident_mib())
        if number % 10 == 0:
            print(f"after {number:>4}: {held[-1]:.1f} MiB", flush=True)
    half = len(held) // 2
    growth = np.polyfit(np.arange(half), held[-half:], 1)[0]
    print(
        f"{dict(statuses)}; {growth * 1024:.1f} KiB per individual in the second half"
    )


if __name__ == "__main__":
    main()
