"""What an evolved estimator shows: a leaderboard, a summary in notebooks, a report."""

import copy
import html
import re
import shutil
import subprocess
from dataclasses import replace
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

from sknevo import (
    EvolvedClassifier,
    EvolvedGAN,
    EvolvedPipelineClassifier,
    EvolvedSearchCV,
)
from sknevo.genomes.pipeline import pipeline
from sknevo.report import _page
from sknevo.report._advice import advice
from sknevo.skops_files import save_skops

SMALL = {"population_size": 3, "generations": 1, "random_state": 0}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
COLUMNS = [
    "model",
    "weight",
    "seconds",
    "origin",
    "generation",
    "status",
    "error",
    "score",
]


def ants(n, seed=0):
    """Return a table of which two columns tell the label, and one nothing."""
    rng = np.random.default_rng(seed)
    size, kind = rng.normal(size=n), rng.choice(["ant", "bee"], n)
    X = pd.DataFrame({"size": size, "kind": kind, "noise": rng.normal(size=n)})
    X.loc[::9, "noise"] = np.nan
    return X, np.where(size + 2.0 * (kind == "ant") > 1, "yes", "no")


@pytest.fixture(scope="module")
def table():
    models = partial(pipeline, models=["linear", "lightgbm"])
    clf = EvolvedPipelineClassifier(**SMALL, cv=3, genome=models, scoring="roc_auc")
    return clf.fit(*ants(120))


@pytest.fixture(scope="module")
def search():
    genome = {"C": loguniform(0.01, 100), "kernel": ["rbf", "linear"]}
    return EvolvedSearchCV(SVC(), genome, **SMALL).fit(*load_iris(return_X_y=True))


@pytest.fixture(scope="module")
def network():
    X, y = load_digits(return_X_y=True)
    few = {"max_epochs": 2, "cv": [(np.arange(60), np.arange(60, 90))]}
    return EvolvedClassifier(**SMALL, **few).fit(X[:90].reshape(-1, 8, 8), y[:90] % 3)


@pytest.fixture(scope="module")
def gan():
    X = np.random.default_rng(0).normal(size=(80, 2))
    return EvolvedGAN(**SMALL, max_epochs=2).fit(X)


KINDS = ["table", "search", "network", "gan"]


@pytest.fixture(params=KINDS)
def fitted(request):
    return request.getfixturevalue(request.param)


def with_results(search, **results):
    """Return a search of which some results are others."""
    changed = copy.copy(search)
    changed.cv_results_ = {**search.cv_results_, **results}
    return changed


# The leaderboard -----------------------------------------------------------------


def test_a_leaderboard_has_a_row_for_each_individual(fitted):
    board = fitted.leaderboard()
    assert [*board.columns] == COLUMNS
    assert board.index.name == "rank"
    assert [*board.index] == [*range(1, len(set(fitted.cv_results_["key"])) + 1)]
    assert board["model"][1] == fitted.best_chromosome_.words
    assert board["score"][1] == pytest.approx(fitted.best_score_)
    assert board["weight"].sum() == pytest.approx(1)
    assert len(fitted.leaderboard(2)) == 2


def test_the_best_comes_first(search):
    scores = search.leaderboard()["score"]
    assert scores.is_monotonic_decreasing
    assert search.leaderboard()["weight"].tolist()[:2] == [1, 0]


def test_the_error_is_the_standard_error_over_the_splits(table):
    results, best = table.cv_results_, table.best_index_
    scores = [results[f"split{i}_test_score"][best] for i in range(3)]
    expected = np.std(scores, ddof=1) / np.sqrt(3)
    assert table.leaderboard()["error"][1] == pytest.approx(expected)


def test_one_split_has_no_error(network):
    assert network.leaderboard()["error"].isna().all()


