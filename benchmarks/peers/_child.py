"""Runs one method in its environment: reads files, fits, writes predictions.

    python _child.py FOLDER

The folder holds `job.json`, `X.csv` (the rows for training, then those held out) and
`y.npy` of the rows for training: the targets of the others stay with the parent. A made
table is made here instead. Then the folder holds `predictions.npz` and, when all is
done, `result.json`, or else `error.txt`.
"""

import json
import os
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _made import MADE, make
from _methods import METHODS, Job


def main(folder: Path) -> None:
    settings = json.loads((folder / "job.json").read_text())
    method = METHODS[settings.pop("method")]
    os.sched_setaffinity(0, cores := settings.pop("cores"))
    X, y, X_test, given = _table(folder, settings.pop("table"), settings["seed"])
    job = Job(X, y, n_jobs=len(cores), **settings)
    fitted = method.fit(job)

    begin = time.perf_counter()
    predictions = {"values": np.asarray(fitted.predict(X_test)).ravel()}
    if fitted.predict_proba is not None:
        predictions["probabilities"] = np.asarray(fitted.predict_proba(X_test))
    predict_seconds = time.perf_counter() - begin
    np.savez(folder / "predictions.npz", **predictions)
    result = {
        "version": _version(method.package),
        "fit_seconds": round(job.clock.seconds, 2),
        "predict_seconds": round(predict_seconds, 2),
        "given_mb": given,
        "n_candidates": fitted.n_candidates,
        "notes": fitted.notes,
        **fitted.details,
    }
    (folder / "result.json").write_text(json.dumps(result))


def _table(folder: Path, name: str, seed: int) -> tuple[Any, np.ndarray, Any, float]:
    """Return X, y, the held-out X, and the megabytes of all."""
    if name in MADE:
        train, test = (make(name, seed, is_test) for is_test in (False, True))
        given = train.megabytes + test.megabytes
        return train.X, train.y, test.X, round(given, 1)
    # "None" and the like may be labels: only an empty cell is a missing value.
    X = pd.read_csv(folder / "X.csv", keep_default_na=False, na_values=[""])
    y, given = np.load(folder / "y.npy"), X.memory_usage(deep=True).sum() / 2**20
    X_test = X.iloc[len(y) :].reset_index(drop=True)
    return X.iloc[: len(y)], y, X_test, round(float(given), 1)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # sknevo from a checkout
        return ""


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        (Path(sys.argv[1]) / "error.txt").write_text(reason)
        raise
