"""Who breeds and who survives; knows no machine learning.

- `Strategy` is the contract: `breed` one child, say who will `survive`,
- `Elitist` keeps the fittest and replaces the rest by random individuals,
- `Crossover` breeds the fit by crossover and mutation,
- `Gaussian` draws numbers from where the fit ones are,
- `Ageing` lets the oldest die, and knows no generations,
- `NSGA2` evolves towards several goals,
- `Coevolution` evolves parts of the genome in populations of their own,
- `Preselection` breeds several children and tries the one that promises most,
- `Evolution` is the population: ask it for individuals, tell it how they fared,
- `Race` stands between it and the trials: many begin with little, few are given all.

A new strategy is one file and one line in `STRATEGIES`.
"""

from sknevo.evolution._ageing import Ageing
from sknevo.evolution._coevolution import Coevolution
from sknevo.evolution._crossover import Crossover
from sknevo.evolution._elitist import Elitist
from sknevo.evolution._evolution import Evolution
from sknevo.evolution._gaussian import Gaussian
from sknevo.evolution._nsga2 import NSGA2
from sknevo.evolution._preselection import Preselection
from sknevo.evolution._race import Race, Rung
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
    "Coevolution",
    "Crossover",
    "Elitist",
    "Evolution",
    "Gaussian",
    "Preselection",
    "Race",
    "Rung",
    "Strategy",
    "best",
    "crowding_distance",
    "non_dominated_sort",
    "tournament",
]

STRATEGIES: dict[str, type[Strategy]] = {
    "ageing": Ageing,
    "coevolution": Coevolution,
    "crossover": Crossover,
    "elitist": Elitist,
    "gaussian": Gaussian,
    "nsga2": NSGA2,
    "preselection": Preselection,
}
