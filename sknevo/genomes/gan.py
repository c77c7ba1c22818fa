"""The search space of generators with their discriminators, and who does well."""

import math
from functools import partial
from typing import Any

from sknevo.genes import Categorical, Choice, Gene, Genome, Integer, Real, Repeat
from sknevo.genomes._gan_limits import FEW_UNITS, NARROW, check_limits, repaired
from sknevo.genomes._networks import are_images, most_epochs, most_items
from sknevo.genomes._optimizer import adversarial_optimizer
from sknevo.network_plan import image_shape
from sknevo.records import DataSpec

__all__ = ["gan", "well_known"]

ACTIVATIONS = ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh")
WIDE, MANY_UNITS = 256, 256
# So many samples pass the discriminator in a search's trial, however many there are.
SAMPLES = {"table": 600_000, "images": 200_000}
FEWEST_EPOCHS, MOST_EPOCHS = 5, 1000


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
        What the data are: for rows of features both networks are dense.
    max_layers : int, default=4
        Most layers with weights in each network, beside its first or last.
    max_parameters : int, default=2_000_000
        Most numbers that each network learns.
    max_epochs : int or None, default=None
        Most passes of the discriminator over the training data; None stands for 600,000
        rows or 200,000 images seen, but at least 5 and at most 1000 epochs.

    Returns
    -------
    Genome
        Of `noise`, `generator`, `discriminator`, `loss`, `training`, `rejection` and
        (for images) `augmentation`.

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
    for name, limit in (("max_layers", max_layers), ("max_epochs", max_epochs)):
        if limit is not None and limit < 1:
            raise ValueError(f"{name} must be at least 1; got {limit}.")
    images = are_images(spec)
    genes: dict[str, Gene] = {
        "noise": _noise(),
        "generator": _generator(images, max_layers),
        "discriminator": _discriminator(images, max_layers),
        "loss": _loss(),
        "training": _training(spec, max_epochs),
        "rejection": _rejection(),
    }
    if images:
        genes["augmentation"] = _augmentation()
    check_limits(spec, max_parameters)
    return Genome(**genes).constrained(
        partial(repaired, spec=spec, max_parameters=max_parameters)
    )


def _noise() -> Genome:
    scale = Real(0.5, 2.0, log=True)
    return Genome(
        dimension=Integer(1, 128, log=True),
        distribution=Choice(
            {"normal": 3, "uniform": 2},
            normal=Genome(scale=scale),
            uniform=Genome(scale=scale),
            truncated_normal=Genome(scale=scale, bound=Real(1.0, 3.0)),
            mixture=Genome(
                scale=scale,
                components=Integer(2, 32, log=True),
                spread=Real(0.05, 1.0, log=True),
            ),
        ),
    )


def _generator(images: bool, max_layers: int) -> Genome:
    if not images:
        layers = Repeat(_dense(["none", "batch", "layer"], [4, 2, 1]), 1, max_layers)
        return Genome(dense=layers, optimizer=adversarial_optimizer())
    block = Genome(
        channels=Integer(NARROW, WIDE, log=True),
        kernel=Categorical([3, 5], weights=[3, 1]),
        upsampling=Categorical(
            ["none", "transposed", "nearest", "bilinear"], weights=[1, 2, 2, 1]
        ),
        normalisation=Categorical(
            ["none", "batch", "group", "layer"], weights=[1, 4, 1, 1]
        ),
        activation=Categorical(ACTIVATIONS, weights=[3, 2, 1, 1, 1, 1]),
    )
    layers = Repeat(block, 1, max_layers)
    return Genome(blocks=layers, optimizer=adversarial_optimizer())


