"""How large a network is, from its expressed genes alone and without torch.

Genomes ask it to keep within limits, builders ask it for what a network costs.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

__all__ = [
    "NetworkSize",
    "discriminator_size",
    "first_grid",
    "generator_size",
    "image_shape",
    "network_size",
    "sides",
]

Shape = tuple[int, ...]

# Gray, gray with alpha, colour, colour with alpha.
CHANNELS = (1, 2, 3, 4)


def image_shape(sample_shape: Shape) -> Shape:
    """Return a sample's shape with the channels first.

    Parameters
    ----------
    sample_shape : tuple of int
        (height, width), (channels, height, width), (height, width, channels), or
        (features,). The channels are last if there are 1 to 4 of them there and not
        in the first place; or, if there are more, as of satellites, and all images are
        square. Otherwise they are first.

    Returns
    -------
    tuple of int
        (channels, height, width) or (features,).

    Examples
    --------
    >>> image_shape((28, 28)), image_shape((32, 32, 3)), image_shape((64, 64, 13))
    ((1, 28, 28), (3, 32, 32), (13, 64, 64))
    """
    match tuple(sample_shape):
        case (height, width):
            return (1, height, width)
        case (height, width, channels) if _are_last(height, width, channels):
            return (channels, height, width)
    return tuple(sample_shape)


def _are_last(first: int, middle: int, last: int) -> bool:
    """Whether the last of three sides is that of the channels, not the first."""
    return first not in CHANNELS and (last in CHANNELS or first == middle != last)


@dataclass(frozen=True)
class NetworkSize:
    """What a network holds and does.

    Parameters
    ----------
    parameters : int
        Numbers that are learned.
    operations : int
        Multiplications with them, per sample and forward pass.
    values : int
        What the layers give, per sample.
    """

    parameters: int
    operations: int
    values: int

    def __add__(self, other: "NetworkSize") -> "NetworkSize":
        return NetworkSize(
            self.parameters + other.parameters,
            self.operations + other.operations,
            self.values + other.values,
        )


def sides(blocks: list[dict[str, Any]], shape: Shape) -> list[Shape]:
    """Return the (height, width) that each convolution block sees, and the last's own.

    Parameters
    ----------
    blocks : list of dict
        Expressed genes of the blocks.
    shape : tuple of int
        (channels, height, width) of an image.

    Returns
    -------
    list of (height, width), one longer than the blocks
    """
    seen = [shape[1:]]
    for block in blocks:
        height, width = seen[-1]
        halves = block["pooling"] != "none"
        seen.append((height // 2, width // 2) if halves else (height, width))
    return seen


def network_size(genes: dict[str, Any], shape: Shape, n_outputs: int) -> NetworkSize:
    """Return the size of the network that the genes describe.

    Parameters
    ----------
    genes : dict
        Expressed: `dense`, and for images `blocks` and `bridge`.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).
    n_outputs : int
        Width of the last layer.

    Returns
    -------
    NetworkSize
    """
    size, width = NetworkSize(0, 0, 0), math.prod(shape)
    if "blocks" in genes:
        seen = sides(genes["blocks"], shape)
        channels = shape[0]
        for block, (height, width) in zip(genes["blocks"], seen, strict=False):
            size += _convolution(block, channels, height * width)
            channels = block["channels"]
        width = channels * (math.prod(seen[-1]) if genes["bridge"] == "flatten" else 1)
    for layer in genes["dense"]:
        size += _linear(width, layer["units"], layer["normalisation"])
        width = layer["units"]
    return size + _linear(width, n_outputs, "none")


def _convolution(block: dict[str, Any], channels: int, pixels: int) -> NetworkSize:
    weights = channels * block["channels"] * block["kernel"] ** 2
    if block["residual"] and channels != block["channels"]:
        weights += channels * block["channels"]
    return NetworkSize(
        weights + _shifts(block["channels"], block["normalisation"]),
        weights * pixels,
        block["channels"] * pixels,
    )


def _linear(width: int, units: int, normalisation: str) -> NetworkSize:
    weights = width * units
    return NetworkSize(weights + _shifts(units, normalisation), weights, units)


def _shifts(width: int, normalisation: str) -> int:
    """Count the biases, or the scales and shifts of a normalisation in their place."""
    return width if normalisation in ("none", "spectral") else 2 * width


# Of a GAN --------------------------------------------------------------------------


def first_grid(blocks: list[dict[str, Any]], shape: Shape) -> Shape:
    """Return the (height, width) that the first block of a generator begins with.

    Parameters
    ----------
    blocks : list of dict
        Expressed genes; each that upsamples doubles the sides.
    shape : tuple of int
        (channels, height, width) of an image.

    Returns
    -------
    (height, width)

    Examples
    --------
    >>> first_grid([{"upsampling": "nearest"}, {"upsampling": "none"}], (1, 28, 28))
    (14, 14)
    """
    doublings = sum(block["upsampling"] != "none" for block in blocks)
    return tuple(math.ceil(side / 2**doublings) for side in shape[1:])


def generator_size(
    genes: dict[str, Any], dimension: int, shape: Shape, n_classes: int
) -> NetworkSize:
    """Return the size of a GAN's generator.

    Parameters
    ----------
    genes : dict
        Expressed: `dense`, or `blocks` for images.
    dimension : int
        Of the noise.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).
    n_classes : int
        Of labels; 0 for none.

    Returns
    -------
    NetworkSize
    """
    width = dimension + n_classes
    if "dense" in genes:
        size, width = _stack(genes["dense"], width)
        return size + _linear(width, math.prod(shape), "none")
    blocks = genes["blocks"]
    sides = first_grid(blocks, shape)
    channels = blocks[0]["channels"]
    size = _linear(width, channels * math.prod(sides), "none")
    for block in blocks:
        if block["upsampling"] != "none":
            sides = tuple(2 * side for side in sides)
        layer = _convolution(_PLAIN | block, channels, math.prod(sides))
        if block["upsampling"] == "transposed":  # goes over what comes in
            layer = replace(layer, operations=layer.operations // 4)
        size += layer
        channels = block["channels"]
    last = {**_PLAIN, "channels": shape[0], "kernel": 3, "normalisation": "none"}
    return size + _convolution(last, channels, math.prod(shape[1:]))


def discriminator_size(
    genes: dict[str, Any], packing: int, shape: Shape, n_classes: int
) -> NetworkSize:
    """Return the size of a GAN's discriminator.

    Parameters
    ----------
    genes : dict
        Expressed: `dense`, or `blocks` and `bridge` for images.
    packing : int
        Samples that are judged together; operations and values are of one such pack.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).
    n_classes : int
        Of labels; 0 for none.

    Returns
    -------
    NetworkSize
    """
    if "dense" in genes:
        size, width = _stack(genes["dense"], packing * math.prod(shape))
    else:
        size, width, sides = NetworkSize(0, 0, 0), packing * shape[0], shape[1:]
        for block in genes["blocks"]:
            halved = tuple(math.ceil(side / 2) for side in sides)
            seen = halved if block["pooling"] == "stride" else sides
            size += _convolution(_PLAIN | block, width, math.prod(seen))
            width = block["channels"]
            sides = sides if block["pooling"] == "none" else halved
        width *= math.prod(sides) if genes["bridge"] == "flatten" else 1
    labels = NetworkSize(packing * n_classes * width, 0, 0)
    return size + _linear(width, 1, "none") + labels


_PLAIN = {"residual": False}


def _stack(layers: list[dict[str, Any]], width: int) -> tuple[NetworkSize, int]:
    """Return the size of dense layers, and how wide the last is."""
    size = NetworkSize(0, 0, 0)
    for layer in layers:
        size += _linear(width, layer["units"], layer["normalisation"])
        width = layer["units"]
    return size, width
