"""What evolved networks share: samples, device, the first rung and the file.

Each mixin stands before `BaseEvolved` in the bases of an estimator.
"""

import math
from collections.abc import Collection, Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np

from sknevo.estimators._parameters import NetworkParameters
from sknevo.estimators._results import after_refit
from sknevo.estimators._samples_mixin import SamplesMixin
from sknevo.estimators._setup import FirstRung, first_rung
from sknevo.extras import require
from sknevo.frames import FrameLayout
from sknevo.image_stream import ImageStream
from sknevo.image_stream._items import labels_of
from sknevo.network_plan import samples_per_epoch, shape_of
from sknevo.records import DataSpec

# Samples that networks are trained on for the first rung: so many of SMALL pixels for
# each second of `max_time`, all splits together, and of larger images as many fewer as
# they have more pixels. On a split they are between a least and a most number. A narrow
# network of two layers sees some 6,000 images of 28 x 28 per second on one core, and
# 1,700 of 48 x 48 in three colours. Chosen, not measured.
SAMPLES_PER_SECOND, LEAST_SAMPLES, MOST_SAMPLES = 150, 600, 10_000
SMALL = 28 * 28


class EvolvedNetworkMixin(SamplesMixin, NetworkParameters):
    """Networks that evolve on images or rows, on a device."""

    # Sums of floats depend on the number of threads.
    _threads: ClassVar[int | None] = 1
    _needed_modules: ClassVar[Collection[str]] = ("safetensors", "skorch", "torch")
    _needs_docstrings: ClassVar[str] = "skorch"

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        # Imported here, so that evolving pipelines never imports torch.
        from sknevo.builders.networks._devices import check_device

        check_device(self.device)
        X, y = super()._validate(X, y, reset)
        if reset and isinstance(X, ImageStream):
            X.check()
        return X, y

    def _fit(self, *args: Any) -> Self:
        # Imported here, so that `import sknevo` never imports torch.
        from sknevo.builders.networks._devices import own_settings

        # Around all trials: threads that train side by side share torch's default type.
        with own_settings():
            return super()._fit(*args)

    def _auto_resource(self, spec: DataSpec, n_splits: int) -> FirstRung | None:
        if self.max_time is None:
            return None
        samples = self._first_samples(spec, n_splits)
        first = math.ceil(samples / samples_per_epoch(spec.n_samples))
        return first_rung(self.genome_, "epochs", first)

    def _first_samples(self, spec: DataSpec, n_splits: int) -> float:
        """Return how many samples of a split are learned from on the first rung."""
        pixels = math.prod(shape_of(spec)[1:])  # of rows of features there are none
        larger = max(1.0, pixels / SMALL)
        samples = SAMPLES_PER_SECOND * self.max_time / (n_splits * larger)
        return min(max(LEAST_SAMPLES, samples), MOST_SAMPLES)

    @property
    def _layout(self) -> dict[str, Any]:
        """The shape of a sample and where its channels are, for a DataSpec."""
        return {"shape": self._sample_shape_, "channels": self._channels_}


class EvolvedPredictorMixin(EvolvedNetworkMixin):
    """Targets of samples, and the file of a network that predicts them."""

    _picture: ClassVar[str] = "NetworkDisplay"
    # Each split is a training. After 30 s, five folds were as good as three on 100
    # images, and worse on 200, 320 and 400 (benchmarks/pictures.py).
    _default_folds: ClassVar[Mapping[int, int]] = {100: 5, 500: 3}

    def _targets(self, X: Any, y: Any) -> Any:
        return labels_of(X) if y is None else y

    @after_refit
    def save_network(self, path: str | PathLike) -> None:
        """Write the best network to a file, without pickle.

        The file has the format safetensors. It holds the weights and, as JSON, the
        genes and what was learned about the targets. `sknevo.load_network` reads it as
        a fitted skorch network and runs no code of the file.

        Parameters
        ----------
        path : path-like
            File to write, such as "digits.safetensors". An existing file is replaced.

        Raises
        ------
        TypeError
            If labels are neither strings, numbers nor booleans.
        """
        from sknevo.builders.networks._serialization import save_network

        save_network(self.best_estimator_, self.best_params_, path)

    @after_refit
    def to_onnx(self, path: str | PathLike) -> None:
        """Write the best network to a file of ONNX.

        Browsers, phones and inference servers predict with it. It takes `X`, any number
        of samples as `fit` got them: bytes if these were bytes, else numbers in single
        precision (rows in double precision). It standardises them itself. A classifier
        returns `probabilities`, and the file holds the labels as JSON, under the key
        "labels"; a regressor returns `values`, an autoencoder `rebuilt` samples, whole
        numbers not rounded. It computes in single precision.

        Parameters
        ----------
        path : path-like
            File to write. An existing file is replaced.

        Raises
        ------
        ImportError
            If onnx or onnxscript is not installed.
        """
        require("to_onnx", "onnx", "onnxscript")
        from sknevo.builders.networks._onnx import export_network

        export_network(self.best_estimator_, path)


class EvolvedSamplesMixin(EvolvedNetworkMixin):
    """Samples that are made, in the type and layout of X."""

    def _check_X(self, X: Any, reset: bool) -> np.ndarray | ImageStream:
        if reset:
            self._frame_ = FrameLayout.of(X)
        return super()._check_X(X, reset)

    def _as_given(self, samples: np.ndarray) -> Any:
        """Return samples as a DataFrame if X was one."""
        return samples if self._frame_ is None else self._frame_.fill(samples)
