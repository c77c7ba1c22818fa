"""Ctrl-C, for real: the best so far is refitted, in a script and in a notebook."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import signal, sys
from functools import partial
from sklearn.datasets import load_iris
from sknevo import EvolvedPipelineClassifier
from sknevo.genomes.pipeline import pipeline

# A process started in the background is told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
X, y = load_iris(return_X_y=True)
clf = EvolvedPipelineClassifier(
    genome=partial(pipeline, models=["svm"]), population_size=4, generations=10_000,
    cv=2, n_jobs=int(sys.argv[1]), random_state=0, verbose=1,
)
print("begins", flush=True)
clf.fit(X, y)
print("ended:", clf.stop_reason_, clf.predict(X).shape, clf.n_evaluations_ > 0)
"""


@pytest.mark.parametrize(
    ("n_jobs", "press"),
    # A notebook interrupts its own process, a terminal the workers too.
    [("1", os.kill), pytest.param("2", os.killpg, marks=pytest.mark.slow)],
)
def test_ctrl_c_leaves_the_best_so_far(n_jobs, press):
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", SCRIPT, n_jobs],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for line in process.stdout:
            if "generation 0" in line:  # the first is over: there is a best
                break
        press(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "ended: interrupted by the user (150,) True" in output, errors
    assert process.returncode == 0
