"""Whether searches end as they did before a change that should change no result.

Two commits are checked out: the one before the change and the one after it. The same
searches run with both, one tree after the other, with fixed seeds and without
`max_time`. Of each search the candidates (keys, lineage, status, resource, scores of
every split), the Pareto front, the best, the reason of the end and the predictions of
the best must be equal to the last bit.

    python benchmarks/same_results.py
    python benchmarks/same_results.py --before HEAD~3 --after HEAD --only "networks"

By default they are those before and after the rebuild of November 2026. The commit that
follows it renames genes, on whose names keys and random numbers depend. Parameters have
the names of that rebuild below. A tree that does not know them is given the
former ones.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.tree import DecisionTreeClassifier

ROOT = Path(__file__).resolve().parents[1]
BEFORE, AFTER = "f8a88ca", "1cb7dd3"

# Present values of parameters, and the former ones.
FORMER_STRATEGIES = {
    "regularized_evolution": "ageing",
    "estimation_of_distribution": "gaussian",
    "surrogate_assisted": "preselection",
}
FORMER_RESOURCES = {"n_samples": "samples"}

# What is compared of `cv_results_`, beside the scores.
COLUMNS = ("key", "origin", "parents", "generation", "status", "resource", "params")

# Names that a tree knows -------------------------------------------------------------


def strategy(name):
    from sknevo.evolution import STRATEGIES

    return name if name in STRATEGIES else FORMER_STRATEGIES[name]


def resource(name):
    try:
        trees(resource=name, generations=1).fit(*load_iris(return_X_y=True))
    except ValueError:
        return FORMER_RESOURCES[name]
    return name


# Searches ----------------------------------------------------------------------------


def search_cv(model, genome, **parameters):
    from sknevo import EvolvedSearchCV

    defaults = {"population_size": 8, "generations": 4, "cv": 3, "random_state": 0}
    return EvolvedSearchCV(model, genome, **defaults | parameters)


def trees(**parameters):
    genome = {
        "max_depth": randint(1, 12),
        "min_samples_leaf": randint(1, 30),
        "min_impurity_decrease": loguniform(1e-4, 1e-1),
        "criterion": ["gini", "entropy"],
    }
    return search_cv(DecisionTreeClassifier(), genome, **parameters)


def failing_trees(**parameters):
    genome = {"max_depth": [1, 3, -1, -2], "min_samples_leaf": randint(1, 30)}
    return search_cv(DecisionTreeClassifier(), genome, **parameters)


def linear(**parameters):
    genome = {"C": loguniform(1e-3, 1e3), "fit_intercept": [True, False]}
    return search_cv(LogisticRegression(solver="liblinear"), genome, **parameters)


def tables(name="EvolvedPipelineClassifier", **parameters):
    import sknevo
    from sknevo.genomes.pipeline import pipeline

    genome = partial(pipeline, models=["svm", "lightgbm"])
    defaults = {"population_size": 6, "generations": 2, "cv": 2, "random_state": 0}
    return getattr(sknevo, name)(genome=genome, **defaults | parameters)


def networks(**parameters):
    from sknevo import EvolvedClassifier
    from sknevo.genomes.convnet import convnet

    genome = partial(convnet, max_layers=2, max_parameters=5_000, max_epochs=6)
    defaults = {"population_size": 4, "generations": 2, "cv": 2, "random_state": 0}
    return EvolvedClassifier(genome=genome, **defaults | parameters)


def gans(max_epochs, **parameters):
    from sknevo import EvolvedGAN
    from sknevo.genomes.gan import gan

    limits = {"max_layers": 2, "max_parameters": 20_000, "max_epochs": max_epochs}
    defaults = {"population_size": 4, "generations": 2, "random_state": 0}
    return EvolvedGAN(genome=partial(gan, **limits), **defaults | parameters)


def mixed_table():
    """Return a table of numbers, gaps, words and dates."""
    rng, (X, y) = np.random.default_rng(0), load_iris(return_X_y=True)
    gaps = rng.random(X.shape) < 0.1
    table = pd.DataFrame(np.where(gaps, np.nan, X), columns=["a", "b", "c", "d"])
    table["word"] = rng.choice(["red", "green", "blue"], len(X))
    days = rng.integers(0, 1000, len(X)).astype("timedelta64[D]")
    table["day"] = np.datetime64("2020-01-01") + days
    return table, y


def searches(folder):
    """Return an unfitted search, its data and metadata, by name."""
    X, y = (part[::2] for part in load_breast_cancer(return_X_y=True))
    cancer = X[:, :10], y
    images, labels = load_digits(n_class=4, return_X_y=True)
    digits = images[::4].reshape(-1, 8, 8).astype(np.uint8), labels[::4]
    points = np.random.default_rng(0).normal([3, -1], [1, 0.1], (400, 2))
    weights = {"sample_weight": np.linspace(0.1, 3, len(y))}
    groups = {"groups": np.arange(len(y)) // 10}
    goals = {"scoring": ["accuracy", "roc_auc"], "refit": "roc_auc"}
    samples = {"resource": resource("n_samples")}
    epochs = {"resource": "epochs", "population_size": 9, "factor": 2}
    ages, model = strategy("regularized_evolution"), strategy("surrogate_assisted")
    known = strategy("estimation_of_distribution")
    return {
        "elitist": (trees(strategy="elitist"), cancer, {}),
        "crossover": (trees(strategy="crossover"), cancer, {}),
        "regularized evolution": (trees(strategy=ages), cancer, {}),
        "regularized evolution, n_jobs=2": (trees(strategy=ages, n_jobs=2), cancer, {}),
        "estimation of distribution": (trees(strategy=known), cancer, {}),
        "surrogate-assisted": (trees(strategy=model), cancer, {}),
        "coevolution": (trees(strategy="coevolution"), cancer, {}),
        "nsga2, two goals": (trees(strategy="nsga2", **goals), cancer, {}),
        "weights": (linear(), cancer, weights),
        "groups": (trees(cv=GroupKFold(4)), cancer, groups),
        "n_samples as resource": (trees(**samples, n_jobs=2), cancer, {}),
        "half fail": (failing_trees(generations=20, n_iter_no_change=3), cancer, {}),
        "pipelines, n_jobs=2": (tables(n_jobs=2), mixed_table(), {}),
        "pipelines, weights, nsga2": (
            tables(strategy="nsga2", **goals, n_jobs=2),
            cancer,
            weights,
        ),
        "pipelines, regression": (
            tables("EvolvedPipelineRegressor", strategy=model, generations=3, n_jobs=2),
            load_diabetes(return_X_y=True),
            {},
        ),
        "journal, resumed": (
            tables(strategy="crossover", **samples, journal=folder / "run.jsonl"),
            cancer,
            {},
        ),
        "networks": (networks(), digits, {}),
        "networks, epochs as resource": (
            networks(strategy="coevolution", **epochs, n_jobs=2),
            digits,
            {},
        ),
        "GAN, table": (gans(30), (points, np.arange(400) % 2), {}),
        "GAN, images": (gans(4, n_jobs=2), digits, {}),
    }


# Results -----------------------------------------------------------------------------


def fit(search, X, y, metadata):
    """Fit a search; one with a journal goes on from the first half of a former run."""
    search.fit(X, y, **metadata)
    if search.journal is not None:
        lines = search.journal.read_bytes().splitlines(keepends=True)
        search.journal.write_bytes(b"".join(lines[: len(lines) // 2]))
        search.set_params(n_jobs=2).fit(X, y, **metadata)


def predictions(search, X):
    best = search.best_estimator_
    if hasattr(best, "sample"):
        return best.sample(20, random_state=0)
    return best.predict_proba(X) if hasattr(best, "predict_proba") else best.predict(X)


def result(search, X):
    """Return what must not change of a fitted search, as JSON has it."""
    rows = search.cv_results_
    if "final_score" in rows:  # its name in the former version
        rows["reevaluated_score"] = rows.pop("final_score")
    scores = [n for n in rows if "_test_" in n or n == "reevaluated_score"]
    found = {name: rows[name] for name in (*COLUMNS, *scores)} | {
        "best_index_": search.best_index_,
        "best_score_": search.best_score_,
        "pareto_front_": search.pareto_front_,
        "stop_reason_": search.stop_reason_,
        "predictions": predictions(search, X),
    }
    return json.loads(json.dumps(found, default=plain))


def plain(value):
    """Return what JSON has no word for as what it has; floats keep every digit."""
    return value.tolist() if hasattr(value, "tolist") else repr(value)


def run(only):
    """Print a line of JSON for each search with the tree on the path."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for name, (search, (X, y), metadata) in searches(Path(folder)).items():
            if not only or name in only:
                begin = time.perf_counter()
                fit(search, X, y, metadata)
                seconds = round(time.perf_counter() - begin, 1)
                found = {"name": name, "seconds": seconds, "result": result(search, X)}
                print(json.dumps(found), flush=True)


