"""Who is tried first, if time may run out."""

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata

from sknevo.evaluation import Evaluator
from sknevo.limits import Limits
from sknevo.records import Chromosome, Entry

__all__ = ["in_order"]

# Origins of individuals of whom something is known before they are tried.
KNOWN = ("seed", "user")


def in_order(
    entries: Sequence[Entry],
    evaluator: Evaluator,
    limits: Limits,
    fitness: Mapping[str, float],
) -> list[Entry]:
    """Sort by cost: the dear first if there is time: none waits for the last then.

    Should time run out before all are tried, those that go on come first, then the
    known. Of these as many are tried as there is time for, the dearest of them first:
    later it could not be refitted. Those that promise little and cost much come last,
    the known that could not be refitted in time among them.

    Parameters
    ----------
    entries : sequence of Entry
        Who is to be tried.
    evaluator : Evaluator
        How long that takes, as far as is known.
    limits : Limits
        When the search must end.
    fitness : dict of str to float
        Of those that were tried, by key.

    Returns
    -------
    list of Entry
    """
    costs = {e.name: evaluator.cost(e) for e in entries}
    expected = evaluator.expected_seconds(entries)
    if expected is not None and 2 * expected < limits.time_left():
        return sorted(entries, key=lambda e: costs[e.name], reverse=True)
    promises = [_promise(e.chromosome, fitness) for e in entries]
    places = rankdata([costs[e.name] for e in entries]) - rankdata(promises)
    late = {e.name: place for e, place in zip(entries, places, strict=True)}
    known = [
        e
        for e in sorted(entries, key=lambda e: costs[e.name])
        if e.chromosome.origin in KNOWN and _can_win(e, evaluator, limits)
    ]
    names = {e.name for e in known}
    fitting = known[: _n_fitting(known, evaluator, limits)]
    early = {e.name: -costs[e.name] for e in fitting}

    def key(entry: Entry) -> tuple[bool, bool, float, float]:
        name, goes_on = entry.name, entry.chromosome.key in fitness
        return not goes_on, name not in names, early.get(name, 0.0), late[name]

    return sorted(entries, key=key)


def _promise(chromosome: Chromosome, fitness: Mapping[str, float]) -> float:
    """Return the fitness of the fitter parent; who has none promises nothing."""
    known = [fitness.get(parent, -math.inf) for parent in chromosome.parents]
    return max(known, default=-math.inf)


def _can_win(entry: Entry, evaluator: Evaluator, limits: Limits) -> bool:
    """Whether somebody who begins now could be refitted in time, roughly."""
    end = time.time() + evaluator.n_splits * evaluator.seconds(entry)
    return end <= limits.chance(entry, evaluator.n_splits).until()


def _n_fitting(entries: Sequence[Entry], evaluator: Evaluator, limits: Limits) -> int:
    """Return how many could be tried, and the dearest of them refitted, roughly."""
    growth = limits.refit_growth
    if growth is None or not evaluator.knows_pace:
        return 0
    seconds = np.array([evaluator.seconds(e) for e in entries])
    trials = np.cumsum(seconds) * evaluator.n_splits / evaluator.n_workers
    refits = np.maximum.accumulate(seconds * [growth(e) for e in entries])
    return int(np.count_nonzero(trials + refits < limits.time_left()))
