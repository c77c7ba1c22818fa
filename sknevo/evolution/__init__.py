"""Strategies that breed and select; they know no machine learning.

- `Strategy` is the contract: `breed` one child, say which individuals `survive`.
- `GeneticAlgorithm` composes the parts: selection, variation, survival. Most other
  strategies are genetic algorithms with other parts.
- `Population` asks for individuals and is told their evaluations.
- `SuccessiveHalving` decides with which resource each individual is evaluated.

A new strategy is one file, and one line of import here: its class statement gives the
name under which `STRATEGIES` and every estimator know it.
"""

from sknevo.evolution._cooperative_coevolution import CooperativeCoevolution
from sknevo.evolution._elitist import Elitist
from sknevo.evolution._estimation_of_distribution import EstimationOfDistribution
from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._nsga2 import NSGA2
from sknevo.evolution._population import Population
from sknevo.evolution._regularized_evolution import RegularizedEvolution
from sknevo.evolution._strategy import (
    STRATEGIES,
    Strategy,
    crowding_distance,
    fittest,
    non_dominated_sort,
    tournament,
)
from sknevo.evolution._successive_halving import Rung, SuccessiveHalving
from sknevo.evolution._surrogate_assisted import SurrogateAssisted

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
