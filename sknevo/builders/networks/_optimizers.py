"""Optimizers of networks, light ones: each takes its weights as one vector."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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


class LightOptimizer(torch.optim.Optimizer):
    """What the optimizers share: a step of each group of weights, as one vector.

    The state of a group is kept under its first weight.

    Parameters
    ----------
    params : list
        As for all optimizers of torch. Groups may have a `rate`, the share of `lr` that
        they learn at.
    groups : list of dict
        What an optimizer divides them into, each with `params` and options of its own.
    **options
        Of all groups that have no others.
    """

    def __init__(
        self, params: list[Any], groups: list[dict[str, Any]], **options: Any
    ) -> None:
        # As if unpickled. Optimizers of torch import its compiler, here and in a step,
        # which takes each process more than a second, and no setting of torch 2.14
        # prevents it. That is why there are optimizers of our own at all.
        self.__setstate__(
            {
                "defaults": options,
                "state": defaultdict(dict),
                "param_groups": _by_rate(params, [options | each for each in groups]),
            }
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            if not (weights := group["params"]):
                continue
            state = self.state[weights[0]]
            state["step"] = state.get("step", 0) + 1
            steps = self.steps(weights, state, group)
            if group.get("decay"):
                torch._foreach_mul_(weights, 1 - group["lr"] * group["decay"])
            torch._foreach_add_(weights, steps, alpha=-group["lr"])

    def steps(
        self, weights: list[Tensor], state: dict[str, Any], group: dict[str, Any]
    ) -> list[Tensor]:
        """Return for each weight what is subtracted from it, before the rate."""
        gradient = _vector(_gradients(weights))
        if group["weight_decay"]:
            gradient.add_(_vector(weights), alpha=group["weight_decay"])
        parts = self.direction(gradient, state, group).split(
            [p.numel() for p in weights]
        )
        return [part.view_as(p) for part, p in zip(parts, weights, strict=True)]

    def direction(
        self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> Tensor:
        """Return the step for the weights of a group as one vector, before the rate.

        Parameters
        ----------
        gradient : Tensor of shape (n_weights,)
            Of all weights of the group; it may be changed.
        state : dict
            What earlier steps have left.
        group : dict
            The options of the group.
        """
        raise NotImplementedError

    @staticmethod
    def n_products(matrices: Sequence[tuple[int, int]]) -> int:
        """Return the multiplications of a step that depend on matrices as wholes."""
        return 0


class SGD(LightOptimizer):
    """Momentum; vectors such as biases may be learned at a rate of their own [1]_.

    Parameters
    ----------
    params : iterable
        As for all optimizers of torch.
    lr, momentum, nesterov, weight_decay
        As for `torch.optim.SGD`.
    bias_rate : float, default=1.0
        Rate of vectors, in multiples of `lr`. Their weight decay is less by as much.

    References
    ----------
    .. [1] Jordan, K. (2024). 94% on CIFAR-10 in 3.29 Seconds on a Single GPU.
       arXiv:2404.00498.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        bias_rate: float = 1.0,
    ) -> None:
        params = [*params]
        vectors, others = _vectors_and_matrices(params)
        fast = {"lr": lr * bias_rate, "weight_decay": weight_decay / bias_rate}
        super().__init__(
            params,
            [{"params": others}, {"params": vectors, **fast}],
            lr=lr,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
        )

    def direction(
        self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> Tensor:
        mean = _buffer(state, "mean", gradient).mul_(group["momentum"]).add_(gradient)
        if group["nesterov"]:
            return gradient.add_(mean, alpha=group["momentum"])
        return mean


class Adam(LightOptimizer):
    """As `torch.optim.Adam`; with `decay`, as `torch.optim.AdamW`.

    Parameters
    ----------
    params : iterable
        As for all optimizers of torch.
    lr, betas, weight_decay
        As for `torch.optim.Adam`.
    decay : float, default=0.0
        Weight decay that is decoupled from the gradient.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float] = BETAS,
        weight_decay: float = 0.0,
        decay: float = 0.0,
    ) -> None:
        params = [*params]
        groups = [{"params": _all_parameters(params)}]
        options = {"betas": betas, "weight_decay": weight_decay, "decay": decay}
        super().__init__(params, groups, lr=lr, **options)

    def direction(
        self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> Tensor:
        first, second = group["betas"]
        mean = _buffer(state, "mean", gradient).lerp_(gradient, 1 - first)
        square = _buffer(state, "square", gradient).mul_(second)
        square.addcmul_(gradient, gradient, value=1 - second)
        n_steps = state["step"]
        scale = (square / (1 - second**n_steps)).sqrt_().add_(EPSILON)
        return mean / scale.mul_(1 - first**n_steps)


class RMSprop(LightOptimizer):
    """As `torch.optim.RMSprop`.

    Parameters
    ----------
    params : iterable
        As for all optimizers of torch.
    lr, alpha, momentum, weight_decay
        As for `torch.optim.RMSprop`.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        alpha: float = 0.99,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        params = [*params]
        groups = [{"params": _all_parameters(params)}]
        options = {"alpha": alpha, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, groups, lr=lr, **options)

    def direction(
        self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> Tensor:
        square = _buffer(state, "square", gradient).mul_(group["alpha"])
        square.addcmul_(gradient, gradient, value=1 - group["alpha"])
        mean = _buffer(state, "mean", gradient).mul_(group["momentum"])
        return mean.addcdiv_(gradient, square.sqrt().add_(EPSILON))


class Muon(Adam):
    """Momentum with orthogonal steps [1]_; Adam for vectors and the head.

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
    decay : float, default=0.0
        Of matrices and kernels, decoupled from the gradient.

    References
    ----------
    .. [1] Jordan, K. et al. (2024). Muon: An Optimizer for Hidden Layers in Neural
       Networks. https://kellerjordan.github.io/posts/muon/
    """

    def __init__(
        self, params: Iterable[Any], lr: float, momentum: float, decay: float = 0.0
    ) -> None:
        params = [*params]
        vectors, (*hidden, head) = _vectors_and_matrices(params)
        own = {"params": hidden, "momentum": momentum, "decay": decay}
        rest = {"params": [*vectors, head], "lr": ADAPTIVE_SHARE * lr}
        options = {"lr": lr, "betas": BETAS, "weight_decay": 0.0}
        LightOptimizer.__init__(self, params, [own, rest], **options)

    def steps(
        self, weights: list[Tensor], state: dict[str, Any], group: dict[str, Any]
    ) -> list[Tensor]:
        """Return the directions of Nesterov's momentum, made orthogonal."""
        if "momentum" not in group:
            return super().steps(weights, state, group)
        gradients = _gradients(weights)
        means = [_buffer(self.state[p], "mean", p) for p in weights]
        torch._foreach_mul_(means, group["momentum"])
        torch._foreach_add_(means, gradients)
        steps = torch._foreach_add(gradients, means, alpha=group["momentum"])
        return [orthogonal(each.flatten(1)).view_as(each) for each in steps]

    @staticmethod
    def n_products(matrices: Sequence[tuple[int, int]]) -> int:
        # What `orthogonal` multiplies in each iteration: few x few x many twice, and
        # few x few x few.
        *hidden, _ = map(sorted, matrices)
        return ITERATIONS * sum(few**2 * (2 * many + few) for few, many in hidden)


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


def _buffer(state: dict[str, Any], name: str, like: Tensor) -> Tensor:
    """Return a tensor of the state by its name, zeros at first."""
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]


def _gradients(weights: list[Tensor]) -> list[Tensor]:
    """Return the gradients of weights, zeros if a loss does not depend on one."""
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]


