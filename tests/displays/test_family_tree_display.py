"""The line of descent leads from the first ancestor to the best."""

from itertools import pairwise

import numpy as np
import pytest

from sknevo.displays import FamilyTreeDisplay

PARENTS = [(), (), ("a", "b"), ("c",), ("d", "gone")]
RESULTS = {
    "key": ["a", "b", "c", "d", "e"],
    "fitness": [0.5, 0.6, 0.7, 0.65, 0.8],
    "generation": [0, 0, 1, 2, 3],
    "origin": ["known", "random", "crossover", "mutation", "crossover"],
    "parents": PARENTS,
    "resource": [np.inf] * 5,
    "param_model": np.ma.array(["svm", "knn", "svm", "svm", "knn"], dtype=object),
    "param_model.svm.C": np.ma.array(
        [1.0, 0, 1.0, 2.0, 0], mask=[0, 1, 0, 0, 1], dtype=object
    ),
    "param_model.knn.k": np.ma.array(
        [0, 3, 0, 0, 5], mask=[1, 0, 1, 1, 0], dtype=object
    ),
    "param_scaling": np.ma.array(["none", "std", "std", "std", "std"], dtype=object),
}


def said(display):
    return [text.get_text() for text in display.ax_.texts]


def test_each_step_follows_the_nearer_parent():
    steps = FamilyTreeDisplay(RESULTS, best=4).plot().steps_
    assert [step.row for step in steps] == [0, 2, 3, 4]
    assert [step.other for step in steps] == [None, 1, None, None]


def test_each_step_says_what_changed():
    display = FamilyTreeDisplay(RESULTS, best=4).plot()
    assert [step.changes for step in display.steps_] == [
        (),
        ("scaling: none → std",),
        ("C: 1 → 2",),
        # What comes with the other model goes without saying.
        ("model: svm → knn",),
    ]
    titles = said(display)[::2]
    assert titles[0] == "generation 0, known: 0.5000"
    assert titles[-1] == "generation 3, crossover: 0.8000 (+0.15)"
    assert said(display)[3] == "scaling: none → std"


def test_a_single_ancestor_is_told_in_full():
    display = FamilyTreeDisplay(RESULTS, best=0).plot()
    title, words = said(display)
    assert title == "generation 0, known: 0.5000"
    assert "model=svm" in words
    assert "scaling=none" in words


def test_of_a_long_line_the_middle_is_left_out():
    n = 12
    results = {
        "key": [str(i) for i in range(n)],
        "fitness": np.arange(n) / n,
        "generation": np.arange(n),
        "origin": ["random"] + ["mutation"] * (n - 1),
        "parents": [()] + [(str(i),) for i in range(n - 1)],
        "resource": np.full(n, np.inf),
        "param_C": np.ma.array(np.arange(n)),
    }
    display = FamilyTreeDisplay(results, best=n - 1).plot()
    assert len(display.steps_) == n
    texts = said(display)
    assert "6 further steps" in texts
    titles = [text for text in texts if text.startswith("generation")]
    assert titles[0].startswith("generation 0,")
    assert [title.split(",")[0] for title in titles[1:]] == [
        f"generation {i}" for i in range(7, 12)
    ]


def test_a_search_is_drawn(trees):
    display = FamilyTreeDisplay.from_estimator(trees)
    results, steps = trees.cv_results_, display.steps_
    assert results["key"][steps[-1].row] == trees.best_chromosome_.key
    for before, after in pairwise(steps):
        assert results["key"][before.row] in results["parents"][after.row]
    assert not any(key in results["key"] for key in results["parents"][steps[0].row])


def test_an_unknown_row_is_refused(trees):
    with pytest.raises(IndexError, match=r"index must be in \[0, .*\); got -1"):
        FamilyTreeDisplay.from_estimator(trees, index=-1)
