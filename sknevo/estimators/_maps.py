"""What evolved networks share that read images of any size and answer with maps."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import Tags

from sknevo.estimators._images_and_masks import as_images, check_layout, split_pairs
from sknevo.estimators._network_mixins import EvolvedPredictorMixin
from sknevo.evaluation import COSTS
from sknevo.image_stream._samples import checked_shape, resolved_channels
from sknevo.metrics._named import NamedScore
from sknevo.network_plan import channels_last, shape_of
from sknevo.records import DataSpec

# Pixels that networks are trained on for the first rung, for each second of `max_time`,
# all splits together, and bounds in images. Chosen, not measured.
PIXELS_PER_SECOND, FEWEST_IMAGES, MOST_IMAGES = 60_000, 200, 10_000


class EvolvedMapsMixin(EvolvedPredictorMixin):
    """Images of one or of several sizes, each with targets of its own size."""

    # Each image has many pixels or objects: scores are steady. Chosen, not measured.
    _default_folds: ClassVar[Mapping[int, int]] = {30: 3}
    # What makes a scorer of a name.
    _scorer: ClassVar[type[NamedScore]]

    # What is predicted of an image, in the words of a message.
    _answers: ClassVar[str]

    @staticmethod
    @abstractmethod
    def _paired(images: np.ndarray, targets: np.ndarray, axis: int | None) -> Any:
        """Return targets as networks get them; refuse those that do not fit images."""

    def _targets(self, X: Any, y: Any) -> Any:
        return split_pairs(X, y)[1]

    def _check_X(self, X: Any, reset: bool) -> np.ndarray:
        images = as_images(X, checked_shape(self.image_shape))
        if reset:
            shapes = np.array([image.shape for image in images])
            shape = tuple(int(side) for side in np.median(shapes, axis=0))
            self._channels_ = resolved_channels(shape, self.channels)
            self._sample_shape_ = shape
            self.n_features_in_ = math.prod(shape)
        check_layout(images, self._sample_shape_, self._channel_axis)
        return images

    @property
    def _channel_axis(self) -> int | None:
        """The axis of the channels in an image, None without one."""
        shape = self._sample_shape_
        if len(shape) == 2:
            return None
        return 2 if channels_last(shape, self._channels_) else 0

    def _check_y(self, y: np.ndarray) -> np.ndarray:
        return y

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = super()._validate(*split_pairs(X, y), reset)
        return X, self._paired(X, y, self._channel_axis)

    @property
    def _scoring(self) -> Any:
        scoring = self._default_scoring if self.scoring is None else self.scoring
        return with_scorers(scoring, self._scorer)

    def _first_samples(self, spec: DataSpec, n_splits: int) -> float:
        pixels = n_splits * math.prod(shape_of(spec)[1:])
        images = PIXELS_PER_SECOND * self.max_time / pixels
        return min(max(FEWEST_IMAGES, images), MOST_IMAGES)

    def _score(self, X: Any, y: Any, params: Mapping[str, Any]) -> float:
        best, (X, y) = self._best, split_pairs(X, y)
        if y is None:
            raise ValueError(f"y must hold the true {self._answers} of X; got None.")
        return self._scored(best, *self._validated_pairs(X, y), params)

    def _validated_pairs(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return images with their targets, if there are any, as in `fit`."""
        X = self._validate_X(X)
        if y is not None:
            y = self._paired(X, self._validate_y(y), self._channel_axis)
        return X, y

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def with_scorers(scoring: Any, kind: type[NamedScore]) -> Any:
    """Return `scoring` with the scorers that it names."""

    def scorer(one: Any) -> Any:
        return kind(one) if isinstance(one, str) and one not in COSTS else one

    if isinstance(scoring, Mapping):
        return {name: scorer(one) for name, one in scoring.items()}
    if isinstance(scoring, set | frozenset):
        scoring = sorted(scoring, key=repr)  # their order differs between processes
    if isinstance(scoring, list | tuple):
        return {
            one if isinstance(one, str) else repr(one): scorer(one) for one in scoring
        }
    return scorer(scoring)
