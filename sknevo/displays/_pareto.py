"""What one score costs in terms of another."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from sknevo.cv_results import whole
from sknevo.describe import COSTS, metric_label
from sknevo.displays._shared import (
    BLACK,
    PALE,
    SKY,
    VERMILLION,
    Display,
    fitness_name,
    legend_above,
    limits,
    lower_limit,
    new_axes,
    searched,
    tidy,
)

# What is drawn where there is a single score.
SECONDS = "mean_fit_time"
SECONDS_LABEL = "seconds of training per split"


class ParetoDisplay(Display):
    """Two scores of each individual, and the front of those that none dominates.

    Only individuals that got all of the resource count. One is on the front if no other
    one is better in one of the two and as good in the other. Individuals that are far
    worse than the better half are left out, and counted in the legend.

    Parameters
    ----------
    x, y : array-like of shape (n_individuals,)
        Two values of each individual.
    x_name, y_name : str, default="x", "y"
        Names of both.
    lower_is_better : tuple of str, default=()
        Which of "x" and "y" are costs.
    best : int or None, default=None
        The individual that predicts.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    front_ : ndarray of int
        The individuals on the front, by rising x.
    points_, front_points_ : matplotlib PathCollection
        All individuals, and those on the front.

    See Also
    --------
    EvolutionDisplay : The course of the search.

    Examples
    --------
    >>> from sknevo.displays import ParetoDisplay
    >>> accuracy, seconds = [0.7, 0.8, 0.9, 0.85], [1.0, 2.0, 8.0, 9.0]
    >>> display = ParetoDisplay(seconds, accuracy, "seconds", "accuracy",
    ...                         lower_is_better=("x",)).plot()
    >>> display.front_
    array([0, 1, 2])
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        x_name: str = "x",
        y_name: str = "y",
        lower_is_better: tuple[str, ...] = (),
        best: int | None = None,
    ) -> None:
        self.x = x
        self.y = y
        self.x_name = x_name
        self.y_name = y_name
        self.lower_is_better = lower_is_better
        self.best = best

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        x: str | None = None,
        y: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Plot two scores of an evolved estimator, or one score over the seconds.

        Parameters
        ----------
        estimator : estimator
            Any evolved estimator of sknevo, fitted.
        x, y : str or None, default=None
            Names of two metrics, or "mean_fit_time" for the seconds of training. None
            stands for the first two metrics, the fitness as y; with a single metric,
            for the seconds as x.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        ParetoDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `x` or `y` is no metric of the search.
        """
        estimator = searched(estimator)
        results = estimator.cv_results_
        known = _metrics(results)
        fitness = getattr(estimator, "refit", None)
        first = fitness if isinstance(fitness, str) else known[0]
        y = first if y is None else y
        x = next((name for name in known if name != y), SECONDS) if x is None else x
        for role, name in (("x", x), ("y", y)):
            if name not in (*known, SECONDS):
                raise ValueError(
                    f"{role} must be one of {[*known, SECONDS]}; got {name!r}."
                )
        rows = whole(results)
        values = {name: _values(results, name)[rows] for name in (x, y)}
        best = np.flatnonzero(rows == estimator.best_index_)
        return cls(
            values[x],
            values[y],
            _label(x, estimator),
            _label(y, estimator),
            tuple(r for r, name in (("x", x), ("y", y)) if _is_cost(name)),
            int(best[0]) if len(best) else None,
        ).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the individuals and the front.

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
        tidy(ax, "x")
        x, y = np.asarray(self.x, float), np.asarray(self.y, float)
        signs = [-1 if role in self.lower_is_better else 1 for role in "xy"]
        front = _front(signs[0] * x, signs[1] * y)
        self.front_ = front = front[np.argsort(x[front], kind="stable")]
        for role, values, sign in zip("xy", (x, y), signs, strict=True):
            self._scale(ax, role, values, sign)
        (low_x, high_x), (low_y, high_y) = ax.get_xlim(), ax.get_ylim()
        shown = (x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y)
        label = "individuals" + (f" ({(~shown).sum()} far off)" if any(~shown) else "")
        self.points_ = ax.scatter(
            x, y, s=24, color=SKY, alpha=0.7, linewidths=0, label=label
        )
        where = "post" if signs[0] < 0 else "pre"
        ax.step(x[front], y[front], color=PALE, linewidth=1.2, where=where, zorder=2)
        self.front_points_ = ax.scatter(
            x[front],
            y[front],
            s=46,
            color=VERMILLION,
            edgecolors="white",
            linewidths=0.8,
            zorder=3,
            label="not dominated",
        )
        handles = [self.front_points_, self.points_]
        if self.best is not None:
            handles.append(
                ax.scatter(
                    x[self.best],
                    y[self.best],
                    s=150,
                    facecolors="none",
                    edgecolors=BLACK,
                    linewidths=1.4,
                    zorder=4,
                    label="best",
                )
            )
        legend_above(ax, handles)
        return self

    def _scale(self, ax: Any, role: str, values: np.ndarray, sign: int) -> None:
        """Set scale, limits and label of one axis."""
        name = self.x_name if role == "x" else self.y_name
        better = "lower" if sign < 0 else "higher"
        known = {f"{role}label": f"{name} ({better} is better)"}
        if sign < 0 and values.min() > 0:  # of costs, ratios count
            low, high = values.min(), values.max()
            margin = (high / low) ** 0.05 if high > low else 1.1
            known |= {
                f"{role}scale": "log",
                f"{role}lim": (low / margin, high * margin),
            }
        else:
            ends = limits(lower_limit(sign * values), (sign * values).max())
            known[f"{role}lim"] = tuple(sorted(sign * end for end in ends))
        ax.set(**known)


def _metrics(results: Mapping[str, Any]) -> list[str]:
    """Return the names of the metrics in results."""
    prefix = "mean_test_"
    return [name.removeprefix(prefix) for name in results if name.startswith(prefix)]


def _is_cost(name: str) -> bool:
    return name in COSTS or name == SECONDS


def _values(results: Mapping[str, Any], name: str) -> np.ndarray:
    """Return a metric of each row; costs as they are, not negated."""
    if name == SECONDS:
        return np.asarray(results[SECONDS], float)
    values = np.asarray(results[f"mean_test_{name}"], float)
    return -values if name in COSTS else values


def _label(name: str, estimator: Any) -> str:
    """Return what an axis calls a metric; the only one is the fitness."""
    if name == "score":
        return fitness_name(estimator)
    return SECONDS_LABEL if name == SECONDS else metric_label(name)


def _front(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which points no other one dominates; the higher, the better."""
    front, highest = [], -np.inf
    # The greatest x first; among equals the greatest y.
    for i in np.lexsort((-y, -x)):
        if y[i] > highest:
            front.append(int(i))
            highest = y[i]
    return np.array(front, int)
