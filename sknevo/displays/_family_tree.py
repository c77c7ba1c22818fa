"""The ancestors of the best individual, and what changed at each step."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sknevo.cv_results import furthest
from sknevo.describe import describe, parts, score_text
from sknevo.displays._shared import (
    BLACK,
    GREY,
    PALE,
    Display,
    Origin,
    bare,
    legend_above,
    new_axes,
    origin_of,
    searched,
)
from sknevo.displays._words import differences, genes_of

# Steps that are drawn: of a longer line the first and the latest ones. Characters in a
# line of text, and lines that say what changed. Chosen by looking at pictures.
MOST_STEPS, WIDTH, MOST_LINES = 7, 66, 2
# Rows that the height is divided by at least.
FEWEST_ROWS = 3
# Of so few steps, the first one is told in full, in so many lines at most.
FEW_STEPS, MOST_PARTS = 1, 18
HARD = "\N{NO-BREAK SPACE}"
# Where the line of descent, the other parents and the text stand, in shares.
TRUNK, OTHER, TEXT = 0.07, 0.02, 0.11


@dataclass(frozen=True)
class Step:
    """An individual in the line of descent.

    Parameters
    ----------
    row : int
        Its row in the results.
    changes : tuple of str
        What distinguishes it from its parent in the line; nothing of the first.
    other : int or None, default=None
        Row of its other parent.

    Examples
    --------
    >>> Step(3, ("C: 1 → 2",)).changes
    ('C: 1 → 2',)
    """

    row: int
    changes: tuple[str, ...]
    other: int | None = None


class FamilyTreeDisplay(Display):
    """The ancestors of the best individual, and what changed from one to the next.

    The first ancestor is on top, the best individual at the bottom. Of two parents, the
    line follows the one that the child has more genes of; the other one stands beside
    it.

    Parameters
    ----------
    results : dict of str to array
        The columns `key`, `fitness`, `generation`, `origin`, `parents`, `resource` and
        `param_*` of `cv_results_`.
    best : int
        Row of the individual; its ancestors are drawn.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    steps_ : list of Step
        The line of descent: `row` in the results, `changes` in words, and the row of
        the `other` parent, or None.

    See Also
    --------
    EvolutionDisplay : The course of the search.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.displays import FamilyTreeDisplay
    >>> results = {"key": ["a", "b"], "fitness": [0.5, 0.6], "generation": [0, 1],
    ...            "origin": ["random", "mutation"], "parents": [(), ("a",)],
    ...            "resource": [np.inf, np.inf], "param_C": np.ma.array([1.0, 3.0])}
    >>> FamilyTreeDisplay(results, best=1).plot().steps_[-1].changes
    ('C: 1 → 3',)
    """

    def __init__(self, results: Mapping[str, Any], best: int) -> None:
        self.results = results
        self.best = best

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, index: int | None = None, ax: Any = None
    ) -> Self:
        """Plot the ancestors of an individual of an evolved estimator.

        Parameters
        ----------
        estimator : estimator
            Any evolved estimator of sknevo, fitted.
        index : int or None, default=None
            Row of the individual in `cv_results_`; None stands for the best.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        FamilyTreeDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NotFittedError
            If `estimator` is not fitted.
        IndexError
            If there is no such row.
        """
        estimator = searched(estimator)
        results = estimator.cv_results_
        index = estimator.best_index_ if index is None else index
        if not 0 <= index < len(results["key"]):
            raise IndexError(
                f"index must be in [0, {len(results['key'])}); got {index}."
            )
        return cls(results, int(index)).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the ancestors.

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
        ax = bare(new_axes(self, ax))
        ax.grid(False)
        self.steps_ = _line_of_descent(self.results, self.best)
        shown: list[Step | None] = [*self.steps_]
        if len(shown) > MOST_STEPS:
            shown[1 : len(shown) - MOST_STEPS + 2] = [None]
        n_steps = len(shown)
        # A single one stands on top, since much is told of it.
        heights = 1 - (np.arange(n_steps) + 0.5) / max(n_steps, FEWEST_ROWS)
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.plot([TRUNK] * n_steps, heights, color=PALE, linewidth=3, zorder=1)
        for height, step in zip(heights, shown, strict=True):
            if step is None:
                self._draw_gap(ax, height, len(self.steps_) - n_steps + 1)
            else:
                self._draw_step(ax, height, step, 1 / max(n_steps, FEWEST_ROWS))
        self._draw_legend(ax)
        return self

    def _draw_gap(self, ax: Any, height: float, n_left_out: int) -> None:
        ax.plot(TRUNK, height, marker="o", markersize=14, color="white", zorder=2)
        ax.text(TRUNK, height, "⋮", ha="center", va="center", color=GREY, zorder=3)
        text = f"{n_left_out} further steps"
        ax.text(TEXT, height, text, va="center", color=GREY, style="italic")

    def _draw_step(self, ax: Any, height: float, step: Step, room: float) -> None:
        origin = self._origin(step.row)
        is_best = step.row == self.steps_[-1].row
        if step.other is not None:
            other, above = self._origin(step.other), height + 0.42 * room
            ax.plot([OTHER, TRUNK], [above, height], color=PALE, zorder=1)
            ax.plot(
                OTHER, above, other.marker, color=other.color, markersize=6, zorder=2
            )
        ax.plot(
            TRUNK,
            height,
            origin.marker,
            color=origin.color,
            markersize=13 if is_best else 10,
            markeredgecolor=BLACK if is_best else "white",
            zorder=3,
        )
        ax.text(
            TEXT,
            height,
            self._title(step),
            va="bottom",
            weight="bold",
            fontsize="medium",
        )
        size = "medium" if room > 0.18 else "small"
        ax.text(TEXT, height, self._words(step), va="top", fontsize=size)

    def _title(self, step: Step) -> str:
        """Return the generation, the origin and the score of a step."""
        results, row = self.results, step.row
        score, place = results["fitness"][row], self.steps_.index(step)
        gain = ""
        if place:
            before = results["fitness"][self.steps_[place - 1].row]
            gain = f" ({score - before:+.2g})"
        title = f"generation {results['generation'][row]}, {results['origin'][row]}"
        return f"{title}: {score_text(score)}{gain}"

    def _words(self, step: Step) -> str:
        """Return what changed, or the whole of the first ancestor, in a few lines."""
        if step is self.steps_[0]:
            genes = genes_of(self.results, step.row)
            if len(self.steps_) <= FEW_STEPS:  # there is room for all of them
                return "\n".join(_lines(parts(genes)))
            return _cut(describe(genes).split("; "))
        return _cut(list(step.changes))

    def _origin(self, row: int) -> Origin:
        return origin_of(self.results["origin"][row])

    def _draw_legend(self, ax: Any) -> None:
        """Say what the markers are, each once."""
        rows = [step.row for step in self.steps_]
        rows += [step.other for step in self.steps_ if step.other is not None]
        origins = dict.fromkeys(self._origin(row) for row in rows)
        handles = [
            ax.plot([], [], one.marker, color=one.color, markersize=8, label=one.label)[
                0
            ]
            for one in origins
        ]
        if any(step.other is not None for step in self.steps_):
            style = {"color": GREY, "markersize": 4, "label": "small: the other parent"}
            handles += ax.plot([], [], "o", **style)
        legend_above(ax, handles)


def _line_of_descent(results: Mapping[str, Any], best: int) -> list[Step]:
    """Return the steps from the first ancestor to an individual."""
    rows = {str(results["key"][row]): int(row) for row in furthest(results)}
    steps: list[Step] = []
    row, seen = int(best), set()
    while row not in seen:
        seen.add(row)
        genes = genes_of(results, row)
        parents = [rows[key] for key in results["parents"][row] if key in rows]
        parents = [parent for parent in parents if parent not in seen]
        changes = {p: differences(genes_of(results, p), genes) for p in parents}
        parents.sort(key=lambda parent: len(changes[parent]))
        if not parents:
            steps.append(Step(row, ()))
            break
        nearest, *others = parents
        other = others[0] if others else None
        steps.append(Step(row, tuple(changes[nearest]), other))
        row = nearest
    return steps[::-1]


def _lines(titled: list[tuple[str, str]]) -> list[str]:
    """Return lines that tell each part of an individual."""
    told = [f"{title}: {text}" if title else text for title, text in titled]
    lines = [
        line
        for one in told
        for line in textwrap.wrap(one, WIDTH, subsequent_indent="   ")
    ]
    return lines[:MOST_PARTS] + ["…"] * (len(lines) > MOST_PARTS)


def _cut(phrases: list[str]) -> str:
    """Return as many phrases as have room, and the number of the others."""
    for n in range(len(phrases), 0, -1):
        left = len(phrases) - n
        more = [f"{left} more"] if left else []
        # No line ends within a phrase: textwrap keeps hard spaces.
        hard = "; ".join(p.replace(" ", HARD) for p in phrases[:n] + more)
        lines = textwrap.wrap(hard, WIDTH, break_on_hyphens=False)
        if len(lines) <= MOST_LINES:
            return "\n".join(lines).replace(HARD, " ")
    return "\n".join(textwrap.wrap(phrases[0], WIDTH, max_lines=2, placeholder=" …"))
