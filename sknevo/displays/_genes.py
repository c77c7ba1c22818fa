"""Which genes the scores of a search depend on."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sknevo.displays._gene_importance import GeneImportance, importances
from sknevo.displays._shared import (
    BLACK,
    BLUE,
    SKY,
    Display,
    legend_above,
    new_axes,
    searched,
    tidy,
)
from sknevo.displays._words import gene_label
from sknevo.extras import require

# Bars of a picture. Chosen by looking at pictures.
MOST_BARS = 12


class GenesDisplay(Display):
    """How much each gene explains of the differences between individuals' scores.

    A random forest learns the scores from the genes. The importance of a gene is the
    variance of its main effect as a share of all of the variance, as in functional
    ANOVA [1]_: other genes stay as they are, and the gene takes the values that occur.
    It is averaged over the individuals that express the gene, and multiplied by their
    share: where a gene is silent, it explains nothing. The effect of a choice, or of
    the length of a list, is that of all the genes which come with it.

    The individuals of a search are no random sample, as good ones have more children:
    what all of them share shows no effect. Scores far below the better half count as
    the lower edge of `EvolutionDisplay`. With successive halving, scores on the rung
    with the most individuals count, mostly the first one.

    Parameters
    ----------
    importances : sequence of GeneImportance
        The importance of each gene.
    explained : float
        The share of the variance that the forest explains of individuals that it has
        not seen (R2 out of bag).
    n_individuals : int
        Number of individuals.
    n_rare : int, default=0
        Number of genes that too few individuals express.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : matplotlib BarContainer
        The importances, the greatest on top.

    See Also
    --------
    GeneValuesDisplay : The values of one gene during the search.

    References
    ----------
    .. [1] Hutter, F., Hoos, H., & Leyton-Brown, K. (2014). An Efficient Approach for
       Assessing Hyperparameter Importance. ICML.

    Examples
    --------
    >>> from sknevo.displays import GeneImportance, GenesDisplay
    >>> display = GenesDisplay([GeneImportance("C", 0.1, 0.01, 1.0),
    ...                         GeneImportance("kernel", 0.6, 0.1, 1.0)], 0.8, 40)
    >>> display.plot().bars_.datavalues
    array([0.6, 0.1])
    """

    def __init__(
        self,
        importances: Sequence[GeneImportance],
        explained: float,
        n_individuals: int,
        n_rare: int = 0,
    ) -> None:
        self.importances = importances
        self.explained = explained
        self.n_individuals = n_individuals
        self.n_rare = n_rare

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, random_state: int = 0, ax: Any = None
    ) -> Self:
        """Plot the importance of the genes of an evolved estimator.

        Parameters
        ----------
        estimator : estimator
            Any evolved estimator of sknevo, fitted.
        random_state : int, default=0
            Seed of the forest.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        GenesDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        NoPictureError
            If fewer than 20 individuals have a score, or no gene varies among them.
        """
        estimator = searched(estimator)
        require(cls.__name__, "matplotlib")  # before forests take their time
        measured = importances(estimator.cv_results_, random_state)
        return cls(*measured).plot(ax=ax)

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
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        ax = new_axes(self, ax)
        ax.grid(False)
        tidy(ax, "x")
        shown = sorted(self.importances, key=lambda one: -one.mean)[:MOST_BARS]
        means, stds = ([getattr(o, n) for o in shown] for n in ("mean", "std"))
        self.bars_ = ax.barh(
            range(len(shown)),
            means,
            color=[BLUE if one.expressed == 1 else SKY for one in shown],
            xerr=[np.minimum(means, stds), stds],
            error_kw={"ecolor": BLACK, "elinewidth": 0.8, "alpha": 0.6},
            height=0.65,
        )
        said = f"a forest over {self.n_individuals} individuals explains "
        said += f"{max(0.0, self.explained):.0%} of it"
        if self.n_rare:
            said += f"\n{self.n_rare} rarely expressed genes are left out"
        ax.set(
            yticks=range(len(shown)),
            yticklabels=[_label(one) for one in shown],
            ylim=(max(len(shown), 4) - 0.4, -0.6),
            xlim=(0, None),
        )
        label = f"share of the variance of the score\n{said}"
        ax.set_xlabel(label, loc="right")
        ax.tick_params(axis="y", length=0)
        if any(one.expressed < 1 for one in shown):
            from matplotlib.patches import Patch

            everywhere = Patch(color=BLUE, label="expressed in all")
            legend_above(ax, [everywhere, Patch(color=SKY, label="silent in some")])
        return self


def _label(one: GeneImportance) -> str:
    """Return a gene's name, and the share of individuals if some do not express it."""
    share = "" if one.expressed == 1 else f", in {one.expressed:.0%}"
    return gene_label(one.path) + share
