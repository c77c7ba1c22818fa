"""Plots of fitted GANs, with the interface of scikit-learn's displays.

matplotlib (``pip install ".[plots]"``) is imported when something is plotted.
"""

import math
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sknevo.data_checks import check_count
from sknevo.extras import require
from sknevo.network_plan import channels_last, image_shape

__all__ = ["GanSignalsDisplay", "SampleGridDisplay"]

# Signals in [0, 1], on the left axis, with their labels.
SHARES = {
    "coverage": "coverage",
    "wide_coverage": "wide coverage",
    "auc": "discriminator's AUC",
    "spikes": "jumps of the losses",
}
# Norms of gradients, on the right axis, with their labels.
NORMS = {
    "discriminator_norm": "discriminator's gradient",
    "generator_norm": "generator's gradient",
}


def _gan_of(estimator: Any) -> Any:
    """Return the best GAN of an `EvolvedGAN`, or the GAN itself."""
    check_is_fitted(estimator)
    gan = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(gan, "sample_shape"):
        raise TypeError(f"estimator must be an EvolvedGAN or a GAN; got {estimator!r}.")
    return gan


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None:
            check_count(name, count)


class GanSignalsDisplay:
    """Signals of a GAN's training, over the steps of the generator.

    Parameters
    ----------
    signals : dict of str to array-like of shape (n_checkpoints,)
        "step" is the number of steps of the generator. In [0, 1] are "coverage",
        "wide_coverage" (see `sknevo.metrics.ReferenceSet.wide_coverage`), "auc" (how
        well the discriminator tells real from generated samples) and "spikes"
        (share of steps in which a loss jumps). "discriminator_norm" and
        "generator_norm" are norms of gradients. The attribute `signals_` of a fitted
        GAN has this form.
    stability : float
        Stability of the training, in [0, 1]: `stability_` of a fitted GAN.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the signals in [0, 1].
    norms_ax_ : matplotlib Axes
        Axes of the norms of the gradients, on a logarithmic scale.
    figure_ : matplotlib Figure
        Figure of both axes.
    lines_ : dict of str to matplotlib Line2D
        One line for each signal.

    See Also
    --------
    SampleGridDisplay : Plots samples of a generator.

    Examples
    --------
    >>> from sknevo.displays import GanSignalsDisplay
    >>> signals = {"step": [1, 2], "coverage": [0.1, 0.9], "wide_coverage": [0.5, 1.0],
    ...            "auc": [1.0, 0.6], "spikes": [0.0, 0.1],
    ...            "discriminator_norm": [3.0, 0.1], "generator_norm": [1.0, 0.2]}
    >>> GanSignalsDisplay(signals, stability=0.9).plot().lines_["auc"].get_ydata()
    array([1. , 0.6])
    """

    def __init__(self, signals: dict[str, np.ndarray], stability: float) -> None:
        self.signals = signals
        self.stability = stability

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Plot the training of a GAN, or of the best GAN of an `EvolvedGAN`.

        Parameters
        ----------
        estimator : EvolvedGAN or GAN
            Fitted estimator.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        GanSignalsDisplay

        Raises
        ------
        TypeError
            If `estimator` is neither an EvolvedGAN nor a GAN.
        NotFittedError
            If `estimator` is not fitted.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        gan = _gan_of(estimator)
        return cls(gan.signals_, gan.stability_).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the signals.

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
        self.ax_, self.figure_ = _axes(self, ax)
        self.norms_ax_ = self.ax_.twinx()
        self.lines_ = {}
        for i, (name, label) in enumerate((SHARES | NORMS).items()):
            share = name in SHARES
            (self.lines_[name],) = (self.ax_ if share else self.norms_ax_).plot(
                self.signals["step"],
                self.signals[name],
                "-o" if share else ":",
                color=f"C{i}",
                markersize=3,
                label=label,
            )
        self.norms_ax_.set(yscale="log", ylabel="norm of the gradient")
        self.ax_.set(
            xlabel="steps of the generator",
            ylabel="share",
            ylim=(-0.03, 1.03),
            title=f"stability {self.stability:.2f}",
        )
        lines = self.lines_.values()
        labels = [*SHARES.values(), *NORMS.values()]
        self.ax_.legend(
            lines,
            labels,
            fontsize="small",
            ncols=2,
            loc="upper center",
            bbox_to_anchor=(
                0.5,
                -0.15,
            ),  # below the plot: six lines leave no room in it
        )
        return self


