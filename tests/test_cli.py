"""The command line: what it writes, and what it says of mistakes."""

import html
import pickle
import re
import runpy
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sknevo import skops_files
from sknevo.cli import main


def run(*words):
    return main([*map(str, words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a table of labels and one of values, both with a column too many."""
    place, rng = tmp_path_factory.mktemp("cli"), np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["x", "y"], 60)})
    value = table["a"] + (table["b"] == "x")
    table.assign(y=np.where(value > 0.5, "high", "low")).to_csv(
        place / "labels.csv", index=False
    )
    gaps = value.where(np.arange(60) > 1)
    table.assign(y=gaps).to_csv(place / "values.tsv", sep="\t", index=False)
    (place / "empty.csv").touch()
    (place / "broken.pkl").write_bytes(b"no model")
    return place


def test_labels_are_learned_and_predicted(folder, capsys):
    model, out = folder / "model.pkl", folder / "found.csv"
    fit = "--target", "y", "--time", 1, "--jobs", 1, "--seed", 0
    page = folder / "page.html"
    words = *fit, "--model", model, "--report", page
    assert run("fit", folder / "labels.csv", *words) == 0
    assert page.read_text().startswith("<!doctype html>")
    assert f"joblib.load({str(model)!r})" in html.unescape(page.read_text())
    assert f"sknevo predict {model} new_rows.csv" in page.read_text()
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("EvolvedPipelineClassifier evolves pipelines")
    assert re.match(
        r"accuracy [01]\.\d+ in the selection: expect a little less", told[-1]
    )
    assert run("predict", model, folder / "labels.csv", "--out", out) == 0
    found = pd.read_csv(out)
    assert [*found.columns] == ["prediction"]
    table = pd.read_csv(folder / "labels.csv")
    assert (found["prediction"] == table["y"]).mean() > 0.8
    words = "predict", model, folder / "labels.csv", "--out", out, "--probabilities"
    assert run(*words) == 0
    found = pd.read_csv(out)
    assert [*found.columns] == ["prediction", "P(high)", "P(low)"]
    fitted = pickle.loads(model.read_bytes())
    expected = fitted.predict_proba(table[["a", "b"]])
    np.testing.assert_allclose(found[["P(high)", "P(low)"]], expected, rtol=1e-6)


def test_values_are_learned_and_saved_by_skops(folder, capsys, monkeypatch):
    pytest.importorskip("skops")
    model, out = folder / "model.skops", folder / "found.csv"
    words = "--target", "y", "--time", 1, "--jobs", 1, "--quiet", "--model", model
    assert run("fit", folder / "values.tsv", *words) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "2 rows without 'y' are left out"
    assert told[1].startswith("r2 ")
    assert run("predict", model, folder / "values.tsv", "--out", out) == 0
    table = pd.read_csv(folder / "values.tsv", sep="\t")
    known = table["y"].notna()
    found = pd.read_csv(out)["prediction"]
    assert np.corrcoef(found[known], table["y"][known])[0, 1] > 0.8
    words = "predict", model, folder / "values.tsv", "--out", out
    assert run(*words, "--probabilities") == 2
    assert "--probabilities are of classes" in capsys.readouterr().err
    monkeypatch.setattr(skops_files, "TRUSTED", ())
    assert run(*words) == 2
    assert "not known to be safe: " in capsys.readouterr().err


# A slow machine may have no time left to go on with all images.
@pytest.mark.filterwarnings("ignore:The individual in row")
def test_a_folder_of_images_is_learned_and_predicted(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name, level in (("bright", 200), ("dark", 20)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(12):
            pixels = level + rng.integers(0, 40, (8, 8, 3))
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(tmp_path / "set" / name / f"{i}.png")
    model, out = tmp_path / "net.safetensors", tmp_path / "found.csv"
    words = "--time", 2, "--jobs", 1, "--image-size", 8, "--model", model
    assert run("fit", tmp_path / "set", *words) == 0
    assert capsys.readouterr().out.startswith("EvolvedClassifier evolves")
    assert run("predict", model, tmp_path / "set", "--out", out) == 0
    found = pd.read_csv(out)
    folders = found["file"].str.split(r"[/\\]").str[0]
    assert len(found) == 24
    assert (found["prediction"] == folders).mean() > 0.9


FIT = "fit", "labels.csv"
LABELS = *FIT, "--target", "y"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "labels.csv"], "the following arguments are required: --model"),
        (["fit", "labels.csv", "--model", "m.pkl"], "--target must name the column"),
        (["fit", "labels.csv", "--target", "z", "--model", "m.pkl"], "got 'z'"),
        (["fit", "labels.csv", "--target", "y", "--model", "m.txt"], ".pkl or .skops"),
        ([*LABELS, "--model", "m.pkl", "--report", "m.pdf"], "must end with .html"),
        (["fit", ".", "--model", "m.skops"], ".pkl or .safetensors"),
        (["fit", ".", "--target", "y", "--model", "m.pkl"], "are for tables"),
        (["fit", ".", "--text", "y", "--model", "m.pkl"], "are for tables"),
        ([*LABELS, "--model", "m.pkl", "--text", "no"], "name columns of X; got 'no'"),
        (["fit", "labels.csv", "--target", "y", "--model", "no/m.pkl"], "exists"),
        (
            ["fit", "lables.csv", "--target", "y", "--model", "m.pkl"],
            "lables.csv is not. Did you mean 'labels.csv'",
        ),
        (
            ["fit", "labels.csv", "--target", "Y", "--model", "m.pkl"],
            "'a', 'b', 'y'; got 'Y'. Did you mean 'y'",
        ),
        (["predict", "m.pkl", "labels.csv", "--out", "o.csv"], "the model must be the"),
        (["predict", "broken.pkl", "no.csv", "--out", "o.csv"], "no.csv is not"),
        (["fit", "empty.csv", "--target", "y", "--model", "m.pkl"], "No columns"),
        (
            [*LABELS, "--task", "regression", "--model", "m.pkl"],
            "y must hold numbers|could not convert|high",
        ),
        (
            ["fit", "labels.csv", "--target", "y", "--time", "-1", "--model", "m.pkl"],
            "max_time",
        ),
        (["predict", "broken.pkl", "labels.csv", "--out", "o.csv"], "no model that"),
        (["predict", "labels.csv", "labels.csv", "--out", "o.csv"], "a file of"),
    ],
)
def test_mistakes_are_told_in_one_line(words, message, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    try:
        status = run(*words)
    except SystemExit as exit:  # argparse
        status = exit.code
    told = capsys.readouterr().err
    assert status == 2
    assert told.startswith("sknevo: error: ")
    assert told.count("\n") == 1
    assert re.search(message, told)


def test_it_runs_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sknevo", "predict"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_module("sknevo", run_name="__main__")
    told = capsys.readouterr().err
    assert told.startswith("sknevo: error: the following arguments")
