"""Genes say what may vary; a genome composes them to a search space.

There are three leaves (`Real`, `Integer`, `Categorical`) and three ways to compose
(`Genome`, a record; `Choice`, one of many; `Repeat`, a list of variable length). All
are genes: they sample, mutate, cross, repair and recognise values, and `walk` through
the genes inside. The values are plain JSON, see `sknevo.records`.

`positions` and `moved` read and write the numbers among them as positions in [0, 1] of
their ranges. `gene_of` makes a gene of what scikit-learn's searches take, and
`parameter_genes` says which parameters of an estimator genes stand for.
"""

from sknevo.genes._gene import (
    Categorical,
    Choice,
    Gene,
    Genome,
    Integer,
    Real,
    Repeat,
    moved,
    positions,
)
from sknevo.genes._parameters import (
    Continuous,
    Discrete,
    EstimatorGenome,
    Options,
    gene_of,
    parameter_genes,
)

__all__ = [
    "Categorical",
    "Choice",
    "Continuous",
    "Discrete",
    "EstimatorGenome",
    "Gene",
    "Genome",
    "Integer",
    "Options",
    "Real",
    "Repeat",
    "gene_of",
    "moved",
    "parameter_genes",
    "positions",
]
