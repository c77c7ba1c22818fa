"""Nuclei in microscope images: an evolved segmenter beside plain methods.

    python benchmarks/segmentation.py run --data FOLDER --out rows.jsonl
    python benchmarks/segmentation.py run --data FOLDER --out rows.jsonl --final
    python benchmarks/segmentation.py summary rows.jsonl

FOLDER holds `train` and `test`, each with `images` and with `masks` that number the
nuclei. Without `--final`, half of the training images is held out and scored, another
half for each seed, and the test images are not read: so settings are chosen. With it,
methods learn from all training images, and the test images are scored.

Per seed, interleaved: `sknevo` (`EvolvedSegmenter`, fitness: the mean of Dice and F1),
`random` (the same with the same known individuals, and nothing but random ones after
them), `unet` (a fixed U-Net of four halvings, trained for the same seconds on as many
cores) and `otsu` (Otsu's threshold of gray values). The last two take connected parts
for objects.

Each fit is a process of its own. A row is appended to the file as soon as its fit has
ended; rows that the file has are not run again. `dice` is that of the foreground, over
the pixels of all images; `f1` is that of objects, over those of all images, right ones
being those with an intersection over union above 0.5.
"""

import argparse
import sys
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _fits import new_rows, search_details
from _rows import read

from sknevo.datasets import load_mask_folder
from sknevo.metrics import dice_scores, object_f1_score

# Of the fixed U-Net; the widths are what two cores train some hundred epochs of.
WIDTHS, BATCH, RATE = (16, 32, 64, 128, 128), 4, 1e-3


class Cell(NamedTuple):
    """One fit: the budget is in seconds, 0 for a method that takes none."""

    seed: int
    scored: str
    budget: float
    method: str


# The methods: each returns numbers of objects in the images to be scored. -------------


def evolved(X, y, X_test, cell, n_jobs, **parameters):
    from sknevo import EvolvedSegmenter

    seg = EvolvedSegmenter(
        instances=True,
        scoring=["dice_1", "object_f1"],
        refit={"dice_1": 0.5, "object_f1": 0.5},
        max_time=cell.budget,
        n_jobs=n_jobs,
        random_state=cell.seed,
        **parameters,
    ).fit(X, y)
    return seg.predict_instances(X_test), search_details(seg)


def random_search(X, y, X_test, cell, n_jobs):
    from sknevo import GeneticAlgorithm

    strategy = GeneticAlgorithm(immigrant_probability=1.0)
    return evolved(X, y, X_test, cell, n_jobs, strategy=strategy)


def plain_unet():
    from torch import cat, nn

    def convolutions(channels, width):
        layers = []
        for wide in (channels, width):
            layers += [nn.Conv2d(wide, width, 3, padding=1), nn.BatchNorm2d(width)]
            layers.append(nn.ReLU())
        return nn.Sequential(*layers)

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            pairs = zip((3, *WIDTHS), WIDTHS, strict=False)
            self.down = nn.ModuleList(convolutions(*pair) for pair in pairs)
            steps = [*zip(WIDTHS[::-1], WIDTHS[-2::-1], strict=False)]
            self.up = nn.ModuleList(
                nn.ConvTranspose2d(wide, width, 2, stride=2) for wide, width in steps
            )
            self.join = nn.ModuleList(
                convolutions(2 * width, width) for _, width in steps
            )
            self.head = nn.Conv2d(WIDTHS[0], 2, 1)

        def forward(self, X):
            seen = []
            for stage in self.down:
                X = stage(nn.functional.max_pool2d(X, 2) if seen else X)
                seen.append(X)
            for up, join, aside in zip(self.up, self.join, seen[-2::-1], strict=True):
                X = join(cat([aside, up(X)], dim=1))
            return self.head(X)

    return UNet()


def fixed_unet(X, y, X_test, cell, n_jobs):
    """Train a plain U-Net until the time is over."""
    import torch

    torch.set_num_threads(n_jobs)
    torch.manual_seed(cell.seed)

    def tensor(images):
        return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255

    network, images = plain_unet(), tensor(X)
    codes = torch.from_numpy((y > 0).astype(int))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    begin, epochs = time.perf_counter(), 0
    while (passed := (time.perf_counter() - begin) / cell.budget) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - passed)
        for rows in torch.randperm(len(images)).split(BATCH):
            # Mirrored at random, as pictures of cells may be.
            axes = [axis for axis in (1, 2) if torch.rand(()) < 0.5]
            some = images[rows].flip([axis + 1 for axis in axes])
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(
                network(some), codes[rows].flip(axes)
            ).backward()
            optimizer.step()
        epochs += 1
    network.eval()
    with torch.inference_mode():
        found = [network(one).argmax(dim=1) for one in tensor(X_test).split(BATCH)]
    masks = torch.cat(found).numpy()
    return [ndimage.label(mask)[0] for mask in masks], {"epochs": epochs}


def otsu(X, y, X_test, cell, n_jobs):
    """Take what is rarer, the light or the dark side of a threshold, for nuclei."""
    return [ndimage.label(rarer_side(image))[0] for image in X_test], {}


def rarer_side(image):
    gray = image.mean(axis=-1).astype(np.uint8)
    counts = np.bincount(gray.ravel(), minlength=256).astype(float)
    below, sums = counts.cumsum(), (counts * np.arange(256)).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (sums / below - (sums[-1] - sums) / above) ** 2 * below * above
    light = gray > np.nanargmax(apart)
    return light if light.mean() < 0.5 else ~light


METHODS = {
    "sknevo": evolved,
    "unet": fixed_unet,
    "random": random_search,
    "otsu": otsu,
}


# Run -----------------------------------------------------------------------------


def load(folder, cell):
    """Return images and masks to learn from, and those to be scored."""
    train = load_mask_folder(folder / "train" / "images", folder / "train" / "masks")
    if cell.scored == "test":
        test = load_mask_folder(folder / "test" / "images", folder / "test" / "masks")
        return train.images, train.masks, test.images, test.masks
    order = np.random.default_rng(cell.seed).permutation(len(train.images))
    mine, other = np.array_split(order, 2)
    return (
        train.images[mine],
        train.masks[mine],
        train.images[other],
        train.masks[other],
    )


def fit(cell, folder, n_jobs):
    """Return the row of a fit; this runs in a process of its own."""
    X, y, X_test, y_test = load(folder, cell)
    begin = time.perf_counter()
    found, details = METHODS[cell.method](X, y, X_test, cell, n_jobs)
    seconds = time.perf_counter() - begin
    classes = [[(mask > 0).astype(int) for mask in some] for some in (y_test, found)]
    return {
        "dice": round(float(dice_scores(*classes, labels=[0, 1])[1]), 4),
        "f1": round(object_f1_score(y_test, found), 4),
        "seconds": round(seconds, 1),
        "n_train": len(X),
        "n_test": len(X_test),
        **details,
    }


def run_all(args):
    scored = "test" if args.final else "held_out"
    cells = [
        Cell(seed, scored, 0.0 if method == "otsu" else args.budget, method)
        for seed, method in product(args.seeds, args.methods)
    ]
    for cell, row in new_rows(args.out, cells, fit, args.data, n_jobs=args.n_jobs):
        print(f"{cell}: Dice {row['dice']:.4f}, F1 {row['f1']:.4f}", flush=True)


def summarise(args):
    """Print means over the seeds, and their ranges."""
    rows = pd.DataFrame(read(args.rows))
    groups = rows.groupby(["scored", "budget", "method"])[["dice", "f1", "seconds"]]
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
    run.add_argument("--budget", type=float, default=600, help="seconds of each fit")
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
