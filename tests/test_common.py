"""scikit-learn's own checks, all of them, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknevo import (
    EvolvedClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
)

SMALL = {"population_size": 2, "generations": 1, "cv": 2}


@parametrize_with_checks(
    [
        EvolvedClassifier(**SMALL, max_epochs=30),
        EvolvedGAN(**SMALL, max_epochs=4),
        EvolvedPipelineClassifier(**SMALL),
        EvolvedPipelineRegressor(**SMALL),
    ]
)
def test_small_estimators_are_estimators(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        EvolvedClassifier(max_epochs=10, population_size=4, generations=2),
        EvolvedGAN(max_epochs=20, population_size=4, generations=2),
        EvolvedPipelineClassifier(),
        EvolvedPipelineRegressor(),
    ]
)
def test_default_estimators_are_estimators(estimator, check):
    check(estimator)
