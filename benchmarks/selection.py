"""What greedy selection of an ensemble brings, and which of its settings matter.

For each table, number of training rows and seed, about 30 configurations are fitted on
five folds. A fold's model stops early, or is calibrated, on the fold's held-out part,
as in a search. Held-out predictions, and those of the averaged fold models for the test
rows, are cached in a folder. All variants of the selection are then compared on the
same predictions; each raw row is printed.

    python benchmarks/selection.py FOLDER_OF_TABULAR_DATA --cache FOLDER --make
    python benchmarks/selection.py --cache FOLDER > rows.csv
    python benchmarks/selection.py --report rows.csv
"""

import argparse
import warnings
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import tables
from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping
from sklearn import ensemble, neighbors, neural_network, svm
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknevo.evaluation import Decision, Objectives
from sknevo.evaluation import _selection as selection
from sknevo.evaluation._averages import fitness_scorer
from sknevo.evaluation._held_out import HeldOut

CLASSIFICATION = (*tables.NAMES, *tables.FRESH)
REGRESSION = ("abalone", "concrete", "auto_mpg", "auto_insurance")
# Numbers of training rows, and seeds for each: tables of few rows vary more. The other
# rows of a table are the test, at least 30 %.
SIZES = {100: 4, 300: 3, 2000: 1}
MOST_TEST = 5000
FOLDS = 5
FIELDS = ("table", "size", "seed", "score", "variant", "test", "members")


def read(folder, name):
    task = "regression" if name in REGRESSION else "classification"
    X, y = tables.read(Path(folder) / task, name)
    if task == "classification":
        y = np.unique(y.astype(str), return_inverse=True)[1]
    labels = [c for c in X if not pd.api.types.is_numeric_dtype(X[c])]
    labels = [c for c in labels if X[c].nunique() <= 50]
    numbers = X.select_dtypes("number")
    numbers = numbers.fillna(numbers.median()).fillna(0)
    encoder = OneHotEncoder(sparse_output=False, min_frequency=5)
    columns = [numbers.to_numpy(float)]
    if labels:
        columns.append(encoder.fit_transform(X[labels].astype(str)))
    return np.hstack(columns), y


def configurations(task):
    """Return unfitted models by name: known ones, and random ones around them."""
    rng = np.random.default_rng(0)
    kind = "Classifier" if task == "classification" else "Regressor"
    nearest = getattr(neighbors, f"KNeighbors{kind}")
    network = getattr(neural_network, f"MLP{kind}")
    extra, forest = (
        getattr(ensemble, f"{name}{kind}") for name in ("ExtraTrees", "RandomForest")
    )
    machine, line = {
        "Classifier": (svm.SVC, lambda C: LogisticRegression(C=C, max_iter=300)),
        "Regressor": (svm.SVR, lambda C: Ridge(1 / C)),
    }[kind]
    leaves = [("sqrt", 1), (0.75, 1), (1.0, 4), (0.5, 2), ("sqrt", 5)]
    layers = [((64,), 1e-3), ((128, 64), 1e-2), ((32,), 1.0), ((64, 64), 1e-4)]
    models = {
        "lightgbm": [boosting(kind, i, rng) for i in range(12)],
        "extra": [
            extra(100, max_features=most, min_samples_leaf=leaf, random_state=i)
            for i, (most, leaf) in enumerate(leaves)
        ],
        "forest": [
            forest(100, max_features=0.5, min_samples_leaf=leaf, random_state=leaf)
            for leaf in (1, 3)
        ],
        "svm": [machine(C=C) for C in (0.1, 1.0, 10.0, 100.0)],
        "linear": [line(C) for C in (0.01, 1.0, 100.0)],
        "mlp": [
            network(hidden_layer_sizes=units, alpha=alpha, max_iter=60, random_state=i)
            for i, (units, alpha) in enumerate(layers)
        ],
        "neighbors": [nearest(k) for k in (5, 20)],
    }
    if kind == "Classifier":
        balanced = LogisticRegression(max_iter=300, class_weight="balanced")
        models["balanced"] = [balanced]
    return {
        f"{n}{i}": model for n, some in models.items() for i, model in enumerate(some)
    }


