"""What to try first on sparse tables, and how good a search on them is.

    python sparse_tables.py measure FOLDER --texts TEXTS --minutes 20
    python sparse_tables.py order FOLDER
    python sparse_tables.py compare --texts TEXTS --seconds 60 --seeds 0 1 2

`measure` tries a grid of candidates on three folds of development tables: docstrings
of installed packages (their part of the package, whether they are a method's, how many
lines the function has), short messages, one-hot encoded labels. `order` puts the
candidates in the order in which each improves the ensemble of those before it most, by
the logarithm of the loss on test rows, relative to its seconds. `compare` is on tables
that nothing was chosen on: texts of newsgroups, and made counts of words. TEXTS holds
`sms_spam/SMSSpamCollection.tsv` and `newsgroups4/{train,test}.jsonl.gz`.
"""

import argparse
import ast
import gzip
import json
import pickle
import sys
import time
import warnings
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import OneHotEncoder

from sknevo import EvolvedPipelineClassifier
from sknevo.builders.pipeline import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.estimators._splits import make_splits
from sknevo.evaluation import (
    Data,
    Objectives,
    Response,
    Shared,
    TrialRunner,
    limited_threads,
    select,
)
from sknevo.genomes.pipeline import pipeline
from sknevo.genomes.pipeline._known import UNNAMED, portfolio
from sknevo.records import Candidate, Chromosome, DataSpec

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _made import make

# Most columns of a table of words.
MOST_WORDS = 30_000
PACKAGES = ("scipy", "sympy", "networkx", "skimage", "sklearn")


# Tables ------------------------------------------------------------------------------


def functions():
    """Return the docstrings of functions with their place, kind and length."""
    found = []
    for package in PACKAGES:
        root = Path(find_spec(package).origin).parent
        for path in sorted(root.rglob("*.py")):
            if "tests" in path.parts:
                continue
            try:
                nodes = ast.walk(ast.parse(path.read_text()))
            except SyntaxError:
                continue
            part = f"{package}.{path.relative_to(root).parts[0]}"
            for node in nodes:
                if isinstance(node, ast.FunctionDef) and (
                    text := ast.get_docstring(node)
                ):
                    names = [argument.arg for argument in node.args.args[:1]]
                    inside = node.end_lineno - node.body[0].end_lineno
                    found.append((text, part, names == ["self"], inside))
    return found


def messages(folder):
    lines = (folder / "sms_spam/SMSSpamCollection.tsv").read_text().splitlines()
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    return list(texts), np.array(labels)


