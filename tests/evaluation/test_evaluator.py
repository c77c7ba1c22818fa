"""Each candidate is evaluated once, in order, whatever the workers do."""

import itertools
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import joblib
import pytest
import sklearn
from joblib.parallel import SequentialBackend
from toys import (
    MIXED,
    Budget,
    PidBuilder,
    Priceless,
    Recipe,
    Toy,
    Untransferable,
    begun,
    candidate,
    chromosome,
    evaluate,
    make_evaluator,
    pid,
    plain,
)

from sknevo import read_journal
from sknevo.evaluation import Journal, Objectives, _workers, start_early
from sknevo.records import Candidate


def statuses(evaluations):
    return [evaluation.status for evaluation in evaluations]


def over(evaluator):
    """Return a budget without any time left."""
    return begun(1.0, evaluator, started=time.time() - 2)


def stream(evaluator, asked, budget=None):
    """Return the evaluations of candidates that are asked for one after another."""
    asked, evaluations = iter(asked), []
    with evaluator.running(budget):
        while True:
            evaluator.submit(next(asked, []))
            if (evaluation := evaluator.next_evaluation()) is None:
                return evaluations
            evaluations.append(evaluation)


class Ticking:
    """A trial that records what was evaluated, in one process."""

    def __init__(self, evaluator):
        self.tried = []
        self.evaluator = evaluator
        self.runner, evaluator.runner = evaluator.runner, self

    def __getattr__(self, name):
        return getattr(self.runner, name)

    def __call__(self, candidate, *span):
        self.tried.append(candidate.chromosome.genes["x"])
        return self.runner(candidate, *span)


@pytest.fixture
def workers():
    """Have both workers started, so that time limits need not allow for that."""
    evaluator = make_evaluator(n_jobs=2, builder=PidBuilder())
    pids, asked = set(), itertools.count(1)
    while len(pids) < 2:
        chromosomes = [chromosome(1 / next(asked)) for _ in range(8)]
        pids |= {e.fitness for e in evaluate(evaluator, chromosomes)}
    evaluator.close()


def test_workers_start_early_and_are_used():
    _workers.end_idle_workers()
    start_early(2, 1, "wave")  # nothing here imports it
    assert len(_workers._idle) == 2
    started = {worker.process.pid for worker in _workers._idle}
    start_early(2, 1, "wave")  # there are enough
    assert {worker.process.pid for worker in _workers._idle} == started
    evaluator = make_evaluator(n_jobs=2)
    objectives = Objectives(pid, None)
    evaluator.runner = replace(evaluator.runner, objectives=objectives)
    (evaluation,) = evaluate(evaluator, [chromosome()])
    assert {int(score) for score in evaluation.scores["score"]} <= started


# Memory and order ----------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_evaluations_come_in_the_order_asked(n_jobs, workers):
    evaluator = make_evaluator(n_jobs=n_jobs)
    slow_first = [chromosome(i / 10, seconds=0.2 - i / 30) for i in range(6)]
    evaluations = evaluate(evaluator, slow_first)
    assert [e.chromosome for e in evaluations] == slow_first
    assert [e.fitness for e in evaluations] == [-i / 10 for i in range(6)]
    evaluator.close()


def test_each_individual_is_tried_once_also_within_a_brood():
    evaluator = make_evaluator()
    ticking = Ticking(evaluator)
    first = evaluate(evaluator, [chromosome(x) for x in (0.1, 0.2, 0.1, 0.3)])
    assert ticking.tried == [0.1, 0.2, 0.3]
    assert [e.cached for e in first] == [False, False, True, False]
    second = evaluate(evaluator, [chromosome(x) for x in (0.4, 0.3, 0.1)])
    assert ticking.tried == [0.1, 0.2, 0.3, 0.4]
    assert [e.cached for e in second] == [False, True, True]
    assert [e.fitness for e in second] == [-0.4, -0.3, -0.1]
    assert [e.duration for e in second[1:]] == [0, 0]


def test_the_failed_are_not_tried_again():
    evaluator = make_evaluator()
    ticking = Ticking(evaluator)
    for cached in (False, True):
        (evaluation,) = evaluate(evaluator, [chromosome(0.1, "raise")])
        assert (evaluation.status, evaluation.cached) == ("error", cached)
    assert len(ticking.tried) == 1


