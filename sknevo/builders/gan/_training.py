"""Training of GANs: both networks take turns, each with its own optimizer."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from sknevo.builders.gan._data import TrainingData
from sknevo.builders.gan._modules import Discriminator, Encoder, Generator
from sknevo.builders.gan._monitor import Monitor
from sknevo.builders.gan._sampling import generate
from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._optimizers import optimizer_of
from sknevo.builders.networks._trainer import (
    SCHEDULES,
    Trainer,
    autocast,
    random_source,
)
from sknevo.data_checks import random_rows
from sknevo.deadline import is_training_over
from sknevo.network_plan import samples_per_epoch

# Each use of the seed has random numbers of its own.
WEIGHTS, TRAINING, SAMPLING = range(3)
# Samples are compared with real ones at so many checkpoints, and so many of them;
# chosen, not measured.
N_CHECKPOINTS, N_COMPARED = 12, 512
# Losses and gradients are read so often in all: each time the device is waited for.
# Chosen, not measured.
N_READINGS = 480
# Beside an encoder, the discriminator learns in one of so many steps: it is needed to
# reject samples and to read signals, but not to learn from. Chosen, not measured.
JUDGE_EVERY = 5
# Generated samples that are kept of each checkpoint, and of each generation.
N_KEPT_IMAGES, N_KEPT_ROWS = 16, 256
# Augmentations that a GAN has no genes for; they are off.
NO_AUGMENTATION = dict.fromkeys(
    ("shift", "flip", "rotate", "zoom", "erase", "colour"), 0
)


def n_kept_samples(sample_shape: tuple[int, ...]) -> int:
    """Return how many generated samples are kept for displays.

    Parameters
    ----------
    sample_shape : tuple of int
        (features,) of a row; images have more sides.

    Returns
    -------
    int

    Examples
    --------
    >>> from sknevo.builders.gan import n_kept_samples
    >>> n_kept_samples((2,)), n_kept_samples((28, 28))
    (256, 16)
    """
    return N_KEPT_ROWS if len(sample_shape) == 1 else N_KEPT_IMAGES


# Losses ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Loss:
    """What both networks minimise, by the logits of real and generated samples."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor | None, Tensor], Tensor]
    # Whether the generator's loss needs the logits of real samples.
    relative: bool = False


# Goodfellow et al. 2014, Mao et al. 2017, Gulrajani et al. 2017, Lim & Ye 2017,
# Jolicoeur-Martineau 2019 (in pairs).
LOSSES = {
    "non_saturating": Loss(
        lambda real, made: softplus(-real).mean() + softplus(made).mean(),
        lambda real, made: softplus(-made).mean(),
    ),
    "least_squares": Loss(
        lambda real, made: ((real - 1).square().mean() + made.square().mean()) / 2,
        lambda real, made: (made - 1).square().mean() / 2,
    ),
    "wasserstein": Loss(
        lambda real, made: made.mean() - real.mean(),
        lambda real, made: -made.mean(),
    ),
    "hinge": Loss(
        lambda real, made: relu(1 - real).mean() + relu(1 + made).mean(),
        lambda real, made: -made.mean(),
    ),
    "relativistic": Loss(
        lambda real, made: softplus(made - real).mean(),
        lambda real, made: softplus(real - made).mean(),
        relative=True,
    ),
}


def gradient_penalty(
    loss: str,
    genes: dict[str, float],
    discriminator: Callable[[Tensor, Tensor | None], Tensor],
    real: Tensor,
    generated: Tensor,
    conditions: Tensor | None,
    rng: torch.Generator,
) -> Tensor | float:
    """Return what the discriminator pays for its gradient with respect to samples.

    The Wasserstein loss asks for a norm of 1 between real and generated samples
    (Gulrajani et al. 2017), other losses for 0 at real samples (R1) and at generated
    ones (R2, Mescheder et al. 2018).
    """
    weight = genes["gradient_penalty"]
    if loss == "wasserstein":
        if not weight:
            return 0.0
        share = torch.rand(len(real), generator=rng, device=real.device)
        points = torch.lerp(real, generated, share.view(-1, *[1] * (real.ndim - 1)))
        squares = _squared_gradients(discriminator, points, conditions)
        return weight * ((squares + 1e-12).sqrt() - 1).square().mean()
    paid = (weight, real), (genes.get("generated_penalty", 0.0), generated)
    return sum(
        each / 2 * _squared_gradients(discriminator, points, conditions).mean()
        for each, points in paid
        if each
    )


