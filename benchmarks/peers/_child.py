"""Runs one method in its environment: reads files, fits, writes predictions.

    python _child.py FOLDER

The folder holds `job.json`, `X.csv` (the rows for training, then those held out) and
`y.npy` of the rows for training: the targets of the others stay with the parent. Then
it holds `predictions.npz` and, when all is done, `result.json`, or else `error.txt`.
"""

import json
import os
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from _methods import METHODS, Job


def main(folder: Path) -> None:
    settings = json.loads((folder / "job.json").read_text())
    method = METHODS[settings.pop("method")]
    os.sched_setaffinity(0, cores := settings.pop("cores"))
    # "None" and the like may be labels: only an empty cell is a missing value.
    X = pd.read_csv(folder / "X.csv", keep_default_na=False, na_values=[""])
    y = np.load(folder / "y.npy")
    X_test = X.iloc[len(y) :].reset_index(drop=True)
    job = Job(X.iloc[: len(y)], y, n_jobs=len(cores), **settings)
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
        "n_candidates": fitted.n_candidates,
        "notes": fitted.notes,
        **fitted.details,
    }
    (folder / "result.json").write_text(json.dumps(result))


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
