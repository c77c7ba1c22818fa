"""Fitted pipelines of tables as ONNX, by skl2onnx."""

import copy
import json
import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknevo.builders.pipeline import is_plain
from sknevo.builders.pipeline._boosting import EarlyStoppingClassifier
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.builders.pipeline._floats import Floats, Imputer
from sknevo.builders.pipeline._images import ImageReader
from sknevo.builders.pipeline._linear import LinearClassifier, LinearRegressor
from sknevo.columns._kinds import Numbers
from sknevo.estimators._source import is_own
from sknevo.extras import require


class OnnxMixin:
    """Writes the best individual as a file of ONNX."""

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the best individual to a file of ONNX.

        Programs without Python predict with it, such as those of onnxruntime. It takes
        `X`, the numbers of any number of rows in single precision. A classifier returns
        `label` and `probabilities`, a regressor `variable`.

        Tables need numbers alone, and a model, a scaling and features that skl2onnx
        knows.

        Parameters
        ----------
        path : path-like
            The file to write. An existing file is replaced.

        Raises
        ------
        ImportError
            If skl2onnx is not installed.
        ValueError
            If a step cannot be written: the message names it.
        """
        require("to_onnx", "onnx", "skl2onnx")
        check_is_fitted(self, "best_estimator_")
        fitted = self.best_estimator_
        steps = fitted.steps if isinstance(fitted, Pipeline) else [("model", fitted)]
        steps = [(name, _plain(name, step)) for name, step in steps]
        steps = [(name, step) for name, step in steps if step != "passthrough"]
        n_columns = getattr(self, "n_features_in_", None)
        model = _converted(Pipeline(steps), n_columns, is_classifier(fitted))
        if is_classifier(fitted):
            labels = json.dumps(np.asarray(fitted.classes_).tolist())
            model.metadata_props.add(key="labels", value=labels)
        with open(path, "wb") as file:
            file.write(model.SerializeToString())


def _converted(pipeline: Pipeline, n_columns: int | None, classifies: bool) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    options = {id(pipeline): {"zipmap": False}} if classifies else None
    types = [("X", FloatTensorType([None, n_columns]))]
    try:
        return convert_sklearn(pipeline, initial_types=types, options=options)
    except Exception as fault:  # errors of its own, which have no common type
        names = [f"{name!r} ({type(step).__name__})" for name, step in pipeline.steps]
        said = " ".join(str(fault).split())[:300]
        raise ValueError(
            f"the steps {', '.join(names)} cannot be written as ONNX by skl2onnx: "
            f"{said}"
        ) from fault


def _plain(name: str, step: Any) -> Any:  # noqa: C901 (one case for each)
    """Return a fitted step as one of scikit-learn's that does the same."""
    match step:
        case ColumnReader() if not step.is_sparse_ and {*step.kinds_} == {Numbers()}:
            return "passthrough"
        case Floats() if is_plain(step):
            return "passthrough"
        case Imputer():
            imputer = SimpleImputer()
            vars(imputer).update(vars(step))
            return imputer
        case LinearClassifier():
            return step.machine_
        case EarlyStoppingClassifier() if not is_own(type(step.estimator_)):
            if isinstance(step.estimator_, BaseEstimator):
                return step.estimator_
        case LinearRegressor():
            machine = copy.copy(step.machine_)
            machine.coef_ = machine.coef_ * step.scale_
            machine.intercept_ = machine.intercept_ * step.scale_ + step.centre_
            return machine
        case Pipeline():
            steps = [(n, _plain(f"{name}.{n}", one)) for n, one in step.steps]
            steps = [(n, one) for n, one in steps if one != "passthrough"]
            return Pipeline(steps) if steps else "passthrough"
        case _ if not is_own(type(step)):
            return step
    raise ValueError(
        f"step {name!r} cannot be written as ONNX: {_why(step)}."
        f"{'' if isinstance(step, ImageReader) else ' `to_script` writes all steps.'}"
    )


def _why(step: Any) -> str:
    kind = type(step).__name__
    match step:
        case ColumnReader():
            return "the table has columns that are no numbers"
        case ImageReader():
            return "its features of images have no converters"
        case Floats():
            return "its columns need offsets or other scales in single precision"
        case _ if hasattr(step, "estimator"):
            return f"there is no converter of {kind} of {type(step.estimator).__name__}"
    return f"there is no converter of {kind}"
