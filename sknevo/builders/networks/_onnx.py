"""Networks as ONNX, which browsers, phones and inference servers run."""

import copy
import json
import os

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from sknevo.builders.networks._net import Net


class _Answers(nn.Module):
    """A fitted network that answers as its net does, on the CPU."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.module = copy.deepcopy(net.module_).cpu()
        self.answered = net.answered

    def forward(self, x: Tensor) -> Tensor:
        return self.answered(self.module(x))


def export_network(net: Net, path: str | os.PathLike[str]) -> None:
    """Write a fitted network to a file of ONNX, with the labels of a classifier.

    It takes any number of samples, `X`, as `fit` got them.
    """
    shape = net.get_params_for("module")["sample_shape"]
    torch.onnx.export(
        _Answers(net).eval(),
        (torch.from_numpy(np.zeros((2, *shape), _input_type(net))),),
        os.fspath(path),
        input_names=["X"],
        output_names=[net.answer],
        dynamic_shapes=({0: torch.export.Dim("n_samples")},),
        external_data=False,
        verbose=False,
    )
    if labels := net.target_state().get("labels"):
        model = onnx.load(path)
        model.metadata_props.add(key="labels", value=json.dumps(labels))
        onnx.save(model, path)


def _input_type(net: Net) -> type:
    """Return the type of samples: bytes, if those of `fit` were."""
    pixels = net.pixels_
    if pixels is None:
        return net._input_type
    are_bytes = pixels.whole and pixels.low >= 0 and pixels.high <= 255
    return np.uint8 if are_bytes else np.float32
