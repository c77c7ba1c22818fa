"""Who is tried first, if time may run out."""

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata

from sknevo.evaluation import Evaluator
from sknevo.limits import Limits
from sknevo.records import Candidate, Chromosome

__all__ = ["in_order"]

# Origins of individuals of whom something is known before they are tried.
KNOWN = ("seed", "user")


def in_order(
    candidates: Sequence[Candidate],
    evaluator: Evaluator,
    limits: Limits,
    fitness: Mapping[str, float],
) -> list[Candidate]:
    """Sort by cost: the dear first if there is time: none waits for the last then.

    Should time run out before all are tried, those that go on come first, then the
    known. Of these as many are tried as there is time for, the dearest of them first:
    later it could not be refitted. Those that promise little and cost much come last,
    the known that could not be refitted in time among them.

    Parameters
    ----------
    candidates : sequence of Candidate
        Who is to be tried.
    evaluator : Evaluator
        How long that takes, as far as is known.
    limits : Limits
        When the search must end.
    fitness : dict of str to float
        Of those that were tried, by key.

    Returns
    -------
    list of Candidate
    """
    costs = {e.name: evaluator.cost(e) for e in candidates}
    expected = evaluator.expected_seconds(candidates)
    if expected is not None and 2 * expected < limits.time_left():
        return sorted(candidates, key=lambda e: costs[e.name], reverse=True)
    promises = [_promise(e.chromosome, fitness) for e in candidates]
    places = rankdata([costs[e.name] for e in candidates]) - rankdata(promises)
    late = {e.name: place for e, place in zip(candidates, places, strict=True)}
    known = [
        e
        for e in sorted(candidates, key=lambda e: costs[e.name])
        if e.chromosome.origin in KNOWN and _can_win(e, evaluator, limits)
    ]
    names = {e.name for e in known}
    fitting = known[: _n_fitting(known, evaluator, limits)]
    early = {e.name: -costs[e.name] for e in fitting}

    def key(candidate: Candidate) -> tuple[bool, bool, float, float]:
        name, goes_on = candidate.name, candidate.chromosome.key in fitness
        return not goes_on, name not in names, early.get(name, 0.0), late[name]

    return sorted(candidates, key=key)


def _promise(chromosome: Chromosome, fitness: Mapping[str, float]) -> float:
    """Return the fitness of the fitter parent; who has none promises nothing."""
    known = [fitness.get(parent, -math.inf) for parent in chromosome.parents]
    return max(known, default=-math.inf)


def _can_win(candidate: Candidate, evaluator: Evaluator, limits: Limits) -> bool:
    """Whether somebody who begins now could be refitted in time, roughly."""
    end = time.time() + evaluator.n_splits * evaluator.seconds(candidate)
    return end <= limits.chance(candidate, evaluator.n_splits).until()


def _n_fitting(
    candidates: Sequence[Candidate], evaluator: Evaluator, limits: Limits
) -> int:
    """Return how many could be tried, and the dearest of them refitted, roughly."""
    growth = limits.refit_growth
    if growth is None or not evaluator.knows_pace:
        return 0
    seconds = np.array([evaluator.seconds(e) for e in candidates])
    trials = np.cumsum(seconds) * evaluator.n_splits / evaluator.n_workers
    refits = np.maximum.accumulate(seconds * [growth(e) for e in candidates])
    return int(np.count_nonzero(trials + refits < limits.time_left()))
