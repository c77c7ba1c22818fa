"""The members of an ensemble, their weights, and what each step of choosing brought."""

import textwrap
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sknevo.describe import score_text
from sknevo.displays._shared import (
    BLUE,
    GREEN,
    PALE,
    VERMILLION,
    Display,
    NoPictureError,
    inset,
    limits,
    new_axes,
    score_label,
    searched,
)

# Members with a bar of their own: the others are one. Characters of their words. Chosen
# by looking at pictures.
MOST_MEMBERS, WIDTH = 6, 78
# Left, bottom, width and height of both parts, in shares of the axes given.
UPPER, LOWER = (0.0, 0.46, 1.0, 0.54), (0.0, 0.0, 1.0, 0.21)


class EnsembleDisplay(Display):
    """The weight of each member of an ensemble, and the score of each step.

    An ensemble is selected step by step: each adds the individual that improves the
    score most, one that is in it already gets more weight.

    Parameters
    ----------
    members : sequence of str
        What each member is.
    weights : array-like of shape (n_members,)
        Their weights, which add up to 1.
    scores : array-like of shape (n_steps,)
        The score of the ensemble after each step.
    score_name : str, default="score"
        What the scores are called.
    is_tuned : bool, default=False
        Whether the last score is that after the decision was tuned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the weights, the upper part of the picture.
    steps_ax_ : matplotlib Axes
        Axes of the scores of the steps.
    figure_ : matplotlib Figure
        Figure of both axes.
    bars_ : matplotlib BarContainer
        The weights, the greatest on top.
    line_ : matplotlib Line2D
        The scores.

    See Also
    --------
    EvolutionDisplay : The course of the search.

    Examples
    --------
    >>> from sknevo.displays import EnsembleDisplay
    >>> display = EnsembleDisplay(["SVM", "LightGBM"], [0.25, 0.75],
    ...                           [0.8, 0.84, 0.85]).plot()
    >>> display.bars_.datavalues
    array([0.75, 0.25])
    """

    def __init__(
        self,
        members: Sequence[str],
        weights: Any,
        scores: Any,
        score_name: str = "score",
        is_tuned: bool = False,
    ) -> None:
        self.members = members
        self.weights = weights
        self.scores = scores
        self.score_name = score_name
        self.is_tuned = is_tuned

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Plot the ensemble of an evolved estimator.

        Parameters
        ----------
        estimator : estimator
            Evolved classifier or regressor with an ensemble, fitted.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        EnsembleDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        NoPictureError
            If it has no ensemble.
        """
        ensemble = getattr(searched(estimator), "ensemble_", None)
        if ensemble is None:
            raise NoPictureError(
                "estimator must have an ensemble; the best individual of this "
                f"{type(estimator).__name__} predicts alone, since its kind has none, "
                "ensemble_size is None, or predictions alone do not give the scores."
            )
        weights = ensemble._weight_by_key
        words = {one.chromosome.key: one.chromosome.words for one in ensemble.members}
        is_tuned = ensemble.decision != type(ensemble.decision)()
        return cls(
            [words[key] for key in weights],
            [*weights.values()],
            ensemble.scores,
            score_label(estimator),
            is_tuned,
        ).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot weights and steps.

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
        self.ax_, self.steps_ax_ = inset(whole, UPPER, "x"), inset(whole, LOWER)
        self._draw_weights(self.ax_)
        self._draw_steps(self.steps_ax_)
        return self

    def _draw_weights(self, ax: Any) -> None:
        order = np.argsort(-np.asarray(self.weights, float), kind="stable")
        names = [self.members[i] for i in order]
        weights = [float(self.weights[i]) for i in order]
        if len(names) > MOST_MEMBERS:
            n_others = len(names) - MOST_MEMBERS + 1
            names[MOST_MEMBERS - 1 :] = [f"{n_others} other members"]
            weights[MOST_MEMBERS - 1 :] = [sum(weights[MOST_MEMBERS - 1 :])]
        places = np.arange(len(names))
        is_rest = len(self.members) > MOST_MEMBERS
        colors = [BLUE] * (len(names) - is_rest) + [PALE] * is_rest
        self.bars_ = ax.barh(places, weights, height=0.34, color=colors)
        for place, name, weight in zip(places, names, weights, strict=True):
            text = textwrap.shorten(name, WIDTH, placeholder=" …")
            ax.text(0, place - 0.24, text, va="bottom", fontsize="small")
            ax.text(weight, place, f" {weight:.2f}", va="center", fontsize="small")
        ax.set(
            yticks=[],
            ylim=(max(len(names), 3) - 0.6, -0.85),
            xlabel="weight in the ensemble",
        )
        ax.spines["left"].set_visible(False)
        ax.set_title(f"{len(self.members)} members", fontsize="medium", loc="left")

    def _draw_steps(self, ax: Any) -> None:
        scores = np.asarray(self.scores, float)
        n_steps = len(scores) - self.is_tuned
        steps = np.arange(1, n_steps + 1)
        (self.line_,) = ax.plot(
            steps, scores[:n_steps], "-o", color=GREEN, markersize=3.5
        )
        low, high = limits(scores.min(), scores.max())
        ends = 0.5, len(scores) + 0.5
        ax.set(xlabel="step of the selection", ylim=(low, high), xlim=ends)
        ax.set_title(self.score_name, fontsize="medium", loc="left")
        ax.xaxis.get_major_locator().set_params(integer=True)
        said = f"last: {score_text(scores[-1])}"
        if self.is_tuned:
            ax.plot(n_steps + 1, scores[-1], "D", color=VERMILLION, markersize=5)
            said += ", decision tuned"
        ax.set_title(said, fontsize="medium", loc="right", color=self._last_color)

    @property
    def _last_color(self) -> str:
        return VERMILLION if self.is_tuned else GREEN
