"""What all pictures share: axes, colours, and what they read of a search."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sknevo.describe import metric_label
from sknevo.extras import require
from sknevo.network_plan import channels_last, image_shape

# The colours of Okabe and Ito (2008), which the colour-blind can tell apart.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
# What stands back, and what is silent.
GREY, PALE = "#6F6F6F", "#C8C8C8"
# 640 x 480 pixels at matplotlib's 100 per inch.
SIZE = (6.4, 4.8)
# Of a picture's height, the better half of the individuals has at least this share:
# what is far worse lies on the lower edge. Chosen by looking at pictures.
# Of few individuals all have their place.
BEST_SHARE, FEW = 1 / 2, 10


class NoPictureError(ValueError):
    """There is no such picture of an estimator; the message says why.

    Examples
    --------
    >>> raise NoPictureError("estimator must have an ensemble.")
    Traceback (most recent call last):
        ...
    sknevo.displays._shared.NoPictureError: estimator must have an ensemble.
    """


@dataclass(frozen=True)
class Origin:
    """How individuals of one origin are drawn."""

    label: str
    color: str
    marker: str


KNOWN = Origin("known", BLUE, "s")
RANDOM = Origin("random", ORANGE, "^")
BRED = Origin("bred", GREEN, "o")
ORIGINS = {"known": KNOWN, "user": KNOWN, "random": RANDOM}


def origin_of(name: str) -> Origin:
    """Return how individuals of an origin are drawn: what has parents is bred."""
    return ORIGINS.get(name, BRED)


class Display:
    """A picture on one pair of axes, which its `plot` draws."""

    # What `plot` sets, for type checkers.
    ax_: Any
    figure_: Any


def new_axes(display: Display, ax: Any, size: tuple[float, float] = SIZE) -> Any:
    """Set `ax_` and `figure_` of a display, and return the axes, without clutter."""
    require(type(display).__name__, "matplotlib")
    if ax is None:
        # A figure of pyplot, as in scikit-learn's displays, is shown by notebooks.
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=size, layout="constrained")
    display.ax_, display.figure_ = ax, ax.figure
    return tidy(ax)


def new_axes_beside(what: str, n: int) -> Any:
    """Return so many axes side by side, in a new figure."""
    require(what, "matplotlib")
    import matplotlib.pyplot as plt

    width, height = SIZE
    return plt.subplots(1, n, figsize=(n * width, height), layout="constrained")[1]


def tidy(ax: Any, grid: str = "y") -> Any:
    """Return axes with two spines and a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.grid(axis=grid, color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def bare(ax: Any) -> Any:
    """Return axes without spines and ticks, for diagrams."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax


def legend_above(ax: Any, handles: list[Any] | None = None, ncols: int = 4) -> Any:
    """Return a legend above the axes, where it hides nothing."""
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    return ax.legend(
        handles=handles,
        ncols=min(ncols, len(handles)),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        frameon=False,
        borderaxespad=0.2,
        columnspacing=1.4,
        handletextpad=0.5,
    )


def searched(estimator: Any) -> Any:
    """Return a fitted estimator that has searched, or refuse it."""
    check_is_fitted(estimator)
    if "end_time" not in getattr(estimator, "cv_results_", {}):
        raise TypeError(
            "estimator must be an evolved estimator of sknevo, which keeps what it has "
            f"tried in cv_results_; got {type(estimator).__name__}."
        )
    return estimator


def fitness_name(estimator: Any) -> str:
    """Return what the fitness of an evolved estimator is called."""
    return metric_label(estimator._final_runner_.objectives.name)


def score_label(estimator: Any) -> str:
    """Return what an axis calls the fitness, and how it was measured."""
    splits = estimator.n_splits_
    how = "held out" if splits == 1 else f"mean of {splits} splits"
    return f"{fitness_name(estimator)} ({how})"


def lower_limit(values: np.ndarray) -> float:
    """Return the least value that a picture shows in its place."""
    top = values.max()
    near = top - np.median(values)
    if not near or len(values) < FEW:
        return values.min()
    return max(values.min(), top - near / BEST_SHARE)


def limits(low: float, high: float) -> tuple[float, float]:
    """Return the limits of an axis that shows a range with a margin."""
    margin = 0.05 * (high - low) or 0.01 * abs(high) or 0.01
    return low - margin, high + margin


def inset(ax: Any, place: tuple[float, float, float, float], grid: str = "y") -> Any:
    """Return axes within axes, of which nothing else is left to be seen."""
    bare(ax)
    ax.patch.set_visible(False)
    return tidy(ax.inset_axes(place), grid)


# The least distance of the labels of two lines, in shares of the height. Chosen by
# looking at pictures.
APART = 0.17


def label_ends(ax: Any, lines: Mapping[str, Any], apart: float = APART) -> None:
    """Write what each line is beside its end, in its colour, without overlap."""
    to_share = ax.transScale + ax.transLimits
    ends = {
        label: to_share.transform((line.get_xdata()[-1], line.get_ydata()[-1]))[1]
        for label, line in lines.items()
    }
    order = sorted(ends, key=ends.get)
    places: list[float] = []
    for label in order:
        least = places[-1] + apart if places else -0.05
        places.append(max(ends[label], least))
    # If they reach beyond the top, all that touch move down.
    highest = 1.0
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], highest)
        highest = places[i] - apart
    for label, place in zip(order, places, strict=True):
        ax.text(
            1.02,
            place,
            label,
            color=lines[label].get_color(),
            transform=ax.transAxes,
            va="center",
            fontsize="small",
        )


def image_sheet(
    samples: np.ndarray,
    sample_shape: tuple[int, ...],
    channels: str,
    n_columns: int | None,
) -> np.ndarray:
    """Return all images as one, a pixel apart, scaled to [0, 1]."""
    n_channels, height, width = image_shape(sample_shape, channels)
    images = np.asarray(samples, float).reshape(-1, *sample_shape)
    if len(sample_shape) == 3 and not channels_last(sample_shape, channels):
        images = np.moveaxis(images, 1, -1)
    images = images.reshape(-1, height, width, n_channels)
    # Images can be shown in gray or in three colours; other channels are left out.
    images = images[..., :3] if n_channels >= 3 else images[..., :1]
    images = images - images.min()
    images = images / (images.max() or 1.0)
    columns = n_columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    steps = height + 1, width + 1
    sheet = np.ones((rows * steps[0] - 1, columns * steps[1] - 1, images.shape[3]))
    for i, image in enumerate(images):
        top, left = (
            place * step for place, step in zip(divmod(i, columns), steps, strict=True)
        )
        sheet[top : top + height, left : left + width] = image
    return sheet if sheet.shape[2] == 3 else sheet[..., 0]
