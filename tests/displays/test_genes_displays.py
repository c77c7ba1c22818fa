"""Genes that matter are told from those that do not, and silent ones say nothing."""

import numpy as np
import pytest

from sknevo.displays import GeneImportance, GenesDisplay, GeneValuesDisplay
from sknevo.displays._gene_importance import importances
from sknevo.displays._words import gene_label, gene_name


def results_of(n=120):
    """Return results in which x matters, y where it is expressed, and z never."""
    rng = np.random.default_rng(0)
    x, y, z = rng.random((3, n))
    switch = rng.integers(0, 2, n)
    silent = switch == 0
    fitness = 2 * x + np.where(silent, 0, y)
    return {
        "key": [str(i) for i in range(n)],
        "fitness": fitness,
        "end_time": np.arange(n, dtype=float),
        "resource": np.full(n, np.inf),
        "param_x": np.ma.array(x),
        "param_model": np.ma.array(np.array(["off", "on"], object)[switch]),
        "param_model.on.y": np.ma.array(y, mask=silent),
        "param_z": np.ma.array(z),
        "param_rare": np.ma.array(z, mask=np.arange(n) > 4),
    }


def test_importance_is_that_of_the_score():
    found, explained, n_individuals, n_rare = importances(results_of(), 0)
    by_path = {one.path: one for one in found}
    assert set(by_path) == {"x", "model", "model.on.y", "z"}
    assert (n_individuals, n_rare) == (120, 1)
    assert explained > 0.8
    order = ["x", "model", "model.on.y", "z"]
    means = [by_path[path].mean for path in order]
    assert means == sorted(means, reverse=True)
    assert by_path["z"].mean < 0.02
    assert by_path["x"].mean > 0.5
    assert by_path["x"].expressed == 1
    assert by_path["model.on.y"].expressed == pytest.approx(0.5, abs=0.1)


def test_a_gene_that_is_silent_more_often_explains_less():
    results = results_of()
    before = {one.path: one.mean for one in importances(results, 0)[0]}
    on = np.flatnonzero(results["param_model"] == "on")
    # In all but ten of them the gene is silent, and the score another.
    for row in on[10:]:
        results["param_model"][row] = "off"
        results["param_model.on.y"][row] = np.ma.masked
        results["fitness"][row] = 2 * results["param_x"][row]
    after = {one.path: one.mean for one in importances(results, 0)[0]}
    assert after["model.on.y"] < before["model.on.y"] / 2


def test_bars_are_sorted_and_say_what_is_silent():
    display = GenesDisplay(
        [GeneImportance("a.b", 0.1, 0.2, 0.4), GeneImportance("c", 0.5, 0.1, 1.0)],
        explained=-0.3,
        n_individuals=50,
        n_rare=3,
    ).plot()
    assert [bar.get_width() for bar in display.bars_] == [0.5, 0.1]
    ticks = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert ticks == ["c", "b (a), in 40%"]
    label = display.ax_.get_xlabel()
    assert "a forest over 50 individuals explains 0% of it" in label
    assert "3 rarely expressed genes" in label
    colors = {bar.get_facecolor() for bar in display.bars_}
    assert len(colors) == len(display.ax_.get_legend().get_texts()) == 2


def test_only_comparable_scores_count(halved):
    display = GenesDisplay.from_estimator(halved)
    assert display.n_individuals == len(set(halved.cv_results_["key"]))


def test_few_individuals_say_nothing(table):
    with pytest.raises(ValueError, match="at least 20 individuals with a score"):
        GenesDisplay.from_estimator(table)


def test_values_are_points_coloured_by_score():
    results = results_of()
    display = GeneValuesDisplay(results, "model.on.y", best=7).plot()
    n = (~results["param_model.on.y"].mask).sum()
    assert len(display.points_.get_offsets()) == n
    assert display.n_silent_ == 120 - n
    assert f"silent in {120 - n} of 120" in display.ax_.get_xlabel()
    shown = dict(np.asarray(display.points_.get_offsets()))
    row = int(np.flatnonzero(~results["param_model.on.y"].mask)[0])
    assert shown[float(row)] == results["param_model.on.y"][row]
    np.testing.assert_array_equal(
        np.sort(display.points_.get_array()),
        np.sort(results["fitness"][~results["param_model.on.y"].mask]),
    )


def test_categories_have_names(trees):
    display = GeneValuesDisplay.from_estimator(trees, "criterion")
    ticks = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert ticks == ["entropy", "gini"]
    assert display.ax_.get_ylabel() == "criterion"


def test_an_unknown_gene_is_refused(trees):
    with pytest.raises(ValueError, match=r"got 'maxdepth'\. Did you mean 'max_depth'"):
        GeneValuesDisplay.from_estimator(trees, "maxdepth")


@pytest.mark.parametrize(
    ("path", "name", "label"),
    [
        ("scaling", "scaling", "scaling"),
        ("model.lightgbm.num_leaves", "num leaves", "num leaves (lightgbm)"),
        ("blocks.0.kernel", "block 1 kernel", "block 1 kernel"),
        ("generator.optimizer", "generator optimizer", "generator optimizer"),
        ("generator.optimizer.adam.lr", "generator lr", "generator lr (adam)"),
        (
            "generator.dense.1.units",
            "generator dense 2 units",
            "generator dense 2 units",
        ),
    ],
)
def test_genes_have_names(path, name, label):
    assert gene_name(path) == name
    assert gene_label(path) == label
