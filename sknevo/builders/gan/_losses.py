"""What the two networks of a GAN minimise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

__all__ = ["LOSSES", "Loss", "penalty"]


@dataclass(frozen=True)
class Loss:
    """A contest, told by the logits of real and of generated samples.

    Parameters
    ----------
    discriminator, generator : callable
        Take both kinds of logits and return what each minimises.
    relative : bool, default=False
        Whether the generator asks for the logits of real samples.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor | None, Tensor], Tensor]
    relative: bool = False


# Goodfellow et al. 2014, Mao et al. 2017, Gulrajani et al. 2017, Lim & Ye 2017,
# Jolicoeur-Martineau 2019 (in pairs).
LOSSES = {
    "non_saturating": Loss(
        lambda real, made: softplus(-real).mean() + softplus(made).mean(),
        lambda real, made: softplus(-made).mean(),
    ),
    "least_squares": Loss(
        lambda real, made: ((real - 1).square().mean() + made.square().mean()) / 2,
        lambda real, made: (made - 1).square().mean() / 2,
    ),
    "wasserstein": Loss(
        lambda real, made: made.mean() - real.mean(),
        lambda real, made: -made.mean(),
    ),
    "hinge": Loss(
        lambda real, made: relu(1 - real).mean() + relu(1 + made).mean(),
        lambda real, made: -made.mean(),
    ),
    "relativistic": Loss(
        lambda real, made: softplus(made - real).mean(),
        lambda real, made: softplus(real - made).mean(),
        relative=True,
    ),
}


def penalty(
    name: str,
    genes: dict[str, Any],
    critic: Callable[[Tensor, Tensor | None], Tensor],
    real: Tensor,
    made: Tensor,
    condition: Tensor | None,
    generator: torch.Generator,
) -> Tensor | float:
    """Return what a discriminator pays for its slope.

    Wasserstein: that its slope between real and generated samples is not 1
    (Gulrajani et al. 2017). Others: for any slope at real samples, R1 of Mescheder et
    al. (2018).

    Parameters
    ----------
    name : str
        Of the loss.
    genes : dict
        Its genes: `slope`, the weight.
    critic : callable
        The discriminator.
    real, made : Tensor of shape (n, ...)
        Samples.
    condition : Tensor of shape (n, n_conditions) or None
        What they are made for.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    Tensor or float
    """
    if not genes["slope"]:
        return 0.0
    places = real
    if name == "wasserstein":
        share = torch.rand(len(real), generator=generator, device=real.device)
        places = torch.lerp(real, made, share.view(-1, *[1] * (real.ndim - 1)))
    places = places.detach().requires_grad_()
    logits = critic(places, condition)
    (slopes,) = torch.autograd.grad(logits.sum(), places, create_graph=True)
    squares = slopes.reshape(len(logits), -1).square().sum(dim=1)
    if name == "wasserstein":
        return genes["slope"] * ((squares + 1e-12).sqrt() - 1).square().mean()
    return genes["slope"] / 2 * squares.mean()
