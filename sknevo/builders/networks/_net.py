"""How networks are trained: a skorch net, fast on arrays, that gives up in time."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import torch
from skorch import NeuralNetClassifier
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
    resolve_device,
    resolve_precision,
)
from sknevo.builders.networks._memory import memory_errors
from sknevo.deadline import TrialPruned, check_deadline
from sknevo.image_stream import streamed

__all__ = ["SCHEDULES", "Net"]

# A network that has not learned anything after a quarter of its epochs, and of so many
# batches, is not going to: it does not beat a constant guess by a share of its loss.
FIRST_RUNG, FEWEST_BATCHES, CHANCE = 0.25, 50, 0.995
# Samples, and the pixels or features of all of them, that are predicted at once.
PREDICTED_AT_ONCE, PIXELS_AT_ONCE = 1024, 2**21
WARM_UP = 0.25
# A logit by which no label wins; finite, as weights may be passed on.
NEVER = -1e4


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


class Net(NeuralNetClassifier):
    """A skorch classifier of a `Network`, for labels of any type.

    Samples are held as one tensor on the device, and batches taken out of it by index;
    those of an `ImageStream` are read batch by batch, one ahead. Callbacks are told of
    trainings and epochs, not of batches.

    Parameters
    ----------
    module : type
        Takes `n_outputs`, `mean` and `scale` beside its own parameters, and returns
        logits.
    schedule : {"constant", "cosine", "one_cycle", "step"}, default="constant"
        How the learning rate goes on, over however many epochs there are.
    precision : {"float32", "bfloat16"}, default="float32"
        What the network computes in; the weights are float32 [1]_.
    patient : bool, default=True
        Whether to go on with a network that has not learned anything so far.
    random_state : int, default=0
        Seed of the order of the samples, of augmentation and dropout.
    **parameters
        Of `skorch.NeuralNetClassifier`.

    References
    ----------
    .. [1] Micikevicius, P. et al. (2018). Mixed Precision Training. ICLR.
    """

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

    @memory_errors()
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), or ImageStream
            Samples.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

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
        ValueError
            If all weights are 0.
        """
        self.check_data(X, y)
        self._known = {
            "n_outputs": len(self.classes_),
            **statistics(X, self._sample_shape, self._input_type),
        }
        if sample_weight is not None and not np.any(sample_weight):
            raise ValueError("sample_weight must not be 0 for all that is trained on.")
        self._weights = np.ones(len(y)) if sample_weight is None else sample_weight
        self._generator = torch.Generator(self.device).manual_seed(self.random_state)
        try:
            # Not skorch's own `fit`, which takes Ctrl-C for the end of the training.
            self.initialize()
            self.notify("on_train_begin", X=X, y=y)
            self.fit_loop(X, y)
            self.notify("on_train_end", X=X, y=y)
            self._silence_labels_without_weight(y)
        finally:
            del self._weights, self._generator
        return self._settled()

    def partial_fit(self, *_: Any, **__: Any) -> Self:
        """Refuse to go on.

        Raises
        ------
        NotImplementedError
            Always: the schedule of the learning rate has come to its end in `fit`.
        """
        raise NotImplementedError(
            "partial_fit is not there: the learning rate's schedule ends with fit. "
            "Call fit on all samples."
        )

    def _silence_labels_without_weight(self, y: Any) -> None:
        """See to it that nobody is given a label that counted for nothing."""
        codes = np.searchsorted(self.classes_, y)
        totals = np.bincount(codes, self._weights, len(self.classes_))
        with torch.no_grad():
            self.module_.head.bias[torch.from_numpy(totals == 0)] = NEVER

    def _settled(self) -> Self:
        """Make the module ready to predict.

        Dense networks go on in double precision: it costs them little, and the
        prediction for a sample then does not depend on which others are in the batch.
        """
        self.module_.eval()
        if has_double(self.device) and not len(self.module_.blocks):
            self.module_.double()
        return self

    # What skorch asks for on its way, in this order.

    def initialize_module(self) -> Self:
        """Build the module, with what is known of the data."""
        parameters = self.get_params_for("module")
        self.module_ = self.module(**parameters, **self._known)
        return self

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Return samples, codes of the labels and weights as tensors to train with."""
        if y is None:
            return streamed(X, self._sample_shape)
        codes = np.searchsorted(self.classes_, y)
        weights = np.asarray(self._weights, float)
        return [
            samples(X, self.device, self._input_type),
            torch.as_tensor(codes, device=self.device),
            as_tensor(weights / weights.mean(), self.device),
        ]

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return what yields batches, shuffled if training."""
        if training:
            return ShuffledBatches(dataset, self.batch_size, self._generator)
        pixels = math.prod(self._sample_shape)
        size = min(PREDICTED_AT_ONCE, max(1, PIXELS_AT_ONCE // pixels))
        return SlicedBatches(dataset, size, self._input_type)

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **_: Any
    ) -> None:
        """Train for an epoch; nothing waits for the device before it is over."""
        if iterator is None:
            return
        epochs_before = len(self.history) - 1
        losses, sizes = [], []
        with self._training_mode():
            for i, batch in enumerate(iterator):
                check_deadline()
                self._anneal((epochs_before + i / len(iterator)) / self.max_epochs)
                losses.append(step_fn(batch))
                sizes.append(len(batch[0]))
        summed = torch.stack(losses).cpu()
        self.history.record(f"{prefix}_loss", float(summed.sum()) / sum(sizes))
        # Of a first epoch, the first batches say nothing of what was learned.
        late = len(sizes) // 2
        recent = float(summed[late:].sum()) / sum(sizes[late:])
        self._give_up_if_hopeless(recent, iterator)

    def train_step(self, batch: Any, **_: Any) -> Tensor:
        """Learn from a batch; return the sum of its losses."""
        X, codes, weights = batch
        loss = (self.criterion_(self.infer(X), codes) * weights).sum()
        self.optimizer_.zero_grad()
        (loss / len(X)).backward()
        self.optimizer_.step()
        return loss.detach()

    @memory_errors()
    def evaluation_step(self, batch: Any, training: bool = False) -> Tensor:
        """Return the logits of a batch."""
        check_deadline()
        with torch.inference_mode():
            return self.infer(batch)

    def infer(self, x: Tensor, **_: Any) -> Tensor:
        """Return the logits of a batch, in full precision."""
        kind = torch.device(self.device).type
        half = self.precision == "bfloat16" and not self._is_double()
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            logits = self.module_(x.to(self.device))
        return logits.float() if half else logits

    # The rest is ours.

    @property
    def _sample_shape(self) -> tuple[int, ...]:
        return self.get_params_for("module")["sample_shape"]

    @property
    def _input_type(self) -> type:
        return input_type(self._sample_shape, self.device)

    @contextmanager
    def _training_mode(self) -> Iterator[None]:
        """Let what is random inside draw from a generator of this net."""
        random = [m for m in self.module_.modules() if hasattr(m, "generator")]
        self.module_.train()
        for module in random:
            module.generator = self._generator
        try:
            yield
        finally:
            for module in random:
                module.generator = None
            self.module_.eval()

    def _is_double(self) -> bool:
        return self.module_.head.weight.dtype == torch.double

    def _anneal(self, done: float) -> None:
        for group in self.optimizer_.param_groups:
            initial = group.setdefault("initial_lr", group["lr"])
            group["lr"] = SCHEDULES[self.schedule](done) * initial

    def _give_up_if_hopeless(self, loss: float, batches: ShuffledBatches) -> None:
        epoch = len(self.history)
        if not math.isfinite(loss):
            raise TrialPruned(f"the loss is {loss} after epoch {epoch}")
        rung = math.ceil(FIRST_RUNG * self.max_epochs)
        rung = max(rung, math.ceil(FEWEST_BATCHES / len(batches)))
        if self.patient or epoch != rung or epoch == self.max_epochs:
            return
        guess = self._loss_of_a_guess(*batches.tensors[1:])
        if loss > CHANCE * guess:
            raise TrialPruned(
                f"still at chance level after {epoch} of {self.max_epochs} epochs: the "
                f"loss is {loss:.4g}, that of a constant guess {guess:.4g}"
            )

    def _loss_of_a_guess(self, codes: Tensor, weights: Tensor) -> float:
        """Return the loss of guessing always how frequent each label is."""
        logits = torch.bincount(codes, weights).log().expand(len(codes), -1)
        return float((self.criterion_(logits, codes) * weights).mean())

    # Afterwards.

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def restored(self, labels: np.ndarray, weights: dict[str, Tensor]) -> Self:
        """Return this net as if it had been fitted.

        Parameters
        ----------
        labels : ndarray of shape (n_classes,)
            The classes.
        weights : dict of str to Tensor
            The state of the module.

        Returns
        -------
        self : object
        """
        self.classes_inferred_ = labels
        self._known = {
            "n_outputs": len(labels),
            "mean": as_tensor(weights["standardise.mean"], dtype=self._input_type),
            "scale": as_tensor(weights["standardise.scale"], dtype=self._input_type),
        }
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
