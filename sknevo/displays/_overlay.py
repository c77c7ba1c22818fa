"""Images with the outlines of masks: what is predicted, and what is true."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sknevo.data_checks import check_count
from sknevo.displays._shared import ORANGE, SKY, Display, bare, new_axes, searched
from sknevo.displays._sheet import (
    channels_at_end,
    in_colours,
    legend_of_truth,
    sheet_of,
)
from sknevo.extras import require


class OverlayDisplay(Display):
    """Images with the outlines of masks, side by side.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width) or (height, width, channels)
        Images. The least of all values is black and the greatest white; of channels
        beyond three the first three are shown.
    predicted : sequence of ndarray of int of shape (height, width)
        Labels of pixels, or numbers of objects.
    true : sequence of ndarray of int or None, default=None
        The same of the true masks.
    n_columns : int or None, default=None
        Number of images in a row. None arranges them in a square.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the images.
    figure_ : matplotlib Figure
        Figure of the axes.
    overlays_ : list of ndarray of shape (height, width, 3)
        Images with outlines, in [0, 1].
    sheet_ : ndarray of shape (height, width, 3)
        All of them in one.

    See Also
    --------
    EvolutionDisplay : The course of the search.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import OverlayDisplay
    >>> masks = np.zeros((2, 8, 8), int)
    >>> masks[:, 2:6, 2:6] = 1
    >>> display = OverlayDisplay(np.zeros((2, 8, 8)), masks).plot()
    >>> len(display.overlays_), display.overlays_[0].shape
    (2, (8, 8, 3))
    """

    # What `plot` sets, for type checkers.
    overlays_: list[np.ndarray]
    sheet_: np.ndarray

    def __init__(
        self,
        images: Sequence[np.ndarray],
        predicted: Sequence[np.ndarray],
        true: Sequence[np.ndarray] | None = None,
        n_columns: int | None = None,
    ) -> None:
        self.images = images
        self.predicted = predicted
        self.true = true
        self.n_columns = n_columns

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        instances: bool | None = None,
        n_images: int = 4,
        n_columns: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Plot images with what a segmenter predicts.

        Parameters
        ----------
        estimator : EvolvedSegmenter
            Fitted estimator.
        X : array-like of shape (n_images, ...), or list of images
            Images, as in `fit`.
        y : array-like of int of shape (n_images, height, width), list or None, \
default=None
            True masks, as in `fit`.
        instances : bool or None, default=None
            Whether the outlines are those of objects rather than of classes. None
            stands for the parameter of the estimator.
        n_images : int, default=4
            Number of images, the first ones of X.
        n_columns : int or None, default=None
            Number of images in a row. None arranges them in a square.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        OverlayDisplay

        Raises
        ------
        TypeError
            If `estimator` is no EvolvedSegmenter.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_images` or `n_columns` is not a positive integer, or X or y is not as
            in `fit`.
        """
        estimator = searched(estimator)
        if not hasattr(estimator, "predict_instances"):
            raise TypeError(
                "estimator must be an EvolvedSegmenter; got "
                f"{type(estimator).__name__}."
            )
        check_count("n_images", n_images)
        if n_columns is not None:
            check_count("n_columns", n_columns)
        require(cls.__name__, "matplotlib")  # before predictions take their time
        images, masks = estimator._validated_pairs(
            X[:n_images], None if y is None else y[:n_images]
        )
        as_objects = estimator.instances if instances is None else instances
        name = "predict_instances" if as_objects else "predict"
        predicted = getattr(estimator, name)(images)
        shown = channels_at_end(images, estimator._channel_axis)
        return cls(shown, predicted, masks, n_columns).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the images.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        self : object

        Raises
        ------
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        ax = bare(new_axes(self, ax))
        ax.grid(False)
        self.overlays_ = []
        for place, picture in enumerate(in_colours(self.images)):
            if self.true is not None:
                picture = _outlined(picture, self.true[place], SKY)
            self.overlays_.append(_outlined(picture, self.predicted[place], ORANGE))
        self.sheet_, _ = sheet_of(self.overlays_, self.n_columns)
        ax.imshow(self.sheet_, interpolation="nearest")
        if self.true is not None:
            legend_of_truth(ax)
        return self


def _outlined(picture: np.ndarray, mask: np.ndarray, color: str) -> np.ndarray:
    """Return a picture with the outlines of what a mask tells apart in a colour."""
    mask = np.asarray(mask)
    borders = np.zeros(mask.shape, bool)
    down, right = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    borders[1:] |= down
    borders[:-1] |= down
    borders[:, 1:] |= right
    borders[:, :-1] |= right
    # The inner side of an outline: the least label is the background.
    borders &= mask != mask.min()
    return np.where(borders[..., None], _rgb(color), picture)


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
