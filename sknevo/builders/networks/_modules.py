"""Torch modules of a network's plan."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._pretrained import PretrainedLayers, ThreeColours
from sknevo.network_plan import (
    SQUEEZED,
    Layer,
    channels_last,
    image_shape,
    network_plan,
)

ACTIVATIONS = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "steep_leaky_relu": partial(nn.LeakyReLU, 0.2),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
POOLINGS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
# Groups of a group normalisation. Four divide every width: widths are multiples of 8.
GROUPS = 4
NORMALISATIONS = {
    "none": nn.Identity,
    "spectral": nn.Identity,  # of the weights, not of what they give
    "batch": nn.BatchNorm2d,
    "instance": partial(nn.InstanceNorm2d, affine=True),
    "group": partial(nn.GroupNorm, GROUPS),
    "layer": partial(nn.GroupNorm, 1),
}
DENSE_NORMALISATIONS = {
    "none": nn.Identity,
    "spectral": nn.Identity,
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
}


class Network(nn.Module):
    """A network that takes samples as the user has them and returns numbers.

    Parameters
    ----------
    genes : dict
        Expressed: those of `sknevo.network_plan.network_plan` and, if there is any,
        `augmentation`.
    sample_shape : tuple of int
        Shape of a sample: (features,), (height, width), (channels, height, width) or
        (height, width, channels).
    n_outputs : int
        Width of the head.
    mean, scale : Tensor of shape (channels,) or (features,)
        Inputs are standardised by them.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels are in `sample_shape`.
    seed : int, default=0
        Seed of the weights; global generators are not touched.
    shape : tuple of int or None, default=None
        (channels, height, width) that the layers see, if images are scaled before.
    directions : Tensor or None, default=None
        What a whitening layer multiplies patches with, see `Whitening`. Without it the
        layer waits for its state.
    read : bool, default=False
        Whether pretrained layers have the weights of their file. Otherwise they wait
        for their state.
    """

    def __init__(
        self,
        genes: dict[str, Any],
        sample_shape: tuple[int, ...],
        n_outputs: int,
        mean: Tensor,
        scale: Tensor,
        channels: str = "auto",
        seed: int = 0,
        shape: tuple[int, ...] | None = None,
        directions: Tensor | None = None,
        read: bool = False,
    ) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.arrange = Arrange(sample_shape, channels)
        self.colours: nn.Module = nn.Identity()
        self.standardise = Standardise(mean, scale)
        changes = genes.get("augmentation", {})
        self.augment = Augmentation(changes) if changes else nn.Identity()
        # Mirror images are predicted, too (Krizhevsky et al. 2012).
        self.mirrors = changes.get("test_time", False)
        self.blocks, self.dense = nn.Sequential(), nn.Sequential()
        plan = network_plan(genes, shape or self.arrange.shape, n_outputs)
        *layers, head = plan.layers
        self.n_fixed = plan.n_fixed
        for layer in layers:
            part = self.dense if layer.kind == "dense" else self.blocks
            if layer.pretrained:
                self.colours = ThreeColours()
                part.append(PretrainedLayers(layer, read))
            else:
                part.append(layer_module(layer, rng))
        self.head = layer_module(head, rng)
        self.head_scale = head.scale
        if directions is not None:
            self.blocks[0].weight.copy_(directions)
        self.to(memory_format=torch.channels_last)

    def forward(self, X: Tensor, n_done: int = 0) -> Tensor:
        """Return a Tensor of shape (n_samples, n_outputs) for a batch of any type.

        Parameters
        ----------
        X : Tensor
            Samples, or what `fixed` has returned.
        n_done : int, default=0
            0 for samples, else `n_fixed`.
        """
        if n_done:
            return self._outputs(X, n_done)
        X = self.augment(self._standardised(X))
        if self.mirrors and not self.training:
            return (self._outputs(X) + self._outputs(X.flip(-1))) / 2
        return self._outputs(X)

    def fixed(self, X: Tensor) -> Tensor:
        """Return what the first `n_fixed` layers make of samples, in any epoch."""
        X = self._standardised(X).contiguous(memory_format=torch.channels_last)
        return self.blocks[: self.n_fixed](X)

    def _standardised(self, X: Tensor) -> Tensor:
        X = self.standardise(self.colours(self.arrange(X)))
        return X.to(self.head.weight.dtype)

    def _outputs(self, X: Tensor, n_done: int = 0) -> Tensor:
        if X.ndim == 4:  # pooling a pixel's channels side by side is six times as fast
            X = X.contiguous(memory_format=torch.channels_last)
        layers = self.blocks[n_done:] if n_done else self.blocks
        return self.head_scale * self.head(self.dense(layers(X)))


class Arrange(nn.Module):
    """Puts the channels of images first; batches may be flattened."""

    def __init__(self, sample_shape: tuple[int, ...], channels: str = "auto") -> None:
        super().__init__()
        self.sample_shape = tuple(sample_shape)
        self.shape = image_shape(sample_shape, channels)
        self.channels_last = channels_last(sample_shape, channels)

    def forward(self, X: Tensor) -> Tensor:
        if self.channels_last:
            return X.reshape(-1, *self.sample_shape).permute(0, 3, 1, 2)
        return X.reshape(-1, *self.shape)


class Standardise(nn.Module):
    """Subtracts a mean and divides by a scale, of each channel or feature."""

    # Rows may come in double precision, so that large numbers keep their digits.
    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, X: Tensor) -> Tensor:
        sides = (1,) * (X.ndim - 2)
        X = X.to(self.mean.dtype)
        return (X - self.mean.view(-1, *sides)) / self.scale.view(-1, *sides)


def layer_module(layer: Layer, rng: torch.Generator) -> nn.Module:
    """Return the module of a layer, its weights drawn."""
    return MODULES[layer.kind](layer, rng)


class Block(nn.Module):
    """A convolution with upsampling, pooling, normalisation, shortcut and so on.

    Pooling comes first of what follows, as in [1]_: all else is then done on a quarter
    of the values.

    References
    ----------
    .. [1] Jordan, K. (2024). 94% on CIFAR-10 in 3.29 Seconds on a Single GPU.
       arXiv:2404.00498.
    """

    def __init__(self, layer: Layer, rng: torch.Generator) -> None:
        super().__init__()
        channels, width = layer.inputs[0], layer.outputs[0]
        self.upsample: nn.Module = nn.Identity()
        if layer.upsampling != "none":
            self.upsample = nn.Upsample(scale_factor=2, mode=layer.upsampling)
        self.convolve = _weighted(layer, rng)
        self.pool: nn.Module = nn.Identity()
        if layer.pooling != "none":
            self.pool = POOLINGS[layer.pooling](2, ceil_mode=layer.pools_up)
        self.normalise = _normalisation(layer, NORMALISATIONS)
        self.activate = ACTIVATIONS[layer.activation]()
        self.excite: nn.Module = nn.Identity()
        if layer.excitation:
            self.excite = Excitation(width, rng)
        self.shortcut: nn.Module | None = None
        if layer.projects:
            self.shortcut = _drawn(rng, nn.Conv2d, channels, width, 1, bias=False)
        elif layer.residual:
            self.shortcut = nn.Identity()
        self.drop = Dropout(layer.dropout)

    def forward(self, X: Tensor) -> Tensor:
        Z = self.pool(self.convolve(self.upsample(X)))
        Z = self.excite(self.activate(self.normalise(Z)))
        if self.shortcut is not None:
            Z = Z + self.shortcut(self.pool(X))
        return self.drop(Z)


class Residual(nn.Sequential):
    """Adds its inputs to what its layers make of them (He et al. 2016)."""

    def __init__(self, layer: Layer, rng: torch.Generator) -> None:
        super().__init__(*(layer_module(inner, rng) for inner in layer.inner))

    def forward(self, X: Tensor) -> Tensor:
        return X + super().forward(X)


class Excitation(nn.Module):
    """Scales channels by what the means of all channels tell (Hu et al. 2018)."""

    def __init__(self, width: int, rng: torch.Generator) -> None:
        super().__init__()
        hidden = width // SQUEEZED
        self.squeeze = _drawn(rng, nn.Linear, width, hidden)
        self.excite = _drawn(rng, nn.Linear, hidden, width)

    def forward(self, X: Tensor) -> Tensor:
        gates = self.excite(self.squeeze(X.mean(dim=(2, 3))).relu()).sigmoid()
        return X * gates[:, :, None, None]


class Whitening(nn.Module):
    """Makes the patches of images uncorrelated and rectifies them, in both signs [1]_.

    Its weights come from `sknevo.builders.networks._whitening` and are not learned, so
    that no gradient passes through the largest maps of a network.

    References
    ----------
    .. [1] Jordan, K. (2024). 94% on CIFAR-10 in 3.29 Seconds on a Single GPU.
       arXiv:2404.00498.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.stride = layer.stride
        sides = (layer.kernel, layer.kernel)
        weight = torch.zeros(layer.outputs[0], layer.inputs[0], *sides)
        self.register_buffer("weight", weight)

    def forward(self, X: Tensor) -> Tensor:
        return nn.functional.conv2d(X, self.weight, stride=self.stride).relu_()