# Both trees --------------------------------------------------------------------------


def results_of(tree, only):
    """Return what the searches of a tree end with, by name."""
    settings = {
        "PYTHONPATH": str(tree),
        "PYTHONHASHSEED": "0",
        # Threads that wait for each other on a busy machine do not spin.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    here = [sys.executable, "-c", "import sknevo; print(sknevo.__file__)"]
    known = {"env": os.environ | settings, "stdout": subprocess.PIPE, "text": True}
    found = subprocess.run(here, check=True, cwd=tree, **known).stdout.strip()
    if not Path(found).is_relative_to(tree):
        raise RuntimeError(f"sknevo must come from {tree}; got {found}.")
    command = [sys.executable, __file__, "--run", "--only", *only]
    done = subprocess.run(command, check=True, cwd=tree, **known)
    return {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}


def difference(before, now, path=""):
    """Return the first place in which two results differ, None if they are equal."""
    if type(before) is type(now) and isinstance(before, dict | list):
        if len(before) != len(now):
            return f"{path}: {len(before)} values before, {len(now)} now"
        items = before.items() if isinstance(before, dict) else enumerate(before)
        for key, value in items:
            if isinstance(now, dict) and key not in now:
                return f"{path}.{key}: only before"
            found = difference(value, now[key], f"{path}[{key}]")
            if found:
                return found
        return None
    # NaN is equal to NaN.
    return (
        None if repr(before) == repr(now) else f"{path}: {before!r} before, {now!r} now"
    )


@contextmanager
def checked_out(commit):
    """Yield the path of a temporary tree of a commit."""
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve() / "tree"
        subprocess.run([*git, "add", "--quiet", "--detach", tree, commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)


def compare(commits, only):
    """Print how the searches of two commits end; return how many differ."""
    results = []
    for commit in commits:
        with checked_out(commit) as tree:
            results.append(results_of(tree, only))
    before, now = results
    n_differing = 0
    for name, one in before.items():
        found = difference(one["result"], now[name]["result"])
        n_differing += found is not None
        rows = len(one["result"]["key"])
        seconds = f"{one['seconds']:5.1f} s {now[name]['seconds']:5.1f} s"
        print(f"{name:<32}{rows:4} candidates {seconds}  {found or 'equal'}")
    print(f"\n{len(before) - n_differing} of {len(before)} searches are equal")
    return n_differing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", default=BEFORE, help="commit before the change")
    parser.add_argument("--after", default=AFTER, help="commit after the change")
    parser.add_argument("--only", nargs="*", default=[], help="names of searches")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(options.only)
    else:
        sys.exit(min(1, compare((options.before, options.after), options.only)))


if __name__ == "__main__":
    main()