def test_weights_are_those_of_the_ensemble(table):
    board, members = table.leaderboard(), table.ensemble_.members
    assert sorted(board["weight"][board["weight"] > 0]) == pytest.approx(
        sorted(member.weight for member in members)
    )


def test_what_failed_comes_last_and_has_no_score():
    genome = {"C": [1.0, 2.0], "kernel": ["linear", "precomputed"]}
    first = [{"C": 1.0, "kernel": "precomputed"}, {"C": 1.0, "kernel": "linear"}]
    known = {**SMALL, "population_size": 2, "initial_population": first}
    search = EvolvedSearchCV(SVC(), genome, **known).fit(*load_iris(return_X_y=True))
    board = search.leaderboard()
    assert board["status"].tolist() == ["ok", "error"]
    assert np.isnan(board["score"][2])


def test_with_a_weighted_sum_the_score_is_the_sum():
    weights = {"accuracy": 1.0, "f1_macro": 0.5}
    search = EvolvedSearchCV(
        SVC(), {"C": [0.1, 1.0]}, **SMALL, scoring=[*weights], refit=weights
    ).fit(*load_iris(return_X_y=True))
    assert search.leaderboard()["score"][1] == pytest.approx(search.best_score_)
    assert "weighted sum of accuracy, f1 macro" in search._repr_html_()


def test_what_was_not_tried_is_left_out(search):
    n = len(search.cv_results_["key"])
    tried = np.arange(n) == search.best_index_
    cut_short = with_results(
        search,
        status=np.where(tried, "ok", "skipped"),
        fitness=np.where(tried, search.cv_results_["fitness"], -np.inf),
    )
    assert cut_short.leaderboard()["status"].tolist() == ["ok"]


def test_a_leaderboard_shows_models_and_scores_when_printed(table):
    shown = str(table.leaderboard())
    assert max(map(len, shown.splitlines())) <= 80
    assert table.best_chromosome_.words[:40] in shown
    assert f"{table.best_score_:.4f}"[:-1] in shown


def test_individuals_of_the_same_words_are_told_apart():
    first = [{"C": 0.12341}, {"C": 0.12342}, {"C": 2.0}]
    known = {**SMALL, "initial_population": first}
    search = EvolvedSearchCV(SVC(), {"C": loguniform(0.1, 10)}, **known)
    models = search.fit(*load_iris(return_X_y=True)).leaderboard()["model"]
    assert {*models} == {"C=0.123 (C=0.12341)", "C=0.123 (C=0.12342)", "C=2"}


def test_there_is_no_leaderboard_before_a_fit():
    with pytest.raises(NotFittedError):
        EvolvedSearchCV(SVC(), {"C": [1.0]}).leaderboard()


# In notebooks --------------------------------------------------------------------


def test_a_notebook_shows_winner_score_and_diagram(fitted):
    shown = fitted._repr_html_()
    summary = re.search('<div class="sknevo-summary".*?</div>', shown)[0]
    assert fitted.best_chromosome_.words in summary
    (score,) = re.findall(r"<br>[^<]*? (-?\d+\.\d+)[^<]*, the best of", summary)
    assert float(score) == pytest.approx(fitted.best_score_, abs=0.01)
    assert fitted.stop_reason_ in summary
    assert "sk-container" in shown


def test_a_notebook_shows_the_steps_of_a_pipeline(table):
    shown = table._repr_html_()
    assert "preparation" in shown
    assert "An ensemble of" in shown


def test_a_network_is_shown_in_one_line(network):
    text = repr(network.best_estimator_)
    assert re.fullmatch(r"<ClassifierNet: [\d,]+ weights; module_ .+>", text)
    assert "Conv2d(" not in network._repr_html_()
    assert "not fitted" in repr(clone(network.best_estimator_))


def test_before_a_fit_a_notebook_shows_parameters():
    shown = EvolvedPipelineClassifier(population_size=7)._repr_html_()
    assert "sknevo-summary" not in shown
    assert "population_size" in shown


