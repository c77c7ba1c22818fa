"""Blood cells in photos, and digits in scenes: an evolved detector beside others.

    python benchmarks/detection.py run --data FOLDER --out rows.jsonl
    python benchmarks/detection.py run --data FOLDER --out rows.jsonl --final
    python benchmarks/detection.py summary rows.jsonl

FOLDER holds `bccd/BCCD` in the format of Pascal VOC, and `mnist` as
`sknevo.datasets.fetch_mnist` reads it. `bccd` has three classes of cells in photos of
640 x 480 pixels; `digits` are scenes of 96 x 96 pixels that this script makes, with two
to five digits of MNIST each, which do not overlap. Without `--final`, what is scored is
held out of the training images, another part for each seed, and test images are not
read: so settings are chosen. With it, methods learn from all training images (of
`digits`, scenes of 50,000 training digits), and the test images are scored (scenes of
test digits).

Per set and seed, interleaved: `sknevo` (`EvolvedDetector`), `random` (the same with the
same known individuals, and nothing but random ones after them) and `fixed`: one
network of the same kind with usual settings, trained for the same seconds on as many
cores.

Each fit is a process of its own. A row is appended to the file as soon as its fit has
ended; rows that the file has are not run again. `map_50` is the mean over the classes
of the average precision at an intersection over union of 0.5, and `map` its mean from
0.5 to 0.95.
"""

import argparse
import sys
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _fits import new_rows, search_details
from _rows import read

from sknevo.datasets import fetch_mnist, load_voc_folder
from sknevo.metrics import average_precision_scores, mean_average_precision

# Of the training images, the share that is held out to be scored.
HELD_OUT = 0.25
# Scenes of digits: their side, how many are learned from and scored, digits in one, and
# how often a place is drawn for a digit that overlaps with others.
SIDE, LEARNED, SCORED, DIGITS, TRIES = 96, 1_000, 300, (2, 5), 50
# Training digits that scenes to be held out are made of.
KEPT_DIGITS = 10_000


class Cell(NamedTuple):
    """One fit: the budget is in seconds."""

    seed: int
    set: str
    scored: str
    budget: float
    method: str


# The sets: images and boxes to learn from, and those to be scored. --------------------


def bccd(folder, cell):
    root = folder / "bccd" / "BCCD"

    def part(name):
        found = load_voc_folder(
            root / "JPEGImages",
            root / "Annotations",
            names=root / "ImageSets" / "Main" / f"{name}.txt",
            degenerate="drop",
        )
        names = found.target_names
        return found.images, [
            {**one, "labels": names[one["labels"]]} for one in found.targets
        ]

    images, targets = part("trainval")
    if cell.scored == "test":
        return images, targets, *part("test")
    order = np.random.default_rng(cell.seed).permutation(len(images))
    other, mine = np.split(order, [round(HELD_OUT * len(order))])
    return (
        images[mine],
        [targets[row] for row in mine],
        images[other],
        [targets[row] for row in other],
    )


def digits(folder, cell):
    known = {"data_home": folder / "mnist", "download_if_missing": False}
    train = fetch_mnist(subset="train", **known)
    if cell.scored == "test":
        test = fetch_mnist(subset="test", **known)
        kept = test.images, test.target
    else:
        kept = train.images[-KEPT_DIGITS:], train.target[-KEPT_DIGITS:]
    mine = train.images[:-KEPT_DIGITS], train.target[:-KEPT_DIGITS]
    rng = np.random.default_rng(cell.seed)
    return *scenes(*mine, LEARNED, rng), *scenes(*kept, SCORED, rng)


def scenes(images, labels, n_scenes, rng):
    """Return pictures of digits at random places, and their boxes."""
    pictures = np.zeros((n_scenes, SIDE, SIDE), np.uint8)
    targets = []
    for picture in pictures:
        boxes, codes = [], []
        for row in rng.integers(
            len(images), size=rng.integers(DIGITS[0], DIGITS[1] + 1)
        ):
            digit = cropped(images[row])
            height, width = digit.shape
            for _ in range(TRIES):
                top, left = rng.integers(0, (SIDE - height, SIDE - width))
                place = picture[top : top + height, left : left + width]
                box = [left, top, left + width, top + height]
                if not any(overlap(box, other) for other in boxes):
                    place[:] = digit
                    boxes.append(box)
                    codes.append(labels[row])
                    break
        targets.append({"boxes": np.array(boxes, float), "labels": np.array(codes)})
    return pictures, targets


def cropped(digit):
    """Return the part of an image that has ink."""
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def overlap(one, other):
    return (
        one[0] < other[2]
        and other[0] < one[2]
        and one[1] < other[3]
        and other[1] < one[3]
    )


SETS = {"bccd": bccd, "digits": digits}


# The methods: each returns what it finds in the images to be scored. -----------------


def evolved(X, y, X_test, cell, n_jobs, **parameters):
    from sknevo import EvolvedDetector

    detector = EvolvedDetector(
        max_time=cell.budget,
        n_jobs=n_jobs,
        random_state=cell.seed,
        **parameters,
    ).fit(X, y)
    return detector.predict(X_test), search_details(detector)