def newsgroups(folder, part):
    with gzip.open(folder / f"newsgroups4/{part}.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    texts = [f"{row['subject']}\n{row['text']}" for row in rows]
    return texts, np.array([row["label"] for row in rows])


def words(kind, texts, test):
    vectorizer = {"tfidf": TfidfVectorizer, "counts": CountVectorizer}[kind]
    made = vectorizer(max_features=MOST_WORDS, stop_words="english")
    return made.fit_transform(texts), made.transform(test)


def labels(seed, n=3000):
    """Return one-hot encoded labels of four columns, and a class by some of them."""
    rng = np.random.default_rng(seed)
    codes = rng.zipf(1.3, (2 * n, 4)) % 500
    effects = rng.normal(size=(4, 500))
    z = effects[0][codes[:, 0]] + effects[1][codes[:, 1]] * (codes[:, 2] % 3 - 1)
    y = (z + rng.normal(size=2 * n) > 0).astype(int)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(codes[:n])
    return encoder.transform(codes[:n]), y[:n], encoder.transform(codes[n:]), y[n:]


def development(folder):
    """Yield name, X, y, test X and test y of each development table."""
    found = functions()
    texts = [text for text, *_ in found]
    parts = np.array([part for _, part, *_ in found])
    names, counts = np.unique(parts, return_counts=True)
    common = np.isin(parts, names[np.argsort(-counts)[:12]])
    methods = np.array([is_method for *_, is_method, _ in found])
    lengths = np.log1p([max(0, length) for *_, length in found])
    problems = [
        ("parts, tfidf", "tfidf", parts, common, 2000),
        ("methods, counts", "counts", methods, methods | True, 1500),
        ("lengths, tfidf", "tfidf", lengths, methods | True, 2000),
        ("parts, counts", "counts", parts, common, 1000),
        ("methods, tfidf", "tfidf", methods, methods | True, 3000),
        ("lengths, counts", "counts", lengths, methods | True, 1000),
    ]
    for seed, (name, kind, y, rows, n) in enumerate(problems):
        rows = np.flatnonzero(rows)
        rows = np.random.default_rng(seed).permutation(rows)[: n + 3000]
        train, test = rows[:n], rows[n:]
        X, X_test = words(kind, *([texts[i] for i in part] for part in (train, test)))
        yield name, X, y[train], X_test, y[test]
    for kind in ("tfidf", "counts"):
        texts, y = messages(folder)
        parts = train_test_split(texts, y, train_size=800, random_state=0, stratify=y)
        X, X_test = words(kind, *parts[:2])
        yield f"messages, {kind}", X, parts[2], X_test, parts[3]
    X, y, X_test, y_test = labels(0)
    yield "labels", X, y, X_test, y_test


# Candidates --------------------------------------------------------------------------

TREES = {"min_samples_leaf": 1, "bootstrap": False}
LINEAR_SVM = {"approximate": True, "kernel": {"linear": {}}}
RBF_SVM = {"C": 3.0, "approximate": False, "kernel": {"rbf": {"gamma": 1.0}}}
NEAREST = {"weights": "distance", "p": 2}
# Scalings, ways to fewer columns and models that are tried with one another. A negative
# number of components is one of filtered columns.
GRID = [
    (["none", "tfidf"], [None], [("linear", {"C": c}) for c in (1.0, 10.0, 100.0)]),
    (["none"], [None], [("linear", {"C": c}) for c in (0.1, 0.3)]),
    (["maxabs"], [None], [("linear", {"C": c}) for c in (1.0, 10.0)]),
    (["none"], [None], [("linear", {"C": 10.0, "l1_ratio": 1.0})]),
    (["none"], [200], [("linear", {"C": c}) for c in (0.03, 0.3)]),
    (["none"], [-1000], [("linear", {"C": 10.0})]),
    (
        ["none"],
        [None],
        [
            ("lightgbm", {"colsample_bytree": 0.1}),
            ("lightgbm", {"colsample_bytree": 0.4, "min_child_samples": 5}),
            ("extra_trees", {**TREES, "max_features": 0.01}),
        ],
    ),
    (
        ["none", "tfidf"],
        [None],
        [
            ("svm", {"C": 1.0, **LINEAR_SVM}),
            ("neighbours", {"n_neighbors": 20, **NEAREST}),
            ("naive_bayes", {"alpha": 0.03}),
            ("naive_bayes", {"alpha": 0.3}),
        ],
    ),
    (["tfidf"], [None], [("svm", RBF_SVM)]),
    (
        ["none", "tfidf"],
        [100],
        [
            ("mlp", {"alpha": 0.01}),
            ("svm", RBF_SVM),
            ("lightgbm", {}),
            ("extra_trees", {**TREES, "max_features": 0.1}),
        ],
    ),
    (["none"], [-1000], [("mlp", {"alpha": 0.01}), ("xgboost", {})]),
    (["none"], [None], [("xgboost", {"colsample_bynode": 0.3, "learning_rate": 0.2})]),
]


def candidates(task):
    """Yield expressed genes; those that a model does not name are its first known."""
    known = portfolio()[task]
    for scalings, widths, models in GRID:
        for scaling, n, (model, genes) in product(scalings, widths, models):
            first = [one["model"][model] for one in known if model in one["model"]]
            genes = {**(first[0] if first else {}), **UNNAMED.get(model, {}), **genes}
            entry = {
                "preparation": {"filter": {"none": {}}},
                "scaling": scaling,
                "extraction": {"none": {}},
                "model": {model: genes},
            }
            if n is not None and n > 0:
                entry["extraction"] = {"svd": {"n_components": n}}
            elif n is not None:
                entry["preparation"]["filter"] = {"univariate": {"n_columns": -n}}
            if task == "classification":
                entry["class_weight"] = None
            yield entry


def measure(args):
    args.folder.mkdir(exist_ok=True)
    end = time.time() + 60 * args.minutes
    for name, X, y, X_test, y_test in development(args.texts):
        path = args.folder / f"{name.replace(', ', '-')}.pickle"
        rows = pickle.loads(path.read_bytes()) if path.exists() else {}
        task = "regression" if name.startswith("lengths") else "classification"
        runner, reader, held_out = runner_of(X, y, task)
        X_test = reader.transform(X_test)
        genome = pipeline(runner.builder.spec)
        for genes in candidates(task):
            shown = json.dumps(genes)
            if shown in rows or time.time() > end:
                continue
            model = next(iter(genes["model"]))
            if model not in genome.parts["model"].parts:
                continue
            chromosome = Chromosome(genes)
            start = time.process_time()
            with warnings.catch_warnings(), limited_threads(1):
                warnings.simplefilter("ignore")
                found = runner(Candidate(chromosome))
                seconds = time.process_time() - start
                if found.status != "ok":
                    print(name, shown, found.status, found.error, flush=True)
                    continue
                fitted = runner.refit(chromosome, found.rounds)
            test = runner.response.of(fitted, X_test)
            rows[shown] = (seconds, found.predictions, test)
            loss = loss_of(test, y_test, runner.response.labels)
            cost = runner.builder.cost(genes)
            print(
                f"{name:<16} {loss:.4f} {seconds:6.2f} s, expected {3 * cost:6.2f} "
                f"{shown}",
                flush=True,
            )
            path.write_bytes(pickle.dumps(rows))
        kept = (held_out, y_test, runner.response.labels)
        path.with_suffix(".about").write_bytes(pickle.dumps(kept))


def runner_of(X, y, task):
    reader = ColumnReader()
    X = reader.fit_transform(X)
    classes = np.unique(y) if task == "classification" else None
    model = LogisticRegression() if classes is not None else None
    scoring = "neg_log_loss" if classes is not None else "neg_mean_squared_error"
    objectives = Objectives.of(model, scoring, True, classes)
    spec = DataSpec(
        task,
        X.shape[0] * 2 // 3,
        0 if classes is None else len(classes),
        reader.describe(X),
        sparse=reader.sparsity(X),
    )
    splits = make_splits(
        3,
        X,
        y,
        classifier=classes is not None,
        random_state=0,
        split_params={},
        default_folds={},
    )
    runner = TrialRunner(
        PipelineBuilder(spec),
        Shared(Data(X, y, splits)),
        objectives,
        random_state=0,
        max_eval_time=90,
        response=Response(classes),
    )
    return runner, reader, runner.held_out()


def loss_of(predicted, y, classes):
    if classes is None:
        return mean_squared_error(y, predicted)
    p = np.maximum(predicted.astype(float), 1e-7)
    return log_loss(y, p / p.sum(axis=1, keepdims=True), labels=classes)


def order(args):
    """Print the candidates in the order in which they improve ensembles."""
    tables = {}
    for path in sorted(args.folder.glob("*.pickle")):
        rows = pickle.loads(path.read_bytes())
        about = pickle.loads(path.with_suffix(".about").read_bytes())
        tables[path.stem] = (rows, *about)
    for task in ("classification", "regression"):
        some = {
            name: table
            for name, table in tables.items()
            if (table[3] is None) == (task == "regression")
        }
        shown = sorted({key for rows, *_ in some.values() for key in rows})
        shown = [key for key in shown if all(key in rows for rows, *_ in some.values())]
        print(f"\n{task}: {len(some)} tables, {len(shown)} candidates")
        chosen, before = [], dict.fromkeys(some, np.nan)
        for _ in range(args.n):
            found = {}
            for key in (key for key in shown if key not in chosen):
                losses = {
                    name: _ensemble_loss([*chosen, key], *table)
                    for name, table in some.items()
                }
                gains = (
                    np.log([losses[n] / before[n] for n in some])
                    if chosen
                    else (np.log([losses[n] for n in some]))
                )
                seconds = np.mean([some[n][0][key][0] for n in some])
                found[key] = np.mean(gains), seconds, losses

            # A tenth of a percent is worth a doubling of the time.
            def worth(key, found=found):
                gain, seconds, _ = found[key]
                return gain + args.price * np.log2(seconds)

            best = min(found, key=worth)
            gain, seconds, before = found[best]
            chosen.append(best)
            print(f"{gain:+.4f} {seconds:6.2f} s {best}")


def _ensemble_loss(keys, rows, held_out, y_test, classes):
    selection = select([rows[key][1] for key in keys], held_out)
    weights = selection.weights
    test = sum(w * rows[keys[i]][2].astype(float) for i, w in weights.items())
    return loss_of(test, y_test, classes)


# A whole search ----------------------------------------------------------------------


def judged(args, seed):
    texts, y = newsgroups(args.texts, "train")
    test, y_test = newsgroups(args.texts, "test")
    yield "newsgroups4", *words("tfidf", texts, test), y, y_test
    parts = [make("sparse_30k", seed, is_test) for is_test in (False, True)]
    yield "sparse_30k", *(p.X for p in parts), *(p.y for p in parts)


def compare(args):
    for seed in args.seeds:
        for name, X, X_test, y, y_test in judged(args, seed):
            if name not in args.tables:
                continue

            def auc(model, X=X_test, y=y_test):
                p = model.predict_proba(X)
                p = p[:, 1] if p.shape[1] == 2 else p
                return roc_auc_score(y, p, multi_class="ovr")

            folds = StratifiedKFold(5, shuffle=True, random_state=seed)
            line = f"{name} seed {seed} {X.shape}: C=1 "
            line += f"{auc(LogisticRegression(max_iter=1000).fit(X, y)):.5f}, "
            chosen = LogisticRegressionCV(
                Cs=[1, 10, 100],
                cv=folds,
                scoring="roc_auc_ovr",
                max_iter=1000,
                l1_ratios=(0,),
                use_legacy_attributes=False,
            ).fit(X, y)
            line += f"C={chosen.C_:g} {auc(chosen):.5f}, "
            start = time.time()
            search = EvolvedPipelineClassifier(
                scoring="roc_auc_ovr",
                max_time=args.seconds,
                n_jobs=2,
                random_state=seed,
            ).fit(X, y)
            seconds = time.time() - start
            line += f"evolved {auc(search):.5f} in {seconds:.1f} s, "
            line += f"{search.n_evaluations_} individuals, "
            line += f"best alone {auc(search.best_estimator_):.5f}"
            print(line, flush=True)
            if args.verbose:
                for member in search.ensemble_.members:
                    print(f"  {member.weight:.2f} {member.chromosome.expressed}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("measure")
    one.add_argument("folder", type=Path)
    one.add_argument("--texts", type=Path, required=True)
    one.add_argument("--minutes", type=float, default=20)
    one.set_defaults(call=measure)
    one = commands.add_parser("order")
    one.add_argument("folder", type=Path)
    one.add_argument("-n", type=int, default=16)
    one.add_argument("--price", type=float, default=0.001)
    one.set_defaults(call=order)
    one = commands.add_parser("compare")
    one.add_argument("--texts", type=Path, required=True)
    one.add_argument("--seconds", type=float, default=60)
    one.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    one.add_argument("--tables", nargs="+", default=["newsgroups4", "sparse_30k"])
    one.add_argument("--verbose", action="store_true")
    one.set_defaults(call=compare)
    args = parser.parse_args()
    args.call(args)


if __name__ == "__main__":
    main()
