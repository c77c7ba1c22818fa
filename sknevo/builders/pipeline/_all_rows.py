"""A booster on all rows of a table that is larger than memory, or than one machine.

What comes before the booster in a pipeline is fitted already, and applied in parts.
"""

import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future, wait
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from sknevo.builders.pipeline._boosting import (
    BOOSTERS,
    lightgbm_settings,
    xgboost_types,
)
from sknevo.large_tables import Census, DaskSource, Source, TablePart

# Cells that are prepared, or read from the file of prepared rows, at a time: 32 MB as
# floats. Chosen, not measured.
CELLS = 2**22
# LightGBM finds its bins by 200,000 random rows, fewer if these have more cells: 64 MB
# as floats. Chosen, not measured.
BIN_CELLS = 2**23
# Seconds between two looks at the workers, and how often a fit on a cluster begins if
# workers die. Chosen, not measured.
POLL, ATTEMPTS = 1.0, 5
# Seconds that an attempt without all of its workers is given to end, and that a worker
# is given to start. Chosen, not measured.
PATIENCE, NEW_WORKER = 10.0, 300.0


def fits_on_all(pipeline: Any) -> bool:
    """Return whether the last step of a pipeline is a booster that takes any table."""
    if not isinstance(pipeline, Pipeline):
        return False
    booster = getattr(pipeline.steps[-1][1], "estimator", None)
    return _library(booster) in _ON_DISK


def families_on_all() -> frozenset[str]:
    """Return the names of the models that take any table."""
    return frozenset(n for n, one in BOOSTERS.items() if one.module in _ON_DISK)


def _library(booster: Any) -> str:
    return type(booster).__module__.partition(".")[0]


def fit_on_all(
    pipeline: Pipeline, source: Source, census: Census, rounds: int
) -> Pipeline:
    """Return a pipeline with its booster fitted on all rows of a table.

    A Dask DataFrame is used on the cluster of the client, if there is one. Everything
    else is prepared into a temporary file, which the booster reads in slices.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted on a sample that has all classes.
    rounds : int
        Number of boosting rounds.
    """
    *first, (name, model) = pipeline.steps
    fitted = copy(model)
    fitted.rounds_, fitted.held_out_ = rounds, {}
    prepare = partial(_prepared, Pipeline(first), model, _weighting(model, census))
    booster = _Booster(model.estimator, _n_classes(model), rounds)
    if isinstance(source, DaskSource) and source.client is not None:
        train = partial(_fit_on_cluster, booster, source, census, prepare)
        with warnings.catch_warnings():  # they speak of the libraries' own parameters
            warnings.simplefilter("ignore")
            fitted.estimator_ = _watched(source.client, train)
    else:
        with TemporaryDirectory(prefix="sknevo-") as folder:
            parts = source.map(prepare, _with_rows(census))
            rows = _stored(Path(folder), parts, census.n_rows)
            fitted.estimator_ = _ON_DISK[booster.library](booster, rows)
    return Pipeline([*first, (name, fitted)])


def _with_rows(census: Census) -> dict[int, tuple]:
    """Return the places of parts that have rows; they get no arguments."""
    return dict.fromkeys(np.flatnonzero(census.lengths).tolist(), ())


def _n_classes(model: Any) -> int:
    return len(model.classes_) if is_classifier(model) else 0


class _Booster(NamedTuple):
    """An unfitted booster, what it predicts (0 classes are a value), its rounds."""

    unfitted: Any
    n_classes: int
    rounds: int

    @property
    def library(self) -> str:
        return _library(self.unfitted)


# Preparation --------------------------------------------------------------------------


def _weighting(model: Any, census: Census) -> np.ndarray | float | None:
    """Return the factor of a weight: one for each class if these are balanced."""
    mean = census.weight / census.n_rows
    if getattr(model, "class_weight", None) == "balanced":
        return census.n_rows / (len(census.totals) * census.totals) / mean
    return None if mean == 1 else 1 / mean


def _prepared(
    preparation: Pipeline,
    model: Any,
    weighting: np.ndarray | float | None,
    part: TablePart,
) -> TablePart:
    """Return rows as a booster takes them, in single precision."""
    part = part.counted
    if is_classifier(model):
        y = np.searchsorted(model.classes_, part.y)
    else:
        y = model._standardized(part.y)
    weights = part.weights
    if weighting is not None:
        factors = weighting[y] if np.ndim(weighting) else weighting
        weights = np.broadcast_to(factors, y.shape) * (
            1 if weights is None else weights
        )
    X = _transformed(preparation, part.X)
    return TablePart(X, y.astype(np.float32), weights)


