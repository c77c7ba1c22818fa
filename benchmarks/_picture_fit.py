"""Runs one method on one set of images, in a process of its own.

    python _picture_fit.py FOLDER

The folder holds `job.json`. Evaluations of a search go to `journal.jsonl` in it, where
the parent sees when each ends. At the end the folder holds `result.json`, or else
`error.txt`.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _fixed_networks import FixedNetwork
from _picture_sets import Images, load
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from sknevo.genomes.convnet import convnet
from sknevo.genomes.pipeline import pipeline

# An SVM takes the square of the number of images.
MOST_FOR_SVM = 20_000
ONE_SPLIT = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)


@dataclass
class Job:
    """One fit. `begin` and `end` are the `time.time()` of it alone."""

    images: Images
    budget: float
    n_jobs: int
    seed: int
    journal: Path
    begin: float = field(init=False)
    end: float = field(init=False)

    def __enter__(self) -> None:
        self.begin = time.time()

    def __exit__(self, *_: object) -> None:
        self.end = time.time()


# What predicts, by the name of its row, and further columns.
Fitted = tuple[dict[str, Any], dict[str, Any]]


def evolved(
    job: Job, name: str, kind: str = "EvolvedClassifier", **parameters: Any
) -> Fitted:
    import torch  # noqa: F401  # not within the seconds of a fit

    import sknevo

    model = getattr(sknevo, kind)(
        max_time=job.budget,
        n_jobs=job.n_jobs,
        random_state=job.seed,
        journal=job.journal,
        **parameters,
    )
    with job:
        model.fit(job.images.X, job.images.y)
    found = {name: model}
    if name == "sknevo":
        found["best_net"] = model.best_estimator_
    return found, {
        "stop_reason": model.stop_reason_,
        "n_generations": model.n_generations_,
        "best_score": model.best_score_,
        "ensemble_score": getattr(model, "ensemble_score_", None),
        "refit_seconds": round(model.refit_time_, 2),
        "best": {
            "origin": model.best_chromosome_.origin,
            "genes": without_folders(model.best_chromosome_.expressed),
        },
        "members": members(model),
        "status": [*map(str, model.cv_results_["status"])],
    }


def without_folders(genes: dict[str, Any]) -> dict[str, Any]:
    """Return genes with the names of files of weights, not where these lie."""
    found = {}
    for name, value in genes.items():
        if isinstance(value, dict):
            found[name] = without_folders(value)
        else:
            found[name] = Path(value).name if name == "path" and value else value
    return found


def members(model: Any) -> list[list]:
    """Return weight, origin and shape of each member of the ensemble."""
    ensemble = getattr(model, "ensemble_", None)
    return [
        [round(one.weight, 3), one.chromosome.origin, shape(one.chromosome.expressed)]
        for one in (() if ensemble is None else ensemble.members)
    ]


def shape(genes: dict[str, Any]) -> str:
    """Return channels and kernels with the greatest number of epochs, or a pipeline.

    Pretrained layers have their name, and the rate that they learn at.
    """
    if "blocks" not in genes:
        choices = genes["preparation"]["features"].values()
        kinds = [name for one in choices if isinstance(one, dict) for name in one]
        return f"{next(iter(genes['model']))} of {', '.join({*kinds} - {'none'})}"
    blocks = [f"{block['channels']}x{block['kernel']}" for block in genes["blocks"]]
    if not blocks:
        ((name, first),) = genes["stem"].items()
        blocks = [f"{name} at {first['side']}, rate {first['rate']}"]
    return f"{' '.join(blocks)}, {genes['training']['epochs']} epochs"


def fixed(job: Job, widths: tuple[int, ...], name: str) -> Fitted:
    images = job.images
    model = FixedNetwork(widths, job.budget, images.are_photos, job.n_jobs, job.seed)
    with job:
        model.fit(images.X, images.y)
    return {name: model}, {"epochs": round(model.epochs_, 2)}


def svm(job: Job) -> Fitted:
    """Fit a default SVM to pixels."""
    X, y = job.images.X[:MOST_FOR_SVM], job.images.y[:MOST_FOR_SVM]
    brightest = X.max()

    def pixels(X: np.ndarray) -> np.ndarray:
        return X.reshape(len(X), -1) / brightest

    model = make_pipeline(FunctionTransformer(pixels), SVC())
    with job:
        model.fit(X, y)
    return {"svm": model}, {}


def probe(job: Job) -> Fitted:
    """Fit a logistic regression to the pooled features of a pretrained network."""
    from sknevo.builders.pipeline._images import ImageReader
    from sknevo.builders.pipeline._pretrained import Pretrained
    from sknevo.pretrained import known_weights

    X, y = job.images.X, job.images.y
    weights = known_weights()["efficientnet_lite0"]
    place = weights.library, weights.architecture, weights.path
    model = make_pipeline(
        ImageReader(X.shape[1:], "last"),
        Pretrained(*place, layer=1, side=224, mirrored=False),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=1_000),
    )
    with job:
        model.fit(X, y)
    return {"probe": model}, {}


def tpe(job: Job) -> Fitted:
    """Search with Optuna's TPE; keep when the best network became better."""
    from _tpe import search

    X, y, X_test, y_test = job.images
    with job:
        found = search(X, y, job.budget, job.n_jobs, job.seed)
    course = [
        [round(seconds, 2), score, float(np.mean(net.predict(X_test) == y_test))]
        for seconds, score, net in found.course
    ]
    return {"tpe": found.net}, {"course": course, "n_trials": found.n_trials}


