"""What is relied on in benchmarks/pictures.py: equal time, honest sets, rows go on."""

import importlib
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sknevo.records import Chromosome

pytest.importorskip("psutil")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a module of the benchmark."""
    monkeypatch.syspath_prepend(BENCHMARKS / "peers")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def row(method, accuracy, **others):
    return {
        "seed": 0,
        "scored": "test",
        "set": "digits",
        "budget": 30.0,
        "method": method,
        "accuracy": accuracy,
        "macro_f1": accuracy,
        "log_loss": 1 - accuracy,
        "error": "",
        **others,
    }


def test_a_fixed_network_trains_for_its_seconds(module):
    rng = np.random.default_rng(0)
    y = np.repeat(["dark", "light"], 40)
    X = rng.integers(0, 100, (80, 12, 12, 3), dtype=np.uint8)
    X[40:] += 100
    network = module("_fixed_networks").FixedNetwork((4,), 0.5, True, 1, 0)
    begin = time.perf_counter()
    network.fit(X, y)
    assert 0.5 <= time.perf_counter() - begin < 10
    assert set(network.predict(X)) <= {"dark", "light"}
    np.testing.assert_allclose(network.predict_proba(X).sum(axis=1), 1)


def test_shifts_and_mirroring_keep_the_pixels_of_each_image(module):
    torch = pytest.importorskip("torch")
    images = torch.arange(20.0).reshape(-1, 1, 1, 1).expand(-1, 3, 10, 10)
    np.testing.assert_array_equal(module("_fixed_networks")._moved(images), images)


@pytest.mark.parametrize(
    "name", ["digits", pytest.param("insects", marks=pytest.mark.slow)]
)
def test_sets_without_files_are_drawn_by_the_seed(module, name):
    load = module("_picture_sets").load
    first, again, other = (load(name, None, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)


def test_settings_are_chosen_without_the_test_images(module):
    load = module("_picture_sets").load
    images, held_out = load("digits", None, 0), load("digits", None, 0, "held_out")
    used = np.concatenate([held_out.X, held_out.X_test])
    assert len(used) == len(images.X)
    assert {x.tobytes() for x in used} == {x.tobytes() for x in images.X}


def test_a_set_that_is_missing_says_so(module, tmp_path):
    with pytest.raises(OSError, match="shore4"):
        module("_picture_sets").load("shore4", tmp_path, 0)


def test_lines_of_a_journal_are_noted_when_they_are_complete(module, tmp_path):
    path = tmp_path / "journal.jsonl"
    lines = module("pictures").Lines(path)
    lines.look()
    genes = {"training": {"epochs": 3}, "blocks": [{"channels": 8, "kernel": 3}]}
    record = {
        "chromosome": json.loads(Chromosome(genes, origin="known").to_json()),
        "resource": 1,
        "status": "ok",
        "fitness": 0.5,
        "fit_times": [2.0],
        "score_times": [1.0],
    }
    text = json.dumps({"search": {}}) + "\n" + json.dumps(record) + "\n"
    path.write_text(text[:-5])
    lines.look()
    assert lines.course(0.0) == []
    path.write_text(text)
    lines.look()
    lines.look()
    (trial,) = lines.course(time.time() - 10)
    assert trial["ended"] == pytest.approx(10, abs=2)
    assert (trial["fit_seconds"], trial["origin"]) == (2.0, "known")


def test_idle_cores_count_from_the_first_trial(module):
    pictures, ended = module("pictures"), module("_process").Ended
    # One of two cores works from 10 s on, where the first trial begins.
    course = ((0.0, 0.0, 0.0), (10.0, 0.0, 5.0), (30.0, 20.0, 30.0))
    trials = [{"ended": 12.0, "fit_seconds": 2.0, "score_seconds": 0.0}]
    found = pictures.work(
        ended(30.0, 0.0, "", course), {"begin": 0.0, "end": 30.0}, trials, 2
    )
    assert found["idle"] == pytest.approx(0.5)
    assert found["others"] == pytest.approx(0.25)


def test_wins_compare_medians_and_runs(module):
    table = pd.DataFrame(
        [row("sknevo", 0.9), row("fixed", 0.8), row("svm", 0.95, budget=0.0)]
    )
    text = "\n".join(module("pictures").summary(table))
    assert "| digits | 0.9000 | 0.8000 | 0.9500 | 1 |" in text
    assert "| svm | 0 | 0 | 1 | 0 | 1 | -0.0500 |" in text


def test_seconds_to_a_target_are_those_of_the_first_fit_that_reaches_it(module):
    rows = [
        row("sknevo", 0.98, fit_seconds=30.0),
        row("sknevo", 0.991, budget=60.0, fit_seconds=61.0),
        row("tpe", 0.992, fit_seconds=99.0, course=[[20.0, 0.9, 0.985]]),
    ]
    text = "\n".join(module("over_time").target_report(pd.DataFrame(rows), (0.98,)))
    assert "| sknevo, seed 0 | 30" in text
    assert "| tpe, seed 0 | 20" in text
