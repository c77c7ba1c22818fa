"""The contract of a strategy: it breeds individuals and selects the survivors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

from numpy.random import Generator
from sklearn.base import BaseEstimator

from sknevo.evolution._operators import fittest
from sknevo.genes import Genome
from sknevo.records import Chromosome, Evaluation

# The strategies that an estimator knows by name; a strategy enters by its `name`.
STRATEGIES: dict[str, type["Strategy"]] = {}


class Strategy(BaseEstimator, ABC):
    """Breed individuals and select survivors.

    A strategy is a scikit-learn-style object: a grid search reaches its parameters as
    ``strategy__mutation_probability``. It holds parameters and no state, and is never
    fitted. `_parameter_constraints` says which values its parameters may have, in
    scikit-learn's form; they are checked before a search begins.

    Attributes
    ----------
    steady : bool
        Whether the strategy works without generations: `survive` then gets one
        evaluation at a time, and the next child is bred at once.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import Chromosome, Genome, Real, Strategy
    >>> class HillClimbing(Strategy):
    ...     def breed(self, genome, population, rng):
    ...         parent = population[0].chromosome
    ...         genes = genome.mutate(parent.genes, rng)
    ...         return Chromosome(genes, origin="mutation", parents=(parent.key,))
    >>> HillClimbing()
    HillClimbing()
    """

    steady: bool = False
    _parameter_constraints: dict = {}

    def __init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is not None:
            STRATEGIES[name] = cls

    def check(self, genome: Genome) -> None:
        """Raise an error if the strategy cannot breed with a genome.

        Parameters
        ----------
        genome : Genome
            The search space.

        Raises
        ------
        ValueError
            If the strategy cannot breed with it.
        """

    def learn(self, archive: Sequence[Evaluation]) -> Self:
        """Return the strategy that breeds the next children.

        By default it is this one. A strategy that learns from more than the survivors
        returns a copy that has learned.

        Parameters
        ----------
        archive : sequence of Evaluation
            All individuals evaluated so far, each once, in the order asked.

        Returns
        -------
        Strategy
        """
        return self

    @abstractmethod
    def breed(
        self, genome: Genome, population: Sequence[Evaluation], rng: Generator
    ) -> Chromosome:
        """Return one child.

        Parameters
        ----------
        genome : Genome
            The search space.
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
        """Return the survivors, from which the next children are bred.

        By default they are the fittest of parents and offspring.

        Parameters
        ----------
        parents : sequence of Evaluation
            The survivors of the generation before.
        offspring : sequence of Evaluation
            The generation that was just evaluated, failed individuals included.
        size : int
            The size of the population.

        Returns
        -------
        list of Evaluation
            At most `size` individuals, the fittest first; a steady strategy may have
            another order.
        """
        return fittest([*parents, *offspring], size)

    def _validate_params(self) -> None:
        """Check the parameters, also those of strategies among them."""
        super()._validate_params()
        for value in self.get_params(deep=False).values():
            if isinstance(value, Strategy):
                value._validate_params()
