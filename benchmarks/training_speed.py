"""The training speed of our skorch net, a plain loop, and unchanged skorch.

All use the same network (two convolutions of 16 and 32 channels), optimizer and batch
size on images of MNIST's size. The plain loop trains our module, which shows the cost
of skorch and of our additions; it also trains the same layers as a plain `Sequential`,
and so does skorch. In each repeat all of them train for one epoch in random order. A
ratio compares the times within a repeat. Unchanged skorch uses a DataLoader. It has no
validation split, so that all train on the same images, and prints nothing.

    python benchmarks/training_speed.py
    python benchmarks/training_speed.py --device cuda --n-samples 60000
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np
import torch
from skorch import NeuralNetClassifier

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks._data import statistics as input_statistics
from sknevo.builders.networks._devices import resolve_precision
from sknevo.builders.networks._modules import Network
from sknevo.genomes.convnet import convnet, well_known
from sknevo.records import Chromosome, DataSpec


def ours(expressed, spec, X, y, device, precision):
    net = ConvNetBuilder(spec, device, precision, final=True)(expressed, 0)
    return net.set_params(max_epochs=1).fit(X, y)


def our_module(expressed, X):
    return Network(expressed, X.shape[1:], 10, **input_statistics(X, X.shape[1:]))


class Standardise(torch.nn.Module):
    def forward(self, X):
        return (X[:, None].float() - 33.3) / 78.6


def plain_module(expressed, X):
    """Return the same layers as a plain `Sequential`."""
    layers, channels = [Standardise()], 1
    for block in expressed["blocks"]:
        width = block["channels"]
        layers += [
            torch.nn.Conv2d(channels, width, block["kernel"], padding=1, bias=False),
            torch.nn.BatchNorm2d(width),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
        ]
        channels = width
    layers += [torch.nn.Flatten(), torch.nn.Linear(channels * 7 * 7, 10)]
    return torch.nn.Sequential(*layers)


def by_hand(make_module, expressed, spec, X, y, device, precision):
    module = make_module(expressed, X).to(device).train()
    genes = expressed["optimizer"]["adam"]
    optimizer = torch.optim.Adam(
        module.parameters(),
        lr=genes["lr"],
        betas=(genes["beta1"], 0.999),
        weight_decay=genes["weight_decay"],
    )
    criterion = torch.nn.CrossEntropyLoss()
    X, y = torch.from_numpy(X).to(device), torch.from_numpy(y).to(device)
    kind = torch.device(device).type
    half = precision == "bfloat16"
    order = torch.randperm(len(X), device=device)
    for rows in order.split(expressed["training"]["batch_size"]):
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            logits = module(X[rows])
        loss = criterion(logits.float(), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def skorch(expressed, spec, X, y, device, precision):
    genes = expressed["optimizer"]["adam"]
    return NeuralNetClassifier(
        plain_module(expressed, X),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__lr=genes["lr"],
        optimizer__betas=(genes["beta1"], 0.999),
        optimizer__weight_decay=genes["weight_decay"],
        batch_size=expressed["training"]["batch_size"],
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
        device=device,
    ).fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-samples", type=int, default=6000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (args.n_samples, 28, 28), dtype=np.uint8)
    y = rng.integers(0, 10, args.n_samples)
    spec = DataSpec("classification", len(y), 10, shape=(28, 28))
    genes = well_known(spec)[0]
    genes["training"] = {**genes["training"], "batch_size": args.batch_size}
    expressed = Chromosome(convnet(spec).complete(genes, rng)).expressed

    auto = resolve_precision("auto", args.device)
    methods = {
        "ours, float32": (ours, "float32"),
        f"ours, {auto}": (ours, auto),
        "by hand, float32": (partial(by_hand, our_module), "float32"),
        f"by hand, {auto}": (partial(by_hand, our_module), auto),
        "plain by hand, float32": (partial(by_hand, plain_module), "float32"),
        "unchanged skorch": (skorch, "float32"),
    }
    seconds = {name: [] for name in methods}
    for repeat in range(args.repeats + 1):
        for name in rng.permutation(list(methods)):
            train, precision = methods[name]
            begin = time.perf_counter()
            train(expressed, spec, X, y, args.device, precision)
            if args.device != "cpu":
                torch.cuda.synchronize()
            if repeat:  # the first one warms up
                seconds[name].append(time.perf_counter() - begin)
    for name, times in seconds.items():
        print(f"{name:<23}", *(f"{t:.3f}" for t in times))
    print()
    for ours_name, other in (
        ("ours, float32", "by hand, float32"),
        (f"ours, {auto}", f"by hand, {auto}"),
        ("ours, float32", "plain by hand, float32"),
        ("ours, float32", "unchanged skorch"),
        (f"ours, {auto}", "unchanged skorch"),
    ):
        ratios = [
            b / a for a, b in zip(seconds[ours_name], seconds[other], strict=True)
        ]
        print(
            f"speed of {ours_name} over {other}: median {statistics.median(ratios):.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