METHODS: dict[str, Callable[[Job], Fitted]] = {
    "sknevo": partial(evolved, name="sknevo"),
    # Its networks may begin with those pretrained layers that are on this machine.
    "sknevo_pretrained": partial(
        evolved, name="sknevo_pretrained", genome=partial(convnet, pretrained="auto")
    ),
    # The splits on which networks are scored, where images are few.
    "five_folds": partial(evolved, name="five_folds", cv=5),
    "three_folds": partial(evolved, name="three_folds", cv=3),
    "one_split": partial(evolved, name="one_split", cv=ONE_SPLIT),
    "fixed": partial(fixed, widths=(32, 64), name="fixed"),
    "fixed3": partial(fixed, widths=(32, 64, 128), name="fixed3"),
    "svm": svm,
    # Pipelines of features, with pretrained networks of this machine and without.
    "pipelines": partial(
        evolved, name="pipelines", kind="EvolvedPipelineClassifier", generations=None
    ),
    "classic": partial(
        evolved,
        name="classic",
        kind="EvolvedPipelineClassifier",
        generations=None,
        genome=partial(pipeline, pretrained=None),
    ),
    "probe": probe,
    # For scores over time; generations do not end them.
    "evolution": partial(evolved, name="evolution", generations=None),
    "random": partial(evolved, name="random", generations=None, strategy="elitist"),
    "tpe": tpe,
}


def scores(model: Any, images: Images) -> dict[str, float]:
    begin = time.perf_counter()
    predicted = model.predict(images.X_test)
    found = {"predict_seconds": round(time.perf_counter() - begin, 2)}
    found["accuracy"] = accuracy_score(images.y_test, predicted)
    found["macro_f1"] = f1_score(images.y_test, predicted, average="macro")
    if hasattr(model, "predict_proba"):
        proba = np.asarray(model.predict_proba(images.X_test), float)
        proba /= proba.sum(axis=1, keepdims=True)
        found["log_loss"] = log_loss(images.y_test, proba, labels=model.classes_)
    return found


def main(folder: Path) -> None:
    settings = json.loads((folder / "job.json").read_text())
    os.sched_setaffinity(0, settings["cores"])
    data = None if settings["data"] is None else Path(settings["data"])
    images = load(settings["set"], data, settings["seed"], settings["scored"])
    job = Job(
        images,
        settings["budget"],
        len(settings["cores"]),
        settings["seed"],
        folder / "journal.jsonl",
    )
    fitted, details = METHODS[settings["method"]](job)
    result = {
        "begin": job.begin,
        "end": job.end,
        "n_train": len(images.y),
        "n_test": len(images.y_test),
        "scores": {name: scores(model, images) for name, model in fitted.items()},
        "details": details,
    }
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        (Path(sys.argv[1]) / "error.txt").write_text(reason)
        raise