def test_an_answer_from_memory_has_the_lineage_of_the_question():
    evaluator = make_evaluator()
    evaluate(evaluator, [chromosome(0.1)])
    twin = replace(chromosome(0.1), generation=3, origin="mutation", parents=("k",))
    (evaluation,) = evaluate(evaluator, [twin])
    assert evaluation.chromosome == twin


def test_what_is_known_costs_nothing():
    evaluator = make_evaluator()
    known, new = candidate(0.1, seconds=0.01), candidate(0.2, seconds=2.0)
    assert not evaluator.knows(known)
    evaluate(evaluator, [known.chromosome])
    assert evaluator.knows(known)
    assert not evaluator.knows(new)


def test_no_candidates_have_no_evaluations():
    assert evaluate(make_evaluator(), []) == []


def test_a_caller_may_stop_listening():
    evaluator = make_evaluator()
    chromosomes = [chromosome(i / 10) for i in range(6)]
    with evaluator.running():
        evaluator.submit([*map(Candidate, chromosomes)])
        assert evaluator.next_evaluation().chromosome == chromosomes[0]
    assert [e.cached for e in evaluate(evaluator, chromosomes)] == [True] + [False] * 5


def test_what_a_stream_leaves_behind_is_known_at_once(workers, tmp_path):
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.begin({"seed": 0})
        evaluator = make_evaluator(n_jobs=2, journal=journal)
        evaluate(evaluator, [chromosome(0.9)])
        slow = chromosome(0.2, seconds=0.3)
        chromosomes = [chromosome(0.1), slow, chromosome(0.3), chromosome(0.3)]
        chromosomes += [chromosome(0.4, "hang")]
        chromosomes += [*(chromosome(i / 100) for i in range(50, 69)), chromosome(0.9)]
        with evaluator.running():
            evaluator.submit([*map(Candidate, chromosomes)])
            first = [evaluator.next_evaluation().fitness for _ in range(2)]
        assert first == [-0.1, -0.2]
        left = list(evaluator.not_returned())
        assert list(evaluator.not_returned()) == []
        evaluator.close()
    assert [e.chromosome for e in left] == chromosomes[2:]
    assert statuses(left[:3]) == ["ok", "ok", "unfinished"]
    assert statuses(left[-1:]) == ["ok"]
    assert [e.cached for e in left] == [False, True, *[False] * 20, True]
    written = {e.chromosome.key for e in read_journal(tmp_path / "run.jsonl")}
    assert written >= {e.chromosome.key for e in left if e.status == "ok"}
    assert not written & {e.chromosome.key for e in left if e.status != "ok"}


# Workers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "n_jobs"), [("loky", 2), ("threading", 2), ("sequential", 1)]
)
def test_evaluations_do_not_depend_on_the_backend(backend, n_jobs, workers):
    expected = plain(evaluate(make_evaluator(), MIXED))
    with joblib.parallel_config(backend=backend):
        evaluator = make_evaluator(n_jobs=n_jobs)
        # As text, for nan is not equal to itself.
        assert repr(plain(evaluate(evaluator, MIXED))) == repr(expected)
    evaluator.close()


def test_an_unknown_backend_is_refused_by_name():
    class Unknown(SequentialBackend):
        """A backend that is none of joblib's own."""

    evaluator = make_evaluator()
    with (
        joblib.parallel_config(backend=Unknown()),
        pytest.raises(ValueError, match="backend Unknown is not supported; use 'loky'"),
    ):
        evaluate(evaluator, [chromosome(0.1)])


def test_a_fault_that_cannot_travel_is_described(workers):
    def fail(genes, seed):
        raise Untransferable(1, 2)

    evaluator = make_evaluator(n_jobs=2, builder=Recipe(fail), raise_error=True)
    with pytest.raises(RuntimeError, match="Untransferable: lost on the way"):
        evaluate(evaluator, [chromosome(0.1)])
    evaluator.close()


