"""scikit-learn's own checks, all of them, with no expected failure."""

import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknevo import (
    EvolvedAutoencoder,
    EvolvedClassifier,
    EvolvedFewShotClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedRegressor,
    EvolvedSearchCV,
    Real,
)

SMALL = {"population_size": 2, "generations": 1, "cv": 2}
# Of pipelines and networks, the first known one passes by itself.
ONE = SMALL | {"population_size": 1}
# The checks have two or three classes, too few to hold some out.
FEW_CLASSES = ONE | {"cv": StratifiedKFold(2), "scoring": "accuracy"}
SHRUNK = Pipeline([("pca", PCA()), ("ridge", Ridge())])
RANGE = Real(0.1, 10, log=True)


@parametrize_with_checks(
    [
        EvolvedAutoencoder(**ONE, max_epochs=4),
        EvolvedClassifier(**ONE, max_epochs=30),
        EvolvedPipelineClassifier(**ONE),
        EvolvedSearchCV(LogisticRegression(), {"C": RANGE}, **SMALL),
        EvolvedSearchCV(Ridge(), {"alpha": RANGE}, **SMALL),
        EvolvedSearchCV(PCA(1, svd_solver="full"), {"whiten": [True]}, **SMALL),
    ]
)
def test_small_estimators_are_estimators(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        EvolvedFewShotClassifier(**FEW_CLASSES, max_epochs=30),
        EvolvedRegressor(**SMALL, max_epochs=30),
        EvolvedAutoencoder(max_epochs=10, population_size=4, generations=2),
        EvolvedClassifier(max_epochs=10, population_size=4, generations=2),
        EvolvedGAN(**ONE, max_epochs=4),
        EvolvedGAN(max_epochs=20, population_size=4, generations=2),
        EvolvedPipelineClassifier(),
        EvolvedPipelineRegressor(**ONE),
        EvolvedPipelineRegressor(),
        EvolvedSearchCV(LogisticRegression(), {"C": RANGE}),
        EvolvedSearchCV(Ridge(), {"alpha": RANGE}),
        EvolvedSearchCV(SHRUNK, {"ridge__alpha": RANGE}),
    ]
)
def test_further_estimators_are_estimators(estimator, check):
    check(estimator)
