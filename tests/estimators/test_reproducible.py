"""Results depend on the seed alone, and a fit leaves the process as it was."""

import os
import random
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
import torch
from clusters import dask_cluster
from sklearn.datasets import load_digits, load_iris
from threadpoolctl import threadpool_info

from sknevo import EvolvedClassifier, EvolvedPipelineClassifier
from sknevo.genomes.convnet import convnet
from sknevo.genomes.pipeline import pipeline

TABLE = load_iris(return_X_y=True)
IMAGES = [part[::6] for part in load_digits(n_class=3, return_X_y=True)]


def search(**parameters):
    """Return a search over what two threads could make different."""
    small = {
        "genome": partial(pipeline, models=["svm", "lightgbm"]),
        "population_size": 4,
        "generations": 2,
        "cv": 2,
        "initial_population": [],
        "random_state": 0,
    }
    return EvolvedPipelineClassifier(**{**small, **parameters})


def images_search(**parameters):
    genome = partial(convnet, max_layers=1, max_parameters=3_000, max_epochs=2)
    small = {"population_size": 3, "generations": 1, "random_state": 0}
    return EvolvedClassifier(genome=genome, **{**small, **parameters})


def result(fitted):
    """Return all of a fitted search but its times."""
    rows = fitted.cv_results_
    columns = {name: list(rows[name]) for name in rows if "time" not in name}
    return repr((columns, fitted.best_chromosome_, fitted.stop_reason_))


@pytest.fixture(scope="module")
def expected():
    with joblib.parallel_config(backend="sequential"):
        return {seed: result(search(random_state=seed).fit(*TABLE)) for seed in (0, 1)}


@pytest.mark.parametrize(
    ("backend", "n_jobs"),
    [
        # With limits, processes are in every run (below).
        pytest.param("loky", 2, marks=pytest.mark.slow),
        pytest.param("loky", 4, marks=pytest.mark.slow),
        ("threading", 2),
    ],
)
def test_backends_and_workers_make_no_difference(expected, backend, n_jobs):
    with joblib.parallel_config(backend=backend):
        assert result(search(n_jobs=n_jobs).fit(*TABLE)) == expected[0]


@pytest.mark.slow
def test_a_cluster_makes_no_difference(expected):
    with dask_cluster() as name, joblib.parallel_config(backend=name):
        assert result(search().fit(*TABLE)) == expected[0]


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_limits_that_do_not_strike_make_no_difference(expected, n_jobs):
    limits = {"max_eval_time": 300, "memory_limit": 10**6}
    assert result(search(n_jobs=n_jobs, **limits).fit(*TABLE)) == expected[0]


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_fits_in_two_threads_do_not_disturb_each_other(expected, n_jobs):
    searches = [search(n_jobs=n_jobs, random_state=seed) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(one.fit, *TABLE) for one in searches]
        assert [result(fit.result()) for fit in fits] == [expected[0], expected[1]]


def process_state():
    return {
        "random": random.getstate(),
        "numpy": repr(np.random.get_state()),  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
        "torch's threads": torch.get_num_threads(),
        "torch's type": torch.get_default_dtype(),
        "torch's algorithms": torch.are_deterministic_algorithms_enabled(),
        "cuDNN": (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
        "threads": threadpool_info(),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "environment": dict(os.environ),
        "scikit-learn": sklearn.get_config(),
        "numpy's errors": np.geterr(),
        "folder": os.getcwd(),
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
    }


@pytest.mark.parametrize(
    ("make", "data", "n_jobs"),
    [
        (search, TABLE, 1),
        pytest.param(search, TABLE, 2, marks=pytest.mark.slow),
        (images_search, IMAGES, 1),
        pytest.param(images_search, IMAGES, 2, marks=pytest.mark.slow),
    ],
)
def test_a_fit_leaves_the_process_as_it_was(make, data, n_jobs):
    small = {"population_size": 2, "generations": 1, "n_jobs": n_jobs}
    make(**small).fit(*data)  # what is imported on the way may set up threads
    before = process_state()
    make(**small).fit(*data)
    after = process_state()
    assert {name for name in before if before[name] != after[name]} == set()


@pytest.mark.slow
def test_networks_do_not_depend_on_the_hash_seed():
    here = map(str, Path(__file__).parents[:2])
    program = (
        "import sys; sys.path[:0] = sys.argv[1:];"
        "from test_reproducible import *;"
        "print(result(images_search().fit(*IMAGES)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *here],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == result(images_search().fit(*IMAGES))
