"""A report: one HTML file that can be read without sknevo and without a network."""

import base64
import datetime
import importlib.metadata
import io
import math
import os
import platform
import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils._pprint import _changed_params
from sklearn.utils._repr_html.estimator import estimator_html_repr
from sklearn.utils.validation import _num_samples

from sknevo.describe import parts, score_text
from sknevo.extras import require
from sknevo.records import DataSpec, flatten
from sknevo.report._advice import advice
from sknevo.report._facts import Facts
from sknevo.report._leaderboard import leaderboard

TEMPLATE = Path(__file__).with_name("page.html")
# Rows of the leaderboard and of the column importances. Chosen, not measured.
MOST_ROWS = 20
# Parts of the given rows; their scores tell the error of the score of all. Chosen, not
# measured.
N_PARTS = 10
# Classes and columns that are named. Chosen, not measured.
MOST_NAMED = 12
# Letters of a parameter's value. Chosen, not measured.
MOST_LETTERS = 200
# Resolution of what is no vector graphics in a picture, in dots per inch. Chosen,
# not measured.
DPI = 120
NOT_REFITTED = "none, for want of time: best_estimator_ has seen a part of the rows"

# The pictures of a page: class in `sknevo.displays`, title, what it shows. One that an
# estimator does not have is left out.
PICTURES = {
    "EvolutionDisplay": (
        "Evolution",
        "Every individual, the best so far and the median.",
    ),
    "NetworkDisplay": ("The best network", "Its layers from the input to the output."),
    "FamilyTreeDisplay": ("Family tree", "The ancestors of the best and what changed."),
    "GenesDisplay": ("Genes", "Which genes the scores depend on."),
    "ParetoDisplay": ("Pareto front", "What a better score costs."),
    "RungsDisplay": ("Successive halving", "Scores over the resource."),
    "EnsembleDisplay": ("Ensemble", "Its members and their weights."),
    "GanSignalsDisplay": ("Training", "Signals of the best GAN's training."),
    "SampleGridDisplay": ("Samples", "What the best generator makes."),
}
PACKAGES = (
    *("sknevo", "scikit-learn", "numpy", "scipy", "pandas", "joblib"),
    *("lightgbm", "xgboost", "torch", "skorch"),
)


def write_report(
    facts: Facts,
    path: str | os.PathLike,
    X: Any = None,
    y: Any = None,
    saved_as: str | os.PathLike | None = None,
) -> None:
    """Write the page; X and y are rows that were not in `fit`, if there are any.

    `saved_as` is the file of the fitted estimator.
    """
    text = _template().render(_content(facts, X, y, saved_as))
    Path(path).write_text(text, encoding="utf-8")


def _template() -> Any:
    require("report", "jinja2")
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _content(
    facts: Facts, X: Any, y: Any, saved_as: str | os.PathLike | None
) -> dict[str, Any]:
    """Return what the template shows, by name."""
    estimator, best = facts.estimator, facts.best
    genes = estimator.best_chromosome_.genes
    importance = None
    # Images have no columns.
    has_columns = facts.spec is None or bool(facts.spec.columns)
    has_columns = has_columns and hasattr(estimator, "feature_importance")
    if X is not None and has_columns:
        importance = estimator.feature_importance(X, y, random_state=facts.seed)
    return {
        "title": type(estimator).__name__,
        "date": f"{datetime.date.today():%d %B %Y}",
        "winner": facts.words[best],
        "score_name": facts.score_name,
        "score": score_text(facts.fitness[best], facts.errors[best]),
        "n_splits": estimator.n_splits_,
        "n_individuals": len(facts.ranked),
        "n_evaluated": facts.n_evaluated,
        "expected": facts.expected,
        "stop_reason": estimator.stop_reason_,
        "data": _data(estimator, facts.spec),
        # A part without a title is what the winner is called.
        "parts": [part for part in parts(flatten(genes)) if part[0]],
        "lineage": estimator.best_chromosome_.lineage,
        "diagram": _diagram(estimator),
        "leaderboard": _leaderboard(facts),
        "pictures": [*_pictures(estimator)],
        "ensemble": _ensemble(facts),
        "best_predicts": facts.best_predicts,
        "importance": None if importance is None else _importance(facts, importance),
        "held_out": None if X is None else _held_out(estimator, X, y),
        "times": _times(facts),
        "settings": _settings(estimator),
        "seed": facts.seed,
        "versions": _versions(),
        "snippet": _snippet(estimator, saved_as),
        "command": _command(saved_as),
        "advice": advice(facts),
    }


# The data ------------------------------------------------------------------------


