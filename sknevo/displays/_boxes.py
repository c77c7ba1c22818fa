"""Images with boxes around objects: what is predicted, and what is true."""

from collections.abc import Mapping, Sequence
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


class BoxesDisplay(Display):
    """Images with boxes around objects, side by side.

    Predicted boxes have their labels and scores.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width) or (height, width, channels)
        Images. The least of all values is black and the greatest white; of channels
        beyond three the first three are shown.
    predicted : sequence of dict
        Of each image `boxes` of shape (k, 4), x1, y1, x2, y2 in pixels, `labels` and
        `scores`.
    true : sequence of dict or None, default=None
        The same of the true boxes, without scores.
    min_score : float, default=0.3
        Boxes with lower scores are not shown.
    n_columns : int or None, default=None
        Number of images in a row. None arranges them in a square.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the images.
    figure_ : matplotlib Figure
        Figure of the axes.
    sheet_ : ndarray of shape (height, width, 3)
        All images in one.
    boxes_ : list of matplotlib Rectangle
        The predicted boxes.
    true_boxes_ : list of matplotlib Rectangle
        The true ones.

    See Also
    --------
    OverlayDisplay : Images with the outlines of masks.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import BoxesDisplay
    >>> found = {"boxes": np.array([[1, 1, 5, 5]]), "labels": [2], "scores": [0.9]}
    >>> display = BoxesDisplay(np.zeros((1, 8, 8)), [found]).plot()
    >>> len(display.boxes_), display.ax_.texts[0].get_text()
    (1, '2 0.90')
    """

    # What `plot` sets, for type checkers.
    sheet_: np.ndarray
    boxes_: list[Any]
    true_boxes_: list[Any]

    def __init__(
        self,
        images: Sequence[np.ndarray],
        predicted: Sequence[Mapping[str, Any]],
        true: Sequence[Mapping[str, Any]] | None = None,
        min_score: float = 0.3,
        n_columns: int | None = None,
    ) -> None:
        self.images = images
        self.predicted = predicted
        self.true = true
        self.min_score = min_score
        self.n_columns = n_columns

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        min_score: float = 0.3,
        n_images: int = 4,
        n_columns: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Plot images with what a detector finds.

        Parameters
        ----------
        estimator : EvolvedDetector
            Fitted estimator.
        X : array-like of shape (n_images, ...), or list of images
            Images, as in `fit`.
        y : list of dict or None, default=None
            True boxes, as in `fit`.
        min_score : float, default=0.3
            Boxes with lower scores are not shown.
        n_images : int, default=4
            Number of images, the first ones of X.
        n_columns : int or None, default=None
            Number of images in a row. None arranges them in a square.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        BoxesDisplay

        Raises
        ------
        TypeError
            If `estimator` is no EvolvedDetector.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_images` or `n_columns` is not a positive integer, or X or y is not as
            in `fit`.
        """
        estimator = searched(estimator)
        if not hasattr(estimator, "min_score"):
            raise TypeError(
                f"estimator must be an EvolvedDetector; got {type(estimator).__name__}."
            )
        check_count("n_images", n_images)
        if n_columns is not None:
            check_count("n_columns", n_columns)
        require(cls.__name__, "matplotlib")  # before predictions take their time
        images, true = estimator._validated_pairs(
            X[:n_images], None if y is None else y[:n_images]
        )
        shown = channels_at_end(images, estimator._channel_axis)
        predicted = estimator.predict(images)
        return cls(shown, predicted, true, min_score, n_columns).plot(ax=ax)

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
        self.sheet_, corners = sheet_of(in_colours(self.images), self.n_columns)
        ax.imshow(self.sheet_, interpolation="nearest")
        self.true_boxes_, self.boxes_ = [], []
        for place, corner in enumerate(corners):
            if self.true is not None:
                true = self.true[place]["boxes"]
                self.true_boxes_ += [self._draw(box, corner, SKY) for box in true]
            self._draw_predicted(self.predicted[place], corner)
        if self.true is not None:
            legend_of_truth(ax)
        return self

    def _draw_predicted(
        self, found: Mapping[str, Any], corner: tuple[int, int]
    ) -> None:
        for box, label, score in zip(
            found["boxes"], found["labels"], found["scores"], strict=True
        ):
            if score < self.min_score:
                continue
            drawn = self._draw(box, corner, ORANGE)
            self.boxes_.append(drawn)
            self.ax_.text(
                *drawn.get_xy(),
                f"{label} {score:.2f}",
                color=ORANGE,
                fontsize="xx-small",
                va="bottom",
            )

    def _draw(self, box: Any, corner: tuple[int, int], color: str) -> Any:
        """Draw a box of the image in this place; pixels have whole middles."""
        from matplotlib.patches import Rectangle

        (top, left), (x1, y1, x2, y2) = corner, np.asarray(box, float)
        place = (left + x1 - 0.5, top + y1 - 0.5)
        rectangle = Rectangle(place, x2 - x1, y2 - y1, fill=False, edgecolor=color)
        return self.ax_.add_patch(rectangle)
