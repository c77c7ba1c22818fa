"""The plan of a network: its genes resolved into layers, without torch.

Genomes count a plan's parameters to keep networks within their limits, builders make
torch modules of its layers and estimate what they cost.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from sknevo.pretrained._stages import FirstLayers
from sknevo.records import DataSpec, Part

__all__ = [
    "DecoderStage",
    "Layer",
    "NetworkPlan",
    "NetworkSize",
    "UNetPlan",
    "autoencoder_plans",
    "channels_last",
    "gan_encoder_plan",
    "gan_plans",
    "image_shape",
    "is_ambiguous",
    "network_plan",
    "parts_of",
    "patches_per_image",
    "samples_per_epoch",
    "scaled_sides",
    "shape_of",
    "unet_plan",
]

Shape = tuple[int, ...]
# The most samples in an epoch: few epochs then take few seconds, however many samples
# there are. On 30,000 images of Fashion-MNIST the order of five candidates after 5,000
# and 10,000 was about that after 60,000, and that after 2,500 was not (doc/figures.md).
EPOCH_SAMPLES = 10_000

# Gray, gray with alpha, colour, colour with alpha.
CHANNELS = (1, 2, 3, 4)
# The most directions of patches that a whitening layer keeps, those of the greatest
# variance; chosen, not measured.
MOST_DIRECTIONS = 16
# Squeeze-and-excitation has a hidden unit for so many channels; chosen within what Hu
# et al. (2018) report, not measured.
SQUEEZED = 4
# The share of a batch in the statistics of batch normalisation. Trainings of ten steps
# are better with it than with torch's 0.1, longer ones are as good (doc/figures.md).
NORM_MOMENTUM = 0.6
# Widths are multiples of it: hardware likes them, and groups of channels need it. The
# widest stage of a U-Net, where there are fewest pixels; chosen, not measured.
WIDTH_STEP, WIDEST_STAGE = 8, 256


def samples_per_epoch(n_samples: int) -> int:
    """Return the number of samples in an epoch: one pass, or the next part of it."""
    return min(n_samples, EPOCH_SAMPLES)


def patches_per_image(sides: Sequence[int], patch: int) -> int:
    """Return how many square patches an epoch takes from an image: as many as it holds.

    Examples
    --------
    >>> patches_per_image((256, 256), 128), patches_per_image((100, 100), 128)
    (4, 1)
    """
    return max(1, round(math.prod(sides) / patch**2))


def image_shape(sample_shape: Shape, channels: str = "auto") -> Shape:
    """Return a sample's shape with the channels first.

    Parameters
    ----------
    sample_shape : tuple of int
        (height, width), (channels, height, width), (height, width, channels), or
        (features,).
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels of three sides are. "auto" takes them to be last if there
        are 1 to 4 of them there and not in the first place; or, if there are more, as
        of satellites, and all images are square. Otherwise it takes them to be first.

    Returns
    -------
    tuple of int
        (channels, height, width) or (features,).

    Examples
    --------
    >>> image_shape((28, 28)), image_shape((32, 32, 3)), image_shape((64, 64, 13))
    ((1, 28, 28), (3, 32, 32), (13, 64, 64))
    >>> image_shape((4, 4, 3)), image_shape((4, 4, 3), "last")
    ((4, 4, 3), (3, 4, 4))
    """
    last = channels_last(sample_shape, channels)
    match tuple(sample_shape):
        case (height, width):
            return (1, height, width)
        case (height, width, n_channels) if last:
            return (n_channels, height, width)
    return tuple(sample_shape)


def channels_last(sample_shape: Shape, channels: str = "auto") -> bool:
    """Return whether the last of three sides is that of the channels."""
    if channels not in ("auto", "first", "last"):
        raise ValueError(
            f"channels must be 'auto', 'first' or 'last'; got {channels!r}."
        )
    if len(sample_shape) != 3 or channels != "auto":
        return len(sample_shape) == 3 and channels == "last"
    first, middle, last = sample_shape
    return first not in CHANNELS and (last in CHANNELS or first == middle != last)


def scaled_sides(height: int, width: int, side: int) -> tuple[int, int]:
    """Return the sides of an image of which the shorter one is scaled to a length.

    Examples
    --------
    >>> scaled_sides(120, 80, 32)
    (48, 32)
    """
    scale = side / min(height, width)
    return max(1, math.floor(height * scale + 0.5)), max(
        1, math.floor(width * scale + 0.5)
    )


def shape_of(spec: DataSpec) -> Shape:
    """Return the shape of a sample of a `DataSpec`, with the channels first."""
    return image_shape(spec.shape, spec.channels)


def is_ambiguous(sample_shape: Shape) -> bool:
    """Return whether the first and the last of three sides may be the channels."""
    return len(sample_shape) == 3 and {sample_shape[0], sample_shape[2]} <= {*CHANNELS}


@dataclass(frozen=True)
class NetworkSize:
    """Size of a layer or a network; sizes are added.

    Parameters
    ----------
    parameters : int, default=0
        Numbers that are learned.
    operations : int, default=0
        Multiplications with them, per sample and forward pass.
    values : int, default=0
        Outputs of the layers, per sample. Those of a convolution that are pooled before
        they are normalised and activated count as a quarter.

    Examples
    --------
    >>> NetworkSize(10, 100, 5) + NetworkSize(1, 2, 3)
    NetworkSize(parameters=11, operations=102, values=8)
    """

    parameters: int = 0
    operations: int = 0
    values: int = 0

    def __add__(self, other: "NetworkSize") -> "NetworkSize":
        return NetworkSize(
            self.parameters + other.parameters,
            self.operations + other.operations,
            self.values + other.values,
        )


@dataclass(frozen=True)
class Layer:
    """One layer of a network, with what belongs to it.

    A convolution is followed by pooling, normalisation, activation, excitation,
    shortcut and dropout; a dense layer by normalisation, activation and dropout.

    Parameters
    ----------
    kind : {"convolution", "transposed", "residual", "whitening", "pretrained", \
"dense", "linear", "projection", "flatten", "average", "maximum", "unflatten", "crop", \
"pooling"}
        "residual" adds its inputs to what its `inner` layers make of them. "whitening"
        is a convolution that is computed of the data and not learned. "pretrained"
        stands for all layers that come from a pretrained network, with the scaling of
        images before them. "linear" is a dense layer with nothing after it,
        "projection" one without a bias, "average" and "maximum" those over all pixels.
        The last six learn nothing.
    inputs, outputs : tuple of int
        Shapes of a sample: (channels, height, width) or (features,).
    grid : tuple of int, default=()
        (height, width) of the convolution's output, before pooling; of images after
        scaling, for pretrained layers.
    kernel, stride : int, default=1
        Side of a convolution's kernel, and its step. With a step of 2 a transposed
        convolution doubles the sides.
    separable : bool, default=False
        Whether each channel has a kernel of its own, and 1 x 1 kernels mix them [1]_.
    initialisation : {"random", "identity"}, default="random"
        Whether a convolution begins as the identity of its inputs [2]_, as far as it
        has outputs; further ones are random.
    upsampling : {"none", "nearest", "bilinear"}, default="none"
        How the sides are doubled before the convolution.
    normalisation : {"none", "batch", "instance", "group", "layer", "spectral"}, \
