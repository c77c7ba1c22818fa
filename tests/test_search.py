"""The loop of a search: its events, its order, and what ends it."""

import math
import time
from dataclasses import replace

import joblib
import numpy as np
import pytest
from toys import (
    GENOME,
    Budget,
    Recipe,
    Toy,
    ToyBuilder,
    begun,
    chromosome,
    evaluate,
    make_evaluator,
)

from sknevo import search as engine
from sknevo.evaluation import Journal
from sknevo.evolution import STRATEGIES, Elitist, Population, SuccessiveHalving
from sknevo.genes import Categorical, Genome, Integer, Real
from sknevo.records import Candidate, Evaluation, Generation
from sknevo.search import SearchResult
from sknevo.termination import (
    MaxGenerations,
    NoImprovement,
    limits,
    make_criteria,
    most_generations,
)
from sknevo.time_budget import TimeBudget


class Rules:
    """Parameters of criteria, and a budget whose refits take what a test says."""

    def __init__(self, max_time=None, **parameters):
        names = ["refit_seconds", "refit_ratio", "reserve", "started", "n_workers"]
        names = [n for n in [*names, "has_ensemble"] if n in parameters]
        budget = {name: parameters.pop(name) for name in names}
        self.budget = Budget(max_time, **budget)
        self.parameters = {"max_time": max_time, **parameters}


def search(evolution, evaluator, rules, callbacks=()):
    budget = rules.budget
    budget.trials = evaluator.runner
    for evaluation in evaluator.known.values():
        budget.observe(evaluation)
    criteria = make_criteria(rules.parameters, budget)
    return engine.search(evolution, evaluator, criteria, budget, callbacks)


def evolve(first=(), size=4, genome=GENOME, strategy=None, seed=0, resources=()):
    rng = np.random.default_rng(seed)
    population = Population(genome, strategy or Elitist(), size, rng, first)
    return SuccessiveHalving(population, resources)


def never(candidate):
    """Say that nothing is known of a candidate."""
    return False


class Ageless(Elitist):
    steady = True


class Recorder:
    """Records all events; stops or interrupts at the n-th evaluation."""

    def __init__(self, stop=None, interrupt=None, stop_generation=None):
        self.stop, self.interrupt = stop, interrupt
        self.stop_generation = stop_generation
        self.events, self.individuals = [], []

    def on_generation_start(self, number, size):
        self.events.append(("begins", number, size))

    def on_evaluation_end(self, evaluation):
        self.events.append("individual")
        self.individuals.append(evaluation)
        if len(self.individuals) == self.interrupt:
            raise KeyboardInterrupt
        return len(self.individuals) == self.stop

    def on_generation_end(self, generation):
        self.events.append(("ends", generation.number))
        return generation.number == self.stop_generation


# Callbacks -----------------------------------------------------------------------


def test_callbacks_are_told_everything_in_order():
    recorders = [Recorder(), Recorder()]
    outcome = search(evolve(), make_evaluator(), Rules(generations=2), recorders)
    told = [("begins", 0, 4), *["individual"] * 4, ("ends", 0)]
    told += [("begins", 1, 4), *["individual"] * 4, ("ends", 1)]
    assert recorders[0].events == recorders[1].events == told
    assert recorders[0].individuals == outcome.evaluations
    assert [g.number for g in outcome.history] == [0, 1]


def test_a_callback_ends_the_search_at_an_evaluation():
    recorders = [Recorder(stop=6), Recorder()]
    outcome = search(evolve(), make_evaluator(), Rules(generations=9), recorders)
    assert outcome.stop_reason == "stopped by a callback"
    assert len(outcome.evaluations) == 6
    assert len(recorders[1].individuals) == 6  # all callbacks are told
    assert [g.evaluated for g in outcome.history] == [4, 2]


def test_a_callback_ends_the_search_after_a_generation():
    recorders = [Recorder(stop_generation=1), Recorder()]
    outcome = search(evolve(), make_evaluator(), Rules(generations=9), recorders)
    assert outcome.stop_reason == "stopped by a callback"
    assert recorders[1].events[-1] == ("ends", 1)
    assert len(outcome.history) == 2


