"""What a search has found predicts the same in onnxruntime, or is refused by name."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknevo import (
    EvolvedAutoencoder,
    EvolvedClassifier,
    EvolvedPipelineClassifier,
    EvolvedPipelineRegressor,
    EvolvedRegressor,
    EvolvedSearchCV,
    Real,
)
from sknevo.genomes.pipeline import pipeline

onnxruntime = pytest.importorskip("onnxruntime")
SMALL = {"population_size": 2, "generations": 1, "cv": 2, "random_state": 0}
# Preparations of numbers that have a converter.
PLAIN = {
    "scaling": "standard",
    "extraction": {"none": {}},
    "class_weight": None,
}


def run(path, X):
    """Return all outputs by their names, and the labels."""
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    labels = session.get_modelmeta().custom_metadata_map.get("labels", "[]")
    return dict(zip(names, session.run(names, {"X": X}), strict=True)), json.loads(
        labels
    )


def pipelines(estimator, model, **genes):
    return estimator(
        genome=partial(pipeline, models=[model]),
        initial_population=[{**PLAIN, "model": {model: genes}}],
        **{**SMALL, "population_size": 1},
    )


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_a_pipeline_of_classes(model, tmp_path):
    pytest.importorskip("skl2onnx")
    X, y = load_iris(return_X_y=True)
    X, y = X.astype(np.float32), np.array(["setosa", "versicolor", "virginica"])[y]
    clf = pipelines(EvolvedPipelineClassifier, model).fit(X, y)
    clf.to_onnx(tmp_path / "model.onnx")
    found, labels = run(tmp_path / "model.onnx", X)
    expected = clf.best_estimator_.predict_proba(X)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    assert labels == [*clf.classes_]


def test_a_pipeline_of_values_and_an_estimator_of_ones_own(tmp_path):
    pytest.importorskip("skl2onnx")
    X, y = load_diabetes(return_X_y=True)
    X = X.astype(np.float32)
    reg = pipelines(EvolvedPipelineRegressor, "linear")
    del reg.initial_population[0]["class_weight"]
    reg.fit(X, y).to_onnx(tmp_path / "values.onnx")
    found, _ = run(tmp_path / "values.onnx", X)
    expected = reg.best_estimator_.predict(X)
    np.testing.assert_allclose(found["variable"][:, 0], expected, rtol=1e-3)

    own = make_pipeline(StandardScaler(), LogisticRegression())
    space = {"logisticregression__C": Real(0.1, 10, log=True)}
    search = EvolvedSearchCV(own, space, **SMALL).fit(X, y > 140)
    search.to_onnx(tmp_path / "own.onnx")
    found, labels = run(tmp_path / "own.onnx", X)
    expected = search.best_estimator_.predict_proba(X)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    assert labels == [False, True]


def test_steps_without_a_converter_are_named(tmp_path):
    pytest.importorskip("skl2onnx")
    X, y = load_iris(return_X_y=True)
    clf = pipelines(EvolvedPipelineClassifier, "neighbours").fit(X[:100], y[:100])
    with pytest.raises(ValueError, match=r"step 'model'.*NeighboursClassifier"):
        clf.to_onnx(tmp_path / "model.onnx")
    table = pd.DataFrame({"a": X[:100, 0], "b": np.where(X[:100, 1] > 3, "x", "y")})
    clf = pipelines(EvolvedPipelineClassifier, "linear").fit(table, y[:100])
    with pytest.raises(ValueError, match=r"step 'columns'.*no numbers"):
        clf.to_onnx(tmp_path / "model.onnx")
    with pytest.raises(NotFittedError):
        EvolvedPipelineClassifier().to_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "task",
    [
        "bytes",
        pytest.param("rows", marks=pytest.mark.slow),
        pytest.param("rebuilt rows", marks=pytest.mark.slow),
    ],
)
def test_networks(task, tmp_path):
    pytest.importorskip("onnxscript")
    digits = load_digits()
    tiny = {**SMALL, "population_size": 1, "max_epochs": 1, "precision": "float32"}
    if task == "bytes":
        X, y = digits.images[:100].astype(np.uint8), digits.target[:100]
        evolved = EvolvedClassifier(**tiny).fit(X, np.char.add("digit ", y.astype(str)))
        expected = evolved.best_estimator_.predict_proba(X)
    elif task == "rebuilt rows":
        X = 0.37 * digits.data[:100]
        evolved = EvolvedAutoencoder(n_components=4, **tiny).fit(X)
        expected = evolved.reconstruct(X)
    else:
        X, y = digits.data[:100], 1e3 * digits.target[:100]
        evolved = EvolvedRegressor(**tiny).fit(X, y)
        expected = evolved.best_estimator_.predict(X)
    evolved.to_onnx(tmp_path / "net.onnx")
    found, labels = run(tmp_path / "net.onnx", X)
    (values,) = found.values()
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4)
    assert labels == ([*evolved.classes_] if task == "bytes" else [])
