"""What the genes of detectors are called."""

from sknevo.describe._words import Words
from sknevo.describe.segmenter import MAPS

DETECTOR = Words(
    marks=frozenset({"network", "centres"}),
    phrases={
        **MAPS,
        "reduction": {1: "", ...: "images reduced {} times"},
        "output_stride": "maps of every {} pixels",
        "patch": "scenes of {}",
        "radius": "bells of {:.0%} of the sides",
        "around": {True: "boxes learned around centres", False: ""},
        "size_gain": "sizes weighted {}",
        "offset_gain": "places weighted {}",
        "mosaic": {0: "", ...: "four images in {:.0%} of the scenes"},
        "zoom": {0: "", ...: "zoom up to {}"},
        "suppression": "overlaps up to {:.0%}",
    },
    short=(
        ("reduction", "depth", "width", "output_stride"),
        ("optimizer", "lr"),
        ("patch", "epochs", "mosaic", "zoom"),
    ),
    title="centre network",
)
