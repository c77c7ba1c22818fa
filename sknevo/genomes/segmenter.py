"""The search space of networks that give each pixel a class, and known configurations.

What follows from the sizes of the images alone is a rule, as in nnU-Net [1]_: how often
they may be halved, how large patches and batches may be. The rest evolves.

References
----------
.. [1] Isensee, F. et al. (2018). nnU-Net: Self-adapting Framework for U-Net-Based
   Medical Image Segmentation. arXiv:1809.10486.
"""

from functools import partial
from typing import Any

from sknevo.genes import Categorical, Choice, Genome, Integer, Real
from sknevo.genomes._networks import (
    OPTIMIZER,
    SCHEDULE,
    check_limits,
    check_smallest,
    most,
    shortest,
)
from sknevo.genomes._unets import (
    BATCH_PIXELS,
    LARGEST_BATCH,
    LARGEST_PATCH,
    TABLE,
    fit_to_patch,
    most_halvings,
    patches_of,
    shrink,
    smallest_unet,
    usual_epochs,
)
from sknevo.network_plan import shape_of, unet_plan
from sknevo.records import DataSpec, express

__all__ = ["segmenter", "well_known"]

# Ranges are chosen around what papers report. The second list of a category holds its
# weights, which are chosen, not measured.

TRAINING = {
    # Of the patches, the share with an object in the middle; nnU-Net has a third.
    "foreground": Categorical([0.0, 0.33, 0.66], [2, 1, 1]).with_neutral(0.0),
    "pixel_loss": Categorical(["cross_entropy", "focal"], [3, 1]),
    # The share of the Dice loss.
    "dice": Categorical([0.0, 0.25, 0.5, 0.75], [2, 1, 3, 1]),
    "class_weights": Categorical(["equal", "root", "balanced"], [3, 1, 1]).with_neutral(
        "equal"
    ),
}
# Zooms are shares of the side, rotations degrees. Patches are shifted in any case.
AUGMENTATION = Genome(
    flip=Categorical([False, True], [1, 2]).with_neutral(False),
    turn=Categorical([False, True]).with_neutral(False),
    rotate=Categorical([0, 15, 45], [3, 1, 1]).with_neutral(0),
    zoom=Categorical([0.0, 0.1, 0.25], [2, 1, 1]).with_neutral(0.0),
    colour=Categorical([0.0, 0.2, 0.4], [2, 1, 1]).with_neutral(0.0),
    # Predictions are means over mirror images. They take twice or four times as long.
    test_time=Categorical([False, True], [2, 1]).with_neutral(False),
)
# What the probability of any object must exceed, and the smallest area in shares of the
# median.
DECISION = Genome(
    threshold=Real(0.25, 0.75).with_neutral(0.5),
    smallest=Categorical([0.0, 0.05, 0.1, 0.2, 0.4], [3, 1, 1, 1, 1]).with_neutral(0.0),
)
# How pixels become objects: as connected parts, or told apart by an output that says
# how near to the middle of its object a pixel is.
WATERSHED = Genome(
    distance_weight=Real(0.3, 10.0, log=True),
    seed=Categorical([0.3, 0.4, 0.5, 0.6, 0.7]),
    # The width of a Gaussian, in shares of the square root of the median area.
    smoothing=Categorical([0.0, 0.1, 0.2]).with_neutral(0.0),
)


def segmenter(
    spec: DataSpec,
    *,
    max_depth: int = 5,
    max_parameters: int = 2_000_000,
    max_patch: int = LARGEST_PATCH,
    max_epochs: int | None = None,
    instances: bool = False,
) -> Genome:
    """Return the search space for images of a size.

    Parameters
    ----------
    spec : DataSpec
        Description of the data. Of images of several sizes, `shape` has the median
        sides.
    max_depth : int, default=5
        How often images are halved at most. They are halved less often if fewer than
        four pixels of a side would be left.
    max_parameters : int, default=2_000_000
        Greatest number of weights.
    max_patch : int, default=256
        Largest side of a patch, in pixels.
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many as it takes to train on
        20,000 patches, but at least 10 and at most 200.
    instances : bool, default=False
        Whether masks number objects: then they are more often told apart by distances.

    Returns
    -------
    Genome
        Of `network`, `optimizer`, `training`, `augmentation`, `decision` (threshold and
        smallest object) and `objects` (connected parts or a watershed).

    Raises
    ------
    ValueError
        If a limit is less than 1, or the smallest network has more parameters.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("segmentation", 64, 2, shape=(256, 256, 3))
    >>> genome = segmenter(spec)
    >>> list(genome.genes)
    ['network', 'optimizer', 'training', 'augmentation', 'decision', 'objects']
    >>> genome.genes["network"].genes["depth"], genome.genes["training"].genes["patch"]
    (Integer(2, 5), Categorical([256, 128]))
    """
    limits = {"max_depth": max_depth, "max_patch": max_patch, "max_epochs": max_epochs}
    check_limits(**limits)
    patches = patches_of(shape_of(spec)[1:], max_patch)
    deepest = most_halvings(patches[0], max_depth)
    # Half a patch, with a finest stage of step 2, has fewer halvings.
    shallowest = max(1, deepest - 3)
    check_smallest(_n_parameters(smallest_unet(shallowest), spec), spec, max_parameters)

    max_epochs = max_epochs or usual_epochs(spec, patches[0])
    largest = max(2, min(LARGEST_BATCH, spec.n_samples))
    return Genome(
        network=Genome(depth=Integer(shallowest, deepest), **TABLE),
        optimizer=OPTIMIZER,
        training=Genome(
            batch_size=Integer(2, largest, log=True),
            epochs=Integer(shortest(max_epochs), max_epochs, log=True),
            schedule=SCHEDULE,
            patch=Categorical(patches, [2, 1][: len(patches)]),
            **TRAINING,
        ),
        augmentation=AUGMENTATION,
        decision=DECISION,
        objects=Choice(
            {"components": 1 if instances else 4},
            components=Genome(),
            watershed=WATERSHED,
        ),
    ).constrained(
        partial(
            _repair, spec=spec, shallowest=shallowest, max_parameters=max_parameters
        )
    )


