"""Pictures of what evolved, in scikit-learn's pattern of displays.

matplotlib is imported when something is plotted, not before.
"""

import math
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sknevo.network_plan import image_shape

__all__ = ["GanSignalsDisplay", "SampleGridDisplay"]

# Shares, in [0, 1], as opposed to norms of gradients.
SHARES = {
    "coverage": "coverage",
    "reach": "coverage, widely",
    "auc": "discriminator's AUC",
    "spikes": "losses that leap",
}
NORMS = {
    "discriminator_norm": "discriminator's gradient",
    "generator_norm": "generator's gradient",
}


def _gan_of(estimator: Any) -> Any:
    """Return the GAN of an evolved estimator, or what is one itself."""
    check_is_fitted(estimator)
    gan = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(gan, "sample_shape"):
        raise TypeError(f"estimator must be an EvolvedGAN or a GAN; got {estimator!r}.")
    return gan


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and not (isinstance(count, Integral) and count > 0):
            raise ValueError(f"{name} must be a whole number above 0; got {count!r}.")


class GanSignalsDisplay:
    """What was seen of a GAN while it was trained.

    Parameters
    ----------
    signals : dict of str to ndarray of shape (n_checkpoints,)
        See `sknevo.builders.gan._monitor.Monitor`.
    stability : float
        In [0, 1].

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the shares.
    norms_ax_ : matplotlib Axes
        With the norms of the gradients, on a logarithmic scale.
    figure_ : matplotlib Figure
        That holds both.
    lines_ : dict of str to matplotlib Line2D
        By the name of the signal.

    Examples
    --------
    >>> from sknevo.displays import GanSignalsDisplay
    >>> signals = {"step": [1, 2], "coverage": [0.1, 0.9], "reach": [0.5, 1.0],
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
        """Plot the signals of the winner's training.

        Parameters
        ----------
        estimator : EvolvedGAN or GAN
            Fitted.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a new figure.

        Returns
        -------
        GanSignalsDisplay
        """
        gan = _gan_of(estimator)
        return cls(gan.signals_, gan.stability_).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the signals.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a new figure.

        Returns
        -------
        self : object
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
            bbox_to_anchor=(0.5, -0.15),  # below: six lines leave no room
        )
        return self


class SampleGridDisplay:
    """Samples of a generator, side by side: images, or rows as points.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        Images or rows; of rows the first two features are plotted.
    sample_shape : tuple of int
        Of one sample, see `sknevo.network_plan.image_shape`.
    n_columns : int or None, default=None
        Images beside each other; None makes a square.
    real : array-like of shape (n_real, n_features) or None, default=None
        Rows to plot beneath the generated ones.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the samples.
    figure_ : matplotlib Figure
        That holds it.
    sheet_ : ndarray of shape (height, width) or (height, width, 3)
        All images as one; only of images.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import SampleGridDisplay
    >>> images = np.zeros((6, 8, 8), np.uint8)
    >>> SampleGridDisplay(images, (8, 8), n_columns=3).plot().sheet_.shape
    (17, 26)
    """

    def __init__(
        self,
        samples: np.ndarray,
        sample_shape: tuple[int, ...],
        n_columns: int | None = None,
        real: Any = None,
    ) -> None:
        self.samples = samples
        self.sample_shape = sample_shape
        self.n_columns = n_columns
        self.real = real

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
        """Plot samples of the winner.

        Parameters
        ----------
        estimator : EvolvedGAN or GAN
            Fitted.
        n_samples : int, default=64
            How many.
        y : array-like of shape (n_samples,), scalar or None, default=None
            What to make them for.
        real : array-like of shape (n_real, n_features) or None, default=None
            Rows to plot beneath the generated ones.
        n_columns : int or None, default=None
            Images beside each other; None makes a square.
        random_state : int, RandomState or None, default=None
            Source of randomness.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a new figure.

        Returns
        -------
        SampleGridDisplay
        """
        gan = _gan_of(estimator)
        _check_counts(n_samples=n_samples, n_columns=n_columns)
        samples = gan.sample(n_samples, y, random_state)
        return cls(samples, gan.sample_shape, n_columns, real).plot(ax=ax)

    @classmethod
    def from_snapshots(
        cls, estimator: Any, *, n_columns: int = 10, ax: Any = None
    ) -> Self:
        """Plot what the winner made of the same noise in the course of its training.

        Parameters
        ----------
        estimator : EvolvedGAN or GAN
            Fitted on images.
        n_columns : int, default=10
            Images of each checkpoint; these are rows, the first above.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a new figure.

        Returns
        -------
        SampleGridDisplay
        """
        gan = _gan_of(estimator)
        _check_counts(n_columns=n_columns)
        shots = gan.snapshots_[:, :n_columns]
        return cls._of_rows(shots, gan.sample_shape, "training →", ax)

    @classmethod
    def from_generations(
        cls, estimator: Any, *, n_columns: int = 10, ax: Any = None
    ) -> Self:
        """Plot what the best individual of each generation made.

        Parameters
        ----------
        estimator : EvolvedGAN
            Fitted on images.
        n_columns : int, default=10
            Images of each generation; these are rows, the first above.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a new figure.

        Returns
        -------
        SampleGridDisplay

        Raises
        ------
        ValueError
            If the best were not trained in its last `fit`, or not on a single split.
        """
        check_is_fitted(estimator)
        _check_counts(n_columns=n_columns)
        kept = getattr(estimator, "generation_samples_", {})
        if not kept:
            raise ValueError(
                "estimator must be an EvolvedGAN whose best individuals were trained "
                f"in its last fit, on a single split; got {estimator!r}."
            )
        shots = np.array([samples[:n_columns] for samples in kept.values()])
        shape = estimator.image_shape or shots.shape[2:]
        return cls._of_rows(shots, tuple(shape), "generations →", ax)

    @classmethod
    def _of_rows(
        cls, shots: np.ndarray, sample_shape: tuple[int, ...], label: str, ax: Any
    ) -> Self:
        """Plot samples of shape (n_rows, n_columns, ...)."""
        samples = shots.reshape(-1, *shots.shape[2:])
        display = cls(samples, sample_shape, shots.shape[1]).plot(ax=ax)
        display.ax_.set(ylabel=label)
        return display

    def plot(self, ax: Any = None) -> Self:
        """Plot the samples.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a new figure.

        Returns
        -------
        self : object
        """
        self.ax_, self.figure_ = _axes(self, ax)
        shape = image_shape(self.sample_shape)
        if len(shape) == 3:
            self.sheet_ = _sheet(self.samples, self.sample_shape, self.n_columns)
            gray = self.sheet_.ndim == 2
            self.ax_.imshow(self.sheet_, cmap="gray" if gray else None)
            self.ax_.set(xticks=[], yticks=[])
            return self
        known = {"real": self.real, "generated": self.samples}
        for name, rows in known.items():
            if rows is not None:
                rows = np.asarray(rows, float)
                # A single feature is plotted against nothing.
                height = rows[:, 1] if rows.shape[1] > 1 else np.zeros(len(rows))
                self.ax_.plot(rows[:, 0], height, ".", markersize=2, label=name)
        self.ax_.set(xlabel="feature 0", ylabel="feature 1")
        self.ax_.legend(fontsize="small")
        return self


def _axes(display: Any, ax: Any) -> tuple[Any, Any]:
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is None:
        # Of pyplot, as scikit-learn's: notebooks show them.
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(5, 4), layout="constrained")
    return ax, ax.figure


def _sheet(
    samples: np.ndarray, sample_shape: tuple[int, ...], n_columns: int | None
) -> np.ndarray:
    """Return all images as one, a pixel apart, scaled to [0, 1]."""
    channels, height, width = image_shape(sample_shape)
    images = np.asarray(samples, float).reshape(-1, *sample_shape)
    if len(sample_shape) == 3 and image_shape(sample_shape) == tuple(sample_shape):
        images = np.moveaxis(images, 1, -1)
    images = images.reshape(-1, height, width, channels)
    # Neither gray with transparency nor more colours can be shown as they are.
    images = images[..., :3] if channels >= 3 else images[..., :1]
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
