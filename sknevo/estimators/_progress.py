"""What a fit prints with `verbose`: its plan at once, what it finds, how it ended."""

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from numbers import Integral
from os import PathLike, fspath
from typing import Any

from sknevo.describe import score_text
from sknevo.evaluation import Objectives
from sknevo.records import FAILED, DataSpec, Evaluation, Generation
from sknevo.search import SearchCallback, most_frequent_causes
from sknevo.termination import limits
from sknevo.time_budget import TimeBudget

# Seconds without a line after which one says how far the search is. Chosen, not
# measured.
QUIET = 10.0
# How a trial ended, in words, in the order in which they are counted.
WORDS = {
    "ok": "evaluated",
    "pruned": "pruned",
    "unfinished": "cut off",
    "error": "failed",
    "timeout": "over max_eval_time",
    "memory": "over memory_limit",
    "slow": "over max_predict_time",
}

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


class Printer(SearchCallback):
    """Prints a line per new best and per generation; `verbose` > 1 per individual.

    Where nothing new is found for a while, it prints how far the search is. `resource`
    is the name of that of successive halving.
    """

    def __init__(
        self, verbose: int, budget: TimeBudget, resource: str | None = None
    ) -> None:
        self.verbose, self.budget = verbose, budget
        self._resource = "" if resource is None else resource.removeprefix("n_")
        self._failed: list[Evaluation] = []
        # Of the present generation, by status; and when the last line was printed.
        self._ended: Counter[str] = Counter()
        self._said = time.time()

    def on_evaluation_end(self, evaluation: Evaluation) -> bool:
        is_best = self.budget.best is evaluation
        if evaluation.status in FAILED and not evaluation.cached:
            self._failed.append(evaluation)
        self._ended[evaluation.status] += not evaluation.cached
        if is_best or self.verbose > 1:
            best = "best" if is_best else "    "
            self._say(f"{best} {self._line(evaluation)}")
        elif time.time() - self._said >= QUIET:
            counts = {what: self._ended[status] for status, what in WORDS.items()}
            self._say(f"     so far {_counted(counts)}{self._left()}")
        return False

    def _say(self, line: str, *more: str) -> None:
        print(f"{_clock(self.budget)}  {line}", *more, sep="\n", flush=True)
        self._said = time.time()

    def _left(self) -> str:
        left = self.budget.time_left()
        return "" if left == math.inf else f"; {max(0, left):.0f} s left"

    def _line(self, evaluation: Evaluation) -> str:
        """Return what an individual reached, and the individual, in words."""
        chromosome, resource = evaluation.chromosome, evaluation.resource
        fidelity = "" if resource is None else f" ({resource:,} {self._resource})"
        origin = f" [{chromosome.origin}]" if self.verbose > 1 else ""
        if evaluation.status == "ok":
            result, error = score_text(evaluation.fitness), ""
        else:
            result = WORDS[evaluation.status]
            error = f": {evaluation.error}" if evaluation.status in FAILED else ""
        return f"{result}{fidelity}  {chromosome.words}{origin}{error}"

    def on_generation_end(self, generation: Generation) -> bool:
        if generation.evaluated or generation.cached:
            causes = most_frequent_causes(self._failed)
            self._say(self._summary(generation), *causes)
        self._failed, self._ended = [], Counter()
        return False

    def _summary(self, generation: Generation) -> str:
        counts = {
            "pruned": generation.pruned,
            "cut off": generation.cut_off,
            "failed": generation.failed,
        }
        succeeded = generation.evaluated - sum(counts.values())
        counts = {"evaluated": succeeded, "known already": generation.cached} | counts
        found = "nothing has succeeded yet"
        if generation.best > -math.inf:
            found = f"best {score_text(generation.best)}"
        if not math.isnan(generation.median):
            found += f", median {score_text(generation.median)}"
        said = f"generation {generation.number}: {found}; {_counted(counts)}"
        return f"{said}{self._left()}"


def _counted(counts: Mapping[str, int]) -> str:
    """Return the counts that are not zero, in words."""
    return ", ".join(f"{n:,} {what}" for what, n in counts.items() if n)


def _clock(budget: TimeBudget) -> str:
    return f"{time.time() - budget.started:>7.1f} s"


def say_end(estimator: Any, budget: TimeBudget) -> None:
    """Print why the search ended, what was found and what predicts."""
    if not estimator.verbose:
        return
    statuses = Counter(estimator.cv_results_["status"].tolist())
    counts = {what: statuses[status] for status, what in WORDS.items()}
    print(f"{_clock(budget)}  end: {estimator.stop_reason_}; {_counted(counts)}")
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
