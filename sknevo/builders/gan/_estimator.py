"""A GAN as an estimator: it learns a density, samples from it and judges samples."""

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
from sknevo.builders.gan._modules import N_PACKS, Discriminator, Generator
from sknevo.builders.gan._sampling import RejectionSampler, generate
from sknevo.builders.gan._training import (
    N_COMPARED,
    SAMPLING,
    TRAINING,
    WEIGHTS,
    AdversarialTraining,
)
from sknevo.builders.networks._data import as_tensor
from sknevo.builders.networks._devices import (
    has_double,
    memory_errors,
    moved,
    own_settings,
    resolve_device,
)
from sknevo.builders.networks._scaler import Scaler
from sknevo.builders.networks._trainer import random_source
from sknevo.data_checks import check_count, random_rows
from sknevo.deadline import TrialPruned, check_deadline
from sknevo.image_stream._stream import streamed
from sknevo.metrics import invert
from sknevo.network_plan import gan_plans
from sknevo.table_codec import TableCodec

# What lies on the device.
NETWORKS = ("generator_", "discriminator_")


class GAN(BaseEstimator):
    """A generator and a discriminator, trained against each other.

    Not a skorch net: its two networks take an unequal number of steps in turns, so that
    none of skorch's steps, scores or callbacks would be used.

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
    signals_, stability_, snapshots_, n_steps_
        See `TrainingResult`.
    offset_ : float
        The logit from which on samples are taken for real ones.
    """

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

    @own_settings()
    @memory_errors()
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
        X = streamed(X, self.sample_shape, self.channels)
        labels = ConditionEncoder(y, self.labelled)
        self.n_conditions_ = labels.width
        if self.n_conditions_ > 1:
            self.classes_ = labels.classes_
        if self.table is None:
            self._scaler = Scaler(X, self.sample_shape, self.channels)
        else:
            self._scaler = TableScaler(self.table)
        scaled, columns = self._scaler.standardise(X), None
        if self._is_conditional:
            columns = ColumnConditions(self.table.parts, scaled)
        self._conditions = Conditions(labels, columns)
        generator, self.discriminator_ = self._networks()
        data = TrainingData(scaled, y, self._scaler, self._conditions, self.device)
        result = AdversarialTraining(
            generator,
            self.discriminator_,
            data,
            self.genes,
            self.precision,
            self.random_state,
        ).run(self.prune)
        self.generator_, self.n_steps_ = result.generator, result.n_steps
        self.signals_, self.stability_ = result.signals, result.stability
        self.snapshots_ = result.snapshots
        self._freeze()
        self._calibrate(X, y)
        return self

    @property
    def _is_conditional(self) -> bool:
        """Whether rows are made for labels of their columns."""
        return self.table is not None and self.genes["table"].get("conditional", False)

    def _networks(self) -> tuple[Generator, Discriminator]:
        """Return both networks, untrained, with the weights of the seed."""
        genes, rng = self.genes, random_source(self.random_state, WEIGHTS)
        parts = () if self.table is None else self.table.parts
        n_labels = self._conditions.labels.width
        plans = gan_plans(genes, self._scaler.shape, n_labels, parts)
        packing = genes["training"]["packing"]
        head = None
        if self.table is not None:
            relaxed = genes["table"]["relaxation"]
            head = TableHead(
                parts,
                genes["table"]["temperature"],
                relaxed == "straight_through",
                self._is_conditional,
            )
        networks = (
            Generator(plans["generator"], genes["noise"], rng, head),
            Discriminator(plans["discriminator"], packing, rng),
        )
        for network in networks:
            network.to(self.device, memory_format=torch.channels_last)
        return networks

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

    def _calibrate(self, X: Any, y: Any) -> None:
        """Choose the logit from which on samples count as real, and fit rejection."""
        rows = random_rows(len(X), N_COMPARED)
        y = None if y is None else np.asarray(y)[rows]
        real = self.score_samples(X[rows], y)
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
            known = self._conditions.of_labels(rows, select(y, part))
            logits.append(_to_numpy(self.discriminator_.judge(rows, known)))
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
        return state if self.device == "cpu" else moved(state, NETWORKS, "cpu")

    def __setstate__(self, state: dict[str, Any]) -> None:
        device = resolve_device(state["device"])
        if device != "cpu":
            state = moved(state, NETWORKS, device)
        super().__setstate__(state | {"device": device})


def _to_numpy(logits: Tensor) -> np.ndarray:
    return logits.cpu().double().numpy()