class Dense(nn.Sequential):
    """A dense layer, normalisation, activation, dropout."""

    def __init__(self, layer: Layer, rng: torch.Generator) -> None:
        super().__init__(
            _weighted(layer, rng),
            _normalisation(layer, DENSE_NORMALISATIONS),
            ACTIVATIONS[layer.activation](),
            Dropout(layer.dropout),
        )


class Crop(nn.Module):
    """Keeps the middle of an image."""

    # Not ZeroPad2d with less than nothing: it copies, and sums in another order.
    def __init__(self, sides: tuple[int, ...]) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, X: Tensor) -> Tensor:
        height, width = self.sides
        top, left = (X.shape[2] - height) // 2, (X.shape[3] - width) // 2
        return X[:, :, top : top + height, left : left + width]


class Flatten(nn.Module):
    """Takes all pixels; the channels of each lie side by side, as in memory."""

    def forward(self, X: Tensor) -> Tensor:
        return X.permute(0, 2, 3, 1).flatten(1)


class Average(nn.Module):
    """Takes the mean over all pixels."""

    def forward(self, X: Tensor) -> Tensor:
        return X.mean(dim=(2, 3))


class Maximum(nn.Module):
    """Takes the maximum over all pixels."""

    def forward(self, X: Tensor) -> Tensor:
        return X.amax(dim=(2, 3))


