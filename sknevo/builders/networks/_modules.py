"""Torch modules of a network's plan."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sknevo.builders.networks._augmentation import Augmentation
from sknevo.network_plan import Layer, channels_last, image_shape, network_plan

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
# Activations that never fall: the greatest of four is that of the greatest input.
RISING = ("relu", "leaky_relu", "elu", "selu", "tanh")
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


class Network(nn.Module):
    """A network that takes samples as the user has them and returns numbers.

    Parameters
    ----------
    genes : dict
        Expressed: `dense`, and for images `blocks`, `head_pooling` and, if there is
        any, `augmentation`.
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
    ) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.arrange = Arrange(sample_shape, channels)
        self.standardise = _Standardise(mean, scale)
        changes = genes.get("augmentation", {})
        self.augment = Augmentation(changes) if changes else nn.Identity()
        # Mirror images are predicted, too (Krizhevsky et al. 2012).
        self.mirrors = changes.get("test_time", False)
        self.blocks, self.dense = nn.Sequential(), nn.Sequential()
        plan = network_plan(genes, shape or self.arrange.shape, n_outputs)
        *layers, head = plan.layers
        for layer in layers:
            part = self.dense if layer.kind == "dense" else self.blocks
            part.append(layer_module(layer, rng))
        self.head = layer_module(head, rng)
        self.to(memory_format=torch.channels_last)

    def forward(self, X: Tensor) -> Tensor:
        """Return a Tensor of shape (n_samples, n_outputs) for a batch of any type."""
        X = self.standardise(self.arrange(X)).to(self.head.weight.dtype)
        X = self.augment(X)
        if self.mirrors and not self.training:
            return (self._outputs(X) + self._outputs(X.flip(-1))) / 2
        return self._outputs(X)

    def _outputs(self, X: Tensor) -> Tensor:
        if X.ndim == 4:  # pooling a pixel's channels side by side is six times as fast
            X = X.contiguous(memory_format=torch.channels_last)
        return self.head(self.dense(self.blocks(X)))


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


class _Standardise(nn.Module):
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
    match layer.kind:
        case "convolution" | "transposed":
            return Block(layer, rng)
        case "dense":
            return Dense(layer, rng)
        case "linear":
            return _weighted(layer, rng)
        case "flatten":
            return nn.Flatten()
        case "average":
            return Average()
        case "unflatten":
            return nn.Unflatten(1, layer.outputs)
        case "crop":
            return Crop(layer.outputs[1:])
    raise ValueError(f"there is no module for {layer}")


class Block(nn.Module):
    """A convolution with its upsampling, normalisation, shortcut, pooling, dropout."""

    def __init__(self, layer: Layer, rng: torch.Generator) -> None:
        super().__init__()
        channels, width = layer.inputs[0], layer.outputs[0]
        self.upsample: nn.Module = nn.Identity()
        if layer.upsampling != "none":
            self.upsample = nn.Upsample(scale_factor=2, mode=layer.upsampling)
        self.convolve = _weighted(layer, rng)
        self.normalise = NORMALISATIONS[layer.normalisation](width)
        self.activate = ACTIVATIONS[layer.activation]()
        self.shortcut: nn.Module | None = None
        if layer.projects:
            self.shortcut = _drawn(rng, nn.Conv2d, channels, width, 1, bias=False)
        elif layer.residual:
            self.shortcut = nn.Identity()
        self.pool: nn.Module = nn.Identity()
        if layer.pooling != "none":
            self.pool = POOLINGS[layer.pooling](2, ceil_mode=layer.pools_up)
        self.drop = Dropout(layer.dropout)
        self.pool_first = (
            layer.pooling == "max" and layer.activation in RISING and not layer.residual
        )

    def forward(self, X: Tensor) -> Tensor:
        Z = self.normalise(self.convolve(self.upsample(X)))
        if self.pool_first:  # the same, on a quarter of the values
            return self.drop(self.activate(self.pool(Z)))
        Z = self.activate(Z)
        if self.shortcut is not None:
            Z = Z + self.shortcut(X)
        return self.drop(self.pool(Z))


class Dense(nn.Sequential):
    """A dense layer, normalisation, activation, dropout."""

    def __init__(self, layer: Layer, rng: torch.Generator) -> None:
        (width,) = layer.outputs
        normalisation = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}.get(
            layer.normalisation, nn.Identity
        )
        super().__init__(
            _weighted(layer, rng),
            normalisation(width),
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


class Average(nn.Module):
    """Takes the mean over all pixels."""

    def forward(self, X: Tensor) -> Tensor:
        return X.mean(dim=(2, 3))


class Dropout(nn.Module):
    """Dropout whose generator is given: torch's own draws from the global one."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability
        self.generator: torch.Generator | None = None

    def forward(self, X: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return X
        keep = 1 - self.probability
        # Scaled by `keep`, so that predictions need no scaling.
        mask = torch.empty_like(X).bernoulli_(keep, generator=self.generator)
        return X * mask.div_(keep)

    def extra_repr(self) -> str:
        return f"{self.probability:.3g}"


class Spectral(nn.Module):
    """A layer whose weights are divided by their greatest singular value [1]_.

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


def _weighted(layer: Layer, rng: torch.Generator) -> nn.Module:
    """Return the weights of a layer, spectrally normalised if its plan says so."""
    width_in, width, kernel = layer.inputs[0], layer.outputs[0], layer.kernel
    options = {"stride": layer.stride, "padding": kernel // 2, "bias": layer.biased}
    if layer.kind == "convolution":
        module = _drawn(rng, nn.Conv2d, width_in, width, kernel, **options)
    elif layer.kind == "transposed":
        options["output_padding"] = 1
        module = _drawn(rng, nn.ConvTranspose2d, width_in, width, kernel, **options)
    else:
        units = math.prod(layer.outputs)
        module = _drawn(rng, nn.Linear, width_in, units, bias=layer.biased)
    return Spectral(module, rng) if layer.normalisation == "spectral" else module


def _drawn(rng: torch.Generator, kind: type, *args: Any, **options: Any) -> nn.Module:
    """Return a module whose weights are drawn as He et al. (2015) do for rectifiers.

    Biases are 0. torch's own initialisation would draw from the global generator.
    """
    module = nn.utils.skip_init(kind, *args, **options)
    nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module
