"""The training speed of our skorch net, a plain loop, unchanged skorch and older code.

All use the same network (two convolutions of 16 and 32 channels), optimizer and batch
size on made images. The plain loop trains our module, which shows the cost of skorch
and of our additions; it also trains the same layers as a plain `Sequential`, and so
does skorch. In each repeat all of them train for one epoch in random order. A ratio
compares the times within a repeat. Unchanged skorch uses a DataLoader. It has no
validation split, so that all train on the same images, and prints nothing.

With `--against`, another checkout of this project and this one train in processes of
their own, in turns, and nothing else does; this one's process keeps its memory as
workers do. With `--moved`, images are shifted, and those in colour mirrored, by ours
and by the other checkout only. With `--profile`, operations of one epoch of ours are
listed, the costliest first.

    python benchmarks/training_speed.py
    python benchmarks/training_speed.py --device cuda --n-samples 60000
    python benchmarks/training_speed.py --shape 3 32 32 --moved --against ../older
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch.profiler import ProfilerActivity, profile

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks._data import statistics as input_statistics
from sknevo.builders.networks._devices import resolve_precision
from sknevo.builders.networks._modules import Network
from sknevo.evaluation._memory import KEEPING_MEMORY
from sknevo.network_plan import image_shape
from sknevo.records import DataSpec

HERE = Path(__file__).resolve().parent


def genes_of(args):
    """Return expressed genes; older versions ignore those that they do not know."""
    block = {"kernel": 3, "normalisation": "batch", "activation": "relu"}
    block |= {"pooling": "max", "dropout": 0.0, "residual": False}
    block |= {"convolutions": 1, "separable": False, "excitation": False}
    shift, mirrored = (0.1, args.shape[0] == 3) if args.moved else (0.0, False)
    return {
        "stem": {"none": {}},
        "blocks": [{"channels": 16, **block}, {"channels": 32, **block}],
        "head_pooling": "flatten",
        "dense": [],
        "initialisation": "random",
        "head_scale": 1.0,
        "optimizer": {"adam": {"lr": 3e-3, "beta1": 0.9, "weight_decay": 1e-5}},
        "training": {
            "batch_size": args.batch_size,
            "epochs": 1,
            "schedule": "cosine",
            "label_smoothing": 0.0,
        },
        "augmentation": {
            "shift": shift,
            "flip": mirrored,
            "rotate": 0,
            "zoom": 0.0,
            "erase": 0.0,
            "colour": 0.0,
            "test_time": False,
        },
    }


def ours(expressed, X, y, device, precision):
    spec = DataSpec("classification", len(y), 10, shape=X.shape[1:])
    ConvNetBuilder(spec, device, precision, final=True)(expressed, 0).fit(X, y)


def our_module(expressed, X):
    return Network(expressed, X.shape[1:], 10, **input_statistics(X, X.shape[1:]))


class Standardise(torch.nn.Module):
    def forward(self, X):
        X = X[:, None] if X.ndim == 3 else X
        return (X.float() - 33.3) / 78.6


def plain_module(expressed, X):
    """Return the same layers as a plain `Sequential`; pooling comes last."""
    channels, height, width = image_shape(X.shape[1:])
    layers = [Standardise()]
    for block in expressed["blocks"]:
        outputs, kernel = block["channels"], block["kernel"]
        layers += [
            torch.nn.Conv2d(channels, outputs, kernel, padding=1, bias=False),
            torch.nn.BatchNorm2d(outputs),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
        ]
        channels = outputs
    features = channels * (height // 4) * (width // 4)
    layers += [torch.nn.Flatten(), torch.nn.Linear(features, 10)]
    return torch.nn.Sequential(*layers)


def by_hand(make_module, expressed, X, y, device, precision):
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


def skorch(expressed, X, y, device, precision):
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


def seconds_of(train, args, expressed, X, y, precision):
    begin = time.perf_counter()
    train(expressed, X, y, args.device, precision)
    if args.device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


class Served:
    """A process of its own that runs `serve` with the code of a checkout."""

    def __init__(self, path, args, **environment):
        command = [
            sys.executable,
            __file__,
            "--serve",
            json.dumps(vars(args) | {"serve": True}),
        ]
        environment = {**os.environ, **environment, "PYTHONPATH": path}
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, precision):
        self.process.stdin.write(f"{precision}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def serve(args, task):
    """Train for an epoch in each precision that is asked for, and tell the seconds."""
    for line in sys.stdin:
        print(seconds_of(ours, args, *task, line.strip()), flush=True)


def images(args):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (args.n_samples, *args.shape), dtype=np.uint8)
    return X, rng.integers(0, 10, args.n_samples)


def methods_of(args, task):
    """Return what trains for an epoch and returns the seconds, by name."""
    auto = resolve_precision("auto", args.device)
    precisions = {"float32": None, auto: None}

    def here(train, precision="float32"):
        return partial(seconds_of, train, args, *task, precision)

    methods = {f"ours, {p}": here(ours, p) for p in precisions}
    if args.against:  # both in processes of their own
        servers = {
            "ours": Served(str(HERE.parent), args, **KEEPING_MEMORY),
            "older": Served(args.against, args),
        }
        return {
            f"{name}, {p}": partial(server.seconds, p)
            for name, server in servers.items()
            for p in precisions
        }
    for name, make in (("by hand", our_module), ("plain by hand", plain_module)):
        train = partial(by_hand, make)
        methods |= {f"{name}, {p}": here(train, p) for p in precisions}
    methods["unchanged skorch"] = here(skorch)
    return methods


def measured(methods, repeats):
    """Return the seconds of all repeats, by method; each repeat has its own order."""
    seconds = {name: [] for name in methods}
    rng = np.random.default_rng(0)
    for repeat in range(repeats + 1):
        for name in rng.permutation(list(methods)):
            taken = methods[name]()
            if repeat:  # the first one warms up
                seconds[name].append(taken)
    return seconds


def report(seconds, args):
    print(f"images of {args.shape}, batches of {args.batch_size}; images per second:")
    for name, times in seconds.items():
        print(f"{name:<23}", *(f"{args.n_samples / t:.0f}" for t in times))
    print()
    for name in (name for name in seconds if name.startswith("ours")):
        precision = name.removeprefix("ours, ")
        for other in seconds:
            if other == name or not other.endswith((precision, "skorch")):
                continue
            pairs = zip(seconds[name], seconds[other], strict=True)
            ratios = [theirs / mine for mine, theirs in pairs]
            print(
                f"speed of {name} over {other}: median {statistics.median(ratios):.2f}"
                f" ({min(ratios):.2f} to {max(ratios):.2f})"
            )


def print_profile(args, task):
    seconds_of(ours, args, *task, "float32")
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        seconds_of(ours, args, *task, "float32")
    averages = profiler.key_averages()
    print(averages.table(sort_by="self_cpu_time_total", row_limit=25))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-samples", type=int, default=6000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--shape", type=int, nargs="+", default=[28, 28])
    parser.add_argument("--moved", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--against", help="another checkout of this project")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--serve", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    return argparse.Namespace(**{**vars(args), **(args.serve or {})})


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    task = (genes_of(args), *images(args))
    if args.serve:
        serve(args, task)
    elif args.profile:
        print_profile(args, task)
    else:
        report(measured(methods_of(args, task), args.repeats), args)


if __name__ == "__main__":
    main()
