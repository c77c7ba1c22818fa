"""The search space of networks for images, and the individuals known to do well."""

import math
from functools import partial
from typing import Any

from sknevo.genes import Categorical, Gene, Genome, Integer, Real, Repeat
from sknevo.genomes._networks import (
    are_images,
    expressed_items,
    most_epochs,
    most_items,
    narrow_widest,
    round_widths,
)
from sknevo.genomes._optimizer import optimizer
from sknevo.network_plan import Layer, NetworkPlan, image_shape, network_plan
from sknevo.records import DataSpec, express

__all__ = ["convnet", "well_known"]

NORMALISATIONS = ("none", "batch", "instance", "group", "layer")
ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh")
NARROWEST, WIDEST = {"channels": 8, "units": 16}, {"channels": 256, "units": 512}
# A few hundred thousand images pass a network in a search's trial, however many there
# are: few images are seen often.
IMAGES, FEWEST_EPOCHS, MOST_EPOCHS = 500_000, 10, 100
# From so many images on, batches may be large.
MANY = 5_000


def convnet(
    spec: DataSpec,
    *,
    max_layers: int = 6,
    max_parameters: int = 1_000_000,
    max_epochs: int | None = None,
) -> Genome:
    """Return the search space for images, or for rows of features.

    Parameters
    ----------
    spec : DataSpec
        What the data are: rows of features have no convolutions.
    max_layers : int, default=6
        Most layers with weights beside the last, convolutions and dense together.
    max_parameters : int, default=1_000_000
        Most numbers that a network learns.
    max_epochs : int or None, default=None
        Most passes over the training data; None stands for 500,000 images seen, but
        at least 10 and at most 100 epochs.

    Returns
    -------
    Genome
        Of `blocks` and `bridge` (for images), `dense`, `optimizer`, `training` and
        `augmentation` (for images).

    Raises
    ------
    ValueError
        If a limit is less than 1, or the smallest network has more parameters.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("classification", 1000, 10, shape=(28, 28))
    >>> list(convnet(spec, max_layers=2, max_parameters=100_000).genes)
    ['blocks', 'bridge', 'dense', 'optimizer', 'training', 'augmentation']
    """
    for name, limit in (("max_layers", max_layers), ("max_epochs", max_epochs)):
        if limit is not None and limit < 1:
            raise ValueError(f"{name} must be at least 1; got {limit}.")
    images = are_images(spec)
    genes: dict[str, Gene] = {}
    if images:
        genes["blocks"] = Repeat(_block(), 1, max_layers)
        genes["bridge"] = Categorical(["average", "flatten"])
    genes["dense"] = Repeat(_dense(), 0, max(1, min(2, max_layers - images)))
    genes["optimizer"] = optimizer()
    genes["training"] = _training(spec, max_epochs)
    if images:
        genes["augmentation"] = _augmentation(spec)
    _check_limits(images, spec, max_parameters)
    limits = {"max_layers": max_layers, "max_parameters": max_parameters}
    return Genome(**genes).constrained(partial(_repair, spec=spec, **limits))


def _block() -> Genome:
    return Genome(
        channels=Integer(NARROWEST["channels"], WIDEST["channels"], log=True),
        kernel=Categorical([1, 3, 5, 7], weights=[1, 6, 3, 1]),
        normalisation=Categorical(NORMALISATIONS, weights=[2, 6, 1, 1, 1]),
        activation=Categorical(ACTIVATIONS, weights=[3, 1, 1, 1, 2, 2, 1]),
        pooling=Categorical(["none", "max", "average"], weights=[3, 3, 1]),
        dropout=Real(0.0, 0.5),
        residual=Categorical([False, True]),
    )


def _dense() -> Genome:
    return Genome(
        units=Integer(NARROWEST["units"], WIDEST["units"], log=True),
        normalisation=Categorical(["none", "batch", "layer"], weights=[2, 2, 1]),
        activation=Categorical(ACTIVATIONS, weights=[3, 1, 1, 1, 2, 2, 1]),
        dropout=Real(0.0, 0.5),
    )


