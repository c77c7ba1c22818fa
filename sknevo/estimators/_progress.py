"""What a fit tells with `verbose`: its plan at once, how far it is, how it ended."""

import math
from collections import Counter
from collections.abc import Iterator
from numbers import Integral
from os import PathLike, fspath
from typing import Any, Self

from sknevo.describe import score_text
from sknevo.estimators._lines import WORDS, Printer, clock, counted
from sknevo.estimators._live_table import LiveTable
from sknevo.estimators._screens import open_screen
from sknevo.evaluation import Objectives, TrialRunner
from sknevo.records import DataSpec
from sknevo.search import SearchCallback
from sknevo.termination import limits, most_generations
from sknevo.time_budget import TimeBudget

# What the score of an estimator without `scoring` is called.
OWN = {"score": "its own score"}


def say_plan(estimator: Any, X: Any) -> None:
    """Print what is searched, on what data and until when, before all else."""
    if estimator.verbose:
        ends = " or ".join(limits(vars(estimator)))
        print(
            f"{type(estimator).__name__} evolves {estimator._individuals} for "
            f"{_data(X)}, until {ends}.",
            flush=True,
        )


def _data(X: Any) -> str:
    """Return in words what X is, without reading its values from a disk."""
    if isinstance(X, str | PathLike):
        return f"the table {fspath(X)!r}"
    shape = getattr(X, "shape", None)
    if not isinstance(shape, tuple) and hasattr(X, "__len__"):
        shape = (len(X),)
    kind = type(X).__name__
    if not shape or not all(isinstance(n, Integral) for n in shape):
        return f"X ({kind})"
    return f"X ({kind} of {' x '.join(f'{n:,}' for n in shape)})"


def say_data(
    estimator: Any, spec: DataSpec, objectives: Objectives, n_splits: int
) -> None:
    """Print what was read and how individuals are scored."""
    if estimator.verbose:
        n = estimator._n_workers
        workers = f", {n} individuals at a time" if n > 1 else ""
        scored = f"scored by {OWN.get(objectives.name, objectives.name)}"
        splits = "one split" if n_splits == 1 else f"{n_splits} splits"
        print("; ".join([*_read(spec), f"{scored} on {splits}{workers}"]), flush=True)


def _read(spec: DataSpec) -> Iterator[str]:
    if spec.columns:
        kinds = Counter(column.kind for column in spec.columns).most_common()
        yield f"columns: {', '.join(f'{n:,} {kind}' for kind, n in kinds)}"
    if len(spec.shape) > 1:
        yield f"images of {' x '.join(map(str, spec.shape))}"
    if spec.n_classes > 1:
        what = "options of an action" if spec.task == "control" else "classes"
        yield f"{spec.n_classes:,} {what}"


class Progress:
    """Tells how far a fit is, from when it is entered until it is left.

    With `verbose` that is a table which is kept up to date, or lines where there is
    neither a notebook nor a terminal with the package rich. If `verbose` > 1, there are
    lines, too.
    """

    def __init__(self, estimator: Any, budget: TimeBudget) -> None:
        self._verbose, self._budget = estimator.verbose, budget
        screen = open_screen() if self._verbose else None
        name, generations = type(estimator).__name__, most_generations(vars(estimator))
        self._table = screen and LiveTable(screen, budget, name, generations)

    def __enter__(self) -> Self:
        if self._table:
            self._table.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._table:
            self._table.__exit__(*error)

    def searching(self, runner: TrialRunner) -> list[SearchCallback]:
        """Return what is told of the search, which begins now."""
        callbacks: list[SearchCallback] = []
        resource = (runner.resource or "").removeprefix("n_")
        if self._table:
            self._table.search(runner.family, resource)
            callbacks.append(self._table)
        if self._verbose > (1 if self._table else 0):
            callbacks.append(Printer(self._verbose, self._budget, resource))
        return callbacks

    def refitting(self) -> None:
        """Be told that the search has ended, and that the last fits begin."""
        if self._table:
            self._table.step = "the last fits"


def say_end(estimator: Any, budget: TimeBudget) -> None:
    """Print why the search ended, what was found and what predicts."""
    if not estimator.verbose:
        return
    statuses = Counter(estimator.cv_results_["status"].tolist())
    counts = {what: statuses[status] for status, what in WORDS.items()}
    print(f"{clock(budget)}  end: {estimator.stop_reason_}; {counted(counts)}")
    score = getattr(estimator, "best_score_", None)
    reached = "" if score is None else f" {score_text(score)}"
    print(f"best{reached}: {estimator.best_chromosome_.words}", flush=True)
    expected = getattr(estimator, "expected_score_", math.nan)
    if not math.isnan(expected):
        error = estimator.expected_score_error_
        print(f"expected on new data: {score_text(expected, error)}", flush=True)
    ensemble = getattr(estimator, "ensemble_", None)
    if ensemble is not None:
        n, score = len(ensemble.members), estimator.ensemble_score_
        print(
            f"An ensemble of {n} predicts, with a score of {score_text(score)}.",
            flush=True,
        )
    if not getattr(estimator, "refitted_", True):
        print(
            "There was no last fit on all of X: best_estimator_ has seen a part of it.",
            flush=True,
        )
