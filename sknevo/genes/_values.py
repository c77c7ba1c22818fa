"""Genes of what scikit-learn's searches take: distributions, lists of any values."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sknevo.genes._gene import Gene, Generator
from sknevo.genes._leaves import Categorical, Integer, Real

__all__ = ["Continuous", "Discrete", "Options", "gene_of"]

# Quantiles are held off the ends, where they may be infinite.
TAIL = 1e-9


class _Distributed:
    """A number whose scale is a distribution: its positions are its quantiles."""

    def __init__(self, distribution: Any) -> None:
        self.distribution = distribution
        self.low, self.high = (bound.item() for bound in distribution.support())

    def _at(self, position: float) -> float:
        quantile = min(max(position, TAIL), 1 - TAIL)
        return self.repair(self.distribution.ppf(quantile).item())

    def sample(self, rng: Generator) -> float:
        return self._at(rng.random())

    def repair(self, value: Any) -> float:
        return min(max(value, self.low), self.high)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_named(self.distribution)})"


class Continuous(_Distributed, Real):
    """A real number that is drawn from a distribution.

    Mutation takes steps on the scale of the distribution's quantiles: where it is
    dense they are small.

    Parameters
    ----------
    distribution : object
        Has `ppf`, `cdf` and `support`, as a frozen one of `scipy.stats`.

    Examples
    --------
    >>> from scipy.stats import norm
    >>> gene = Continuous(norm(0, 1))
    >>> gene.sample(np.random.default_rng(0))
    0.35...
    """

    def position(self, value: float) -> float:
        return self.distribution.cdf(value).item()

    _position = position

    def contains(self, value: Any) -> bool:
        return super().contains(value) and math.isfinite(value)

    def repair(self, value: Any) -> float:
        return float(super().repair(value))


class Discrete(_Distributed, Integer):
    """A whole number that is drawn from a distribution.

    Parameters
    ----------
    distribution : object
        Has `ppf`, `cdf`, `pmf` and `support`, as a frozen one of `scipy.stats`.

    Examples
    --------
    >>> from scipy.stats import randint
    >>> gene = Discrete(randint(1, 4))
    >>> sorted({gene.sample(np.random.default_rng(i)) for i in range(20)})
    [1, 2, 3]
    """

    def position(self, value: int) -> float:
        # Half of its own weight below it: neither of its neighbours is nearer.
        distribution = self.distribution
        return (distribution.cdf(value) - distribution.pmf(value) / 2).item()

    _position = position

    def change(self, value: int, rng: Generator) -> int:
        changed = self.repair(super(Integer, self).change(value, rng))
        if changed != value:
            return changed
        top, weight = self.distribution.cdf(value), self.distribution.pmf(value)
        beside = [self._at(top - weight - TAIL), self._at(top + TAIL)]
        neighbours = [v for v in beside if v != value] or [value]
        return neighbours[rng.integers(len(neighbours))]

    def contains(self, value: Any) -> bool:
        return super().contains(value) and self.distribution.pmf(value).item() > 0

    def repair(self, value: Any) -> int:
        return round(super().repair(value))


class Options(Categorical):
    """One of several values of any kind, such as estimators.

    The chromosome is plain JSON and holds a value's label: what is JSON stands for
    itself, anything else is called by its representation.

    Parameters
    ----------
    values : iterable
        The values; one that is there twice is drawn twice as often.

    Attributes
    ----------
    values : dict
        Label to value.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> Options(["passthrough", SVC()]).options
    ['passthrough', 'SVC()']
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self.values: dict[Any, Any] = {}
        times: Counter[Any] = Counter()
        for value in values:
            label = self._label(value)
            self.values[label] = value
            times[label] += 1
        super().__init__(list(self.values), list(times.values()))

    def _label(self, value: Any) -> Any:
        """Return the label that the value has, or one that no other has."""
        known = [label for label, v in self.values.items() if _same(v, value)]
        if known:
            return known[0]
        scalar = value.item() if isinstance(value, np.generic) else value
        is_json = scalar is None or isinstance(scalar, bool | int | float | str)
        if isinstance(scalar, float) and not math.isfinite(scalar):
            is_json = False
        if is_json and scalar not in self.values:  # 1, 1.0 and True are equal here
            return scalar
        name = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
        label, n = name, 1
        while label in self.values:
            n += 1
            label = f"{name} #{n}"
        return label

    def value(self, label: Any) -> Any:
        """Return the value of a label.

        Parameters
        ----------
        label : JSON scalar
            One of `options`.

        Returns
        -------
        object
        """
        return self.values[label]

    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Any:
        # A value may be named itself, not only its label.
        known = [label for label, v in self.values.items() if _same(v, partial)]
        return super().complete(known[0] if known else partial, rng, path)

    def __repr__(self) -> str:
        return f"Options({self.options})"


def gene_of(values: Any) -> Gene:
    """Make a gene of what scikit-learn's searches take for a parameter.

    Parameters
    ----------
    values : Gene, distribution or sequence
        A frozen distribution of `scipy.stats`, or the values to choose from; a gene is
        returned as it is.

    Returns
    -------
    Gene

    Raises
    ------
    ValueError
        If it is neither, or there is no value to choose.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> gene_of(loguniform(0.1, 10)), gene_of(["rbf", "linear"])
    (Continuous(loguniform(0.1, 10)), Options(['rbf', 'linear']))
    """
    if isinstance(values, Gene):
        return values
    if hasattr(values, "rvs"):
        return _of_distribution(values)
    is_text = isinstance(values, str | bytes)
    if is_text or isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise ValueError(
            "must be a gene, a frozen distribution of scipy.stats or a sequence of "
            f"values; got {values!r}."
        )
    return Options(values)


def _of_distribution(distribution: Any) -> Gene:
    needed = ("ppf", "cdf", "support")
    if lacking := [name for name in needed if not hasattr(distribution, name)]:
        raise ValueError(
            "must be a distribution with quantiles, as the frozen ones of scipy.stats "
            f"of one variable; {distribution!r} has no {lacking[0]}."
        )
    try:
        middle = np.asarray(distribution.ppf(0.5))
    except TypeError as fault:  # one of scipy's without its parameters
        raise ValueError(f"must be a frozen distribution: {fault}.") from fault
    if middle.ndim or not np.isfinite(middle):
        raise ValueError(
            "must be a distribution of one number, with parameters that it allows; got "
            f"{_named(distribution)}."
        )
    kind = Discrete if hasattr(distribution, "pmf") else Continuous
    return kind(distribution)


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are one: by type too, as 1 and 1.0 may not do alike."""
    if one is other:
        return True
    one, other = (v.item() if isinstance(v, np.generic) else v for v in (one, other))
    scalars = isinstance(one, bool | int | float | str)
    return scalars and type(one) is type(other) and one == other


def _named(distribution: Any) -> str:
    """Return a name with parameters: the same in every process."""
    if not hasattr(distribution, "dist"):
        quartiles = np.asarray(distribution.ppf([0.25, 0.5, 0.75])).tolist()
        return f"{type(distribution).__name__} with quartiles {quartiles}"
    parameters = [*map(repr, distribution.args)]
    parameters += [f"{name}={value!r}" for name, value in distribution.kwds.items()]
    return f"{distribution.dist.name}({', '.join(parameters)})"
