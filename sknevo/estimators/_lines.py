"""Lines that say what a search finds, where no table can be kept up to date."""

import math
import time
from collections import Counter
from collections.abc import Mapping

from sknevo.describe import score_text
from sknevo.records import FAILED, Evaluation, Generation
from sknevo.search import SearchCallback, most_frequent_causes
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


class Printer(SearchCallback):
    """Prints a line per new best and per generation; `verbose` > 1 per individual.

    Where nothing new is found for a while, it prints how far the search is. `resource`
    is what successive halving gives to individuals, in the plural.
    """

    def __init__(self, verbose: int, budget: TimeBudget, resource: str = "") -> None:
        self.verbose, self.budget, self._resource = verbose, budget, resource
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
            self._say(f"     so far {counted(counts)}{self._left()}")
        return False

    def _say(self, line: str, *more: str) -> None:
        print(f"{clock(self.budget)}  {line}", *more, sep="\n", flush=True)
        self._said = time.time()

    def _left(self) -> str:
        left = self.budget.time_left()
        return "" if left == math.inf else f"; {max(0, left):.0f} s left"

    def _line(self, evaluation: Evaluation) -> str:
        """Return what an individual reached, and the individual, in words."""
        chromosome = evaluation.chromosome
        fidelity = fidelity_text(evaluation, self._resource)
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
        said = f"generation {generation.number}: {found}; {counted(counts)}"
        return f"{said}{self._left()}"


def fidelity_text(evaluation: Evaluation, resource: str) -> str:
    """Return how much of a resource a trial was given, "" if it was all."""
    amount = evaluation.resource
    return "" if amount is None else f" ({amount:,} {resource})"


def counted(counts: Mapping[str, int]) -> str:
    """Return the counts that are not zero, in words."""
    return ", ".join(f"{n:,} {what}" for what, n in counts.items() if n)


def clock(budget: TimeBudget) -> str:
    """Return the seconds since the fit began."""
    return f"{time.time() - budget.started:>7.1f} s"
