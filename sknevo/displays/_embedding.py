"""Embeddings as points in a plane, and one episode image by image."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from sknevo.displays._shared import (
    GREEN,
    GREY,
    VERMILLION,
    Display,
    NoPictureError,
    bare,
    image_sheet,
    new_axes,
    searched,
)
from sknevo.metrics._episodes import EpisodeAccuracy

# Labels beyond so many are not written beside their points. Chosen by looking at
# pictures.
MOST_LABELS = 20


class EmbeddingDisplay(Display):
    """Embeddings in the plane of their greatest variance, each class in a colour.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        Embeddings, projected.
    labels : ndarray of shape (n_samples,) or None, default=None
        The class of each. The name of a class stands in the middle of its points, if
        there are 20 classes at most.
    share : float or None, default=None
        Share of the variance in this plane.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        The points of each class.

    See Also
    --------
    EpisodeDisplay : What is made of embeddings.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import EmbeddingDisplay
    >>> points = np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0]])
    >>> display = EmbeddingDisplay(points, np.array(["a", "a", "b"])).plot()
    >>> [len(line.get_xdata()) for line in display.lines_]
    [2, 1]
    """

    def __init__(
        self,
        points: np.ndarray,
        labels: np.ndarray | None = None,
        share: float | None = None,
    ) -> None:
        self.points = points
        self.labels = labels
        self.share = share

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, ax: Any = None
    ) -> Self:
        """Plot the embeddings of samples.

        Parameters
        ----------
        estimator : EvolvedFewShotClassifier, or another one with `transform`
            Fitted estimator.
        X : array-like of shape (n_samples, ...)
            Samples, laid out as in `fit`; best of classes that were not in it.
        y : array-like of shape (n_samples,) or None, default=None
            Their labels.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        EmbeddingDisplay

        Raises
        ------
        NotFittedError
            If `estimator` is not fitted.
        TypeError
            If it does not transform.
        ValueError
            If there are fewer than two samples, or X and y differ in length.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "transform"):
            raise TypeError(
                "estimator must have a method transform; got "
                f"{type(estimator).__name__}."
            )
        if y is not None:
            y = column_or_1d(y)
            check_consistent_length(X, y)
        Z = np.asarray(estimator.transform(X), float)
        if len(Z) < 2:
            raise ValueError(f"X must hold at least 2 samples; got {len(Z)}.")
        pca = PCA(min(2, *Z.shape), svd_solver="full").fit(Z)
        points = np.zeros((len(Z), 2))
        points[:, : pca.n_components_] = pca.transform(Z)
        share = float(pca.explained_variance_ratio_.sum())
        return cls(points, y, share).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the points.

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
        labels = np.zeros(len(self.points)) if self.labels is None else self.labels
        classes = np.unique(labels)
        colors = _colors(len(classes))
        self.lines_ = []
        for label, color in zip(classes, colors, strict=True):
            points = self.points[labels == label]
            style = {"color": color, "markersize": 4, "label": str(label)}
            self.lines_ += ax.plot(*points.T, "o", **style)
            if self.labels is not None and len(classes) <= MOST_LABELS:
                box = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none"}
                place = np.median(points, axis=0)
                ax.text(*place, label, ha="center", va="center", bbox=box)
        if self.share is not None:
            ax.set_title(
                f"{self.share:.0%} of the variance", loc="right", fontsize="medium"
            )
        return self


