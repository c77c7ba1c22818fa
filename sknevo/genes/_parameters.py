"""Genes of what scikit-learn's searches take, and the parameters they stand for."""

import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator
from sklearn.base import BaseEstimator

from sknevo.genes._gene import Categorical, Choice, Gene, Genome, Integer, Real

# Quantiles are held off the ends, where they may be infinite. Chosen, not measured.
TAIL = 1e-9


class _Distributed:
    """A number with a distribution for a scale: its positions are its quantiles."""

    def __init__(self, distribution: Any) -> None:
        self.distribution = distribution
        self.low, self.high = (bound.item() for bound in distribution.support())

    def at(self, position: float) -> float:
        quantile = min(max(position, TAIL), 1 - TAIL)
        return self.repair(self.distribution.ppf(quantile).item())

    def sample(self, rng: Generator) -> float:
        return self.at(rng.random())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_named(self.distribution)})"


class Continuous(_Distributed, Real):
    """A real number that is drawn from a distribution.

    Mutation takes steps on the scale of the distribution's quantiles: they are small
    where the distribution is dense.

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

    def contains(self, value: Any) -> bool:
        return super().contains(value) and math.isfinite(value)


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
        # In the middle of its own weight, so that neither neighbour is nearer.
        distribution = self.distribution
        return (distribution.cdf(value) - distribution.pmf(value) / 2).item()

    def _neighbours(self, value: int) -> list[int]:
        # There may be gaps beside a value: the quantiles just below and above its own
        # weight are its neighbours.
        top, weight = self.distribution.cdf(value), self.distribution.pmf(value)
        below_and_above = [self.at(top - weight - TAIL), self.at(top + TAIL)]
        return [v for v in below_and_above if v != value]

    def contains(self, value: Any) -> bool:
        return super().contains(value) and self.distribution.pmf(value).item() > 0


class Options(Categorical):
    """One of several values of any kind, such as estimators.

    The chromosome is plain JSON and holds a value's label: a JSON scalar is its own
    label, the label of any other value is its representation.

    Parameters
    ----------
    values : iterable
        The values; one that occurs twice is drawn twice as often.

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
        # As in scikit-learn's random search, a value given twice has twice the weight.
        times: Counter[Any] = Counter()
        labels: dict[Any, Any] = {}
        for value in values:
            identity = _identity(value)
            if identity not in labels:
                labels[identity] = self._new_label(value)
                self.values[labels[identity]] = value
            times[labels[identity]] += 1
        super().__init__(list(self.values), list(times.values()))

    def _new_label(self, value: Any) -> Any:
        """Return a label that no other value has."""
        scalar = value.item() if isinstance(value, np.generic) else value
        is_json = scalar is None or isinstance(scalar, bool | int | float | str)
        if isinstance(scalar, float) and not math.isfinite(scalar):
            is_json = False
        if is_json and scalar not in self.values:  # 1, 1.0 and True are equal here
            return scalar
        # An address would make another label, and another key, in every process.
        name = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
        label, n = name, 1
        while label in self.values:
            n += 1
            label = f"{name} #{n}"
        return label

    def decode(self, value: Any) -> Any:
        return self.values[value]

    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Any:
        # A value may be given itself, not only by its label.
        labels = {_identity(value): label for label, value in self.values.items()}
        label = labels.get(_identity(partial), partial)
        return super().complete(label, rng, path)

    def __repr__(self) -> str:
        return f"Options({self.options})"


class EstimatorGenome(Genome):
    """The parameters of an estimator that may vary, and the estimator.

    Parameters
    ----------
    estimator : estimator
        The estimator that has these parameters; never changed.
    genome : Genome
        Its genes have the names of parameters, see `parameter_genes`.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> EstimatorGenome(SVC(), Genome(C=Real(0.1, 10, log=True)))
    EstimatorGenome(SVC(), Genome(C=Real(0.1, 10, log=True)))
    """

    def __init__(self, estimator: BaseEstimator, genome: Genome) -> None:
        super().__init__(**genome.genes)
        self.repairs = genome.repairs
        self.estimator = estimator

    def __repr__(self) -> str:
        # Whole, since it tells one search from another: scikit-learn cuts it short.
        estimator = repr(self.estimator)
        if isinstance(self.estimator, BaseEstimator):
            estimator = BaseEstimator.__repr__(self.estimator, N_CHAR_MAX=10**6)
        return f"EstimatorGenome({estimator}, Genome({self._named_parts}))"


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
        If it is none of these, or there is no value to choose.

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


def _identity(value: Any) -> tuple[Any, Any]:
    """Return what two values share only if they are the same: 1 and 1.0 differ."""
    if isinstance(value, np.generic):
        value = value.item()
    scalar = isinstance(value, bool | int | float | str)
    return type(value), value if scalar else id(value)


def _named(distribution: Any) -> str:
    """Return a name with parameters that is the same in every process."""
    # Its representation may hold an address: quartiles tell it from others.
    if not hasattr(distribution, "dist"):
        quartiles = np.asarray(distribution.ppf([0.25, 0.5, 0.75])).tolist()
        return f"{type(distribution).__name__} with quartiles {quartiles}"
    parameters = [*map(repr, distribution.args)]
    parameters += [f"{name}={value!r}" for name, value in distribution.kwds.items()]
    return f"{distribution.dist.name}({', '.join(parameters)})"


def parameter_genes(
    genome: Genome,
    known: Container[str],
    expressed: Mapping[str, Any] | None = None,
    prefix: str = "",
) -> Iterator[tuple[str, Gene, Any]]:
    """Yield name, gene and value of each parameter that genes stand for.

    - The name of a gene is that of a parameter.
    - A record that has the name of a parameter (such as a step of a pipeline) holds
      parameters of that one. Any other record only groups parameters.
    - A choice that has the name of a parameter sets it to the name of the branch. Any
      other choice only groups branches. The genes of a branch are parameters beside it;
      a branch that is not a record is the value itself.

    Parameters
    ----------
    genome : Genome
        The search space.
    known : container of str
        Names of the parameters that the estimator has.
    expressed : mapping of str to JSON value or None, default=None
        Expressed genes. None yields all parameters that the genome may stand for, with
        values of None.
    prefix : str, default=""
        Prefix of the names of the genes.

    Yields
    ------
    tuple of (str, Gene, JSON value)
        `Gene.decode` makes the value of the parameter of it.

    Examples
    --------
    >>> from sknevo.genes import Choice, Genome, Real
    >>> kernel = Choice(rbf=Genome(gamma=Real(0.1, 1)), linear=Genome())
    >>> genes = {"kernel": {"rbf": {"gamma": 1}}}
    >>> for name, gene, value in parameter_genes(
    ...     Genome(kernel=kernel), {"kernel", "gamma"}, genes
    ... ):
    ...     print(name, value)
    kernel rbf
    gamma 1
    """
    for name, gene in genome.genes.items():
        value, path = None if expressed is None else expressed[name], prefix + name
        match gene:
            case Genome():
                inner = f"{path}__" if path in known else prefix
                yield from parameter_genes(gene, known, value, inner)
            case Choice():
                branches = dict.fromkeys(gene.branches) if value is None else value
                for chosen, genes in branches.items():
                    branch = gene.branches[chosen]
                    if not isinstance(branch, Genome):
                        yield path, branch, genes
                        continue
                    if path in known:
                        yield path, gene, chosen
                    yield from parameter_genes(branch, known, genes, prefix)
            case _:
                yield path, gene, value