def _data(estimator: Any, spec: DataSpec | None) -> dict[str, str]:
    """Return a summary of the data, line by line."""
    lines: dict[str, str] = {}
    if spec is not None:
        lines |= {"Task": spec.task, "Rows": f"{spec.n_samples:,}"}
        lines |= _columns(spec) if spec.columns else {"Sample": _shape(spec.shape)}
    elif n_features := getattr(estimator, "n_features_in_", None):
        lines["Columns"] = f"{n_features:,}"
    classes = getattr(estimator, "classes_", None)
    if classes is not None:
        lines["Classes"] = f"{len(classes)}: {_named(classes)}"
    return lines


def _columns(spec: DataSpec) -> dict[str, str]:
    kinds = Counter(column.kind for column in spec.columns)
    missing = [column.name for column in spec.columns if column.missing]
    listed = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
    lines = {"Columns": f"{len(spec.columns):,}: {listed}"}
    if missing:
        lines["With missing values"] = f"{len(missing):,}: {_named(missing)}"
    if spec.sparse:
        lines["Values that are not zero"] = f"{spec.density:.2%}"
    return lines


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + (" features" if len(shape) == 1 else "")


def _named(names: Any) -> str:
    shown = ", ".join(str(name) for name in names[:MOST_NAMED])
    return shown + (", …" if len(names) > MOST_NAMED else "")


# The winner and the others -------------------------------------------------------


def _diagram(estimator: Any) -> str:
    """Return scikit-learn's diagram of a pipeline, "" for others."""
    best = getattr(estimator, "best_estimator_", None)
    return estimator_html_repr(best) if isinstance(best, Pipeline) else ""


def _leaderboard(facts: Facts) -> list[dict[str, str]]:
    rows = leaderboard(facts, MOST_ROWS).reset_index().to_dict("records")
    return [
        {
            "rank": str(row["rank"]),
            facts.score_name: _shown_score(row["score"], row["error"]),
            "model": row["model"],
            "seconds": f"{row['seconds']:.2f}",
            "origin": row["origin"],
            "generation": str(row["generation"]),
            "weight": f"{row['weight']:.2f}" if row["weight"] else "",
            "status": row["status"],
        }
        for row in rows
    ]


def _shown_score(score: float, error: float) -> str:
    return score_text(score, error) if math.isfinite(score) else ""


def _ensemble(facts: Facts) -> dict[str, Any] | None:
    """Return the members of the ensemble, the heaviest first."""
    ensemble = getattr(facts.estimator, "ensemble_", None)
    if ensemble is None:
        return None
    members = sorted(ensemble.members, key=lambda member: -member.weight)
    return {
        "score": score_text(ensemble.score_),
        "members": [
            (f"{member.weight:.2f}", facts.words[member.index], len(member.shares))
            for member in members
        ],
    }


def _importance(facts: Facts, table: Any) -> dict[str, Any]:
    """Return the importance of the columns, as a table and as a picture."""
    name = facts.score_name
    shown = table.head(MOST_ROWS).itertuples()
    return {
        "rows": [(str(row.feature), score_text(row.mean, row.std)) for row in shown],
        "picture": _drawn(
            lambda made: made.FeatureImportanceDisplay(table, name).plot()
        ),
    }


def _held_out(estimator: Any, X: Any, y: Any) -> str:
    """Return the score on given rows, with the standard error over parts of them."""
    score, n = estimator.score(X, y), _num_samples(X)
    error = math.nan
    if n >= 2 * N_PARTS:
        error = _error_of_parts(estimator, X, y)
    return f"{score_text(score, error)} on {n:,} rows"


def _error_of_parts(estimator: Any, X: Any, y: Any) -> float:
    """Return the standard error of a score by its spread over parts of the rows."""
    labels = None
    if hasattr(estimator, "classes_"):
        labels = np.unique(y, return_inverse=True)[1]
    rare = labels is not None and np.bincount(labels).min() < N_PARTS
    kind = KFold if labels is None or rare else StratifiedKFold
    splitter = kind(N_PARTS, shuffle=True, random_state=0)
    scores = []
    for _, rows in splitter.split(np.zeros(_num_samples(X)), labels):
        part = None if y is None else _safe_indexing(y, rows)
        try:
            scores.append(estimator.score(_safe_indexing(X, rows), part))
        except ValueError:  # undefined on so few rows
            return math.nan
    return float(np.std(scores, ddof=1) / math.sqrt(N_PARTS))


# Pictures ------------------------------------------------------------------------