class EpisodeDisplay(Display):
    """One episode: the images of each class that were adapted to, and its queries.

    Each row is a class. The images on the left were adapted to. A frame says whether a
    query on the right was classified correctly; below a wrong one stands the class that
    was predicted.

    Parameters
    ----------
    images : ndarray of shape (n_classes * n_columns, ...)
        Row by row.
    sample_shape : tuple of int
        Shape of an image: (height, width), (channels, height, width) or (height, width,
        channels).
    n_shot : int
        Images of a row that were adapted to.
    labels : sequence
        The class of each row.
    predicted : ndarray of shape (n_classes, n_queries)
        What the queries were taken for.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    frames_ : list of matplotlib Rectangle
        The frames of the queries, row by row.
    accuracy_ : float
        Share of the queries that were classified correctly.

    See Also
    --------
    EmbeddingDisplay : Where samples lie.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import EpisodeDisplay
    >>> images = np.zeros((6, 8, 8), np.uint8)
    >>> predicted = np.array([["a", "b"], ["b", "b"]])
    >>> EpisodeDisplay(images, (8, 8), 1, ["a", "b"], predicted).plot().accuracy_
    0.75
    """

    def __init__(
        self,
        images: np.ndarray,
        sample_shape: tuple[int, ...],
        n_shot: int,
        labels: Sequence[Any],
        predicted: np.ndarray,
        channels: str = "auto",
    ) -> None:
        self.images = images
        self.sample_shape = sample_shape
        self.n_shot = n_shot
        self.labels = labels
        self.predicted = predicted
        self.channels = channels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_way: int | None = None,
        n_shot: int = 1,
        n_queries: int = 5,
        random_state: int = 0,
        ax: Any = None,
    ) -> Self:
        """Draw an episode, adapt to it and plot what is predicted.

        Parameters
        ----------
        estimator : EvolvedFewShotClassifier
            Fitted on images.
        X : array-like of shape (n_samples, ...)
            Images, laid out as in `fit`; best of classes that were not in it.
        y : array-like of shape (n_samples,)
            Their labels.
        n_way, n_shot, n_queries, random_state
            See `sknevo.metrics.EpisodeAccuracy`.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        EpisodeDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NoPictureError
            If it cannot be adapted, or was fitted on rows.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If there are too few classes or images.
        """
        estimator = searched(estimator)
        if not hasattr(estimator, "adapt"):
            raise NoPictureError(
                "estimator must be an EvolvedFewShotClassifier; got "
                f"{type(estimator).__name__}."
            )
        shape, channels = estimator._layout["shape"], estimator._layout["channels"]
        if len(shape) == 1:
            raise NoPictureError(
                "estimator must be fitted on images; it was fitted on rows of "
                f"{shape[0]} features."
            )
        X, y = np.asarray(X), column_or_1d(y)
        check_consistent_length(X, y)
        draw = EpisodeAccuracy(
            n_way,
            n_shot,
            n_queries=n_queries,
            n_episodes=1,
            random_state=random_state,
        )
        if reason := draw.undefined(y):
            raise ValueError(f"No episode can be drawn: {reason}")
        ((shots, asked),) = draw.episodes(y)
        n_queries = min(map(len, asked))
        asked = [rows[:n_queries] for rows in asked]
        support, queries = np.concatenate(shots), np.concatenate(asked)
        adapted = estimator.adapt(X[support], y[support])
        return cls(
            X[np.concatenate([np.stack(shots), np.stack(asked)], axis=1).ravel()],
            shape,
            n_shot,
            y[[rows[0] for rows in shots]],
            adapted.predict(X[queries]).reshape(len(shots), n_queries),
            channels,
        ).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the episode.

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
        from matplotlib.patches import Rectangle

        n_rows, n_queries = self.predicted.shape
        n_columns = self.n_shot + n_queries
        sheet = image_sheet(self.images, self.sample_shape, self.channels, n_columns)
        height = (sheet.shape[0] + 1) / n_rows
        width = (sheet.shape[1] + 1) / n_columns
        ax = bare(new_axes(self, ax))
        ax.grid(False)
        ax.imshow(sheet, cmap="gray" if sheet.ndim == 2 else None)
        self.frames_ = []
        right = self.predicted == np.asarray(self.labels)[:, None]
        self.accuracy_ = float(right.mean())
        for (row, place), is_right in np.ndenumerate(right):
            left, top = (self.n_shot + place) * width - 0.5, row * height - 0.5
            frame = Rectangle(
                (left, top),
                width - 1,
                height - 1,
                fill=False,
                linewidth=2,
                edgecolor=GREEN if is_right else VERMILLION,
            )
            self.frames_.append(ax.add_patch(frame))
            if not is_right:
                ax.text(
                    left + width / 2,
                    top + height - 1,
                    self.predicted[row, place],
                    ha="center",
                    va="bottom",
                    fontsize="x-small",
                    color=VERMILLION,
                )
        edge = self.n_shot * width - 1
        ax.plot([edge, edge], [-0.5, sheet.shape[0] - 0.5], color=GREY, linewidth=2)
        ax.set_yticks(
            [(row + 0.5) * height - 1 for row in range(n_rows)],
            [*map(str, self.labels)],
        )
        ax.tick_params(axis="y", length=0)
        ax.set_title(f"accuracy {self.accuracy_:.2f}", loc="right", fontsize="medium")
        return self


def _colors(n: int) -> list[Any]:
    """Return colours that go round the circle of hues."""
    from matplotlib import colormaps

    return [colormaps["hsv"](i / n) for i in range(n)]
