"""What the search spaces of networks ask of the data and of the user's genome."""

import math

from sknevo.genes import Genome, Repeat
from sknevo.records import DataSpec
from sknevo.sizes import image_shape

__all__ = ["are_images", "most_epochs", "most_items"]


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
    """Return how long a list of genes may be, as long as one likes if in doubt."""
    gene = genome
    for name in path:
        gene = getattr(gene, "genes", {}).get(name)
    return gene.length.high if isinstance(gene, Repeat) else math.inf