class SampleGridDisplay:
    """Samples of a generator: images side by side, or rows as points.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        Images, shown with the least of all values black and the greatest white; or
        rows, of which the first two features are plotted.
    sample_shape : tuple of int
        Shape of one sample: (n_features,), (height, width), (channels, height, width)
        or (height, width, channels).
    n_columns : int or None, default=None
        Number of images in a row; None arranges the images in a square.
    real : array-like of shape (n_real, n_features) or None, default=None
        Real rows to plot beneath the generated ones.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`, see `sknevo.EvolvedGAN`.

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
    ) -> None:
        self.samples = samples
        self.sample_shape = sample_shape
        self.n_columns = n_columns
        self.real = real
        self.channels = channels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_samples: int = 64,
        y: Any = None,
        real: Any = None,
        n_columns: int | None = None,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Plot samples of a GAN, or of the best GAN of an `EvolvedGAN`.

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
            If `estimator` is neither an EvolvedGAN nor a GAN.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_samples` or `n_columns` is not a positive integer.
        """
        gan = _gan_of(estimator)
        _check_counts(n_samples=n_samples, n_columns=n_columns)
        require(cls.__name__, "matplotlib")
        samples = gan.sample(n_samples, y, random_state)
        return cls(samples, gan.sample_shape, n_columns, real, gan.channels).plot(ax=ax)

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
            If `estimator` is neither an EvolvedGAN nor a GAN.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `n_columns` is not a positive integer, or if the estimator was fitted on
            rows.
        """
        gan = _gan_of(estimator)
        _check_counts(n_columns=n_columns)
        images = gan.snapshots_[:, :n_columns]
        return cls._of_rows(images, gan.sample_shape, gan.channels, "training →", ax)

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
        images = np.array([samples[:n_columns] for samples in generations.values()])
        layout = estimator._layout
        return cls._of_rows(
            images, layout["shape"], layout["channels"], "generations →", ax
        )

    @classmethod
    def _of_rows(
        cls,
        images: np.ndarray,
        sample_shape: tuple[int, ...],
        channels: str,
        label: str,
        ax: Any,
    ) -> Self:
        """Plot images of shape (n_rows, n_columns, ...)."""
        if len(sample_shape) == 1:
            raise ValueError(
                "estimator must be fitted on images; it was fitted on rows of "
                f"{sample_shape[0]} features. Use SampleGridDisplay.from_estimator, "
                "which plots rows as points."
            )
        samples = images.reshape(-1, *images.shape[2:])
        display = cls(samples, sample_shape, images.shape[1], None, channels).plot(
            ax=ax
        )
        display.ax_.set(ylabel=label)
        return display

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
        if len(self.sample_shape) > 1 and self.real is not None:
            raise ValueError(
                "real must be None if samples are images, of which no two "
                "are plotted in one place."
            )
        self.ax_, self.figure_ = _axes(self, ax)
        if len(self.sample_shape) > 1:
            self.sheet_ = _sheet(
                self.samples, self.sample_shape, self.channels, self.n_columns
            )
            gray = self.sheet_.ndim == 2
            self.ax_.imshow(self.sheet_, cmap="gray" if gray else None)
            self.ax_.set(xticks=[], yticks=[])
            return self
        for name, rows in {"real": self.real, "generated": self.samples}.items():
            if rows is not None:
                rows = np.asarray(rows, float)
                # A single feature is plotted against nothing.
                height = rows[:, 1] if rows.shape[1] > 1 else np.zeros(len(rows))
                self.ax_.plot(rows[:, 0], height, ".", markersize=2, label=name)
        self.ax_.set(xlabel="feature 0", ylabel="feature 1")
        self.ax_.legend(fontsize="small")
        return self


def _axes(display: Any, ax: Any) -> tuple[Any, Any]:
    require(type(display).__name__, "matplotlib")
    if ax is None:
        # A figure of pyplot, as in scikit-learn's displays, is shown by notebooks.
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(5, 4), layout="constrained")
    return ax, ax.figure


def _sheet(
    samples: np.ndarray,
    sample_shape: tuple[int, ...],
    channels: str,
    n_columns: int | None,
) -> np.ndarray:
    """Return all images as one, a pixel apart, scaled to [0, 1]."""
    n_channels, height, width = image_shape(sample_shape, channels)
    images = np.asarray(samples, float).reshape(-1, *sample_shape)
    if len(sample_shape) == 3 and not channels_last(sample_shape, channels):
        images = np.moveaxis(images, 1, -1)
    images = images.reshape(-1, height, width, n_channels)
    # Images can be shown in gray or in three colours; other channels are left out.
    images = images[..., :3] if n_channels >= 3 else images[..., :1]
    images = images - images.min()
    images = images / (images.max() or 1.0)
    columns = n_columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    steps = height + 1, width + 1
    sheet = np.ones((rows * steps[0] - 1, columns * steps[1] - 1, images.shape[3]))
    for i, image in enumerate(images):
        top, left = (
            place * step for place, step in zip(divmod(i, columns), steps, strict=True)
        )
        sheet[top : top + height, left : left + width] = image
    return sheet if sheet.shape[2] == 3 else sheet[..., 0]
