"""Signals of a GAN's training over its steps."""

from typing import Any, Self

import numpy as np

from sknevo.displays._gan import gan_of
from sknevo.displays._shared import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Display,
    inset,
    label_ends,
    new_axes,
)

# Signals in [0, 1], in the upper part, with their labels.
SHARES = {
    "coverage": ("coverage", BLUE),
    "wide_coverage": ("wide coverage", SKY),
    "auc": ("AUC of the\ndiscriminator", VERMILLION),
    "spikes": ("jumps of\nthe losses", ORANGE),
}
# Norms of gradients, in the lower part.
NORMS = {
    "discriminator_norm": ("discriminator", PURPLE),
    "generator_norm": ("generator", GREEN),
}
# Left, bottom, width and height of both parts, in shares of the axes given.
UPPER, LOWER = (0.0, 0.44, 1.0, 0.56), (0.0, 0.0, 1.0, 0.34)


class GanSignalsDisplay(Display):
    """Signals of a GAN's training, over the steps of the generator.

    Parameters
    ----------
    signals : dict of str to array-like of shape (n_checkpoints,)
        "step" is the number of steps of the generator. In [0, 1] are "coverage",
        "wide_coverage" (see `sknevo.metrics.ReferenceSet.wide_coverage`), "auc" (how
        well the discriminator tells real from generated samples: 0.5 is a guess) and
        "spikes" (share of steps in which a loss jumps). "discriminator_norm" and
        "generator_norm" are norms of gradients. The attribute `signals_` of a fitted
        GAN has this form.
    stability : float
        Stability of the training, in [0, 1]: `stability_` of a fitted GAN.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the signals in [0, 1], the upper part of the picture.
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
            If `estimator` is neither an evolved estimator nor a GAN.
        NoPictureError
            If it is no EvolvedGAN with a best GAN.
        NotFittedError
            If `estimator` is not fitted.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        gan = gan_of(estimator)
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
        whole = new_axes(self, ax)
        # Only now it is known that there is matplotlib.
        from matplotlib.ticker import LogLocator, NullFormatter

        self.ax_, self.norms_ax_ = inset(whole, UPPER), inset(whole, LOWER)
        self.lines_ = {}
        for part, signals in ((self.ax_, SHARES), (self.norms_ax_, NORMS)):
            for name, (_, color) in signals.items():
                (self.lines_[name],) = part.plot(
                    self.signals["step"],
                    self.signals[name],
                    "-o",
                    color=color,
                    markersize=3,
                )
        self.ax_.set(
            ylabel="share",
            ylim=(-0.03, 1.03),
            title=f"stability of the training {self.stability:.2f}",
        )
        self.ax_.tick_params(labelbottom=False)
        self.norms_ax_.set(
            yscale="log",
            xlabel="steps of the generator",
            ylabel="norm of\nthe gradient",
        )
        scale = self.norms_ax_.yaxis
        scale.set_major_locator(LogLocator(subs=(1, 3)))
        scale.set_major_formatter("{x:g}")
        scale.set_minor_formatter(NullFormatter())
        for part, signals in ((self.ax_, SHARES), (self.norms_ax_, NORMS)):
            label_ends(
                part, {label: self.lines_[n] for n, (label, _) in signals.items()}
            )
        return self
