"""How well a generator can rebuild given images."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["invert"]


def invert(
    generator: Callable[["Tensor"], "Tensor"],
    images: Any,
    noise: Any,
    *,
    n_steps: int = 200,
    learning_rate: float = 0.05,
) -> np.ndarray:
    """Rebuild images by a generator, as well as it can.

    The noise that gives the nearest image is taken out of `noise` and then improved
    by gradient descent [1]_. With held-out images, `peak_signal_noise_ratio(images,
    rebuilt)` and `structural_similarity(images, rebuilt)` say how much of the data the
    generator can make at all; whether it does, it does not say.

    Parameters
    ----------
    generator : torch module or function
        Takes a tensor of noise, of shape (n, ...), and returns one of n images of the
        shape and the range of `images`, flattened or not. A module should be in
        evaluation mode; neither its weights nor its gradients are changed.
    images : array-like of shape (n_images, ...)
        Images to rebuild.
    noise : array-like or tensor of shape (n_candidates, ...)
        Noise as the generator was trained with, to begin with; some hundred are well.
    n_steps : int, default=200
        Steps of Adam.
    learning_rate : float, default=0.05
        Of Adam, in units of the noise.

    Returns
    -------
    ndarray of the shape of images
        The rebuilt images.

    References
    ----------
    .. [1] Zhu, J.-Y. et al. (2016). Generative Visual Manipulation on the Natural Image
       Manifold. ECCV.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo.metrics import invert
    >>> noise = np.random.default_rng(0).normal(size=(10, 2))
    >>> rebuilt = invert(lambda z: 3 * z, np.array([[1.0, 2.0]]), noise)
    >>> rebuilt.round(2).tolist()
    [[1.0, 2.0]]
    """
    import torch

    images = np.asarray(images)
    noise = torch.as_tensor(noise)
    noise = noise if noise.is_floating_point() else noise.float()
    wanted = torch.as_tensor(images.reshape(len(images), -1), dtype=noise.dtype)
    wanted = wanted.to(noise.device)
    with torch.no_grad():
        candidates = generator(noise).reshape(len(noise), -1)
        if candidates.shape[1:] != wanted.shape[1:]:
            raise ValueError(
                f"generator must give images of {wanted.shape[1]} values, as images "
                f"are; got {candidates.shape[1]}."
            )
        nearest = torch.cdist(wanted, candidates).argmin(dim=1)
    start = noise[nearest].detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([start], lr=learning_rate)
    best, least = candidates[nearest], torch.full((len(wanted),), torch.inf)
    least = least.to(wanted)
    for step in range(n_steps + 1):
        rebuilt = generator(start).reshape(len(wanted), -1)
        errors = (rebuilt - wanted).square().mean(dim=1)
        better = errors.detach() < least
        best = torch.where(better[:, None], rebuilt.detach(), best)
        least = torch.where(better, errors.detach(), least)
        if step < n_steps:
            # The gradient of the noise alone: those of the weights stay as they are.
            (start.grad,) = torch.autograd.grad(errors.sum(), start)
            optimizer.step()
    return best.cpu().numpy().reshape(images.shape)
