"""Which samples of a generator its own discriminator lets pass."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

__all__ = ["Rejection"]

# Keeps the odds of the very best sample finite.
EPSILON = 1e-6


class Rejection:
    """Turns samples away by the discriminator's logits [1]_.

    Logits tell how much denser the data are at a sample than what is generated, once a
    logistic regression of real against generated ones has put them on that scale: most
    losses have another. Whoever accepts in proportion to that samples from the data, as
    far as the discriminator knows them: what lies between modes goes.

    Parameters
    ----------
    real, made : ndarray of shape (n,)
        Logits of real and of generated samples.
    strictness : float
        In (0, 1). The quantile of generated samples from which on a sample is rather
        accepted than not.

    References
    ----------
    .. [1] Azadi, S., Olsson, C., Darrell, T., Goodfellow, I., & Odena, A. (2019).
       Discriminator Rejection Sampling. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> real, made = rng.normal(1, 1, 1000), rng.normal(0, 1, 1000)
    >>> rejection, draw = Rejection(real, made, 0.9), torch.Generator().manual_seed(0)
    >>> accepted = rejection(torch.from_numpy(made), draw)
    >>> bool(made[accepted].mean() > 0.5)
    True
    """

    def __init__(self, real: np.ndarray, made: np.ndarray, strictness: float) -> None:
        logits = np.concatenate([real, made])[:, np.newaxis]
        kinds = np.repeat([1, 0], [len(real), len(made)])
        unit = StandardScaler().fit(logits)
        fitted = LogisticRegression().fit(unit.transform(logits), kinds)
        # Whoever ranks the wrong way has no say: all have the same chance.
        self.slope = max(0.0, (fitted.coef_ / unit.scale_).item())
        self.highest = float(made.max())
        odds = self._odds(torch.from_numpy(made))
        self.usual = float(odds.quantile(strictness))

    def _odds(self, logits: Tensor) -> Tensor:
        below = (self.slope * (logits - self.highest)).clamp_max(0)
        return below - torch.log1p(-torch.exp(below - EPSILON))

    def __call__(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """Say who passes.

        Parameters
        ----------
        logits : Tensor of shape (n,)
            Of generated samples.
        generator : torch.Generator
            Source of randomness.

        Returns
        -------
        Tensor of bool of shape (n,)
        """
        chance = torch.sigmoid(self._odds(logits) - self.usual)
        luck = torch.rand(len(logits), generator=generator, device=logits.device)
        return luck < chance
