"""The first layers of pretrained networks, as genes have them; imports no torch."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Self

from sknevo.extras import require
from sknevo.pretrained._weights import NEEDED, Weights


class Stage(NamedTuple):
    """What a pretrained network does with an image, until the last maps of a size.

    Parameters
    ----------
    shape : tuple of int
        (channels, height, width) of the maps.
    parameters, operations, values : int
        Numbers that were learned, multiplications with them, outputs of layers.
    matrices : tuple of (int, int)
        Rows and columns of the weights, of kernels as rows, in the order of torch.
    """

    shape: tuple[int, ...]
    parameters: int
    operations: int
    values: int
    matrices: tuple[tuple[int, int], ...]


class FirstLayers(NamedTuple):
    """The first layers of a pretrained network, with which another one begins.

    Parameters
    ----------
    library, architecture, path : str
        See `sknevo.pretrained.Weights`.
    layer : int
        Which maps they end with: 1 are the last and smallest, 2 those before they were
        last halved. Of a network with fewer sizes of maps, the largest ones.
    side : int
        Length of the shorter side that images are scaled to.
    rate : float
        Their learning rate, as a share of that of other layers. With 0 they are frozen.

    Examples
    --------
    >>> genes = {"library": "timm", "architecture": "resnet18", "path": "weights.pth",
    ...          "layer": 1, "side": 224, "rate": 0.0}
    >>> FirstLayers.of({"stem": {"resnet18": genes}}).side
    224
    >>> FirstLayers.of({"stem": {"none": {}}}) is None
    True
    """

    library: str
    architecture: str
    path: str
    layer: int
    side: int
    rate: float

    @classmethod
    def of(cls, genes: Mapping[str, Any]) -> Self | None:
        """Return those of the expressed genes of a network, None if it has none."""
        ((_, own),) = genes.get("stem", {"none": {}}).items()
        return cls(**own) if "architecture" in own else None

    def stage(self, sides: tuple[int, ...]) -> Stage:
        """Return what they do with an image of (height, width) after scaling."""
        found = _stages(self.library, self.architecture, sides)
        return found[min(self.layer, len(found)) - 1]


@lru_cache(maxsize=64)
def _stages(library: str, architecture: str, sides: tuple[int, ...]) -> list[Stage]:
    """Return all stages of an architecture, the last first."""
    require("A pretrained network", *NEEDED)
    # Imported here: torch is needed for pretrained networks alone.
    from sknevo.pretrained._networks import load_network, measured_stages

    return measured_stages(load_network(library, architecture), sides)


def check_weights(weights: Weights) -> None:
    """Raise a ValueError if a file has no weights of its architecture."""
    # Imported here: torch is needed for pretrained networks alone.
    from sknevo.pretrained._networks import load_network

    load_network(weights.library, weights.architecture, weights.path)
