"""How much predictions depend on each column."""

from typing import Any, Self

import numpy as np

from sknevo.displays._shared import BLACK, BLUE, Display, fitness_name, new_axes, tidy
from sknevo.extras import require

# Columns with a bar of their own. Chosen by looking at pictures.
MOST_BARS = 15


class FeatureImportanceDisplay(Display):
    """How much the score falls if the values of a column are shuffled.

    Parameters
    ----------
    importances : DataFrame of shape (n_features, 3)
        The columns "feature", "mean" and "std", as `feature_importance` of an evolved
        estimator returns them.
    score_name : str, default="score"
        What falls.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : matplotlib BarContainer
        The means of the 15 most important columns, the greatest on top.

    See Also
    --------
    GenesDisplay : Which genes the scores of a search depend on.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknevo.displays import FeatureImportanceDisplay
    >>> table = pd.DataFrame({"feature": ["age", "size"], "mean": [0.01, 0.3],
    ...                       "std": [0.01, 0.02]})
    >>> display = FeatureImportanceDisplay(table).plot()
    >>> [tick.get_text() for tick in display.ax_.get_yticklabels()]
    ['size', 'age']
    """

    def __init__(self, importances: Any, score_name: str = "score") -> None:
        self.importances = importances
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None) -> Self:
        """Plot how much an evolved estimator depends on each column.

        Parameters
        ----------
        estimator : estimator
            Evolved estimator of tables, fitted.
        X : DataFrame or array-like of shape (n_samples, n_features)
            Samples that were not in `fit`.
        y : array-like of shape (n_samples,)
            Their targets.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        FeatureImportanceDisplay

        Raises
        ------
        TypeError
            If `estimator` has no `feature_importance`.
        NotFittedError
            If `estimator` is not fitted.
        """
        if not hasattr(estimator, "feature_importance"):
            raise TypeError(
                "estimator must be an evolved estimator of tables, which has "
                f"feature_importance; got {type(estimator).__name__}."
            )
        require(cls.__name__, "matplotlib")  # before predictions take their time
        table = estimator.feature_importance(X, y)
        return cls(table, fitness_name(estimator)).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the importances.

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
            If a column is missing.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        lacking = {"feature", "mean", "std"} - set(self.importances.columns)
        if lacking:
            raise ValueError(
                "importances must have the columns 'feature', 'mean' and 'std'; it "
                f"lacks {sorted(lacking)}."
            )
        ax = new_axes(self, ax)
        ax.grid(False)
        tidy(ax, "x")
        shown = self.importances.sort_values("mean", ascending=False).head(MOST_BARS)
        places = np.arange(len(shown))
        self.bars_ = ax.barh(
            places,
            shown["mean"],
            xerr=shown["std"],
            color=BLUE,
            error_kw={"ecolor": BLACK, "elinewidth": 0.8, "alpha": 0.6},
            height=0.65,
        )
        ax.axvline(0, color=BLACK, linewidth=0.8)
        n_others = len(self.importances) - len(shown)
        others = f"\n{n_others} further columns, each at most "
        others += f"{shown['mean'].iloc[-1]:.2g}" if n_others else ""
        ax.set(
            yticks=places,
            yticklabels=[str(name) for name in shown["feature"]],
            ylim=(max(len(shown), 4) - 0.4, -0.6),
            xlabel=f"loss of {self.score_name} if the column is shuffled"
            + (others if n_others else ""),
        )
        ax.tick_params(axis="y", length=0)
        return self