def random_search(X, y, X_test, cell, n_jobs):
    from sknevo import GeneticAlgorithm

    strategy = GeneticAlgorithm(immigrant_probability=1.0)
    return evolved(X, y, X_test, cell, n_jobs, strategy=strategy)


def fixed(X, y, X_test, cell, n_jobs):
    """Train a network of the same kind with usual settings until the time is over."""
    import torch

    from sknevo.builders.detector import DetectorBuilder
    from sknevo.genomes.detector import detector
    from sknevo.records import Chromosome, DataSpec

    torch.set_num_threads(n_jobs)
    begin = time.time()
    labels = np.unique(np.concatenate([one["labels"] for one in y]))
    spec = DataSpec("detection", len(X), len(labels), shape=X.shape[1:], object_side=35)
    photos = cell.set == "bccd"
    usual = {
        "network": {
            "reduction": 2 if photos else 1,
            "depth": 4,
            "stride": 2,
            "output_stride": 4,
            "width": 32,
            "growth": 1.5,
            "convolutions": 2,
            "kernel": 3,
            "normalisation": "batch",
            "activation": "relu",
            "pooling": "max",
            "upsampling": "nearest",
        },
        "optimizer": {"adamw": {"lr": 1e-3, "beta1": 0.9, "weight_decay": 0.01}},
        "training": {
            "batch_size": 8,
            "epochs": 10,
            "schedule": "linear",
            "patch": 224 if photos else 96,
        },
        "centres": {
            "radius": 0.1,
            "around": False,
            "size_gain": 1.0,
            "offset_gain": 1.0,
        },
        "augmentation": {"flip": photos, "zoom": 0.25},
    }
    genome = detector(spec)
    genes = Chromosome(genome.complete(usual, np.random.default_rng(0))).expressed
    net = DetectorBuilder(spec, final=True, labels=tuple(labels.tolist()))(
        genes, cell.seed
    )
    net.finish(X, y, until=begin + cell.budget)
    return net.predict(X_test), {"epochs": net.epochs_, "genes": genes}


METHODS = {"sknevo": evolved, "fixed": fixed, "random": random_search}


# Run -----------------------------------------------------------------------------


def fit(cell, folder, n_jobs):
    """Return the row of a fit; this runs in a process of its own."""
    X, y, X_test, y_test = SETS[cell.set](folder, cell)
    begin = time.perf_counter()
    found, details = METHODS[cell.method](X, y, X_test, cell, n_jobs)
    seconds = time.perf_counter() - begin
    labels = np.unique(np.concatenate([one["labels"] for one in y_test]))
    of_classes = average_precision_scores(y_test, found, labels=labels)
    overlaps = np.linspace(0.5, 0.95, 10)
    return {
        "map_50": round(float(of_classes.mean()), 4),
        "map": round(mean_average_precision(y_test, found, min_iou=overlaps), 4),
        "ap_50": dict(zip(map(str, labels), of_classes.round(4).tolist(), strict=True)),
        "seconds": round(seconds, 1),
        "n_train": len(X),
        "n_test": len(X_test),
        **details,
    }


def run_all(args):
    scored = "test" if args.final else "held_out"
    budgets = {"bccd": 1_200.0, "digits": 600.0}
    cells = [
        Cell(seed, name, scored, args.budget or budgets[name], method)
        for seed, name, method in product(args.seeds, args.sets, args.methods)
    ]
    for cell, row in new_rows(args.out, cells, fit, args.data, n_jobs=args.n_jobs):
        print(f"{cell}: mAP50 {row['map_50']:.4f}, mAP {row['map']:.4f}", flush=True)


def summarise(args):
    """Print means over the seeds, and their ranges."""
    rows = pd.DataFrame(read(args.rows))
    cells = ["set", "scored", "budget", "method"]
    groups = rows.groupby(cells)[["map_50", "map", "seconds"]]
    print(groups.agg(["mean", "min", "max"]).round(3).to_string())
    print(groups.size().rename("seeds").to_string())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="fit what has no row yet")
    run.set_defaults(command=run_all)
    run.add_argument("--data", type=Path, required=True)
    run.add_argument("--out", type=Path, required=True)
    run.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    run.add_argument("--sets", nargs="+", default=[*SETS], choices=SETS)
    run.add_argument(
        "--budget",
        type=float,
        help="seconds of each fit; by default 1,200 for bccd and 600 for digits",
    )
    run.add_argument("--methods", nargs="+", default=[*METHODS], choices=METHODS)
    run.add_argument("--n-jobs", type=int, default=2)
    run.add_argument("--final", action="store_true", help="score the test images")
    summary = commands.add_parser("summary", help="print means over the seeds")
    summary.set_defaults(command=summarise)
    summary.add_argument("rows", type=Path)
    args = parser.parse_args()
    args.command(args)


if __name__ == "__main__":
    main()
