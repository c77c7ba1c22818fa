"""How the gallery runs an example, and finds the pictures that it writes.

Examples are programs: they take arguments, and write pictures to files.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from example_runs import quick_arguments
from sphinx_gallery.scrapers import figure_rst

MAX_TIME = 5  # seconds that each example searches: chosen, not measured
WRITTEN = Path(tempfile.mkdtemp(prefix="sknevo-gallery-"))
PICTURES = (".png", ".gif")
# A search prints lines then, which a page can hold, and no table that moves.
os.environ["TERM"] = "dumb"


def arguments(conf: Mapping[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """Return the arguments of an example."""
    return quick_arguments(Path(variables["src_file"]).stem, WRITTEN, MAX_TIME)


def written_pictures(
    block: Any, variables: Mapping[str, Any], conf: Mapping[str, Any]
) -> str:
    """Move what an example has written to where its page looks for it."""
    pictures = [path for path in WRITTEN.rglob("*") if path.suffix in PICTURES]
    pictures.sort(key=lambda path: (len(path.parts), path))  # the main ones first
    places = []
    for picture, place in zip(pictures, variables["image_path_iterator"], strict=False):
        places.append(Path(place).with_suffix(picture.suffix))
        shutil.move(picture, places[-1])
    return figure_rst([str(place) for place in places], conf["src_dir"])
