"""Networks as files without pickle: weights as safetensors, the rest as JSON in it."""

import json
from os import PathLike
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks._net import Net
from sknevo.network_plan import image_shape, network_plan
from sknevo.records import DataSpec

__all__ = ["load_network", "save_network"]

# Whatever comes of a file that is not as it should be.
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
# The most bytes that a label takes.
LONGEST = 2**16
# Files of another version are refused; raise it when their content changes.
VERSION = 1


def save_network(net: Net, expressed: dict[str, Any], path: str | PathLike) -> None:
    """Write a fitted network.

    Parameters
    ----------
    net : Net
        Fitted, of a `ConvNetBuilder`.
    expressed : dict
        The genes that it was built of.
    path : path
        File to write; one that is there is replaced.

    Raises
    ------
    TypeError
        If the labels are neither strings, numbers nor booleans.
    """
    labels = net.classes_
    if labels.dtype.kind not in "OUbiuf" or not all(
        isinstance(label, str | bool | int | float) for label in labels.tolist()
    ):
        raise TypeError(
            "labels must be strings, numbers or booleans to be written as JSON; got "
            f"{labels.dtype}."
        )
    about = {
        "version": VERSION,
        "genes": expressed,
        "sample_shape": list(net.get_params_for("module")["sample_shape"]),
        "labels": labels.tolist(),
        "dtype": labels.dtype.str,
        "precision": net.precision,
    }
    weights = {k: v.contiguous().cpu() for k, v in net.module_.state_dict().items()}
    save_file(weights, path, metadata={"sknevo": json.dumps(about)})


def load_network(path: str | PathLike, device: str = "auto") -> Net:
    """Read a network that `EvolvedClassifier.save_network` has written.

    Nothing in the file is executed.

    Parameters
    ----------
    path : path
        The file.
    device : str, default="auto"
        Where to predict, as torch names it.

    Returns
    -------
    NeuralNetClassifier
        Fitted.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is not such a file, is damaged, or of another version.
    """
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
    dtype, shape = np.dtype(about["dtype"]), tuple(about["sample_shape"])
    if dtype.itemsize > LONGEST or dtype.subdtype:
        raise ValueError(f"its labels are {dtype}")
    labels = np.array(about["labels"], dtype)
    spec = DataSpec("classification", 1, len(labels), shape=shape)
    # Before so much memory is asked for.
    told = network_plan(about["genes"], image_shape(shape), len(labels)).size.parameters
    held = sum(weight.numel() for weight in weights.values())
    if told > held:
        raise ValueError(f"its genes tell of {told} weights, it holds {held}")
    # What was trained in bfloat16 predicts in what this machine is good at.
    precision = about["precision"]
    precision = "auto" if precision == "bfloat16" else precision
    builder = ConvNetBuilder(spec, device, precision, final=True)
    net = builder(about["genes"], random_state=0)
    return net.restored(labels, weights)