def _training(spec: DataSpec, max_epochs: int | None) -> Genome:
    if max_epochs is None:
        max_epochs = _usual_epochs(spec)
    largest = max(2, min(512, spec.n_samples))
    return Genome(
        batch_size=Integer(min(16, largest), largest, log=True),
        epochs=Integer(max(1, max_epochs // 8), max_epochs, log=True),
        schedule=Categorical(
            ["constant", "cosine", "one_cycle", "step"], weights=[1, 3, 3, 1]
        ),
        label_smoothing=Categorical([0.0, 0.05, 0.1], weights=[2, 1, 1]),
    )


def _usual_epochs(spec: DataSpec) -> int:
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, IMAGES // spec.n_samples))


def _augmentation(spec: DataSpec) -> Genome:
    """Shifts and zooms are shares of the side, rotations degrees."""
    genes: dict[str, Gene] = {
        "shift": Categorical([0.0, 0.05, 0.1, 0.2], weights=[2, 1, 1, 1]),
        "flip": Categorical([False, True], weights=[2, 1]),
        "rotate": Categorical([0, 10, 20, 45], weights=[3, 1, 1, 1]),
        "zoom": Categorical([0.0, 0.1, 0.25], weights=[2, 1, 1]),
        "erase": Categorical([0.0, 0.25, 0.5], weights=[3, 1, 1]),
        "colour": Categorical([0.0, 0.2, 0.4], weights=[2, 1, 1]),
    }
    return Genome(**genes)


# Constraints ---------------------------------------------------------------------


def _plan(expressed: dict[str, Any], spec: DataSpec) -> NetworkPlan:
    return network_plan(expressed, image_shape(spec.shape), spec.n_classes)


def _check_limits(images: bool, spec: DataSpec, max_parameters: int) -> None:
    smallest: dict[str, Any] = {"dense": []}
    if images:
        block = {"channels": NARROWEST["channels"], "kernel": 1}
        smallest |= {"blocks": [block], "bridge": "average"}
    least = _plan(smallest, spec).size.parameters
    if least > max_parameters:
        raise ValueError(
            f"max_parameters must be at least {least}, what the smallest network for "
            f"data of shape {spec.shape} has; got {max_parameters}."
        )


def _repair(
    genes: dict[str, Any], spec: DataSpec, max_layers: int, max_parameters: int
) -> dict[str, Any]:
    """Make a network that can be built, in one way only, within its limits."""
    genes = {**genes}
    if "blocks" in genes:
        rest = max_layers - genes["blocks"]["length"]
        genes["dense"]["length"] = min(genes["dense"]["length"], rest)
        _fit_to_sides(genes["blocks"], spec)
    round_widths(genes)
    while _plan(express(genes), spec).size.parameters > max_parameters:
        _shrink(genes)
    return genes


def _fit_to_sides(blocks: dict[str, Any], spec: DataSpec) -> None:
    """Silence what a block that sees one pixel or a thin line cannot do."""
    shape = image_shape(spec.shape)
    for block in expressed_items(blocks):
        if min(shape[1:]) < 2:
            block["pooling"] = "none"
        if math.prod(shape[1:]) == 1:
            block["kernel"] = 1
            if block["normalisation"] == "instance":
                block["normalisation"] = "layer"
        shape = Layer.convolution(block, shape).outputs


def _shrink(genes: dict[str, Any]) -> None:
    """Narrow the widest layer; if all are narrow, take away the last."""
    if narrow_widest(genes, NARROWEST):
        return
    if genes.get("bridge") == "flatten":
        genes["bridge"] = "average"
    elif genes["dense"]["length"]:
        genes["dense"]["length"] -= 1
    elif genes["blocks"]["length"] > 1:
        genes["blocks"]["length"] -= 1
    else:
        (block,) = expressed_items(genes["blocks"])
        block |= {"kernel": 1, "normalisation": "none", "residual": False}


# Who is known to do well ----------------------------------------------------------


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return individuals that are known to do well, the cheap ones first.

    Parameters
    ----------
    spec : DataSpec
        What the data are.
    genome : Genome or None, default=None
        Whose limit of epochs they keep to, and of layers if it is 1; None stands for
        `convnet`'s.

    Returns
    -------
    list of dict
        Partial expressed genes.
    """
    adam = {"adam": {"lr": 3e-3, "beta1": 0.9, "weight_decay": 1e-5}}
    sgd = {"sgd": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}}
    most = most_epochs(genome, _usual_epochs(spec))
    fast, slow, long = (
        {"schedule": "one_cycle", "label_smoothing": 0.0, "epochs": math.ceil(most / k)}
        for k in (4, 2, 1)
    )
    # Of many images, large batches are as good as small ones, and faster; of few they
    # would leave too few steps.
    batch = {"batch_size": _usual_batch(spec)}
    large = batch if spec.n_samples >= MANY else {}
    if not are_images(spec):
        units = {"dense": [_units(64)], "training": fast}
        return [{**units, "optimizer": adam}, {**units, "optimizer": sgd}]
    most_blocks = most_items(genome, "blocks")
    still, moved, varied = _known_augmentations(spec)
    small = {
        "blocks": [_channels(16), _channels(32)],
        "bridge": "flatten",
        "dense": [],
        "training": fast | large,
        "augmentation": still,
    }
    pyramid = {
        **small,
        "blocks": [_channels(min(64, 16 * 2**i)) for i in range(_halvings(spec))],
        "bridge": "average",
        "training": long,
        "augmentation": varied,
    }
    wide = {
        **small,
        "blocks": [_channels(32), _channels(64)],
        "training": slow | large,
        "augmentation": moved,
    }
    # Large kernels pay where there is time for all epochs, and then something must keep
    # them from learning by heart: images that move, or dropout where these do harm.
    wider = {
        **wide,
        "blocks": [_channels(32, kernel=5), _channels(64, kernel=5)],
        "training": long | batch,
    }
    # Three halvings are as good for two thirds of the time: small images are cheap to
    # look at once more.
    deep = [_channels(32 * 2**i) for i in range(3)]
    dropped = {
        **wider,
        "blocks": _dropped(deep if most_blocks > 2 else wider["blocks"]),
        "augmentation": still,
    }
    known = [
        {**small, "optimizer": adam},
        {**small, "optimizer": sgd, "augmentation": moved},
        {**pyramid, "optimizer": adam},
        {**wide, "optimizer": adam},
        {**wide, "optimizer": adam, "training": long | large},
        {**dropped, "optimizer": adam},
        {**wider, "optimizer": adam},
    ]
    if most_blocks > 1:
        return known
    return [{**one, "blocks": one["blocks"][:1]} for one in known]


def _usual_batch(spec: DataSpec) -> int:
    return max(min(16, spec.n_samples), min(128, spec.n_samples // 32))


def _known_augmentations(spec: DataSpec) -> list[dict[str, Any]]:
    """Return none, a moderate and a strong one."""
    # What photos show may be mirrored and of another colour; digits may not.
    photos = image_shape(spec.shape)[0] > 1
    still = {
        "shift": 0.0,
        "flip": False,
        "rotate": 0,
        "zoom": 0.0,
        "erase": 0.0,
        "colour": 0.0,
    }
    moved = {**still, "shift": 0.1, "flip": photos}
    varied = {**moved, "rotate": 20 if photos else 10, "zoom": 0.1}
    return [still, moved, {**varied, "colour": 0.4 if photos else 0.0}]


def _halvings(spec: DataSpec) -> int:
    """Return how often images may be pooled until a few pixels are left."""
    side = min(image_shape(spec.shape)[1:])
    return max(2, min(5, round(math.log2(side)) - 1))


def _channels(
    channels: int, kernel: int = 3, pooling: str = "max", residual: bool = False
) -> dict[str, Any]:
    return {
        "channels": channels,
        "kernel": kernel,
        "normalisation": "batch",
        "activation": "relu",
        "pooling": pooling,
        "dropout": 0.0,
        "residual": residual,
    }


def _dropped(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**block, "dropout": 0.2} for block in blocks]


def _units(units: int) -> dict[str, Any]:
    return {
        "units": units,
        "normalisation": "batch",
        "activation": "relu",
        "dropout": 0.1,
    }
