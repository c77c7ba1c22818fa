"""The course of a search: every individual, the best so far, and the median."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Self

import numpy as np

from sknevo.cv_results import furthest, is_resource_first, succeeded, whole
from sknevo.displays._shared import (
    BLACK,
    BRED,
    GREY,
    KNOWN,
    RANDOM,
    Display,
    legend_above,
    limits,
    lower_limit,
    new_axes,
    origin_of,
    score_label,
    searched,
)
from sknevo.records import CUT_OFF

# What individuals are drawn over, with the label of the axis.
OVER = {
    "seconds": "seconds since the search began",
    "generations": "generation",
}


class EvolutionDisplay(Display):
    """The score of each individual over the search, the best so far and the median.

    The colour says where an individual comes from: it was known before the search (or
    given by the user), drawn at random, or bred of others. Individuals that are far
    worse than the better half lie on the lower edge, as triangles. Where the best so
    far gets more of the resource of successive halving and a lower score, its line is
    interrupted.

    Parameters
    ----------
    results : dict of str to array
        The columns `key`, `status`, `fitness`, `end_time`, `generation`, `origin` and
        `resource` of `cv_results_`.
    over : {"seconds", "generations"}, default="seconds"
        What the horizontal axis shows.
    score_name : str, default="score"
        What the vertical axis is called.
    resource_first : bool, default=True
        Whether the best individual is the best of those with the most of the resource,
        or the best with any.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : dict of str to matplotlib PathCollection
        The individuals, by where they come from: "known", "random", "bred".
    best_, median_ : matplotlib Line2D
        The best score so far, and the median of the individuals of each generation that
        got all of the resource.

    See Also
    --------
    RungsDisplay : The scores of each individual over the resource.
    FamilyTreeDisplay : The ancestors of the best individual.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sknevo import EvolvedSearchCV
    >>> from sknevo.displays import EvolutionDisplay
    >>> search = EvolvedSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3, 4]},
    ...                          population_size=2, generations=2, cv=2,
    ...                          random_state=0).fit(*load_iris(return_X_y=True))
    >>> display = EvolutionDisplay.from_estimator(search, over="generations")
    >>> bool(display.best_.get_ydata()[-1] == search.best_score_)
    True
    """

    def __init__(
        self,
        results: Mapping[str, Any],
        over: str = "seconds",
        score_name: str = "score",
        resource_first: bool = True,
    ) -> None:
        self.results = results
        self.over = over
        self.score_name = score_name
        self.resource_first = resource_first

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, over: str = "seconds", ax: Any = None
    ) -> Self:
        """Plot the search of an evolved estimator.

        Parameters
        ----------
        estimator : estimator
            Any evolved estimator of sknevo, fitted.
        over : {"seconds", "generations"}, default="seconds"
            What the horizontal axis shows.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        EvolutionDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `over` is unknown.
        """
        estimator = searched(estimator)
        results, label = estimator.cv_results_, score_label(estimator)
        resource_first = is_resource_first(results, estimator.best_index_)
        return cls(results, over, label, resource_first).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the search.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If `over` is unknown.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        if self.over not in OVER:
            raise ValueError(f"over must be one of {[*OVER]}; got {self.over!r}.")
        ax = new_axes(self, ax)
        results, rows = self.results, succeeded(self.results)
        fitness = np.asarray(results["fitness"], float)
        places = self._places(rows)
        last = furthest(results)
        low, high = lower_limit(fitness[last]), fitness[rows].max()
        self._draw_lines(ax, rows, places)
        self._draw_points(ax, rows, places, last, low)
        ended = ~np.isin(results["status"], CUT_OFF)
        n_failed = ended.sum() - len(rows)
        without = f"\n{n_failed} of {ended.sum()} evaluations failed or were pruned"
        ax.set(
            xlabel=OVER[self.over] + (without if n_failed else ""),
            ylabel=self.score_name,
            ylim=limits(low, high),
        )
        self._legend(ax)
        return self

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Return where each row stands on the horizontal axis."""
        if self.over == "seconds":
            return np.asarray(self.results["end_time"], float)
        # Those of one generation stand side by side, in the order asked.
        generation = np.asarray(self.results["generation"])
        places = generation.astype(float)
        for each in np.unique(generation[rows]):
            same = rows[generation[rows] == each]
            if len(same) > 1:
                places[same] += np.linspace(-0.3, 0.3, len(same))
        return places

    def _draw_lines(self, ax: Any, rows: np.ndarray, places: np.ndarray) -> None:
        """Draw the best so far, and the median of each generation."""
        results = self.results
        order = rows[np.argsort(places[rows], kind="stable")]
        fitness = np.asarray(results["fitness"], float)
        resource = np.asarray(results["resource"], float)[order]
        first = np.where(self.resource_first, resource, 0)
        ranks = zip(first, fitness[order], strict=True)
        best = np.array([score for _, score in accumulate(ranks, max)])
        # With more of the resource the score may be lower: another line begins.
        falls = np.flatnonzero(np.diff(best) < 0) + 1
        (self.best_,) = ax.step(
            np.insert(places[order], falls, places[order][falls]),
            np.insert(best, falls, np.nan),
            color=BLACK,
            where="post",
            label="best so far",
            zorder=3,
        )
        full = whole(results)
        generation = np.asarray(results["generation"])[full]
        groups = [full[generation == each] for each in np.unique(generation)]
        (self.median_,) = ax.plot(
            [places[group].mean() for group in groups],
            [np.median(fitness[group]) for group in groups],
            color=GREY,
            linestyle="--",
            linewidth=1.2,
            marker=".",
            markersize=3,
            label="median",
            zorder=3,
        )

    def _draw_points(
        self,
        ax: Any,
        rows: np.ndarray,
        places: np.ndarray,
        last: np.ndarray,
        low: float,
    ) -> None:
        """Draw individuals by their origin; those on a lower rung are hollow."""
        fitness = np.asarray(self.results["fitness"], float)
        origins = [origin_of(name) for name in self.results["origin"]]
        final = np.isin(rows, last)
        self.points_ = {}
        for origin in (KNOWN, RANDOM, BRED):
            mine = np.array([origins[row] is origin for row in rows], bool)
            if not mine.any():
                continue
            inside = fitness[rows] >= low
            shown = rows[mine & inside & final]
            style = {"color": origin.color, "zorder": 2, "clip_on": False}
            self.points_[origin.label] = ax.scatter(
                places[shown],
                fitness[shown],
                s=22,
                marker=origin.marker,
                label=origin.label,
                linewidths=0,
                alpha=0.8,
                **style,
            )
            under = rows[mine & inside & ~final]
            ax.scatter(
                places[under],
                fitness[under],
                s=10,
                marker=origin.marker,
                facecolors="none",
                linewidths=0.6,
                edgecolors=origin.color,
            )
            below = rows[mine & ~inside]
            edge = np.full(len(below), limits(low, fitness[rows].max())[0])
            ax.scatter(places[below], edge, s=12, marker="v", linewidths=0, **style)
        self._n_under = int((~final).sum())
        self._n_below = int((fitness[rows] < low).sum())

    def _legend(self, ax: Any) -> None:
        """Name lines and points; hollow and cut off ones where there are any."""
        if self.over == "generations":
            ax.xaxis.get_major_locator().set_params(integer=True)
        handles = [self.best_, self.median_, *self.points_.values()]
        style = {"linestyle": "none", "color": GREY, "markersize": 4}
        if self._n_under:
            label = "lower rung"
            handles += ax.plot([], [], "o", fillstyle="none", label=label, **style)
        if self._n_below:
            label = f"{self._n_below} below"
            handles += ax.plot([], [], "v", label=label, **style)
        legend_above(ax, handles)
