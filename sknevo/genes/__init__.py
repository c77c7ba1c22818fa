"""What may vary: genes, and genomes composed of them.

Three leaves (`Real`, `Integer`, `Categorical`) and three ways to compose (`Genome`, a
record; `Choice`, one of many; `Repeat`, a list of variable length). All are genes and
know how to sample, mutate, cross, repair and recognise a value of theirs; recursion is
the whole algorithm. The values are plain JSON, see `sknevo.records`. `positions` and
`moved` read and write the numbers among them as places in [0, 1] of their ranges.
`gene_of` makes a gene of what scikit-learn's searches take: a distribution, a list of
any values.
"""

from sknevo.genes._composites import Choice, Genome, Repeat
from sknevo.genes._gene import Gene
from sknevo.genes._leaves import Categorical, Integer, Real
from sknevo.genes._positions import moved, positions
from sknevo.genes._values import Continuous, Discrete, Options, gene_of

__all__ = [
    "Categorical",
    "Choice",
    "Continuous",
    "Discrete",
    "Gene",
    "Genome",
    "Integer",
    "Options",
    "Real",
    "Repeat",
    "gene_of",
    "moved",
    "positions",
]
