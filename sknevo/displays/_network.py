"""A chromosome of a network as a diagram: its layers, and its optimizer beside them."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from sknevo.describe import shown
from sknevo.describe.convnet import ACTIVATION, OPTIMIZERS
from sknevo.displays._shared import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    VERMILLION,
    Display,
    NoPictureError,
    bare,
    new_axes,
    searched,
)
from sknevo.network_plan import (
    Layer,
    NetworkPlan,
    autoencoder_plans,
    gan_plans,
    image_shape,
    parts_of,
)

# What layers are called, and their colours.
KINDS = {
    "convolution": ("conv", BLUE),
    "transposed": ("transposed conv", BLUE),
    "whitening": ("whitening", PURPLE),
    "pretrained": ("pretrained", PURPLE),
    "dense": ("dense", GREEN),
    "linear": ("linear", VERMILLION),
    "projection": ("projection of the label", VERMILLION),
    "flatten": ("flatten", ORANGE),
    "average": ("global average pooling", ORANGE),
    "maximum": ("global max pooling", ORANGE),
    "unflatten": ("reshape", ORANGE),
    "crop": ("crop", ORANGE),
    "pooling": ("pooling", ORANGE),
}
ACTIVATIONS = {**ACTIVATION, "steep_leaky_relu": "leaky ReLU 0.2"}
GENES_NAMED = {"lr": "learning rate", "ema_decay": "moving average of weights"}
# Layers that are drawn: of a deeper network, those in the middle are left out. Least
# number of rows that the height is divided by. Chosen by looking at pictures.
MOST_LAYERS, FEWEST_ROWS = 11, 7
# Characters that have room in the first line of a layer, those of its shape included.
MOST_OF_HEAD = 36
# Left and right sides of what is drawn, in shares of the width: the silhouette of the
# widths, the layers, and the genes beside them.
WIDTHS, LAYERS, GENES = (0.0, 0.11), (0.14, 0.60), (0.655, 1.0)
# Height of a line of genes in shares of the height, and characters in one.
LINE, CHARACTERS = 0.043, 34


class NetworkDisplay(Display):
    """The layers of a network, and the genes of its training, the silent ones in grey.

    The input is on top. The bars on the left are as wide as the logarithm of the number
    of channels or units. An arc leads past layers with a shortcut.

    Parameters
    ----------
    plan : NetworkPlan
        The layers.
    optimizer : dict
        The gene of the optimizer, a choice with its silent branches.
    training : dict, default={}
        Further genes, such as the batch size.
    title : str, default=""
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the axes.
    layers_ : list of str
        What each layer is, in words, from the input to the output.
    boxes_ : list of matplotlib FancyBboxPatch
        The boxes of the layers that are drawn: of more than 11, those in the middle are
        left out.

    See Also
    --------
    EvolutionDisplay : The course of the search.

    Examples
    --------
    >>> from sknevo.displays import NetworkDisplay
    >>> from sknevo.network_plan import Layer, NetworkPlan
    >>> plan = NetworkPlan((Layer("dense", (4,), (8,), activation="relu"),
    ...                     Layer("linear", (8,), (3,))))
    >>> optimizer = {"choice": "adam", "adam": {"lr": 0.01}, "sgd": {"lr": 0.1}}
    >>> NetworkDisplay(plan, optimizer).plot().layers_
    ['dense, 8 units, ReLU', 'linear, 3 units']
    """

    def __init__(
        self,
        plan: NetworkPlan,
        optimizer: Mapping[str, Any],
        training: Mapping[str, Any] | None = None,
        title: str = "",
    ) -> None:
        self.plan = plan
        self.optimizer = optimizer
        self.training = training
        self.title = title

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, network: str | None = None, ax: Any = None
    ) -> Self:
        """Plot the best network of an evolved estimator.

        Parameters
        ----------
        estimator : EvolvedClassifier, EvolvedGAN, or another one of networks
            Fitted estimator.
        network : {"generator", "discriminator", "encoder", "decoder"} or None, \
