"""Evolution strategies that train the weights of one policy: ask, then tell."""

import math
import pickle
from typing import Any, Protocol

import numpy as np
from cmaes import CMA, SepCMA
from scipy.stats import rankdata

# Weights up to which CMA-ES learns a whole covariance matrix; of more, it learns the
# variances. A generation of 16 takes 3 ms with 100 weights, 12 ms with 200 and 80 ms
# with 400, of which the package's products of matrices are the most.
MOST_CORRELATED = 200
# As in the paper of ClipUp, which found them good for all of its tasks. The rate of the
# deviations, and their greatest change in a generation, are those of its appendix.
MOMENTUM, SIGMA_RATE, SIGMA_CHANGE = 0.9, 0.1, 0.2
# The step of ClipUp is this share of its greatest speed (the paper's rule).
STEP_SHARE = 0.5


class Optimizer(Protocol):
    """Trains weights: the weights to try are asked for, and their returns are told."""

    def ask(self, rng: np.random.Generator) -> np.ndarray:
        """Return weights to try, of shape (n, n_weights)."""

    def tell(self, weights: np.ndarray, returns: np.ndarray) -> None:
        """Learn from the returns, of shape (n,), of what was asked."""

    @property
    def centre(self) -> np.ndarray:
        """The weights that the training has come to."""

    # Whether it cannot go on.
    is_over: bool


class CmaEs:
    """Covariance matrix adaptation [1]_, by the package cmaes.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        Where to begin. With more than 200 weights only variances are learned [2]_.
    population : int
        Number of weights that are tried in a generation.
    sigma : float
        Their standard deviation at first.
    adapts_rate : bool, default=False
        Whether learning rates follow the noise of the returns [3]_; not with more than
        200 weights.

    References
    ----------
    .. [1] Hansen, N. (2016). The CMA Evolution Strategy: A Tutorial. arXiv:1604.00772.
    .. [2] Ros, R., & Hansen, N. (2008). A Simple Modification in CMA-ES Achieving
       Linear Time and Space Complexity. PPSN.
    .. [3] Nomura, M., Akimoto, Y., & Ono, I. (2023). CMA-ES with Learning Rate
       Adaptation: Can CMA-ES with Default Population Size Solve Multimodal and Noisy
       Problems? GECCO. arXiv:2304.03473.
    """

    def __init__(
        self,
        weights: np.ndarray,
        population: int,
        sigma: float,
        adapts_rate: bool = False,
    ) -> None:
        # It changes the weights that it is given.
        known: dict[str, Any] = {
            "mean": weights.copy(),
            "sigma": sigma,
            "population_size": population,
        }
        if len(weights) > MOST_CORRELATED:
            self._cma: CMA | SepCMA = SepCMA(**known)
        else:
            self._cma = CMA(**known, lr_adapt=adapts_rate)
        self.is_over = False

    def ask(self, rng: np.random.Generator) -> np.ndarray:
        # Pickled, it loses its generator.
        self._cma.reseed_rng(int(rng.integers(2**32)))
        return np.array([self._cma.ask() for _ in range(self._cma.population_size)])

    def tell(self, weights: np.ndarray, returns: np.ndarray) -> None:
        self._cma.tell([*zip(weights, -returns, strict=True)])
        self.is_over = bool(self._cma.should_stop())
        # Pickle keeps half of the covariance matrix, of which the other half differs by
        # rounding errors: so training is the same if it is pickled in between.
        self._cma = pickle.loads(pickle.dumps(self._cma))

    @property
    def centre(self) -> np.ndarray:
        return self._cma.mean.copy()


