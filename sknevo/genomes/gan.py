"""The search space of generators with their discriminators, and known good ones."""

import math
from functools import partial
from typing import Any

from sknevo.genes import Categorical, Choice, Gene, Genome, Integer, Real, Repeat
from sknevo.genomes._networks import (
    UP_ACTIVATIONS,
    UP_BLOCK,
    UP_KERNEL,
    UP_WIDTH,
    are_images,
    check_limits,
    check_smallest,
    expressed_items,
    most,
    narrow_widest,
    round_widths,
)
from sknevo.network_plan import (
    Layer,
    gan_encoder_plan,
    gan_plans,
    parts_of,
    samples_per_epoch,
    shape_of,
)
from sknevo.records import DataSpec, express

__all__ = ["gan", "well_known"]

# The tables -----------------------------------------------------------------------

# The second list of a category holds its weights, which are chosen, not measured.

SCALE = Real(0.5, 2.0, log=True)
NOISE = Genome(
    dimension=Integer(1, 128, log=True),
    distribution=Choice(
        {"normal": 3, "uniform": 2},
        normal=Genome(scale=SCALE),
        uniform=Genome(scale=SCALE),
        truncated_normal=Genome(scale=SCALE, bound=Real(1.0, 3.0)),
        mixture=Genome(
            scale=SCALE,
            components=Integer(2, 32, log=True),
            spread=Real(0.05, 1.0, log=True),
        ),
    ),
)
# The loss of each network changes with the other: a long memory of past gradients does
# harm.
RATE = Real(1e-5, 3e-2, log=True)
OPTIMIZER = Choice(
    {"adam": 4},
    adam=Genome(lr=RATE, beta1=Real(0.0, 0.9), beta2=Real(0.9, 0.999)),
    rmsprop=Genome(lr=RATE, alpha=Real(0.9, 0.999)),
)
# The layers of both networks: "blocks" of images, "dense" ones of rows.
NARROWEST = {"channels": 8, "units": 8}
DENSE_ACTIVATION = Categorical(UP_ACTIVATIONS, [3, 3, 1, 1, 1, 1])
GENERATOR = {
    "blocks": UP_BLOCK,
    "dense": Genome(
        units=UP_WIDTH,
        normalisation=Categorical(["none", "batch", "layer"], [4, 2, 1]),
        activation=DENSE_ACTIVATION,
    ),
}
BOUNDED = Categorical(["none", "spectral", "layer"], [3, 3, 1])
DISCRIMINATOR = {
    "blocks": Genome(
        channels=UP_WIDTH,
        kernel=UP_KERNEL,
        pooling=Categorical(["none", "stride", "average"], [1, 3, 1]),
        normalisation=BOUNDED,
        activation=Categorical(UP_ACTIVATIONS, [1, 4, 1, 1, 1, 1]),
    ),
    "dense": Genome(units=UP_WIDTH, normalisation=BOUNDED, activation=DENSE_ACTIVATION),
}
HEAD_POOLING = Categorical(["average", "flatten"], [1, 2])
# So many steps of the discriminator for each of the generator's.
STEPS = Categorical([1, 2, 3, 5], [6, 2, 1, 1]).with_neutral(1)
# The weights of the penalties on a discriminator's gradient at real samples (R1) and at
# generated ones (R2).
SLOPES = [0.0, 0.01, 0.1, 1.0, 10.0]
PENALTIES = Genome(
    gradient_penalty=Categorical(SLOPES),
    generated_penalty=Categorical(SLOPES, [8, 1, 1, 1, 1]).with_neutral(0.0),
)
LIKELY = {"non_saturating": 2, "relativistic": 2}
LOSSES = {
    "non_saturating": PENALTIES,
    "least_squares": PENALTIES,
    # Without a penalty its discriminator has no bound.
    "wasserstein": Genome(gradient_penalty=Categorical([0.1, 1.0, 10.0])),
    "hinge": PENALTIES,
    "relativistic": PENALTIES,
}
LOSS = Choice(LIKELY, **LOSSES)
# Of DataFrames: the generator may learn with an encoder, too, as a variational
# autoencoder does. The weight of what it makes again is 2 in TVAE (Xu et al. 2019).
VARIATIONAL = Genome(
    reconstruction=Categorical([1.0, 2.0, 5.0], [1, 2, 1]), **PENALTIES.genes
)
TABLE_LOSS = Choice(LIKELY | {"variational": 4}, **LOSSES, variational=VARIATIONAL)
TRAINING = {
    "schedule": Categorical(["constant", "cosine", "step"], [1, 3, 1]),
    # Samples that are judged together.
    "packing": Categorical([1, 2, 4], [4, 1, 1]).with_neutral(1),
    # The decay of the moving average of the generator; 0 for none.
    "ema_decay": Categorical([0.0, 0.9, 0.99, 0.999], [2, 1, 2, 2]).with_neutral(0.0),
}
# How strictly the discriminator rejects samples (Azadi et al. 2019); 0 for not at all.
REJECTION = Categorical([0.0, 0.5, 0.8, 0.95], [3, 2, 2, 1]).with_neutral(0.0)
# Of real and generated images that the discriminator sees (Zhao et al. 2020).
AUGMENTATION = Genome(
    shift=Categorical([0.0, 0.125], [3, 1]).with_neutral(0.0),
    erase=Categorical([0.0, 0.5], [5, 1]).with_neutral(0.0),
    colour=Categorical([0.0, 0.3], [5, 1]).with_neutral(0.0),
)

