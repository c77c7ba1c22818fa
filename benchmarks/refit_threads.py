"""Is a refit in two threads faster? A well-known network, with an idle or a busy core.

Interleaved, each in its own process: one thread, two threads, and two threads that wait
without spinning (OMP_WAIT_POLICY=passive). Then the same while another process keeps
one core busy. Printed are the seconds of an epoch, without the first epoch.

    python benchmarks/refit_threads.py          # about 4 minutes
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

WAYS = {"1 thread": (1, None), "2 threads": (2, None), "2 passive": (2, "passive")}


def epochs(n_threads, n_images, n_epochs):
    """Print the seconds of each epoch."""
    import numpy as np
    import torch

    from sknevo.builders.convnet import ConvNetBuilder
    from sknevo.genomes.convnet import convnet, well_known
    from sknevo.records import Chromosome, DataSpec

    torch.set_num_threads(n_threads)
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n_images, 28, 28)).astype(np.uint8)
    y = np.arange(n_images) % 10
    spec = DataSpec("classification", n_images, 10, shape=(28, 28))
    genome = convnet(spec, max_layers=2, max_epochs=1)
    slowest = well_known(spec, genome)[-1]
    genes = Chromosome(genome.complete(slowest, rng)).expressed
    for _ in range(n_epochs):
        begin = time.perf_counter()
        ConvNetBuilder(spec, "cpu")(genes, 0).fit(X, y)
        print(time.perf_counter() - begin)


def measured(n_threads, policy, args):
    env = {name: v for name, v in os.environ.items() if not name.startswith("OMP_")}
    if policy:
        env["OMP_WAIT_POLICY"] = policy
    command = [sys.executable, __file__, "--epochs-of", str(n_threads)]
    command += ["--n-images", str(args.n_images)]
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return [float(line) for line in told.stdout.split()][1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--n-images", type=int, default=4000)
    parser.add_argument("--epochs-of", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.epochs_of:
        epochs(args.epochs_of, args.n_images, 4)
        return
    for busy in (False, True):
        spin = [sys.executable, "-c", "while True: pass"]
        other = subprocess.Popen(spin) if busy else None
        seconds = {name: [] for name in WAYS}
        for _ in range(args.rounds):
            for name, way in WAYS.items():
                seconds[name] += measured(*way, args)
        if other:
            other.kill()
            other.wait()
        for name, raw in seconds.items():
            print(
                f"{'one core busy' if busy else 'quiet'}, {name}: median "
                f"{statistics.median(raw):.2f} s of {[round(s, 2) for s in raw]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