def test_an_interrupt_leaves_the_best_so_far():
    evaluator = make_evaluator()
    outcome = search(evolve(), evaluator, Rules(generations=9), [Recorder(interrupt=6)])
    assert outcome.stop_reason == "interrupted by the user"
    assert len(outcome.evaluations) == 6
    assert len(outcome.history) == 1
    assert outcome.best.fitness == max(e.fitness for e in outcome.evaluations)


def test_an_interrupt_before_any_success_is_passed_on():
    first = [chromosome(0.1, "raise") for _ in range(4)]
    with pytest.raises(KeyboardInterrupt):
        search(
            evolve(first),
            make_evaluator(),
            Rules(generations=9),
            [Recorder(interrupt=1)],
        )


# Out of turn ---------------------------------------------------------------------

# The second is slow: all others have ended before it is told.
BLOCKED = [chromosome(0.9), chromosome(0.8, seconds=0.5)]
BLOCKED += [chromosome(i / 10) for i in range(4)]


def run_blocked(recorder=None, chromosomes=BLOCKED, n_jobs=2, strategy=None, **limits):
    runner = evolve(chromosomes, size=len(chromosomes), strategy=strategy)
    with joblib.parallel_config(backend="threading"):
        evaluator = make_evaluator(n_jobs=n_jobs, n_splits=1)
        return search(runner, evaluator, Rules(**limits), [recorder or Recorder()])


def fared(evaluations):
    return [(e.chromosome.genes["x"], e.status) for e in evaluations]


@pytest.mark.parametrize("strategy", [Elitist(), Ageless()])
def test_evaluations_out_of_turn_count_when_time_is_over(strategy):
    recorder = Recorder()
    chromosomes = [chromosome(0.9), chromosome(0.8, "loop"), *BLOCKED[2:]]
    outcome = run_blocked(recorder, chromosomes, strategy=strategy, max_time=0.5)
    assert outcome.stop_reason == "max_time=0.5 s used up"
    assert outcome.best.fitness == 0
    tried = fared(outcome.evaluations)
    assert tried[:2] == [(0.9, "ok"), (0.8, "unfinished")]
    assert tried[2:6] == [(i / 10, "ok") for i in range(4)]
    assert sorted(fared(recorder.individuals)) == sorted(tried)
    assert outcome.history[-1].best == 0
    assert sum(g.evaluated for g in outcome.history) == len(outcome.evaluations)
    # What the clock cuts off has not failed.
    n_cut_off = [status for _, status in tried].count("unfinished")
    assert sum(g.cut_off for g in outcome.history) == n_cut_off > 0
    assert sum(g.failed for g in outcome.history) == 0
    numbers = [told[1] for told in recorder.events if told[0] == "begins"]
    assert numbers == [g.number for g in outcome.history]


def test_evaluations_out_of_turn_count_after_an_interrupt():
    outcome = run_blocked(Recorder(interrupt=2), generations=3)
    assert outcome.stop_reason == "interrupted by the user"
    assert fared(outcome.evaluations) == [
        (0.9, "ok"),
        (0.8, "ok"),
        (0.0, "ok"),
        (0.1, "ok"),
        (0.2, "ok"),
        (0.3, "ok"),
    ]
    assert outcome.best.fitness == 0


def test_candidates_that_never_began_before_an_interrupt_are_skipped():
    outcome = run_blocked(Recorder(interrupt=2), n_jobs=1, generations=3)
    assert fared(outcome.evaluations) == [(0.9, "ok"), (0.8, "ok")]
    assert fared(outcome.skipped) == [(i / 10, "skipped") for i in range(4)]


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_evaluations_out_of_turn_do_not_count_if_the_search_ends_itself(n_jobs):
    outcome = run_blocked(n_jobs=n_jobs, target_score=-0.8)
    assert fared(outcome.evaluations) == [(0.9, "ok"), (0.8, "ok")]
    assert outcome.skipped == []
    outcome = run_blocked(Recorder(stop=2), n_jobs=n_jobs, generations=3)
    assert fared(outcome.evaluations) == [(0.9, "ok"), (0.8, "ok")]
    assert outcome.best.fitness == -0.8


# Stopping ------------------------------------------------------------------------


