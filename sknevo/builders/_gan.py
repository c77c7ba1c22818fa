"""A GAN as an estimator: it learns a density, samples from it and judges samples."""

import math
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import Tensor

from sknevo.builders._batches import samples
from sknevo.builders._devices import resolve_device
from sknevo.builders._gan_data import Condition, Scale
from sknevo.builders._gan_networks import Discriminator, Generator, Noise
from sknevo.builders._gan_training import COMPARED, Training
from sknevo.builders._memory import memory_errors
from sknevo.interruption import check_deadline
from sknevo.sizes import image_shape
from sknevo.streams import streamed

__all__ = ["GAN"]

# Samples that are made or judged at once, and the values of all of them.
AT_ONCE, VALUES_AT_ONCE = 1024, 2**21
# A sample is judged in so many packs, filled up with generated ones.
PACKS = 8


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
    generator_, discriminator_ : torch.nn.Module
        The generator is the moving average of its own past, if the genes say so.
    signals_ : dict of str to ndarray of shape (n_checkpoints,)
        What was seen while training, see `sknevo.builders._gan_monitor.Monitor`.
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
        Pruned
            If losses, gradients or samples are not finite, or (if `judging`) if the
            generator collapses or starves.
        MemoryError
            If the device has no memory left.
        """
        X = streamed(X, self.sample_shape)
        self._condition = Condition(y, self.labelled)
        self._scale = Scale(X, self.sample_shape)
        self._build()
        Training(self, X, y).run()
        self._settle(X, y)
        return self

    def _build(self) -> None:
        """Make networks with weights of this net's own seed."""
        genes, shape = self.genes, image_shape(self.sample_shape)
        draw = torch.Generator().manual_seed(self.random_state)
        width = self._condition.width
        self._noise = Noise(genes["noise"], draw).to(self.device)
        self.generator_ = Generator(
            genes["generator"], genes["noise"]["dimension"], shape, width, draw
        )
        self.discriminator_ = Discriminator(
            genes["discriminator"], genes["training"]["packing"], shape, width, draw
        )
        for network in (self.generator_, self.discriminator_):
            network.to(self.device, memory_format=torch.channels_last)

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
        generator = torch.Generator(self.device).manual_seed(self.random_state)
        self._companions = self._make(PACKS * (packing - 1), None, generator)
        rows = np.linspace(0, len(X) - 1, min(COMPARED, len(X))).astype(int)
        condition = None if y is None else np.asarray(y)[rows]
        real = self.score_samples(X[rows], condition)
        made = self.score_samples(self.sample(len(rows), condition), condition)
        self.offset_ = float(real.mean() + made.mean()) / 2

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
        """
        seed = self.random_state
        if random_state is not None:
            seed = check_random_state(random_state).randint(2**31 - 1)
        generator = torch.Generator(self.device).manual_seed(int(seed))
        return self._scale.undo(self._make(n_samples, y, generator))

    @memory_errors()
    def _make(self, n: int, y: Any, generator: torch.Generator) -> Tensor:
        """Return standardised samples."""
        condition = self._conditions(n, y, generator)
        size = self._at_once
        made = [torch.empty(0, *image_shape(self.sample_shape), device=self.device)]
        with torch.inference_mode():
            for begin in range(0, n, size):
                check_deadline()
                Z = self._noise(min(size, n - begin), generator)
                part = None if condition is None else condition[begin : begin + size]
                made.append(self.generator_(Z, part))
        return torch.cat(made)

    def _conditions(self, n: int, y: Any, generator: torch.Generator) -> Tensor | None:
        if not self._condition.width:
            self._condition.check_absent(y)
            return None
        if y is None:
            seed = int(
                torch.randint(2**31 - 1, (), generator=generator, device=self.device)
            )
            drawn = self._condition.draw(n, np.random.default_rng(seed))
        else:
            drawn = self._condition.encode(np.broadcast_to(np.asarray(y), n))
        return torch.as_tensor(drawn, dtype=torch.float32, device=self.device)

    @property
    def _at_once(self) -> int:
        return max(1, min(AT_ONCE, VALUES_AT_ONCE // math.prod(self.sample_shape)))

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
            condition = torch.as_tensor(condition, device=self.device)
        logits = []
        with torch.inference_mode():
            for begin in range(0, len(X), self._at_once):
                check_deadline()
                part = slice(begin, begin + self._at_once)
                batch = self._scale(samples(X[part], self.device), self._dtype)
                beside = None if condition is None else condition[part].to(self._dtype)
                logits.append(self._judge(batch, beside).double().cpu())
        return torch.cat(logits).numpy()

    @property
    def _dtype(self) -> torch.dtype:
        return torch.double if self._judges_in_double else torch.float

    def _judge(self, X: Tensor, condition: Tensor | None) -> Tensor:
        """Return the mean logit of packs of a sample and generated ones."""
        packing = self.genes["training"]["packing"]
        if packing == 1:
            return self.discriminator_(X, condition)
        logits = []
        for others in self._companions.to(X.dtype).split(packing - 1):
            shape = X.shape[1:]
            filled = others.unsqueeze(0).expand(len(X), *others.shape)
            pack = torch.cat([X.unsqueeze(1), filled], dim=1).reshape(-1, *shape)
            known = condition
            if condition is not None:
                known = condition.repeat_interleave(packing, dim=0)
            logits.append(self.discriminator_(pack, known))
        return torch.stack(logits).mean(dim=0)

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

    def __setstate__(self, state: dict[str, Any]) -> None:
        # What was evolved on a GPU samples without one.
        wanted = state["device"]
        state["device"] = resolve_device(wanted)
        super().__setstate__(state)
