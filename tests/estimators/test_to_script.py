"""Scripts rebuild what a search has found, where sknevo is not installed."""

import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sknevo import (
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedSearchCV,
    Real,
)
from sknevo.builders.pipeline import PipelineBuilder, plain_pipeline
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.estimators._script import Writer, laid_out, script_of
from sknevo.genomes.pipeline import pipeline, well_known
from sknevo.records import Chromosome, DataSpec
from sknevo.time_budget import TimeBudget

# Fits the model of each script to the same rows, and writes what it predicts.
RUN = """
import pickle, runpy, sys
sys.modules["sknevo"] = None
X, jobs = pickle.load(open("jobs.pkl", "rb"))
found = {}
for name, (y, method) in jobs.items():
    model = runpy.run_path(name)["make_model"]().fit(X, y)
    found[name] = getattr(model, method)(X)
pickle.dump(found, open("found.pkl", "wb"))
"""


def predicted(folder, X, scripts):
    """Return what scripts predict in a process without sknevo, by their names."""
    jobs = {}
    for name, (text, y, method) in scripts.items():
        (folder / name).write_text(text)
        jobs[name] = y, method
    (folder / "jobs.pkl").write_bytes(pickle.dumps((X, jobs)))
    run = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={"PYTHONPATH": ""},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return pickle.loads((folder / "found.pkl").read_bytes())


def mixed(n=120):
    """Return a table of all usual columns, with classes and values to predict."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "is_new": rng.integers(0, 2, n).astype(bool),
            "price": 100 * rng.normal(size=n),
            "when": pd.date_range("2020-01-01", periods=n, freq="13h"),
            "day": pd.date_range("2021-03-01", periods=n).strftime("%d.%m.%Y"),
        }
    )
    X.loc[::7, "size"] = np.nan
    X.loc[::11, "colour"] = None
    signal = np.nan_to_num(X["size"]) + (X["colour"] == "red") + X["price"] / 100
    noisy = signal + rng.normal(scale=0.3, size=n)
    labels = np.array(["no", "maybe", "yes"])[np.digitize(noisy, [0, 1])]
    return X, {"classification": labels, "regression": 1000 * noisy.to_numpy() + 5e3}


def builder_of(X, y, task):
    reader = ColumnReader()
    read = reader.fit_transform(X)
    n_classes = 3 * (task == "classification")
    spec = DataSpec(task, len(y), n_classes, reader.describe(read))
    return PipelineBuilder(spec, True, reader.unfitted()), read


def known(spec, encodings, generated=()):
    """Return genes of the first known individual of each model (and encoding)."""
    genome, chosen = pipeline(spec), {}
    for genes in well_known(spec):
        ((model, own),) = genes["model"].items()
        told = encodings and "_" not in model
        encoding = genes["preparation"]["encoding"] if told else ""
        genes = genes | {"model": {model: own}}
        genes["preparation"] = genes["preparation"] | dict.fromkeys(generated, True)
        chosen.setdefault((model, encoding), genes)
    rng = np.random.default_rng(0)
    return {
        "_".join(key): Chromosome(genome.complete(genes, rng)).expressed
        for key, genes in chosen.items()
    }


@pytest.mark.parametrize(
    ("task", "encodings"),
    [
        ("classification", False),
        pytest.param("classification", True, marks=pytest.mark.slow),
        pytest.param("regression", True, marks=pytest.mark.slow),
    ],
)
def test_every_model_is_rebuilt(task, encodings, tmp_path):
    X, targets = mixed()
    y = targets[task]
    builder, read = builder_of(X, y, task)
    method = "predict_proba" if task == "classification" else "predict"
    scripts, expected = {}, {}
    for name, genes in known(builder.spec, encodings).items():
        (model,) = genes["model"]
        stops = model in ("lightgbm", "xgboost", "hist_gradient_boosting", "mlp")
        make = partial(builder, genes, 7, 10 if stops else None)
        fitted = make().fit(read, y)
        plain = plain_pipeline(make(), fitted, builder.spec.columns)
        scripts[f"{name}.py"] = script_of(plain, name, []), y, method
        expected[f"{name}.py"] = getattr(fitted, method)(X)
    assert len(scripts) > 6
    found = predicted(tmp_path, X, scripts)
    for name, values in expected.items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(
            found[name], values, 1e-6, 1e-6 * scale, err_msg=name
        )


@pytest.fixture(scope="module")
def searched():
    X, y = load_iris(return_X_y=True, as_frame=True)
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    models = ["linear", "neighbours", "lightgbm", "extra_trees"]
    clf = EvolvedPipelineClassifier(
        genome=partial(pipeline, models=models),
        scoring="balanced_accuracy",
        population_size=4,
        generations=1,
        cv=2,
        random_state=0,
    )
    return clf.fit(X, y), X, y


def mean_of_whole(clf, X):
    """Return the mean of the members' models of all rows, by their weights."""
    members = clf.ensemble_.members
    assert all(one.whole is not None for one in members)
    for _, step in clf.ensemble_.first_steps:
        X = step.transform(X)
    mean = sum(one.weight * one.whole.predict_proba(X) for one in members)
    return clf.ensemble_.decision.probabilities(mean)


