"""What is relied on in benchmarks/peers: rows go on, ranks count, fits end in time."""

import importlib
import os
import sys
import threading
import time
from argparse import Namespace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_classification

from sknevo import EvolvedPipelineClassifier
from sknevo.genomes.pipeline import pipeline

pytest.importorskip("psutil")
PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a module of the benchmark."""
    monkeypatch.syspath_prepend(PEERS)
    return importlib.import_module


def row(method, value, table="segment", error="", **others):
    return {
        "seed": 0,
        "table": table,
        "score": "neg_log_loss",
        "budget": 30.0,
        "method": method,
        **({} if error else {"neg_log_loss": value}),
        "fit_seconds": 31.0,
        "seconds": 33.0,
        "memory_mb": 100,
        "n_candidates": 5,
        "error": error,
        **others,
    }


ROWS = [
    row("sknevo", -0.9),  # repeated below
    row("sknevo", -0.3),
    row("flaml", -0.5),
    row("sknevo_random", -0.1),
    row("sknevo", -0.4, "phoneme"),
    row("flaml", None, "phoneme", error="killed after 150 s"),
    row("sknevo_random", -0.4, "phoneme"),
    row("sknevo", -0.2, "HMDA"),  # the others did not run
]


def test_ranks_count_failures_as_last_and_only_splits_that_all_methods_have(module):
    summary = module("_summary")
    scores = summary.scores_of(summary.table_of(ROWS))
    assert sorted(scores.index.get_level_values("table")) == ["phoneme", "segment"]
    ranks = summary.mean_ranks(scores)
    assert ranks.to_dict() == {"sknevo_random": 1.25, "sknevo": 1.75, "flaml": 3.0}
    wins = summary.wins(scores, "sknevo")
    assert wins.loc["flaml"].to_list() == [2, 0, 0, 1.0]
    assert wins.loc["sknevo_random"].to_list() == [0, 1, 1, 0.25]
    assert summary.pairs(scores).loc["sknevo_random"].to_list() == [1, 0, 2]


def test_report_leaves_variants_out_among_peers_and_names_failures(module):
    report = module("_summary").report(ROWS)
    assert "neg_log_loss, 30 s: 2 splits of 2 tables" in report
    assert "| sknevo | 1 | 1.75 |" in report
    assert "more than four classes" in report
    assert "- flaml, phoneme, seed 0, neg_log_loss: killed after 150 s" in report


def test_a_report_of_some_methods_has_the_splits_that_these_have(module):
    report = module("_summary").report(ROWS, ["sknevo"])
    assert "neg_log_loss, 30 s: 3 splits of 3 tables" in report
    assert "flaml" not in report


def test_losses_are_compared_by_their_logarithms_over_tables(module):
    rows = [
        *(
            row(name, loss, seed=1)
            for name, loss in {"sknevo": -0.1, "svm": -0.1}.items()
        ),
        *(row(name, loss) for name, loss in {"sknevo": -0.1, "svm": -0.4}.items()),
        row("sknevo", None, "abalone", score="r2", r2=0.6),
        row("svm", None, "abalone", score="r2", r2=0.9),
    ]
    summary = module("_summary")
    found = summary.ratios(summary.table_of(rows), "sknevo").loc["svm", 30.0]
    first, second = 100 * np.log(0.25) / 2, 100 * np.log(4)
    expected = [(first + second) / 2, (second - first) / 2, 2, 1, 3]
    np.testing.assert_allclose(found, expected)
    assert "| svm, 30 s | 34.66 | 103.97 | 2 | 1 | 3 |" in summary.report(rows)


def test_report_says_where_members_come_from(module):
    rows = [
        row("sknevo", -0.1, seed=seed, n_generations=4, weights=weights)
        for seed, weights in enumerate([{"known": 1.0}, {"known": 0.5, "bred": 0.5}])
    ]
    rows[0]["weights"]["bred"] = 0.0
    assert "| sknevo, 30 s | 0.75 | 0.25 | 4 |" in module("_summary").report(rows)


def test_costs_are_what_exceeds_the_budget(module):
    summary = module("_summary")
    costs = summary.costs(summary.table_of(ROWS))
    assert costs.loc["flaml", ["fits", "failed"]].to_list() == [2, 1]
    assert costs.loc["sknevo", "fit_over_most"] == 1
    assert costs.loc["sknevo", "process_over_most"] == 3


def test_a_run_that_was_stopped_goes_on_where_it_was(module, monkeypatch, tmp_path):
    compare, rows = module("compare"), module("_rows")
    args = Namespace(
        seeds=[0, 1],
        tables=["segment", "abalone"],
        scores=["neg_log_loss", "r2"],
        budgets=[30.0],
        methods=["sknevo", "lightgbm"],
        environments=tmp_path,
        out=tmp_path / "new" / "rows.jsonl",
        side_by_side=False,
    )
    ran = []

    def one_row(cell, place, args):
        if len(ran) == 3:
            ran.append("stopped")
            raise KeyboardInterrupt
        ran.append(cell)
        return row(cell.method, -1.0) | cell._asdict()

    monkeypatch.setattr(compare, "one_row", one_row)
    with pytest.raises(KeyboardInterrupt):
        compare.run_all(args)
    compare.run_all(args)
    ran.remove("stopped")
    # Methods in turn, then tables, each with its own score; seeds come first.
    assert ran == [
        rows.Cell(seed, table, score, 30.0, method)
        for seed in (0, 1)
        for table, score in (("segment", "neg_log_loss"), ("abalone", "r2"))
        for method in ("sknevo", "lightgbm")
    ]
    assert len(rows.read(args.out)) == 8


def test_side_by_side_all_methods_of_a_split_run_on_cores_of_their_own(
    module, monkeypatch, tmp_path
):
    compare = module("compare")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4, 7, 8, 9})
    together = threading.Barrier(2, timeout=20)
    ran = []

    def one_row(cell, place, args):
        together.wait()
        ran.append((cell.table, cell.method, *compare.cores_of(place, args.n_jobs)))
        return row(cell.method, -1.0) | cell._asdict()

    monkeypatch.setattr(compare, "one_row", one_row)
    args = Namespace(
        seeds=[0],
        tables=["segment", "HMDA"],
        scores=["neg_log_loss"],
        budgets=[30.0],
        methods=["sknevo", "svm"],
        environments=tmp_path,
        out=tmp_path / "rows.jsonl",
        side_by_side=True,
        n_jobs=2,
    )
    compare.run_all(args)
    assert [table for table, *_ in ran] == ["segment", "segment", "HMDA", "HMDA"]
    assert {tuple(method_and_cores) for _, *method_and_cores in ran} == {
        ("sknevo", 3, 4),
        ("svm", 7, 8),
    }
    with pytest.raises(ValueError, match="Too few cores"):
        compare.cores_of(2, 2)


def test_a_missing_environment_is_an_error_before_the_first_fit(module, tmp_path):
    args = Namespace(methods=["sknevo", "flaml"], environments=tmp_path)
    with pytest.raises(FileNotFoundError, match="make the environments first"):
        module("compare").run_all(args)


@pytest.mark.slow
def test_a_fit_is_a_process_whose_predictions_are_scored(module, monkeypatch, tmp_path):
    compare, tables = module("compare"), module("_tables")
    X, y = make_classification(80, random_state=0)
    X = pd.DataFrame(X).set_axis([f"x{i}" for i in range(20)], axis=1)
    X["label"] = np.where(y, "None", "b c")
    split = tables.Split(2, X[:60], X[60:], y[:60], y[60:])
    monkeypatch.setattr(compare, "load", lambda *_: split)
    args = Namespace(data=None, n_jobs=1, environments=tmp_path, logs=None)
    cell = module("_rows").Cell(0, "segment", "neg_log_loss", 5.0, "svm")
    found = compare.one_row(cell, 0, args)
    assert found["error"] == ""
    assert found["neg_log_loss"] > -0.3
    assert found["accuracy"] > 0.9
    assert 0 < found["fit_seconds"] < found["seconds"]
    assert found["memory_mb"] > 10


@pytest.mark.slow
def test_a_made_table_is_the_same_in_every_process_and_is_scored(module, tmp_path):
    made = module("_made")
    for name in ("categories_10", "columns_100", "linear_8k"):
        first, again = (made.make(name, 1, is_test=True) for _ in range(2))
        other = made.make(name, 2, is_test=True)
        assert first.X.shape == again.X.shape == other.X.shape
        assert np.array_equal(first.y, again.y)
        assert not np.array_equal(first.y, other.y)
        assert 0.2 < first.y.mean() < 0.8
    args = Namespace(data=None, n_jobs=1, environments=tmp_path, logs=None)
    cell = module("_rows").Cell(0, "columns_10", "roc_auc", 5.0, "lightgbm")
    found = module("compare").one_row(cell, 0, args)
    assert found["error"] == ""
    assert found["roc_auc"] > 0.6
    assert found["given_mb"] == pytest.approx(6000 * (10 * 4 + 8) / 2**20, rel=0.1)


def test_the_course_of_a_fit_holds_the_scores_that_were_the_best_so_far(module):
    course = module("_methods").Course()
    X, y = load_iris(return_X_y=True)
    search = EvolvedPipelineClassifier(
        genome=partial(pipeline, models=["linear"]),
        population_size=4,
        generations=1,
        random_state=0,
    )
    search.set_callbacks(course)
    search.fit(X, y)
    seconds, scores = zip(*course.risen(), strict=True)
    assert seconds[0] > 0
    assert list(seconds) == sorted(seconds)
    assert list(scores) == sorted(scores)
    assert scores[-1] == search.best_score_


def test_a_process_that_hangs_is_ended_with_its_children(module, tmp_path):
    process = module("_process")
    code = "import subprocess; subprocess.run(['sleep', '60'])"
    begin = time.perf_counter()
    ended = process.run([sys.executable, "-c", code], tmp_path, {}, limit=1.0)
    assert ended.error == "killed after 1 s"
    assert time.perf_counter() - begin < 20