class Dropout(nn.Module):
    """Dropout with a generator of its own: torch's draws from the global one.

    The probability is rounded to 1/256: a byte is drawn for each value.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability
        self.generator: torch.Generator | None = None

    def forward(self, X: Tensor) -> Tensor:
        n_dropped = round(256 * self.probability)
        if not self.training or n_dropped == 0:
            return X
        # Eight bytes at a time: four times as fast as a number for each value.
        drawn = torch.empty(-(-X.numel() // 8), dtype=torch.int64, device=X.device)
        drawn.random_(-(2**63), None, generator=self.generator)
        # In memory as the values: channels may come last.
        places = torch.empty_like(X, dtype=torch.uint8).stride()
        kept = drawn.view(torch.uint8).as_strided(X.shape, places) >= n_dropped
        # Scaled by what is kept, so that predictions need no scaling.
        return X * kept.to(X.dtype).mul_(256 / (256 - n_dropped))

    def extra_repr(self) -> str:
        return f"{self.probability:.3g}"


class Spectral(nn.Module):
    """A layer with weights divided by their greatest singular value [1]_.

    torch's own does not pickle, and draws its first guess from the global generator.

    References
    ----------
    .. [1] Miyato, T., Kataoka, T., Koyama, M., & Yoshida, Y. (2018). Spectral
       Normalization for Generative Adversarial Networks. ICLR.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, rng: torch.Generator) -> None:
        super().__init__()
        self.layer = layer
        rows = len(layer.weight)
        self.register_buffer("left", torch.randn(rows, generator=rng))
        with torch.no_grad():
            # From a random guess, ten steps come near enough; training goes on.
            for _ in range(10):
                self._right()

    def _right(self) -> Tensor:
        """Return the right singular vector after one step of the power iteration."""
        W = self.layer.weight.flatten(1)
        right = nn.functional.normalize(W.T @ self.left, dim=0, eps=1e-12)
        if self.training:
            self.left = nn.functional.normalize(W @ right, dim=0, eps=1e-12)
        return right

    def forward(self, X: Tensor) -> Tensor:
        weight, bias = self.layer.weight, self.layer.bias
        with torch.autocast(X.device.type, enabled=False):  # in full precision
            with torch.no_grad():
                right = self._right()
            norm = self.left @ (weight.flatten(1) @ right)
            weight = weight / norm.clamp_min(1e-12)
        if isinstance(self.layer, nn.Linear):
            return nn.functional.linear(X, weight, bias)
        return self.layer._conv_forward(X, weight, bias)


