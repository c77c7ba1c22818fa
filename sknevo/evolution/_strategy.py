"""The contract of a strategy: who is bred, and who survives."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.evolution._selection import best
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

__all__ = ["Strategy"]


class Strategy(BaseEstimator, ABC):
    """Breeds individuals and says who survives; holds parameters and no state.

    A strategy is a scikit-learn-style object, so that a grid search reaches its
    parameters as ``strategy__mutation_probability``. It is never fitted. What its
    parameters may be it says in `_parameter_constraints`, as scikit-learn's do: they
    are checked before a search begins.

    Attributes
    ----------
    steady : bool
        Whether it goes on without generations: `survive` then hears of one individual
        at a time, and another is bred at once.
    """

    steady: bool = False
    _parameter_constraints: dict = {}

    def check(self, genome: Genome) -> None:
        """Raise a ValueError if the strategy cannot breed with a genome.

        Parameters
        ----------
        genome : Genome
            What may vary.
        """

    @abstractmethod
    def breed(
        self,
        genome: Genome,
        population: Sequence[Evaluation],
        rng: np.random.Generator,
    ) -> Chromosome:
        """Return one child.

        Parameters
        ----------
        genome : Genome
            What may vary.
        population : sequence of Evaluation
            The last that `survive` returned; never empty.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        Chromosome
            Its `generation` is filled in by the caller.
        """

    def survive(
        self, parents: Sequence[Evaluation], offspring: Sequence[Evaluation], size: int
    ) -> list[Evaluation]:
        """Return those of whom the next generation is bred.

        By default the fittest of parents and offspring together.

        Parameters
        ----------
        parents : sequence of Evaluation
            The survivors of the generation before.
        offspring : sequence of Evaluation
            The generation that was just evaluated, the failed included.
        size : int
            The size of the population.

        Returns
        -------
        list of Evaluation
            At most `size` individuals, the fittest first; of a steady strategy, in an
            order of its own.
        """
        return best([*parents, *offspring], size)

    def _validate_params(self) -> None:
        """Check the parameters, those of strategies within this one too."""
        super()._validate_params()
        for value in self.get_params(deep=False).values():
            if isinstance(value, Strategy):
                value._validate_params()
