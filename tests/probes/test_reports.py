"""What users have reported of other libraries, and fits no other file of probes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sknevo import EvolvedSearchCV

rng = np.random.default_rng(0)
LABELS = np.arange(60) % 2
X = np.column_stack([LABELS + rng.normal(0, 0.4, 60), rng.normal(size=60)])


class WithHistory(LogisticRegression):
    """Returns what its training has recorded, as wrappers of Keras do."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        return {"loss": [1.0, 0.5]}


class WithoutReturn(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)


@pytest.mark.parametrize("kind", [WithHistory, WithoutReturn])
@pytest.mark.parametrize("weights", [None, 1.0 + LABELS], ids=["equal", "weighted"])
def test_what_fit_returns_is_not_taken_for_the_estimator(kind, weights):
    search = EvolvedSearchCV(
        kind(), {"C": [0.1, 1.0]}, population_size=2, generations=1, random_state=0
    ).fit(X, LABELS, sample_weight=weights)
    assert isinstance(search.best_estimator_, kind)
    assert search.score(X, LABELS) > 0.8
    assert isinstance(search.refit_individual(0, X, LABELS), kind)
