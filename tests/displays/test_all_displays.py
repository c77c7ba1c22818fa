"""What all pictures have in common."""

import matplotlib.pyplot as plt
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError

from sknevo import EvolvedSearchCV, displays

OF_SEARCHES = [
    "EnsembleDisplay",
    "EvolutionDisplay",
    "FamilyTreeDisplay",
    "GenesDisplay",
    "NetworkDisplay",
    "ParetoDisplay",
    "RungsDisplay",
]


@pytest.mark.parametrize("name", OF_SEARCHES)
def test_other_estimators_are_refused(name):
    make = getattr(displays, name).from_estimator
    dummy = DummyClassifier().fit([[0], [1]], [0, 1])
    with pytest.raises(TypeError, match="estimator must be an evolved estimator"):
        make(dummy)
    with pytest.raises(NotFittedError):
        make(EvolvedSearchCV(DummyClassifier(), {"strategy": ["prior"]}))


@pytest.mark.parametrize(
    ("fitted", "second"),
    [
        ("trees", "FamilyTreeDisplay"),
        ("two_scores", "ParetoDisplay"),
        ("table", "EnsembleDisplay"),
        ("network", "NetworkDisplay"),
    ],
)
def test_two_pictures_say_most(fitted, second, request):
    shown = request.getfixturevalue(fitted).plot()
    assert [type(one).__name__ for one in shown] == ["EvolutionDisplay", second]
    assert shown[0].figure_ is shown[1].figure_
    assert len(plt.get_fignums()) == 1


def test_nothing_is_plotted_before_fit():
    with pytest.raises(NotFittedError):
        EvolvedSearchCV(DummyClassifier(), {"strategy": ["prior"]}).plot()


def test_without_a_refit_there_is_a_picture():
    search = EvolvedSearchCV(
        DummyClassifier(),
        {"strategy": ["prior", "uniform"]},
        population_size=2,
        generations=1,
        cv=2,
        refit=False,
    ).fit([[0], [1]] * 4, [0, 1] * 4)
    assert type(search.plot()[1]).__name__ == "FamilyTreeDisplay"
