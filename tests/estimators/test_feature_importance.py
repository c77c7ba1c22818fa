"""The columns that predictions depend on come first, under the user's names."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier

from sknevo import (
    EvolvedClassifier,
    EvolvedGAN,
    EvolvedPipelineRegressor,
    EvolvedSearchCV,
)
from sknevo.genomes.pipeline import pipeline

SMALL = {"population_size": 2, "generations": 1, "random_state": 0}


def table(n, seed):
    """Return a table of which two columns tell the target, and one nothing."""
    rng = np.random.default_rng(seed)
    size, kind = rng.normal(size=n), rng.choice(["ant", "bee"], n)
    X = pd.DataFrame({"noise": rng.normal(size=n), "kind": kind, "size": size})
    return X, 3 * size + (kind == "ant")


@pytest.fixture(scope="module")
def reg():
    linear = partial(pipeline, models=["linear"])
    return EvolvedPipelineRegressor(**SMALL, genome=linear).fit(*table(120, seed=0))


@pytest.fixture(scope="module")
def search():
    depths = {"max_depth": [2, 3]}
    tree = DecisionTreeClassifier(random_state=0)
    return EvolvedSearchCV(tree, depths, **SMALL).fit(*load_iris(return_X_y=True))


@pytest.mark.parametrize("of", ["ensemble", "best"])
def test_the_most_important_column_comes_first(reg, of):
    found = reg.feature_importance(*table(60, seed=1), of=of, random_state=0)
    assert [*found.columns] == ["feature", "mean", "std"]
    assert found["feature"].tolist() == ["size", "kind", "noise"]
    assert found["mean"][0] > 0.5
    assert abs(found["mean"][2]) < 0.05
    assert (found["std"] >= 0).all()


def test_a_seed_repeats_it(search):
    X, y = load_iris(return_X_y=True)
    first, second = (
        search.feature_importance(X, y, n_repeats=2, max_samples=0.5, random_state=0)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)


def test_columns_of_an_array_are_named_by_position(search):
    X, y = load_iris(return_X_y=True)
    found = search.feature_importance(X.tolist(), y, n_repeats=1)
    assert sorted(found["feature"]) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (csr_array(np.eye(4)), TypeError, "must be a dense table in memory"),
        ("rows.csv", TypeError, "must be a dense table in memory.*str"),
        (np.zeros((4, 2, 2)), ValueError, "must be a table of shape"),
    ],
    ids=["sparse", "path", "images"],
)
def test_what_is_no_table_in_memory_is_refused(search, X, error, message):
    with pytest.raises(error, match=message):
        search.feature_importance(X, [0, 1, 0, 1])


def test_options_are_checked(search):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="'of' parameter"):
        search.feature_importance(X, y, of="first")
    with pytest.raises(ValueError, match="'n_repeats' parameter"):
        search.feature_importance(X, y, n_repeats=0)


def test_it_needs_a_fit_with_refit():
    search = EvolvedSearchCV(DecisionTreeClassifier(), {"max_depth": [2, 3]})
    with pytest.raises(NotFittedError):
        search.feature_importance(*load_iris(return_X_y=True))
    assert not hasattr(search.set_params(refit=False), "feature_importance")


@pytest.mark.parametrize("estimator", [EvolvedClassifier(), EvolvedGAN()])
def test_networks_have_no_columns_to_shuffle(estimator):
    assert not hasattr(estimator, "feature_importance")
