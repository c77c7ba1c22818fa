"""The two pictures of a search that say most, side by side."""

from typing import Any, Self

import numpy as np

from sknevo.displays._ensemble import EnsembleDisplay
from sknevo.displays._evolution import EvolutionDisplay
from sknevo.displays._family_tree import FamilyTreeDisplay
from sknevo.displays._network import NetworkDisplay
from sknevo.displays._pareto import ParetoDisplay
from sknevo.displays._samples import SampleGridDisplay
from sknevo.displays._shared import new_axes_beside, searched

# What a task has a picture of, with the attribute that is drawn: without a refit, or an
# ensemble, it is missing.
FOUND = {
    EnsembleDisplay: "ensemble_",
    NetworkDisplay: "cv_results_",
    SampleGridDisplay: "best_estimator_",
}


class SearchDisplay:
    """The course of a search, and beside it what the search has found.

    Parameters
    ----------
    evolution : EvolutionDisplay
        The course of the search.
    found : display
        Any other display of this module.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (2,)
        Axes of both pictures.
    figure_ : matplotlib Figure
        Figure of both axes.

    See Also
    --------
    EvolutionDisplay : The left one alone.

    Notes
    -----
    ``display.figure_.savefig("search.png")`` saves it; the name of the file tells the
    format, such as PNG, SVG or PDF.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sknevo import EvolvedSearchCV
    >>> from sknevo.displays import SearchDisplay
    >>> search = EvolvedSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3, 4]},
    ...                          population_size=2, generations=1, cv=2,
    ...                          random_state=0).fit(*load_iris(return_X_y=True))
    >>> type(SearchDisplay.from_estimator(search).found).__name__
    'FamilyTreeDisplay'
    """

    figure_: Any

    def __init__(self, evolution: EvolutionDisplay, found: Any) -> None:
        self.evolution = evolution
        self.found = found

    @classmethod
    def from_estimator(cls, estimator: Any, *, axes: Any = None) -> Self:
        """Plot the search of an evolved estimator.

        Parameters
        ----------
        estimator : estimator
            Any evolved estimator of sknevo, fitted.
        axes : array-like of matplotlib Axes of shape (2,) or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        estimator = searched(estimator)
        left, right = axes = _two_axes(axes)
        display = cls(
            EvolutionDisplay.from_estimator(estimator, ax=left),
            _second(estimator).from_estimator(estimator, ax=right),
        )
        return display._on(axes)

    def plot(self, axes: Any = None) -> Self:
        """Plot both pictures.

        Parameters
        ----------
        axes : array-like of matplotlib Axes of shape (2,) or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        self : object

        Raises
        ------
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        left, right = axes = _two_axes(axes)
        self.evolution.plot(ax=left)
        self.found.plot(ax=right)
        return self._on(axes)

    def _on(self, axes: np.ndarray) -> Self:
        self.axes_, self.figure_ = axes, axes[0].figure
        return self


def _two_axes(axes: Any) -> np.ndarray:
    return new_axes_beside("SearchDisplay", 2) if axes is None else np.asarray(axes)


def _second(estimator: Any) -> Any:
    """Return the kind of display that says most beside the course of the search."""
    if estimator.multimetric_:
        return ParetoDisplay
    for kind, drawn in FOUND.items():
        is_there = getattr(estimator, drawn, None) is not None
        if kind.__name__ == estimator._picture and is_there:
            return kind
    return FamilyTreeDisplay
