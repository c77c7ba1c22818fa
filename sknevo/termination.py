"""Termination criteria: one class per rule that ends a search.

A rule with parameters is a dataclass, and `make_criteria` fills its fields by their
names: parameters of the estimator, or `budget`. The first field is the parameter that
turns the rule on. A new rule is a class here and a parameter in `SearchParameters`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar

from sknevo.records import Candidate
from sknevo.search import SearchResult, TerminationCriterion
from sknevo.time_budget import TimeBudget

# What "auto" generations stand for, if no time ends the search. Chosen, not measured.
USUAL_GENERATIONS = 5


@dataclass(frozen=True)
class TargetScore(TerminationCriterion):
    """The best has reached a fitness, with all the resources it asks for."""

    target_score: float

    def reason(self, result: SearchResult) -> str:
        best, target = result.best, self.target_score
        if best is None or best.resource is not None or best.fitness < target:
            return ""
        return f"target_score={target:g} reached: {best.fitness:.6g}"


@dataclass(frozen=True)
class MaxTime(TerminationCriterion):
    """The time is over, or too short for all candidates of a generation."""

    counts_early: ClassVar[bool] = True
    max_time: float
    budget: TimeBudget

    def reason(self, result: SearchResult) -> str:
        last = result.history[-1] if result.history else None
        all_skipped = last is not None and last.evaluated == last.cached == 0
        if self.budget.is_over() or (all_skipped and not self.budget.awaits_first):
            return f"max_time={self.max_time:g} s used up"
        return ""


@dataclass(frozen=True)
class MaxGenerations(TerminationCriterion):
    """A number of generations is evaluated."""

    generations: int

    def reason(self, result: SearchResult) -> str:
        done = len(result.history) >= self.generations
        return f"generations={self.generations} done" if done else ""

    def admits(self, candidate: Candidate) -> bool:
        # A steady strategy breeds the next generation before the last one has ended.
        return candidate.chromosome.generation < self.generations


@dataclass(frozen=True)
class NoImprovement(TerminationCriterion):
    """The best fitness has risen by no more than `tol` in some generations."""

    n_iter_no_change: int
    tol: float = 1e-4

    def reason(self, result: SearchResult) -> str:
        history, patience = result.history, self.n_iter_no_change
        if len(history) <= patience:
            return ""
        if history[-1].best > history[-patience - 1].best + self.tol:
            return ""
        return f"no improvement by {self.tol:g} in {patience} generations"


class StoppedByCallback(TerminationCriterion):
    """A callback has asked for the end."""

    def reason(self, result: SearchResult) -> str:
        return "stopped by a callback" if result.stop_requested else ""


class NothingNew(TerminationCriterion):
    """All individuals of a generation were known."""

    def reason(self, result: SearchResult) -> str:
        if not result.history or result.history[-1].evaluated or result.had_skipped:
            return ""
        return "no new individual was found: all offspring are known"


class AllFailAlike(TerminationCriterion):
    """Nothing has succeeded, and so many have failed that none can be expected to."""

    # Failures in a row for the same reason that end the search. Of searches in which
    # one individual of ten works, they end 4 % too early; where one of four works,
    # 0.02 %. In nine spaces of scikit-learn's estimators that allow forbidden values,
    # too, 7 to 100 % worked, or none.
    ENOUGH: ClassVar[int] = 30
    # As how many a failure counts of an individual that is known to work elsewhere:
    # it says more than that of a random one. Chosen, not measured.
    COUNT_OF_KNOWN: ClassVar[int] = 10

    def reason(self, result: SearchResult) -> str:
        if result.best is not None or not result.evaluations:
            return ""
        cause, evidence, n = result.evaluations[-1].cause, 0, 0
        for evaluation in reversed(result.evaluations):
            # Limits of time and memory are no errors: others may keep to them.
            if evaluation.status != "error" or evaluation.cause != cause:
                return ""
            is_known = evaluation.chromosome.origin == "known"
            evidence, n = evidence + (self.COUNT_OF_KNOWN if is_known else 1), n + 1
            if evidence >= self.ENOUGH:
                return f"{n} individuals in a row failed for the same reason"
        return ""


def make_criteria(
    parameters: Mapping[str, Any], budget: TimeBudget
) -> list[TerminationCriterion]:
    """Return the criteria that parameters turn on, and those without a parameter.

    They are in the order in which they are defined: of several that hold, the first
    gives the `stop_reason_`.
    """
    values = {**_settled(parameters), "budget": budget}
    # Rules are found by their base class, so that a new one needs no entry in a list.
    criteria = []
    for rule in TerminationCriterion.__subclasses__():
        names = _fields(rule)
        if not names or values.get(names[0]) is not None:
            criteria.append(rule(**{n: values[n] for n in names if n in values}))
    return criteria


def check_terminates(parameters: Mapping[str, Any]) -> None:
    """Raise a ValueError if no parameter would ever end the search."""
    if not limits(parameters):
        names = ", ".join(_switches(parameters))
        raise ValueError(f"the search would never end: set one of {names}.")


def limits(parameters: Mapping[str, Any]) -> list[str]:
    """Return the parameters that may end the search, with their values."""
    settled = _settled(parameters)
    return [
        f"{name}={settled[name]}"
        for name in _switches(settled)
        if settled[name] is not None
    ]


def most_generations(parameters: Mapping[str, Any]) -> int | None:
    """Return the number of generations after which a search ends, None without one."""
    return _settled(parameters)["generations"]


def _settled(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with what "auto" generations stand for."""
    settled = dict(parameters)
    if settled.get("generations") == "auto":
        is_timed = settled.get("max_time") is not None
        settled["generations"] = None if is_timed else USUAL_GENERATIONS
    return settled


def _switches(parameters: Mapping[str, Any]) -> list[str]:
    """Return the names of the parameters that turn rules on, as they are documented."""
    rules = map(_fields, TerminationCriterion.__subclasses__())
    switches = {names[0] for names in rules if names}
    return [name for name in parameters if name in switches]


def _fields(rule: type[TerminationCriterion]) -> list[str]:
    return [field.name for field in fields(rule)] if is_dataclass(rule) else []
