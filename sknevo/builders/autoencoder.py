"""Autoencoders: the module, losses, codes and reconstructions, the builder of nets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sknevo.builders.networks._augmentation import Augmentation
from sknevo.builders.networks._builder import NetworkBuilder
from sknevo.builders.networks._data import ShuffledBatches, as_tensor
from sknevo.builders.networks._devices import memory_errors, own_settings
from sknevo.builders.networks._modules import Arrange, Standardise, layer_module
from sknevo.builders.networks._net import Net
from sknevo.builders.networks._scaler import Scaler
from sknevo.builders.networks._trainer import autocast
from sknevo.builders.networks._variational import drawn_codes
from sknevo.deadline import check_deadline
from sknevo.image_stream._scale import PixelRange
from sknevo.network_plan import NetworkPlan, autoencoder_plans, shape_of

__all__ = ["AutoencoderBuilder", "AutoencoderNet"]

# Sides of the windows of the structural similarity, and its constants: those of Wang et
# al. (2004), as scikit-image has them.
WINDOW, CONSTANTS = 7, (0.01**2, 0.03**2)
# What the similarity counts beside absolute errors: as Zhao et al. (2017) chose it.
SIMILARITY = 0.84
# Samples that the variance and the loss of a guess are computed of; chosen, not
# measured.
SOME = 1000
# The hyperbolic tangent reaches its limits nowhere.
INSIDE = 0.999


class Autoencoder(nn.Module):
    """An encoder, which makes a code of a sample, and a decoder, which rebuilds it.

    Samples are scaled: columns are standardised, pixels are in [-1, 1].

    Parameters
    ----------
    genes : dict
        Expressed: those of `sknevo.network_plan.autoencoder_plans`, `denoising` and, of
        images, `augmentation`.
    sample_shape, mean, scale, channels, seed
        As for `sknevo.builders.networks._modules.Network`.
    n_outputs : int
        Numbers in a code.
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
    ) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.n_components = n_outputs
        self.generator: torch.Generator | None = None
        self.arrange = Arrange(sample_shape, channels)
        self.of_images = len(self.arrange.shape) == 3
        self.standardise = Standardise(mean, scale)
        changes = genes.get("augmentation", {})
        changed = any(changes.values())
        self.augment = Augmentation({"erase": 0.0, **changes}) if changed else None
        ((self.corruption, options),) = genes.get("denoising", {"none": {}}).items()
        self.strength = next(iter(options.values()), 0.0)
        ((_, options),) = genes["code"].items()
        self.divergence_weight = options.get("weight")
        plans = autoencoder_plans(genes, self.arrange.shape)
        self.encoder, self.decoder = (
            nn.Sequential(*(layer_module(layer, rng) for layer in plan.layers))
            for plan in plans.values()
        )
        self.to(memory_format=torch.channels_last)

    @property
    def dtype(self) -> torch.dtype:
        """The type that it computes in."""
        return next(self.decoder.parameters()).dtype

    def forward(self, X: Tensor) -> Any:
        """Return rebuilt samples as `decode` does.

        In training also what was to be rebuilt, and the divergence of each code [1]_.

        References
        ----------
        .. [1] Kingma, D. P., & Welling, M. (2014). Auto-Encoding Variational Bayes.
           ICLR.
        """
        clean = self.scaled(X)
        if not self.training:
            return self.decode(self.code(clean))
        if self.augment is not None:
            clean = self.augment(clean)
        outputs = self.encoder(self._corrupted(clean)).float()
        if self.divergence_weight is None:
            return self.decode(outputs), clean, outputs.new_zeros(len(outputs))
        noise = self._normal(outputs[:, : self.n_components])
        codes, divergence = drawn_codes(outputs, noise)
        # Losses are means over the values of a sample.
        share = self.divergence_weight / clean[0].numel()
        return self.decode(codes), clean, share * divergence

    def scaled(self, X: Tensor) -> Tensor:
        """Return samples on the scale of the networks."""
        Z = self.standardise(self.arrange(X)).to(self.dtype)
        return Z.contiguous(memory_format=torch.channels_last) if Z.ndim == 4 else Z

    def encode(self, X: Tensor) -> Tensor:
        """Return codes of samples."""
        return self.code(self.scaled(X))

    def code(self, Z: Tensor) -> Tensor:
        """Return codes of scaled samples; the means of variational ones."""
        return self.encoder(Z)[:, : self.n_components]

    def decode(self, codes: Tensor) -> Tensor:
        """Return scaled samples; of images what is yet to be bounded, see `bounded`."""
        return self.decoder(codes.to(self.dtype))

    def bounded(self, outputs: Tensor) -> Tensor:
        """Return outputs as scaled samples: pixels are within [-1, 1]."""
        return torch.tanh(outputs) if self.of_images else outputs

    def errors(self, X: Tensor) -> Tensor:
        """Return the mean squared error of each sample; pixels are in [0, 1]."""
        clean = self.scaled(X)
        rebuilt = self.bounded(self.decode(self.code(clean)))
        squares = (rebuilt.double() - clean.double()) ** 2
        return squares.flatten(1).mean(dim=1) * self.unit

    @property
    def unit(self) -> float:
        """A squared error of scaled pixels on the scale [0, 1]; columns stay scaled."""
        return 0.25 if self.of_images else 1.0

    def _normal(self, like: Tensor) -> Tensor:
        options = {"dtype": like.dtype, "device": like.device}
        return torch.randn(like.shape, generator=self.generator, **options)

    def _corrupted(self, Z: Tensor) -> Tensor:
        match self.corruption:
            case "normal":
                return Z + self.strength * self._normal(Z)
            case "masking":
                drawn = torch.rand(Z.shape, generator=self.generator, device=Z.device)
                return Z * (drawn >= self.strength).to(Z.dtype)
        return Z