def _discriminator(images: bool, max_layers: int) -> Genome:
    normalisations, weights = ["none", "spectral", "layer"], [3, 3, 1]
    genes: dict[str, Gene] = {}
    if not images:
        genes["dense"] = Repeat(_dense(normalisations, weights), 1, max_layers)
    else:
        block = Genome(
            channels=Integer(NARROW, WIDE, log=True),
            kernel=Categorical([3, 5], weights=[3, 1]),
            pooling=Categorical(["none", "stride", "average"], weights=[1, 3, 1]),
            normalisation=Categorical(normalisations, weights),
            activation=Categorical(ACTIVATIONS, weights=[1, 4, 1, 1, 1, 1]),
        )
        genes["blocks"] = Repeat(block, 1, max_layers)
        genes["bridge"] = Categorical(["average", "flatten"], weights=[1, 2])
    # So many steps for each of the generator's.
    genes["steps"] = Categorical([1, 2, 3, 5], weights=[6, 2, 1, 1])
    return Genome(**genes, optimizer=adversarial_optimizer())


def _dense(normalisations: list[str], weights: list[float]) -> Genome:
    return Genome(
        units=Integer(FEW_UNITS, MANY_UNITS, log=True),
        normalisation=Categorical(normalisations, weights),
        activation=Categorical(ACTIVATIONS, weights=[3, 3, 1, 1, 1, 1]),
    )


def _loss() -> Choice:
    """Each with the weight of its penalty on the discriminator's slope."""
    slope = Categorical([0.0, 0.01, 0.1, 1.0, 10.0])
    return Choice(
        {"non_saturating": 2, "relativistic": 2},
        non_saturating=Genome(slope=slope),
        least_squares=Genome(slope=slope),
        # Without a penalty its discriminator has no bound.
        wasserstein=Genome(slope=Categorical([0.1, 1.0, 10.0])),
        hinge=Genome(slope=slope),
        relativistic=Genome(slope=slope),
    )


