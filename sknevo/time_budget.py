"""All of `max_time`: deadlines, the order of candidates, time for the refit.

A search with `max_time` ends with the refit of the best. So a budget knows how long the
refit of each evaluated candidate takes, and keeps that time free.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from scipy.stats import rankdata

from sknevo.deadline import Deadline
from sknevo.records import Candidate, Chromosome, Evaluation
from sknevo.runtime_model import RuntimeModel

# A refit takes a little longer than predicted rather than a little shorter. Chosen, not
# measured.
MARGIN = 1.15
# Share of `max_time` that is kept for a refit as long as no candidate is evaluated.
# Chosen, not measured.
RESERVE = 0.1
# Beside an ensemble, the best is refitted if that takes no more than this share of
# `max_time`. On long tables, where trials are given a part of the rows first, it is the
# second share, if there are so many times the rows of the trial. Chosen, not measured.
REFIT_SHARE, LONG_REFIT_SHARE, MORE_ROWS = 0.2, 0.35, 1.1
# Share of `max_time`, and seconds at most, that are kept for selecting an ensemble and
# reading its models. Chosen, not measured.
ENSEMBLE_SHARE, ENSEMBLE_SECONDS = 0.03, 5.0
# Beside an ensemble, training ends early, and keeps what it has learned, once a trial
# has trained for the first share of `max_time`, or the second of the time until its
# deadline: the rest is for scoring. On 21,000 rows of 28 classes a network took 22.9 of
# 30 s; 7.6 s brought its log-loss to 0.649 instead of 0.636. Chosen, not measured.
# On long tables it is LONG_TRAINING_SHARE of `max_time`: refits take time, too. With a
# part of the rows it is as much less, but not below LEAST_TRAINING_SHARE, or so many
# seconds if these are fewer: then there is a first result in time.
TRAINING_SHARE, LAST_TRAINING_SHARE = 0.25, 0.8
LONG_TRAINING_SHARE, LEAST_TRAINING_SHARE, LEAST_TRAINING = 0.2, 0.05, 5.0
# Time is kept for the refits of so many members of an ensemble, but no more than this
# share of `max_time`. The heaviest are fitted first: five have most of the weight. With
# eight, 1 to 4 of 30 s were left over. Chosen, not measured.
USUAL_MEMBERS, MEMBERS_SHARE = 5, 0.1
# Share of `max_time` in which kept models that can be trained on end that with all of
# the data, and the part of that, in seconds at most and as a share, that is kept to
# read what they have become. Chosen, not measured.
FINISH_SHARE, READING, READING_SHARE = 0.3, 1.0, 0.02
# Seconds that it may take to stop all workers.
STOPPING = 1.0
# Origins of candidates that are known to be good before they are evaluated.
KNOWN_ORIGINS = ("known", "user")


class Trials(Protocol):
    """What a budget asks of the trials."""

    refits: bool

    @property
    def n_splits(self) -> int:
        """Number of fits of a trial."""

    def share(self, candidate: Candidate) -> float:
        """Return the share of the training part that a candidate is given."""

    def cost(self, candidate: Candidate) -> float:
        """Return the predicted seconds of a fit, 0 if there is no prediction."""

    def family(self, candidate: Candidate) -> str:
        """Return the name of candidates for which predicted seconds err alike."""

    def is_refit(self, candidate: Candidate) -> bool:
        """Return whether the model of a candidate's trial serves as its refit."""

    def needs_no_refit(self, candidate: Candidate) -> bool:
        """Return whether a model of this candidate was kept that is its refit."""


