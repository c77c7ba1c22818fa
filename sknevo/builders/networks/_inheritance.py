"""Networks that begin with what their parents have learned."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

__all__ = ["inherit", "learned"]

# What of a layer's genes changes nothing of what it computes.
WITHOUT_WEIGHT = ("dropout",)


class Forebear(Protocol):
    """Somebody who leaves something: its expressed genes and its weights."""

    genes: Mapping[str, Any]
    weights: Mapping[str, np.ndarray]


def learned(network: nn.Module) -> dict[str, np.ndarray]:
    """Return the weights of a network, and what its normalisations have seen.

    Parameters
    ----------
    network : Network
        Trained. How it standardises its inputs comes from the data and is left out.

    Returns
    -------
    dict of str to ndarray
    """
    return {
        name: (value.float() if value.is_floating_point() else value)
        .contiguous()
        .numpy(force=True)
        for name, value in network.state_dict().items()
        if not name.startswith("standardise.")
    }


def inherit(
    network: nn.Module, genes: Mapping[str, Any], forebears: Sequence[Forebear]
) -> float:
    """Let a network begin with layers that another has trained.

    From the image on, as long as genes and shapes of the layers are the same: what has
    been copied computes what it computed there, and what comes after a layer that
    differs would see other features than it was trained for [1]_ [2]_. If all layers
    are the same, so is that of the classes.

    Parameters
    ----------
    network : Network
        Its weights are replaced in part.
    genes : dict
        What it was built of: `dense`, and for images `blocks` and `bridge`.
    forebears : sequence of Forebear
        It inherits from the one of whom it shares most, the first among equals.

    Returns
    -------
    float
        The share of parameters that are inherited.

    References
    ----------
    .. [1] Yosinski, J., Clune, J., Bengio, Y., & Lipson, H. (2014). How transferable
       are features in deep neural networks? NeurIPS.
    .. [2] Elsken, T., Metzen, J. H., & Hutter, F. (2018). Simple and efficient
       architecture search for convolutional neural networks. ICLR Workshop.
    """
    state = network.state_dict()
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    most, names, donor = 0, [], None
    for forebear in forebears:
        shared = list(_shared(genes, state, forebear))
        size = sum(sizes.get(name, 0) for name in shared)
        if size > most:
            most, names, donor = size, shared, forebear
    with torch.no_grad():
        for name in names:
            state[name].copy_(torch.from_numpy(donor.weights[name]))
    return most / sum(sizes.values())


def _shared(
    genes: Mapping[str, Any], state: Mapping[str, Any], forebear: Forebear
) -> Iterator[str]:
    """Yield the names of all numbers of layers that are the same, in order."""
    for mine, theirs in zip(_layers(genes), _layers(forebear.genes), strict=False):
        names = [name for name in state if name.startswith(f"{mine[0]}.")]
        shapes = [
            tuple(state[name].shape) == np.shape(forebear.weights.get(name))
            for name in names
        ]
        if mine != theirs or not all(shapes):
            return
        yield from names


def _layers(genes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the name of each layer in a Network and all that says what it computes."""
    for room in ("blocks", "dense"):
        for i, layer in enumerate(genes.get(room, ())):
            yield (
                f"{room}.{i}",
                {k: v for k, v in layer.items() if k not in WITHOUT_WEIGHT},
            )
        if room == "blocks":
            yield "bridge", genes.get("bridge")
    yield "head", None