def _training(spec: DataSpec, max_epochs: int | None) -> Genome:
    if max_epochs is None:
        max_epochs = _usual_epochs(spec)
    largest = max(2, min(256, spec.n_samples))
    return Genome(
        batch_size=Integer(min(32, largest), largest, log=True),
        epochs=Integer(max(1, max_epochs // 4), max_epochs, log=True),
        schedule=Categorical(["constant", "cosine", "step"], weights=[1, 3, 1]),
        # Samples that are judged together.
        packing=Categorical([1, 2, 4], weights=[4, 1, 1]),
        # The decay of the moving average of the generator; 0 for none.
        average=Categorical([0.0, 0.9, 0.99, 0.999], weights=[2, 1, 2, 2]),
    )


def _usual_epochs(spec: DataSpec) -> int:
    seen = SAMPLES["images" if are_images(spec) else "table"]
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, seen // spec.n_samples))


def _rejection() -> Categorical:
    """Return how strict the discriminator is with finished samples; 0 lets all pass.

    Azadi, S. et al. (2019). Discriminator Rejection Sampling.
    """
    return Categorical([0.0, 0.5, 0.8, 0.95], weights=[3, 2, 2, 1])


def _augmentation() -> Genome:
    """Return what is done to all that the discriminator sees, real or not.

    Zhao, S. et al. (2020). Differentiable Augmentation for Data-Efficient GAN Training.
    """
    return Genome(
        shift=Categorical([0.0, 0.125], weights=[3, 1]),
        erase=Categorical([0.0, 0.5], weights=[5, 1]),
        colour=Categorical([0.0, 0.3], weights=[5, 1]),
    )


# Who is known to do well ----------------------------------------------------------


def well_known(spec: DataSpec, genome: Genome | None = None) -> list[dict[str, Any]]:
    """Return individuals that are known to do well, the cheap ones first.

    The first is a short one: with `max_time`, what the others take is known when it has
    ended.

    Parameters
    ----------
    spec : DataSpec
        What the data are.
    genome : Genome or None, default=None
        Whose limits of epochs and layers they keep to; None stands for `gan`'s.

    Returns
    -------
    list of dict
        Partial expressed genes.
    """
    images = are_images(spec)
    most = most_epochs(genome, _usual_epochs(spec))
    deepest = min(
        most_items(genome, player, "blocks" if images else "dense")
        for player in ("generator", "discriminator")
    )
    return (_known_for_images if images else _known)(spec, most, deepest)


def _known(spec: DataSpec, most: int, deepest: float) -> list[dict[str, Any]]:
    # Noise with modes of its own leaves fewer samples between those of the data.
    dimension = max(8, min(64, 2 * spec.shape[0]))
    lumpy = {"mixture": {"scale": 1.0, "components": 16, "spread": 0.2}}
    normal = {"normal": {"scale": 1.0}}

    def individual(
        loss: dict[str, Any],
        distribution: dict[str, Any],
        dimension: int = dimension,
        units: int = 64,
        depth: int = 3,
        batch_size: int = 128,
        rejection: float = 0.5,
        **training: Any,
    ) -> dict[str, Any]:
        depth = min(depth, deepest)
        return {
            "noise": {"dimension": dimension, "distribution": distribution},
            "generator": {
                "dense": [_units(units, "relu")] * depth,
                "optimizer": _adam(2e-3, 0.0),
            },
            "discriminator": {
                "dense": [_units(units, "leaky_relu")] * depth,
                "steps": 1,
                "optimizer": _adam(2e-3, 0.0),
            },
            "loss": loss,
            "training": _known_training(spec, most, batch_size) | training,
            "rejection": rejection,
        }

    relativistic = {"relativistic": {"slope": 0.1}}
    saturating = {"non_saturating": {"slope": 0.1}}
    # Many modes need wide and deep networks, noise of no more dimensions than the data,
    # and a discriminator that turns away what lies between them.
    wide = partial(
        individual,
        relativistic,
        normal,
        max(2, spec.shape[0]),
        units=128,
        depth=4,
        rejection=0.8,
    )
    return [
        individual(relativistic, lumpy, epochs=_few(most)),
        individual(relativistic, lumpy),
        individual(saturating, lumpy),
        individual({"non_saturating": {"slope": 0.0}}, normal, packing=2),
        wide(),
        wide(batch_size=64),
    ]


def _known_for_images(
    spec: DataSpec, most: int, deepest: float
) -> list[dict[str, Any]]:
    # Many small steps and a discriminator that learns faster than its generator (Heusel
    # et al. 2017) go furthest; for each image, a wide one and nearest neighbours help.
    side = min(image_shape(spec.shape)[1:])
    doublings = max(1, min(3, deepest, round(math.log2(max(2, side) / 4))))
    widths = [16 * 2**i for i in range(doublings)]

    def individual(
        loss: dict[str, Any], upsampling: str, times: int = 1, epochs: int = most
    ) -> dict[str, Any]:
        rise = {"kernel": 3, "upsampling": upsampling, "normalisation": "batch"}
        fall = {"kernel": 3, "pooling": "stride", "normalisation": "spectral"}
        return {
            "noise": {"dimension": 64, "distribution": {"normal": {"scale": 1.0}}},
            "generator": {
                "blocks": [
                    {"channels": channels, "activation": "relu", **rise}
                    for channels in reversed(widths)
                ],
                "optimizer": _adam(1e-3, 0.5),
            },
            "discriminator": {
                "blocks": [
                    {"channels": times * channels, "activation": "leaky_relu", **fall}
                    for channels in widths
                ],
                "bridge": "flatten",
                "steps": 1,
                "optimizer": _adam(2e-3, 0.5),
            },
            "loss": loss,
            "training": _known_training(spec, epochs, 32),
            "rejection": 0.5,
            "augmentation": {"shift": 0.0, "erase": 0.0, "colour": 0.0},
        }

    hinge = {"hinge": {"slope": 0.0}}
    return [
        individual(hinge, "transposed", epochs=_few(most)),
        individual({"relativistic": {"slope": 0.0}}, "transposed"),
        individual(hinge, "transposed", times=2),
        individual({"non_saturating": {"slope": 0.0}}, "nearest"),
    ]


def _few(most: int) -> int:
    return math.ceil(most / 4)


def _known_training(spec: DataSpec, epochs: int, batch_size: int) -> dict[str, Any]:
    return {
        "batch_size": min(batch_size, spec.n_samples),
        "epochs": epochs,
        "schedule": "cosine",
        "packing": 1,
        "average": 0.99,
    }


def _units(units: int, activation: str) -> dict[str, Any]:
    return {"units": units, "normalisation": "none", "activation": activation}


def _adam(lr: float, beta1: float) -> dict[str, Any]:
    return {"adam": {"lr": lr, "beta1": beta1, "beta2": 0.99}}
