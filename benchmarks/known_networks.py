"""Which known networks are best after 2, 5, 15 and 60 seconds of training on one core.

Each known network of `sknevo.genomes.convnet.well_known` trains on one core for as many
epochs as take so many seconds of processor time, its learning rate falling to the end;
one epoch is timed before. Scored are images that are held out of the training images,
see `_picture_sets.py`; the test images are not looked at. A row is appended to the file
after each training, and what the file has is not trained again.

    python benchmarks/known_networks.py run --data FOLDER --out rows.jsonl
    python benchmarks/known_networks.py show --out rows.jsonl
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _picture_sets import load

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.genomes.convnet import convnet, well_known
from sknevo.network_plan import EPOCH_SAMPLES
from sknevo.records import Chromosome, DataSpec

USUAL = ("digits", "mnist_2000", "mnist_7000", "fashion", "omniglot", "photos_ten")
USUAL += ("insects",)
# Samples of the epochs that are timed.
TIMED = 2_000
KEYS = ("set", "seed", "seconds", "network")


def spec_of(images):
    n_classes = len(np.unique(images.y))
    shape = images.X.shape[1:]
    return DataSpec("classification", len(images.y), n_classes, shape=shape)


def trained(spec, expressed, images, seed, epochs):
    """Train for so many epochs; return the net and the seconds of the processor."""
    training = {**expressed["training"], "epochs": epochs}
    builder = ConvNetBuilder(spec, "cpu", final=True)
    net = builder({**expressed, "training": training}, seed)
    begin = time.process_time()
    net.fit(images.X, images.y)
    return net, time.process_time() - begin


def seconds_of_epoch(spec, expressed, images, seed):
    """Return what an epoch takes, by one of fewer samples; it warms up before."""
    n_epoch = min(EPOCH_SAMPLES, spec.n_samples)
    n_timed = min(n_epoch, TIMED)
    few = images._replace(X=images.X[:n_timed], y=images.y[:n_timed])
    first, second = (trained(spec, expressed, few, seed, 1)[1] for _ in range(2))
    return min(first, second) * n_epoch / n_timed


def measured(spec, expressed, images, seed, seconds, per_epoch):
    """Train for as many epochs as take the seconds; return the row."""
    epochs = max(1, round(seconds / per_epoch))
    net, taken = trained(spec, expressed, images, seed, epochs)
    begin = time.process_time()
    accuracy = net.score(images.X_test, images.y_test)
    return {
        "accuracy": round(accuracy, 5),
        "epochs": epochs,
        "samples": epochs * min(EPOCH_SAMPLES, spec.n_samples),
        "taken": round(taken, 2),
        "predicting": round(time.process_time() - begin, 3),
        "parameters": sum(p.numel() for p in net.module_.parameters()),
    }


def networks(spec):
    """Return the known networks, expressed and numbered; what they lack is drawn."""
    genome, rng = convnet(spec), np.random.default_rng(0)
    known = well_known(spec)
    complete = [Chromosome(genome.complete(genes, rng)).expressed for genes in known]
    return {f"{i}: {summary(one)}": one for i, one in enumerate(complete)}


def summary(expressed):
    widths = [block["channels"] for block in expressed["blocks"]]
    changes = [f"{k} {v}" for k, v in expressed["augmentation"].items() if v]
    return ", ".join([str(widths), *expressed["optimizer"], *changes])


def run(args, make=networks):
    torch.set_num_threads(1)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    ).stdout.strip()
    done = {tuple(row[key] for key in KEYS) for row in rows_of(args.out)}
    for name in args.sets:
        for seed in args.seeds:
            images = load(name, args.data, seed, "held_out")
            spec = spec_of(images)
            for network, expressed in make(spec).items():
                keys = [(name, seed, seconds, network) for seconds in args.seconds]
                if done.issuperset(keys):
                    continue
                per_epoch = seconds_of_epoch(spec, expressed, images, seed)
                for key in sorted({*keys} - done):
                    if per_epoch > 1.5 * key[2]:
                        continue
                    found = measured(spec, expressed, images, seed, key[2], per_epoch)
                    row = {"commit": commit, **dict(zip(KEYS, key, strict=True))}
                    with args.out.open("a") as file:
                        file.write(json.dumps(row | found) + "\n")
                    print(json.dumps(row | found), flush=True)


def rows_of(path):
    return [json.loads(line) for line in path.open()] if path.exists() else []


def show(args):
    """Print the mean accuracy of each network, by set and seconds."""
    table = pd.DataFrame(rows_of(args.out)).pivot_table(
        "accuracy", "network", ["set", "seconds"], "mean"
    )
    print((100 * table).round(2).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("run", "show"))
    parser.add_argument("--data", type=Path, help="folder of the sets")
    parser.add_argument("--out", type=Path, default=Path("known_networks.jsonl"))
    parser.add_argument("--sets", nargs="+", default=USUAL)
    parser.add_argument("--seconds", type=float, nargs="+", default=[2, 5, 15, 60])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    {"run": run, "show": show}[args.action](args)


if __name__ == "__main__":
    main()
