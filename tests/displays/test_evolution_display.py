"""The course of a search is drawn as it was."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from sknevo.displays import EvolutionDisplay

RESULTS = {
    "key": ["a", "b", "c", "a", "d", "e", "f"],
    "status": ["ok", "error", "ok", "ok", "ok", "ok", "skipped"],
    "fitness": [0.5, -np.inf, 0.7, 0.6, 0.9, -50.0, -np.inf],
    "end_time": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, np.nan],
    "generation": [0, 0, 0, 0, 1, 1, 1],
    "origin": ["known", "random", "random", "known", "crossover", "mutation", "random"],
    "resource": [10, 10, 10, np.inf, np.inf, np.inf, 10],
}


def offsets(points):
    return np.asarray(points.get_offsets()).tolist()


def test_each_candidate_is_a_point_of_its_origin():
    display = EvolutionDisplay(RESULTS).plot()
    # "a" counts with all of the resource.
    assert offsets(display.points_["known"]) == [[4.0, 0.6]]
    assert offsets(display.points_["random"]) == [[3.0, 0.7]]
    assert offsets(display.points_["bred"]) == [[5.0, 0.9], [6.0, -50.0]]


def names(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_what_is_far_off_lies_on_the_edge():
    n = 12
    results = {
        "key": np.arange(n).astype(str),
        "status": ["ok"] * n,
        "fitness": [-50.0, -40.0] + [0.9 - i / 100 for i in range(n - 2)],
        "end_time": np.arange(n, dtype=float),
        "generation": np.zeros(n, int),
        "origin": ["random"] * n,
        "resource": np.full(n, np.inf),
    }
    display = EvolutionDisplay(results).plot()
    assert display.ax_.get_ylim()[0] > 0.75
    assert len(offsets(display.points_["random"])) == n - 2
    assert names(display) == ["best so far", "median", "random", "2 below"]
    assert "lower rung" in names(EvolutionDisplay(RESULTS).plot())


def test_the_best_so_far_has_the_most_resource():
    best = EvolutionDisplay(RESULTS).plot().best_
    assert best.get_xdata().tolist() == [1, 3, 4, 4, 5, 6]
    # With all of the resource the score is lower: another line begins.
    np.testing.assert_array_equal(best.get_ydata(), [0.5, 0.7, np.nan, 0.6, 0.9, 0.9])


def test_the_best_so_far_may_have_any_resource():
    display = EvolutionDisplay(RESULTS, resource_first=False).plot()
    assert display.best_.get_ydata().tolist() == [0.5, 0.7, 0.7, 0.9, 0.9]
    # All of the line can be seen.
    assert display.ax_.get_ylim()[1] > 0.9


def test_what_failed_is_counted():
    label = EvolutionDisplay(RESULTS).plot().ax_.get_xlabel()
    assert label.startswith("seconds since the search began")
    assert label.endswith("1 of 6 evaluations failed or were pruned")


def test_generations_stand_side_by_side():
    display = EvolutionDisplay(RESULTS, over="generations").plot()
    x = [x for points in display.points_.values() for x, _ in offsets(points)]
    assert len(set(x)) == len(x)
    assert sorted(np.round(x)) == [0, 0, 1, 1]
    assert display.ax_.get_xlabel().startswith("generation")


def test_a_search_is_drawn(trees):
    ax = Figure().subplots()
    display = EvolutionDisplay.from_estimator(trees, ax=ax)
    assert display.ax_ is ax
    n_points = sum(len(offsets(points)) for points in display.points_.values())
    n_individuals = len(set(trees.cv_results_["key"]))
    n_below = sum(len(c.get_offsets()) for c in ax.collections) - n_points
    assert n_points + n_below == n_individuals
    assert display.best_.get_ydata()[-1] == trees.best_score_
    assert (np.diff(display.best_.get_xdata()) > 0).all()
    assert ax.get_ylabel() == "score (mean of 3 splits)"


def test_the_legend_covers_no_point(trees):
    display = EvolutionDisplay.from_estimator(trees)
    display.figure_.canvas.draw()
    box = display.ax_.get_legend().get_window_extent()
    assert box.y0 >= display.ax_.get_window_extent().y1


def test_an_unknown_axis_is_refused(trees):
    with pytest.raises(ValueError, match=r"over must be one of .*; got 'epochs'"):
        EvolutionDisplay.from_estimator(trees, over="epochs")
