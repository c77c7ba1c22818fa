"""Expressed genes of a network and its training -> an unfitted skorch net."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch

from sknevo.builders.networks._devices import resolve_device, resolve_precision
from sknevo.builders.networks._modules import Network
from sknevo.builders.networks._net import Net
from sknevo.builders.networks._optimizers import optimizer_of
from sknevo.network_plan import (
    NetworkPlan,
    NetworkSize,
    network_plan,
    samples_per_epoch,
    shape_of,
)
from sknevo.pretrained._stages import FirstLayers
from sknevo.records import DataSpec


class Seconds(NamedTuple):
    """How long parts of a training take.

    Parameters
    ----------
    per_product : float
        For each multiplication of a sample, which is done once forward and twice
        backward.
    per_value : float
        For each value that a layer gives for a sample, to be normalised and activated.
    per_batch : float
        For each batch and layer.
    """

    per_product: float
    per_value: float
    per_batch: float

    def of(self, size: NetworkSize) -> float:
        """Return the seconds that a sample takes in training, forward and backward."""
        return self.per_product * size.operations + self.per_value * size.values


# One core: fitted to random networks; half are within a quarter of it. CUDA: by the two
# networks of the table of an H100 in doc/figures.md, where it is the core that starts
# the kernels, layer by layer, that takes the time. What an optimizer multiplies is
# counted once, and was not measured.
CORE, CUDA = Seconds(4.7e-11, 1e-8, 2e-4), Seconds(4e-13, 1e-11, 1.2e-3)


@dataclass(frozen=True)
class NetworkBuilder:
    """Makes unfitted networks, with the optimizer of the same genes.

    A task's builder names its net, that net's own parameters, and the module and its
    plan if these are not those of a `Network`.

    Parameters
    ----------
    spec : DataSpec
        What the data are.
    device : str, default="auto"
        "auto" stands for CUDA where there is one, in the process that trains.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        "auto" stands for bfloat16 where the hardware has it.
    final : bool, default=False
        Whether it is the best that is built: it is trained to its end.
    """

    module: ClassVar[type] = Network
    # The genes that the module is built of, as far as they are expressed.
    module_genes: ClassVar[tuple[str, ...]] = (
        "stem",
        "blocks",
        "head_pooling",
        "dense",
        "initialisation",
        "head_scale",
        "augmentation",
    )
    # Training goes on from epoch to epoch.
    resource: ClassVar[str] = "epochs"

    spec: DataSpec
    device: str = "auto"
    precision: str = "auto"
    final: bool = False

    def task(self, training: dict[str, Any]) -> tuple[type[Net], dict[str, Any]]:
        """Return the class of the net, and its parameters by the genes of training."""
        raise NotImplementedError

    @property
    def keeps_samples(self) -> bool:
        """Whether samples stay on the device from one training to the next."""
        return torch.device(resolve_device(self.device)).type != "cpu"

    def plan(
        self, expressed: dict[str, Any], n_outputs: int | None = None
    ) -> NetworkPlan:
        """Return the layers that the genes describe, by default for all classes."""
        n_outputs = n_outputs or max(1, self.spec.n_classes)
        return network_plan(expressed, shape_of(self.spec), n_outputs)

    def samples_per_epoch(self, expressed: dict[str, Any]) -> int:
        """Return the number of samples that an epoch trains on."""
        return samples_per_epoch(self.spec.n_samples)

    def __call__(self, expressed: dict[str, Any], random_state: int) -> Net:
        """Return the unfitted net that the genes describe.

        Parameters
        ----------
        expressed : dict
            Expressed genes of a search space of networks.
        random_state : int
            Seed of weights, order, augmentation and dropout.
        """
        device, training = resolve_device(self.device), expressed["training"]
        net, parameters = self.task(training)
        optimizer, options = optimizer_of(expressed["optimizer"])
        first = FirstLayers.of(expressed)
        if first and first.rate:
            # By the names that they have in the module, for skorch.
            options["param_groups"] = [("blocks.0.*", {"rate": first.rate})]
        return net(
            self.module,
            module__genes={
                name: expressed[name] for name in self.module_genes if name in expressed
            },
            module__sample_shape=self.spec.shape,
            module__channels=self.spec.channels,
            module__seed=random_state,
            **parameters,
            criterion__reduction="none",
            optimizer=optimizer,
            **{f"optimizer__{name}": value for name, value in options.items()},
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
        """Return roughly how many seconds one fit takes, on one core or a device."""
        seconds = CUDA if resolve_device(self.device).startswith("cuda") else CORE
        plan, training = self.plan(expressed), expressed["training"]
        optimizer, _ = optimizer_of(expressed["optimizer"])
        n_products = optimizer.n_products(plan.matrices)
        n_weighted = sum(layer.n_weighted for layer in plan.layers[plan.n_fixed :])
        per_batch = seconds.per_batch * n_weighted
        per_batch += seconds.per_product / 3 * n_products  # done once, not three times
        per_sample = seconds.of(plan.learned)
        n_samples = training["epochs"] * self.samples_per_epoch(expressed)
        # Nothing goes backward through frozen layers, which may need to pass only once.
        n_frozen = self.spec.n_samples if plan.n_fixed else n_samples
        return n_frozen * seconds.of(plan.frozen) / 3 + n_samples * (
            per_sample + per_batch / training["batch_size"]
        )
