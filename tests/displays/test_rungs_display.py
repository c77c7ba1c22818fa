"""Each individual is a line over the resources that it was given."""

import numpy as np
import pytest

from sknevo.displays import RungsDisplay


def test_each_candidate_is_a_line(halved):
    display = RungsDisplay.from_estimator(halved)
    results = halved.cv_results_
    assert set(display.lines_) == set(results["key"])
    best = display.lines_[halved.best_chromosome_.key]
    rows = results["key"] == halved.best_chromosome_.key
    order = np.argsort(results["resource"][rows])
    np.testing.assert_array_equal(best.get_ydata(), results["fitness"][rows][order])
    assert display.rungs_[0] == 30
    assert np.isinf(display.rungs_[-1])
    ticks = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert ticks[0].startswith("30\n")
    assert ticks[-1].startswith("all\n")
    assert display.ax_.get_xlabel() == "training samples"


def test_the_legend_names_each_kind_once(halved):
    legend = RungsDisplay.from_estimator(halved).ax_.get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    assert sorted(names) == sorted(set(names))
    assert set(names) <= {"best", "promoted", "not promoted"}


def test_a_single_rung_is_refused(trees):
    with pytest.raises(ValueError, match="at least two rungs"):
        RungsDisplay.from_estimator(trees)
