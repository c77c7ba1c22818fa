"""A skorch net of a `Network`, fast on arrays; each task adds its loss and its answers.

A task of its own subclasses `Net`, and one of skorch's nets where there is one, and
says what it learns of the targets, how they become tensors, and what is predicted.
"""

import math
from collections.abc import Collection
from typing import Any, Self

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor

from sknevo.builders.networks._data import (
    ShuffledBatches,
    SlicedBatches,
    as_tensor,
    input_type,
    samples,
    statistics,
)
from sknevo.builders.networks._devices import (
    has_double,
    memory_errors,
    own_settings,
    resolve_device,
    resolve_precision,
)
from sknevo.builders.networks._trainer import Trainer, autocast, check_finite
from sknevo.deadline import TrialPruned, check_deadline
from sknevo.image_stream._scale import PixelRange
from sknevo.image_stream._stream import streamed

# A network that has not learned anything after a quarter of its epochs, and of so many
# batches, is not going to: it does not beat a constant guess by a share of its loss.
FIRST_RUNG, FEWEST_BATCHES, CHANCE = 0.25, 50, 0.995
# Samples, and the pixels or features of all of them, that are predicted at once; chosen
# so that a batch's activations take some hundred megabytes, not measured.
PREDICTED_AT_ONCE, PIXELS_AT_ONCE = 1024, 2**21