def _normalisation(layer: Layer, kinds: Mapping[str, Any]) -> nn.Module:
    """Return the normalisation of a layer's outputs."""
    batch = {"momentum": layer.norm_momentum} if layer.normalisation == "batch" else {}
    return kinds[layer.normalisation](layer.outputs[0], **batch)


def _weighted(layer: Layer, rng: torch.Generator) -> nn.Module:
    """Return the weights of a layer, spectrally normalised if its plan says so."""
    width_in, width, kernel = layer.inputs[0], layer.outputs[0], layer.kernel
    options = {"stride": layer.stride, "padding": kernel // 2, "bias": layer.biased}
    if layer.separable:
        apart = {**options, "bias": False, "groups": width_in}
        each = _drawn(rng, nn.Conv2d, width_in, width_in, kernel, **apart)
        mix = _drawn(rng, nn.Conv2d, width_in, width, 1, bias=layer.biased)
        module = nn.Sequential(each, mix)
    elif layer.kind == "convolution":
        module = _drawn(rng, nn.Conv2d, width_in, width, kernel, **options)
    elif layer.kind == "transposed":
        options["output_padding"] = 1
        module = _drawn(rng, nn.ConvTranspose2d, width_in, width, kernel, **options)
    else:
        units = math.prod(layer.outputs)
        module = _drawn(rng, nn.Linear, width_in, units, bias=layer.biased)
    if layer.initialisation == "identity" and layer.kind == "convolution":
        for each in module.modules():
            if isinstance(each, nn.Conv2d):
                _begin_as_identity(each.weight, each.groups)
    return Spectral(module, rng) if layer.normalisation == "spectral" else module


@torch.no_grad()
def _begin_as_identity(weight: Tensor, groups: int) -> None:
    """Make the first kernels return their inputs, as far as there are so many."""
    n_inputs = groups * weight.shape[1]
    nn.init.dirac_(weight[:n_inputs], groups)


def _drawn(rng: torch.Generator, kind: type, *args: Any, **options: Any) -> nn.Module:
    """Return a module with weights drawn as He et al. (2015) do for rectifiers.

    Biases are 0. torch's own initialisation would draw from the global generator.
    """
    module = nn.utils.skip_init(kind, *args, **options)
    nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


# Kinds of layers -> what makes a module of a layer and a generator.
MODULES: dict[str, Callable[[Layer, torch.Generator], nn.Module]] = {
    "convolution": Block,
    "transposed": Block,
    "residual": Residual,
    "whitening": lambda layer, _: Whitening(layer),
    "dense": Dense,
    "linear": _weighted,
    "flatten": lambda *_: Flatten(),
    "average": lambda *_: Average(),
    "maximum": lambda *_: Maximum(),
    "pooling": lambda layer, _: POOLINGS[layer.pooling](2),
    "unflatten": lambda layer, _: nn.Unflatten(1, layer.outputs),
    "crop": lambda layer, _: Crop(layer.outputs[1:]),
}
