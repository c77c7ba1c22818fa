"""Who breeds and who survives; knows no machine learning.

- `Strategy` is the contract: `breed` one child, say who will `survive`,
- `Elitist` keeps the fittest and replaces the rest by random individuals,
- `Crossover` breeds the fit by crossover and mutation,
- `Evolution` is the population: ask it for individuals, tell it how they fared,
- `Race` stands between it and the trials: many begin with little, few are given all.

A new strategy is one file and one line in `STRATEGIES`.
"""

from sknevo.evolution._crossover import Crossover
from sknevo.evolution._elitist import Elitist
from sknevo.evolution._evolution import Evolution
from sknevo.evolution._race import Race, Rung
from sknevo.evolution._selection import best, tournament
from sknevo.evolution._strategy import Strategy

__all__ = [
    "STRATEGIES",
    "Crossover",
    "Elitist",
    "Evolution",
    "Race",
    "Rung",
    "Strategy",
    "best",
    "tournament",
]

STRATEGIES: dict[str, type[Strategy]] = {"crossover": Crossover, "elitist": Elitist}
