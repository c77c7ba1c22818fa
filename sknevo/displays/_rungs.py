"""The scores of individuals on the rungs of successive halving."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from sknevo.cv_results import succeeded
from sknevo.displays._shared import (
    BLUE,
    PALE,
    VERMILLION,
    Display,
    NoPictureError,
    legend_above,
    limits,
    new_axes,
    score_label,
    searched,
)

# What axes call the resources; any other one is the name of a gene.
RESOURCES = {"n_samples": "training samples", "samples": "training samples"}
# The share of scores that lie below the picture. Chosen by looking at pictures.
LOWEST = 0.05


class RungsDisplay(Display):
    """The score of each individual over the resource of successive halving.

    Each line is an individual. It ends where the individual was not promoted.

    Parameters
    ----------
    results : dict of str to array
        The columns `key`, `fitness` and `resource` of `cv_results_`.
    resource_name : str, default="resource"
        What the resource is: epochs, samples or the like.
    score_name : str, default="score"
        What the vertical axis is called.
    best : str or None, default=None
        Key of the individual that predicts.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict of str to matplotlib Line2D
        The line of each individual, by its key.
    rungs_ : ndarray of shape (n_rungs,)
        The resources, rising; infinity stands for all that the genes ask for.

    See Also
    --------
    EvolutionDisplay : The course of the search.

    Examples
    --------
    >>> from sknevo.displays import RungsDisplay
    >>> results = {"key": ["a", "b", "c", "b"], "fitness": [0.6, 0.7, 0.5, 0.9],
    ...            "resource": [10, 10, 10, float("inf")]}
    >>> display = RungsDisplay(results, "epochs", best="b").plot()
    >>> display.lines_["b"].get_ydata()
    array([0.7, 0.9])
    """

    def __init__(
        self,
        results: Mapping[str, Any],
        resource_name: str = "resource",
        score_name: str = "score",
        best: str | None = None,
    ) -> None:
        self.results = results
        self.resource_name = resource_name
        self.score_name = score_name
        self.best = best

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Plot the rungs of an evolved estimator.

        Parameters
        ----------
        estimator : estimator
            Any evolved estimator of sknevo, fitted with a `resource`.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        RungsDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        NoPictureError
            If there is a single rung.
        """
        estimator = searched(estimator)
        results = estimator.cv_results_
        resource = estimator._final_runner_.resource or "resource"
        name = RESOURCES.get(resource, resource)
        best = estimator.best_chromosome_.key
        return cls(results, name, score_label(estimator), best).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the scores over the rungs.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        self : object

        Raises
        ------
        NoPictureError
            If there is a single rung.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        results, rows = self.results, succeeded(self.results)
        resource = np.asarray(results["resource"], float)
        self.rungs_ = np.unique(resource[rows])
        if len(self.rungs_) < 2:
            raise NoPictureError(
                "results must have at least two rungs; all individuals were evaluated "
                "with the same resource. Fit with a resource, such as 'n_samples', or "
                "with max_time on data that are large for it."
            )
        ax = new_axes(self, ax)
        fitness = np.asarray(results["fitness"], float)
        paths: dict[str, list[int]] = {}
        for row in rows[np.argsort(resource[rows], kind="stable")]:
            paths.setdefault(str(results["key"][row]), []).append(row)
        # The longest ones lie above the others, and the best above all.
        order = sorted(paths, key=lambda key: (key == self.best, len(paths[key])))
        self.lines_ = {}
        for key in order:
            path = paths[key]
            places = np.searchsorted(self.rungs_, resource[path])
            (self.lines_[key],) = ax.plot(
                places, fitness[path], **self._style(key, len(path))
            )
        counts = [(resource[rows] == rung).sum() for rung in self.rungs_]
        ticks = [
            f"{'all' if np.isinf(rung) else f'{rung:,.0f}'}\n{count} tried"
            for rung, count in zip(self.rungs_, counts, strict=True)
        ]
        ax.set(
            xticks=range(len(ticks)),
            xticklabels=ticks,
            xlabel=self.resource_name,
            ylabel=self.score_name,
            ylim=limits(np.quantile(fitness[rows], LOWEST), fitness[rows].max()),
            xlim=(-0.25, len(ticks) - 0.75),
        )
        legend_above(ax)
        return self

    def _style(self, key: str, length: int) -> dict[str, Any]:
        """Return how the line of an individual is drawn."""
        drawn = {line.get_label() for line in self.lines_.values()}
        if key == self.best:
            color, label, width = VERMILLION, "best", 2.4
        elif length > 1:
            color, label, width = BLUE, "promoted", 1.0
        else:
            color, label, width = PALE, "not promoted", 1.0
        return {
            "color": color,
            "linewidth": width,
            "marker": "o",
            "markersize": 4 if width == 1 else 6,
            "alpha": 1.0 if key == self.best else 0.75,
            # In the legend once.
            "label": f"_{label}" if label in drawn else label,
        }