def boosting(kind, i, rng):
    return {"Classifier": LGBMClassifier, "Regressor": LGBMRegressor}[kind](
        n_estimators=300,
        learning_rate=10 ** rng.uniform(-1.7, -0.7),
        num_leaves=int(2 ** rng.uniform(2, 6.5)),
        min_child_samples=int(2 ** rng.uniform(0, 5)),
        colsample_bytree=rng.uniform(0.4, 1),
        subsample=rng.uniform(0.7, 1),
        subsample_freq=1,
        reg_lambda=10 ** rng.uniform(-3, 1),
        extra_trees=bool(i % 2),
        random_state=i,
        verbose=-1,
        n_jobs=1,
    )


def predictor(name, model, X, y, X_val, y_val):
    """Fit a fold's model, and return a function of X that gives its predictions."""
    if name.startswith("lightgbm"):
        stop = [early_stopping(30, verbose=False)]
        model.fit(X, y, eval_set=[(X_val, y_val)], callbacks=stop)
        return getattr(model, "predict_proba", model.predict)
    model.fit(X, y)
    if not isinstance(model, svm.SVC):
        return getattr(model, "predict_proba", model.predict)
    if set(np.unique(y_val)) != set(model.classes_):
        n = len(model.classes_)
        return lambda X: 0.9 * np.eye(n)[model.predict(X)] + 0.1 / n

    def decided(X):
        return model.decision_function(X).reshape(len(X), -1)

    calibrate = LogisticRegression(max_iter=300).fit(decided(X_val), y_val)
    return lambda X: calibrate.predict_proba(decided(X))


def library(X, y, X_test, task, seed):
    """Return names, held-out predictions per fold, and averaged ones for the test."""
    kind = StratifiedKFold if task == "classification" else KFold
    splits = list(kind(FOLDS, shuffle=True, random_state=seed).split(X, y))
    names, held_out, test = [], [], []
    for name, model in configurations(task).items():
        parts, average = [], 0.0
        for train, val in splits:
            scale = StandardScaler().fit(X[train])
            A, B, C = (scale.transform(part) for part in (X[train], X[val], X_test))
            predict = predictor(name, model, A, y[train], B, y[val])
            parts.append(predict(B))
            average = average + predict(C) / FOLDS
        names.append(name)
        held_out.append(np.concatenate(parts))
        test.append(average)
    return {
        "names": np.array(names),
        "held_out": np.array(held_out, np.float32),
        "y": np.concatenate([y[val] for _, val in splits]),
        "sizes": np.array([len(val) for _, val in splits]),
        "test": np.array(test),
    }


def make(folder, cache):
    for size, seeds in SIZES.items():
        for name in (*CLASSIFICATION, *REGRESSION):
            for seed in range(seeds):
                make_one(folder, cache, name, size, seed)


def make_one(folder, cache, name, size, seed):
    path = cache / f"{name}-{size}-{seed}.npz"
    if path.exists():
        return
    try:
        X, y = read(folder, name)
    except ImportError:
        return
    task = "regression" if name in REGRESSION else "classification"
    if size > 100 and 0.7 * len(X) < size / 2:
        return
    if task == "classification":
        counts = np.bincount(y)
        # A class of fewer rows than folds cannot be in every fold.
        rows = np.flatnonzero(counts[y] * min(1, size / len(y)) >= FOLDS + 1)
        X, y = X[rows], np.unique(y[rows], return_inverse=True)[1]
        if len(np.unique(y)) < 2:
            return
    size = min(size, int(0.7 * len(X)))
    stratify = y if task == "classification" else None
    X, X_test, y, y_test = train_test_split(
        X, y, train_size=size, stratify=stratify, random_state=seed
    )
    X_test, y_test = X_test[:MOST_TEST], y_test[:MOST_TEST]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = library(X, y, X_test, task, seed)
    np.savez(path, y_test=y_test, **found)
    print(path.name, found["held_out"].shape, found["test"].shape, flush=True)