def test_settings_of_scikit_learn_reach_the_workers(workers):
    def tell(genes, seed):
        return Toy(-1.0 if sklearn.get_config()["assume_finite"] else -2.0)

    fitness = {}
    for backend in ("sequential", "loky", "threading"):
        evaluator = make_evaluator(n_jobs=2, builder=Recipe(tell))
        with (
            joblib.parallel_config(backend=backend),
            sklearn.config_context(assume_finite=True),
        ):
            (evaluation,) = evaluate(evaluator, [chromosome(0.1)])
        fitness[backend] = evaluation.fitness
        evaluator.close()
    assert set(fitness.values()) == {-1.0}


def test_to_raise_is_possible_in_a_worker_too(workers):
    evaluator = make_evaluator(n_jobs=2, raise_error=True)
    chromosomes = [chromosome(0.1), chromosome(0.6, "raise"), chromosome(0.2)]
    with pytest.raises(ValueError, match=r"cannot learn with x=0\.6"):
        evaluate(evaluator, chromosomes)


def test_a_worker_that_dies_costs_its_own_individual_only(workers, monkeypatch):
    monkeypatch.setattr(_workers, "MAX_DEATHS", 0)
    evaluator = make_evaluator(n_jobs=2)
    acts = ["learn", "die", "learn", "learn"]
    chromosomes = [chromosome(i / 10, act) for i, act in enumerate(acts)]
    evaluations = evaluate(evaluator, chromosomes)
    assert [e.chromosome for e in evaluations] == chromosomes
    assert statuses(evaluations) == ["ok", "error", "ok", "ok"]
    assert evaluations[1].error == "the worker died"
    (after,) = evaluate(evaluator, [chromosome(0.9)])
    assert after.status == "ok"
    evaluator.close()


def test_a_candidate_whose_worker_died_is_tried_again(workers, tmp_path):
    deaths = tmp_path / "deaths"
    deaths.write_text("1")
    evaluator = make_evaluator(n_jobs=2)
    chromosomes = [chromosome(0.1), chromosome(0.2, f"die {deaths}"), chromosome(0.3)]
    assert statuses(evaluate(evaluator, chromosomes)) == ["ok", "ok", "ok"]
    assert deaths.read_text() == "0"
    evaluator.close()


@pytest.mark.skipif(_workers.n_oom_kills() is None, reason="the system does not tell")
@pytest.mark.parametrize(
    ("n_kills", "status", "left"),
    [(1, "ok", 0), pytest.param(100, "error", 100 - 2, marks=pytest.mark.slow)],
)
def test_kills_from_outside_are_no_fault_of_the_candidate(
    n_kills, status, left, workers, tmp_path, monkeypatch
):
    monkeypatch.setattr(_workers, "MAX_DEATHS", 0)
    monkeypatch.setattr(_workers, "MAX_KILLS", 1)
    deaths = tmp_path / "deaths"
    deaths.write_text(f"{n_kills}")
    evaluator = make_evaluator(n_jobs=2)
    chromosomes = [
        chromosome(0.1),
        chromosome(0.2, f"be_killed {deaths}"),
        chromosome(0.3),
    ]
    assert statuses(evaluate(evaluator, chromosomes)) == ["ok", status, "ok"]
    assert int(deaths.read_text()) == left
    evaluator.close()


def test_kills_as_memory_ran_out_are_the_fault_of_the_candidate(
    workers, tmp_path, monkeypatch
):
    shortages = itertools.count()
    monkeypatch.setattr(_workers, "n_oom_kills", lambda: next(shortages))
    monkeypatch.setattr(_workers, "MAX_DEATHS", 0)
    deaths = tmp_path / "deaths"
    deaths.write_text("100")
    evaluator = make_evaluator(n_jobs=2)
    chromosomes = [
        chromosome(0.1),
        chromosome(0.2, f"be_killed {deaths}"),
        chromosome(0.3),
    ]
    assert statuses(evaluate(evaluator, chromosomes)) == ["ok", "error", "ok"]
    assert int(deaths.read_text()) == 100 - 1
    evaluator.close()


