"""What each gene of a network's architecture brings, at the same number of images.

Small networks on one core. A variant differs from a plain network in one gene or in a
few. All train on equally many images with the same optimizer and seed. Accuracy is that
on images that are held out of the *training* images. Variants take turns, so that
processor seconds of one round are comparable. One JSON row per training is appended to
a file; what is already there is not trained again.

    python benchmarks/recipes.py run --data FOLDER --sets mnist fashion --images 30000
    python benchmarks/recipes.py show
    python benchmarks/recipes.py cost

FOLDER has the folders mnist, fashion_mnist, omniglot_small and photos/ten.
"""

import argparse
import json
import subprocess
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.optimize import nnls
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.datasets import (
    fetch_fashion_mnist,
    fetch_mnist,
    load_image_folder,
    make_insects,
)
from sknevo.genomes._networks import AUGMENTATION
from sknevo.genomes.convnet import convnet
from sknevo.records import Chromosome, DataSpec

ROWS = Path(__file__).parent / "results" / "recipes.jsonl"

# Sets ------------------------------------------------------------------------------


def mnist(data):
    return _part(fetch_mnist(data_home=data / "mnist", subset="train"))


def fashion(data):
    return _part(fetch_fashion_mnist(data_home=data / "fashion_mnist", subset="train"))


def mnist_1000(data):
    return *mnist(data)[:2], 1_000


def fashion_1000(data):
    return *fashion(data)[:2], 1_000


def _part(bunch, n=12_000):
    rows = np.random.default_rng(0).permutation(len(bunch.target))[:n]
    return bunch.images[rows], bunch.target[rows], 7_000


def photos(data):
    bunch = load_image_folder(data / "photos" / "ten" / "train", image_size=48)
    return np.asarray(bunch.images), bunch.target, 300


def omniglot(data):
    """Return 136 characters, 15 of 20 drawings each to train on, at 28 x 28."""
    (path,) = (data / "omniglot_small").glob("*.zip")
    images, labels = [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".png"):
                continue
            with archive.open(name) as file:
                drawing = Image.open(file).convert("L").resize((28, 28), Image.BOX)
            images.append(255 - np.asarray(drawing))
            labels.append(name.rpartition("/")[0])
    return np.array(images), np.unique(labels, return_inverse=True)[1], 15 * 136


def insects(data):
    """Return 50 made images of 64 x 64 to train on, and 300 to test on."""
    bunch = make_insects(350, image_size=64, random_state=100)
    return bunch.images, bunch.target, 50


def gray(load):
    def loaded(data):
        X, y, n_train = load(data)
        return X.mean(axis=-1).astype(np.uint8), y, n_train

    loaded.__name__ = f"gray_{load.__name__}"
    return loaded


LOADERS = (mnist, fashion, photos, omniglot, insects, mnist_1000, fashion_1000)
LOADERS += (gray(insects), gray(photos))
SETS = {function.__name__: function for function in LOADERS}

# Variants --------------------------------------------------------------------------

BLOCK = {"kernel": 3, "normalisation": "batch", "activation": "relu", "pooling": "max"}
BLOCK |= {"convolutions": 1, "separable": False, "residual": False, "excitation": False}
BLOCK |= {"dropout": 0.0}
PLAIN = {"stem": {"none": {}}, "head_pooling": "flatten", "dense": []}
PLAIN |= {"initialisation": "random", "head_scale": 1.0}
STILL = AUGMENTATION.neutral


def network(channels=(16, 32, 64), **genes):
    """Return the genes of a network; those of blocks hold for all blocks."""
    own = {name: genes.pop(name) for name in [*genes] if name in BLOCK}
    blocks = [{"channels": width, **BLOCK, **own} for width in channels]
    return {**PLAIN, **genes, "blocks": blocks}


def whitening(kernel, stride=1):
    return {"stem": {"whitening": {"kernel": kernel, "stride": stride}}}


def separable(channels, **genes):
    """Return a network all of whose blocks are separable, but the first."""
    genes = network(channels, **genes)
    for block in genes["blocks"][1:]:
        block["separable"] = True
    return genes


def pooled_last(channels, **genes):
    """Return a network that pools in its last block only."""
    genes = network(channels, **genes)
    for block in genes["blocks"][:-1]:
        block["pooling"] = "none"
    return genes


