"""Every strategy evolves an estimator, by its name."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sknevo import EvolvedPipelineClassifier
from sknevo.evolution import STRATEGIES
from sknevo.genomes.pipeline import pipeline

X, y = load_iris(return_X_y=True)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_evolves_an_estimator(name):
    evolved = EvolvedPipelineClassifier(
        strategy=name,
        genome=partial(pipeline, models=["neighbours"]),
        initial_population=[],
        scoring="accuracy",
        population_size=6,
        generations=3,
        ensemble_size=None,
        cv=2,
        random_state=0,
    ).fit(X[::3], y[::3])
    scores = evolved.cv_results_["mean_test_score"]
    assert 12 < evolved.n_evaluations_ <= 18
    # The best is not lost, even if it died in the population.
    assert evolved.best_score_ == np.nanmax(scores)
    assert evolved.predict(X).shape == y.shape
