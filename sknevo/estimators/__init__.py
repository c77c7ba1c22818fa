"""The public estimators: those of scikit-learn, with a search as their `fit`."""

from sknevo.estimators.convnet import EvolvedClassifier
from sknevo.estimators.gan import EvolvedGAN
from sknevo.estimators.pipeline import (
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
)
from sknevo.estimators.search_cv import EvolvedSearchCV

__all__ = [
    "EvolvedClassifier",
    "EvolvedGAN",
    "EvolvedPipelineClassifier",
    "EvolvedPipelineRegressor",
    "EvolvedSearchCV",
]
