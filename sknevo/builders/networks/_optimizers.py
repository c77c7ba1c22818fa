"""Optimizers of networks: those of torch, and two that torch does not have."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

# Steps of Newton and Schulz, and the coefficients of their polynomial (Jordan 2024).
ITERATIONS, COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)
# Rate of Adam beside Muon, as a share of Muon's: on 7,000 images of Fashion-MNIST and
# 300 photos of ten classes (held-out training images) 0.1 was as good as 0.2, and 0.03
# worse by up to 6 points.
ADAPTIVE_SHARE = 0.1
BETAS, EPSILON = (0.9, 0.999), 1e-8


class FastBiasSGD(torch.optim.SGD):
    """SGD that learns biases, and what else is a vector, at a rate of their own [1]_.

    Parameters
    ----------
    params : iterable
        As for all optimizers of torch.
    lr : float
        Rate of matrices and kernels.
    bias_rate : float, default=1.0
        Rate of vectors, in multiples of `lr`. Their weight decay is less by as much.
    weight_decay : float, default=0.0
        Of matrices and kernels.
    **options
        Of `torch.optim.SGD`.

    References
    ----------
    .. [1] Jordan, K. (2024). 94% on CIFAR-10 in 3.29 Seconds on a Single GPU.
       arXiv:2404.00498.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        bias_rate: float = 1.0,
        weight_decay: float = 0.0,
        **options: Any,
    ) -> None:
        vectors, others = _parted(params)
        fast = {"lr": lr * bias_rate, "weight_decay": weight_decay / bias_rate}
        groups = [{"params": others}, {"params": vectors, **fast}]
        super().__init__(groups, lr, weight_decay=weight_decay, **options)


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are made orthogonal [1]_; Adam for vectors and the head.

    The singular values of a step for a matrix, or for the kernels of a convolution as
    rows, all become about 1.

    Parameters
    ----------
    params : iterable
        As for all optimizers of torch. The last matrix is that of the head.
    lr : float
        Rate of matrices and kernels; that of Adam is a tenth.
    momentum : float
        Of matrices and kernels.
    weight_decay : float, default=0.0
        Of matrices and kernels, decoupled from the gradient.

    References
    ----------
    .. [1] Jordan, K. et al. (2024). Muon: An Optimizer for Hidden Layers in Neural
       Networks. https://kellerjordan.github.io/posts/muon/
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float,
        weight_decay: float = 0.0,
    ) -> None:
        vectors, (*hidden, head) = _parted(params)
        rest = {"lr": ADAPTIVE_SHARE * lr, "weight_decay": 0.0, "orthogonal": False}
        super().__init__(
            [{"params": hidden}, {"params": [*vectors, head], **rest}],
            {
                "lr": lr,
                "momentum": momentum,
                "weight_decay": weight_decay,
                "orthogonal": True,
            },
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            known = [p for p in group["params"] if p.grad is not None]
            if known:
                update = self._orthogonal if group["orthogonal"] else self._adaptive
                steps = update(known, group["momentum"])
                if group["weight_decay"]:
                    torch._foreach_mul_(known, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(known, steps, alpha=-group["lr"])

    def _orthogonal(self, known: list[Tensor], momentum: float) -> list[Tensor]:
        """Return the directions of Nesterov's momentum, made orthogonal."""
        gradients = [parameter.grad for parameter in known]
        means = [self._kept(parameter, "mean", parameter) for parameter in known]
        torch._foreach_mul_(means, momentum)
        torch._foreach_add_(means, gradients)
        ahead = torch._foreach_add(gradients, means, alpha=momentum)
        return [orthogonal(each.flatten(1)).view_as(each) for each in ahead]

    def _adaptive(self, known: list[Tensor], _: float) -> list[Tensor]:
        """Return the directions of Adam (Kingma & Ba 2015), computed as one vector."""
        gradient = torch.cat([parameter.grad.flatten() for parameter in known])
        mean, square = (
            self._kept(known[0], name, gradient) for name in ("mean", "square")
        )
        first = self.state[known[0]]
        n_steps = first["step"] = first.get("step", 0) + 1
        mean.lerp_(gradient, 1 - BETAS[0])
        square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        share, share_of_square = (1 - beta**n_steps for beta in BETAS)
        scale = (square / share_of_square).sqrt_().add_(EPSILON).mul_(share)
        parts = (mean / scale).split([parameter.numel() for parameter in known])
        return [
            part.view_as(parameter)
            for part, parameter in zip(parts, known, strict=True)
        ]

    def _kept(self, parameter: Tensor, name: str, like: Tensor) -> Tensor:
        """Return what is kept of a parameter, at first zeros."""
        state = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(like)
        return state[name]


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix with orthogonal rows, or columns if fewer.

    Examples
    --------
    >>> import torch
    >>> found = orthogonal(torch.tensor([[3.0, 0.0, 0.0], [1.0, 2.0, 0.0]]))
    >>> bool((torch.linalg.svdvals(found) - 1).abs().max() < 0.4)
    True
    """
    wide = matrix.T if len(matrix) > matrix.shape[1] else matrix
    wide = wide / (wide.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = wide @ wide.T
        mixed = torch.addmm(square, square, square, beta=b, alpha=c)
        wide = torch.addmm(wide, mixed, wide, beta=a)
    return wide.T if len(matrix) > matrix.shape[1] else wide


def _parted(params: Iterable[Any]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the vectors among parameters, and all others."""
    groups = [p["params"] if isinstance(p, Mapping) else [p] for p in params]
    parameters = [parameter for group in groups for parameter in group]
    vectors = [parameter for parameter in parameters if parameter.ndim < 2]
    return vectors, [parameter for parameter in parameters if parameter.ndim >= 2]


# With the options that let them update all weights at once: networks are small.
OPTIMIZERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (FastBiasSGD, {"fused": True}),
    "muon": (Muon, {}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "rmsprop": (torch.optim.RMSprop, {"foreach": True}),
}


def optimizer_of(
    choice: Mapping[str, Any],
) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Return the class and the options of an optimizer's expressed genes."""
    ((name, genes),) = choice.items()
    kind, options = OPTIMIZERS[name]
    options = {**genes, **options}
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2", 0.999))
    return kind, options
