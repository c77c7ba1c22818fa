"""What is relied on in benchmarks/gan_tables.py: SMOTE as it is defined, rows go on."""

import importlib
import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("psutil")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a module of the benchmark."""
    for folder in ("benchmarks", "benchmarks/peers", "examples"):
        monkeypatch.syspath_prepend(ROOT / folder)
    return importlib.import_module


def table():
    rng = np.random.default_rng(0)
    target = rng.choice(["a", "b"], 60)
    number = 10.0 * (target == "b") + rng.random(60)
    gaps = np.where(rng.random(60) < 0.2, np.nan, number)
    return pd.DataFrame(
        {
            "number": number,
            "gaps": gaps,
            "count": rng.integers(0, 99, 60),
            "word": rng.choice(["x", "y"], 60),
            "target": target,
        }
    )


def test_smote_stays_between_rows_of_a_class(module):
    train = table()
    made, _ = module("_gan_tables_child").smote(train, {"seed": 0})
    for name in ("word", "target"):  # labels are copied
        assert made[name].tolist() == train[name].tolist()
    assert made["count"].dtype == train["count"].dtype
    assert made["gaps"].isna().equals(train["gaps"].isna())
    for label, rows in train.groupby("target"):
        new = made[made["target"] == label]["number"]
        assert new.between(rows["number"].min(), rows["number"].max()).all()
        assert not np.isclose(new, rows["number"]).all()


def test_rows_that_a_file_has_are_not_run_again(module, monkeypatch, tmp_path):
    gan_tables, asked = module("gan_tables"), []

    def one_row(cell, args):
        asked.append(cell.method)
        return {**cell._asdict(), "error": ""}

    monkeypatch.setattr(gan_tables, "one_row", one_row)
    out = tmp_path / "rows.jsonl"
    args = Namespace(
        out=out, seeds=[0], tables=["adult"], budget=1.0, methods=["smote"]
    )
    gan_tables.run_all(args)
    gan_tables.run_all(Namespace(**{**vars(args), "methods": ["smote", "real"]}))
    assert asked == ["smote", "real"]
    assert [json.loads(row)["method"] for row in out.read_text().splitlines()] == asked


@pytest.mark.slow
def test_real_rows_are_judged_as_real(module):
    gan_tables, rows = module("gan_tables"), pd.concat([table()] * 3)
    rows["number"] += np.random.default_rng(1).normal(size=len(rows))
    train, held_out, others = np.array_split(np.arange(len(rows)), 3)
    parts = [rows.iloc[one] for one in (train, held_out, others)]
    shuffled = parts[2].assign(target=parts[2]["target"].to_numpy()[::-1])
    good, bad = (gan_tables.judge(*parts[:2], made) for made in (parts[2], shuffled))
    assert good["tstr"] > 0.95 > bad["tstr"]
    assert bad["detection"] > good["detection"]
