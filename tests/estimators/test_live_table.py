"""The table that is kept up to date while a fit runs, in terminals and notebooks."""

import io
import math
import os
import pty
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sknevo import EvolvedSearchCV
from sknevo.estimators import _progress, _screens
from sknevo.estimators._live_table import LiveTable
from sknevo.estimators._screens import Notebook, Sheet, Terminal, open_screen
from sknevo.records import Chromosome, Evaluation, Generation
from sknevo.time_budget import TimeBudget

X = np.random.default_rng(0).normal(size=(30, 2))
Y = (X[:, 0] > 0).astype(int)
TREES = {"num_leaves": 31}
GENES = {
    "preparation": {"encoding": "onehot"},
    "scaling": "none",
    "model": {"choice": "lightgbm", "lightgbm": TREES},
}
SVM = {**GENES, "model": {"choice": "svm", "svm": {"C": 1.0}}}
BOOSTER = Evaluation(
    Chromosome(GENES), "ok", 0.9, fit_times=(2.0,), resource=2_000, end_time=1.0
)
MACHINE = replace(BOOSTER, chromosome=Chromosome(SVM), fitness=0.95)
SHEET = Sheet(
    "Fit: searching, 7 s",
    0.25,
    {"best individual": "SVM <b>"},
    [("SVM", "2", "0.9000", "3")],
)


@dataclass
class Recorder:
    """A screen that keeps what it is shown."""

    sheets: list = field(default_factory=list)
    is_closed: bool = False

    def show(self, sheet):
        self.sheets.append(sheet)

    def close(self):
        self.is_closed = True


# What it says -------------------------------------------------------------------------


def told(evaluations, generations=None, max_time=None, summaries=()):
    """Return what a table says after a few evaluations, the last of which is best."""
    budget = TimeBudget(max_time)
    table = LiveTable(Recorder(), budget, "Fit", generations)
    table.search(
        lambda candidate: candidate.chromosome.genes["model"]["choice"], "rows"
    )
    for one in evaluations:
        budget.best = one if one.status == "ok" else budget.best
        table.on_evaluation_end(one)
    for one in summaries:
        table.on_generation_end(one)
    return table.sheet()


def test_it_says_what_leads_what_became_of_all_and_which_models_there_are():
    failed = replace(BOOSTER, status="error", fitness=-math.inf, error="ValueError: no")
    late = replace(MACHINE, status="unfinished", fitness=-math.inf)
    known = replace(BOOSTER, cached=True)
    sheet = told([failed, late, known, BOOSTER, MACHINE])
    assert sheet.facts == {
        "best score": "0.9500 (2,000 rows)",
        "best individual": MACHINE.chromosome.words,
        "generation": "1",
        "individuals": "2 evaluated, 1 known already, 1 cut off, 1 failed",
        "most failures": "1 x ValueError: no",
    }
    assert sheet.models == [
        ("SVM", "1", "0.9500 (2,000 rows)", "4"),
        ("LightGBM", "2", "0.9000 (2,000 rows)", "4"),
    ]


def test_it_says_the_time_and_how_much_of_the_search_is_over():
    assert told([], max_time=60).title.endswith(": searching, 0 s, 60 s left")
    assert told([], max_time=60).share == pytest.approx(0, abs=0.05)
    assert math.isnan(told([]).share)
    summary = Generation(1, 0.9, 0.8, evaluated=9, cached=0, failed=0, seconds=1.0)
    assert told([], generations=4, summaries=[summary]).share == 0.5
    assert told([]).facts["individuals"] == "none has ended yet"


def test_it_is_kept_up_to_date_between_events(monkeypatch):
    monkeypatch.setattr("sknevo.estimators._live_table.TICK", 0.001)
    shown = threading.Event()

    class Waiting(Recorder):
        def show(self, sheet):
            super().show(sheet)
            if len(self.sheets) > 2:
                shown.set()

    with LiveTable(Waiting(), TimeBudget(60), "Fit") as table:
        assert shown.wait(60)
    assert table.screen.is_closed
    assert table.screen.sheets[0].title == "Fit: reading the data, 0 s, 60 s left"
    assert table.screen.sheets[-1].title.startswith("Fit took ")


# A whole fit --------------------------------------------------------------------------


def search(monkeypatch, **parameters):
    """Return a small search, and the screen that it will have."""
    screen = Recorder()
    monkeypatch.setattr(_progress, "open_screen", lambda: screen)
    found = EvolvedSearchCV(LogisticRegression(), {"C": [1, 10]}, cv=2, random_state=0)
    found.set_params(population_size=2, generations=2, **parameters)
    return found, screen