class Costs(Protocol):
    """What a budget asks of the builder for the refit."""

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return the predicted seconds of a fit."""


class TimeBudget:
    """The time of a search, in seconds from `started`, and what it suffices for.

    Without a `final_builder` in the `plan` there is no refit. With an ensemble, there
    is one only where it is short: any candidate may be the best then. The first
    candidate has no deadline: a search needs one evaluation.
    """

    def __init__(
        self, max_time: float | None = None, *, started: float | None = None
    ) -> None:
        self.max_time = max_time
        self.started = time.time() if started is None else started
        self.plan()
        self.runtimes = RuntimeModel()
        # The name of the first trial that has begun; and whether the search may end,
        # since this trial has ended, or another one has succeeded.
        self._first, self._may_end = "", False
        # The best so far, and the fittest of all that have ended, also out of turn.
        # There is always time for the refit of either.
        self.best: Evaluation | None = None
        self._ahead: Evaluation | None = None
        # Beside an ensemble: seconds of the refits of all that have ended.
        self._refits: list[float] = []

    def plan(
        self,
        trials: Trials | None = None,
        final_builder: Costs | None = None,
        *,
        n_workers: int = 1,
        has_ensemble: bool = False,
        is_long: bool = False,
        finishes: bool = False,
    ) -> None:
        """Say what takes time: trials on workers, and refits.

        If it `finishes`, trials have trained what goes on at the end.
        """
        self.trials, self.final_builder = trials, final_builder
        self.is_long, self._finishes = is_long, finishes
        self._has_ensemble = has_ensemble
        self.n_workers = n_workers

    @property
    def until(self) -> float:
        """The `time.time()` at which the time is over, infinity without a limit."""
        return math.inf if self.max_time is None else self.started + self.max_time

    def time_left(self) -> float:
        """Return the seconds that are left, infinity without a limit."""
        return self.until - time.time()

    @property
    def is_flexible(self) -> bool:
        """Whether candidates count in the order in which they end.

        With `max_time` and an ensemble any that ends is of use.
        """
        return self.max_time is not None and self._has_ensemble

    def n_submitted(self, n_waiting: int, n_wanted: int) -> int:
        """Return how many candidates are submitted of those that wait in order.

        `n_wanted` keep all workers busy. More are not submitted if what ends next may
        have to come before them.
        """
        if self.is_flexible:
            return n_wanted
        # What the first one takes tells which of the others there is time for.
        is_first_alone = self.max_time is not None and not self._may_end
        return 1 if is_first_alone else n_waiting

    # Deadlines. -----------------------------------------------------------------------

    def end(self) -> float:
        """Return the `time.time()` at which the last trial of the search must end."""
        if not self._may_end:
            return math.inf
        able = [e for e in (self.best, self._ahead) if e is not None]
        return min(map(self._end_of_search, able or [None]))

    def is_over(self) -> bool:
        """Return whether the time for trials is used up."""
        return time.time() >= self.end()

    @property
    def awaits_first(self) -> bool:
        """Whether there is time for nothing but the end of the first trial."""
        began = self._first and not self._may_end
        return bool(began) and time.time() >= self._end_of_search(None)

    def deadline(self, candidate: Candidate) -> Deadline | None:
        """Return the deadline of a trial that begins now; None if it would miss it."""
        if not self._may_end:
            return self._first_deadline(candidate)
        deadline = self._useful_until(candidate, self.end())
        # A first part of the splits tells something, but is no member of an ensemble.
        n_splits = self._n_splits if self._has_ensemble else 1
        in_time = (
            time.time() + n_splits * self.seconds(candidate)
            <= deadline.end_if_begun_now()
        )
        return self._with_training(deadline, candidate) if in_time else None

    def _first_deadline(self, candidate: Candidate) -> Deadline | None:
        """Return the deadline of a trial before the search may end: the first has none.

        So a search has a result, however long its workers take to start.
        """
        self._first = self._first or candidate.name
        if candidate.name == self._first:
            return self._with_training(Deadline(), candidate)
        end = self._end_of_search(None)
        if time.time() >= end:
            return None
        return self._with_training(Deadline(end), candidate)

    def _with_training(self, deadline: Deadline, candidate: Candidate) -> Deadline:
        """Return a deadline with the seconds after which fits may end early.

        With a part of the rows they are as much fewer: that takes about as many rounds.
        """
        if self.max_time is None or not self._has_ensemble:
            return deadline
        left = LAST_TRAINING_SHARE * (deadline.end_if_begun_now() - time.time())
        most = TRAINING_SHARE * self.max_time
        if self.is_long:
            most = LONG_TRAINING_SHARE * self.trials.share(candidate) * self.max_time
            least = min(LEAST_TRAINING_SHARE * self.max_time, LEAST_TRAINING)
            most = max(most, least)
        return replace(deadline, training_seconds=min(most, left))

    def _useful_until(self, candidate: Candidate, end: float = math.inf) -> Deadline:
        """Return the deadline after which a candidate cannot be refitted in time.

        Its refit takes as much longer than its trial as it has more to do.
        """
        if not self._must_refit:
            return Deadline(end)
        share = self._n_splits / (self._n_splits + self._growth_if_best(candidate))
        return Deadline(end, share, self.until)

    def observe(self, evaluation: Evaluation) -> None:
        """Learn from a trial as soon as it has ended, which may be before its turn."""
        # A journal knows evaluations before any trial has begun.
        is_first = self._first in ("", evaluation.candidate.name)
        self._may_end |= is_first or evaluation.status == "ok"
        if self.max_time is None:
            return
        # The fits before an error, or before a deadline, tell how long fits take, too.
        if evaluation.fit_times and (cost := self._cost(evaluation.candidate)):
            family = self.trials.family(evaluation.candidate)
            self.runtimes.observe(evaluation, cost, family)
        if evaluation.status != "ok":
            return
        if self._has_ensemble and self.final_builder is not None:
            self._refits.append(self.refit_seconds(evaluation))
        ahead = self._ahead
        key = self.rank_key(evaluation)
        fitter = ahead is None or key > self.rank_key(ahead)
        if fitter and self.can_refit(evaluation):
            self._ahead = evaluation

    def seconds(self, candidate: Candidate) -> float:
        """Return the predicted seconds of a candidate on one split, 0 if unknown."""
        if not self.runtimes.is_known:
            return 0.0
        cost, family = self._cost(candidate), self.trials.family(candidate)
        return self.runtimes.seconds(cost, family)

    @property
    def _n_splits(self) -> int:
        return 1 if self.trials is None else self.trials.n_splits

    def _cost(self, candidate: Candidate) -> float:
        return 0.0 if self.trials is None else self.trials.cost(candidate)

    # The refit. -----------------------------------------------------------------------

    @property
    def _must_refit(self) -> bool:
        """Whether a candidate can be the best only if its refit is possible."""
        is_optional = self.final_builder is None or self._has_ensemble
        return self.max_time is not None and not is_optional

    def is_worth_refit(self, best: Evaluation) -> bool:
        """Return whether there is time for the refit beside an ensemble."""
        if self.max_time is None:
            return True
        if self.is_long:
            return False  # it is one of the members, which are fitted side by side
        return self._is_short(best) and self.refit_seconds(best) <= self.time_left()

    def _is_short(self, best: Evaluation) -> bool:
        """Return whether the refit takes so little that it is worth its time."""
        if self.is_long and not self._tells_more(best):
            return False
        share = LONG_REFIT_SHARE if self.is_long else REFIT_SHARE
        return self.refit_seconds(best) <= share * self.max_time

    def _tells_more(self, evaluation: Evaluation) -> bool:
        """Return whether a refit has many more rows than the trial."""
        return self._growth(evaluation.candidate) >= MARGIN * MORE_ROWS

    def has_time_for(self, member: Evaluation) -> bool:
        """Return whether there is time to refit a member of an ensemble from now on."""
        if self.is_long and not self._tells_more(member):
            return False
        return self.refit_seconds(member) <= self.time_left()

    def can_refit(self, evaluation: Evaluation, was_kept: bool = False) -> bool:
        """Return whether a candidate may be the best.

        Its refit must fit into the time that is left, or take no longer than that of
        the best. If its time was kept, it may have shrunk while workers were stopped.
        """
        if not self._must_refit:
            return True
        left = self.time_left() + (STOPPING if was_kept else 0.0)
        other = 0.0 if self.best is None else self.refit_seconds(self.best)
        return self.refit_seconds(evaluation) <= max(left, other)

    def rank_key(self, evaluation: Evaluation) -> tuple[float, float]:
        """Return what makes an evaluation the best: fidelity first, then fitness.

        Where trainings go on at the end it is fitness alone. A short one has all of its
        epochs when a long one, which may be fitter by then, has a few of many.
        """
        return (0.0, evaluation.fitness) if self._finishes else evaluation.rank_key

    def accept(self, evaluation: Evaluation) -> bool:
        """Return whether a fitter candidate may be the best, which it is then."""
        ahead = self._ahead
        was_kept = ahead is not None and ahead.candidate == evaluation.candidate
        accepted = self.best is None or self.can_refit(evaluation, was_kept)
        if accepted:
            self.best = evaluation
        return accepted

    def refit_seconds(self, evaluation: Evaluation) -> float:
        """Return the predicted seconds of the refit of an evaluated candidate."""
        if self.trials.needs_no_refit(evaluation.candidate):
            return STOPPING if self.n_workers > 1 else 0.0
        fits = np.add(evaluation.fit_times, evaluation.saved_times)
        return self._growth(evaluation.candidate) * float(fits.mean())

    def _growth(self, candidate: Candidate) -> float:
        """Return how many times as long as a fit in the trial the refit takes."""
        part = self.trials.cost(candidate)
        if not part:  # there is no prediction
            return MARGIN
        return MARGIN * self.final_builder.cost(candidate.chromosome.expressed) / part

    def _growth_if_best(self, candidate: Candidate) -> float:
        return 0.0 if self.trials.is_refit(candidate) else self._growth(candidate)

    def _reserve(self, best: Evaluation | None) -> float:
        """Return the seconds that are kept for the refit."""
        selection = min(ENSEMBLE_SHARE * (self.max_time or 0.0), ENSEMBLE_SECONDS)
        if self._finishes:
            return FINISH_SHARE * self.max_time + selection
        if self.final_builder is None:
            return 0.0
        if self._has_ensemble:
            is_refit = best is not None and self._is_short(best)
            refit = self.refit_seconds(best) if is_refit else 0.0
            if not self.is_long:
                members = USUAL_MEMBERS * float(np.mean(self._refits or [0.0]))
                members = min(members / self.n_workers, MEMBERS_SHARE * self.max_time)
                refit = max(refit, members)  # the best is one of them, most often
            return refit + selection
        if best is not None:
            return self.refit_seconds(best)
        return 0.0 if self.trials.refits else RESERVE * self.max_time

    def _end_of_search(self, best: Evaluation | None) -> float:
        return math.inf if self.max_time is None else self.until - self._reserve(best)

    def for_finish(self) -> "TimeBudget":
        """Return a budget of which all that is left goes to the end of trainings."""
        budget = copy.copy(self)
        budget.plan(n_workers=self.n_workers)
        budget.runtimes, budget.best, budget._ahead = RuntimeModel(), None, None
        budget._may_end = True
        if self.max_time is not None:
            budget.max_time -= min(READING, READING_SHARE * self.max_time)
        return budget

    # The order of candidates. ---------------------------------------------------------

    def order(
        self,
        candidates: Sequence[Candidate],
        knows: Callable[[Candidate], bool],
        fitness: Mapping[str, float],
    ) -> list[Candidate]:
        """Return candidates in the order in which they are evaluated best.

        Without `max_time` this is the order asked. With an ensemble, too, since it can
        use whatever has ended, but promoted candidates come first. Otherwise expensive
        ones come first, so that none is waited for at the end. If time is too short for
        all, promoted candidates come first, then those of known origin: as many as
        there is time for, the most expensive first, since its refit would not fit in
        later. The others follow, expensive ones of unfit parents last. `knows`
        says whether a candidate costs nothing to evaluate, `fitness` is that of
        individuals by key.
        """
        if self.max_time is None:
            return list(candidates)
        if self._has_ensemble:
            return sorted(candidates, key=lambda c: c.chromosome.key not in fitness)
        costs = {c.name: 0.0 if knows(c) else self._cost(c) for c in candidates}
        seconds = {c.name: costs[c.name] and self.seconds(c) for c in candidates}
        if self.runtimes.is_known:
            expected = sum(seconds[c.name] for c in candidates) * self._n_splits
            if 2 * expected / self.n_workers < self.time_left():
                return sorted(candidates, key=lambda c: costs[c.name], reverse=True)
        parents = [_parent_fitness(c.chromosome, fitness) for c in candidates]
        ranks = rankdata([costs[c.name] for c in candidates]) - rankdata(parents)
        late = {c.name: rank for c, rank in zip(candidates, ranks, strict=True)}
        promising = [
            c
            for c in sorted(candidates, key=lambda c: costs[c.name])
            if c.chromosome.origin in KNOWN_ORIGINS
            and self._can_win(c, seconds[c.name])
        ]
        names = {c.name for c in promising}
        fitting = promising[: self._n_fitting(promising, seconds)]
        early = {c.name: -costs[c.name] for c in fitting}

        def key(candidate: Candidate) -> tuple[bool, bool, float, float]:
            name, promoted = candidate.name, candidate.chromosome.key in fitness
            return not promoted, name not in names, early.get(name, 0.0), late[name]

        return sorted(candidates, key=key)

    def _can_win(self, candidate: Candidate, seconds: float) -> bool:
        """Return whether a candidate that begins now could be refitted in time."""
        end = time.time() + self._n_splits * seconds
        return end <= self._useful_until(candidate).end_if_begun_now()

    def _n_fitting(
        self, candidates: Sequence[Candidate], seconds: Mapping[str, float]
    ) -> int:
        """Return how many there is time for, the refit of the slowest included."""
        if self.final_builder is None or not self.runtimes.is_known:
            return 0
        each = np.array([seconds[c.name] for c in candidates])
        trials = np.cumsum(each) * self._n_splits / self.n_workers
        growths = [self._growth_if_best(c) for c in candidates]
        refits = np.maximum.accumulate(each * growths)
        return int(np.count_nonzero(trials + refits < self.time_left()))


def _parent_fitness(chromosome: Chromosome, fitness: Mapping[str, float]) -> float:
    """Return the fitness of the fitter parent, minus infinity without one."""
    known = [fitness.get(parent, -math.inf) for parent in chromosome.parents]
    return max(known, default=-math.inf)
