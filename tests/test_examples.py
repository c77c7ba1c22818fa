"""Every example runs, within the time that it is given."""

import re
import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest
from example_runs import quick_arguments

ROOT = Path(__file__).parents[1]
FIRST = ROOT / "examples" / "evolve_table.py"
# The first command of the README is run by tests/test_install.py, without extras.
EXAMPLES = sorted({*(ROOT / "examples").glob("*.py")} - {FIRST})
# What these show is tested in tests/estimators, too.
LONG = {
    "evolve_autoencoder",
    "evolve_detector",
    "evolve_few_shot",
    "evolve_photos",
    "evolve_segmenter",
    "evolve_texts",
    "explain_table",
    "export_network",
    "halve_rows",
    "resume_search",
    "synthesize_table",
}
# What an example needs beyond what the others do.
NEEDED = {"evolve_policy": ["cmaes", "gymnasium"]}


@pytest.fixture
def run_example(tmp_path, monkeypatch, capsys):
    """Return a function that runs a script here, where torch is imported already."""

    def run(example, *more):
        arguments = quick_arguments(example.stem, tmp_path, max_time=1)
        monkeypatch.setattr(sys, "argv", [str(example), *arguments, *more])
        monkeypatch.chdir(tmp_path)  # an example works from anywhere
        runpy.run_path(str(example), run_name="__main__")
        assert (tmp_path / "plot.png").exists()
        return capsys.readouterr().out

    return run


@pytest.mark.filterwarnings("default")  # as users have it
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(path, marks=[pytest.mark.slow] * (path.stem in LONG))
        for path in EXAMPLES
    ],
    ids=lambda path: path.stem,
)
def test_example_runs(example, tmp_path, run_example):
    for module in NEEDED.get(example.stem, []):
        pytest.importorskip(module, reason="the extra rl is not installed")
    told = run_example(example)
    assert told.strip()
    if example.stem == "evolve_policy":
        assert (tmp_path / "film.gif").exists()
    if example.stem == "plot_search":
        written = {path.stem for path in (tmp_path / "pictures").iterdir()}
        assert written >= {"evolution", "family_tree"}
    if example.stem == "synthesize_table":
        made = pd.read_csv(tmp_path / "synthetic.csv")
        assert made["cultivar"].isin(["Barolo", "Grignolino", "Barbera"]).all()
        assert pd.to_datetime(made["bottled"]).notna().all()
        assert (tmp_path / "plot_2.png").exists()
        assert "a classifier tells them from real: ROC AUC" in told
    if example.stem == "export_network":
        same = re.findall(r"([\d.]+)% of predictions the same", told)
        assert len(same) == 3
        assert min(map(float, same)) >= 98


@pytest.mark.slow
def test_digits_are_generated_and_plotted(run_example):
    told = run_example(ROOT / "examples" / "evolve_gan.py", "--data", "digits")
    assert "A seven:" in told


@pytest.mark.slow
def test_the_snippet_of_the_readme_runs(tmp_path, monkeypatch):
    pytest.importorskip("jinja2", reason="the extra report is not installed")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", readme, re.S | re.M)
    assert "max_time=60" in code
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    exec(code.replace("max_time=60", "max_time=2"), {})
    assert (tmp_path / "report.html").exists()


def test_there_are_examples():
    assert EXAMPLES