def test_generations():
    outcome = search(evolve(), make_evaluator(), Rules(generations=3))
    assert outcome.stop_reason == "generations=3 done"
    assert len(outcome.history) == 3
    assert len(outcome.evaluations) == 12


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_target_stops_within_a_generation(n_jobs):
    first = [chromosome(x) for x in (0.5, 0.25, 0.1, 0.05)]
    evaluator = make_evaluator(n_jobs=n_jobs)
    outcome = search(evolve(first), evaluator, Rules(target_score=-0.25))
    assert outcome.stop_reason == "target_score=-0.25 reached: -0.25"
    assert [e.fitness for e in outcome.evaluations] == [-0.5, -0.25]
    assert outcome.best.fitness == -0.25
    evaluator.close()


def test_patience():
    # The best comes in the first generation, then nothing better can.
    rules = Rules(generations=9, n_iter_no_change=2, tol=0.01)
    outcome = search(evolve([chromosome(0.0)]), make_evaluator(), rules)
    assert outcome.stop_reason == "no improvement by 0.01 in 2 generations"
    assert len(outcome.history) == 3


@pytest.mark.parametrize(
    ("bests", "tol", "over"),
    [
        ([1.0], 0.1, False),
        ([1.0, 1.0], 0.1, False),
        ([1.0, 1.0, 1.0], 0.1, True),
        ([1.0, 1.05, 1.1], 0.1, True),
        ([1.0, 1.05, 1.2], 0.1, False),
        ([0.0, 1.0, 1.0, 1.0], 0.1, True),
        ([-math.inf, -math.inf, -math.inf], 0.1, True),
        ([-math.inf, -math.inf, 0.0], 0.1, False),
    ],
)
def test_patience_counts_improvements_by_more_than_tol(bests, tol, over):
    history = [Generation(i, best, best, 1, 0, 0, 0) for i, best in enumerate(bests)]
    result = SearchResult(history=history)
    assert bool(NoImprovement(2, tol).reason(result)) is over


def test_an_improvement_slower_than_tol_is_one_if_patience_allows():
    history = [Generation(i, i * 0.06, 0, 1, 0, 0, 0) for i in range(6)]
    result = SearchResult(history=history)
    assert NoImprovement(1, tol=0.1).reason(result)
    assert not NoImprovement(2, tol=0.1).reason(result)


# Time ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_max_time_is_kept_the_refit_included(n_jobs):
    first = [chromosome(x, seconds=0.05) for x in (0.1, 0.2)]
    genome = Genome(**GENOME.genes, seconds=Categorical([0.05]))
    evaluator = make_evaluator(n_jobs=n_jobs)
    warm_up = [chromosome(x, seconds=0.05) for x in (0.8, 0.9)]
    evaluate(evaluator, warm_up)  # workers start
    rules = Rules(max_time=1.5, refit_seconds=lambda best: 0.4)
    start = time.time()
    outcome = search(evolve(first, genome=genome), evaluator, rules)
    seconds = time.time() - start
    assert outcome.stop_reason == "max_time=1.5 s used up"
    assert 0.6 < seconds < 1.5
    assert len(outcome.evaluations) > 5
    assert 0 < rules.budget.time_left() < 1
    evaluator.close()


def test_time_for_the_refit_is_reserved():
    best = Evaluation(chromosome(), "ok", 1.0)
    failed = Evaluation(chromosome(), "error")

    def end(best, **parameters):
        budget = Budget(100, started=1000, **parameters)
        budget.observe(failed)
        budget.best = best
        return budget.search_end()

    assert end(None, refit_seconds=lambda best: 30, reserve=0.1) == 1090
    assert end(best, refit_seconds=lambda best: 30, reserve=0.1) == 1070
    assert end(best) == 1100
    budget = Budget()
    budget.observe(failed)
    assert budget.search_end() == budget.time_left() == math.inf


def test_one_individual_is_tried_however_short_the_time():
    outcome = search(evolve(), make_evaluator(), Rules(max_time=1e-9))
    assert outcome.stop_reason == "max_time=1e-09 s used up"
    assert len(outcome.evaluations) == 1


