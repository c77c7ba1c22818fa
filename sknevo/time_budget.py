"""How `max_time` is spent: on which trials, until when, and what is kept for the refit.

A search with `max_time` ends with the refit of the best. So a budget predicts how long
the refit of each evaluated candidate takes, and keeps that time free.
"""

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
# `max_time`. On long tables, where the first trials have a part of the rows, it is the
# second share, if the refit has so many times the rows of the trial. Chosen, not
# measured.
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
# Of the final training, what is kept to read its models: so many seconds, or this share
# of `max_time` if it is less. Chosen, not measured.
READING, READING_SHARE = 1.0, 0.02
# Seconds that it may take to stop all workers.
STOPPING = 1.0
# Origins of candidates that are known to be good before they are evaluated.
KNOWN_ORIGINS = ("known", "user")


class TimedTrials(Protocol):
    """What a budget asks of the trials, see `sknevo.evaluation._trials.Trials`."""

    trial_is_refit: bool

    @property
    def n_splits(self) -> int:
        """Number of fits of a trial."""

    def row_share(self, candidate: Candidate) -> float:
        """Return the share of the training rows that a candidate is fitted on."""

    def cost(self, candidate: Candidate) -> float:
        """Return the seconds of a fit by the builder's formula, 0 if that fails."""

    def family(self, candidate: Candidate) -> str:
        """Return the name of a group of candidates for which `cost` errs alike."""

    def serves_as_refit(self, candidate: Candidate) -> bool:
        """Return whether the model that a trial fits is what a refit would give."""

    def has_refit(self, candidate: Candidate) -> bool:
        """Return whether a trial has left a model that is what a refit would give."""


