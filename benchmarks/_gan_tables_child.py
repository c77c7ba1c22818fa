"""One method of gan_tables.py in its environment: reads rows, makes rows.

    python _gan_tables_child.py FOLDER

The folder holds `job.json` and `train.csv`. Then it holds `made.csv` and, when all is
done, `result.json`, or else `error.txt`. The method "quality" judges `made.csv`.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

N_NEIGHBORS = 5
# What SDV calls the only table.
TABLE = "table"
# Whole numbers with more values than this are values rather than labels.
MANY_VALUES = 20
# CTGAN and TVAE: epochs that are timed, and the most.
TIMED_EPOCHS, MOST_EPOCHS = 3, 3000


def sknevo(train, job):
    from sknevo import EvolvedGAN

    begin = time.perf_counter()
    gan = EvolvedGAN(
        max_time=job["budget"],
        n_jobs=job["n_jobs"],
        random_state=job["seed"],
    ).fit(train)
    seconds = time.perf_counter() - begin
    statuses = pd.Series(gan.cv_results_["status"]).value_counts().to_dict()
    known = {"fitness": gan.best_score_, "best": gan.best_chromosome_.words}
    made = gan.sample(job["n_rows"], random_state=job["seed"])
    return made, {"fit_seconds": seconds, "statuses": statuses, **known}


def real(train, job):
    return train, {}


def smote(train, job):
    """Return rows between each row and one of its nearest of the same class."""
    from sklearn.neighbors import NearestNeighbors
    from synthesize_table import as_numbers_and_labels, is_regression, preparation

    rng = np.random.default_rng(job["seed"])
    (plain,) = as_numbers_and_labels(train)
    points, target = preparation().fit_transform(plain), plain["target"]
    values = is_regression(target)
    classes = np.zeros(len(train)) if values else target.astype(str).to_numpy()
    neighbour = np.arange(len(train))
    for one in np.unique(classes):
        rows = np.flatnonzero(classes == one)
        if n := min(N_NEIGHBORS, len(rows) - 1):
            search = NearestNeighbors(n_neighbors=n).fit(points[rows])
            near = search.kneighbors(return_distance=False)
            neighbour[rows] = rows[
                near[range(len(rows)), rng.integers(n, size=len(rows))]
            ]
    share, made = rng.random(len(train)), train.copy()
    for name in train.select_dtypes("number"):
        if name == "target" and not values:
            continue
        own = train[name].to_numpy(float)
        moved = own + share * (own[neighbour] - own)
        moved = np.where(np.isnan(moved), own, moved)
        whole = train[name].dtype.kind in "iu"
        made[name] = np.rint(moved).astype(train[name].dtype) if whole else moved
    return made, {}


def of_sdv(name, has_epochs=True):
    """Return a method that fits one of SDV's, with as many epochs as there is time."""

    def make(train, job):
        import torch
        from sdv import single_table

        torch.set_num_threads(job["n_jobs"])
        torch.manual_seed(job["seed"])
        np.random.seed(job["seed"])  # noqa: NPY002, what SDV draws from
        synthesizer, metadata = getattr(single_table, name), metadata_of(train)
        options = {}
        if has_epochs:
            begin, timed = timed_fit(synthesizer, metadata, train, 1), 1 + TIMED_EPOCHS
            each = (
                timed_fit(synthesizer, metadata, train, timed) - begin
            ) / TIMED_EPOCHS
            epochs = 1 + (job["budget"] - begin) / max(each, 1e-3)
            options = {"epochs": int(np.clip(epochs, 1, MOST_EPOCHS))}
        begin = time.perf_counter()
        model = synthesizer(metadata, **options)
        model.fit({TABLE: train})
        seconds = time.perf_counter() - begin
        return model.sample(job["n_rows"])[TABLE], {"fit_seconds": seconds, **options}

    return make


def timed_fit(synthesizer, metadata, train, epochs):
    begin = time.perf_counter()
    synthesizer(metadata, epochs=epochs).fit({TABLE: train})
    return time.perf_counter() - begin


def metadata_of(train):
    """Return SDV's description: numbers and labels, nothing that is not learned."""
    from sdv.metadata import Metadata

    columns = {}
    for name in train:
        numbers = train[name].dtype.kind in "iuf"
        if name == "target" and train[name].nunique() <= MANY_VALUES:
            numbers = False
        columns[name] = {"sdtype": "numerical" if numbers else "categorical"}
    return Metadata.load_from_dict({"tables": {TABLE: {"columns": columns}}})


def quality(train, job):
    from sdmetrics.reports.single_table import QualityReport

    made = read_csv(Path(job["folder"]) / "made.csv")
    metadata = metadata_of(train).to_dict()["tables"][TABLE]
    report = QualityReport()
    report.generate(train, made, metadata, verbose=False)
    parts = report.get_properties().set_index("Property")["Score"].to_dict()
    return made, {"quality": report.get_score(), "quality_parts": parts}


METHODS = {
    "sknevo": sknevo,
    "smote": smote,
    "real": real,
    "ctgan": of_sdv("CTGANSynthesizer"),
    "tvae": of_sdv("TVAESynthesizer"),
    "copula": of_sdv("GaussianCopulaSynthesizer", has_epochs=False),
    "quality": quality,
}


def read_csv(path):
    # "None" and the like may be labels: only an empty cell is a missing value.
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def main(folder):
    job = json.loads((folder / "job.json").read_text())
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["n_jobs"]])
    train = read_csv(folder / "train.csv")
    made, result = METHODS[job["method"]](train, {**job, "folder": str(folder)})
    made.to_csv(folder / "made.csv", index=False)
    (folder / "result.json").write_text(json.dumps({"made": len(made), **result}))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        (Path(sys.argv[1]) / "error.txt").write_text(reason)
        raise
