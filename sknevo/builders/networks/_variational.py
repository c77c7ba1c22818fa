"""Codes of variational encoders: each is drawn from a normal distribution [1]_.

.. [1] Kingma, D. P., & Welling, M. (2014). Auto-Encoding Variational Bayes. ICLR.
"""

from torch import Tensor

# Logarithms of variances beyond it would overflow, or be too small to be told from 0.
MOST_LOGARITHM = 10.0


def drawn_codes(outputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return codes, and the divergence of their distributions from the standard one.

    Parameters
    ----------
    outputs : Tensor of shape (n, 2 * n_components)
        Of an encoder: means, then logarithms of variances.
    noise : Tensor of shape (n, n_components)
        Standard normal.

    Returns
    -------
    codes : Tensor of shape (n, n_components)
    divergence : Tensor of shape (n,)
        Of Kullback and Leibler.
    """
    mean, logarithm = outputs.chunk(2, dim=1)
    logarithm = logarithm.clamp(-MOST_LOGARITHM, MOST_LOGARITHM)
    divergence = (mean**2 + logarithm.exp() - logarithm - 1).sum(dim=1) / 2
    return mean + noise * (logarithm / 2).exp(), divergence
