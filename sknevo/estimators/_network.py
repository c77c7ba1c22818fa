"""What estimators whose individuals are networks share: images or rows as samples."""

import math
import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from sknevo.estimators._parameters import NetworkParameters
from sknevo.image_stream import ImageStream, streamed

__all__ = ["EvolvedNetworkMixin"]


class EvolvedNetworkMixin(NetworkParameters):
    """Lets an evolved estimator take images; stands before it in the bases."""

    def _validate(self, X: Any, y: Any) -> tuple[Any, Any]:
        if self.device.startswith("cuda"):
            self._look_for_device()
        return super()._validate(X, y)

    def _look_for_device(self) -> None:
        # Here, so that `import sknevo` never imports torch.
        from sknevo.builders.networks._devices import resolve_device

        found = resolve_device(self.device)
        if found != self.device:
            warnings.warn(
                f"device={self.device!r} is not there: this process computes on "
                f"{found!r}.",
                UserWarning,
                stacklevel=2,
            )

    def _check_X(self, X: Any, reset: bool) -> np.ndarray | ImageStream:
        X = streamed(X, self.image_shape if reset else self._sample_shape)
        if getattr(X, "ndim", None) is None:
            X = np.asarray(X)
        if X.ndim <= 2:
            X = validate_data(self, X, reset=reset, dtype="numeric")
        elif not isinstance(X, ImageStream):
            X = check_array(X, dtype="numeric", allow_nd=True, estimator=self)
        if X.ndim > 4:
            raise ValueError(
                "X must be of shape (n, features), (n, height, width) or with channels "
                f"first or last; got {X.shape}."
            )
        if 0 in X.shape:
            raise ValueError(f"X must hold samples with values; got shape {X.shape}.")
        if reset:
            self._sample_shape = self._shape_of_a_sample(X)
            self.n_features_in_ = math.prod(self._sample_shape)
        elif not _same_order(X.shape[1:], self._sample_shape):
            raise ValueError(
                f"X must hold samples of shape {self._sample_shape}, as in fit; got "
                f"{X.shape[1:]}."
            )
        return X

    def _shape_of_a_sample(self, X: np.ndarray | ImageStream) -> tuple[int, ...]:
        if self.image_shape is None:
            return X.shape[1:]
        shape = tuple(self.image_shape)
        rows = X.ndim == 2 and math.prod(shape) == X.shape[1]
        if len(shape) not in (2, 3) or not (rows or shape == X.shape[1:]):
            raise ValueError(
                "image_shape must be (height, width) or with channels first or last, "
                f"and fit samples of shape {X.shape[1:]}; got {self.image_shape!r}."
            )
        return shape


def _same_order(shape: tuple[int, ...], known: tuple[int, ...]) -> bool:
    """Whether the values of samples come in the order of others, as far as is known."""
    long, known_long = ([n for n in sides if n > 1] for sides in (shape, known))
    if min(len(long), len(known_long)) <= 1:  # rows
        return math.prod(long) == math.prod(known_long)
    return long == known_long