class TimedBuilder(Protocol):
    """What a budget asks of the builder for the refit."""

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how many seconds one fit takes."""


class TimeBudget:
    """What the seconds of `max_time` since `started` suffice for.

    It answers four questions: until when a trial may run, which candidate may be the
    best (its refit must fit in), which candidates to evaluate first, and what may be
    fitted after the search. `plan` says what takes time; `observe` is told of each
    trial that has ended, so that predicted seconds become better.

    The first trial has no deadline, since a search needs one evaluation.

    Parameters
    ----------
    max_time : float or None, default=None
        Seconds of the whole fit; None sets no limit.
    started : float or None, default=None
        `time.time()` at which they began; None stands for now.

    Attributes
    ----------
    best : Evaluation or None
        The best of the search so far.
    """

    def __init__(
        self, max_time: float | None = None, *, started: float | None = None
    ) -> None:
        self.max_time = max_time
        self.started = time.time() if started is None else started
        self.plan()
        self.runtimes = RuntimeModel()
        # The name of the first candidate; and whether the search may end, which it may
        # once this one's trial has ended, or another one has succeeded.
        self._first, self._may_end = "", False
        self.best: Evaluation | None = None
        # The fittest of all trials that have ended. It is ahead of `best` if the search
        # has not taken it in its turn yet. Time is kept for the refit of either.
        self._fittest: Evaluation | None = None
        # With an ensemble: predicted seconds of the refits of all that have ended.
        self._refit_times: list[float] = []

    def plan(
        self,
        trials: TimedTrials | None = None,
        final_builder: TimedBuilder | None = None,
        *,
        n_workers: int = 1,
        has_ensemble: bool = False,
        is_long_table: bool = False,
        row_growth: float = 1.0,
        final_training: float = 0.0,
    ) -> None:
        """Say what takes time.

        Parameters
        ----------
        trials : TimedTrials or None, default=None
            The trials; None if their seconds cannot be predicted.
        final_builder : TimedBuilder or None, default=None
            The builder for the refit; None if there is no refit.
        n_workers : int, default=1
            Number of trials at a time.
        has_ensemble : bool, default=False
            Whether an ensemble can use any trial that has ended. Then any candidate may
            be the best, and it is refitted only if that takes little time.
        is_long_table : bool, default=False
            Whether trials have a part of the rows at first, since a table is long for
            its `max_time`.
        row_growth : float, default=1.0
            How many times the training rows of a split the refit has.
        final_training : float, default=0.0
            Share of `max_time` that is kept to train on kept models after the search; 0
            if they are not.
        """
        self.trials, self.final_builder = trials, final_builder
        self.n_workers = n_workers
        self._has_ensemble = has_ensemble
        self.is_long_table, self.row_growth = is_long_table, row_growth
        self._final_training = final_training

    @property
    def fit_end(self) -> float:
        """The `time.time()` at which `fit` must end, infinity without a limit."""
        return math.inf if self.max_time is None else self.started + self.max_time

    def time_left(self) -> float:
        """Return the seconds until `fit` must end, infinity without a limit."""
        return self.fit_end - time.time()

    @property
    def is_asynchronous(self) -> bool:
        """Whether evaluations are told as they end, not in the order asked.

        So it is with `max_time` and an ensemble, which can use any of them.
        """
        return self.max_time is not None and self._has_ensemble

    def n_to_submit(self, n_waiting: int, n_wanted: int) -> int:
        """Return how many candidates to submit of those that wait.

        `n_wanted` keep all workers busy. If the search is asynchronous, no more are
        submitted: what is asked for next may have to come before them.
        """
        if self.is_asynchronous:
            return n_wanted
        # How long the first one takes tells which of the others there is time for.
        is_first_alone = self.max_time is not None and not self._may_end
        return 1 if is_first_alone else n_waiting

    # Until when trials may run. -------------------------------------------------------

    def search_end(self) -> float:
        """Return the `time.time()` at which the last trial of the search must end."""
        if not self._may_end:
            return math.inf
        contenders = [e for e in (self.best, self._fittest) if e is not None]
        return min(map(self._search_end_with, contenders or [None]))

    def _search_end_with(self, best: Evaluation | None) -> float:
        """Return when the search must end if this is the best, or if none is yet."""
        if self.max_time is None:
            return math.inf
        return self.fit_end - self._reserve(best)

    def is_over(self) -> bool:
        """Return whether the time for trials is used up."""
        return time.time() >= self.search_end()

    @property
    def awaits_first(self) -> bool:
        """Whether there is time for nothing but the end of the first trial."""
        is_running = bool(self._first) and not self._may_end
        return is_running and time.time() >= self._search_end_with(None)

    def deadline(self, candidate: Candidate) -> Deadline | None:
        """Return the deadline of a trial that begins now; None if it would miss it."""
        if not self._may_end:
            return self._early_deadline(candidate)
        deadline = self._refit_deadline(candidate, self.search_end())
        # A trial that ends after some of its splits tells something of the candidate,
        # but a member of an ensemble needs all of them.
        n_splits = self._n_splits if self._has_ensemble else 1
        end = time.time() + n_splits * self.seconds(candidate)
        if end > deadline.end_if_begun_now():
            return None
        return self._with_training_limit(deadline, candidate)

    def _early_deadline(self, candidate: Candidate) -> Deadline | None:
        """Return the deadline of a trial that begins before the search may end.

        The first candidate has none, so that a search has a result, however long its
        workers take to start. It is asked for again if its worker was lost.
        """
        self._first = self._first or candidate.name
        if candidate.name == self._first:
            return self._with_training_limit(Deadline(), candidate)
        end = self._search_end_with(None)
        if time.time() >= end:
            return None
        return self._with_training_limit(Deadline(end), candidate)

    def _refit_deadline(self, candidate: Candidate, end: float = math.inf) -> Deadline:
        """Return a deadline which leaves time for the refit of the candidate.

        The refit takes a known multiple of the trial. So the trial may take a share of
        the time that is left when it begins.
        """
        if not self._best_needs_refit:
            return Deadline(end)
        share = self._n_splits / (self._n_splits + self._refit_ratio_if_best(candidate))
        return Deadline(end, share, self.fit_end)

    def _with_training_limit(
        self, deadline: Deadline, candidate: Candidate
    ) -> Deadline:
        """Return a deadline with the seconds after which training stops early.

        With a part of the rows they are as much fewer: that takes about as many rounds.
        """
        if not self.is_asynchronous:
            return deadline
        until_deadline = deadline.end_if_begun_now() - time.time()
        most = TRAINING_SHARE * self.max_time
        if self.is_long_table:
            row_share = self.trials.row_share(candidate)
            most = LONG_TRAINING_SHARE * row_share * self.max_time
            least = min(LEAST_TRAINING_SHARE * self.max_time, LEAST_TRAINING)
            most = max(most, least)
        seconds = min(most, LAST_TRAINING_SHARE * until_deadline)
        return replace(deadline, training_seconds=seconds)

    # How long trials take. ------------------------------------------------------------

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
            self._refit_times.append(self.refit_seconds(evaluation))
        key, fittest = self.rank_key(evaluation), self._fittest
        is_fittest = fittest is None or key > self.rank_key(fittest)
        if is_fittest and self.can_be_best(evaluation):
            self._fittest = evaluation

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

    def refit_seconds(self, evaluation: Evaluation) -> float:
        """Return the predicted seconds of the refit of an evaluated candidate."""
        if self.trials.has_refit(evaluation.candidate):
            return STOPPING if self.n_workers > 1 else 0.0
        fits = np.add(evaluation.fit_times, evaluation.saved_times)
        return self._refit_ratio(evaluation.candidate) * float(fits.mean())

    def _refit_ratio(self, candidate: Candidate) -> float:
        """Return how many times as long as one fit of the trial the refit takes."""
        trial_cost = self.trials.cost(candidate)
        if not trial_cost:  # there is no prediction
            return MARGIN
        refit_cost = self.final_builder.cost(candidate.chromosome.expressed)
        return MARGIN * refit_cost / trial_cost

    def _refit_ratio_if_best(self, candidate: Candidate) -> float:
        """Return the same, 0 if the model of the trial is what a refit would give."""
        if self.trials.serves_as_refit(candidate):
            return 0.0
        return self._refit_ratio(candidate)

    # Which candidate may be the best. -------------------------------------------------

    @property
    def _best_needs_refit(self) -> bool:
        """Whether a candidate can be the best only if there is time for its refit."""
        is_optional = self.final_builder is None or self._has_ensemble
        return self.max_time is not None and not is_optional

    def rank_key(self, evaluation: Evaluation) -> tuple[float, float]:
        """Return what makes an evaluation the best: fidelity first, then fitness.

        With a final training it is fitness alone. A short training has all of its
        epochs when a long one, which may be fitter by then, has a few of many.
        """
        if self._final_training:
            return 0.0, evaluation.fitness
        return evaluation.rank_key

    def accept_as_best(self, evaluation: Evaluation) -> bool:
        """Make a fitter candidate the best if it may be; return whether it is."""
        fittest = self._fittest
        had_time = fittest is not None and fittest.candidate == evaluation.candidate
        accepted = self.best is None or self.can_be_best(evaluation, had_time)
        if accepted:
            self.best = evaluation
        return accepted

    def can_be_best(self, evaluation: Evaluation, had_time: bool = False) -> bool:
        """Return whether a candidate may be the best.

        Its refit must fit into the time that is left, or take no longer than that of
        the best so far. If there was time for it when its trial ended (`had_time`),
        the seconds that it took since then to stop the workers do not count.
        """
        if not self._best_needs_refit:
            return True
        left = self.time_left() + (STOPPING if had_time else 0.0)
        of_best = 0.0 if self.best is None else self.refit_seconds(self.best)
        return self.refit_seconds(evaluation) <= max(left, of_best)

    # What may be fitted after the search. ---------------------------------------------

    def is_worth_refit(self, best: Evaluation) -> bool:
        """Return whether there is time to refit the best beside an ensemble."""
        if self.max_time is None:
            return True
        if self.is_long_table:
            return False  # it is one of the members, which are fitted side by side
        return (
            self._is_refit_short(best) and self.refit_seconds(best) <= self.time_left()
        )

    def can_refit_member(self, member: Evaluation) -> bool:
        """Return whether there is time to refit a member of an ensemble from now on."""
        in_time = self.refit_seconds(member) <= self.time_left()
        return in_time and self._refit_tells_more(member)

    def _is_refit_short(self, best: Evaluation) -> bool:
        """Return whether the refit takes so little that it is worth its time."""
        share = LONG_REFIT_SHARE if self.is_long_table else REFIT_SHARE
        is_short = self.refit_seconds(best) <= share * self.max_time
        return is_short and self._refit_tells_more(best)

    def _refit_tells_more(self, evaluation: Evaluation) -> bool:
        """Return whether a refit is of use: on a long table, with many more rows."""
        if not self.is_long_table:
            return True
        growth = self.row_growth / self.trials.row_share(evaluation.candidate)
        return growth >= MORE_ROWS

    def _reserve(self, best: Evaluation | None) -> float:
        """Return the seconds that are kept for what follows the search.

        `best` is the best so far, None if there is none.
        """
        selection = min(ENSEMBLE_SHARE * self.max_time, ENSEMBLE_SECONDS)
        if self._final_training:
            return self._final_training * self.max_time + selection
        if self.final_builder is None:
            return 0.0
        if self._has_ensemble:
            return self._refits_reserve(best) + selection
        if best is not None:
            return self.refit_seconds(best)
        return 0.0 if self.trials.trial_is_refit else RESERVE * self.max_time

    def _refits_reserve(self, best: Evaluation | None) -> float:
        """Return the seconds that are kept for refits beside an ensemble."""
        is_refitted = best is not None and self._is_refit_short(best)
        of_best = self.refit_seconds(best) if is_refitted else 0.0
        if self.is_long_table:
            return of_best + STOPPING if of_best else 0.0
        members = USUAL_MEMBERS * float(np.mean(self._refit_times or [0.0]))
        members = min(members / self.n_workers, MEMBERS_SHARE * self.max_time)
        return max(of_best, members)  # the best is one of them, most often

    def for_final_training(self) -> "TimeBudget":
        """Return a budget for the final training, which has all that is left.

        A little is kept to read the models afterwards.
        """
        max_time = self.max_time
        if max_time is not None:
            max_time -= min(READING, READING_SHARE * max_time)
        budget = TimeBudget(max_time, started=self.started)
        budget.plan(n_workers=self.n_workers)
        budget._may_end = True
        return budget

    # Which candidates to evaluate first. ----------------------------------------------

    def order(
        self,
        candidates: Sequence[Candidate],
        knows: Callable[[Candidate], bool],
        fitness: Mapping[str, float],
    ) -> list[Candidate]:
        """Return candidates in the order in which they should be evaluated.

        Without `max_time` it is the order asked. In an asynchronous search it is, too,
        but promoted candidates come first. Otherwise it depends on whether there is
        time for all of them: if so, expensive ones come first, so that none is waited
        for at the end.

        Parameters
        ----------
        candidates : sequence of Candidate
            In the order asked.
        knows : callable
            Says whether the evaluation of a candidate is known, so that it takes no
            time.
        fitness : dict of str to float
            Of evaluated individuals, by key. A candidate is promoted if it has one.
        """
        if self.max_time is None:
            return list(candidates)
        if self._has_ensemble:
            return sorted(candidates, key=lambda c: c.chromosome.key not in fitness)
        costs = {c.name: 0.0 if knows(c) else self._cost(c) for c in candidates}
        seconds = {c.name: costs[c.name] and self.seconds(c) for c in candidates}
        if self._is_enough_for([seconds[c.name] for c in candidates]):
            return sorted(candidates, key=lambda c: costs[c.name], reverse=True)
        return self._order_in_short_time(candidates, costs, seconds, fitness)

    def _is_enough_for(self, seconds: Sequence[float]) -> bool:
        """Return whether trials of these seconds per split leave much time."""
        if not self.runtimes.is_known:
            return False
        expected = sum(seconds) * self._n_splits
        return 2 * expected / self.n_workers < self.time_left()

    def _order_in_short_time(
        self,
        candidates: Sequence[Candidate],
        costs: Mapping[str, float],
        seconds: Mapping[str, float],
        fitness: Mapping[str, float],
    ) -> list[Candidate]:
        """Return candidates in their order if there is no time for all of them.

        Promoted candidates come first. Then those that are known to be good and could
        be refitted in time: first as many of the cheapest as there is time for, the
        most expensive of these before the others, since its refit would not fit in
        later. The rest follows, expensive candidates of unfit parents last. `costs`
        and `seconds` are those of candidates by name.
        """
        cheapest_first = sorted(candidates, key=lambda c: costs[c.name])
        promising = [
            c
            for c in cheapest_first
            if c.chromosome.origin in KNOWN_ORIGINS
            and self._can_win(c, seconds[c.name])
        ]
        is_promising = {c.name for c in promising}
        in_time = promising[: self._n_in_time(promising, seconds)]
        minus_cost = {c.name: -costs[c.name] for c in in_time}
        parents = [_parent_fitness(c.chromosome, fitness) for c in candidates]
        ranks = rankdata([costs[c.name] for c in candidates]) - rankdata(parents)
        rank = dict(zip((c.name for c in candidates), ranks, strict=True))

        def key(candidate: Candidate) -> tuple[bool, bool, float, float]:
            name, is_promoted = candidate.name, candidate.chromosome.key in fitness
            return (
                not is_promoted,
                name not in is_promising,
                minus_cost.get(name, 0.0),
                rank[name],
            )

        return sorted(candidates, key=key)

    def _can_win(self, candidate: Candidate, seconds: float) -> bool:
        """Return whether a candidate that begins now could be refitted in time."""
        end = time.time() + self._n_splits * seconds
        return end <= self._refit_deadline(candidate).end_if_begun_now()

    def _n_in_time(
        self, candidates: Sequence[Candidate], seconds: Mapping[str, float]
    ) -> int:
        """Return how many there is time for, the refit of the slowest included."""
        if self.final_builder is None or not self.runtimes.is_known:
            return 0
        each = np.array([seconds[c.name] for c in candidates])
        trials = np.cumsum(each) * self._n_splits / self.n_workers
        ratios = [self._refit_ratio_if_best(c) for c in candidates]
        slowest_refit = np.maximum.accumulate(each * ratios)
        return int(np.count_nonzero(trials + slowest_refit < self.time_left()))


def _parent_fitness(chromosome: Chromosome, fitness: Mapping[str, float]) -> float:
    """Return the fitness of the fitter parent, minus infinity without one."""
    known = [fitness.get(parent, -math.inf) for parent in chromosome.parents]
    return max(known, default=-math.inf)
