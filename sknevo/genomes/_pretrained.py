"""How pretrained networks see images, in pipelines and in networks."""

from collections.abc import Mapping, Sequence
from typing import Any

from sknevo.genes import Categorical, Gene
from sknevo.image_stream._images import sides_of
from sknevo.pretrained import Weights
from sknevo.records import DataSpec

# Ranges and weights are chosen, not measured.
#
# Lengths that the shorter side of images is scaled to. Images are enlarged to no more
# than so many times their size, unless they are smaller than all of these lengths: such
# networks have seen large photos.
SIDES, MOST_ENLARGED = (96, 128, 160, 192, 224, 256), 4
# The last maps of which size, from the end.
LAYERS = Categorical([1, 2, 3], [4, 2, 1])
# Images with shorter sides, or without colours, are no photos.
SMALLEST_PHOTO = 32
# Of more pretrained networks only so many are in known individuals.
FEW_NETWORKS = 3


def are_photos(spec: DataSpec) -> bool:
    """Return whether images are in colours and not small, as photos are."""
    height, width, n_channels = sides_of(spec.shape, spec.channels)
    return n_channels >= 3 and min(height, width) >= SMALLEST_PHOTO


def suited_sides(
    lengths: Sequence[int], spec: DataSpec, most_enlarged: float
) -> Sequence[int]:
    """Return the lengths that do not enlarge images too much; the least at least."""
    shorter = min(sides_of(spec.shape, spec.channels)[:2])
    return [n for n in lengths if n <= most_enlarged * shorter] or lengths[:1]


def layers_of(weights: Weights, spec: DataSpec) -> dict[str, Gene]:
    """Return the genes of the maps of a pretrained network.

    Those with a single value say where it is.
    """
    return {
        "library": Categorical([weights.library]),
        "architecture": Categorical([weights.architecture]),
        "path": Categorical([weights.path]),
        "layer": LAYERS,
        "side": Categorical(suited_sides(SIDES, spec, MOST_ENLARGED)),
    }


def with_nearest_side(own: dict[str, Any], genes: Mapping[str, Gene]) -> dict[str, Any]:
    """Return genes with the nearest length that images are scaled to, if they are."""
    if "side" not in own:
        return own
    options = genes["side"].options
    return {**own, "side": min(options, key=lambda n: abs(n - own["side"]))}
