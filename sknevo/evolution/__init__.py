"""Who breeds and who survives; knows no machine learning.

- `Strategy` is the contract: `breed` one child, say who will `survive`,
- `Elitist` keeps the fittest and replaces the rest by random individuals,
- `GeneticAlgorithm` breeds the fit by crossover and mutation,
- `EstimationOfDistribution` draws numbers from where the fit ones are,
- `RegularizedEvolution` lets the oldest die, and knows no generations,
- `NSGA2` evolves towards several goals,
- `CooperativeCoevolution` evolves parts of the genome in populations of their own,
- `SurrogateAssisted` breeds several children and tries the one that promises most,
- `Population` is the population: ask it for individuals, tell it how they fared,
- `SuccessiveHalving` says how much each is given: many begin with little.

A new strategy is one file and one line in `STRATEGIES`.
"""

from sknevo.evolution._cooperative_coevolution import CooperativeCoevolution
from sknevo.evolution._elitist import Elitist
from sknevo.evolution._estimation_of_distribution import EstimationOfDistribution
from sknevo.evolution._genetic_algorithm import GeneticAlgorithm
from sknevo.evolution._nsga2 import NSGA2
from sknevo.evolution._population import Population
from sknevo.evolution._regularized_evolution import RegularizedEvolution
from sknevo.evolution._selection import (
    best,
    crowding_distance,
    non_dominated_sort,
    tournament,
)
from sknevo.evolution._strategy import Strategy
from sknevo.evolution._successive_halving import Rung, SuccessiveHalving
from sknevo.evolution._surrogate_assisted import SurrogateAssisted

__all__ = [
    "NSGA2",
    "STRATEGIES",
    "CooperativeCoevolution",
    "Elitist",
    "EstimationOfDistribution",
    "GeneticAlgorithm",
    "Population",
    "RegularizedEvolution",
    "Rung",
    "Strategy",
    "SuccessiveHalving",
    "SurrogateAssisted",
    "best",
    "crowding_distance",
    "non_dominated_sort",
    "tournament",
]

STRATEGIES: dict[str, type[Strategy]] = {
    "regularized_evolution": RegularizedEvolution,
    "coevolution": CooperativeCoevolution,
    "crossover": GeneticAlgorithm,
    "elitist": Elitist,
    "estimation_of_distribution": EstimationOfDistribution,
    "nsga2": NSGA2,
    "surrogate_assisted": SurrogateAssisted,
}
