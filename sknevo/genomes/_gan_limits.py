"""What keeps a GAN's networks buildable, and no larger than they may be."""

import math
from collections.abc import Iterator
from typing import Any

from sknevo.genomes._networks import are_images
from sknevo.network_plan import discriminator_size, generator_size, image_shape
from sknevo.records import DataSpec, express

__all__ = ["FEW_UNITS", "NARROW", "SMALLEST_SIDE", "check_limits", "repaired"]

# Layers are multiples of so many channels or units, and no narrower.
STEP = NARROW = FEW_UNITS = 8
# Images are grown from a grid of this side at least.
SMALLEST_SIDE = 2


def _sizes(expressed: dict[str, Any], spec: DataSpec) -> dict[str, int]:
    """Return the number of parameters of each network."""
    shape, n_classes = image_shape(spec.shape), spec.n_classes
    dimension = expressed["noise"]["dimension"]
    packing = expressed["training"]["packing"]
    generator = generator_size(expressed["generator"], dimension, shape, n_classes)
    discriminator = discriminator_size(
        expressed["discriminator"], packing, shape, n_classes
    )
    return {
        "generator": generator.parameters,
        "discriminator": discriminator.parameters,
    }


def check_limits(spec: DataSpec, max_parameters: int) -> None:
    """Raise a ValueError if the smallest networks have more parameters.

    Parameters
    ----------
    spec : DataSpec
        What the data are.
    max_parameters : int
        Most numbers that each network learns.
    """
    layer = {"normalisation": "none"}
    if are_images(spec):
        block = {**layer, "channels": NARROW, "kernel": 3, "pooling": "none"}
        rise = {**block, "upsampling": "nearest" if _doublings(spec) else "none"}
        generator = {"blocks": [rise]}
        discriminator = {"blocks": [block], "bridge": "average"}
    else:
        generator = discriminator = {"dense": [{**layer, "units": FEW_UNITS}]}
    smallest = {
        "noise": {"dimension": 1},
        "generator": generator,
        "discriminator": discriminator,
        "training": {"packing": 1},
    }
    least = max(_sizes(smallest, spec).values())
    if least > max_parameters:
        raise ValueError(
            f"max_parameters must be at least {least}, what the smallest networks for "
            f"data of shape {spec.shape} have; got {max_parameters}."
        )


def repaired(
    genes: dict[str, Any], spec: DataSpec, max_parameters: int
) -> dict[str, Any]:
    """Make networks that can be built, in one way only, within their limits.

    Parameters
    ----------
    genes : dict
        Of a whole individual, silent ones too; changed in place.
    spec : DataSpec
        What the data are.
    max_parameters : int
        Most numbers that each network learns.

    Returns
    -------
    dict
        The same genes.
    """
    if "blocks" in genes["generator"]:
        _fit_to_sides(genes["generator"]["blocks"], spec)
        _stop_at_a_pixel(genes["discriminator"]["blocks"], spec)
    for name in ("generator", "discriminator"):
        for layer in _layers(genes[name]):
            width = _width(layer)
            layer[width] = max(STEP, round(layer[width] / STEP) * STEP)
        while _sizes(express(genes), spec)[name] > max_parameters:
            _shrink(genes, name, spec)
            if "blocks" in genes["generator"]:
                _fit_to_sides(genes["generator"]["blocks"], spec)
    return genes


def _fit_to_sides(blocks: dict[str, Any], spec: DataSpec) -> None:
    """Silence doublings that would begin below the smallest grid, from the first on."""
    spoken = blocks["items"][: blocks["length"]]
    doubling = [block for block in spoken if block["upsampling"] != "none"]
    for block in doubling[: max(0, len(doubling) - _doublings(spec))]:
        block["upsampling"] = "none"


def _doublings(spec: DataSpec) -> int:
    """Return how often an image may be doubled on its way from the smallest grid."""
    side = min(image_shape(spec.shape)[1:])
    return max(0, int(math.log2(max(1, side / SMALLEST_SIDE))))


def _stop_at_a_pixel(blocks: dict[str, Any], spec: DataSpec) -> None:
    """Silence the halving of a single pixel."""
    sides = image_shape(spec.shape)[1:]
    for block in blocks["items"][: blocks["length"]]:
        if max(sides) < 2:
            block["pooling"] = "none"
        if block["pooling"] != "none":
            sides = tuple(math.ceil(side / 2) for side in sides)


def _layers(network: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("blocks", "dense"):
        repeat = network.get(name, {"length": 0, "items": []})
        yield from repeat["items"][: repeat["length"]]


def _width(layer: dict[str, Any]) -> str:
    return "channels" if "channels" in layer else "units"


def _shrink(genes: dict[str, Any], name: str, spec: DataSpec) -> None:
    """Narrow the widest layer of a network, or take away what costs most."""
    network = genes[name]
    layers = list(_layers(network))
    widest = max(layers, key=lambda layer: layer[_width(layer)])
    width = widest[_width(widest)]
    repeat = network["blocks" if "blocks" in network else "dense"]
    if width > NARROW:
        widest[_width(widest)] = max(NARROW, int(0.8 * width) // STEP * STEP)
    elif network.get("bridge") == "flatten":
        network["bridge"] = "average"
    elif repeat["length"] > 1:
        repeat["length"] -= 1
    elif _may_double(name, layers[0], spec):
        layers[0]["upsampling"] = "nearest"
    elif name == "generator" and genes["noise"]["dimension"] > 1:
        genes["noise"]["dimension"] //= 2
    elif genes["training"]["packing"] > 1:
        genes["training"]["packing"] //= 2
    else:
        layers[0] |= {"normalisation": "none"}
        if "kernel" in layers[0]:
            layers[0]["kernel"] = 3


def _may_double(name: str, first: dict[str, Any], spec: DataSpec) -> bool:
    """Whether a generator could begin with a smaller grid."""
    at_full_size = name == "generator" and first.get("upsampling") == "none"
    return at_full_size and _doublings(spec) > 0