def _transformed(preparation: Pipeline, X: Any) -> np.ndarray:
    """Return prepared rows; what is made on the way takes memory, too."""

    def transform(rows: slice) -> np.ndarray:
        return np.asarray(preparation.transform(X.iloc[rows]), np.float32)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in trials
        width = max(1, X.shape[1], transform(slice(1)).shape[1])
        batches = gen_batches(len(X), max(1, CELLS // width))
        return np.concatenate([transform(rows) for rows in batches])


# One machine --------------------------------------------------------------------------


@dataclass
class _StoredRows:
    """Prepared rows in a file, with their targets and weights in memory.

    The file is read, not mapped: mapped pages count as memory of the process.
    """

    path: Path
    width: int
    y: np.ndarray
    weights: np.ndarray | None

    @property
    def n_at_a_time(self) -> int:
        return max(1, CELLS // self.width)

    def read(self, start: int, stop: int) -> np.ndarray:
        count = (stop - start) * self.width
        offset = start * self.width * np.dtype(np.float32).itemsize
        values = np.fromfile(self.path, np.float32, count, offset=offset)
        return values.reshape(-1, self.width)


def _stored(folder: Path, parts: Any, n_rows: int) -> _StoredRows:
    """Write prepared rows to a file."""
    path, width, n = folder / "rows", 1, 0
    y = np.empty(n_rows, np.float32)
    weights = None
    with path.open("wb") as file:
        for part in parts:
            rows = slice(n, n := n + len(part.y))
            y[rows], width = part.y, part.X.shape[1]
            if part.weights is not None:
                weights = np.empty(n_rows, np.float32) if weights is None else weights
                weights[rows] = part.weights
            np.ascontiguousarray(part.X).tofile(file)
    return _StoredRows(path, width, y, weights)


def _lightgbm_on_disk(booster: _Booster, rows: _StoredRows) -> Any:
    from lightgbm import Dataset, Sequence, train

    class Slices(Sequence):
        batch_size = rows.n_at_a_time
        # Rows by which bins are found are asked one by one, in order.
        begin, block = 0, rows.read(0, min(batch_size, len(rows.y)))

        def __len__(self) -> int:
            return len(rows.y)

        def __getitem__(self, place: int | slice) -> np.ndarray:
            if isinstance(place, slice):
                return rows.read(place.start, place.stop)
            if not 0 <= place - self.begin < len(self.block):
                self.begin = place
                stop = min(place + self.batch_size, len(self))
                self.block = rows.read(place, stop)
            return self.block[place - self.begin].astype(float)

    settings = lightgbm_settings(booster.unfitted, booster.n_classes)
    most = max(1_000, BIN_CELLS // rows.width)
    settings["subsample_for_bin"] = min(200_000, most)
    data = Dataset(Slices(), rows.y, weight=rows.weights, params=settings)
    return train(settings, data, booster.rounds).free_dataset()


def _xgboost_on_disk(booster: _Booster, rows: _StoredRows) -> Any:
    from xgboost import DataIter, ExtMemQuantileDMatrix, train

    types = xgboost_types(booster.unfitted, rows.width)

    class Slices(DataIter):
        def __init__(self) -> None:
            self.batches = [*gen_batches(len(rows.y), rows.n_at_a_time)]
            self.place = 0
            super().__init__(cache_prefix=str(rows.path.with_name("cache")))

        def reset(self) -> None:
            self.place = 0

        def next(self, input_data: Callable) -> bool:
            if self.place == len(self.batches):
                return False
            batch = self.batches[self.place]
            weights = None if rows.weights is None else rows.weights[batch]
            X = rows.read(batch.start, batch.stop)
            given = {"data": X, "label": rows.y[batch], "weight": weights}
            input_data(**given, feature_types=types)
            self.place += 1
            return True

    settings = _xgboost_settings(booster)
    data = ExtMemQuantileDMatrix(
        Slices(), max_bin=settings.get("max_bin"), enable_categorical=True
    )
    return train(settings, data, booster.rounds)


def _xgboost_settings(booster: _Booster) -> dict[str, Any]:
    settings = booster.unfitted.get_xgb_params()
    settings = {k: v for k, v in settings.items() if v is not None}
    n_classes = booster.n_classes
    settings["objective"] = "binary:logistic" if n_classes else "reg:squarederror"
    if n_classes > 2:
        settings |= {"objective": "multi:softprob", "num_class": n_classes}
    return settings


_ON_DISK = {"lightgbm": _lightgbm_on_disk, "xgboost": _xgboost_on_disk}


# A cluster of Dask --------------------------------------------------------------------


def _fit_on_cluster(
    booster: _Booster, source: DaskSource, census: Census, prepare: Callable
) -> Any:
    """Return a booster that the workers of Dask have fitted to their partitions."""
    from dask import array, delayed

    places = _with_rows(census)
    client = source.client
    parts = client.persist(source.tasks(prepare, places))
    lengths = census.lengths[[*places]]
    width = client.submit(_width, client.futures_of(parts[0])[0]).result()
    pick = delayed(_item, pure=False)

    def whole(item: int, dtype: type, *width: int) -> Any:
        arrays = [
            array.from_delayed(pick(part, item), (int(n), *width), dtype)
            for part, n in zip(parts, lengths, strict=True)
        ]
        return array.concatenate(arrays)

    rows = TablePart(whole(0, np.float32, width), whole(1, np.float32))
    if client.submit(_is_weighted, client.futures_of(parts[0])[0]).result():
        rows = rows._replace(weights=whole(2, float))
    return _ON_CLUSTER[booster.library](booster, client, rows)


def _width(part: TablePart) -> int:
    return part.X.shape[1]


def _is_weighted(part: TablePart) -> bool:
    return part.weights is not None


def _item(part: TablePart, place: int) -> np.ndarray:
    return part[place]


def _lightgbm_on_cluster(booster: _Booster, client: Any, rows: TablePart) -> Any:
    from lightgbm.dask import DaskLGBMRegressor

    # The classifier would number the classes of each worker: one may lack some.
    settings = lightgbm_settings(booster.unfitted, booster.n_classes)
    settings.setdefault("objective", "regression")
    del settings["n_jobs"]  # each worker uses its own threads
    model = DaskLGBMRegressor(client=client, n_estimators=booster.rounds, **settings)
    model.fit(rows.X, rows.y, sample_weight=rows.weights)
    return model.booster_.free_dataset()


def _xgboost_on_cluster(booster: _Booster, client: Any, rows: TablePart) -> Any:
    from xgboost import dask

    settings = _xgboost_settings(booster)
    data = dask.DaskQuantileDMatrix(
        client,
        rows.X,
        rows.y,
        weight=rows.weights,
        max_bin=settings.get("max_bin"),
        feature_types=xgboost_types(booster.unfitted, rows.X.shape[1]),
        enable_categorical=True,
    )
    rounds = {"num_boost_round": booster.rounds}
    return dask.train(client, settings, data, **rounds)["booster"]


_ON_CLUSTER = {"lightgbm": _lightgbm_on_cluster, "xgboost": _xgboost_on_cluster}


def _watched(client: Any, train: Callable[[], Any]) -> Any:
    """Return what `train` returns; begin again if a worker dies meanwhile.

    No library goes on without a worker, and LightGBM waits for it for ever. So what is
    left of the attempt is withdrawn, and the processes of the other workers restart.
    """
    for _ in range(ATTEMPTS):
        client.wait_for_workers(1, timeout=NEW_WORKER)
        workers, known = {*client.nthreads()}, {*client.futures}
        attempt = _started(train)
        try:
            while not attempt.done() and workers <= {*client.nthreads()}:
                wait([attempt], POLL)
        except KeyboardInterrupt:
            client.sync(_cancel, client, known)
            raise
        if attempt.done():
            if attempt.exception() is None:
                return attempt.result()
            time.sleep(2 * POLL)  # the scheduler may learn of a death a little later
        gone = workers - {*client.nthreads()}
        if not gone:
            raise attempt.exception()
        client.sync(_cancel, client, known)
        wait([attempt], PATIENCE)
        del attempt  # with it go the futures, and with them the tasks
        if left := workers - gone:
            client.restart_workers([*left])
    raise RuntimeError(
        f"workers died in each of {ATTEMPTS} attempts to fit the booster on all rows."
    )


def _started(function: Callable[[], Any]) -> Future:
    """Run a function in a thread that the end of the process does not wait for."""
    future = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as fault:
            future.set_exception(fault)

    Thread(target=run, daemon=True).start()
    return future


async def _cancel(client: Any, known: set[str]) -> None:
    """Have those that wait for new futures of a client fail.

    `Client.cancel` fails itself where tasks depend on a future that no one asked for.
    """
    for key in {*client.futures} - known:
        client.futures[key].cancel()
