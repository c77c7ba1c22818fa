"""What the training of all networks shares: optimizers, learning rates, precision."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sknevo.deadline import TrialPruned, check_deadline

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
# Share of a one-cycle schedule in which the learning rate rises; chosen, not measured.
WARM_UP = 0.25


def optimizer_of(choice: Mapping[str, Any]) -> tuple[type, dict[str, Any]]:
    """Return the class and the options of an optimizer's expressed genes."""
    ((name, genes),) = choice.items()
    options = {**genes}
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2", 0.999))
    return OPTIMIZERS[name], options


def _half_cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


def _one_cycle(done: float) -> float:
    if done < WARM_UP:
        return 0.05 + 0.95 * done / WARM_UP
    return _half_cosine((done - WARM_UP) / (1 - WARM_UP))


# The learning rate as a share of its gene, by the share of the training that is done.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": _half_cosine,
    "one_cycle": _one_cycle,
    "step": lambda done: 0.1 ** sum(done >= moment for moment in (0.6, 0.85)),
}


@dataclass
class Trainer:
    """Takes networks through their training; what is learned is the task's own.

    A task asks for `steps` and minimises its losses in them, in any order::

        with trainer.training(network):
            for batch in trainer.steps(batches):
                with autocast(device, precision):
                    loss = ...
                trainer.minimise(loss, optimizer)

    Parameters
    ----------
    optimizers : sequence of Optimizer
        Their learning rates follow the schedule together.
    generator : torch.Generator
        Source of the order of samples, of dropout and augmentation, on the device.
    schedule : str or None, default="constant"
        A name in SCHEDULES. None leaves the learning rates alone.
    """

    optimizers: Sequence[torch.optim.Optimizer]
    generator: torch.Generator
    schedule: str | None = "constant"

    def steps(
        self, batches: Collection[Any], epoch: int = 0, n_epochs: int = 1
    ) -> Iterator[Any]:
        """Yield batches; before each, check the deadline and set the learning rates."""
        for i, batch in enumerate(batches):
            check_deadline()
            self._anneal((epoch + i / len(batches)) / n_epochs)
            yield batch

    def _anneal(self, done: float) -> None:
        if self.schedule is None:
            return
        share = SCHEDULES[self.schedule](done)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                # torch's own schedulers keep the first rate under the same name.
                initial = group.setdefault("initial_lr", group["lr"])
                group["lr"] = share * initial

    @contextmanager
    def training(self, *networks: nn.Module) -> Iterator[None]:
        """Put networks into training mode; what is random in them draws from here."""
        modules = [module for network in networks for module in network.modules()]
        random = [module for module in modules if hasattr(module, "generator")]
        for network in networks:
            network.train()
        for module in random:
            module.generator = self.generator
        try:
            yield
        finally:
            for module in random:
                module.generator = None
            for network in networks:
                network.eval()

    @staticmethod
    def minimise(loss: Tensor, optimizer: torch.optim.Optimizer) -> list[Tensor | None]:
        """Take a step of an optimizer; return the gradients of its parameters.

        Gradients of other networks that the loss depends on are not computed.
        """
        groups = optimizer.param_groups
        # Not `backward`: it would fill the gradients of other networks, too.
        parameters = [parameter for group in groups for parameter in group["params"]]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
        return [*gradients]


def autocast(device: str, precision: str) -> torch.autocast:
    """Return the context to compute in; weights stay float32 and losses should too."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16")


def check_finite(loss: float, moment: str) -> None:
    """Raise TrialPruned if a loss is not finite."""
    if not math.isfinite(loss):
        raise TrialPruned(f"the loss is {loss} {moment}")
