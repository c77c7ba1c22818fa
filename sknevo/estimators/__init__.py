"""The public estimators: those of scikit-learn, with a search as their `fit`."""

from typing import TYPE_CHECKING

from sknevo.estimators.autoencoder import EvolvedAutoencoder as EvolvedAutoencoder
from sknevo.estimators.convnet import EvolvedClassifier as EvolvedClassifier
from sknevo.estimators.convnet_regressor import EvolvedRegressor as EvolvedRegressor
from sknevo.estimators.detector import EvolvedDetector as EvolvedDetector
from sknevo.estimators.few_shot import (
    EvolvedFewShotClassifier as EvolvedFewShotClassifier,
)
from sknevo.estimators.gan import EvolvedGAN as EvolvedGAN
from sknevo.estimators.pipeline import (
    EvolvedPipelineClassifier as EvolvedPipelineClassifier,
)
from sknevo.estimators.pipeline import (
    EvolvedPipelineRegressor as EvolvedPipelineRegressor,
)
from sknevo.estimators.policy import EvolvedPolicy as EvolvedPolicy
from sknevo.estimators.search_cv import EvolvedSearchCV as EvolvedSearchCV
from sknevo.estimators.segmenter import EvolvedSegmenter as EvolvedSegmenter

if not TYPE_CHECKING:  # type checkers take the names from above
    __all__ = sorted(name for name in globals() if name.startswith("Evolved"))
