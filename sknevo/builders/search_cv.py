"""Expressed genes -> the user's own estimator with these parameters."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from sknevo.genes import Genome, parameter_genes

# The time of a fit is in proportion to these parameters, see `SearchBuilder.cost`; at
# the usual count a row costs a microsecond. Chosen, not measured.
COUNTS = ("n_estimators", "max_epochs")
USUAL_COUNT = 100


@dataclass(frozen=True)
class SearchBuilder:
    """Makes unfitted clones of an estimator with the parameters that genes describe.

    Parameters
    ----------
    estimator : estimator
        Cloned, never changed.
    genome : Genome
        The search space.
    n_samples : int, default=1
        Number of rows that it is fitted on.

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
        """Return the unfitted estimator that the expressed genes describe.

        `random_state` seeds all its parameters of this name that are None.
        """
        estimator = clone(self.estimator).set_params(
            **clone(self.parameters(expressed), safe=False)
        )
        # Sorted by name, so that each parameter has the same seed in every process.
        rng = np.random.RandomState(random_state)
        seeds = {
            name: int(rng.randint(np.iinfo(np.int32).max))
            for name, value in sorted(estimator.get_params().items())
            if name.rpartition("__")[2] == "random_state" and value is None
        }
        return estimator.set_params(**seeds)

    def parameters(self, expressed: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters that the genes stand for, as `set_params` takes them.

        `sknevo.genes.parameter_genes` says which these are.
        """
        known = self.estimator.get_params()
        genes = parameter_genes(self.genome, known, expressed)
        return {name: gene.decode(value) for name, gene, value in genes}

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly what a fit takes, in an unknown unit."""
        counts = [
            value / USUAL_COUNT
            for name, value in self.parameters(expressed).items()
            if name.rpartition("__")[2] in COUNTS
            and isinstance(value, int)
            and value > 0
        ]
        return 1e-6 * self.n_samples * math.prod(counts)
