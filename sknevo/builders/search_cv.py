"""Expressed genes -> the user's own estimator with these parameters."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from sknevo.genes import Choice, Gene, Genome, Options, Repeat

__all__ = ["SearchBuilder", "parameters_of"]

# What a fit takes is in proportion to these parameters, see `cost`.
COUNTS = ("n_estimators", "max_epochs")
USUAL_COUNT = 100


@dataclass(frozen=True)
class SearchBuilder:
    """Makes unfitted clones of an estimator with the parameters that genes say.

    Parameters
    ----------
    estimator : estimator
        Cloned, never changed.
    genome : Genome
        What may vary.
    n_samples : int, default=1
        On how many rows it is fitted.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from sknevo.genes import Genome, Real
    >>> builder = SearchBuilder(SVC(kernel="linear"), Genome(C=Real(0.1, 10)))
    >>> builder({"C": 2.0}, random_state=0)
    SVC(C=2.0, kernel='linear', random_state=...)
    """

    estimator: BaseEstimator
    genome: Genome
    n_samples: int = 1

    def __call__(self, expressed: dict[str, Any], random_state: int) -> BaseEstimator:
        """Return the estimator that the genes describe.

        Parameters
        ----------
        expressed : dict
            Expressed genes.
        random_state : int
            Seed of all `random_state` parameters, at whatever depth, that are None.

        Returns
        -------
        estimator
            Unfitted.
        """
        estimator = clone(self.estimator).set_params(
            **clone(self.parameters(expressed), safe=False)
        )
        rng = np.random.RandomState(random_state)
        seeds = {
            name: int(rng.randint(np.iinfo(np.int32).max))
            for name, value in sorted(estimator.get_params().items())
            if name.rpartition("__")[2] == "random_state" and value is None
        }
        return estimator.set_params(**seeds)

    def parameters(self, expressed: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters that the genes say.

        Parameters
        ----------
        expressed : dict
            Expressed genes.

        Returns
        -------
        dict of str to object
            As `set_params` takes them.
        """
        known = self.estimator.get_params()
        return parameters_of(self.genome, expressed, known)

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly what a fit takes, in an unknown unit.

        Parameters
        ----------
        expressed : dict
            Expressed genes.

        Returns
        -------
        float
            In proportion to the rows, and to `n_estimators` and `max_epochs`.
        """
        counts = [
            value / USUAL_COUNT
            for name, value in self.parameters(expressed).items()
            if name.rpartition("__")[2] in COUNTS
            and isinstance(value, int)
            and value > 0
        ]
        return 1e-6 * self.n_samples * math.prod(counts)


def parameters_of(
    genome: Genome, expressed: dict[str, Any], known: dict[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Return the parameters that genes stand for.

    - The name of a gene is that of a parameter, and a list of genes is a tuple.
    - A record that has the name of a parameter (such as a step of a pipeline) holds
      parameters of that one; any other just holds parameters together.
    - A choice that has the name of a parameter sets it to the name of the branch, and
      any other just holds branches together. The genes of a branch are parameters
      beside it; a branch that is not a record is the value itself.

    Parameters
    ----------
    genome : Genome
        What may vary.
    expressed : dict
        Expressed genes of it.
    known : dict of str to object
        The parameters that there are.
    prefix : str, default=""
        Of the names of the genes.

    Returns
    -------
    dict of str to object

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from sknevo.genes import Categorical, Real
    >>> kernel = Choice(rbf=Genome(gamma=Real(0.1, 1)), linear=Genome())
    >>> parameters_of(Genome(kernel=kernel), {"kernel": {"rbf": {"gamma": 0.5}}},
    ...               SVC().get_params())
    {'kernel': 'rbf', 'gamma': 0.5}
    """
    parameters: dict[str, Any] = {}
    for name, gene in genome.genes.items():
        value, path = expressed[name], prefix + name
        match gene:
            case Genome():
                inner = f"{path}__" if path in known else prefix
                parameters |= parameters_of(gene, value, known, inner)
            case Choice():
                ((chosen, genes),) = value.items()
                branch = gene.branches[chosen]
                if not isinstance(branch, Genome):
                    parameters[path] = _value(branch, genes)
                    continue
                if path in known:
                    parameters[path] = chosen
                parameters |= parameters_of(branch, genes, known, prefix)
            case _:
                parameters[path] = _value(gene, value)
    return parameters


def _value(gene: Gene, value: Any) -> Any:
    """Return what a parameter is set to."""
    match gene:
        case Options():
            return gene.value(value)
        case Repeat():
            return tuple(_value(gene.gene, item) for item in value)
    return value