def rows(path, scores):
    """Return scores on the test rows of all variants on one table."""
    table, size, seed = path.stem.rsplit("-", 2)
    cached = np.load(path)
    test, y_test = cached["test"], cached["y_test"]
    labels = np.arange(test.shape[2]) if test.ndim == 3 else None
    ends = np.cumsum(cached["sizes"])[:-1]
    y = np.split(cached["y"], ends)
    candidates = [np.split(one, ends) for one in cached["held_out"]]
    known = SCORES["regression" if labels is None else "classification"]
    for score in [score for score in scores if score in known]:
        if score == "roc_auc" and len(labels) > 2:
            continue
        model = Ridge() if labels is None else LogisticRegression()
        objectives = Objectives.of(model, score, True, labels)
        held_out = HeldOut(objectives, y, [{}] * len(y), labels)
        judge = HeldOut(objectives, [y_test], [{}], labels)
        single = [held_out.score(parts) for parts in candidates]
        order = np.argsort(single)[::-1]
        for name, weights, decision in variants(candidates, held_out, order):
            average = np.tensordot(weights / weights.sum(), test, 1)
            found = judge.score([average], decision)
            yield table, size, seed, score, name, found, (weights > 0).sum()


def variants(candidates, held_out, order):
    """Yield names, weights of candidates, and decisions."""
    n = len(candidates)

    def weights(picks):
        return np.bincount(picks, minlength=n).astype(float)

    def tuned(weights, tune=selection.tune):
        parts = zip(*candidates, strict=True)
        average = [np.tensordot(weights / weights.sum(), part, 1) for part in parts]
        return tune(average, held_out)

    single = weights(order[:1])
    yield "single", single, Decision()
    yield "single tuned", single, tuned(single)
    for best in (5, 10):
        yield f"best {best}", weights(order[:best]), tuned(weights(order[:best]))
    for name, settings in SETTINGS.items():
        if "selection_scorer" in settings and not held_out.scores_labels:
            continue
        with ExitStack() as stack:
            for constant in settings.keys() & vars(selection).keys():
                value = settings[constant]
                stack.enter_context(patch.object(selection, constant, value))
            some = np.sort(order[: settings.get("library")])
            picks = selection.select(
                [candidates[i] for i in some], held_out, settings.get("steps", 25)
            ).picks
            found = weights(some[list(picks)])
            yield name, found, tuned(found)
            if name == "default":
                yield "untuned", found, Decision()


SCORES = {
    "classification": ("neg_log_loss", "roc_auc", "balanced_accuracy", "accuracy"),
    "regression": ("r2",),
}
# Settings of the selection, or constants of its module.
SETTINGS = {
    "default": {},
    "5 steps": {"steps": 5},
    "10 steps": {"steps": 10},
    "50 steps": {"steps": 50},
    "library 10": {"library": 10},
    "library 20": {"library": 20},
    "start 0": {"START": 0},
    "start 300": {"START": 300},
    "start 3000": {"START": 3000},
    "whole tuning": {"HALF_WAY": 0},
    "by the score": {"selection_scorer": fitness_scorer, "SECONDS": 3.0},
}


def report(path):
    """Print for each score and size: mean gains over the single best, and ranks."""
    found = pd.read_csv(path)
    for (score, size), part in found.groupby(["score", "size"]):
        one = part.pivot_table(
            index=["table", "seed"], columns="variant", values="test"
        )
        one = one.dropna()
        gains = one.sub(one["single"], axis=0).groupby("table").mean()
        ranks = one.rank(axis=1, ascending=False).groupby("table").mean()
        against = one.sub(one["default"], axis=0)
        summary = {
            "rank": ranks.mean(),
            "gain": 1e4 * gains.mean(),
            "median": 1e4 * gains.median(),
            "wins": (against > 0).sum(),
            "losses": (against < 0).sum(),
            "members": part.groupby("variant")["members"].mean(),
        }
        print(f"\n{score}, {size} rows: {len(gains)} tables; gain in 1/10000")
        print(pd.DataFrame(summary).sort_values("rank").round(1).to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/selection"))
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--scores", nargs="+", default=sum(SCORES.values(), ()))
    parser.add_argument("--report")
    args = parser.parse_args()
    if args.make:
        args.cache.mkdir(exist_ok=True)
        make(args.folder, args.cache)
    elif args.report:
        report(args.report)
    else:
        print(*FIELDS, sep=",")
        for path in sorted(args.cache.glob("*.npz")):
            for row in rows(path, args.scores):
                print(*row, sep=",", flush=True)
