"""Samples of a generator: images side by side, or rows as points."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sknevo.data_checks import check_count
from sknevo.describe import score_text
from sknevo.displays._gan import gan_of
from sknevo.displays._shared import (
    ORANGE,
    PALE,
    Display,
    bare,
    image_sheet,
    legend_above,
    new_axes,
)
from sknevo.extras import require

# Labels beyond so many have no row of their own. Chosen, not measured.
MOST_LABELS = 12


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None:
            check_count(name, count)


def _check_images(sample_shape: tuple[int, ...]) -> None:
    """Refuse rows, of which a grid shows nothing."""
    if len(sample_shape) == 1:
        raise ValueError(
            "estimator must be fitted on images; it was fitted on rows of "
            f"{sample_shape[0]} features. Use SampleGridDisplay.from_estimator, "
            "which plots rows as points."
        )


class SampleGridDisplay(Display):
    """Samples of a generator: images side by side, or rows as points.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        Images, shown with the least of all values black and the greatest white; or
        rows, of which two features are plotted.
    sample_shape : tuple of int
        Shape of one sample: (n_features,), (height, width), (channels, height, width)
        or (height, width, channels).
    n_columns : int or None, default=None
        Number of images in a row; None arranges the images in a square.
    real : array-like of shape (n_real, n_features) or None, default=None
        Real rows to plot beneath the generated ones.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`, see `sknevo.EvolvedGAN`.
    row_labels : sequence of str, default=()
        What each row of images is, such as a label or a generation.
    row_name : str, default=""
        What `row_labels` are.
    title : str, default=""
        Title of the picture, such as the score.
    feature_names : sequence of str, default=()
        Names of the features of rows.
    features : tuple of (int, int), default=(0, 1)
        Positions of the two features that rows are plotted by.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the samples.
    figure_ : matplotlib Figure
        Figure of the axes.
    sheet_ : ndarray of shape (height, width) or (height, width, 3)
        All images in one, in [0, 1], one pixel apart. Only if samples are images.

    See Also
    --------
    GanSignalsDisplay : Plots how the training of a GAN went.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import SampleGridDisplay
    >>> images = np.zeros((6, 8, 8), np.uint8)
    >>> SampleGridDisplay(images, (8, 8), n_columns=3).plot().sheet_.shape
    (17, 26)

    A fitted estimator has samples, samples during training, and samples of generations:

    >>> from sknevo import EvolvedGAN
    >>> X = np.random.default_rng(0).integers(256, size=(60, 8, 8)).astype(np.uint8)
    >>> gan = EvolvedGAN(population_size=2, generations=1, max_epochs=2,
    ...                  random_state=0).fit(X)
    >>> SampleGridDisplay.from_estimator(gan, n_samples=9).sheet_.shape
    (26, 26)
    >>> SampleGridDisplay.from_snapshots(gan, n_columns=3).sheet_.shape[1]
    26
    >>> SampleGridDisplay.from_generations(gan, n_columns=3).sheet_.shape
    (8, 26)
    """

    def __init__(
        self,
        samples: np.ndarray,
        sample_shape: tuple[int, ...],
        n_columns: int | None = None,
        real: Any = None,
        channels: str = "auto",
        row_labels: Sequence[str] = (),
        row_name: str = "",
        title: str = "",
        feature_names: Sequence[str] = (),
        features: tuple[int, int] = (0, 1),
    ) -> None:
        self.samples = samples
        self.sample_shape = sample_shape
        self.n_columns = n_columns
        self.real = real
        self.channels = channels
        self.row_labels = row_labels
        self.row_name = row_name
        self.title = title
        self.feature_names = feature_names
        self.features = features

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_samples: int = 64,
        y: Any = None,
        real: Any = None,
        n_columns: int | None = None,
        features: tuple[int, int] = (0, 1),
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Plot samples of a GAN, or of the best GAN of an `EvolvedGAN`.

        Images of a GAN that was fitted with labels stand in a row for each label, if
        `y` is None and there are 12 labels at most.

        Parameters
        ----------
        estimator : EvolvedGAN or GAN
            Fitted estimator.
        n_samples : int, default=64
            Number of samples.
        y : array-like of shape (n_samples,), scalar or None, default=None
            Labels or values to generate samples for.
        real : array-like of shape (n_real, n_features) or None, default=None
            Real rows to plot beneath the generated ones.
        n_columns : int or None, default=None
            Number of images in a row; None arranges the images in a square.
        features : tuple of (int, int), default=(0, 1)
            Positions of the two features that rows are plotted by.
        random_state : int, RandomState instance or None, default=None
            Seed of the noise.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        SampleGridDisplay

        Raises
        ------
        TypeError
            If `estimator` is neither an evolved estimator nor a GAN.
        NoPictureError
            If it is no EvolvedGAN with a best GAN.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_samples` or `n_columns` is not a positive integer, or if there is no
            such feature.
        """
        gan = gan_of(estimator)
        _check_counts(n_samples=n_samples, n_columns=n_columns)
        require(cls.__name__, "matplotlib")  # before samples take their time
        labels = getattr(gan, "classes_", [])
        row_labels: list[str] = []
        if y is None and len(gan.sample_shape) > 1 and 0 < len(labels) <= MOST_LABELS:
            n_columns = n_columns or max(1, n_samples // len(labels))
            y, n_samples = np.repeat(labels, n_columns), len(labels) * n_columns
            row_labels = [str(label) for label in labels]
        return cls(
            gan.sample(n_samples, y, random_state),
            gan.sample_shape,
            n_columns,
            real,
            gan.channels,
            row_labels,
            "label" if row_labels else "",
            _score_title(estimator),
            [str(name) for name in getattr(estimator, "feature_names_in_", [])],
            features,
        ).plot(ax=ax)

    @classmethod
    def from_snapshots(
        cls, estimator: Any, *, n_columns: int = 10, ax: Any = None
    ) -> Self:
        """Plot images of the same noise at several times of a GAN's training.

        Parameters
        ----------
        estimator : EvolvedGAN or GAN
            Estimator that was fitted on images. The best GAN of an EvolvedGAN is used.
        n_columns : int, default=10
            Number of images of each checkpoint. Each checkpoint is a row of images, the
            first one on top.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        SampleGridDisplay

        Raises
        ------
        TypeError
            If `estimator` is neither an evolved estimator nor a GAN.
        NoPictureError
            If it is no EvolvedGAN with a best GAN.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_columns` is not a positive integer, or if the estimator was fitted on
            rows.
        """
        gan = gan_of(estimator)
        _check_counts(n_columns=n_columns)
        _check_images(gan.sample_shape)
        images = gan.snapshots_[:, :n_columns]
        steps = [f"{step:,.0f}" for step in gan.signals_["step"]]
        layout = gan.sample_shape, gan.channels
        return cls._of_rows(images, *layout, steps, "steps of the generator", ax)

    @classmethod
    def from_generations(
        cls, estimator: Any, *, n_columns: int = 10, ax: Any = None
    ) -> Self:
        """Plot images of the best individual of each generation.

        Parameters
        ----------
        estimator : EvolvedGAN
            Estimator that was fitted on images.
        n_columns : int, default=10
            Number of images of each generation. Each generation is a row of images, the
            first one on top.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        SampleGridDisplay

        Raises
        ------
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_columns` is not a positive integer, if the estimator was fitted on
            rows, if the best individuals were read from a journal, or if there are
            several splits.
        """
        check_is_fitted(estimator)
        _check_counts(n_columns=n_columns)
        generations = getattr(estimator, "generation_samples_", {})
        if not generations:
            raise ValueError(
                "estimator must be an EvolvedGAN that was fitted with a single split "
                f"and not from a journal; got {estimator!r}."
            )
        _check_images(estimator._layout["shape"])
        images = np.array([samples[:n_columns] for samples in generations.values()])
        layout = estimator._layout["shape"], estimator._layout["channels"]
        best = {one.number: one.best for one in getattr(estimator, "history_", [])}
        labels = [
            f"{each}\nscore {score_text(best[each])}" if each in best else str(each)
            for each in generations
        ]
        return cls._of_rows(images, *layout, labels, "generation", ax)

    @classmethod
    def _of_rows(
        cls,
        images: np.ndarray,
        sample_shape: tuple[int, ...],
        channels: str,
        row_labels: Sequence[str],
        row_name: str,
        ax: Any,
    ) -> Self:
        """Plot images of shape (n_rows, n_columns, ...)."""
        return cls(
            images.reshape(-1, *images.shape[2:]),
            sample_shape,
            images.shape[1],
            channels=channels,
            row_labels=row_labels,
            row_name=row_name,
        ).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the samples.

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
        is_rows = len(self.sample_shape) == 1
        if not is_rows and self.real is not None:
            raise ValueError(
                "real must be None if samples are images, of which no two "
                "are plotted in one place."
            )
        if is_rows:
            self._check_features()
        ax = new_axes(self, ax)
        ax.set_title(self.title, loc="right", fontsize="medium")
        (self._plot_rows if is_rows else self._plot_images)(ax)
        return self

    def _check_features(self) -> None:
        n_features = self.sample_shape[0]
        # A single feature is plotted against nothing.
        if n_features > 1 and not all(0 <= one < n_features for one in self.features):
            raise ValueError(
                f"features must be two positions in [0, {n_features}); got "
                f"{self.features!r}."
            )

    def _plot_images(self, ax: Any) -> None:
        self.sheet_ = image_sheet(
            self.samples, self.sample_shape, self.channels, self.n_columns
        )
        ax.grid(False)
        ax.imshow(self.sheet_, cmap="gray" if self.sheet_.ndim == 2 else None)
        bare(ax)
        if len(self.row_labels):
            height = (len(self.sheet_) + 1) / len(self.row_labels)
            places = height * (np.arange(len(self.row_labels)) + 0.5) - 1
            ax.set_yticks(places, self.row_labels)
            ax.tick_params(axis="y", length=0)
            ax.set_ylabel(self.row_name)

    def _plot_rows(self, ax: Any) -> None:
        names = [
            self.feature_names[one]
            if one < len(self.feature_names)
            else f"feature {one}"
            for one in self.features
        ]
        for label, rows, color in (
            ("real", self.real, PALE),
            ("generated", self.samples, ORANGE),
        ):
            if rows is not None:
                rows = np.asarray(rows, float)
                is_single = rows.shape[1] == 1
                first, second = (0, None) if is_single else self.features
                height = np.zeros(len(rows)) if is_single else rows[:, second]
                ax.plot(
                    rows[:, first], height, ".", color=color, markersize=4, label=label
                )
        ax.set(xlabel=names[0], ylabel=names[1] if self.sample_shape[0] > 1 else "")
        legend_above(ax)


def _score_title(estimator: Any) -> str:
    """Return the score of an `EvolvedGAN` as a title; a GAN alone has none."""
    score = getattr(estimator, "best_score_", None)
    return "" if score is None else f"score {score_text(score)} on held-out samples"