def test_the_first_individual_ends_though_time_is_over_for_all_others():
    first = [chromosome(0.1, seconds=0.5), *(chromosome(x, "loop") for x in (0.2, 0.3))]
    rules = Rules(max_time=0.3, has_ensemble=True, n_workers=2)
    evolution = evolve(first, size=1, strategy=Ageless())
    outcome = search(evolution, make_evaluator(n_jobs=2), rules)
    assert outcome.stop_reason == "max_time=0.3 s used up"
    assert outcome.best.chromosome.key == first[0].key
    assert len(outcome.skipped) < 5


@pytest.mark.parametrize(
    ("max_time", "pace_is_known", "expected"),
    [
        (None, True, [0.4, 0.1, 0.3, 0.2]),  # as they were asked for
        (60, False, [0.1, 0.4, 0.3, 0.2]),  # the pace is that of the first
        (60, True, [0.4, 0.3, 0.2, 0.1]),  # so that none waits for a late expensive one
        (0.03, True, [0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_if_time_is_short_the_cheap_come_first(max_time, pace_is_known, expected):
    first = [chromosome(x, seconds=x / 100) for x in (0.4, 0.1, 0.3, 0.2)]
    genome = Genome(**GENOME.genes, seconds=Real(0, 1))
    evaluator = make_evaluator()
    if pace_is_known:
        known = [chromosome(0.9 + i / 100, seconds=0.01) for i in range(9)]
        evaluate(evaluator, known)
    rules = Rules(generations=1, max_time=max_time)
    recorder = Recorder()
    search(evolve(first, genome=genome), evaluator, rules, [recorder])
    order = [e.chromosome.genes["x"] for e in recorder.individuals]
    assert order == expected[: len(order)]
    assert len(order) == 4 or max_time == 0.03


def test_if_time_is_short_expensive_children_of_unfit_parents_come_last():
    fit, unfit = chromosome(0.1), chromosome(0.9)
    budget = Budget(1e-9, trials=make_evaluator().runner)
    fitness = {fit.key: -0.1, unfit.key: -0.9}
    children = [
        Candidate(replace(chromosome(x, seconds=seconds), parents=(parent.key,)))
        for x, seconds, parent in [
            (0.2, 0.02, unfit),  # expensive, of unfit parents
            (0.3, 0.01, unfit),
            (0.4, 0.01, fit),  # cheap, of fit ones
            (0.5, 0.02, fit),
        ]
    ]
    children = budget.order(children, never, fitness)
    assert [e.chromosome.genes["x"] for e in children] == [0.4, 0.3, 0.5, 0.2]


def test_beside_an_ensemble_all_workers_begin_at_once(tmp_path):
    evaluator = make_evaluator(n_jobs=2)
    rules = Rules(generations=1, max_time=60)
    rules.budget.plan(evaluator.runner, n_workers=2, has_ensemble=True)
    both = [chromosome(x, f"meet {tmp_path}") for x in (0.1, 0.2)]
    outcome = search(evolve(both, size=2), evaluator, rules)
    assert [e.status for e in outcome.evaluations] == ["ok", "ok"]
    evaluator.close()


def test_beside_an_ensemble_individuals_count_as_they_end(tmp_path):
    evaluator = make_evaluator(n_jobs=2)
    budget = TimeBudget(60)
    budget.plan(evaluator.runner, n_workers=2, has_ensemble=True)
    both = chromosome(0.1, f"meet {tmp_path}"), chromosome(0.2)
    with evaluator.running(budget):
        assert evaluator.n_wanted == 3
        evaluator.submit([Candidate(one) for one in both])
        assert evaluator.next_evaluation().chromosome.genes["x"] == 0.2
        assert evaluator.n_wanted == 2  # one trial waits for what comes now
        (tmp_path / "another").touch()
        assert evaluator.next_evaluation().status == "ok"
        assert evaluator.next_evaluation() is None
    evaluator.close()


def test_beside_an_ensemble_promoted_individuals_come_first():
    budget = TimeBudget(60)
    budget.plan(make_evaluator().runner, has_ensemble=True)
    new, promoted = Candidate(chromosome(0.1)), Candidate(chromosome(0.2), 3)
    ordered = budget.order([new, promoted], never, {promoted.chromosome.key: 0.5})
    assert ordered == [promoted, new]


@pytest.mark.parametrize("act", ["learn", "raise"])
@pytest.mark.parametrize("size", [1, 3])
def test_the_search_ends_when_all_offspring_are_known(size, act):
    genome = Genome(x=Categorical([0.1, 0.2]), act=Categorical([act]))
    outcome = search(
        evolve(size=size, genome=genome), make_evaluator(), Rules(max_time=20)
    )
    assert outcome.stop_reason == "no new individual was found: all offspring are known"
    assert len(outcome.evaluations) <= 2


# Generations ---------------------------------------------------------------------


def test_a_generation_is_summed_up():
    first = [chromosome(0.5), chromosome(0.1, "raise"), chromosome(0.2)]
    first += [chromosome(0.5), chromosome(0.3, "nan")]
    outcome = search(evolve(first), make_evaluator(), Rules(generations=1))
    (generation,) = outcome.history
    assert generation.best == -0.2
    assert generation.median == -0.5  # of the three that came through
    assert (generation.evaluated, generation.cached, generation.failed) == (4, 1, 2)
    assert 0 < generation.seconds < 1
    # A known individual is not evaluated, and so not in the list.
    fitnesses = [e.fitness for e in outcome.evaluations]
    assert fitnesses == [-0.5, -math.inf, -0.2, -math.inf]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_generation_that_fails_as_a_whole_is_survived(strategy):
    first = [chromosome(x, "raise") for x in (0.1, 0.2, 0.3, 0.4)]
    genome = Genome(x=Real(-1, 1), act=Categorical(["raise", "learn"]))
    evolution = evolve(first, genome=genome, strategy=STRATEGIES[strategy]())
    evaluator = make_evaluator()
    outcome = search(evolution, evaluator, Rules(generations=6))
    assert outcome.history[0].best == -math.inf
    assert math.isnan(outcome.history[0].median)
    assert outcome.history[0].failed == 4
    assert len(outcome.history) == 6
    assert outcome.best is not None


def test_a_search_in_which_all_fail_ends_without_a_best():
    genome = Genome(x=Real(-1, 1), act=Categorical(["raise", "starve", "nan"]))
    evaluator = make_evaluator()
    outcome = search(evolve(genome=genome), evaluator, Rules(generations=2))
    assert outcome.stop_reason == "generations=2 done"
    assert {e.status for e in outcome.evaluations} <= {"error", "memory"}
    assert outcome.best is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_whole_search_does_not_depend_on_the_number_of_workers(strategy):
    acts = Categorical(["learn", "raise", "nan"], weights=[4, 1, 1])
    genome = Genome(x=Real(-1, 1), act=acts)

    def lineage(n_jobs):
        evolution = evolve(size=5, genome=genome, strategy=STRATEGIES[strategy]())
        evaluator = make_evaluator(n_jobs=n_jobs)
        outcome = search(evolution, evaluator, Rules(generations=4))
        evaluator.close()
        return [(e.chromosome, e.status, e.fitness) for e in outcome.evaluations]

    assert lineage(1) == lineage(2)


def test_the_best_is_the_fittest_the_earlier_one_among_equals():
    rules = Rules(generations=1)
    first = [chromosome(x) for x in (0.5, -0.2, 0.2, 0.9)]
    outcome = search(evolve(size=1, first=first), make_evaluator(), rules)
    assert outcome.best.chromosome.genes["x"] == -0.2


def test_the_best_must_be_refitted_in_time():
    """A fitter individual whose refit takes an hour is no winner of ten seconds."""

    def refit_seconds(evaluation):
        return 3600 if evaluation.fitness > -0.1 else 0.1

    first = [chromosome(x) for x in (0.5, 0.05, 0.3)]
    rules = Rules(generations=1, max_time=10, refit_seconds=refit_seconds)
    outcome = search(evolve(size=1, first=first), make_evaluator(), rules)
    assert outcome.best.chromosome.genes["x"] == 0.3
    assert len(outcome.evaluations) == 3


def test_a_trial_must_leave_time_for_its_own_refit():
    candidate, now = Candidate(chromosome()), time.time()

    def until(n_splits, max_time=100, **parameters):
        evaluator = make_evaluator(n_splits=n_splits)
        budget = Budget(max_time, trials=evaluator.runner, started=now, **parameters)
        budget.observe(Evaluation(chromosome(), "error"))
        return budget.deadline(candidate).end_if_begun_now()

    growth = {"refit_ratio": lambda candidate: 1.5}
    assert until(1, **growth) == pytest.approx(now + 40, abs=1)
    assert until(6, **growth) == pytest.approx(now + 80, abs=1)
    assert until(1) == now + 100
    assert until(1, None, **growth) == math.inf


def test_a_candidate_that_could_not_be_refitted_is_stopped_and_the_search_continues():
    """Its runtime is unknown, but its refit takes 100 times as long."""
    first = [chromosome(0.9), chromosome(0.1, "loop"), chromosome(0.5)]
    rules = Rules(
        generations=1,
        max_time=2,
        refit_seconds=lambda evaluation: 0.1,
        refit_ratio=lambda candidate: 100,
    )
    evaluator = make_evaluator(n_splits=1)
    outcome = search(evolve(first, size=3), evaluator, rules)
    assert fared(outcome.evaluations) == [(0.9, "ok"), (0.1, "unfinished"), (0.5, "ok")]
    assert outcome.stop_reason == "generations=1 done"
    assert rules.budget.time_left() > 1


def test_time_is_reserved_for_the_refit_as_soon_as_a_trial_has_ended():
    """The best ends at once and takes 7 s of 9 to refit; the one before it loops."""

    def refit_seconds(evaluation):
        return 7 if evaluation.fitness == 0 else 0.01

    chromosomes = [chromosome(0.9), chromosome(0.8, "loop"), *BLOCKED[2:]]
    evaluator = make_evaluator(n_jobs=2, n_splits=1)
    evaluate(evaluator, [chromosome(0.7), chromosome(0.6)])  # workers start
    rules = Rules(max_time=9, refit_seconds=refit_seconds)
    outcome = search(evolve(chromosomes, size=len(chromosomes)), evaluator, rules)
    evaluator.close()
    assert fared(outcome.evaluations)[1] == (0.8, "unfinished")
    assert rules.budget.time_left() > 5.5
    assert outcome.best.fitness == 0


def test_a_refit_must_fit_in_or_be_no_longer_than_that_of_the_best():
    def candidate(seconds):
        return Evaluation(chromosome(seconds), "ok", 0.0)

    budget = Budget(
        100,
        lambda evaluation: evaluation.chromosome.genes["x"],
        started=time.time() - 98,
    )
    short, long, longer = map(candidate, (1, 2.9, 5))
    assert budget.can_be_best(short)
    assert not budget.can_be_best(long)
    assert budget.can_be_best(long, had_time=True)  # workers have been stopped since
    assert not budget.can_be_best(longer, had_time=True)
    budget.best = short
    assert not budget.can_be_best(long)
    budget.best = longer
    assert budget.can_be_best(long)


def test_time_is_reserved_for_the_refit_of_a_recalled_candidate(tmp_path):
    """It waits for its turn behind one that is new and loops."""
    best, new = chromosome(0.0), chromosome(0.8, "loop")

    def refit_seconds(evaluation):
        return 1.5 if evaluation.fitness == 0 else 0.01

    with (
        Journal(tmp_path / "run.jsonl") as journal,
        joblib.parallel_config(backend="threading"),
    ):
        journal.begin({"seed": 0})
        parameters = {"n_jobs": 2, "n_splits": 1, "journal": journal}
        evaluate(make_evaluator(**parameters), [chromosome(0.9), best])
        evaluator = make_evaluator(**parameters)
        rules = Rules(max_time=3, refit_seconds=refit_seconds)
        chromosomes = [chromosome(0.9), new, best]
        outcome = search(evolve(chromosomes, size=3), evaluator, rules)
    assert fared(outcome.evaluations)[1] == (0.8, "unfinished")
    assert outcome.best.fitness == 0
    assert rules.budget.time_left() > 0.8


@pytest.mark.slow
def test_until_when_one_may_go_on_is_known_when_it_begins():
    """Two wait until two others have ended; then there still is time for them."""
    seconds = (0.4, 0.4, 0.225, 0.225)  # on each of four splits
    chromosomes = [chromosome(i / 10, seconds=s) for i, s in enumerate(seconds)]
    with joblib.parallel_config(backend="threading"):
        evaluator = make_evaluator(n_jobs=2, n_splits=4)
        evaluate(evaluator, [chromosome(0.9, seconds=0.02)])  # has all the time
        rules = Rules(generations=1, max_time=4.4, refit_ratio=lambda candidate: 4)
        outcome = search(evolve(chromosomes, size=4), evaluator, rules)
    assert [e.status for e in outcome.evaluations] == ["ok"] * 4


# Order -----------------------------------------------------------------------------


def test_expensive_known_candidates_come_first_if_they_can_be_refitted():
    evaluator = make_evaluator(n_splits=1)
    evaluate(evaluator, [chromosome(0.9, seconds=0.01)])
    pace = begun(60, evaluator).seconds(Candidate(chromosome(0.8, seconds=1.0)))
    seconds = {0.1: 1.0, 0.2: 3.0, 0.3: 2.0, 0.4: 9.0}
    candidates = [
        Candidate(replace(chromosome(x, seconds=s), origin="known"))
        for x, s in seconds.items()
    ]
    bred = replace(chromosome(0.5, seconds=0.5), origin="crossover")
    candidates.append(Candidate(bred))

    def order(max_time):
        seconds = max_time * pace
        budget = begun(seconds, evaluator, refit_ratio=lambda candidate: 1)
        found = budget.order(candidates, never, {})
        return [e.chromosome.genes["x"] for e in found]

    # All take 15.5 seconds. The dearest could not be refitted within 14, the others,
    # which take 6 together, and 3 for the refit of the dearest of them, could.
    assert order(14) == [0.2, 0.3, 0.1, 0.5, 0.4]
    # Within 8 seconds there is not time for all of them: the dearest has to wait.
    assert order(8) == [0.3, 0.1, 0.2, 0.5, 0.4]
    assert order(1) == [0.5, 0.1, 0.3, 0.2, 0.4]
    assert order(40) == [0.4, 0.2, 0.3, 0.1, 0.5]


@pytest.mark.parametrize("max_time", [None, 3600, 0.25])
def test_evaluations_are_listed_as_asked_in_whatever_order_they_ran(max_time):
    chromosomes = [chromosome(i / 10, seconds=0.01 * (i % 3)) for i in range(6)]
    chromosomes += [
        chromosome(0.0, seconds=s) for s in (0.02, 0.03)
    ]  # as good as the first
    rules = Rules(generations=1, max_time=max_time)
    outcome = search(evolve(chromosomes, size=8), make_evaluator(), rules)
    tried = [e.chromosome for e in outcome.evaluations]
    assert tried == [one for one in chromosomes if one in tried]
    if max_time != 0.25:
        assert tried == chromosomes
        assert outcome.best.chromosome == chromosomes[0]


# Races and strategies without generations --------------------------------------------


def summary(outcome):
    return [(e.candidate, e.status, e.fitness) for e in outcome.evaluations]


@pytest.mark.parametrize(
    ("strategy", "resources"),
    [
        (Elitist(), ()),
        (Ageless(), (2, 5)),
        pytest.param(Elitist(), (2, 5), marks=pytest.mark.slow),
        pytest.param(Ageless(), (), marks=pytest.mark.slow),
    ],
)
def test_neither_depends_on_the_number_of_workers(strategy, resources):
    genome = Genome(**GENOME.genes, seconds=Real(0, 0.02), epochs=Integer(1, 10))

    def run(n_jobs):
        runner = evolve(genome=genome, strategy=strategy, resources=resources)
        make = Recipe(lambda genes, seed: Toy(genes["x"], seconds=genes["seconds"]))
        evaluator = make_evaluator(n_jobs=n_jobs, builder=make, resource="epochs")
        outcome = search(runner, evaluator, Rules(generations=4))
        evaluator.close()
        return outcome

    alone, together = run(1), run(2)
    assert summary(alone) == summary(together)
    assert [g.evaluated for g in alone.history] == [
        g.evaluated for g in together.history
    ]
    assert len(alone.history) == 4
    assert len({e.chromosome.key for e in alone.evaluations}) == 16
    assert alone.best.resource is None


def test_the_best_is_one_of_those_that_were_given_most():
    genome = Genome(**GENOME.genes, epochs=Integer(8, 10))
    runner = evolve(genome=genome, size=9, resources=(2, 5))

    class Optimist(ToyBuilder):
        """With few epochs, it does as well as it never will again."""

        def __call__(self, expressed, random_state):
            flattery = 0.1 if expressed["epochs"] < 8 else 1
            return Toy(flattery * expressed["x"])

    evaluator = make_evaluator(builder=Optimist(), resource="epochs")
    outcome = search(runner, evaluator, Rules(generations=2))
    whole = [e.fitness for e in outcome.evaluations if e.resource is None]
    assert outcome.best.resource is None
    assert outcome.best.fitness == max(whole)
    assert outcome.best.fitness < max(e.fitness for e in outcome.evaluations)


@pytest.mark.parametrize(("finishes", "best"), [(False, 0.2), (True, 0.1)])
def test_of_trainings_that_go_on_the_fittest_is_the_best(finishes, best):
    few = Evaluation(chromosome(0.1), "ok", 0.9, resource=3)
    whole = Evaluation(chromosome(0.2), "ok", 0.8)
    budget = TimeBudget()
    budget.plan(final_training=0.3 * finishes)
    result = SearchResult()
    result.note_order([few.candidate, whole.candidate])
    for evaluation in (few, whole):
        result.add(evaluation, budget)
    assert result.best.chromosome.expressed["x"] == best


def test_a_target_counts_with_all_resources_only():
    genome = Genome(**GENOME.genes, epochs=Integer(8, 10))
    runner = evolve(genome=genome, size=9, resources=(2, 5), seed=1)

    class Flattered(ToyBuilder):
        def __call__(self, expressed, random_state):
            return Toy(0.0 if expressed["epochs"] < 8 else expressed["x"])

    evaluator = make_evaluator(builder=Flattered(), resource="epochs")
    outcome = search(runner, evaluator, Rules(generations=20, target_score=-0.1))
    assert outcome.stop_reason.startswith("target_score=-0.1 reached")
    assert outcome.best.resource is None
    assert outcome.best.fitness >= -0.1


def test_skipped_candidates_are_listed_apart():
    first = [chromosome(0.1, seconds=0.01), chromosome(0.2, seconds=60.0)]
    rules = Rules(generations=1, max_time=1.0)
    outcome = search(evolve(first, size=2), make_evaluator(), rules)
    assert [e.status for e in outcome.evaluations] == ["ok"]
    assert [(e.chromosome, e.status) for e in outcome.skipped] == [
        (first[1], "skipped")
    ]


@pytest.mark.slow
def test_steady_strategies_keep_workers_busy_where_generations_do_not():
    """Of four, one takes three times as long as the others."""
    genome = Genome(**GENOME.genes, seconds=Categorical([0.05, 0.2], weights=[3, 1]))

    def busy(strategy):
        evaluator = make_evaluator(n_jobs=2, n_splits=1)
        warm_up = [chromosome(x, seconds=0.05) for x in (0.8, 0.9)]
        evaluate(evaluator, warm_up)
        start = time.perf_counter()
        runner = evolve(genome=genome, size=4, strategy=strategy)
        outcome = search(runner, evaluator, Rules(generations=8))
        seconds = time.perf_counter() - start
        evaluator.close()
        return sum(e.duration for e in outcome.evaluations) / (2 * seconds)

    assert busy(Ageless()) > busy(Elitist())


@pytest.mark.parametrize(
    ("generations", "max_time", "most", "ends"),
    [
        ("auto", None, 5, ["generations=5"]),
        ("auto", 60.0, None, ["max_time=60.0"]),
        (3, 60.0, 3, ["generations=3", "max_time=60.0"]),
        (None, 60.0, None, ["max_time=60.0"]),
    ],
)
def test_without_a_number_of_generations_max_time_ends_a_search_alone(
    generations, max_time, most, ends
):
    parameters = {"generations": generations, "max_time": max_time}
    assert most_generations(parameters) == most
    assert limits(parameters) == ends
    rules = make_criteria(parameters, TimeBudget(max_time))
    numbers = [r.generations for r in rules if isinstance(r, MaxGenerations)]
    assert numbers == ([] if most is None else [most])
