"""How the two networks of a GAN are trained against each other."""

import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from sknevo.builders.gan._losses import LOSSES, penalty
from sknevo.builders.gan._monitor import Monitor
from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._data import samples
from sknevo.builders.networks._trainer import SCHEDULES
from sknevo.deadline import check_deadline
from sknevo.network_plan import image_shape

if TYPE_CHECKING:
    from sknevo.builders.gan._estimator import GAN

__all__ = ["COMPARED", "SAMPLES", "TRAINING", "WEIGHTS", "Training"]

# Each use of the seed has numbers of its own: first weights, the course of training
# with all that belongs to it, what is sampled.
WEIGHTS, TRAINING, SAMPLES = range(3)
# Samples are compared with real ones so often, and so many of them.
CHECKPOINTS, COMPARED = 12, 512
# Losses and gradients are looked at so often in all.
LOOKS = 480
# Of each checkpoint so many samples are kept to be looked at.
KEPT_IMAGES, KEPT_ROWS = 16, 256
# What `Augmentation` asks for and is not differentiable augmentation of a GAN's.
AS_IT_IS = dict.fromkeys(("shift", "flip", "rotate", "zoom", "erase", "colour"), 0)


class Training:
    """One training of a GAN: what it needs beside the networks, and its steps.

    Parameters
    ----------
    gan : GAN
        Its networks are trained in place; gets what was seen.
    X : array-like of shape (n_samples, ...), or ImageStream
        Samples.
    y : array-like of shape (n_samples,) or None
        What they were made for.
    """

    def __init__(self, gan: "GAN", X: Any, y: Any) -> None:
        genes, device = gan.genes, gan.device
        training = genes["training"]
        self.gan = gan
        self.draw = gan._source(TRAINING)
        self.data = samples(gan._scale.centred(X), device)
        self.conditions: Tensor | None = None
        if gan._condition.width:
            encoded = gan._condition.encode(np.asarray(y))
            self.conditions = torch.as_tensor(
                encoded, dtype=torch.float32, device=device
            )
        # Whole packs only, and never a single sample: it could not be normalised.
        packing = training["packing"]
        size = max(2, min(training["batch_size"], len(X)))
        self.size = max(packing, size - size % packing)
        self.n_steps = training["epochs"] * math.ceil(len(X) / self.size)
        self.n_ahead = genes["discriminator"]["steps"]
        self.schedule = SCHEDULES[training["schedule"]]
        ((self.loss_name, self.loss_genes),) = genes["loss"].items()
        self.loss = LOSSES[self.loss_name]
        self.noise, self.G, self.D = gan._noise, gan.generator_, gan.discriminator_
        self.players = {
            name: (
                network,
                list(network.parameters()),
                _optimizer(network, genes[name]),
            )
            for name, network in (("discriminator", self.D), ("generator", self.G))
        }
        self.augment: nn.Module = nn.Identity()
        if "augmentation" in genes:
            self.augment = Augmentation(AS_IT_IS | genes["augmentation"])
            self.augment.generator = self.draw
        self.average = _MovingAverage(self.G, training["average"])
        half = gan.precision == "bfloat16" and "blocks" in genes["generator"]
        self.half = {"device_type": torch.device(device).type, "enabled": half}
        self.half["dtype"] = torch.bfloat16

    def run(self) -> None:
        """Train to the end."""
        gan = self.gan
        n_generator = max(1, self.n_steps // self.n_ahead)
        some = np.linspace(0, len(self.data) - 1, min(COMPARED, len(self.data)))
        rows = torch.from_numpy(some.astype(int)).to(gan.device)
        real = gan._scale(self.data[rows])
        monitor = Monitor(real, n_generator, gan.judging)
        every = max(1, n_generator // LOOKS)
        checkpoints = set(
            np.linspace(0, n_generator, CHECKPOINTS + 1).astype(int)[1:].tolist()
        )
        snapshots = []
        batches = self._batches()
        for step in range(1, n_generator + 1):
            check_deadline()
            looking = step % every == 0 or step in checkpoints
            self._anneal((step - 1) / n_generator)
            for _ in range(self.n_ahead):
                X, condition = next(batches)
                one = self._teach_discriminator(X, condition, looking)
            other = self._teach_generator(X, condition, looking)
            self.average.follow(step)
            if looking:
                logits = one["logits"]
                losses, norms = ((one[what], other[what]) for what in ("loss", "norm"))
                monitor.watch(step, losses, norms, *logits)
            if step in checkpoints:
                gan.generator_ = self.average.network()
                monitor.check(step, self._some(len(real)))
                snapshots.append(self._snapshot())
        gan.generator_ = self.average.network()
        gan.n_steps_ = n_generator
        gan.signals_, gan.stability_ = monitor.signals, monitor.stability
        gan.snapshots_ = np.stack(snapshots)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield batches of equal size, every sample once before any comes again."""
        device, n = self.gan.device, len(self.data)
        rows = torch.empty(0, dtype=torch.long, device=device)
        while True:
            while len(rows) < self.size:
                order = torch.randperm(n, generator=self.draw, device=device)
                rows = torch.cat([rows, order])
            batch, rows = rows[: self.size], rows[self.size :]
            known = None if self.conditions is None else self.conditions[batch]
            yield self.gan._scale(self.data[batch]), known

    def _teach_discriminator(
        self, real: Tensor, condition: Tensor | None, looking: bool
    ) -> dict[str, Any]:
        with torch.autocast(**self.half):
            with torch.no_grad():
                Z = self.noise(len(real), self.draw)
                made = self.augment(self.G(Z, condition).float())
                real = self.augment(real)
            twice = condition if condition is None else torch.cat([condition] * 2)
            logits = self.D(torch.cat([real, made]), twice).float().chunk(2)
        loss = self.loss.discriminator(*logits) + penalty(
            self.loss_name,
            self.loss_genes,
            self.D,
            real,
            made,
            condition,
            self.draw,
        )
        seen = self._step("discriminator", loss, looking)
        return {**seen, "logits": [part.detach() for part in logits]}

    def _teach_generator(
        self, real: Tensor, condition: Tensor | None, looking: bool
    ) -> dict[str, Any]:
        with torch.autocast(**self.half):
            made = self.G(self.noise(len(real), self.draw), condition)
            logits = self.D(self.augment(made.float()), condition).float()
            beside = None
            if self.loss.relative:
                with torch.no_grad():
                    beside = self.D(self.augment(real), condition).float()
        loss = self.loss.generator(beside, logits)
        return self._step("generator", loss, looking)

    def _step(self, name: str, loss: Tensor, looking: bool) -> dict[str, Any]:
        _, parameters, optimizer = self.players[name]
        # Not `backward`: the other network's gradients would be computed in vain.
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
        if not looking:
            return {}
        there = [gradient for gradient in gradients if gradient is not None]
        norm = torch.stack(torch._foreach_norm(there)).norm()
        return {"loss": loss.detach(), "norm": norm}

    def _anneal(self, done: float) -> None:
        share = self.schedule(done)
        for _, _, optimizer in self.players.values():
            for group in optimizer.param_groups:
                group["lr"] = share * group.setdefault("initial_lr", group["lr"])

    def _some(self, n: int) -> Tensor:
        """Return samples of the same noise each time."""
        draw = self.gan._source(SAMPLES)
        return self.gan._make(n, self.gan._conditions(n, None, draw), draw)

    def _snapshot(self) -> np.ndarray:
        images = len(image_shape(self.gan.sample_shape)) == 3
        n = KEPT_IMAGES if images else KEPT_ROWS
        return self.gan._scale.undo(self._some(n))


class _MovingAverage:
    """The generator, or the moving average of what it was [1]_.

    References
    ----------
    .. [1] Yazici, Y. et al. (2019). The Unusual Effectiveness of Averaging in GAN
       Training. ICLR.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.now, self.decay = network, decay
        self.smooth = copy.deepcopy(network).eval().requires_grad_(False)
        self.pairs = [list(n.parameters()) for n in (self.smooth, self.now)]

    def follow(self, step: int) -> None:
        """Take a step towards the present, greater ones in the beginning."""
        if self.decay:
            decay = min(self.decay, step / (step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(*self.pairs, 1 - decay)

    def network(self) -> nn.Module:
        """Return the network to sample from."""
        with torch.no_grad():
            if not self.decay:
                torch._foreach_copy_(*self.pairs)
            for kept, new in zip(
                self.smooth.buffers(), self.now.buffers(), strict=True
            ):
                kept.copy_(new)
        return self.smooth


def _optimizer(network: nn.Module, genes: dict[str, Any]) -> torch.optim.Optimizer:
    ((name, chosen),) = genes["optimizer"].items()
    parameters = network.parameters()
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, **chosen, foreach=True)
    betas = (chosen["beta1"], chosen["beta2"])
    return torch.optim.Adam(parameters, chosen["lr"], betas, fused=True)