class Net(NeuralNet):
    """What the skorch nets of all tasks share.

    Samples are held as one tensor on the device, and batches taken out of it by index;
    those of an `ImageStream` are read batch by batch, one ahead. Callbacks are told of
    trainings and epochs, not of batches.

    Parameters
    ----------
    module : type
        Takes `n_outputs`, `mean` and `scale` beside its own parameters.
    schedule : {"constant", "cosine", "one_cycle", "step"}, default="constant"
        How the learning rate goes on, over however many epochs there are.
    precision : {"float32", "bfloat16"}, default="float32"
        What the network computes in; the weights are float32 [1]_.
    patient : bool, default=True
        Whether to go on with a network that has not learned anything so far.
    random_state : int, default=0
        Seed of the order of the samples, of augmentation and dropout.
    **parameters
        Of `skorch.NeuralNet`. The criterion returns a loss for each sample.

    References
    ----------
    .. [1] Micikevicius, P. et al. (2018). Mixed Precision Training. ICLR.
    """

    # Of the samples, while `fit` runs.
    _weights: np.ndarray | None = None

    def __init__(
        self,
        module: Any,
        *args: Any,
        schedule: str = "constant",
        precision: str = "float32",
        patient: bool = True,
        random_state: int = 0,
        **parameters: Any,
    ) -> None:
        super().__init__(module, *args, **parameters)
        self.schedule = schedule
        self.precision = precision
        self.patient = patient
        self.random_state = random_state

    # A task overrides these.

    def learn_targets(self, y: Any) -> int:
        """Learn what is known of the targets; return the number of outputs."""
        raise NotImplementedError

    def encode(self, y: Any) -> Any:
        """Return targets as a Tensor, or as what gives Tensors by index of rows."""
        raise NotImplementedError

    def losses(self, outputs: Any, targets: Any) -> Tensor:
        """Return the loss of each sample of a batch."""
        return self.criterion_(outputs, targets)

    def guess(self, targets: Any, weights: Tensor) -> Any:
        """Return the best outputs that do not depend on the sample, for all samples."""
        raise NotImplementedError

    def target_state(self) -> dict[str, Any]:
        """Return what was learned of the targets, as JSON."""
        raise NotImplementedError

    def restore_targets(self, state: dict[str, Any]) -> int:
        """Take `target_state` for learned; return the number of outputs."""
        raise NotImplementedError

    # Training.

    @own_settings()
    @memory_errors()
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), or ImageStream
            Samples.
        y : array-like of shape (n_samples, ...)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights, none of them 0; a common factor has no effect.

        Returns
        -------
        self : object

        Raises
        ------
        TrialPruned
            If the loss is not finite; unless `patient`, if it is no better than a
            constant guess after a quarter of the epochs, and 50 batches.
        MemoryError
            If the device has no memory left.
        """
        self._weights = np.ones(len(X)) if sample_weight is None else sample_weight
        self._known = {
            "n_outputs": self.learn_targets(y),
            **statistics(X, self._sample_shape, self._input_type, self._channels),
        }
        # Columns of a table have units of their own, and may leave their range.
        self.pixels_ = PixelRange.of(X) if len(self._sample_shape) > 1 else None
        generator = torch.Generator(self.device).manual_seed(self.random_state)
        try:
            # Not skorch's own `fit`, which takes Ctrl-C for the end of the training.
            self.initialize()
            self._trainer = Trainer([self.optimizer_], generator, self.schedule)
            self.notify("on_train_begin", X=X, y=y)
            self.fit_loop(X, y)
            self.notify("on_train_end", X=X, y=y)
        finally:
            self._weights = self._trainer = None
        return self._settled()

    def partial_fit(self, *_: Any, **__: Any) -> Self:
        """Raise an error: training cannot be continued.

        Raises
        ------
        NotImplementedError
            Always: the learning-rate schedule ends with `fit`.
        """
        raise NotImplementedError(
            "partial_fit is not supported: the learning-rate schedule ends with fit. "
            "Call fit with all samples."
        )

    def _settled(self) -> Self:
        """Make the module ready to predict.

        Dense networks go on in double precision: it costs them little, and the
        prediction for a sample then does not depend on which others are in the batch.
        """
        self.module_.eval()
        if has_double(self.device) and len(self._sample_shape) == 1:
            self.module_.double()
        return self

    # What skorch asks for on its way, in this order.

    def initialize_module(self) -> Self:
        """Build the module, with what is known of the data."""
        self.module_ = self.module(**self.get_params_for("module"), **self._known)
        return self

    def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> tuple[Any, None]:
        """Return samples, targets and weights as tensors to train with."""
        weights = np.asarray(self._weights, float)
        dataset = [
            samples(X, self.device, self._input_type),
            self.encode(y),
            as_tensor(weights / weights.mean(), self.device),
        ]
        return dataset, None

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Return samples to predict; images must be on the scale of those of fit."""
        X = streamed(X, self._sample_shape, self._channels)
        if self.pixels_ is not None:
            self.pixels_.check(X)
        return X

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return what yields batches, shuffled if training."""
        if training:
            return ShuffledBatches(dataset, self.batch_size, self._trainer.generator)
        pixels = math.prod(self._sample_shape)
        size = min(PREDICTED_AT_ONCE, max(1, PIXELS_AT_ONCE // pixels))
        return SlicedBatches(dataset, size, self._input_type)

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **_: Any
    ) -> None:
        """Train for an epoch; nothing waits for the device before it is over."""
        if iterator is None:
            return
        epoch, losses, sizes = len(self.history) - 1, [], []
        with self._trainer.training(self.module_):
            for batch in self._trainer.steps(iterator, epoch, self.max_epochs):
                losses.append(step_fn(batch))
                sizes.append(len(batch[0]))
        summed = torch.stack(losses).cpu()
        self.history.record(f"{prefix}_loss", float(summed.sum()) / sum(sizes))
        # Of a first epoch, the first batches say nothing of what was learned.
        late = len(sizes) // 2
        recent = float(summed[late:].sum()) / sum(sizes[late:])
        check_finite(recent, f"after epoch {len(self.history)}")
        self._give_up_if_hopeless(recent, iterator)

    def train_step(self, batch: Any, **_: Any) -> Tensor:
        """Learn from a batch; return the sum of its losses."""
        X, targets, weights = batch
        loss = (self.losses(self.infer(X), targets) * weights).sum()
        self._trainer.minimise(loss / len(X), self.optimizer_)
        return loss.detach()

    @memory_errors()
    def evaluation_step(self, batch: Any, training: bool = False) -> Any:
        """Return the outputs for a batch."""
        check_deadline()
        with torch.inference_mode():
            return self.infer(batch)

    def infer(self, x: Tensor, **_: Any) -> Any:
        """Return the outputs for a batch, in full precision."""
        with autocast(self.device, self.precision):
            outputs = self.module_(x.to(self.device))
        if isinstance(outputs, Tensor):
            return _at_least_single(outputs)
        return tuple(map(_at_least_single, outputs))

    # The rest is ours.

    @property
    def _sample_shape(self) -> tuple[int, ...]:
        return self.get_params_for("module")["sample_shape"]

    @property
    def _channels(self) -> str:
        return self.get_params_for("module")["channels"]

    @property
    def _input_type(self) -> type:
        return input_type(self._sample_shape, self.device)

    def _give_up_if_hopeless(self, loss: float, batches: Collection[Any]) -> None:
        epoch = len(self.history)
        rung = math.ceil(FIRST_RUNG * self.max_epochs)
        rung = max(rung, math.ceil(FEWEST_BATCHES / len(batches)))
        if self.patient or epoch != rung or epoch == self.max_epochs:
            return
        _, targets, weights = batches.tensors
        guessed = self.losses(self.guess(targets, weights), targets)
        guess = float((guessed * weights).mean())
        if 0 < CHANCE * guess < loss:  # constant targets are learned by a guess
            raise TrialPruned(
                f"still at chance level after {epoch} of {self.max_epochs} epochs: the "
                f"loss is {loss:.4g}, that of a constant guess {guess:.4g}"
            )

    # On another machine.

    @own_settings()
    def restored(
        self, n_outputs: int, weights: dict[str, Tensor], pixels: PixelRange | None
    ) -> Self:
        """Return this net, its targets restored, with the weights of a fitted one."""
        self.pixels_ = pixels
        known = {
            name: as_tensor(weights[f"standardise.{name}"], dtype=self._input_type)
            for name in ("mean", "scale")
        }
        self._known = {"n_outputs": n_outputs, **known}
        self.initialize()
        self._settled().module_.load_state_dict(weights)
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        # What was evolved on a GPU predicts without one; skorch would warn.
        device = resolve_device(state["device"])
        if device != state["device"] and state["precision"] != "float32":
            state["precision"] = resolve_precision("auto", device)
        state["device"] = device
        super().__setstate__(state)


def _at_least_single(outputs: Tensor) -> Tensor:
    return outputs.float() if outputs.dtype == torch.bfloat16 else outputs