default=None
            Which network of an `EvolvedGAN` or `EvolvedAutoencoder` is drawn; None
            stands for the first.
        ax : matplotlib Axes or None, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        TypeError
            If `estimator` is not an evolved estimator.
        NoPictureError
            If it does not evolve networks.
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If `network` is unknown.
        """
        estimator = searched(estimator)
        genes = estimator.best_chromosome_.genes
        if not hasattr(estimator, "_sample_shape_") or "training" not in genes:
            raise NoPictureError(
                "estimator must evolve networks, as EvolvedClassifier does; got "
                f"{type(estimator).__name__}."
            )
        expressed = estimator.best_chromosome_.expressed
        shape = image_shape(estimator._sample_shape_, estimator._channels_)
        optimizer, training = genes.get("optimizer"), genes["training"]
        if "generator" in genes:
            parts = parts_of(expressed, estimator._parts)
            plans = gan_plans(expressed, shape, estimator.n_conditions_, parts)
            training = {"loss": genes["loss"]["choice"], **training}
        elif "encoder" in genes:
            plans = autoencoder_plans(expressed, shape)
        else:
            plan = estimator._final_runner_.builder.plan(expressed)
            training = dict(_unnested(expressed["training"]))
            return cls(plan, optimizer, training).plot(ax=ax)
        network = next(iter(plans)) if network is None else network
        if network not in plans:
            raise ValueError(f"network must be one of {[*plans]}; got {network!r}.")
        optimizer = optimizer or genes[network]["optimizer"]
        return cls(plans[network], optimizer, training, network).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the network.

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
        ax.set(xlim=(0, 1), ylim=(0, 1))
        layers = _flat(self.plan.layers)
        self.layers_ = [", ".join(_words(layer)) for layer, _ in layers]
        self._draw_layers(ax, layers)
        self._draw_genes(ax)
        size = self.plan.size
        counts = (
            f"{size.parameters:,} parameters, {self.plan.n_weighted} weighted layers"
        )
        title = f"{self.title}: {counts}" if self.title else counts
        ax.set_title(title, fontsize="medium", loc="left")
        return self

    def _draw_layers(self, ax: Any, layers: list[tuple[Layer, int]]) -> None:
        """Draw the input, and a box for each layer, from top to bottom."""
        from matplotlib.patches import FancyBboxPatch

        drawn: list[tuple[Layer, int] | None] = [*layers]
        if len(layers) > MOST_LAYERS:
            half = MOST_LAYERS // 2
            drawn[half : len(layers) - half] = [None]
        step = 1 / max(len(drawn) + 1, FEWEST_ROWS)
        self.boxes_ = []
        left, right = LAYERS
        middle = (left + right) / 2
        first = layers[0][0].inputs
        ax.text(
            middle, 1 - 0.45 * step, f"input {_shape(first)}", ha="center", va="center"
        )
        widest = max(_width(layer.outputs) for layer, _ in layers)
        tops = {}
        for i, one in enumerate(drawn, 1):
            top = 1 - i * step
            # A projection takes the label, and is added to the logit before it.
            if one is None or one[0].kind != "projection":
                arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.8}
                place = (middle, top + 0.2 * step)
                ax.annotate("", (middle, top), place, arrowprops=arrow)
            if one is None:
                text = f"{len(layers) - len(drawn) + 1} further layers"
                ax.text(
                    middle, top - 0.4 * step, text, ha="center", va="center", color=GREY
                )
                continue
            layer, group = one
            tops.setdefault(group, []).append(top)
            color = KINDS[layer.kind][1]
            box = FancyBboxPatch(
                (left, top - 0.8 * step),
                right - left,
                0.8 * step,
                boxstyle="round,pad=0,rounding_size=0.012",
                facecolor=color,
                edgecolor=color,
                alpha=0.16,
            )
            self.boxes_.append(ax.add_patch(box))
            self._write(ax, layer, top - 0.4 * step, step)
            self._draw_width(ax, layer, widest, top - 0.4 * step, step)
        for group, heights in tops.items():
            if group:
                self._draw_shortcut(ax, max(heights), min(heights) - 0.8 * step)

    def _write(self, ax: Any, layer: Layer, height: float, step: float) -> None:
        """Write what a layer is, and the shape of what it gives, into its box."""
        left, right = LAYERS
        head, *others = _words(layer)
        shape = _shape(layer.outputs)
        if others and len(head + others[0] + shape) <= MOST_OF_HEAD:
            head += f", {others.pop(0)}"
        more = ", ".join(others)
        size = "small" if step > 0.075 else "x-small"
        raised = 0.17 * step if more else 0.0
        ax.text(
            left + 0.015,
            height + raised,
            head,
            va="center",
            fontsize=size,
            weight="bold",
        )
        ax.text(
            right - 0.012,
            height + raised,
            shape,
            ha="right",
            va="center",
            fontsize="x-small",
            color=GREY,
        )
        if more:
            ax.text(
                left + 0.015,
                height - 0.19 * step,
                textwrap.shorten(more, 58, placeholder=" …"),
                va="center",
                fontsize="x-small",
            )

    def _draw_width(
        self, ax: Any, layer: Layer, widest: float, height: float, step: float
    ) -> None:
        """Draw a bar as wide as the logarithm of the channels or units."""
        left, right = WIDTHS
        width = (right - left) * _width(layer.outputs) / widest
        middle = (left + right) / 2
        ax.barh(
            height, width, 0.5 * step, middle - width / 2, color=KINDS[layer.kind][1]
        )

    def _draw_shortcut(self, ax: Any, top: float, bottom: float) -> None:
        """Draw an arc past layers with inputs that are added to their outputs."""
        _, right = LAYERS
        ax.annotate(
            "",
            (right + 0.002, bottom + 0.01),
            (right + 0.002, top - 0.01),
            arrowprops={
                "arrowstyle": "-|>",
                "connectionstyle": "bar,fraction=-0.12"
                if top - bottom > 0.2
                else "arc3,rad=-0.5",
                "color": GREY,
                "linewidth": 1,
            },
        )

    def _draw_genes(self, ax: Any) -> None:
        """Write the optimizer, its silent branches in grey, and the further genes."""
        chosen = self.optimizer["choice"]
        silent = [name for name in self.optimizer if name not in ("choice", chosen)]
        height = self._heading(ax, 0.985, "optimizer")
        height = self._branch(ax, height, chosen, is_silent=False)
        for name in silent:
            height = self._branch(ax, height, name, is_silent=True)
        if self.training:
            height = self._heading(ax, height - 0.5 * LINE, "training")
            lines = [_gene(name, value) for name, value in self.training.items()]
            self._lines(ax, height, lines, "black")

    def _heading(self, ax: Any, height: float, text: str) -> float:
        left, right = GENES
        ax.text(left, height, text, va="top", fontsize="small", color=GREY)
        bottom = height - 1.05 * LINE
        ax.plot([left, right], [bottom, bottom], color=PALE, linewidth=1)
        return bottom - 0.25 * LINE

    def _branch(self, ax: Any, height: float, name: str, is_silent: bool) -> float:
        """Write one optimizer with its genes; return where the next line begins."""
        color = "#A8A8A8" if is_silent else "black"
        label = OPTIMIZERS.get(name, name) + (" (silent)" if is_silent else "")
        ax.text(
            GENES[0],
            height,
            label,
            va="top",
            color=color,
            fontsize="x-small" if is_silent else "medium",
            weight="normal" if is_silent else "bold",
        )
        height -= (0.85 if is_silent else 1.25) * LINE
        lines = [_gene(gene, value) for gene, value in self.optimizer[name].items()]
        return self._lines(ax, height, lines, color) - 0.12 * LINE

    def _lines(self, ax: Any, height: float, genes: Sequence[str], color: str) -> float:
        """Write genes in lines; return where the next line begins."""
        for line in _wrapped(genes):
            left = GENES[0] + 0.012
            ax.text(left, height, line, va="top", fontsize="x-small", color=color)
            height -= 0.85 * LINE
        return height


def _flat(layers: Sequence[Layer]) -> list[tuple[Layer, int]]:
    """Return layers with the number of the shortcut past them, 0 for none."""
    flat: list[tuple[Layer, int]] = []
    for number, layer in enumerate(layers, 1):
        if layer.inner:
            flat += [(inner, number) for inner in layer.inner]
        else:
            flat.append((layer, number if layer.residual else 0))
    return flat


def _words(layer: Layer) -> list[str]:
    """Return what a layer does, in the order in which it does it."""
    words = _kind(layer)
    after = {
        "upsampling": f"{layer.upsampling} upsampling",
        "pooling": f"{layer.pooling} pooling",
        "normalisation": f"{layer.normalisation} norm",
    }
    words += [text for name, text in after.items() if getattr(layer, name) != "none"]
    if layer.stride > 1 and layer.kind != "transposed":
        words.append(f"stride {layer.stride}")
    if layer.activation != "identity":
        words.append(ACTIVATIONS.get(layer.activation, layer.activation))
    if layer.excitation:
        words.append("squeeze-and-excitation")
    if layer.dropout:
        words.append(f"dropout {shown(layer.dropout)}")
    return words


def _kind(layer: Layer) -> list[str]:
    """Return what a layer is, and how large."""
    name = KINDS[layer.kind][0]
    if first := layer.pretrained:
        learning = f"learning {shown(first.rate)} × as fast" if first.rate else "frozen"
        return [first.architecture, name, f"at {first.side} pixels", learning]
    is_grid = layer.kind in ("convolution", "transposed", "whitening")
    if is_grid:
        kind = "separable " * layer.separable + name
        name = f"{layer.kernel}×{layer.kernel} {kind}"
    words = [name]
    if is_grid or layer.kind in ("dense", "linear"):
        words.append(_size(layer.outputs))
    if layer.kind == "projection":
        words.append("beside the linear layer")
    return words


def _size(shape: tuple[int, ...]) -> str:
    unit = "channel" if len(shape) > 1 else "unit"
    return f"{shape[0]} {unit}{'s' * (shape[0] > 1)}"


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _width(shape: tuple[int, ...]) -> float:
    return math.log2(1 + shape[0])


def _gene(name: str, value: Any) -> str:
    return f"{GENES_NAMED.get(name, name.replace('_', ' '))} {shown(value)}"


def _unnested(genes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield genes, of a choice what is chosen and then the genes of that."""
    for name, value in genes.items():
        if isinstance(value, Mapping):
            ((chosen, inner),) = value.items()
            yield name, chosen.replace("_", " ")
            yield from inner.items()
        else:
            yield name, value


def _wrapped(genes: Sequence[str]) -> list[str]:
    """Return lines of as many genes as have room: no line ends within a gene."""
    lines: list[str] = []
    for gene in genes:
        if lines and len(lines[-1]) + len(gene) + 2 <= CHARACTERS:
            lines[-1] += f", {gene}"
        else:
            lines.append(gene)
    return lines