# Constraints -----------------------------------------------------------------------


def _n_parameters(network: dict[str, Any], spec: DataSpec) -> int:
    n_outputs = max(2, spec.n_classes) + 1
    return unet_plan(network, shape_of(spec)[0], n_outputs).size.parameters


def _repair(
    genes: dict[str, Any], spec: DataSpec, shallowest: int, max_parameters: int
) -> dict[str, Any]:
    """Make a network that can be built, in one way only, within its limits."""
    network, training = genes["network"], genes["training"]
    fit_to_patch(network, training)
    while _n_parameters(express(network), spec) > max_parameters:
        shrink(network, shallowest)
    augmentation = genes["augmentation"]
    augmentation["test_time"] &= augmentation["flip"] or augmentation["turn"]
    return genes


# Known configurations --------------------------------------------------------------


def well_known(
    spec: DataSpec, genome: Genome | None = None, *, instances: bool = False
) -> list[dict[str, Any]]:
    """Return configurations to begin with, the cheap ones first.

    Parameters
    ----------
    spec : DataSpec
        Description of the data.
    genome : Genome or None, default=None
        Its limits of epochs, depth and patches hold for the configurations. None stands
        for those of `segmenter`.
    instances : bool, default=False
        Whether masks number objects.

    Returns
    -------
    list of dict
        Partial expressed genes.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("segmentation", 64, 2, shape=(256, 256, 3))
    >>> [genes["network"]["width"] for genes in well_known(spec)]
    [8, 16, 8, 16, 16, 16, 24, 16]
    """
    patches = patches_of(shape_of(spec)[1:], LARGEST_PATCH)
    training = getattr(genome and genome.genes.get("training"), "genes", {})
    if "patch" in training:  # a genome of the user's own may have other genes
        patches = [*training["patch"].options]
    usual = usual_epochs(spec, patches[0])
    all_epochs = int(most(genome, "training", "epochs", unknown=usual))
    deepest = most_halvings(patches[0], int(min(5, most(genome, "network", "depth"))))
    most_at_once = int(most(genome, "training", "batch_size", unknown=LARGEST_BATCH))
    quarter, half = (max(1, all_epochs // k) for k in (4, 2))
    turned = {"flip": True, "turn": True}
    varied = {**turned, "rotate": 15, "zoom": 0.1, "colour": 0.2}
    # Of 40 training images of nuclei, the narrowest network learned from 20 for 24
    # epochs, and was scored on others. The F1 of objects was 0.80 with Muon and 0.77
    # with AdamW (10 images). Seeds above 0.6 were better than above 0.4 by 0.02, a
    # smallest area of 0.2 better than none by 0.01, smoothing of 0.1 better than none
    # by up to 0.02 (12 images, both networks). Images that are standardised one by one
    # brought most: after 12 epochs a Dice of 0.76 after 0.67, and an F1 of 0.86 after
    # 0.80 (10 images). All else is chosen, not measured.
    told_apart = {"watershed": {"distance_weight": 3.0, "seed": 0.6, "smoothing": 0.1}}
    smallest = 0.2 if instances else 0.0
    adamw = {"adamw": {"lr": 3e-3, "beta1": 0.9, "weight_decay": 0.01}}
    muon = {"muon": {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3}}

    def known(
        width: int,
        epochs: int,
        stride: int = 2,
        augmentation: dict[str, Any] | None = None,
        objects: Any = told_apart if instances else "components",
        optimizer: dict[str, Any] = muon,
        patch: int = patches[0],
        **network: Any,
    ) -> dict[str, Any]:
        plain = {"growth": 2.0, "convolutions": 2, "kernel": 3, "pooling": "max"}
        plain |= {"normalisation": "batch", "activation": "relu"}
        batch_size = max(2, min(8, spec.n_samples // 8, BATCH_PIXELS // patch**2))
        batch_size = min(batch_size, most_at_once)
        return {
            "network": {
                "depth": max(1, deepest - stride + 1),
                "stride": stride,
                "width": width,
                "upsampling": "bilinear",
                "each_image": True,
                **plain,
                **network,
            },
            "optimizer": optimizer,
            "training": {
                "batch_size": batch_size,
                "epochs": epochs,
                "schedule": "linear",
                "patch": patch,
                "pixel_loss": "cross_entropy",
                "dice": 0.5,
            },
            "augmentation": augmentation or {},
            "decision": {"smallest": smallest},
            "objects": objects,
        }

    sure = {**varied, "test_time": True}
    return [
        known(8, quarter, augmentation=turned),
        known(16, half, augmentation=turned, growth=1.5),
        known(8, half, augmentation=turned, stride=1, convolutions=1),
        known(16, half, augmentation=varied),
        known(16, half, augmentation=turned, optimizer=adamw, each_image=False),
        known(16, half, augmentation=sure, objects=told_apart, residual=True),
        known(24, half, augmentation=sure, growth=1.5),
        known(16, all_epochs, augmentation=sure, stride=1, growth=1.5),
    ]