class _Mirrored:
    """Tries weights on both sides of a centre."""

    centre: np.ndarray
    is_over = False
    n_pairs: int
    # Standard deviations of the weights, one of all or one of each.
    deviation: Any

    def ask(self, rng: np.random.Generator) -> np.ndarray:
        drawn = rng.standard_normal((self.n_pairs, len(self.centre)))
        steps = self.deviation * drawn
        return np.concatenate([self.centre + steps, self.centre - steps])

    def _told(
        self, weights: np.ndarray, returns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the steps that were tried, and the returns of both sides."""
        n = self.n_pairs
        return weights[:n] - self.centre, returns[:n], returns[n:]


class Ars(_Mirrored):
    """Augmented random search [1]_.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        Where to begin.
    population : int
        Number of weights that are tried in a generation, half of them on each side.
    sigma : float
        Their distance from the centre, as a standard deviation.
    rate : float
        Size of a step.
    top : float, default=1.0
        Share of the directions that count: those in which a side did best.
    shaping : {"ranks", "standard"}, default="ranks"
        Whether centred ranks count [2]_, or the returns themselves.

    References
    ----------
    .. [1] Mania, H., Guy, A., & Recht, B. (2018). Simple Random Search Provides a
       Competitive Approach to Reinforcement Learning. NeurIPS. arXiv:1803.07055.
    .. [2] Salimans, T., Ho, J., Chen, X., Sidor, S., & Sutskever, I. (2017). Evolution
       Strategies as a Scalable Alternative to Reinforcement Learning. arXiv:1703.03864.
    """

    def __init__(
        self,
        weights: np.ndarray,
        population: int,
        sigma: float,
        rate: float,
        top: float = 1.0,
        shaping: str = "ranks",
    ) -> None:
        self.centre, self.n_pairs = weights, population // 2
        self.deviation, self.rate, self.shaping = sigma, rate, shaping
        self.n_top = max(1, round(top * self.n_pairs))

    def tell(self, weights: np.ndarray, returns: np.ndarray) -> None:
        steps, ups, downs = self._told(weights, shaped(returns, self.shaping))
        best = np.argsort(-np.maximum(ups, downs), kind="stable")[: self.n_top]
        spread = np.std([ups[best], downs[best]])
        if spread > 0:
            slopes = (ups[best] - downs[best]) @ (steps[best] / self.deviation)
            self.centre = self.centre + self.rate / (self.n_top * spread) * slopes


class Pgpe(_Mirrored):
    """Policy gradients with parameter-based exploration [1]_, and ClipUp [2]_.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        Where to begin.
    population : int
        Number of weights that are tried in a generation, half of them on each side.
    sigma : float
        Their standard deviation at first, which is adapted for each weight.
    rate : float
        Greatest length of a step, as a share of the radius: that of the deviations at
        first.
    shaping : {"ranks", "standard"}, default="ranks"
        Whether centred ranks count, or the returns themselves.

    References
    ----------
    .. [1] Sehnke, F. et al. (2010). Parameter-exploring Policy Gradients. Neural
       Networks.
    .. [2] Toklu, N. E., Liskowski, P., & Srivastava, R. K. (2020). ClipUp: A Simple and
       Powerful Optimizer for Distribution-based Policy Evolution. PPSN.
       arXiv:2008.02387.
    """

    def __init__(
        self,
        weights: np.ndarray,
        population: int,
        sigma: float,
        rate: float,
        shaping: str = "ranks",
    ) -> None:
        self.centre, self.n_pairs = weights, population // 2
        self.deviation = np.full(len(weights), sigma)
        self.max_speed = rate * sigma * math.sqrt(len(weights))
        self.shaping, self.velocity = shaping, np.zeros(len(weights))

    def tell(self, weights: np.ndarray, returns: np.ndarray) -> None:
        steps, ups, downs = self._told(weights, shaped(returns, self.shaping))
        slopes = (ups - downs) @ steps / (2 * self.n_pairs)
        # Shaped returns have a mean of 0, which is the baseline.
        excess = (steps**2 - self.deviation**2) / self.deviation
        widening = ((ups + downs) / 2) @ excess / self.n_pairs
        self._climb(slopes)
        change = SIGMA_CHANGE * self.deviation
        step = np.clip(SIGMA_RATE * widening, -change, change)
        self.deviation = self.deviation + step

    def _climb(self, slopes: np.ndarray) -> None:
        """Go uphill with ClipUp: steps of one length, and a limited speed."""
        length = np.linalg.norm(slopes)
        if length > 0:
            step = STEP_SHARE * self.max_speed * slopes / length
            self.velocity = MOMENTUM * self.velocity + step
        speed = np.linalg.norm(self.velocity)
        if speed > self.max_speed:
            self.velocity = self.velocity * (self.max_speed / speed)
        self.centre = self.centre + self.velocity


# By the names of genes.
OPTIMIZERS: dict[str, type[CmaEs] | type[Ars] | type[Pgpe]] = {
    "cma_es": CmaEs,
    "ars": Ars,
    "pgpe": Pgpe,
}


def shaped(returns: np.ndarray, shaping: str) -> np.ndarray:
    """Return what counts of returns: themselves, or their ranks, with a mean of 0.

    Examples
    --------
    >>> shaped(np.array([10.0, -100.0, 20.0]), "ranks")
    array([ 0. , -0.5,  0.5])
    """
    if shaping == "ranks":
        return (rankdata(returns) - 1) / (len(returns) - 1) - 0.5
    return (returns - returns.mean()) / (returns.std() + 1e-12)