def test_the_best_and_the_ensemble_of_a_search_are_rebuilt(searched, tmp_path):
    clf, X, y = searched
    best = clf.to_script(tmp_path / "best.py")
    assert (tmp_path / "best.py").read_text() == best
    assert "sknevo." not in best
    ensemble = clf.to_script(ensemble=True)
    scripts = {
        "best.py": (best, y, "predict_proba"),
        "ensemble.py": (ensemble, y, "predict_proba"),
    }
    found = predicted(tmp_path, X, scripts)
    expected = clf.best_estimator_.predict_proba(X)
    np.testing.assert_allclose(found["best.py"], expected, atol=1e-6)
    np.testing.assert_allclose(found["ensemble.py"], mean_of_whole(clf, X), atol=1e-6)


@pytest.mark.slow
def test_without_time_for_a_last_fit_scripts_and_reports_say_so(
    searched, monkeypatch, capsys, tmp_path
):
    clf, X, y = searched
    assert clf.refitted_
    assert "no time for a last fit" not in clf.to_script()
    monkeypatch.setattr(TimeBudget, "is_worth_refit", lambda *_: False)
    monkeypatch.setattr(TimeBudget, "can_refit_member", lambda *_: False)
    # The same search, whose clock leaves no time.
    hurried = clone(clf).set_params(verbose=1).fit(X, y)
    assert not hurried.refitted_
    assert hurried.best_params_ == clf.best_params_
    assert "There was no last fit on all of X" in capsys.readouterr().out
    assert "no time for a last fit" in hurried.to_script()
    assert "no time for a last fit" not in hurried.to_script(ensemble=True)
    hurried.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "best_estimator_ has seen a part of the rows" in page
    model = hurried.best_estimator_
    assert np.abs(model.predict_proba(X) - clf.best_estimator_.predict_proba(X)).max()


@pytest.mark.slow
def test_a_regressor_and_a_users_own_estimator_are_rebuilt(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:150], y[:150]
    reg = EvolvedPipelineRegressor(
        genome=partial(pipeline, models=["xgboost", "svm"]),
        population_size=3,
        generations=1,
        cv=2,
        random_state=0,
    ).fit(X, y)
    machine = SVC(probability=False), {"C": Real(0.1, 10, log=True)}
    search = EvolvedSearchCV(
        *machine, population_size=2, generations=1, cv=2, random_state=0
    ).fit(X, y > 140)
    scripts = {
        "best.py": (reg.to_script(), y, "predict"),
        "own.py": (search.to_script(), y > 140, "decision_function"),
    }
    found = predicted(tmp_path, X, scripts)
    expected = reg.best_estimator_.predict(X)
    np.testing.assert_allclose(found["best.py"], expected, rtol=1e-6)
    expected = search.best_estimator_.decision_function(X)
    np.testing.assert_allclose(found["own.py"], expected, atol=1e-6)
    with pytest.raises(ValueError, match="ensemble must be False"):
        search.to_script(ensemble=True)


def test_a_script_of_numbers_is_short():
    X, y = load_iris(return_X_y=True)
    builder, read = builder_of(X, y, "classification")
    (genes,) = [g for n, g in known_numbers(builder.spec) if n == "lightgbm"][:1]
    make = partial(builder, genes, 0, 10)
    plain = plain_pipeline(make(), make().fit(read, y), builder.spec.columns)
    text = script_of(plain, "A title.", ["A note."])
    assert len(text.splitlines()) < 50
    assert max(map(len, text.splitlines())) <= 88
    assert "class " not in text
    assert text.startswith('"""A title.\n\nA note.\n\nNeeds lightgbm ')


def known_numbers(spec):
    genome, rng = pipeline(spec), np.random.default_rng(0)
    for genes in well_known(spec):
        expressed = Chromosome(genome.complete(genes, rng)).expressed
        yield next(iter(expressed["model"])), expressed


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["1,5", "2,25", "3,0"], "decimal comma"),
        (pd.to_timedelta([1, 2, 3], "h"), "durations"),
    ],
)
def test_columns_that_need_the_whole_reader_are_named(column, message):
    X = pd.DataFrame({"odd": np.tile(column, 20)})
    y = np.arange(60) % 2
    builder, read = builder_of(X, y, "classification")
    (genes,) = [g for n, g in known_numbers(builder.spec) if n == "linear"][:1]
    fitted = builder(genes, 0).fit(read, y)
    with pytest.raises(ValueError, match=f"'odd' cannot be read.*{message}"):
        plain_pipeline(builder(genes, 0), fitted, builder.spec.columns)


class Unreachable(LogisticRegression):
    pass


def test_a_part_that_cannot_be_written_is_named():
    Unreachable.__module__ = "__main__"
    with pytest.raises(ValueError, match=r"Unreachable in the model.*__main__"):
        script_of(Unreachable(), "A title.", [])
    with pytest.raises(ValueError, match="<lambda>"):
        Writer().written([lambda x: x], "the model")
    with pytest.raises(NotFittedError):
        EvolvedPipelineClassifier().to_script()


def test_values_are_written_as_python_reads_them():
    value = {"a": [1, (2.5,), None, True], "é": {3: "x" * 90}, "b": np.array([1, 2])}
    text = laid_out(Writer().written(value, "a value"))
    read = eval(text, {"np": np})
    assert repr(read) == repr(value)
    assert laid_out(Writer().written(float("inf"), "")) == 'float("inf")'
    assert laid_out(Writer().written(slice(2, None), "")) == "slice(2, None, None)"
