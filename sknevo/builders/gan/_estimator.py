"""A GAN as an estimator: it learns a density, samples from it and judges samples."""

import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import Tensor

from sknevo.builders.gan._data import Condition, Scale
from sknevo.builders.gan._modules import Discriminator, Generator, Noise
from sknevo.builders.gan._packing import PACKS, Packs
from sknevo.builders.gan._rejection import Rejection
from sknevo.builders.gan._training import COMPARED, SAMPLES, TRAINING, WEIGHTS, Training
from sknevo.builders.networks._data import as_tensor
from sknevo.builders.networks._devices import memory_errors, moved, resolve_device
from sknevo.deadline import TrialPruned, check_deadline
from sknevo.image_stream import streamed
from sknevo.metrics import invert
from sknevo.network_plan import image_shape

__all__ = ["GAN"]

# Samples that are made or judged at once, and the values of all of them.
AT_ONCE, VALUES_AT_ONCE = 1024, 2**21
# What the discriminator turns away is drawn anew so often; then it passes.
MOST_DRAWS = 32
# What lies on the device.
MODULES = ("_noise", "generator_", "discriminator_", "_packs")


class GAN(BaseEstimator):
    """A generator and a discriminator, trained against each other.

    Not a skorch net: skorch trains one module by one loss in epochs. Here two modules,
    each with its own optimizer, take turns in an unequal number of steps, and none of
    skorch's steps, scores or callbacks would be left. What it looks like from outside
    is the same: an estimator with `fit`, `get_params` and torch modules inside.

    Parameters
    ----------
    genes : dict
        Expressed genes of `sknevo.genomes.gan`.
    sample_shape : tuple of int
        Of one sample: (features,), (height, width), (channels, height, width) or
        (height, width, channels).
    device : str, default="cpu"
        Where to train, as torch names it.
    precision : {"float32", "bfloat16"}, default="float32"
        What convolutions compute in; the weights are float32.
    judging : bool, default=True
        Whether the training ends when the generator collapses.
    labelled : bool, default=True
        Whether y holds labels rather than values.
    random_state : int, default=0
        Seed of everything.

    Attributes
    ----------
    n_conditions_ : int
        Number of labels that samples are made for, 1 for values, 0 for nothing.
    classes_ : ndarray of shape (n_conditions_,)
        The labels, sorted, if there are such.
    generator_, discriminator_ : torch.nn.Module
        The generator is the moving average of its own past, if the genes say so.
    signals_ : dict of str to ndarray of shape (n_checkpoints,)
        What was seen while training, see `sknevo.builders.gan._monitor.Monitor`.
    stability_ : float
        How calm the training was, in [0, 1].
    snapshots_ : ndarray of shape (n_checkpoints, n, ...)
        Samples of the same noise at each checkpoint.
    offset_ : float
        The logit from which on samples are taken for real ones.
    n_steps_ : int
        Steps of the generator.
    """

    def __init__(
        self,
        genes: dict[str, Any],
        sample_shape: tuple[int, ...],
        device: str = "cpu",
        precision: str = "float32",
        judging: bool = True,
        labelled: bool = True,
        random_state: int = 0,
    ) -> None:
        self.genes = genes
        self.sample_shape = sample_shape
        self.device = device
        self.precision = precision
        self.judging = judging
        self.labelled = labelled
        self.random_state = random_state

    # Training.

    @memory_errors()
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train both networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), or ImageStream
            Samples.
        y : array-like of shape (n_samples,) or None, default=None
            Labels or values that samples are made for.

        Returns
        -------
        self : object

        Raises
        ------
        TrialPruned
            If losses, gradients or samples are not finite, or (if `judging`) if the
            generator collapses, starves or is far from the data.
        MemoryError
            If the device has no memory left.
        """
        X = streamed(X, self.sample_shape)
        self._condition = Condition(y, self.labelled)
        self.n_conditions_ = self._condition.width
        if self.n_conditions_ > 1:
            self.classes_ = self._condition.classes_
        self._scale = Scale(X, self.sample_shape)
        self._build()
        Training(self, X, y).run()
        self._settle(X, y)
        return self

    def _build(self) -> None:
        """Make networks with weights of this net's own seed."""
        genes, shape = self.genes, image_shape(self.sample_shape)
        draw, width = self._source(WEIGHTS, "cpu"), self._condition.width
        self._rejection: Rejection | None = None  # of what is made while training
        self._noise = Noise(genes["noise"], draw).to(self.device)
        self.generator_ = Generator(
            genes["generator"], genes["noise"]["dimension"], shape, width, draw
        )
        self.discriminator_ = Discriminator(
            genes["discriminator"], genes["training"]["packing"], shape, width, draw
        )
        for network in (self.generator_, self.discriminator_):
            network.to(self.device, memory_format=torch.channels_last)

    def _source(self, use: int, device: str | None = None) -> torch.Generator:
        """Return a source of randomness for a use: the same one each time."""
        sequence = np.random.SeedSequence(self.random_state, spawn_key=(use,))
        seed = int(sequence.generate_state(1)[0])
        return torch.Generator(device or self.device).manual_seed(seed)

    def _settle(self, X: Any, y: Any) -> None:
        """Make ready to sample and judge; choose where real ones begin.

        Dense networks judge in double precision, so that a sample's logit does not
        depend on which others are beside it.
        """
        self.generator_.eval()
        self.discriminator_.eval()
        if self._judges_in_double:
            self.discriminator_.double()
        packing = self.genes["training"]["packing"]
        n_companions, draw = PACKS * (packing - 1), self._source(TRAINING)
        condition = self._conditions(n_companions, None, draw)
        self._packs = Packs(self._make(n_companions, condition, draw), condition)
        rows = np.linspace(0, len(X) - 1, min(COMPARED, len(X))).astype(int)
        y, draw = None if y is None else np.asarray(y)[rows], self._source(SAMPLES)
        real = self.score_samples(X[rows], y)
        condition = self._conditions(len(rows), y, draw)
        made = self._logits(self._make(len(rows), condition, draw), condition)
        if not np.isfinite([*real, *made]).all():
            raise TrialPruned("not finite: the discriminator's logits in the end")
        self.offset_ = float(real.mean() + made.mean()) / 2
        if self.genes["rejection"]:
            self._rejection = Rejection(real, made, self.genes["rejection"])

    @property
    def _judges_in_double(self) -> bool:
        dense = "dense" in self.genes["discriminator"]
        return dense and torch.device(self.device).type != "mps"

    # Sampling.

    def sample(
        self,
        n_samples: int = 1,
        y: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> np.ndarray:
        """Make samples.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        y : array-like of shape (n_samples,), scalar or None, default=None
            Labels or values to make them for, if it was trained with such; None draws
            them as frequent as in training.
        random_state : int, RandomState or None, default=None
            Source of randomness; None stands for this net's own seed: the same samples
            each time.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            In the type and layout of the training samples.

        Raises
        ------
        ValueError
            If `n_samples` is less than 1, or y is not as in training.
        """
        if n_samples < 1:
            raise ValueError(f"n_samples must be at least 1; got {n_samples}.")
        draw = self._source(SAMPLES)
        if random_state is not None:
            draw.manual_seed(check_random_state(random_state).randint(2**31 - 1))
        condition = self._conditions(n_samples, y, draw)
        return self._scale.undo(self._make(n_samples, condition, draw))

    @memory_errors()
    def _make(self, n: int, condition: Tensor | None, draw: torch.Generator) -> Tensor:
        """Return standardised samples."""
        made = [torch.empty(0, *image_shape(self.sample_shape), device=self.device)]
        with torch.inference_mode():
            for part in self._parts(n):
                size = min(part.stop, n) - part.start
                made.append(self._make_batch(size, _rows(condition, part), draw))
        return torch.cat(made)

    def _make_batch(
        self, n: int, condition: Tensor | None, draw: torch.Generator
    ) -> Tensor:
        """Return samples; what the discriminator turns away is drawn anew."""
        made = self.generator_(self._noise(n, draw), condition)
        if self._rejection is None:
            return made
        waiting = torch.arange(n, device=made.device)
        for _ in range(MOST_DRAWS):
            check_deadline()
            logits = self._judge(made[waiting], _rows(condition, waiting))
            waiting = waiting[~self._rejection(logits, draw)]
            if not len(waiting):
                break
            Z = self._noise(len(waiting), draw)
            made[waiting] = self.generator_(Z, _rows(condition, waiting))
        return made

    @memory_errors()
    def reconstruct(
        self, X: Any, *, n_candidates: int = 500, n_steps: int = 200
    ) -> np.ndarray:
        """Rebuild samples as well as the generator can.

        `sknevo.metrics.peak_signal_noise_ratio(X, rebuilt)` tells how well, of images
        that were not seen in training: whether it can make them at all. What they are
        made for is chosen freely.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        n_candidates : int, default=500
            Samples that the nearest is taken of, to begin with.
        n_steps : int, default=200
            Steps of gradient descent, see `sknevo.metrics.invert`.

        Returns
        -------
        ndarray of shape (n_samples, ...)
        """
        draw, dimension = self._source(SAMPLES), self._noise.dimension
        given = [self._noise(n_candidates, draw)]
        if self._condition.width:
            given.append(self._conditions(n_candidates, None, draw))

        def generate(Z: Tensor) -> Tensor:
            check_deadline()
            # As it was drawn: nobody samples what is between two labels.
            condition = Z[:, dimension:].detach() if self._condition.width else None
            return self.generator_(Z[:, :dimension], condition)

        candidates = torch.cat(given, dim=1)
        rebuilt = [
            invert(generate, self._batch(X[part]).cpu(), candidates, n_steps=n_steps)
            for part in self._parts(len(X))
        ]
        return self._scale.undo(torch.from_numpy(np.concatenate(rebuilt)))

    def _conditions(self, n: int, y: Any, draw: torch.Generator) -> Tensor | None:
        """Return what is asked for, or draws it as frequent as in training."""
        if not self._condition.width:
            self._condition.check_absent(y)
            return None
        if y is None:
            seed = torch.randint(2**31 - 1, (), generator=draw, device=self.device)
            drawn = self._condition.draw(n, np.random.default_rng(int(seed)))
        else:
            drawn = self._condition.encode(np.broadcast_to(np.asarray(y), n))
        return torch.as_tensor(drawn, dtype=torch.float32, device=self.device)

    def _parts(self, n: int) -> Iterator[slice]:
        """Yield which of n samples are made or judged at once."""
        size = max(1, min(AT_ONCE, VALUES_AT_ONCE // math.prod(self.sample_shape)))
        for begin in range(0, n, size):
            check_deadline()
            yield slice(begin, begin + size)

    # Judging.

    @memory_errors()
    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Return how real samples look to the discriminator.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or None, default=None
            What they were made for; None stands for the mean over all.

        Returns
        -------
        ndarray of shape (n_samples,)
            Logits.
        """
        condition = None
        if self._condition.width:
            known = self._condition
            condition = known.mean(len(X)) if y is None else known.encode(np.asarray(y))
            condition = torch.as_tensor(
                condition, dtype=self._dtype, device=self.device
            )
        logits = [
            self._logits(self._batch(X[part]), _rows(condition, part))
            for part in self._parts(len(X))
        ]
        return np.concatenate(logits)

    def _batch(self, X: Any) -> Tensor:
        """Return samples as the networks have them."""
        centred = as_tensor(self._scale.centred(X), self.device)
        return self._scale(centred, self._dtype)

    def _logits(self, X: Tensor, condition: Tensor | None) -> np.ndarray:
        """Return what is thought of standardised samples."""
        with torch.inference_mode():
            logits = [
                self._judge(X[part], _rows(condition, part))
                for part in self._parts(len(X))
            ]
        return torch.cat(logits).cpu().double().numpy()

    @property
    def _dtype(self) -> torch.dtype:
        return torch.double if self._judges_in_double else torch.float

    def _judge(self, X: Tensor, condition: Tensor | None) -> Tensor:
        if condition is not None:
            condition = condition.to(self._dtype)
        return self._packs(self.discriminator_, X.to(self._dtype), condition)

    def decision_function(self, X: Any, y: Any = None) -> np.ndarray:
        """Return the logits above that from which on samples are taken for real ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or None, default=None
            What they were made for.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.score_samples(X, y) - self.offset_

    def predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Say which samples the discriminator takes for real ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or None, default=None
            What they were made for.

        Returns
        -------
        ndarray of shape (n_samples,)
            1 for real ones, -1 for generated ones.
        """
        return np.where(self.decision_function(X, y) >= 0, 1, -1)

    # On another machine.

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return state if self.device == "cpu" else moved(state, MODULES, "cpu")

    def __setstate__(self, state: dict[str, Any]) -> None:
        # What was evolved on a GPU samples without one.
        device = resolve_device(state["device"])
        if device != "cpu":
            state = moved(state, MODULES, device)
        super().__setstate__(state | {"device": device})


def _rows(condition: Tensor | None, rows: Any) -> Tensor | None:
    return None if condition is None else condition[rows]
