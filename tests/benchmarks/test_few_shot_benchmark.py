"""benchmarks/few_shot.py: rows go on, and what is looked at once stays unread."""

import importlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ALPHABETS = ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin")


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("few_shot")


@pytest.fixture
def data(tmp_path):
    """Return a folder with an archive of five small alphabets."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "omniglot_small"
    folder.mkdir()
    with zipfile.ZipFile(folder / "images_background_small1.zip", "w") as archive:
        for alphabet in ALPHABETS:
            for character in range(20):
                ink = rng.integers(0, 2, (35, 35), dtype=np.uint8)
                for drawer in range(1, 8):
                    file = io.BytesIO()
                    noisy = np.where(rng.random(ink.shape) < 0.1, 1 - ink, ink)
                    Image.fromarray((255 * noisy).astype(np.uint8)).save(file, "PNG")
                    name = f"set/{alphabet}/character{character:02}/1_{drawer:02}.png"
                    archive.writestr(name, file.getvalue())
    return tmp_path


def run(benchmark, monkeypatch, data, *options):
    arguments = ["run", "--data", str(data), "--out", str(data / "rows.jsonl")]
    chosen = ["--sets", "omniglot", "--methods", "pixels", "--seeds", "0", "1"]
    monkeypatch.setattr(sys, "argv", ["few_shot.py", *arguments, *chosen, *options])
    benchmark.main()
    return benchmark.read(data / "rows.jsonl")


@pytest.mark.slow
def test_rows_go_on_and_the_last_alphabets_take_an_option(benchmark, data, monkeypatch):
    asked = []
    real = benchmark.characters

    def characters(path, alphabets):
        asked.extend(alphabets)
        return real(path, alphabets)

    monkeypatch.setattr(benchmark, "characters", characters)
    monkeypatch.setattr(benchmark, "EPISODES", 20)
    rows = run(benchmark, monkeypatch, data)
    assert set(asked) == set(benchmark.CHOSEN_BY)
    assert [row["seed"] for row in rows] == [0, 1]
    assert all(row["commit"] for row in rows)
    scores = rows[0]["scores"]
    assert 0.5 < scores["20-way 1-shot"] <= scores["5-way 1-shot"] <= 1
    assert run(benchmark, monkeypatch, data) == rows
    more = run(benchmark, monkeypatch, data, "--final")
    assert more[:2] == rows
    assert {row["set"] for row in more[2:]} == {"omniglot_final"}
    assert set(asked) == set(ALPHABETS)
    final = more[2]["scores"]
    both = [final[f"5-way 5-shot {name}"] for name in benchmark.LOOKED_AT_ONCE]
    assert final["5-way 5-shot"] == pytest.approx(np.mean(both))


def test_the_summary_has_a_row_for_each_method(benchmark):
    rows = [
        {
            "set": "omniglot",
            "seed": seed,
            "budget": budget,
            "method": method,
            "scores": {"5-way 1-shot": score, "5-way 1-shot Greek": 0.0},
        }
        for seed in (0, 1)
        for budget, method, score in [(0.0, "pixels", 0.5), (60.0, "conv4", 0.75)]
    ]
    told = "\n".join(benchmark.summary(rows))
    assert "| pixels | 2 | 50.0 % |" in told
    assert "| conv4 | 2 | 75.0 % |" in told
    assert "Greek" not in told


def test_a_fixed_network_embeds_after_its_seconds(benchmark):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (42, 28, 28), dtype=np.uint8)
    model = benchmark.Conv4(0.2, 1).fit(X, np.repeat(range(6), 7))
    assert model.n_episodes_ > 0
    assert model.transform(X).shape == (42, 64)
    assert set(model.adapt(X[:9], np.repeat(range(3), 3)).predict(X)) <= {0, 1, 2}