# The report ----------------------------------------------------------------------


@pytest.fixture
def plain(monkeypatch):
    """Leave out the pictures of a page, which take most of its time."""
    monkeypatch.setattr(_page, "PICTURES", {})


def written(estimator, folder, *data):
    estimator.report(folder / "report.html", *data)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "fitted",
    ["table", "gan", *(pytest.param(n, marks=pytest.mark.slow) for n in KINDS[1:3])],
    indirect=True,
)
def test_a_report_needs_no_network(fitted, tmp_path):
    page = written(fitted, tmp_path)
    assert page.startswith("<!doctype html>")
    # Nothing is fetched: links alone may point elsewhere.
    assert not re.search(r'(src|<link[^>]* href)="?(?!data:)http', page)
    assert "@import" not in page
    assert html.escape(fitted.best_chromosome_.words) in page
    assert fitted.stop_reason_ in page
    assert "the maximum of" in page
    for title in ("Data", "Leaderboard", "What to try next", "Load it and predict"):
        assert title in page


@pytest.mark.slow
@pytest.mark.usefixtures("plain")
def test_a_report_of_new_rows_has_a_score_and_columns(table, tmp_path):
    page = written(table, tmp_path, *ants(80, seed=1))
    assert f"ROC AUC {table.score(*ants(80, seed=1)):.2f}"[:-1] in page
    assert "on 80 rows" in page
    assert "Importance of columns" in page
    assert "Importance of columns" not in written(table, tmp_path)


@pytest.mark.usefixtures("plain")
def test_the_code_in_a_report_predicts(table, tmp_path, monkeypatch, capsys):
    X, _ = ants(10, seed=1)
    page = written(table, tmp_path)
    code = html.unescape(re.search("<code>(import joblib.*?)</code>", page, re.S)[1])
    monkeypatch.chdir(tmp_path)
    joblib.dump(table, "model.joblib")
    X.to_csv("new_rows.csv", index=False)
    exec(code, {})
    assert capsys.readouterr().out.split("'")[1::2] == table.predict(X).tolist()


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", ["table.pkl", "my table.joblib", "table.skops"])
def test_the_code_loads_the_file_that_was_written(
    name, table, tmp_path, monkeypatch, capsys
):
    X, _ = ants(10, seed=1)
    monkeypatch.chdir(tmp_path)
    if name.endswith(".skops"):
        pytest.importorskip("skops")
        save_skops(table.ensemble_, name)
    else:
        joblib.dump(table, name)
    table.report("report.html", saved_as=name)
    page = html.unescape((tmp_path / "report.html").read_text(encoding="utf-8"))
    X.to_csv("new_rows.csv", index=False)
    exec(re.search("<code>(import.*?)</code>", page, re.S)[1], {})
    assert capsys.readouterr().out.split("'")[1::2] == table.predict(X).tolist()
    assert ("sknevo predict table" in page) != name.endswith(".joblib")


@pytest.mark.usefixtures("plain")
def test_a_winner_without_weight_is_told(table, tmp_path):
    assert "no weight" not in written(table, tmp_path)
    others = [r for r in range(len(table._rows_)) if r != table.best_index_]
    last = copy.copy(table)
    last.ensemble_ = copy.copy(table.ensemble_)
    chromosome = table._rows_[others[0]][0]
    last.ensemble_.members = [
        replace(one, index=others[0], chromosome=chromosome, weight=1.0)
        for one in table.ensemble_.members[:1]
    ]
    assert "The best individual has no weight in it" in written(last, tmp_path)
    assert "An ensemble of 1 member, without the best individual, predicts" in (
        last._repr_html_()
    )


@pytest.mark.usefixtures("plain")
def test_a_report_escapes_what_it_shows(tmp_path):
    X = pd.DataFrame({"<script>alert(1)</script>": np.arange(20.0)})
    search = EvolvedSearchCV(SVC(), {"C": [0.1, 1.0]}, **{**SMALL, "cv": 2})
    page = written(search.fit(X, np.arange(20) % 2), tmp_path)
    assert "<script>alert(1)" not in page


