"""Networks that classify: labels, cross-entropy, and the builder of such nets."""

from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import Tensor

from sknevo.builders._most_probable import MostProbableMixin
from sknevo.builders.networks._builder import NetworkBuilder
from sknevo.builders.networks._net import Net

__all__ = ["ClassifierNet", "ConvNetBuilder"]

# The most bytes of a label in a file: a damaged one could ask for any amount of memory.
LONGEST = 2**16


class ClassifierNet(MostProbableMixin, Net, NeuralNetClassifier):
    """A skorch classifier of a network, for labels of any type."""

    answer = "probabilities"

    def learn_targets(self, y: Any) -> int:
        self.check_data(None, y)
        return len(self.classes_)

    def encode(self, y: Any) -> Tensor:
        if len(unknown := np.setdiff1d(y, self.classes_)):
            raise ValueError(
                f"the network was begun without samples of {unknown.tolist()}"
            )
        return torch.as_tensor(np.searchsorted(self.classes_, y), device=self.device)

    def guess(self, targets: Tensor, weights: Tensor) -> Tensor:
        """Return logits by how frequent each label is."""
        return torch.bincount(targets, weights).log().expand(len(targets), -1)

    def answered(self, outputs: Tensor) -> Tensor:
        return torch.softmax(outputs.float(), dim=1)

    def target_state(self) -> dict[str, Any]:
        labels = self.classes_
        if labels.dtype.kind not in "OUbiuf" or not all(
            isinstance(label, str | bool | int | float) for label in labels.tolist()
        ):
            raise TypeError(
                "labels must be strings, numbers or booleans to be written as JSON; "
                f"got {labels.dtype}."
            )
        return {"labels": labels.tolist(), "dtype": labels.dtype.str}

    def restore_targets(self, state: dict[str, Any]) -> int:
        dtype = np.dtype(state["dtype"])
        if dtype.itemsize > LONGEST or dtype.subdtype:
            raise ValueError(f"its labels have the unsupported type {dtype}")
        self.classes_inferred_ = np.array(state["labels"], dtype)
        return len(self.classes_)


class ConvNetBuilder(NetworkBuilder):
    """Makes unfitted classifiers of the genes of `sknevo.genomes.convnet`."""

    def task(self, training: dict[str, Any]) -> tuple[type[Net], dict[str, Any]]:
        return ClassifierNet, {
            "criterion": torch.nn.CrossEntropyLoss,
            "criterion__label_smoothing": training["label_smoothing"],
        }