default="none"
        The last one is of the weights, the others are of outputs.
    norm_momentum : float, default=0.1
        The share of each batch in the statistics that batch normalisation predicts
        with.
    activation : str, default="identity"
        Name of the activation.
    excitation : bool, default=False
        Whether channels are scaled by what the means of all channels tell [3]_.
    residual : bool, default=False
        Whether the inputs are added to the outputs.
    pooling : {"none", "max", "average"}, default="none"
        How the sides are halved after the convolution.
    dropout : float, default=0.0
        Probability that an output becomes zero in training.
    scale : float, default=1.0
        What the outputs of a linear layer are multiplied by.
    inner : tuple of Layer, default=()
        Of a residual layer.
    pretrained : FirstLayers or None, default=None
        Which pretrained layers.

    References
    ----------
    .. [1] Chollet, F. (2017). Xception: Deep Learning with Depthwise Separable
       Convolutions. CVPR.
    .. [2] Zagoruyko, S., & Komodakis, N. (2017). DiracNets: Training Very Deep Neural
       Networks Without Skip-Connections. arXiv:1706.00388.
    .. [3] Hu, J., Shen, L., & Sun, G. (2018). Squeeze-and-Excitation Networks. CVPR.

    Examples
    --------
    >>> block = {"channels": 8, "kernel": 3, "pooling": "max"}
    >>> layer = Layer.convolution(block, (1, 28, 28))
    >>> layer.outputs, layer.size.parameters
    ((8, 14, 14), 80)
    """

    kind: str
    inputs: Shape
    outputs: Shape
    grid: Shape = ()
    kernel: int = 1
    stride: int = 1
    separable: bool = False
    initialisation: str = "random"
    upsampling: str = "none"
    normalisation: str = "none"
    norm_momentum: float = 0.1
    activation: str = "identity"
    excitation: bool = False
    residual: bool = False
    pooling: str = "none"
    dropout: float = 0.0
    scale: float = 1.0
    inner: tuple["Layer", ...] = ()
    pretrained: FirstLayers | None = None

    @classmethod
    def convolution(
        cls, genes: Mapping[str, Any], inputs: Shape, ceil: bool = False
    ) -> Self:
        """Return the layer of one convolution; `ceil` says how odd sides are halved."""
        upsampling = genes.get("upsampling", "none")
        pooling = genes.get("pooling", "none")
        transposed, strided = upsampling == "transposed", pooling == "stride"
        grid = inputs[1:]
        if upsampling != "none":
            grid = tuple(2 * side for side in grid)
        half = tuple((side + ceil) // 2 for side in grid)
        if strided:
            grid = half
        names = ("separable", "initialisation", "excitation", "residual")
        return cls(
            "transposed" if transposed else "convolution",
            inputs,
            (genes["channels"], *(grid if pooling == "none" else half)),
            grid=grid,
            kernel=genes["kernel"],
            stride=2 if transposed or strided else 1,
            upsampling="none" if transposed else upsampling,
            pooling="none" if strided else pooling,
            **_named(genes, *names, *AFTER),
        )

    @classmethod
    def block(
        cls, genes: Mapping[str, Any], inputs: Shape, ceil: bool = False
    ) -> list[Self]:
        """Return a block's layers: a convolution, which may pool, and further ones.

        The shortcut leads past the further ones, as in "ResNet-9" (Page 2018), or past
        the only one.
        """
        n_further = genes.get("convolutions", 1) - 1
        residual = genes.get("residual", False)
        if n_further == 0:
            return [cls.convolution(genes, inputs, ceil)]
        plain = {"residual": False, "excitation": False, "dropout": 0.0}
        first = cls.convolution({**genes, **plain}, inputs, ceil)
        genes = {**genes, "residual": False, "upsampling": "none", "pooling": "none"}
        shape = first.outputs
        further = [cls.convolution({**genes, **plain}, shape)] * (n_further - 1)
        further.append(cls.convolution(genes, shape))
        if residual:
            further = [cls("residual", shape, shape, inner=tuple(further))]
        return [first, *further]

    @classmethod
    def whitening(cls, genes: Mapping[str, Any], inputs: Shape) -> Self:
        """Return a layer that whitens the patches of its inputs; see `Whitening`."""
        kernel, stride = genes["kernel"], genes["stride"]
        n_directions = min(inputs[0] * kernel**2, MOST_DIRECTIONS)
        grid = tuple((side - kernel) // stride + 1 for side in inputs[1:])
        # A direction and its opposite: rectified, they hold what comes in.
        outputs = (2 * n_directions, *grid)
        return cls("whitening", inputs, outputs, grid, kernel, stride)

    @classmethod
    def of_pretrained(cls, first: FirstLayers, inputs: Shape) -> Self:
        """Return what stands for the first layers of a pretrained network."""
        sides = scaled_sides(*inputs[1:], first.side)
        outputs = first.stage(sides).shape
        return cls("pretrained", inputs, outputs, sides, pretrained=first)

    @classmethod
    def halving(cls, pooling: str, inputs: Shape) -> Self:
        """Return a layer that pools to half of the sides."""
        half = (inputs[0], *(side // 2 for side in inputs[1:]))
        return cls("pooling", inputs, half, grid=inputs[1:], pooling=pooling)

    @classmethod
    def dense(cls, genes: Mapping[str, Any], inputs: Shape) -> list[Self]:
        """Return a dense layer, as a list of one."""
        return [cls("dense", inputs, (genes["units"],), **_named(genes, *AFTER))]

    @classmethod
    def pooling_head(cls, kind: str, inputs: Shape) -> Self:
        """Return what makes features of an image: flatten, average or maximum."""
        n_features = math.prod(inputs) if kind == "flatten" else inputs[0]
        return cls(kind, inputs, (n_features,))

    @property
    def biased(self) -> bool:
        """Whether it has biases; most normalisations have shifts in their place."""
        return self.normalisation in ("none", "spectral")

    @property
    def pools_up(self) -> bool:
        """Whether pooling halves odd sides up."""
        pooled = self.outputs[1:]
        return any(2 * to > side for to, side in zip(pooled, self.grid, strict=True))

    @property
    def projects(self) -> bool:
        """Whether its shortcut has weights, as the number of channels changes."""
        return self.residual and self.inputs[0] != self.outputs[0]

    @property
    def is_frozen(self) -> bool:
        """Whether it has weights that others have learned, and that stay."""
        return self.pretrained is not None and not self.pretrained.rate

    @property
    def n_weighted(self) -> int:
        """The number of layers that multiply with weights."""
        if self.pretrained:
            return len(self.pretrained.stage(self.grid).matrices)
        if self.inner:
            return sum(layer.n_weighted for layer in self.inner)
        return int(self.size.operations > 0)

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """Rows and columns of its weights, of kernels as rows, in the order of torch.

        Vectors such as biases are left out.
        """
        channels = self.outputs[0]
        match self.kind:
            case "residual":
                return [shape for layer in self.inner for shape in layer.matrices]
            case "dense" | "linear" | "projection":
                return [(math.prod(self.outputs), self.inputs[0])]
            case "convolution" | "transposed":
                found = self._kernels
                if self.excitation:
                    hidden = channels // SQUEEZED
                    found += [(hidden, channels), (channels, hidden)]
                return found + [(channels, self.inputs[0])] * self.projects
        if self.pretrained and not self.is_frozen:
            return [*self.pretrained.stage(self.grid).matrices]
        return []

    @property
    def _kernels(self) -> list[tuple[int, int]]:
        """The matrices of a convolution; a transposed one has a row for each input."""
        first, last, pixels = self.inputs[0], self.outputs[0], self.kernel**2
        if self.separable:
            return [(first, pixels), (last, first)]
        rows, columns = (first, last) if self.kind == "transposed" else (last, first)
        return [(rows, columns * pixels)]

    @property
    def size(self) -> NetworkSize:
        """What it holds and does."""
        width_in, width = self.inputs[0], math.prod(self.outputs)
        match self.kind:
            case "residual":
                inner = sum((layer.size for layer in self.inner), NetworkSize())
                return inner + NetworkSize(values=width)
            case "dense" | "linear":
                weights = width_in * width
                return NetworkSize(weights + self._shifts(width), weights, width)
            case "projection":  # of labels: a column is looked up
                return NetworkSize(width_in * width)
            case "whitening":
                return NetworkSize(0, width_in * self.kernel**2 * width, width // 4)
            case "convolution" | "transposed":
                return self._convolved + self._pooled
        if self.pretrained:
            stage = self.pretrained.stage(self.grid)
            learned = 0 if self.is_frozen else stage.parameters
            return NetworkSize(learned, stage.operations, stage.values)
        return NetworkSize()

    @property
    def _convolved(self) -> NetworkSize:
        """What the convolution holds and does, with what is learned of its outputs."""
        width_in, channels, pixels = (
            self.inputs[0],
            self.outputs[0],
            math.prod(self.grid),
        )
        values, weights = channels * pixels, sum(map(math.prod, self._kernels))
        if self.separable:
            values += width_in * pixels
        # On the plain network, wide and separable ones of benchmarks/recipes.py an
        # output took a quarter of the seconds, what follows on it the rest.
        values = (values + 3 * math.prod(self.outputs)) // 4
        # A transposed one goes over the pixels that come in.
        passes = pixels // 4 if self.kind == "transposed" else pixels
        parameters = weights + self._shifts(channels)
        return NetworkSize(parameters, weights * passes, values)

    @property
    def _pooled(self) -> NetworkSize:
        """What the shortcut and the excitation hold and do, both after the pooling."""
        width_in, (channels, *sides) = self.inputs[0], self.outputs
        shortcut = width_in * channels * self.projects
        size = NetworkSize(shortcut, shortcut * math.prod(sides))
        if self.excitation:
            hidden = channels // SQUEEZED
            weights = 2 * channels * hidden
            size += NetworkSize(
                weights + hidden + channels, weights, math.prod(self.outputs)
            )
        return size

    def _shifts(self, width: int) -> int:
        """Count the biases, or the scales and shifts of a normalisation."""
        return width if self.biased else 2 * width


# The genes of what follows a layer's weights.
AFTER = ("normalisation", "norm_momentum", "activation", "dropout")


def _named(genes: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the genes of these names, as far as there are any."""
    return {name: genes[name] for name in names if name in genes}


