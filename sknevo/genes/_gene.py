"""The contract of a gene."""

import copy
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from sknevo.records import express, flatten

__all__ = ["Gene", "Generator"]

Generator = np.random.Generator


class Gene(ABC):
    """One decision with a range, or several composed."""

    @abstractmethod
    def sample(self, rng: Generator) -> Any:
        """Draw a value."""

    @abstractmethod
    def vary(self, value: Any, rng: Generator, probability: float) -> Any:
        """Change each expressed gene with the given probability."""

    @abstractmethod
    def cross(self, first: Any, second: Any, rng: Generator) -> Any:
        """Breed a value of two parents'."""

    @abstractmethod
    def repair(self, value: Any) -> Any:
        """Return the nearest value that is allowed."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Whether the value is one of this gene's."""

    @abstractmethod
    def complete(self, partial: Any, rng: Generator, path: str = "genome") -> Any:
        """Draw what an expressed, possibly partial value leaves open."""

    def mutate(
        self, value: Any, rng: Generator, probability: float | None = None
    ) -> Any:
        """Vary a value until something expressed changes.

        Parameters
        ----------
        value : JSON value
            A value of this gene; left as it is.
        rng : numpy.random.Generator
            Source of randomness.
        probability : float or None, default=None
            Chance of each expressed gene to change; None stands for one gene in the
            mean. It rises from try to try, so that a change is found if there is one.

        Returns
        -------
        JSON value
            The mutant, or an equal value if this gene has no other.
        """
        before = express(value)
        if probability is None:
            probability = 1 / max(1, len(flatten(value)))
        for _ in range(32):
            mutant = self.repair(self.vary(value, rng, probability))
            if express(mutant) != before:
                return mutant
            probability = min(1.0, 1.2 * probability + 0.01)
        return copy.deepcopy(value)
