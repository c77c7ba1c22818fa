"""The search space of networks that find objects, and known configurations."""

from functools import partial
from typing import Any

from sknevo.genes import Categorical, Genome, Integer, Real
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

__all__ = ["detector", "well_known"]

# Ranges are chosen around what papers report. The second list of a category holds its
# weights, which are chosen, not measured.

# Images are reduced until small objects, or the images themselves, have so few pixels.
LEAST_OBJECT, LEAST_IMAGE = 8, 32
# What small objects have at least in known configurations.
USUAL_OBJECT = 12
# Pixels that the place of a box takes beside the probabilities of the classes.
OF_A_BOX = 4

CENTRES = Genome(
    # The deviation of the bell around a centre, in shares of the box's sides.
    radius=Real(0.04, 0.25, log=True),
    # Whether pixels around a centre learn the box, too, as in TTFNet.
    around=Categorical([False, True], [1, 2]),
    # How much the errors of sides (in logarithms) and of centres (in pixels of the
    # maps) count, beside that of the classes.
    size_gain=Real(0.1, 10.0, log=True),
    offset_gain=Real(0.03, 3.0, log=True),
)
# Zooms are logarithms of factors; of scenes, a share is made of four images.
AUGMENTATION = Genome(
    mosaic=Categorical([0.0, 0.25, 0.5, 1.0], [3, 1, 1, 1]).with_neutral(0.0),
    zoom=Categorical([0.0, 0.1, 0.25, 0.5], [2, 1, 2, 1]).with_neutral(0.0),
    flip=Categorical([False, True], [1, 2]).with_neutral(False),
    turn=Categorical([False, True]).with_neutral(False),
    colour=Categorical([0.0, 0.2, 0.4], [2, 1, 1]).with_neutral(0.0),
    # Predictions are means over mirror images. They take twice or four times as long.
    test_time=Categorical([False, True], [2, 1]).with_neutral(False),
)
# Of two boxes of a class with a greater overlap, only the more probable one is kept.
DECISION = Genome(
    suppression=Categorical([0.3, 0.4, 0.5, 0.6, 0.7], [1, 2, 2, 1, 1]).with_neutral(
        0.5
    )
)


def detector(
    spec: DataSpec,
    *,
    max_depth: int = 5,
    max_parameters: int = 2_000_000,
    max_patch: int = LARGEST_PATCH,
    max_epochs: int | None = None,
) -> Genome:
    """Return the search space for images of a size and objects of a size.

    Parameters
    ----------
    spec : DataSpec
        Description of the data. Of images of several sizes, `shape` has the median
        sides.
    max_depth : int, default=5
        How often images are halved at most.
    max_parameters : int, default=2_000_000
        Greatest number of weights.
    max_patch : int, default=256
        Largest side of the scenes that are learned from, in pixels of reduced images.
    max_epochs : int or None, default=None
        Greatest number of epochs. None stands for as many as it takes to train on
        20,000 scenes, but at least 10 and at most 200.

    Returns
    -------
    Genome
        Of `network`, `optimizer`, `training`, `centres` (what is learned of boxes),
        `augmentation` and `decision` (which boxes are kept).

    Raises
    ------
    ValueError
        If a limit is less than 1, or the smallest network has more parameters.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("detection", 200, 3, shape=(480, 640, 3), object_side=40)
    >>> genes = detector(spec).genes
    >>> genes["network"].genes["reduction"], genes["training"].genes["patch"]
    (Categorical([1, 2, 4]), Categorical([256, 224, 112]))
    """
    limits = {"max_depth": max_depth, "max_patch": max_patch, "max_epochs": max_epochs}
    check_limits(**limits)
    reductions = _reductions(spec)
    sides = {r: _scene_side(spec, r, max_patch) for r in reductions}
    patches = [*dict.fromkeys(sides.values())]
    deepest = most_halvings(patches[0], max_depth)
    shallowest = max(1, deepest - 3)
    smallest = {**smallest_unet(shallowest), "output_stride": 2}
    check_smallest(_n_parameters(smallest, spec), spec, max_parameters)

    max_epochs = max_epochs or _usual_epochs(spec, max_patch)
    largest = max(2, min(LARGEST_BATCH, spec.n_samples))
    return Genome(
        network=Genome(
            # By how many pixels of a side an image is divided before all else.
            reduction=Categorical(reductions),
            depth=Integer(shallowest, deepest),
            # The side of what a pixel of the maps stands for, in reduced pixels.
            output_stride=Categorical([2, 4, 8], [2, 3, 1]),
            **TABLE,
        ),
        optimizer=OPTIMIZER,
        training=Genome(
            batch_size=Integer(2, largest, log=True),
            epochs=Integer(shortest(max_epochs), max_epochs, log=True),
            schedule=SCHEDULE,
            patch=Categorical(patches),
        ),
        centres=CENTRES,
        augmentation=AUGMENTATION,
        decision=DECISION,
    ).constrained(
        partial(
            _repair,
            spec=spec,
            sides=sides,
            shallowest=shallowest,
            max_parameters=max_parameters,
        )
    )


# What the sizes of images and objects say ------------------------------------------


def _reductions(spec: DataSpec) -> list[int]:
    """Return by how much images may be reduced: objects must still be seen."""
    found = [1]
    side = min(shape_of(spec)[1:])
    while (
        spec.object_side >= 2 * found[-1] * LEAST_OBJECT
        and side >= 2 * found[-1] * LEAST_IMAGE
    ):
        found.append(2 * found[-1])
    return found


def usual_reduction(spec: DataSpec) -> int:
    """Return by how much images of known configurations are reduced."""
    fitting = [r for r in _reductions(spec) if spec.object_side >= r * USUAL_OBJECT]
    return fitting[-1] if fitting else 1


