"""The part of the search space that networks of maps share: a U-Net and its patches.

What follows from the sizes of the images alone is a rule, as in nnU-Net [1]_: how often
they may be halved, how large patches and batches may be. The rest evolves.

References
----------
.. [1] Isensee, F. et al. (2018). nnU-Net: Self-adapting Framework for U-Net-Based
   Medical Image Segmentation. arXiv:1809.10486.
"""

import math
from collections.abc import Sequence
from typing import Any

from sknevo.genes import Categorical, Integer, Real
from sknevo.genomes._networks import ACTIVATION
from sknevo.network_plan import (
    WIDTH_STEP,
    patches_per_image,
    samples_per_epoch,
    shape_of,
)
from sknevo.records import DataSpec

# Ranges are chosen around what papers report. The second list of a category holds its
# weights, which are chosen, not measured.

# The least side of the coarsest stage (nnU-Net stops at 4 to 7), of a patch, and of the
# images of which patches of half the side are drawn, too.
COARSEST, LEAST_PATCH = 4, 16
# The largest side of a patch, and pixels of a batch: with 16 channels, a map of all of
# them takes 64 MB.
LARGEST_PATCH, BATCH_PIXELS, LARGEST_BATCH = 256, 2**20, 32
# Patches that pass a network in one evaluation, however many images there are, and
# bounds of the epochs.
PATCHES, FEWEST_EPOCHS, MOST_EPOCHS = 20_000, 10, 200
NARROWEST, WIDEST = 8, 64
# What a network has if it may have few weights, in the order in which it is given up.
PLAINEST = {
    "growth": 1.0,
    "kernel": 3,
    "convolutions": 1,
    "decoder_convolutions": 1,
    "attention": False,
    "excitation": False,
    "residual": False,
    "upsampling": "nearest",
    "normalisation": "none",
}
TABLE = {
    # Of 2: the finest stage sees every other pixel, in a quarter of the time.
    "stride": Categorical([1, 2], [1, 2]),
    # Whether each image, or part of one, is standardised by itself, as in nnU-Net.
    "each_image": Categorical([False, True], [1, 2]).with_neutral(False),
    "width": Integer(NARROWEST, WIDEST, log=True),
    "growth": Categorical([1.0, 1.5, 2.0], [1, 2, 3]),
    "convolutions": Categorical([1, 2, 3], [2, 3, 1]),
    "decoder_convolutions": Categorical([1, 2], [2, 1]).with_neutral(1),
    "kernel": Categorical([3, 5], [4, 1]),
    "separable": Categorical([False, True], [4, 1]).with_neutral(False),
    "normalisation": Categorical(
        ["none", "batch", "instance", "group", "layer"], [1, 5, 3, 1, 1]
    ),
    "activation": ACTIVATION,
    "pooling": Categorical(["max", "average", "stride"], [3, 1, 2]),
    "upsampling": Categorical(["nearest", "bilinear", "transposed"], [2, 3, 2]),
    "attention": Categorical([False, True], [3, 1]).with_neutral(False),
    "residual": Categorical([False, True], [2, 1]).with_neutral(False),
    "excitation": Categorical([False, True], [4, 1]).with_neutral(False),
    "dropout": Real(0.0, 0.4).with_neutral(0.0),
}


# What the sizes of images say ------------------------------------------------------


def most_halvings(patch: int, max_depth: int) -> int:
    """Return how often patches can be halved."""
    return max(1, min(max_depth, int(math.log2(patch / COARSEST))))


def patches_of(sides: Sequence[int], max_patch: int, steps: int = 8) -> list[int]:
    """Return the sides that patches may have: about that of an image, and half of it.

    A side is a multiple of the power of 2 that it holds `steps` times, or more often.
    Small images are enlarged to the least patch.
    """
    side = max(LEAST_PATCH, min(max_patch, *sides))
    step = 2 ** max(2, int(math.log2(side / steps)))
    side = side // step * step
    half = side // 2 // 4 * 4
    return [side, half] if half >= 2 * LEAST_PATCH else [side]


def usual_epochs(spec: DataSpec, patch: int, sides: Sequence[int] | None = None) -> int:
    """Return the epochs of a whole training, if the user sets no limit.

    `sides` are those of the images that patches are taken of; None stands for those of
    the data.
    """
    n_patches = spec.n_samples * patches_per_image(sides or shape_of(spec)[1:], patch)
    epochs = PATCHES // samples_per_epoch(n_patches)
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, epochs))


# Constraints -----------------------------------------------------------------------


def smallest_unet(shallowest: int) -> dict[str, Any]:
    """Return the genes of the network with the fewest weights."""
    least = {"width": NARROWEST, "depth": shallowest, "stride": 1, "pooling": "max"}
    return least | PLAINEST


def fit_to_patch(network: dict[str, Any], training: dict[str, Any]) -> None:
    """Make widths multiples of eight, and halvings and batches such as patches allow.

    Patches are halved only as often as whole pixels are left, two at least.
    """
    patch = training["patch"]

    def fits() -> bool:
        factor = network["stride"] * 2 ** network["depth"]
        return patch % factor == 0 and patch >= 2 * factor

    network["width"] = max(1, round(network["width"] / WIDTH_STEP)) * WIDTH_STEP
    while not fits() and network["depth"] > 1:
        network["depth"] -= 1
    if not fits():
        network["stride"] = 1
    fitting = max(2, BATCH_PIXELS // patch**2)
    training["batch_size"] = min(training["batch_size"], fitting)


def shrink(network: dict[str, Any], shallowest: int) -> None:
    """Narrow all stages, then take away what can be, then a stage."""
    more = [name for name, plain in PLAINEST.items() if network[name] != plain]
    if network["width"] > NARROWEST:
        network["width"] -= WIDTH_STEP
    elif more:
        network[more[0]] = PLAINEST[more[0]]
    else:
        network["depth"] = max(shallowest, network["depth"] - 1)
