"""Pretrained networks in torch: their weights, features of images, first layers."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
import torchvision
from torch import Tensor, nn

from sknevo.pretrained._stages import FirstLayers, Stage

# Mean and deviation of the photos of ImageNet, which torchvision's networks expect.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Sides of an image that the maps of a network are looked at with.
LOOK = 64
# Features are those of so many of the last sizes of maps.
N_STAGES = 3
# The modules of a block: those of efficientnet-lite-pytorch, and those of timm, for a
# block that widens its inputs and for one that does not.
WIDENING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
PLAIN = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}


class Network(NamedTuple):
    """A network, what its inputs are scaled by, and the modules that end its stages."""

    module: nn.Module
    mean: Tensor
    std: Tensor
    stages: tuple[str, ...]
    widths: tuple[int, ...]


@lru_cache(maxsize=4)
def load_network(library: str, architecture: str, path: str | None = None) -> Network:
    """Return a network with the weights of a file, which runs no code.

    Parameters
    ----------
    library : {"timm", "torchvision"}
        The library that has the architecture.
    architecture : str
        What the library calls it.
    path : str or None, default=None
        A file of safetensors, or one of torch that holds tensors by name. None leaves
        the weights as they are drawn.

    Raises
    ------
    ValueError
        If the library has no such architecture, or the weights are not its own.
    """
    mean, std = MEAN, STD
    # Weights are drawn from the global generator before they are read.
    with _one_thread(), torch.random.fork_rng(devices=[]):
        if library == "timm":
            if not timm.is_model(architecture):
                raise ValueError(f"timm has no architecture {architecture!r}.")
            module = timm.create_model(architecture, pretrained=False)
            mean, std = (module.pretrained_cfg[name] for name in ("mean", "std"))
        else:
            module = torchvision.models.get_model(architecture, weights=None)
        if path is not None:
            weights = _read(path)
            if "_conv_stem.weight" in weights:
                weights = renamed(weights)
            try:
                module.load_state_dict(weights)
            except RuntimeError as error:
                raise ValueError(
                    f"the weights in {path!r} are not those of {architecture!r} of "
                    f"{library}: {str(error).splitlines()[-1].strip()}"
                ) from error
        module.eval().requires_grad_(False)
        stages = _stages(module)
    scale = [torch.tensor(value).reshape(3, 1, 1) for value in (mean, std)]
    return Network(module, *scale, tuple(stages), tuple(stages.values()))


def _read(path: str) -> Mapping[str, Tensor]:
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of efficientnet-lite-pytorch by the names that timm has."""
    numbers = {
        int(m[1]) for name in weights if (m := re.match(r"_blocks\.(\d+)", name))
    }
    # A stage begins where the number of channels changes.
    places: list[tuple[int, int]] = []
    before = None
    for number in sorted(numbers):
        width = len(weights[f"_blocks.{number}._bn2.weight"])
        stage, block = places[-1] if places else (-1, 0)
        places.append((stage, block + 1) if width == before else (stage + 1, 0))
        before = width
    found = {}
    for name, values in weights.items():
        if match := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name):
            number, module, value = int(match[1]), match[2], match[3]
            widens = f"_blocks.{number}._expand_conv.weight" in weights
            stage, block = places[number]
            own = (WIDENING if widens else PLAIN)[module]
            found[f"blocks.{stage}.{block}.{own}.{value}"] = values
        else:
            module, _, value = name.partition(".")
            found[f"{OUTSIDE[module]}.{value}"] = values
    return found


def _stages(module: nn.Module) -> dict[str, int]:
    """Return the modules with the last maps of each size and their widths, last first.

    These are the smallest maps, those before they were last halved, and so on.
    """
    last: dict[tuple[int, ...], tuple[str, int]] = {}

    def look(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, outputs: Any) -> None:
            are_maps = isinstance(outputs, Tensor) and outputs.ndim == 4
            if are_maps and outputs.shape[-1] > 1:
                last[tuple(outputs.shape[-2:])] = name, outputs.shape[1]

        return hook

    hooks = [
        one.register_forward_hook(look(name))
        for name, one in module.named_modules()
        if name and name.count(".") < 2
    ]
    try:
        with torch.inference_mode():
            module(torch.zeros(1, 3, LOOK, LOOK))
    finally:
        for hook in hooks:
            hook.remove()
    if not last:
        raise ValueError(
            f"{type(module).__name__} cannot be used: it has no maps of an image, as "
            "networks of convolutions have."
        )
    return dict([*last.values()][::-1][:N_STAGES])


