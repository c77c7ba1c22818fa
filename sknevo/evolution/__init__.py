"""Strategies that breed and select; they know no machine learning.

- `Strategy` is the contract: `breed` one child, say which individuals `survive`.
- `GeneticAlgorithm` composes the parts: selection, variation, survival. Most other
  strategies are genetic algorithms with other parts.
- `Population` asks for individuals and is told their evaluations.
- `SuccessiveHalving` decides with which resource each individual is evaluated.

A new strategy is one file, and one line of import here: its class statement gives the
name under which `STRATEGIES` and every estimator know it.
"""

from typing import TYPE_CHECKING

from sknevo.evolution._cooperative_coevolution import (
    CooperativeCoevolution as CooperativeCoevolution,
)
from sknevo.evolution._elitist import Elitist as Elitist
from sknevo.evolution._estimation_of_distribution import (
    EstimationOfDistribution as EstimationOfDistribution,
)
from sknevo.evolution._genetic_algorithm import GeneticAlgorithm as GeneticAlgorithm
from sknevo.evolution._nsga2 import NSGA2 as NSGA2
from sknevo.evolution._population import Population as Population
from sknevo.evolution._regularized_evolution import (
    RegularizedEvolution as RegularizedEvolution,
)
from sknevo.evolution._strategy import STRATEGIES as STRATEGIES
from sknevo.evolution._strategy import Strategy as Strategy
from sknevo.evolution._strategy import crowding_distance as crowding_distance
from sknevo.evolution._strategy import fittest as fittest
from sknevo.evolution._strategy import non_dominated_sort as non_dominated_sort
from sknevo.evolution._strategy import tournament as tournament
from sknevo.evolution._successive_halving import Rung as Rung
from sknevo.evolution._successive_halving import SuccessiveHalving as SuccessiveHalving
from sknevo.evolution._surrogate_assisted import SurrogateAssisted as SurrogateAssisted

if not TYPE_CHECKING:  # type checkers take the names from above
    __all__ = [
        "STRATEGIES",
        "Population",
        "Rung",
        "Strategy",
        "SuccessiveHalving",
        "crowding_distance",
        "fittest",
        "non_dominated_sort",
        "tournament",
        *(strategy.__name__ for strategy in STRATEGIES.values()),
    ]