def _reduced(spec: DataSpec, reduction: int) -> list[int]:
    return [-(-side // reduction) for side in shape_of(spec)[1:]]


def _usual_epochs(spec: DataSpec, max_patch: int) -> int:
    reduction = usual_reduction(spec)
    side = _scene_side(spec, reduction, max_patch)
    return usual_epochs(spec, side, _reduced(spec, reduction))


def _scene_side(spec: DataSpec, reduction: int, max_patch: int) -> int:
    """Return the side of a scene: about that of a reduced image, often halved."""
    return patches_of(_reduced(spec, reduction), max_patch, steps=4)[0]


# Constraints -----------------------------------------------------------------------


def _n_parameters(network: dict[str, Any], spec: DataSpec) -> int:
    n_outputs = spec.n_classes + OF_A_BOX
    return unet_plan(network, shape_of(spec)[0], n_outputs).size.parameters


def _repair(
    genes: dict[str, Any],
    spec: DataSpec,
    sides: dict[int, int],
    shallowest: int,
    max_parameters: int,
) -> dict[str, Any]:
    """Make a network that can be built, in one way only, within its limits."""
    network, training = genes["network"], genes["training"]
    # A scene is no larger than an image.
    training["patch"] = min(training["patch"], sides[network["reduction"]])
    fit_to_patch(network, training)
    _fit_output_stride(network)
    while _n_parameters(express(network), spec) > max_parameters:
        shrink(network, shallowest)
        _fit_output_stride(network)
    augmentation = genes["augmentation"]
    augmentation["test_time"] &= augmentation["flip"] or augmentation["turn"]
    return genes


def _fit_output_stride(network: dict[str, Any]) -> None:
    """Have maps that are no coarser than the coarsest stage."""
    coarsest = network["stride"] * 2 ** network["depth"]
    network["output_stride"] = min(network["output_stride"], coarsest)


# Known configurations --------------------------------------------------------------


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return configurations to begin with, the cheap ones first.

    Parameters
    ----------
    spec : DataSpec
        Description of the data.
    genome : Genome or None, default=None
        Its limits of epochs, depth and patches hold for the configurations. None stands
        for those of `detector`.

    Returns
    -------
    list of dict
        Partial expressed genes.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("detection", 200, 3, shape=(480, 640, 3), object_side=40)
    >>> [genes["network"]["reduction"] for genes in well_known(spec)]
    [4, 2, 2, 4, 2, 2, 2, 2]
    """
    usual = usual_reduction(spec)
    coarse = min(2 * usual, _reductions(spec)[-1])
    largest = LARGEST_PATCH
    training = getattr(genome and genome.genes.get("training"), "genes", {})
    if "patch" in training:  # a genome of the user's own may have other genes
        largest = max(training["patch"].options)
    known_epochs = _usual_epochs(spec, largest)
    all_epochs = int(most(genome, "training", "epochs", unknown=known_epochs))
    deepest = int(min(4, most(genome, "network", "depth")))
    most_at_once = int(most(genome, "training", "batch_size", unknown=LARGEST_BATCH))
    quarter, half = (max(1, all_epochs // k) for k in (4, 2))
    # A network as the first one learned 205 photos of blood cells, reduced 4 times. Its
    # mAP on 40 others was 0.82 after 3 epochs and 0.88 after 6. All else is chosen, not
    # measured: what photos show may be mirrored, digits may not.
    photos = shape_of(spec)[0] > 1
    mirrored = {"flip": photos}
    moved = {**mirrored, "zoom": 0.25, "colour": 0.2}
    turned = {**moved, "turn": photos}
    sure = {**turned, "test_time": photos}
    # Of gray images some may be turned, such as those of microscopes.
    anyhow = {**moved, "flip": True, "turn": True}
    muon = {"muon": {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3}}
    adamw = {"adamw": {"lr": 3e-3, "beta1": 0.9, "weight_decay": 0.01}}

    def known(
        width: int,
        epochs: int,
        reduction: int = usual,
        augmentation: dict[str, Any] | None = None,
        optimizer: dict[str, Any] = muon,
        **network: Any,
    ) -> dict[str, Any]:
        patch = _scene_side(spec, reduction, largest)
        depth = min(deepest, most_halvings(patch, deepest + 1) - 1)
        plain = {"growth": 2.0, "convolutions": 2, "kernel": 3, "pooling": "max"}
        plain |= {"normalisation": "batch", "activation": "relu"}
        batch_size = max(2, min(8, spec.n_samples // 8, BATCH_PIXELS // patch**2))
        return {
            "network": {
                "reduction": reduction,
                "depth": max(1, depth),
                "stride": 2,
                "output_stride": 2 if reduction > usual else 4,
                "width": width,
                "upsampling": "bilinear",
                **plain,
                **network,
            },
            "optimizer": optimizer,
            "training": {
                "batch_size": min(batch_size, most_at_once),
                "epochs": epochs,
                "schedule": "linear",
                "patch": patch,
            },
            "centres": {
                "radius": 0.1,
                "around": True,
                "size_gain": 1.0,
                "offset_gain": 0.3,
            },
            "augmentation": augmentation or {},
            "decision": {"suppression": 0.5},
        }

    return [
        known(16, quarter, coarse, augmentation=mirrored),
        known(16, quarter, augmentation=mirrored),
        known(16, half, augmentation=moved),
        known(24, half, coarse, augmentation=turned),
        known(16, half, augmentation={**moved, "mosaic": 0.5}, optimizer=adamw),
        known(24, half, augmentation=anyhow, each_image=True),
        known(24, half, augmentation=sure, residual=True),
        known(24, all_epochs, augmentation=sure, growth=1.5),
    ]