def _squared_gradients(
    discriminator: Callable[[Tensor, Tensor | None], Tensor],
    points: Tensor,
    conditions: Tensor | None,
) -> Tensor:
    """Return the squared norm of the gradient of each logit, by its samples."""
    points = points.detach().requires_grad_()
    logits = discriminator(points, conditions)
    (gradients,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    return gradients.reshape(len(logits), -1).square().sum(dim=1)


# Training --------------------------------------------------------------------------


class GANTraining:
    """A training of a generator and its discriminator.

    The generator learns against the discriminator. Or it learns with an encoder: then
    the discriminator only learns to tell its samples from real ones, now and then. A
    training is one sequence of epochs, and may pause after any of them. What is random
    in an epoch depends on the seed and on its number alone.

    Parameters
    ----------
    generator, discriminator : Generator, Discriminator
        Untrained, on the device; their weights are changed.
    data : TrainingData
        Real samples; `run` gets them again.
    genes : dict
        Expressed genes of the whole individual.
    precision : {"float32", "bfloat16"}
        What convolutions compute in; the weights are float32.
    seed : int
        Decides all that is random.
    prune : bool, default=True
        Whether the training ends when the generator collapses.
    encoder : Encoder or None, default=None
        Of a variational training, untrained.

    Attributes
    ----------
    epochs, n_epochs : int
        How many are done, and how many the genes ask for.
    step : int
        Steps of the generator that are done.
    monitor : Monitor
        Signals of the training.
    snapshots : list of ndarray of shape (n, ...)
        Samples of the same noise at each checkpoint, as the user has them.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        data: TrainingData,
        genes: dict[str, Any],
        precision: str,
        seed: int,
        prune: bool = True,
        encoder: Encoder | None = None,
    ) -> None:
        training = genes["training"]
        self.generator, self.discriminator = generator, discriminator
        self.encoder = encoder
        self.seed = seed
        # Whole packs only, and never a single sample: it could not be normalised.
        packing = training["packing"]
        size = max(2, min(training["batch_size"], len(data)))
        self.batch_size = max(packing, size - size % packing)
        self.epochs, self.n_epochs = 0, training["epochs"]
        n_batches = self.n_epochs * self._n_batches(data)
        self.n_ahead = min(genes["discriminator"]["steps"], n_batches)
        self.judge_every = 1 if encoder is None else JUDGE_EVERY
        ((self.loss, self.loss_genes),) = genes["loss"].items()
        self.makers: list[nn.Module] = [generator]
        if encoder is not None:
            self.makers.append(encoder)
            self.loss = "non_saturating"  # of the discriminator
        self.optimizers = [
            _optimizer(genes["generator"], *self.makers),
            _optimizer(genes["discriminator"], discriminator),
        ]
        self.schedule = training["schedule"]
        self.augment: nn.Module = nn.Identity()
        if "augmentation" in genes:
            self.augment = Augmentation(NO_AUGMENTATION | genes["augmentation"])
        self.average = MovingAverage(generator, training["ema_decay"])
        # Dense networks stay in float32: their layers are small.
        self.precision = precision if "blocks" in genes["generator"] else "float32"
        self.step, n_steps = 0, math.ceil(n_batches / self.n_ahead)
        n_judged = n_steps // self.judge_every
        self.read_every = self.judge_every * max(1, n_judged // N_READINGS)
        self.checkpoints = checkpoints(n_steps, n_steps / self.n_epochs)
        rows = torch.from_numpy(random_rows(len(data), N_COMPARED))
        self.monitor = Monitor(data[rows.to(data.device)], n_steps, prune)
        self.snapshots: list[np.ndarray] = []

    def _n_batches(self, data: TrainingData) -> int:
        return math.ceil(samples_per_epoch(len(data)) / self.batch_size)

    def run(
        self,
        data: TrainingData,
        epochs: float,
        rate: Callable[[float], float] | None = None,
    ) -> None:
        """Train until so many epochs are done, or `sknevo.deadline.is_training_over`.

        Parameters
        ----------
        data : TrainingData
            Real samples.
        epochs : float
            Infinity trains until the rate is 0.
        rate : callable or None, default=None
            Gives the learning rates as a share of their genes, by how many epochs are
            done. None stands for the schedule of the genes.

        Raises
        ------
        TrialPruned
            If something is not finite or if the generator collapses.
        """
        if rate is None:
            rate = self._scheduled
        trainer = Trainer(self.optimizers, rate)
        while self.epochs < epochs and rate(self.epochs) > 0:
            self._run_epoch(trainer, data)
            self.epochs += 1
            if is_training_over(self.epochs):
                break

    def end(self, data: TrainingData) -> None:
        """Compare the samples of a training that is over with real ones.

        Raises
        ------
        TrialPruned
            As `run`.
        """
        if self.monitor.last_step < self.step:
            self._check(data)

    def _scheduled(self, epochs: float) -> float:
        return SCHEDULES[self.schedule](epochs / self.n_epochs)

    def _run_epoch(self, trainer: Trainer, data: TrainingData) -> None:
        rng = random_source(self.seed, TRAINING, self.epochs, device=data.device)
        batches = data.batches(self.batch_size, self.epochs, self.seed, rng)
        # An epoch may end between two steps of the generator.
        first, last = (
            math.ceil((self.epochs + i) * self._n_batches(data) / self.n_ahead)
            for i in (0, 1)
        )
        for_generator, for_discriminator = self.optimizers
        networks = *self.makers, self.discriminator, self.augment
        with trainer.training(rng, *networks):
            for _ in trainer.steps(range(last - first), self.epochs):
                self.step += 1
                is_checkpoint = self.step in self.checkpoints
                is_read = self.step % self.read_every == 0 or is_checkpoint
                is_judged = self.step % self.judge_every == 0 or is_checkpoint
                for _ in range(self.n_ahead):
                    X, conditions = next(batches)
                    if is_judged:
                        loss, *logits = self._discriminator_losses(X, conditions, rng)
                        gradients = trainer.minimise(loss, for_discriminator)
                own_loss = self._generator_loss(X, conditions, rng)
                own_gradients = trainer.minimise(own_loss, for_generator)
                self.average.update(self.step)
                if is_read:
                    losses = loss.detach(), own_loss.detach()
                    norms = _norm(gradients), _norm(own_gradients)
                    self.monitor.record(self.step, losses, norms, *logits)
                if is_checkpoint:
                    self._check(data)

    def _check(self, data: TrainingData) -> None:
        """Compare samples with real ones, and keep some for displays."""
        network, n_compared = self.average.network(), len(self.monitor.real)
        self.monitor.check(self.step, self._generate(network, data, n_compared))
        samples = self._generate(network, data, n_kept_samples(network.shape))
        self.snapshots.append(data.scaler.inverse(samples))

    def _discriminator_losses(
        self, real: Tensor, conditions: Tensor | None, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, and the logits of real and of generated samples."""
        with autocast(str(real.device), self.precision):
            with torch.no_grad():
                Z = self.generator.noise(len(real), rng)
                generated = self.augment(self.generator(Z, conditions).float())
                real = self.augment(real)
            twice = None if conditions is None else torch.cat([conditions] * 2)
            both = torch.cat([real, generated])
            logits = self.discriminator(both, twice).float().chunk(2)
        loss = LOSSES[self.loss].discriminator(*logits) + gradient_penalty(
            self.loss,
            self.loss_genes,
            self.discriminator,
            real,
            generated,
            conditions,
            rng,
        )
        return loss, logits[0].detach(), logits[1].detach()

    def _generator_loss(
        self, real: Tensor, conditions: Tensor | None, rng: torch.Generator
    ) -> Tensor:
        if self.encoder is not None:
            return self.encoder.loss(self.generator, real, conditions, rng)
        with autocast(str(real.device), self.precision):
            Z = self.generator.noise(len(real), rng)
            generated = self.augment(self.generator(Z, conditions).float())
            logits = self.discriminator(generated, conditions).float()
            real_logits = None
            if LOSSES[self.loss].relative:
                with torch.no_grad():
                    real = self.augment(real)
                    real_logits = self.discriminator(real, conditions).float()
        return LOSSES[self.loss].generator(real_logits, logits)

    def _generate(self, generator: Generator, data: TrainingData, n: int) -> Tensor:
        """Return samples of the same noise each time."""
        rng = random_source(self.seed, SAMPLING, device=data.device)
        conditions = data.conditions.draw(n, None, rng)
        return generate(generator, n, conditions, rng)


def checkpoints(n_steps: int, per_epoch: float) -> frozenset[int]:
    """Return the steps at which samples are compared with real ones.

    They are evenly spaced over the training. Before the first of these are earlier
    ones, each at half the step of the next, down to the first epoch: so a training that
    pauses has a checkpoint not long ago.
    """
    steps = np.linspace(0, n_steps, N_CHECKPOINTS + 1).astype(int)[1:].tolist()
    first = n_steps / N_CHECKPOINTS
    while first > per_epoch:
        first /= 2
        steps.append(math.ceil(first))
    return frozenset(steps) - {0}


class MovingAverage:
    """A network, or the moving average of its weights over the training [1]_.

    References
    ----------
    .. [1] Yazici, Y. et al. (2019). The Unusual Effectiveness of Averaging in GAN
       Training. ICLR.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.current, self.decay = network, decay
        self.smooth = copy.deepcopy(network).eval().requires_grad_(False)
        self.pairs = [list(n.parameters()) for n in (self.smooth, self.current)]

    def update(self, step: int) -> None:
        """Move the average towards the present; faster in the beginning."""
        if self.decay:
            decay = min(self.decay, step / (step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(*self.pairs, 1 - decay)

    def network(self) -> nn.Module:
        """Return the network to sample from, the same object each time."""
        with torch.no_grad():
            if not self.decay:
                torch._foreach_copy_(*self.pairs)
            for kept, new in zip(
                self.smooth.buffers(), self.current.buffers(), strict=True
            ):
                kept.copy_(new)
        return self.smooth


def _norm(gradients: list[Tensor | None]) -> Tensor:
    """Return the norm of all gradients together."""
    norms = torch._foreach_norm([each for each in gradients if each is not None])
    return torch.stack(norms).norm()


def _optimizer(genes: dict[str, Any], *networks: nn.Module) -> torch.optim.Optimizer:
    kind, options = optimizer_of(genes["optimizer"])
    return kind([p for each in networks for p in each.parameters()], **options)
