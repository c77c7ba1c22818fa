"""Workers do not grow from trial to trial."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from toys import pid, resident

from sknevo import EvolvedClassifier, EvolvedPipelineClassifier
from sknevo.genomes.convnet import convnet
from sknevo.genomes.pipeline import pipeline

N_TRIALS, MEGABYTES = 500, 100


def images():
    digits, classes = load_digits(n_class=3, return_X_y=True)
    return digits.reshape(-1, 8, 8).astype(np.uint8)[::5], classes[::5]


SEARCHES = {
    "pipelines": (EvolvedPipelineClassifier, pipeline, load_iris(return_X_y=True)),
    "networks": (
        EvolvedClassifier,
        partial(convnet, max_epochs=1, max_parameters=20_000),
        images(),
    ),
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
@pytest.mark.parametrize("name", SEARCHES)
def test_workers_do_not_grow(name):
    estimator, genome, (X, y) = SEARCHES[name]
    clf = estimator(
        genome=genome,
        population_size=20,
        generations=N_TRIALS // 20,
        scoring={"accuracy": "accuracy", "pid": pid, "resident": resident},
        refit="accuracy",
        cv=[(np.arange(0, len(y), 2), np.arange(1, len(y), 2))],
        n_jobs=2,
        random_state=0,
    ).fit(X, y)
    results = clf.cv_results_
    pids, held = results["mean_test_pid"], results["mean_test_resident"]
    fifth = len(held) // 5  # by when all is imported
    for worker in np.unique(pids[fifth:][np.isfinite(pids[fifth:])]):
        of_worker = held[fifth:][pids[fifth:] == worker]
        assert len(of_worker) > 50
        first, last = np.median(of_worker[:20]), np.median(of_worker[-20:])
        assert last - first < MEGABYTES
