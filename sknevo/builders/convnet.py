"""Expressed genes of a network and its training -> an unfitted skorch net."""

from dataclasses import dataclass
from typing import Any

import torch
from skorch import NeuralNetClassifier

from sknevo.builders.networks._devices import resolve_device, resolve_precision
from sknevo.builders.networks._modules import Network
from sknevo.builders.networks._net import Net
from sknevo.network_plan import image_shape, network_plan
from sknevo.records import DataSpec

__all__ = ["ConvNetBuilder"]

# The genes that the module is built of.
NETWORK = ("blocks", "bridge", "dense", "augmentation")
# What training takes on one core: seconds per multiplication of a network (once
# forward, twice backward), per value that its layers give (normalised, activated), and
# per batch and layer. Fitted to random networks; half are within a quarter of it.
SECONDS_PER_OPERATION, SECONDS_PER_VALUE, SECONDS_PER_BATCH = 4.7e-11, 1e-8, 2e-4


@dataclass(frozen=True)
class ConvNetBuilder:
    """Makes unfitted networks, with the optimizer of the same genes.

    Parameters
    ----------
    spec : DataSpec
        What the data are.
    device : str, default="auto"
        "auto" stands for CUDA where there is one, in the process that trains.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        "auto" stands for bfloat16 where the hardware has it.
    final : bool, default=False
        Whether it is the winner that is built: it is trained to its end.
    """

    spec: DataSpec
    device: str = "auto"
    precision: str = "auto"
    final: bool = False

    def __call__(
        self, expressed: dict[str, Any], random_state: int
    ) -> NeuralNetClassifier:
        """Return the net that the genes describe.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.convnet`.
        random_state : int
            Seed of weights, order, augmentation and dropout.

        Returns
        -------
        NeuralNetClassifier
            Unfitted.
        """
        device = resolve_device(self.device)
        training = expressed["training"]
        return Net(
            Network,
            module__genes={
                name: expressed[name] for name in NETWORK if name in expressed
            },
            module__sample_shape=self.spec.shape,
            module__seed=random_state,
            criterion=torch.nn.CrossEntropyLoss,
            criterion__label_smoothing=training["label_smoothing"],
            criterion__reduction="none",
            **_optimizer(expressed["optimizer"]),
            batch_size=training["batch_size"],
            max_epochs=training["epochs"],
            schedule=training["schedule"],
            train_split=None,
            callbacks="disable",
            verbose=0,
            device=device,
            precision=resolve_precision(self.precision, device),
            patient=self.final,
            random_state=random_state,
        )

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes, on one core.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.convnet`.

        Returns
        -------
        float
        """
        spec, training = self.spec, expressed["training"]
        plan = network_plan(expressed, image_shape(spec.shape), spec.n_classes)
        size, per_batch = plan.size, SECONDS_PER_BATCH * plan.n_weighted
        per_sample = (
            SECONDS_PER_OPERATION * size.operations + SECONDS_PER_VALUE * size.values
        )
        return (
            training["epochs"]
            * spec.n_samples
            * (per_sample + per_batch / training["batch_size"])
        )


def _optimizer(choice: dict[str, Any]) -> dict[str, Any]:
    """Return skorch's parameters for an optimizer."""
    ((name, genes),) = choice.items()
    genes = {**genes}
    if name in ("adam", "adamw"):
        genes["betas"] = (genes.pop("beta1"), 0.999)
    kind = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
    }[name]
    parameters = {f"optimizer__{name}": value for name, value in genes.items()}
    return {"optimizer": kind, **parameters}