def test_with_a_screen_a_fit_prints_its_plan_and_its_end(monkeypatch, capsys):
    found, screen = search(monkeypatch, verbose=1)
    found.fit(X, Y)
    assert screen.is_closed
    last = screen.sheets[-1]
    assert last.share == 1
    assert last.facts["generation"] == "2 of 2"
    assert last.facts["best individual"] == found.best_chromosome_.words
    out = capsys.readouterr().out
    assert "until generations=2" in out
    assert "end: generations=2 done" in out
    assert "generation 0" not in out


def test_each_individual_has_a_line_if_wanted(monkeypatch, capsys):
    found, screen = search(monkeypatch, verbose=2)
    found.fit(X, Y)
    assert screen.is_closed
    assert "generation 0: best" in capsys.readouterr().out


def test_the_screen_is_closed_if_a_fit_fails(monkeypatch):
    found, screen = search(monkeypatch, verbose=1)
    with pytest.raises(ValueError, match="Found 0 sample"):
        found.fit(X[:0], Y[:0])
    assert screen.is_closed


def test_a_silent_fit_takes_no_screen(monkeypatch):
    found, screen = search(monkeypatch, verbose=0)
    found.fit(X, Y)
    assert screen.sheets == []


# Where it is shown --------------------------------------------------------------------


def test_a_terminal_shows_one_sheet_in_place_of_the_one_before():
    rich = pytest.importorskip("rich.console", reason="the extra progress is missing")
    out = io.StringIO()
    screen = Terminal(rich.Console(file=out, force_terminal=True, width=60))
    screen.show(SHEET)
    first = len(out.getvalue())
    screen.show(replace(SHEET, title="Fit: searching, 8 s"))
    screen.close()
    shown = out.getvalue()
    for text in ("Fit: searching, 7 s", "best individual", "SVM <b>", "best score"):
        assert text in shown[:first]
    assert "\x1b[1A" in shown[first:]  # the cursor goes up
    assert "Fit: searching, 8 s" in shown[first:]


def test_a_notebook_shows_html_and_replaces_it(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda data, raw: shown.append(data))

    def display(data, raw, display_id):
        assert raw
        assert display_id
        shown.append(data)
        return handle

    monkeypatch.setitem(
        sys.modules, "IPython.display", SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    screen = Notebook()
    screen.show(SHEET)
    screen.show(replace(SHEET, share=math.nan, models=[]))
    first, second = (data["text/html"] for data in shown)
    assert "SVM &lt;b&gt;" in first
    assert '<progress value="0.250" max="1">' in first
    assert first.count("<tr>") == 3
    assert "<progress" not in second
    assert second.count("<tr>") == 1
    assert shown[0]["text/plain"].splitlines()[0] == SHEET.title


def test_there_is_a_screen_in_notebooks_and_terminals_of_the_main_thread(monkeypatch):
    kernel = SimpleNamespace(kernel=object())
    inside = SimpleNamespace(get_ipython=lambda: kernel)
    monkeypatch.setitem(sys.modules, "IPython", inside)
    assert isinstance(open_screen(), Notebook)
    found = []
    thread = threading.Thread(target=lambda: found.append(open_screen()))
    thread.start()
    thread.join()
    monkeypatch.setattr(_screens.multiprocessing, "parent_process", object)
    assert [*found, open_screen()] == [None, None]


def test_there_is_no_screen_where_output_goes_to_a_file(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    assert open_screen() is None
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert open_screen() is None
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(_screens, "is_installed", lambda module: False)
    assert open_screen() is None


FIT = """
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier
from sknevo import EvolvedSearchCV

print("before")
EvolvedSearchCV(
    DecisionTreeClassifier(), {"max_depth": [1, 2, 3]}, population_size=2,
    generations=2, cv=2, random_state=0, verbose=1,
).fit(*load_iris(return_X_y=True))
print("after")
"""


@pytest.mark.slow
def test_a_real_terminal_has_the_table_between_the_plan_and_the_end():
    pytest.importorskip("rich", reason="the extra progress is not installed")
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "90", "LINES": "40"}
    with subprocess.Popen(
        [sys.executable, "-c", FIT], stdout=theirs, stderr=theirs, env=env
    ) as process:
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 4096):
                parts.append(part)
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    shown = b"".join(parts).decode()
    assert process.returncode == 0, shown
    places = [
        shown.find(text)
        for text in ("before", "until gen", "searching", "best score", "end:", "after")
    ]
    assert -1 not in places, shown
    assert places == sorted(places)


@pytest.mark.slow
def test_a_real_notebook_has_one_table_without_widgets():
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FIT)])
    nbclient.NotebookClient(
        notebook, timeout=600, startup_timeout=600, kernel_name="python3"
    ).execute()
    outputs = notebook.cells[0].outputs
    (table,) = [one.data for one in outputs if one.output_type == "display_data"]
    assert "EvolvedSearchCV took" in table["text/html"]
    assert "best individual" in table["text/html"]
    streams = "".join(one.text for one in outputs if one.output_type == "stream")
    assert streams.startswith("before")
    assert streams.rstrip().endswith("after")