# Of DataFrames: how numbers are encoded (`TableCodec`), how options are drawn in
# training (`TableHead`), and whether rows are made for labels of their columns
# (`ColumnConditions`).
TABLE = {
    "numbers": Categorical(["quantiles", "modes"], [2, 1]),
    "relaxation": Categorical(["shares", "straight_through"], [1, 1]),
    "temperature": Real(0.1, 1.0, log=True),
}
CONDITIONAL = Categorical([True, False], [1, 1]).with_neutral(False)
# A row of a table tells little by itself, and its networks are small: more rows are
# judged together, in larger batches (Xu et al. 2019 have 10 and 500).
TABLE_PACKING = Categorical([1, 2, 4, 10], [4, 1, 1, 1]).with_neutral(1)
TABLE_BATCH = 512

NETWORKS = ("generator", "discriminator")
# The generator enlarges a grid of this side at least; chosen, not measured.
SMALLEST_SIDE = 2
# So many samples are learned from in a trial, however many there are; chosen, not
# measured.
ROWS_SEEN, IMAGES_SEEN = 600_000, 200_000
TABLE_ROWS_SEEN = 2_000_000
MIN_EPOCHS, MAX_EPOCHS = 5, 1000


# The search space -----------------------------------------------------------------


def gan(
    spec: DataSpec,
    *,
    max_layers: int = 4,
    max_parameters: int = 2_000_000,
    max_epochs: int | None = None,
) -> Genome:
    """Return the search space for images, or for rows of features.

    Parameters
    ----------
    spec : DataSpec
        Description of the data. For rows of features both networks are dense. With
        `parts`, these are the columns of a DataFrame.
    max_layers : int, default=4
        Greatest number of layers with weights in each network, without the first layer
        of the generator and the last of the discriminator.
    max_parameters : int, default=2_000_000
        Greatest number of weights of each network, and of the encoder beside them.
    max_epochs : int or None, default=None
        Greatest number of epochs, of 10,000 samples at most. None stands for as many as
        it takes to learn from 600,000 rows (2,000,000 of a DataFrame) or 200,000
        images, but at least 5 and at most 1000.

    Returns
    -------
    Genome
        Of `noise`, `generator`, `discriminator`, `loss`, `training`, `rejection` and
        (for images) `augmentation` or (for a DataFrame) `table`.

    Raises
    ------
    ValueError
        If a limit is less than 1, or the smallest networks have more parameters.

    Examples
    --------
    >>> from sknevo.records import DataSpec
    >>> spec = DataSpec("generation", 1000, 0, shape=(2,))
    >>> list(gan(spec, max_layers=2).genes)
    ['noise', 'generator', 'discriminator', 'loss', 'training', 'rejection']
    """
    check_limits(max_layers=max_layers, max_epochs=max_epochs)
    max_epochs = max_epochs or _usual_epochs(spec)
    largest = max(2, min(TABLE_BATCH if spec.parts else 256, spec.n_samples))
    images = are_images(spec)
    packing = {"packing": TABLE_PACKING} if spec.parts else {}
    kind = "blocks" if images else "dense"
    head = {"head_pooling": HEAD_POOLING} if images else {}
    genes: dict[str, Gene] = {
        "noise": NOISE,
        "generator": Genome(
            **{kind: Repeat(GENERATOR[kind], 1, max_layers)}, optimizer=OPTIMIZER
        ),
        "discriminator": Genome(
            **{kind: Repeat(DISCRIMINATOR[kind], 1, max_layers)},
            **head,
            steps=STEPS,
            optimizer=OPTIMIZER,
        ),
        "loss": TABLE_LOSS if spec.parts else LOSS,
        "training": Genome(
            batch_size=Integer(min(32, largest), largest, log=True),
            epochs=Integer(max(1, max_epochs // 4), max_epochs, log=True),
            **TRAINING | packing,
        ),
        "rejection": REJECTION,
    }
    if images:
        genes["augmentation"] = AUGMENTATION
    if spec.parts:
        conditional = {"conditional": CONDITIONAL} if _makes_labels(spec) else {}
        genes["table"] = Genome(**TABLE, **conditional)
    _check_smallest(spec, max_parameters)
    return Genome(**genes).constrained(
        partial(_repair, spec=spec, max_parameters=max_parameters)
    )


def _makes_labels(spec: DataSpec) -> bool:
    """Return whether rows can be made for labels of their columns."""
    codings = spec.parts.values()
    return any(part.n_conditions for columns in codings for part in columns)


def _usual_epochs(spec: DataSpec) -> int:
    seen = IMAGES_SEEN if are_images(spec) else ROWS_SEEN
    if spec.parts:
        seen = TABLE_ROWS_SEEN
    return min(MAX_EPOCHS, max(MIN_EPOCHS, seen // samples_per_epoch(spec.n_samples)))


# Constraints ---------------------------------------------------------------------


def _n_parameters(expressed: dict[str, Any], spec: DataSpec) -> dict[str, int]:
    parts = parts_of(expressed, spec.parts)
    plans = gan_plans(expressed, shape_of(spec), spec.n_classes, parts)
    sizes = {network: plan.size.parameters for network, plan in plans.items()}
    if "variational" in expressed["loss"]:
        # The encoder is made by the genes of the discriminator.
        encoder = gan_encoder_plan(expressed, parts).size.parameters
        sizes["discriminator"] = max(sizes["discriminator"], encoder)
    return sizes


def _check_smallest(spec: DataSpec, max_parameters: int) -> None:
    """Raise an error if the smallest networks have too many parameters."""
    generator: dict[str, Any] = {"dense": [{"units": NARROWEST["units"]}]}
    discriminator = generator
    if are_images(spec):
        block = {"channels": NARROWEST["channels"], "kernel": 3}
        upsampling = "nearest" if _max_doublings(spec) else "none"
        generator = {"blocks": [block | {"upsampling": upsampling}]}
        discriminator = {"blocks": [block], "head_pooling": "average"}
    smallest = {
        "noise": {"dimension": 1},
        "generator": generator,
        "discriminator": discriminator,
        "training": {"packing": 1},
        "table": {"numbers": "quantiles"},
        "loss": {"variational": {}} if spec.parts else {},
    }
    least = max(_n_parameters(smallest, spec).values())
    check_smallest(least, spec, max_parameters)


def _repair(
    genes: dict[str, Any], spec: DataSpec, max_parameters: int
) -> dict[str, Any]:
    """Make networks that can be built, in one way only, within their limits."""
    if genes["loss"]["choice"] == "variational":
        # The encoder keeps the noise near to a standard normal distribution.
        genes["noise"]["distribution"]["choice"] = "normal"
        genes["noise"]["distribution"]["normal"]["scale"] = 1.0
        genes["discriminator"]["steps"] = 1
    if are_images(spec):
        _fit_doublings(genes["generator"]["blocks"], spec)
        _fit_halvings(genes["discriminator"]["blocks"], spec)
    for network in NETWORKS:
        round_widths(genes[network])
        while _n_parameters(express(genes), spec)[network] > max_parameters:
            _shrink(genes, network, spec)
            if are_images(spec):
                _fit_doublings(genes["generator"]["blocks"], spec)
    return genes


def _max_doublings(spec: DataSpec) -> int:
    """Return how often the smallest grid may be doubled to make an image."""
    side = min(shape_of(spec)[1:])
    return max(0, int(math.log2(max(1, side / SMALLEST_SIDE))))


def _fit_doublings(blocks: dict[str, Any], spec: DataSpec) -> None:
    """Remove the first doublings if the grid would be smaller than the smallest."""
    doubling = [b for b in expressed_items(blocks) if b["upsampling"] != "none"]
    for block in doubling[: max(0, len(doubling) - _max_doublings(spec))]:
        block["upsampling"] = "none"


def _fit_halvings(blocks: dict[str, Any], spec: DataSpec) -> None:
    """Remove the halving of a single pixel."""
    shape = shape_of(spec)
    for block in expressed_items(blocks):
        if max(shape[1:]) < 2:
            block["pooling"] = "none"
        shape = Layer.convolution(block, shape, ceil=True).outputs


def _shrink(genes: dict[str, Any], name: str, spec: DataSpec) -> None:
    """Narrow the widest layer of a network, or remove what costs most."""
    network = genes[name]
    if narrow_widest(network, NARROWEST):
        return
    layers = network["blocks" if "blocks" in network else "dense"]
    first = layers["items"][0]
    has_noise = name == "generator" or genes["loss"]["choice"] == "variational"
    at_full_size = name == "generator" and first.get("upsampling") == "none"
    if network.get("head_pooling") == "flatten":
        network["head_pooling"] = "average"
    elif layers["length"] > 1:
        layers["length"] -= 1
    elif at_full_size and _max_doublings(spec) > 0:
        first["upsampling"] = "nearest"
    elif has_noise and genes["noise"]["dimension"] > 1:
        genes["noise"]["dimension"] //= 2
    elif genes["training"]["packing"] > 1:
        genes["training"]["packing"] //= 2
    else:
        first |= {"normalisation": "none"}
        if "kernel" in first:
            first["kernel"] = 3


# Known good individuals -----------------------------------------------------------


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return individuals that are known to do well.

    Parameters
    ----------
    spec : DataSpec
        Description of the data.
    genome : Genome or None, default=None
        Its limits of epochs and layers hold for the configurations. None stands for
        `gan`.

    Returns
    -------
    list of dict
        Partial expressed genes.

    Examples
    --------
    >>> from sknevo.genomes.gan import well_known
    >>> from sknevo.records import DataSpec
    >>> first, *others = well_known(DataSpec("generation", 1000, 0, shape=(2,)))
    >>> [*first["loss"]], first["training"]["epochs"], len(others)
    (['relativistic'], 600, 5)
    """
    kind = "blocks" if are_images(spec) else "dense"
    epochs = most(genome, "training", "epochs", unknown=_usual_epochs(spec))
    deepest = min(most(genome, network, kind) for network in NETWORKS)
    known = _known_for_rows
    if are_images(spec):
        known = _known_for_images
    elif spec.parts:
        known = _known_for_tables
    return known(spec, epochs, deepest)


def _known_for_rows(
    spec: DataSpec, most_epochs: int, deepest: float
) -> list[dict[str, Any]]:
    # Noise with modes of its own leaves fewer samples between those of the data.
    mixture = {"mixture": {"scale": 1.0, "components": 16, "spread": 0.2}}
    normal = {"normal": {"scale": 1.0}}

    def known(
        loss: str,
        gradient_penalty: float,
        noise: dict[str, Any],
        dimension: int = max(8, min(64, 2 * spec.shape[0])),
        units: int = 64,
        depth: int = 3,
        batch_size: int = 128,
        rejection: float = 0.5,
        generated_penalty: float = 0.0,
        **training: Any,
    ) -> dict[str, Any]:
        layers = [
            [{"units": units, "normalisation": "none", "activation": activation}]
            * min(depth, deepest)
            for activation in ("relu", "leaky_relu")
        ]
        return _individual(
            {"dimension": dimension, "distribution": noise},
            {"dense": layers[0], "optimizer": _adam(2e-3, 0.0)},
            {"dense": layers[1], "optimizer": _adam(2e-3, 0.0)},
            _loss(loss, gradient_penalty, generated_penalty),
            {
                "epochs": most_epochs,
                "batch_size": min(batch_size, spec.n_samples),
                **training,
            },
            rejection,
        )

    # Many modes need wide and deep networks, noise of no more dimensions than the data,
    # and rejection of what lies between them (benchmarks/mixture_variants.py).
    narrow_noise = max(2, spec.shape[0])
    wide = {"units": 128, "depth": 4, "rejection": 0.8}
    return [
        known("relativistic", 0.1, mixture),
        known("non_saturating", 0.1, mixture),
        known("non_saturating", 0.0, normal, packing=2),
        known("relativistic", 0.1, normal, narrow_noise, **wide),
        known("relativistic", 0.1, normal, narrow_noise, batch_size=64, **wide),
        # R3GAN (Huang et al. 2024): its penalties let the relativistic loss converge.
        known("relativistic", 0.1, normal, generated_penalty=0.1),
    ]


def _known_for_tables(
    spec: DataSpec, most_epochs: int, deepest: float
) -> list[dict[str, Any]]:
    def known(
        loss: str,
        gradient_penalty: float,
        optimizer: dict[str, Any],
        units: int = 128,
        depth: int = 3,
        normalisation: str = "none",
        dimension: int = 128,
        batch_size: int = 128,
        numbers: str = "quantiles",
        conditional: bool = False,
        relaxation: str = "straight_through",
        rejection: float = 0.0,
        **training: Any,
    ) -> dict[str, Any]:
        other_loss = {"reconstruction": 2.0} if loss == "variational" else {}
        layers = [
            [{"units": units, "normalisation": each, "activation": activation}]
            * min(depth, deepest)
            for each, activation in ((normalisation, "relu"), ("none", "leaky_relu"))
        ]
        individual = _individual(
            {"dimension": dimension, "distribution": {"normal": {"scale": 1.0}}},
            {"dense": layers[0], "optimizer": optimizer},
            {"dense": layers[1], "optimizer": optimizer},
            _loss(loss, gradient_penalty, 0.0, **other_loss),
            {
                "epochs": most_epochs,
                "batch_size": max(2, min(batch_size, spec.n_samples)),
                **training,
            },
            rejection,
        )
        table = {"numbers": numbers, "relaxation": relaxation, "temperature": 0.2}
        if _makes_labels(spec):
            has_labels = any(part.n_conditions for part in spec.parts[numbers])
            table["conditional"] = conditional and has_labels
        return {**individual, "table": table}

    as_ctgan = {"units": 256, "depth": 2, "normalisation": "batch", "batch_size": 500}
    as_ctgan |= {"conditional": True, "relaxation": "shares"}
    published = {"adam": {"lr": 2e-4, "beta1": 0.5, "beta2": 0.9}}
    faster = {"adam": {"lr": 1e-3, "beta1": 0.5, "beta2": 0.9}}
    # Quantiles, a penalty in place of normalisation and large steps: see
    # doc/figures.md. The last is CTGAN as published (Xu et al. 2019), but for its
    # shortcuts and dropout; the one before is in larger steps, without packing.
    variational = partial(known, "variational", 0.1, depth=2, dimension=16)
    individuals = [
        variational(_adam(4e-3, 0.9)),
        variational(_adam(4e-3, 0.9), units=256, conditional=True),
        known("relativistic", 0.1, _adam(4e-3, 0.0), conditional=True),
        known("relativistic", 0.1, _adam(4e-3, 0.0)),
        known("relativistic", 0.1, _adam(2e-3, 0.0), units=256, conditional=True),
        known(
            *("relativistic", 0.1, _adam(4e-3, 0.0)),
            numbers="modes",
            conditional=True,
            rejection=0.5,
        ),
        known("wasserstein", 10.0, faster, **as_ctgan),
        known(
            *("wasserstein", 10.0, published),
            **as_ctgan,
            numbers="modes",
            packing=10,
            ema_decay=0.0,
            schedule="constant",
        ),
    ]
    # Without labels some are the same.
    return [one for i, one in enumerate(individuals) if one not in individuals[:i]]


def _known_for_images(
    spec: DataSpec, most_epochs: int, deepest: float
) -> list[dict[str, Any]]:
    # Many small steps and a discriminator that learns faster than its generator (Heusel
    # et al. 2017) give the best digits; per image, so do a wide discriminator and
    # nearest neighbours (benchmarks/gan_variants.py).
    side = min(shape_of(spec)[1:])
    n_blocks = max(1, min(3, deepest, round(math.log2(max(2, side) / 4))))
    channels = [16 * 2**i for i in range(n_blocks)]

    def known(
        loss: str,
        upsampling: str,
        widening: int = 1,
        penalty: float = 0.0,
    ) -> dict[str, Any]:
        up = {"kernel": 3, "upsampling": upsampling, "activation": "relu"}
        up |= {"normalisation": "none" if penalty else "batch"}
        down = {"kernel": 3, "pooling": "stride", "activation": "leaky_relu"}
        down |= {"normalisation": "none" if penalty else "spectral"}
        rising = [{"channels": width, **up} for width in reversed(channels)]
        falling = [{"channels": widening * width, **down} for width in channels]
        individual = _individual(
            {"dimension": 64, "distribution": {"normal": {"scale": 1.0}}},
            {"blocks": rising, "optimizer": _adam(1e-3, 0.5)},
            {
                "blocks": falling,
                "head_pooling": "flatten",
                "optimizer": _adam(2e-3, 0.5),
            },
            _loss(loss, penalty, penalty),
            {"epochs": most_epochs, "batch_size": min(32, spec.n_samples)},
        )
        return {**individual, "augmentation": {}}

    return [
        known("hinge", "transposed"),
        known("relativistic", "transposed"),
        known("hinge", "transposed", widening=2),
        known("non_saturating", "nearest"),
        # R3GAN (Huang et al. 2024): penalties at real and generated images in place of
        # all normalisation.
        known("relativistic", "nearest", penalty=1.0),
    ]


def _individual(
    noise: dict[str, Any],
    generator: dict[str, Any],
    discriminator: dict[str, Any],
    loss: dict[str, Any],
    training: dict[str, Any],
    rejection: float = 0.5,
) -> dict[str, Any]:
    return {
        "noise": noise,
        "generator": generator,
        "discriminator": {**discriminator, "steps": 1},
        "loss": loss,
        "training": {"schedule": "cosine", "packing": 1, "ema_decay": 0.99, **training},
        "rejection": rejection,
    }


def _loss(
    name: str, at_real: float, at_generated: float, **other: float
) -> dict[str, Any]:
    if name == "wasserstein":  # its penalty lies between both
        return {name: {"gradient_penalty": at_real}}
    penalties = {"gradient_penalty": at_real, "generated_penalty": at_generated}
    return {name: penalties | other}


def _adam(lr: float, beta1: float) -> dict[str, Any]:
    return {"adam": {"lr": lr, "beta1": beta1, "beta2": 0.99}}
