"""What all pictures have in common."""

import re
from pathlib import Path

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
    "SearchDisplay",
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
    assert type(shown.evolution).__name__ == "EvolutionDisplay"
    assert type(shown.found).__name__ == second
    assert shown.evolution.ax_.figure is shown.found.ax_.figure is shown.figure_
    assert len(plt.get_fignums()) == 1


def test_the_two_pictures_are_saved_as_the_docstring_says(trees, tmp_path):
    shown = trees.plot()
    shown.figure_.savefig(tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 10_000
    axes = plt.subplots(1, 2)[1]
    assert shown.plot(axes).figure_ is axes[0].figure
    assert "best so far" in axes[0].get_legend_handles_labels()[1]


@pytest.mark.parametrize("folder", ["displays", "report"])
def test_what_is_shown_has_one_word_for_an_individual(folder):
    for file in (Path(displays.__file__).parents[1] / folder).glob("*.*"):
        text = file.read_text(encoding="utf-8")
        assert not re.findall(r".*\b[Cc]andidates?\b.*|.*\b[Tt]rials?\b.*", text), file


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
    assert type(search.plot().found).__name__ == "FamilyTreeDisplay"
