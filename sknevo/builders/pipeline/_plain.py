"""Pipelines without what only a search needs, of scikit-learn's parts where it can."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sknevo.builders.pipeline._boosting import (
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
    xgboost_types,
)
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.builders.pipeline._floats import Floats, Imputer
from sknevo.builders.pipeline._images import ImageReader
from sknevo.builders.pipeline._preparation import _Labels
from sknevo.builders.pipeline._scripted import (
    AsLabels,
    Columns,
    MeanWeights,
    OnCodes,
    OnStandardTargets,
)
from sknevo.columns._kinds import Dates, Durations, Kind, Numbers
from sknevo.records import Column


def plain_pipeline(
    unfitted: Pipeline, fitted: Pipeline, columns: Sequence[Column]
) -> Pipeline:
    """Return a pipeline that predicts the same, of scikit-learn's parts where it can.

    The fitted one shows what its steps have learned, and so which of them do nothing.
    A ValueError says that what reads images cannot be part of a script.
    """
    if any(isinstance(step, ImageReader) for _, step in unfitted.steps):
        raise ValueError(
            "step 'images' cannot be written as a script: what reads images needs "
            "sknevo. Keep the estimator in a file by pickle instead."
        )
    read = [step for name, step in unfitted.steps if name == "columns"]
    steps = [*_reader(read[0], columns)] if read else []
    numbers = all(is_plain(one) for one in _inside(fitted) if isinstance(one, Floats))
    for name, step in unfitted.steps:
        if name == "columns" or step == "passthrough":
            continue
        if name == "model":
            step = _plain_model(step, fitted.steps[-1][1])
        steps.append((name, _simpler(step, numbers)))
    return Pipeline(steps)


def _reader(
    reader: ColumnReader, columns: Sequence[Column]
) -> list[tuple[str, BaseEstimator]]:
    """Return the first step, which takes the columns by their names."""
    if reader.sparse:
        rows = FunctionTransformer(csr_matrix, kw_args={"dtype": float})
        return [("columns", rows.set_params(accept_sparse=True))]
    kinds = reader.kinds or ()
    for kind, column in zip(kinds, columns, strict=True):
        _check_kind(kind, column)
    if all(isinstance(column.name, int) for column in columns) and all(
        kind == Numbers() for kind in kinds
    ):
        return []
    dates = {
        column.name: {"form": kind.form, "zone": kind.zone and str(kind.zone)}
        for kind, column in zip(kinds, columns, strict=True)
        if isinstance(kind, Dates)
    }
    held = {column.name: column.kind for column in columns}
    return [("columns", Columns(held, dates or None))]


def _check_kind(kind: Kind, column: Column) -> None:
    """Raise a ValueError for a column that needs the whole reader of tables."""
    decimal = isinstance(kind, Numbers) and kind.decimal != "."
    if decimal or isinstance(kind, Durations):
        raise ValueError(
            f"column {column.name!r} cannot be read by a script, since it holds "
            f"{'numbers with a decimal comma' if decimal else kind.expected}. Convert "
            "it to numbers before fit."
        )


def _inside(estimator: Any) -> Iterable[Any]:
    """Yield an estimator and all that its fitted steps hold."""
    yield estimator
    steps = getattr(estimator, "steps", ())
    for _, step, *_ in getattr(estimator, "transformers_", steps):
        yield from _inside(step)


def is_plain(floats: Floats) -> bool:
    """Return whether numbers become nothing but floats."""
    changed = floats.empty_.any() or bool(floats.offsets_) or floats.powers_.any()
    return not changed and floats.dtype_ is float


def _simpler(step: Any, numbers: bool) -> Any:
    """Return a step with simpler ones in place of sknevo's; it is not changed."""
    match step:
        case Floats() if numbers:
            return FunctionTransformer(np.asarray, kw_args={"dtype": float})
        case Imputer():
            return SimpleImputer(**step.get_params())
        case _Labels():
            return AsLabels()
        case list():
            return [_simpler(one, numbers) for one in step]
        case tuple():
            return tuple(_simpler(one, numbers) for one in step)
        case Pipeline(steps=[(_, only)]):
            return _simpler(only, numbers)
        case BaseEstimator():
            params = step.get_params(deep=False)
            return type(step)(**{n: _simpler(v, numbers) for n, v in params.items()})
    return step


def _plain_model(model: Any, fitted: Any) -> Any:
    """Return the library's own model for one that stops early at known rounds."""
    if not isinstance(model, EarlyStoppingClassifier | EarlyStoppingRegressor):
        return model
    if model.rounds is None:
        return model
    booster, weight = clone(model.estimator), getattr(model, "class_weight", None)
    library = type(booster).__module__.partition(".")[0]
    name = "max_iter" if hasattr(booster, "max_iter") else "n_estimators"
    booster.set_params(**{name: model.rounds})
    if library == "xgboost":
        booster.set_params(feature_types=xgboost_types(booster, fitted.n_features_in_))
    if type(booster).__name__.startswith("MLP"):
        booster = MeanWeights(booster)
    elif library == "sklearn":
        booster.set_params(early_stopping=False)
    if isinstance(model, EarlyStoppingRegressor):
        return OnStandardTargets(booster)
    if library == "lightgbm":
        return booster.set_params(class_weight=weight)
    return OnCodes(booster, weight)
