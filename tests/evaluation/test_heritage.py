"""Weights pass from parents to children: soundly, and without filling the disk."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from toys import GENOME, Pupil, PupilBuilder, make_evaluator

from sknevo import read_journal
from sknevo.evaluation import Heritage, Journal, JournalError
from sknevo.evaluation._heritage import HeritageError
from sknevo.evolution import GeneticAlgorithm, Population, SuccessiveHalving
from sknevo.limits import Limits
from sknevo.records import Candidate, Chromosome
from sknevo.search import search

NO_JOURNAL = Journal(None)


class Interrupter:
    """Interrupts the search after so many individuals; counts files on the way."""

    def __init__(self, after=None, folder=None):
        self.after, self.folder = after, folder
        self.heard, self.most_files = 0, 0

    def on_generation_start(self, number, size):
        pass

    def on_evaluation_end(self, evaluation):
        self.heard += 1
        if self.folder is not None:
            files = len(list(Path(self.folder).iterdir()))
            self.most_files = max(self.most_files, files)
        if self.heard == self.after:
            raise KeyboardInterrupt

    def on_generation_end(self, generation, limits):
        pass


def evolve(journal=NO_JOURNAL, callback=None, n_jobs=1, resources=(), generations=5):
    heritage = Heritage.of(journal)
    callback = callback or Interrupter()
    callback.folder = heritage.folder
    builder = PupilBuilder()
    evaluator = make_evaluator(
        journal=journal,
        n_jobs=n_jobs,
        builder=builder,
        heritage=heritage,
        resource="samples" if resources else None,
    )
    population = Population(GENOME, GeneticAlgorithm(), 6, np.random.default_rng(0))
    limits = Limits(generations=generations, n_finalists=3)
    try:
        return search(
            SuccessiveHalving(population, resources), evaluator, limits, [callback]
        )
    finally:
        evaluator.close()


def told(outcome):
    """Return what does not depend on the clock."""
    return [
        (e.candidate.name, e.chromosome.parents, e.status, e.fitness, e.inherited)
        for e in outcome.evaluations
    ]


@pytest.fixture(scope="module")
def whole():
    return evolve()


def test_children_begin_where_their_parents_ended(whole):
    learned = {}
    for evaluation in whole.evaluations:
        chromosome = evaluation.chromosome
        parents = [learned[key] for key in chromosome.parents]
        own = round(evaluation.fitness + abs(chromosome.genes["x"]))
        assert own == 1 + max(parents, default=0)
        assert evaluation.inherited == (1.0 if parents else 0.0)
        learned[chromosome.key] = own
    assert max(learned.values()) > 2


def test_in_the_finals_nobody_inherits_and_they_alone_count(whole):
    assert all(e.fitness <= 1 for e in whole.finals)
    assert all(e.inherited is None for e in whole.finals)
    best = max(whole.finals, key=lambda e: e.fitness)
    assert whole.best.inherited
    assert whole.best.chromosome.key == best.chromosome.key


@pytest.mark.parametrize("resources", [(), (2, 3)], ids=["plain", "race"])
def test_results_do_not_depend_on_workers(resources):
    one, two = (evolve(n_jobs=n, resources=resources) for n in (1, 2))
    assert told(one) == told(two)
    assert any(e.inherited for e in one.evaluations)


def test_weights_of_the_dead_are_removed_and_all_in_the_end():
    callback = Interrupter()
    outcome = evolve(callback=callback, generations=8)
    splits, alive = 2, 2 * 6  # parents and children
    assert len(outcome.evaluations) * splits > 1.5 * callback.most_files
    assert callback.most_files <= splits * (alive + 1)
    assert not Path(callback.folder).exists()


@pytest.mark.parametrize("after", [3, 9, 20])
def test_an_interrupted_search_goes_on_from_its_weights(tmp_path, whole, after):
    path = tmp_path / "run.jsonl"
    with Journal(path) as journal:
        journal.begin({"seed": 0})
        evolve(journal, Interrupter(after))
    with Journal(path) as journal:
        journal.begin({"seed": 0})
        again = evolve(journal)
    assert told(again) == told(whole)
    assert again.best.chromosome == whole.best.chromosome


def test_a_journal_without_its_weights_is_refused(tmp_path):
    path = tmp_path / "run.jsonl"
    with Journal(path) as journal:
        journal.begin({"seed": 0})
        evolve(journal, generations=1)
    shutil.rmtree(f"{path}.weights")
    with (
        Journal(path) as journal,
        pytest.raises(JournalError, match=r"run\.jsonl\.weights' is not there"),
    ):
        Heritage.of(journal)


def test_weights_of_a_journal_that_is_gone_are_removed(tmp_path):
    path = tmp_path / "run.jsonl"
    with Journal(path) as journal:
        Heritage.of(journal).leave(Pupil(), {}, "stranger", 0)
        assert not Heritage.of(journal).holds("stranger")


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path):
    heritage = Heritage(str(tmp_path / "elsewhere"))
    evaluator = make_evaluator(builder=PupilBuilder(), heritage=heritage)
    with pytest.raises(HeritageError, match=r"takes workers that see .*elsewhere"):
        list(evaluator.evaluate([Chromosome({"x": 0.5, "act": "learn"})]))


def test_a_full_disk_ends_the_search_and_is_nobodys_fault(tmp_path, monkeypatch, whole):
    path, write = tmp_path / "run.jsonl", Path.write_bytes
    room = iter(range(7))

    def write_if_there_is_room(file, content):
        if next(room, None) is None:
            write(file, content[:9])
            raise OSError(28, "No space left on device")
        return write(file, content)

    with Journal(path) as journal:
        journal.begin({"seed": 0})
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", write_if_there_is_room)
            with pytest.raises(HeritageError, match=r"run\.jsonl\.weights'.* No space"):
                evolve(journal)
    assert [e.status for e in read_journal(path)] == ["ok"] * 3  # of two splits each
    weights = Path(f"{path}.weights").iterdir()
    assert {file.suffix for file in weights} == {".safetensors"}
    with Journal(path) as journal:
        journal.begin({"seed": 0})
        assert told(evolve(journal)) == told(whole)


def test_weights_that_cannot_be_read_are_nobodys_fault(tmp_path):
    heritage = Heritage(str(tmp_path))
    heritage.leave(Pupil(), {}, "parent", 0)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"torn")
    with pytest.raises(HeritageError, match="cannot be kept or read"):
        heritage.endow(Pupil(), ["parent"], 0)


def test_who_waits_for_weights_keeps_them(tmp_path):
    heritage = Heritage(str(tmp_path))
    evaluator = make_evaluator(builder=PupilBuilder(), heritage=heritage)
    parent, child = (Chromosome({"x": x, "act": "learn"}) for x in (0.1, 0.2))
    child = Chromosome(child.genes, parents=(parent.key, "stranger"))
    list(evaluator.evaluate([parent]))
    notary = evaluator._notary
    candidate = notary.entitled(Candidate(child))
    assert candidate.forebears == (parent.key,)
    evaluator.forget_all_but([])
    assert heritage.holds(parent.key)
    assert notary.entitled(Candidate(child)) == candidate
    evaluation = evaluator.trial(candidate)
    assert evaluation.inherited == 1.0
    notary.answer(evaluation)
    evaluator.forget_all_but([child.key])
    assert not heritage.holds(parent.key)
    assert heritage.holds(child.key)


def test_weights_and_genes_are_read_as_they_were_written(tmp_path):
    heritage = Heritage(str(tmp_path))
    pupil = Pupil()
    pupil.before = 6
    heritage.leave(pupil, {"x": 0.5, "layers": [1, 2]}, "parent@3", 1)
    forebear = heritage._forebear("parent@3", 1)
    assert forebear.genes == {"x": 0.5, "layers": [1, 2]}
    assert forebear.weights == {"learned": np.array(7)}
    assert [file.name for file in tmp_path.iterdir()] == ["parent@3.1.safetensors"]