def pooled_features(network: Network, images: np.ndarray) -> np.ndarray:
    """Return the means of maps of all stages, side by side.

    Each image is computed by itself, so that its features do not depend on others.

    Parameters
    ----------
    network : Network
        See `load_network`.
    images : ndarray of shape (n, height, width, 3)
        Values between 0 and 1.
    """
    rows = []
    with torch.inference_mode(), _one_thread():
        for image in images:
            pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
            found = _maps(network, ((pixels - network.mean) / network.std)[None])
            rows.append(torch.cat([maps[0].mean(dim=(1, 2)) for maps in found]).numpy())
    return np.stack(rows)


def _maps(
    network: Network, X: Tensor, kept: Callable[[Tensor], Tensor] = lambda maps: maps
) -> list[Tensor]:
    """Return the maps of all stages for a batch of scaled images.

    What follows may change them in place, unless a copy is `kept`.
    """
    found: dict[str, Tensor] = {}
    modules = dict(network.module.named_modules())
    hooks = [
        modules[name].register_forward_hook(
            lambda _module, _inputs, maps, name=name: found.update({name: kept(maps)})
        )
        for name in network.stages
    ]
    try:
        network.module(X)
    finally:
        for hook in hooks:
            hook.remove()
    return [found[name] for name in network.stages]


# The first layers of a network ----------------------------------------------------


def first_layers(wanted: FirstLayers, read: bool) -> nn.Sequential:
    """Return the first layers of a network, which belong to the caller.

    Parameters
    ----------
    wanted : FirstLayers
        Which.
    read : bool
        Whether they have the weights of their file; otherwise they wait for others.
    """
    path = wanted.path if read else None
    network = load_network(wanted.library, wanted.architecture, path)
    place = min(wanted.layer, len(network.stages)) - 1
    return copy.deepcopy(_until(network.module, network.stages[place]))


def _until(module: nn.Module, name: str) -> nn.Sequential:
    """Return the parts of a network until a module, whose name has one dot at most.

    Only of a network whose parts are computed one after the other they do the same.
    """
    first, _, inner = name.partition(".")
    names = [own for own, _ in module.named_children()]
    parts = [module.get_submodule(own) for own in names[: names.index(first)]]
    last = module.get_submodule(first)
    if inner:
        names = [own for own, _ in last.named_children()]
        parts += [last.get_submodule(own) for own in names[: names.index(inner) + 1]]
    else:
        parts.append(last)
    return nn.Sequential(*parts)


def measured_stages(network: Network, sides: tuple[int, ...]) -> list[Stage]:
    """Return what each stage does with an image of (height, width), the last first.

    Raises
    ------
    ValueError
        If its parts are not computed one after the other.
    """
    rng = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, *sides, generator=rng)
    stages = []
    with torch.inference_mode(), _one_thread():
        expected = _maps(network, image, torch.clone)
        for name, maps in zip(network.stages, expected, strict=True):
            found, stage = _measured(_until(network.module, name), image)
            if not torch.equal(found, maps):
                raise ValueError(
                    f"{type(network.module).__name__} cannot begin a network: its "
                    "parts are not computed one after the other."
                )
            stages.append(stage)
    return stages


def _measured(layers: nn.Sequential, image: Tensor) -> tuple[Tensor, Stage]:
    """Return what layers make of an image, and what they do."""
    counted = []

    def count(module: nn.Module, _inputs: Any, outputs: Tensor) -> None:
        weight, n_values = module.weight, outputs.numel()
        counted.append((weight.numel() * n_values // len(weight), n_values))

    hooks = [
        one.register_forward_hook(count)
        for one in layers.modules()
        if isinstance(one, nn.Conv2d | nn.Linear)
    ]
    try:
        maps = layers(image)
    finally:
        for hook in hooks:
            hook.remove()
    parameters = [*layers.parameters()]
    operations, values = map(sum, zip(*counted, strict=True))
    matrices = [tuple(p.flatten(1).shape) for p in parameters if p.ndim >= 2]
    n_parameters = sum(p.numel() for p in parameters)
    shape = tuple(maps.shape[1:])
    return maps, Stage(shape, n_parameters, operations, values, tuple(matrices))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: sums of floats depend on their number."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def download_weights(name: str) -> None:
    """Let torchvision put the weights of an architecture into torch's cache."""
    weights = torchvision.models.get_model_weights(name).DEFAULT
    weights.get_state_dict(progress=False)