@pytest.mark.slow
def test_a_stream_that_stops_early_ends_no_other(workers):
    staying, leaving = make_evaluator(n_jobs=2), make_evaluator(n_jobs=2)
    chromosomes = [chromosome(i / 100, seconds=0.05) for i in range(24)]
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(lambda: statuses(evaluate(staying, chromosomes)))
        time.sleep(0.3)
        with leaving.running():
            leaving.submit([candidate(i / 10, seconds=1) for i in range(9)])
            leaving.next_evaluation()
        assert job.result(timeout=60) == ["ok"] * 24
    staying.close()
    leaving.close()


# Time ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_is_unfinished_at_the_moment_times_out_the_rest_is_left(n_jobs, workers):
    evaluator = make_evaluator(n_jobs=n_jobs)
    evaluate(evaluator, [chromosome(0.5)])
    chromosomes = [chromosome(0.1), *(chromosome(i / 10, "loop") for i in range(2, 15))]
    start = time.time()
    budget = begun(0.5, evaluator, started=start)
    evaluations = evaluate(evaluator, chromosomes, budget)
    assert time.time() - start < 1.5
    began = [e for e in evaluations if e.status != "skipped"]
    assert statuses(began) == ["ok"] + ["unfinished"] * (len(began) - 1)
    assert len(began) == 2 if n_jobs == 1 else len(began) < len(chromosomes)
    assert all(e.error for e in began[1:])
    assert evaluations[: len(began)] == began
    evaluator.close()


def test_no_trial_begins_when_time_is_over():
    evaluator = make_evaluator()
    evaluate(evaluator, [chromosome(0.1)])
    (late,) = evaluate(evaluator, [chromosome(0.2)], over(evaluator))
    assert late.status == "skipped"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_very_first_individual_has_time_without_end(n_jobs, workers):
    evaluator = make_evaluator(seconds=0.3, n_jobs=n_jobs)
    budget = Budget(0.1)
    evaluations = stream(evaluator, [[candidate(0.1)], [candidate(0.2)]], budget)
    assert statuses(evaluations) == ["ok", "skipped"]
    evaluator.close()


def test_a_candidate_that_would_miss_its_deadline_is_skipped():
    evaluator = make_evaluator()
    evaluate(evaluator, [chromosome(i / 10, seconds=0.02) for i in range(3)])
    budget = begun(0.5, evaluator)
    chromosomes = [chromosome(0.3, seconds=0.01), chromosome(0.4, seconds=60.0)]
    assert statuses(evaluate(evaluator, chromosomes, budget)) == ["ok", "skipped"]
    assert budget.time_left() > 0


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_skipped_candidate_that_is_asked_for_twice_is_not_waited_for(n_jobs, workers):
    evaluator = make_evaluator(n_jobs=n_jobs)
    evaluate(evaluator, [chromosome(0.1, seconds=0.01)])
    expensive, cheap = candidate(0.4, seconds=60.0), candidate(0.3, seconds=0.01)
    budget = begun(5, evaluator)
    evaluations = stream(
        evaluator, [[expensive, cheap, expensive], [expensive]], budget
    )
    assert statuses(evaluations) == ["skipped", "ok", "skipped", "skipped"]
    assert budget.time_left() > 0
    evaluator.close()


def test_a_candidate_whose_worker_died_is_skipped_if_no_time_is_left(workers, tmp_path):
    evaluator = make_evaluator(n_jobs=2)
    evaluate(evaluator, [chromosome(0.5, seconds=0.01)])
    deaths = tmp_path / "deaths"
    deaths.write_text("1")
    mortal = chromosome(0.1, f"die {deaths}", seconds=0.01)
    others = [chromosome(i / 10, seconds=0.01) for i in (2, 3, 4, 5)]

    class Impatient(Budget):
        def deadline(self, candidate):
            late = candidate.chromosome.key == mortal.key and deaths.read_text() == "0"
            return None if late else super().deadline(candidate)

    asked = [[Candidate(one) for one in (mortal, *others)]]
    evaluations = stream(evaluator, asked, Impatient(60))
    assert sorted(statuses(evaluations)) == ["ok"] * 4 + ["skipped"]
    assert deaths.read_text() == "0"
    evaluator.close()


