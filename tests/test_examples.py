"""Every example runs, within the time that it is given."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
FIRST = ROOT / "examples" / "evolve_table.py"
# The first command of the README is run by tests/test_install.py, without extras.
EXAMPLES = sorted({*(ROOT / "examples").glob("*.py")} - {FIRST})
PLOT, FILM = ["--plot", "plot.png"], ["--film", "film.gif"]
# What an example needs beyond what the others do.
NEEDED = {"evolve_policy": ["cmaes", "gymnasium"]}
# One worker: each other has to import torch first. Workers are in the other examples.
ARGUMENTS = {
    "evolve_policy": [*PLOT, *FILM, "--n-jobs", "1", "--max-steps", "50"],
    "evolve_autoencoder": [*PLOT, "--n-jobs", "1", "--max-epochs", "4"],
    "evolve_digits": [*PLOT, "--n-jobs", "1"],
    "evolve_segmenter": [*PLOT, "--n-jobs", "1"],
    "evolve_few_shot": [*PLOT, "--n-jobs", "1"],
    "evolve_gan": [*PLOT, "--n-jobs", "1", "--max-epochs", "4"],
    "synthesize_table": [*PLOT, "--n-jobs", "1", "--max-epochs", "2"],
    "plot_search": [*PLOT, "--n-jobs", "1", "--pictures", "pictures"],
}


def run_example(example, tmp_path, *arguments):
    run = subprocess.run(
        [sys.executable, str(example), "--max-time", "1", *arguments],
        cwd=tmp_path,  # an example works from anywhere and leaves no files in the house
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, tmp_path):
    for module in NEEDED.get(example.stem, []):
        pytest.importorskip(module, reason="the extra rl is not installed")
    arguments = ARGUMENTS.get(example.stem, [])
    told = run_example(example, tmp_path, *arguments)
    assert told.strip()
    assert (tmp_path / "plot.png").exists() == bool(arguments)
    assert (tmp_path / "film.gif").exists() == (FILM[0] in arguments)
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


def test_digits_are_generated_and_plotted(tmp_path):
    arguments = ["--data", "digits", *ARGUMENTS["evolve_gan"]]
    told = run_example(ROOT / "examples" / "evolve_gan.py", tmp_path, *arguments)
    assert "A seven:" in told
    assert (tmp_path / "plot.png").exists()


def test_there_are_examples():
    assert EXAMPLES
