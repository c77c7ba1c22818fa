"""What `verbose` prints: the plan at once, what is found, how it ended."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sknevo import EvolvedPipelineClassifier, EvolvedSearchCV
from sknevo.describe import score_text
from sknevo.estimators._lines import Printer
from sknevo.estimators._progress import say_data, say_plan
from sknevo.evaluation import Objectives
from sknevo.records import Chromosome, Column, DataSpec, Evaluation, Generation
from sknevo.time_budget import TimeBudget

X = np.random.default_rng(0).normal(size=(30, 2))
Y = (X[:, 0] > 0).astype(int)
MODEL = {"choice": "lightgbm", "lightgbm": {"num_leaves": 31}}
GENES = {"preparation": {"encoding": "onehot"}, "scaling": "none", "model": MODEL}
ONE = Evaluation(Chromosome(GENES, origin="known"), "ok", 0.9)
SUMMARY = Generation(2, 0.9, 0.8, evaluated=9, cached=1, failed=1, seconds=4.0)


def printed(verbose, evaluations=(), generations=(), best=None):
    """Yield to a printer, and return it with the budget that knows the best."""
    budget = TimeBudget(60)
    printer = Printer(verbose, budget, "samples")
    for one in evaluations:
        budget.best = one if one is best else budget.best
        printer.on_evaluation_end(one)
    for one in generations:
        printer.on_generation_end(one)


def lines(capsys):
    """Return what was printed, without the clock."""
    out = capsys.readouterr().out.splitlines()
    return [re.sub(r"^ *\d+\.\d s  ", "", line) for line in out]


# The plan -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (X, "X (ndarray of 30 x 2)"),
        (pd.DataFrame(X), "X (DataFrame of 30 x 2)"),
        (X.tolist(), "X (list of 30)"),
        ("a/clicks.csv", "the table 'a/clicks.csv'"),
        (iter([]), "X (list_iterator)"),
        (None, "X (NoneType)"),
    ],
)
def test_the_plan_names_the_data(data, said, capsys):
    say_plan(EvolvedPipelineClassifier(max_time=60, verbose=1), data)
    expected = f"EvolvedPipelineClassifier evolves pipelines for {said}, until "
    assert lines(capsys) == [f"{expected}max_time=60."]


def test_the_plan_comes_before_the_data_are_read(capsys):
    with pytest.raises(ValueError, match="Found 0 sample"):
        EvolvedSearchCV(SVC(), {"C": [1.0]}, verbose=1).fit(X[:0], Y[:0])
    (line,) = lines(capsys)
    assert line.startswith("EvolvedSearchCV evolves parameters of SVC for X (ndarray")


def test_what_was_read_is_said(capsys):
    clf = EvolvedPipelineClassifier(scoring="roc_auc", verbose=1)
    columns = [Column(i, "numeric") for i in range(3)] + [Column(3, "categorical")]
    spec = DataSpec("classification", 24, 2, tuple(columns))
    say_data(clf, spec, Objectives.of(SVC(), "roc_auc", True), 5)
    clf.set_params(n_jobs=2, scoring=["f1", "accuracy"], refit="f1")
    images = DataSpec("classification", 24, 10, shape=(28, 28))
    objectives = Objectives.of(SVC(), ["f1", "accuracy"], "f1")
    say_data(clf, images, objectives, 1)
    assert lines(capsys) == [
        "columns: 3 numeric, 1 categorical; 2 classes; scored by roc_auc on 5 splits",
        "images of 28 x 28; 10 classes; scored by f1 on one split, "
        "2 individuals at a time",
    ]


# What is found ------------------------------------------------------------------------


def test_each_new_best_is_printed_in_words(capsys):
    worse = replace(ONE, fitness=0.8)
    part = replace(ONE, resource=2_000)
    printed(1, [part, worse], best=part)
    (line,) = lines(capsys)
    assert line.startswith("best 0.9000 (2,000 samples)  LightGBM, 31 leaves")


def test_all_individuals_are_printed_if_wanted(capsys):
    failed = replace(ONE, status="error", error="ValueError: no")
    late = replace(ONE, status="unfinished", error="stopped as the search was over")
    printed(2, [ONE, failed, late], best=ONE)
    first, second, third = lines(capsys)
    assert first.startswith("best 0.9000  LightGBM, 31 leaves")
    assert first.endswith(" [known]")
    assert second.startswith("     failed  LightGBM, 31 leaves")
    assert second.endswith(" [known]: ValueError: no")
    assert third.startswith("     cut off  LightGBM, 31 leaves")
    assert third.endswith(" [known]")
    assert ONE.chromosome.key not in first + second + third


def test_a_quiet_search_says_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr("sknevo.estimators._lines.QUIET", 0.0)
    worse = replace(ONE, fitness=0.8)
    pruned = replace(ONE, status="pruned")
    printed(1, [ONE, worse, pruned], best=ONE)
    last = lines(capsys)[-1]
    assert last.strip().startswith("so far 2 evaluated, 1 pruned; ")
    assert last.endswith(" s left")


def test_a_generation_tells_what_was_cut_off_from_what_failed(capsys):
    error = replace(ONE, status="error", error="ValueError: no")
    late = replace(ONE, status="unfinished", error="stopped as the search was over")
    printed(1, [error, late], [replace(SUMMARY, cut_off=4, pruned=2)])
    line, cause = lines(capsys)
    assert re.sub(r"\d+ s left", "60 s left", line) == (
        "generation 2: best 0.9000, median 0.8000; 2 evaluated, 1 known already, "
        "2 pruned, 4 cut off, 1 failed; 60 s left"
    )
    assert cause == "     1 x ValueError: no"


def test_a_generation_without_time_or_success_says_no_number(capsys):
    nothing = replace(SUMMARY, evaluated=0, cached=0, failed=0, median=math.nan)
    alike = replace(SUMMARY, best=-math.inf, median=math.nan, evaluated=3, failed=3)
    printed(1, [], [nothing, alike])
    (line,) = lines(capsys)
    assert line.startswith(
        "generation 2: nothing has succeeded yet; 1 known already, 3 failed"
    )


# A whole fit --------------------------------------------------------------------------


def test_a_fit_says_how_it_ended(capsys):
    search = EvolvedSearchCV(LogisticRegression(), {"C": [1, 10]}, cv=2, verbose=1)
    search.set_params(population_size=2, generations=1, random_state=0).fit(X, Y)
    said = lines(capsys)
    assert said[0].endswith("X (ndarray of 30 x 2), until generations=1.")
    assert said[1] == "2 classes; scored by its own score on 2 splits"
    assert said[2].startswith("best ")
    assert any(line.startswith("generation 0: best ") for line in said)
    assert said[-3:] == [
        "end: generations=1 done; 2 evaluated",
        f"best {search.best_score_:.4f}: {search.best_chromosome_.words}",
        "expected on new data: "
        + score_text(search.expected_score_, search.expected_score_error_),
    ]


def test_nothing_is_printed_by_default(capsys):
    search = EvolvedSearchCV(LogisticRegression(), {"C": [1, 10]}, cv=2)
    search.set_params(population_size=2, generations=1, random_state=0).fit(X, Y)
    assert capsys.readouterr().out == ""