@dataclass(frozen=True)
class NetworkPlan:
    """The layers of a network, from its input to its output.

    Parameters
    ----------
    layers : tuple of Layer
        Each takes the outputs of the one before, except a projection.
    n_fixed : int, default=0
        The first layers that give the same for an image in each epoch: frozen ones with
        the pooling after them, without augmentation.

    Examples
    --------
    >>> plan = NetworkPlan((Layer("dense", (4,), (8,)), Layer("linear", (8,), (3,))))
    >>> plan.size.parameters, plan.n_weighted
    (67, 2)
    """

    layers: tuple[Layer, ...]
    n_fixed: int = field(default=0, kw_only=True)

    @property
    def size(self) -> NetworkSize:
        """What all layers hold and do."""
        return _sum(self.layers)

    @property
    def frozen(self) -> NetworkSize:
        """What layers with weights that stay do."""
        return _sum(layer for layer in self.layers if layer.is_frozen)

    @property
    def learned(self) -> NetworkSize:
        """What the other layers hold and do."""
        return _sum(layer for layer in self.layers if not layer.is_frozen)

    @property
    def n_weighted(self) -> int:
        """The number of layers that multiply with weights."""
        return sum(layer.n_weighted for layer in self.layers)

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """Rows and columns of the matrices that are learned, those of the head last."""
        return [shape for layer in self.layers for shape in layer.matrices]


