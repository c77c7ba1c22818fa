"""How many numbers are made of an image: what genomes and builders both count with."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sknevo.image_stream._images import sides_of
from sknevo.network_plan import scaled_sides
from sknevo.records import DataSpec

Genes = Mapping[str, Any]

# The features of a layer of a pretrained network, which differ from one to the other.
OF_NETWORK = 1_000
# Local binary patterns: pixels around a pixel, and bins of their patterns.
LBP_POINTS = 8
LBP_BINS = LBP_POINTS * (LBP_POINTS - 1) + 3


def expressed(genes: Genes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the genes of each kind of features that is expressed.

    Parameters
    ----------
    genes : mapping
        The expressed genes of "preparation.features".
    """
    for choice in genes.values():
        if isinstance(choice, Mapping):
            ((name, own),) = choice.items()
            if name != "none":
                yield name, own


def features_width(genes: Genes, spec: DataSpec) -> int:
    """Return roughly how many numbers genes make of an image.

    Parameters
    ----------
    genes : mapping
        The expressed genes of "preparation.features".
    spec : DataSpec
        Its shape is that of an image.

    Examples
    --------
    >>> spec = DataSpec("classification", 100, 2, shape=(32, 32, 3))
    >>> features_width({"crop": 1.0, "pixels": {"coloured": {"side": 8}}}, spec)
    192
    """
    return sum(_width(name, own, spec) for name, own in expressed(genes))


def n_colours(n_channels: int) -> int:
    """Return the number of channels without opacity."""
    return n_channels - 1 if n_channels in (2, 4) else n_channels


def _width(name: str, genes: Genes, spec: DataSpec) -> int:
    height, width, n_channels = sides_of(spec.shape, spec.channels)
    sides = scaled_sides(height, width, genes.get("side", 1))
    match name, genes:
        case "grey", _:
            return math.prod(sides)
        case "coloured", _:
            return math.prod(sides) * n_colours(n_channels)
        case "histogram", {"bins": bins, "cells": cells, "joint": joint}:
            return cells**2 * (bins**3 if joint else 3 * bins) + 9
        case "hog", {"side": side, "cells": cells, "orientations": n}:
            rows, columns = (s // (side // cells) - 1 for s in sides)
            return 4 * rows * columns * n
        case "lbp", {"cells": cells}:
            return cells**2 * LBP_BINS
        case "gabor", {"waves": waves, "orientations": n, "cells": cells}:
            return 2 * waves * n * cells**2
        case "patches", {"n_filters": n, "cells": cells}:
            return n * cells**2
        case _:  # a pretrained network
            return OF_NETWORK
