"""Networks as files without pickle: weights as safetensors, the rest as JSON in it."""

import importlib
import json
import pkgutil
from dataclasses import asdict
from os import PathLike
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sknevo import builders
from sknevo.builders.networks._builder import NetworkBuilder
from sknevo.builders.networks._devices import check_device
from sknevo.builders.networks._net import Net
from sknevo.image_stream._scale import PixelRange
from sknevo.records import DataSpec

# Errors that a damaged file may cause.
FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
)
# Files of another version are refused; raise it when their content changes.
VERSION = 4


def save_network(net: Net, expressed: dict[str, Any], path: str | PathLike) -> None:
    """Write a fitted network and the expressed genes that it was built from."""
    module = net.get_params_for("module")
    about = {
        "version": VERSION,
        "task": type(net).__module__.rpartition(".")[2],
        "genes": expressed,
        "sample_shape": list(module["sample_shape"]),
        "channels": module["channels"],
        "pixels": net.pixels_ and asdict(net.pixels_),
        "targets": net.target_state(),
        "precision": net.precision,
    }
    weights = {k: v.contiguous().cpu() for k, v in net.module_.state_dict().items()}
    save_file(weights, path, metadata={"sknevo": json.dumps(about)})


def read_network(path: str | PathLike, device: str) -> Net:
    """Return a network that `save_network` has written; nothing in it is executed."""
    check_device(device)
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("sknevo", "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        version = about.get("version") if isinstance(about, dict) else None
        if version != VERSION:
            raise ValueError(f"its version is {version}, not {VERSION}")
        return _rebuild(about, weights, device)
    except (OSError, torch.OutOfMemoryError):
        raise
    except FAULTS as fault:
        raise ValueError(
            f"{path} is not a network that sknevo {VERSION=} can read: {fault}"
        ) from fault


def _rebuild(
    about: dict[str, Any], weights: dict[str, torch.Tensor], device: str
) -> Net:
    shape, precision = tuple(about["sample_shape"]), about["precision"]
    # What was trained in bfloat16 predicts in what this machine is good at.
    precision = "auto" if precision == "bfloat16" else precision
    channels = about["channels"]
    spec = DataSpec("", 1, 0, shape=shape, channels=channels)
    builder = _builder_of(about["task"])(spec, device, precision, final=True)
    net = builder(about["genes"], random_state=0)
    n_outputs = net.restore_targets(about["targets"])
    # Checked before memory for the weights is requested.
    plan = builder.plan(about["genes"], n_outputs)
    held = sum(weight.numel() for weight in weights.values())
    if (told := plan.size.parameters) > held:
        raise ValueError(f"its genes need {told} weights, but it holds {held}")
    pixels = about["pixels"] and PixelRange(**about["pixels"])
    return net.restored(n_outputs, weights, pixels)


def _builder_of(task: str) -> type[NetworkBuilder]:
    """Return the builder of a module in `sknevo.builders`; imports nothing else."""
    if task not in {module.name for module in pkgutil.iter_modules(builders.__path__)}:
        raise ValueError(f"there is no task {task!r}")
    module = importlib.import_module(f"{builders.__name__}.{task}")
    kinds = NetworkBuilder.__subclasses__()
    (builder,) = (kind for kind in kinds if kind.__module__ == module.__name__)
    return builder