WIDE = (32, 64, 128)
# After a step of two, two blocks are left.
TWO = (32, 64)
BEGIN = {"initialisation": "identity", "head_scale": 0.3}
DEEP = (16, 32, 64, 64)
# Of photos.
VARIED = {"augmentation": {"rotate": 20, "zoom": 0.1, "colour": 0.4}}
# Of what is written or drawn.
TURNED = {"rotate": 10, "zoom": 0.1}
VARIANTS = {
    "plain": network(),
    "identity": network(initialisation="identity"),
    "head 0.3": network(head_scale=0.3),
    "head 0.1": network(head_scale=0.1),
    "whitening 2": network(**whitening(2)),
    "whitening 3": network(**whitening(3)),
    "whitening 2, stride 2": network(TWO, **whitening(2, 2)),
    "whitening 3, stride 2": network(TWO, **whitening(3, 2)),
    "whitening 4, stride 2": network(TWO, **whitening(4, 2)),
    "three blocks, whitening 3, stride 2": network(**whitening(3, 2)),
    "wide, whitening 3, stride 2, deep": network((32, 64, 64), **whitening(3, 2)),
    "whitening 3, stride 2, pooled last": pooled_last(TWO, **whitening(3, 2)),
    "excitation": network(excitation=True),
    "gelu": network(activation="gelu"),
    "separable": separable((16, 32, 64)),
    "separable, wide": separable(WIDE),
    "maximum": network(head_pooling="maximum"),
    "average": network(head_pooling="average"),
    "two": network(convolutions=2),
    "two, residual": network(convolutions=2, residual=True),
    "three, residual": network(convolutions=3, residual=True),
    "two blocks": network((16, 32)),
    "four blocks": network(DEEP),
    "wide": network(WIDE),
    "wide, whitening 2": network(WIDE, **whitening(2)),
    "wide, whitening 3, stride 2": network((64, 128), **whitening(3, 2)),
    "varied": network(**VARIED),
    "varied, deep, average": network(DEEP, head_pooling="average", **VARIED),
    "varied, whitening 3, stride 2": network(**whitening(3, 2), **VARIED),
    "varied, whitening 3, stride 2, average": network(
        head_pooling="average", **whitening(3, 2), **VARIED
    ),
    "varied, wide, whitening 3, stride 2": network(WIDE, **whitening(3, 2), **VARIED),
    "turned": network(augmentation=TURNED),
    "turned, stretched 0.1": network(augmentation={**TURNED, "stretch": 0.1}),
    "turned, stretched 0.25": network(augmentation={**TURNED, "stretch": 0.25}),
    "begin": network(**BEGIN),
    "begin, whitening 2": network(**BEGIN, **whitening(2)),
}


# Running ---------------------------------------------------------------------------


def expressed_of(genes, X, epochs, batch_size):
    moved = {**STILL, "shift": 0.1, "flip": X.ndim == 4, "test_time": X.ndim == 4}
    return {
        **genes,
        # The recipe that was best of the known ones (benchmarks/known_networks.py).
        "optimizer": {"muon": {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}},
        "training": {
            "batch_size": batch_size,
            "epochs": epochs,
            "schedule": "linear",
            "label_smoothing": 0.1,
        },
        "augmentation": {**moved, **genes.get("augmentation", {})},
    }


def trained(genes, X, y, n_train, seed, args):
    """Train on a part of the samples; return scores of the others and the seconds."""
    X, X_test, y, y_test = train_test_split(
        X, y, train_size=n_train, stratify=y, random_state=seed
    )
    # Of larger images so many fewer that a training takes about as long.
    n_images = args.images / (np.prod(X.shape[1:3]) / 28**2)
    spec = DataSpec("classification", len(y), len(set(y)), shape=X.shape[1:])
    builder = ConvNetBuilder(spec, "cpu", "float32", final=True)
    if args.equal_seconds:
        plain, own = (
            builder.cost(expressed_of(each, X, 1, args.batch_size))
            for each in (VARIANTS["plain"], genes)
        )
        n_images *= plain / own
    epochs = max(1, round(n_images / len(y)))
    expressed = expressed_of(genes, X, epochs, args.batch_size)
    net = builder(expressed, seed)
    begin = time.process_time()
    net.fit(X, y)
    seconds = time.process_time() - begin
    probabilities = net.predict_proba(X_test)
    return {
        "epochs": epochs,
        "accuracy": accuracy_score(y_test, net.classes_[probabilities.argmax(axis=1)]),
        "log_loss": log_loss(y_test, probabilities),
        "seconds": seconds,
        "predicted_seconds": builder.cost(expressed),
        "parameters": sum(p.numel() for p in net.module_.parameters()),
    }


def rows_of(path):
    return [json.loads(line) for line in path.open()] if path.exists() else []


# What the names of variants end with that have the seconds of the plain network.
EQUAL = ", equal seconds"
KEYS = ("set", "variant", "images", "batch_size", "seed")