def test_the_moment_may_come_earlier_than_was_said_at_the_start(workers):
    evaluator = make_evaluator(n_jobs=2)
    evaluate(evaluator, [chromosome(0.5)])
    start = time.time()

    class Shrinking(Budget):
        def search_end(self):  # a better one is found whose refit takes longer
            return start + (60 if time.time() < start + 0.5 else 0.4)

    evaluations = evaluate(evaluator, [chromosome(0.2, "loop")], Shrinking(60))
    assert statuses(evaluations) == ["unfinished"]
    assert 0.4 < time.time() - start < 10
    evaluator.close()


@pytest.mark.parametrize("act", ["hang", pytest.param("hog", marks=pytest.mark.slow)])
def test_a_hang_in_native_code_is_ended_at_the_moment(act, workers):
    evaluator = make_evaluator(n_jobs=2)
    evaluate(evaluator, [chromosome(0.5), chromosome(0.6)])
    start = time.time()
    chromosomes = [chromosome(0.1), chromosome(0.2, act), chromosome(0.3)]
    budget = begun(0.6, evaluator, started=start)
    evaluations = evaluate(evaluator, chromosomes, budget)
    assert time.time() - start < 2
    assert evaluations[0].status == "ok"
    assert evaluations[1].status == "unfinished"
    assert evaluations[1].error
    evaluator.close()


# Limits --------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.parametrize(
    "act", ["loop", "hang", pytest.param("hog", marks=pytest.mark.slow)]
)
def test_a_trial_that_takes_too_long_is_stopped_alone(workers, act, n_jobs):
    evaluator = make_evaluator(n_jobs=n_jobs, max_eval_time=1.0)
    chromosomes = [chromosome(i / 10, "learn" if i != 1 else act) for i in range(5)]
    start = time.time()
    evaluations = evaluate(evaluator, chromosomes)
    assert time.time() - start < 20
    assert [e.chromosome for e in evaluations] == chromosomes
    assert statuses(evaluations) == ["ok", "timeout", "ok", "ok", "ok"]
    assert "time" in evaluations[1].error
    evaluator.close()


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_trial_that_takes_too_much_memory_is_stopped(workers, n_jobs):
    evaluator = make_evaluator(n_jobs=n_jobs, memory_limit=1000)
    chromosomes = [chromosome(i / 10, "learn" if i != 1 else "swell") for i in range(5)]
    evaluations = evaluate(evaluator, chromosomes)
    assert statuses(evaluations) == ["ok", "memory", "ok", "ok", "ok"]
    assert "memory_limit=1000" in evaluations[1].error
    evaluator.close()


def test_what_others_did_meanwhile_is_not_lost(workers, tmp_path):
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.begin({"seed": 0})
        evaluator = make_evaluator(n_jobs=2, max_eval_time=2.0, journal=journal)
        chromosomes = [chromosome(0.1), chromosome(0.2, "hog")]
        chromosomes += [chromosome(i / 10) for i in range(3, 9)]
        evaluations = evaluate(evaluator, chromosomes)
        evaluator.close()
    assert statuses(evaluations) == ["ok", "timeout"] + 6 * ["ok"]
    written = [e.chromosome.key for e in read_journal(tmp_path / "run.jsonl")]
    assert len(written) == len(chromosomes)
    assert written.index(chromosomes[1].key) > 4  # the others did not wait for it


ORPHANS = """
import os, signal, sys
from sknevo.evaluation import _workers
from toys import PidBuilder, chromosome, evaluate, make_evaluator

_workers.MOST_WORKERS = 1
if __name__ == "__main__":
    evaluator = make_evaluator(n_jobs=2, builder=PidBuilder())
    chromosomes = [chromosome(i / 9) for i in range(8)]
    pids = {e.fitness for e in evaluate(evaluator, chromosomes)}
    print(*map(int, pids), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


LATE_ORPHAN = """
import os, signal, time
from toys import chromosome, evaluate, make_evaluator

