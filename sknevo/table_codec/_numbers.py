"""Numbers of a column as modes and values between -1 and 1, and back, in two ways."""

import math
import warnings
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture

from sknevo.data_checks import random_rows

# The mixture of a column, as CTGAN has it: at most so many modes, the prior of their
# weights, and the least weight of one that is kept.
N_MODES, PRIOR, LEAST_WEIGHT = 10, 1e-3, 5e-3
# Rows that modes are learned from, and the fewest of them per mode. Chosen, not
# measured.
MIXTURE_ROWS, ROWS_PER_MODE = 5000, 20
# So many numbers of a column are kept with their shares; of more, those that are as
# frequent as one in so many, and every k-th of the others. Chosen, not measured.
MOST_KEPT = 1000


class Spread(Protocol):
    """How the numbers of a column are spread."""

    @property
    def n_modes(self) -> int:
        """The number of modes."""

    def encode(
        self, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the mode of each number, and its value within the mode."""

    def decode(self, modes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the numbers."""


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians: a number is a place within its most probable mode.

    Parameters
    ----------
    means, scales : ndarray of shape (n_modes,)
        The number of a mode at a value of 0, and how far it reaches at 1.
    log_weights, deviations : ndarray of shape (n_modes,)
        Which mode a number is of: the most probable one.
    """

    means: np.ndarray
    scales: np.ndarray
    log_weights: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> Self:
        """Learn numbers."""
        low, high = numbers.min(), numbers.max()
        unit = high - low or 1.0
        scaled = (numbers - low) / unit
        some = scaled[random_rows(len(scaled), MIXTURE_ROWS), np.newaxis]
        n_modes = max(1, min(N_MODES, len(some) // ROWS_PER_MODE, len(np.unique(some))))
        if len(some) == 1:
            return cls(numbers[:1], np.ones(1), np.zeros(1), np.ones(1))
        mixture = BayesianGaussianMixture(
            n_components=n_modes, weight_concentration_prior=PRIOR, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
            mixture.fit(some)
        kept = mixture.weights_ >= min(LEAST_WEIGHT, mixture.weights_.max())
        means, deviations = (
            mixture.means_[kept, 0],
            np.sqrt(mixture.covariances_[kept, 0, 0]),
        )
        log_weights = np.log(mixture.weights_[kept])
        # A mode that no number is of would never be learned.
        of = _most_probable(scaled, means, deviations, log_weights)
        used, of = np.unique(of, return_inverse=True)
        means, deviations = means[used], deviations[used]
        furthest = np.zeros(len(used))
        np.maximum.at(furthest, of, np.abs(scaled - means[of]))
        scales = np.where(furthest > 0, furthest, deviations)
        return cls(
            low + unit * means,
            unit * scales,
            log_weights[used] - np.log(unit),
            unit * deviations,
        )

    @property
    def n_modes(self) -> int:
        return len(self.means)

    def encode(
        self, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        modes = _most_probable(numbers, self.means, self.deviations, self.log_weights)
        return modes, (numbers - self.means[modes]) / self.scales[modes]

    def decode(self, modes: np.ndarray, values: np.ndarray) -> np.ndarray:
        return self.means[modes] + values * self.scales[modes]


def _most_probable(
    numbers: np.ndarray,
    means: np.ndarray,
    deviations: np.ndarray,
    log_weights: np.ndarray,
) -> np.ndarray:
    """Return the mode that each number is most probably of."""
    apart = (numbers[:, np.newaxis] - means) / deviations
    return (log_weights - np.log(deviations) - apart**2 / 2).argmax(axis=1)


@dataclass(frozen=True)
class Quantiles:
    """One mode: the normal scores of numbers, by the shares of numbers below them.

    So a column is normal whatever its distribution, with the least and the greatest
    number at -1 and 1. A number that is frequent has a range of scores, within which
    `encode` draws one [1]_.

    Parameters
    ----------
    numbers : ndarray of shape (n,)
        Distinct, in order.
    lows, highs : ndarray of shape (n,)
        Shares at which each begins and ends: they are the same for one that is single.

    References
    ----------
    .. [1] Uria, B., Murray, I., & Larochelle, H. (2013). RNADE: The real-valued neural
       autoregressive density-estimator. NeurIPS.
    """

    numbers: np.ndarray
    lows: np.ndarray
    highs: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> Self:
        """Learn numbers."""
        distinct, counts = np.unique(numbers, return_counts=True)
        ends = np.cumsum(counts)
        lows, highs = (ends - counts + 0.5) / len(numbers), (ends - 0.5) / len(numbers)
        step = math.ceil(len(distinct) / MOST_KEPT)
        kept = np.arange(len(distinct)) % step == 0
        kept |= highs - lows >= 1 / MOST_KEPT
        kept[-1] = True
        return cls(distinct[kept], lows[kept], highs[kept])

    @property
    def n_modes(self) -> int:
        return 1

    @property
    def bound(self) -> float:
        """The normal score of the greatest number."""
        return max(1.0, float(norm.ppf(self.highs[-1])))

    def encode(
        self, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        inside = np.clip(numbers, self.numbers[0], self.numbers[-1])
        left = np.searchsorted(self.numbers, inside, side="right") - 1
        right = np.minimum(left + 1, len(self.numbers) - 1)
        gap = np.maximum(self.numbers[right] - self.numbers[left], np.finfo(float).tiny)
        beyond = (inside - self.numbers[left]) / gap
        place = np.full(len(numbers), 0.5) if rng is None else rng.random(len(numbers))
        # Of a number that is known a place in its range, of another one between two.
        known = self.lows[left] + place * (self.highs[left] - self.lows[left])
        between = self.highs[left] + beyond * (self.lows[right] - self.highs[left])
        shares = np.where(beyond > 0, between, known)
        return np.zeros(len(numbers), int), norm.ppf(shares) / self.bound

    def decode(self, modes: np.ndarray, values: np.ndarray) -> np.ndarray:
        shares = norm.cdf(values * self.bound)
        knots = np.column_stack([self.lows, self.highs]).ravel()
        return np.interp(shares, knots, np.repeat(self.numbers, 2))


# The ways in which numbers may be encoded, by the gene that chooses one.
SPREADS: dict[str, type[Mixture] | type[Quantiles]] = {
    "quantiles": Quantiles,
    "modes": Mixture,
}
