"""The values of one gene during a search."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from sknevo.cv_results import furthest
from sknevo.displays._evolution import OVER
from sknevo.displays._shared import (
    VERMILLION,
    Display,
    legend_above,
    lower_limit,
    new_axes,
    score_label,
    searched,
)
from sknevo.displays._words import PARAMETER, are_numbers, gene_label
from sknevo.spelling import did_you_mean

# Values that differ by more than this factor are drawn on a logarithmic scale; more
# categories than this have no place. Chosen, not measured.
LOG_FACTOR, MOST_CATEGORIES = 50, 25
# Points of a category are spread over so much of its row.
SPREAD, GOLDEN = 0.5, (5**0.5 - 1) / 2


class GeneValuesDisplay(Display):
    """The values of one gene in each individual, over the search.

    The colour is the score: the brighter, the better. Individuals in which the gene is
    silent are left out, and counted.

    Parameters
    ----------
    results : dict of str to array
        The columns `key`, `fitness`, `end_time`, `resource` and that of the gene of
        `cv_results_`.
    gene : str
        The gene, by its path, such as "model.svm.C".
    score_name : str, default="score"
        What the colour is called.
    best : int or None, default=None
        Row of the individual that predicts.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : matplotlib PathCollection
        The individuals that express the gene.
    n_silent_ : int
        Number of individuals with a score in which it is silent.

    See Also
    --------
    GenesDisplay : Which genes the scores depend on.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import GeneValuesDisplay
    >>> results = {"key": ["a", "b"], "fitness": [0.5, 0.6], "end_time": [1.0, 2.0],
    ...            "resource": [np.inf, np.inf], "param_C": np.ma.array([1.0, 3.0])}
    >>> GeneValuesDisplay(results, "C").plot().points_.get_offsets()[:, 1].tolist()
    [1.0, 3.0]
    """

    def __init__(
        self,
        results: Mapping[str, Any],
        gene: str,
        score_name: str = "score",
        best: int | None = None,
    ) -> None:
        self.results = results
        self.gene = gene
        self.score_name = score_name
        self.best = best

    @classmethod
    def from_estimator(cls, estimator: Any, gene: str, *, ax: Any = None) -> Self:
        """Plot the values of a gene of an evolved estimator.

        Parameters
        ----------
        estimator : estimator
            Any evolved estimator of sknevo, fitted.
        gene : str
            A column of `cv_results_`, without ``param_``.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        GeneValuesDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If there is no such gene.
        """
        estimator = searched(estimator)
        label = score_label(estimator)
        row = estimator.best_index_
        return cls(estimator.cv_results_, gene, label, row).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the values.

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
            If there is no such gene, or no individual with a score expresses it.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        column = self._column()
        rows = furthest(self.results)
        silent = np.ma.getmaskarray(column)[rows]
        self.n_silent_ = int(silent.sum())
        if silent.all():
            raise ValueError(
                "gene must be expressed by an individual with a score; "
                f"{self.gene!r} is silent in all of them."
            )
        rows = rows[~silent]
        ax = new_axes(self, ax)
        places = self._places(ax, [column[row] for row in rows])
        x = np.asarray(self.results["end_time"], float)[rows]
        score = np.asarray(self.results["fitness"], float)[rows]
        # The brightest lie above the others.
        order = np.argsort(score)
        self.points_ = ax.scatter(
            x[order],
            places[order],
            c=score[order],
            cmap="viridis",
            vmin=lower_limit(score),
            s=26,
            edgecolors="#666666",
            linewidths=0.3,
        )
        bar = self.figure_.colorbar(self.points_, ax=ax, pad=0.02)
        bar.set_label(self.score_name)
        bar.outline.set_visible(False)
        n = self.n_silent_ + len(rows)
        without = f"\nsilent in {self.n_silent_} of {n} individuals"
        ax.set(xlabel=OVER["seconds"] + (without if self.n_silent_ else ""))
        ax.set_ylabel(gene_label(self.gene))
        if self.best in rows:
            chosen = list(rows).index(self.best)
            best = ax.scatter(
                x[chosen],
                places[chosen],
                s=130,
                facecolors="none",
                edgecolors=VERMILLION,
                linewidths=1.6,
                label="best",
            )
            legend_above(ax, [best])
        return self

    def _column(self) -> np.ma.MaskedArray:
        """Return the gene's column, or say which genes there are."""
        genes = [
            name.removeprefix(PARAMETER)
            for name in self.results
            if name.startswith(PARAMETER)
        ]
        if self.gene not in genes:
            raise ValueError(
                f"gene must be a column of cv_results_ without 'param_', such as "
                f"{genes[:5]}; got {self.gene!r}.{did_you_mean(self.gene, genes)}"
            )
        return self.results[PARAMETER + self.gene]

    def _places(self, ax: Any, values: list[Any]) -> np.ndarray:
        """Return where values stand on the vertical axis, and set its scale."""
        if are_numbers(values):
            low, high = min(values), max(values)
            if low > 0 and high / low > LOG_FACTOR:
                ax.set_yscale("log")
            return np.asarray(values, float)
        names = sorted({str(value) for value in values})[:MOST_CATEGORIES]
        ax.set(yticks=range(len(names)), yticklabels=names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        places = {name: place for place, name in enumerate(names)}
        middle = [places.get(str(value), len(names)) for value in values]
        # Beside each other, always in the same way: multiples of the golden ratio.
        return np.array(middle) + SPREAD * (GOLDEN * np.arange(len(values)) % 1 - 0.5)