def run(args):
    torch.set_num_threads(1)
    here = Path(__file__).parent
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=here,
        capture_output=True,
        text=True,
    ).stdout.strip()
    args.rows.parent.mkdir(exist_ok=True)
    done = {tuple(row[key] for key in KEYS) for row in rows_of(args.rows)}
    data = {name: SETS[name](args.data) for name in args.sets}
    X, y, _ = next(iter(data.values()))
    few = argparse.Namespace(**{**vars(args), "images": 1_000})
    trained(VARIANTS["plain"], X, y, 300, 0, few)  # the first one is slow
    for seed in args.seeds:
        for name, (X, y, n_train) in data.items():
            for variant in args.variants or VARIANTS:
                told = variant + EQUAL * args.equal_seconds
                key = (name, told, args.images, args.batch_size, seed)
                if key in done:
                    continue
                found = trained(VARIANTS[variant], X, y, n_train, seed, args)
                row = {"commit": commit, **dict(zip(KEYS, key, strict=True)), **found}
                with args.rows.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(json.dumps(row), flush=True)


def cost(args):
    """Print what an epoch of random networks takes, and the constants that fit best."""
    torch.set_num_threads(1)
    rng, rows = np.random.default_rng(args.seeds[0]), []
    shapes = [((28, 28), 400), ((48, 48, 3), 120)]
    while len(rows) < args.n_networks:
        shape, n = shapes[len(rows) % 2]
        spec = DataSpec("classification", n, 10, shape=shape)
        expressed = Chromosome(convnet(spec).sample(rng)).expressed
        expressed["training"]["epochs"] = 1
        expressed["augmentation"] = STILL
        builder = ConvNetBuilder(spec, "cpu", "float32", final=True)
        if builder.cost(expressed) > 1:  # an epoch of a large one takes a minute
            continue
        X = rng.integers(0, 256, (n, *shape)).astype(np.uint8)
        begin = time.process_time()
        builder(expressed, 0).fit(X, np.arange(n) % 10)
        seconds, predicted = time.process_time() - begin, builder.cost(expressed)
        plan, n_seen = builder.plan(expressed), n
        n_steps = n_seen / expressed["training"]["batch_size"]
        size = plan.size
        terms = [n_seen * size.operations, n_seen * size.values]
        rows.append([*terms, n_steps * plan.n_weighted, predicted, seconds])
        print(json.dumps(rows[-1]), flush=True)
    *terms, predicted, seconds = np.array(rows).T
    # Relative errors count: a term of a row is its share of the row's seconds.
    shares = np.array(terms).T / seconds[:, None]
    found, _ = nnls(shares / shares.mean(axis=0), np.ones(len(rows)))
    found /= shares.mean(axis=0)
    print("seconds per operation, value, and batch and layer:", found)
    for name, ratio in (("now", predicted / seconds), ("fitted", shares @ found)):
        print(name, np.quantile(ratio, [0.1, 0.25, 0.5, 0.75, 0.9]).round(2))


def show(args):
    """Print means of each variant, and its seconds in relation to the plain one."""
    cells = {}
    for row in rows_of(args.rows):
        cells[tuple(row[key] for key in KEYS)] = row
    groups = {}
    for (name, variant, *rest, seed), row in cells.items():
        first = "plain" + EQUAL * variant.endswith(EQUAL)
        plain = cells.get((name, first, *rest, seed))
        if plain:
            key = (name, *rest, variant)
            groups.setdefault(key, []).append((row, plain))
    for key, pairs in sorted(groups.items(), key=lambda item: str(item[0][:-1])):
        rows = [row for row, _ in pairs]
        differences = {
            name: [row[name] - plain[name] for row, plain in pairs]
            for name in ("accuracy", "log_loss")
        }
        error = np.std(differences["accuracy"]) / max(1, len(pairs) - 1) ** 0.5
        ratio = np.median([row["seconds"] / plain["seconds"] for row, plain in pairs])
        seconds, predicted = (
            np.mean([row[name] for row in rows])
            for name in ("seconds", "predicted_seconds")
        )
        cells = (
            *key,
            f"{np.mean([row['accuracy'] for row in rows]):.4f}",
            f"{np.mean(differences['accuracy']):+.4f} ± {error:.4f}",
            f"{np.mean(differences['log_loss']):+.4f}",
            f"{seconds:.2f} s",
            f"x {ratio:.2f}",
            f"predicted {predicted:.2f} s",
            len(pairs),
        )
        print("|", " | ".join(map(str, cells)), "|")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["run", "show", "cost"])
    parser.add_argument("--data", type=Path, help="the folder of the data sets")
    parser.add_argument("--rows", type=Path, default=ROWS, help="file of the rows")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=[*SETS])
    parser.add_argument("--variants", nargs="*", help="default: all")
    parser.add_argument(
        "--equal-seconds", action="store_true", help="predicted, instead of images"
    )
    parser.add_argument("--images", type=int, default=30_000, help="of 28 x 28")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--n-networks", type=int, default=40, help="of cost")
    args = parser.parse_args()
    {"run": run, "show": show, "cost": cost}[args.command](args)


if __name__ == "__main__":
    main()
