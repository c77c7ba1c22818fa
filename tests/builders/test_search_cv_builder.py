"""Genes become parameters of a clone of the user's estimator."""

import numpy as np
import pytest
from builder_contract import BuilderContract, Case
from scipy.stats import loguniform, randint
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import ExtraTreeRegressor

from sknevo.builders.search_cv import SearchBuilder
from sknevo.genes import Categorical, Choice, Genome, Integer, Real, Repeat
from sknevo.genomes.search_cv import parameters

FOREST = ExtraTreesClassifier()
CLASSIFIERS = Pipeline([("scale", None), ("clf", GaussianNB())])
SCALERS = ["passthrough", StandardScaler(), MinMaxScaler()]
SPACE = [
    {"scale": SCALERS, "clf": [SVC()], "clf__C": loguniform(0.1, 10)},
    {"clf": [FOREST], "clf__n_estimators": randint(1, 5), "clf__max_depth": [2, None]},
]
REGRESSORS = Pipeline([("reg", SVR())])
GENOME = Genome(
    kind=Choice(
        tree=Genome(reg=Categorical(["passthrough"])), machine=Genome(reg__C=Real(1, 2))
    )
)


def case(estimator, space, X, y):
    genome = parameters(space, estimator)
    return Case(genome, SearchBuilder(estimator, genome, len(y)), X, y)


TREES = {"max_depth": randint(1, 9), "max_features": [1, 1.0]}
CASES = {
    "pipeline": (CLASSIFIERS, SPACE, *make_classification(60, random_state=0)),
    "forest": (
        *(FOREST, {"n_estimators": randint(1, 5), "bootstrap": [False, True]}),
        *make_classification(60, random_state=0),
    ),
}


@pytest.mark.parametrize("case", [case(*c) for c in CASES.values()], ids=list(CASES))
class TestSearchBuilder(BuilderContract):
    pass


REGRESSION = case(
    ExtraTreeRegressor(), TREES, *make_regression(60, n_features=4, random_state=0)
)


def test_regressors_too():
    for chromosome in REGRESSION.chromosomes():
        tree = REGRESSION.builder(chromosome.expressed, 0)
        assert tree.fit(REGRESSION.X, REGRESSION.y).predict(REGRESSION.X).shape == (60,)


def built(estimator, genome, expressed, seed=0):
    return SearchBuilder(estimator, genome)(expressed, seed)


def test_a_choice_of_any_other_name_only_groups():
    built_of = [
        built(REGRESSORS, GENOME, {"kind": kind})["reg"]
        for kind in ({"tree": {"reg": "passthrough"}}, {"machine": {"reg__C": 1.5}})
    ]
    assert built_of[0] == "passthrough"
    assert built_of[1].C == 1.5


def test_a_branch_that_is_no_record_is_the_value():
    genome = Genome(gamma=Choice(named=Categorical(["auto"]), number=Real(0, 1)))
    assert built(SVC(), genome, {"gamma": {"named": "auto"}}).gamma == "auto"
    assert built(SVC(), genome, {"gamma": {"number": 0.5}}).gamma == 0.5


def test_records_reach_into_steps_and_lists_are_tuples():
    genome = Genome(scale=Genome(feature_range=Repeat(Integer(0, 9), 2, 2)))
    pipeline = Pipeline([("scale", MinMaxScaler())])
    ranged = built(pipeline, genome, {"scale": {"feature_range": [0, 2]}})
    assert ranged["scale"].feature_range == (0, 2)


def test_values_are_cloned():
    scaler = StandardScaler()
    genome = parameters({"scale": [scaler]}, CLASSIFIERS)
    one, two = (built(CLASSIFIERS, genome, {"scale": "StandardScaler()"}) for _ in "ab")
    assert one["scale"] is not scaler
    assert one["scale"] is not two["scale"]


def test_seeds_are_set_where_there_is_none():
    pipeline = Pipeline([("a", SGDClassifier()), ("b", SGDClassifier(random_state=3))])
    genome = parameters({"a__alpha": [0.1]}, pipeline)
    seeds = [
        [step.random_state for step in built(pipeline, genome, {"a__alpha": 0.1}, seed)]
        for seed in (0, 0, 1)
    ]
    assert seeds[0] == seeds[1]
    assert seeds[0][1] == seeds[2][1] == 3
    assert seeds[0][0] != seeds[2][0]


def test_costs_are_in_proportion_to_rows_and_rounds():
    genome = parameters({"n_estimators": [10, 30]}, FOREST)
    costs = [
        SearchBuilder(FOREST, genome, n).cost({"n_estimators": k})
        for n, k in ((100, 10), (100, 30), (500, 10))
    ]
    np.testing.assert_allclose(np.divide(costs, costs[0]), [1, 3, 5])
