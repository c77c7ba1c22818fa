"""Who breeds and who survives; knows no machine learning.

- `Strategy` is the contract: `breed` one child, say who will `survive`,
- `Elitist` keeps the fittest and replaces the rest by random individuals,
- `Crossover` breeds the fit by crossover and mutation,
- `Evolution` is the population: ask it for individuals, tell it how they fared.

A new strategy is one file and one line in `STRATEGIES`.
"""

from sknevo.evolution._ageing import Ageing
from sknevo.evolution._crossover import Crossover
from sknevo.evolution._elitist import Elitist
from sknevo.evolution._evolution import Evolution
from sknevo.evolution._nsga2 import NSGA2
from sknevo.evolution._selection import (
    best,
    crowding_distance,
    non_dominated_sort,
    tournament,
)
from sknevo.evolution._strategy import Strategy

__all__ = [
    "NSGA2",
    "STRATEGIES",
    "Ageing",
    "Crossover",
    "Elitist",
    "Evolution",
    "Strategy",
    "best",
    "crowding_distance",
    "non_dominated_sort",
    "tournament",
]

STRATEGIES: dict[str, type[Strategy]] = {
    "ageing": Ageing,
    "crossover": Crossover,
    "elitist": Elitist,
    "nsga2": NSGA2,
}