class ReconstructionLoss(nn.Module):
    """The loss of each rebuilt sample, by the outputs of `Autoencoder.decode`.

    Parameters
    ----------
    loss : {"squared", "absolute", "binary", "ssim"}
        The last two are of images: the cross-entropy of pixels between black and white,
        and the structural similarity with absolute errors [1]_.
    of_images : bool
        Whether samples are images.
    reduction : {"none"}
        Each sample has a loss.

    References
    ----------
    .. [1] Zhao, H., Gallo, O., Frosio, I., & Kautz, J. (2017). Loss Functions for Image
       Restoration with Neural Networks. IEEE Transactions on Computational Imaging 3.
    """

    def __init__(self, loss: str, of_images: bool, reduction: str = "none") -> None:
        super().__init__()
        self.loss, self.of_images, self.reduction = loss, of_images, reduction

    def forward(self, outputs: Tensor, clean: Tensor) -> Tensor:
        """Return a tensor of shape (n_samples,)."""
        rebuilt = torch.tanh(outputs) if self.of_images else outputs
        match self.loss:
            case "squared":
                losses = (rebuilt - clean) ** 2
            case "absolute":
                losses = (rebuilt - clean).abs()
            case "binary":  # the logistic function of 2 x is that of tanh in [0, 1]
                losses = nn.functional.binary_cross_entropy_with_logits(
                    2 * outputs, (clean + 1) / 2, reduction="none"
                )
            case _:
                one, other = (rebuilt + 1) / 2, (clean + 1) / 2
                apart = (one - other).abs().flatten(1).mean(dim=1)
                unlike = (1 - structural_similarity(one, other)) / 2
                return SIMILARITY * unlike + (1 - SIMILARITY) * apart
        return losses.flatten(1).mean(dim=1)


