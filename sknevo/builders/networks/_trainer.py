"""What the training of all networks shares: learning rates, averages, precision."""

import copy
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sknevo.deadline import TrialPruned, check_deadline

# A step counts in the average of weights as its number to this power: the average is a
# tenth of the training wide. On parts of MNIST, Fashion-MNIST and photos (held-out
# training images, 1 to 36 epochs) powers of 3, 7 and 15 were alike, and 31 was worse
# (doc/figures.md). It is updated once per this share of the training: chosen.
AVERAGING_POWER, AVERAGING_INTERVAL = 7, 0.02
# The share of its gene from which the learning rate falls in the end of a training. On
# parts of MNIST and Fashion-MNIST (4,000 images) and 300 photos, after a constant rate
# or a whole schedule, it was as good as 0.2 and 1, or better, whether as many steps
# followed as before or a tenth of them.
FINISHING_RATE = 0.5


def _half_cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


# The learning rate as a share of its gene, by the share of the training that is done.
# None of them rises: the beginning of a long training would then say little of its end.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": _half_cosine,
    "step": lambda done: 0.1 ** sum(done >= moment for moment in (0.6, 0.85)),
    "linear": lambda done: 1 - done,
}


@dataclass
class FallingRate:
    """A learning rate that falls linearly to 0, over epochs or time.

    Parameters
    ----------
    first_epoch : int
        Epochs that were done before.
    n_epochs : float
        Epochs in which it falls; infinity if it falls by time alone.
    until : float or None
        `time.time()` at which it is 0; None if it falls by epochs alone.
    initial : float, default=0.5
        The rate at first, as a share of its gene.
    """

    first_epoch: int
    n_epochs: float
    until: float | None
    initial: float = FINISHING_RATE

    def __post_init__(self) -> None:
        self._start = time.time()

    def __call__(self, epochs_done: float) -> float:
        passed = 1.0
        if self.n_epochs:
            passed = (epochs_done - self.first_epoch) / self.n_epochs
        if self.until is not None:
            seconds = max(self.until - self._start, 1e-9)
            passed = max(passed, (time.time() - self._start) / seconds)
        return self.initial * (1 - passed)


def random_source(seed: int, *place: int, device: str = "cpu") -> torch.Generator:
    """Return the random numbers of one place in what is random for a seed."""
    sequence = np.random.SeedSequence(seed, spawn_key=place)
    state = int(sequence.generate_state(1)[0])
    return torch.Generator(device).manual_seed(state)


@dataclass
class Trainer:
    """Takes networks through their training; what is learned is the task's own.

    A task asks for `steps` and minimises its losses in them, in any order::

        with trainer.training(generator, network):
            for batch in trainer.steps(batches):
                with autocast(device, precision):
                    loss = ...
                trainer.minimise(loss, optimizer)

    Parameters
    ----------
    optimizers : sequence of Optimizer
        Their learning rates are set together.
    rate : callable or None, default=None
        Gives the learning rate as a share of its gene, by how many epochs are done. At
        0 the training is over. None leaves the learning rates alone.
    warm_up : int, default=0
        Steps in which the learning rate rises.
    """

    optimizers: Sequence[torch.optim.Optimizer]
    rate: Callable[[float], float] | None = None
    warm_up: int = 0

    def steps(self, batches: Collection[Any], epoch: int = 0) -> Iterator[Any]:
        """Yield batches; before each, check the deadline and set the learning rates."""
        for i, batch in enumerate(batches):
            check_deadline()
            if self.rate is not None:
                share = self.rate(epoch + i / len(batches))
                if share <= 0:
                    return
                step = epoch * len(batches) + i
                if step < self.warm_up:
                    share *= (step + 1) / self.warm_up
                self._set_rates(share)
            yield batch

    def _set_rates(self, share: float) -> None:
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                # torch's own schedulers keep the first rate under the same name.
                initial = group.setdefault("initial_lr", group["lr"])
                group["lr"] = share * initial

    @staticmethod
    @contextmanager
    def training(generator: torch.Generator, *networks: nn.Module) -> Iterator[None]:
        """Put networks into training mode; what is random in them draws from here."""
        modules = [module for network in networks for module in network.modules()]
        random = [module for module in modules if hasattr(module, "generator")]
        for network in networks:
            network.train()
        for module in random:
            module.generator = generator
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


class WeightAverage:
    """The average of a network's weights over its training so far [1]_.

    A step t counts as much as t to a power. So the average is as wide as a share of the
    training so far: it does not depend on where the training ends. What the network
    keeps beside its weights, such as statistics of batches, is averaged alike.

    Parameters
    ----------
    network : Module
        What is trained.

    References
    ----------
    .. [1] Karras, T. et al. (2024). Analyzing and Improving the Training Dynamics of
       Diffusion Models. CVPR.
    """

    def __init__(self, network: nn.Module) -> None:
        # What is not trained is shared.
        fixed = (one for one in network.parameters() if not one.requires_grad)
        self.network = copy.deepcopy(network, {id(one): one for one in fixed}).eval()
        self.n_steps = self.updated_at = 0

    def update(self, network: nn.Module) -> None:
        """Count a step of the network; now and then update the average.

        The steps since the last update then count as if all had these weights.
        """
        self.n_steps += 1
        n_new = self.n_steps - self.updated_at
        if n_new < self.n_steps * AVERAGING_INTERVAL:
            return
        share_before = (self.updated_at / self.n_steps) ** (AVERAGING_POWER + 1)
        self.updated_at = self.n_steps
        averages, weights = (
            [*one.parameters(), *one.buffers()] for one in (self.network, network)
        )
        are_floats = [one.is_floating_point() for one in averages]
        with torch.no_grad():
            torch._foreach_lerp_(
                [*compress(averages, are_floats)],
                [*compress(weights, are_floats)],
                1 - share_before,
            )


def autocast(device: str, precision: str) -> torch.autocast:
    """Return the context to compute in; weights stay float32 and losses should too."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16")


def check_finite(loss: float, moment: str) -> None:
    """Raise TrialPruned if a loss is not finite."""
    if not math.isfinite(loss):
        raise TrialPruned(f"the loss is {loss} {moment}")
