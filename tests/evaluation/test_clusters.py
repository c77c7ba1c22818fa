"""On a real cluster of Dask or Ray trials fare as elsewhere, whatever dies there."""

import joblib
import pytest
import toys
from clusters import dask_cluster, ray_cluster
from toys import MIXED, chromosome, evaluate, make_evaluator, plain

from sknevo.evaluation import Shared, _clusters
from sknevo.evaluation._shared import DataNotHere
from sknevo.records import Candidate

# joblib's word when a caller stops listening. It is silenced there, but filters are the
# whole process's, and a thread of Dask's may put back what it found.
pytestmark = pytest.mark.filterwarnings("ignore:.*tasks which were still being")
CLUSTERS = {"dask": dask_cluster, "ray": ray_cluster}


@pytest.fixture(
    scope="module", params=["dask", pytest.param("ray", marks=pytest.mark.slow)]
)
def cluster(request):
    with CLUSTERS[request.param]() as name:
        yield name


@pytest.fixture(autouse=True)
def chosen(cluster):
    with joblib.parallel_config(backend=cluster, n_jobs=-1):
        yield


class Elsewhere(Shared):
    """Data in a folder that workers do not see, as if they were on other machines."""

    def __reduce__(self):
        load, (folder, parcel) = super().__reduce__()
        return load, (f"{folder}-elsewhere", parcel)


def fitnesses(evaluations):
    return [e.fitness if e.status == "ok" else e.error for e in evaluations]


def test_evaluations_are_those_of_one_process():
    evaluator = make_evaluator(n_jobs=-1)
    with joblib.parallel_config(backend="sequential"):
        expected = plain(evaluate(make_evaluator(), MIXED))
    assert repr(plain(evaluate(evaluator, MIXED))) == repr(expected)
    evaluator.close()


# A nanny of Dask does not restart a worker that dies before it counts as started: the
# cluster of the test may be left without workers, and the test would wait for ever.
@pytest.mark.slow
def test_a_dead_worker_costs_one_trial_at_most(tmp_path):
    deaths = tmp_path / "deaths"
    deaths.write_text("1")  # as if it was killed from outside
    evaluator = make_evaluator(n_jobs=-1)
    acts = ["learn", "learn", "die", "learn", f"die {deaths}", "learn"]
    chromosomes = [chromosome(i / 10, act) for i, act in enumerate(acts)]
    expected = [0, -0.1, "the worker died", -0.3, -0.4, -0.5]
    assert fitnesses(evaluate(evaluator, chromosomes)) == expected
    assert deaths.read_text() == "0"
    assert fitnesses(evaluate(evaluator, [chromosome(0.9)])) == [-0.9]
    evaluator.close()


def test_data_come_along_once_where_the_file_is_not_seen(monkeypatch):
    monkeypatch.setattr(toys, "Shared", Elsewhere)
    evaluator = make_evaluator(n_jobs=-1)
    chromosomes = [chromosome(i / 10) for i in range(6)]
    assert fitnesses(evaluate(evaluator, chromosomes[:5])) == [
        -i / 10 for i in range(5)
    ]
    sent = evaluator.runner.data.parcel
    assert fitnesses(evaluate(evaluator, chromosomes)) == [-i / 10 for i in range(6)]
    assert evaluator.runner.data.parcel is sent
    evaluator.close()


def test_data_that_got_lost_are_sent_again(monkeypatch):
    monkeypatch.setattr(toys, "Shared", Elsewhere)
    evaluator = make_evaluator(n_jobs=-1)
    evaluator.runner.data.parcel = toys.Gone()
    chromosomes = [chromosome(i / 10) for i in range(6)]
    assert fitnesses(evaluate(evaluator, chromosomes)) == [-i / 10 for i in range(6)]
    evaluator.close()


def test_data_that_always_get_lost_end_the_search(monkeypatch):
    monkeypatch.setattr(toys, "Shared", Elsewhere)
    for parcel in ("DaskParcel", "RayParcel"):
        monkeypatch.setattr(_clusters, parcel, toys.Gone)
    evaluator = make_evaluator(n_jobs=-1)
    with pytest.raises(DataNotHere, match="got lost on their way: gone"):
        evaluate(evaluator, [chromosome(0.0)])
    evaluator.close()


def test_a_fault_is_raised_with_its_traceback():
    evaluator = make_evaluator(n_jobs=-1, raise_error=True)
    chromosomes = [chromosome(0.1), chromosome(0.6, "raise"), chromosome(0.2)]
    with pytest.raises(ValueError, match=r"cannot learn with x=0\.6") as raised:
        evaluate(evaluator, chromosomes)
    assert "toys.py" in raised.value.__notes__[0]
    evaluator.close()


def test_a_trial_stops_by_itself():
    evaluator = make_evaluator(n_jobs=-1, max_eval_time=0.5)
    chromosomes = [chromosome(0.1), chromosome(0.2, "loop"), chromosome(0.3)]
    evaluations = evaluate(evaluator, chromosomes)
    assert [e.status for e in evaluations] == ["ok", "timeout", "ok"]
    evaluator.close()


def test_a_caller_may_stop_listening():
    evaluator = make_evaluator(n_jobs=-1)
    chromosomes = [chromosome(i / 10) for i in range(9)]
    with evaluator.running():
        evaluator.submit([*map(Candidate, chromosomes)])
        first = fitnesses(evaluator.next_evaluation() for _ in range(3))
    assert first == [0, -0.1, -0.2]
    assert len(evaluate(evaluator, chromosomes)) == 9
    evaluator.close()