def _vector(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def _all_parameters(params: Iterable[Any]) -> list[Tensor]:
    """Return the parameters of all groups."""
    groups = [p["params"] if isinstance(p, Mapping) else [p] for p in params]
    return [parameter for group in groups for parameter in group]


def _by_rate(
    params: Iterable[Any], groups: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return groups, each divided by the shares of its rate that weights learn at."""
    rates = {
        id(one): group["rate"]
        for group in params
        if isinstance(group, Mapping) and "rate" in group
        for one in group["params"]
    }
    found = []
    for group in groups:
        shared: dict[float, list[Tensor]] = {}
        for one in group["params"]:
            shared.setdefault(rates.get(id(one), 1.0), []).append(one)
        found += [
            {**group, "params": weights, "lr": rate * group["lr"]}
            for rate, weights in shared.items()
        ]
    return found


def _vectors_and_matrices(params: Iterable[Any]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the vectors among parameters, and all others."""
    parameters = _all_parameters(params)
    vectors = [parameter for parameter in parameters if parameter.ndim < 2]
    return vectors, [parameter for parameter in parameters if parameter.ndim >= 2]


OPTIMIZERS: dict[str, type[LightOptimizer]] = {
    "sgd": SGD,
    "muon": Muon,
    "adam": Adam,
    "adamw": Adam,
    "rmsprop": RMSprop,
}
# Optimizers with a gene `weight_decay` that is decoupled from the gradient.
DECOUPLED = ("adamw", "muon")


def optimizer_of(
    choice: Mapping[str, Any],
) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Return the class and the options of an optimizer's expressed genes."""
    ((name, genes),) = choice.items()
    options = {**genes}
    if name in DECOUPLED:
        options["decay"] = options.pop("weight_decay")
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2", BETAS[1]))
    return OPTIMIZERS[name], options