def structural_similarity(one: Tensor, other: Tensor) -> Tensor:
    """Return the structural similarity of images in [0, 1], with gradients.

    Where there are none, `sknevo.metrics.structural_similarity` has the same values.
    """
    side = min(WINDOW, *one.shape[2:])
    side -= 1 - side % 2

    def mean(Z: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(Z, side, stride=1)

    n = side**2
    sample = n / (n - 1) if n > 1 else 1.0
    middle, centre = mean(one), mean(other)
    variances = sample * (mean(one**2) - middle**2 + mean(other**2) - centre**2)
    covariance = sample * (mean(one * other) - middle * centre)
    first, second = CONSTANTS
    similarity = (2 * middle * centre + first) * (2 * covariance + second)
    similarity = similarity / ((middle**2 + centre**2 + first) * (variances + second))
    return similarity.flatten(1).mean(dim=1)


class AutoencoderNet(Net):
    """A skorch net of an `Autoencoder`: samples are what it learns to give.

    Parameters
    ----------
    component_penalty : float, default=0.0
        What a number in a code costs in `score`, as a share of the variance of the
        samples.
    """

    answer = "rebuilt"

    def __init__(
        self,
        module: Any,
        *args: Any,
        component_penalty: float = 0.0,
        **parameters: Any,
    ) -> None:
        super().__init__(module, *args, **parameters)
        self.component_penalty = component_penalty

    # What is learned.

    def known_of(self, X: Any) -> dict[str, Tensor]:
        self.scaler_ = Scaler(X, self._sample_shape, self._channels)
        self.variance_ = _variance(X, self.scaler_, self._input_type)
        return {
            name: as_tensor(np.atleast_1d(value), dtype=self._input_type)
            for name, value in (
                ("mean", self.scaler_.origin),
                ("scale", self.scaler_.scale),
            )
        }

    def pixel_range(self, X: Any) -> PixelRange | None:
        return self.scaler_.pixels

    def learn_targets(self, y: Any) -> int:
        return self.n_components

    @property
    def n_components(self) -> int:
        """Numbers in a code."""
        return self.get_params_for("module")["genes"]["n_components"]

    def encode(self, y: Any) -> Tensor:
        # Samples are their own targets: the module gives them as they were augmented.
        return torch.empty(len(self._weights), 0, device=self.device)

    def losses(self, outputs: Any, targets: Any) -> Tensor:
        rebuilt, clean, divergence = outputs
        return self.criterion_(rebuilt, clean) + divergence

    def chance_loss(self, batches: ShuffledBatches) -> float:
        """Return the loss of the mean sample, of some of the samples."""
        X, _, weights = batches.tensors
        rows = torch.arange(min(SOME, len(weights)), device=weights.device)
        with torch.inference_mode():
            clean = self.module_.scaled(X[rows].to(self.device))
            guess = clean.mean(dim=0, keepdim=True)
            if self.module_.of_images:
                guess = torch.atanh(guess.clamp(-INSIDE, INSIDE))
            losses = self.criterion_(guess.expand_as(clean), clean)
        return float((losses * weights[rows]).sum() / weights[rows].sum())

    # Codes, and samples of codes.

    def transform(self, X: Any) -> np.ndarray:
        """Return the code of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        return self._in_batches(self.get_dataset(X), lambda module: module.encode)

    def inverse_transform(self, codes: Any) -> np.ndarray:
        """Return the sample of each code.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            In the type, the layout and the range of the samples of fit.
        """
        made = self._in_batches(
            np.asarray(codes), lambda module: lambda Z: module.bounded(module.decode(Z))
        )
        return self.scaler_.inverse(torch.from_numpy(made))

    def predict(self, X: Any) -> np.ndarray:
        """Return each sample as it is rebuilt of its code.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, ...)
        """
        return self.inverse_transform(self.transform(X))

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how well each sample is rebuilt.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            The negative mean squared error: of images with the range of the pixels of
            fit as 1, of rows in units of the variance of each column.
        """
        return -self._in_batches(self.get_dataset(X), lambda module: module.errors)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of `score_samples`, less what the components cost.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : None
            Unused.

        Returns
        -------
        float
        """
        cost = self.component_penalty * self.n_components * self.variance_
        return float(self.score_samples(X).mean()) - cost

    @own_settings()
    @memory_errors()
    def _in_batches(
        self, dataset: Any, ask: Callable[[Autoencoder], Callable[[Tensor], Tensor]]
    ) -> np.ndarray:
        """Return what a method of the module gives, batch by batch."""
        self.check_is_fitted(["module_"])
        found, answer = [], ask(self.module_)
        with torch.inference_mode(), autocast(self.device, self.precision):
            for batch in self.get_iterator(dataset):
                check_deadline()
                values = answer(batch.to(self.device)).cpu()
                found.append(values if values.dtype == torch.double else values.float())
        return torch.cat(found).numpy()

    # Files.

    def answered(self, outputs: Tensor) -> Tensor:
        scaler, Z = self.scaler_, self.module_.bounded(outputs).double()
        if scaler.arrange.channels_last:
            Z = Z.permute(0, 2, 3, 1)
        Z = Z.reshape(-1, *scaler.row_shape)
        known = (scaler.scale, scaler.origin, scaler.low, scaler.high)
        scale, origin, low, high = (torch.as_tensor(np.asarray(one)) for one in known)
        return torch.minimum(torch.maximum(Z * scale + origin, low), high)

    def target_state(self) -> dict[str, Any]:
        return {"scaler": self.scaler_.state(), "variance": self.variance_}

    def restore_targets(self, state: dict[str, Any]) -> int:
        self.scaler_ = Scaler.restored(
            state["scaler"], self._sample_shape, self._channels
        )
        self.variance_ = float(state["variance"])
        return self.n_components


def _variance(X: Any, scaler: Scaler, dtype: type) -> float:
    """Return the mean squared error of the mean sample, of some of the samples."""
    some = as_tensor(X[:: max(1, len(X) // SOME)], dtype=dtype)
    Z = scaler.arrange(some).double()
    Z = (Z - torch.as_tensor(scaler.origin)) / torch.as_tensor(scaler.scale)
    variance = float((Z - Z.mean(dim=0)).square().mean())
    return variance * (0.25 if scaler.of_images else 1.0)


@dataclass(frozen=True)
class AutoencoderBuilder(NetworkBuilder):
    """Makes unfitted nets of the genes of `sknevo.genomes.autoencoder`."""

    module: ClassVar[type] = Autoencoder
    module_genes: ClassVar[tuple[str, ...]] = (
        "n_components",
        "encoder",
        "decoder",
        "code",
        "denoising",
        "augmentation",
    )

    component_penalty: float = 0.0

    def task(self, training: dict[str, Any]) -> tuple[type[Net], dict[str, Any]]:
        return AutoencoderNet, {
            "criterion": ReconstructionLoss,
            "criterion__loss": training["loss"],
            "criterion__of_images": len(shape_of(self.spec)) == 3,
            "component_penalty": self.component_penalty,
        }

    def plan(
        self, expressed: dict[str, Any], n_outputs: int | None = None
    ) -> NetworkPlan:
        """Return the layers of both networks, those of the encoder first."""
        plans = autoencoder_plans(expressed, shape_of(self.spec))
        layers = (layer for plan in plans.values() for layer in plan.layers)
        return NetworkPlan(tuple(layers))
