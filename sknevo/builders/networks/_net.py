"""A skorch net of a `Network`, fast on arrays; each task adds its loss and its answers.

A task of its own subclasses `Net`, and one of skorch's nets where there is one, and
says what it learns of the targets, how they become tensors, and what is predicted.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from sknevo.builders.networks._data import (
    EPOCH,
    ShuffledBatches,
    SlicedBatches,
    as_tensor,
    input_type,
    rows_of_epoch,
    samples_on_device,
    statistics,
)
from sknevo.builders.networks._devices import (
    has_double,
    memory_errors,
    own_settings,
    resolve_device,
    resolve_precision,
)
from sknevo.builders.networks._modules import Network
from sknevo.builders.networks._pretrained import photo_statistics
from sknevo.builders.networks._trainer import (
    SCHEDULES,
    FallingRate,
    Trainer,
    WeightAverage,
    autocast,
    check_finite,
    random_source,
)
from sknevo.builders.networks._whitening import whitening_directions
from sknevo.deadline import TrialPruned, check_deadline, is_training_over
from sknevo.image_stream._scale import PixelRange
from sknevo.image_stream._stream import streamed
from sknevo.pretrained._stages import FirstLayers

# A network that has not learned anything after a quarter of its epochs, and of so many
# batches, is not going to: it does not beat a constant guess by a share of its loss.
FIRST_RUNG, FEWEST_BATCHES, CHANCE = 0.25, 50, 0.995
# The learning rate rises in so many steps, or in this share of all if that is less. On
# parts of MNIST and Fashion-MNIST (4,000 images) and 300 photos, trainings of 180 to
# 650 steps ended better with 50 steps than with 20, by 0.6 points in the mean; with 100
# they ended as with 50, but their first epochs were worse by 2 points.
WARM_UP, WARM_UP_SHARE = 50, 0.15
# Samples, and the pixels or features of all of them, that are predicted at once. Chosen
# so that a batch's activations take some hundred megabytes, not measured. Images' stay
# in the cache of a CPU: 1,000 of 28 x 28 took channels of 32 and 64 0.08 s in
# batches of 256 and 0.20 s in batches of 1,024; 1,000 of 96 x 96 in three colours took
# 1.1 s in batches of 8 and 16, and 2.8 s in batches of 128.
PREDICTED_AT_ONCE, PIXELS_AT_ONCE, PIXELS_IN_CACHE = 1024, 2**21, 200_000
# Bytes of what frozen layers make of all samples, which is kept while a network trains.
# More is computed again in each epoch. Chosen, not measured.
MOST_KEPT = 2**29


class Net(NeuralNet):
    """What the skorch nets of all tasks share.

    A training is one sequence of epochs, each of all samples or of the next ones of a
    pass over them, if they are many. What is random depends on the seed and on the
    place in the sequence alone. `fit` trains to its end. `train_to` trains the
    beginning of it and may go on later; it predicts with the average of the weights so
    far [2]_. `finish` ends a training that was begun.

    Samples are one tensor on the device, of which batches are rows; those of an
    `ImageStream` are read batch by batch, one ahead. Callbacks are called for trainings
    and epochs, not for batches.

    Parameters
    ----------
    module : type
        Takes `n_outputs`, `mean` and `scale` beside its own parameters.
    schedule : {"constant", "cosine", "step", "linear"}, default="constant"
        How the learning rate goes on over `max_epochs`, after a short warm-up.
    precision : {"float32", "bfloat16"}, default="float32"
        What the network computes in; the weights are float32 [1]_.
    patient : bool, default=True
        Whether to train on a network that is still at chance level after a quarter of
        its epochs. Otherwise it is pruned.
    random_state : int, default=0
        Seed of the order of the samples, of augmentation and dropout.
    **parameters
        Of `skorch.NeuralNet`. The criterion returns a loss for each sample.

    Attributes
    ----------
    epochs_ : int
        Epochs that were trained.
    training_ : object or None
        What `train_to` and `finish` resume from; None once the training has ended.

    References
    ----------
    .. [1] Micikevicius, P. et al. (2018). Mixed Precision Training. ICLR.
    .. [2] Karras, T. et al. (2024). Analyzing and Improving the Training Dynamics of
       Diffusion Models. CVPR.
    """

    # Pickled with the module, with which it shares the weights.
    cuda_dependent_attributes_: ClassVar[list[str]] = ["training_"]

    training_: "_Training | None" = None
    # Of the samples, while a training runs.
    _weights: np.ndarray | None = None
    # Layers that are done with the samples of a training before it begins.
    _n_done: int = 0

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

    def __repr__(self) -> str:
        name = type(self).__name__
        if not self.initialized_:
            return f"<{name}, not fitted>"
        n_weights = sum(weights.numel() for weights in self.module_.parameters())
        return f"<{name}: {n_weights:,} weights; module_ shows its layers>"

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
        """Return the outputs of the best constant guess, repeated for all samples.

        Its loss is the chance level, see `chance_loss`.
        """
        raise NotImplementedError

    def known_of(self, X: Any) -> dict[str, Any]:
        """Return parameters of the module that depend on the training samples.

        These are `mean` and `scale`, by which inputs are standardised, and the
        `directions` of a whitening layer. A network that begins with the layers of a
        pretrained one has the statistics of its photos, and `read`: its weights are
        read from their file.
        """
        layout = self._sample_shape, self._channels
        genes = self.get_params_for("module")["genes"]
        if first := FirstLayers.of(genes):
            photos = photo_statistics(first, *layout, self.pixel_range(X))
            return {**photos, "read": True}
        known = statistics(X, self._sample_shape, self._input_type, self._channels)
        stem = genes.get("stem", {})
        if "whitening" in stem:
            kernel = stem["whitening"]["kernel"]
            known["directions"] = whitening_directions(
                X, self._sample_shape, self._channels, kernel, **known
            )
        return known

    def pixel_range(self, X: Any) -> PixelRange | None:
        """Return the scale of images; rows have none."""
        # Columns of a table have units of their own, and may leave their range.
        return PixelRange.of(X) if len(self._sample_shape) > 1 else None

    def batches(self, dataset: Any, epoch: int) -> ShuffledBatches:
        """Return the batches of an epoch: samples, targets and weights."""
        rows = rows_of_epoch(epoch, len(dataset[-1]), self.random_state)
        return ShuffledBatches(dataset, rows, self.batch_size)

    def outputs_and_targets(self, X: Any, targets: Any) -> tuple[Any, Any]:
        """Return the outputs for a batch in training, and what they are compared with.

        Targets of single pixels move with their images.
        """
        done = (self._n_done,) if self._n_done else ()
        return self.infer(X, *done), targets

    def chance_loss(self, batches: ShuffledBatches) -> float:
        """Return the mean loss of a guess that does not depend on the sample."""
        _, targets, weights = batches.tensors
        guessed = self.losses(self.guess(targets, weights), targets)
        return float((guessed * weights).mean())

    def calibrate(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Learn what predictions need beside the network, whenever training pauses."""

    # The name of what `answered` returns, in files of ONNX.
    answer: ClassVar[str]

    def answered(self, outputs: Tensor) -> Tensor:
        """Return predictions, such as probabilities, from the outputs of the module."""
        raise NotImplementedError

    def target_state(self) -> dict[str, Any]:
        """Return what was learned of the targets, as JSON."""
        raise NotImplementedError

    def restore_targets(self, state: dict[str, Any]) -> int:
        """Set what `target_state` has returned; return the number of outputs."""
        raise NotImplementedError

    # Training.

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
        self.training_ = None
        return self.train_to(X, y, self.max_epochs, sample_weight).settle()

    @own_settings()
    @memory_errors()
    def train_to(self, X: Any, y: Any, epochs: int, sample_weight: Any = None) -> Self:
        """Begin or resume a training, until so many epochs are done in all.

        Then the net can predict. On a CPU the weights do not depend on where the
        training paused. It ends early, after an epoch, if
        `sknevo.deadline.is_training_over`.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`, the same each time.
        epochs : int
            `max_epochs` at most.

        Returns
        -------
        self : object

        Raises
        ------
        TrialPruned, MemoryError
            As `fit`.
        """
        if self.training_ is None:
            self._begin(X, y, sample_weight)
        schedule = SCHEDULES[self.schedule]
        return self._train(
            X,
            y,
            sample_weight,
            min(epochs, self.max_epochs),
            lambda done: schedule(done / self.max_epochs),
        )

    @own_settings()
    @memory_errors()
    def finish(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        epochs: int | None = None,
        until: float | None = None,
    ) -> Self:
        """Resume a training where `train_to` paused, and end it.

        The learning rate falls from half of its gene to 0, and the average of weights
        is continued. No network is pruned for being at chance level.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`; they may be others than before, with targets of the same kind.
        epochs : int or None, default=None
            Epochs to train. None stands for what is left of `max_epochs`, or for any
            number if `until` is given.
        until : float or None, default=None
            The `time.time()` at which to end, which is exceeded by less than a step.

        Returns
        -------
        self : object

        Raises
        ------
        TrialPruned, MemoryError
            As `fit`.
        """
        if self.training_ is None:
            self._begin(X, y, sample_weight)
        if epochs is None:
            epochs = self.max_epochs - self.epochs_ if until is None else math.inf
        self.patient = True  # what was chosen is trained to its end
        rate = FallingRate(self.epochs_, epochs, until)
        return self._train(X, y, sample_weight, self.epochs_ + epochs, rate).settle()

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

    def _begin(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Learn statistics of the data, and make the module and its optimizer."""
        self._weights = _sample_weights(X, sample_weight)
        # Those of the module that depend on the data.
        self._data_parameters = {
            "n_outputs": self.learn_targets(y),
            **self.known_of(X),
        }
        self.pixels_ = self.pixel_range(X)
        self.initialize()
        self.epochs_ = 0
        self.training_ = _Training(
            self.module_, self.optimizer_, WeightAverage(self.module_)
        )

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        epochs: float,
        rate: Callable[[float], float],
    ) -> Self:
        """Train until so many epochs are done; predict with the average of weights.

        `rate` returns the learning rate, as a share of its gene, by how many epochs are
        done.
        """
        # A training that is interrupted cannot be resumed.
        training, self.training_ = self.training_, None
        self.module_, self.optimizer_ = training.module, training.optimizer
        self._weights = _sample_weights(X, sample_weight)
        try:
            # Not skorch's own `fit`, which takes Ctrl-C for the end of the training.
            self.notify("on_train_begin", X=X, y=y)
            self._run_epochs(X, y, epochs, rate, training.average)
            self.notify("on_train_end", X=X, y=y)
            self.module_ = self._ready_to_predict(training.average.network)
            self.calibrate(X, y, self._weights)
        finally:
            self._weights = None
        self.training_ = training
        return self

    def _run_epochs(
        self,
        X: Any,
        y: Any,
        epochs: float,
        rate: Callable[[float], float],
        average: WeightAverage,
    ) -> None:
        """Train epoch by epoch until they are done, or the time is over."""
        dataset, _ = self.get_split_datasets(X, y)
        while self.epochs_ < epochs and rate(self.epochs_) > 0:
            batches = self.batches(dataset, self.epochs_)
            all_steps = len(batches) * self.max_epochs
            warm_up = min(WARM_UP, int(WARM_UP_SHARE * all_steps))
            trainer = Trainer([self.optimizer_], rate, warm_up)
            self.notify("on_epoch_begin", dataset_train=dataset, dataset_valid=None)
            self._run_epoch(trainer, batches, average)
            self.epochs_ += 1
            self.notify("on_epoch_end", dataset_train=dataset, dataset_valid=None)
            if is_training_over(self.epochs_):
                break

    def _run_epoch(
        self, trainer: Trainer, batches: ShuffledBatches, average: WeightAverage
    ) -> None:
        """Train for an epoch; nothing waits for the device before it is over."""
        place = EPOCH, self.epochs_
        generator = random_source(self.random_state, *place, device=self.device)
        losses, sizes = [], []
        with trainer.training(generator, self.module_):
            for batch in trainer.steps(batches, self.epochs_):
                losses.append(self.train_step(batch))
                sizes.append(len(batch[0]))
                average.update(self.module_)
        if not losses:  # the time was over
            return
        summed = torch.stack(losses).cpu()
        self.history.record("train_loss", float(summed.sum()) / sum(sizes))
        # Of a first epoch, the first batches say nothing of what was learned.
        late = len(sizes) // 2
        recent = float(summed[late:].sum()) / sum(sizes[late:])
        check_finite(recent, f"after epoch {self.epochs_ + 1}")
        self._give_up_if_hopeless(recent, batches)

    def settle(self) -> Self:
        """Drop what only training needs; the net predicts as before.

        Returns
        -------
        self : object
        """
        self.training_ = None
        self.initialize_optimizer()
        return self

    def _ready_to_predict(self, module: nn.Module) -> nn.Module:
        """Return a module in the precision in which it predicts.

        Dense networks go on in double precision: it costs them little, and the
        prediction for a sample then does not depend on which others are in the batch.
        """
        if has_double(self.device) and len(self._sample_shape) == 1:
            return copy.deepcopy(module).double()
        return module

    # Methods that skorch calls, in this order.

    def initialize_module(self) -> Self:
        """Build the module, with what is known of the data."""
        self.module_ = self.module(
            **self.get_params_for("module"), **self._data_parameters
        )
        return self

    def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> tuple[Any, None]:
        """Return samples, targets and weights as tensors to train with."""
        weights = np.asarray(self._weights, float)
        dataset = [
            self._inputs(samples_on_device(X, self.device, self._input_type)),
            self.encode(y),
            as_tensor(weights / weights.mean(), self.device),
        ]
        return dataset, None

    def _inputs(self, X: Any) -> Any:
        """Return samples, or what layers make of them that do so in any epoch alike."""
        module, self._n_done = self.module_, 0
        if not isinstance(module, Network) or not module.n_fixed:
            return X
        kept: list[Tensor] = []
        for rows in torch.arange(len(X), device=self.device).split(self._at_once):
            check_deadline()
            with torch.no_grad(), autocast(self.device, self.precision):
                kept.append(_at_least_single(module.fixed(X[rows])))
            if kept[0][0].nbytes * len(X) > MOST_KEPT:
                return X
        self._n_done = module.n_fixed
        return torch.cat(kept)

    def get_all_learnable_params(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield parameters by name, without those of layers that are frozen."""
        named = super().get_all_learnable_params()
        return ((name, one) for name, one in named if one.requires_grad)

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Return samples to predict; images must be on the scale of those of fit."""
        X = streamed(X, self._sample_shape, self._channels)
        if self.pixels_ is not None:
            self.pixels_.check(X)
        return X

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return what yields batches to predict."""
        return SlicedBatches(dataset, self._at_once, self._input_type)

    @property
    def _at_once(self) -> int:
        """Samples that are predicted at a time."""
        in_cache = self.pixels_ is not None and torch.device(self.device).type == "cpu"
        pixels = PIXELS_IN_CACHE if in_cache else PIXELS_AT_ONCE
        size = max(1, pixels // math.prod(self._sample_shape))
        return min(PREDICTED_AT_ONCE, size)

    def train_step(self, batch: Any, **_: Any) -> Tensor:
        """Learn from a batch; return the sum of its losses."""
        X, targets, weights = batch
        losses = self.losses(*self.outputs_and_targets(X, targets))
        loss = (losses * weights).sum()
        Trainer.minimise(loss / len(X), self.optimizer_)
        return loss.detach()

    @memory_errors()
    def evaluation_step(self, batch: Any, training: bool = False) -> Any:
        """Return the outputs for a batch."""
        check_deadline()
        with torch.inference_mode():
            return self.infer(batch)

    def infer(self, x: Tensor, *further: Any, **_: Any) -> Any:
        """Return the outputs for a batch, in full precision, and maps moved along."""
        with autocast(self.device, self.precision):
            outputs = self.module_(x.to(self.device), *further)
        if isinstance(outputs, Tensor):
            return _at_least_single(outputs)
        return tuple(map(_at_least_single, outputs))

    # Methods of our own.

    @property
    def _sample_shape(self) -> tuple[int, ...]:
        return self.get_params_for("module")["sample_shape"]

    @property
    def _channels(self) -> str:
        return self.get_params_for("module")["channels"]

    @property
    def _input_type(self) -> type:
        return input_type(self._sample_shape, self.device)

    def _give_up_if_hopeless(self, loss: float, batches: ShuffledBatches) -> None:
        epoch = self.epochs_ + 1
        rung = math.ceil(FIRST_RUNG * self.max_epochs)
        rung = max(rung, math.ceil(FEWEST_BATCHES / len(batches)))
        if self.patient or epoch != rung or epoch == self.max_epochs:
            return
        guess = self.chance_loss(batches)
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
        scaling = {
            name: as_tensor(weights[f"standardise.{name}"], dtype=self._input_type)
            for name in ("mean", "scale")
        }
        self._data_parameters = {"n_outputs": n_outputs, **scaling}
        self.initialize()
        self.module_ = self._ready_to_predict(self.module_.eval())
        self.module_.load_state_dict(weights)
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        # What was evolved on a GPU predicts without one; skorch would warn.
        device = resolve_device(state["device"])
        if device != state["device"] and state["precision"] != "float32":
            state["precision"] = resolve_precision("auto", device)
        state["device"] = device
        super().__setstate__(state)


@dataclass
class _Training:
    """What a training is resumed from: nothing in it is a random generator."""

    module: nn.Module
    optimizer: torch.optim.Optimizer
    average: WeightAverage


def _sample_weights(X: Any, sample_weight: Any) -> np.ndarray:
    return np.ones(len(X)) if sample_weight is None else sample_weight


def _at_least_single(outputs: Tensor) -> Tensor:
    return outputs.float() if outputs.dtype == torch.bfloat16 else outputs
