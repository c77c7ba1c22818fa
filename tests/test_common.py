"""scikit-learn's own checks, all of them, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor

ESTIMATORS = (EvolvedPipelineClassifier, EvolvedPipelineRegressor)


@parametrize_with_checks(
    [make(population_size=2, generations=1, cv=2) for make in ESTIMATORS]
)
def test_small_estimators_are_estimators(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([make() for make in ESTIMATORS])
def test_default_estimators_are_estimators(estimator, check):
    check(estimator)
