"""Classify texts beside numbers
=============================

Evolve a pipeline on texts beside numbers, and compare it with TF-IDF. Each row is a
function of scipy. The text is the beginning of its docstring, and the number is how
many parameters it has. The target is its module, such as stats or signal. Nothing is
downloaded, since the texts come with scipy::

    python examples/evolve_texts.py --max-time 60
    python examples/evolve_texts.py --max-time 60 --plot modules.png

Takes about a minute. Plots need ``pip install ".[plots]"``.
"""

import argparse
import inspect
from importlib import import_module

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknevo import EvolvedPipelineClassifier

MODULES = ("linalg", "ndimage", "optimize", "signal", "sparse", "spatial", "stats")
LETTERS = 300  # of a text: the beginning says what a function is for


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--max-time", type=float, default=60, help="seconds to evolve")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as modules.png")
    args = parser.parse_args()

    X, y = read_functions()
    train, test = train_test_split(y.index, stratify=y, random_state=0)
    X_train, X_test, y_train, y_test = X.loc[train], X.loc[test], y[train], y[test]
    print(f"{len(train)} texts to learn from, such as {X_train['text'].iloc[0][:60]!r}")

    evolved = EvolvedPipelineClassifier(
        scoring="f1_macro",
        text_columns=["text"],
        max_time=args.max_time,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    )
    evolved.fit(X_train, y_train)
    print(f"\nThe best pipeline:\n{evolved.best_chromosome_}")

    usual = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=1000))
    usual.fit(X_train["text"], y_train)
    print(f"\n{'macro F1 on other functions':<32}{len(X_test)} of them")
    for name, found in (
        ("evolved", evolved.predict(X_test)),
        ("TF-IDF, logistic regression", usual.predict(X_test["text"])),
    ):
        print(f"{name:<32}{f1_score(y_test, found, average='macro'):.3f}")
    if args.plot:
        plot(evolved, X_test, y_test, args.plot)
        print(f"\nplotted to {args.plot}")


def plot(evolved, X, y, path):
    """Plot which modules are taken for which others."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 5.5), layout="constrained")
    ConfusionMatrixDisplay.from_estimator(
        evolved, X, y, ax=figure.subplots(), cmap="Blues", xticks_rotation=45
    )
    figure.savefig(path, dpi=100)


def read_functions():
    """Return texts and numbers of parameters of functions, and their modules."""
    rows = [row for module in MODULES for row in functions_of(module)]
    table = pd.DataFrame(rows, columns=["text", "parameters", "module"])
    table = table.drop_duplicates("text", ignore_index=True)
    return table[["text", "parameters"]], table["module"]


def functions_of(name):
    """Yield text, number of parameters and module of all documented functions."""
    module = import_module(f"scipy.{name}")
    for public in module.__all__:
        function = getattr(module, public)
        text = inspect.getdoc(function)
        if callable(function) and text:
            yield text[:LETTERS], n_parameters(function), name


def n_parameters(function):
    """Return how many parameters a function has, missing if that is not known."""
    try:
        return float(len(inspect.signature(function).parameters))
    except ValueError:  # some that are written in C
        return float("nan")


if __name__ == "__main__":  # worker processes import this file
    main()
