"""Callbacks that log a search, with the real packages and local files."""

import math
import pickle
import sys

import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from sknevo import EvolvedSearchCV
from sknevo.callbacks import MLflowLogger, TensorBoardLogger
from sknevo.records import Evaluation, Generation


def fitted(callback):
    """Return a small search that a callback was told of."""
    search = EvolvedSearchCV(
        DecisionTreeClassifier(),
        {"max_depth": [1, 2, 3]},
        population_size=2,
        generations=2,
        cv=2,
        random_state=0,
    )
    return search.set_callbacks(callback).fit(*load_iris(return_X_y=True))


class Recorder:
    """A callback of the user's own."""

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        self.told.append(metadata)


def test_callbacks_get_generations_and_evaluations():
    recorder = Recorder()
    search = fitted(recorder)
    told = [one for metadata in recorder.told if metadata for one in metadata.values()]
    generations = [one for one in told if isinstance(one, Generation)]
    assert generations == search.history_
    n = sum(isinstance(one, Evaluation) for one in told)
    assert n >= len(search.cv_results_["params"])


def test_tensorboard_gets_the_numbers_of_generations_and_individuals(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing import event_accumulator

    search = fitted(TensorBoardLogger(tmp_path))
    events = event_accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    best = events.Tensors("generation/best")
    assert [event.step for event in best] == [0, 1]
    last = best[-1].tensor_proto.float_val[0]
    assert math.isclose(last, search.best_score_, rel_tol=1e-6)
    n = len(events.Tensors("individual/fitness"))
    assert n >= len(search.cv_results_["params"])
    pickle.dumps(search)


def test_mlflow_gets_parameters_numbers_and_the_best(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "runs").as_uri()
    logger = MLflowLogger("trees", "first", uri)
    search = fitted(logger)
    client = mlflow.MlflowClient(uri)
    run = client.get_run(logger.run_id_)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.data.params["generations"] == "2"
    assert run.data.params["best.max_depth"] == str(search.best_params_["max_depth"])
    assert math.isclose(run.data.metrics["best_score"], search.best_score_)
    history = client.get_metric_history(logger.run_id_, "best")
    assert [one.step for one in history] == [0, 1]
    pickle.dumps(search)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match="TensorBoardLogger needs tensorboard"):
        TensorBoardLogger("runs")
