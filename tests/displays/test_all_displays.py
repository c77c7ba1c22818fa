"""What all pictures have in common."""

import pytest
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError

from sknevo import EvolvedSearchCV, displays

OF_SEARCHES = ["EvolutionDisplay", "ParetoDisplay", "RungsDisplay"]


@pytest.mark.parametrize("name", OF_SEARCHES)
def test_other_estimators_are_refused(name):
    make = getattr(displays, name).from_estimator
    dummy = DummyClassifier().fit([[0], [1]], [0, 1])
    with pytest.raises(TypeError, match="estimator must be an evolved estimator"):
        make(dummy)
    with pytest.raises(NotFittedError):
        make(EvolvedSearchCV(DummyClassifier(), {"strategy": ["prior"]}))
