"""A GAN as an estimator: it learns a density, samples from it and judges samples."""

import copy
import math
import time
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import Tensor

from sknevo.builders.gan._conditions import (
    ColumnConditions,
    ConditionEncoder,
    Conditions,
    select,
)
from sknevo.builders.gan._data import TableScaler, TrainingData, chunks
from sknevo.builders.gan._heads import TableHead
from sknevo.builders.gan._modules import N_PACKS, Discriminator, Encoder, Generator
from sknevo.builders.gan._sampling import RejectionSampler, generate
from sknevo.builders.gan._training import (
    N_COMPARED,
    SAMPLING,
    TRAINING,
    WEIGHTS,
    GANTraining,
)
from sknevo.builders.networks._data import as_tensor
from sknevo.builders.networks._devices import (
    copied_to,
    has_double,
    memory_errors,
    moved,
    own_settings,
    resolve_device,
)
from sknevo.builders.networks._scaler import Scaler
from sknevo.builders.networks._trainer import (
    FINISHING_RATE,
    SCHEDULES,
    FallingRate,
    random_source,
)
from sknevo.data_checks import check_count, random_rows
from sknevo.deadline import TrialPruned, check_deadline
from sknevo.image_stream._stream import streamed
from sknevo.metrics import invert
from sknevo.network_plan import gan_encoder_plan, gan_plans
from sknevo.table_codec import TableCodec

# What lies on the device.
NETWORKS = ("generator_", "discriminator_")


