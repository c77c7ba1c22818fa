"""A table that says how far a fit is, and is kept up to date while it runs."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Self

from sknevo.describe import family_label, score_text
from sknevo.estimators._lines import WORDS, counted, fidelity_text
from sknevo.estimators._screens import Screen, Sheet
from sknevo.records import FAILED, Candidate, Evaluation, Generation
from sknevo.search import SearchCallback, most_frequent_causes
from sknevo.time_budget import TimeBudget

# Seconds between two updates. Chosen, not measured.
TICK = 0.5
# Kinds of models that are shown, the best first: a terminal may have 24 lines. Chosen,
# not measured.
MOST_MODELS = 8


def duration(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> [duration(seconds) for seconds in (7.4, 200, 7500)]
    ['7 s', '3 min 20 s', '2 h 5 min']
    """
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    if minutes < 2:
        return f"{60 * minutes + rest} s"
    hours, part = divmod(minutes, 60)
    return f"{hours} h {part} min" if hours else f"{minutes} min {rest} s"


@dataclass
class Family:
    """What was evaluated of one kind of models."""

    n_evaluated: int = 0
    seconds: float = 0.0
    best: Evaluation | None = None


@dataclass
class LiveTable(SearchCallback):
    """Follows a fit on a screen, from when it is entered until it is left.

    Parameters
    ----------
    screen : Screen
        Where it is shown.
    budget : TimeBudget
        The time of the fit, and the best so far.
    title : str
        What is fitted.
    generations : int or None, default=None
        The number of generations after which the search ends.
    """

    screen: Screen
    budget: TimeBudget
    title: str
    generations: int | None = None
    # What is going on, "" at the end.
    step: str = "reading the data"
    # The kind of models that a candidate belongs to, "" if there are no kinds; and what
    # successive halving gives to individuals.
    family: Callable[[Candidate], str] = field(default=lambda _: "")
    resource: str = ""
    _number: int = 0
    _n_done: int = 0
    _ended: Counter[str] = field(default_factory=Counter)
    _failed: list[Evaluation] = field(default_factory=list)
    _families: dict[str, Family] = field(default_factory=dict)
    # Told of by the thread of the search, read by the one that shows it.
    _lock: Any = field(default_factory=threading.Lock)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.screen.show(self.sheet())
        # A notebook finds the cell that the output belongs to in the context.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._keep_up,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self.step = ""
        self.screen.show(self.sheet())
        self.screen.close()

    def _keep_up(self) -> None:
        while not self._is_over.wait(TICK):
            self.screen.show(self.sheet())

    # What it is told.

    def search(self, family: Callable[[Candidate], str], resource: str) -> None:
        """Be told that the search begins, and how its individuals are named."""
        self.step, self.family, self.resource = "searching", family, resource

    def on_generation_start(self, number: int, size: int | None) -> None:
        self._number = number

    def on_evaluation_end(self, evaluation: Evaluation) -> None:
        with self._lock:
            what = "known already" if evaluation.cached else WORDS[evaluation.status]
            self._ended[what] += 1
            if evaluation.status in FAILED and not evaluation.cached:
                self._failed.append(evaluation)
            if name := self.family(evaluation.candidate):
                self._add(evaluation, self._families.setdefault(name, Family()))

    def _add(self, evaluation: Evaluation, family: Family) -> None:
        family.seconds += evaluation.duration
        if evaluation.status != "ok":
            return
        family.n_evaluated += 1
        key = self.budget.rank_key
        if family.best is None or key(evaluation) > key(family.best):
            family.best = evaluation

    def on_generation_end(self, generation: Generation) -> None:
        self._n_done = generation.number + 1

    # What it says.

    def sheet(self) -> Sheet:
        """Return what there is to say now."""
        with self._lock:
            return Sheet(self._titled(), self._share(), self._facts(), self._models())

    def _titled(self) -> str:
        elapsed, left = time.time() - self.budget.started, self.budget.time_left()
        if not self.step:
            return f"{self.title} took {duration(elapsed)}"
        remaining = "" if left == math.inf else f", {duration(left)} left"
        return f"{self.title}: {self.step}, {duration(elapsed)}{remaining}"

    def _share(self) -> float:
        shares = []
        if self.budget.max_time is not None:
            elapsed = time.time() - self.budget.started
            shares.append(elapsed / self.budget.max_time)
        if self.generations is not None:
            shares.append(self._n_done / self.generations)
        return min(1.0, max(shares)) if shares else math.nan

    def _facts(self) -> dict[str, str]:
        best, facts = self.budget.best, {}
        if best is not None:
            facts["best score"] = self._scored(best)
            facts["best individual"] = best.chromosome.words
        of = "" if self.generations is None else f" of {self.generations}"
        facts["generation"] = f"{self._number + 1}{of}"
        order = ["evaluated", "known already", *[*WORDS.values()][1:]]
        told = counted({what: self._ended[what] for what in order})
        facts["individuals"] = told or "none has ended yet"
        if causes := most_frequent_causes(self._failed):
            facts["most failures"] = causes[0].strip()
        return facts

    def _scored(self, evaluation: Evaluation) -> str:
        fidelity = fidelity_text(evaluation, self.resource)
        return f"{score_text(evaluation.fitness)}{fidelity}"

    def _models(self) -> list[tuple[str, str, str, str]]:
        ranked = sorted(self._families.items(), key=self._place, reverse=True)
        return [
            (
                family_label(name),
                f"{family.n_evaluated:,}",
                "" if family.best is None else self._scored(family.best),
                f"{family.seconds:.0f}",
            )
            for name, family in ranked[:MOST_MODELS]
        ]

    def _place(self, named: tuple[str, Family]) -> tuple[float, float]:
        best = named[1].best
        return (-math.inf, -math.inf) if best is None else self.budget.rank_key(best)
