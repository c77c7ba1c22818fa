"""Which of the evaluated individuals an ensemble should be selected from.

A search keeps all that it evaluates, with predictions of test rows: the known
individuals, and then five times as many bred ones. Ensembles are selected from some of
them, by policy, and their losses on the test rows are compared: the log-loss, or 1 -
R2. Their logarithms are compared, so that changes are nearly in percent. Searches have
no time limit, so that they depend on the seed alone. A second run goes on from there.

    python portfolio/tables.py tables.pkl.xz
    python variety.py tables.pkl.xz FOLDER
    python variety.py --report FOLDER
"""

import argparse
import lzma
import pickle
import warnings
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from folds import SCORES, sampled
from sklearn.metrics import log_loss, r2_score
from sklearn.utils import _safe_indexing as take

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor
from sknevo.evaluation import _model_store as model_store
from sknevo.evaluation import select, tune
from sknevo.evaluation._held_out import HeldOut

TABLES = ("Fishing", "marketing", "Yogurt", "headInjury", "banana", "MathPlacement")
TABLES += ("bfi", "planes", "movies", "gpa2")
TRAINED = 500
# All known individuals are in the first generation.
GENERATIONS, POPULATION_SIZE = 6, 24


class Found(dict):
    """What a search has found, instead of an ensemble: evaluations and predictions."""

    def __call__(self, search, outcome, evaluator, budget):
        runner = evaluator.runner
        X_test = search._reader_.transform(search._validate_X(self.pop("X_test")))
        self["about"] = runner.objectives, runner.held_out().y, runner.response.labels
        self["individuals"] = [
            {
                "model": next(iter(one.chromosome.expressed["model"])),
                "origin": one.chromosome.origin,
                "fitness": one.fitness,
                "held_out": one.predictions,
                "test": np.mean(
                    [
                        runner.response.of(m, X_test)
                        for m in runner.split_models(one.candidate)
                    ],
                    axis=0,
                ),
            }
            for one in runner.model_store.kept
        ]
        search.ensemble_ = None


def measure(table, path, seed):
    """Search on some rows of a table and write what was found."""
    classifies = table["task"] == "classification"
    y, train, test = sampled(table, TRAINED, seed)
    found = Found(X_test=take(table["X"], test), y_test=y[test])
    cls = EvolvedPipelineClassifier if classifies else EvolvedPipelineRegressor
    search = cls(
        scoring=SCORES[table["task"]],
        generations=GENERATIONS,
        population_size=POPULATION_SIZE,
        n_jobs=2,
        random_state=seed,
    )
    with (
        patch.object(model_store, "MOST_KEPT", 10**6),
        patch.object(model_store, "MOST_BYTES", 2**40),
        patch.object(cls, "_select_ensemble", lambda *args: found(*args)),
    ):
        search.fit(take(table["X"], train), y[train])
    path.write_bytes(pickle.dumps(dict(found)))


def run(args):
    args.folder.mkdir(exist_ok=True)
    with lzma.open(args.tables) as file:
        tables = {table["name"]: table for table in pickle.load(file)}
    for seed in args.seeds:
        for name in args.names:
            path = args.folder / f"{name}-{seed}.pickle"
            if not path.exists():
                measure(tables[name], path, seed)
                print(path.stem, flush=True)


# Policies ---------------------------------------------------------------------------


def of_each(number, most):
    """Return a policy: the best of each model, then the others, so many in all."""

    def chosen(individuals):
        counts, first, others = Counter(), [], []
        for one in individuals:
            counts[one["model"]] += 1
            (first if counts[one["model"]] <= number else others).append(one)
        return (first + others)[:most]

    return chosen


POLICIES = {
    "best 50": of_each(0, 50),
    "best 20": of_each(0, 20),
    "best 100": of_each(0, 100),
    "all": of_each(0, None),
    "5 of each, 100": of_each(5, 100),
    "3 of each, 50": of_each(3, 50),
    "1 of each, 50": of_each(1, 50),
    "known": lambda found: [one for one in found if one["origin"] == "known"],
}


def loss(found, policy):
    """Return the loss of an ensemble on test rows, and its score on held-out ones."""
    objectives, y, labels = found["about"]
    held_out = HeldOut(objectives, y, [{}] * len(y), labels)
    ranked = sorted(found["individuals"], key=lambda one: -one["fitness"])
    individuals = policy(ranked)
    predictions = [one["held_out"] for one in individuals]
    chosen = select(predictions, held_out)
    decision = tune(chosen.average(predictions), held_out)
    test = sum(
        w * individuals[i]["test"].astype(float) for i, w in chosen.weights.items()
    )
    if labels is None:
        return 1 - r2_score(found["y_test"], test)
    return log_loss(found["y_test"], decision.probabilities(test), labels=labels)


def report(folder):
    """Print the loss by policy, and the change beside the first policy."""
    losses = {}
    for path in sorted(folder.glob("*.pickle")):
        found = pickle.loads(path.read_bytes())
        losses[path.stem] = {n: loss(found, policy) for n, policy in POLICIES.items()}
        losses[path.stem]["individuals"] = len(found["individuals"])
    table = pd.DataFrame(losses).T
    print(table.round(4).to_string())
    logs = 100 * np.log(table[[*POLICIES]])
    change = logs.sub(logs["best 50"], axis=0)
    print(
        pd.DataFrame(
            {
                "change in %": change.mean().round(2),
                "±": change.sem().round(2),
                "lower": (change < 0).sum(),
                "higher": (change > 0).sum(),
            }
        ).to_string()
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", type=Path, nargs="?")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--names", nargs="+", default=TABLES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--report", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    report(args.report) if args.report else run(args)
