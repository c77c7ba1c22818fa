"""Sampling from a generator, with or without rejection by its discriminator."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from sknevo.builders.gan._conditions import select
from sknevo.builders.gan._data import chunks
from sknevo.builders.gan._modules import Generator
from sknevo.deadline import check_deadline

# A rejected sample is replaced this often; then it is accepted. On the ring of eight
# Gaussians the strictest gene needs 7 draws per sample (doc/figures.md).
MAX_DRAWS = 32
# Keeps the odds of the best sample finite.
EPSILON = 1e-6


class RejectionSampler:
    """Accepts generated samples by the discriminator's logits [1]_.

    A logistic regression of real against generated samples turns logits into the ratio
    of both densities, whatever the loss. Accepting in proportion to it gives samples of
    the data's density, as far as the discriminator knows it.

    Parameters
    ----------
    real, generated : ndarray of shape (n,)
        Logits.
    strictness : float
        In (0, 1): the quantile of generated samples whose chance to be accepted is one
        half.

    References
    ----------
    .. [1] Azadi, S., Olsson, C., Darrell, T., Goodfellow, I., & Odena, A. (2019).
       Discriminator Rejection Sampling. ICLR.
    """

    def __init__(
        self, real: np.ndarray, generated: np.ndarray, strictness: float
    ) -> None:
        logits = np.concatenate([real, generated])[:, np.newaxis]
        is_real = np.repeat([1, 0], [len(real), len(generated)])
        unit = StandardScaler().fit(logits)
        fitted = LogisticRegression().fit(unit.transform(logits), is_real)
        # A discriminator that ranks the wrong way is ignored: all chances are equal.
        self.coefficient = max(0.0, (fitted.coef_ / unit.scale_).item())
        self.highest = float(generated.max())
        odds = self._log_odds(torch.from_numpy(generated))
        self.threshold = float(odds.quantile(strictness))

    def _log_odds(self, logits: Tensor) -> Tensor:
        below = (self.coefficient * (logits - self.highest)).clamp_max(0)
        return below - torch.log1p(-torch.exp(below - EPSILON))

    def __call__(self, logits: Tensor, rng: torch.Generator) -> Tensor:
        """Return which of n generated samples are accepted."""
        chance = torch.sigmoid(self._log_odds(logits) - self.threshold)
        uniform = torch.rand(len(logits), generator=rng, device=logits.device)
        return uniform < chance


@torch.inference_mode()
def generate(
    generator: Generator,
    n_samples: int,
    conditions: Tensor | None,
    rng: torch.Generator,
    judge: Callable[[Tensor, Tensor | None], Tensor] | None = None,
    rejection: RejectionSampler | None = None,
) -> Tensor:
    """Return scaled samples; those that `rejection` refuses are drawn again.

    It refuses by the logits that `judge` returns of samples and their conditions.
    """
    made = [torch.empty(0, *generator.shape, device=rng.device)]
    for part in chunks(n_samples, generator.shape):
        known = select(conditions, part)
        X = generator(generator.noise(part.stop - part.start, rng), known)
        if rejection is not None and judge is not None:
            _replace_rejected(X, known, rng, generator, judge, rejection)
        made.append(X)
    return torch.cat(made)


def _replace_rejected(
    X: Tensor,
    conditions: Tensor | None,
    rng: torch.Generator,
    generator: Generator,
    judge: Callable[[Tensor, Tensor | None], Tensor],
    rejection: RejectionSampler,
) -> None:
    """Draw rejected samples again, in place."""
    rejected = torch.arange(len(X), device=X.device)
    for _ in range(MAX_DRAWS):
        check_deadline()
        known = select(conditions, rejected)
        accepted = rejection(judge(X[rejected], known), rng)
        rejected = rejected[~accepted]
        if not len(rejected):
            return
        Z = generator.noise(len(rejected), rng)
        X[rejected] = generator(Z, select(conditions, rejected))
