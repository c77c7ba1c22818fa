"""Distributions and lists of any values are genes as good as ours."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.svm import SVC

from sknevo.genes import Categorical, Integer, Options, Real, gene_of

DISTRIBUTIONS = [
    stats.uniform(-2, 5),
    stats.loguniform(1e-3, 1e3),
    stats.norm(3, 2),
    stats.expon(scale=0.1),
    stats.cauchy(),
    stats.beta(0.5, 0.5),
    stats.rv_histogram(np.histogram([1, 2, 3, 3, 3])),
    stats.randint(1, 100),
    stats.poisson(4),
    stats.geom(0.01),
    stats.rv_discrete(values=([1, 5, 100], [0.2, 0.3, 0.5])),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda d: repr(gene_of(d)))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_values_stay_in_the_distribution_and_are_json(distribution, seed):
    gene, rng = gene_of(distribution), np.random.default_rng(seed)
    value = gene.sample(rng)
    mutant = gene.mutate(value, rng)
    for one in (value, mutant):
        assert gene.contains(one)
        assert json.loads(json.dumps(one)) == one
        assert gene.complete(one, rng) == one
        assert type(one) is (int if hasattr(distribution, "pmf") else float)
    assert mutant != value


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda d: repr(gene_of(d)))
def test_samples_follow_the_distribution(distribution):
    gene, rng = gene_of(distribution), np.random.default_rng(0)
    draws = [gene.sample(rng) for _ in range(400)]
    expected = distribution.rvs(size=400, random_state=1)
    assert stats.ks_2samp(draws, expected, method="asymp").pvalue > 1e-3


def test_mutants_are_near():
    gene, rng = gene_of(stats.loguniform(1e-4, 1e4)), np.random.default_rng(0)
    steps = [abs(np.log10(gene.vary(1.0, rng, 1.0))) for _ in range(200)]
    assert 0.3 < np.median(steps) < 1.5  # of 8 decades


def test_distributions_have_positions():
    gene = gene_of(stats.norm())
    assert isinstance(gene, Real)
    assert gene.position(0.0) == 0.5
    gene = gene_of(stats.randint(1, 4))
    assert isinstance(gene, Integer)
    assert (gene.low, gene.high) == (1, 3)
    assert gene.position(2) == 0.5


@pytest.mark.parametrize("value", [True, "1", None, 0, 101, 2.5, np.inf])
def test_what_is_no_value_of_a_distribution(value):
    assert not gene_of(stats.randint(1, 100)).contains(value)
    assert not gene_of(stats.uniform(3, 4)).contains(value)


def test_descriptions_are_the_same_in_every_process():
    described = [repr(gene_of(d)) for d in (*DISTRIBUTIONS, stats.norm(1, scale=2))]
    assert not any(" at 0x" in text for text in described)
    assert described[-1] == "Continuous(norm(1, scale=2))"
    assert len(set(described)) == len(described)


def nothing():
    """Be a value without a representation of its own."""


VALUES = [1, 1.0, True, None, "a", SVC(), SVC(), (1, 2), np.nan, np.int64(7), nothing]


def test_options_hold_anything_and_chromosomes_their_labels():
    gene = Options(VALUES)
    assert gene.options == [
        *[1, "1.0", "True", None, "a", "SVC()", "SVC() #2", "(1, 2)", "nan", 7],
        "<function nothing>",
    ]
    for label, value in zip(gene.options, VALUES, strict=True):
        assert gene.decode(label) is value or gene.decode(label) == value
        assert type(gene.decode(label)) is type(value)
        assert json.loads(json.dumps(label)) == label
        assert gene.contains(label)
        rng = np.random.default_rng(0)
        if value is not np.nan:
            assert gene.complete(value, rng) == label  # it may be named itself
    assert pickle.loads(pickle.dumps(gene)).options == gene.options


def test_a_value_that_occurs_twice_is_drawn_twice_as_often():
    gene, rng = gene_of(["a", "b", "a"]), np.random.default_rng(0)
    draws = [gene.sample(rng) for _ in range(900)]
    assert 550 < draws.count("a") < 650


def test_arrays_and_ranges_are_lists():
    assert gene_of(np.logspace(0, 2, 3)).options == [1.0, 10.0, 100.0]
    assert gene_of(range(3)).options == [0, 1, 2]
    assert gene_of(np.array(["x", "y"])).options == ["x", "y"]


def test_genes_are_left_as_they_are():
    gene = Categorical(["x"])
    assert gene_of(gene) is gene


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (3, "sequence of values; got 3"),
        ("rbf", "sequence of values; got 'rbf'"),
        ({"a": 1}, "sequence of values"),
        (None, "sequence of values"),
        ([], "at least one value"),
        (stats.uniform(0, -1), "parameters that it allows"),
        (stats.uniform([0, 1], 1), "of one number"),
        (stats.gamma, "must be a frozen distribution"),
        (stats.multivariate_normal([0, 0]), "has no ppf"),
    ],
)
def test_what_is_no_gene_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        gene_of(values)


def test_there_may_be_many_options():
    many = Options(range(20_000))
    assert many.options == [*range(20_000)]
    assert many.decode(19_999) == 19_999
