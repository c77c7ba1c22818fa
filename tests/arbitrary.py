"""Arbitrary nested genomes, and values of them, for hypothesis."""

import math

import numpy as np
from hypothesis import strategies as st

from sknevo.genes import Categorical, Choice, Genome, Integer, Real, Repeat

# "length" is the one name of the chromosome's own syntax that a gene may have.
NAMES = st.sampled_from(["rate", "depth", "kernel", "layers", "length"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-9, 9).map(lambda value: value + 0.0)  # no negative zero
    | st.text(max_size=3)
)
# A range is a point or wide enough for floats to tell its values apart.
WIDTHS = st.just(0) | st.floats(1e-3, 1e3)


@st.composite
def reals(draw):
    if draw(st.booleans()):
        low = draw(st.floats(1e-8, 1e3))
        return Real(low, low * math.exp(draw(WIDTHS.filter(lambda w: w < 20))), True)
    low = draw(st.floats(-1e3, 1e3))
    return Real(low, low + draw(WIDTHS))


@st.composite
def integers(draw):
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -20, 20))
    return Integer(low, low + draw(st.integers(0, 1000)), log)


@st.composite
def categoricals(draw):
    options = draw(st.lists(SCALARS, min_size=1, max_size=4, unique=True))
    n = len(options)
    weights = st.lists(st.floats(0.1, 10), min_size=n, max_size=n)
    return Categorical(options, draw(st.none() | weights))


@st.composite
def choices(draw, genes):
    branches = draw(st.dictionaries(NAMES, genes, min_size=1, max_size=3))
    weights = st.dictionaries(st.sampled_from(sorted(branches)), st.floats(0.1, 10))
    return Choice(draw(st.none() | weights), **branches)


@st.composite
def repeats(draw, genes):
    low = draw(st.integers(0, 2))
    return Repeat(draw(genes), low, draw(st.integers(max(1, low), 3)))


def records(genes, max_size=4):
    names = st.dictionaries(NAMES, genes, max_size=max_size)
    return names.map(lambda genes: Genome(**genes))


leaves = reals() | integers() | categoricals()
genes = st.recursive(
    leaves, lambda inner: records(inner) | choices(inner) | repeats(inner), max_leaves=8
)
genomes = records(genes)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def constrained_genomes(draw):
    """Genomes whose values meet a constraint: one gene rules another.

    Half of the constraints change what they are given, as a careless user's do.
    """
    genome = draw(genomes.filter(lambda genome: len(genome.genes) > 1))
    ruler, ruled = draw(st.permutations(sorted(genome.genes)))[:2]
    rng = np.random.default_rng(draw(seeds))
    constant = genome.genes[ruled].sample(rng)
    spared = genome.genes[ruler].sample(rng)

    def copying(value):
        return value if value[ruler] == spared else {**value, ruled: constant}

    def careless(value):
        if value[ruler] != spared and isinstance(value[ruled], dict):
            value[ruled].update(constant)
            return value
        return copying(value)

    return genome.constrained(draw(st.sampled_from([copying, careless])))


@st.composite
def genomes_and_values(draw, genomes=genomes, n=1):
    """Return a genome, a generator and n sampled values of the genome."""
    genome, rng = draw(genomes), np.random.default_rng(draw(seeds))
    return genome, rng, *[genome.sample(rng) for _ in range(n)]


def n_expressible(gene):
    """Count the different things that an unconstrained gene can say."""
    match gene:
        case Real():
            return 1 if gene.low == gene.high else math.inf
        case Integer():
            return gene.high - gene.low + 1
        case Categorical():
            return len(gene.options)
        case Genome():
            return math.prod(map(n_expressible, gene.genes.values()))
        case Choice():
            return sum(map(n_expressible, gene.branches.values()))
        case Repeat():
            lengths = range(gene.length.low, gene.length.high + 1)
            return sum(n_expressible(gene.gene) ** length for length in lengths)
