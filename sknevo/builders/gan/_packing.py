"""Company for a sample that is judged alone by who has learned to judge packs."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["PACKS", "Packs"]

# A sample is judged in so many packs, filled up with generated ones.
PACKS = 8


class Packs(nn.Module):
    """Fills packs up, always with the same samples.

    Parameters
    ----------
    companions : Tensor of shape (8 * (packing - 1), ...)
        Standardised samples.
    conditions : Tensor of shape (8 * (packing - 1), n_conditions) or None
        What they were made for.
    """

    def __init__(self, companions: Tensor, conditions: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("companions", companions)
        self.register_buffer("conditions", conditions)

    def forward(
        self,
        judge: Callable[[Tensor, Tensor | None], Tensor],
        X: Tensor,
        condition: Tensor | None,
    ) -> Tensor:
        """Return the mean logit over packs of a sample and some companions.

        Parameters
        ----------
        judge : callable
            A discriminator.
        X : Tensor of shape (n, ...)
            Standardised samples.
        condition : Tensor of shape (n, n_conditions) or None
            What they were made for.

        Returns
        -------
        Tensor of shape (n,)
        """
        if not len(self.companions):
            return judge(X, condition)
        logits, size = [], len(self.companions) // PACKS
        for begin in range(0, len(self.companions), size):
            rows, known = slice(begin, begin + size), condition
            if condition is not None:
                known = _beside(condition, self.conditions[rows])
            logits.append(judge(_beside(X, self.companions[rows]), known))
        return torch.stack(logits).mean(dim=0)


def _beside(X: Tensor, others: Tensor) -> Tensor:
    """Return each of X followed by the same others."""
    company = others.to(X.dtype).unsqueeze(0).expand(len(X), *others.shape)
    return torch.cat([X.unsqueeze(1), company], dim=1).flatten(0, 1)
