"""Torch modules of a GAN: noise, generator, discriminator, encoder."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from sknevo.builders.gan._conditions import select
from sknevo.builders.gan._data import chunks
from sknevo.builders.gan._heads import TableHead
from sknevo.builders.networks._modules import layer_module
from sknevo.builders.networks._variational import drawn_codes
from sknevo.network_plan import NetworkPlan

# A sample is judged in so many packs, each with other companions; chosen, not
# measured.
N_PACKS = 8


class Noise(nn.Module):
    """Draws noise: normal, uniform, truncated normal, or a mixture of normals.

    Parameters
    ----------
    genes : dict
        Expressed: `dimension` and `distribution` with its own parameters.
    rng : torch.Generator
        Draws the centres of a mixture.
    n_uniform : int, default=0
        Further numbers between 0 and 1, with which a `TableHead` draws options and
        values.
    """

    def __init__(
        self, genes: dict[str, Any], rng: torch.Generator, n_uniform: int = 0
    ) -> None:
        super().__init__()
        self.dimension, self.n_uniform = genes["dimension"], n_uniform
        ((self.kind, self.genes),) = genes["distribution"].items()
        n_centres = self.genes.get("components", 0)
        centres = torch.randn(n_centres, self.dimension, generator=rng)
        self.register_buffer("centres", centres)

    def forward(self, n: int, rng: torch.Generator) -> Tensor:
        """Return noise of shape (n, dimension + n_uniform)."""
        shape, device = (n, self.dimension), self.centres.device
        options = {"generator": rng, "device": device}
        match self.kind:
            case "uniform":  # of variance 1
                Z = math.sqrt(3) * (2 * torch.rand(shape, **options) - 1)
            case "truncated_normal":
                inside = math.erf(self.genes["bound"] / math.sqrt(2))
                Z = 2 * torch.rand(shape, **options) - 1
                Z = math.sqrt(2) * torch.erfinv(inside * Z)
            case "mixture":
                component = torch.randint(len(self.centres), (n,), **options)
                Z = torch.randn(shape, **options)
                Z = self.centres[component] + self.genes["spread"] * Z
            case _:
                Z = torch.randn(shape, **options)
        Z = self.genes["scale"] * Z
        if not self.n_uniform:
            return Z
        return torch.cat([Z, torch.rand(n, self.n_uniform, **options)], dim=1)


class Generator(nn.Module):
    """Turns noise into scaled samples.

    Parameters
    ----------
    plan : NetworkPlan
        See `sknevo.network_plan.gan_plans`.
    noise_genes : dict
        Expressed genes of the noise.
    rng : torch.Generator
        Draws the weights.
    head : TableHead or None, default=None
        Of a table.
    """

    def __init__(
        self,
        plan: NetworkPlan,
        noise_genes: dict[str, Any],
        rng: torch.Generator,
        head: TableHead | None = None,
    ) -> None:
        super().__init__()
        self.shape = plan.layers[-1].outputs
        self.noise = Noise(noise_genes, rng, 0 if head is None else head.width)
        self.head = head
        self.layers = nn.Sequential(*(layer_module(each, rng) for each in plan.layers))

    def forward(self, Z: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return samples of noise and conditions of shape (n, n_conditions)."""
        dimension = self.noise.dimension
        Z, uniform = Z[:, :dimension], Z[:, dimension:]
        outputs = self.outputs(Z, conditions)
        return outputs if self.head is None else self.head(outputs, uniform, conditions)

    def outputs(self, Z: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return what the head turns into samples."""
        known = Z if conditions is None else torch.cat([Z, conditions], dim=1)
        return self.layers(known)


class Discriminator(nn.Module):
    """Tells packs of real samples from packs of generated ones.

    Conditions take part by projection [1]_. Packs are those of [2]_: with a `packing`
    of 1 each sample is judged alone.

    Parameters
    ----------
    plan : NetworkPlan
        See `sknevo.network_plan.gan_plans`.
    packing : int
        Samples in a pack.
    rng : torch.Generator
        Draws the weights.

    References
    ----------
    .. [1] Miyato, T., & Koyama, M. (2018). cGANs with Projection Discriminator. ICLR.
    .. [2] Lin, Z., Khetan, A., Fanti, G., & Oh, S. (2018). PacGAN: The power of two
       samples in generative adversarial networks. NeurIPS.
    """

    def __init__(self, plan: NetworkPlan, packing: int, rng: torch.Generator) -> None:
        super().__init__()
        self.packing = packing
        projection = plan.layers[-1]
        is_conditional = projection.kind == "projection"
        layers = plan.layers[:-1] if is_conditional else plan.layers
        *hidden, head = (layer_module(each, rng) for each in layers)
        self.layers, self.head = nn.Sequential(*hidden), head
        self.project: nn.Module | None = None
        if is_conditional:
            (n_inputs,), (width,) = projection.inputs, projection.outputs
            self.project = nn.utils.skip_init(nn.Linear, n_inputs, width, bias=False)
            std = 1 / math.sqrt(width)
            nn.init.normal_(self.project.weight, std=std, generator=rng)
        self.register_buffer("companions", None)
        self.register_buffer("companion_conditions", None)

    @property
    def dtype(self) -> torch.dtype:
        """The type it computes in."""
        return self.head.weight.dtype

    def forward(self, X: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return the logits of real against generated, one per pack.

        Parameters
        ----------
        X : Tensor of shape (n_packs * packing, ...)
            Scaled samples.
        conditions : Tensor of shape (n_packs * packing, n_conditions) or None
            What they were made for.
        """
        packs = X.reshape(-1, self.packing * X.shape[1], *X.shape[2:])
        Z = self.layers(packs)
        logits = self.head(Z).squeeze(1)
        if self.project is not None:
            projected = self.project(conditions.reshape(len(packs), -1))
            logits = logits + (projected * Z).sum(dim=1)
        return logits

    def keep_companions(self, X: Tensor, conditions: Tensor | None) -> None:
        """Keep generated samples that fill up the packs of a sample that is judged."""
        self.companions, self.companion_conditions = X, conditions

    @torch.inference_mode()
    def judge(self, X: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return the logit of each sample: the mean over packs of it and companions.

        The companions are always the same, so that a sample's logit does not depend on
        which others are judged beside it.
        """
        logits = [
            self._judge(X[part].to(self.dtype), select(conditions, part))
            for part in chunks(len(X), X.shape[1:])
        ]
        return torch.cat(logits)

    def _judge(self, X: Tensor, conditions: Tensor | None) -> Tensor:
        if conditions is not None:
            conditions = conditions.to(self.dtype)
        if self.packing == 1:
            return self(X, conditions)
        logits, size = [], self.packing - 1
        for begin in range(0, N_PACKS * size, size):
            rows, known = slice(begin, begin + size), conditions
            if conditions is not None:
                known = _packed(conditions, self.companion_conditions[rows])
            logits.append(self(_packed(X, self.companions[rows]), known))
        return torch.stack(logits).mean(dim=0)


class Encoder(nn.Module):
    """Tells from which noise a generator would make a row, for variational training.

    The generator learns to make the row again from such noise, while the noise that is
    told stays near to that which the generator gets later [1]_.

    Parameters
    ----------
    plan : NetworkPlan
        See `sknevo.network_plan.gan_encoder_plan`.
    reconstruction : float
        Weight of what rows are made again, against how far the noise is from normal.
    rng : torch.Generator
        Draws the weights.

    References
    ----------
    .. [1] Kingma, D. P., & Welling, M. (2014). Auto-Encoding Variational Bayes. ICLR;
       for tables Xu, L. et al. (2019). Modeling Tabular Data using Conditional GAN.
       NeurIPS (TVAE).
    """

    def __init__(
        self, plan: NetworkPlan, reconstruction: float, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.reconstruction = reconstruction
        self.layers = nn.Sequential(*(layer_module(each, rng) for each in plan.layers))

    def loss(
        self,
        generator: Generator,
        rows: Tensor,
        conditions: Tensor | None,
        rng: torch.Generator,
    ) -> Tensor:
        """Return the negative evidence lower bound of encoded rows, per row."""
        shape = (len(rows), generator.noise.dimension)
        noise = torch.randn(shape, generator=rng, device=rows.device)
        Z, divergence = drawn_codes(self.layers(rows), noise)
        likely = generator.head.log_likelihood(generator.outputs(Z, conditions), rows)
        return (divergence - self.reconstruction * likely).mean()


def _packed(X: Tensor, companions: Tensor) -> Tensor:
    """Return each of X followed by the same companions."""
    beside = companions.to(X.dtype).unsqueeze(0).expand(len(X), *companions.shape)
    return torch.cat([X.unsqueeze(1), beside], dim=1).flatten(0, 1)