@pytest.mark.usefixtures("plain")
def test_a_report_replaces_the_file_and_leaves_nothing_behind(search, tmp_path):
    before = {*vars(search)}
    assert written(search, tmp_path) == written(search, tmp_path)
    assert {*vars(search)} == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.usefixtures("plain")
def test_without_a_refit_a_report_has_no_code_that_predicts(tmp_path):
    search = EvolvedSearchCV(SVC(), {"C": [0.1, 1.0]}, **SMALL, refit=False)
    page = written(search.fit(*load_iris(return_X_y=True)), tmp_path)
    assert "Leaderboard" in page
    assert "joblib.load" not in page


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="chromium is not installed")
def test_a_browser_shows_a_report(table, tmp_path):
    written(table, tmp_path, *ants(80, seed=1))
    picture, page = tmp_path / "page.png", (tmp_path / "report.html").as_uri()
    # A window of the system may be missing, and so may a sandbox in a container.
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    alone = "--host-resolver-rules=MAP * ~NOTFOUND"  # without a network
    shown = subprocess.run(
        [BROWSER, *options, alone, page], capture_output=True, text=True, timeout=300
    ).stdout
    assert html.escape(table.best_chromosome_.words) in shown
    assert "sk-container" in shown
    options = [*options[:3], "--window-size=1000,900", f"--screenshot={picture}"]
    subprocess.run([BROWSER, *options, alone, page], capture_output=True, timeout=300)
    pixels = np.asarray(Image.open(picture).convert("L"))
    assert pixels.shape == (900, 1000)
    assert pixels.std() > 10


@pytest.mark.usefixtures("plain")
def test_rows_without_their_targets_are_refused(table, search, gan, tmp_path):
    X = ants(80, seed=1)[0]
    for estimator, rows in ((table, X), (search, load_iris().data)):
        with pytest.raises(ValueError, match="y must hold the targets of X"):
            estimator.report(tmp_path / "report.html", rows)
        with pytest.raises(ValueError, match="y must hold the targets of X"):
            estimator.score(rows)
    gan.report(tmp_path / "report.html", np.random.default_rng(1).normal(size=(40, 2)))


# What to try next ----------------------------------------------------------------


def told(search, **changes):
    """Return the advice for a search of which some results are others."""
    changed = with_results(search, **changes.pop("results", {}))
    for name, value in changes.items():
        setattr(changed, name, value)
    return " ".join(advice(changed._facts()))


def test_a_search_that_was_improving_needs_more_time(search):
    last = len(search.cv_results_["key"]) - 1
    late = {"best_index_": last, "stop_reason_": "max_time=5 s used up"}
    assert "was improving. Give it more time" in told(search, **late)
    assert "was improving" not in told(search, **late | {"best_index_": 0})


def test_failures_are_told_with_their_cause(search):
    n = len(search.cv_results_["key"])
    status, error = np.full(n, "ok", object), np.full(n, "", object)
    status[1:], error[1:] = "memory", "MemoryError: 3 GB"
    said = told(search, best_index_=0, results={"status": status, "error": error})
    assert f"{n - 1} of {n} individuals" in said
    assert "MemoryError: 3 GB" in said
    assert "Raise memory_limit" in said


def test_numbers_at_the_end_of_their_range_are_told():
    known = {**SMALL, "initial_population": [{"C": 10.0}], "population_size": 1}
    search = EvolvedSearchCV(SVC(), {"C": loguniform(0.1, 10)}, **known)
    assert "C = 10 (of 0.1 to 10)" in told(search.fit(*load_iris(return_X_y=True)))


def test_one_split_has_scores_without_an_error(network):
    assert "cv=5 gives one" in told(network)