def network_plan(genes: Mapping[str, Any], shape: Shape, n_outputs: int) -> NetworkPlan:
    """Return the plan of a network that maps a sample to numbers.

    Parameters
    ----------
    genes : dict
        Expressed: `dense`, and for images `blocks` and `head_pooling`; beside these,
        if they are not as in a plain network, `stem`, `initialisation`, `head_scale`
        and `augmentation`.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).
    n_outputs : int
        Width of the last layer, the head.

    Returns
    -------
    NetworkPlan

    Examples
    --------
    >>> genes = {"blocks": [{"channels": 8, "kernel": 3, "pooling": "max"}],
    ...          "head_pooling": "average", "dense": [{"units": 16}]}
    >>> plan = network_plan(genes, (1, 28, 28), 10)
    >>> [layer.kind for layer in plan.layers]
    ['convolution', 'average', 'dense', 'linear']
    >>> plan.size.parameters
    394
    """
    layers: list[Layer] = []
    # Of all layers.
    shared = {"norm_momentum": NORM_MOMENTUM, **_named(genes, "initialisation")}
    if "blocks" in genes:
        ((stem, options),) = genes.get("stem", {"none": {}}).items()
        if first := FirstLayers.of(genes):
            layers.append(Layer.of_pretrained(first, shape))
            shape = layers[-1].outputs
        elif stem == "whitening":
            layers.append(Layer.whitening(options, shape))
            shape = layers[-1].outputs
        layers += _chain(
            Layer.block, [shared | block for block in genes["blocks"]], shape
        )
        shape = layers[-1].outputs if layers else shape
        layers.append(Layer.pooling_head(genes["head_pooling"], shape))
        shape = layers[-1].outputs
    layers += _chain(Layer.dense, [shared | dense for dense in genes["dense"]], shape)
    last = layers[-1].outputs if layers else shape
    scale = genes.get("head_scale", 1.0)
    layers.append(Layer("linear", last, (n_outputs,), scale=scale))
    return NetworkPlan(tuple(layers), n_fixed=_n_fixed(layers, genes))


