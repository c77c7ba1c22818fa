"""Members are drawn with their weights, the steps with their scores."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from sknevo.displays import EnsembleDisplay
from sknevo.records import Chromosome


def test_many_members_share_a_bar():
    weights = np.arange(10, 0, -1) / 55
    names = [f"model {i}" for i in range(10)]
    display = EnsembleDisplay(names, weights, [0.5, 0.6]).plot()
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, [*weights[:5], weights[5:].sum()])
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts[::2] == [*names[:5], "5 other members"]
    assert display.ax_.get_title(loc="left") == "10 members"


def test_the_ensemble_of_a_search(table):
    display = EnsembleDisplay.from_estimator(table)
    ensemble = table.ensemble_
    assert sum(bar.get_width() for bar in display.bars_) == pytest.approx(1)
    n_tuned = int(display.is_tuned)
    scores = display.line_.get_ydata()
    np.testing.assert_array_equal(scores, ensemble.scores[: len(scores)])
    assert len(scores) == len(ensemble.scores) - n_tuned
    words = {one.chromosome.words for one in ensemble.members}
    assert set(display.members) == words
    assert display.steps_ax_.get_xlabel() == "step of the selection"


def test_the_best_alone_is_no_ensemble(trees):
    with pytest.raises(ValueError, match="estimator must have an ensemble"):
        EnsembleDisplay.from_estimator(trees)


def test_members_of_the_same_words_have_bars_of_their_own(table):
    alike = copy.deepcopy(table)
    first = alike.ensemble_.members[0]
    genes = copy.deepcopy(first.chromosome.genes)
    genes["unnamed"] = 1
    second = replace(first, chromosome=Chromosome(genes))
    assert second.chromosome.words == first.chromosome.words
    alike.ensemble_.members = [first, second, second]
    display = EnsembleDisplay.from_estimator(alike)
    assert display.members == [first.chromosome.words] * 2
    assert display.weights == [first.weight, 2 * first.weight]
