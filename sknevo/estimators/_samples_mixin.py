"""Images or rows, as users have them: what estimators of images share."""

import math
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from sknevo.image_stream import ImageStream
from sknevo.image_stream._samples import (
    as_samples,
    check_finite,
    checked_shape,
    resolved_channels,
    same_order,
    sample_shape,
)


class SamplesMixin:
    """Images or rows, as users have them, made arrays or streams."""

    def _check_X(self, X: Any, reset: bool) -> np.ndarray | ImageStream:
        if reset:
            shape, channels = checked_shape(self.image_shape), self.channels
        else:
            shape, channels = self._sample_shape_, self._channels_
        X, channels = as_samples(X, shape, channels)
        if not isinstance(X, ImageStream):
            names = getattr(X, "columns", None)
            options = {"dtype": "numeric", "ensure_all_finite": False}
            # scikit-learn's validation counts columns: it serves for rows only.
            if X.ndim <= 2:
                X = validate_data(self, X, reset=reset, **options)
            else:
                X = check_array(X, allow_nd=True, estimator=self, **options)
            check_finite(X, names)
        if X.ndim > 4:
            raise ValueError(
                "X must be of shape (n, features), (n, height, width), (n, channels, "
                f"height, width) or (n, height, width, channels); got {X.shape}."
            )
        if 0 in X.shape:
            raise ValueError(f"X must not be empty; got shape {X.shape}.")
        if reset:
            self._sample_shape_ = sample_shape(X.shape[1:], shape)
            self._channels_ = resolved_channels(self._sample_shape_, channels)
            self.n_features_in_ = math.prod(self._sample_shape_)
        elif not same_order(X.shape[1:], self._sample_shape_):
            raise ValueError(
                f"X must hold samples of shape {self._sample_shape_}, as in fit; got "
                f"{X.shape[1:]}."
            )
        return X
