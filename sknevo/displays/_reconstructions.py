"""Samples beside what an autoencoder rebuilds of them."""

from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_is_fitted

from sknevo.data_checks import check_count
from sknevo.displays._shared import (
    BLUE,
    Display,
    NoPictureError,
    bare,
    image_sheet,
    new_axes,
    tidy,
)
from sknevo.extras import require

# Columns of a table that have a bar. Chosen by looking at pictures.
MOST_COLUMNS = 30
ORDERS = ("given", "worst", "best")


class ReconstructionDisplay(Display):
    """Samples beside what an autoencoder rebuilds of them.

    Images stand above their reconstructions. Of a table, a bar for each column shows
    the share of its variance that is rebuilt, the greatest on top: 1 is all of it, and
    below 0 the mean of the column is nearer.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        Real samples.
    rebuilt : ndarray of shape (n_samples, ...)
        What is rebuilt of each.
    sample_shape : tuple of int
        Shape of one sample: (n_features,), (height, width), (channels, height, width)
        or (height, width, channels).
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`, see `sknevo.EvolvedAutoencoder`.
    feature_names : sequence of str, default=()
        Names of the columns of a table.
    title : str, default=""
        Title of the picture, such as the error.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    sheet_ : ndarray of shape (height, width) or (height, width, 3)
        All images in one, in [0, 1], one pixel apart. Only if samples are images.
    shares_ : ndarray of shape (n_features,)
        The share of the variance of each column that is rebuilt. Only of a table.

    See Also
    --------
    SampleGridDisplay : Samples of a GAN.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknevo import EvolvedAutoencoder
    >>> from sknevo.displays import ReconstructionDisplay
    >>> images = load_digits().images
    >>> search = EvolvedAutoencoder(n_components=8, population_size=1, generations=1,
    ...                             max_epochs=2, random_state=0).fit(images)
    >>> ReconstructionDisplay.from_estimator(search, images, n_samples=6).sheet_.shape
    (17, 53)
    """

    def __init__(
        self,
        samples: np.ndarray,
        rebuilt: np.ndarray,
        sample_shape: tuple[int, ...],
        channels: str = "auto",
        feature_names: Any = (),
        title: str = "",
    ) -> None:
        self.samples = samples
        self.rebuilt = rebuilt
        self.sample_shape = sample_shape
        self.channels = channels
        self.feature_names = feature_names
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_samples: int = 10,
        order: str = "given",
        ax: Any = None,
    ) -> Self:
        """Plot what an evolved autoencoder rebuilds of samples.

        Parameters
        ----------
        estimator : EvolvedAutoencoder
            Fitted estimator.
        X : array-like of shape (n, ...)
            Samples, laid out as in `fit`; best those that were not in it.
        n_samples : int, default=10
            Number of images that are shown. Of a table, all rows count.
        order : {"given", "worst", "best"}, default="given"
            Which images are shown: the first of X, or those with the greatest or the
            least error.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        ReconstructionDisplay

        Raises
        ------
        NoPictureError
            If `estimator` is not an autoencoder.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_samples` is not a positive integer, or `order` is unknown.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "inverse_transform") or not hasattr(
            estimator, "reconstruct"
        ):
            raise NoPictureError(
                "estimator must be an EvolvedAutoencoder; got "
                f"{type(estimator).__name__}."
            )
        check_count("n_samples", n_samples)
        if order not in ORDERS:
            raise ValueError(f"order must be one of {ORDERS}; got {order!r}.")
        require(cls.__name__, "matplotlib")  # before samples take their time
        layout = estimator._layout
        rows = np.arange(_num_samples(X))
        if order != "given":
            rows = np.argsort(estimator.score_samples(X))
            rows = rows if order == "worst" else rows[::-1]
        if len(layout["shape"]) > 1:
            rows = rows[:n_samples]
        some = _safe_indexing(X, rows)
        error = -float(np.mean(estimator.score_samples(some)))
        return cls(
            np.asarray(some),
            np.asarray(estimator.reconstruct(some)),
            layout["shape"],
            layout["channels"],
            [str(name) for name in getattr(estimator, "feature_names_in_", [])],
            f"mean squared error {error:.3g}",
        ).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the samples and what is rebuilt of them.

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
        ax = new_axes(self, ax)
        ax.set_title(self.title, loc="right", fontsize="medium")
        if len(self.sample_shape) > 1:
            self._plot_images(ax)
        else:
            self._plot_columns(ax)
        return self

    def _plot_images(self, ax: Any) -> None:
        both = np.concatenate([self.samples, self.rebuilt])
        n_columns = len(self.samples)
        self.sheet_ = image_sheet(both, self.sample_shape, self.channels, n_columns)
        ax.grid(False)
        ax.imshow(self.sheet_, cmap="gray" if self.sheet_.ndim == 2 else None)
        bare(ax)
        height = (len(self.sheet_) + 1) / 2
        ax.set_yticks([height / 2 - 1, 1.5 * height - 1], ["real", "rebuilt"])
        ax.tick_params(axis="y", length=0)

    def _plot_columns(self, ax: Any) -> None:
        samples, rebuilt = (
            np.asarray(one, float) for one in (self.samples, self.rebuilt)
        )
        errors = ((rebuilt - samples) ** 2).mean(axis=0)
        variances = samples.var(axis=0)
        constant = variances == 0
        shares = 1 - errors / np.where(constant, 1.0, variances)
        self.shares_ = np.where(constant, (errors == 0).astype(float), shares)
        names = self.feature_names or [f"feature {i}" for i in range(len(errors))]
        shown = np.argsort(-self.shares_, kind="stable")[:MOST_COLUMNS][::-1]
        tidy(ax, "x")
        ax.barh([names[i] for i in shown], self.shares_[shown], color=BLUE)
        ax.set(xlabel="share of the variance that is rebuilt")