if __name__ == "__main__":
    evaluator = make_evaluator(n_jobs=2)
    def at_once(*_):
        from sknevo.evaluation._workers import _workers
        print(*(worker.process.pid for worker in _workers), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    signal.signal(signal.SIGALRM, at_once)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    evaluate(evaluator, [chromosome(0.1, "hang"), chromosome(0.2)])
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    "code",
    [ORPHANS, pytest.param(LATE_ORPHAN, marks=pytest.mark.slow)],
    ids=["at work", "at first"],
)
def test_workers_of_a_killed_process_end_soon(code, tmp_path):
    folder, told = str(Path(__file__).parents[1]), tmp_path / "pids"
    path = os.pathsep.join([folder, *sys.path])
    env = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
    with told.open("w") as out:  # a pipe would not end before the workers
        subprocess.run([sys.executable, "-c", code], stdout=out, env=env)
    pids = [abs(int(pid)) for pid in told.read_text().split()]
    assert pids
    for _ in range(600):  # a worker may have to start first
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            assert not list(tmp_path.glob("sknevo-*"))  # where the data were
            return
        time.sleep(0.1)
    raise AssertionError(f"{pids} are still there")


def test_the_first_is_not_alone_without_max_time(tmp_path):
    """Each of two waits for the other, and gives up if it is tried alone."""
    both = [chromosome(x, f"meet {tmp_path}") for x in (0.1, 0.2)]
    with joblib.parallel_config(backend="threading"):
        evaluations = evaluate(make_evaluator(n_jobs=2, n_splits=1), both)
        assert statuses(evaluations) == ["ok", "ok"]


def test_a_candidate_without_a_predicted_cost_is_evaluated():
    evaluator, budget = make_evaluator(builder=Priceless()), Budget(60)
    budget.trials = evaluator.runner
    evaluations = evaluate(evaluator, [chromosome(0.1), chromosome(0.2)], budget)
    assert statuses(evaluations) == ["ok"] * 2
    assert not budget.runtimes.is_known


@dataclass
class Uneven:
    """Scores on three splits: the toy's x minus how hard each split is."""

    hardness: tuple = (0.3, 0.0, 0.15)
    asked: dict = field(default_factory=dict)

    def __call__(self, estimator, X, y):
        place = self.asked.setdefault(estimator.x, 0)
        self.asked[estimator.x] += 1
        return estimator.x - self.hardness[place]


def pruning(xs, told_before=1, n_best=1, **runner):
    """Return evaluations of toys, the first ones told before the others are asked."""
    evaluator = make_evaluator(n_splits=3, **runner)
    evaluator.runner = replace(evaluator.runner, objectives=Objectives(Uneven(), None))
    evaluator.n_best = n_best
    evaluations = []
    with evaluator.running():
        for part in (xs[:told_before], xs[told_before:]):
            evaluator.submit([candidate(x) for x in part])
            evaluations += [evaluator.next_evaluation() for _ in part]
    return evaluations


def test_a_trial_far_from_the_best_ends_after_a_split():
    # The best has 0.5, 0.8, 0.65: its mean is 0.15 above its worst split.
    best, near, far, worse = pruning([0.8, 0.66, 0.64, 0.1])
    assert [best.status, near.status] == ["ok", "ok"]
    for evaluation in (far, worse):
        assert evaluation.status == "pruned"
        assert len(evaluation.fit_times) == 1
        assert "1 of 3 splits" in evaluation.error


def test_a_trial_goes_on_that_may_be_one_of_the_best():
    told = [0.8, 0.6, 0.9]
    for n_best, status in ((1, "pruned"), (2, "pruned"), (3, "ok"), (4, "ok")):
        *_, last = pruning([*told, 0.5], told_before=3, n_best=n_best)
        assert last.status == status


def test_without_a_best_that_was_told_all_trials_run_to_their_end():
    statuses = [e.status for e in pruning([0.8, 0.1, 0.2], told_before=3)]
    assert statuses == ["ok"] * 3


@pytest.mark.slow
def test_a_module_that_is_not_there_is_no_matter():
    _workers.end_idle_workers()
    start_early(2, 1, "no_such_module")
    (evaluation,) = evaluate(make_evaluator(n_jobs=2), [chromosome()])
    assert evaluation.status == "ok"


def test_idle_workers_can_be_ended(workers):
    idle = [*_workers._idle]
    assert idle
    _workers.end_idle_workers()
    assert not _workers._idle
    assert not any(worker.process.is_alive() for worker in idle)


def test_without_processes_no_worker_starts():
    _workers.end_idle_workers()
    start_early(1, 1, "wave")
    with joblib.parallel_config("threading"):
        start_early(2, 1, "wave")
    assert not _workers._idle