def _n_fixed(layers: Sequence[Layer], genes: Mapping[str, Any]) -> int:
    """Count the first layers that give the same for an image in each epoch."""
    if not layers[0].is_frozen or any(genes.get("augmentation", {}).values()):
        return 0
    learn = (layer.size.parameters > 0 for layer in layers)
    return [*learn].index(True)


def _sum(layers: Iterable[Layer]) -> NetworkSize:
    return sum((layer.size for layer in layers), NetworkSize())


@dataclass(frozen=True)
class DecoderStage:
    """A stage of a U-Net's decoder, which joins what comes from below and from aside.

    Parameters
    ----------
    up : Layer
        Doubles the sides of what comes from below.
    gate : tuple of Layer
        Those of an attention gate [1]_: of what comes from below, of what comes from
        aside, and of their sum. Empty without one.
    layers : tuple of Layer
        They take both, side by side as channels.

    References
    ----------
    .. [1] Oktay, O. et al. (2018). Attention U-Net: Learning Where to Look for the
       Pancreas. arXiv:1804.03999.
    """

    up: Layer
    gate: tuple[Layer, ...]
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, genes: Mapping[str, Any], below: Shape, aside: Shape) -> Self:
        """Return the stage that joins outputs of these shapes."""
        width = aside[0]
        # Transposed convolutions need a kernel that overlaps.
        upsampling = genes["upsampling"]
        kernel = 3 if upsampling == "transposed" else 1
        up = Layer.convolution(
            {"channels": width, "kernel": kernel, "upsampling": upsampling}, below
        )
        gate: tuple[Layer, ...] = ()
        if genes.get("attention"):
            hidden = {"channels": max(WIDTH_STEP, width // 2), "kernel": 1}
            both = [Layer.convolution(hidden, shape) for shape in (up.outputs, aside)]
            gates = {"channels": 1, "kernel": 1}
            gate = (*both, Layer.convolution(gates, both[0].outputs))
        joined = (up.outputs[0] + width, *aside[1:])
        block = {**genes, "channels": width, "pooling": "none", "upsampling": "none"}
        block["convolutions"] = genes.get("decoder_convolutions", 1)
        return cls(up, gate, tuple(Layer.block(block, joined)))


@dataclass(frozen=True)
class UNetPlan(NetworkPlan):
    """The layers of a U-Net [1]_, which gives maps of an image.

    Parameters
    ----------
    layers : tuple of Layer
        All layers, in the order of the following.
    encoder : tuple of tuple of Layer
        The stages that halve an image, the finest first.
    decoder : tuple of DecoderStage
        The stages that enlarge it, the finest last.
    head : Layer
        Makes the maps.
    stride : int
        The side, in pixels of the image, of what a pixel of the maps stands for.

    References
    ----------
    .. [1] Ronneberger, O., Fischer, P., & Brox, T. (2015). U-Net: Convolutional
       Networks for Biomedical Image Segmentation. MICCAI. arXiv:1505.04597.
    """

    encoder: tuple[tuple[Layer, ...], ...]
    decoder: tuple[DecoderStage, ...]
    head: Layer
    stride: int

    @property
    def factor(self) -> int:
        """What the sides of an image must be multiples of."""
        return self.stride * 2 ** len(self.decoder)


def unet_plan(
    genes: Mapping[str, Any], n_channels: int, n_outputs: int, side: int | None = None
) -> UNetPlan:
    """Return the plan of a U-Net that maps an image to maps.

    Parameters
    ----------
    genes : dict
        Expressed: `depth` (how often the sides are halved), `stride` (1 or 2) and
        `width` of the finest stage, `growth` from stage to stage, `convolutions` of a
        stage and `decoder_convolutions`, `pooling`, `upsampling`, `attention`, and
        those of a convolution. `output_stride` is the side, in pixels of the image, of
        what a pixel of the maps stands for, as for heat maps: a power of 2 of at least
        `stride`, which it is without it.
    n_channels : int
        Channels of the image.
    n_outputs : int
        Number of maps.
    side : int or None, default=None
        Side of the square images that sizes are counted for; None stands for the least.

    Returns
    -------
    UNetPlan

    Examples
    --------
    >>> genes = {"depth": 2, "stride": 1, "width": 8, "growth": 2.0, "convolutions": 1,
    ...          "kernel": 3, "pooling": "max", "upsampling": "nearest"}
    >>> plan = unet_plan(genes, 3, 2, side=64)
    >>> [stage[-1].outputs for stage in plan.encoder], plan.head.outputs, plan.factor
    ([(8, 64, 64), (16, 32, 32), (32, 16, 16)], (2, 64, 64), 4)
    """
    depth, stride = genes["depth"], genes["stride"]
    genes = {"norm_momentum": NORM_MOMENTUM, **genes}
    side = side or stride * 2**depth
    shape: Shape = (n_channels, side, side)
    encoder: list[tuple[Layer, ...]] = []
    for stage in range(depth + 1):
        # A first stage of step 2 leaves the sides of the image to no layer.
        pooling = genes["pooling"] if stage else ("none", "stride")[stride - 1]
        layers: list[Layer] = []
        if pooling in ("max", "average"):
            layers.append(Layer.halving(pooling, shape))
            shape, pooling = layers[-1].outputs, "none"
        block = {**genes, "channels": _stage_width(genes, stage), "pooling": pooling}
        if pooling == "stride" and genes["convolutions"] == 1:
            block["residual"] = False  # inputs and outputs have other sides
        layers += Layer.block({**block, "upsampling": "none"}, shape)
        shape = layers[-1].outputs
        encoder.append(tuple(layers))
    decoder: list[DecoderStage] = []
    step = genes.get("output_stride", stride)
    doublings = depth - int(math.log2(step // stride))
    for layers in encoder[-2::-1][:doublings]:
        decoder.append(DecoderStage.of(genes, shape, layers[-1].outputs))
        shape = decoder[-1].layers[-1].outputs
    head = Layer.convolution({"channels": n_outputs, "kernel": 1}, shape)
    all_layers = [layer for stage in encoder for layer in stage]
    for one in decoder:
        all_layers += [one.up, *one.gate, *one.layers]
    return UNetPlan((*all_layers, head), tuple(encoder), tuple(decoder), head, step)


def _stage_width(genes: Mapping[str, Any], stage: int) -> int:
    width = min(WIDEST_STAGE, genes["width"] * genes["growth"] ** stage)
    return max(1, round(width / WIDTH_STEP)) * WIDTH_STEP


def parts_of(
    genes: Mapping[str, Any], codings: Mapping[str, Sequence[Part]]
) -> Sequence[Part]:
    """Return the parts of a table's columns in the coding of numbers that genes have.

    Parameters
    ----------
    genes : dict
        Expressed genes of `sknevo.genomes.gan`.
    codings : dict of str to sequence of Part
        See `DataSpec`; empty for arrays, which have no parts.

    Returns
    -------
    sequence of Part

    Examples
    --------
    >>> parts_of({"table": {"numbers": "modes"}}, {"modes": (Part(2),)})
    (Part(n_plain=2, n_modes=0),)
    >>> parts_of({}, {})
    ()
    """
    return codings[genes["table"]["numbers"]] if codings else ()


def gan_plans(
    genes: Mapping[str, Any],
    shape: Shape,
    n_conditions: int,
    parts: Sequence[Part] = (),
) -> dict[str, NetworkPlan]:
    """Return the plans of a GAN's `generator` and `discriminator`.

    The generator turns noise into a sample: of images, its first layers make a small
    grid, which the blocks enlarge; what exceeds the sides of an image is cropped. The
    discriminator turns a pack of samples into a logit.

    Parameters
    ----------
    genes : dict
        Expressed genes of `sknevo.genomes.gan`.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).
    n_conditions : int
        Numbers that say what a sample is made for; 0 for none. The discriminator's last
        layer projects them onto the input of its head.
    parts : sequence of Part, default=()
        Of the columns of a table, which both networks then see in place of `shape`. The
        labels that a row can be made for are further conditions if the genes say so.

    Returns
    -------
    dict of str to NetworkPlan

    Examples
    --------
    >>> network = {"dense": [{"units": 8}]}
    >>> genes = {"noise": {"dimension": 3}, "training": {"packing": 2},
    ...          "generator": network, "discriminator": network}
    >>> plans = gan_plans(genes, (5,), 0)
    >>> [layer.inputs + layer.outputs for layer in plans["generator"].layers]
    [(3, 8), (8, 5)]
    >>> [layer.inputs + layer.outputs for layer in plans["discriminator"].layers]
    [(10, 8), (8, 1)]
    """
    noise, packing = genes["noise"]["dimension"], genes["training"]["packing"]
    if parts:
        shape = (sum(part.width for part in parts),)
        if genes["table"].get("conditional"):
            n_conditions += sum(part.n_conditions for part in parts)
    # Samples that are judged together are stacked as channels, or as columns of a row.
    pack = (packing * shape[0], *shape[1:])
    discriminator = _discriminator_layers(genes["discriminator"], pack)
    if n_conditions:
        inputs, outputs = (packing * n_conditions,), discriminator[-1].inputs
        discriminator.append(Layer("projection", inputs, outputs))
    generator = {
        name: _steep(genes["generator"][name])
        for name in ("dense", "blocks")
        if name in genes["generator"]
    }
    # Pixels are scaled to [-1, 1], which is the range of the hyperbolic tangent.
    made = _sample_layers(generator, noise + n_conditions, shape, "tanh")
    return {
        "generator": NetworkPlan(tuple(made)),
        "discriminator": NetworkPlan(tuple(discriminator)),
    }


def gan_encoder_plan(genes: Mapping[str, Any], parts: Sequence[Part]) -> NetworkPlan:
    """Return the plan of the encoder that a generator of rows may be trained with.

    Its hidden layers are as the discriminator's. It gives two numbers for each
    dimension of the noise: the mean and the logarithm of the variance.

    Parameters
    ----------
    genes : dict
        Expressed genes of `sknevo.genomes.gan`.
    parts : sequence of Part
        Of the columns of a table.

    Returns
    -------
    NetworkPlan

    Examples
    --------
    >>> genes = {"noise": {"dimension": 3}, "discriminator": {"dense": [{"units": 8}]}}
    >>> plan = gan_encoder_plan(genes, (Part(2), Part(0, 4)))
    >>> [layer.inputs + layer.outputs for layer in plan.layers]
    [(7, 8), (8, 6)]
    """
    shape = (sum(part.width for part in parts),)
    n_outputs = 2 * genes["noise"]["dimension"]
    layers = _discriminator_layers(genes["discriminator"], shape, n_outputs)
    return NetworkPlan(tuple(layers))


def autoencoder_plans(genes: Mapping[str, Any], shape: Shape) -> dict[str, NetworkPlan]:
    """Return the plans of an autoencoder's `encoder` and `decoder`.

    Without blocks, the layers of images are dense, too. A tied decoder has the widths
    of the encoder in reverse order, and doubles the sides where that one halves them.
    The encoder of a variational code gives two numbers for each component: the mean and
    the logarithm of the variance.

    Parameters
    ----------
    genes : dict
        Expressed: `n_components`, `encoder`, `decoder` and `code`, as those of
        `sknevo.genomes.autoencoder`.
    shape : tuple of int
        (channels, height, width) of an image, or (features,).

    Returns
    -------
    dict of str to NetworkPlan

    Examples
    --------
    >>> genes = {"n_components": 3, "encoder": {"dense": [{"units": 8}]},
    ...          "decoder": {"tied": {}}, "code": {"variational": {"weight": 0.1}}}
    >>> for name, plan in autoencoder_plans(genes, (5,)).items():
    ...     print(name, [layer.inputs + layer.outputs for layer in plan.layers])
    encoder [(5, 8), (8, 6)]
    decoder [(3, 8), (8, 5)]
    """
    n_components, encoder = genes["n_components"], genes["encoder"]
    ((kind, decoder),) = genes["decoder"].items()
    if kind == "tied":
        decoder = _mirrored(encoder, **decoder)
    shared = {"norm_momentum": NORM_MOMENTUM}
    decoder = {
        name: [shared | layer for layer in layers] for name, layers in decoder.items()
    }
    n_outputs = (2 if "variational" in genes["code"] else 1) * n_components
    made = _sample_layers(decoder, n_components, shape)
    return {
        "encoder": network_plan(
            {"head_pooling": "flatten", **encoder}, shape, n_outputs
        ),
        "decoder": NetworkPlan(tuple(made)),
    }


def _mirrored(
    encoder: Mapping[str, Any], upsampling: str = "none"
) -> dict[str, list[dict[str, Any]]]:
    """Return the genes of a decoder with the widths of an encoder, in reverse order."""
    blocks = []
    for block in reversed(encoder.get("blocks", [])):
        after = _named(block, "channels", "convolutions", "normalisation", "activation")
        doubles = block.get("pooling", "none") != "none"
        # A single pixel cannot fill in the four that it becomes.
        kernel = max(3, block["kernel"]) if doubles else block["kernel"]
        # A shortcut leads past further convolutions only: the first one may double.
        residual = block.get("residual", False) and block.get("convolutions", 1) > 1
        own = {"kernel": kernel, "residual": residual}
        blocks.append({**after, **own, "upsampling": upsampling if doubles else "none"})
    dense = [
        _named(layer, "units", "normalisation", "activation")
        for layer in reversed(encoder["dense"])
    ]
    return {"dense": dense, "blocks": blocks}


def _sample_layers(
    genes: Mapping[str, Any], n_inputs: int, shape: Shape, activation: str = "identity"
) -> list[Layer]:
    """Return layers that make a sample of numbers: `dense` ones, then `blocks`.

    Blocks enlarge a small grid, and end with a convolution and the activation.
    """
    layers = _chain(Layer.dense, genes.get("dense", []), (n_inputs,))
    inputs = layers[-1].outputs if layers else (n_inputs,)
    if len(shape) == 1:
        return [*layers, Layer("linear", inputs, shape)]
    blocks = genes.get("blocks", [])
    doublings = sum(block["upsampling"] != "none" for block in blocks)
    # Rounded up: the last grid is as large as an image or larger, never smaller.
    sides = tuple(math.ceil(side / 2**doublings) for side in shape[1:])
    grid = (blocks[0]["channels"], *sides) if blocks else shape
    flat = (math.prod(grid),)
    layers += [Layer("linear", inputs, flat), Layer("unflatten", flat, grid)]
    if not blocks:
        return layers
    layers += _chain(Layer.block, blocks, grid)
    last = layers[-1].outputs
    cropped = (last[0], *shape[1:])
    pixels = {"channels": shape[0], "kernel": 3, "activation": activation}
    return [*layers, Layer("crop", last, cropped), Layer.convolution(pixels, cropped)]


def _discriminator_layers(
    genes: Mapping[str, Any], shape: Shape, n_outputs: int = 1
) -> list[Layer]:
    if "dense" in genes:
        layers = _chain(Layer.dense, _steep(genes["dense"]), shape)
    else:
        block = partial(Layer.block, ceil=True)
        layers = _chain(block, _steep(genes["blocks"]), shape)
        layers.append(Layer.pooling_head(genes["head_pooling"], layers[-1].outputs))
    return [*layers, Layer("linear", layers[-1].outputs, (n_outputs,))]


def _chain(
    make: Callable[[Mapping[str, Any], Shape], list[Layer]],
    items: Sequence[Mapping[str, Any]],
    shape: Shape,
) -> list[Layer]:
    """Return layers of which each takes the outputs of the one before."""
    layers: list[Layer] = []
    for genes in items:
        layers += make(genes, shape)
        shape = layers[-1].outputs
    return layers


def _steep(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return genes with a leaky rectifier that is steeper than in other networks."""
    # The gradients of a generator have to pass through two networks.
    steep = {"activation": "steep_leaky_relu"}
    return [
        {**genes, **(steep if genes.get("activation") == "leaky_relu" else {})}
        for genes in items
    ]
