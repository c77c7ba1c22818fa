"""The front holds what nothing dominates."""

import numpy as np
import pytest

from sknevo.displays import ParetoDisplay


def test_the_front_is_not_dominated():
    x, y = [1.0, 2.0, 3.0, 4.0, 2.0], [0.5, 0.7, 0.6, 0.9, 0.4]
    display = ParetoDisplay(x, y, lower_is_better=("x",)).plot()
    assert display.front_.tolist() == [0, 1, 3]
    assert ParetoDisplay(x, y).plot().front_.tolist() == [3]
    points = np.asarray(display.front_points_.get_offsets())
    np.testing.assert_array_equal(points, [[1, 0.5], [2, 0.7], [4, 0.9]])
    assert display.ax_.get_xlabel() == "x (lower is better)"
    assert display.ax_.get_xscale() == "log"


def test_of_equals_one_is_on_the_front():
    assert ParetoDisplay([1.0, 1.0], [2.0, 2.0]).plot().front_.tolist() == [0]
    costs = ParetoDisplay([1.0, 1.0], [2.0, 2.0], lower_is_better=("x", "y")).plot()
    assert costs.front_.tolist() == [0]


def test_what_is_far_off_is_counted():
    x, y = np.arange(1.0, 21.0), np.r_[np.linspace(0.9, 0.95, 18), -7, -8]
    display = ParetoDisplay(x, y, lower_is_better=("x",)).plot()
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["not dominated", "individuals (2 far off)"]
    assert display.ax_.get_ylim()[0] > 0


def test_two_scores_of_a_search(two_scores):
    display = ParetoDisplay.from_estimator(two_scores)
    results = two_scores.cv_results_
    assert display.ax_.get_xlabel() == "bytes when pickled (lower is better)"
    assert display.ax_.get_ylabel() == "accuracy (higher is better)"
    best = results["mean_test_accuracy"].max()
    assert display.y[display.front_].max() == best == two_scores.best_score_
    # Costs are shown as they are.
    assert display.x[display.front_].min() == -results["mean_test_size"].max()
    assert display.best in display.front_


def test_one_score_costs_seconds(trees):
    display = ParetoDisplay.from_estimator(trees)
    assert display.ax_.get_xlabel().startswith("seconds of training per split")
    assert display.y[display.best] == trees.best_score_


def test_an_unknown_metric_is_refused(two_scores):
    with pytest.raises(ValueError, match=r"x must be one of \['accuracy'.*got 'auc'"):
        ParetoDisplay.from_estimator(two_scores, x="auc")