def _pictures(estimator: Any) -> Iterator[dict[str, str]]:
    """Yield the pictures that apply to an estimator."""

    def plotted(name: str, displays: Any) -> Any:
        return getattr(displays, name).from_estimator(estimator)

    bred = estimator.best_chromosome_.parents
    for name, (title, says) in PICTURES.items():
        if name == "FamilyTreeDisplay" and not bred:
            continue  # a tree of one
        if source := _drawn(partial(plotted, name)):
            yield {"title": title, "says": says, "source": source}


def _drawn(make: Callable[[Any], Any]) -> str:
    """Return the source of an image that shows a display, "" if it does not apply.

    `make` gets the module of displays. Without matplotlib there are no pictures.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return ""
    from sknevo import displays

    try:
        figure = make(displays).figure_
    except displays.NoPictureError:
        return ""
    file = io.BytesIO()
    # Neither a date nor random names: the same search gives the same page.
    with plt.rc_context({"svg.hashsalt": "sknevo"}):
        figure.savefig(
            file, format="svg", dpi=DPI, bbox_inches="tight", metadata={"Date": None}
        )
    plt.close(figure)
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"


# How it was made, and how to go on -----------------------------------------------


def _times(facts: Facts) -> dict[str, str]:
    """Return what took how long, line by line."""
    estimator, status = facts.estimator, Counter(facts.results["status"].tolist())
    counts = ", ".join(f"{n:,} {name}" for name, n in status.most_common())
    lines = {
        "Search": _seconds(sum(one.seconds for one in estimator.history_)),
        "Evaluations, all workers together": _seconds(facts.seconds.sum()),
    }
    if hasattr(estimator, "refit_time_"):
        took = _seconds(estimator.refit_time_)
        lines["Last fit of the best"] = took if estimator.refitted_ else NOT_REFITTED
    return lines | {
        "Generations": str(estimator.n_generations_),
        "How evaluations ended": counts,
        "Processes": str(estimator.n_jobs or 1),
    }


def _seconds(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return str(datetime.timedelta(seconds=round(seconds)))


def _settings(estimator: Any) -> dict[str, str]:
    """Return the parameters that are not the default ones."""
    return {
        name: textwrap.shorten(repr(value), MOST_LETTERS, placeholder=" …")
        for name, value in _changed_params(estimator).items()
    }


def _versions() -> dict[str, str]:
    modules = {"scikit-learn": "sklearn"}
    versions = {"Python": platform.python_version()}
    for package in PACKAGES:
        if modules.get(package, package) not in sys.modules:
            continue
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # run from its source
            continue
    return versions


# How each kind of file is loaded: imports, and the call. Any other is one of joblib,
# which reads those of pickle, too.
LOADERS = {
    ".safetensors": (
        "from sknevo.builders.networks import load_network",
        "load_network({file!r})",
    ),
    ".skops": (
        "import skops.io as sio",
        "sio.load({file!r}, trusted=sio.get_untrusted_types(file={file!r}))",
    ),
}
# Files that the command line writes, and predicts with.
OF_COMMANDS = (".pkl", ".skops", ".safetensors")


def _command(saved_as: str | os.PathLike | None) -> str:
    """Return the command that predicts with a file, "" if there is none."""
    if saved_as is None or Path(saved_as).suffix not in OF_COMMANDS:
        return ""
    words = ["python", "-m", "sknevo", "predict", os.fspath(saved_as), "new_rows.csv"]
    return shlex.join([*words, "--out", "predictions.csv"])


def _snippet(estimator: Any, saved_as: str | os.PathLike | None) -> str:
    """Return code that loads the estimator and predicts, "" if it cannot predict."""
    if not hasattr(estimator, "best_estimator_"):
        return ""
    file = "model.joblib" if saved_as is None else os.fspath(saved_as)
    usual = "import joblib", "joblib.load({file!r})"
    loader, load = LOADERS.get(Path(file).suffix, usual)
    first = f"# Where it was fitted: joblib.dump(estimator, {file!r})"
    names = getattr(estimator, "feature_names_in_", None)
    if hasattr(estimator, "sample"):
        imports, rows, call = [], [], "model.sample(10)"
    elif names is not None:
        imports = ["import pandas as pd"]
        rows = [f'X = pd.read_csv("new_rows.csv")  # columns: {_named(names)}']
        call = "model.predict(X)"
    else:
        imports = ["import numpy as np"]
        rows = ['X = np.load("new_samples.npy")  # laid out as in fit']
        call = "model.predict(X)"
    if not hasattr(estimator, "predict"):
        call = "model.transform(X)"
    return "\n".join(
        [
            *([loader, *imports]),
            "",
            *([first] if saved_as is None else []),
            f"model = {load.format(file=file)}",
            *rows,
            f"print({call})",
        ]
    )
