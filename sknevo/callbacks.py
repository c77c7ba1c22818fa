"""Callbacks that log a search, for `set_callbacks` of an evolved estimator.

They are callbacks as scikit-learn has them: objects with `setup`, `on_fit_task_begin`,
`on_fit_task_end` and `teardown`. At the end of a task they get, as `metadata`, what a
search has found: `generation`, a `sknevo.records.Generation`, or `evaluation`, a
`sknevo.records.Evaluation`.
"""

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from sknevo.extras import require
from sknevo.records import Evaluation, Generation, flatten

__all__ = ["MLflowLogger", "TensorBoardLogger"]

# What is logged of a generation.
NUMBERS = (
    *("best", "median", "evaluated", "cached", "pruned", "cut_off", "failed"),
    "seconds",
)


class _Logger:
    """Logs numbers of generations and individuals; a subclass says where."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin to log a search.

        Parameters
        ----------
        estimator : estimator
            The evolved estimator.
        context : sklearn.callback.CallbackContext
            The task that it works on.
        """
        self._n_individuals = 0

    def teardown(self, estimator: Any, context: Any) -> None:
        """End the log of a search.

        Parameters
        ----------
        estimator : estimator
            The evolved estimator.
        context : sklearn.callback.CallbackContext
            The task that it works on.
        """

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: all is known at the end of a task.

        Parameters
        ----------
        estimator : estimator
            The evolved estimator.
        context : sklearn.callback.CallbackContext
            The task that it works on.
        """

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Log what a task has found.

        Parameters
        ----------
        estimator : estimator
            The evolved estimator.
        context : sklearn.callback.CallbackContext
            The task that it works on.
        metadata : dict or None, default=None
            With a `generation` or an `evaluation`, if the task was one.
        """
        match metadata:
            case {"generation": Generation() as generation}:
                for name in NUMBERS:
                    self._log(name, getattr(generation, name), generation.number)
            case {"evaluation": Evaluation() as evaluation}:
                self._log("fitness", evaluation.fitness, self._n_individuals)
                self._n_individuals += 1

    def _log(self, name: str, value: float, step: int) -> None:
        """Log a number, if it is one: individuals that failed have no fitness."""
        if math.isfinite(value):
            self._write(name, float(value), step)

    def _write(self, name: str, value: float, step: int) -> None:
        raise NotImplementedError


class TensorBoardLogger(_Logger):
    """Writes the progress of a search to files of TensorBoard.

    ``tensorboard --logdir folder`` shows, for each generation, the best and the median
    fitness, how many individuals were evaluated, cached, pruned, cut off and failed,
    and the seconds; and the fitness of each individual, in the order in which they
    count.

    Parameters
    ----------
    folder : path-like
        The folder of the files.

    Raises
    ------
    ImportError
        If tensorboard is not installed.

    Examples
    --------
    >>> from sknevo import EvolvedPipelineClassifier
    >>> from sknevo.callbacks import TensorBoardLogger
    >>> clf = EvolvedPipelineClassifier()
    >>> clf.set_callbacks(TensorBoardLogger("runs/first"))  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        require("TensorBoardLogger", "tensorboard")
        self.folder = folder

    def setup(self, estimator: Any, context: Any) -> None:
        from tensorboard.summary import Writer

        super().setup(estimator, context)
        self._writer = Writer(os.fspath(self.folder))

    def teardown(self, estimator: Any, context: Any) -> None:
        # The estimator, which may be pickled, keeps its callbacks.
        if writer := vars(self).pop("_writer", None):
            writer.close()

    def _write(self, name: str, value: float, step: int) -> None:
        kind = "individual" if name == "fitness" else "generation"
        self._writer.add_scalar(f"{kind}/{name}", value, step)


class MLflowLogger(_Logger):
    """Writes a search to a run of MLflow.

    The run has the parameters of the estimator, the numbers of each generation, the
    fitness of each individual, and at the end the genes and the score of the best one.

    Parameters
    ----------
    experiment : str, default="sknevo"
        Name of the experiment; it is made if there is none.
    run_name : str or None, default=None
        Name of the run. None lets MLflow choose one.
    tracking_uri : str or None, default=None
        Where MLflow keeps its runs. None stands for its own setting. mlflow-skinny
        needs a server, or the environment variable MLFLOW_ALLOW_FILE_STORE=true for
        files; a data base needs the package mlflow.

    Attributes
    ----------
    run_id_ : str
        The last run.

    Raises
    ------
    ImportError
        If mlflow is not installed.

    Examples
    --------
    >>> from sknevo import EvolvedPipelineClassifier
    >>> from sknevo.callbacks import MLflowLogger
    >>> clf = EvolvedPipelineClassifier()
    >>> clf.set_callbacks(MLflowLogger("churn"))  # doctest: +SKIP
    """

    def __init__(
        self,
        experiment: str = "sknevo",
        run_name: str | None = None,
        tracking_uri: str | None = None,
    ) -> None:
        require("MLflowLogger", "mlflow")
        self.experiment = experiment
        self.run_name = run_name
        self.tracking_uri = tracking_uri

    def setup(self, estimator: Any, context: Any) -> None:
        from mlflow import MlflowClient

        super().setup(estimator, context)
        # A client leaves the run that a user may have begun as it is.
        self._client = MlflowClient(self.tracking_uri)
        known = self._client.get_experiment_by_name(self.experiment)
        place = (
            self._client.create_experiment(self.experiment)
            if known is None
            else known.experiment_id
        )
        run = self._client.create_run(place, run_name=self.run_name)
        self.run_id_ = run.info.run_id
        for name, value in estimator.get_params(deep=False).items():
            self._client.log_param(self.run_id_, name, _short(value))

    def teardown(self, estimator: Any, context: Any) -> None:
        client = vars(self).pop("_client", None)
        if client is None:  # `setup` has failed
            return
        found = hasattr(estimator, "best_chromosome_")
        for name, value in _found(estimator) if found else ():
            client.log_param(self.run_id_, name, _short(value))
        if found and hasattr(estimator, "best_score_"):
            client.log_metric(self.run_id_, "best_score", estimator.best_score_)
            if math.isfinite(expected := estimator.expected_score_):
                client.log_metric(self.run_id_, "expected_score", expected)
        client.set_terminated(self.run_id_, "FINISHED" if found else "FAILED")

    def _write(self, name: str, value: float, step: int) -> None:
        self._client.log_metric(self.run_id_, name, value, step=step)


def _found(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Yield the genes of the best individual, by names that MLflow takes."""
    for path, value in flatten(estimator.best_chromosome_.genes).items():
        yield f"best.{path}", value


def _short(value: Any) -> str:
    # MLflow refuses longer ones.
    return str(value)[:500]
