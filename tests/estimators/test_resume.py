"""A search that is killed goes on where it was, and ends as if nothing had been."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sknevo import (
    EvolvedPipelineClassifier,
    GeneticAlgorithm,
    JournalError,
    read_journal,
)
from sknevo.genomes.pipeline import pipeline

CHEAP = {
    "genome": partial(pipeline, models=["linear", "neighbours"]),
    "population_size": 4,
    "generations": 2,
    "cv": 2,
    "initial_population": [],
    "random_state": 0,
}
# It is killed when the third individual has been evaluated.
SCRIPT = """
import os, signal, sys
from functools import partial
from sklearn.datasets import load_iris
from sknevo import EvolvedPipelineClassifier
from sknevo.genomes.pipeline import pipeline

class Killer:
    seen = 0

    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context): pass

    def on_fit_task_end(self, estimator, context):
        self.seen += context.task_name == "individual"
        if self.seen == 3:
            os.kill(os.getpid(), signal.SIGKILL)

clf = EvolvedPipelineClassifier(
    genome=partial(pipeline, models=["linear", "neighbours"]), population_size=4,
    generations=2, cv=2, initial_population=[], random_state=0,
    journal=sys.argv[1], n_jobs=int(sys.argv[2]),
).set_callbacks(Killer())
clf.fit(*load_iris(return_X_y=True))
"""


def search(**parameters):
    return EvolvedPipelineClassifier(**{**CHEAP, **parameters})


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def whole(iris):
    """Return a search that nothing disturbed."""
    return search().fit(*iris)


def assert_same(one, other):
    assert one.best_chromosome_ == other.best_chromosome_
    assert one.best_score_ == other.best_score_
    for name, column in one.cv_results_.items():
        if isinstance(column, list):
            assert column == other.cv_results_[name]
        elif "time" not in name:
            np.testing.assert_array_equal(column, other.cv_results_[name], name)
    assert one.stop_reason_ == other.stop_reason_


def trained(path):
    return len(read_journal(path)) if Path(path).exists() else 0


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_killed_search_ends_as_an_undisturbed_one(tmp_path, iris, whole, n_jobs):
    path = tmp_path / "run.jsonl"
    killed = subprocess.run([sys.executable, "-c", SCRIPT, path, str(n_jobs)])
    assert killed.returncode == -signal.SIGKILL
    before = trained(path)
    assert 3 <= before < whole.n_evaluations_
    kept = path.read_bytes()
    assert_same(search(journal=path).fit(*iris), whole)
    assert path.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    assert trained(path) == whole.n_evaluations_


def test_a_search_that_ended_is_not_trained_again(tmp_path, iris, whole):
    path = tmp_path / "run.jsonl"
    first = search(journal=path).fit(*iris)
    assert_same(first, whole)
    size = path.stat().st_size
    again = search(journal=path).fit(*iris)
    assert_same(again, whole)
    assert (
        again.cv_results_["mean_fit_time"].tolist()
        == first.cv_results_["mean_fit_time"].tolist()
    )
    assert path.stat().st_size == size


def test_a_search_is_extended(tmp_path, iris, whole):
    path = tmp_path / "run.jsonl"
    search(journal=path, generations=1).fit(*iris)
    before = read_journal(path)
    assert_same(search(journal=path).fit(*iris), whole)
    assert read_journal(path)[: len(before)] == before


class Ageless(GeneticAlgorithm):
    steady = True


@pytest.mark.parametrize(
    "strategy", [GeneticAlgorithm(), pytest.param(Ageless(), marks=pytest.mark.slow)]
)
def test_a_race_goes_on_wherever_it_was_cut_off(tmp_path, iris, strategy):
    path = tmp_path / "run.jsonl"
    race = {"resource": "n_samples", "strategy": strategy, "journal": path}
    first = search(**race).fit(*iris)
    assert len(set(first.cv_results_["resource"])) > 1
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in (2, len(lines) - 1):
        path.write_bytes(b"".join(lines[:kept]))
        assert_same(search(**race).fit(*iris), first)
        assert len(path.read_bytes().splitlines()) == len(lines)


def test_without_a_seed_the_journal_remembers_it(tmp_path, iris):
    path = tmp_path / "run.jsonl"
    one = {"journal": path, "generations": 1, "random_state": None}
    first = search(**one).fit(*iris)
    size = path.stat().st_size
    assert_same(search(**one).fit(*iris), first)
    assert path.stat().st_size == size


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"random_state": 1}, r"seed: \d+ there, \d+ here"),
        ({"scoring": "f1_macro"}, "scoring: None there, f1_macro here"),
        ({"cv": 3}, "splits: "),
    ],
)
def test_another_search_is_refused(tmp_path, iris, change, named):
    path = tmp_path / "run.jsonl"
    search(journal=path, generations=1, population_size=1).fit(*iris)
    other = search(journal=path, **change)
    with pytest.raises(JournalError, match=named):
        other.fit(*iris)
    assert not hasattr(other, "best_estimator_")
    X, y = iris
    with pytest.raises(JournalError, match="data: "):
        search(journal=path).fit(X + 1, y)
    with pytest.raises(JournalError, match="data: "):
        search(journal=path).fit(X, y[::-1])


@pytest.mark.slow
def test_a_set_of_scores_is_the_same_search_in_any_process(tmp_path, iris):
    small = {"population_size": 2, "generations": 1, "refit": "f1_macro"}
    script = tmp_path / "fit.py"
    script.write_text(
        "import sys\nfrom sklearn.datasets import load_iris\n"
        "from sklearn.svm import SVC\nfrom sknevo import EvolvedSearchCV\n"
        "EvolvedSearchCV(SVC(), {'C': [1, 10]}, scoring={'accuracy', 'f1_macro'}, "
        f"journal=sys.argv[1], cv=2, random_state=0, **{small!r})"
        ".fit(*load_iris(return_X_y=True))\n"
    )
    path = tmp_path / "run.jsonl"
    for seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, str(script), str(path)]
        subprocess.run(command, env=environment, check=True)
        assert trained(path) == 2


def test_metadata_that_nothing_takes_are_refused(iris):
    with pytest.raises(TypeError, match=r"unexpected metadata \['offset'\]"):
        search().fit(*iris, offset=np.ones(150))