class GAN(BaseEstimator):
    """A generator and a discriminator, trained against or beside each other.

    Not a skorch net: its two networks take an unequal number of steps, so that none of
    skorch's steps, scores or callbacks would be used.

    Parameters
    ----------
    genes : dict
        Expressed genes of `sknevo.genomes.gan`.
    sample_shape : tuple of int
        (features,), (height, width), (channels, height, width) or (height, width,
        channels).
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`.
    precision : {"float32", "bfloat16"}, default="float32"
        What convolutions compute in; the weights are float32.
    prune : bool, default=True
        Whether the training ends when the generator collapses.
    labelled : bool, default=True
        Whether y holds labels rather than values.
    table : TableCodec or None, default=None
        What encodes X, which then holds the columns of a table as floats.

    Attributes
    ----------
    n_conditions_ : int
        Number of labels that samples are made for, 1 for values, 0 for nothing.
    classes_ : ndarray of shape (n_conditions_,)
        The sorted labels, if y holds labels.
    generator_, discriminator_ : torch.nn.Module
        The generator is the moving average over its training, if the genes ask for it.
    n_steps_ : int
        Steps of the generator.
    signals_ : dict of str to ndarray of shape (n_checkpoints,)
        See `Monitor`.
    stability_ : float
        See `Monitor`.
    snapshots_ : ndarray of shape (n_checkpoints, n, ...)
        Samples of the same noise at each checkpoint, as the user has them.
    training_ : GANTraining or None
        What `train_to` and `finish` resume; None once the training has ended.
    offset_ : float
        The logit from which on samples are taken for real ones.
    """

    training_: GANTraining | None = None
    # What it takes to be ready to sample and judge.
    _seconds_after_training = 0.0

    def __init__(
        self,
        genes: dict[str, Any],
        sample_shape: tuple[int, ...],
        channels: str = "auto",
        device: str = "cpu",
        precision: str = "float32",
        prune: bool = True,
        labelled: bool = True,
        table: TableCodec | None = None,
        random_state: int = 0,
    ) -> None:
        self.genes = genes
        self.sample_shape = sample_shape
        self.channels = channels
        self.device = device
        self.precision = precision
        self.prune = prune
        self.labelled = labelled
        self.table = table
        self.random_state = random_state

    # Training.

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train both networks on samples, and labels or values that they are made for.

        Raises
        ------
        TrialPruned
            If losses, gradients or samples are not finite, or (with `prune`) if the
            generator collapses, starves or is far from the data.
        MemoryError
            If the device has no memory left.
        """
        self.training_ = None
        return self.train_to(X, y, self.genes["training"]["epochs"]).settle()

    def train_to(self, X: Any, y: Any, epochs: int) -> Self:
        """Begin or resume a training, until so many epochs are done in all.

        Then it can sample and judge. On a CPU the weights do not depend on where the
        training paused. It ends early, after an epoch, if
        `sknevo.deadline.is_training_over`.

        Raises
        ------
        TrialPruned, MemoryError
            As `fit`.
        """
        return self._train(X, y, min(epochs, self.genes["training"]["epochs"]))

    def finish(
        self,
        X: Any,
        y: Any = None,
        *,
        epochs: int | None = None,
        until: float | None = None,
    ) -> Self:
        """Resume a training where `train_to` paused, and end it.

        The learning rates fall to 0 from where their schedule has left them.

        Parameters
        ----------
        epochs : int or None, default=None
            Epochs to train. None stands for what is left of those of the genes, or for
            any number if `until` is given.
        until : float or None, default=None
            The `time.time()` at which to end: what follows the last step is expected to
            take as long as at the last pause.

        Raises
        ------
        TrialPruned, MemoryError
            As `fit`.
        """
        training = self.genes["training"]
        done = self.training_.epochs if self.training_ else 0
        if epochs is None:
            left = training["epochs"] - done
            epochs = left if until is None else math.inf
        if until is not None:
            until -= self._seconds_after_training
        scheduled = SCHEDULES[training["schedule"]](done / training["epochs"])
        rate = FallingRate(done, epochs, until, scheduled or FINISHING_RATE)
        return self._train(X, y, done + epochs, rate).settle()

    def settle(self) -> Self:
        """Drop what only training needs."""
        self.training_ = None
        return self

    @own_settings()
    @memory_errors()
    def _train(
        self,
        X: Any,
        y: Any,
        epochs: float,
        rate: Callable[[float], float] | None = None,
    ) -> Self:
        """Train until so many epochs are done, and be ready to sample and judge."""
        X = streamed(X, self.sample_shape, self.channels)
        # A training that is interrupted cannot be resumed.
        training, self.training_ = self.training_, None
        if training is None:
            self._learn(X, y)
        samples = self._standardised(X)
        data = TrainingData(samples, y, self._scaler, self._conditions, self.device)
        if training is None:
            training = self._new_training(data)
        training.run(data, epochs, rate)
        start = time.perf_counter()
        if rate is not None:
            training.end(data)
        self.generator_ = training.average.network()
        self.discriminator_ = copy.deepcopy(training.discriminator)
        self.n_steps_, self.stability_ = training.step, training.monitor.stability
        self.signals_ = training.monitor.signals
        self.snapshots_ = np.stack(training.snapshots)
        self._freeze()
        self._calibrate(data, y)
        self._seconds_after_training = time.perf_counter() - start
        self.training_ = training
        return self

    def _standardised(self, X: Any) -> Any:
        """Return samples to train with."""
        if self.table is None:
            return self._scaler.standardise(X)
        # What is drawn of a row does not tell where a training was resumed.
        return self._scaler.standardise(X, np.random.default_rng(self.random_state))

    def _learn(self, X: Any, y: Any) -> None:
        """Learn how samples are scaled, and what they are made for."""
        labels = ConditionEncoder(y, self.labelled)
        self.n_conditions_ = labels.width
        if self.n_conditions_ > 1:
            self.classes_ = labels.classes_
        if self.table is None:
            self._scaler = Scaler(X, self.sample_shape, self.channels)
        else:
            self._scaler = TableScaler(self.table)
        columns = None
        if self._is_conditional:
            scaled = self._scaler.standardise(X)
            columns = ColumnConditions(self.table.parts, scaled)
        self._conditions = Conditions(labels, columns)

    def _new_training(self, data: TrainingData) -> GANTraining:
        generator, discriminator, encoder = self._networks()
        return GANTraining(
            generator,
            discriminator,
            data,
            self.genes,
            self.precision,
            self.random_state,
            self.prune,
            encoder,
        )

    @property
    def _is_conditional(self) -> bool:
        """Whether rows are made for labels of their columns."""
        if self.table is None or not self.genes["table"].get("conditional", False):
            return False
        return any(part.n_conditions for part in self.table.parts)

    def _networks(self) -> tuple[Generator, Discriminator, Encoder | None]:
        """Return all networks, untrained, with the weights of the seed."""
        genes, rng = self.genes, random_source(self.random_state, WEIGHTS)
        parts = () if self.table is None else self.table.parts
        n_labels = self._conditions.labels.width
        plans = gan_plans(genes, self._scaler.shape, n_labels, parts)
        packing = genes["training"]["packing"]
        variational = genes["loss"].get("variational")
        head = encoder = None
        if self.table is not None:
            relaxed = genes["table"]["relaxation"]
            head = TableHead(
                parts,
                genes["table"]["temperature"],
                relaxed == "straight_through",
                self._is_conditional,
                has_spread=variational is not None,
            )
        generator = Generator(plans["generator"], genes["noise"], rng, head)
        discriminator = Discriminator(plans["discriminator"], packing, rng)
        for network in (generator, discriminator):
            network.to(self.device, memory_format=torch.channels_last)
        if variational is not None:
            plan = gan_encoder_plan(genes, parts)
            encoder = Encoder(plan, variational["reconstruction"], rng).to(self.device)
        return generator, discriminator, encoder

    def _freeze(self) -> None:
        """Make both networks ready to sample and judge."""
        self._rejection: RejectionSampler | None = None
        # In double precision, a sample's logit does not depend on those beside it.
        if "dense" in self.genes["discriminator"] and has_double(self.device):
            self.discriminator_.double()
        n_companions = N_PACKS * (self.genes["training"]["packing"] - 1)
        rng = random_source(self.random_state, TRAINING, device=self.device)
        drawn = self._conditions.draw(n_companions, None, rng)
        companions = generate(self.generator_, n_companions, drawn, rng)
        known = self._conditions.of_samples(companions, drawn)
        self.discriminator_.keep_companions(companions, known)

    def _calibrate(self, data: TrainingData, y: Any) -> None:
        """Choose the logit from which on samples count as real, and fit rejection."""
        rows = random_rows(len(data), N_COMPARED)
        y = None if y is None else np.asarray(y)[rows]
        samples = data[torch.from_numpy(rows).to(data.device)]
        real = _to_numpy(self._judge_labelled(samples, y))
        rng = random_source(self.random_state, SAMPLING, device=self.device)
        drawn = self._conditions.draw(len(rows), y, rng)
        samples = generate(self.generator_, len(rows), drawn, rng)
        generated = _to_numpy(self._judge(samples, drawn))
        if not np.isfinite([*real, *generated]).all():
            raise TrialPruned(
                "not finite: the discriminator's logits at the end of training"
            )
        self.offset_ = float(real.mean() + generated.mean()) / 2
        if self.genes["rejection"]:
            self._rejection = RejectionSampler(real, generated, self.genes["rejection"])

    # Sampling.

    @own_settings()
    @memory_errors()
    def sample(
        self,
        n_samples: int = 1,
        y: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> np.ndarray:
        """Return samples in the type and layout of the training samples.

        Parameters
        ----------
        y : array-like of shape (n_samples,), scalar or None, default=None
            Labels or values to make them for; None draws them as frequent as in
            training.
        random_state : int, RandomState or None, default=None
            None makes the same samples each time.
        """
        check_count("n_samples", n_samples)
        rng = random_source(self.random_state, SAMPLING, device=self.device)
        if random_state is not None:
            rng.manual_seed(check_random_state(random_state).randint(2**31 - 1))
        drawn = self._conditions.draw(n_samples, y, rng)
        samples = generate(
            self.generator_, n_samples, drawn, rng, self._judge, self._rejection
        )
        return self._scaler.inverse(samples)

    def _judge(self, samples: Tensor, drawn: Tensor | None) -> Tensor:
        """Return the logits of scaled samples that were made for what was drawn."""
        conditions = self._conditions.of_samples(samples, drawn)
        return self.discriminator_.judge(samples, conditions)

    def _judge_labelled(self, samples: Tensor, y: Any) -> Tensor:
        """Return the logits of scaled samples with labels; the mean label without."""
        samples = samples.to(self.discriminator_.dtype)
        known = self._conditions.of_labels(samples, y)
        return self.discriminator_.judge(samples, known)

    @own_settings()
    @memory_errors()
    def reconstruct(
        self, X: Any, *, n_candidates: int = 500, n_steps: int = 200
    ) -> np.ndarray:
        """Return what the generator makes that is nearest to X, see `metrics.invert`.

        The best of `n_candidates` samples is improved by `n_steps` of gradient descent.
        """
        check_count("n_candidates", n_candidates)
        check_count("n_steps", n_steps, 0)
        self._scaler.check(X)
        rng = random_source(self.random_state, SAMPLING, device=self.device)
        inputs = [self.generator_.noise(n_candidates, rng)]
        width, conditional = inputs[0].shape[1], self._conditions.width > 0
        if conditional:
            inputs.append(self._conditions.draw(n_candidates, None, rng))

        def generator(Z: Tensor) -> Tensor:
            check_deadline()
            # Conditions stay as drawn: there are no samples between two labels.
            conditions = Z[:, width:].detach() if conditional else None
            return self.generator_(Z[:, :width], conditions)

        candidates = torch.cat(inputs, dim=1)
        rebuilt = [
            invert(generator, self._scaled(X[part]).cpu(), candidates, n_steps=n_steps)
            for part in chunks(len(X), self.sample_shape)
        ]
        return self._scaler.inverse(torch.from_numpy(np.concatenate(rebuilt)))

    # Judging.

    @own_settings()
    @memory_errors()
    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Return the discriminator's logits of samples; the mean label if y is None."""
        self._scaler.check(X)
        y = None if y is None else np.asarray(y)
        logits = []
        for part in chunks(len(X), self.sample_shape):
            rows = self._scaled(X[part])
            logits.append(_to_numpy(self._judge_labelled(rows, select(y, part))))
        return np.concatenate(logits)

    def _scaled(self, X: Any) -> Tensor:
        rows = as_tensor(self._scaler.standardise(X), self.device)
        return self._scaler(rows, self.discriminator_.dtype)

    def decision_function(self, X: Any, y: Any = None) -> np.ndarray:
        """Return logits above the one from which on samples are taken for real."""
        return self.score_samples(X, y) - self.offset_

    def predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Return 1 for samples that are taken for real ones, -1 for the others."""
        return np.where(self.decision_function(X, y) >= 0, 1, -1)

    # A GAN that was evolved on a GPU is pickled for the CPU and works without a GPU.

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return state if self.device == "cpu" else _moved(state, "cpu")

    def __setstate__(self, state: dict[str, Any]) -> None:
        device = resolve_device(state["device"])
        if device != "cpu":
            state = _moved(state, device)
        super().__setstate__(state | {"device": device})


def _moved(state: dict[str, Any], device: str) -> dict[str, Any]:
    """Return a state with copies of what holds tensors on a device."""
    state = moved(state, NETWORKS, device)
    if training := state.get("training_"):
        state["training_"] = copied_to(training, device)
    return state


def _to_numpy(logits: Tensor) -> np.ndarray:
    return logits.cpu().double().numpy()
