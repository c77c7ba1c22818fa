"""Parts that the search spaces of networks share."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sknevo.genes import Genome, Repeat
from sknevo.network_plan import image_shape
from sknevo.records import DataSpec

# Widths are multiples of eight: hardware likes them, and groups of channels need it.
WIDTH_STEP = 8
# Share of its width that a layer keeps when a network is made smaller; chosen, not
# measured.
NARROWED = 0.8


def are_images(spec: DataSpec) -> bool:
    """Return whether samples are images rather than rows of numbers."""
    return len(image_shape(spec.shape)) == 3


def most_epochs(genome: Genome | None, usual: int) -> int:
    """Return the limit of epochs of a genome, or the usual one if it names none."""
    try:
        return genome.genes["training"].genes["epochs"].high
    except (AttributeError, KeyError):  # a genome of the user's own
        return usual


def most_items(genome: Genome | None, *path: str) -> float:
    """Return the greatest length of a list of genes, infinite if it is not known."""
    gene = genome
    for name in path:
        gene = getattr(gene, "genes", {}).get(name)
    return gene.length.high if isinstance(gene, Repeat) else math.inf


def expressed_items(repeat: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the expressed ones of repeated genes."""
    return repeat["items"][: repeat["length"]]


def expressed_layers(network: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the genes of each layer of a network, and which of them is the width."""
    for name, width in (("blocks", "channels"), ("dense", "units")):
        if name in network:
            yield from ((layer, width) for layer in expressed_items(network[name]))


def round_widths(network: dict[str, Any]) -> None:
    """Make all widths multiples of eight."""
    for layer, width in expressed_layers(network):
        steps = max(1, round(layer[width] / WIDTH_STEP))
        layer[width] = steps * WIDTH_STEP


def narrow_widest(network: dict[str, Any], narrowest: Mapping[str, int]) -> bool:
    """Narrow the widest layer by a fifth; return False if all are at their least.

    Parameters
    ----------
    network : dict
        Genes, changed in place.
    narrowest : dict
        The least of `channels` and `units`. Widths are compared as multiples of it.
    """
    layers = list(expressed_layers(network))
    excess = [layer[width] / narrowest[width] for layer, width in layers]
    if not layers or max(excess) <= 1:
        return False
    layer, width = layers[excess.index(max(excess))]
    narrowed = int(NARROWED * layer[width]) // WIDTH_STEP * WIDTH_STEP
    layer[width] = max(narrowest[width], narrowed)
    return True
