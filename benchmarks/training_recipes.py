"""What genes of training bring, at the same number of epochs.

One network, three convolutions of 16, 32 and 64 channels, is trained on one core in
several ways, which take turns. Scored are images that are held out of the training
images, see `_picture_sets.py`; the test images are not looked at. A row is printed
after each training: accuracy, seconds of the processor, seconds of predictions.

    python benchmarks/training_recipes.py --data FOLDER --sets fashion_4000 --epochs 5
    python benchmarks/training_recipes.py --data FOLDER --sets photos_ten --epochs 24
"""

import argparse
import json
import time
from pathlib import Path

import torch
from _picture_sets import load
from known_networks import spec_of, trained

from sknevo.genomes._networks import AUGMENTATION
from sknevo.genomes._networks import BLOCK as BLOCK_GENES

BLOCK = {"normalisation": "batch", "activation": "relu", "pooling": "max"}
BLOCK |= {**BLOCK_GENES.neutral, "kernel": 3}
STILL = AUGMENTATION.neutral
MUON = {"muon": {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}}
SGD = {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
MOVED = {**STILL, "shift": 0.1, "flip": True, "test_time": True}
TURNED = {**MOVED, "rotate": 20, "zoom": 0.1, "colour": 0.4}


def adam(rate):
    return {"adam": {"lr": rate, "beta1": 0.9, "weight_decay": 1e-5}}


def sgd(bias_rate):
    return {"sgd": {**SGD, "bias_rate": bias_rate}}


# Optimizer, schedule, smoothing of labels, augmentation.
VARIANTS = {
    "Adam 0.003, cosine": (adam(0.003), "cosine", 0.0, MOVED),
    "Adam 0.01": (adam(0.01), "linear", 0.0, MOVED),
    "SGD 0.05": (sgd(1.0), "linear", 0.0, MOVED),
    "SGD 0.05, biases 8 times as fast": (sgd(8.0), "linear", 0.0, MOVED),
    "Muon 0.1, cosine": (MUON, "cosine", 0.0, MOVED),
    "Muon 0.1": (MUON, "linear", 0.0, MOVED),
    "Muon 0.1, labels smoothed": (MUON, "linear", 0.1, MOVED),
    "the same, not moved": (MUON, "linear", 0.1, STILL),
    "the same, mirrored": (MUON, "linear", 0.1, {**MOVED, "shift": 0.0}),
    "the same, mirrored in training only": (
        MUON,
        "linear",
        0.1,
        {**MOVED, "shift": 0.0, "test_time": False},
    ),
    "the same, turned and recoloured": (MUON, "linear", 0.1, TURNED),
}


def genes_of(optimizer, schedule, smoothing, augmentation, batch_size):
    return {
        "stem": {"none": {}},
        "blocks": [{"channels": width, **BLOCK} for width in (16, 32, 64)],
        "head_pooling": "flatten",
        "dense": [],
        "optimizer": optimizer,
        "training": {
            "schedule": schedule,
            "batch_size": batch_size,
            "label_smoothing": smoothing,
        },
        "augmentation": augmentation,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the sets")
    parser.add_argument("--sets", nargs="+", default=["fashion_4000"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.sets:
        for seed in args.seeds:
            images = load(name, args.data, seed, "held_out")
            for variant in args.variants:
                genes = genes_of(*VARIANTS[variant], args.batch_size)
                net, seconds = trained(
                    spec_of(images), genes, images, seed, args.epochs
                )
                begin = time.process_time()
                row = {
                    "set": name,
                    "seed": seed,
                    "variant": variant,
                    "accuracy": round(net.score(images.X_test, images.y_test), 4),
                    "seconds": round(seconds, 2),
                    "predicting": round(time.process_time() - begin, 2),
                }
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
